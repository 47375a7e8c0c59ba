"""The decision map: how much better one can be and at what cost, against promotions of every depth and cadence.

The articles' rule is *promotion only where you cannot exceed expectations*. On the map it is a line: the cost of an
order at which being so much better earns as much as a promotion. Below the line the rule holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.config.strategies import NOTHING, Experience, Promotion, Strategy
from analysis.interval import Interval
from analysis.plotting import Plots
from analysis.strategies.simulation import Inputs, Simulation, simulate
from analysis.strategies.simulation_error import error_scores, expected_difference, shared_error

LIFTS = (0.125, 0.25, 0.5, 1.0, 1.5)
DEPTHS = (0.1, 0.2, 0.3)
CADENCES = (4, 13)
MAP_STRATEGIES = len(LIFTS) + len(DEPTHS) * len(CADENCES) + 4
MAP_DRAWS, MAP_CUSTOMERS = 100, 500


@dataclass(frozen=True)
class Frontier:
    """Where being better earns as much as one promotion.

    Attributes
    ----------
    depth, every_weeks
        The promotion; everything else of it as configured. Both None for doing nothing.
    cost
        At each lift of the map, the cost of an order at which the two earn the same, as a share of the mean list
        value of an order; below zero where being better would have to be paid for. With its interval.
    """

    depth: float | None
    every_weeks: int | None
    cost: tuple[Interval, ...]


@dataclass(frozen=True)
class DecisionMap:
    """Promotion against expectation over everything that a company may choose.

    Attributes
    ----------
    lifts
        How much better encounters are planned to be than today [standard deviations of the sector's quality].
    frontiers
        Against doing nothing first, then against every promotion.
    lift, cost
        The company's own plan: its lift, and what that costs on an order, investment and database spread over the
        orders they come with, as a share of the mean list value of an order.
    own
        The frontier against the company's own promotion.
    holds_from
        Smallest lift of the map from which being better, at the company's cost, beats its own promotion and doing
        nothing in expectation; None where none does.
    probability
        That it does at each lift of the map: better than the own promotion and than doing nothing.
    probability_promotion
        That the own promotion is better than doing nothing.
    draws, customers
        Draws and sampled customers behind it.
    """

    lifts: tuple[float, ...]
    frontiers: tuple[Frontier, ...]
    lift: float
    cost: float
    own: Frontier
    holds_from: float | None
    probability: tuple[float, ...]
    probability_promotion: float
    draws: int
    customers: int

    plot = Plots(frontiers="analysis.strategies.plots:plot_frontiers")

    def to_frame(self) -> pd.DataFrame:
        """The frontiers at every lift.

        Columns depth and every_weeks of the promotion (missing for doing nothing), own (whether it is the company's),
        lift, and cost as a share of an order, with lower, upper and level.
        """
        rows = [
            (each.depth, each.every_weeks, own, lift, *vars(cost).values())
            for own, each in (*((False, each) for each in self.frontiers), (True, self.own))
            for lift, cost in zip(self.lifts, each.cost, strict=True)
        ]
        return pd.DataFrame(rows, columns=["depth", "every_weeks", "own", "lift", "cost", "lower", "upper", "level"])


def decision_map(
    inputs: Inputs, promotion: Promotion, experience: Experience, order_value: float, level: float
) -> DecisionMap:
    """The map of a company, with dropout tried at every order.

    An order's cost changes nobody's behaviour, so the profit of being better is linear in it and the frontier comes
    out of one simulation: cost = (profit at no cost less the promotion's profit) / discounted orders, draw by draw.

    Parameters
    ----------
    inputs
        As of the comparison; fewer draws and customers do.
    order_value
        Mean list value of an order [currency].
    """
    costs = dict.fromkeys(("invested_per_customer_year", "invested_per_order", "database_per_year"), 0.0)
    free = experience.model_copy(update=costs)
    better = {
        f"lift_{place}": Strategy(f"lift_{place}", experience=free.model_copy(update={"lift": lift}))
        for place, lift in enumerate(LIFTS)
    }
    deals, designs = {}, {}
    for weeks, depth in ((weeks, depth) for weeks in CADENCES for depth in DEPTHS):
        if depth + promotion.points + inputs.economics.todays_deal <= 1:
            lasts = min(promotion.lasts_weeks, weeks)
            deal = promotion.model_copy(update={"depth": depth, "every_weeks": weeks, "lasts_weeks": lasts})
            name = f"deal_{len(deals)}"
            deals[name], designs[name] = Strategy(name, promotion=deal), (depth, weeks)
    own = (
        Strategy("as_planned", experience=free),
        Strategy("own", promotion=promotion),
        Strategy("planned", experience=experience),
    )
    run = simulate(inputs, [NOTHING, *better.values(), *own, *deals.values()])
    error = error_scores(run, len(run.profit), inputs.seed)
    lines = _Lines(run, run.weekly.orders @ run.discount, order_value, level, error)
    frontiers = [Frontier(None, None, lines.against("nothing", better))]
    frontiers += [Frontier(*design, lines.against(name, better)) for name, design in designs.items()]
    cost = lines.cost_of("planned", "as_planned")
    probability, holds_from = lines.holding(better, cost)
    return DecisionMap(
        lifts=LIFTS,
        frontiers=tuple(frontiers),
        lift=experience.lift,
        cost=cost / order_value,
        own=Frontier(promotion.depth, promotion.every_weeks, lines.against("own", better)),
        holds_from=holds_from,
        probability=probability,
        probability_promotion=float((lines.difference("own", "nothing") > 0).mean()),
        draws=len(run.profit),
        customers=run.sampled,
    )


@dataclass(frozen=True)
class _Lines:
    run: Simulation
    orders: np.ndarray
    order_value: float
    level: float
    error: np.ndarray

    def difference(self, name: str, rival: str) -> np.ndarray:
        """Expected difference under each draw, each with an error of the size that all draws share."""
        # The same errors, in standard errors of each line, leave lines as smooth as they are.
        return expected_difference(self.run, name, rival) + shared_error(self.run, name, rival) * self.error

    def against(self, rival: str, names: Iterable[str]) -> tuple[Interval, ...]:
        """Cost at which being better earns as much as the rival, as a share of an order, at every lift."""
        found = []
        for name in names:
            profit, orders = self.difference(name, rival), self.orders[:, self.run.strategy(name)]
            draws = profit / np.maximum(orders, 1e-9) / self.order_value
            found.append(Interval.around(profit.mean() / orders.mean() / self.order_value, draws, self.level))
        return tuple(found)

    def cost_of(self, planned: str, free: str) -> float:
        """Everything that the plan costs, for each of its discounted orders [currency]."""
        raw, place = self.run.difference, self.run.strategy(free)
        dearer = raw[:, place] - raw[:, self.run.strategy(planned)]
        return float(dearer.mean() / self.orders[:, place].mean())

    def holding(self, names: Iterable[str], cost: float) -> tuple[tuple[float, ...], float | None]:
        """Probability that being better at a cost beats the own promotion and doing nothing, at every lift.

        And the smallest lift from which on it does in expectation.
        """
        probability, ahead = [], []
        for name in names:
            orders = self.orders[:, self.run.strategy(name)]
            gains = [self.difference(name, rival) - cost * orders for rival in ("own", "nothing")]
            probability.append(float(np.logical_and(*(gain > 0 for gain in gains)).mean()))
            ahead.append(min(gain.mean() for gain in gains) > 0)
        from_here = [all(ahead[place:]) for place in range(len(ahead))]
        return tuple(probability), next((lift for lift, on in zip(LIFTS, from_here, strict=True) if on), None)
