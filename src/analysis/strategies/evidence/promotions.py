"""The promotional bump: orders in promotion weeks, and the dips before and after them.

Orders of customers who were there before the week are regressed on promotion weeks, the week before them, the two after
them, and a trend: Poisson's pseudo-likelihood with a log link and the number of these customers as exposure, so that
newcomers, and a base that grows, are no lift. Errors allow for neighbouring weeks being alike and for any spread (Newey
& West 1987). Placebo: the third and fourth week before a promotion,
which nobody can have moved an order from or to.

A customer's first order is none that a promotion added to what the customer would have ordered anyway: who was won is
another question. Counted are the orders of customers who had ordered before the week began, beside their number. Weeks
begin on the weekday on which most promotions do; without a calendar, on that under which weeks differ most in the share
that was saved. Neither looks at how many orders there were.

Small deals that customers have every week are no taking part. With G the share of orders that saved more than c, in
promotion weeks (p) and others (u), and a share s of a promotion week's orders using the promotion, whose deal is above
c, G_p = s + (1 - s) G_u; c is where G_p - G_u is largest. The mean saved is m_p = m_u + s x depth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.strategies.dynamics import LIFT_IS_STATED_AT
from analysis.strategies.evidence.encounters import DAYS_PER_WEEK, Encounters, too_few
from analysis.strategies.evidence.findings import Finding, Part
from analysis.words import Message

FEWEST_WEEKS = 26
FEWEST_SEPARATE = 4
"""Separate promotions, below which a holiday or two can make a lift and nothing more than an association is claimed."""
LAGS = 4
MOST_EMPTY = 0.1
"""Of the weeks may be without an order: where there are more, too little happens in a week to compare it."""
LEAST_DEPTH = 0.05
"""Lifts are stated at a depth of 20%; a promotion that is shallower than a quarter of that is no basis for it."""
LEAST_REACH = 0.05
DRAWS = 4_000
FEWEST_PROMOTED = 3
SEASONS_NEED_WEEKS = 100
WEEKS_PER_YEAR = 365.25 / DAYS_PER_WEEK
AROUND = {"before": (-1,), "after": (1, 2), "long_before": (-3, -4)}
"""Weeks around a promotion week that are looked at apart; the last are the placebo's."""
NAMED = ("promoted", *AROUND)
FEWEST_OTHERS, NEAR = 6, 8
"""Weeks beside promotions and the weeks around them, and how many weeks from a promotion one still tells of it."""
ROBUST_SDS = 1.5
UNCLEAR, DEEP, WHOLE = 0.25, 0.5, 0.85
"""Of the way from the median week to the deepest: from where on one is unclear, promoted, and surely promoted whole."""
FEWEST_THERE = 50
"""Customers who ordered before a week, below whom it is not looked at."""


def promotional_bump(encounters: Encounters, *, level: float, seed: int, calendar: pd.DataFrame | None = None) -> Part:
    """The bump and its dips.

    The finding is on the relative rise, in a promotion week, of the orders of customers who were there before, with
    details: separate promotions, weeks, depth, and unclear weeks, which are compared with nothing. Details of the part:
    ``weeks`` (as of ``weekly_orders``); ``depth`` (share saved by orders that use the promotion, above what orders save
    in other weeks); ``reach`` (share of customers who take part, from the excess of deals over the usual ones);
    ``borrowed`` (orders missing in the week before and the two after, as a share of the extra orders) and
    ``promotional_lift`` (extra orders of those who take part, at 20% depth), where they are told.

    Parameters
    ----------
    calendar
        Promotions, with columns start and end (days, both included); without it a promotion week is one that saved
        more than half way from the median week to the three deepest, and at least 1.5 robust standard deviations
        above the median; one that saved less, but a quarter of the way, is compared with nothing.

    Raises
    ------
    Unavailable
        Where these weeks do not show it: too few, hardly any with a promotion or without, hardly any order in them, or
        promotions so close that no other weeks are left to compare with.
    """
    weeks = weekly_orders(encounters, calendar)
    promoted, count = round(float(weeks["promoted"].sum())), len(weeks)
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
    if (weeks["orders"] == 0).sum() > MOST_EMPTY * count:
        raise Unavailable(
            "In many weeks no customer who was there before ordered: too little happens in a week to compare weeks.",
            code="evidence.reason.weeks_without_orders",
        )
    design = week_design(weeks["promoted"].to_numpy(), weeks["unclear"].to_numpy())
    return _bump(encounters, weeks, design, level, np.random.default_rng([seed, 47]), calendar)


def _notes(numbers: Mapping[str, float], calendar: pd.DataFrame | None) -> Iterator[Message]:
    """What is worth saying of the promotion weeks."""
    if calendar is None:
        yield Message(
            "Promotion weeks are those with unusually deep discounts ({weeks:weeks}); holidays may be among them. "
            "Orders that use them save {depth:percent1} of the price more than usual ones.",
            weeks=numbers["weeks"], depth=numbers["depth"]
        )  # fmt: skip
    if numbers["unclear"]:
        yield Message(
            "Weeks in which more was saved than usual and less than in promotion weeks ({weeks:integer}) are compared "
            "with nothing. A calendar (`strategies.promotions`) tells what such weeks are.",
            weeks=numbers["unclear"],
        )


def _bump(encounters, weeks: pd.DataFrame, design: pd.DataFrame, level: float, rng, calendar) -> Part:
    point, covariance = _coefficients(weeks, design)
    errors = np.sqrt(np.diag(covariance))
    ratio = {
        name: Interval(*np.expm1(list(vars(Interval.normal(value, error, level)).values())[:3]).tolist(), level)
        for (name, value), error in zip(point.items(), errors, strict=True)
    }
    drawn = pd.DataFrame(rng.multivariate_normal(point, covariance, DRAWS, method="eigh"), columns=point.index)
    who = participants_of(encounters, weeks, DRAWS, rng)
    promoted = weeks["promoted"].to_numpy()
    details = {"promotions": len(_runs(promoted > 0)[0]), "weeks": round(float(promoted.sum())), "depth": who.depth}
    details["unclear"] = int(weeks["unclear"].sum())
    counts = int(weeks["there"].max()), int(weeks["orders"].sum())
    lift = Finding.of("bump.lift", ratio["promoted"], ratio.get("long_before"), counts, sign=1)
    if lift.verdict in ("estimate", "opposite") and not _is_telling(details):
        lift = replace(lift, verdict="association")
    lift, draws = replace(lift, details=details), {}
    found = {"weeks": weeks, "depth": who.depth, "reach": float(reach_of(who.orders, lift.estimate.estimate))}
    if lift.estimate.lower > 0:
        if {"before", "after"} <= set(point.index):
            draws["borrowed"] = _missing(drawn, design)
            found["borrowed"] = Interval.around(_missing(point.to_frame().T, design)[0], draws["borrowed"], level)
        lifts = _of_participants(lift.estimate.estimate, np.expm1(drawn["promoted"].to_numpy()), who, level)
        if lifts is not None:
            found["promotional_lift"], draws["promotional_lift"] = lifts
    told = (name for name in draws if lift.verdict == "estimate" and found[name].lower > 0)
    estimates = {name: draws[name] for name in told}
    return Part((lift,), found, estimates, notes=tuple(_notes(details, calendar)))


def _is_telling(details: Mapping[str, float]) -> bool:
    return details["promotions"] >= FEWEST_SEPARATE and details["depth"] >= LEAST_DEPTH


def _coefficients(weeks: pd.DataFrame, design: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame]:
    """Of the named columns of as many weeks as a coefficient needs for its error to be known, with their covariance."""
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    exposure = weeks["there"].to_numpy().astype(float)
    model = GLM(weeks["orders"].to_numpy().astype(float), design, family=Poisson(), exposure=exposure)
    fitted = model.fit(cov_type="HAC", cov_kwds={"maxlags": LAGS, "use_correction": True})
    told = [name for name in NAMED if name in design and design[name].sum() >= FEWEST_PROMOTED]
    return fitted.params[told], fitted.cov_params().loc[told, told]


def _missing(points: pd.DataFrame, design: pd.DataFrame) -> np.ndarray:
    """Orders missing in the weeks before and after as a share of the extra ones, by row of coefficients."""
    before, after, extra = (np.expm1(points[name]) * design[name].sum() for name in ("before", "after", "promoted"))
    return (-before / extra - after / extra).to_numpy()


def _of_participants(lift: float, lifts, who: Participants, level: float) -> tuple[Interval, np.ndarray] | None:
    """Lift of those who take part at the stated depth, with draws; None where depth or reach is too small or unsure."""
    reaches = reach_of(who.orders_draws, lifts)
    sure = np.minimum(reaches / LEAST_REACH, who.depth_draws / LEAST_DEPTH)
    if who.depth < LEAST_DEPTH or np.quantile(sure, (1 - level) / 2) < 1:
        return None
    at_least = np.maximum(reaches, LEAST_REACH) * np.maximum(who.depth_draws, LEAST_DEPTH)
    draws = lifts * LIFT_IS_STATED_AT / at_least
    estimate = lift * LIFT_IS_STATED_AT / who.depth / float(reach_of(who.orders, lift))
    return Interval.around(estimate, draws, level), draws


def weekly_orders(encounters: Encounters, calendar: pd.DataFrame | None = None) -> pd.DataFrame:
    """Orders of customers who were there before, week by week.

    Returns
    -------
    DataFrame
        Columns week (from 0), start (day), orders, there (customers who had ordered before it), saved (share of list
        value that the orders saved), promoted (share of the week, of a usual promotion where that is shorter) and
        unclear (whether it saved more than others and less than promotion weeks; nowhere with a calendar). The first
        week is that before which 50 customers had ordered, where births are unknown half of all that are ever seen:
        those who are seen first are those who order often.
    """
    if calendar is None:
        tables = [_table(encounters, begins) for begins in _from_monday(encounters)]
        table = max(tables, key=lambda each: each["saved"].var(ddof=0) if len(each) else 0.0)
        return table.assign(**_deep_weeks(table["saved"].to_numpy()))
    days = _promotion_days(encounters, calendar)
    table = _table(encounters, _most_begin(encounters, days))
    return table.assign(promoted=_shares(encounters, table, days), unclear=False)


def weeks_of(encounters: Encounters, weeks: pd.DataFrame) -> np.ndarray:
    """Week of each order of a customer who was there before that week; -1 for all other orders, shape (n,).

    Parameters
    ----------
    weeks
        As of ``weekly_orders``.
    """
    if not len(weeks):
        return np.full(len(encounters), -1)
    begins = (weeks["start"].to_numpy()[0].astype("datetime64[D]") - np.datetime64(encounters.start, "D")).astype(int)
    week = (encounters.day - begins) // DAYS_PER_WEEK
    there_before = week > np.repeat(week[encounters.first], encounters.count)
    return np.where(there_before & (week >= 0) & (week < len(weeks)), week, -1)


def _table(encounters: Encounters, begins: int) -> pd.DataFrame:
    """All but ``promoted``, in weeks that begin so many days after the window does."""
    count = max((encounters.end_day + 1 - begins) // DAYS_PER_WEEK, 0)
    start = np.datetime64(encounters.start, "D") + begins + np.arange(count) * DAYS_PER_WEEK
    born = np.sort((encounters.day[encounters.first] - begins) // DAYS_PER_WEEK)
    there = np.searchsorted(born, np.arange(count), side="left")
    needed = FEWEST_THERE if encounters.births_known else max(FEWEST_THERE, len(born) / 2)
    table = pd.DataFrame({"start": start, "there": there})[there >= needed].reset_index(drop=True)
    week = weeks_of(encounters, table)
    inside = week >= 0
    listed, paid = (
        np.bincount(week[inside], weights=values[inside], minlength=len(table))
        for values in (encounters.listed, encounters.paid)
    )
    saved = np.divide(listed - paid, listed, out=np.zeros(len(table)), where=listed > 0)
    table.insert(0, "week", np.arange(len(table)))
    return table.assign(orders=np.bincount(week[inside], minlength=len(table)), saved=saved)


def _from_monday(encounters: Encounters) -> list[int]:
    """Days from the window's first one to the first Monday, the first Tuesday, and so on."""
    return [(weekday - encounters.start.weekday()) % DAYS_PER_WEEK for weekday in range(DAYS_PER_WEEK)]


def _deep_weeks(saved: np.ndarray) -> dict[str, np.ndarray]:
    """Promoted weeks, and unclear ones: neither deep nor usual, or beside such a week and not as deep as the deepest.

    A promotion that begins in the middle of a week makes two neighbours of that kind.
    """
    if not saved.size:
        return {"promoted": saved, "unclear": np.zeros(0, dtype=bool)}
    above = saved - np.median(saved)
    usual = max(ROBUST_SDS * 1.4826 * float(np.median(np.abs(above))), 1e-9)
    deepest = float(np.sort(above)[-FEWEST_PROMOTED:].mean())
    raised = above > max(usual, UNCLEAR * deepest)
    beside = np.r_[False, raised[:-1]] | np.r_[raised[1:], False]
    promoted = (above > max(usual, DEEP * deepest)) & ~(beside & (above < WHOLE * deepest))
    return {"promoted": promoted.astype(float), "unclear": raised & ~promoted}


def _promotion_days(encounters: Encounters, calendar: pd.DataFrame) -> np.ndarray:
    """Whether each day of the window is in a promotion."""
    first, last = (pd.to_datetime(calendar[name]).to_numpy().astype("datetime64[D]") for name in ("start", "end"))
    days = np.datetime64(encounters.start, "D") + np.arange(encounters.end_day + 1)
    return ((days[:, None] >= first) & (days[:, None] <= last)).any(axis=1)


def _runs(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First day of each promotion, and the day after its last one."""
    edges = np.diff(np.r_[0, days.astype(int), 0])
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _most_begin(encounters: Encounters, days: np.ndarray) -> int:
    """Days from the window's first one to the first weekday on which most promotions begin; Monday without any."""
    first, _ = _runs(days)
    seen = first[first > 0]
    in_order = _from_monday(encounters)
    often = np.bincount((seen + encounters.start.weekday()) % DAYS_PER_WEEK, minlength=DAYS_PER_WEEK)
    return in_order[int(often.argmax())]


def _shares(encounters: Encounters, table: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    """Share of each week that is in a promotion: of its days, or of those of a usual shorter promotion."""
    first, last = _runs(days)
    usual = min(float(np.median(last - first)), DAYS_PER_WEEK) if first.size else DAYS_PER_WEEK
    begins = (table["start"].to_numpy().astype("datetime64[D]") - np.datetime64(encounters.start, "D")).astype(int)
    covered = days[begins[:, None] + np.arange(DAYS_PER_WEEK)].sum(axis=1)
    return np.minimum(covered / usual, 1.0)


def week_design(promoted: np.ndarray, unclear: np.ndarray | None = None) -> pd.DataFrame:
    """The regression's columns: those of ``NAMED`` that there are, as shares of each week, level, trend and seasons.

    Parameters
    ----------
    promoted
        Share of each week that is in a promotion, shape (weeks,). A week that a promotion begins or ends in counts in
        part as promoted, and in part as before or after it.
    unclear
        Weeks of which nobody knows, which are compared with nothing, shape (weeks,) bool.

    Raises
    ------
    Unavailable
        Where hardly any week is left to compare promotion weeks with, or none is near most of them.

    Examples
    --------
    >>> week_design(np.arange(104) % 8 == 0).columns.tolist()[:5]
    ['promoted', 'before', 'after', 'long_before', 'level']
    """
    promoted = np.asarray(promoted, dtype=float)
    unclear = np.zeros(len(promoted), dtype=bool) if unclear is None else unclear
    columns, taken = {"promoted": promoted}, np.where(unclear, 1.0, promoted)
    for name, shifts in AROUND.items():
        # Rounded, so that what is left of a week of which every day is taken is nothing.
        shifted = sum(pd.Series(promoted).shift(shift, fill_value=0.0).to_numpy() for shift in shifts)
        columns[name] = np.round(np.minimum(shifted, 1 - taken), 9)
        taken = taken + columns[name]
    t = np.arange(len(promoted)) / WEEKS_PER_YEAR
    trend = {"level": np.ones(len(promoted)), "trend": t - t.mean(), "bend": (t - t.mean()) ** 2}
    if len(promoted) >= SEASONS_NEED_WEEKS:
        trend |= {f"{f.__name__}{k}": f(2 * np.pi * k * t) for k in (1, 2) for f in (np.cos, np.sin)}
    if unclear.any():
        trend["unclear"] = unclear.astype(float)
    design = pd.DataFrame({name: values for name, values in columns.items() if values.any()} | trend)
    others, weeks = np.flatnonzero(taken == 0), np.flatnonzero(promoted > 0)
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


@dataclass(frozen=True)
class Participants:
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


def participants_of(encounters: Encounters, weeks: pd.DataFrame, draws: int, rng: np.random.Generator) -> Participants:
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
    return Participants(float(point[0]), float(point[1]), *drawn)


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
