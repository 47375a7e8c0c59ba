"""What counts as a finding: an estimate, the placebo beside it, and the rule that says how far it may be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import NormalDist

import numpy as np

from analysis.interval import Interval

LARGEST_PLACEBO = 0.5
"""A clean placebo is at most this share of the estimate."""


class Verdict(StrEnum):
    """How far a finding may be used; only an ``ESTIMATE`` replaces an assumption of the simulation."""

    ESTIMATE = "estimate"
    ASSOCIATION = "association"
    NOTHING = "nothing"
    OPPOSITE = "opposite"


@dataclass(frozen=True)
class Finding:
    """One thing that the data say.

    Attributes
    ----------
    name
        Key of the finding, such as ``evidence.curve.gamma_deal``.
    estimate
        With its interval, in ``unit``.
    unit
        Unit in words.
    placebo
        The same quantity where there can be no effect, in the same unit; None where no placebo can be made.
    verdict
        By ``verdict_of``.
    customers, observations
        On how many it rests.
    details
        Further numbers of it, by name.
    """

    name: str
    estimate: Interval
    unit: str
    placebo: Interval | None
    verdict: Verdict
    customers: int
    observations: int
    details: Mapping[str, float | Interval] = field(default_factory=dict)


def verdict_of(estimate: Interval, placebo: Interval | None, *, expected_sign: int = 0) -> Verdict:
    """How far an estimate may be used.

    ``NOTHING`` where its interval holds 0. ``ESTIMATE`` where the placebo is clean: its interval holds 0 and not the
    estimate (so that it could have shown a fault), and it is at most half of the estimate in size. ``OPPOSITE`` where
    it is clean and the sign is not the one that the mechanism needs. ``ASSOCIATION`` otherwise, and always where there
    is no placebo.

    Examples
    --------
    >>> effect, quiet = Interval(1.0, 0.6, 1.4, 0.9), Interval(0.1, -0.3, 0.5, 0.9)
    >>> str(verdict_of(effect, quiet)), str(verdict_of(effect, Interval(0.7, 0.3, 1.1, 0.9)))
    ('estimate', 'association')
    """
    if holds(estimate, 0.0):
        return Verdict.NOTHING
    if placebo is None or not is_clean(estimate, placebo):
        return Verdict.ASSOCIATION
    return Verdict.OPPOSITE if expected_sign * estimate.estimate < 0 else Verdict.ESTIMATE


def is_clean(estimate: Interval, placebo: Interval) -> bool:
    """Whether a placebo shows no fault, and could have shown one."""
    small = abs(placebo.estimate) <= LARGEST_PLACEBO * abs(estimate.estimate)
    return small and holds(placebo, 0.0) and not holds(placebo, estimate.estimate)


def normal_interval(estimate: float, standard_error: float, level: float) -> Interval:
    """The central interval of a normal distribution.

    >>> interval = normal_interval(1.0, 0.5, 0.95)
    >>> round(interval.lower, 3), round(interval.upper, 3)
    (0.02, 1.98)
    """
    reach = NormalDist().inv_cdf((1 + level) / 2) * float(standard_error)
    return Interval(float(estimate), float(estimate) - reach, float(estimate) + reach, level)


def transformed(interval: Interval, function) -> Interval:
    """An interval on another scale, by an increasing function."""
    ends = (float(function(value)) for value in (interval.estimate, interval.lower, interval.upper))
    return Interval(*ends, interval.level)


def ratio_less_one(interval: Interval) -> Interval:
    """The interval of a log ratio, as a relative change."""
    return transformed(interval, np.expm1)


def holds(interval: Interval, value: float) -> bool:
    """Whether a value lies in an interval, ends included."""
    return interval.lower <= value <= interval.upper
