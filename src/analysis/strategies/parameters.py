"""What the simulation of strategies assumes: every number with its unit, default, range, source mark and group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from analysis.errors import UsageError

CUSTOMER_TYPES = ("service", "offer", "brand", "at_hand")
BINDINGS = ("situational", "economic", "legal", "emotional", "technical")
MIX_CONCENTRATION = 8.0
"""Of the Dirichlet distribution of a mix that nobody stated: each share has a standard deviation of about .14."""


@dataclass(frozen=True)
class Parameter:
    """One number that the dynamics need and that the fitted model does not hold.

    Attributes
    ----------
    name, symbol
        Key in the configuration; letter in the equations.
    unit
        Key of its unit.
    default, low, high
        Most likely value, and the range that is swept.
    mark
        How far the value is to be trusted: ``P`` read in the publication, ``2`` in a secondary source, ``M`` quoted
        widely, ``C`` recomputed, ``assumption`` where nobody measured it.
    group
        Parameters whose uncertainty is looked at together.
    at_most
        Largest value that makes sense; the least is 0, and ``above`` where only values above it do.
    above
        Values must be larger than this; None where 0 is allowed.
    source
        Whom the value, or its sign, is taken from; empty for a bare assumption.
    """

    name: str
    symbol: str
    unit: str
    default: float
    low: float
    high: float
    mark: str
    group: str
    at_most: float = np.inf
    above: float | None = None
    source: str = ""

    def allows(self, value: float) -> bool:
        """Whether a value makes sense at all."""
        return (value >= 0 if self.above is None else value > self.above) and value <= self.at_most


_BULT = "Anderson & Sullivan 1993"
_BIJMOLT = "Bijmolt et al. 2005"
_EXTRA = "extra_orders_at_20_percent"
_HEERDE = "van Heerde, Leeflang & Wittink 2000; van Heerde et al. 2004"
_WON_VALUE = "Lewis 2006; Tsujikawa, Nakano & Hoshino 2025"
PARAMETERS: tuple[Parameter, ...] = (
    Parameter("kappa_deal", "kappa_d", "per_purchase", 0.3, 0.05, 0.8, "assumption", "deal", 1.0),
    Parameter("theta_deal", "theta_d", "log_odds_per_price", 1.0, 0.0, 3.0, "assumption", "deal"),
    Parameter("gamma_deal", "gamma_d", "log_pace_per_price", 0.5, 0.0, 1.5, "assumption", "deal"),
    Parameter("loss_aversion", "b", "ratio", 2.0, 1.0, 4.0, "assumption", "response", source=_BULT),
    Parameter("kappa_exp", "kappa_e", "per_purchase", 0.3, 0.05, 0.8, "assumption", "experience", 1.0),
    Parameter("theta_exp", "theta_e", "log_odds_per_sd", 0.3, 0.0, 0.8, "assumption", "experience"),
    Parameter("gamma_exp", "gamma_e", "log_pace_per_sd", 0.1, 0.0, 0.4, "assumption", "experience"),
    Parameter("tau", "tau", "sd", 3.0, 1.5, 5.0, "assumption", "experience", above=0.0),
    Parameter("sector_rise", "g", "sd_per_year", 0.1, 0.0, 0.5, "assumption", "sector"),
    Parameter("delivery", "", "share_of_lift", 1.0, 0.5, 1.2, "assumption", "delivery"),
    Parameter("inconsistency", "", "sd_per_lift", 0.3, 0.0, 1.0, "assumption", "delivery"),
    Parameter("promotional_lift", "", _EXTRA, 0.3, 0.1, 0.73, "assumption", "promotion", source=_BIJMOLT),
    Parameter("borrowed", "", "share_of_extra_orders", 0.2, 0.04, 0.33, "P", "promotion", 1.0, source=_HEERDE),
    Parameter("from_rivals", "", "share_of_extra_orders", 0.25, 0.0, 0.5, "assumption", "promotion", 1.0),
    Parameter("won", "", "share_of_new_at_20_percent", 0.3, 0.0, 1.0, "assumption", "won"),
    Parameter("won_value", "", "share_of_value_at_35_percent", 0.5, 0.5, 1.3, "P", "won", source=_WON_VALUE),
    Parameter("mercenary_share", "", "share_of_won", 0.3, 0.05, 0.7, "assumption", "won", 1.0),
    Parameter("mercenary_leaving", "", "odds_ratio", 3.0, 1.0, 8.0, "assumption", "won", above=0.0),
    Parameter("mercenary_taken", "", "hazard_ratio", 3.0, 1.0, 10.0, "assumption", "rival"),
    Parameter("referrals", "rho", "referrals_per_purchase", 0.02, 0.0, 0.1, "assumption", "referral"),
    Parameter("referred_value", "", "share_of_value", 1.16, 1.0, 1.25, "P", "referral", source="Schmitt et al. 2011"),
    Parameter("rival_pull", "eta", "hazard_per_week", 0.1, 0.0, 0.4, "assumption", "rival"),
    Parameter("bond_shield", "omega", "price_per_bond", 0.05, 0.0, 0.2, "assumption", "rival"),
    Parameter("bond_decay", "delta", "per_purchase", 0.2, 0.02, 0.6, "assumption", "rival", 1.0),
    Parameter("breakage", "", "share_of_points", 0.2, 0.0, 0.5, "assumption", "programme", 1.0),
    Parameter("type_contrast", "", "ratio", 1.0, 0.0, 2.0, "assumption", "customers"),
)
BY_NAME: Mapping[str, Parameter] = {parameter.name: parameter for parameter in PARAMETERS}
WITHOUT_EFFECT: Mapping[str, float] = dict.fromkeys(
    (
        "theta_deal", "gamma_deal", "theta_exp", "gamma_exp", "sector_rise", "promotional_lift", "won",
        "mercenary_share", "referrals", "rival_pull",
    ),
    0.0,
) | {"tau": 1e9}  # fmt: skip
"""The values at which the dynamics are the fitted model."""


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
class Span:
    """What somebody states of a parameter: a range with a most likely value, or, where both ends agree, a number."""

    low: float
    high: float
    most_likely: float | None = None


@dataclass(frozen=True)
class ParameterDraws:
    """Draws of everything that is assumed.

    Attributes
    ----------
    values
        Parameter name -> draws, shape (D,).
    origin
        Parameter name -> ``estimate`` (from these data), ``given`` (by the configuration) or ``assumption``.
    types, bindings
        Shares of the customer types and of the bindings, shapes (D, 4) and (D, 5).
    mix_given
        Which of ``types`` and ``bindings`` the configuration states.
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
    given: Mapping[str, float | Span] | None = None,
    types: Mapping[str, float] | None = None,
    bindings: Mapping[str, float] | None = None,
) -> ParameterDraws:
    """``count`` draws of every parameter: what is given beats an estimate, and an estimate beats an assumption.

    An assumption is triangular between the ends of its range, with its default as the most likely value. Draws of one
    parameter are stratified and do not depend on what is known of the others.

    Raises
    ------
    UsageError
        With every unknown name, impossible value and mix of which the shares do not sum to one.

    Examples
    --------
    >>> draws = draw_parameters(4, seed=1, given={"theta_deal": 0.0})
    >>> draws.values["theta_deal"], draws.origin["theta_deal"], draws.origin["tau"]
    (array([0., 0., 0., 0.]), 'given', 'assumption')
    """
    estimates, given = dict(estimates or {}), {name: _span(value) for name, value in (given or {}).items()}
    problems = [*_problems_in_names(estimates, "estimate"), *_problems_in_names(given, "assumption")]
    problems += [problem for name, span in given.items() if name in BY_NAME for problem in problems_in_span(name, span)]
    problems += problems_in_mix("types", types, CUSTOMER_TYPES) + problems_in_mix("bindings", bindings, BINDINGS)
    if problems:
        raise UsageError(*problems)
    values, origin = {}, {}
    for parameter in PARAMETERS:
        name = parameter.name
        if name in given:
            values[name], origin[name] = _triangular(_uniforms(count, seed, name), given[name]), "given"
        elif name in estimates:
            values[name], origin[name] = _from_estimate(count, seed, parameter, estimates[name]), "estimate"
        else:
            span = Span(parameter.low, parameter.high, parameter.default)
            values[name], origin[name] = _triangular(_uniforms(count, seed, name), span), "assumption"
    stated = {"types": types, "bindings": bindings}
    return ParameterDraws(
        values,
        origin,
        _mix(count, seed, "types", types, CUSTOMER_TYPES),
        _mix(count, seed, "bindings", bindings, BINDINGS),
        frozenset(name for name, shares in stated.items() if shares is not None),
    )


def problems_in_span(name: str, span: Span) -> list[str]:
    """What is wrong with what somebody states of a parameter."""
    parameter = BY_NAME[name]
    low = "above 0" if parameter.above is not None else "at least 0"
    high = "" if np.isinf(parameter.at_most) else f" and at most {parameter.at_most:g}"
    most = span.low if span.most_likely is None else span.most_likely
    problems = [
        f"assumption {name} == {value:g}, must be {low}{high}"
        for value in dict.fromkeys((span.low, most, span.high))
        if not parameter.allows(value)
    ]
    if not span.low <= most <= span.high:
        found = f"{span.low:g}, {most:g}, {span.high:g}"
        problems.append(f"assumption {name}: low <= most_likely <= high must hold, found {found}")
    return problems


def problems_in_mix(what: str, shares: Mapping[str, float] | None, names: tuple[str, ...]) -> list[str]:
    """What is wrong with stated shares of customers; None is right."""
    if shares is None:
        return []
    problems = [f"{what}: unknown {name!r}, must be of {', '.join(names)}" for name in shares if name not in names]
    problems += [
        f"{what}: {name} == {share:g}, must be between 0 and 1" for name, share in shares.items() if not 0 <= share <= 1
    ]
    total = sum(shares.values())
    if abs(total - 1) > 1e-6:
        problems.append(f"{what}: the shares sum to {total:g}, must sum to 1")
    return problems


def _problems_in_names(stated: Mapping[str, object], what: str) -> list[str]:
    return [f"unknown {what} {name!r}, must be one of {', '.join(BY_NAME)}" for name in stated if name not in BY_NAME]


def _span(value: float | Span) -> Span:
    return value if isinstance(value, Span) else Span(float(value), float(value))


def _rng(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, crc32(name.encode())])


def _uniforms(count: int, seed: int, name: str) -> np.ndarray:
    rng = _rng(seed, name)
    return (rng.permutation(count) + rng.random(count)) / count


def _triangular(u: np.ndarray, span: Span) -> np.ndarray:
    low, width = span.low, span.high - span.low
    if width == 0:
        return np.full(u.shape, low)
    peak = 0.5 if span.most_likely is None else (span.most_likely - low) / width
    if span.most_likely is None:
        return low + width * u
    rising = np.sqrt(u * peak)
    falling = 1 - np.sqrt((1 - u) * (1 - peak))
    return low + width * np.where(u < peak, rising, falling)


def _from_estimate(count: int, seed: int, parameter: Parameter, estimate: Estimate) -> np.ndarray:
    if estimate.draws is None:
        draws = estimate.value + estimate.standard_error * _rng(seed, parameter.name).standard_normal(count)
    else:
        # One choice of rows for all estimates, so that what belongs together stays together.
        draws = np.asarray(estimate.draws, dtype=float)[_rng(seed, "estimates").integers(0, len(estimate.draws), count)]
    least = 0.0 if parameter.above is None else parameter.above + 1e-9
    return np.clip(draws, least, parameter.at_most)


def _mix(count: int, seed: int, what: str, shares: Mapping[str, float] | None, names: tuple[str, ...]) -> np.ndarray:
    if shares is not None:
        return np.tile([shares.get(name, 0.0) for name in names], (count, 1))
    return _rng(seed, what).dirichlet(np.full(len(names), MIX_CONCENTRATION / len(names)), count)
