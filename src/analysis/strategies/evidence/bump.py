"""The promotional bump: orders in promotion weeks, and the dips before and after them.

Weekly orders are regressed on promotion weeks, the week before them, the two after them, and a trend, with errors that
allow for neighbouring weeks being alike (Newey & West 1987). Placebo: the third and fourth week before a promotion,
which nobody can have moved an order from or to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.data import Note
from analysis.models.results import Interval
from analysis.strategies.dynamics import LIFT_IS_STATED_AT
from analysis.strategies.evidence.encounters import DAYS_PER_WEEK, Encounters
from analysis.strategies.evidence.findings import Finding, Verdict, normal_interval, ratio_less_one, verdict_of
from analysis.strategies.parameters import Estimate

FEWEST_WEEKS, FEWEST_PROMOTED = 26, 3
FEWEST_SEPARATE = 4
"""Separate promotions, below which a holiday or two can make a lift and nothing more than an association is claimed."""
ROBUST_SDS = 1.5
AFTER = 2
LAGS = 4
LEAST_DEPTH = 0.05
"""Lifts are stated at a depth of 20%; a promotion that is shallower than a quarter of that is no basis for it."""
DRAWS = 4_000
SEASONS_NEED_WEEKS = 104
WEEKS_PER_YEAR = 365.25 / DAYS_PER_WEEK


@dataclass(frozen=True)
class PromotionalBump:
    """What promotion weeks do to the number of orders.

    Attributes
    ----------
    lift
        Finding on the relative rise of all orders in a promotion week.
    dip_before, dip_after, borrowed
        Orders missing in the week before, in the two weeks after, and both, as shares of the extra orders; None where
        there is no rise to take a share of.
    lift_of_takers
        Extra orders of those who take part, at 20% depth; None where the promotions are too shallow to say.
    depth
        Share saved in promotion weeks by orders with a deal, above what orders save in other weeks.
    reach
        Share of customers who take part, from the share of a promotion week's orders that have a deal.
    weeks
        week, start, orders, saved (share of list value), promoted: one row a week.
    defined_by
        ``data`` or ``calendar``: where the promotion weeks come from.
    draws
        ``promotional_lift`` and ``borrowed``, row-aligned; empty where they are None.
    """

    lift: Finding
    dip_before: Interval | None
    dip_after: Interval | None
    borrowed: Interval | None
    lift_of_takers: Interval | None
    depth: float
    reach: float
    weeks: pd.DataFrame = field(repr=False)
    defined_by: str
    draws: Mapping[str, np.ndarray] = field(repr=False)

    @property
    def estimates(self) -> dict[str, Estimate]:
        """What may replace an assumption."""
        if self.lift.verdict != Verdict.ESTIMATE:
            return {}
        known = {"promotional_lift": self.lift_of_takers, "borrowed": self.borrowed}
        return {
            name: Estimate(interval.estimate, float(np.std(self.draws[name])), self.draws[name])
            for name, interval in known.items()
            if interval is not None and interval.lower > 0
        }


def promotional_bump(
    encounters: Encounters, *, level: float, seed: int, calendar: pd.DataFrame | None = None
) -> PromotionalBump | Note:
    """The bump and its dips, or why these weeks do not show them.

    Parameters
    ----------
    calendar
        Promotions, with columns start and end (days, both included); without it a promotion week is one that saved
        more than half way from the median week to the three deepest, and at least 1.5 robust standard deviations
        above the median.
    """
    weeks = weekly_orders(encounters, calendar)
    promoted = int(weeks["promoted"].sum())
    if len(weeks) < FEWEST_WEEKS:
        return Note("evidence.reason.too_few_weeks", {"weeks": len(weeks), "needed": FEWEST_WEEKS})
    if promoted < FEWEST_PROMOTED or promoted > len(weeks) / 2:
        numbers = {"weeks": promoted, "of": len(weeks), "needed": FEWEST_PROMOTED}
        return Note("evidence.reason.no_promotion_weeks", numbers)
    if (weeks["orders"] == 0).any():
        return Note("evidence.reason.weeks_without_orders", {"weeks": int((weeks["orders"] == 0).sum())})
    return _bump(
        encounters, weeks, level, np.random.default_rng([seed, 47]), "data" if calendar is None else "calendar"
    )


def weekly_orders(encounters: Encounters, calendar: pd.DataFrame | None = None) -> pd.DataFrame:
    """Orders and the share saved in each whole week, and whether it is a promotion week."""
    count = (encounters.end_day + 1) // DAYS_PER_WEEK
    week = encounters.day // DAYS_PER_WEEK
    inside = week < count
    sums = {
        name: np.bincount(week[inside], weights=values[inside], minlength=count)
        for name, values in {"listed": encounters.listed, "paid": encounters.paid}.items()
    }
    saved = 1 - sums["paid"] / np.maximum(sums["listed"], 1e-12)
    start = np.datetime64(encounters.start, "D") + np.arange(count) * DAYS_PER_WEEK
    table = pd.DataFrame({"week": np.arange(count), "start": start, "saved": np.where(sums["listed"] > 0, saved, 0.0)})
    table["orders"] = np.bincount(week[inside], minlength=count)
    table["promoted"] = _deep_weeks(table["saved"].to_numpy()) if calendar is None else _named_weeks(start, calendar)
    return table


def _deep_weeks(saved: np.ndarray) -> np.ndarray:
    middle = np.median(saved) if saved.size else 0.0
    spread = 1.4826 * np.median(np.abs(saved - middle)) if saved.size else 0.0
    deepest = np.sort(saved)[-FEWEST_PROMOTED:].mean() if saved.size else 0.0
    return saved > middle + max(ROBUST_SDS * spread, (deepest - middle) / 2, 1e-9)


def _named_weeks(start: np.ndarray, calendar: pd.DataFrame) -> np.ndarray:
    """Weeks of which most days are in a promotion."""
    first, last = (pd.to_datetime(calendar[name]).to_numpy().astype("datetime64[D]") for name in ("start", "end"))
    days = start[:, None] + np.arange(DAYS_PER_WEEK)
    inside = ((days[..., None] >= first) & (days[..., None] <= last)).any(axis=-1)
    return inside.sum(axis=1) > DAYS_PER_WEEK / 2


def _bump(encounters, weeks: pd.DataFrame, level: float, rng, defined_by: str) -> PromotionalBump:
    from statsmodels.regression.linear_model import OLS

    names, design = _design(weeks["promoted"].to_numpy())
    lags = {"maxlags": LAGS, "use_correction": True}
    fitted = OLS(np.log(weeks["orders"].to_numpy()), design).fit(cov_type="HAC", cov_kwds=lags)
    place = {name: k for k, name in enumerate(names)}
    on_log = {
        name: normal_interval(fitted.params[place[name]], fitted.bse[place[name]], level)
        for name in ("promoted", "long_before")
        if name in place
    }
    estimate = ratio_less_one(on_log["promoted"])
    placebo = ratio_less_one(on_log["long_before"]) if "long_before" in on_log else None
    separate = separate_promotions(weeks["promoted"].to_numpy())
    depth, reach = _depth_and_reach(encounters, weeks, estimate.estimate)
    telling = separate >= FEWEST_SEPARATE and depth >= LEAST_DEPTH
    verdict = verdict_of(estimate, placebo if telling else None, expected_sign=1)
    total = int(weeks["orders"].sum())
    customers = len(encounters.count)
    details = {"promotions": separate, "weeks": int(weeks["promoted"].sum()), "depth": depth}
    lift = Finding("evidence.bump.lift", estimate, "share of orders", placebo, verdict, customers, total, details)
    points = rng.multivariate_normal(fitted.params, fitted.cov_params(), DRAWS, method="cholesky")
    shares, drawn = (_shares(rows, place, design) for rows in (np.atleast_2d(fitted.params), points))
    rises = estimate.lower > 0
    takers = rises and depth >= LEAST_DEPTH and reach > 0
    per_taker = LIFT_IS_STATED_AT / depth / reach if takers else np.nan
    lifts = np.expm1(points[:, place["promoted"]]) * per_taker
    intervals = {k: Interval.around(shares[k][0], drawn[k], level) if rises else None for k in drawn}
    return PromotionalBump(
        lift=lift,
        dip_before=intervals["before"],
        dip_after=intervals["after"],
        borrowed=intervals["both"],
        lift_of_takers=Interval.around(estimate.estimate * per_taker, lifts, level) if takers else None,
        depth=depth,
        reach=reach,
        weeks=weeks,
        defined_by=defined_by,
        draws={"promotional_lift": lifts if takers else np.empty(0), "borrowed": drawn["both"]} if rises else {},
    )


def _design(promoted: np.ndarray) -> tuple[list[str], np.ndarray]:
    count = len(promoted)
    near = promoted.copy()
    columns = {"promoted": promoted}
    for name, shifts in (("before", (-1,)), ("after", range(1, AFTER + 1)), ("long_before", (-3, -4))):
        there = np.zeros(count, dtype=bool)
        for shift in shifts:
            there |= _shifted(promoted, shift)
        columns[name] = there & ~near
        near |= there
    t = np.arange(count) / WEEKS_PER_YEAR
    trend = [np.ones(count), t - t.mean(), (t - t.mean()) ** 2]
    if count >= SEASONS_NEED_WEEKS:
        trend += [f(2 * np.pi * k * t) for k in (1, 2) for f in (np.cos, np.sin)]
    kept = [name for name, values in columns.items() if values.any()]
    return kept, np.column_stack([*(columns[name].astype(float) for name in kept), *trend])


def separate_promotions(promoted: np.ndarray) -> int:
    """Runs of promotion weeks.

    >>> separate_promotions(np.array([True, True, False, True]))
    2
    """
    return int(promoted[0]) + int((promoted[1:] & ~promoted[:-1]).sum())


def _shifted(promoted: np.ndarray, by: int) -> np.ndarray:
    found = np.zeros_like(promoted)
    if by > 0:
        found[by:] = promoted[:-by]
    else:
        found[:by] = promoted[-by:]
    return found


def _shares(points: np.ndarray, place, design) -> dict[str, np.ndarray]:
    """Orders missing before and after as shares of the extra ones, for each row of coefficients."""
    extra = np.expm1(points[:, place["promoted"]]) * design[:, place["promoted"]].sum()
    missing = {
        name: -np.expm1(points[:, place[name]]) * design[:, place[name]].sum()
        if name in place
        else np.zeros(len(points))
        for name in ("before", "after")
    }
    missing["both"] = missing["before"] + missing["after"]
    return {name: values / extra for name, values in missing.items()}


def _depth_and_reach(encounters: Encounters, weeks: pd.DataFrame, lift: float) -> tuple[float, float]:
    """How much deeper deals are in promotion weeks, and the share of customers who then take part."""
    week = encounters.day // DAYS_PER_WEEK
    inside = week < len(weeks)
    promoted = np.zeros(len(encounters), dtype=bool)
    promoted[inside] = weeks["promoted"].to_numpy()[week[inside]]
    saved = np.nan_to_num(encounters.saved)
    with_deal = promoted & (saved > 0)
    usual = saved[inside & ~promoted].mean()
    depth = float(saved[with_deal].mean() - usual) if with_deal.any() else 0.0
    of_orders = with_deal.sum() / max(promoted.sum(), 1)
    return depth, float(np.clip(of_orders * (1 + lift) - lift, 0.0, 1.0))
