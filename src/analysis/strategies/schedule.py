"""What every strategy does in every week, as tables that the simulation looks up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.config.strategies import Attack, Experience, Promotion, Strategy
from analysis.time import TimeUnit, force_of_interest, units_per_year

WEEKS_PER_YEAR = units_per_year(TimeUnit.WEEK)
PAID_BACK_WITHIN = 4
"""Weeks after a promotion week within which orders that were borrowed are missing."""


@dataclass(frozen=True)
class Economics:
    """What an order earns today and how the future is discounted.

    Attributes
    ----------
    gross_margin
        Share of what is paid for an order today that is left after its direct costs.
    cost_per_order
        Further cost of each order [currency].
    annual_discount_rate
        A week is discounted from its middle.
    todays_deal
        Share of the list price that orders save today; already taken off what is paid.
    """

    gross_margin: float
    cost_per_order: float = 0.0
    annual_discount_rate: float = 0.0
    todays_deal: float = 0.0

    @property
    def list_margin(self) -> float:
        """Gross margin as a share of the list value, today's deal taken off."""
        return self.gross_margin * (1 - self.todays_deal)

    def margin_of(self, paid, listed, orders=1):
        """Margin of orders that were placed [currency]: the one definition that orders are judged by.

        Goods cost the share of the list value that leaves the gross margin of what is paid at today's deal, so a deeper
        deal comes off the margin in full: paid - (1 - gross margin) (1 - today's deal) listed - cost per order. It is
        ``dynamics.order_margin`` at the deal on top of today's.

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
    """S strategies over W weeks; tables are of shape (S, W) unless stated.

    Attributes
    ----------
    promoted
        1 in promotion weeks, else 0.
    paid_back
        Promotion weeks of which the borrowed orders are missing in this week.
    points
        Points on every order, as a share of its list value.
    lift
        Planned experience above today's [standard deviations].
    spread
        Standard deviation of single encounters, shape (S, W); NaN where it follows from the assumption.
    service
        Cost of every order of being better [currency].
    invested
        Cost for each customer who is still one [currency per week].
    fixed
        Programme and database [currency per week].
    depth, reach
        Of the promotion, shape (S,).
    discount
        Value today of one unit of currency in each week, shape (W,).
    """

    promoted: np.ndarray
    paid_back: np.ndarray
    points: np.ndarray
    lift: np.ndarray
    spread: np.ndarray
    service: np.ndarray
    invested: np.ndarray
    fixed: np.ndarray
    depth: np.ndarray
    reach: np.ndarray
    discount: np.ndarray

    @property
    def weeks(self) -> int:
        return len(self.discount)

    @property
    def strategies(self) -> int:
        return len(self.depth)


def schedule_of(strategies: Sequence[Strategy], weeks: int, annual_discount_rate: float) -> Schedule:
    """The tables of strategies over ``weeks``.

    Examples
    --------
    >>> sale = Strategy("sale", promotion=Promotion(depth=0.2, every_weeks=3))
    >>> schedule_of([sale], 6, 0.1).promoted
    array([[1., 0., 0., 1., 0., 0.]])
    """
    shape = (len(strategies), weeks)
    tables = {
        name: np.zeros(shape)
        for name in ("promoted", "paid_back", "points", "lift", "spread", "service", "invested", "fixed")
    }
    depth, reach = np.zeros((2, len(strategies)))
    for number, strategy in enumerate(strategies):
        row = {name: table[number] for name, table in tables.items()}
        if strategy.promotion is not None:
            depth[number], reach[number] = strategy.promotion.depth, strategy.promotion.reach
            _fill_promotion(row, strategy.promotion, weeks)
        if strategy.experience is not None:
            _fill_experience(row, strategy.experience, weeks)
    middle = np.arange(weeks) + 0.5
    discount = np.exp(-force_of_interest(annual_discount_rate, TimeUnit.WEEK) * middle)
    return Schedule(**tables, depth=depth, reach=reach, discount=discount)


def _running(side: Promotion | Experience, weeks: int) -> np.ndarray:
    week = np.arange(weeks)
    return (week >= side.starts_week) & (week < (weeks if side.ends_week is None else side.ends_week))


def _fill_promotion(row: dict[str, np.ndarray], promotion: Promotion, weeks: int) -> None:
    on = _running(promotion, weeks)
    since = np.arange(weeks) - promotion.starts_week
    row["promoted"][:] = on & (since % promotion.every_weeks < promotion.lasts_weeks)
    row["points"][on] = promotion.points
    row["fixed"][on] += promotion.programme_cost_per_year / WEEKS_PER_YEAR
    row["paid_back"][:] = _paid_back(row["promoted"] > 0)


def _fill_experience(row: dict[str, np.ndarray], experience: Experience, weeks: int) -> None:
    on = _running(experience, weeks)
    row["lift"][on] = experience.lift
    row["spread"][on] = np.nan if experience.spread is None else experience.spread
    row["service"][on] = experience.invested_per_order or 0.0
    row["invested"][on] = (experience.invested_per_customer_year or 0.0) / WEEKS_PER_YEAR
    row["fixed"][on] += experience.database_per_year / WEEKS_PER_YEAR


def _paid_back(promoted: np.ndarray) -> np.ndarray:
    """Every promotion week, spread evenly over the quiet weeks among the next few; a permanent deal borrows nothing."""
    missing = np.zeros(len(promoted))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], promoted.astype(int), [0]])))
    starts, ends = edges[::2], edges[1::2]
    for start, end, following in zip(starts, ends, [*starts[1:], len(promoted)], strict=True):
        until = min(end + PAID_BACK_WITHIN, following)
        if until > end:
            # At the end of the horizon only the part that falls into it is missing from it.
            length = PAID_BACK_WITHIN if following == len(promoted) else until - end
            missing[end:until] = (end - start) / length
    return missing


@dataclass(frozen=True)
class Exposure:
    """How long customers of every strategy have been exposed to an attack, in quiet and in promotion weeks.

    Attributes
    ----------
    quiet, promoted
        Weeks under attack before the start of each week, shape (S, W + 1).
    own_quiet, own_promoted
        The company's own deal in quiet and in promotion weeks, shape (S,).
    rival_depth
        The rival's deal.
    """

    quiet: np.ndarray
    promoted: np.ndarray
    own_quiet: np.ndarray
    own_promoted: np.ndarray
    rival_depth: float

    def added(self, hazards, row, since, until) -> np.ndarray:
        """Hazard between two moments, summed over quiet and promotion weeks of the attack."""
        tables = (self.quiet, self.promoted)
        weeks = [_at(table, row, until) - _at(table, row, since) for table in tables]
        return sum(hazard * time for hazard, time in zip(hazards, weeks, strict=True))


def exposure_of(schedule: Schedule, strategies: Sequence[Strategy], attack: Attack, todays_deal: float) -> Exposure:
    """The exposure to ``attack``; a promotion counts as deep as it is for those whom it covers, on average."""
    week = np.arange(schedule.weeks)
    attacked = ((week >= attack.first_week) & (week <= attack.last_week)).astype(float)
    points = np.array([strategy.promotion.points if strategy.promotion else 0.0 for strategy in strategies])
    covered = np.array([s.promotion.depth * s.promotion.coverage if s.promotion else 0.0 for s in strategies])
    start = np.zeros((schedule.strategies, 1))
    return Exposure(
        quiet=np.hstack([start, np.cumsum(attacked * (1 - schedule.promoted), axis=1)]),
        promoted=np.hstack([start, np.cumsum(attacked * schedule.promoted, axis=1)]),
        own_quiet=todays_deal + points,
        own_promoted=todays_deal + points + covered,
        rival_depth=attack.rival_depth,
    )


def _at(table: np.ndarray, row, time) -> np.ndarray:
    """A table of totals at the start of each week, at any moments; linear within a week."""
    bounded = np.clip(time, 0.0, table.shape[1] - 1)
    week = np.minimum(bounded.astype(int), table.shape[1] - 2)
    start = table[row, week]
    return start + (bounded - week) * (table[row, week + 1] - start)
