"""The decision map: how much better one can be and at what cost, against promotions of every depth and cadence.

The articles' rule is *promotion only where you cannot exceed expectations*. On the map it is a line: the cost of an
order at which being so much better earns as much as a promotion. Below the line the rule holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analysis.interval import Interval
from analysis.strategies.noise import error_scores, expected_difference, shared_error
from analysis.strategies.results import Simulation
from analysis.strategies.simulation import World, simulate
from analysis.strategies.strategy import NOTHING, Experience, Promotion, Strategy

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


def decision_map(
    world: World, promotion: Promotion, experience: Experience, order_value: float, level: float
) -> DecisionMap:
    """The map of a company, with dropout tried at every order.

    An order's cost changes nobody's behaviour, so the profit of being better is linear in it and the frontier comes
    out of one simulation: cost = (profit at no cost less the promotion's profit) / discounted orders, draw by draw.

    Parameters
    ----------
    world
        As of ``strategy_world``; smaller ones do (``smaller_world``).
    order_value
        Mean list value of an order [currency].
    """
    free = replace(experience, invested_per_customer_year=0.0, invested_per_order=0.0, database_per_year=0.0)
    better = [Strategy(f"lift_{lift:g}", experience=replace(free, lift=lift)) for lift in LIFTS]
    designs = [(depth, weeks) for weeks in CADENCES for depth in DEPTHS]
    deals = [
        Strategy(f"deal_{depth:g}_{weeks}", promotion=_designed(promotion, depth, weeks)) for depth, weeks in designs
    ]
    own, planned = Strategy("own", promotion=promotion), Strategy("planned", experience=experience)
    as_planned = Strategy("as_planned", experience=free)
    possible = [deal for deal in deals if _fits(deal, world)]
    run = simulate(world, [NOTHING, *better, as_planned, own, planned, *possible])
    scores = error_scores(run, len(run.profit), world.seed)
    lines = _Lines(run, run.weekly.orders @ run.discount, order_value, level, scores)
    names = [each.name for each in better]
    against = {deal.name: design for deal, design in zip(deals, designs, strict=True) if deal in possible}
    frontiers = [Frontier(None, None, lines.against("nothing", names))]
    frontiers += [Frontier(*design, lines.against(name, names)) for name, design in against.items()]
    cost = lines.cost_of("planned", "as_planned")
    return DecisionMap(
        lifts=LIFTS,
        frontiers=tuple(frontiers),
        lift=experience.lift,
        cost=cost / order_value,
        own=Frontier(promotion.depth, promotion.every_weeks, lines.against("own", names)),
        holds_from=lines.holds_from(names, cost),
        probability=tuple(lines.probability(name, cost) for name in names),
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

    def ahead(self, name: str, rival: str) -> tuple[np.ndarray, np.ndarray]:
        """Profit at no cost less the rival's, and discounted orders, of being better; shape (D,) each."""
        orders = self.orders[:, self.run.strategy(name)]
        return self.difference(name, rival), orders

    def difference(self, name: str, rival: str) -> np.ndarray:
        """Expected difference under each draw, each with an error of the size that all draws share."""
        # The same errors, in standard errors of each line, leave lines as smooth as they are.
        return expected_difference(self.run, name, rival) + shared_error(self.run, name, rival) * self.error

    def against(self, rival: str, names: list[str]) -> tuple[Interval, ...]:
        found = []
        for name in names:
            profit, orders = self.ahead(name, rival)
            mean = profit.mean() / orders.mean()
            draws = profit / np.maximum(orders, 1e-9)
            found.append(Interval.around(mean / self.order_value, draws / self.order_value, self.level))
        return tuple(found)

    def cost_of(self, planned: str, free: str) -> float:
        """Everything that the plan costs, for each of its discounted orders [currency]."""
        raw, orders = self.run.difference, self.orders[:, self.run.strategy(free)]
        dearer = raw[:, self.run.strategy(free)] - raw[:, self.run.strategy(planned)]
        return float(dearer.mean() / orders.mean())

    def probability(self, name: str, cost: float) -> float:
        """That being better at a cost beats the own promotion and doing nothing."""
        ahead = [profit - cost * orders > 0 for profit, orders in self._both(name)]
        return float(np.logical_and(*ahead).mean())

    def holds_from(self, names: list[str], cost: float) -> float | None:
        ahead = []
        for name in names:
            gains = (profit.mean() - cost * orders.mean() for profit, orders in self._both(name))
            ahead.append(min(gains) > 0)
        from_here = [all(ahead[place:]) for place in range(len(ahead))]
        return next((lift for lift, holds in zip(LIFTS, from_here, strict=True) if holds), None)

    def _both(self, name: str):
        return (self.ahead(name, rival) for rival in ("own", "nothing"))


def _designed(promotion: Promotion, depth: float, weeks: int) -> Promotion:
    return replace(promotion, depth=depth, every_weeks=weeks, lasts_weeks=min(promotion.lasts_weeks, weeks))


def _fits(deal: Strategy, world: World) -> bool:
    """Whether the price bears it beside today's deal and points."""
    given = deal.promotion.depth + deal.promotion.points + world.economics.todays_deal
    return given <= 1
