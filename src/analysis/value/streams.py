"""Streams of customers, orders and money over time, of new customers and of today's base, before and after a shift."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from analysis.value.leaving import NO_SHIFT, Curves, Leaving, Shift

NODES_FIRST, NODES_LATER = 14, 8
LARGEST_SHIFT = 60.0
PRECISION = 1e-11


class Timeline(NamedTuple):
    """Moments at which streams are known, and how to integrate over them.

    Attributes
    ----------
    times
        The end of the first year, then the quadrature nodes [time units].
    weights
        By horizon [years]: weights of the nodes, zero beyond the horizon.
    year
        Length of a year [time units].
    """

    times: np.ndarray
    weights: dict[float, np.ndarray]
    year: float


def timeline(horizons: tuple[float, ...], year: float, nodes: tuple[int, int] = (NODES_FIRST, NODES_LATER)) -> Timeline:
    """Gauss-Legendre nodes between the horizons, closer together near the start, where streams fall fastest.

    ``nodes``: how many up to the first horizon, and from each horizon to the next.

    Examples
    --------
    >>> line = timeline((1.0, 3.0), year=52.0)
    >>> round(float(line.weights[3.0] @ line.times[1:]), 6) == 156.0**2 / 2
    True
    """
    places, weights, edges = [], [], [0.0, *sorted({horizon * year for horizon in horizons})]
    for start, end in pairwise(edges):
        points, mass = np.polynomial.legendre.leggauss(nodes[1] if start else nodes[0])
        share = (points + 1) / 2
        place, stretch = (share, 1.0) if start else (share**2, 2 * share)
        places.append(start + (end - start) * place)
        weights.append(mass / 2 * stretch * (end - start))
    all_nodes, all_weights = np.concatenate(places), np.concatenate(weights)
    by_horizon = {horizon: np.where(all_nodes < horizon * year, all_weights, 0.0) for horizon in horizons}
    return Timeline(np.append(year, all_nodes), by_horizon, year)


@dataclass(frozen=True)
class Stream:
    """What a group of customers does over a ``Timeline``.

    Attributes
    ----------
    customers
        Expected customers who are still there, shape (times,).
    orders
        Expected orders per time unit, shape (times,).
    revenue
        Expected value of these orders per time unit [currency], shape (times,).
    at_start
        Customers in the group at the start, before anyone leaves.
    """

    customers: np.ndarray
    orders: np.ndarray
    revenue: np.ndarray
    at_start: float

    @property
    def first_year(self) -> float:
        """Share of the group that is still there after a year."""
        return float(self.customers[0] / self.at_start)

    def with_hazard(self, factor: float) -> Stream:
        """The same group with its cumulative hazard times ``factor``; those who are kept order like those who stay."""
        share = np.maximum(self.customers / self.at_start, 1e-300)
        more = share ** (factor - 1)
        return Stream(self.customers * more, self.orders * more, self.revenue * more, self.at_start)


@dataclass(frozen=True)
class Group:
    """A population whose retention may be raised: one average new customer, or today's base.

    Attributes
    ----------
    leaving
        How customers of the model leave.
    customers, revenue_weight
        By state: expected customers who are alive, and that number times the value of their orders [currency]; of
        one new customer the single entries 1 and the mean order value.
    frequency, T
        Levels of the states; None for the new customer.
    """

    leaving: Leaving
    customers: np.ndarray
    revenue_weight: np.ndarray
    frequency: np.ndarray | None = None
    T: np.ndarray | None = None

    def curves(self, shift: Shift, times: np.ndarray) -> Curves:
        if self.frequency is None or self.T is None:
            return self.leaving.of_new(shift, times)
        return self.leaving.of_alive(shift, times, self.frequency, self.T)

    def stream(self, shift: Shift, times: np.ndarray) -> Stream:
        """Expected customers, orders and revenue over ``times`` under a shift."""
        if shift.kind == "every_year":
            return self.stream(NO_SHIFT, times).with_hazard(float(np.exp(-shift.size)))
        survival, rate = self.curves(shift, times)
        return Stream(
            self.customers @ survival, self.customers @ rate, self.revenue_weight @ rate, float(self.customers.sum())
        )

    def staying(self, shift: Shift, time: float) -> float:
        """Expected customers who are still there at one moment."""
        return float(self.customers @ self.curves(shift, np.array([time])).survival[:, 0])


def target_retention(before: float, gain: float, kind: str) -> float:
    """First-year retention after the gain: ``points``, ``relative``, or ``fewer_lost``.

    >>> target_retention(0.8, 0.05, "points"), target_retention(0.8, 0.05, "relative")
    (0.8500000000000001, 0.8400000000000001)
    >>> round(target_retention(0.8, 0.05, "fewer_lost"), 6)
    0.81
    """
    if kind == "points":
        return before + gain
    return before * (1 + gain) if kind == "relative" else before + gain * (1 - before)


def shift_to(
    parts: tuple[tuple[Group, float], ...], kind: str, target: float, year: float, guess: float = 0.3
) -> Shift | None:
    """The shift that brings first-year retention of groups together to ``target``; None where none can.

    Parameters
    ----------
    parts
        Groups, and how many times each counts.
    kind, target
        Kind of ``Shift``; share of all these customers who are to be still there after a year.
    guess
        A size near the answer saves time.
    """
    if not 0 < target < 1:
        return None
    missing = _missing(parts, kind, target, year)
    now = missing(0.0)
    if abs(now) < PRECISION:
        return Shift(kind, 0.0)
    # Retention rises with the size, so the answer lies on the side of zero that is known now.
    near, far = 0.0, abs(guess) if now > 0 else -abs(guess)
    while (there := missing(far)) * now > 0:
        near, now, far = far, there, 2 * far
        if abs(far) > LARGEST_SHIFT:
            return None
    return Shift(kind, float(brentq(missing, near, far, xtol=PRECISION, rtol=PRECISION)))


def _missing(parts: tuple[tuple[Group, float], ...], kind: str, target: float, year: float):
    """How much of the target is missing, by size of the shift."""
    whole = sum(times * float(group.customers.sum()) for group, times in parts)
    if kind == "every_year":
        stays = [
            (times * float(group.customers.sum()), group.staying(NO_SHIFT, year) / float(group.customers.sum()))
            for group, times in parts
        ]
        return lambda size: target - sum(count * share ** np.exp(-size) for count, share in stays) / whole

    def missing(size: float) -> float:
        shift = Shift(kind, size)
        return target - sum(times * group.staying(shift, year) for group, times in parts) / whole

    return missing
