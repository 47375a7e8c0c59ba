"""The main claim on companies in which it is true, false, and false only because keeping costs money."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq
from tests.claims.companies import company

from analysis.claims import Range
from analysis.claims.profit import cost_cut_equal_to_retention, profit_lift_of_retention
from analysis.claims.rule import Outcome, outcome_of
from analysis.data import PurchaseTruth, SpendTruth, simulate_transactions
from analysis.data.simulation import rounds_of_orders
from analysis.models.estimate import MODELS
from analysis.timeunits import TimeUnit, force_of_interest, units_per_year
from analysis.value.lift import retention_lift
from analysis.value.readings import Choice, named_choice

CLAIMED = Range(0.25, 0.95)
TRUTH, SPEND = PurchaseTruth(r=2.0, alpha=6.0, a=0.6, b=6.0), SpendTruth(p=6.25, q=3.74, v=15.44)
WINNING = 160.0
YEAR = units_per_year(TimeUnit.WEEK)


@pytest.fixture(scope="module")
def leveraged(tmp_path_factory):
    """Winning a customer costs most of what one brings, so that a little more retention raises profit a lot."""
    frame = simulate_transactions(2_500, purchases=TRUTH, spend=SPEND, seed=1)
    workdir = tmp_path_factory.mktemp("leveraged")
    return company(workdir, frame, models=True, economics={"acquisition_cost": WINNING})


def with_settings(evidence, *, economics=None, retention=None):
    """The same customers under other prices, with the lift that goes with them."""
    config = evidence.config.model_copy(
        update={
            "economics": evidence.config.economics.model_copy(update=economics or {}),
            "retention": evidence.config.retention.model_copy(update=retention or {}),
        }
    )
    summary = evidence.transactions.summary
    lift = retention_lift(summary, evidence.purchase, evidence.spend, config, choices=[named_choice(config)])
    return replace(evidence, config=config, lift=lift)


def simulated_contribution(a, b, seed, customers=100_000):
    """Discounted contribution over three years of simulated customers, the first order included."""
    rng, horizon = np.random.default_rng(seed), 3 * YEAR
    delta = force_of_interest(0.10, TimeUnit.WEEK)
    turns = rounds_of_orders(rng, customers, replace(TRUTH, a=a, b=b), np.full(customers, horizon))
    orders = customers + sum(np.exp(-delta * turn.times).sum() for turn in turns)
    return 0.30 * SPEND.p * SPEND.v / (SPEND.q - 1) * orders / customers


def test_the_claim_is_true_by_construction_where_customers_are_simulated_one_by_one(leveraged):
    bgnbd = MODELS["BG/NBD"]
    params = bgnbd.Params(TRUTH.r, TRUTH.alpha, TRUTH.a, TRUTH.b)
    target = float(bgnbd.survival(params, YEAR)) + 0.05
    whole = TRUTH.a + TRUTH.b
    a = brentq(lambda a: float(bgnbd.survival(params._replace(a=a, b=whole - a), YEAR)) - target, 0.01, TRUTH.a)
    before, after = simulated_contribution(TRUTH.a, TRUTH.b, 1), simulated_contribution(a, whole - a, 1)
    true_lift = (after - before) / (before - WINNING)
    assert 0.3 < true_lift < 0.9
    estimated = leveraged.lift.named_lifts["BG/NBD"].lift
    assert estimated.estimate == pytest.approx(true_lift, rel=0.25)


def test_where_the_claim_is_true_it_is_supported_under_every_model(leveraged):
    found = profit_lift_of_retention(leveraged, CLAIMED)
    assert list(found.probabilities) == ["BG/NBD", "MBG/NBD", "Pareto/NBD"]
    assert outcome_of(found.probabilities) is Outcome.SUPPORTED
    assert found.assumptions[0].key == "claim.assumption.reading"


def test_without_the_leverage_it_is_false_and_contradicted(leveraged):
    found = profit_lift_of_retention(with_settings(leveraged, economics={"acquisition_cost": 0.0}), CLAIMED)
    assert found.estimate.estimate == pytest.approx(0.115, abs=0.02)
    assert outcome_of(found.probabilities) is Outcome.CONTRADICTED


def test_the_same_company_contradicts_it_once_keeping_costs_more_than_it_brings(leveraged):
    found = profit_lift_of_retention(leveraged, CLAIMED)
    most = max(note.numbers["cost"].upper for note in found.details if note.key == "claim.detail.most_for_keeping")
    paid = profit_lift_of_retention(with_settings(leveraged, retention={"cost_per_customer_year": most}), CLAIMED)
    assert paid.estimate.upper < 0.05
    assert outcome_of(paid.probabilities) is Outcome.CONTRADICTED


def test_where_profit_may_be_negative_the_gain_is_told_in_money_and_not_in_per_cent(leveraged):
    found = profit_lift_of_retention(with_settings(leveraged, economics={"acquisition_cost": 205.0}), CLAIMED)
    assert found.reason.key == "claim.reason.no_profit"
    gains = [note.numbers["gain"] for note in found.details if note.key == "claim.detail.gain_in_money"]
    assert len(gains) == 3
    assert all(gain.lower > 0 for gain in gains)


def test_a_cost_that_the_reading_does_not_have_is_not_named(leveraged):
    def taken(**retention):
        evidence = with_settings(leveraged, retention={"new_customers_per_year": 900.0, **retention})
        return profit_lift_of_retention(evidence, CLAIMED).assumptions[0].numbers["profit"]

    assert taken(scope="base") == taken(scope="new_customer_repeat_orders") == "contribution"
    assert taken(scope="new_customer") == taken(scope="new_customer", profit="after_fixed") == "after_acquisition"
    assert taken(scope="firm", profit="after_fixed") == "after_fixed"


def test_the_cut_of_costs_says_which_reading_it_was_computed_under(leveraged):
    found = cost_cut_equal_to_retention(with_settings(leveraged, retention={"scope": "base"}), Range(0.08, 0.12))
    read = found.assumptions[0]
    assert read.key == "claim.assumption.reading"
    assert {name: read.numbers[name] for name in ("gain", "scope", "profit", "horizon")} == {
        "gain": 0.02,
        "scope": "new_customer",
        "profit": "contribution",
        "horizon": 3.0,
    }


def test_retention_that_cannot_rise_so_far_is_said_and_not_cut_off(leveraged):
    found = profit_lift_of_retention(with_settings(leveraged, retention={"gain": 0.6}), CLAIMED)
    assert found.reason.key == "claim.reason.cannot_rise"
    assert 0.4 < found.reason.numbers["retention"].estimate < 0.6


def test_the_cut_of_costs_brings_exactly_what_two_points_of_retention_bring(leveraged):
    config = with_settings(leveraged, economics={"cost_per_order": 1.5}).config
    evidence = replace(leveraged, config=config)
    found = cost_cut_equal_to_retention(evidence, Range(0.08, 0.12))
    choice = Choice(gain=0.02, profit="contribution")
    summary, purchase, spend = evidence.transactions.summary, evidence.purchase, evidence.spend
    before = retention_lift(summary, purchase, spend, config, choices=[choice])
    for name in before.models:
        cut = found.estimates[name].estimate
        prices = {"gross_margin": 0.30 + cut * 0.70, "cost_per_order": 1.5 * (1 - cut)}
        cheaper = with_settings(evidence, economics=prices).config
        after = retention_lift(summary, purchase, spend, cheaper, choices=[choice]).of(choice, name)
        gained = after.profit_before.estimate - before.of(choice, name).profit_before.estimate
        assert gained == pytest.approx(before.of(choice, name).gain.estimate, rel=1e-9)


def test_two_points_equal_a_tenth_of_the_costs_where_margins_are_high(leveraged):
    # A lift of 4% at a margin of 70% equals a cut of 4% x 70 / 30; below a tenth in every model.
    high = with_settings(leveraged, economics={"gross_margin": 0.70})
    found = cost_cut_equal_to_retention(high, Range(0.08, 0.12))
    low = cost_cut_equal_to_retention(leveraged, Range(0.08, 0.12))
    assert outcome_of(low.probabilities) is Outcome.CONTRADICTED
    for name, interval in found.estimates.items():
        assert interval.estimate / low.estimates[name].estimate == pytest.approx((0.7 / 0.3) / (0.3 / 0.7))
