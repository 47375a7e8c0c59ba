"""What a claim's test hands back: probabilities, estimates, and what must be said with them, as keys and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from analysis.data import Note
from analysis.interval import Interval

DATA = "data"
"""Name of the one "model" of a claim that the data answer without a purchase model."""
CONFIGURED = "configured"
"""The same for a claim that configured costs answer."""


class Range(NamedTuple):
    """The numbers for which a claim counts as true, both ends included.

    >>> Range(0.25, 0.95).holds(np.array([0.1, 0.3, np.nan]))
    array([False,  True, False])
    """

    low: float
    high: float

    def holds(self, values: np.ndarray) -> np.ndarray:
        return (values >= self.low) & (values <= self.high)


@dataclass(frozen=True)
class Finding:
    """What the test of one claim found.

    Attributes
    ----------
    probabilities
        Purchase model (or ``data`` or ``configured``) -> posterior probability that the claim's range holds; empty
        where the claim cannot be tested.
    estimates
        The same names -> the number that the claim is about, with its interval.
    unit
        Unit of the estimates: ``share``, ``ratio``, ``correlation`` or ``log_odds``.
    reason
        Why the claim cannot be tested; None where it can.
    assumptions
        What the number rests on, and what it would take to say more.
    details
        Further numbers, such as a break-even.
    """

    probabilities: Mapping[str, float] = field(default_factory=dict)
    estimates: Mapping[str, Interval] = field(default_factory=dict)
    unit: str = "share"
    reason: Note | None = None
    assumptions: tuple[Note, ...] = ()
    details: tuple[Note, ...] = ()

    @property
    def estimate(self) -> Interval | None:
        """The first model's estimate with the widest ends of all models: nothing is averaged."""
        if not self.estimates:
            return None
        every = list(self.estimates.values())
        return Interval(
            every[0].estimate, min(each.lower for each in every), max(each.upper for each in every), every[0].level
        )


def probability_of(claimed: Range, draws: np.ndarray) -> float:
    """Posterior probability that the claim's range holds, from draws; never quite 0 or 1, as draws are finite.

    >>> probability_of(Range(0, 1), np.array([0.5, 0.5, 2.0]))
    0.625
    """
    return float((np.sum(claimed.holds(draws)) + 0.5) / (len(draws) + 1))


def finding_from_draws(
    claimed: Range,
    draws: Mapping[str, np.ndarray],
    estimates: Mapping[str, float],
    level: float,
    *,
    unit: str,
    assumptions: tuple[Note, ...] = (),
    details: tuple[Note, ...] = (),
) -> Finding:
    """The finding of a claim whose number has posterior draws under each name; a draw that is NaN holds no claim.

    Examples
    --------
    >>> draws = {"data": np.linspace(0.5, 0.6, 101)}
    >>> finding = finding_from_draws(Range(0.75, 0.85), draws, {"data": 0.55}, 0.9, unit="share")
    >>> round(finding.probabilities["data"], 3), finding.estimate.estimate
    (0.005, 0.55)
    """
    return Finding(
        probabilities={name: probability_of(claimed, drawn) for name, drawn in draws.items()},
        estimates={
            name: Interval.around(estimates[name], drawn[np.isfinite(drawn)], level) for name, drawn in draws.items()
        },
        unit=unit,
        assumptions=assumptions,
        details=details,
    )


def not_testable(reason: Note, *details: Note, assumptions: tuple[Note, ...] = ()) -> Finding:
    """The finding of a claim that cannot be tested here, with whatever number can be given all the same."""
    return Finding(reason=reason, assumptions=assumptions, details=details)
