import numpy as np
import pytest

from analysis.claims import Finding, Range, finding_from_draws
from analysis.claims.finding import probability_of
from analysis.interval import Interval


def test_a_range_holds_at_both_its_ends():
    assert Range(0.25, 0.95).holds(np.array([0.25, 0.95, 0.24, 0.96])).tolist() == [True, True, False, False]


def test_a_probability_from_draws_never_reaches_zero_or_one():
    assert 0 < probability_of(Range(5, 6), np.zeros(100)) < 0.01
    assert 0.99 < probability_of(Range(-1, 1), np.zeros(100)) < 1


def test_a_draw_that_is_not_a_number_does_not_hold_the_claim_but_is_left_out_of_the_interval():
    draws = {"data": np.array([0.5] * 90 + [np.nan] * 10)}
    found = finding_from_draws(Range(0, 1), draws, {"data": 0.5}, 0.9, unit="share")
    assert found.probabilities["data"] == pytest.approx(90.5 / 101)
    assert found.estimates["data"] == Interval(0.5, 0.5, 0.5, 0.9)


def test_one_interval_for_all_models_has_the_widest_ends_and_averages_nothing():
    found = Finding(estimates={"BG/NBD": Interval(0.2, 0.1, 0.3, 0.9), "MBG/NBD": Interval(0.5, 0.4, 0.6, 0.9)})
    assert found.estimate == Interval(0.2, 0.1, 0.6, 0.9)
    assert Finding().estimate is None
