"""What a customer expects, from what was met before, and the gaps between the two."""

from __future__ import annotations

import numpy as np


def expected_before(met, first, count, kappa, initial: float) -> np.ndarray:
    """Expectation that each encounter finds, E <- E + kappa (X - E), shape (n, len(kappa)).

    Parameters
    ----------
    met
        What was met at each encounter, sorted by customer and time, shape (n,); NaN where nothing was met, which
        leaves the expectation as it is.
    first, count
        Row of each customer's first encounter, and how many there are, shape (customers,).
    kappa
        Shares of the gap by which the expectation moves, shape (k,).
    initial
        What a customer expects of the first encounter.

    Examples
    --------
    >>> expected_before(np.array([0.2, 0.0, 0.4]), np.array([0]), np.array([3]), np.array([0.5]), initial=0.0)[:, 0]
    array([0. , 0.1 , 0.05])
    """
    kappa = np.asarray(kappa, dtype=float)
    expected = np.full((len(met), kappa.size), float(initial))
    by_length = np.argsort(-count, kind="stable")
    first, count = first[by_length], count[by_length]
    for step in range(int(count.max(initial=1)) - 1):
        row = first[: np.searchsorted(-count, -(step + 1))] + step
        gap = met[row, None] - expected[row]
        expected[row + 1] = expected[row] + kappa * np.where(np.isnan(gap), 0.0, gap)
    return expected


def gaps(met, first, count, kappa: float, initial: float) -> tuple[np.ndarray, np.ndarray]:
    """Surplus and shortfall of each encounter against its expectation, both at least 0 and of shape (n,).

    >>> surplus, shortfall = gaps(np.array([0.2, 0.0]), np.array([0]), np.array([2]), 0.5, initial=0.1)
    >>> surplus.round(3), shortfall.round(3)
    (array([0.1, 0. ]), array([0.  , 0.15]))
    """
    gap = met - expected_before(met, first, count, [kappa], initial)[:, 0]
    gap = np.where(np.isnan(gap), 0.0, gap)
    return np.maximum(gap, 0.0), np.maximum(-gap, 0.0)
