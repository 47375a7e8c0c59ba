"""The promotional bump: orders in promotion weeks, and the dips before and after them.

Orders of customers who were there before are counted week by week and regressed on the share of the week's days that a
promotion holds, and so those of the week before it and of the two after it, and a trend: Poisson's pseudo-likelihood
with a log link and the number of these customers as exposure, so that newcomers, and a base that grows, are no lift.
Errors allow for neighbouring weeks being alike and for any spread (Newey & West 1987). Placebo: the third and fourth
week before a promotion, which nobody can have moved an order from or to. Which days were promoted the company says;
told from discounts, holidays would be among them.

Small deals that customers have every day are no taking part. With G the share of orders that saved more than c, in
promotions (p) and otherwise (u), and a share s of a promotion's orders using it, whose deal is above c,
G_p = s + (1 - s) G_u; c is where G_p - G_u is largest. The mean saved is m_p = m_u + s x depth.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.strategies.dynamics import LIFT_IS_STATED_AT
from analysis.strategies.evidence.encounters import DAYS_PER_WEEK, Encounters, too_few
from analysis.strategies.evidence.findings import Finding, Part
from analysis.time import DAYS_PER_YEAR
from analysis.words import Message

FEWEST_WEEKS, FEWEST_PROMOTED, FEWEST_OTHERS = 26, 3, 6
"""Weeks in all, in promotions, and beside promotions and the weeks around them."""
FEWEST_SEPARATE = 4
"""Separate promotions, below which a holiday or two can make a lift and nothing more than an association is claimed."""
MOST_EMPTY = 0.1
"""Of the weeks may be without an order: where there are more, too little happens in a week to compare it."""
LEAST = 0.05
"""Of depth and reach: lifts are stated at 20%, of which a promotion shallower than a quarter is no basis."""
DRAWS = 4_000
SEASONS_NEED_WEEKS = 100
AROUND = {"before": (-7, -1), "after": (1, 14), "long_before": (-28, -15)}
"""Days from the first or last one of a promotion that are looked at apart; the last are the placebo's."""
LAGS, NEAR = 4, 8
"""Weeks that are allowed to be alike; and weeks from a promotion within which another one still tells of it."""
FEWEST_THERE = 50
"""Customers who ordered before a day, below whom it is not looked at."""


def promotional_bump(encounters: Encounters, calendar: pd.DataFrame, *, level: float, seed: int) -> Part:
    """The bump and its dips.

    The finding is on the relative rise, in a promotion week, of the orders of customers who were there before, with
    details: separate promotions, weeks, and depth. Details of the part: ``depth`` (share saved by orders that use the
    promotion, above what orders save otherwise); ``reach`` (share of customers who take part, from the excess of deals
    over the usual ones); ``borrowed`` (orders missing in the week before and the two after, as a share of the extra
    orders) and ``promotional_lift`` (extra orders of those who take part, at 20% depth), where they are told.

    Parameters
    ----------
    calendar
        Promotions, with columns start and end (days, both included); one of less than a week counts as a week.

    Raises
    ------
    Unavailable
        Where these days do not show it: too few, hardly any with a promotion or without, hardly any order in them, or
        promotions so close that no other days are left to compare with.
    """
    days = daily_orders(encounters, calendar)
    orders = days.groupby("week")["orders"].sum()
    promoted, count = round(days["promoted"].sum() / DAYS_PER_WEEK), len(orders)
    if count < FEWEST_WEEKS:
        raise too_few(
            "too_few_weeks", Message("weeks with enough customers who had ordered before"), count, FEWEST_WEEKS
        )
    if promoted < FEWEST_PROMOTED or promoted > count / 2:
        raise Unavailable(
            "Of {count:integer} weeks {promoted:integer} are promotion weeks; at least {needed:integer} are needed, "
            "and at most half of all.",
            code="evidence.reason.no_promotion_weeks", promoted=promoted, count=count, needed=FEWEST_PROMOTED
        )  # fmt: skip
    if (orders == 0).mean() > MOST_EMPTY:
        raise Unavailable(
            "In many weeks no customer who was there before ordered: too little happens in a week to compare weeks.",
            code="evidence.reason.weeks_without_orders",
        )
    return _bump(encounters, days, level, np.random.default_rng([seed, 47]))


def _bump(encounters: Encounters, days: pd.DataFrame, level: float, rng: np.random.Generator) -> Part:
    design = week_design(days)
    point, covariance = _coefficients(weekly_regression(days, design), design)
    errors = np.sqrt(np.diag(covariance))
    ratio = {
        name: Interval(*np.expm1(list(vars(Interval.normal(value, error, level)).values())[:3]).tolist(), level)
        for (name, value), error in zip(point.items(), errors, strict=True)
    }
    drawn = pd.DataFrame(rng.multivariate_normal(point, covariance, DRAWS, method="eigh"), columns=point.index)
    share, depth = participants_of(encounters, days)
    details = {"promotions": int((days["promoted"] & ~days["promoted"].shift(fill_value=False)).sum())}
    details |= {"weeks": round(days["promoted"].sum() / DAYS_PER_WEEK), "depth": depth}
    counts = int(days["there"].max()), int(days["orders"].sum())
    lift = Finding.of("bump.lift", ratio["promoted"], ratio.get("long_before"), counts, sign=1)
    is_telling = details["promotions"] >= FEWEST_SEPARATE and depth >= LEAST
    if lift.verdict in ("estimate", "opposite") and not is_telling:
        lift = replace(lift, verdict="association")
    lift, draws, points = replace(lift, details=details), {}, {}
    reach = float(reach_of(share, lift.estimate.estimate))
    if lift.estimate.lower > 0:
        if {"before", "after"} <= set(point.index):
            points["borrowed"] = _missing(point.to_frame().T, design)[0]
            draws["borrowed"] = _missing(drawn, design)
        if min(reach, depth) >= LEAST:
            extra = np.r_[lift.estimate.estimate, np.expm1(drawn["promoted"])]
            of_takers = extra * LIFT_IS_STATED_AT / depth / np.maximum(reach_of(share, extra), LEAST)
            points["promotional_lift"], draws["promotional_lift"] = of_takers[0], of_takers[1:]
    found = {name: Interval.around(points[name], each, level) for name, each in draws.items()}
    told = [name for name in draws if lift.verdict == "estimate" and found[name].lower > 0]
    return Part((lift,), {"depth": depth, "reach": reach} | found, {name: draws[name] for name in told})


def weekly_regression(days: pd.DataFrame, design: pd.DataFrame | None = None) -> Any:
    """Statsmodels' result of the Poisson regression of weekly orders on promotions, with errors of Newey and West.

    >>> import analysis as rl
    >>> from analysis.strategies.evidence.encounters import encounters_of
    >>> study = rl.open_study(sample="simulated-shop")
    >>> days = daily_orders(encounters_of(study.orders), study.tables.promotions)
    >>> weekly_regression(days).params.index[:3].tolist()
    ['promoted', 'before', 'after']
    """
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    weeks = days.groupby("week")[["orders", "there"]].sum().astype(float)
    design = week_design(days) if design is None else design
    model = GLM(weeks["orders"], design, family=Poisson(), exposure=weeks["there"])
    return model.fit(cov_type="HAC", cov_kwds={"maxlags": LAGS, "use_correction": True})


def _coefficients(fitted: Any, design: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame]:
    """Of the promotion and what is around it, where they have as many weeks as an error needs; and the covariance."""
    named = [name for name in ("promoted", *AROUND) if name in design]
    told = [name for name in named if design[name].sum() >= FEWEST_PROMOTED]
    return fitted.params[told], fitted.cov_params().loc[told, told]


def _missing(points: pd.DataFrame, design: pd.DataFrame) -> np.ndarray:
    """Orders missing in the weeks before and after as a share of the extra ones, by row of coefficients."""
    before, after, extra = (np.expm1(points[name]) * design[name].sum() for name in ("before", "after", "promoted"))
    return (-before / extra - after / extra).to_numpy()


def daily_orders(encounters: Encounters, calendar: pd.DataFrame) -> pd.DataFrame:
    """Orders of customers who were there before, day by day, in whole weeks.

    Returns
    -------
    DataFrame
        Columns orders, there (customers who had ordered before the day), those of ``days_around``, and week, which
        begins on the weekday on which most promotions do; by day of the window. The first is that before which 50
        customers had ordered, where births are unknown half of all that are ever seen: those who are seen first order
        often. Days around a promotion that lies before the first, or after the last, are known as such.
    """
    away, born = -AROUND["long_before"][0], encounters.day[encounters.first]
    day = np.arange(-away, encounters.end_day + 1 + away)
    start = pd.Timestamp(encounters.start)
    first, last = ((pd.to_datetime(calendar[name]) - start).dt.days.to_numpy() for name in ("start", "end"))
    last = np.maximum(last, first + DAYS_PER_WEEK - 1)
    promoted = pd.Series(((day[:, None] >= first) & (day[:, None] <= last)).any(axis=1), index=day)
    table = days_around(promoted).loc[0 : encounters.end_day]
    table = table.assign(
        orders=np.bincount(encounters.day[is_repeat(encounters)], minlength=len(table))[: len(table)],
        there=np.searchsorted(np.sort(born), table.index, side="left"),
        week=(table.index - np.bincount(first % DAYS_PER_WEEK).argmax()) // DAYS_PER_WEEK,
    )
    needed = FEWEST_THERE if encounters.births_known else max(FEWEST_THERE, len(born) / 2)
    table = table[table["there"] >= needed]
    return table[table.groupby("week")["week"].transform("size") == DAYS_PER_WEEK]


def is_repeat(encounters: Encounters) -> np.ndarray:
    """Whether the customer had ordered before the day of each order, shape (n,)."""
    return encounters.day > np.repeat(encounters.day[encounters.first], encounters.count)


def days_around(promoted: pd.Series) -> pd.DataFrame:
    """Days in a promotion and around one, each of one kind at most: promoted, before, after, long_before."""
    taken, columns = promoted, {"promoted": promoted}
    begins, ends = (promoted & ~promoted.shift(by, fill_value=False) for by in (1, -1))
    for name, (first, last) in AROUND.items():
        edge = begins if last < 0 else ends
        columns[name] = (
            np.logical_or.reduce([edge.shift(by, fill_value=False) for by in range(first, last + 1)]) & ~taken
        )
        taken = taken | columns[name]
    return pd.DataFrame(columns)


def week_design(days: pd.DataFrame) -> pd.DataFrame:
    """The regression's columns: shares of each week in a promotion and around it, level, trend and seasons.

    ``days`` is as of ``daily_orders``.

    Raises
    ------
    Unavailable
        Where hardly any week is left to compare promotion weeks with, or none is near most of them.

    Examples
    --------
    >>> day = np.arange(728)
    >>> week_design(days_around(pd.Series(day % 56 < 7)).assign(week=day // 7)).columns.tolist()[:5]
    ['promoted', 'before', 'after', 'long_before', 'level']
    """
    shares = days[["promoted", *AROUND]].groupby(days["week"]).mean()
    design = shares.loc[:, shares.any()].copy()
    t = np.arange(len(design)) * DAYS_PER_WEEK / DAYS_PER_YEAR
    design["level"], design["trend"], design["bend"] = 1.0, t - t.mean(), (t - t.mean()) ** 2
    if len(design) >= SEASONS_NEED_WEEKS:
        for k, wave in ((1, np.cos), (1, np.sin), (2, np.cos), (2, np.sin)):
            design[f"{wave.__name__}{k}"] = wave(2 * np.pi * k * t)
    others, weeks = np.flatnonzero(~shares.any(axis=1)), np.flatnonzero(shares["promoted"] > 0)
    if (
        len(others) < FEWEST_OTHERS
        or np.median(np.abs(weeks[:, None] - others).min(axis=1)) > NEAR
        or np.linalg.matrix_rank(design) < design.shape[1]
    ):
        raise Unavailable(
            "Near most promotion weeks there is no other week that says what would have been ordered without.",
            code="evidence.reason.promotions_without_others",
        )
    return design


def participants_of(encounters: Encounters, days: pd.DataFrame) -> tuple[float, float]:
    """Share of promotions' orders that use the promotion, and the share that these save above the usual deal.

    Of customers who were there before; both are 0 where nothing more is saved than otherwise. ``days`` is as of
    ``daily_orders``.
    """
    counted = is_repeat(encounters) & np.isin(encounters.day, days.index)
    promoted = days["promoted"].reindex(encounters.day[counted]).to_numpy()
    saved = np.nan_to_num(encounters.saved[counted])
    there, usual = np.sort(saved[promoted]), np.sort(saved[~promoted])
    limits = np.unique(saved)
    above, usually = (1 - np.searchsorted(each, limits, side="right") / len(each) for each in (there, usual))
    most = np.argmax(above - usually)
    share = max(float((above - usually)[most] / max(1 - usually[most], 1e-9)), 0.0)
    return share, float((there.mean() - usual.mean()) / share) if share > 0 else 0.0


def reach_of(orders, lift):
    """Share of customers who take part where a share of a promotion week's orders does, and all orders rise by lift.

    Extra orders are of those who take part: orders = (reach + lift) / (1 + lift).

    >>> round(float(reach_of(orders=0.6, lift=0.25)), 9)
    0.5
    """
    return np.clip(orders * (1 + lift) - lift, 0.0, 1.0)
