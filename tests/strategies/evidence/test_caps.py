"""How far findings limit assumptions that they do not replace."""

import numpy as np
import pytest

from analysis.config.assumptions import BY_NAME, Assumption
from analysis.interval import Interval
from analysis.strategies.dynamics import draw_parameters
from analysis.strategies.evidence.findings import LEAST_WIDTH, Finding, capped_range

THETA = BY_NAME["theta_deal"]
QUIET = Interval(0.0, -0.4, 0.4, 0.9)


def _span(low, high, most_likely):
    return Assumption(low=low, high=high, most_likely=most_likely)


def _found(estimate, lower, upper, *, verdict="nothing", placebo=QUIET):
    return Finding("evidence.curve.theta_deal", Interval(estimate, lower, upper, 0.9), placebo, verdict, 900, 5_000)


def test_the_range_ends_where_the_interval_of_nothing_found_ends():
    assert capped_range(_found(0.2, -0.5, 0.9), THETA) == _span(0.0, 0.9, 0.2)


def test_what_points_the_other_way_leaves_a_small_positive_range():
    span = capped_range(_found(-1.5, -2.5, -0.5, verdict="opposite"), THETA)
    assert span == _span(0.0, LEAST_WIDTH * THETA.high, 0.0)


@pytest.mark.parametrize(
    "found",
    [
        _found(0.2, -0.5, 0.9, placebo=Interval(0.5, 0.1, 0.9, 0.9)),
        _found(0.2, -0.5, 0.9, placebo=Interval(-0.5, -3.5, 2.5, 0.9)),
        _found(0.2, -0.5, 0.9, placebo=None),
        _found(0.2, -0.5, 3.5),
        _found(0.9, 0.2, 1.6, verdict="association"),
        _found(0.9, 0.2, 1.6, verdict="estimate"),
    ],
    ids=["placebo fails", "placebo cannot fail", "no placebo", "wider than the range", "association", "estimate"],
)
def test_nothing_else_limits_a_range(found):
    assert capped_range(found, THETA) is None


def test_draws_keep_their_ranks_and_say_that_they_are_still_assumed():
    whole = draw_parameters(200, 1)
    capped = draw_parameters(200, 1, caps={"theta_deal": _span(0.0, 0.9, 0.2)})
    drawn = capped.values["theta_deal"]
    assert capped.origin["theta_deal"] == "capped"
    assert 0 <= drawn.min() < 0.1
    assert 0.8 < drawn.max() <= 0.9
    assert np.array_equal(np.argsort(drawn), np.argsort(whole.values["theta_deal"]))
    assert drawn.mean() == pytest.approx((0.0 + 0.2 + 0.9) / 3, abs=0.01)
    assert (capped.values["gamma_deal"] == whole.values["gamma_deal"]).all()


def test_what_the_company_states_beats_what_the_data_limit():
    capped = draw_parameters(50, 1, given={"theta_deal": 2.0}, caps={"theta_deal": _span(0.0, 0.9, 0.2)})
    assert capped.origin["theta_deal"] == "given"
    assert (capped.values["theta_deal"] == 2.0).all()
