"""The only place where days, weeks, months and years and the rates that go with them are converted.

References
----------
.. [1] Cox, Isham (1980), Point Processes, section 4.2: operational time.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from analysis.errors import UsageError

DAYS_PER_YEAR = 365.25


class TimeUnit(StrEnum):
    """The unit in which recency, T and the models' parameters are stated.

    A week is seven days and not a calendar week: the resolution of the data stays the day.
    """

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


DAYS_PER = {
    TimeUnit.DAY: 1.0,
    TimeUnit.WEEK: 7.0,
    TimeUnit.MONTH: DAYS_PER_YEAR / 12,
    TimeUnit.YEAR: DAYS_PER_YEAR,
}


_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?([DWMY])")
_LETTERS = dict(zip("DWMY", TimeUnit, strict=True))


def duration(length) -> float:
    """A duration with its unit, in days: ``"90D"``, ``"13W"``, ``"6M"``, ``"3Y"`` or a Timedelta.

    Raises
    ------
    UsageError
        For a bare number, which could be days as well as weeks, and for what is no duration or not above 0.

    Examples
    --------
    >>> duration("13W"), duration("3Y"), duration(dt.timedelta(days=10))
    (91.0, 1095.75, 10.0)
    >>> duration(13)
    Traceback (most recent call last):
    analysis.errors.UsageError: duration == 13, must be above 0 and have a unit: '90D', '13W', '6M', '3Y' or a Timedelta
    """
    days = 0.0
    if isinstance(length, str) and (found := _DURATION.fullmatch(length.strip())):
        days = to_days(float(found[1]), _LETTERS[found[2]])
    elif isinstance(length, dt.timedelta | np.timedelta64):
        days = float(np.timedelta64(length, "us") / np.timedelta64(1, "D"))
    if not 0 < days < np.inf:
        allowed = "'90D', '13W', '6M', '3Y' or a Timedelta"
        raise UsageError(f"duration == {length!r}, must be above 0 and have a unit: {allowed}")
    return days


def time_unit(name) -> TimeUnit:
    """The unit of that name.

    >>> time_unit("weeks")
    Traceback (most recent call last):
    analysis.errors.UsageError: unit == 'weeks', must be one of 'day', 'week', 'month', 'year'
    """
    if name not in list(TimeUnit):
        raise UsageError(f"unit == {name!r}, must be one of {', '.join(repr(str(unit)) for unit in TimeUnit)}")
    return TimeUnit(name)


def from_days(days, unit: TimeUnit):
    """Durations in days, as durations in ``unit``.

    >>> from_days(273, TimeUnit.WEEK)
    39.0
    """
    return days / DAYS_PER[unit]


def to_days(duration, unit: TimeUnit):
    """Durations in ``unit``, as durations in days.

    >>> to_days(1, TimeUnit.YEAR)
    365.25
    """
    return duration * DAYS_PER[unit]


def units_per_year(unit: TimeUnit) -> float:
    """How many ``unit`` make a year of 365.25 days.

    >>> round(units_per_year(TimeUnit.WEEK), 4)
    52.1786
    """
    return DAYS_PER_YEAR / DAYS_PER[unit]


def force_of_interest(annual_rate: float, unit: TimeUnit) -> float:
    """Continuous rate delta per ``unit`` with exp(-delta t) = (1 + annual_rate) ** -(t in years).

    >>> import math
    >>> round(math.exp(-force_of_interest(0.10, TimeUnit.WEEK) * units_per_year(TimeUnit.WEEK)), 6)
    0.909091
    """
    return float(np.log1p(annual_rate)) / units_per_year(unit)


def annuity(rate, length):
    """Worth at its beginning of one unit per time unit over a length, at a rate by which it is discounted or lost.

    >>> annuity(np.array([0.0, 0.1]), 10.0).round(2).tolist()
    [10.0, 6.32]
    """
    return np.where(rate > 0, -np.expm1(-rate * length) / np.maximum(rate, 1e-300), length)


def rate_over(annual_rate: float, duration: float, unit: TimeUnit) -> float:
    """Compound rate over ``duration`` units: (1 + d) ** (t / year) - 1.

    >>> round(rate_over(0.10, 6, TimeUnit.MONTH), 6)
    0.048809
    """
    return float(np.expm1(np.log1p(annual_rate) * duration / units_per_year(unit)))


@dataclass(frozen=True)
class Promotions:
    """Days on which customers order more often than on others, past and planned.

    Attributes
    ----------
    edges
        Begin and end of each promotion [days since 1970], sorted and apart, shape (2 n,), see ``promotion_edges``.
    factor
        Order rate on these days over that on others.
    share
        Share of the time observed that lies in promotions.
    until
        Day up to which they are known [days since 1970]: the last of the data or of the calendar. After it time runs at
        the mean rate, as if as much of it lay in promotions as of the time observed.
    """

    edges: np.ndarray
    factor: float
    share: float
    until: float

    @property
    def mean(self) -> float:
        """Order rate of the time observed, over that outside promotions."""
        return 1 + (self.factor - 1) * self.share


def promotion_edges(calendar: pd.DataFrame) -> np.ndarray:
    """Begin and end of promotions [days since 1970], those that overlap or touch as one, sorted, shape (2 n,).

    Parameters
    ----------
    calendar
        start and end, the first and the last day of each.

    Examples
    --------
    >>> calendar = pd.DataFrame({"start": ["1970-01-11", "1970-01-05"], "end": ["1970-01-12", "1970-01-10"]})
    >>> promotion_edges(calendar).tolist()
    [4.0, 12.0]
    """
    days = [pd.to_datetime(calendar[name]).to_numpy("datetime64[D]").astype(float) for name in ("start", "end")]
    order = np.argsort(days[0], kind="stable")
    begin, end = days[0][order], np.maximum.accumulate(days[1][order] + 1)
    is_apart = begin[1:] > end[:-1]
    return np.column_stack([begin[np.append(True, is_apart)], end[np.append(is_apart, True)]]).ravel()


def in_promotion(dates, edges: np.ndarray) -> np.ndarray:
    """Whether days lie in promotions with such edges."""
    return np.searchsorted(edges, np.asarray(dates, "datetime64[D]").astype(float) + 0.5) % 2 == 1


@dataclass(frozen=True)
class Clock:
    """The time that a purchase model knows: in its unit, and where orders follow a season or promotions, faster then.

    In this operational time ([1]_) customers order at an even rate; a year is as long in it as by the calendar where it
    has as much of promotions as those observed. New customers, of whom no date is known, live in such a mean year.

    Attributes
    ----------
    unit
        Unit of the model.
    season
        Order rate in equal parts of the year over its mean, shape (parts,); None where no season is known.
    promotions
        Days on which customers order more often; None where none are known.

    Examples
    --------
    >>> clock = Clock(TimeUnit.WEEK, np.array([0.5, 1.5]))  # three times as many orders in the second half of the year
    >>> float(clock.ahead(28, dt.date(2023, 1, 31))), float(clock.ahead(28, dt.date(2023, 9, 30)))
    (2.0, 6.0)
    >>> round(float(clock.ahead(2 * DAYS_PER_YEAR, dt.date(2023, 9, 30))), 4)
    104.3571
    """

    unit: TimeUnit
    season: np.ndarray | None = None
    promotions: Promotions | None = None

    @property
    def follows(self) -> str:
        """``season``, ``promotions`` or ``season and promotions``; empty where time runs as by the calendar."""
        return " and ".join(name for name in ("season", "promotions") if getattr(self, name) is not None)

    def rate_on(self, dates) -> np.ndarray:
        """Order rate on days over the mean rate, shape (n,)."""
        rate = np.ones(len(dates))
        if self.season is not None:
            rate = self.season[self.part_of(dates, len(self.season)) % len(self.season)]
        if self.promotions is not None:
            is_in = in_promotion(dates, self.promotions.edges)
            known = np.where(is_in, self.promotions.factor, 1.0) / self.promotions.mean
            rate = rate * np.where(np.asarray(dates, "datetime64[D]").astype(float) < self.promotions.until, known, 1.0)
        return rate

    def ages(self, recency, age, end: dt.date | None) -> tuple[np.ndarray, np.ndarray]:
        """Model time of recency and T [days] of histories up to the day ``end``."""
        recency, age = np.asarray(recency), np.asarray(age)
        if not self.follows:
            return from_days(recency, self.unit), from_days(age, self.unit)
        last = self._day(end)
        first = self._operational(last - age)
        since = self._operational(last - age + recency) - first
        return from_days(since, self.unit), from_days(self._operational(last) - first, self.unit)

    def ahead(self, days, after: dt.date | np.ndarray | None):
        """Model time of so many days after a day."""
        if not self.follows:
            return from_days(days, self.unit)
        last = self._day(after)
        return from_days(self._operational(last + days) - self._operational(last), self.unit)

    def days_ahead(self, time, after: dt.date | np.ndarray | None):
        """Days after a day in which so much model time passes: the inverse of ``ahead``."""
        if not self.follows:
            return to_days(time, self.unit)
        last = self._day(after)
        passed = self._operational(last) + to_days(time, self.unit)
        if self.promotions is not None:
            edges, within = self._promoted()
            more, until = self.promotions.factor - 1, self._seasonal(self.promotions.until)
            known = self._operational(self.promotions.until)
            after = np.maximum(passed - known, 0.0)
            passed = np.minimum(passed, known) * self.promotions.mean
            passed = passed - more * np.interp(passed, edges + more * within, within)
            passed = np.where(after > 0, until + after, passed)
        if self.season is not None:
            ends, reached = self._parts()
            passed = self._by_year(passed, reached, ends)
        return passed - last

    def calendar_after(self, day: dt.date | None) -> Callable[[np.ndarray], np.ndarray] | None:
        """From model time after a day to time by the calendar, in the unit; None where both are the same."""
        return (lambda time: from_days(self.days_ahead(time, day), self.unit)) if self.follows else None

    def since(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Model time from the end of one day to that of another, datetime64[D]; 0 where the second comes first."""
        start, end = self._day(start), self._day(end)
        if self.follows:
            start, end = self._operational(start), self._operational(end)
        return from_days(np.maximum(end - start, 0.0), self.unit)

    @staticmethod
    def part_of(dates, parts: int) -> np.ndarray:
        """Number since 1970 of the part of a year in which days lie, where a year has so many equal ones."""
        days = np.asarray(dates, "datetime64[D]").astype(float) + 0.5
        return np.floor(days / DAYS_PER_YEAR * parts).astype(int)

    def _day(self, date: dt.date | np.ndarray | None):
        """Days since the beginning of 1970 at the end of a day."""
        if date is None:
            what = "a season" if self.follows == "season" else self.follows
            raise UsageError(f"the model follows {what}, so customers need dates: orders, and not only a summary")
        return np.asarray(date, "datetime64[D]").astype(float) + 1

    def _parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the parts of the year, and the operational days that have passed by then."""
        ends = np.linspace(0, DAYS_PER_YEAR, len(self.season) + 1)
        return ends, np.append(0.0, np.cumsum(self.season / self.season.sum())) * DAYS_PER_YEAR

    @staticmethod
    def _by_year(days, before: np.ndarray, after: np.ndarray):
        year, rest = np.divmod(days, DAYS_PER_YEAR)
        return year * DAYS_PER_YEAR + np.interp(rest, before, after)

    def _seasonal(self, day):
        """Operational days that have passed by a day as far as the season goes."""
        return day if self.season is None else self._by_year(day, *self._parts())

    def _promoted(self) -> tuple[np.ndarray, np.ndarray]:
        """Edges of promotions in the time of the season, and how much of it has passed in promotions by then."""
        edges = self._seasonal(self.promotions.edges)
        passed = np.append(0.0, np.cumsum(np.diff(edges)[::2]))
        return edges, np.repeat(passed, 2)[1:-1]

    def _operational(self, day):
        day = self._seasonal(day)
        if self.promotions is None:
            return day
        known = np.minimum(day, until := self._seasonal(self.promotions.until))
        more = (self.promotions.factor - 1) * np.interp(known, *self._promoted())
        return (known + more) / self.promotions.mean + np.maximum(day - until, 0.0)
