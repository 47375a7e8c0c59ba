"""Customers with the same history are one row with a weight: exact, and several times faster."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import UsageError
from analysis.time import Clock

if TYPE_CHECKING:
    from analysis.data import CustomerSummary, Orders


@dataclass(frozen=True)
class Patterns:
    """Distinct purchase histories and how many customers share each.

    Attributes
    ----------
    frequency
        Repeat orders x, int64, shape (n,).
    recency, T
        Age at the last order t_x and age at the end of observation [time units], shape (n,).
    weight
        Customers with this history, shape (n,).
    index
        Row of each customer's history, shape (customers,); ``values[index]`` brings results back to customers. Of
        histories that came collapsed from an engine, of each row of these.
    """

    frequency: np.ndarray
    recency: np.ndarray
    T: np.ndarray
    weight: np.ndarray
    index: np.ndarray

    @property
    def customers(self) -> int:
        return round(self.weight.sum())

    def __len__(self) -> int:
        return int(self.frequency.size)

    @property
    def history(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(frequency, recency, T), as the models take them."""
        return self.frequency, self.recency, self.T

    @cached_property
    def states(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distinct (x, T), far fewer, on which alone rests what a customer who is alive will do; and each row's."""
        code, ages = pd.factorize(self.T)
        of_pattern, key = pd.factorize(self.frequency * len(ages) + code)
        count, place = np.divmod(key, len(ages))
        return count, ages[place], of_pattern

    def total(self, values: np.ndarray) -> float:
        """Sum over customers of a quantity known by history, shape (n,)."""
        return float(self.weight @ values)


def collapse(frequency, recency, T, customers=None) -> Patterns:
    """Distinct (x, t_x, T) with their numbers of customers; the result does not depend on the row order.

    ``customers`` says how many share each row, one where it is not given.

    Examples
    --------
    >>> patterns = collapse([0, 1, 0], [0.0, 2.0, 0.0], [5.0, 5.0, 5.0])
    >>> patterns.frequency, patterns.weight, patterns.index
    (array([0, 1]), array([2., 1.]), array([0, 1, 0]))
    """
    x = np.asarray(frequency, dtype=np.int64)
    t_x, age = np.asarray(recency, dtype=float), np.asarray(T, dtype=float)
    recency_code, recency_values = pd.factorize(t_x, sort=True)
    age_code, age_values = pd.factorize(age, sort=True)
    key = (x * len(recency_values) + recency_code) * len(age_values) + age_code
    index, distinct = pd.factorize(key, sort=True)
    rest, age_of = np.divmod(distinct, len(age_values))
    x_of, recency_of = np.divmod(rest, len(recency_values))
    weight = np.bincount(index, weights=customers, minlength=distinct.size).astype(float)
    return Patterns(x_of, recency_values[recency_of], age_values[age_of], weight, index)


def patterns_of(summary: CustomerSummary, clock: Clock) -> Patterns:
    """The histories of a customer summary, in model time."""
    table = summary.collapsed
    times = clock.ages(table["recency_days"], table["T_days"], summary.observation_end)
    return collapse(table["frequency"].to_numpy(), *times, table.get("customers"))


def customers_of(data, unit: str | None = None) -> tuple[CustomerSummary, Orders | None]:
    """The histories in ``Orders``, a ``CustomerSummary`` or a frame in lifetimes' columns, and the orders if known."""
    from analysis.data.orders import Orders
    from analysis.data.remote import RemoteHistories, RemoteOrders
    from analysis.data.summary import CustomerSummary

    if isinstance(data, Orders | RemoteOrders):
        return data.histories, data
    if not isinstance(data, CustomerSummary | RemoteHistories | pd.DataFrame):
        kind = type(data).__name__
        raise UsageError(f"customers are of the type {kind}, must be orders, such as `rl.read_orders(...)` gives, or a "
                         "pandas frame with frequency, recency and T")  # fmt: skip
    return data if isinstance(data, CustomerSummary | RemoteHistories) else CustomerSummary.from_lifetimes(
        data, unit=unit
    ), None


def coarsened(patterns: Patterns, levels: int = 12) -> Patterns:
    """Histories of as many orders with recency and age alike, as one with their means.

    What is lost of a log-likelihood is of second order in the steps, of which there are ``levels`` up to the highest
    age. The maximum itself is of all histories.
    """
    step = patterns.T.max() / levels
    if len(patterns) < 4_000 or step == 0:
        return patterns
    places = (np.round(each / step).astype(np.int64) for each in (patterns.recency, patterns.T))
    key = np.ravel_multi_index((patterns.frequency, *places), (patterns.frequency.max() + 1, levels + 1, levels + 1))
    index, distinct = pd.factorize(key, sort=True)
    weight = np.bincount(index, weights=patterns.weight)
    recency, age = (
        np.bincount(index, weights=patterns.weight * each) / weight for each in (patterns.recency, patterns.T)
    )
    frequency = np.unravel_index(distinct, (patterns.frequency.max() + 1, levels + 1, levels + 1))[0]
    return Patterns(frequency, np.minimum(recency, age), age, weight, index)
