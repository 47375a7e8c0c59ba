"""Where single assumptions change the order of two strategies."""

import numpy as np
import pytest

from analysis.strategies.decision import turning_points

from .simulations import against_nothing, simulation_of

DRAWS = 400


@pytest.fixture
def parameters():
    rng = np.random.default_rng(2)
    return {name: rng.permutation((np.arange(DRAWS) + 0.5) / DRAWS) for name in ("theta_exp", "kappa_exp", "tau")}


def points_of(run):
    return {each.parameter: each for each in turning_points(run, ("strategy1", "nothing"), 0.9, seed=1)}


def test_a_planted_turning_point_is_found_within_its_interval(parameters):
    ahead = 10 * (parameters["theta_exp"] - 0.4) + 2 * (parameters["kappa_exp"] - 0.5)
    found = points_of(simulation_of(against_nothing(ahead), parameters=parameters))
    point = found["theta_exp"]
    assert point.value.lower <= 0.4 <= point.value.upper
    assert (point.below, point.above) == ("nothing", "strategy1")
    assert point.explained == pytest.approx(100 / 104, abs=0.05)
    assert "tau" not in found


def test_an_assumption_that_cannot_change_the_order_has_no_turning_point(parameters):
    ahead = 5 + parameters["theta_exp"]
    assert points_of(simulation_of(against_nothing(ahead), parameters=parameters)) == {}


def test_parameters_of_a_posterior_are_no_assumptions(parameters):
    ahead = parameters["theta_exp"] - 0.5
    run = simulation_of(against_nothing(ahead), parameters={"purchase.r": parameters["theta_exp"]})
    run.origin["purchase.r"] = "posterior"
    assert points_of(run) == {}


def test_where_nothing_differs_nothing_decides(parameters):
    run = simulation_of(against_nothing(np.zeros(DRAWS)), parameters=parameters)
    assert points_of(run) == {}
