"""What simulated customers leave in the draws is taken out of their spread; the shared part goes into the mean."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from analysis.strategies.simulation_error import (
    expected_difference,
    expected_differences,
    expected_path_ends,
    simulation_error,
    with_simulation_error,
)

from .simulations import against_nothing, simulation_of


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_draws_without_noise_stay_as_they_are(rng):
    profit = against_nothing(rng.normal(3, 2, 400), rng.normal(1, 1, 400))
    assert np.allclose(expected_differences(simulation_of(profit)), profit)


def test_noise_of_single_draws_is_taken_out_of_their_covariance(rng):
    true = rng.multivariate_normal([1.0, 2.0], [[1.0, 0.6], [0.6, 2.0]], 4_000)
    seen = true + rng.normal(0, 3.0, true.shape)
    found = expected_differences(simulation_of(against_nothing(*seen.T), own_noise=9.0))[:, 1:]
    assert np.allclose(found.mean(axis=0), seen.mean(axis=0))
    assert np.allclose(np.cov(found, rowvar=False), [[1.0, 0.6], [0.6, 2.0]], atol=0.5)


def test_one_pair_alone_is_freed_of_its_own_noise(rng):
    seen = rng.normal(1.0, 0.5, 4_000) + rng.normal(0, 2.0, 4_000)
    run = simulation_of(against_nothing(seen), own_noise=4.0)
    assert expected_difference(run, "strategy1", "nothing").std() == pytest.approx(0.5, abs=0.15)


def test_where_noise_is_all_there_is_the_draws_collapse_to_their_mean(rng):
    seen = rng.normal(1.0, 1.0, 500)
    run = simulation_of(against_nothing(seen), own_noise=5.0)
    assert np.allclose(expected_differences(run)[:, 1], seen.mean())


def test_the_shared_error_spreads_the_mean_and_not_the_draws(rng):
    run = simulation_of(against_nothing(np.full(200, 5.0)), common_noise=4.0)
    spread = with_simulation_error(run, expected_differences(run), seed=1)[:, 1]
    assert spread.mean() == pytest.approx(5.0)
    assert spread.std() == pytest.approx(2.0, rel=0.35)
    assert simulation_error(run) == pytest.approx([0.0, 2.0])


def test_the_band_of_a_path_ends_as_wide_as_the_ranking_is(rng):
    seen = rng.normal(0, 1.0, 4_000) + rng.normal(0, 2.0, 4_000)
    run = simulation_of(against_nothing(seen), own_noise=4.0)
    weekly = SimpleNamespace(margin=np.repeat(run.profit[:, :, None] / 52, 52, axis=2), spent=0.0)
    lower, upper = expected_path_ends(replace(run, weekly=weekly, discount=np.ones(52)), 0.9)[:, 1, -1]
    assert upper - lower == pytest.approx(2 * 1.645, rel=0.1)
