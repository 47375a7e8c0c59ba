"""Simulated customers whose truth is known: in continuous time for recovery, in days for the whole path."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

PurchaseModel = Literal["BG/NBD", "MBG/NBD", "Pareto/NBD"]


@dataclass(frozen=True)
class PurchaseTruth:
    """The purchase process that generates the orders, in any time unit.

    Attributes
    ----------
    r, alpha
        Purchase rates are Gamma(r, rate alpha) over customers.
    a, b
        Dropout. BG/NBD and MBG/NBD: the probability to leave after an order is Beta(a, b), in MBG/NBD after the
        first order too. Pareto/NBD: the rate to leave is Gamma(a, rate b), usually called s and beta.
    model
        Which of the three.
    """

    r: float
    alpha: float
    a: float
    b: float
    model: PurchaseModel = "BG/NBD"


@dataclass(frozen=True)
class SpendTruth:
    """Gamma-Gamma spend: an order is Gamma(p, rate nu), nu is Gamma(q, rate v) over customers."""

    p: float
    q: float
    v: float


CDNOW_PURCHASES = PurchaseTruth(r=0.243, alpha=4.414, a=0.793, b=2.426)
CDNOW_SPEND = SpendTruth(p=6.25, q=3.74, v=15.44)


@dataclass(frozen=True)
class SimulatedCustomers:
    """Customers in continuous time.

    Attributes
    ----------
    frequency, recency, T
        x (int64), t_x and T, shape (n,), in the time unit of the truth.
    future_orders
        Orders in the ``future`` units after T, shape (n,).
    alive
        Whether the customer has not left by T, shape (n,).
    mean_repeat_value, future_spent
        Mean amount of the repeat orders (NaN without one) and amount of the future orders; None without spend.
    """

    frequency: np.ndarray
    recency: np.ndarray
    T: np.ndarray
    future_orders: np.ndarray
    alive: np.ndarray
    mean_repeat_value: np.ndarray | None
    future_spent: np.ndarray | None


def simulate_customers(
    n: int,
    *,
    purchases: PurchaseTruth = CDNOW_PURCHASES,
    spend: SpendTruth | None = None,
    T: float | np.ndarray = 39.0,
    births: float = 0.0,
    future: float = 0.0,
    seed: int,
) -> SimulatedCustomers:
    """Customers with a known truth, in continuous time.

    Parameters
    ----------
    n
        Number of customers.
    purchases, spend
        The truth; its time unit is that of ``T``, ``births`` and ``future``.
    T
        Age at the end of the observation, one for all or one for each customer.
    births
        Customers are born evenly over this long a time, which takes up to ``births`` off their ``T``.
    future
        Length of the time after T in which orders are counted.

    Examples
    --------
    >>> customers = simulate_customers(1000, T=39.0, births=12.0, seed=1)
    >>> bool(np.all(customers.recency <= customers.T))
    True
    """
    rng = np.random.default_rng(seed)
    ages = np.full(n, T, dtype=float)
    if births:
        ages -= rng.uniform(0, births, n)
    frequency, later = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    recency, leaving = np.zeros(n), np.full(n, np.inf)
    for who, times in rounds_of_orders(rng, n, purchases, ages + future, leaving):
        observed = times <= ages[who]
        seen = who[observed]
        frequency[seen] += 1
        recency[seen] = times[observed]
        later[who[~observed]] += 1
    value, future_spent = _spend(rng, spend, frequency, later)
    return SimulatedCustomers(frequency, recency, ages, later, leaving > ages, value, future_spent)


def rounds_of_orders(
    rng: np.random.Generator, n: int, truth: PurchaseTruth, until: np.ndarray, leaving: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Repeat orders of ``n`` new customers up to the ages ``until``, one of every remaining customer at a time.

    Parameters
    ----------
    leaving
        Filled in with the ages at which customers leave, shape (n,), where it is given; it must come filled with inf.

    Yields
    ------
    Positions of the customers who still order; their ages at the order, in the time unit of the truth.
    """
    leaving = np.full(n, np.inf) if leaving is None else leaving
    scale = 1 / rng.gamma(truth.r, 1 / truth.alpha, n)
    dropout = np.zeros(n)
    if truth.model == "Pareto/NBD":
        leaving[:] = rng.standard_exponential(n) / rng.gamma(truth.a, 1 / truth.b, n)
    else:
        dropout = rng.beta(truth.a, truth.b, n)
    if truth.model == "MBG/NBD":
        leaving[rng.random(n) < dropout] = 0.0
    active = np.flatnonzero(leaving > 0)
    times = np.zeros(len(active))
    while len(active):
        times = times + rng.standard_exponential(len(active)) * scale[active]
        going_on = times <= np.minimum(until[active], leaving[active])
        active, times = active[going_on], times[going_on]
        yield active, times
        if truth.model != "Pareto/NBD":
            stays = rng.random(len(active)) >= dropout[active]
            leaving[active[~stays]] = times[~stays]
            active, times = active[stays], times[stays]


def _spend(
    rng: np.random.Generator, truth: SpendTruth | None, frequency: np.ndarray, later: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray | None]:
    if truth is None:
        return None, None
    rate = rng.gamma(truth.q, 1 / truth.v, len(frequency))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(frequency > 0, rng.gamma(truth.p * np.maximum(frequency, 1)) / (rate * frequency), np.nan)
    return mean, np.where(later > 0, rng.gamma(truth.p * np.maximum(later, 1)) / rate, 0.0)


def simulate_transactions(
    n: int,
    *,
    purchases: PurchaseTruth = CDNOW_PURCHASES,
    spend: SpendTruth | None = CDNOW_SPEND,
    start: dt.date = dt.date(2023, 1, 1),
    window_days: int = 730,
    birth_days: int = 365,
    days_per_unit: float = 7.0,
    seed: int,
) -> pd.DataFrame:
    """Orders of simulated customers, rounded down to days.

    Parameters
    ----------
    window_days, birth_days
        Days that are observed; days, from the start, over which customers are born evenly.
    days_per_unit
        Length of the truth's time unit: 7 for weeks.

    Returns
    -------
    DataFrame
        customer (text), date, and amount (rounded to cents) unless ``spend`` is None; one row per order.

    Examples
    --------
    >>> simulate_transactions(3, seed=1).columns.tolist()
    ['customer', 'date', 'amount']
    """
    rng = np.random.default_rng(seed)
    births = np.sort(rng.uniform(0, birth_days, n))
    until = (window_days - births) / days_per_unit
    customers, moments = [np.arange(n)], [births]
    for active, times in rounds_of_orders(rng, n, purchases, until):
        customers.append(active)
        moments.append(births[active] + times * days_per_unit)
    who, when = np.concatenate(customers), np.floor(np.concatenate(moments)).astype("int64")
    when = np.minimum(when, window_days - 1)
    width = len(str(n))
    ids = np.array([f"C{number:0{width}d}" for number in range(1, n + 1)], dtype=object)
    frame = pd.DataFrame({"customer": ids[who], "date": np.datetime64(start, "s") + when * np.timedelta64(86_400, "s")})
    if spend is not None:
        rate = rng.gamma(spend.q, 1 / spend.v, n)
        frame["amount"] = np.round(rng.gamma(spend.p, 1.0, len(who)) / rate[who], 2)
    return frame.sort_values(["date", "customer"], ignore_index=True, kind="stable")
