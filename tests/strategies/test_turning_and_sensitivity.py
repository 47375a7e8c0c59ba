"""Where single assumptions change the order of two strategies, and how much of the doubt each of them holds."""

import numpy as np
import pytest

from analysis.strategies.sensitivity import sensitivity
from analysis.strategies.turning import turning_points

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


def test_shares_of_a_linear_difference_are_its_squared_coefficients(parameters):
    ahead = 3 * parameters["theta_exp"] + 4 * parameters["kappa_exp"]
    run = simulation_of(against_nothing(ahead), parameters=parameters)
    found = {each.parameter: each.first_order for each in sensitivity(run, ("strategy1", "nothing"), 0.9)}
    assert found["theta_exp"].estimate == pytest.approx(0.36, abs=0.08)
    assert found["kappa_exp"].estimate == pytest.approx(0.64, abs=0.08)
    assert found["tau"].estimate < 0.08


def test_shares_refer_to_the_doubt_that_is_left_when_simulation_error_is_taken_out(parameters):
    noise = np.random.default_rng(4).normal(0, 1.0, DRAWS)
    ahead = 6 * parameters["theta_exp"] + noise
    run = simulation_of(against_nothing(ahead), own_noise=1.0, parameters=parameters)
    found = {each.parameter: each.first_order for each in sensitivity(run, ("strategy1", "nothing"), 0.9)}
    assert found["theta_exp"].estimate > 0.85


def test_where_nothing_differs_nothing_decides(parameters):
    run = simulation_of(against_nothing(np.zeros(DRAWS)), parameters=parameters)
    assert sensitivity(run, ("strategy1", "nothing"), 0.9) == ()
    assert points_of(run) == {}


def test_few_draws_tell_nothing_of_single_parameters(parameters):
    few = {name: values[:60] for name, values in parameters.items()}
    run = simulation_of(against_nothing(few["theta_exp"]), parameters=few)
    assert sensitivity(run, ("strategy1", "nothing"), 0.9) == ()
