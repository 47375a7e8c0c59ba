"""Retention as the purchase models see it: by year, of new customers and of today's base, under each model.

Nobody sees a customer leave, so these rates are as good as the model's story about leaving, and the models fit alike
and differ: in BG/NBD a customer without a repeat order cannot have left; in Pareto/NBD anyone can at any moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.models.leaving import Curves
from analysis.models.registry import MODELS
from analysis.plotting import Plots
from analysis.tables import table_html
from analysis.time import units_per_year
from analysis.value.base_grid import base_grid
from analysis.value.shifts import BLOCK, Rise, draws_for, points_of, solved_shifts

if TYPE_CHECKING:
    from analysis.data import CustomerSummary
    from analysis.models.fits import PurchaseFit

YEARS = 5
NODES_PER_YEAR = 24


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
    oldest_age_years
        Age of the oldest customer [years]; beyond it the rates are extrapolated.
    """

    new_customers: Mapping[str, RetentionByYear]
    base: Mapping[str, RetentionByYear]
    oldest_age_years: float

    plot = Plots(by_year="analysis.value.plots:plot_retention_by_year")

    def to_frame(self) -> pd.DataFrame:
        """Retention of each year: group, model, year, estimate, lower, upper, level."""
        groups = {group: getattr(self, group) for group in GROUPS}
        return pd.DataFrame(
            {"group": group, "model": model, "year": year, **vars(rate)}
            for group, by_model in groups.items()
            for model, each in by_model.items()
            for year, rate in enumerate(each.rates, start=1)
        )

    def _repr_html_(self) -> str:
        return table_html(self.to_frame())

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self.new_customers)

    @property
    def reaches_a_year(self) -> bool:
        """Whether any customer has been watched for a year."""
        return self.oldest_age_years >= 1


GROUPS = ("new_customers", "base")


def model_retention(histories: CustomerSummary, fits: Iterable[PurchaseFit], *, level: float = 0.9) -> ModelRetention:
    """Retention by year with credible intervals, under every model.

    Parameters
    ----------
    histories
        Today's customers.
    fits
        Fitted purchase models, the primary one first.
    """
    fits = tuple(fits)
    grid, year = base_grid(histories, fits[0].clock), units_per_year(fits[0].time_unit)
    times, found = year * np.arange(YEARS + 1.0), {group: {} for group in GROUPS}
    for fit in fits:
        model, blocks = MODELS[fit.model], []
        points, _ = points_of(fit, None, draws_for(grid))
        for rows in np.array_split(points, -(-len(points) // BLOCK)):
            leaving, rest = (
                model.leaving(model.Params(*rows.T), float(grid.frequency.max()), year),
                np.zeros((1, len(rows))),
            )
            base = leaving.of_alive("mean", rest, times, grid.alive(model, rows))
            blocks.append((leaving.of_new("mean", rest, times), base))
        for group, parts in zip(GROUPS, zip(*blocks, strict=True), strict=True):
            curves = Curves.joined(parts, axis=1)[0]
            # A new customer of MBG/NBD may leave at once, so that there is less than one at time 0.
            whole = 1.0 if group == "new_customers" else curves.customers[:, :1]
            survival = np.hstack([np.ones((len(points), 1)), curves.customers[:, 1:] / whole])
            found[group][fit.model] = _by_year(survival, curves.orders, level)
    return ModelRetention(**found, oldest_age_years=float(grid.patterns.T.max() / year))


def _by_year(survival: np.ndarray, orders: np.ndarray, level: float) -> RetentionByYear:
    return RetentionByYear(
        rates=tuple(_interval(column, level) for column in (survival[:, 1:] / survival[:, :-1]).T),
        survival=tuple(_interval(column, level) for column in survival[:, 1:].T),
        weighted_by_orders=_interval(orders[:, 1] / orders[:, 0], level),
    )


def _interval(values: np.ndarray, level: float) -> Interval:
    """The first value is the estimate, the others are draws."""
    return Interval.around(values[0], values[1:], level)


def firm_flows(
    histories: CustomerSummary,
    fits: Iterable[PurchaseFit],
    new_customers_per_year: float | None,
    *,
    gain: float = 0.05,
    gain_kind: str = "points",
    shift: str = "mean",
) -> pd.DataFrame:
    """The whole firm as a stock and a flow of customers, when the gain applies to everyone from now on.

    Returns
    -------
    DataFrame
        One row a model at its fit, course (``as_is``, and ``with_gain`` where retention can rise so far) and year, from
        1 on: start and end (expected customers), joined and left within it; start + joined = end + left.

    Raises
    ------
    Unavailable
        Where nobody is known to join.
    """
    if not new_customers_per_year:
        raise Unavailable(
            "In the last year of the data nobody joined, or it is not known who did, and no number is configured "
            "(`new_customers_per_year`). So there is no flow of new customers to show.", code="firm.nobody_joins",
        )  # fmt: skip
    fits = tuple(fits)
    grid, year = base_grid(histories, fits[0].clock), units_per_year(fits[0].time_unit)
    points, mass = np.polynomial.legendre.leggauss(NODES_PER_YEAR)
    years = np.arange(YEARS + 1.0)
    times, frames = year * np.append(years, (years[:-1, None] + (points + 1) / 2).ravel()), []
    for fit in fits:
        model, at_fit = MODELS[fit.model], np.array([fit.params])
        leaving = model.leaving(model.Params(*at_fit.T), float(grid.frequency.max()), year)
        rise = Rise("firm", gain, gain_kind, shift)
        found = solved_shifts(leaving, grid.alive(model, at_fit), [rise], times, year, new_customers_per_year)
        for course, after, base, new in zip(
            ("as_is", "with_gain"), found.after[:, 0], found.base, found.new, strict=True
        ):
            # Everyone who joined at a steady pace is spread evenly over the ages up to now.
            by_age = new.customers[0, len(years) :].reshape(YEARS, -1) @ (mass / 2)
            joined, stays = new_customers_per_year * np.append(0.0, np.cumsum(by_age)), base.customers[0, : len(years)]
            stock = stays + joined
            # Who leaves is counted from the survival curves of each group, and the stock from who is there.
            left = stays[:-1] - stays[1:] + new_customers_per_year - np.diff(joined)
            flow = {"start": stock[:-1], "joined": new_customers_per_year, "left": left, "end": stock[1:]}
            if np.isfinite(after):
                frames.append(
                    pd.DataFrame({"model": fit.model, "course": course, "year": years[1:].astype(int), **flow})
                )
    return pd.concat(frames, ignore_index=True)
