"""Retention, counted and modelled.

Counted, it is the articles' rate of a period: (customers at the end - new ones) / customers at the start. As purchase
models see it, by year, of new customers and of today's base, it is as good as their story about leaving: nobody sees a
customer leave, and the models fit alike and differ. In BG/NBD a customer without a repeat order cannot have left; in
Pareto/NBD anyone can at any moment.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from ibis.expr.types import BooleanValue

from analysis.data.summary import CustomerSummary
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.models.fits import PurchaseFit
from analysis.plotting import Plots
from analysis.tables import Result
from analysis.time import units_per_year
from analysis.value.history import AnyOrders, history, left_truncation
from analysis.value.intervals import count_interval, ends, share_interval, sum_interval
from analysis.value.shifts import Timeline, base_grid, streams_of

YEARS = 5


@dataclass(frozen=True, repr=False)
class ModelRetention(Result):
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

    main = "years"
    plot = Plots(by_year="analysis.value.plots:plot_retention_by_year")

    def first_year(self, model: str) -> Interval:
        """Retention of a new customer in the first year."""
        return Interval.in_row(self.years.query("group == 'new_customers' and model == @model").iloc[0])

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
        (there, orders, _), (still_there, _, _) = streams.new[0], streams.base[0]
        # A new customer of MBG/NBD may leave at once, so that there is less than one at time 0.
        survival = np.hstack([np.ones((len(there), 1)), there[:, 1:]])
        for group, left in (("new_customers", survival), ("base", still_there)):
            rates = ends(left[:, 1:] / left[:, :-1], level)
            of = {"group": group, "model": fit.model, "year": np.arange(1, YEARS + 1)}
            years.append(pd.DataFrame({**of, **rates, "level": level}))
        rate = orders[:, 1] / orders[:, 0]
        order_rate[fit.model] = Interval.around(rate[0], rate[1:], level)
    years = pd.concat(years, ignore_index=True)
    return ModelRetention(years, order_rate, oldest_age_years=float(grid.patterns.T.max() / year))


PERIOD_MONTHS = (12, 6, 3)
WINDOWS = (30, 90, 180, 365)
COUNTS = ("at_start", "at_end", "kept", "new")


def period_rates(orders: AnyOrders, window_days: int = 180, *, level: float = 0.9) -> pd.DataFrame:
    """What became of the customers of the last year, half year or quarter of the data, the longest that they hold.

    A customer is active on a day who ordered in the ``window_days`` days up to and including it. A rate needs the
    window before the period as well, so the data must reach back one window more than the period. Two numbers are
    called the retention rate: the articles' formula also counts those who came back, who were not there at the start.

    Parameters
    ----------
    window_days
        The stated window of activity.
    level
        Level of the intervals.

    Returns
    -------
    DataFrame
        One row a window, the stated one first, then others as far as they fit.

        - months, start (the last day before the period), end, window_days
        - at_start, at_end: customers active on these days
        - kept: on both; estimate, lower, upper, level of ``kept / at_start``, with Jeffreys' interval: customers are
          taken as independent
        - new: active at the end, with their first order in the period
        - reactivated: active at the end, neither active at the start nor new
        - rate, rate_lower, rate_upper: the formula, ``(at_end - new) / at_start = (kept + reactivated) / at_start``,
          which may exceed 1; those reactivated are taken as a Poisson count

        Under left truncation new, reactivated and the rate are missing.

    Raises
    ------
    Unavailable
        With the reason of the shortest period where none fits.

    Examples
    --------
    >>> import analysis as rl
    >>> year = period_rates(rl.read_orders({"sample": "cdnow"}), 180).iloc[0]
    >>> year[["at_start", "kept", "reactivated", "estimate", "rate"]].astype(float).round(3).tolist()
    [2347.0, 512.0, 2.0, 0.218, 0.219]
    """
    if window_days < 1:
        raise ValueError(f"window_days == {window_days}, must be at least 1")
    shortest, begin, end = min(PERIOD_MONTHS), orders.observation_start, orders.observation_end
    seen = {months: (months_before(end, months) - begin).days + 1 for months in PERIOD_MONTHS}
    if seen[shortest] < window_days:
        days = (end - begin).days + 1
        raise Unavailable(
            "There is no rate for {months:integer} months or more: with a window of {window:integer} days it needs "
            "{needed:integer} days of data; these hold {days:integer}.",
            code="retention.reason.too_short_for_the_period", days=days,
            window=window_days, months=shortest, needed=window_days + days - seen[shortest],
        )  # fmt: skip
    for months in (each for each in PERIOD_MONTHS if seen[each] >= window_days):
        windows = [window_days, *(each for each in WINDOWS if window_days != each <= seen[months])]
        counts = _activity(orders, months_before(end, months), windows)
        if counts["at_start"].iloc[0]:
            return _rates(counts[counts["at_start"] > 0], months, orders, level)
    raise Unavailable(
        "There is no rate for {months:integer} months: nobody was active when such a period began.",
        code="retention.reason.nobody_active",
        months=shortest,
    )


def months_before(day: dt.date, months: int) -> dt.date:
    """The same day of an earlier month; the last day of a month stays a last day.

    >>> months_before(dt.date(1998, 6, 30), 6), months_before(dt.date(2024, 3, 30), 1)
    (datetime.date(1997, 12, 31), datetime.date(2024, 2, 29))
    """
    stamp = pd.Timestamp(day)
    earlier = stamp - pd.DateOffset(months=months)
    return (earlier + pd.offsets.MonthEnd(0) if stamp.is_month_end else earlier).date()


def _activity(orders: AnyOrders, start: dt.date, windows: Sequence[int]) -> pd.DataFrame:
    """By window of activity: customers active at the start, at the end of the data, at both; and new ones there."""
    with history(orders) as bought:

        def active(day: dt.date, window: int) -> BooleanValue:
            return ((bought.day > day - dt.timedelta(days=window)) & (bought.day <= day)).any()

        moments = {"before": start, "after": orders.observation_end}
        flags = {f"{name}{window}": active(day, window) for window in windows for name, day in moments.items()}
        each, counts = bought.group_by("customer", "first").agg(**flags), {}
        for window in windows:
            before, after = each[f"before{window}"], each[f"after{window}"]
            who = before, after, before & after, after & (each["first"] > start)
            counts |= {f"{name}{window}": each.count(where=those) for name, those in zip(COUNTS, who, strict=True)}
        found = each.aggregate(**counts).to_pandas()
    return pd.DataFrame(found.to_numpy().reshape(len(windows), -1), index=list(windows), columns=list(COUNTS))


def _rates(counts: pd.DataFrame, months: int, orders: AnyOrders, level: float) -> pd.DataFrame:
    end, rows = orders.observation_end, []
    period = {"months": months, "start": pd.Timestamp(months_before(end, months)), "end": pd.Timestamp(end)}
    is_truncated = left_truncation(orders) is not None
    for window, row in counts.iterrows():
        back, share = row["at_end"] - row["kept"] - row["new"], share_interval(row["kept"], row["at_start"], level)
        rate = sum_interval(share, count_interval(back, level).per(row["at_start"]))
        told = {**row, "reactivated": back, "rate": rate.estimate, "rate_lower": rate.lower, "rate_upper": rate.upper}
        if is_truncated:
            told |= dict.fromkeys(("new", "reactivated", "rate", "rate_lower", "rate_upper"), np.nan)
        rows.append({**period, "window_days": window, **told, **vars(share)})
    return pd.DataFrame(rows)
