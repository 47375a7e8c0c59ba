import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta as beta_distribution

from analysis.models.beta_geometric import BGNBD, MBGNBD
from analysis.models.lifetimes_fits import BetaGeoFitter, ModifiedBetaGeoFitter
from analysis.models.patterns import collapse
from analysis.models.registry import FALLBACK, MODELS

CDNOW = BGNBD.Params(r=0.243, alpha=4.414, a=0.793, b=2.426)
X = np.array([0, 1, 2, 7, 40])
RECENCY = np.array([0.0, 3.0, 30.43, 38.0, 70.0])
AGE = np.array([39.0, 39.0, 38.86, 38.5, 77.0])


def _from_lifetimes(fitter, params):
    import pandas as pd

    fitter.params_ = pd.Series(params._asdict())
    return fitter


@pytest.mark.parametrize(("model", "fitter"), [(BGNBD(), BetaGeoFitter()), (MBGNBD(), ModifiedBetaGeoFitter())])
def test_likelihood_and_expectations_agree_with_lifetimes(model, fitter):
    theirs = _from_lifetimes(fitter, CDNOW)
    logs = np.log(np.array(CDNOW))
    weight = np.ones(X.size)
    sum_of_theirs = -theirs._negative_log_likelihood(logs, X, RECENCY, AGE, weight, 0) * X.size
    assert model.log_likelihood(CDNOW, X, RECENCY, AGE).sum() == pytest.approx(sum_of_theirs, rel=1e-12)
    assert model.total_log_likelihood(collapse(X, RECENCY, AGE))(logs) == pytest.approx(sum_of_theirs, rel=1e-12)
    assert model.p_alive(CDNOW, X, RECENCY, AGE) == pytest.approx(
        np.asarray(theirs.conditional_probability_alive(X, RECENCY, AGE)), rel=1e-9
    )
    assert model.expected_purchases(CDNOW, 39, X, RECENCY, AGE) == pytest.approx(
        np.asarray(theirs.conditional_expected_number_of_purchases_up_to_time(39, X, RECENCY, AGE)), rel=1e-8
    )


def _integrated(rate, age, a, b, horizon):
    def kernel(p):
        return -np.expm1(-rate * np.log1p(p * horizon / age)) / p * beta_distribution.pdf(p, a, b)

    return quad(kernel, 0, 1, limit=500, points=[1e-4, 1e-2])[0]


@pytest.mark.parametrize("a", [0.5, 0.9, 0.9995, 1.0, 1.0005, 1.1, 3.0])
@pytest.mark.parametrize("horizon", [1.0, 39.0, 520.0])
def test_expected_orders_are_the_integral_over_dropout_also_across_a_equal_to_one(a, horizon):
    params = CDNOW._replace(a=a)
    expected = BGNBD().expected_while_alive(params, horizon, 2, 38.86)
    direct = _integrated(params.r + 2, params.alpha + 38.86, a, params.b + 2, horizon)
    assert float(expected) == pytest.approx(direct, rel=2e-6)


def test_a_daily_customer_of_two_years_does_not_overflow():
    expected = BGNBD().expected_purchases(CDNOW, 3650.0, np.array([720]), np.array([729.0]), np.array([730.0]))
    assert np.isfinite(expected).all()
    assert 0 < expected[0] < 3650


@pytest.mark.parametrize(("params", "horizon"), [
    ((0.004, 5.12, 9.9, 88.0), 26.0), ((1.35, 18.9, 10.8, 38.7), 52.0), ((0.53, 10.9, 11.5, 121.6), 156.5),
])  # fmt: skip
@pytest.mark.parametrize("model", [BGNBD(), MBGNBD()], ids=lambda model: model.name)
def test_survival_is_a_probability_where_the_hypergeometric_function_fails(model, params, horizon):
    params = BGNBD.Params(*params)
    b = params.b + model.trial_after_first_order

    def kernel(p):
        return np.exp(-params.r * np.log1p(p * horizon / params.alpha)) * beta_distribution.pdf(p, params.a, b)

    alive = float(model.p_alive(params, 0, 0.0, 0.0))
    assert float(model.survival(params, horizon)) == pytest.approx(alive * quad(kernel, 0, 1, limit=200)[0], rel=1e-6)


@pytest.mark.parametrize("name", MODELS)
class TestEveryModel:
    """One battery for all purchase models."""

    @pytest.fixture
    def model(self, name):
        return MODELS[name]

    @pytest.fixture
    def params(self, name):
        kind = MODELS[name].Params
        return kind(*CDNOW[: len(kind._fields)])

    def test_probabilities_of_counts_add_up_and_have_the_expected_mean(self, model, params):
        x, t_x, age = 3, 20.0, 39.0
        counts = np.arange(0, 400)
        pmf = model.pmf(params, 52.0, np.full(400, x), np.full(400, t_x), np.full(400, age), counts)
        assert pmf.sum() == pytest.approx(1, abs=1e-6)
        mean = float(np.squeeze(model.expected_purchases(params, 52.0, x, t_x, age)))
        assert pmf @ counts == pytest.approx(mean, rel=1e-5)
        none = float(np.squeeze(model.p_order(params, 52.0, x, t_x, age)))
        assert 1 - pmf[0] == pytest.approx(none)

    def test_discounted_orders_are_the_integral_of_the_discounted_order_rate(self, model, params):
        delta, horizon = np.log(1.15) / 52.18, 260.0
        times = np.linspace(0, horizon, 1001)
        path = np.array([float(np.squeeze(model.expected_while_alive(params, t, 2, 38.86))) for t in times])
        middle = (times[1:] + times[:-1]) / 2
        direct = np.diff(path) @ np.exp(-delta * middle)
        found = [model.discounted_while_alive(params, horizon, rate, 2, 38.86) for rate in (delta, 0.0)]
        assert np.squeeze(found) == pytest.approx([direct, path[-1]], rel=1e-5)

    def test_p_alive_is_one_half_after_the_time_that_the_model_names(self, model, params):
        until = model.time_until_p_alive_half(params, X, RECENCY, AGE)
        assert np.isinf(until[0]) == (model.name in ("BG/NBD", FALLBACK))
        later = (until > 0) & np.isfinite(until)
        assert later.any() or model.name == FALLBACK
        assert model.p_alive(params, X[later], RECENCY[later], (AGE + until)[later]) == pytest.approx(0.5)
        assert np.all(model.p_alive(params, X, RECENCY, AGE)[until == 0] <= 0.5)

    def test_simulated_futures_have_the_expected_mean_and_distribution(self, model, params):
        rng = np.random.default_rng(5)
        n, horizon, x, age = 200_000, 52.0, 3, 39.0
        drawn = model.draw_orders_while_alive(rng, params, horizon, np.full(n, x), np.full(n, age))
        expected = float(np.squeeze(model.expected_while_alive(params, horizon, x, age)))
        assert drawn.count.mean() == pytest.approx(expected, abs=4 * drawn.count.std() / np.sqrt(n))
        for count in (0, 1, 2, 5):
            share = float(np.squeeze(model.pmf_while_alive(params, horizon, x, age, np.array(count))))
            assert np.mean(drawn.count == count) == pytest.approx(share, abs=4 * np.sqrt(share / n))
        assert np.all((drawn.span >= 0) & (drawn.span <= horizon))
