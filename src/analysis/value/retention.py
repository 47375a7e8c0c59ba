"""Retention, counted and modelled.

Counted, it is the articles' rate of a period: (customers at the end - new ones) / customers at the start. As purchase
models see it, by year, of new customers and of today's base, it is as good as their story about leaving: nobody sees a
customer leave, and the models fit alike and differ. In BG/NBD a customer without a repeat order cannot have left; in
Pareto/NBD anyone can at any moment.
"""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.plotting import Plots
from analysis.tables import Result
from analysis.time import units_per_year
from analysis.value.history import AnyOrders, history, left_truncation
from analysis.value.intervals import count_interval, ends, share_interval, sum_interval
from analysis.value.shifts import Timeline, base_grid, streams_of

if TYPE_CHECKING:
    from analysis.data import CustomerSummary
    from analysis.models.fits import PurchaseFit


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
        row = self.years[(self.years["group"] == "new_customers") & (self.years["model"] == model)].iloc[0]
        return Interval(*row[["estimate", "lower", "upper", "level"]])

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


PERIOD_MONTHS = (12, 6, 3)
WINDOWS = (30, 90, 180, 365)
MOST_QUARTERS = 40
Span = tuple[int, dt.date, dt.date, int]
"""Months of a period, the last day before it, its last day, and the window of activity [days]."""


def period_rates(orders: AnyOrders, window_days: int = 180, *, level: float = 0.9) -> pd.DataFrame:
    """What became of the customers of years, half years and quarters that end with the data, over the last ten years.

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
        The first row is the last period of the longest length there is; the other periods follow, the longest and then
        the newest first; then the first one under other windows, as far as these fit.

        - months, start (the last day before the period), end, window_days
        - at_start, at_end: customers active on these days
        - kept: on both; estimate, lower, upper, level of ``kept / at_start``, with Jeffreys' interval: customers are
          taken as independent
        - new: active at the end, with their first order in the period; new_and_gone: with their first order in the
          period and no longer active at its end, who are in no other number
        - reactivated: active at the end, neither active at the start nor new
        - rate, rate_lower, rate_upper: the formula, ``(at_end - new) / at_start = (kept + reactivated) / at_start``,
          which may exceed 1; those reactivated are taken as a Poisson count
        - shared_days: how many days the windows of start and end have in common: who ordered in them cannot be lost by
          definition

        Under left truncation new, new_and_gone, reactivated and the rate are missing.

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
    spans = [span for months in PERIOD_MONTHS for span in _spans(orders, months, window_days)]
    shortest, end = min(PERIOD_MONTHS), orders.observation_end
    if not spans:
        raise Unavailable(
            "There is no rate for {months:integer} months or more: with a window of {window:integer} days it needs "
            "{needed:integer} days of data; these hold {days:integer}.",
            code="retention.reason.too_short_for_the_period", days=(end - orders.observation_start).days + 1,
            window=window_days, months=shortest, needed=window_days + (end - months_before(end, shortest)).days,
        )  # fmt: skip
    rows = list(_rates(orders, spans, level))
    if not rows:
        raise Unavailable(
            "There is no rate for {months:integer} months: nobody was active when such a period began.",
            code="retention.reason.nobody_active",
            months=shortest,
        )
    months, start, end = rows[0]["months"], rows[0]["start"].date(), rows[0]["end"].date()
    most = (start - orders.observation_start).days + 1
    others = [(months, start, end, window) for window in WINDOWS if window_days != window <= most]
    return pd.DataFrame([*rows, *_rates(orders, others, level)])


def _spans(orders: AnyOrders, months: int, window_days: int) -> list[Span]:
    """The periods of this length whose windows are observed, the newest first."""
    ends = [months_before(orders.observation_end, months * step) for step in range(MOST_QUARTERS * 3 // months + 1)]
    seen = [day for day in ends if day - dt.timedelta(days=window_days - 1) >= orders.observation_start]
    return [(months, first, last, window_days) for last, first in itertools.pairwise(seen)]


def months_before(day: dt.date, months: int) -> dt.date:
    """The same day of an earlier month; the last day of a month stays a last day.

    >>> months_before(dt.date(1998, 6, 30), 6), months_before(dt.date(2024, 3, 30), 1)
    (datetime.date(1997, 12, 31), datetime.date(2024, 2, 29))
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    length = calendar.monthrange(year, month + 1)[1]
    is_last = day.day == calendar.monthrange(day.year, day.month)[1]
    return dt.date(year, month + 1, length if is_last else min(day.day, length))


def _activity(orders: AnyOrders, spans: Sequence[Span]) -> tuple[pd.DataFrame, list[tuple[dt.date, int]]]:
    """Customers by the day of their first order and by when they were active, and the moments: a day and a window.

    Columns first, customers and active, with one bit for each of the moments.
    """
    moments = sorted({(day, window) for _, *days, window in spans for day in days})
    with history(orders) as bought:
        bits = ibis.literal(0, "int64")
        for place, (day, window) in enumerate(moments):
            inside = (bought.day > day - dt.timedelta(days=window)) & (bought.day <= day)
            bits = bits + inside.ifelse(1 << place, 0)
        each = bought.mutate(bits=bits).group_by("customer", "first").agg(active=lambda t: t.bits.bit_or())
        return each.group_by("first", "active").agg(customers=each.count()).to_pandas(), moments


def _rates(orders: AnyOrders, spans: Sequence[Span], level: float) -> Iterator[dict[str, Any]]:
    """Rows of these periods, without those at whose start nobody was active."""
    cells, moments = _activity(orders, spans)
    birth, count = cells["first"].to_numpy(), cells["customers"].to_numpy()
    is_truncated = left_truncation(orders) is not None

    def active(day: dt.date, window: int) -> np.ndarray:
        return (cells["active"].to_numpy() & np.int64(1 << moments.index((day, window)))) != 0

    for months, first, last, window in spans:
        before, after = active(first, window), active(last, window)
        at_start, kept = int(count[before].sum()), int(count[before & after].sum())
        if not at_start:
            continue
        share, new, gone, back, rate = share_interval(kept, at_start, level), *[np.nan] * 3, [np.nan] * 3
        if not is_truncated:
            born = (birth > np.datetime64(first)) & (birth <= np.datetime64(last))
            new, gone, back = (
                int(count[each].sum()) for each in (born & after, born & ~after, after & ~before & ~born)
            )
            formula = sum_interval(share, count_interval(back, level).per(at_start))
            rate = [formula.estimate, formula.lower, formula.upper]
        yield {
            "months": months,
            "start": pd.Timestamp(first),
            "end": pd.Timestamp(last),
            "window_days": window,
            "at_start": at_start,
            "at_end": int(count[after].sum()),
            "kept": kept,
            "new": new,
            "new_and_gone": gone,
            "reactivated": back,
            **vars(share),
            **dict(zip(("rate", "rate_lower", "rate_upper"), rate, strict=True)),
            "shared_days": max(0, window - (last - first).days),
        }
