"""The columns of the regression on promotion weeks: what these, and the weeks around them, are compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.strategies.evidence.encounters import DAYS_PER_WEEK

FEWEST_PROMOTED = 3
SEASONS_NEED_WEEKS = 100
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
        columns[name] = np.round(np.minimum(sum(_shifted(promoted, shift) for shift in shifts), 1 - taken), 9)
        taken = taken + columns[name]
    t = np.arange(count) / WEEKS_PER_YEAR
    trend = [np.ones(count), t - t.mean(), (t - t.mean()) ** 2]
    if count >= SEASONS_NEED_WEEKS:
        trend += [f(2 * np.pi * k * t) for k in (1, 2) for f in (np.cos, np.sin)]
    if unclear.any():
        trend.append(unclear.astype(float))
    kept = tuple(name for name, values in columns.items() if values.any())
    return WeekDesign(kept, np.column_stack([*(columns[name] for name in kept), *trend]), taken == 0, bool(around))


def _shifted(values: np.ndarray, by: int) -> np.ndarray:
    found = np.zeros_like(values)
    if by > 0:
        found[by:] = values[:-by]
    else:
        found[:by] = values[-by:]
    return found


def separate_promotions(promoted: np.ndarray) -> int:
    """Runs of weeks with a promotion in them.

    >>> separate_promotions(np.array([1.0, 0.5, 0.0, 1.0]))
    2
    """
    there = np.asarray(promoted) > 0
    return int(there[0]) + int((there[1:] & ~there[:-1]).sum())
