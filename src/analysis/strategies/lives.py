"""The customers whose lives are simulated: today's, drawn by what they are expected to bring, and new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.config.assumptions import CUSTOMER_TYPES
from analysis.config.strategies import Strategy
from analysis.models.registry import MODELS
from analysis.strategies.dynamics import LIFT_IS_STATED_AT
from analysis.strategies.schedule import Schedule
from analysis.strategies.simulation import BINS, Lives, World
from analysis.time import TimeUnit, from_days, to_days

if TYPE_CHECKING:
    from analysis.data import CustomerSummary
    from analysis.models.fits import PurchaseFit
    from analysis.models.spend import SpendFit

ORDERS_AT_MOST = 600_000
"""Orders of lives of today's customers, on today's path."""
FEWEST, MOST, NEW = 30, 50, 25
"""Lives for each draw: of today's customers, and of new ones."""
LOWEST_SHARE = 0.1
"""Of the lives are drawn evenly, so that who brings next to nothing stands in them too."""
SEGMENT_ENDS = (0.1, 0.5)


def base_lives(
    fit: PurchaseFit, spend: SpendFit, expected: np.ndarray, world: World, kinds: np.ndarray | None = None
) -> Lives:
    """Today's customers: so many for each draw, each with a chance in proportion to what it is expected to bring.

    Parameters
    ----------
    fit, spend
        The fitted models; the fit holds the customers.
    expected
        Expected orders within the horizon, of each customer, shape (customers,).
    kinds
        Number of every customer's type, shape (customers,); -1 where unknown.
    """
    histories, model, unit = fit.known_histories(), MODELS[fit.model], fit.time_unit
    x, recency, age, value = customers_of(histories, fit, spend)
    worth = np.maximum(expected * np.maximum(value, 0.0), 0.0)
    chance = (1 - LOWEST_SHARE) * worth / worth.sum() + LOWEST_SHARE / len(x)
    each = float(expected @ chance)
    count = int(np.clip(ORDERS_AT_MOST / (world.draws * max(each, 1.0)), FEWEST, MOST))
    edges, rng = np.cumsum(chance) / chance.sum(), np.random.default_rng([world.seed, 22])
    found = []
    for draw, params in enumerate(fit.draws(world.draws)):
        rows = np.searchsorted(edges, (np.arange(count) + rng.random()) / count)
        rows = np.minimum(rows, len(x) - 1)
        own = model.draw_customers(rng, params, x[rows], age[rows])
        alive = model.p_alive(params, x[rows], recency[rows], age[rows]) / (chance[rows] * count)
        found.append((np.full(count, draw), *own, alive, rows))
    draw, rate, at_orders, in_time, weight, rows = (np.concatenate(part) for part in zip(*found, strict=True))
    per_week = to_days(1.0, TimeUnit.WEEK) / to_days(1.0, unit)
    nobody = np.full(len(rows), -1)
    return Lives(
        draw=draw,
        rate=np.maximum(rate * per_week, 1e-30),
        at_orders=at_orders,
        in_time=in_time * per_week,
        value=value[rows] / (1 - world.economics.todays_deal),
        weight=weight,
        starts=np.zeros(len(rows)),
        orders=x[rows].astype(int) + 1,
        segment=ranks_of(worth)[rows],
        kind=nobody if kinds is None else np.asarray(kinds)[rows],
        mercenary=np.zeros(len(rows), dtype=bool),
    )


def customers_of(histories: CustomerSummary, fit: PurchaseFit, spend: SpendFit) -> tuple[np.ndarray, ...]:
    """Frequency, recency, T [time units of the fit] and expected order value [currency] of every customer."""
    table = histories.table
    x = table["frequency"].to_numpy()
    recency, age = (from_days(table[name].to_numpy(), fit.time_unit) for name in ("recency_days", "T_days"))
    return x, recency, age, spend.order_values(x, table["mean_repeat_value"].to_numpy(dtype=float))


def ranks_of(worth: np.ndarray) -> np.ndarray:
    """Place in ``SEGMENTS`` of every customer: by what is expected of it, known before anything is done."""
    rank = (np.argsort(np.argsort(-worth, kind="stable"), kind="stable") + 0.5) / len(worth)
    return np.searchsorted(SEGMENT_ENDS, rank)


def new_lives(
    fit: PurchaseFit, spend: SpendFit, world: World, coming_per_week: float, promoted: Strategy | None = None
) -> Lives:
    """New customers: those who come anyway, evenly over the horizon, or whom the promotion weeks of a strategy win."""
    model, rng = MODELS[fit.model], np.random.default_rng([world.seed, 23, promoted is not None])
    found = [model.draw_customers(rng, params, np.zeros(NEW), np.zeros(NEW)) for params in fit.draws(world.draws)]
    rate, at_orders, in_time = (np.concatenate(part) for part in zip(*found, strict=True))
    alive = np.array([float(model.p_alive(params, 0, 0.0, 0.0)) for params in fit.draws(world.draws)])
    count = len(rate)
    draw = np.repeat(np.arange(world.draws), NEW)
    place = (np.tile(rng.permutation(NEW), world.draws) + rng.random(count)) / NEW
    starts, weight, mercenary = place * world.horizon, coming_per_week * world.horizon / NEW, np.zeros(count, bool)
    if promoted is not None:
        weeks = np.flatnonzero(Schedule.of([promoted], world.weeks).promoted[0])
        at = rng.random(count) * len(weeks)
        starts = np.minimum(weeks[at.astype(int)] + at % 1, world.horizon)
        per_week = coming_per_week * world.parameters["won"] * promoted.promotion.depth / LIFT_IS_STATED_AT
        weight = (per_week * len(weeks) / NEW)[draw]
        mercenary = rng.random(count) < world.parameters["mercenary_share"][draw]
    value = float(spend.order_values(np.zeros(1, dtype=int), np.full(1, np.nan))[0])
    per_week = to_days(1.0, TimeUnit.WEEK) / to_days(1.0, fit.time_unit)
    return Lives(
        draw=draw,
        rate=np.maximum(rate * per_week, 1e-30),
        at_orders=at_orders,
        in_time=in_time * per_week,
        value=np.full(count, value / (1 - world.economics.todays_deal)),
        weight=weight * alive[draw],
        starts=starts,
        orders=np.zeros(count, dtype=int),
        segment=np.zeros(count, dtype=int),
        kind=np.full(count, -1),
        mercenary=mercenary,
        is_new=True,
        by_deal=promoted is not None,
    )


def worth_of_new(news: Lives, world: World) -> np.ndarray:
    """Worth of one more new customer, by when it comes, shape (D, BINS) [currency, at that time].

    Orders come at the rate lambda exp(-(lambda p + mu) t) after the first one.
    """
    leaving, money = news.rate * news.at_orders + news.in_time + world.delta, world.economics
    left = world.horizon * (1 - (np.arange(BINS) + 0.5) / BINS)
    orders = 1 + (news.rate / leaving)[:, None] * -np.expm1(-np.outer(leaving, left))
    each = (money.list_margin * news.value - money.cost_per_order)[:, None] * orders
    return each.reshape(world.draws, -1, BINS).mean(axis=1)


def of_a_sum(squares: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Variance of a sum over the new lives of a draw, from the sum of their squares."""
    return np.maximum(squares - total**2 / NEW, 0.0)


def kinds_of(histories: CustomerSummary, table: pd.DataFrame) -> np.ndarray:
    """Number of every customer's type, -1 where unknown, shape (customers,); ``table`` has columns customer, type."""
    known = pd.Series(table["type"].map(CUSTOMER_TYPES.index).to_numpy(), index=table["customer"].astype(str))
    return histories.table["customer_id"].astype(str).map(known).fillna(-1).to_numpy(dtype=int)
