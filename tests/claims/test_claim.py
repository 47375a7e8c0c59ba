"""What a claim is, how it gets its inputs, and the one rule for verdicts."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.claims import Outcome, Range, Verdict, claim_step, from_draws
from analysis.claims.claim import chance_said
from analysis.data.tables import LoyaltyTables
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.words import Message


@pytest.mark.parametrize(("chances", "outcome"), [
    ((0.95, 0.99), Outcome.SUPPORTED),
    ((0.9499, 0.99), Outcome.DEPENDS),
    ((0.05, 0.0), Outcome.CONTRADICTED),
    ((0.0501, 0.0), Outcome.DEPENDS),
    ((0.999, 0.001), Outcome.DEPENDS),  # models that are sure of opposite things are not averaged
])  # fmt: skip
def test_a_claim_holds_or_fails_only_where_every_model_says_so(chances, outcome):
    found = Verdict(probabilities=dict(zip("ab", chances, strict=True)))
    assert found.verdict is outcome
    assert (outcome is not Outcome.DEPENDS) == (found.error <= 0.05 + 1e-12)


def test_a_probability_from_draws_never_reaches_zero_or_one_and_a_range_holds_at_both_ends():
    draws = {"ends": np.array([0.0, 0.25, 0.95, 0.24, 0.96]), "none": np.zeros(101), "all": np.full(101, 0.5)}
    found = from_draws(Range(0.25, 0.95), draws, 0.9).probabilities
    assert found == pytest.approx({"ends": 2.5 / 5, "none": 0.5 / 101, "all": 100.5 / 101})


def test_a_draw_that_is_not_a_number_does_not_hold_the_claim_but_is_left_out_of_the_interval():
    found = from_draws(Range(0, 1), {"data": np.array([0.5] * 91 + [np.nan] * 10)}, 0.9)
    assert found.probabilities["data"] == pytest.approx(90.5 / 101)
    assert found.estimates["data"] == Interval(0.5, 0.5, 0.5, 0.9)


def test_one_interval_for_all_models_has_the_widest_ends_and_averages_nothing():
    found = Verdict(estimates={"BG/NBD": Interval(0.2, 0.1, 0.3, 0.9), "MBG/NBD": Interval(0.5, 0.4, 0.6, 0.9)})
    assert found.estimate == Interval(0.2, 0.1, 0.6, 0.9)
    assert Verdict().estimate is None


EARLY = Message("x", code="data.born_before_start_kept", customers=9, share=0.4, days=28)


@pytest.mark.parametrize(("orders", "split", "code"), [
    ({"has_money": False}, None, "claim.reason.no_money"),
    ({"left_truncation": EARLY}, None, "claim.reason.births_unknown"),
    ({}, Unavailable("No holdout", code="backtest.reason.switched_off"), "backtest.reason.switched_off"),
])  # fmt: skip
def test_what_is_missing_is_the_reason(orders, split, code):
    orders = SimpleNamespace(**{"has_money": True, "left_truncation": None} | orders)
    found = claim_step("longer_more_profitable")(orders=orders, split=split, credible_level=0.9, seed=1)
    assert found.verdict is Outcome.NOT_TESTABLE
    assert found.reason.code == code
    assert found.found == [found.reason]


def test_a_verdict_says_its_number_under_each_model_with_what_it_means():
    found = Verdict({"data": Interval(0.6, 0.5, 0.7, 0.9)}, {"data": 0.003}, claim="twenty_bring_eighty").found
    assert str(found[0]) == (
        "In these data: the best 20% of customers brought 60% (90% interval 50% to 70%) of the revenue; "
        "probability of the claim: below 1%."
    )
    assert [str(chance_said(chance)) for chance in (0.5, 0.999)] == ["50%", "above 99%"]


def test_scores_show_who_came_back_and_do_not_test_the_survey():
    first = pd.DataFrame({"customer": [f"c{n}" for n in range(80)], "date": pd.Timestamp("2024-01-01")})
    again = first[20:].assign(date=pd.Timestamp("2024-02-01"))
    named = {"customer": "customer", "date": "date", "observation_end": "2024-12-31"}
    orders = rl.read_orders(pd.concat([first, again]), **named)
    tables = LoyaltyTables(satisfaction=first.assign(score=[2.0] * 20 + [5.0] * 60))
    step = claim_step("gave_up_over_service")
    found = step(orders=orders, tables=tables, active_window_days=90, credible_level=0.9)
    assert not found.probabilities
    (said,) = found.details
    assert str(said).startswith("After satisfaction scores of 2 or less, 20 of 80, 0% (90% interval 0% to ")
    assert said.values["other"].estimate == 1
