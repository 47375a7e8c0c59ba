"""A yearly profile of orders by calendar month, beside a purchase model that knows none."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import f as f_distribution

from analysis.models.fits import PurchaseFit
from analysis.models.views import expected_cumulative

FEWEST_MONTHS = 24
FEWEST_EXPECTED = 5
"""Repeat orders that a month must have been expected to have, to be looked at."""


@dataclass(frozen=True)
class Season:
    """Orders by calendar month, over what the model expects.

    Attributes
    ----------
    months
        One row a calendar month that was seen: index (mean over the years), shrunk (the same, moved towards 1 by how
        far a month differs from year to year; 1 where no season is known), years (in how many it was seen).
    p_value
        Of the analysis of variance of the logarithms by month; NaN where the data do not hold every month twice.
    """

    months: pd.DataFrame
    p_value: float

    @property
    def known(self) -> bool:
        """Whether every calendar month was seen twice, so that a season can be told from a trend."""
        return bool(np.isfinite(self.p_value))

    def factor(self, after: dt.date, days: int) -> float:
        """Orders in the ``days`` after a day over those of as many days of a mean year; 1 where no season is known.

        >>> months = pd.DataFrame({"shrunk": np.repeat([0.5, 1.5], 6)}, index=range(1, 13))
        >>> summer = Season(months, 0.001)
        >>> round(summer.factor(dt.date(2022, 12, 31), 31), 2), round(summer.factor(dt.date(2022, 12, 31), 3 * 365), 2)
        (0.5, 1.0)
        """
        if not self.known:
            return 1.0
        by_day = self.months["shrunk"].reindex(pd.date_range(after, periods=days + 1)[1:].month).to_numpy()
        year = self.months["shrunk"].reindex(pd.date_range("2023-01-01", periods=365).month).mean()
        return float(by_day.mean() / year)


def season_of(daily: pd.DataFrame, births: pd.Series, fit: PurchaseFit) -> Season:
    """The season of repeat orders over what a model expects, its trend taken off.

    Parameters
    ----------
    daily
        date, repeat_orders: one row a day.
    births
        First order of each customer.
    """
    dates = pd.to_datetime(daily["date"])
    expected = np.diff(expected_cumulative(fit, births, dates), prepend=0.0)
    table = pd.DataFrame({"came": daily["repeat_orders"].to_numpy(), "expected": expected, "days": 1.0})
    table = table.groupby(dates.dt.to_period("M").to_numpy()).sum()
    table = table[(table["days"] >= 28) & (table["expected"] >= FEWEST_EXPECTED)]
    ratio = np.log((table["came"] + 0.5) / (table["expected"] + 0.5))
    years = np.arange(len(ratio)) / 12
    ratio = ratio - np.polyval(np.polyfit(years, ratio, 1), years) if len(ratio) > 3 else ratio
    by_month = ratio.groupby(pd.PeriodIndex(table.index, freq="M").month)
    mean, seen = by_month.mean(), by_month.size()
    months = pd.DataFrame({"index": np.exp(mean), "shrunk": 1.0, "years": seen}).rename_axis("month")
    if len(ratio) < FEWEST_MONTHS or len(months) < 12 or (seen < 2).any():
        return Season(months, float("nan"))
    inside = float(((ratio - by_month.transform("mean")) ** 2).sum()) / max(len(ratio) - 13, 1)
    between = float(seen @ (mean - ratio.mean()) ** 2) / 11
    kept = max(0.0, 1 - inside / max(between, 1e-12))
    months["shrunk"] = np.exp(kept * (mean - ratio.mean()))
    return Season(months, float(f_distribution.sf(between / max(inside, 1e-12), 11, max(len(ratio) - 13, 1))))
