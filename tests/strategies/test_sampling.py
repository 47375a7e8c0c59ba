"""Even numbers scatter less than independent ones, and replicates tell how much they still scatter."""

import numpy as np
import pytest
from scipy.stats import kstest

from analysis.config.strategies import NOTHING, Experience, Promotion, Strategy
from analysis.strategies.microsimulation import CALENDAR, PER_PURCHASE
from analysis.strategies.sampling import (
    CommonRandomNumbers,
    error_of_total,
    even_numbers,
    even_sequence,
    replicate_totals,
    replicates_of,
)
from analysis.strategies.simulation import simulate
from analysis.strategies.simulation_error import simulation_error

from .inputs import drawn, fitted_inputs


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("count", [1, 3, 10, 11, 256])
def test_numbers_come_in_the_shape_that_is_asked_for_and_never_reach_their_ends(count, rng):
    numbers, sequence = even_numbers(rng, 5, count), even_sequence(count, 4, [1])
    assert numbers.shape == (5, count)
    assert sequence.shape == (count, 4)
    for found in (numbers, sequence):
        assert ((found > 0) & (found < 1)).all()


def test_each_replicate_has_one_number_in_every_stratum(rng):
    numbers = even_numbers(rng, 3, 200)
    strata = np.sort((numbers.reshape(3, 20, 10) * 20).astype(int), axis=1)
    assert (strata == np.arange(20)[None, :, None]).all()


def test_numbers_of_one_customer_are_uniform_from_event_to_event(rng):
    of_one = np.array([even_numbers(rng, 1, 20)[0, 13] for _ in range(2_000)])
    assert kstest(of_one, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(of_one[1:], of_one[:-1])[0, 1]) < 0.06


@pytest.mark.parametrize("numbers", [lambda seed: even_sequence(400, 2, [seed]), lambda seed: _hypercube(seed)])
def test_even_numbers_know_a_sum_better_than_independent_ones_and_say_how_well(numbers):
    def worth(u):
        return -np.log1p(-u[:, 0]) + u[:, 1] ** 2

    seeds = range(300)
    totals = [worth(numbers(seed)).sum() for seed in seeds]
    told = [error_of_total(replicate_totals(worth(numbers(seed)))[None, None])[0].item() for seed in seeds]
    independent = [worth(np.random.default_rng(seed).random((400, 2))).sum() for seed in seeds]
    assert np.std(totals) < 0.4 * np.std(independent)
    assert np.mean(told) == pytest.approx(np.var(totals), rel=0.3)


def _hypercube(seed):
    return even_numbers(np.random.default_rng(seed), 2, 400).T


def test_neighbours_of_a_sequence_differ_evenly():
    groups = [even_sequence(960, 1, [seed])[:, 0].reshape(12, 80).mean(axis=1) for seed in range(20)]
    assert np.std(groups) < 0.6 * np.sqrt(1 / 12 / 80)


@pytest.mark.parametrize("count", [7, 12, 100])
def test_replicates_together_are_the_total(count, rng):
    values = rng.random((2, count))
    members = np.bincount(np.arange(count) % replicates_of(count))
    totals = replicate_totals(values)
    assert (totals * members).sum(axis=1) / count == pytest.approx(values.sum(axis=1))


def test_one_customer_alone_tells_no_error():
    each, shared = error_of_total(replicate_totals(np.ones((3, 2, 1))))
    assert not each.any()
    assert not shared.any()


@pytest.mark.parametrize(
    ("structure", "model", "referrals"),
    [(PER_PURCHASE, "BG/NBD", 0.02), (CALENDAR, "BG/NBD", 0.1), (PER_PURCHASE, "MBG/NBD", 0.1)],
)
def test_the_stated_error_is_that_of_other_customers_and_other_luck(structure, model, referrals):
    parameters = drawn(4, theta_exp=0.5, gamma_exp=0.3, promotional_lift=0.5, won=0.8, referrals=referrals)
    strategies = [NOTHING, Strategy("sale", Promotion(depth=0.2)), Strategy("better", experience=Experience(1.0))]
    ahead, told = [], []
    for seed in range(60):
        inputs = fitted_inputs(parameters, customers=200, weeks=52, seed=seed, coming=8.0, model=model)
        run = simulate(inputs, strategies, structure)
        ahead.append(run.difference.mean(axis=0)[1:])
        told.append(simulation_error(run)[1:] ** 2)
    assert np.mean(told, axis=0) == pytest.approx(np.var(ahead, axis=0, ddof=1), rel=0.45)


def test_luck_of_one_event_is_even_over_customers():
    gaps = [CommonRandomNumbers(seed, 0, 500).of_event(2).gap.mean() for seed in range(50)]
    assert np.std(gaps) < 0.3 / np.sqrt(500)
