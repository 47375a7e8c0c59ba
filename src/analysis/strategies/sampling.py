"""Random numbers spread evenly over simulated customers, in replicates that tell how large their error is.

Numbers that are spread evenly let a mean over customers scatter less than independent ones do, most where customers
differ much, but the scatter can no longer be read from how customers differ. So they are dealt out to a few replicates,
customer i to replicate i mod R. Each is spread evenly in itself [1]_ and is independent of the others, and how
replicates differ gives the error of their mean [2]_. Customers of the base are taken at equal distances, so that their
replicates are not quite alike, and the stated error errs on the large side.

References
----------
.. [1] McKay, Beckman, Conover (1979), Technometrics 21(2):239-245: Latin hypercubes.
.. [2] L'Ecuyer, Lemieux (2002), Recent advances in randomized quasi-Monte Carlo methods, in Modeling Uncertainty:
       independent randomisations of the same even points.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import qmc

REPLICATES = 10
LEAST, MOST = 2.0**-54, 1 - 2.0**-53
"""Ends of uniform numbers: 0 and 1 themselves would be events that never come."""


def replicates_of(count: int) -> int:
    """Into how many replicates ``count`` customers are dealt out."""
    return min(REPLICATES, count)


def even_sequence(count: int, columns: int, seed: Sequence[int]) -> np.ndarray:
    """Uniform numbers, shape (count, columns), of which every run of neighbours is spread evenly.

    A randomised Halton sequence in each replicate.
    """
    rng, replicates = np.random.default_rng(seed), replicates_of(count)
    each = -(-count // replicates)
    numbers = [qmc.Halton(columns, rng=rng).random(each) for _ in range(replicates)]
    return np.clip(np.stack(numbers, axis=1).reshape(-1, columns)[:count], LEAST, MOST)


def even_numbers(rng: np.random.Generator, columns: int, count: int) -> np.ndarray:
    """Uniform numbers, shape (columns, count): within each replicate a Latin hypercube in no order."""
    replicates = replicates_of(count)
    each = -(-count // replicates)
    ranks = np.broadcast_to(np.arange(each)[:, None], (columns, each, replicates))
    numbers = (rng.permuted(ranks, axis=1) + rng.random(ranks.shape)) / each
    return np.clip(numbers.reshape(columns, -1)[:, :count], LEAST, MOST)


def replicate_totals(values: np.ndarray) -> np.ndarray:
    """What the total over all customers is by each replicate alone: from shape (..., M) to (..., R).

    >>> replicate_totals(np.arange(12.0)).tolist()
    [60.0, 72.0, 24.0, 36.0, 48.0, 60.0, 72.0, 84.0, 96.0, 108.0]
    """
    count = values.shape[-1]
    replicate = np.arange(count) % replicates_of(count)
    inside = np.equal.outer(replicate, np.arange(replicates_of(count)))
    return values @ (inside / inside.mean(axis=0))


def error_of_total(by_replicate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of the error of totals by draw, shape (D, S, S), and of their mean over draws, shape (S, S).

    Parameters
    ----------
    by_replicate
        The totals by each replicate alone, shape (D, S, R). A single replicate tells no error: zeros.
    """
    replicates = by_replicate.shape[-1]
    freedom = replicates * max(replicates - 1, 1)
    apart = by_replicate - by_replicate.mean(axis=-1, keepdims=True)
    shared = apart.mean(axis=0)
    return apart @ apart.transpose(0, 2, 1) / freedom, shared @ shared.T / freedom
