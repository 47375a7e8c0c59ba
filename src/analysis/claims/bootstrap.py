"""Posterior draws of what is computed from data alone: the Bayesian bootstrap.

Customers are weighted by independent exponential variates, which makes the weights uniform over all that sum to one: a
posterior under no assumption but that customers are independent draws.

References
----------
.. [1] Rubin (1981), The Bayesian bootstrap, Annals of Statistics 9(1):130-134.
"""

from __future__ import annotations

import numpy as np

SINGLE, BINS = 1_000, 1_000


def top_share(values: np.ndarray, top: float = 0.2) -> float:
    """Share of the sum that the largest ``top`` of the values hold.

    >>> top_share(np.array([6.0, 1.0, 1.0, 1.0, 1.0]))
    0.6
    """
    cumulative = _lorenz(np.sort(values)[::-1][None], np.ones((1, len(values))))
    return float(_at(*cumulative, top)[0])


def top_share_draws(values: np.ndarray, rng: np.random.Generator, top: float = 0.2, draws: int = 2_000) -> np.ndarray:
    """Posterior draws of ``top_share``, shape (draws,); small values are drawn in bins, large ones singly."""
    count, mean = binned(values)
    weights = rng.standard_gamma(count, size=(draws, len(count)))
    return _at(*_lorenz(mean[None], weights), top)


def binned(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number and mean of neighbouring values, largest first: the largest ``SINGLE`` alone, the rest in ``BINS``."""
    ordered = np.sort(values)[::-1]
    edges = np.arange(len(ordered))
    if len(ordered) > SINGLE + BINS:
        edges = np.concatenate([edges[:SINGLE], np.linspace(SINGLE, len(ordered), BINS, endpoint=False).astype(int)])
    count = np.diff(np.append(edges, len(ordered)))
    return count.astype(float), np.add.reduceat(ordered, edges) / count


def lorenz_curve(values: np.ndarray, points: int = 51) -> tuple[np.ndarray, np.ndarray]:
    """Shares of customers, best first, and the shares of the sum that they hold, each of shape (points,)."""
    mass, amount = _lorenz(np.sort(values)[::-1][None], np.ones((1, len(values))))
    shares = np.linspace(0, 1, points)
    return shares, np.interp(shares, mass[0], amount[0])


def _lorenz(ordered: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative shares of mass and amount from 0 to 1, shape (draws, values + 1)."""
    shape = (len(weights), weights.shape[1] + 1)
    mass, amount = np.zeros(shape), np.zeros(shape)
    np.cumsum(weights, axis=1, out=mass[:, 1:])
    np.cumsum(weights * ordered, axis=1, out=amount[:, 1:])
    return mass / mass[:, -1:], amount / amount[:, -1:]


def _at(mass: np.ndarray, amount: np.ndarray, top: float) -> np.ndarray:
    return np.array([np.interp(top, *row) for row in zip(mass, amount, strict=True)])


def rank_correlation_draws(
    first: np.ndarray, second: np.ndarray, group: np.ndarray, rng: np.random.Generator, draws: int = 1_000
) -> tuple[float, np.ndarray]:
    """Spearman's correlation within groups, and its posterior draws, shape (draws,).

    Ranks are taken within each group, as shares of it, and correlated over all groups; a group with one value in it
    counts for nothing. Every draw ranks anew.

    >>> x, y = np.array([1.0, 2, 3, 1, 2, 3]), np.array([1.0, 2, 3, 11, 12, 13])
    >>> rank_correlation_draws(x, y, np.array([0, 0, 0, 1, 1, 1]), np.random.default_rng(1), 10)[0]
    1.0
    """
    ranks = [_Ranks(values, group) for values in (first, second)]
    groups = np.unique(group, return_inverse=True)[1]

    def correlation(weights: np.ndarray) -> float:
        a, b = (each.of(weights) for each in ranks)
        size = np.bincount(groups, weights)
        a, b = (each - (np.bincount(groups, weights * each) / size)[groups] for each in (a, b))
        spread = np.sum(weights * a**2) * np.sum(weights * b**2)
        return float(np.sum(weights * a * b) / np.sqrt(spread)) if spread > 0 else 0.0

    drawn = np.array([correlation(rng.standard_exponential(len(group))) for _ in range(draws)])
    return correlation(np.ones(len(group))), drawn


class _Ranks:
    """Weighted middle ranks within groups, sorted once."""

    def __init__(self, values: np.ndarray, group: np.ndarray):
        pairs = np.unique(np.column_stack([group, values]), axis=0, return_inverse=True)
        self.place = pairs[1].ravel()
        self.group = np.unique(pairs[0][:, 0], return_inverse=True)[1]

    def of(self, weights: np.ndarray) -> np.ndarray:
        mass = np.bincount(self.place, weights)
        size = np.bincount(self.group, mass)
        before = np.cumsum(mass) - mass / 2 - (np.cumsum(size) - size)[self.group]
        return (before / size[self.group])[self.place]
