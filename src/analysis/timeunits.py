"""The only place where days, weeks, months and years and the rates that go with them are converted."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

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
