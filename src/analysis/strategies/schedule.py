"""What every strategy does in every week, as tables that the simulation looks up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.config.strategies import Experience, Gift, Promotion, Strategy
from analysis.time import TimeUnit, units_per_year

WEEKS_PER_YEAR = units_per_year(TimeUnit.WEEK)
PAID_BACK_WITHIN = 4
"""Weeks after a promotion week within which orders that were borrowed are missing."""
ATTACK = 26, 13
"""Weeks until a rival attacks, and how many it lasts; within a shorter horizon its last ones."""

NO_GIFT = Gift(lift=0.0).model_copy(update={"order": 0})


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

    def margin_of(self, paid, listed):
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
        return paid - goods - self.cost_per_order


class Schedule:
    """S strategies over W weeks; tables are of shape (S, W), columns (S, 1), sums at the start of weeks (S, W + 1).

    Attributes
    ----------
    on
        Whether promotion and experience run.
    promoted, promoted_before
        1 in promotion weeks, else 0; and how many there were before each week.
    owed_before
        Promotion weeks of which the borrowed orders were missing before each week.
    points
        Points on every order, as a share of its list value.
    lift, spread
        Planned experience above today's, and its unevenness [standard deviations]; NaN where as uneven as today.
    starts, ends
        First week of promotion and experience, and the week before which they end.
    service, invested, fixed
        Cost of every order of being better [currency]; cost for each customer who is still one, while it lasts, and of
        the programme [currency per week].
    depth, reach
        Of the promotion.
    gift_order, gift_lift, gift_cost
        Of the gift; order 0 where there is none.

    Examples
    --------
    >>> sale = Strategy("sale", promotion=Promotion(depth=0.2, every_weeks=3))
    >>> Schedule([sale], 6).promoted
    array([[1., 0., 0., 1., 0., 0.]])
    """

    def __init__(self, strategies: Sequence[Strategy], weeks: int):
        self.weeks, week = weeks, np.arange(weeks)
        deals = [each.promotion or Promotion(depth=0.0) for each in strategies]
        served = [each.experience or Experience(lift=0.0) for each in strategies]
        gifts = [each.gift or NO_GIFT for each in strategies]

        def column(values) -> np.ndarray:
            return np.array([[float(each or 0.0)] for each in values])

        self.starts = starts = column(each.starts_week for each in strategies)
        self.ends = column(each.ends_week or weeks for each in strategies)
        self.on = on = (week >= starts) & (week < self.ends)
        every, lasts = (column(getattr(each, name) for each in deals) for name in ("every_weeks", "lasts_weeks"))
        self.depth, self.reach = (column(getattr(each, name) for each in deals) for name in ("depth", "reach"))
        self.promoted = (on & ((week - starts) % every < lasts) & (self.depth > 0)).astype(float)
        owed = np.array([_owed(row > 0) for row in self.promoted])
        before = (np.pad(np.cumsum(table, axis=1), ((0, 0), (1, 0))) for table in (self.promoted, owed))
        self.promoted_before, self.owed_before = before
        self.points = on * column(each.points for each in deals)
        self.lift, self.service = (
            on * column(getattr(s, name) for s in served) for name in ("lift", "invested_per_order")
        )
        self.invested = column(each.invested_per_customer_year for each in served) / WEEKS_PER_YEAR
        self.fixed = on * column(each.fixed_per_year for each in strategies) / WEEKS_PER_YEAR
        spread = np.array([[np.nan if each.spread is None else each.spread] for each in served])
        self.spread = np.where(on, spread, np.nan)
        self.gift_order, self.gift_lift, self.gift_cost = (
            column(getattr(each, name) for each in gifts) for name in ("order", "lift", "cost")
        )

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


class Attack:
    """A rival's attack, against which a promotion counts as deep as it is for all customers, on average.

    Attributes
    ----------
    begins, ends
        Weeks in which it begins and ends.
    ahead
        The rival's deal less the company's own of each strategy, today's deal included, shape (S, 1).
    """

    def __init__(self, schedule: Schedule, rival_depth: float, todays_deal: float):
        self.begins = max(min(ATTACK[0], schedule.weeks - ATTACK[1]), 0)
        self.ends = min(self.begins + ATTACK[1], schedule.weeks)
        deals = schedule.points + schedule.promoted * schedule.depth * schedule.reach
        own = deals[:, self.begins : self.ends].mean(axis=1, keepdims=True)
        self.ahead = rival_depth - todays_deal - own

    def hazard(self, pull, shield, since, until) -> np.ndarray:
        """Hazard of being taken between two moments, shape (S, n); ``shield`` is what the bond is worth."""
        attacked = np.clip(until, self.begins, self.ends) - np.clip(since, self.begins, self.ends)
        return pull * np.maximum(self.ahead - shield, 0.0) * attacked
