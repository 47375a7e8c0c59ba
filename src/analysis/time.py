"""The only place where days, weeks, months and years and the rates that go with them are converted."""

from __future__ import annotations

import datetime as dt
import re
from enum import StrEnum

import numpy as np

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


def rate_over(annual_rate: float, duration: float, unit: TimeUnit) -> float:
    """Compound rate over ``duration`` units: (1 + d) ** (t / year) - 1.

    >>> round(rate_over(0.10, 6, TimeUnit.MONTH), 6)
    0.048809
    """
    return float(np.expm1(np.log1p(annual_rate) * duration / units_per_year(unit)))
