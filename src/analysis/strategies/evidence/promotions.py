"""The promotional bump: orders in promotion weeks, and the dips before and after them.

Orders of customers who were there before the week are regressed on promotion weeks, the week before them, the two after
them, and a trend: Poisson's pseudo-likelihood with a log link and the number of these customers as exposure, so that
newcomers, and a base that grows, are no lift. Errors allow for neighbouring weeks being alike and for any spread (Newey
& West 1987). Placebo: the third and fourth week before a promotion,
which nobody can have moved an order from or to. Where promotions follow so closely that these weeks leave hardly any
other to compare with, promotion weeks are compared with all others: dips and placebo are then unknown, and the rise is
no more than an association.

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
from typing import Any

import numpy as np
import pandas as pd

from analysis.config.assumptions import BY_NAME
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.strategies.dynamics import LIFT_IS_STATED_AT, Estimate
from analysis.strategies.evidence.encounters import DAYS_PER_WEEK, Encounters, too_few
from analysis.strategies.evidence.findings import Finding, Part, normal_interval, transformed
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
    ``promotional_lift`` (extra orders of those who take part, at 20% depth), where they are told; ``around`` (whether
    weeks around promotions could be told from others; if not they count among these, and the rise is too large by what
    was moved from them).

    Parameters
    ----------
    calendar
        Promotions, with columns start and end (days, both included); without it a promotion week is one that saved
        more than half way from the median week to the three deepest, and at least 1.5 robust standard deviations
        above the median; one that saved less, but a quarter of the way, is compared with nothing.

    Raises
    ------
    Unavailable
        Where these weeks do not show it: too few, hardly any with a promotion or without, or hardly any order in them.
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
    if design is None:
        raise Unavailable(
            "Near most promotion weeks there is no other week that says what would have been ordered without.",
            code="evidence.reason.promotions_without_others",
        )
    return _bump(encounters, weeks, design, level, np.random.default_rng([seed, 47]), calendar)


def _notes(lift: Finding, found: Mapping[str, Any], calendar: pd.DataFrame | None) -> Iterator[Message]:
    """What is worth saying of the promotion weeks, and of the lift where it is larger than any in the literature."""
    numbers, most = lift.details, BY_NAME["promotional_lift"].high
    if calendar is None:
        yield Message(
            "Promotion weeks are those with unusually deep discounts ({weeks:weeks}); holidays may be among them. "
            "Orders that use them save {depth:percent1} of the price more than usual ones.",
            weeks=numbers["weeks"], depth=numbers["depth"]
        )  # fmt: skip
    elif numbers["depth"] == 0:
        yield Message(
            "How much the promotions of the calendar save is not known, so the rise in orders cannot be stated for a "
            "depth of 20%, and what is assumed of promotions stays.",
            code="evidence.note.calendar_alone",
        )
    if numbers["unclear"]:
        yield Message(
            "Weeks in which more was saved than usual and less than in promotion weeks ({weeks:integer}) are compared "
            "with nothing. A calendar (`strategies.promotions`) tells what such weeks are.",
            weeks=numbers["unclear"],
        )
    if not found["around"]:
        yield Message(
            "Promotions follow each other so closely that hardly any week is beside them. The rise is too large by the "
            "orders that were moved into a promotion, and no placebo can be made.",
            code="evidence.note.promotions_too_close",
        )
    told = found.get("promotional_lift")
    if lift.verdict == "estimate" and told is not None and told.lower > 0 and told.estimate > most:
        yield Message(
            "By these data those who take part in a promotion of 20% order {lift:interval percent} more, above the "
            "{most:percent} of the literature (Bijmolt et al. 2005). If something else falls into promotion weeks, "
            "that is too much: `strategies.assumptions.promotional_lift` states what is to count instead.",
            code="evidence.note.lift_beyond_literature", lift=told, most=most
        )  # fmt: skip


def _kept(lift: Finding, calendar: pd.DataFrame | None) -> Message:
    """Why an assumption stays although the lift was found."""
    if lift.verdict == "association" and calendar is not None and lift.details["depth"] == 0:
        return Message("how much promotions save is not known", code="evidence.kept.depth_unknown")
    if lift.verdict == "estimate":
        return Message(
            "promotions are too shallow, or their dips too unclear", code="evidence.kept.too_shallow_or_unclear"
        )
    if lift.verdict == "association" and lift.placebo is not None and not _is_telling(lift.details):
        return Message("too few separate promotions, or too shallow ones", code="evidence.kept.few_or_shallow")
    return lift.kept


def _bump(encounters, weeks: pd.DataFrame, design: WeekDesign, level: float, rng, calendar) -> Part:
    point, covariance = _coefficients(weeks, design)
    place = {name: k for k, name in enumerate(design.told)}
    on_log = {name: normal_interval(point[k], np.sqrt(covariance[k, k]), level) for name, k in place.items()}
    drawn = rng.multivariate_normal(point, covariance, DRAWS, method="eigh")
    who = participants_of(encounters, weeks, DRAWS, rng)
    promoted = weeks["promoted"].to_numpy()
    details = {"promotions": separate_promotions(promoted), "weeks": round(float(promoted.sum())), "depth": who.depth}
    details["unclear"] = int(weeks["unclear"].sum())
    ratio = {name: transformed(each, np.expm1) for name, each in on_log.items()}
    counts = int(weeks["there"].max()), int(weeks["orders"].sum())
    lift = Finding.of("bump.lift", ratio["promoted"], ratio.get("long_before"), counts, sign=1)
    if lift.verdict in ("estimate", "opposite") and not _is_telling(details):
        lift = replace(lift, verdict="association")
    lift, draws = replace(lift, details=details), {}
    reach = float(reach_of(who.orders, lift.estimate.estimate))
    found = {"weeks": weeks, "depth": who.depth, "reach": reach, "around": design.around}
    if lift.estimate.lower > 0:
        shares, draws = (_missing(rows, place, design) for rows in (point[None, :], drawn))
        found |= {name: Interval.around(shares[name][0], draws[name], level) for name in draws}
        lifts = _of_participants(lift.estimate.estimate, np.expm1(drawn[:, place["promoted"]]), who, level)
        if lifts is not None:
            found["promotional_lift"], draws["promotional_lift"] = lifts
    estimates = {
        name: Estimate(found[name].estimate, float(np.std(draws[name])), draws[name])
        for name in ("promotional_lift", "borrowed")
        if lift.verdict == "estimate" and name in found and found[name].lower > 0
    }
    kept = {name: _kept(lift, calendar) for name in ("promotional_lift", "borrowed") if name not in estimates}
    return Part((lift,), found, estimates, kept=kept, notes=tuple(_notes(lift, found, calendar)))


def _is_telling(details: Mapping[str, float]) -> bool:
    return details["promotions"] >= FEWEST_SEPARATE and details["depth"] >= LEAST_DEPTH


def _coefficients(weeks: pd.DataFrame, design: WeekDesign) -> tuple[np.ndarray, np.ndarray]:
    """Of the columns that tell something, with their covariance."""
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM

    exposure = weeks["there"].to_numpy().astype(float)
    model = GLM(weeks["orders"].to_numpy().astype(float), design.columns, family=Poisson(), exposure=exposure)
    fitted = model.fit(cov_type="HAC", cov_kwds={"maxlags": LAGS, "use_correction": True})
    told = [design.names.index(name) for name in design.told]
    return fitted.params[told], fitted.cov_params()[np.ix_(told, told)]


def _missing(points: np.ndarray, place, design: WeekDesign) -> dict[str, np.ndarray]:
    """Orders missing before and after as shares of the extra ones, by row of coefficients, where they are told."""

    def change(name: str) -> np.ndarray:
        return np.expm1(points[:, place[name]]) * design.columns[:, design.names.index(name)].sum()

    extra = change("promoted")
    found = {name: -change(name) / extra for name in ("before", "after") if name in place}
    return found | ({"borrowed": found["before"] + found["after"]} if len(found) == 2 else {})


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


@dataclass(frozen=True)
class WeekDesign:
    """The regression's columns.

    Attributes
    ----------
    names
        Of the leading columns: ``promoted``, then those of ``AROUND`` that there are.
    columns
        These as shares of each week, then level, trend and seasons, and one for weeks of which it is unknown whether
        they are promoted, shape (weeks, k).
    others
        Weeks that are in none of the named columns, with which those are compared.
    around
        Whether the weeks around promotions have their own columns, or count among the others.
    """

    names: tuple[str, ...]
    columns: np.ndarray
    others: np.ndarray
    around: bool

    @property
    def told(self) -> tuple[str, ...]:
        """Named columns of as many weeks as a coefficient needs for its error to be known."""
        return tuple(name for k, name in enumerate(self.names) if self.columns[:, k].sum() >= FEWEST_PROMOTED)

    @property
    def stands(self) -> bool:
        """Whether the columns can be told apart, by enough other weeks, and most promotion weeks have one near."""
        promoted = self.columns[:, 0] > 0
        where = np.flatnonzero(self.others)
        if where.size < FEWEST_OTHERS:
            return False
        distance = np.abs(np.flatnonzero(promoted)[:, None] - where).min(axis=1)
        return bool(np.median(distance) <= NEAR and np.linalg.matrix_rank(self.columns) == self.columns.shape[1])


def week_design(promoted: np.ndarray, unclear: np.ndarray | None = None) -> WeekDesign | None:
    """The columns for promotion weeks; None where these have no others to be compared with.

    Where promotions follow each other so closely that the weeks around them leave hardly any other week, those count
    among the others.

    Parameters
    ----------
    promoted
        Share of each week that is in a promotion, shape (weeks,). A week that a promotion begins or ends in counts in
        part as promoted, and in part as before or after it.
    unclear
        Weeks of which nobody knows, which are compared with nothing, shape (weeks,) bool.

    Examples
    --------
    >>> eighth, third = (np.arange(104) % every == 0 for every in (8, 3))
    >>> week_design(eighth).names, week_design(third).names
    (('promoted', 'before', 'after', 'long_before'), ('promoted',))
    """
    unclear = np.zeros(len(promoted), dtype=bool) if unclear is None else unclear
    designs = (_with(np.asarray(promoted, dtype=float), unclear, around) for around in (AROUND, {}))
    return next((design for design in designs if design.stands), None)


def _with(promoted: np.ndarray, unclear: np.ndarray, around) -> WeekDesign:
    count = len(promoted)
    columns, taken = {"promoted": promoted}, np.where(unclear, 1.0, promoted)
    for name, shifts in around.items():
        # Rounded, so that what is left of a week of which every day is taken is nothing.
        shifted = sum(pd.Series(promoted).shift(shift, fill_value=0.0).to_numpy() for shift in shifts)
        columns[name] = np.round(np.minimum(shifted, 1 - taken), 9)
        taken = taken + columns[name]
    t = np.arange(count) / WEEKS_PER_YEAR
    trend = [np.ones(count), t - t.mean(), (t - t.mean()) ** 2]
    if count >= SEASONS_NEED_WEEKS:
        trend += [f(2 * np.pi * k * t) for k in (1, 2) for f in (np.cos, np.sin)]
    if unclear.any():
        trend.append(unclear.astype(float))
    kept = tuple(name for name, values in columns.items() if values.any())
    return WeekDesign(kept, np.column_stack([*(columns[name] for name in kept), *trend]), taken == 0, bool(around))


def separate_promotions(promoted: np.ndarray) -> int:
    """Runs of weeks with a promotion in them.

    >>> separate_promotions(np.array([1.0, 0.5, 0.0, 1.0]))
    2
    """
    return len(_runs(np.asarray(promoted) > 0)[0])


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
