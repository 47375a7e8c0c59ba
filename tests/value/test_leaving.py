import numpy as np
import pytest

from analysis.models.leaving import SHIFTS, Alive
from analysis.models.registry import MODELS

from .individuals import PARAMS, YEAR, futures, proneness

ODD = [
    ("BG/NBD", (0.5, 5.0, 30.0, 90.0)), ("BG/NBD", (0.5, 5.0, 0.05, 0.1)), ("MBG/NBD", (2.0, 50.0, 1.0, 0.3)),
    ("Pareto/NBD", (0.5, 5.0, 25.0, 900.0)), ("Pareto/NBD", (3.0, 20.0, 0.08, 2.0)),
]  # fmt: skip


def _model(name, params):
    return MODELS[name], MODELS[name].Params(*params)


def _new(model, params, times, kind="mean", size=0.0):
    """Survival and order rate of a new customer over ``times``."""
    curves = model.leaving(params, 0, YEAR).curves(kind, np.array([[size]]), times)
    return curves[0, 0, 0], curves[1, 0, 0]


def _alive(model, params, times, x, age, kind="mean", size=0.0):
    """Survival and order rate of one customer who is alive after x orders at an age."""
    one = Alive(np.ones((1, 1, 1)), np.ones((1, 1, 1)), np.array([x]), np.array([age]))
    curves = model.leaving(params, 60, YEAR).curves(kind, np.array([[size]]), times, one)
    return curves[0, 0, 0], curves[1, 0, 0]


@pytest.mark.parametrize(("name", "params"), [*PARAMS.items(), *ODD])
def test_without_a_shift_the_mixture_is_the_model(name, params):
    model, params = _model(name, params)
    times = np.array([1.0, 10.0, YEAR, 3 * YEAR, 10 * YEAR])
    expected = [float(np.squeeze(model.survival(params, time))) for time in times]
    assert _new(model, params, times)[0] == pytest.approx(expected, rel=1e-6)
    for x, age in ((0.0, 30.0), (1.0, 78.0), (5.0, 30.0), (60.0, 78.0)):
        expected = [float(np.squeeze(model.survival_while_alive(params, time, x, age))) for time in times]
        assert _alive(model, params, times, x, age)[0] == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize(("name", "params"), [*PARAMS.items(), *ODD])
def test_the_order_rate_adds_up_to_the_models_expected_orders(name, params):
    model, params = _model(name, params)
    points, mass = np.polynomial.legendre.leggauss(60)
    share = (points + 1) / 2
    times, weights = 3 * YEAR * share**2, mass * share * 3 * YEAR
    for x, age in ((0.0, 30.0), (4.0, 78.0)):
        expected = float(np.squeeze(model.expected_while_alive(params, 3 * YEAR, x, age)))
        assert _alive(model, params, times, x, age)[1] @ weights == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", SHIFTS)
@pytest.mark.parametrize("name", PARAMS)
def test_points_states_and_sizes_computed_together_are_those_computed_singly(name, kind):
    model, times, rng = MODELS[name], np.array([10.0, YEAR]), np.random.default_rng(1)
    points = np.array(PARAMS[name]) * np.exp(0.2 * rng.normal(size=(3, 4)))
    x, age = np.array([0.0, 3.0, 7.0]), np.array([30.0, 78.0])
    customers, revenue, sizes = rng.random((3, 3, 2)), rng.random((3, 3, 2)), rng.normal(0, 0.5, (2, 3))
    leaving = model.leaving(model.Params(*points.T), 60, YEAR)
    together = leaving.curves(kind, sizes, times, Alive(customers, revenue, x, age))
    for row, point in np.ndindex(2, 3):
        singly = [
            [_alive(model, model.Params(*points[point]), times, a, b, kind, sizes[row, point]) for b in age] for a in x
        ]
        stays, rate = np.moveaxis(np.array(singly), 2, 0)
        expected = [(w[point, ..., None] * v).sum(axis=(0, 1)) for w, v in
                    ((customers, stays), (customers, rate), (revenue, rate))]  # fmt: skip
        assert together[:, row, point] == pytest.approx(np.array(expected), rel=1e-6)
    stays = leaving.staying(kind, YEAR, Alive(customers, revenue, x, age))(sizes[0])
    assert stays == pytest.approx(together[0, 0, :, 1] / customers.sum(axis=(1, 2)), rel=1e-9)


@pytest.mark.parametrize("kind", SHIFTS)
@pytest.mark.parametrize("name", PARAMS)
def test_a_shifted_new_customer_agrees_with_single_customers(name, kind):
    rng = np.random.default_rng(7)
    model, params = _model(name, PARAMS[name])
    count = 100_000
    dropout = proneness(rng, name, params, count, shift=(kind, 0.4))
    rates = rng.gamma(params[0], 1 / params[1], count)
    who, _, left = futures(rng, name, rates, dropout, 2 * YEAR, trial_now=name == "MBG/NBD")
    stays = np.mean(left > 2 * YEAR)
    points, mass = np.polynomial.legendre.leggauss(40)
    share = (points + 1) / 2
    there, rate = _new(model, params, np.append(2 * YEAR, 2 * YEAR * share**2), kind, 0.4)
    assert there[0] == pytest.approx(stays, abs=4 * np.sqrt(stays * (1 - stays) / count))
    orders = np.bincount(who, minlength=count)
    expected = rate[1:] @ (mass * share * 2 * YEAR)
    assert expected == pytest.approx(orders.mean(), abs=4 * orders.std() / np.sqrt(count))


@pytest.mark.parametrize("kind", SHIFTS)
@pytest.mark.parametrize("name", PARAMS)
def test_a_shifted_customer_with_a_past_agrees_with_single_customers(name, kind):
    rng = np.random.default_rng(8)
    model, params = _model(name, PARAMS[name])
    x, age, count = 3.0, 40.0, 100_000
    trials = {"BG/NBD": x, "MBG/NBD": x + 1, "Pareto/NBD": 0}[name]
    past = age if name == "Pareto/NBD" else 0.0
    dropout = proneness(rng, name, params, count, trials, past, (kind, 0.4))
    rates = rng.gamma(params[0] + x, 1 / (params[1] + age), count)
    _, _, left = futures(rng, name, rates, dropout, YEAR)
    stays = np.mean(left > YEAR)
    there, _ = _alive(model, params, np.array([YEAR]), x, age, kind, 0.4)
    assert there[0] == pytest.approx(stays, abs=4 * np.sqrt(stays * (1 - stays) / count))
