"""Profit as a function of retention: every choice that the popular claim leaves open is a named option.

Profit here is the discounted sum over a horizon of what customers' orders leave, in money of today:

- ``new_customer``: the first order and all repeat orders of one average new customer, less what winning one costs;
- ``new_customer_repeat_orders``: the same without the first order, which is there whatever retention is;
- ``base``: future orders of today's customers; what winning them cost is spent;
- ``firm``: the base and a steady stream of new customers, less the cost of winning them and fixed costs.

``credit_card_lift`` is Reichheld's own arithmetic: one customer at a constant rate of retention, whose margin grows,
without a horizon [1]_.

References
----------
.. [1] Reichheld, Sasser (1990), Zero Defections, Harvard Business Review 68(5):105-111; the yearly profits of its
       credit card are widely quoted and were not confirmed at the source.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.value.shifts import MEASURES, Rise
from analysis.words import Message

if TYPE_CHECKING:
    from analysis.config import EconomicsConfig, RetentionConfig
    from analysis.models.leaving import Curves
    from analysis.value.shifts import ModelStreams, Shifts


GAINS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.10)
HORIZONS = (1.0, 3.0, 5.0, 10.0)
SCOPES = ("new_customer", "new_customer_repeat_orders", "base", "firm")
NEW_SCOPES = SCOPES[:2]
OPTIONS = {
    "points": Message("percentage points"), "relative": Message("per cent of itself"),
    "fewer_lost": Message("per cent of those who are lost"), "mean": Message("the mean dropout moved"),
    "scale": Message("everyone's dropout scaled"), "logit": Message("everyone's log odds moved"),
    "every_year": Message("in every year alike"), "new_customer": Message("one new customer"),
    "new_customer_repeat_orders": Message("one new customer without the first order"),
    "base": Message("today's customers"), "firm": Message("the whole firm"),
    "contribution": Message("contribution only"), "after_acquisition": Message("less the cost of winning customers"),
    "after_fixed": Message("less the costs of winning customers and fixed costs"),
    "constant": Message("constant margins"),
    "growing": Message("margins growing with tenure"), "free": Message("keeping free, as the claim assumes"),
    "paid": Message("keeping paid for as configured"),
    "survival": Message("those who have not left for good"),
    "order_rate": Message("the rate of orders after a year over that at the start"),
    "ordering_again": Message("those who order in their second year"),
}  # fmt: skip
"""How each choice is said."""


@dataclass(frozen=True)
class Choice:
    """One way to read the claim.

    Attributes
    ----------
    gain, gain_kind
        By how much first-year retention rises: ``points``, ``relative``, or ``fewer_lost``.
    shift
        How: ``mean``, ``scale``, ``logit`` or ``every_year``, see ``analysis.value.shifts.Rise``.
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
    measure
        What is called retention: ``survival``, ``order_rate`` or ``ordering_again``, see
        ``analysis.value.shifts.MEASURES``; all three of new customers only.
    """

    gain: float = 0.05
    gain_kind: str = "points"
    shift: str = "mean"
    scope: str = "new_customer"
    profit: str = "after_acquisition"
    margins: str = "constant"
    keeping: str = "free"
    horizon_years: float = 3.0
    measure: str = "survival"

    @property
    def rise(self) -> Rise:
        """The rise of retention that it asks for."""
        who = "new_customer" if self.scope in NEW_SCOPES else self.scope
        return Rise(who, self.gain, self.gain_kind, self.shift, self.measure)

    def differs(self, other: Choice) -> list[str]:
        """Names of the choices in which two readings differ.

        >>> Choice().differs(Choice(scope="base"))
        ['scope']
        """
        names = [field.name for field in dataclasses.fields(self)]
        return [name for name in names if getattr(self, name) != getattr(other, name)]


def named_choice(economics: EconomicsConfig, retention: RetentionConfig) -> Choice:
    """The reading that the configuration names."""
    names = ("gain", "gain_kind", "shift", "scope", "profit", "margins")
    return Choice(
        **{name: getattr(retention, name) for name in names},
        keeping="paid" if retention.cost_per_customer_year > 0 else "free",
        horizon_years=float(economics.horizon_years),
    )


def five_points(named: Choice) -> Choice:
    """The named reading, of the rise that the articles speak of."""
    return replace(named, gain=0.05, gain_kind="points")


def by_measure(named: Choice) -> tuple[Choice, ...]:
    """The named reading of a new customer's profit under every measure of retention.

    A rise ``every_year`` is one of survival alone; the others are then brought about by the mean.
    """
    scope = named.scope if named.scope in NEW_SCOPES else "new_customer"
    shift = "mean" if named.shift == "every_year" else named.shift
    own = replace(named, scope=scope)
    return own, *(replace(own, measure=measure, shift=shift) for measure in MEASURES[1:])


def readings_that_matter(economics: EconomicsConfig, retention: RetentionConfig) -> Iterator[Choice]:
    """The named reading, each that differs in one choice, every scope with every horizon, and five points by every
    measure.
    """
    named = named_choice(economics, retention)
    others = {
        "gain_kind": ("points", "relative", "fewer_lost"),
        "shift": ("mean", "scale", "logit", "every_year"),
        "scope": SCOPES,
        "profit": _profits_that_differ(economics, retention),
        "margins": ("constant", "growing"),
        "keeping": ("free", "paid") if retention.cost_per_customer_year > 0 else ("free",),
        "horizon_years": horizons(named.horizon_years),
    }
    varied = [replace(named, **{name: option}) for name, options in others.items() for option in options]
    pairs = [
        replace(named, scope=scope, horizon_years=horizon) for scope in SCOPES for horizon in others["horizon_years"]
    ]
    claimed = five_points(named)
    yield from dict.fromkeys([named, *varied, *pairs, claimed, *by_measure(claimed)])


def what_if_readings(economics: EconomicsConfig, retention: RetentionConfig) -> tuple[Choice, ...]:
    """The named reading at other rises of retention and other horizons."""
    named = named_choice(economics, retention)
    settings = product(sorted({*GAINS, named.gain}), horizons(named.horizon_years))
    return tuple(replace(named, gain=gain, horizon_years=horizon) for gain, horizon in settings)


def horizons(configured: float) -> tuple[float, ...]:
    """The horizons that are compared, the configured one among them."""
    return tuple(sorted({*HORIZONS, float(configured)}))


def _profits_that_differ(economics: EconomicsConfig, retention: RetentionConfig) -> tuple[str, ...]:
    options = ["contribution"]
    if economics.acquisition_cost > 0 and retention.scope != "base":
        options.append("after_acquisition")
    if economics.fixed_costs_per_year > 0 and retention.scope == "firm":
        options.append("after_fixed")
    return tuple(options)


class Discounted(NamedTuple):
    """What a scope brings within a horizon, discounted, at each point; profit is linear in it.

    Attributes
    ----------
    revenue, orders
        Value [currency] and number of the orders, first orders among them where the scope has them.
    won
        New customers who have to be won.
    firm_years
        Years in which the firm bears fixed costs.
    customer_years
        Years in which customers are there.
    """

    revenue: np.ndarray
    orders: np.ndarray
    won: float
    firm_years: float
    customer_years: np.ndarray


def brings(
    streams: ModelStreams, shifts: Shifts, choice: Choice, place: int, rate: float, growth: np.ndarray | None = None
) -> Discounted:
    """What the customers of a reading bring, under one model.

    Parameters
    ----------
    place
        After which of the rises; 0: after none.
    rate
        Yearly discount rate.
    growth
        Growth of order values [per year], shape (points,); None for constant ones.
    """
    line, new, base = shifts.line, streams.new[place], streams.base[place]
    nodes, year, delta = line.times[1:], line.year, float(np.log1p(rate)) / line.year
    kernel = line.weights[line.horizons.index(choice.horizon_years)] * np.exp(-delta * nodes)

    def part(curves: Curves, kernel: np.ndarray) -> np.ndarray:
        revenue = curves.revenue[:, 1:]
        if growth is not None:
            revenue = revenue * (1 + growth[:, None]) ** (nodes / year)
        return np.array([revenue @ kernel, curves.orders[:, 1:] @ kernel, curves.customers[:, 1:] @ kernel / year])

    if choice.scope in NEW_SCOPES:
        first = float(choice.scope == "new_customer")
        revenue, orders, years = part(new, kernel)
        return Discounted(revenue + first * streams.order_value, orders + first, first, 0.0, years)
    found = part(base, kernel)
    if choice.scope == "base":
        return Discounted(found[0], found[1], 0.0, 0.0, found[2])
    # Someone who joins at s has until the horizon: the integral over s of exp(-delta s), seen from age u.
    joining, end = shifts.new_customers_per_year / year, choice.horizon_years * year
    found = found + joining * part(new, kernel * annuity(delta, end - nodes))
    whole = float(annuity(delta, np.array(end)))
    won = joining * whole
    return Discounted(found[0] + won * streams.order_value, found[1] + won, won, whole / year, found[2])


def profit(choice: Choice, economics: EconomicsConfig, found: Discounted) -> np.ndarray:
    """Discounted profit [currency] before the cost of keeping."""
    total = economics.gross_margin * found.revenue - economics.cost_per_order * found.orders
    if choice.profit != "contribution":
        total = total - economics.acquisition_cost * found.won
    return total - economics.fixed_costs_per_year * found.firm_years if choice.profit == "after_fixed" else total


def annuity(delta: float, length: np.ndarray) -> np.ndarray:
    """Integral of exp(-delta s) over (0, length)."""
    length = np.maximum(length, 0.0)
    return length if delta == 0 else -np.expm1(-delta * length) / delta


CREDIT_CARD = (30.0, 42.0, 44.0, 49.0, 55.0)
"""Profit of each year, the last for ever [dollars]."""
WINNING = 51.0
DISCOUNT_RATE = 0.038
"""At which the printed values are matched best."""
BEFORE, AFTER = 0.85, 0.90


def credit_card_value(retention) -> np.ndarray:
    """Value of one customer of the credit card [dollars], less what winning him costs; retention is of each year.

    Year t counts for retention ** (t - 1) over (1 + d) ** t.

    >>> credit_card_value(np.array([0.8, 0.9, 0.95])).round().tolist()
    [137.0, 301.0, 525.0]
    """
    years, kept = len(CREDIT_CARD), np.asarray(retention, dtype=float) / (1 + DISCOUNT_RATE)
    before = sum(profit * kept**place for place, profit in enumerate(CREDIT_CARD[:-1]))
    for_ever = CREDIT_CARD[-1] * kept ** (years - 1) / (1 - kept)
    return (before + for_ever) / (1 + DISCOUNT_RATE) - WINNING


def credit_card_lift(retention: float, gain: float = AFTER - BEFORE) -> float:
    """By how much that value rises when retention does; NaN where it cannot, or where there is no value before.

    >>> round(credit_card_lift(0.85), 3), round(credit_card_lift(0.90), 3)
    (0.528, 0.745)
    """
    if not 0 < retention < retention + gain <= 1:
        return float("nan")
    before, after = credit_card_value([retention, retention + gain])
    return float(after / before - 1) if before > 0 else float("nan")
