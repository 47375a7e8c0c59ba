import numpy as np
import pytest

from analysis.models.scores import best_decile_hit_rate, distance_from_middle, rank_correlation


def test_a_forecast_that_tells_nobody_apart_has_no_rank_correlation():
    assert np.isnan(rank_correlation(np.ones(20), np.arange(20)))
    assert rank_correlation(np.arange(20), np.arange(20) ** 2) == pytest.approx(1)


def test_ties_at_the_edge_of_the_best_tenth_are_shared_fairly():
    rng = np.random.default_rng(1)
    actual, forecast = rng.poisson(0.5, 2_000), rng.random(2_000)
    hits = [best_decile_hit_rate(forecast, actual + 1e-6 * rng.random(2_000)) for _ in range(300)]
    assert best_decile_hit_rate(forecast, actual) == pytest.approx(np.mean(hits), abs=0.01)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_a_right_forecast_covers_at_its_level_although_counts_are_discrete(level):
    from scipy.stats import poisson

    rng = np.random.default_rng(4)
    mean = rng.gamma(0.5, 1, 40_000)
    count = rng.poisson(mean)
    distance = distance_from_middle(poisson.cdf(count - 1, mean), poisson.pmf(count, mean), rng)
    assert np.mean(distance <= level / 2) == pytest.approx(level, abs=0.01)
