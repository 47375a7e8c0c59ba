"""Promotion weeks: which they are, and what customers who were there before ordered in them.

A customer's first order is none that a promotion added to what the customer would have ordered anyway: who was won is
another question. Counted are the orders of customers who had ordered before the week began, beside their number. Weeks
begin on the weekday on which most promotions do; without a calendar, on that under which weeks differ most in the share
that was saved. Neither looks at how many orders there were.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.strategies.evidence.encounters import DAYS_PER_WEEK, Encounters
from analysis.strategies.evidence.week_design import FEWEST_PROMOTED

ROBUST_SDS = 1.5
UNCLEAR, DEEP, WHOLE = 0.25, 0.5, 0.85
"""Of the way from the median week to the deepest: from where on one is unclear, promoted, and surely promoted whole."""
FEWEST_THERE = 50
"""Customers who ordered before a week, below whom it is not looked at."""


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
