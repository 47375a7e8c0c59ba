"""Draws of everything that the dynamics assume: what is stated beats an estimate, and an estimate an assumption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from scipy.stats import rankdata

from analysis.config.assumptions import BINDINGS, BY_NAME, CUSTOMER_TYPES, PARAMETERS, Assumption, Parameter

MIX_CONCENTRATION = 8.0
"""Of the Dirichlet distribution of a mix that nobody stated: each share has a standard deviation of about .14."""
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
    types, bindings
        Shares of the customer types and of the bindings, shapes (D, 4) and (D, 5).
    mix_given
        Which of ``types`` and ``bindings`` are stated.
    """

    values: Mapping[str, np.ndarray]
    origin: Mapping[str, str]
    types: np.ndarray
    bindings: np.ndarray
    mix_given: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.types)


def draw_parameters(
    count: int,
    seed: int,
    estimates: Mapping[str, Estimate] | None = None,
    given: Mapping[str, float | Assumption] | None = None,
    types: Mapping[str, float] | None = None,
    bindings: Mapping[str, float] | None = None,
    caps: Mapping[str, Assumption] | None = None,
) -> ParameterDraws:
    """``count`` draws of every parameter.

    An assumption is triangular between the ends of its range, with its default as the most likely value. Draws of one
    parameter are stratified and do not depend on what is known of the others. Within a cap a draw keeps its rank.

    Parameters
    ----------
    caps
        Ranges of assumptions that the data limit without replacing them.

    Examples
    --------
    >>> draws = draw_parameters(4, seed=1, given={"theta_deal": 0.0})
    >>> draws.values["theta_deal"], draws.origin["theta_deal"], draws.origin["tau"]
    (array([0., 0., 0., 0.]), 'given', 'assumption')
    >>> capped = draw_parameters(50, seed=1, caps={"theta_deal": Assumption(low=0.0, high=0.7, most_likely=0.1)})
    >>> bool(capped.values["theta_deal"].max() < 0.7), capped.origin["theta_deal"], capped.origin["gamma_deal"]
    (True, 'capped', 'assumption')
    """
    estimates, given, caps = estimates or {}, given or {}, caps or {}
    values, origin = {}, {}
    for parameter in PARAMETERS:
        name, uniform = parameter.name, _uniforms(count, seed, parameter.name)
        if name in given:
            values[name], origin[name] = _triangular(uniform, given[name]), "given"
        elif name in estimates:
            values[name], origin[name] = _from_estimate(count, seed, parameter, estimates[name]), "estimate"
        elif name in caps:
            values[name], origin[name] = _triangular((rankdata(uniform) - 0.5) / count, caps[name]), "capped"
        else:
            values[name], origin[name] = _triangular(uniform, parameter.swept), "assumption"
    stated = {"types": types, "bindings": bindings}
    return ParameterDraws(
        values,
        origin,
        _mix(count, seed, "types", types, CUSTOMER_TYPES),
        _mix(count, seed, "bindings", bindings, BINDINGS),
        frozenset(name for name, shares in stated.items() if shares is not None),
    )


def _rng(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, crc32(name.encode())])


def _uniforms(count: int, seed: int, name: str) -> np.ndarray:
    rng = _rng(seed, name)
    return (rng.permutation(count) + rng.random(count)) / count


def _triangular(u: np.ndarray, stated: float | Assumption) -> np.ndarray:
    if not isinstance(stated, Assumption):
        return np.full(u.shape, float(stated))
    low, width, likely = stated.low, stated.high - stated.low, stated.most_likely
    if width == 0 or likely is None:
        return low + width * u
    peak = (likely - low) / width
    return low + width * np.where(u < peak, np.sqrt(u * peak), 1 - np.sqrt((1 - u) * (1 - peak)))


def _from_estimate(count: int, seed: int, parameter: Parameter, estimate: Estimate) -> np.ndarray:
    if estimate.draws is None:
        draws = estimate.value + estimate.standard_error * _rng(seed, parameter.name).standard_normal(count)
    else:
        # One choice of rows for all estimates, so that what belongs together stays together.
        draws = np.asarray(estimate.draws, dtype=float)[_rng(seed, "estimates").integers(0, len(estimate.draws), count)]
    return np.clip(draws, min(parameter.least, SMALLEST), parameter.most)


def _mix(count: int, seed: int, what: str, shares: Mapping[str, float] | None, names: tuple[str, ...]) -> np.ndarray:
    if shares is not None:
        return np.tile([shares.get(name, 0.0) for name in names], (count, 1))
    return _rng(seed, what).dirichlet(np.full(len(names), MIX_CONCENTRATION / len(names)), count)


__all__ = ["BY_NAME", "PARAMETERS", "Assumption", "Estimate", "ParameterDraws", "draw_parameters"]
