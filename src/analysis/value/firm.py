"""The whole firm as a stock and a flow: today's customers, those who join, and those who leave, year by year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.models.estimate import MODELS, params_of
from analysis.models.results import PurchaseFit, PurchaseResult
from analysis.timeunits import units_per_year
from analysis.value.base_grid import base_grid, customers_alive
from analysis.value.leaving import NO_SHIFT, Shift, leaving_of
from analysis.value.readings import Choice
from analysis.value.streams import Group, shift_to, target_retention

if TYPE_CHECKING:
    from analysis.config import ModelConfig
    from analysis.data import CustomerSummary

NODES_PER_YEAR = 24


@dataclass(frozen=True)
class FirmYear:
    """One year of the firm; start + joined = end + left.

    Attributes
    ----------
    year
        1 for the year that begins at the end of the data.
    start, end
        Expected customers who are there at its start and end.
    joined, left
        Expected customers won and lost within it.
    """

    year: int
    start: float
    joined: float
    left: float
    end: float


@dataclass(frozen=True)
class FirmFlow:
    """The firm's years under one purchase model, as they are and with the gain in retention.

    Attributes
    ----------
    model
        The purchase model, at its fit.
    before, after
        Year by year; ``after`` is empty where retention cannot rise so far.
    """

    model: str
    before: tuple[FirmYear, ...]
    after: tuple[FirmYear, ...]


def firm_flows(
    summary: CustomerSummary,
    purchase: PurchaseResult,
    config: ModelConfig,
    choice: Choice,
    new_customers_per_year: float,
    years: int = 5,
) -> tuple[FirmFlow, ...]:
    """Stock and flow of customers under each model, when the choice's gain applies to everyone from now on."""
    grid, year = base_grid(summary, config.time_unit), units_per_year(config.time_unit)

    def flow(fit: PurchaseFit) -> FirmFlow:
        params = params_of(fit)
        leaving = leaving_of(MODELS[fit.model], params, float(grid.frequency.max()), year)
        states = grid.states(customers_alive(grid, fit.model, params))
        base = Group(leaving, states, states, grid.frequency, grid.T)
        new = Group(leaving, np.ones(1), np.ones(1))
        parts = ((base, 1.0), (new, new_customers_per_year))
        whole = states.sum() + new_customers_per_year
        now = sum(times * group.staying(NO_SHIFT, year) for group, times in parts) / whole
        shift = shift_to(parts, choice.shift, target_retention(now, choice.gain, choice.gain_kind), year)
        before = _years(base, new, NO_SHIFT, new_customers_per_year, years, year)
        after = () if shift is None else _years(base, new, shift, new_customers_per_year, years, year)
        return FirmFlow(fit.model, before, after)

    return tuple(flow(fit) for fit in purchase.fits)


def _years(base: Group, new: Group, shift: Shift, joining: float, years: int, year: float) -> tuple[FirmYear, ...]:
    """Who leaves is counted from the survival curves of each group, and the stock from who is there."""
    points, mass = np.polynomial.legendre.leggauss(NODES_PER_YEAR)
    share = (points + 1) / 2
    ends = np.arange(years + 1, dtype=float)
    ages = (ends[:-1, None] + share).ravel()
    base_there = base.stream(shift, np.append(0.0, ends * year)).customers[1:]
    by_age = new.stream(shift, np.append(0.0, ages * year)).customers[1:].reshape(years, -1) @ (mass / 2)
    # Everyone who joined at a steady pace is spread evenly over the ages up to now.
    joined_there = joining * np.append(0.0, np.cumsum(by_age))
    stock = base_there + joined_there
    left = base_there[:-1] - base_there[1:] + joining - np.diff(joined_there)
    return tuple(
        FirmYear(number + 1, float(stock[number]), joining, float(left[number]), float(stock[number + 1]))
        for number in range(years)
    )
