"""Rises of retention: the change of leaving that brings one about, and what customers do before and after it.

What customers do is known as streams over time under the fit and every posterior draw, so that whatever is computed
from them (a profit, a lift) has the interval of itself and not of its parts. No price, margin or discount rate enters.

References
----------
.. [1] Dowell, Jarratt (1972), The "Pegasus" method for computing the root of an equation, BIT 12(4):503-508.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.polynomial.chebyshev import chebpts1
from scipy.sparse import csr_array, vstack

from analysis.models.fits import PurchaseFit
from analysis.models.leaving import SHIFTS, Alive, Leaving
from analysis.models.patterns import Patterns, patterns_of
from analysis.models.purchase import PurchaseModel
from analysis.models.quadrature import unit_rule
from analysis.models.registry import MODELS
from analysis.models.spend import SpendFit
from analysis.time import DAYS_PER_YEAR, Clock, units_per_year

if TYPE_CHECKING:
    from analysis.data import CustomerSummary
    from analysis.value.lift import Choice


NODES = (12, 6)
"""Quadrature nodes up to the first horizon, and from each horizon to the next: integrals are right to 1e-6."""
DRAWS, FEWEST_DRAWS, HISTORIES = 400, 200, 2e7
"""Posterior draws of which the base is looked at: fewer where it has many histories."""
BLOCK, CELLS = 32, 4e6
"""Parameter points that are computed at once, at most; and these times histories."""
LARGEST_SHIFT, PRECISION, MOST_SECANTS = 60.0, 1e-12, 60


class Rise(NamedTuple):
    """A rise of the first-year retention of ``who``: ``new_customer``, ``base`` or ``firm`` (both together).

    Attributes
    ----------
    gain, gain_kind
        By how much: ``points``, ``relative``, or ``fewer_lost``.
    shift
        How: ``mean``, ``scale`` or ``logit``, see ``analysis.models.leaving.SHIFTS``; or ``every_year``: the
        cumulative hazard of the population falls by one factor, so that the losses of all years shrink alike.
    measure
        What is called retention, see ``MEASURES``; for others than new customers it is ``survival``.
    """

    who: str
    gain: float
    gain_kind: str
    shift: str
    measure: str = "survival"


MEASURES = ("survival", "order_rate", "ordering_again")
"""What is called first-year retention of new customers, counted from the first order, which is no part of it.

- ``survival``: the share who have not left for good a year after the first order, S(1); nobody sees it
- ``order_rate``: repeat orders per time unit a year after the first order over those right after it
- ``ordering_again``: the share with an order in the second year; it can be counted
"""

REST = Rise("new_customer", 0.0, "points", "mean")
"""No rise."""


@dataclass(frozen=True)
class Timeline:
    """Moments at which streams are known, and how to integrate over them.

    Attributes
    ----------
    times
        The end of the first year, then the quadrature nodes [time units].
    horizons
        Years, rising.
    weights
        Of the nodes, zero beyond the horizon, shape (horizons, nodes).
    year
        Length of a year [time units].
    """

    times: np.ndarray
    horizons: tuple[float, ...]
    weights: np.ndarray
    year: float


@dataclass(frozen=True)
class ModelStreams:
    """What customers do under one purchase model, at the fit (place 0) and posterior draws.

    Attributes
    ----------
    model
        Its name.
    order_value
        Expected value of a first order [currency], shape (points,).
    rises
        The rises; the first is no rise.
    before, after
        First-year retention of those concerned, by the rise's measure, shape (rises, points); ``after`` is NaN where
        it cannot rise so far.
    new, base
        Streams of one new customer and of today's base after each rise: customers who are there, their orders and order
        values per time unit, shape (3, points, times); None where a rise does not concern them.
    """

    model: str
    order_value: np.ndarray
    rises: tuple[Rise, ...]
    before: np.ndarray
    after: np.ndarray
    new: tuple[np.ndarray | None, ...]
    base: tuple[np.ndarray | None, ...]


@dataclass(frozen=True)
class Shifts:
    """Streams before and after every rise, under every model.

    Attributes
    ----------
    line
        The times.
    by_model
        The primary model first.
    new_customers_per_year
        Who joins the firm in a year; None or 0 where unknown, without rises of the firm.
    """

    line: Timeline
    by_model: tuple[ModelStreams, ...]
    new_customers_per_year: float | None


def shifts_of(
    histories: CustomerSummary,
    fits: Iterable[PurchaseFit],
    spend: SpendFit,
    choices: Iterable[Choice],
    joining: float | None = None,
) -> Shifts:
    """The shift behind the rise of each reading, solved for every posterior draw, and the streams that follow from it.

    They depend on no price and no margin.

    Parameters
    ----------
    histories
        Today's customers.
    choices
        Readings; the rises of those of the firm are left out where nobody joins it.
    joining
        New customers in a year; None where unknown.
    """
    fits, choices = tuple(fits), tuple(choices)
    wanted = [rise for rise in dict.fromkeys(each.rise for each in choices) if rise.who != "firm" or joining]
    line = timeline((each.horizon_years for each in choices), units_per_year(fits[0].time_unit))
    grid = base_grid(histories, fits[0].clock) if any(rise.who != "new_customer" for rise in wanted) else None
    return Shifts(line, tuple(streams_of(fit, spend, grid, wanted, line, joining or 0.0) for fit in fits), joining)


def expected_at_rest(
    histories: CustomerSummary, fit: PurchaseFit, spend: SpendFit | None, horizon_years: float, delta: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expected orders, discounted amount and discounted orders of today's base within the horizon, as things are.

    ``delta`` is the continuous discount rate [per time unit of the calendar].

    Returns
    -------
    tuple of ndarray
        At the fit and posterior draws, shape (3, points); the same of a new customer's repeat orders; and what a first
        order is worth [currency], shape (points,). Without ``spend`` an order is worth 1.
    """
    grid, year, end = base_grid(histories, fit.clock), units_per_year(fit.time_unit), histories.observation_end
    line = timeline([fit.clock.ahead(horizon_years * DAYS_PER_YEAR, end) / year], year)
    calendar, times = fit.clock.calendar_after(end), line.times[1:]
    times = times if calendar is None else calendar(times)
    kernels = line.weights[0] * np.exp(-np.outer([0.0, delta, delta], times))
    found = streams_of(fit, spend, grid, [], line)
    base, new = (
        np.array([stream[:, 1:] @ kernel for stream, kernel in zip((orders, revenue, orders), kernels, strict=True)])
        for _, orders, revenue in (found.base[0], found.new[0])
    )
    return base, new, found.order_value


def timeline(horizons: Iterable[float], year: float) -> Timeline:
    """Gauss-Legendre nodes between the horizons, closer together near the start, where streams fall fastest.

    Examples
    --------
    >>> line = timeline((1.0, 3.0), year=52.0)
    >>> round(float(line.weights[1] @ line.times[1:]), 6) == 156.0**2 / 2
    True
    """
    horizons = tuple(sorted(set(horizons)))
    places, weights = [], []
    for start, end in pairwise([0.0, *(horizon * year for horizon in horizons)]):
        share, mass = unit_rule(NODES[1] if start else NODES[0], near_zero=not start)
        places.append(start + (end - start) * share)
        weights.append(mass * (end - start))
    at, weight = np.concatenate(places), np.concatenate(weights)
    by_horizon = np.array([np.where(at < horizon * year, weight, 0.0) for horizon in horizons])
    return Timeline(np.append(year, at), horizons, by_horizon, year)


def target_retention(before, gain: float, kind: str):
    """First-year retention after the gain: ``points``, ``relative``, or ``fewer_lost``.

    >>> target_retention(0.8, 0.05, "points"), target_retention(0.8, 0.05, "relative")
    (0.8500000000000001, 0.8400000000000001)
    >>> round(target_retention(0.8, 0.05, "fewer_lost"), 6)
    0.81
    """
    if kind == "points":
        return before + gain
    return before * (1 + gain) if kind == "relative" else before + gain * (1 - before)


def draws_for(grid: BaseGrid | None) -> int:
    """How many posterior draws the base is looked at for."""
    return DRAWS if grid is None else int(np.clip(HISTORIES / len(grid.patterns), FEWEST_DRAWS, DRAWS))


def streams_of(
    fit: PurchaseFit,
    spend: SpendFit | None,
    grid: BaseGrid | None,
    rises: Sequence[Rise],
    line: Timeline,
    joining: float = 0.0,
) -> ModelStreams:
    """Streams of new customers and of a base under one model; without ``spend`` an order is worth 1."""
    model, draws = MODELS[fit.model], draws_for(grid)
    points, money = np.vstack([fit.params, fit.posterior.draws[:draws]]), None
    if spend is not None and spend.posterior is not None:
        money = np.vstack([list(spend.parameters.values()), spend.posterior.draws[:draws]])
    most = 0.0 if grid is None else float(grid.frequency.max())
    value = np.broadcast_to(1.0 if spend is None else spend.mean_order_values(money), len(points))
    block, blocks = BLOCK if grid is None else int(np.clip(CELLS / len(grid.patterns), 1, BLOCK)), []
    for rows in np.array_split(np.arange(len(points)), -(-len(points) // block)):
        alive = None if grid is None else grid.alive(model, points[rows], spend, None if money is None else money[rows])
        leaving = model.leaving(model.Params(*points[rows].T), most, line.year)
        blocks.append(solved_shifts(leaving, alive, rises, line.times, line.year, joining))
    new, base = (
        tuple(None if parts[0] is None else np.concatenate(parts, axis=1) for parts in zip(*curves, strict=True))
        for curves in ([block.new for block in blocks], [block.base for block in blocks])
    )
    worth = np.array([np.ones(len(value)), np.ones(len(value)), value])[..., None]
    return ModelStreams(
        fit.model,
        value,
        (REST, *rises),
        *(np.concatenate(parts, axis=1) for parts in zip(*((b.before, b.after) for b in blocks), strict=True)),
        new=tuple(None if each is None else each * worth for each in new),
        base=base,
    )


class Solved(NamedTuple):
    """Rises at a few parameter points, as in ``ModelStreams``; a new customer's orders are worth 1."""

    before: np.ndarray
    after: np.ndarray
    new: Sequence[np.ndarray | None]
    base: Sequence[np.ndarray | None]


def solved_shifts(
    leaving: Leaving, alive: Alive | None, rises: Iterable[Rise], times: np.ndarray, year: float, joining: float = 0.0
) -> Solved:
    """The shifts that bring rises about, and the streams over ``times`` after no rise and after each of them.

    Parameters
    ----------
    alive
        Today's base; None where it is not needed.
    joining
        New customers in a year, for rises of the firm.
    """
    rises = (REST, *rises)
    groups = {"new": None} if alive is None else {"new": None, "base": alive}
    counts = {"new": np.ones(len(leaving.params[0]))}
    if alive is not None:
        counts["base"] = alive.customers.sum(axis=(1, 2))
    parts = {"new_customer": {"new": 1.0}, "base": {"base": 1.0}, "firm": {"base": 1.0, "new": joining}}
    solved = [
        _solved(leaving, rise, [(groups[who], times * counts[who]) for who, times in parts[rise.who].items()], year)
        for rise in rises
    ]
    sizes, before, after = map(np.array, zip(*solved, strict=True))
    streams = {who: _streams(leaving, group, counts[who], who, rises, sizes, times) for who, group in groups.items()}
    return Solved(before, after, streams["new"], streams.get("base", [None] * len(rises)))


def _solved(
    leaving: Leaving, rise: Rise, parts: Sequence[tuple[Alive | None, np.ndarray]], year: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Size of the shift and first-year retention before and after it, of groups that count so often."""
    whole, zero = sum(count for _, count in parts), np.zeros(len(parts[0][1]))
    kind = "mean" if rise.shift == "every_year" else rise.shift
    staying = [_measured(leaving, rise.measure, kind, year, alive) for alive, _ in parts]
    at_rest = [stays(zero) for stays in staying]

    def retention(size: np.ndarray) -> np.ndarray:
        if rise.shift == "every_year":
            shares = [share ** np.exp(-size) for share in at_rest]
        else:
            shares = [stays(size) for stays in staying]
        return sum(count * share for (_, count), share in zip(parts, shares, strict=True)) / whole

    before = retention(zero)
    target = target_retention(before, rise.gain, rise.gain_kind)
    possible = (target > 0) & (target < 1)
    size = _root(lambda size: np.where(possible, target - retention(size), 0.0), len(zero))
    possible &= np.isfinite(size)
    return np.where(possible, size, 0.0), before, np.where(possible, target, np.nan)


def _measured(
    leaving: Leaving, measure: str, kind: str, year: float, alive: Alive | None
) -> Callable[[np.ndarray], np.ndarray]:
    """From the size of a shift, shape (points,), to first-year retention by a measure."""
    if measure == "order_rate":

        def rate(size: np.ndarray) -> np.ndarray:
            orders = leaving.curves(kind, size[None], np.array([0.0, year]))[1, 0]
            return orders[:, 1] / orders[:, 0]

        return rate
    if measure == "ordering_again":
        return lambda size: leaving.ordering(kind, size, year, year)
    return leaving.staying(kind, year, alive)


def _streams(
    leaving: Leaving, alive: Alive | None, whole: np.ndarray, who: str, rises: Sequence[Rise],
    sizes: Sequence[np.ndarray], times: np.ndarray,
) -> list[np.ndarray | None]:  # fmt: skip
    """Streams of a group after no rise and after each rise that concerns it."""
    concerned = {"new": ("new_customer", "firm"), "base": ("base", "firm")}[who]
    found: list[np.ndarray | None] = [None] * len(rises)
    by_kind: dict[str, list[int]] = {}
    for place, rise in enumerate(rises):
        if place == 0 or rise.who in concerned:
            by_kind.setdefault(rise.shift, []).append(place)
    for kind in by_kind.keys() & set(SHIFTS):
        of_kind = np.array([sizes[place] for place in by_kind[kind]])
        curves = leaving.curves(kind, of_kind, times, alive)
        for row, place in enumerate(by_kind[kind]):
            found[place] = curves[:, row]
    for place in by_kind.get("every_year", ()):
        # Those who are kept order like those who stay.
        share = np.maximum(found[0][0] / whole[:, None], 1e-300)
        found[place] = found[0] * share ** np.expm1(-sizes[place])[:, None]
    return found


def _root(missing: Callable[[np.ndarray], np.ndarray], points: int) -> np.ndarray:
    """Where a falling function of each point is zero; NaN beyond ``LARGEST_SHIFT``.

    By secants between its two sides; the value at an end that stays is scaled down, so that both ends move ([1]_).
    """
    low, below = np.zeros(points), missing(np.zeros(points))
    high = 0.3 * np.sign(below)
    while ((short := (above := missing(high)) * below > 0) & (np.abs(high) <= LARGEST_SHIFT)).any():
        high = np.where(short, 2 * high, high)
    for _ in range(MOST_SECANTS):
        is_open = (np.abs(above) >= PRECISION) & ~short
        if not is_open.any():
            break
        with np.errstate(invalid="ignore", divide="ignore"):  # where it is found
            between = np.where(is_open, high - above * (high - low) / (above - below), high)
            now = missing(between)
            crossed = now * above < 0
            low, below = np.where(crossed, high, low), np.where(crossed, above, below * above / (above + now))
        high, above = between, now
    return np.where(np.abs(above) < PRECISION, high, np.nan)


SINGLE_LEVELS = 9
LEVELS_ABOVE = 7


@dataclass(frozen=True)
class BaseGrid:
    """The customers of a summary, collapsed, and how they are spread over states.

    Attributes
    ----------
    patterns
        Their distinct histories.
    frequency, T
        Levels of x, shape (m,), and of the age [time units], shape (k,); a state is a pair of levels.
    spread
        Share of each pattern that each state takes, shape (m * k, patterns); a column sums to one.
    known, known_value
        Customers of each pattern whose mean order value is known, and the sum of these values, shape (patterns,).
    """

    patterns: Patterns
    frequency: np.ndarray
    T: np.ndarray
    spread: csr_array
    known: np.ndarray
    known_value: np.ndarray

    def states(self, by_pattern: np.ndarray) -> np.ndarray:
        """A quantity that is known by pattern, shape (points, patterns), by state, (points, frequency, T)."""
        return (self.spread @ by_pattern.T).T.reshape(-1, len(self.frequency), len(self.T))

    def alive(
        self, model: PurchaseModel, points: np.ndarray, spend: SpendFit | None = None, money: np.ndarray | None = None
    ) -> Alive:
        """Who is alive at points of a model's parameters, and what their orders are worth.

        Parameters
        ----------
        points
            Shape (points, parameters).
        spend, money
            The spend model, and points of its p, q and v; None of one that has none.
        """
        rows = [model.p_alive(model.Params(*point), *self.patterns.history) for point in points.tolist()]
        customers = self.patterns.weight * np.array(rows)
        worth = customers if spend is None else customers * self._order_values(spend, money)
        return Alive(self.states(customers), self.states(worth), self.frequency, self.T)

    def _order_values(self, spend: SpendFit, money: np.ndarray | None) -> np.ndarray:
        """Mean expected value of an order of a pattern's customers [currency], shape (points, patterns) or less."""
        x, unknown = self.patterns.frequency, self.patterns.weight - self.known
        own, new = (
            spend.order_values(x, mean, money) for mean in (self.known_value / np.maximum(self.known, 1), np.nan)
        )
        # The expectation is linear in a customer's own mean, so a pattern's mean stands for its customers.
        return (np.where(self.known > 0, own * self.known, 0.0) + new * unknown) / self.patterns.weight


def base_grid(summary: CustomerSummary, clock: Clock) -> BaseGrid:
    """The grid of a summary's customers."""
    patterns = patterns_of(summary, clock)
    frequency, of_frequency = _frequency_levels(patterns.frequency)
    ages, of_age = _age_levels(patterns.T)
    spread = vstack([csr_array(of_age.T * share) for share in of_frequency.T], format="csr")
    known, value = np.zeros((2, len(patterns)))
    if summary.has_money:
        table = summary.collapsed
        # Of customers in an engine there are sums by history.
        total = table.get("mean_repeat_value", table.get("repeat_total", 0.0) / table["frequency"])
        customers = table.get("customers", pd.Series(1.0, table.index))
        has = (table["frequency"] > 0) & np.isfinite(total)
        known, value = (
            np.bincount(patterns.index, each.where(has, 0.0), len(patterns))
            for each in (customers, total.clip(lower=0))
        )
    return BaseGrid(patterns, frequency, ages, spread, known, value)


def _frequency_levels(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    single = np.arange(min(SINGLE_LEVELS, int(x.max()) + 1), dtype=float)
    most = float(x.max())
    if most < SINGLE_LEVELS:
        return single, np.eye(len(single))[x]
    many = x >= SINGLE_LEVELS
    place, shares = _interpolated(np.log(np.where(many, x, SINGLE_LEVELS)), LEVELS_ABOVE)
    levels = np.concatenate([single, np.exp(place)])
    alone = np.eye(len(single))[np.where(many, 0, x)] * ~many[:, None]
    return levels, np.hstack([alone, shares * many[:, None]])


def _age_levels(T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    offset = 0.05 * T.max() or 1.0  # all came on the last day
    log_age = np.log(offset + T)
    width = float(np.ptp(log_age))
    place, shares = _interpolated(log_age, 3 + int(np.ceil(2 * width)))
    return np.exp(place) - offset, shares


def _interpolated(values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev places over the range of ``values``, and Lagrange weights of each value on them."""
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-9:
        return np.array([low]), np.ones((len(values), 1))
    place = (low + high) / 2 + (high - low) / 2 * chebpts1(count)
    from scipy.interpolate import barycentric_interpolate

    # Nodes are taken in an order drawn at random, which would move the last digit from run to run.
    return place, barycentric_interpolate(place, np.eye(count), values, rng=1)
