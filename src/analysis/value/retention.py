"""Retention as the purchase models see it: by year, of new customers and of today's base, under each model.

Nobody sees a customer leave, so these rates are as good as the model's story about leaving, and the models fit alike
and differ: in BG/NBD a customer without a repeat order cannot have left; in Pareto/NBD anyone can at any moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.interval import Interval
from analysis.models.estimate import MODELS, params_draws, params_of
from analysis.models.results import Posterior, PurchaseFit, PurchaseResult
from analysis.timeunits import units_per_year
from analysis.value.base_grid import BaseGrid, base_grid, customers_alive
from analysis.value.leaving import NO_SHIFT, leaving_of

if TYPE_CHECKING:
    from analysis.config import ModelConfig
    from analysis.data import CustomerSummary

YEARS = 5
DRAWS, FEWEST_DRAWS, HISTORIES = 400, 200, 2e7


@dataclass(frozen=True)
class RetentionByYear:
    """Retention of a group of customers under one purchase model.

    Attributes
    ----------
    rates
        Year k = 1, 2, ... -> share of those who are there after k - 1 years who are there after k, S(k) / S(k - 1).
    survival
        Share of the group that is there after k years, S(k).
    weighted_by_orders
        Expected orders per time unit at the end of the first year over those at its start: retention of the orders'
        rate. For new customers of BG/NBD it is E[l exp(-l p year)] / E[l] with order rate l and dropout p.
    """

    rates: tuple[Interval, ...]
    survival: tuple[Interval, ...]
    weighted_by_orders: Interval


@dataclass(frozen=True)
class ModelRetention:
    """Retention by year under each purchase model.

    Attributes
    ----------
    new_customers
        Of a customer counted from the first order, by model.
    base
        Of today's customers who are alive, by model.
    base_repeaters, base_one_time
        Those of the base with and without a repeat order; a model is left out where there are none.
    alive_repeaters, alive_one_time
        Expected customers alive with and without a repeat order, by model.
    oldest_age_years
        Age of the oldest customer [years]; beyond it the rates are extrapolated.
    """

    new_customers: Mapping[str, RetentionByYear]
    base: Mapping[str, RetentionByYear]
    base_repeaters: Mapping[str, RetentionByYear]
    base_one_time: Mapping[str, RetentionByYear]
    alive_repeaters: Mapping[str, Interval]
    alive_one_time: Mapping[str, Interval]
    oldest_age_years: float

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self.new_customers)

    @property
    def reaches_a_year(self) -> bool:
        """Whether any customer has been watched for a year."""
        return self.oldest_age_years >= 1


GROUPS = ("new_customers", "base", "base_repeaters", "base_one_time")


def model_retention(summary: CustomerSummary, purchase: PurchaseResult, config: ModelConfig) -> ModelRetention:
    """Retention by year with credible intervals, under every model that the data identify."""
    grid, year = base_grid(summary, config.time_unit), units_per_year(config.time_unit)
    posteriors = {purchase.primary.model: purchase.posterior, **purchase.challenger_posteriors}
    found: dict[str, dict[str, RetentionByYear]] = {group: {} for group in GROUPS}
    alive: tuple[dict[str, Interval], dict[str, Interval]] = ({}, {})
    for fit in purchase.fits:
        curves, counts = _of_model(fit, posteriors[fit.model], grid, year)
        for group, of_draws in curves.items():
            if np.isfinite(of_draws).all():
                found[group][fit.model] = _by_year(of_draws, config.credible_level)
        for intervals, of_draws in zip(alive, counts.T, strict=True):
            intervals[fit.model] = _interval(of_draws, config.credible_level)
    return ModelRetention(
        **found,
        alive_repeaters=alive[0],
        alive_one_time=alive[1],
        oldest_age_years=float(grid.patterns.T.max() / year),
    )


def _of_model(fit: PurchaseFit, posterior: Posterior, grid: BaseGrid, year: float):
    """By group: survival at year ends and the orders' rate at the first relative to the start, at the fit and by draw.

    Shape (1 + draws, YEARS + 1); and customers alive with and without a repeat order, shape (1 + draws, 2).
    """
    count = int(np.clip(HISTORIES / len(grid.patterns), FEWEST_DRAWS, DRAWS))
    worlds = [params_of(fit), *params_draws(posterior, MODELS[fit.model], count)]
    once = np.repeat(grid.frequency == 0, len(grid.T))
    curves = {group: np.empty((len(worlds), YEARS + 1)) for group in GROUPS}
    counts = np.empty((len(worlds), 2))
    times = year * np.arange(YEARS + 1)
    for row, params in enumerate(worlds):
        leaving = leaving_of(MODELS[fit.model], params, float(grid.frequency.max()), year)
        states = grid.states(customers_alive(grid, fit.model, params))
        of_alive = leaving.of_alive(NO_SHIFT, times, grid.frequency, grid.T)
        members = (np.ones(1), states, np.where(once, 0.0, states), np.where(once, states, 0.0))
        groups = (leaving.of_new(NO_SHIFT, times), *[of_alive] * 3)
        for group, who, (survival, rate) in zip(GROUPS, members, groups, strict=True):
            curves[group][row] = _relative(who @ survival, who @ rate, who.sum())
        counts[row] = states[~once].sum(), states[once].sum()
    return curves, counts


def _relative(customers: np.ndarray, orders: np.ndarray, whole: float) -> np.ndarray:
    if whole <= 0:
        return np.full(YEARS + 1, np.nan)
    return np.append(customers[1:] / whole, orders[1] / orders[0])


def _by_year(of_draws: np.ndarray, level: float) -> RetentionByYear:
    survival = of_draws[:, :YEARS]
    before = np.hstack([np.ones((len(survival), 1)), survival[:, :-1]])
    return RetentionByYear(
        rates=tuple(_interval(column, level) for column in (survival / before).T),
        survival=tuple(_interval(column, level) for column in survival.T),
        weighted_by_orders=_interval(of_draws[:, -1], level),
    )


def _interval(values: np.ndarray, level: float) -> Interval:
    """The first value is the estimate, the others are draws."""
    return Interval.around(values[0], values[1:], level)
