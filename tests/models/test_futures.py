import numpy as np
import pytest

from analysis.models.beta_geometric import BGNBD
from analysis.models.futures import Spenders, simulate_futures
from analysis.models.spend import SpendParams

CDNOW = np.array([0.243, 4.414, 0.793, 2.426])
SPEND = np.array([6.25, 3.74, 15.44])
HORIZON, DELTA = 156.0, np.log(1.15) / 52.18


def _history(n, x, t_x, age):
    return np.full(n, x), np.full(n, float(t_x)), np.full(n, float(age))


def _futures(history, passes, spenders, horizon=HORIZON, delta=DELTA, seed=1):
    """Orders, their discounted amount and their discounted number, each of shape (passes, customers)."""
    chunks = simulate_futures(BGNBD(), np.tile(CDNOW, (passes, 1)), history, horizon, delta, spenders, seed)
    parts = zip(*(found for _, *found in chunks), strict=True)
    return [None if part[0] is None else np.concatenate(part, axis=1) for part in parts]


def _spenders(n, x, mean, passes, relative=1.0):
    return Spenders(
        np.full(n, x), np.full(n, mean), np.full(n, relative), np.full(n, np.nan), np.tile(SPEND, (passes, 1))
    )


@pytest.mark.parametrize(("x", "t_x", "age"), [(0, 0, 39), (2, 30.43, 38.86), (60, 76, 77)])
def test_simulated_value_has_the_mean_of_the_closed_form(x, t_x, age):
    n, passes = 500, 400
    half = 20.0 * (x > 0)  # everything is worth twice what the model says
    spenders = _spenders(n, x, half, passes, relative=2.0)
    found = _futures(_history(n, x, t_x, age), passes, spenders)
    params = BGNBD.Params(*CDNOW)
    expected = float(BGNBD().expected_purchases(params, HORIZON, x, t_x, age))
    alive = float(BGNBD().p_alive(params, x, t_x, age))
    discounted = alive * float(BGNBD().discounted_while_alive(params, HORIZON, DELTA, x, age))
    worth = 2 * float(SpendParams(*SPEND).expected(x, 20.0))
    for simulated, closed in zip(found, (expected, discounted * worth, discounted), strict=True):
        assert simulated.mean() == pytest.approx(closed, abs=4 * simulated.std() / np.sqrt(simulated.size))


def test_long_series_valued_as_a_whole_spread_like_series_valued_one_by_one(monkeypatch):
    n, passes = 500, 200
    spenders = _spenders(n, 60, 40.0, passes)
    _, *together = _futures(_history(n, 60, 76, 77), passes, spenders)
    monkeypatch.setattr("analysis.models.futures.SINGLY", 10_000)
    _, *singly = _futures(_history(n, 60, 76, 77), passes, spenders, seed=2)
    places = [0.1, 0.5, 0.95]
    for one, other in zip(together, singly, strict=True):
        assert np.quantile(one, places) == pytest.approx(np.quantile(other, places), rel=0.02)
    ratios = [np.quantile(amount / np.maximum(number, 1), places) for amount, number in (together, singly)]
    assert ratios[0] == pytest.approx(ratios[1], rel=0.02)


def test_the_same_seed_gives_the_same_futures_on_any_number_of_threads(monkeypatch):
    history = _history(300, 2, 30.43, 38.86)
    monkeypatch.setattr("analysis.models.futures.CELLS_PER_CHUNK", 2_000)
    first, *_ = _futures(history, 50, None)
    monkeypatch.setattr("analysis.models.futures.THREADS", 1)
    second, *_ = _futures(history, 50, None)
    assert np.array_equal(first, second)


@pytest.mark.parametrize("customers", [1, 30, 2_001])
def test_any_number_of_customers_has_futures_even_where_nobody_buys(customers):
    """A pass in which nobody orders, or only orders at which customers leave, used to stop with a type error."""
    spenders = _spenders(customers, 0, 0.0, 400)
    orders, amount, _ = _futures(_history(customers, 0, 0.0, 39.0), 400, spenders)
    assert orders.shape == amount.shape == (400, customers)
    assert np.all((amount != 0) <= (orders > 0))
