"""Common random numbers: the same for every draw and strategy, and spread evenly over simulated customers.

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
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

REPLICATES = 10
LEAST, MOST = 2.0**-54, 1 - 2.0**-53
"""Ends of uniform numbers: 0 and 1 themselves would be events that never come."""
ARRIVAL, FIRST_ORDER, THRESHOLD = 2**60, 2**61, 2**62
"""Numbers of events that are no possible orders."""


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


class Event(NamedTuple):
    """Random numbers of every customer's k-th possible order; arrays of shape (M,).

    Attributes
    ----------
    gap
        Time since the one before it, standard exponential.
    level
        Uniform: it becomes an order where the customer's pace, as a share of the fastest possible, is above it.
    leaving
        Uniform: the customer leaves where the chance of leaving is above it.
    coupon
        Uniform: the deal is used where the share of orders that use it is above it.
    noise
        Standard normal: how the encounter turned out.
    """

    gap: np.ndarray
    level: np.ndarray
    leaving: np.ndarray
    coupon: np.ndarray
    noise: np.ndarray


class CommonRandomNumbers:
    """The random numbers of M customers, made from a counter when they are asked for (Salmon et al. 2011).

    Nothing is stored and no order of asking matters, so that any number of threads sees the same numbers. A customer's
    numbers are independent from event to event; those of one event are spread evenly over customers.

    Examples
    --------
    >>> numbers = CommonRandomNumbers(seed=1, stream=0, customers=3)
    >>> bool((numbers.of_event(7).gap == numbers.of_event(7).gap).all())
    True
    """

    def __init__(self, seed: int, stream: int, customers: int):
        self.key = np.random.SeedSequence([seed, stream]).generate_state(2, np.uint64)
        self.customers = customers

    def of_event(self, number: int) -> Event:
        """Of everyone's possible order ``number``."""
        gap, level, leaving, coupon, noise = even_numbers(self._rng(number), len(Event._fields), self.customers)
        return Event(_exponential(gap), level, leaving, coupon, ndtri(noise))

    def thresholds(self) -> np.ndarray:
        """Cumulative hazard at which a rival has taken each customer, standard exponential, shape (M,)."""
        return _exponential(even_numbers(self._rng(THRESHOLD), 1, self.customers)[0])

    def _rng(self, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=self.key, counter=[0, 0, 0, number]))


def _exponential(uniform: np.ndarray) -> np.ndarray:
    return -np.log1p(-uniform)
