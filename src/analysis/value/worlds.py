"""Profit before and after a rise in retention, in one state of the world: one draw of everything that is uncertain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.interval import Interval
from analysis.models.estimate import MODELS
from analysis.models.results import SpendResult
from analysis.timeunits import force_of_interest, units_per_year
from analysis.value.base_grid import BaseGrid, customers_alive, order_values
from analysis.value.leaving import NO_SHIFT, Shift, leaving_of
from analysis.value.profit import Ledger, Profit, profit_of
from analysis.value.readings import NEW_SCOPES, Choice
from analysis.value.streams import NODES_FIRST, NODES_LATER, Group, Stream, shift_to, target_retention, timeline

if TYPE_CHECKING:
    from analysis.config import Config


class Outcome(NamedTuple):
    """A reading in one world, or in many (arrays).

    Attributes
    ----------
    profit_before, profit_after
        Discounted profit [currency]; where keeping is paid for, its cost is taken off the profit after.
    customer_years
        Discounted customer-years after the rise.
    retention_before, retention_after
        First-year retention of those concerned.

    Where retention cannot rise so far, ``profit_after``, ``customer_years`` and ``retention_after`` are NaN.
    """

    profit_before: float
    profit_after: float
    customer_years: float
    retention_before: float
    retention_after: float


class Market:
    """What is the same under every model and draw."""

    def __init__(
        self,
        config: Config,
        choices: Sequence[Choice],
        joining: float | None,
        growth: Interval | None,
        nodes: tuple[int, int] = (NODES_FIRST, NODES_LATER),
    ):
        economics, unit = config.economics, config.model.time_unit
        self.year = units_per_year(unit)
        self.choices, self.level, self.growth = choices, config.model.credible_level, growth
        self.cost_per_customer_year = config.retention.cost_per_customer_year
        self.line = timeline(tuple(sorted({choice.horizon_years for choice in choices})), self.year, nodes)
        self.needs_base = any(choice.scope not in NEW_SCOPES for choice in choices)
        self.seed = config.model.seed
        self.ledger = Ledger(
            margin=economics.gross_margin,
            cost_per_order=economics.cost_per_order,
            delta=force_of_interest(economics.annual_discount_rate, unit),
            acquisition_cost=economics.acquisition_cost,
            fixed_costs=economics.fixed_costs_per_year / self.year,
            new_customers=None if joining is None else joining / self.year,
            growth=None if growth is None else growth.estimate,
        )

    def with_growth(self, draw: float | None) -> Ledger:
        return self.ledger if draw is None else replace(self.ledger, growth=max(draw, -0.99))

    def growth_draws(self, count: int) -> list[float | None]:
        if self.growth is None:
            return [None] * count
        spread = (self.growth.upper - self.growth.lower) / 2 / NormalDist().inv_cdf((1 + self.growth.level) / 2)
        return np.random.default_rng(self.seed).normal(self.growth.estimate, spread, count).tolist()

    def paid(self, choice: Choice) -> float:
        """Cost of keeping under a reading [currency per customer and year]."""
        return self.cost_per_customer_year if choice.keeping == "paid" else 0.0

    def why_not(self, choice: Choice) -> str | None:
        """Message key of what is missing for a reading; None where nothing is."""
        if choice.scope == "firm" and not self.ledger.new_customers:
            return "lift.reason.no_new_customers"
        if choice.margins == "growing" and self.growth is None:
            return "lift.reason.no_growth"
        return None


class World:
    """One state of the world: a model's parameters, what orders are worth, and how order values grow.

    ``guesses`` are sizes of shifts found in earlier worlds of the same model, by what was solved for.
    """

    def __init__(
        self,
        name: str,
        params,
        spend: SpendResult,
        spend_params: np.ndarray | None,
        grid: BaseGrid,
        market: Market,
        ledger: Ledger,
        guesses: dict | None = None,
    ):
        self.market, self.ledger, self.guesses = market, ledger, {} if guesses is None else guesses
        leaving = leaving_of(MODELS[name], params, float(grid.frequency.max()), market.year)
        if spend_params is None:
            self.order_value = spend.fit.mean_order_value
        else:
            p, q, v = spend_params
            self.order_value = float(p * v / (q - 1))
        self.new = Group(leaving, np.ones(1), np.full(1, self.order_value))
        self.base = None
        if market.needs_base:
            alive = customers_alive(grid, name, params)
            worth = alive * order_values(grid, spend, spend_params)
            self.base = Group(leaving, grid.states(alive), grid.states(worth), grid.frequency, grid.T)
        self._streams: dict[tuple[str, Shift], Stream] = {}
        self._shifts: dict[tuple[str, float, str, str], tuple[float, Shift | None]] = {}

    def outcome(self, choice: Choice) -> Outcome:
        """What a reading gives in this world."""
        if self.market.why_not(choice):
            return Outcome(*[np.nan] * 5)
        retention, shift = self.rise(choice)
        before = self._profit(choice, NO_SHIFT).profit
        if shift is None:
            return Outcome(before, np.nan, np.nan, retention, np.nan)
        after = self._profit(choice, shift)
        paid = self.market.paid(choice) * after.customer_years
        target = target_retention(retention, choice.gain, choice.gain_kind)
        return Outcome(before, after.profit - paid, after.customer_years, retention, target)

    def _parts(self, scope: str) -> tuple[tuple[Group, float], ...]:
        if scope in NEW_SCOPES:
            return ((self.new, 1.0),)
        if scope == "base":
            return ((self.base, 1.0),)
        return ((self.base, 1.0), (self.new, self.ledger.new_customers * self.market.year))

    def rise(self, choice: Choice) -> tuple[float, Shift | None]:
        """First-year retention of those concerned, and the shift that raises it as chosen; None where none can."""
        who = "new_customer" if choice.scope in NEW_SCOPES else choice.scope
        key = (who, choice.gain, choice.gain_kind, choice.shift)
        if key not in self._shifts:
            parts = self._parts(choice.scope)
            whole = sum(times * float(group.customers.sum()) for group, times in parts)
            before = sum(times * group.staying(NO_SHIFT, self.market.year) for group, times in parts) / whole
            if choice.gain == 0:
                self._shifts[key] = before, NO_SHIFT
            else:
                target = target_retention(before, choice.gain, choice.gain_kind)
                shift = shift_to(parts, choice.shift, target, self.market.year, self.guesses.get(key, 0.3))
                if shift is not None:
                    # A little beyond the last one found, so that it brackets most of the next ones.
                    self.guesses[key] = 1.1 * shift.size
                self._shifts[key] = before, shift
        return self._shifts[key]

    def _profit(self, choice: Choice, shift: Shift) -> Profit:
        new = self.stream("new", shift)
        base = None if choice.scope in NEW_SCOPES else self.stream("base", shift)
        return profit_of(choice, self.ledger, self.market.line, new, base, self.order_value)

    def stream(self, who: str, shift: Shift) -> Stream:
        """What one ``new`` customer or today's ``base`` does over the market's times."""
        if (who, shift) not in self._streams:
            group = self.new if who == "new" else self.base
            self._streams[who, shift] = group.stream(shift, self.market.line.times)
        return self._streams[who, shift]
