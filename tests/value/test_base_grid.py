import numpy as np
import pytest

from analysis.config import ModelConfig
from analysis.data import CustomerSummary
from analysis.models.estimate import MODELS, params_of
from analysis.models.spend import expected_order_values
from analysis.timeunits import TimeUnit
from analysis.value.base_grid import base_grid, customers_alive, order_values
from analysis.value.leaving import NO_SHIFT, leaving_of

YEAR = 52.1786


@pytest.mark.parametrize("place", range(3))
def test_a_few_states_stand_for_all_customers(cdnow_39_weeks, cdnow_purchase, place):
    fit = cdnow_purchase.fits[place]
    model, params = MODELS[fit.model], params_of(fit)
    grid = base_grid(cdnow_39_weeks, TimeUnit.WEEK)
    alive = customers_alive(grid, fit.model, params)
    states = grid.states(alive)
    assert states.sum() == pytest.approx(alive.sum(), rel=1e-12)
    leaving = leaving_of(model, params, grid.frequency.max(), YEAR)
    points, mass = np.polynomial.legendre.leggauss(40)
    share = (points + 1) / 2
    times, weights = 3 * YEAR * share**2, mass * share * 3 * YEAR
    curves = leaving.of_alive(NO_SHIFT, np.append(YEAR, times), grid.frequency, grid.T)
    x, age = grid.patterns.frequency, grid.patterns.T
    assert states @ curves.survival[:, 0] == pytest.approx(
        alive @ model.survival_while_alive(params, YEAR, x, age), rel=1e-6
    )
    assert states @ curves.order_rate[:, 1:] @ weights == pytest.approx(
        alive @ model.expected_while_alive(params, 3 * YEAR, x, age), rel=1e-5
    )


def test_very_many_orders_and_very_different_ages_are_interpolated(cdnow_39_weeks):
    table = cdnow_39_weeks.table.copy()
    rng = np.random.default_rng(3)
    table["frequency"] = rng.geometric(0.02, len(table)) - 1
    table["T_days"] = np.maximum(table["T_days"] * rng.uniform(0.01, 20, len(table)), 2.0)
    table["recency_days"] = np.where(table["frequency"] > 0, table["T_days"] * 0.9, 0.0)
    grid = base_grid(CustomerSummary(table, cdnow_39_weeks.observation_end, has_money=True), TimeUnit.WEEK)
    model = MODELS["BG/NBD"]
    params = model.Params(0.9, 2.4, 0.1, 12.0)
    alive = customers_alive(grid, model.name, params)
    leaving = leaving_of(model, params, grid.frequency.max(), YEAR)
    curves = leaving.of_alive(NO_SHIFT, np.array([YEAR]), grid.frequency, grid.T)
    exact = alive @ model.survival_while_alive(params, YEAR, grid.patterns.frequency, grid.patterns.T)
    assert grid.states(alive) @ curves.survival[:, 0] == pytest.approx(exact, rel=1e-4)


def test_the_order_values_of_a_pattern_are_those_of_its_customers(cdnow_39_weeks, cdnow_spend):
    grid = base_grid(cdnow_39_weeks, ModelConfig().time_unit)
    table = cdnow_39_weeks.table
    each = expected_order_values(cdnow_spend.fit, table["frequency"], table["mean_repeat_value"].to_numpy())
    by_pattern = np.bincount(grid.patterns.index, each) / grid.patterns.weight
    params = np.array(list(cdnow_spend.fit.parameters.values()))
    assert order_values(grid, cdnow_spend, params) == pytest.approx(by_pattern)
