"""The ways to read the claim: every choice that its wording leaves open, named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.config import Config

HORIZONS = (1.0, 3.0, 5.0, 10.0)
SCOPES = ("new_customer", "new_customer_repeat_orders", "base", "firm")
NEW_SCOPES = SCOPES[:2]


@dataclass(frozen=True)
class Choice:
    """One way to read the claim.

    Attributes
    ----------
    gain, gain_kind
        By how much first-year retention rises: ``points``, ``relative``, or ``fewer_lost``.
    shift
        How: ``mean``, ``scale``, ``logit`` or ``every_year``, see ``analysis.value.leaving.Shift``.
    scope
        Whose profit: ``new_customer``, ``new_customer_repeat_orders``, ``base`` or ``firm``.
    profit
        ``contribution``; ``after_acquisition``: less what winning customers costs; ``after_fixed``: less fixed costs
        too. Cost that a scope does not have is not taken off.
    margins
        ``constant``, or ``growing`` with every year from now.
    keeping
        ``free``, or ``paid``: the configured cost for each customer who is still there and each year.
    horizon_years
        How far ahead profit counts.
    """

    gain: float = 0.05
    gain_kind: str = "points"
    shift: str = "mean"
    scope: str = "new_customer"
    profit: str = "after_acquisition"
    margins: str = "constant"
    keeping: str = "free"
    horizon_years: float = 3.0


def named_choice(config: Config) -> Choice:
    """The reading that the configuration names."""
    retention = config.retention
    return Choice(
        gain=retention.gain,
        gain_kind=retention.gain_kind,
        shift=retention.shift,
        scope=retention.scope,
        profit=retention.profit,
        margins=retention.margins,
        keeping="paid" if retention.cost_per_customer_year > 0 else "free",
        horizon_years=float(config.economics.horizon_years),
    )


def readings_that_matter(config: Config) -> Iterator[Choice]:
    """The named reading, each that differs from it in one choice, and every scope with every horizon."""
    named, economics = named_choice(config), config.economics
    yield named
    others = {
        "gain_kind": ("points", "relative", "fewer_lost"),
        "shift": ("mean", "scale", "logit", "every_year"),
        "scope": SCOPES,
        "profit": _profits_that_differ(config),
        "margins": ("constant", "growing"),
        "keeping": ("free", "paid") if config.retention.cost_per_customer_year > 0 else ("free",),
        "horizon_years": horizons(named.horizon_years),
    }
    seen = {named}
    for name, options in others.items():
        for option in options:
            seen.add(other := replace(named, **{name: option}))
            if other != named:
                yield other
    for scope in others["scope"]:
        for horizon in horizons(float(economics.horizon_years)):
            other = replace(named, scope=scope, horizon_years=horizon)
            if other not in seen:
                yield other


def horizons(configured: float) -> tuple[float, ...]:
    """The horizons that are compared, the configured one among them."""
    return tuple(sorted({*HORIZONS, float(configured)}))


def _profits_that_differ(config: Config) -> tuple[str, ...]:
    options = ["contribution"]
    if config.economics.acquisition_cost > 0 and config.retention.scope != "base":
        options.append("after_acquisition")
    if config.economics.fixed_costs_per_year > 0 and config.retention.scope == "firm":
        options.append("after_fixed")
    return tuple(options)
