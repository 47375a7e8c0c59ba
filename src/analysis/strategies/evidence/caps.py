"""How far the data limit an assumption that they do not replace: its range ends where the finding's interval does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.stats import rankdata, triang

from analysis.interval import Interval
from analysis.strategies.evidence.curve import DEAL, ExpectationCurve
from analysis.strategies.evidence.driven import DealDriven
from analysis.strategies.evidence.findings import Finding, Verdict, holds
from analysis.strategies.parameters import BY_NAME, Parameter, ParameterDraws, Span

CAPPED = "capped"
"""Origin of an assumption of which the data limit the range."""
LEAST_WIDTH = 0.05
"""What stays of a range at least, as a share of it: no data rule an effect out."""


def caps_in(part) -> dict[str, Span]:
    """Ranges of assumptions that one part of the evidence limits, in the parameters' units; empty for a Note.

    Only what is asked in the parameter's own unit: the effects of deals, and the odds of leaving of those whom deals
    drive where births are observed.
    """
    if isinstance(part, ExpectationCurve) and part.channel == DEAL and holds(part.pace.placebo, 0.0):
        asked = {"gamma_deal": (part.pace, 0.0), "theta_deal": (part.leaving, 0.0)}
    elif isinstance(part, DealDriven) and part.births_known:
        asked = {"mercenary_leaving": (part.leaving_per_order, 1.0)}
    else:
        return {}
    found = {name: capped_range(finding, BY_NAME[name], nothing) for name, (finding, nothing) in asked.items()}
    return {name: span for name, span in found.items() if span is not None}


def capped_range(finding: Finding, parameter: Parameter, nothing: float = 0.0) -> Span | None:
    """The range of an assumption of which a finding tells no more than how large it is at most; None where it does not.

    It does where nothing was found, or the opposite of what the mechanism has, and the placebo holds zero and is
    certain enough to have shown a fault as large as the whole range. The range then ends at the upper end of the
    finding's interval, and is most likely where its estimate is.

    Parameters
    ----------
    nothing
        The parameter's value where there is no effect; a finding is a difference from it.

    Examples
    --------
    >>> quiet = Interval(0.0, -0.4, 0.4, 0.9)
    >>> found = Finding("evidence.curve.theta_deal", Interval(0.1, -0.5, 0.7, 0.9), "", quiet, Verdict.NOTHING, 9, 9)
    >>> capped_range(found, BY_NAME["theta_deal"])
    Span(low=0.0, high=0.7, most_likely=0.1)
    """
    if finding.verdict not in (Verdict.NOTHING, Verdict.OPPOSITE) or finding.placebo is None:
        return None
    if not (holds(finding.placebo, 0.0) and _could_show(finding.placebo, parameter.high - nothing)):
        return None
    narrowest = parameter.low + LEAST_WIDTH * (parameter.high - parameter.low)
    high = max(nothing + finding.estimate.upper, narrowest)
    if high >= parameter.high:
        return None
    return Span(parameter.low, high, float(np.clip(nothing + finding.estimate.estimate, parameter.low, high)))


def _could_show(placebo: Interval, fault: float) -> bool:
    return not (holds(placebo, fault) or holds(placebo, -fault))


def within_caps(parameters: ParameterDraws, caps: Mapping[str, Span]) -> ParameterDraws:
    """Draws of which assumptions keep within what the data allow; what is given or estimated stays as it is.

    A draw keeps its rank, so that draws stay stratified and comparable with those of the whole range.

    Examples
    --------
    >>> from analysis.strategies.parameters import draw_parameters
    >>> capped = within_caps(draw_parameters(50, seed=1), {"theta_deal": Span(0.0, 0.7, 0.1)})
    >>> bool(capped.values["theta_deal"].max() < 0.7), capped.origin["theta_deal"], capped.origin["gamma_deal"]
    (True, 'capped', 'assumption')
    """
    values, origin = dict(parameters.values), dict(parameters.origin)
    for name, span in caps.items():
        if origin[name] == "assumption":
            values[name], origin[name] = _spread(values[name], span), CAPPED
    return replace(parameters, values=values, origin=origin)


def _spread(draws: np.ndarray, span: Span) -> np.ndarray:
    share, width = (rankdata(draws) - 0.5) / len(draws), span.high - span.low
    return triang.ppf(share, (span.most_likely - span.low) / width, loc=span.low, scale=width)
