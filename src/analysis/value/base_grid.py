"""Today's base on a small grid of states: what customers will do depends smoothly on (x, T) alone.

Totals over all customers are then totals over a few dozen states, whatever the size of the base. Small x are levels
of their own; larger ones and ages are spread over levels by polynomial interpolation, which is exact for the total of
a polynomial and, at these levels, for the models' expectations to about six digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from analysis.models.leaving import Alive
from analysis.models.patterns import Patterns, patterns_of

if TYPE_CHECKING:
    from analysis.data import CustomerSummary
    from analysis.models.purchase import PurchaseModel
    from analysis.models.spend import SpendFit
    from analysis.time import Clock

SINGLE_LEVELS = 9
LEVELS_ABOVE = 7


@dataclass(frozen=True)
class BaseGrid:
    """The customers of a summary, collapsed, and how they are spread over states.

    Attributes
    ----------
    patterns
        Their distinct histories.
    frequency, T
        Levels of x, shape (m,), and of the age [time units], shape (k,); a state is a pair of levels.
    spread
        Share of each pattern that each state takes, shape (m * k, patterns); a column sums to one.
    known, known_value
        Customers of each pattern whose mean order value is known, and the sum of these values, shape (patterns,).
    """

    patterns: Patterns
    frequency: np.ndarray
    T: np.ndarray
    spread: csr_array
    known: np.ndarray
    known_value: np.ndarray

    def states(self, by_pattern: np.ndarray) -> np.ndarray:
        """A quantity that is known by pattern, shape (points, patterns), by state, (points, frequency, T)."""
        return (self.spread @ by_pattern.T).T.reshape(-1, len(self.frequency), len(self.T))

    def alive(
        self, model: PurchaseModel, points: np.ndarray, spend: SpendFit | None = None, money: np.ndarray | None = None
    ) -> Alive:
        """Who is alive at points of a model's parameters, and what their orders are worth.

        Parameters
        ----------
        points
            Shape (points, parameters).
        spend, money
            The spend model, and points of its p, q and v; None of one that has none.
        """
        rows = [model.p_alive(model.Params(*point), *self.patterns.history) for point in points.tolist()]
        customers = self.patterns.weight * np.array(rows)
        worth = customers if spend is None else customers * self._order_values(spend, money)
        return Alive(self.states(customers), self.states(worth), self.frequency, self.T)

    def _order_values(self, spend: SpendFit, money: np.ndarray | None) -> np.ndarray:
        """Mean expected value of an order of a pattern's customers [currency], shape (points, patterns) or less."""
        x, unknown = self.patterns.frequency, self.patterns.weight - self.known
        own, new = (
            spend.order_values(x, mean, money) for mean in (self.known_value / np.maximum(self.known, 1), np.nan)
        )
        # The expectation is linear in a customer's own mean, so a pattern's mean stands for its customers.
        return (np.where(self.known > 0, own * self.known, 0.0) + new * unknown) / self.patterns.weight


def base_grid(summary: CustomerSummary, clock: Clock) -> BaseGrid:
    """The grid of a summary's customers."""
    patterns = patterns_of(summary, clock)
    frequency, of_frequency = _frequency_levels(patterns.frequency)
    ages, of_age = _age_levels(patterns.T)
    shares = of_frequency[:, :, None] * of_age[:, None, :]
    spread = csr_array(shares.reshape(len(patterns), -1).T)
    known, value = np.zeros((2, len(patterns)))
    if summary.has_money:
        table = summary.table
        mean = table["mean_repeat_value"].to_numpy(dtype=float)
        has = (table["frequency"].to_numpy() > 0) & np.isfinite(mean)
        known = np.bincount(patterns.index[has], minlength=len(patterns)).astype(float)
        value = np.bincount(patterns.index[has], np.maximum(mean[has], 0.0), minlength=len(patterns))
    return BaseGrid(patterns, frequency, ages, spread, known, value)


def _frequency_levels(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    single = np.arange(min(SINGLE_LEVELS, int(x.max()) + 1), dtype=float)
    most = float(x.max())
    if most < SINGLE_LEVELS:
        return single, np.eye(len(single))[x]
    many = x >= SINGLE_LEVELS
    place, shares = _interpolated(np.log(np.where(many, x, SINGLE_LEVELS)), LEVELS_ABOVE)
    levels = np.concatenate([single, np.exp(place)])
    alone = np.eye(len(single))[np.where(many, 0, x)] * ~many[:, None]
    return levels, np.hstack([alone, shares * many[:, None]])


def _age_levels(T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    offset = 0.05 * T.max() or 1.0  # all came on the last day
    log_age = np.log(offset + T)
    width = float(np.ptp(log_age))
    place, shares = _interpolated(log_age, 3 + int(np.ceil(2 * width)))
    return np.exp(place) - offset, shares


def _interpolated(values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev places over the range of ``values``, and Lagrange weights of each value on them."""
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9:
        return np.array([low]), np.ones((len(values), 1))
    angle = np.pi * (2 * np.arange(count) + 1) / (2 * count)
    place = (low + high) / 2 - (high - low) / 2 * np.cos(angle)
    barycentric = (-1.0) ** np.arange(count) * np.sin(angle)
    apart = values[:, None] - place
    exact = np.abs(apart) < 1e-12 * (high - low)
    shares = barycentric / np.where(exact, 1.0, apart)
    shares = np.where(exact.any(axis=1, keepdims=True), exact, shares)
    return place, shares / shares.sum(axis=1, keepdims=True)
