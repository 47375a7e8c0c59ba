"""What every customer is still worth: expectations in closed form, intervals from simulated futures.

The futures know no margin: everything is in amounts of orders, so that another margin only scales it. Of customers
whose rows stay in an engine values are expressions there; the total and its credible interval are computed here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.arguments import checked
from analysis.config import EconomicsConfig
from analysis.errors import DataError, Unavailable
from analysis.interval import Interval
from analysis.models.fits import PurchaseFit, fits_of
from analysis.models.futures import Spenders, passes_for, simulate_futures, spenders_of
from analysis.models.patterns import Patterns, patterns_of
from analysis.models.registry import MODELS
from analysis.models.spend import SpendFit
from analysis.plotting import Plots
from analysis.tables import Result
from analysis.time import DAYS_PER_YEAR, Clock, duration, force_of_interest, from_days, to_days, units_per_year
from analysis.value.groups import LABELS, by_id, members_of, segment_of, segments_of
from analysis.value.intervals import ends
from analysis.value.shifts import expected_at_rest

if TYPE_CHECKING:
    from analysis.data import CustomerSummary
    from analysis.data.remote import InEngine, RemoteHistories
    from analysis.models.origins import Calibration, Record

PASSES = 1_000
"""Simulated futures of every customer, where there are not too many of them."""


@dataclass(frozen=True)
class Totals:
    """The base's and its segments' totals under one purchase model: orders, discounted amount, discounted orders.

    Attributes
    ----------
    expected
        Of the base, shape (3,).
    simulated
        In simulated futures, the whole base first, shape (3, 1 + segments, passes).
    bounds
        Lower and upper bound of what each customer leaves, shape (2, customers); NaN where none was asked for.
    """

    expected: np.ndarray
    simulated: np.ndarray
    bounds: np.ndarray


@dataclass(frozen=True)
class Simulation:
    """What simulated futures of customers rest on: the same futures each time.

    Attributes
    ----------
    model
        The purchase model.
    draws
        Parameters of it behind each pass, shape (passes, k).
    history
        Frequency, recency and T [model time], shape (3, customers).
    silent_days
        Days since the last order, shape (customers,).
    spenders
        What is known of their spend; None without money.
    orders, discounted
        Expected orders and discounted orders, shape (customers,).
    clock, end
        What turns days into model time; the last day of the data.
    horizon, delta
        Length of the future [model time]; continuous discount rate [per time unit of the calendar].
    seed
        Of the random numbers.
    """

    model: str
    draws: np.ndarray
    history: np.ndarray
    silent_days: np.ndarray
    spenders: Spenders | None
    orders: np.ndarray
    discounted: np.ndarray
    clock: Clock
    end: dt.date | None
    horizon: float
    delta: float
    seed: int

    def totals(
        self, groups: pd.DataFrame | None = None, margin: float = 1.0, cost: float = 0.0, level: float | None = None
    ) -> Totals:
        """One future of every customer for each pass, summed over the base and over groups, as of ``members_of``.

        An order leaves ``margin`` of its amount less ``cost``. Memory grows with customers and with passes, never with
        their product.
        """
        customers, spenders = self.history.shape[1], self.spenders
        worth = np.nan if spenders is None else spenders.expected
        members, bounds = np.ones((1, customers)), np.full((2, customers), np.nan)
        if groups is not None:
            members = np.vstack([members, groups.to_numpy().T])
        sums = np.zeros((3, len(members), len(self.draws)))
        model, calendar = MODELS[self.model], self.clock.calendar_after(self.end)
        time = {"horizon": self.horizon, "delta": self.delta, "calendar": calendar}
        chunks = simulate_futures(model, self.draws, self.history, **time, spenders=spenders, seed=self.seed)
        for rows, orders, amount, discounted in chunks:
            here = members[:, rows]
            sums[0] += here @ orders.T
            if spenders is not None:
                sums[1] += here @ amount.T
                sums[2] += here @ discounted.T
                left = margin * amount - cost * discounted if cost else margin * amount
                if level is not None:
                    bounds[:, rows] = np.quantile(left, [(1 - level) / 2, (1 + level) / 2], axis=0)
        expected = [self.orders.sum(), (self.discounted * worth).sum(), self.discounted.sum()]
        return Totals(np.array(expected), sums, bounds)

    def segments(self, margin: float = 1.0, cost: float = 0.0) -> pd.DataFrame:
        """The report's segments when an order leaves so much; without money the last rank is that of the orders."""
        worth = self.orders if self.spenders is None else self.discounted * (margin * self.spenders.expected - cost)
        return segments_of(self.history[0] + 1, self.silent_days, worth)


@dataclass(frozen=True)
class Futures:
    """What customers will order, in expectation and in simulated futures, without any margin.

    Attributes
    ----------
    customers
        One row a customer: everything about them that needs no margin.
    by_model
        Totals of amounts under each model, the primary one first; its groups are the segments.
    expectation
        The base's expected orders, discounted amount and discounted orders under each posterior draw, shape (3, draws);
        None without money.
    simulation
        What the simulation under the primary model rests on.
    level, horizon_years, annual_discount_rate
        As asked for.
    """

    customers: pd.DataFrame
    by_model: Mapping[str, Totals]
    expectation: np.ndarray | None
    simulation: Simulation
    level: float
    horizon_years: float
    annual_discount_rate: float


@dataclass(frozen=True, repr=False)
class CustomerValue(Result):
    """What every customer is still worth.

    Attributes
    ----------
    customers
        One row a customer: customer_id, first_order and last_order, orders, spent, frequency, recency and T [time
        units of the model], p_alive, expected_orders and p_order (of at least one) within the horizon,
        expected_order_value and residual_clv with its predictive bounds [currency], days_until_p_alive_half,
        no_repeat_yet; then the columns of a table of customers, such as channel.
    total
        Residual value of the base with its **predictive** interval [currency]; None without money.
    expected_total
        The same with the narrower **credible** interval of its expectation; None without money.
    expected_orders
        Orders of the base within the horizon with the predictive interval.
    segments
        Totals by segment as ``by`` gives them, by dimension (``orders``, ``recency`` or ``value``) and segment.
    by_model
        Purchase model -> residual_clv [currency] (None without money) and expected_orders of the base under it, with
        predictive intervals: they disagree on who is alive, so they disagree on what the base is worth.
    draws
        Number of simulated futures behind the predictive intervals.
    horizon_years, annual_discount_rate, gross_margin, cost_per_order
        The assumptions.
    currency
        ISO code, or None where it is unknown.
    simulation
        What the simulated futures rest on.
    """

    customers: pd.DataFrame
    total: Interval | None
    expected_total: Interval | None
    expected_orders: Interval
    segments: pd.DataFrame
    by_model: Mapping[str, Mapping[str, Interval | None]]
    draws: int
    horizon_years: float
    annual_discount_rate: float
    gross_margin: float
    cost_per_order: float
    currency: str | None
    simulation: Simulation

    main = "customers"
    plot = Plots("analysis.value.plots", "segments", "concentration", grid="analysis.value.plots:plot_value_grid")

    @property
    def brings_money(self) -> bool:
        """Whether the base brings more than it costs, so that shares and ranks of value mean something."""
        return self.total is not None and self.total.estimate > 0

    @property
    def measure(self) -> str:
        """Column that says what a customer brings: residual_clv, or expected_orders where there is no money."""
        return "residual_clv" if self.total is not None else "expected_orders"

    def grid(self) -> pd.DataFrame:
        """By classes of orders and of recency (days since the last one): customers, estimate, share of the base."""
        orders, silent = self.simulation.history[0] + 1, self.simulation.silent_days
        parts = [segment_of("orders", orders), segment_of("recency", silent)]
        worth = self.customers[self.measure]
        cells = worth.groupby(parts, observed=False)
        totals = {"customers": cells.size(), "estimate": cells.sum(), "share": cells.sum() / worth.sum()}
        return pd.DataFrame(totals)

    def by(self, group: str | pd.Series) -> pd.DataFrame:
        """Totals by group of customers with predictive intervals.

        Parameters
        ----------
        group
            ``orders``, ``recency`` or ``value`` for the segments of a report; the name of a column of ``customers``;
            or a Series of groups by customer id, such as ``rl.rfm(orders)``.

        Returns
        -------
        DataFrame
            One row a group: customers; estimate, lower, upper, level of the residual value [currency] (without money of
            the orders); share of the base; expected_orders, expected_orders_lower, expected_orders_upper.
        """
        if isinstance(group, str) and group in LABELS:
            return self.segments.loc[group].rename_axis(group)
        groups = self._groups(group)
        members = members_of({"": groups})
        found = _by_segment(self, members, self.simulation.totals(members), self.expected_orders.level)
        return found.loc[""].rename_axis(groups.name or "group")

    def _groups(self, group: str | pd.Series) -> pd.Series:
        if isinstance(group, str):
            if group not in self.customers:
                allowed = ", ".join(map(repr, [*LABELS, *self.customers.columns]))
                raise DataError(f"group == {group!r}, must be one of {allowed}, or a Series by customer id")
            return self.customers[group]
        if not isinstance(group, pd.Series) or group.empty:
            kind = type(group).__name__
            raise DataError(f"group is of the type {kind}, must be a column's name or a Series by customer id of some")
        return by_id(group, pd.Index(self.customers["customer_id"]), "groups")


@checked
def customer_value(
    fit: PurchaseFit | Iterable[PurchaseFit],
    spend: SpendFit | None,
    horizon: Any = "3Y",
    gross_margin: float = 0.3,
    annual_discount_rate: float = 0.1,
    cost_per_order: float = 0.0,
    level: float = 0.9,
    seed: int = 1,
) -> CustomerValue | RemoteValue:
    """Residual value of every customer, of segments and of the base; by ``channel`` and ``category`` of the first order
    where orders have them.

    Of orders whose rows stay in an engine a ``RemoteValue``: customers are a table of that engine.

    Parameters
    ----------
    fit
        A fitted purchase model or several; values rest on the first one, ``by_model`` has all.
    spend
        The fitted spend model; None for orders without money.
    horizon
        A duration with its unit, such as ``"3Y"``.
    gross_margin, cost_per_order
        Share of an order's amount that is left, and a further cost of each order [currency].
    annual_discount_rate
        By how much money a year later counts less [share].
    level, seed
        Level of the intervals; the same seed gives the same simulated futures.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "cdnow"})
    >>> value = rl.customer_value(rl.BGNBD().fit(orders), rl.GammaGamma().fit(orders), horizon="3Y", gross_margin=.3)
    >>> round(value.total.estimate, -2)
    48200.0
    >>> value.by("orders")["customers"].to_dict()
    {'1': 1218, '2-3': 612, '4-6': 304, '7+': 223}
    """
    from analysis.data.remote import RemoteHistories

    fits = fits_of(fit)
    orders = fits[0].orders
    time = {"horizon_years": duration(horizon) / DAYS_PER_YEAR, "annual_discount_rate": annual_discount_rate}
    money = {"gross_margin": gross_margin, "cost_per_order": cost_per_order}
    EconomicsConfig.checked(**time, **money)
    if isinstance(fits[0].known_histories(), RemoteHistories):
        return remote_value(fits[0], spend, **time, **money, level=level)
    found = futures(fits[0].known_histories(), fits, spend, **time, level=level, seed=seed)
    first = fits[0].known_histories().table.filter(items=("first_category", "first_channel"))
    first = first.rename(columns=lambda name: name.removeprefix("first_"))
    return value_of(found, **money, currency=orders and orders.currency, attributes=first)


def futures(
    histories: CustomerSummary,
    fits: Iterable[PurchaseFit],
    spend: SpendFit | None,
    *,
    horizon_years: float = 3.0,
    annual_discount_rate: float = 0.1,
    level: float = 0.9,
    seed: int = 1,
) -> Futures:
    """Expectations and simulated futures of every customer, before any margin.

    Parameters
    ----------
    histories
        The customers to value; need not be those the models were fitted on.
    fits, spend
        Fitted models, the primary one first; without ``spend`` there are orders but no money.
    """
    fits = fits_of(fits)
    primary, unit, clock, end = fits[0], fits[0].time_unit, fits[0].clock, histories.observation_end
    patterns, spend = patterns_of(histories, clock), spend if histories.has_money else None
    years, delta = horizon_years * units_per_year(unit), force_of_interest(annual_discount_rate, unit)
    horizon = clock.ahead(to_days(years, unit), end)
    table = _known(histories, primary)
    passes = passes_for(len(table), most=PASSES)
    spenders = None if spend is None else spenders_of(histories, spend, passes)
    expectation = spend and expected_at_rest(histories, primary, spend, horizon_years, delta)[0][:, 1:]
    by_model, history = {}, np.array(patterns.history, dtype=float)[:, patterns.index]
    silent = np.round(to_days(table["T"] - table["recency"], unit)).to_numpy()
    for fit in reversed(fits):
        expected = MODELS[fit.model].expectations(fit.params, patterns, horizon)
        # Of the other models only the base's total is asked for.
        draws = fit.posterior.draws[: passes if fit is primary else passes_for(len(table), most=PASSES // 2)]
        orders = expected["expected_orders"][patterns.index]
        discounted = discounted_orders(fit, patterns, years, delta, end)
        simulation = Simulation(
            fit.model, draws, history, silent, spenders, orders, discounted, clock, end, horizon, delta, seed
        )
        asked = (simulation.segments(), 1.0, 0.0, level) if fit is primary else ()
        by_model = {fit.model: simulation.totals(*asked), **by_model}
    for name, values in expected.items():
        table[name] = values[patterns.index]
    table["expected_order_value"] = np.nan if spenders is None else spenders.expected
    half = MODELS[primary.model].time_until_p_alive_half(primary.params, *patterns.history)[patterns.index]
    table["days_until_p_alive_half"] = clock.days_ahead(np.where(np.isfinite(half), half, np.nan), end)
    table["no_repeat_yet"] = table["frequency"] == 0
    return Futures(table, by_model, expectation, simulation, level, horizon_years, annual_discount_rate)


def _known(histories: CustomerSummary, fit: PurchaseFit) -> pd.DataFrame:
    source = histories.table
    table = source.reindex(columns=["first_order", "last_order", "orders", "spent", "frequency"])
    table.insert(0, "customer_id", histories.ids)
    for name in ("recency", "T"):
        table[name] = from_days(source[f"{name}_days"], fit.time_unit)
    return table


def discounted_orders(
    fit: PurchaseFit, patterns: Patterns, horizon: float, delta: float, end: dt.date | None = None
) -> np.ndarray:
    """Expected orders within the horizon after the day ``end`` [time units of the calendar], discounted."""
    frequency, ages, of_pattern = patterns.states
    model = MODELS[fit.model]
    ahead = bool(fit.clock.follows) and (lambda time: fit.clock.ahead(to_days(time, fit.time_unit), end))
    while_alive = model.discounted_while_alive(fit.params, horizon, delta, frequency, ages, ahead or None)
    return (model.p_alive(fit.params, *patterns.history) * while_alive[of_pattern])[patterns.index]


def value_of(
    futures: Futures,
    *,
    gross_margin: float = 0.3,
    cost_per_order: float = 0.0,
    currency: str | None = None,
    attributes: pd.DataFrame | None = None,
) -> CustomerValue:
    """What customers are worth when an order leaves ``gross_margin`` of its amount less ``cost_per_order``.

    ``attributes`` are further columns of ``customers``, in the same order; one that has a name of theirs ends in ``_``.
    """
    simulation, level, (primary, totals) = futures.simulation, futures.level, next(iter(futures.by_model.items()))
    has_money, segments, bounds = simulation.spenders is not None, simulation.segments(), gross_margin * totals.bounds
    if has_money and cost_per_order:
        # Bounds and ranks of what is left after costs are no multiples of those of amounts.
        segments = simulation.segments(gross_margin, cost_per_order)
        totals = simulation.totals(segments, gross_margin, cost_per_order, level)
        bounds = totals.bounds
    left = gross_margin * futures.customers["expected_order_value"] - cost_per_order
    table = futures.customers.assign(residual_clv=simulation.discounted * left)
    table["residual_clv_lower"], table["residual_clv_upper"] = bounds

    def base(totals: Totals) -> dict[str, Interval | None]:
        (orders, amount, discounted), simulated = totals.expected, totals.simulated[:, 0]
        estimate = gross_margin * amount - cost_per_order * discounted
        money = gross_margin * simulated[1] - cost_per_order * simulated[2]
        value = Interval.around(estimate, money, level) if has_money else None
        return {"residual_clv": value, "expected_orders": Interval.around(orders, simulated[0], level)}

    known = pd.DataFrame() if attributes is None else attributes
    more = {f"{name}_" if name in COLUMNS else name: known[name].array for name in known}
    by_model, expected = {name: base(each) for name, each in futures.by_model.items()}, None
    if has_money:
        drawn = gross_margin * futures.expectation[1] - cost_per_order * futures.expectation[2]
        expected = Interval.around(by_model[primary]["residual_clv"].estimate, drawn, level)
    value = CustomerValue(
        customers=table[list(COLUMNS)].assign(**more),
        total=by_model[primary]["residual_clv"],
        expected_total=expected,
        expected_orders=by_model[primary]["expected_orders"],
        segments=pd.DataFrame(),
        by_model=by_model,
        draws=totals.simulated.shape[2],
        horizon_years=futures.horizon_years,
        annual_discount_rate=futures.annual_discount_rate,
        gross_margin=gross_margin,
        cost_per_order=cost_per_order,
        currency=currency,
        simulation=simulation,
    )
    return replace(value, segments=_by_segment(value, segments, totals, level))


COLUMNS = (
    "customer_id", "first_order", "last_order", "orders", "spent", "frequency", "recency", "T", "p_alive",
    "expected_orders", "p_order", "expected_order_value", "residual_clv", "residual_clv_lower", "residual_clv_upper",
    "days_until_p_alive_half", "no_repeat_yet",
)  # fmt: skip


def _by_segment(value: CustomerValue, members: pd.DataFrame, totals: Totals, level: float) -> pd.DataFrame:
    """Totals with predictive intervals by dimension and segment, as ``CustomerValue.by`` gives them."""
    orders, amount, discounted = totals.simulated[:, 1:]
    left = orders if value.total is None else value.gross_margin * amount - value.cost_per_order * discounted
    worth, ordered = (value.customers[name] @ members.to_numpy() for name in (value.measure, "expected_orders"))
    columns = {"customers": members.sum(), **ends(np.vstack([worth, left.T]), level), "level": level}
    columns["share"] = worth / value.customers[value.measure].sum()
    return pd.DataFrame(columns | ends(np.vstack([ordered, orders.T]), level, "expected_orders"))


WINDOW_DAYS = 91
"""Length of a past window where there are none."""


@dataclass(frozen=True)
class Outlook:
    """Totals with calibrated intervals.

    Attributes
    ----------
    orders, money
        Expected orders, and the residual value [currency]; None without money or where nothing is left.
    calibration_of_orders, calibration
        What the intervals of orders and of money are widened by; without money the same.
    horizon_days
        How far ahead the totals are.
    """

    orders: Interval
    money: Interval | None
    calibration_of_orders: Calibration
    calibration: Calibration
    horizon_days: float

    @property
    def is_assumed(self) -> bool:
        """Whether the horizon is longer than a window, so that the interval is carried on by assumption."""
        return self.calibration.is_assumed(self.horizon_days)

    def of(self, groups: pd.DataFrame) -> pd.DataFrame:
        """Groups as ``CustomerValue.by`` gives them, with calibrated intervals beside the predictive ones.

        That the total of a group misses beyond the model's own interval by as much as that of all is assumed: past
        windows were looked at as a whole. Missing where a group brings nothing.

        Returns
        -------
        DataFrame
            With calibrated_lower and calibrated_upper of the residual value [currency] (without money of the orders),
            and expected_orders_calibrated_lower and expected_orders_calibrated_upper.
        """
        ends = {"": (self.calibration, ("estimate", "lower", "upper"))}
        ends["expected_orders_"] = self.calibration_of_orders, (
            "expected_orders", "expected_orders_lower", "expected_orders_upper",
        )  # fmt: skip
        found = {}
        for name, (calibration, columns) in ends.items():
            rows = groups[[*columns, "level"]].to_numpy(dtype=float)
            wide = [self._ends(calibration, Interval(*row)) for row in rows.tolist()]
            found[f"{name}calibrated_lower"], found[f"{name}calibrated_upper"] = np.reshape(wide, (-1, 2)).T
        return groups.assign(**found)

    def _ends(self, calibration: Calibration, own: Interval) -> tuple[float, float]:
        if not own.estimate > 0:
            return np.nan, np.nan
        wide = calibration.widened(own, self.horizon_days)
        return wide.lower, wide.upper


@checked
def outlook(value: CustomerValue, record: Record | None = None) -> Outlook:
    """The totals of a value with calibrated intervals; without a record only with what is assumed beforehand.

    Parameters
    ----------
    value
        Of any horizon: over a shorter time than a past window totals miss by more, over a longer one by as much.
    record
        How past windows were forecast, such as ``rolling_origins`` gives.

    Examples
    --------
    >>> import analysis as rl
    >>> study = rl.open_study(sample="cdnow")
    >>> quarter = rl.customer_value(study.fit, study.spend, "13W")
    >>> ahead = rl.outlook(quarter, study.origins)
    >>> ahead.is_assumed, ahead.money.upper > quarter.total.upper
    (False, True)
    >>> wide = ahead.of(quarter.by("orders"))
    >>> bool((wide["calibrated_upper"] >= wide["upper"]).all())
    True
    """
    from analysis.models.origins import (
        Calibration,  # with SciPy's distributions, which a page that reads a value spares
    )

    of_orders = Calibration.of([], [], WINDOW_DAYS) if record is None else record.calibration
    of_money = (record and record.money) or of_orders
    days, money = value.horizon_years * DAYS_PER_YEAR, value.total
    return Outlook(
        orders=of_orders.widened(value.expected_orders, days),
        money=None if money is None or money.estimate <= 0 else of_money.widened(money, days),
        calibration_of_orders=of_orders,
        calibration=of_orders if money is None else of_money,
        horizon_days=days,
    )


@dataclass(frozen=True)
class RemoteValue:
    """What every customer is still worth, as a table of the engine that holds them.

    Attributes
    ----------
    customers
        One row a customer: the id, p_alive, expected_orders and p_order within the horizon, and with money
        expected_order_value and residual_clv [currency].
    expected_total, expected_orders
        Residual value [currency] and orders of the base in expectation, with their **credible** intervals.
    gross_margin, cost_per_order
        The assumptions.
    """

    customers: InEngine
    expected_total: Interval | None
    expected_orders: Interval
    gross_margin: float
    cost_per_order: float

    @property
    def total(self) -> Interval:
        """Never known here: a predictive interval simulates the future of every customer."""
        raise Unavailable(
            "Predictive intervals simulate every customer, which takes a base that fits into memory; "
            "`expected_total` has the credible interval."
        )

    def by(self, group: pd.Series) -> pd.DataFrame:
        """As ``CustomerValue.by`` of groups by customer id, in expectation: ``lower`` and ``upper`` are not known."""
        customers = self.customers.to_frame()
        worth = customers["residual_clv" if "residual_clv" in customers else "expected_orders"]
        cells = worth.groupby(group.reindex(worth.index).to_numpy())
        found = pd.DataFrame({"customers": cells.size(), "estimate": cells.sum(), "share": cells.sum() / worth.sum()})
        return found.assign(lower=np.nan, upper=np.nan, level=np.nan)


def remote_value(
    fit: PurchaseFit,
    spend: SpendFit | None,
    horizon_years: float,
    annual_discount_rate: float,
    gross_margin: float,
    cost_per_order: float,
    level: float,
) -> RemoteValue:
    """See ``customer_value``."""
    from analysis.data.remote import InEngine, mean_repeat_value

    histories: RemoteHistories = fit.known_histories()
    patterns, known, end = patterns_of(histories, fit.clock), histories.collapsed, histories.observation_end
    horizon, spend = fit.clock.ahead(horizon_years * DAYS_PER_YEAR, end), spend if histories.has_money else None
    found = MODELS[fit.model].expectations(fit.params, patterns, horizon)
    found = {name: values[patterns.index] for name, values in found.items()}
    years, delta = horizon_years * units_per_year(fit.time_unit), force_of_interest(annual_discount_rate, fit.time_unit)
    orders, amount, discounted = expected_at_rest(histories, fit, spend, horizon_years, delta)[0]
    expected_orders = Interval.around(known["customers"] @ found["expected_orders"], orders[1:], level)
    if spend is None:
        return RemoteValue(histories.predicted(found), None, expected_orders, gross_margin, cost_per_order)
    # Expected order values are affine in a customer's own mean.
    intercept, with_one = (spend.order_values(known["frequency"], np.full(len(known), mean)) for mean in (0.0, 1.0))
    parts = {"discounted": discounted_orders(fit, patterns, years, delta, end)}
    table = histories.joined(found | parts | {"intercept": intercept, "slope": with_one - intercept})
    table = table.mutate(expected_order_value=table.intercept + table.slope * mean_repeat_value(table))
    left = table.expected_order_value * gross_margin - cost_per_order
    columns = {histories.orders.id_column: table.customer, **{name: table[name] for name in found}}
    columns |= {"expected_order_value": table.expected_order_value, "residual_clv": table.discounted * left}
    customers = InEngine(table.select(**columns), histories.orders.id_column)
    total = gross_margin * amount - cost_per_order * discounted
    expected_total = Interval.around(total[0], total[1:], level)
    return RemoteValue(customers, expected_total, expected_orders, gross_margin, cost_per_order)
