"""Random numbers that every draw, strategy and thread share: looked up by customer and by the number of the event."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from analysis.strategies.sampling import even_numbers

ARRIVAL, FIRST_ORDER, THRESHOLD = 2**60, 2**61, 2**62
"""Numbers of events that are no possible orders."""


class Mark(NamedTuple):
    """What chance says of every customer's k-th possible order; arrays of shape (M,).

    Attributes
    ----------
    gap
        Time since the one before it, standard exponential.
    level
        Uniform: it becomes an order where the customer's pace, as a share of the fastest possible, is above it.
    fate
        Uniform: the customer leaves where the chance of leaving is above it.
    coupon
        Uniform: the deal is used where the share of orders that use it is above it.
    noise
        Standard normal: how the encounter turned out.
    """

    gap: np.ndarray
    level: np.ndarray
    fate: np.ndarray
    coupon: np.ndarray
    noise: np.ndarray


class Marks:
    """The random numbers of M customers, made from a counter when they are asked for (Salmon et al. 2011).

    Nothing is stored and no order of asking matters, so that any number of threads sees the same numbers. A customer's
    numbers are independent from event to event; those of one event are spread evenly over customers.

    Examples
    --------
    >>> marks = Marks(seed=1, stream=0, customers=3)
    >>> bool((marks.of_event(7).gap == marks.of_event(7).gap).all())
    True
    """

    def __init__(self, seed: int, stream: int, customers: int):
        self.key = np.random.SeedSequence([seed, stream]).generate_state(2, np.uint64)
        self.customers = customers

    def of_event(self, number: int) -> Mark:
        """Marks of everyone's possible order ``number``."""
        gap, level, fate, coupon, noise = even_numbers(self._rng(number), len(Mark._fields), self.customers)
        return Mark(_exponential(gap), level, fate, coupon, ndtri(noise))

    def thresholds(self) -> np.ndarray:
        """Cumulative hazard at which a rival has taken each customer, standard exponential, shape (M,)."""
        return _exponential(even_numbers(self._rng(THRESHOLD), 1, self.customers)[0])

    def _rng(self, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=self.key, counter=[0, 0, 0, number]))


def _exponential(uniform: np.ndarray) -> np.ndarray:
    return -np.log1p(-uniform)
