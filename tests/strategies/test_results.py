import numpy as np
import pytest

from analysis.strategies.parameters import draw_parameters
from analysis.strategies.simulation import simulate
from analysis.strategies.strategy import NOTHING, Experience, Strategy

from .worlds import drawn, fitted_world

FREE = Strategy("free", experience=Experience(lift=0.6, spread=0.0))
COSTLY_AT_FIRST = Strategy("early", experience=Experience(lift=0.0, invested_per_order=5.0, ends_week=10))


@pytest.fixture(scope="module")
def run():
    parameters = draw_parameters(5, 1, given={"theta_exp": 0.6, "gamma_exp": 0.3, "sector_rise": 0.0})
    return simulate(fitted_world(parameters, customers=400), [NOTHING, FREE, COSTLY_AT_FIRST])


def test_nothing_differs_from_itself_by_nothing(run):
    assert (run.difference[:, 0] == 0).all()
    assert np.isnan(run.profit_per_spent[:, 0]).all()


def test_what_is_spent_of_the_margin_leaves_the_profit(run):
    assert np.allclose(run.margin - run.spent, run.profit)


def test_profit_per_spent_is_the_gain_for_each_euro(run):
    early = run.strategy("early")
    assert run.profit_per_spent[:, early] == pytest.approx(np.full(5, -1.0))


def test_a_strategy_overtakes_from_the_week_after_which_it_stays_ahead(run):
    week = run.overtakes("free", "early")
    assert np.isfinite(week).all()
    ahead = run.cumulative[:, 1] > run.cumulative[:, 2]
    for draw, since in enumerate(week.astype(int)):
        assert ahead[draw, since:].all()
        assert since == 0 or not ahead[draw, since - 1]
    assert np.isnan(run.overtakes("early", "nothing")).all()


def test_retention_starts_below_one_and_falls(run):
    assert (run.retention <= 1).all()
    assert (np.diff(run.retention, axis=2) <= 1e-12).all()
    assert run.retention[:, 1, -1].mean() > run.retention[:, 0, -1].mean()


def test_an_interval_lies_around_the_mean_of_the_draws(run):
    found = run.interval("free", 0.8)
    assert found.lower < found.estimate < found.upper
    assert found.estimate == pytest.approx(run.difference[:, 1].mean())


def test_without_customers_at_the_end_the_share_of_mercenaries_is_zero():
    run = simulate(fitted_world(drawn(), customers=60), [NOTHING])
    assert (run.weekly.mercenary_share == 0).all()
