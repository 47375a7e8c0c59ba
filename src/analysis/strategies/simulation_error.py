"""Draws of the strategies' expected profits, freed of the noise that simulated customers leave in them."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import chi2, norm, t

from analysis.strategies.sampling import even_numbers
from analysis.strategies.simulation import Simulation

COPIES = 1_000
"""Copies of every draw over which the simulation error that all draws share is spread."""


def expected_differences(simulation: Simulation) -> np.ndarray:
    """Expected profit against doing nothing under each draw, shape (D, S) [currency].

    A draw's mean over M customers holds simulation error, so the spread over draws is wider than the uncertainty of
    the parameters. The error's covariance is known (``noise_covariance``); what draws do not share of it is taken off
    by the smallest linear contraction that leaves the draws with the covariance of the expectations alone. The part
    that all draws share moves their mean and is looked after by ``with_simulation_error``.
    """
    difference = simulation.difference
    if len(difference) < 2 or len(simulation.names) < 2:
        return difference
    own = simulation.noise_covariance.mean(axis=0) - simulation.common_noise
    contrast = _contrasts(len(simulation.names))
    observed = np.atleast_2d(np.cov(difference[:, 1:], rowvar=False))
    noise = contrast @ own @ contrast.T
    mean = difference[:, 1:].mean(axis=0)
    contracted = mean + (difference[:, 1:] - mean) @ _contraction(observed, noise).T
    return np.column_stack([np.zeros(len(difference)), contracted])


def expected_difference(simulation: Simulation, name: str, other: str) -> np.ndarray:
    """Expected profit of one strategy less that of another under each draw, shape (D,) [currency].

    As ``expected_differences``, for one pair alone: with many strategies their joint covariance is known less well
    than each difference.
    """
    one, two = simulation.strategy(name), simulation.strategy(other)
    ahead = simulation.profit[:, one] - simulation.profit[:, two]
    own = simulation.noise_covariance.mean(axis=0) - simulation.common_noise
    noise = _of_pair(own, one, two)
    observed = float(np.var(ahead, ddof=1)) if len(ahead) > 1 else 0.0
    if observed == 0:
        return ahead
    return ahead.mean() + (ahead - ahead.mean()) * np.sqrt(max(observed - noise, 0.0) / observed)


def shared_error(simulation: Simulation, name: str, other: str) -> float:
    """Standard deviation of the error of a pair's difference that all draws share [currency]."""
    pair = simulation.strategy(name), simulation.strategy(other)
    return float(np.sqrt(max(_of_pair(simulation.common_noise, *pair), 0.0)))


def with_shared_error(simulation: Simulation, differences: np.ndarray, name: str, other: str, seed: int) -> np.ndarray:
    """Draws of one pair's difference ``COPIES`` times, each with an error of the shared size, shape (COPIES * D,)."""
    error = error_scores(simulation, COPIES, seed) * shared_error(simulation, name, other)
    return (differences[None] + error[:, None]).ravel()


def with_simulation_error(simulation: Simulation, differences: np.ndarray, seed: int) -> np.ndarray:
    """The same draws ``COPIES`` times, each with an error of the size that all draws share, shape (COPIES * D, S)."""
    contrast = _contrasts(len(simulation.names))
    root = _root(contrast @ simulation.common_noise @ contrast.T)
    rng = np.random.default_rng([seed, len(simulation.names)])
    normal = ndtri(even_numbers(rng, len(root), COPIES)).T
    freedom = freedom_of(simulation)
    wider = np.sqrt(freedom / chi2.ppf(rng.permutation(_middles(COPIES)), freedom))
    error = (normal - normal.mean(axis=0)) @ root * wider[:, None]
    error = np.column_stack([np.zeros(COPIES), error - error.mean(axis=0)])
    return (differences[None] + error[:, None]).reshape(-1, differences.shape[1])


def error_scores(simulation: Simulation, count: int, seed: int) -> np.ndarray:
    """Errors that all draws share, in standard errors, shape (count,), in no order.

    The standard error comes from few replicates, so they follow Student's t.
    """
    return t.ppf(np.random.default_rng(seed).permutation(_middles(count)), freedom_of(simulation))


def freedom_of(simulation: Simulation) -> int:
    """Degrees of freedom of the simulation error."""
    return max(simulation.replicates - 1, 1)


def expected_path_ends(simulation: Simulation, level: float) -> np.ndarray:
    """Ends of the interval of the cumulative difference from doing nothing by week, shape (2, S, W) [currency].

    The spread of each week is contracted as much as that of the horizon, and the shared error grows as the spread does.
    """
    ahead = simulation.cumulative - simulation.cumulative[:, :1]
    final = ahead[:, :, -1]
    expected, raw = expected_differences(simulation).std(axis=0), final.std(axis=0)
    clean = np.divide(expected, raw, out=np.zeros_like(raw), where=raw > 0)
    wider = t.ppf((1 + level) / 2, freedom_of(simulation)) / norm.ppf((1 + level) / 2)
    shared = wider * np.array([shared_error(simulation, name, simulation.names[0]) for name in simulation.names])
    width = np.sqrt(clean**2 + np.divide(shared, raw, out=np.zeros_like(raw), where=raw > 0) ** 2)
    mean = ahead.mean(axis=0)
    ends = np.quantile(ahead - mean, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return mean + ends * width[None, :, None]


def simulation_error(simulation: Simulation) -> np.ndarray:
    """Standard error of the mean difference from doing nothing that comes from too few customers, shape (S,)."""
    contrast = _contrasts(len(simulation.names))
    variance = np.diag(contrast @ simulation.common_noise @ contrast.T)
    return np.concatenate([[0.0], np.sqrt(np.maximum(variance, 0.0))])


def _of_pair(covariance: np.ndarray, one: int, two: int) -> float:
    return float(covariance[one, one] + covariance[two, two] - 2 * covariance[one, two])


def _middles(count: int) -> np.ndarray:
    return (np.arange(count) + 0.5) / count


def _contrasts(strategies: int) -> np.ndarray:
    """Every strategy less the first, shape (S - 1, S)."""
    return np.column_stack([-np.ones(strategies - 1), np.eye(strategies - 1)])


def _contraction(observed: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Symmetric map that takes draws with covariance ``observed`` to ``observed - noise``.

    Between normal distributions it is the map that moves the draws least (optimal transport):
    B^-1/2 (B^1/2 A B^1/2)^1/2 B^-1/2 with B observed and A its part without noise.
    """
    values, vectors = np.linalg.eigh(observed - noise)
    clean = (vectors * np.maximum(values, 0.0)) @ vectors.T
    root = _root(observed)
    inverse = np.linalg.pinv(root, rcond=1e-9, hermitian=True)
    return inverse @ _root(root @ clean @ root) @ inverse


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
