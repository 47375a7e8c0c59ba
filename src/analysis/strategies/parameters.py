"""Draws of everything that the dynamics assume: what is stated beats an estimate, and an estimate an assumption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats.qmc import LatinHypercube

from analysis.config.assumptions import BY_NAME, PARAMETERS, Assumption

SMALLEST = 1e-6


@dataclass(frozen=True)
class Estimate:
    """What the data say of a parameter.

    Attributes
    ----------
    value, standard_error
        In the parameter's unit.
    draws
        Draws of it, row-aligned with those of other estimates where these belong together; None for a normal
        distribution.
    """

    value: float
    standard_error: float
    draws: np.ndarray | None = None


@dataclass(frozen=True)
class ParameterDraws:
    """Draws of everything that is assumed.

    Attributes
    ----------
    values
        Parameter name -> draws, shape (D,).
    origin
        Parameter name -> ``estimate`` (from these data), ``given`` (stated by somebody), ``assumption``, or ``capped``:
        an assumption of which the data limit the range.
    """

    values: Mapping[str, np.ndarray]
    origin: Mapping[str, str]


def draw_parameters(
    count: int,
    seed: int,
    estimates: Mapping[str, Estimate] | None = None,
    given: Mapping[str, float | Assumption] | None = None,
    caps: Mapping[str, Assumption] | None = None,
) -> ParameterDraws:
    """``count`` draws of every parameter, a Latin hypercube.

    An assumption is triangular between the ends of its range, with its default as the most likely value. Draws of one
    parameter do not depend on what is known of the others.

    Parameters
    ----------
    caps
        Ranges of assumptions that the data limit without replacing them.

    Examples
    --------
    >>> draws = draw_parameters(4, seed=1, given={"theta_deal": 0.0})
    >>> draws.values["theta_deal"], draws.origin["theta_deal"], draws.origin["tau"]
    (array([0., 0., 0., 0.]), 'given', 'assumption')
    """
    estimates, given, caps = estimates or {}, given or {}, caps or {}
    uniform = LatinHypercube(len(PARAMETERS), rng=np.random.default_rng([seed, 7])).random(count).T
    rows = np.random.default_rng([seed, 8]).random(count)
    values, origin = {}, {}
    for parameter, u in zip(PARAMETERS, uniform, strict=True):
        name = parameter.name
        if name in given:
            values[name], origin[name] = _triangular(u, given[name]), "given"
        elif name in estimates:
            found = estimates[name]
            drawn = found.draws
            if drawn is None:
                drawn = found.value + found.standard_error * ndtri(u)
            else:
                # One choice of rows for all estimates, so that what belongs together stays together.
                drawn = np.asarray(drawn, dtype=float)[(rows * len(drawn)).astype(int)]
            values[name] = np.clip(drawn, min(parameter.least, SMALLEST), parameter.most)
            origin[name] = "estimate"
        else:
            span = caps.get(name, parameter.swept)
            values[name], origin[name] = _triangular(u, span), "capped" if name in caps else "assumption"
    return ParameterDraws(values, origin)


def _triangular(u: np.ndarray, stated: float | Assumption) -> np.ndarray:
    if not isinstance(stated, Assumption):
        return np.full(u.shape, float(stated))
    low, width, likely = stated.low, stated.high - stated.low, stated.most_likely
    if width == 0 or likely is None:
        return low + width * u
    peak = (likely - low) / width
    return low + width * np.where(u < peak, np.sqrt(u * peak), 1 - np.sqrt((1 - u) * (1 - peak)))


__all__ = ["BY_NAME", "PARAMETERS", "Assumption", "Estimate", "ParameterDraws", "draw_parameters"]
