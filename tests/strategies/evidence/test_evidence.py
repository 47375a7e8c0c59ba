"""Everything that the data say, from orders to what replaces an assumption."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tests.strategies.evidence.conftest import WINDOW
from tests.strategies.evidence.planted import PLANTED, planted_orders

from analysis.strategies.dynamics import draw_parameters
from analysis.strategies.evidence.campaigns import complete_journey_campaigns
from analysis.strategies.evidence.evidence import loyalty_evidence


def _fit(truth):
    return SimpleNamespace(parameters={"a": truth.a, "b": truth.b})


@pytest.fixture(scope="module")
def planted(load_frame):
    """The evidence of a company with every effect of deals planted."""
    orders = planted_orders(PLANTED, customers=1_500, seed=1)
    return loyalty_evidence(load_frame(orders, **WINDOW), _fit(PLANTED))


@pytest.fixture
def evidence(loaded):
    def of(orders, truth=PLANTED, **more):
        return loyalty_evidence(loaded(orders), _fit(truth), **more)

    return of


def test_estimates_replace_assumptions_in_the_simulation(planted):
    assert {"gamma_deal", "theta_deal", "kappa_deal", "loss_aversion"} <= set(planted.estimates)
    draws = draw_parameters(400, 1, planted.estimates)
    assert draws.origin["theta_deal"] == "estimate"
    assert draws.origin["theta_exp"] == "assumption"
    assert np.median(draws.values["theta_deal"]) == pytest.approx(PLANTED.theta, rel=0.3)


def scored(orders):
    """A score for each order by how much it saved."""
    saved = orders["discount"] / (orders["amount"] + orders["discount"])
    return pd.DataFrame({"customer": orders["customer"], "date": orders["date"], "score": 10 * saved})


def test_without_discounts_every_question_on_deals_says_why(evidence):
    orders = planted_orders(PLANTED, customers=400, seed=1).drop(columns="discount")
    found = evidence(orders)
    for part in ("deal", "bump"):
        assert found.reasons[part].code == "evidence.reason.no_discount_column"
    assert found.estimates == {}
    assert found.observed_deal is None


def test_satisfaction_scores_give_the_experience_side_also_without_discounts(evidence):
    orders = planted_orders(PLANTED, customers=1_500, seed=1)
    scores = scored(orders)
    found = evidence(orders.drop(columns="discount"), satisfaction=scores)
    spread = float(scores["score"].std()) / 10
    assert found.parts["experience"]["theta"].verdict == "estimate"
    # The planted effect per share of price, per standard deviation of it.
    assert found.parts["experience"]["theta"].estimate.estimate == pytest.approx(PLANTED.theta * spread, rel=0.35)
    assert set(found.estimates) == {"kappa_exp", "loss_aversion"}
    assert "evidence.note.unit_of_scores" in {note.code for note in found.notes}


def test_what_no_table_tells_says_so(planted):
    reasons = {name: each.code.removeprefix("evidence.reason.") for name, each in planted.reasons.items()}
    assert reasons == {"bump": "no_calendar", "campaigns": "no_campaigns", "experience": "no_satisfaction"}


def test_the_findings_on_satisfaction_name_the_customers_who_gave_scores(evidence):
    orders = planted_orders(PLANTED, customers=600, seed=1)
    scores = scored(orders[orders["customer"].str[-1].isin(list("02468"))])
    found = evidence(orders, satisfaction=scores).parts["experience"]
    for finding in found.findings:
        assert finding.customers == scores["customer"].nunique()
        assert finding.observations == len(scores)


def test_scores_that_belong_to_no_order_say_so_with_their_number(evidence):
    orders = planted_orders(PLANTED, customers=400, seed=1).drop(columns="discount")
    scores = pd.DataFrame({"customer": orders["customer"], "date": orders["date"], "score": 7.0})
    beside = scores.assign(customer="QQ" + scores["customer"])
    few = scores.assign(score=np.arange(len(scores)) % 10).iloc[:50]
    scarce = pd.concat([few, beside])
    for satisfaction, code in ((beside, "scores_elsewhere"), (scores, "nothing_varies"), (scarce, "hardly_known")):
        reason = evidence(orders, satisfaction=satisfaction).reasons["experience"]
        assert reason.code == f"evidence.reason.{code}"
    assert reason.values["found"] == 50


@pytest.fixture(scope="module")
def complete_journey(sample_study):
    orders, fit = sample_study("complete-journey").orders, SimpleNamespace(parameters={"a": 0.2942, "b": 421.6})
    return loyalty_evidence(orders, fit, campaigns=complete_journey_campaigns())


@pytest.mark.slow
def test_the_naive_look_at_the_complete_journey_is_confounded_and_replaces_no_assumption(complete_journey):
    """The gap "explains" the interval that was over better than the one that followed."""
    assert complete_journey.estimates == {}
    assert complete_journey.observed_deal == pytest.approx(0.152, abs=0.001)
    pace, leaving = complete_journey.parts["deal"].findings
    assert "estimate" not in (pace.verdict, leaving.verdict)
    assert pace.placebo.upper < pace.estimate.estimate < 0


@pytest.mark.slow
def test_its_campaigns_went_to_customers_who_were_changing_already(complete_journey):
    assert complete_journey.parts["campaigns"]["orders"].placebo.upper < 0
    assert complete_journey.parts["campaigns"]["orders"].verdict == "association"
