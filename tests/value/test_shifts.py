import warnings

import numpy as np
import pytest

from analysis.data import CustomerSummary
from analysis.models.leaving import Alive
from analysis.models.registry import MODELS
from analysis.time import Clock, TimeUnit, force_of_interest
from analysis.value.shifts import Rise, base_grid, solved_shifts, timeline

from .individuals import PARAMS, YEAR

KINDS = ["mean", "scale", "logit", "every_year"]


def _solved(name, *rises, times=YEAR, alive=None, joining=0.0):
    model = MODELS[name]
    leaving = model.leaving(model.Params(*PARAMS[name]), 0, YEAR)
    return solved_shifts(leaving, alive, rises, np.atleast_1d(times), YEAR, joining)


def _points(gain, kind="mean", who="new_customer"):
    return Rise(who, gain, "points", kind)


def _lift(name, kind, years, *, first_order):
    """Lift of discounted orders of a new customer by five points in the first year."""
    line = timeline((years,), YEAR)
    kernel = line.weights[0] * np.exp(-force_of_interest(0.10, TimeUnit.WEEK) * line.times[1:])
    found = _solved(name, _points(0.05, kind), times=line.times)
    before, after = (first_order + float(kernel @ curves[1, 0, 1:]) for curves in found.new)
    return after / before - 1


@pytest.mark.parametrize(("name", "kind", "years", "first_order", "lift"), [
    *(("BG/NBD", "mean", years, 1, lift) for years, lift in ((1.0, 0.11), (3.0, 0.22), (5.0, 0.28), (10.0, 0.36))),
    *(("BG/NBD", "mean", years, 0, lift) for years, lift in ((1.0, 0.19), (3.0, 0.31), (5.0, 0.38), (10.0, 0.46))),
    *((name, "mean", 3.0, 0, lift) for name, lift in (("MBG/NBD", 0.21), ("Pareto/NBD", 0.12))),
    *(("BG/NBD", kind, 3.0, 0, lift) for kind, lift in (("logit", 0.26), ("scale", 0.23))),
])  # fmt: skip
def test_the_lift_on_cdnow_depends_on_horizon_model_and_shift_as_computed_for_it(name, kind, years, first_order, lift):
    assert _lift(name, kind, years, first_order=first_order) == pytest.approx(lift, abs=0.005)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PARAMS)
def test_every_kind_of_shift_meets_the_target_it_was_solved_for(name, kind):
    gains = (0.05, 0.2, -0.02)
    found = _solved(name, *(_points(gain, kind) for gain in gains))
    reached = [float(curves[0, 0, 0]) for curves in found.new]
    assert reached[1:] == pytest.approx([reached[0] + gain for gain in gains], abs=1e-9)
    assert found.after[1:, 0] == pytest.approx(reached[1:], abs=1e-9)


@pytest.mark.parametrize("name", PARAMS)
def test_losing_fewer_in_every_year_scales_the_losses_of_all_years_alike(name):
    found = _solved(name, _points(0.05, "every_year"), times=YEAR * np.arange(1.0, 6.0))
    hazards = [-np.diff(np.log(np.append(1.0, curves[0, 0]))) for curves in found.new]
    factors = hazards[1] / hazards[0]
    assert factors == pytest.approx(np.full(5, factors[0]), rel=1e-9)
    assert factors[0] < 1


@pytest.mark.parametrize("kind", KINDS)
def test_two_groups_share_one_shift_that_meets_the_target_of_both_together(kind):
    old = Alive(np.array([[[30.0, 50.0]]]), np.ones((1, 1, 2)), np.array([2.0]), np.array([20.0, 60.0]))
    found = _solved("BG/NBD", _points(0.05, kind, "firm"), alive=old, joining=40.0)
    before, after = ((base[0, 0, 0] + 40 * new[0, 0, 0]) / 120 for base, new in zip(found.base, found.new, strict=True))
    assert after == pytest.approx(before + 0.05, abs=1e-9)


@pytest.mark.parametrize("name", ["BG/NBD", "MBG/NBD"])
def test_retention_can_fall_as_far_as_everyone_leaving_at_the_first_trial_and_no_further(name):
    before = float(_solved(name).before[0, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = _solved(name, _points(-0.05), _points(0.01 - before))
    assert found.after[1] == pytest.approx(before - 0.05)
    assert found.new[1][0, 0, 0] == pytest.approx(before - 0.05)
    # With no order in the first year a customer of BG/NBD is never lost; of MBG/NBD all may be.
    assert np.isnan(found.after[2, 0]) == (name == "BG/NBD")


def test_very_many_orders_and_very_different_ages_are_interpolated(cdnow_39_weeks):
    table = cdnow_39_weeks.table.copy()
    rng = np.random.default_rng(3)
    table["frequency"] = rng.geometric(0.02, len(table)) - 1
    table["T_days"] = np.maximum(table["T_days"] * rng.uniform(0.01, 20, len(table)), 2.0)
    table["recency_days"] = np.where(table["frequency"] > 0, table["T_days"] * 0.9, 0.0)
    grid = base_grid(CustomerSummary(table, cdnow_39_weeks.observation_end, has_money=True), Clock(TimeUnit.WEEK))
    model = MODELS["BG/NBD"]
    params = model.Params(0.9, 2.4, 0.1, 12.0)
    alive = grid.patterns.weight * model.p_alive(params, *grid.patterns.history)
    leaving, states = model.leaving(params, grid.frequency.max(), YEAR), grid.alive(model, np.array([params]))
    stay = model.survival_while_alive(params, YEAR, grid.patterns.frequency, grid.patterns.T)
    exact = alive @ stay / alive.sum()
    assert leaving.staying("mean", YEAR, states)(np.zeros(1)) == pytest.approx(exact, rel=1e-4)
