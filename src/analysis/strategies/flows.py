"""From books to flows of customers and money by week, and to what the difference from doing nothing consists of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from analysis.strategies.books import LEFT, STRUCK_OFF, TAKEN, Books, Part
from analysis.strategies.lives import Entry
from analysis.strategies.newcomers import Weights
from analysis.strategies.schedule import Economics, Schedule


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


class Tallies(NamedTuple):
    """Books by group, with who came and who left, shape (S, D, G, W); the customers at the start, (S, D, G)."""

    orders: np.ndarray
    value: np.ndarray
    deal_value: np.ndarray
    joined: np.ndarray
    left: np.ndarray
    taken: np.ndarray
    at_start: np.ndarray

    def flow(self, weight: np.ndarray, value_weight: np.ndarray | None = None) -> Flow:
        """The flow of customers of whom each of a group stands for ``weight``, shape (S, D, G)."""

        def total(each: np.ndarray, by: np.ndarray) -> np.ndarray:
            return np.einsum("sdg,sdgw->sdw", by, each)

        value_weight = weight if value_weight is None else value_weight
        joined, left, taken = (total(each, weight) for each in (self.joined, self.left, self.taken))
        start = (weight * self.at_start).sum(axis=2)[..., None]
        after = start + np.cumsum(joined - left - taken, axis=2)
        return Flow(
            total(self.orders, weight),
            total(self.value, value_weight),
            total(self.deal_value, value_weight),
            joined,
            left,
            taken,
            np.concatenate([start, after[..., :-1]], axis=2),
        )


def tallies_of(books: Books, entry: Entry, alive: np.ndarray) -> Tallies:
    """Tallies of closed books; ``alive`` says who was a customer at the start, shape (D, M)."""
    strategies, draws, groups, weeks = books.shape
    block = (np.arange(strategies * draws)[:, None] * groups + entry.group).reshape(strategies, draws, -1)

    def by_week(week: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        cells = block[chosen] * weeks + week[chosen]
        return np.bincount(cells, minlength=strategies * draws * groups * weeks).reshape(books.shape).astype(float)

    is_in = np.broadcast_to(alive, books.exit_week.shape)
    joined, at_start = np.zeros(books.shape), np.zeros(books.shape[:3])
    if entry.enters is None:
        at_start = np.bincount(block[is_in], minlength=at_start.size).reshape(at_start.shape).astype(float)
    else:
        enters = np.broadcast_to(entry.enters[:, None], books.exit_week.shape)
        is_in = is_in & np.isfinite(enters)
        joined = by_week(np.where(is_in, enters, 0).astype(int), is_in)
    reason = books.exit_reason
    left = by_week(books.exit_week, is_in & ((reason == LEFT) | (reason == STRUCK_OFF)))
    taken = by_week(books.exit_week, is_in & (reason == TAKEN))
    return Tallies(books.orders, books.value, books.deal_value, joined, left, taken, at_start)


def struck_off(books: Books, scale: float) -> np.ndarray:
    """Today's customers who struck the brand off, shape (D, S)."""
    return scale * (books.exit_reason == STRUCK_OFF).sum(axis=2).T


class Flows(NamedTuple):
    """Everybody's flows: those who are here or come anyway, those won by promotions, those referred."""

    own: Flow
    won: Flow
    referred: Flow
    mercenaries: Flow

    @property
    def everyone(self) -> Flow:
        return self.own.plus(self.won).plus(self.referred)


def flows_of(base: Tallies, scale: float, pool: Tallies | None, weights: Weights | None) -> Flows:
    """Flows of today's base, each sampled customer standing for ``scale``, and of the pool of new customers."""
    own = base.flow(np.full(base.at_start.shape, scale))
    if pool is None or weights is None:
        nobody = Flow(*(np.zeros_like(each) for each in own))
        return Flows(own, nobody, nobody, nobody)
    flat = {name: getattr(weights, name).reshape(*base.at_start.shape[:2], -1) for name in weights.__dataclass_fields__}
    only_mercenaries = flat["won"].reshape(weights.won.shape).copy()
    only_mercenaries[:, :, :2] = 0.0
    return Flows(
        own.plus(pool.flow(flat["coming"])),
        pool.flow(flat["won"], flat["won_value"]),
        pool.flow(flat["referred"], flat["referred_value"]),
        pool.flow(only_mercenaries.reshape(flat["won"].shape)),
    )


def components_of(
    flows: Flows,
    parts: np.ndarray,
    schedule: Schedule,
    economics: Economics,
    parameters: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """What the discounted difference from doing nothing consists of, each of shape (D, S) [currency].

    ``parts`` are those of the books of everyone who is here or comes anyway, shape (S, D, len(Part)). The components
    add up to the difference of profits.
    """

    def discounted(by_week: np.ndarray) -> np.ndarray:
        total = by_week @ schedule.discount
        return (total - total[:1]).T

    breakage = parameters["breakage"]
    money = {name: money_of(flow, schedule, economics, breakage) for name, flow in flows._asdict().items()}
    extra = parts[..., Part.EXTRA].T
    share = parameters["from_rivals"][:, None]
    fixed = schedule.fixed @ schedule.discount
    return {
        "given_away": parts[..., Part.GIVEN_AWAY].T,
        "extra_orders": (1 - share) * extra,
        "extra_from_rivals": share * extra,
        "borrowed": parts[..., Part.BORROWED].T,
        "pace": parts[..., Part.PACE].T,
        "retention": parts[..., Part.RETENTION].T,
        "rival": parts[..., Part.RIVAL].T,
        "won": discounted(money["won"].profit),
        "referred": discounted(money["referred"].profit),
        "service": -discounted(money["own"].service),
        "invested": -discounted(money["own"].invested),
        "programme": np.broadcast_to(-(fixed - fixed[0]), (parts.shape[1], len(fixed))).copy(),
    }
