"""Promotion weeks and the weeks around them: which they are, and what they can be compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.strategies.evidence.encounters import DAYS_PER_WEEK, Encounters

FEWEST_PROMOTED = 3
ROBUST_SDS = 1.5
SEASONS_NEED_WEEKS = 104
WEEKS_PER_YEAR = 365.25 / DAYS_PER_WEEK
AROUND = {"before": (-1,), "after": (1, 2), "long_before": (-3, -4)}
"""Weeks around a promotion week that are looked at apart; the last are the placebo's."""
FEWEST_OTHERS, NEAR = 6, 8
"""Weeks beside promotions and the weeks around them, and how many weeks from a promotion one still tells of it."""


@dataclass(frozen=True)
class WeekDesign:
    """The regression's columns.

    Attributes
    ----------
    names
        Of the leading columns: ``promoted``, then those of ``AROUND`` that there are.
    columns
        These, then level, trend and seasons, shape (weeks, k).
    others
        Weeks in none of the named columns, with which those are compared.
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


def week_design(promoted: np.ndarray) -> WeekDesign | None:
    """The columns for promotion weeks, shape (weeks,) bool; None where these have no others to be compared with.

    Where promotions follow each other so closely that the weeks around them leave hardly any other week, those count
    among the others.

    Examples
    --------
    >>> eighth, third = (np.arange(104) % every == 0 for every in (8, 3))
    >>> week_design(eighth).names, week_design(third).names
    (('promoted', 'before', 'after', 'long_before'), ('promoted',))
    """
    designs = (_with(promoted, AROUND), _with(promoted, {}))
    return next((design for design in designs if design.stands), None)


def _with(promoted: np.ndarray, around) -> WeekDesign:
    count = len(promoted)
    near, columns = promoted.copy(), {"promoted": promoted}
    for name, shifts in around.items():
        there = np.zeros(count, dtype=bool)
        for shift in shifts:
            there |= _shifted(promoted, shift)
        columns[name] = there & ~near
        near |= there
    t = np.arange(count) / WEEKS_PER_YEAR
    trend = [np.ones(count), t - t.mean(), (t - t.mean()) ** 2]
    if count >= SEASONS_NEED_WEEKS:
        trend += [f(2 * np.pi * k * t) for k in (1, 2) for f in (np.cos, np.sin)]
    kept = tuple(name for name, values in columns.items() if values.any())
    table = np.column_stack([*(columns[name].astype(float) for name in kept), *trend])
    return WeekDesign(kept, table, ~near, bool(around))


def _shifted(promoted: np.ndarray, by: int) -> np.ndarray:
    found = np.zeros_like(promoted)
    if by > 0:
        found[by:] = promoted[:-by]
    else:
        found[:by] = promoted[-by:]
    return found


def separate_promotions(promoted: np.ndarray) -> int:
    """Runs of promotion weeks.

    >>> separate_promotions(np.array([True, True, False, True]))
    2
    """
    return int(promoted[0]) + int((promoted[1:] & ~promoted[:-1]).sum())


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
