"""What a new customer is worth against one who is kept: the break-even behind claims about the cost of keeping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from analysis.interval import Interval
from analysis.models.estimate import MODELS, params_draws, params_of
from analysis.value.base_grid import base_grid
from analysis.value.readings import Choice
from analysis.value.worlds import Market, World

if TYPE_CHECKING:
    from analysis.claims.evidence import Evidence

DRAWS, FEWEST_DRAWS, HISTORIES = 400, 60, 2e6
"""As many draws as the lift has, so that the same quantity has the same interval in both; fewer for many histories."""
MOST_CUSTOMERS = 30_000


@dataclass(frozen=True)
class Worth:
    """Discounted contribution over the configured horizon under one purchase model.

    Attributes
    ----------
    new
        Of an average new customer, the first order included [currency].
    kept
        Of an average customer of today's base who is alive, and whose future orders would be lost with them [currency].
    new_over_kept
        How many times as much a new customer may cost as keeping one, at equal return; None where those who are kept
        may bring nothing.
    alive
        Customers alive today.
    """

    new: Interval
    kept: Interval
    new_over_kept: Interval | None
    alive: Interval


def worths(evidence: Evidence) -> Mapping[str, Worth]:
    """By purchase model, what a new and a kept customer are worth; needs money and known births."""
    summary, spend, config = evidence.transactions.summary, evidence.spend, evidence.config
    rows = evidence.some_customers(MOST_CUSTOMERS, stream=11)
    grid = base_grid(replace(summary, table=summary.table.iloc[rows]), config.model.time_unit)
    new, base = (
        Choice(gain=0.0, scope=scope, profit="contribution", horizon_years=float(config.economics.horizon_years))
        for scope in ("new_customer", "base")
    )
    market = Market(config, (new, base), None, None)
    draws = int(np.clip(HISTORIES / len(grid.patterns), FEWEST_DRAWS, DRAWS))
    moneys = [None] * (draws + 1)
    if spend.posterior is not None:
        moneys = [np.array(list(spend.fit.parameters.values())), *spend.posterior.draws[:draws]]
    found = {}
    for fit in evidence.purchase.fits:
        points = [params_of(fit), *params_draws(evidence.posteriors[fit.model], MODELS[fit.model], draws)]
        worlds = [
            World(fit.model, params, spend, money, grid, market, market.ledger)
            for params, money in zip(points, moneys, strict=True)
        ]
        values = np.array([[world.outcome(choice).profit_before for choice in (new, base)] for world in worlds])
        alive = np.array([world.base.customers.sum() for world in worlds])
        found[fit.model] = _worth(values[:, 0], values[:, 1] / alive, alive * len(summary) / len(rows), evidence.level)
    return found


def _worth(new: np.ndarray, kept: np.ndarray, alive: np.ndarray, level: float) -> Worth:
    columns = {"new": new, "kept": kept, "alive": alive}
    if np.all(kept > 0):
        columns["new_over_kept"] = new / kept
    found = {name: Interval.around(column[0], column[1:], level) for name, column in columns.items()}
    return Worth(**({"new_over_kept": None} | found))
