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

from analysis.interval import Interval
from analysis.plotting import Plots
from analysis.tables import table_html
from analysis.time import units_per_year
from analysis.value.base_grid import base_grid
from analysis.value.intervals import ends
from analysis.value.shifts import Timeline, streams_of

if TYPE_CHECKING:
    from analysis.data import CustomerSummary
    from analysis.models.fits import PurchaseFit

YEARS = 5


@dataclass(frozen=True)
class ModelRetention:
    """Retention by year under each purchase model.

    Attributes
    ----------
    years
        One row a group, model and year k = 1, 2, ...: estimate, lower, upper, level of the share of those there after
        k - 1 years who are there after k, S(k) / S(k - 1). Groups: ``new_customers``, counted from the first order, and
        ``base``, those of today who are alive.
    order_rate
        By model: expected orders per time unit of a new customer at the end of the first year over those at its start.
        In BG/NBD it is E[l exp(-l p year)] / E[l] with order rate l and dropout p.
    oldest_age_years
        Age of the oldest customer [years]; beyond it the rates are extrapolated.
    """

    years: pd.DataFrame
    order_rate: Mapping[str, Interval]
    oldest_age_years: float

    plot = Plots(by_year="analysis.value.plots:plot_retention_by_year")

    def first_year(self, model: str) -> Interval:
        """Retention of a new customer in the first year."""
        row = self.years[(self.years["group"] == "new_customers") & (self.years["model"] == model)].iloc[0]
        return Interval(*row[["estimate", "lower", "upper", "level"]])

    def _repr_html_(self) -> str:
        return table_html(self.years)

    @property
    def reaches_a_year(self) -> bool:
        """Whether any customer has been watched for a year."""
        return self.oldest_age_years >= 1


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
    line, years, order_rate = Timeline(year * np.arange(YEARS + 1.0), (), np.empty((0, 0)), year), [], {}
    for fit in fits:
        streams = streams_of(fit, None, grid, (), line)
        new, base = streams.new[0], streams.base[0]
        # A new customer of MBG/NBD may leave at once, so that there is less than one at time 0.
        survival = np.hstack([np.ones((len(new.customers), 1)), new.customers[:, 1:]])
        for group, there in (("new_customers", survival), ("base", base.customers)):
            rates = ends(there[:, 1:] / there[:, :-1], level)
            of = {"group": group, "model": fit.model, "year": np.arange(1, YEARS + 1)}
            years.append(pd.DataFrame({**of, **rates, "level": level}))
        left = new.orders[:, 1] / new.orders[:, 0]
        order_rate[fit.model] = Interval.around(left[0], left[1:], level)
    years = pd.concat(years, ignore_index=True)
    return ModelRetention(years, order_rate, oldest_age_years=float(grid.patterns.T.max() / year))
