"""An estimate with the interval around it, which every layer hands on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Interval:
    """An estimate with the interval around it.

    Attributes
    ----------
    estimate, lower, upper
        In the unit of the quantity.
    level
        Share of the probability between ``lower`` and ``upper``.
    """

    estimate: float
    lower: float
    upper: float
    level: float

    @classmethod
    def around(cls, estimate: float, draws: np.ndarray, level: float) -> Interval:
        """An estimate with the central interval of its draws.

        >>> Interval.around(2.0, np.arange(5.0), 0.5)
        Interval(estimate=2.0, lower=1.0, upper=3.0, level=0.5)
        """
        lower, upper = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]).tolist()
        return cls(float(estimate), lower, upper, level)

    @classmethod
    def of_draws(cls, draws: np.ndarray, level: float) -> Interval:
        """The mean of draws with their central interval."""
        return cls.around(draws.mean(), draws, level)

    @classmethod
    def normal(cls, estimate: float, error: float, level: float, freedom: float = np.inf) -> Interval:
        """An estimate with its standard error; by Student's t where that rests on few degrees of freedom.

        >>> interval = Interval.normal(1.0, 0.5, 0.95)
        >>> round(interval.lower, 3), round(interval.upper, 3)
        (0.02, 1.98)
        """
        from scipy.special import ndtri, stdtrit  # which a page that only shows intervals does not need

        point = (1 + level) / 2
        reach = float((ndtri(point) if np.isinf(freedom) else stdtrit(freedom, point)) * error)
        return cls(float(estimate), float(estimate) - reach, float(estimate) + reach, level)

    @classmethod
    def in_row(cls, row: Mapping[str, Any], name: str = "estimate") -> Interval:
        """A number of a row with the ends beside it: ``NAME_lower`` and ``NAME_upper``, else ``lower`` and ``upper``.

        >>> Interval.in_row({"share": 0.2, "lower": 0.1, "upper": 0.3, "level": 0.9}, "share")
        Interval(estimate=0.2, lower=0.1, upper=0.3, level=0.9)
        """
        own = f"{name}_" if f"{name}_lower" in row else ""
        return cls(row[name], row[f"{own}lower"], row[f"{own}upper"], row.get("level", np.nan))

    def per(self, count: float) -> Interval:
        """The interval of a total, divided among so many; by -1 it is that of so much less.

        >>> Interval(10.0, 8.0, 14.0, 0.9).per(2)
        Interval(estimate=5.0, lower=4.0, upper=7.0, level=0.9)
        >>> Interval(-2.0, -3.0, 0.5, 0.9).per(-1)
        Interval(estimate=2.0, lower=-0.5, upper=3.0, level=0.9)
        """
        return Interval(self.estimate / count, *sorted((self.lower / count, self.upper / count)), self.level)


def spanned(intervals: Iterable[Interval]) -> Interval:
    """From the lowest estimate to the highest, as of models that disagree; of one, its own interval.

    >>> spanned([Interval(0.2, 0.1, 0.3, 0.9), Interval(0.1, 0.05, 0.2, 0.9)])
    Interval(estimate=0.2, lower=0.1, upper=0.2, level=0.9)
    """
    first, *others = intervals
    if not others:
        return first
    estimates = [each.estimate for each in (first, *others)]
    return Interval(first.estimate, min(estimates), max(estimates), first.level)
