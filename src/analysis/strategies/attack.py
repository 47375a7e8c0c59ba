"""A rival's attack on lives in progress: who is taken, and when."""

from __future__ import annotations

import numpy as np

from analysis.strategies.dynamics import taken_hazard
from analysis.strategies.lives import Lives
from analysis.strategies.schedule import Exposure

BISECTIONS = 40


def moments_taken(lives: Lives, exposure: Exposure, since: np.ndarray, until: np.ndarray) -> np.ndarray:
    """When a rival takes a customer between two moments, shape (S, n); without bound where none does.

    The hazard depends on the week and on the bond, which does not change between the moments. What it adds up to is
    remembered; a customer is taken where the sum reaches the customer's own threshold.
    """
    path, state = lives.path, lives.state
    row = np.arange(len(since))[:, None]
    hazards = [
        taken_hazard(path["pull"], exposure.rival_depth, own[:, None], path["shield"], state["bond"])
        for own in (exposure.own_quiet, exposure.own_promoted)
    ]
    added = _added(exposure, hazards, row, since, until)
    missing = path["threshold"] - state["threat"]
    state["threat"] += added
    taken = np.full(since.shape, np.inf)
    reached = np.flatnonzero((state["here"] & (added >= missing) & (added > 0)).ravel())
    if reached.size:
        of = [hazard.ravel()[reached] for hazard in hazards]
        strategy = reached // since.shape[1]
        low, high = since.ravel()[reached], until.ravel()[reached]
        taken.ravel()[reached] = _crossing(exposure, of, strategy, low, high, missing.ravel()[reached])
    return taken


def _crossing(exposure: Exposure, hazards, strategy, since, until, missing) -> np.ndarray:
    low, high = since, until
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        reached = _added(exposure, hazards, strategy, since, middle) >= missing
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return low


def _added(exposure: Exposure, hazards, row, since, until) -> np.ndarray:
    """Hazard between two moments, summed over quiet and promotion weeks of the attack."""
    tables = (exposure.quiet, exposure.promoted)
    weeks = [_at(table, row, until) - _at(table, row, since) for table in tables]
    return sum(hazard * time for hazard, time in zip(hazards, weeks, strict=True))


def _at(table: np.ndarray, row, time) -> np.ndarray:
    """A table of totals at the start of each week, at any moments; linear within a week."""
    bounded = np.clip(time, 0.0, table.shape[1] - 1)
    week = np.minimum(bounded.astype(int), table.shape[1] - 2)
    start = table[row, week]
    return start + (bounded - week) * (table[row, week + 1] - start)
