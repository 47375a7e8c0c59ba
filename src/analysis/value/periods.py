"""The articles' retention rate of a period: (customers at the end - new ones) / customers at the start."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.data import Orders
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.value.history import first_order_days, history, left_truncation
from analysis.value.intervals import count_interval, share_interval, sum_interval
from analysis.words import Message

PERIOD_MONTHS = (12, 6, 3)
WINDOWS = (30, 90, 180, 365)
MOST_QUARTERS = 40


@dataclass(frozen=True)
class PeriodRate:
    """What became of the customers of one period.

    A customer is active on a day who ordered in the ``window_days`` days up to and including it. Two numbers are
    called the retention rate: the articles' formula also counts those who came back, who were not there at the start.

    Attributes
    ----------
    start, end
        The last day before the period and its last day.
    months, window_days
        Length of the period; what active means.
    at_start, at_end
        Customers active on ``start`` and on ``end``.
    kept
        Active on both.
    new
        Active at the end, with their first order in the period; None under left truncation.
    new_and_gone
        With their first order in the period and no longer active at its end; in no other number. None under left
        truncation.
    reactivated
        Active at the end, neither active at the start nor new; None under left truncation.
    kept_share
        ``kept / at_start``, of those there at the start, with Jeffreys' interval: customers are taken as independent.
    rate
        The formula, ``(at_end - new) / at_start = (kept + reactivated) / at_start``, which may exceed 1; its interval
        takes those reactivated as a Poisson count. None under left truncation.
    shared_days
        How many days the windows of start and end have in common: who ordered in them cannot be lost by definition.
        0 unless the window is longer than the period.
    """

    start: dt.date
    end: dt.date
    months: int
    window_days: int
    at_start: int
    at_end: int
    kept: int
    new: int | None
    new_and_gone: int | None
    reactivated: int | None
    kept_share: Interval
    rate: Interval | None
    shared_days: int

    @property
    def lost(self) -> int:
        """Active at the start and not at the end."""
        return self.at_start - self.kept


@dataclass(frozen=True)
class PeriodRates:
    """Retention rates by period, as far as the data reach.

    Attributes
    ----------
    window_days
        The stated window of activity.
    by_months
        Length of the period (12, 6, 3 months) -> its rates, oldest first, each period ending where the next begins and
        the last on the last day of the data. Lengths that do not fit are missing.
    reasons
        Length of the period -> why there is no rate.
    by_window
        The last period of the longest length there is, under several windows (30, 90, 180, 365 days and the stated
        one, as far as they fit), shortest window first.
    left_truncation
        Why first orders are not known, with which ``rate`` and ``new`` are left out; None where they are known.
    """

    window_days: int
    by_months: Mapping[int, tuple[PeriodRate, ...]]
    reasons: Mapping[int, Message]
    by_window: tuple[PeriodRate, ...]
    left_truncation: Message | None

    @property
    def latest(self) -> PeriodRate:
        """The last period of the longest length there is."""
        return self.by_months[max(self.by_months)][-1]


def period_rates(orders: Orders, window_days: int = 180, *, level: float = 0.9) -> PeriodRates:
    """Rates of years, half years and quarters that end with the data, as many as the data hold.

    A rate needs the window before its first day as well, so the data must reach back one window more than the period.
    At most the last ten years.

    Parameters
    ----------
    window_days
        A customer is active on a day who ordered in this many days up to and including it.
    level
        Level of the intervals.

    Raises
    ------
    Unavailable
        With the reason of the shortest period where none fits.

    Examples
    --------
    >>> import analysis as rl
    >>> year = period_rates(rl.read_orders({"sample": "cdnow"}), 180).latest
    >>> year.at_start, year.kept, year.reactivated, round(year.kept_share.estimate, 3), round(year.rate.estimate, 3)
    (2347, 512, 2, 0.218, 0.219)
    """
    if window_days < 1:
        raise ValueError(f"window_days == {window_days}, must be at least 1")
    spans = {months: _spans(orders, months, window_days) for months in PERIOD_MONTHS}
    reasons = {months: _too_short(orders, months, window_days) for months in PERIOD_MONTHS if not spans[months]}
    windows = {months: _under_windows(orders, *each[-1]) for months, each in spans.items() if each}
    active, by_months = _active(orders, {span for each in (*spans.values(), *windows.values()) for span in each}), {}
    for months, of_length in spans.items():
        if rates := _rates(orders, of_length, months, active, level):
            by_months[months] = rates
        elif of_length:
            reasons[months] = Message(
                "There is no rate for {months:integer} months: nobody was active when such a period began.",
                code="retention.reason.nobody_active",
                months=months,
            )
    if not by_months:
        raise Unavailable(reasons[min(PERIOD_MONTHS)])
    longest = max(by_months)
    by_window = _rates(orders, windows[longest], longest, active, level)
    return PeriodRates(window_days, by_months, reasons, by_window, left_truncation(orders))


Span = tuple[dt.date, dt.date, int]
"""The last day before a period, its last day, and the window of activity [days]."""


def _spans(orders: Orders, months: int, window_days: int) -> list[Span]:
    """The periods of this length whose windows are observed, oldest first."""
    ends = [months_before(orders.observation_end, months * step) for step in range(MOST_QUARTERS * 3 // months + 1)]
    seen = [day for day in ends if day - dt.timedelta(days=window_days - 1) >= orders.observation_start][::-1]
    return [(first, last, window_days) for first, last in itertools.pairwise(seen)]


def _under_windows(orders: Orders, first: dt.date, last: dt.date, window_days: int) -> list[Span]:
    """The same period under each window that is observed at its start."""
    most = (first - orders.observation_start).days + 1
    return [(first, last, window) for window in sorted({*WINDOWS, window_days}) if window <= most]


def _too_short(orders: Orders, months: int, window_days: int) -> Message:
    start, end = orders.observation_start, orders.observation_end
    numbers = {"days": (end - start).days + 1, "window": window_days, "months": months}
    numbers["needed"] = window_days + (end - months_before(end, months)).days
    if months == 12:
        return Message(
            "There is no rate for a whole year: with a window of {window:integer} days it needs {needed:integer} days "
            "of data; these hold {days:integer}.", code="retention.reason.too_short_for_a_year", **numbers,
        )  # fmt: skip
    return Message(
        "There is no rate for {months:integer} months or more: with a window of {window:integer} days it needs "
        "{needed:integer} days of data; these hold {days:integer}.",
        code="retention.reason.too_short_for_the_period", **numbers,
    )  # fmt: skip


def months_before(day: dt.date, months: int) -> dt.date:
    """The same day of an earlier month; the last day of a month stays a last day.

    >>> months_before(dt.date(1998, 6, 30), 6), months_before(dt.date(2024, 3, 30), 1)
    (datetime.date(1997, 12, 31), datetime.date(2024, 2, 29))
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    length = calendar.monthrange(year, month + 1)[1]
    is_last = day.day == calendar.monthrange(day.year, day.month)[1]
    return dt.date(year, month + 1, length if is_last else min(day.day, length))


def _active(orders: Orders, spans: set[Span]) -> Callable[[dt.date, int], np.ndarray]:
    """From a day and a window to who was active then: one bit of a customer's number for each such moment."""
    moments = sorted({(day, window) for *days, window in spans for day in days})
    days = pd.date_range(orders.observation_start, orders.observation_end, unit="s")
    bits = np.zeros(len(days), dtype=np.int64)
    for place, (day, window) in enumerate(moments):
        inside = (days > pd.Timestamp(day) - pd.Timedelta(days=window)) & (days <= pd.Timestamp(day))
        bits[inside] |= np.int64(1 << place)
    calendar_days = pd.DataFrame({"day": days, "bits": bits})
    with history(orders, calendar_days=calendar_days[bits > 0]) as (connection, occasions):
        found = connection.execute(f"""
            SELECT o.customer AS customer, bit_or(c.bits) AS bits
            FROM {occasions} AS o JOIN (SELECT CAST(day AS DATE) AS day, bits FROM calendar_days) AS c USING (day)
            GROUP BY o.customer""").fetchnumpy()
    of_customer = np.zeros(orders.customers, dtype=np.int64)
    of_customer[found["customer"]] = found["bits"]
    return lambda day, window: (of_customer & np.int64(1 << moments.index((day, window)))) != 0


def _rates(orders: Orders, spans: Iterable[Span], months: int, active, level: float) -> tuple[PeriodRate, ...]:
    """The rates of these periods, without those at whose start nobody was active."""
    found, birth, truncated = [], first_order_days(orders), left_truncation(orders)
    for first, last, window in spans:
        before, after = active(first, window), active(last, window)
        at_start, kept = int(before.sum()), int((before & after).sum())
        if not at_start:
            continue
        share, new, new_and_gone, back, rate = share_interval(kept, at_start, level), None, None, None, None
        if truncated is None:
            born = (birth > np.datetime64(first)) & (birth <= np.datetime64(last))
            new, new_and_gone = int((born & after).sum()), int((born & ~after).sum())
            back = int((after & ~before & ~born).sum())
            rate = sum_interval(share, count_interval(back, level).per(at_start))
        shared = max(0, window - (last - first).days)
        found.append(
            PeriodRate(
                first,
                last,
                months,
                window,
                at_start,
                int(after.sum()),
                kept,
                new,
                new_and_gone,
                back,
                share,
                rate,
                shared,
            )
        )
    return tuple(found)
