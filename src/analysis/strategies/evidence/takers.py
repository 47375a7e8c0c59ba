"""Who takes part in promotion weeks: the excess of deals over those that are had in other weeks.

Small deals that customers have every week are no taking part. With G the share of orders that saved more than c, in
promotion weeks (p) and others (u), and a share s of a promotion week's orders using the promotion, whose deal is above
c, G_p = s + (1 - s) G_u; c is where G_p - G_u is largest. The mean saved is m_p = m_u + s x depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.strategies.evidence.encounters import Encounters
from analysis.strategies.evidence.promotion_weeks import weeks_of


@dataclass(frozen=True)
class Takers:
    """What is known of those who take part in promotion weeks.

    Attributes
    ----------
    orders
        Share of a promotion week's orders that use the promotion.
    depth
        Share that these save above the usual deal; 0 where none do.
    orders_draws, depth_draws
        Draws of both, from promotion weeks and other weeks drawn anew, shape (draws,).
    """

    orders: float
    depth: float
    orders_draws: np.ndarray
    depth_draws: np.ndarray


def takers_of(encounters: Encounters, weeks: pd.DataFrame, draws: int, rng: np.random.Generator) -> Takers:
    """Share and depth of promotion weeks' orders that use the promotion, of customers who were there before.

    Weeks that a promotion covers in part, and unclear ones, are neither promotion weeks nor others here.

    Parameters
    ----------
    weeks
        As of ``weekly_orders``.
    """
    promoted, others = (weeks["promoted"] == 1).to_numpy(), ((weeks["promoted"] == 0) & ~weeks["unclear"]).to_numpy()
    week = weeks_of(encounters, weeks)
    counted = (week >= 0) & (promoted | others)[week]
    week, saved = week[counted], np.nan_to_num(encounters.saved[counted])
    above = saved > threshold(saved, promoted[week])
    sums = np.column_stack([np.bincount(week, values, minlength=len(weeks)) for values in (above, saved)])
    sums = np.column_stack([np.bincount(week, minlength=len(weeks)), sums])
    point = _share_and_depth(sums[promoted].sum(axis=0), sums[others].sum(axis=0))
    drawn = _share_and_depth(_drawn(sums[promoted], draws, rng), _drawn(sums[others], draws, rng))
    return Takers(float(point[0]), float(point[1]), *drawn)


def threshold(saved: np.ndarray, promoted: np.ndarray) -> float:
    """The share saved above which orders of promotion weeks are most in excess over others'.

    >>> threshold(np.array([0.0, 0.05, 0.0, 0.05, 0.25]), np.array([False, False, True, True, True]))
    0.05
    """
    order = np.argsort(saved, kind="stable")
    ordered, in_promotion = saved[order], promoted[order]
    below = [np.cumsum(kind) / max(kind.sum(), 1) for kind in (in_promotion, ~in_promotion)]
    last_of_its_kind = np.r_[ordered[1:] > ordered[:-1], True]
    excess = np.where(last_of_its_kind, below[1] - below[0], -np.inf)
    return float(ordered[excess.argmax()])


def reach_of(orders, lift):
    """Share of customers who take part where a share of a promotion week's orders does, and all orders rise by lift.

    Extra orders are of those who take part: orders = (reach + lift) / (1 + lift).

    >>> round(float(reach_of(orders=0.6, lift=0.25)), 9)
    0.5
    """
    return np.clip(orders * (1 + lift) - lift, 0.0, 1.0)


def _share_and_depth(in_promotion: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of sums of orders, orders above the threshold, and shares saved, in the last dimension."""
    (above, saved), (usual_above, usual_saved) = (
        (each[..., 1] / each[..., 0], each[..., 2] / each[..., 0]) for each in (in_promotion, others)
    )
    share = np.clip((above - usual_above) / np.maximum(1 - usual_above, 1e-9), 0.0, 1.0)
    depth = np.divide(saved - usual_saved, share, out=np.zeros_like(share), where=share > 0)
    return share, depth


def _drawn(sums: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    # One week fewer than there are, so that the spread is that of a sample and not of a population.
    count = len(sums)
    return rng.multinomial(max(count - 1, 1), np.full(count, 1 / count), draws) @ sums
