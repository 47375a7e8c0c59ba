import numpy as np
import pytest

from analysis.models.estimate import MODELS
from analysis.value.leaving import NO_SHIFT, Shift, leaving_of

from .individuals import futures, proneness

YEAR = 52.1786
PARAMS = {
    "BG/NBD": (0.243, 4.414, 0.793, 2.426),
    "MBG/NBD": (0.525, 6.183, 0.891, 1.614),
    "Pareto/NBD": (0.553, 10.578, 0.606, 11.669),
}
ODD = [
    ("BG/NBD", (0.5, 5.0, 30.0, 90.0)),
    ("BG/NBD", (0.5, 5.0, 0.05, 0.1)),
    ("MBG/NBD", (2.0, 50.0, 1.0, 0.3)),
    ("Pareto/NBD", (0.5, 5.0, 25.0, 900.0)),
    ("Pareto/NBD", (3.0, 20.0, 0.08, 2.0)),
]


def _model(name, params):
    return MODELS[name], MODELS[name].Params(*params)


@pytest.mark.parametrize(("name", "params"), [*PARAMS.items(), *ODD])
def test_without_a_shift_the_mixture_is_the_model(name, params):
    model, params = _model(name, params)
    leaving = leaving_of(model, params, 60, YEAR)
    times = np.array([1.0, 10.0, YEAR, 3 * YEAR, 10 * YEAR])
    expected = [float(np.squeeze(model.survival(params, time))) for time in times]
    assert leaving.of_new(NO_SHIFT, times).survival[0] == pytest.approx(expected, rel=1e-6)
    x, age = np.array([0.0, 1.0, 5.0, 60.0]), np.array([30.0, 78.0])
    grid = np.repeat(x, 2), np.tile(age, 4)
    alive = np.array([model.survival_while_alive(params, time, *grid) for time in times]).T
    assert leaving.of_alive(NO_SHIFT, times, x, age).survival == pytest.approx(alive, rel=1e-6)


@pytest.mark.parametrize(("name", "params"), [*PARAMS.items(), *ODD])
def test_the_order_rate_adds_up_to_the_models_expected_orders(name, params):
    model, params = _model(name, params)
    points, mass = np.polynomial.legendre.leggauss(60)
    share = (points + 1) / 2
    times, weights = 3 * YEAR * share**2, mass * share * 3 * YEAR
    x, age = np.array([0.0, 4.0]), np.array([30.0, 78.0])
    orders = leaving_of(model, params, 4, YEAR).of_alive(NO_SHIFT, times, x, age).order_rate @ weights
    expected = model.expected_while_alive(params, 3 * YEAR, np.repeat(x, 2), np.tile(age, 2))
    assert orders == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", ["mean", "scale", "logit"])
@pytest.mark.parametrize("name", PARAMS)
def test_a_shifted_new_customer_agrees_with_single_customers(name, kind):
    rng = np.random.default_rng(7)
    model, params = _model(name, PARAMS[name])
    shift, count = Shift(kind, 0.4), 200_000
    dropout = proneness(rng, name, params, count, shift=(kind, 0.4))
    rates = rng.gamma(params[0], 1 / params[1], count)
    who, _, left = futures(rng, name, rates, dropout, 2 * YEAR, trial_now=name == "MBG/NBD")
    stays = np.mean(left > 2 * YEAR)
    points, mass = np.polynomial.legendre.leggauss(40)
    share = (points + 1) / 2
    curves = leaving_of(model, params, 0, YEAR).of_new(shift, np.append(2 * YEAR, 2 * YEAR * share**2))
    assert curves.survival[0, 0] == pytest.approx(stays, abs=4 * np.sqrt(stays * (1 - stays) / count))
    orders = np.bincount(who, minlength=count)
    expected = curves.order_rate[0, 1:] @ (mass * share * 2 * YEAR)
    assert expected == pytest.approx(orders.mean(), abs=4 * orders.std() / np.sqrt(count))


@pytest.mark.parametrize("kind", ["mean", "scale", "logit"])
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
    curves = leaving_of(model, params, x, YEAR).of_alive(
        Shift(kind, 0.4), np.array([YEAR]), np.array([x]), np.array([age])
    )
    assert curves.survival[0, 0] == pytest.approx(stays, abs=4 * np.sqrt(stays * (1 - stays) / count))


@pytest.mark.parametrize("kind", ["mean", "scale", "logit"])
@pytest.mark.parametrize("name", PARAMS)
def test_a_large_shift_keeps_everyone_and_none_changes_nothing(name, kind):
    model, params = _model(name, PARAMS[name])
    leaving, times = leaving_of(model, params, 0, YEAR), np.array([YEAR, 10 * YEAR])
    assert leaving.of_new(Shift(kind, 50.0), times).survival == pytest.approx(1.0, abs=1e-5)
    assert np.array_equal(leaving.of_new(Shift(kind, 0.0), times).survival, leaving.of_new(NO_SHIFT, times).survival)


def test_a_new_customer_of_pareto_nbd_is_scaled_by_moving_the_mean():
    model, params = _model("Pareto/NBD", PARAMS["Pareto/NBD"])
    leaving, times = leaving_of(model, params, 0, YEAR), np.array([YEAR])
    moved, scaled = (leaving.of_new(Shift(kind, 0.3), times).survival for kind in ("mean", "scale"))
    assert moved == pytest.approx(scaled, rel=1e-7)
