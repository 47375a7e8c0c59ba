"""What figures of a purchase fit are drawn from, as frames; each is a method of ``PurchaseFit``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import UsageError
from analysis.models.registry import MODELS
from analysis.time import duration, from_days

if TYPE_CHECKING:
    from analysis.models.fits import PurchaseFit

MOST_ORDERS, STEPS = 30, 40
"""Rows and columns of a matrix over histories."""
TRACKING_POINTS = 120
AGES = 2_000
"""Ages between which what is expected of a new customer is interpolated."""


def frequencies(fit: PurchaseFit, last: int = 7) -> pd.DataFrame:
    """Customers by number of repeat orders, as they are and as the model expects them given their ages.

    Columns label, customers, expected; everything from ``last`` on together.
    """
    table = fit.known_histories().table
    model, params = MODELS[fit.model], fit.params
    _, age = fit.clock.ages(0, table["T_days"], fit.known_histories().observation_end)
    ages, customers = np.unique(age, return_counts=True)
    new = np.zeros(len(ages))
    expected = [customers @ model.pmf(params, ages, new, new, new, count) for count in range(last)]
    counts = np.bincount(np.minimum(table["frequency"], last), minlength=last + 1)
    labels = [*map(str, range(last)), f"{last}+"]
    return pd.DataFrame({"label": labels, "customers": counts, "expected": [*expected, len(table) - sum(expected)]})


def silence(fit: PurchaseFit, orders: Sequence[int] = (0, 1, 4)) -> pd.DataFrame:
    """P(alive) by weeks since the last order (index), one column for each number of repeat ``orders``.

    Customers with repeat orders are known for as long as the median customer, others for as long as they are silent.
    """
    days = np.median(fit.known_histories().table["T_days"])
    weeks = np.linspace(0, days / 7, 61)
    silent = from_days(7 * weeks, fit.time_unit)
    model, curves = MODELS[fit.model], {}
    for x in orders:
        T = np.full(61, silent[-1]) if x else silent
        curves[x] = model.p_alive(fit.params, np.full(61, float(x)), T - silent, T)
    return pd.DataFrame(curves, index=pd.Index(weeks, name="weeks"))


def frequency_recency(fit: PurchaseFit, horizon="13W") -> pd.DataFrame:
    """Expected orders in the next ``horizon`` by repeat orders (rows) and weeks from first to last order (columns).

    For customers as old as the oldest, in a mean year. Without a repeat order there is no recency: a constant row.
    """
    time = float(from_days(duration(horizon), fit.time_unit))
    return _matrix(fit, lambda model, history: model.expected_purchases(fit.params, time, *history))


def p_alive_matrix(fit: PurchaseFit) -> pd.DataFrame:
    """P(alive) by repeat orders (rows) and weeks from first to last order (columns), as ``frequency_recency``."""
    return _matrix(fit, lambda model, history: model.p_alive(fit.params, *history))


def _matrix(fit: PurchaseFit, answer) -> pd.DataFrame:
    table = fit.known_histories().table
    oldest = float(table["T_days"].max())
    x = np.arange(min(int(table["frequency"].max()), MOST_ORDERS) + 1)
    days = oldest * np.arange(1, STEPS + 1) / STEPS
    recency = from_days(np.where(x[:, None] > 0, days, 0.0), fit.time_unit)
    frequency, T = np.repeat(x, STEPS), np.full(recency.size, from_days(oldest, fit.time_unit))
    found = answer(MODELS[fit.model], (frequency, recency.ravel(), T)).reshape(recency.shape)
    return pd.DataFrame(found, index=pd.Index(x, name="frequency"), columns=pd.Index(days / 7, name="weeks"))


def tracking(fit: PurchaseFit) -> pd.DataFrame:
    """Cumulative repeat orders of the fit's customers: columns date, actual, and the model's name for what it expects.

    Raises
    ------
    UsageError
        Where the fit holds a summary without the orders behind it.
    """
    daily = _orders(fit).daily
    whole = pd.DataFrame({"date": daily["date"], "actual": daily["repeat_orders"].cumsum()})
    shown = thinned(whole)
    births = fit.known_histories().table["first_order"]
    return shown.assign(**{fit.model: expected_cumulative(fit, births, shown["date"])})


def thinned(daily: pd.DataFrame) -> pd.DataFrame:
    """Every so many rows of a daily table, counted from the last, for about ``TRACKING_POINTS``."""
    return daily.iloc[:: -max(1, len(daily) // TRACKING_POINTS)].iloc[::-1].reset_index(drop=True)


def expected_cumulative(fit: PurchaseFit, births: pd.Series, dates: pd.Series) -> np.ndarray:
    """Repeat orders that a model expects by each date from customers of whom only the first order is known."""
    ends = pd.to_datetime(dates).to_numpy("datetime64[D]")
    starts, born = np.unique(pd.to_datetime(births).to_numpy("datetime64[D]"), return_counts=True)
    ages = fit.clock.since(starts[None, :], ends[:, None])
    # Where time follows something hardly any two ages are the same.
    distinct = ages.max() * np.linspace(0, 1, AGES) ** 2 if fit.clock.follows else np.unique(ages)
    new = np.zeros(len(distinct))
    expected = MODELS[fit.model].expected_purchases(fit.params, distinct, new, new, new)
    return np.interp(ages, distinct, expected) @ born


def history(fit: PurchaseFit, customer) -> pd.DataFrame:
    """One customer's days since the first order: columns date, orders so far (the first included), and p_alive."""
    orders, ids = _orders(fit), fit.known_histories().ids
    if customer not in ids:
        raise UsageError(f"customer == {customer!r}, must be one of the {len(ids):,} ids, such as {ids[0]}")
    place = [("customer", "==", ids.get_loc(customer))]
    bought = pd.read_parquet(orders.occasions, columns=["day"], filters=place)["day"].to_numpy("datetime64[D]")
    days = np.arange(bought[0], np.datetime64(orders.observation_end, "D") + np.timedelta64(1, "D"))
    so_far = np.searchsorted(bought, days, side="right")
    lived = (fit.clock.since(bought[0], last) for last in (bought[so_far - 1], days))
    alive = MODELS[fit.model].p_alive(fit.params, so_far - 1, *lived)
    return pd.DataFrame({"date": days.astype("datetime64[s]"), "orders": so_far, "p_alive": alive})


def _orders(fit: PurchaseFit):
    if fit.orders is None:
        raise UsageError("this fit holds no orders, only histories: name them, as in fit.of(orders)")
    return fit.orders
