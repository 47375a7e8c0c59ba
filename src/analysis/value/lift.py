"""By how much profit rises when retention does: one number and interval for each reading of the claim and each model.

Everything is computed for every posterior draw on a few states, so that the interval of a lift is that of the lift
itself and not of its parts. The purchase models are never mixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from analysis.data import Note
from analysis.interval import Interval
from analysis.models.estimate import MODELS, params_draws, params_of
from analysis.models.results import Posterior, PurchaseFit, PurchaseResult, SpendResult
from analysis.timeunits import DAYS_PER_YEAR
from analysis.value.base_grid import BaseGrid, base_grid
from analysis.value.history import births_unknown
from analysis.value.readings import Choice, named_choice, readings_that_matter
from analysis.value.results import Lift, RetentionLift
from analysis.value.worlds import Market, Outcome, World

if TYPE_CHECKING:
    from analysis.config import Config
    from analysis.data import CustomerSummary, Transactions
    from analysis.value.retention import ModelRetention

CLAIMED = (0.25, 0.95)
"""The lift that the claim promises."""
MAY_BE_UNPROFITABLE = 0.01
"""Probability of a profit of zero or less above which a lift in per cent means nothing."""
DRAWS, FEWEST_DRAWS, HISTORIES_PER_BASE = 400, 200, 2e7


def retention_lift(
    summary: CustomerSummary,
    purchase: PurchaseResult,
    spend: SpendResult,
    config: Config,
    *,
    new_customers_per_year: float | None = None,
    growth: Interval | None = None,
    choices: Sequence[Choice] | None = None,
) -> RetentionLift:
    """The lift under each model, for the given readings or for those that matter.

    Parameters
    ----------
    new_customers_per_year
        As observed; a configured number beats it. None: the firm's profit stays open.
    growth
        Yearly growth of order values among the same customers; None: growing margins stay open.
    choices
        Readings of the claim; None for ``readings_that_matter``.
    """
    named = named_choice(config)
    choices = tuple(readings_that_matter(config)) if choices is None else tuple(dict.fromkeys(choices))
    configured = config.retention.new_customers_per_year
    joining = new_customers_per_year if configured is None else configured
    market = Market(config, choices, joining, growth)
    grid = base_grid(summary, config.model.time_unit)
    posteriors = {purchase.primary.model: purchase.posterior, **purchase.challenger_posteriors}
    with ThreadPoolExecutor(len(purchase.fits)) as pool:
        found = list(pool.map(lambda fit: _lifts(fit, posteriors[fit.model], spend, grid, market), purchase.fits))
    return RetentionLift(
        named=named,
        lifts=tuple(lift for of_choice in zip(*found, strict=True) for lift in of_choice),
        models=tuple(fit.model for fit in purchase.fits),
        new_customers_per_year=joining,
        growth_per_year=growth,
    )


def _lifts(
    fit: PurchaseFit, posterior: Posterior, spend: SpendResult, grid: BaseGrid, market: Market
) -> tuple[Lift, ...]:
    most = most_draws(grid) if market.needs_base else DRAWS
    outcomes = np.array(
        [
            [world.outcome(choice) for choice in market.choices]
            for world in worlds(fit, posterior, spend, grid, market, most)
        ]
    )
    return tuple(
        _lift(choice, fit.model, Outcome(*outcomes[:, place].T), market) for place, choice in enumerate(market.choices)
    )


def most_draws(grid: BaseGrid) -> int:
    """Posterior draws of which the base is looked at: fewer where it has many histories."""
    return int(np.clip(HISTORIES_PER_BASE / len(grid.patterns), FEWEST_DRAWS, DRAWS))


def worlds(
    fit: PurchaseFit, posterior: Posterior, spend: SpendResult, grid: BaseGrid, market: Market, most: int
) -> Iterator[World]:
    """The world at the fit, then that of each of the first ``most`` posterior draws."""
    draws = params_draws(posterior, MODELS[fit.model], most)
    spending = [None] * len(draws) if spend.posterior is None else spend.posterior.draws[: len(draws)]
    growth = market.growth_draws(len(draws))
    at_fit = None if spend.posterior is None else np.array(list(spend.fit.parameters.values()))
    guesses: dict = {}
    yield World(fit.model, params_of(fit), spend, at_fit, grid, market, market.ledger, guesses)
    for params, money, grown in zip(draws, spending, growth, strict=False):
        yield World(fit.model, params, spend, money, grid, market, market.with_growth(grown), guesses)


def _lift(choice: Choice, model: str, found: Outcome, market: Market) -> Lift:
    """One reading's outcomes, the first at the fit and the rest by posterior draw, as a lift."""
    level, before = market.level, found.profit_before
    if reason := market.why_not(choice):
        return _without_lift(choice, model, reason)
    shown = {"profit_before": _interval(before, level), "retention_before": _interval(found.retention_before, level)}
    possible = np.isfinite(found.profit_after)
    if not possible[0] or np.mean(~possible[1:]) > MAY_BE_UNPROFITABLE:
        return _without_lift(choice, model, "lift.reason.cannot_rise", **shown)
    gain = found.profit_after - before
    shown |= {
        "gain": _interval(gain[possible], level),
        "retention_after": _interval(found.retention_after[possible], level),
        "break_even_cost": _break_even((gain / found.customer_years)[possible] + market.paid(choice), level),
    }
    unprofitable = float(np.mean(before[1:] <= 0))
    if unprofitable > MAY_BE_UNPROFITABLE or before[0] <= 0:
        return _without_lift(choice, model, "lift.reason.no_profit", p_unprofitable=unprofitable, **shown)
    lifts = np.where(possible & (before > 0), gain / np.where(before > 0, before, 1.0), np.nan)
    drawn = lifts[1:]
    return Lift(
        choice=choice,
        model=model,
        lift=_interval(lifts[np.isfinite(lifts)], level),
        p_in_range=share_within(drawn, *CLAIMED),
        p_above=share_within(drawn, np.nextafter(CLAIMED[1], 2), np.inf),
        p_below=share_within(drawn, -np.inf, np.nextafter(CLAIMED[0], 0)),
        p_unprofitable=unprofitable,
        draws=drawn,
        **shown,
    )


def _break_even(costs: np.ndarray, level: float) -> Interval | None:
    """The most that keeping may cost; None where the rise brings nothing, so that there is no such cost."""
    return _interval(costs, level) if costs[0] > 0 else None


def share_within(draws: np.ndarray, low: float, high: float) -> float:
    """Share of draws in [low, high]; a draw that is NaN lies nowhere.

    >>> share_within(np.array([0.1, 0.3, np.nan, 0.5]), 0.25, 0.95)
    0.5
    """
    return float(np.mean((draws >= low) & (draws <= high)))


def _interval(values: np.ndarray, level: float) -> Interval:
    """The first value is the estimate, the others are draws."""
    return Interval.around(values[0], values[1:], level)


def _without_lift(choice: Choice, model: str, reason: str, p_unprofitable: float = float("nan"), **shown) -> Lift:
    open_fields = dict.fromkeys(
        ("gain", "profit_before", "retention_before", "retention_after", "break_even_cost"), None
    )
    return Lift(
        choice=choice,
        model=model,
        lift=None,
        p_in_range=float("nan"),
        p_above=float("nan"),
        p_below=float("nan"),
        p_unprofitable=p_unprofitable,
        reason=reason,
        **(open_fields | shown),
    )


def new_customers_observed(transactions: Transactions) -> float | None:
    """Customers whose first order falls into the last year of the data; None where that cannot be known.

    It cannot where the data span less than a year, or where many customers may have bought before they begin.
    """
    span = (transactions.observation_end - transactions.observation_start).days + 1
    if span < DAYS_PER_YEAR or births_unknown(transactions):
        return None
    return float((transactions.summary.table["T_days"] < DAYS_PER_YEAR).sum())


def why_no_lift(transactions: Transactions, retention: ModelRetention) -> Note | None:
    """Why these data cannot say what retention is worth; None where they can."""
    if not transactions.has_money:
        return Note("lift.reason.no_money")
    if unknown := births_unknown(transactions):
        return Note("lift.reason.births_unknown", dict(unknown.numbers))
    if not retention.reaches_a_year:
        return Note("lift.reason.shorter_than_a_year", {"days": retention.oldest_age_years * DAYS_PER_YEAR})
    return None
