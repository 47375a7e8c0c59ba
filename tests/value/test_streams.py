import numpy as np
import pytest

from analysis.models.estimate import MODELS
from analysis.timeunits import TimeUnit, force_of_interest, units_per_year
from analysis.value.leaving import NO_SHIFT, leaving_of
from analysis.value.streams import Group, shift_to, target_retention, timeline

YEAR = units_per_year(TimeUnit.WEEK)
PARAMS = {
    "BG/NBD": (0.243, 4.414, 0.793, 2.426),
    "MBG/NBD": (0.525, 6.183, 0.891, 1.614),
    "Pareto/NBD": (0.553, 10.578, 0.606, 11.669),
}
KINDS = ["mean", "scale", "logit", "every_year"]


def _new_customer(name):
    model = MODELS[name]
    return Group(leaving_of(model, model.Params(*PARAMS[name]), 0, YEAR), np.ones(1), np.ones(1))


def _lift(group, kind, years, *, first_order):
    """Lift of discounted orders of a new customer by five points in the first year."""
    line = timeline((years,), YEAR)
    kernel = line.weights[years] * np.exp(-force_of_interest(0.10, TimeUnit.WEEK) * line.times[1:])
    before = group.stream(NO_SHIFT, line.times)
    shift = shift_to(((group, 1.0),), kind, before.first_year + 0.05, YEAR)
    values = [first_order + kernel @ stream.orders[1:] for stream in (before, group.stream(shift, line.times))]
    return values[1] / values[0] - 1


@pytest.mark.parametrize(
    ("years", "with_first", "without_first"),
    [(1.0, 0.11, 0.19), (3.0, 0.22, 0.31), (5.0, 0.28, 0.38), (10.0, 0.36, 0.46)],
)
def test_the_published_cdnow_fit_gives_the_lifts_computed_for_it(years, with_first, without_first):
    group = _new_customer("BG/NBD")
    assert _lift(group, "mean", years, first_order=1) == pytest.approx(with_first, abs=0.005)
    assert _lift(group, "mean", years, first_order=0) == pytest.approx(without_first, abs=0.005)


@pytest.mark.parametrize(("name", "lift"), [("BG/NBD", 0.31), ("MBG/NBD", 0.21), ("Pareto/NBD", 0.12)])
def test_the_models_disagree_on_the_lift_over_three_years(name, lift):
    assert _lift(_new_customer(name), "mean", 3.0, first_order=0) == pytest.approx(lift, abs=0.005)


@pytest.mark.parametrize(("kind", "lift"), [("mean", 0.31), ("logit", 0.26), ("scale", 0.23)])
def test_how_the_points_are_imposed_moves_the_lift(kind, lift):
    assert _lift(_new_customer("BG/NBD"), kind, 3.0, first_order=0) == pytest.approx(lift, abs=0.005)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PARAMS)
def test_every_kind_of_shift_meets_the_target_it_was_solved_for(name, kind):
    group = _new_customer(name)
    times = np.array([YEAR, 2 * YEAR])
    before = group.stream(NO_SHIFT, times).first_year
    for target in (before + 0.05, before + 0.2, before - 0.02):
        shift = shift_to(((group, 1.0),), kind, target, YEAR)
        assert group.stream(shift, times).first_year == pytest.approx(target, abs=1e-9)


@pytest.mark.parametrize("name", PARAMS)
def test_losing_fewer_in_every_year_scales_the_losses_of_all_years_alike(name):
    group = _new_customer(name)
    times = YEAR * np.arange(1.0, 6.0)
    before = group.stream(NO_SHIFT, times)
    shift = shift_to(((group, 1.0),), "every_year", before.first_year + 0.05, YEAR)
    hazards = [-np.diff(np.log(np.append(1.0, group.stream(each, times).customers))) for each in (NO_SHIFT, shift)]
    factors = hazards[1] / hazards[0]
    assert factors == pytest.approx(np.full(5, factors[0]), rel=1e-9)
    assert factors[0] < 1


def test_two_groups_share_one_shift_that_meets_the_target_of_both_together():
    new = _new_customer("BG/NBD")
    old = Group(new.leaving, np.array([30.0, 50.0]), np.array([1.0, 1.0]), np.array([2.0]), np.array([20.0, 60.0]))
    parts = ((old, 1.0), (new, 40.0))
    before = sum(times * group.staying(NO_SHIFT, YEAR) for group, times in parts) / 120
    for kind in KINDS:
        shift = shift_to(parts, kind, before + 0.05, YEAR)
        after = sum(times * group.stream(shift, np.array([YEAR])).customers[0] for group, times in parts) / 120
        expected = before + 0.05
        if kind == "every_year":
            # One factor on both hazards.
            assert shift.size > 0
        assert after == pytest.approx(expected, abs=1e-9)


def test_nobody_can_be_kept_more_often_than_always():
    group = _new_customer("BG/NBD")
    assert shift_to(((group, 1.0),), "mean", 1.01, YEAR) is None
    assert shift_to(((group, 1.0),), "mean", 1.0, YEAR) is None


def test_points_relative_and_fewer_lost_agree_where_they_must():
    assert target_retention(0.5, 0.05, "points") == pytest.approx(target_retention(0.5, 0.10, "relative"))
    assert target_retention(0.5, 0.05, "points") == pytest.approx(target_retention(0.5, 0.10, "fewer_lost"))
    assert all(target_retention(0.7, 0.0, kind) == 0.7 for kind in ("points", "relative", "fewer_lost"))


def test_a_timeline_integrates_what_falls_fast_at_the_start():
    line = timeline((1.0, 3.0, 10.0), YEAR)
    for years, weights in line.weights.items():
        exact = 4.4 / 0.5 * (1 - (1 + years * YEAR / 4.4) ** -0.5)
        assert weights @ (1 + line.times[1:] / 4.4) ** -1.5 == pytest.approx(exact, rel=1e-6)
