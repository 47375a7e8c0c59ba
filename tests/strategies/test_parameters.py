import numpy as np
import pytest

from analysis.config.assumptions import PARAMETERS
from analysis.strategies.dynamics import draw_parameters


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_every_parameter_has_a_default_in_its_range_and_its_range_within_the_ends_that_may_be_stated(parameter):
    assert parameter.least <= parameter.low <= parameter.default <= parameter.high <= parameter.most


def test_draws_stay_in_the_range_and_centre_where_the_triangle_does():
    draws = draw_parameters(4_000, seed=1)
    for parameter in PARAMETERS:
        values = draws.values[parameter.name]
        assert values.min() >= parameter.low
        assert values.max() <= parameter.high
        centre = (parameter.low + parameter.default + parameter.high) / 3
        assert values.mean() == pytest.approx(centre, abs=0.002 * (parameter.high - parameter.low))
        assert draws.origin[parameter.name] == "assumption"


def test_what_is_known_of_one_parameter_leaves_the_draws_of_others_alone():
    free, stated = draw_parameters(50, 3), draw_parameters(50, 3, given={"tau": 2.0})
    assert (stated.values["tau"] == 2.0).all()
    assert stated.origin["tau"] == "given"
    assert (free.values["theta_exp"] == stated.values["theta_exp"]).all()
    assert not (free.values["theta_exp"] == draw_parameters(50, 4).values["theta_exp"]).all()


def test_an_estimate_replaces_an_assumption_with_its_uncertainty_and_what_is_given_beats_it():
    estimates = {"kappa_deal": np.random.default_rng(1).normal(0.4, 0.05, 4_000)}
    draws = draw_parameters(2_000, 1, estimates)
    assert draws.origin["kappa_deal"] == "estimate"
    assert (draws.values["kappa_deal"].mean(), draws.values["kappa_deal"].std()) == pytest.approx((0.4, 0.05), rel=0.05)
    assert draw_parameters(5, 1, estimates, {"kappa_deal": 0.1}).origin["kappa_deal"] == "given"


def test_estimates_that_belong_together_stay_together():
    theta = np.linspace(0, 1, 500)
    estimates = {"theta_deal": theta, "gamma_deal": 2 * theta}
    draws = draw_parameters(300, 1, estimates).values
    assert draws["gamma_deal"] == pytest.approx(2 * draws["theta_deal"])


def test_estimates_beyond_what_makes_sense_are_cut_off():
    wide = np.random.default_rng(1).normal(0.0, 0.3, 1_000)
    draws = draw_parameters(500, 1, {"kappa_deal": 0.95 + wide, "theta_deal": wide - 0.1}).values
    assert draws["kappa_deal"].max() == 1
    assert draws["theta_deal"].min() == 0
