"""Does a customer spend more with the years? The same customers, the survivors, and all who started, told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.plotting import Plots
from analysis.time import DAYS_PER_YEAR
from analysis.value.history import AnyOrders, by_customer, exact, first_order_days, history, refuse_left_truncation
from analysis.words import Message

HALF_YEAR_DAYS, QUARTER_DAYS = 182, 91
HALF_YEARS_WANTED, SHARE_WITH_THEM = 4, 0.1
FEWEST_CUSTOMERS = 30
STEEPEST = 20.0
"""Slope of the logarithm beyond which there is none [per year]."""


@dataclass(frozen=True)
class SpendGrowth:
    """How spending changes with tenure.

    Attributes
    ----------
    period_days
        Length of a period of life: 182 where a tenth of the customers (and thirty) have four of them behind them,
        else 91.
    periods
        One row a period of life after the first, that at least thirty customers have behind them and in which thirty
        ordered, against the first one: period (2, 3, ...), customers (observed to its end), survivors (of these, who
        ordered in it), stayers (who ordered again *after* it, so that they are known to have been there all through
        it), level, and with their ends NAME_lower and NAME_upper, customers taken as independent:

        - survivors_ratio: spend per survivor over spend per customer in the first period, the comparison behind claims
          such as "67% more". It selects on the future: who has left by then is in the first period only. Equals
          ``growth`` times ``selection``
        - growth: spend of the survivors over their own spend in the first period
        - selection: spend per survivor over spend per customer, both in the first period: how much better they were to
          begin with
        - all_ratio: spend over spend in the first period, of all customers; who ordered nothing counts as zero
        - stayers_ratio: the same of the stayers, first orders left out. Neither period holds an order by definition, so
          this is 1 for customers who neither leave nor change. Missing for too few

        Every first period holds a first order by definition, so ratios of all spending fall below 1 even where nobody
        ever leaves.
    same_customers
        Change of the value of an order for each year of tenure, **within the same customers** [share per year]. From
        repeat orders alone, as first orders differ. Within a customer tenure and calendar time are the same, so a rise
        of all prices is in it. None where fewer than thirty customers have repeat orders in two periods.
    same_customers_reason
        Why it is None.
    """

    period_days: int
    periods: pd.DataFrame
    same_customers: Interval | None
    same_customers_reason: Message | None

    plot = Plots("analysis.value.plots", "tenure")


def spend_growth(orders: AnyOrders, *, level: float = 0.9) -> SpendGrowth:
    """Growth of spending with tenure, measured in the three ways that are mistaken for one another.

    Raises
    ------
    Unavailable
        Without money, under left truncation, and where fewer than thirty customers have two quarters behind them.

    Examples
    --------
    >>> import analysis as rl
    >>> growth = spend_growth(rl.read_orders({"sample": "cdnow"}))
    >>> growth.period_days, growth.periods[["period", "customers", "survivors"]].to_numpy().tolist()
    (91, [[2, 2357, 472], [3, 2357, 404], [4, 2357, 385], [5, 2357, 356]])
    """
    if not orders.has_money:
        text = "The data hold no amounts of money, so how spending changes with tenure is not known."
        raise Unavailable(text, code="retention.reason.no_money")
    refuse_left_truncation(orders)
    birth = first_order_days(orders)
    observed = (np.datetime64(orders.observation_end) - birth).astype(np.int64) + 1
    old = int(np.sum(observed >= HALF_YEARS_WANTED * HALF_YEAR_DAYS))
    days = HALF_YEAR_DAYS if old >= max(FEWEST_CUSTOMERS, SHARE_WITH_THEM * len(observed)) else QUARTER_DAYS
    if int(np.sum(observed >= 2 * days)) < FEWEST_CUSTOMERS:
        raise Unavailable(
            "How spending changes with tenure is not known: that takes {needed:integer} customers watched for "
            "{days_needed:integer} days; in these {days:integer} days of data there are {customers:integer}.",
            code="retention.reason.too_short_for_growth", needed=FEWEST_CUSTOMERS, days_needed=2 * QUARTER_DAYS,
            days=(orders.observation_end - orders.observation_start).days + 1,
            customers=int(np.sum(observed >= 2 * QUARTER_DAYS)),
        )  # fmt: skip
    lives = _lives(orders, days)
    first = np.bincount(lives["customer"], lives["first"], minlength=len(birth))
    slope, reason = _same_customers(lives, level)
    return SpendGrowth(
        period_days=days,
        periods=_tenure_periods(lives, first, observed // days, level),
        same_customers=slope,
        same_customers_reason=reason,
    )


def _lives(orders: AnyOrders, period_days: int) -> pd.DataFrame:
    """Customers by period of life, one row for each pair with an order, sorted by customer and period.

    Columns customer (place in the histories), period (1, 2, ...), orders (repeat orders in it), spent (what they were
    worth), tenure (their mean age [years], NaN without one), first (what the first order was worth, in period 1).
    """
    with history(orders) as bought:
        money, later = exact(bought.amount), bought.age > 0
        count = bought.count(where=later)
        sums = {
            "orders": count,
            "spent": money.sum(where=later).coalesce(0).cast("float64"),
            "tenure": bought.age.sum().cast("float64") / count.nullif(0) / DAYS_PER_YEAR,
            "first": money.sum(where=~later).coalesce(0).cast("float64"),
        }
        found = by_customer(orders, bought.group_by("customer", period=bought.age // period_days + 1).agg(**sums))
    return found.sort_values(["customer", "period"], ignore_index=True)


def _tenure_periods(lives: pd.DataFrame, first: np.ndarray, complete: np.ndarray, level: float) -> pd.DataFrame:
    """Periods after the first; ``complete`` is how many whole periods each customer was observed."""

    def in_period(period: int) -> tuple[np.ndarray, np.ndarray]:
        """Of every customer, what the repeat orders were worth, and whether there was any order."""
        here, found = lives[lives["period"] == period], np.zeros((2, len(first)))
        found[0, here["customer"]], found[1, here["customer"]] = here["spent"], 1.0
        return found[0], found[1] > 0

    again, rows = in_period(1)[0], []
    last = lives.groupby("customer")["period"].max().to_numpy()
    for period in range(2, int(complete.max()) + 1):
        seen = complete >= period
        spent, survived = (each[seen] for each in in_period(period))
        at_first, repeat, stays = (first + again)[seen], again[seen], last[seen] > period
        by_survivors, everyone = at_first * survived, np.ones(len(spent))
        if survived.sum() < FEWEST_CUSTOMERS or not (spent.any() and by_survivors.any()):
            continue
        row = {"period": period, "customers": len(spent), "survivors": survived.sum(), "stayers": stays.sum()}
        ratios = {
            "survivors_ratio": ([spent, everyone], [survived, at_first]),
            "growth": ([spent], [by_survivors]),
            "selection": ([by_survivors, everyone], [survived, at_first]),
            "all_ratio": ([spent], [at_first]),
            "stayers_ratio": ([spent[stays]], [repeat[stays]]),
        }
        for name, parts in ratios.items():
            row |= dict(zip((name, f"{name}_lower", f"{name}_upper"), _ratio(*parts, level), strict=True))
        rows.append(row)
    return pd.DataFrame(rows).assign(level=level)


def _ratio(above: Sequence[np.ndarray], below: Sequence[np.ndarray], level: float) -> np.ndarray:
    """Product of sums over customers, over another, and its ends; NaN for fewer than thirty or a sum of nothing.

    The ratio's logarithm, which is taken as normal, has as influence the customer's share in each sum it is made of: so
    it needs enough customers and no single one that carries a sum.
    """
    if len(above[0]) < FEWEST_CUSTOMERS or not all(each.any() for each in (*above, *below)):
        return np.full(3, np.nan)
    sums = [np.prod([each.sum() for each in part], dtype=float) for part in (above, below)]
    influence = sum(each / each.sum() for each in above) - sum(each / each.sum() for each in below)
    log = Interval.normal(np.log(sums[0] / sums[1]), np.sqrt(np.sum(influence**2)), level)
    return np.exp([log.estimate, log.lower, log.upper])


def _same_customers(lives: pd.DataFrame, level: float) -> tuple[Interval | None, Message | None]:
    """Yearly growth within customers, or why there is none.

    A customer's orders of a period enter as their sum, with their number as exposure and their mean age as tenure.
    Followed are customers with repeat orders in two periods who spent something in them.
    """
    repeat = lives[lives["orders"] > 0]
    of_customer = repeat.groupby("customer")["spent"]
    used = repeat[(of_customer.transform("size") > 1) & (of_customer.transform("sum") > 0)]
    rows, code = pd.factorize(used["customer"])
    if len(code) < FEWEST_CUSTOMERS:
        return None, Message(
            "How the value of an order changes with tenure is not known: it takes repeat orders of {needed:integer} "
            "customers in two periods; there are {customers:integer}.",
            code="retention.reason.too_few_repeat_customers", needed=FEWEST_CUSTOMERS, customers=len(code),
        )  # fmt: skip
    slope = within_slope(rows, *(used[name].to_numpy(dtype=float) for name in ("orders", "spent", "tenure")), level)
    if slope is None:
        return None, Message(
            "How the value of an order changes with tenure is not known: the repeat orders of {customers:integer} "
            "customers do not fit any steady growth.",
            code="retention.reason.growth_not_identified", customers=len(code),
        )  # fmt: skip
    return Interval(*np.expm1([slope.estimate, slope.lower, slope.upper]).tolist(), level), None


def within_slope(rows, orders, spent, tenure, level: float) -> Interval | None:
    """Slope b in: spent = orders x (effect of the customer) x exp(b x tenure), from customers observed several times.

    Poisson pseudo-likelihood with customer effects, which needs no Poisson counts, only that this mean is right [1]_,
    and takes orders worth nothing, where a regression of logarithms could not. Errors are clustered by customer.

    Parameters
    ----------
    rows
        Whose entry each is: 0, 1, … without gaps, shape (n,).
    orders, spent, tenure
        Number of orders, what they were worth together [currency], and their mean tenure [years], shape (n,).
    level
        Level of the interval.

    Returns
    -------
    Interval or None
        On the log scale, per year of tenure. None where no finite slope fits, as where every later order is worth 0.

    References
    ----------
    .. [1] Wooldridge (1999), Distribution-free estimation of some nonlinear panel data models, J. Econometrics 90.

    Examples
    --------
    >>> rows, tenure = np.repeat(np.arange(3), 2), np.tile([1.0, 2.0], 3)
    >>> found = within_slope(rows, np.ones(6), np.array([10, 11, 20, 22, 40, 44.0]), tenure, 0.9)
    >>> round(float(np.exp(found.estimate)), 6)
    1.1
    """
    rows, spent = np.asarray(rows), spent / np.mean(spent)

    def summed(values) -> np.ndarray:
        return np.bincount(rows, values)

    total, centred = summed(spent), tenure - (summed(tenure) / np.bincount(rows))[rows]
    crossed = summed(spent * centred)

    def at(slope: float) -> tuple[np.ndarray, float]:
        """Derivative of the log-likelihood by customer, which falls with the slope, and the information."""
        weight = orders * np.exp(slope * centred)
        whole = summed(weight)
        mean = summed(weight * centred) / whole
        return crossed - total * mean, float(total @ (summed(weight * centred**2) / whole - mean**2))

    def score(slope: float) -> float:
        return float(at(slope)[0].sum())

    if not score(-STEEPEST) > 0 > score(STEEPEST):
        return None
    slope = brentq(score, -STEEPEST, STEEPEST)
    scores, information = at(slope)
    customers = len(scores)
    error = np.sqrt(np.sum(scores**2) * customers / (customers - 1)) / information
    return Interval.normal(slope, error, level, customers - 1)
