"""The times between encounters, as the joint likelihood needs them: closed by the next order, or still open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.strategies.evidence.encounters import DAYS_PER_WEEK, Encounters

FORMING = 3
"""Orders that only form an expectation, where it is unknown what a customer had met before the data begin."""
MOST_ENCOUNTERS = 150_000
FEWEST_CLOSED = 200


@dataclass(frozen=True)
class Intervals:
    """Encounters and the time after each; arrays of shape (n,) unless stated.

    Attributes
    ----------
    row
        Row among the encounters that the expectation is formed on.
    weeks
        Time until the next order, or for a customer's last one until the end of the data.
    is_open
        Whether it is the customer's last one here; of no length where the customer is followed no further.
    first, count
        Row of each customer's first interval here, and how many there are, shape (customers,).
    basket
        Log of the order's list value less the customer's mean of it; 0 where an order has no list value.
    """

    row: np.ndarray
    weeks: np.ndarray
    is_open: np.ndarray
    first: np.ndarray
    count: np.ndarray
    basket: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    @property
    def closed(self) -> np.ndarray:
        """Closed intervals of each customer, shape (customers,)."""
        return self.count - 1

    def usual(self, values) -> np.ndarray:
        """Mean of each customer's values over closed intervals; over all closed ones where the customer has none, (n,).

        With the open interval in it, the mean of those who left, or order seldom, would tell that they did: it would
        be, or lean to, the one value whose outcome is asked for.
        """
        closed = np.where(self.is_open, 0.0, values)
        of_all = closed.sum() / max(int(self.closed.sum()), 1)
        own = np.add.reduceat(closed, self.first) / np.maximum(self.closed, 1)
        return np.repeat(np.where(self.closed > 0, own, of_all), self.count)

    def at_next(self, values, otherwise: float) -> np.ndarray:
        """The values of the encounter that ends each interval; ``otherwise`` where none does."""
        shifted = np.r_[values[1:], 0.0]
        return np.where(self.is_open, otherwise, shifted)

    def at_previous(self, values, otherwise: float) -> np.ndarray:
        """The values of the encounter before each; ``otherwise`` where there is none here."""
        shifted = np.r_[0.0, values[:-1]]
        shifted[self.first] = otherwise
        return shifted


def intervals_of(encounters: Encounters, skipped: int | None = None, known: np.ndarray | None = None) -> Intervals:
    """The intervals after each order but the first ``skipped``: by default 3 where births are unknown, else 0.

    Parameters
    ----------
    known
        Whether it is known what each encounter met, shape (n,). A customer is followed up to the first encounter of
        which it is not: it ends the interval before it, and an interval of no length after it says nothing. What is
        known may depend on everything up to an encounter, but not on what follows it.
    """
    if skipped is None:
        skipped = 0 if encounters.births_known else FORMING
    number = encounters.number
    followed = encounters.count if known is None else _followed(encounters, known)
    length = np.minimum(followed + 1, encounters.count)
    length[followed <= skipped] = 0
    lengths = np.repeat(length, encounters.count)
    used = (number >= skipped) & (number < lengths)
    is_open = number == lengths - 1
    until = np.where(is_open, encounters.end_day, np.r_[encounters.day[1:], 0])
    until = np.where(number == np.repeat(followed, encounters.count), encounters.day, until)
    count = np.maximum(length - skipped, 0)
    count = count[count > 0]
    return Intervals(
        row=np.flatnonzero(used),
        weeks=((until - encounters.day) / DAYS_PER_WEEK)[used],
        is_open=is_open[used],
        first=np.cumsum(count) - count,
        count=count,
        basket=basket_size(encounters)[used],
    )


def _followed(encounters: Encounters, known: np.ndarray) -> np.ndarray:
    """Encounters of each customer before the first of which nothing is known, shape (customers,)."""
    number, count = encounters.number, encounters.count
    return np.minimum.reduceat(np.where(known, np.repeat(count, count), number), encounters.first)


def basket_size(encounters: Encounters) -> np.ndarray:
    """Log list value of each order less its customer's mean; 0 where an order has no list value."""
    known = encounters.listed > 0
    size = np.log(np.where(known, encounters.listed, 1.0))
    totals = np.add.reduceat(np.where(known, size, 0.0), encounters.first)
    means = totals / np.maximum(np.add.reduceat(known.astype(float), encounters.first), 1.0)
    return np.where(known, size - np.repeat(means, encounters.count), 0.0)


def some_customers(encounters: Encounters, seed: int) -> Encounters:
    """All customers, or as many at random as have about 150,000 orders together."""
    if len(encounters) <= MOST_ENCOUNTERS:
        return encounters
    order = np.random.default_rng([seed, 41]).permutation(len(encounters.count))
    chosen = np.zeros(len(encounters.count), dtype=bool)
    chosen[order[np.cumsum(encounters.count[order]) <= MOST_ENCOUNTERS]] = True
    return encounters.of_customers(chosen)
