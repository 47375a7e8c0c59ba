"""Profit as a function of retention: each choice that the popular claim leaves open is a named option.

Profit here is the discounted sum over a horizon of what customers' orders leave, in money of today:

- ``new_customer``: the first order and all repeat orders of one average new customer, less what winning one costs;
- ``new_customer_repeat_orders``: the same without the first order, which is there whatever retention is;
- ``base``: future orders of today's customers; what winning them cost is spent;
- ``firm``: the base and a steady stream of new customers, less the cost of winning them and fixed costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analysis.value.readings import NEW_SCOPES, Choice
from analysis.value.streams import Stream, Timeline


@dataclass(frozen=True)
class Ledger:
    """Prices and rates in the model's time unit.

    Attributes
    ----------
    margin, cost_per_order
        Share of an order's value that is left, and further cost of each order [currency].
    delta
        Continuous discount rate [per time unit].
    acquisition_cost
        Of one new customer [currency].
    fixed_costs
        Of the firm [currency per time unit].
    new_customers
        Won by the firm [per time unit]; None where unknown.
    growth
        Growth of the order value under growing margins [per year]; None where unknown.
    """

    margin: float
    cost_per_order: float
    delta: float
    acquisition_cost: float
    fixed_costs: float
    new_customers: float | None
    growth: float | None


class Profit(NamedTuple):
    """Profit before the cost of keeping, and the discounted customer-years over which keeping is paid.

    Both are linear in the streams; ``profit`` in currency, ``customer_years`` in customers times years.
    """

    profit: float
    customer_years: float


def profit_of(
    choice: Choice, ledger: Ledger, line: Timeline, new: Stream, base: Stream | None, order_value: float
) -> Profit:
    """Discounted profit of a scope and its customer-years.

    Parameters
    ----------
    new, base
        Streams of one new customer and of today's base; the base is not needed for new customers.
    order_value
        Expected value of a first order [currency].
    """
    nodes, weights = line.times[1:], line.weights[choice.horizon_years]
    discount, horizon = np.exp(-ledger.delta * nodes), choice.horizon_years * line.year
    growth = np.ones(nodes.size)
    if choice.margins == "growing":
        growth = (1 + ledger.growth) ** (nodes / line.year)

    def part(stream: Stream, kernel: np.ndarray) -> np.ndarray:
        earned = ledger.margin * growth * stream.revenue[1:] - ledger.cost_per_order * stream.orders[1:]
        years = stream.customers[1:] / line.year
        return np.array([kernel @ earned, kernel @ years])

    first = ledger.margin * order_value - ledger.cost_per_order
    won = ledger.acquisition_cost if choice.profit != "contribution" else 0.0
    if choice.scope in NEW_SCOPES:
        profit, years = part(new, weights * discount)
        if choice.scope == "new_customer":
            profit += first - won
        return Profit(float(profit), float(years))
    total = part(base, weights * discount)
    if choice.scope == "firm":
        # Someone who joins at s has until the horizon: the integral over s of exp(-delta s), seen from age u.
        total = total + ledger.new_customers * part(new, weights * discount * _annuity(ledger.delta, horizon - nodes))
        whole = float(_annuity(ledger.delta, np.array(horizon)))
        total[0] += ledger.new_customers * (first - won) * whole
        if choice.profit == "after_fixed":
            total[0] -= ledger.fixed_costs * whole
    return Profit(float(total[0]), float(total[1]))


def _annuity(delta: float, length: np.ndarray) -> np.ndarray:
    """Integral of exp(-delta s) over (0, length)."""
    length = np.maximum(length, 0.0)
    return length if delta == 0 else -np.expm1(-delta * length) / delta
