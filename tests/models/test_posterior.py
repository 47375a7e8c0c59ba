import numpy as np
import pytest
from scipy.stats import genpareto

from analysis.data.simulation import simulate_customers
from analysis.models.fits import fit_one, purchase_posterior, purchase_prior
from analysis.models.fitting import polish
from analysis.models.gamma_gamma import fit_gamma_gamma
from analysis.models.patterns import collapse, patterns_of
from analysis.models.posterior import Prior, draw_posterior, ensemble_draws, generalized_pareto_fit
from analysis.models.registry import MODELS
from analysis.models.spend import Spending
from analysis.time import Clock, TimeUnit

FLAT = Prior(np.zeros(2), 100.0)


def _normal(point):
    return -0.5 * float((point[0] / 0.1) ** 2 + ((point[1] - point[0]) / 0.2) ** 2)


def test_draws_of_a_normal_have_its_mean_and_spread_and_are_the_same_for_the_same_seed():
    drawn, again = (draw_posterior(_normal, FLAT, np.zeros(2), seed=1) for _ in range(2))
    assert np.array_equal(drawn.draws, again.draws)
    assert drawn.method == "importance"
    assert drawn.effective_size >= 2_000
    assert drawn.pareto_shape < 0.7
    assert drawn.draws.mean(axis=0) == pytest.approx([0, 0], abs=0.015)
    assert drawn.draws.std(axis=0) == pytest.approx([0.1, np.hypot(0.1, 0.2)], rel=0.06)


def test_where_importance_sampling_fails_a_sampler_takes_over_and_says_so():
    def two_islands(point):
        near, far = (-0.5 * float(np.sum((point - at) ** 2)) / 0.01 for at in (np.zeros(2), np.array([4.0, 4.0])))
        return float(np.logaddexp(near, far + 2))

    drawn = draw_posterior(two_islands, FLAT, np.zeros(2), seed=1)
    assert drawn.method in {"importance", "sampler"}
    ridge = draw_posterior(lambda p: -50 * float(abs(p[0] * p[1])) - 0.02 * float(p @ p) ** 2, FLAT, np.ones(2), seed=1)
    assert ridge.method == "sampler"


def test_the_sampler_agrees_with_a_known_distribution_from_far_off_and_knows_its_error():
    starts = [np.random.default_rng(seed).normal(3, 1, (32, 2)) for seed in range(1, 5)]
    runs = [ensemble_draws(_normal, start, 900, np.random.default_rng(seed)) for seed, start in enumerate(starts)]
    assert all(effective > 400 for _, effective in runs)
    points = np.concatenate([points for points, _ in runs])
    assert points.std(axis=0) == pytest.approx([0.1, np.hypot(0.1, 0.2)], rel=0.06)
    assert np.abs(points.mean(axis=0)) == pytest.approx(0, abs=0.015)


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.9])
def test_the_shape_of_a_heavy_tail_is_found(shape):
    excess = np.sort(genpareto.rvs(shape, scale=2.0, size=4_000, random_state=1))
    found, scale = generalized_pareto_fit(excess)
    assert found == pytest.approx(shape, abs=0.08)
    assert scale == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("name", ["BG/NBD", "MBG/NBD"])
def test_the_priors_do_not_move_the_estimates_of_cdnow(cdnow_39_weeks, cdnow_purchase, name):
    model, patterns = MODELS[name], patterns_of(cdnow_39_weeks, Clock(TimeUnit.WEEK))
    fit = cdnow_purchase[name]
    likelihood, prior = model.total_log_likelihood(patterns), purchase_prior(model, patterns)
    best = np.log(list(fit.parameters.values()))
    mode = polish(lambda point: likelihood(point) + prior.log_density(point), best).point
    errors = np.array(list(fit.standard_errors.values())) / np.exp(best)
    assert np.all(np.abs(mode - best) < 0.1 * errors)


def test_the_posteriors_on_cdnow_are_large_enough_and_trusted(cdnow_purchase):
    for posterior in (fit.posterior for fit in cdnow_purchase):
        assert posterior.method == "importance"
        assert posterior.effective_size >= 2_000
        assert posterior.pareto_shape < 0.7
        assert posterior.draws.shape == (2_000, 4)


def assert_alike(draws, expected):
    spread = expected.std(axis=0)
    np.testing.assert_allclose((draws.mean(axis=0) - expected.mean(axis=0)) / spread, 0, atol=0.05)
    np.testing.assert_allclose(draws.std(axis=0) / spread, 1, atol=0.05)


@pytest.mark.parametrize("name", ["BG/NBD", "MBG/NBD"])
def test_many_histories_have_the_posterior_that_all_of_them_give_one_by_one(name, monkeypatch):
    model, customers = MODELS[name], simulate_customers(6_000, T=104.0, births=52.0, seed=4)
    patterns = collapse(customers.frequency, customers.recency, customers.T)
    fit = fit_one(model, patterns, Clock(TimeUnit.WEEK), seed=1)
    params, merged = model.Params(**fit.parameters), np.log(fit.posterior.draws)
    alive = [patterns.total(model.p_alive(model.Params(*draw), *patterns.history)) for draw in fit.posterior.draws[:50]]
    np.testing.assert_allclose((fit.alive_draws[:50] - alive) / np.std(alive), 0, atol=0.05)
    monkeypatch.setattr("analysis.models.fits.coarsened", lambda patterns: patterns)
    whole = np.log(purchase_posterior(model, params, patterns, seed=1).draws)
    assert_alike(merged, whole)


def test_many_spenders_have_the_posterior_that_all_of_them_give_one_by_one(monkeypatch):
    rng = np.random.default_rng(1)
    frequency, rate = 1 + rng.geometric(0.4, 5_000), rng.gamma(3.74, 1 / 15.44, 5_000)
    spending = Spending(frequency, rng.gamma(6.25 * frequency, 1 / (rate * frequency)))
    merged = fit_gamma_gamma(spending, seed=1).posterior.draws
    monkeypatch.setattr("analysis.models.gamma_gamma._binned", lambda all_: (all_, np.ones(len(all_))))
    whole = fit_gamma_gamma(spending, seed=1).posterior.draws
    assert_alike(merged, whole)
