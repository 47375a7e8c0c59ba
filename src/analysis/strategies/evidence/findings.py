"""What counts as a finding: an estimate, the placebo beside it, and the rule that says how far it may be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.config.assumptions import Assumption, Parameter
from analysis.interval import Interval
from analysis.words import Message

LARGEST_PLACEBO = 0.5
"""A clean placebo is at most this share of the estimate."""
LEAST_WIDTH = 0.05
"""What stays of a capped range at least, as a share of it: no data rule an effect out."""
LABELS = {
    "curve.gamma_deal": Message("Pace after a better deal than expected"),
    "curve.theta_deal": Message("Staying after a better deal than expected"),
    "curve.gamma_exp": Message("Pace after a better experience than expected"),
    "curve.theta_exp": Message("Staying after a better experience than expected"),
    "bump.lift": Message("Orders in a promotion week of customers who were there before"),
    "campaign.orders": Message("Orders of targeted customers while a campaign runs"),
    "campaign.spending": Message("Spending of targeted customers while a campaign runs"),
    "campaign.afterwards": Message("Orders of targeted customers in the four weeks after"),
}
UNITS = {
    "curve.gamma_deal": Message("log pace per share of price"),
    "curve.theta_deal": Message("log odds per share of price"),
    "curve.gamma_exp": Message("log pace per standard deviation of the scores"),
    "curve.theta_exp": Message("log odds per standard deviation of the scores"),
    "bump": Message("share of orders"),
    "campaign.spending": Message("currency per customer and week"),
    "campaign": Message("orders per customer and week"),
}
"""Beginning of a finding's name -> its unit."""
VERDICTS = {
    "estimate": Message("estimate"),
    "association": Message("association"),
    "nothing": Message("nothing found"),
    "opposite": Message("against the mechanism"),
}
"""How far a finding may be used; only an estimate replaces an assumption of the simulation."""


@dataclass(frozen=True)
class Finding:
    """One thing that the data say.

    Attributes
    ----------
    name
        Key of the finding, such as ``evidence.curve.gamma_deal``.
    estimate
        With its interval, in ``unit``.
    placebo
        The same quantity where there can be no effect, in the same unit; None where no placebo can be made.
    verdict
        ``estimate``, ``association``, ``nothing`` or ``opposite``, by ``verdict_of``.
    customers, observations
        On how many it rests.
    details
        Further numbers of it, by name.
    """

    name: str
    estimate: Interval
    placebo: Interval | None
    verdict: str
    customers: int
    observations: int
    details: Mapping[str, float | Interval] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, estimate: Interval, placebo: Interval | None, counts, *, sign: int = 0) -> Finding:
        """What an estimate beside its placebo is worth; ``sign`` is that which the mechanism needs, 0 for any."""
        return cls(f"evidence.{name}", estimate, placebo, verdict_of(estimate, placebo, expected_sign=sign), *counts)

    @property
    def label(self) -> Message:
        return LABELS[self.name.removeprefix("evidence.")]

    @property
    def unit(self) -> Message:
        return next(unit for start, unit in UNITS.items() if self.name.startswith(f"evidence.{start}"))


@dataclass(frozen=True)
class Part:
    """What the data say to one question.

    Attributes
    ----------
    findings
        With their placebos and verdicts; ``part["lift"]`` is the one whose name goes on so.
    details
        What else was found, by name.
    estimates
        Parameter name -> draws that may replace its assumption, row-aligned.
    caps
        Parameter name -> the range of an assumption that is limited although it is not replaced.
    notes
        What is worth saying of it.
    """

    findings: tuple[Finding, ...]
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    estimates: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    caps: Mapping[str, Assumption] = field(default_factory=dict)
    notes: tuple[Message, ...] = ()

    def __getitem__(self, name: str) -> Finding:
        return next(each for each in self.findings if each.name.rpartition(".")[2].startswith(name))


def verdict_of(estimate: Interval, placebo: Interval | None, *, expected_sign: int = 0) -> str:
    """How far an estimate may be used.

    ``nothing`` where its interval holds 0. ``estimate`` where the placebo is clean: its interval holds 0 and not the
    estimate (so that it could have shown a fault), and it is at most half of the estimate in size. ``opposite`` where
    it is clean and the sign is not the one that the mechanism needs. ``association`` otherwise, and always where there
    is no placebo.

    Examples
    --------
    >>> effect, quiet = Interval(1.0, 0.6, 1.4, 0.9), Interval(0.1, -0.3, 0.5, 0.9)
    >>> verdict_of(effect, quiet), verdict_of(effect, Interval(0.7, 0.3, 1.1, 0.9))
    ('estimate', 'association')
    """
    if holds(estimate, 0.0):
        return "nothing"
    if placebo is None or not holds(placebo, 0.0) or holds(placebo, estimate.estimate):
        return "association"
    if abs(placebo.estimate) > LARGEST_PLACEBO * abs(estimate.estimate):
        return "association"
    return "opposite" if expected_sign * estimate.estimate < 0 else "estimate"


def capped_range(finding: Finding, parameter: Parameter) -> Assumption | None:
    """The range of an assumption of which a finding tells no more than how large it is at most; None where it does not.

    It does where nothing was found, or the opposite of what the mechanism has, and the placebo holds zero and is
    certain enough to have shown a fault as large as the whole range. The range then ends at the upper end of the
    finding's interval, and is most likely where its estimate is.

    Examples
    --------
    >>> from analysis.config.assumptions import BY_NAME
    >>> effect, quiet = Interval(0.1, -0.5, 0.7, 0.9), Interval(0.0, -0.4, 0.4, 0.9)
    >>> capped_range(Finding.of("curve.theta_deal", effect, quiet, (9, 9)), BY_NAME["theta_deal"])
    Assumption(low=0.0, high=0.7, most_likely=0.1)
    """
    placebo, fault = finding.placebo, parameter.high
    if finding.verdict not in ("nothing", "opposite") or placebo is None or not holds(placebo, 0.0):
        return None
    narrowest = parameter.low + LEAST_WIDTH * (parameter.high - parameter.low)
    high = max(finding.estimate.upper, narrowest)
    if holds(placebo, fault) or holds(placebo, -fault) or high >= parameter.high:
        return None
    likely = float(np.clip(finding.estimate.estimate, parameter.low, high))
    return Assumption(low=parameter.low, high=high, most_likely=likely)


def holds(interval: Interval, value: float) -> bool:
    """Whether a value lies in an interval, ends included."""
    return interval.lower <= value <= interval.upper
