"""By how much profit rises when retention does: one number and interval for each reading of the claim and each model.

Every choice that the popular claim leaves open is a named option, and the purchase models are never mixed. Profit is
the discounted sum over a horizon of what customers' orders leave, in money of today:

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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.arguments import checked
from analysis.config import EconomicsConfig, RetentionConfig
from analysis.data.orders import Orders
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.models.fits import PurchaseFit, fits_of
from analysis.models.spend import SpendFit
from analysis.plotting import Plots
from analysis.tables import Result, table_html
from analysis.time import DAYS_PER_YEAR, annuity, duration
from analysis.value.history import left_truncation, refuse_without_money
from analysis.value.retention import ModelRetention
from analysis.value.shifts import MEASURES, ModelStreams, Rise, Shifts, shifts_of
from analysis.words import Message

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

    def part(curves: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        customers, orders, revenue = curves[..., 1:]
        if growth is not None:
            revenue = revenue * (1 + growth[:, None]) ** (nodes / year)
        return np.array([revenue @ kernel, orders @ kernel, customers @ kernel / year])

    if choice.scope in NEW_SCOPES:
        first = float(choice.scope == "new_customer")
        revenue, orders, years = part(new, kernel)
        return Discounted(revenue + first * streams.order_value, orders + first, first, 0.0, years)
    found = part(base, kernel)
    if choice.scope == "base":
        return Discounted(found[0], found[1], 0.0, 0.0, found[2])
    # Someone who joins at s has until the horizon: the integral over s of exp(-delta s), seen from age u.
    joining, end = shifts.new_customers_per_year / year, choice.horizon_years * year
    found = found + joining * part(new, kernel * annuity(delta, np.maximum(end - nodes, 0.0)))
    whole = float(annuity(delta, end))
    won = joining * whole
    return Discounted(found[0] + won * streams.order_value, found[1] + won, won, whole / year, found[2])


def profit(choice: Choice, economics: EconomicsConfig, found: Discounted) -> np.ndarray:
    """Discounted profit [currency] before the cost of keeping."""
    total = economics.gross_margin * found.revenue - economics.cost_per_order * found.orders
    if choice.profit != "contribution":
        total = total - economics.acquisition_cost * found.won
    return total - economics.fixed_costs_per_year * found.firm_years if choice.profit == "after_fixed" else total


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


def credit_card_lift(retention: float) -> float:
    """By how much that value rises when retention does by as much; NaN where it cannot, or without a value before.

    >>> round(credit_card_lift(0.85), 3), round(credit_card_lift(0.90), 3)
    (0.528, 0.745)
    """
    raised = retention + (AFTER - BEFORE)
    if not 0 < retention < raised <= 1:
        return float("nan")
    before, after = credit_card_value([retention, raised])
    return float(after / before - 1) if before > 0 else float("nan")


CLAIMED = (0.25, 0.95)
"""The lift that the claim promises."""
MAY_BE_UNPROFITABLE = 0.01
"""Probability of a profit of zero or less above which a lift in per cent means nothing."""
LEAST_GROWTH = -0.99
NOTHING = Interval(np.nan, np.nan, np.nan, np.nan)
IN_ROWS = (
    "gain", "profit_before", "retention_before", "retention_after", "break_even_cost", "cost_from", "cost_to",
)  # fmt: skip

NO_NEW_CUSTOMERS = Message("It is not known how many customers join in a year, or nobody did in the last one; "
    "`new_customers_per_year` can say it.", code="lift.reason.no_new_customers")  # fmt: skip
NO_GROWTH = Message("How the value of orders changes with tenure could not be estimated.", code="lift.reason.no_growth")
CANNOT_RISE = Message("Retention cannot rise that far: too few customers leave.",
    code="lift.reason.cannot_rise")  # fmt: skip
NO_PROFIT = Message("Profit before the rise may be zero or less, so a rise in per cent would mean nothing.",
    code="lift.reason.no_profit")  # fmt: skip


@dataclass(frozen=True)
class Lift:
    """The effect of raising retention under one reading of the claim and one purchase model.

    Attributes
    ----------
    choice, model
        The reading, and the purchase model.
    lift
        Relative change of profit; None where profit may be zero or less, or where retention cannot rise so far.
    gain
        Change of profit [currency], of one new customer, the base or the firm; None where it cannot rise so far.
    profit_before
        Profit at today's retention [currency].
    p_in_range, p_above, p_below
        Posterior probability that the lift lies within, above or below the claimed range; NaN where there is no lift.
    p_unprofitable
        Posterior probability that the profit before is zero or less.
    retention_before, retention_after
        First-year retention of those concerned.
    break_even_cost
        The most that may be spent on each customer who is still there and each year before the gain is gone
        [currency]; None where it cannot rise so far, or where the rise brings nothing even if keeping is free.
    cost_from, cost_to
        Between which costs of winning one new customer the lift of his profit less that cost lies in the claimed range
        [currency]; None for other scopes, where it cannot rise so far, and where no cost does it.
    reason
        Why there is no lift; None where there is one.
    draws
        The lift under each posterior draw, shape (draws,), NaN where profit is not positive; empty without a lift.
    """

    choice: Choice
    model: str
    lift: Interval | None = None
    gain: Interval | None = None
    profit_before: Interval | None = None
    p_in_range: float = float("nan")
    p_above: float = float("nan")
    p_below: float = float("nan")
    p_unprofitable: float = float("nan")
    retention_before: Interval | None = None
    retention_after: Interval | None = None
    break_even_cost: Interval | None = None
    cost_from: Interval | None = None
    cost_to: Interval | None = None
    reason: Message | None = None
    draws: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)


@dataclass(frozen=True, repr=False)
class RetentionLift(Result):
    """The lift for every reading that matters, under every model.

    Attributes
    ----------
    named
        The reading that the configuration names.
    lifts
        The named reading first, then each that differs in one choice, then scopes by horizons, and five points by every
        measure, on which verdicts rest; of each under every model, the primary one first.
    """

    named: Choice
    lifts: tuple[Lift, ...]

    plot = Plots("analysis.value.plots", "readings", horizons="analysis.value.plots:plot_lift_horizons")

    def of(self, choice: Choice) -> dict[str, Lift]:
        """Model -> the lift of a reading."""
        return {lift.model: lift for lift in self.lifts if lift.choice == choice}

    @property
    def by_measure(self) -> Mapping[str, Mapping[str, Lift]]:
        """What is called retention -> model -> the lift of a new customer's profit by five points, else as named."""
        return {choice.measure: self.of(choice) for choice in by_measure(five_points(self.named))}

    def measures(self) -> pd.DataFrame:
        """``by_measure`` as a table, with the columns of ``to_frame``."""
        return pd.DataFrame([self._row(lift) for lifts in self.by_measure.values() for lift in lifts.values()])

    def costs_agreed(self, measure: str | None = None) -> tuple[float, float] | None:
        """Costs of winning a customer between which the claim holds under every model, and under every measure or one.

        None where there are none.
        """
        rows = self.measures()
        rows = rows if measure is None else rows[rows["measure"] == measure]
        low, high = rows["cost_from"].max(skipna=False), rows["cost_to"].min(skipna=False)
        return (float(low), float(high)) if low < high else None

    def to_frame(self) -> pd.DataFrame:
        """One row a reading and model.

        Columns model, reading (``named``, or how it differs), estimate, lower, upper, level [share of profit];
        gain_in_money and profit_before with their ends [currency]; retention_before and retention_after;
        break_even_cost [currency a customer and year]; cost_from and cost_to, between which costs of winning a customer
        the claim holds [currency]; p_in_range; reason, where there is no lift; and every choice.
        """
        return pd.DataFrame([self._row(lift) for lift in self.lifts])

    def _repr_html_(self) -> str:
        return table_html(self.to_frame()[["model", "reading", "estimate", "lower", "upper", "reason"]])

    def _row(self, lift: Lift) -> dict[str, Any]:
        choice = lift.choice
        differs = [f"{name}={getattr(choice, name)}" for name in choice.differs(self.named)]
        row = {"model": lift.model, "reading": ", ".join(differs) or "named", **vars(lift.lift or NOTHING)}
        for name in IN_ROWS:
            found, name = getattr(lift, name) or NOTHING, "gain_in_money" if name == "gain" else name
            row |= {name: found.estimate, f"{name}_lower": found.lower, f"{name}_upper": found.upper}
        return {**row, "p_in_range": lift.p_in_range, "reason": lift.reason, **vars(choice)}


@checked
def retention_lift(
    fit: PurchaseFit | Iterable[PurchaseFit],
    spend: SpendFit,
    gain: float = 0.05,
    *,
    horizon: Any = "3Y",
    level: float = 0.9,
    **settings: Any,
) -> pd.DataFrame:
    """What a rise of first-year retention does to profit, for every reading of that question.

    Parameters
    ----------
    fit
        A fitted purchase model or several; the first one's customers are those of today.
    spend
        The fitted spend model.
    gain
        By how much retention rises; by default in points.
    horizon
        A duration with its unit, such as ``"3Y"``.
    level
        Level of the credible intervals.
    settings
        Every other key of the configuration's sections ``economics`` and ``retention``: gross_margin, cost_per_order,
        acquisition_cost, fixed_costs_per_year, annual_discount_rate; gain_kind, shift, scope, profit, margins,
        cost_per_customer_year, new_customers_per_year (by default those of the last year, where the orders tell).

    Returns
    -------
    DataFrame
        As ``RetentionLift.to_frame``: model, reading, estimate, lower, upper, level, gain_in_money and more.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "cdnow"})
    >>> lifts = rl.retention_lift(rl.BGNBD().fit(orders), rl.GammaGamma().fit(orders), gain=.05, gross_margin=.4)
    >>> lifts.query("reading == 'named'")[["model", "estimate", "lower", "upper"]].round(2).values.tolist()
    [['BG/NBD', 0.21, 0.19, 0.22]]
    """
    fits, money = fits_of(fit), {name: settings[name] for name in settings.keys() & EconomicsConfig.model_fields.keys()}
    economics = EconomicsConfig.checked(horizon_years=duration(horizon) / DAYS_PER_YEAR, **money)
    rest = {name: value for name, value in settings.items() if name not in money}
    retention = RetentionConfig.checked(gain=gain, **rest)
    choices, joining = tuple(readings_that_matter(economics, retention)), retention.new_customers_per_year
    if joining is None and fits[0].orders is not None:
        joining = new_customers_observed(fits[0].orders)
    found = shifts_of(fits[0].known_histories(), fits, spend, choices, joining)
    return retention_lifts(found, choices, economics, retention, level=level).to_frame()


def retention_lifts(
    shifts: Shifts,
    choices: Iterable[Choice],
    economics: EconomicsConfig,
    retention: RetentionConfig,
    *,
    growth: Interval | None = None,
    level: float = 0.9,
    seed: int = 1,
) -> RetentionLift:
    """The lift under each model for each reading, from the streams before and after.

    Parameters
    ----------
    shifts
        With the rises and horizons of the readings, see ``shifts_of``.
    growth
        Yearly growth of order values among the same customers; None: growing margins stay open.
    """
    choices, settings = tuple(choices), (economics, retention.cost_per_customer_year, growth, seed, level)
    lifts = tuple(_lift(choice, each, shifts, *settings) for choice in choices for each in shifts.by_model)
    return RetentionLift(named_choice(economics, retention), lifts)


def growth_points(growth: Interval, points: int, seed: int) -> np.ndarray:
    """The estimate, then draws from the normal distribution that has the interval, shape (points,)."""
    spread = (growth.upper - growth.lower) / 2 / NormalDist().inv_cdf((1 + growth.level) / 2)
    draws = np.random.default_rng(seed).normal(growth.estimate, spread, points - 1)
    return np.append(growth.estimate, np.maximum(draws, LEAST_GROWTH))


def _lift(
    choice: Choice, streams: ModelStreams, shifts: Shifts, economics: EconomicsConfig, keeping: float,
    growth: Interval | None, seed: int, level: float,
) -> Lift:  # fmt: skip
    """One reading under one model; place 0 of every array is the fit, the rest are posterior draws."""
    if choice.scope == "firm" and not shifts.new_customers_per_year:
        return Lift(choice, streams.model, reason=NO_NEW_CUSTOMERS)
    if choice.margins == "growing" and growth is None:
        return Lift(choice, streams.model, reason=NO_GROWTH)

    def interval(points: np.ndarray) -> Interval:
        return Interval.around(points[0], points[1:], level)

    grown = growth_points(growth, len(streams.order_value), seed) if choice.margins == "growing" else None
    place, rate = streams.rises.index(choice.rise), economics.annual_discount_rate
    brought = [brings(streams, shifts, choice, at, rate, grown) for at in (0, place)]
    before, after = (profit(choice, economics, each) for each in brought)
    retained, possible = streams.after[place], np.isfinite(streams.after[place])
    lift = Lift(choice, streams.model, profit_before=interval(before), retention_before=interval(streams.before[place]))
    if not possible[0] or np.mean(~possible[1:]) > MAY_BE_UNPROFITABLE:
        return replace(lift, reason=CANNOT_RISE)
    costs = ((after - before) / brought[1].customer_years)[possible]
    kept_for = keeping if choice.keeping == "paid" else 0.0
    gain, unprofitable = after - kept_for * brought[1].customer_years - before, before[1:] <= 0
    won = economics.acquisition_cost if choice.profit != "contribution" else 0.0
    lift = replace(
        lift,
        **_costs(choice, (before + won)[possible], gain[possible], interval),
        gain=interval(gain[possible]),
        retention_after=interval(retained[possible]),
        break_even_cost=interval(costs) if costs[0] > 0 else None,
        p_unprofitable=float(np.mean(unprofitable)),
    )
    if lift.p_unprofitable > MAY_BE_UNPROFITABLE or before[0] <= 0:
        return replace(lift, reason=NO_PROFIT)
    lifts = np.where(possible & (before > 0), gain / np.where(before > 0, before, 1.0), np.nan)
    draws = lifts[1:]  # one that is missing lies nowhere
    return replace(
        lift,
        lift=interval(lifts[np.isfinite(lifts)]),
        p_in_range=float(np.mean((draws >= CLAIMED[0]) & (draws <= CLAIMED[1]))),
        p_above=float(np.mean(draws > CLAIMED[1])),
        p_below=float(np.mean(draws < CLAIMED[0])),
        draws=draws,
    )


def _costs(choice: Choice, contribution: np.ndarray, gain: np.ndarray, interval) -> dict[str, Interval]:
    """Costs of winning a customer at which the gain is the least and the most that is claimed of what is left."""
    low, high = contribution - gain / CLAIMED[0], contribution - gain / CLAIMED[1]
    if choice.scope != "new_customer" or gain[0] <= 0 or high[0] <= 0:
        return {}
    return {"cost_from": interval(np.maximum(low, 0.0)), "cost_to": interval(np.maximum(high, 0.0))}


def new_customers_observed(orders: Orders) -> float | None:
    """Customers whose first order falls into the last year of the data; None where that cannot be known.

    It cannot where the data span less than a year, or where many customers may have bought before they begin.
    """
    span = (orders.observation_end - orders.observation_start).days + 1
    if span < DAYS_PER_YEAR or left_truncation(orders):
        return None
    return float((orders.histories.table["T_days"] < DAYS_PER_YEAR).sum())


def refuse_lift(orders: Orders, retention: ModelRetention) -> None:
    """Raises Unavailable where these data cannot say what retention is worth."""
    refuse_without_money(orders)
    if truncated := left_truncation(orders):
        raise Unavailable(truncated.text, code="lift.reason.births_unknown", **truncated.values)
    if not retention.reaches_a_year:
        raise Unavailable(
            "No customer has been watched for longer than {days:integer} days, so a yearly retention would be a guess "
            "beyond the data.",
            code="lift.reason.shorter_than_a_year", days=retention.oldest_age_years * DAYS_PER_YEAR,
        )  # fmt: skip
