import numpy as np
import pytest

from analysis.data import CustomerSummary
from analysis.models.registry import MODELS
from analysis.time import Clock, TimeUnit
from analysis.value.shifts import base_grid

from .individuals import YEAR

REST = np.zeros((1, 1))


@pytest.mark.parametrize("place", range(3))
def test_a_few_states_stand_for_all_customers(cdnow_39_weeks, cdnow_purchase, place):
    fit = cdnow_purchase.fits[place]
    model, params = MODELS[fit.model], fit.params
    grid = base_grid(cdnow_39_weeks, Clock(TimeUnit.WEEK))
    alive = grid.patterns.weight * model.p_alive(params, *grid.patterns.history)
    states = grid.alive(model, np.array([params]))
    assert states.customers.sum() == pytest.approx(alive.sum(), rel=1e-12)
    points, mass = np.polynomial.legendre.leggauss(40)
    share = (points + 1) / 2
    times, weights = 3 * YEAR * share**2, mass * share * 3 * YEAR
    curves = model.leaving(params, grid.frequency.max(), YEAR).curves("mean", REST, np.append(YEAR, times), states)
    x, age = grid.patterns.frequency, grid.patterns.T
    assert curves[0, 0, 0, 0] == pytest.approx(alive @ model.survival_while_alive(params, YEAR, x, age), rel=1e-6)
    assert curves[1, 0, 0, 1:] @ weights == pytest.approx(
        alive @ model.expected_while_alive(params, 3 * YEAR, x, age), rel=1e-5
    )


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


def test_what_orders_are_worth_is_the_sum_over_customers(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    grid, fit, table = base_grid(cdnow_39_weeks, Clock(TimeUnit.WEEK)), cdnow_purchase.primary, cdnow_39_weeks.table
    each = cdnow_spend.order_values(table["frequency"], table["mean_repeat_value"].to_numpy())
    model = MODELS[fit.model]
    alive = model.p_alive(fit.params, *(part[grid.patterns.index] for part in grid.patterns.history))
    for money in (np.array([list(cdnow_spend.parameters.values())]), None):
        states = grid.alive(model, np.array([fit.params]), cdnow_spend, money)
        assert states.revenue.sum() == pytest.approx(alive @ each)


def test_the_grid_of_the_same_customers_is_the_same_to_the_last_bit(cdnow_39_weeks):
    one, other = (base_grid(cdnow_39_weeks, Clock(TimeUnit.WEEK)) for _ in range(2))
    assert np.array_equal(one.spread.toarray(), other.spread.toarray())
