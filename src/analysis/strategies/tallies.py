"""What is counted of simulated customers, and what follows: flows of customers and money by week, and their parts."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from analysis.strategies.schedule import Economics, Schedule

FLUSH_ABOVE = 200_000
STAYED, LEFT, STRUCK_OFF, TAKEN = range(4)


class Part(IntEnum):
    """Why an order earns something else than it would if nothing were done."""

    GIVEN_AWAY = 0
    EXTRA = 1
    PACE = 2
    RETENTION = 3
    RIVAL = 4
    BORROWED = 5


class Flow(NamedTuple):
    """What a group of customers does, by strategy, draw and week, shape (S, D, W).

    Attributes
    ----------
    orders, value, deal_value
        Orders, their list value, and the list value of those that used a promotion.
    joined, left, taken
        Customers who came in, who left (struck the brand off included), and whom a rival took, in the week.
    charged
        Customers who are one at the start of the week, or have just come in before it.
    """

    orders: np.ndarray
    value: np.ndarray
    deal_value: np.ndarray
    joined: np.ndarray
    left: np.ndarray
    taken: np.ndarray
    charged: np.ndarray

    @property
    def alive(self) -> np.ndarray:
        """Customers at the end of each week."""
        return self.charged + self.joined - self.left - self.taken

    def plus(self, other: Flow) -> Flow:
        return Flow(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def times(self, factor: float) -> Flow:
        return Flow(*(factor * mine for mine in self))


class Tallies:
    """Tallies over S strategies, D draws, G groups of customers and W weeks, and sums over each of M customers.

    Attributes
    ----------
    orders, value, deal_value, referrals, joined, left, taken
        By strategy, draw, group and week, shape (S, D, G, W): orders, their list value, the list value of those that
        used a promotion, new customers referred; customers who came, left, and were taken by a rival.
    at_start
        Customers at the start, shape (S, D, G).
    parts
        Discounted money that orders earn more or less than if nothing were done, shape (S, D, G, len(Part)).
    worth, costs, referred
        Of every customer, shape (S, D, M): discounted margin on list values after deals; discounted costs of orders;
        referrals.
    exit_week, exit_reason
        When and how a customer left, shape (S, D, M).
    """

    def __init__(self, strategies: int, draws: int, groups: int, weeks: int, customers: int):
        self.shape, self.customers = (strategies, draws, groups, weeks), customers
        cells = int(np.prod(self.shape))
        self.orders, self.value, self.deal_value, self.referrals = np.zeros((4, cells))
        self.parts = np.zeros(strategies * draws * groups * len(Part))
        self.worth, self.costs, self.referred = np.zeros((3, strategies * draws * customers))
        self.exit_week = np.full(strategies * draws * customers, weeks - 1, dtype=np.int32)
        self.exit_reason = np.zeros(strategies * draws * customers, dtype=np.int8)
        self._orders: list[tuple[np.ndarray, ...]] = []
        self._changes: list[tuple[np.ndarray, ...]] = []
        self._waiting = 0

    def add_orders(self, cell, value, dealt, referred) -> None:
        """Orders in ``cell`` with their list value, whether they used a promotion (0 or 1), and referrals."""
        self._orders.append((cell, value, value * dealt, referred))
        self._count(len(cell))

    def add_changes(self, block, part, amount) -> None:
        """Money that orders of a (strategy, draw, group) ``block`` earn more or less, and why."""
        self._changes.append((block * len(Part) + part, amount))
        self._count(len(block))

    def _count(self, events: int) -> None:
        self._waiting += events
        if self._waiting > FLUSH_ABOVE:
            self._flush()

    def _flush(self) -> None:
        if self._orders:
            cell, value, deal_value, referred = (np.concatenate(each) for each in zip(*self._orders, strict=True))
            cells = self.orders.size
            self.orders += np.bincount(cell, minlength=cells)
            for tally, amount in ((self.value, value), (self.deal_value, deal_value), (self.referrals, referred)):
                tally += np.bincount(cell, amount, minlength=cells)
        if self._changes:
            cell, amount = (np.concatenate(each) for each in zip(*self._changes, strict=True))
            self.parts += np.bincount(cell, amount, minlength=self.parts.size)
        self._orders, self._changes, self._waiting = [], [], 0

    def close(self, group: np.ndarray, enters: np.ndarray | None, alive: np.ndarray) -> Tallies:
        """The tallies with their arrays in shape, and the comings and goings.

        Parameters
        ----------
        group, enters
            Group of every customer, shape (M,), and when each comes in, shape (S, M); None for who is here already.
        alive
            Who was a customer at the start, shape (D, M).
        """
        self._flush()
        strategies, draws, groups, weeks = self.shape
        for name in ("orders", "value", "deal_value", "referrals"):
            setattr(self, name, getattr(self, name).reshape(self.shape))
        self.parts = self.parts.reshape(strategies, draws, groups, len(Part))
        for name in ("worth", "costs", "referred", "exit_week", "exit_reason"):
            setattr(self, name, getattr(self, name).reshape(strategies, draws, self.customers))
        block = (np.arange(strategies * draws)[:, None] * groups + group).reshape(strategies, draws, -1)

        def by_week(week: np.ndarray, chosen: np.ndarray) -> np.ndarray:
            cells = block[chosen] * weeks + week[chosen]
            return np.bincount(cells, minlength=int(np.prod(self.shape))).reshape(self.shape).astype(float)

        is_in = np.broadcast_to(alive, self.exit_week.shape)
        self.joined, self.at_start = np.zeros(self.shape), np.zeros(self.shape[:3])
        if enters is None:
            at_start = np.bincount(block[is_in], minlength=self.at_start.size).astype(float)
            self.at_start = at_start.reshape(self.shape[:3])
        else:
            moment = np.broadcast_to(enters[:, None], self.exit_week.shape)
            is_in = is_in & np.isfinite(moment)
            self.joined = by_week(np.where(is_in, moment, 0).astype(int), is_in)
        reason = self.exit_reason
        self.left = by_week(self.exit_week, is_in & ((reason == LEFT) | (reason == STRUCK_OFF)))
        self.taken = by_week(self.exit_week, is_in & (reason == TAKEN))
        return self

    def flow(self, weight: np.ndarray, value_weight: np.ndarray | None = None) -> Flow:
        """The flow of customers of whom each of a group stands for ``weight``, shape (S, D, G)."""

        def total(each: np.ndarray, by: np.ndarray) -> np.ndarray:
            return np.einsum("sdg,sdgw->sdw", by, each)

        value_weight = weight if value_weight is None else value_weight
        joined, left, taken = (total(each, weight) for each in (self.joined, self.left, self.taken))
        start = (weight * self.at_start).sum(axis=2)[..., None]
        after = start + np.cumsum(joined - left - taken, axis=2)
        values = total(self.value, value_weight), total(self.deal_value, value_weight)
        charged = np.concatenate([start, after[..., :-1]], axis=2)
        return Flow(total(self.orders, weight), *values, joined, left, taken, charged)


class Money(NamedTuple):
    """What a flow earns and costs by week, not discounted, shape (S, D, W) [currency].

    Attributes
    ----------
    margin
        On list values at today's deal, less the cost of orders.
    deals
        Promotions and points, these less what is never redeemed.
    service, invested
        Cost of being better, of orders and of customers.
    """

    margin: np.ndarray
    deals: np.ndarray
    service: np.ndarray
    invested: np.ndarray

    @property
    def spent(self) -> np.ndarray:
        return self.deals + self.service + self.invested

    @property
    def profit(self) -> np.ndarray:
        return self.margin - self.spent


def money_of(flow: Flow, schedule: Schedule, economics: Economics, breakage: np.ndarray) -> Money:
    """Margin and costs of a flow; points are booked when they are given, as what will be redeemed of them."""
    points = (schedule.points[:, None] * (1 - breakage)[:, None]) * flow.value
    return Money(
        margin=economics.list_margin * flow.value - economics.cost_per_order * flow.orders,
        deals=schedule.depth[:, None, None] * flow.deal_value + points,
        service=schedule.service[:, None] * flow.orders,
        invested=schedule.invested[:, None] * flow.charged,
    )


def components_of(
    own: Money, won: Money, referred: Money, parts: np.ndarray, schedule: Schedule, from_rivals: np.ndarray
) -> dict[str, np.ndarray]:
    """What the discounted difference from doing nothing consists of, each of shape (D, S) [currency].

    Parameters
    ----------
    own, won, referred
        Of those who are here or come anyway, of those won by promotions, and of those referred.
    parts
        Of everyone who is here or comes anyway, shape (S, D, len(Part)).

    Returns
    -------
    Components that add up to the difference of profits.
    """

    def discounted(by_week: np.ndarray) -> np.ndarray:
        total = by_week @ schedule.discount
        return (total - total[:1]).T

    extra, share, fixed = parts[..., Part.EXTRA].T, from_rivals[:, None], schedule.fixed @ schedule.discount
    return {
        "given_away": parts[..., Part.GIVEN_AWAY].T,
        "extra_orders": (1 - share) * extra,
        "extra_from_rivals": share * extra,
        "borrowed": parts[..., Part.BORROWED].T,
        "pace": parts[..., Part.PACE].T,
        "retention": parts[..., Part.RETENTION].T,
        "rival": parts[..., Part.RIVAL].T,
        "won": discounted(won.profit),
        "referred": discounted(referred.profit),
        "service": -discounted(own.service),
        "invested": -discounted(own.invested),
        "programme": np.broadcast_to(-(fixed - fixed[0]), (parts.shape[1], len(fixed))).copy(),
    }
