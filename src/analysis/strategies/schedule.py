"""What every strategy does in every week, as tables that the simulation looks up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.config.strategies import Attack, Strategy
from analysis.time import TimeUnit, units_per_year

WEEKS_PER_YEAR = units_per_year(TimeUnit.WEEK)
PAID_BACK_WITHIN = 4
"""Weeks after a promotion week within which orders that were borrowed are missing."""


@dataclass(frozen=True)
class Economics:
    """What an order earns today.

    Attributes
    ----------
    gross_margin
        Share of what is paid for an order today that is left after its direct costs.
    cost_per_order
        Further cost of each order [currency].
    todays_deal
        Share of the list price that orders save today; already taken off what is paid.
    """

    gross_margin: float
    cost_per_order: float = 0.0
    todays_deal: float = 0.0

    @property
    def list_margin(self) -> float:
        """Gross margin as a share of the list value, today's deal taken off."""
        return self.gross_margin * (1 - self.todays_deal)

    def margin_of(self, paid, listed, orders=1):
        """Margin of orders that were placed [currency]: the one definition that orders are judged by.

        Goods cost the share of the list value that leaves the gross margin of what is paid at today's deal, so a deeper
        deal comes off the margin in full: paid - (1 - gross margin) (1 - today's deal) listed - cost per order.

        Examples
        --------
        >>> shop = Economics(gross_margin=0.5, todays_deal=0.1)
        >>> [round(shop.margin_of(paid, listed=100.0), 9) for paid in (90.0, 70.0)]
        [45.0, 25.0]
        """
        goods = (1 - self.gross_margin) * (1 - self.todays_deal) * listed
        return paid - goods - self.cost_per_order * orders


@dataclass(frozen=True)
class Schedule:
    """S strategies over W weeks; tables are of shape (S, W), columns (S, 1), sums at the start of weeks (S, W + 1).

    Attributes
    ----------
    promoted, promoted_before
        1 in promotion weeks, else 0; and how many there were before each week.
    owed_before
        Promotion weeks of which the borrowed orders were missing before each week.
    points
        Points on every order, as a share of its list value.
    lift, spread
        Planned experience above today's, and its unevenness [standard deviations]; NaN where as uneven as today.
    service, invested, fixed
        Cost of every order of being better [currency]; cost for each customer who is still one, and of programme and
        database [currency per week].
    depth, reach
        Of the promotion.
    gift_order, gift_lift, gift_cost
        Of the gift; order 0 where there is none.
    """

    promoted: np.ndarray
    promoted_before: np.ndarray
    owed_before: np.ndarray
    points: np.ndarray
    lift: np.ndarray
    spread: np.ndarray
    service: np.ndarray
    invested: np.ndarray
    fixed: np.ndarray
    depth: np.ndarray
    reach: np.ndarray
    gift_order: np.ndarray
    gift_lift: np.ndarray
    gift_cost: np.ndarray

    @property
    def weeks(self) -> int:
        return self.promoted.shape[1]

    @classmethod
    def of(cls, strategies: Sequence[Strategy], weeks: int) -> Schedule:
        """The tables of strategies over ``weeks``.

        Examples
        --------
        >>> sale = Strategy("sale", promotion=Promotion(depth=0.2, every_weeks=3))
        >>> Schedule.of([sale], 6).promoted
        array([[1., 0., 0., 1., 0., 0.]])
        """
        shape, names = (len(strategies), weeks), ("promoted", "owed", "points", "lift", "service", "invested", "fixed")
        table = {name: np.zeros(shape) for name in names}
        of_all = ("depth", "reach", "gift_order", "gift_lift", "gift_cost")
        columns = {name: np.zeros((len(strategies), 1)) for name in of_all}
        spread = np.full(shape, np.nan)
        for row, strategy in enumerate(strategies):
            deal, better, gift = strategy.promotion, strategy.experience, strategy.gift
            since = np.arange(weeks) - strategy.starts_week
            on = (since >= 0) & (np.arange(weeks) < (strategy.ends_week or weeks))
            if deal is not None:
                table["promoted"][row] = on & (since % deal.every_weeks < deal.lasts_weeks) & (deal.depth > 0)
                table["owed"][row] = _owed(table["promoted"][row] > 0)
                table["points"][row, on] = deal.points
                table["fixed"][row, on] += deal.programme_cost_per_year / WEEKS_PER_YEAR
                columns["depth"][row], columns["reach"][row] = deal.depth, deal.reach
            if better is not None:
                table["lift"][row, on], table["service"][row, on] = better.lift, better.invested_per_order or 0.0
                table["invested"][row, on] = (better.invested_per_customer_year or 0.0) / WEEKS_PER_YEAR
                table["fixed"][row, on] += better.database_per_year / WEEKS_PER_YEAR
                spread[row, on] = np.nan if better.spread is None else better.spread
            if gift is not None:
                for name in ("order", "lift", "cost"):
                    columns[f"gift_{name}"][row] = getattr(gift, name) or 0.0
        before = {name: np.pad(np.cumsum(table[name], axis=1), ((0, 0), (1, 0))) for name in ("promoted", "owed")}
        owed, _ = before["owed"], table.pop("owed")
        return cls(**table, **columns, spread=spread, promoted_before=before["promoted"], owed_before=owed)

    def next_order(self, time: np.ndarray, need: np.ndarray, quiet: np.ndarray, extra: np.ndarray, borrowed):
        """When the next order comes, shape (S, n): the time at which the pace has summed to ``need``; beyond the
        horizon infinite.

        The pace is ``quiet`` outside promotion weeks, 1 + ``extra`` in them, and less what was borrowed after them.
        """
        with np.errstate(divide="ignore"):
            found = time + need / quiet
        rows = np.flatnonzero(self.promoted.any(axis=1))
        if not rows.size:
            return found
        time, quiet, extra = time[rows], quiet[rows], extra[rows]
        most = np.maximum(np.diff(self.owed_before[rows], axis=1).max(axis=1, keepdims=True), 1e-9)
        missing = np.minimum(extra * borrowed, quiet / most)
        place = np.arange(len(rows))[:, None]
        promoted, owed = self.promoted_before[rows], self.owed_before[rows]

        def passed(week):
            """Pace summed up to the start of a week."""
            before = promoted[place, week]
            return quiet * (week - before) + (1 + extra) * before - missing * owed[place, week]

        low = np.minimum(time.astype(int), self.weeks - 1)
        start = passed(low)
        target = start + (passed(low + 1) - start) * (time - low) + need[rows]
        high = np.full(low.shape, self.weeks)
        for _ in range(int(self.weeks).bit_length()):
            middle = (low + high) // 2
            beyond = passed(middle) > target
            low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
        start = passed(low)
        end = passed(np.minimum(low + 1, self.weeks))
        with np.errstate(divide="ignore", invalid="ignore"):
            within = low + (target - start) / (end - start)
        found[rows] = np.where((low < self.weeks) & (target < end), within, np.inf)
        return found


def _owed(promoted: np.ndarray) -> np.ndarray:
    """Every promotion week, spread evenly over the quiet weeks among the next few; a permanent deal borrows nothing."""
    missing = np.zeros(len(promoted))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], promoted.astype(int), [0]])))
    starts, ends = edges[::2], edges[1::2]
    for start, end, following in zip(starts, ends, np.append(starts[1:], len(promoted)), strict=False):
        until = min(end + PAID_BACK_WITHIN, following)
        if until > end:
            # At the end of the horizon only the part that falls into it is missing from it.
            length = PAID_BACK_WITHIN if following == len(promoted) else until - end
            missing[end:until] = (end - start) / length
    return missing


@dataclass(frozen=True)
class Exposure:
    """How long customers of every strategy have been exposed to a rival's attack, in quiet and in promotion weeks.

    Attributes
    ----------
    weeks
        Weeks under attack before the start of each week, quiet ones and promotion weeks, shape (2, S, W + 1).
    own
        The company's own deal in either, shape (2, S, 1).
    rival_depth
        The rival's deal.
    """

    weeks: np.ndarray
    own: np.ndarray
    rival_depth: float

    @classmethod
    def of(cls, schedule: Schedule, strategies: Sequence[Strategy], attack: Attack, todays_deal: float) -> Exposure:
        """A promotion counts as deep as it is for those whom it covers, on average."""
        week = np.arange(schedule.weeks)
        attacked = ((week >= attack.weeks[0]) & (week <= attack.weeks[1])).astype(float)
        parts = np.array([attacked * (1 - schedule.promoted), attacked * schedule.promoted])
        weeks = np.pad(np.cumsum(parts, axis=2), ((0, 0), (0, 0), (1, 0)))
        deals = [each.promotion for each in strategies]
        points = todays_deal + np.array([[deal.points if deal else 0.0] for deal in deals])
        covered = np.array([[deal.depth * deal.coverage if deal else 0.0] for deal in deals])
        return cls(weeks, np.array([points, points + covered]), attack.rival_depth)

    def hazard(self, pull, shield, since, until) -> np.ndarray:
        """Hazard of being taken between two moments, shape (S, n); ``shield`` is what the bond is worth."""
        row = np.arange(since.shape[0])[:, None]
        total = 0.0
        for table, own in zip(self.weeks, self.own, strict=True):
            time = _at(table, row, until) - _at(table, row, since)
            total = total + pull * np.maximum(self.rival_depth - own - shield, 0.0) * time
        return total


def _at(table: np.ndarray, row, time) -> np.ndarray:
    """A table of totals at the start of each week, at any moments; linear within a week."""
    bounded = np.clip(time, 0.0, table.shape[1] - 1)
    week = np.minimum(bounded.astype(int), table.shape[1] - 2)
    start = table[row, week]
    return start + (bounded - week) * (table[row, week + 1] - start)
