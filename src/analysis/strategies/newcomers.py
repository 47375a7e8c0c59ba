"""New customers: those who come anyway, those whom a promotion wins, and those whom delighted customers bring.

A pool of new customers is simulated once. How many each of them stands for follows afterwards, by kind and by the
quarter in which they come, since customers do not influence each other: referrals are then a sum over quarters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.strategies.dynamics import LIFT_IS_STATED_AT, value_of_won
from analysis.strategies.microsimulation import Entry
from analysis.strategies.sampling import ARRIVAL, REPLICATES, CommonRandomNumbers
from analysis.strategies.schedule import Schedule
from analysis.strategies.tallies import Tallies

WEEKS_PER_QUARTER, MOST_QUARTERS = 13, 20
COMING, WON, MERCENARY = range(3)
KINDS = (COMING, COMING, COMING, WON, WON, MERCENARY)
"""In which parts new customers are simulated where promotions win some: the more, the more money they bring."""
PER_CUSTOMER = 2
"""New customers to simulate for each of the base: of so many different ones a few would stand badly for all."""
MOST_REFERRED_BY_ONE = 0.9
"""Customers that a referred one may refer within the quarter; with more the chain would have no end."""


@dataclass(frozen=True)
class Quarters:
    """The horizon in equal parts of about a quarter of a year; in longer ones where that would be too many.

    Attributes
    ----------
    edges
        Where they begin and end [weeks], shape (Q + 1,).
    of_week
        Number of the quarter in which each week begins, shape (W,).
    """

    edges: np.ndarray
    of_week: np.ndarray

    def __len__(self) -> int:
        return len(self.edges) - 1

    @classmethod
    def of(cls, weeks: int) -> Quarters:
        count = min(max(round(weeks / WEEKS_PER_QUARTER), 1), MOST_QUARTERS)
        edges = np.linspace(0, weeks, count + 1)
        return cls(edges, np.minimum(np.searchsorted(edges, np.arange(weeks), side="right") - 1, count - 1))

    def sums(self, by_week: np.ndarray) -> np.ndarray:
        """Weekly amounts summed by quarter, along the last axis."""
        inside = np.equal.outer(self.of_week, np.arange(len(self))).astype(float)
        return by_week @ inside


def groups_of_new(weeks: int) -> int:
    """Groups in the tallies of new customers: by kind and quarter."""
    return 3 * len(Quarters.of(weeks))


def pool_size(customers: int, weeks: int) -> int:
    """New customers to simulate beside ``customers`` of the base: as many in each part and quarter of every replicate.

    >>> pool_size(1_000, weeks=104), pool_size(50, weeks=104)
    (1920, 480)
    """
    smallest = len(KINDS) * len(Quarters.of(weeks)) * REPLICATES
    return smallest * max(round(PER_CUSTOMER * customers / smallest), 1)


def entry_of_new(schedule: Schedule, count: int, numbers: CommonRandomNumbers, *, promotions_win: bool) -> Entry:
    """How a pool of ``count`` new customers comes in: at any moment, or in a promotion week that wins them.

    Those of one part and quarter are neighbours, so that they differ evenly.
    """
    quarters = Quarters.of(schedule.weeks)
    part, quarter = np.divmod(np.arange(count) * len(KINDS) * len(quarters) // count, len(quarters))
    kind = np.array(KINDS)[part] if promotions_win else np.full(count, COMING)
    chance = numbers.of_event(ARRIVAL).level
    moment = quarters.edges[quarter] + chance * np.diff(quarters.edges)[quarter]
    enters = np.tile(moment, (schedule.strategies, 1))
    for row, promoted in enumerate(schedule.promoted):
        for each in range(len(quarters)):
            weeks = np.flatnonzero((promoted > 0) & (quarters.of_week == each))
            brought = (kind != COMING) & (quarter == each)
            at = chance[brought] * len(weeks)
            enters[row, brought] = weeks[at.astype(int)] + at % 1 if len(weeks) else np.inf
    return Entry(
        starts=quarters.edges[quarter],
        enters=enters,
        group=kind * len(quarters) + quarter,
        groups=groups_of_new(schedule.weeks),
        by_deal=kind != COMING,
        mercenary=kind == MERCENARY,
    )


@dataclass(frozen=True)
class Weights:
    """How many customers each of a pool's group stands for, shape (S, D, G).

    Attributes
    ----------
    coming
        Those who come whatever is done.
    won, won_value
        Those won by promotions, and the same times the value of their orders as a share of others'.
    mercenaries
        Those of the won who buy in promotion weeks only.
    referred, referred_value
        Those referred, and the same times the value of their orders.
    """

    coming: np.ndarray
    won: np.ndarray
    won_value: np.ndarray
    mercenaries: np.ndarray
    referred: np.ndarray
    referred_value: np.ndarray


def weights_of(
    tallies: Tallies,
    entry: Entry,
    schedule: Schedule,
    parameters: Mapping[str, np.ndarray],
    coming_per_week: float,
    referrals_of_base: np.ndarray,
) -> Weights:
    """How many customers each of the pool stands for.

    Parameters
    ----------
    coming_per_week
        New customers of an ordinary week.
    referrals_of_base
        Referrals by today's customers, shape (S, D, W).
    """
    quarters = Quarters.of(schedule.weeks)
    shape = (*tallies.shape[:2], 3, len(quarters))
    each = 1 / np.maximum(np.bincount(entry.group, minlength=entry.groups).reshape(shape[2:]), 1)
    coming, mercenaries, referred = np.zeros((3, *shape))
    coming[:, :, COMING] = coming_per_week * np.diff(quarters.edges) * each[COMING]
    won, value = _won(shape, schedule, quarters, parameters, coming_per_week)
    won *= each
    mercenaries[:, :, MERCENARY] = won[:, :, MERCENARY]
    found = _referred(tallies, quarters, coming + won, referrals_of_base, each[COMING])
    referred[:, :, COMING] = found * each[COMING]
    of_value = referred * parameters["referred_value"][:, None, None]
    by_kind = coming, won, won * value, mercenaries, referred, of_value
    return Weights(*(weights.reshape(*shape[:2], -1) for weights in by_kind))


def _won(shape, schedule: Schedule, quarters: Quarters, parameters, coming_per_week: float):
    """Customers won by promotions, and the value of their orders, by kind and quarter."""
    weeks = quarters.sums(schedule.promoted)[:, None]
    per_week = coming_per_week * parameters["won"] * schedule.depth[:, None] / LIFT_IS_STATED_AT
    everyone = per_week[:, :, None] * weeks
    share = parameters["mercenary_share"][:, None]
    won, value = np.zeros(shape), np.ones(shape)
    won[:, :, WON], won[:, :, MERCENARY] = everyone * (1 - share), everyone * share
    promoted_time = schedule.promoted.mean(axis=1)[:, None]
    others = value_of_won(
        parameters["won_value"], schedule.depth[:, None], parameters["mercenary_share"], promoted_time
    )
    value[:, :, WON] = others[:, :, None]
    return won, value


def worth_of_referrals(
    tallies: Tallies, entry: Entry, schedule: Schedule, referred_value: np.ndarray, referrals_of_base: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Expected discounted profit that follows from one referral [currency], from those whom a referred one brings too.

    By today's customers, shape (S, D), and by each group of the pool, shape (S, D, G), when they refer.
    A referred customer of quarter q brings his or her own profit and A_qr further ones in quarter r: v = p + A v.
    """
    quarters = Quarters.of(schedule.weeks)
    count = len(quarters)
    members = np.maximum(np.bincount(entry.group, minlength=entry.groups), 1)
    inside = np.equal.outer(entry.group, np.arange(count)) / members[:count]
    profit = (referred_value[:, None] * tallies.worth - tallies.costs) @ inside
    made = quarters.sums(tallies.referrals)
    brings = made[:, :, :count] / members[:count, None]
    within = np.arange(count)
    brings[..., within, within] = np.minimum(brings[..., within, within], MOST_REFERRED_BY_ONE)
    worth = np.linalg.solve(np.eye(count) - brings, profit[..., None])[..., 0]
    return _mean_of(worth, quarters.sums(referrals_of_base)), _mean_of(worth[:, :, None], made)


def _mean_of(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted means along the last axis; 0 where there is no weight."""
    total = weights.sum(axis=-1)
    return np.divide((values * weights).sum(axis=-1), total, out=np.zeros_like(total), where=total > 0)


def _referred(tallies: Tallies, quarters: Quarters, others, of_base, each) -> np.ndarray:
    """Customers referred in every quarter, shape (S, D, Q), those referred by referred ones included."""
    count = len(quarters)
    made = quarters.sums(tallies.referrals).reshape(*tallies.shape[:2], 3, count, count)
    found = quarters.sums(of_base) + np.einsum("sdkq,sdkqr->sdr", others, made)
    by_one = made[:, :, COMING] * each[:, None]
    for quarter in range(count):
        within = np.minimum(by_one[:, :, quarter, quarter], MOST_REFERRED_BY_ONE)
        found[:, :, quarter] /= 1 - within
        found[:, :, quarter + 1 :] += found[:, :, quarter, None] * by_one[:, :, quarter, quarter + 1 :]
    return found
