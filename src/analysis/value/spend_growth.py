"""Does a customer spend more with the years? The same customers, the survivors, and all who started, told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.data import Note, Transactions
from analysis.interval import Interval
from analysis.timeunits import DAYS_PER_YEAR
from analysis.value.history import birth_days, births_unknown, history
from analysis.value.proportions import ratio_interval
from analysis.value.within_customers import within_slope

HALF_YEAR_DAYS, QUARTER_DAYS = 182, 91
HALF_YEARS_WANTED, SHARE_WITH_THEM = 4, 0.1
FEWEST_CUSTOMERS = 30


@dataclass(frozen=True)
class TenurePeriod:
    """One period of life against the first one, of customers observed through both.

    Every first period holds a first order by definition, so ratios of all spending fall below 1 even where nobody ever
    leaves; ``all_repeat`` has only later orders on both sides. Intervals take customers as independent.

    Attributes
    ----------
    period
        2, 3, …; the first is what it is compared with.
    customers
        Customers observed to the end of the period.
    survivors
        Those of them who ordered in it.
    survivors_ratio
        Spend per survivor in it over spend per customer in the first period: the comparison behind claims such as
        "67% more". It selects on the future: who has left by then is in the first period only. Equals ``growth``
        times ``selection``.
    growth
        Spend of the survivors in it over their own spend in the first period.
    selection
        Spend per survivor over spend per customer, both in the first period: how much better they were to begin with.
    all_ratio
        Spend in it over spend in the first period, of all customers; who ordered nothing counts as zero.
    all_repeat
        As ``all_ratio`` without the first orders; None where there was no other order worth money in the first period.
    stayers, stayers_ratio
        Customers who ordered again *after* the period, so that they are known to have been there all through it, and
        their spend in it over that in the first, first orders left out. Neither period holds an order by definition,
        so this is 1 for customers who neither leave nor change. None for too few.
    """

    period: int
    customers: int
    survivors: int
    survivors_ratio: Interval
    growth: Interval
    selection: Interval
    all_ratio: Interval
    all_repeat: Interval | None
    stayers: int = 0
    stayers_ratio: Interval | None = None


@dataclass(frozen=True)
class SpendGrowth:
    """How spending changes with tenure.

    Attributes
    ----------
    period_days
        Length of a period of life: 182 where a tenth of the customers (and thirty) have four of them behind them,
        else 91.
    periods
        Periods 2, 3, … that at least thirty customers have behind them and in which thirty ordered.
    same_customers
        Change of the value of an order for each year of tenure, **within the same customers** [share per year]. From
        repeat orders alone, as first orders differ. Within a customer tenure and calendar time are the same, so a rise
        of all prices is in it. None where fewer than thirty customers have repeat orders in two periods.
    same_customers_reason
        Why it is None: ``retention.reason.too_few_repeat_customers`` (customers, customers_needed) or
        ``retention.reason.growth_not_identified`` (customers), where no finite growth fits.
    same_customers_count, same_customers_orders
        Customers and repeat orders that it rests on.
    repeat_to_first
        Mean repeat order of a customer over that customer's first order, as a ratio of averages over customers with a
        repeat order; None with fewer than thirty of them.
    customers
        All customers.
    """

    period_days: int
    periods: tuple[TenurePeriod, ...]
    same_customers: Interval | None
    same_customers_reason: Note | None
    same_customers_count: int
    same_customers_orders: int
    repeat_to_first: Interval | None
    customers: int

    @property
    def survivors(self) -> tuple[tuple[int, Interval], ...]:
        """(period, ratio) of spend per survivor to spend per customer at first; it selects on the future."""
        return tuple((each.period, each.survivors_ratio) for each in self.periods)

    @property
    def all_customers(self) -> tuple[tuple[int, Interval], ...]:
        """(period, ratio) of spend per customer who started, whether still there or not."""
        return tuple((each.period, each.all_ratio) for each in self.periods)


def spend_growth(transactions: Transactions, *, level: float = 0.9) -> SpendGrowth | Note:
    """Growth of spending with tenure, measured in the three ways that are mistaken for one another.

    Returns
    -------
    SpendGrowth or Note
        Note keys: ``retention.reason.no_money``; ``retention.reason.births_unknown``;
        ``retention.reason.too_short_for_growth`` (days_needed, days_there, customers, customers_needed) where fewer
        than thirty customers have two quarters behind them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from analysis.config import Config
    >>> from analysis.data import load_transactions
    >>> config = Config(name="cdnow", data={"transactions": {"sample": "cdnow"}})
    >>> folder = tempfile.TemporaryDirectory()
    >>> growth = spend_growth(load_transactions(config, workdir=Path(folder.name)))
    >>> growth.period_days, [(each.period, each.customers, each.survivors) for each in growth.periods]
    (91, [(2, 2357, 472), (3, 2357, 404), (4, 2357, 385), (5, 2357, 356)])
    """
    if not transactions.has_money:
        return Note("retention.reason.no_money")
    if unknown := births_unknown(transactions):
        return unknown
    birth = birth_days(transactions)
    observed_days = (np.datetime64(transactions.observation_end) - birth).astype(np.int64) + 1
    period_days = _period_days(observed_days)
    if int(np.sum(observed_days >= 2 * period_days)) < FEWEST_CUSTOMERS:
        return _too_short(transactions, observed_days)
    lives = _lives(transactions, birth, period_days)
    slope, reason = _same_customers(lives, level)
    used = lives.of_those_followed()
    return SpendGrowth(
        period_days=period_days,
        periods=_tenure_periods(lives, observed_days // period_days, level),
        same_customers=slope,
        same_customers_reason=reason,
        same_customers_count=len(np.unique(lives.customer[used])),
        same_customers_orders=int(lives.orders[used].sum()),
        repeat_to_first=_repeat_to_first(lives, level),
        customers=len(birth),
    )


def _period_days(observed_days: np.ndarray) -> int:
    old = int(np.sum(observed_days >= HALF_YEARS_WANTED * HALF_YEAR_DAYS))
    return HALF_YEAR_DAYS if old >= max(FEWEST_CUSTOMERS, SHARE_WITH_THEM * len(observed_days)) else QUARTER_DAYS


def _too_short(transactions: Transactions, observed_days: np.ndarray) -> Note:
    numbers = {
        "days_needed": 2 * QUARTER_DAYS,
        "days_there": (transactions.observation_end - transactions.observation_start).days + 1,
        "customers": int(np.sum(observed_days >= 2 * QUARTER_DAYS)),
        "customers_needed": FEWEST_CUSTOMERS,
    }
    return Note("retention.reason.too_short_for_growth", numbers)


@dataclass(frozen=True)
class _Lives:
    """Customers by period of life, one entry for each pair with an order, sorted by customer and period.

    Attributes
    ----------
    customer, period
        Position in the summary; 1, 2, ….
    orders, spent, tenure
        Repeat orders in it, what they were worth [currency], and their mean age [years] (NaN without one).
    first
        What the first order of each customer was worth [currency], shape (customers,).
    """

    customer: np.ndarray
    period: np.ndarray
    orders: np.ndarray
    spent: np.ndarray
    tenure: np.ndarray
    first: np.ndarray

    def of_those_followed(self) -> np.ndarray:
        """The entries with repeat orders of customers who have them in two periods and spent something in them."""
        repeat = self.orders > 0
        n = len(self.first)
        periods = np.bincount(self.customer[repeat], minlength=n)
        spent = np.bincount(self.customer[repeat], self.spent[repeat], minlength=n)
        return repeat & (periods[self.customer] > 1) & (spent[self.customer] > 0)

    def spent_in(self, period: int) -> tuple[np.ndarray, np.ndarray]:
        """Of every customer, what the repeat orders of a period were worth, and whether there was any order in it."""
        here = self.period == period
        spent, any_order = np.zeros(len(self.first)), np.zeros(len(self.first), dtype=bool)
        spent[self.customer[here]], any_order[self.customer[here]] = self.spent[here], True
        return spent, any_order


def _lives(transactions: Transactions, birth: np.ndarray, period_days: int) -> _Lives:
    born = pd.DataFrame({"customer": np.arange(len(birth)), "birth": birth.astype("datetime64[s]")})
    with history(transactions, born=born) as (connection, occasions):
        found = connection.execute(f"""
            WITH ages AS (
                SELECT o.customer, CAST(amount AS DECIMAL(38, 6)) AS amount,
                       CAST(date_diff('day', CAST(birth AS DATE), day) AS INTEGER) AS age
                FROM {occasions} AS o JOIN born USING (customer))
            SELECT customer, age // {period_days} + 1 AS period, count(*) FILTER (age > 0) AS orders,
                   CAST(coalesce(sum(amount) FILTER (age > 0), 0) AS DOUBLE) AS spent, sum(age) AS days,
                   CAST(coalesce(sum(amount) FILTER (age = 0), 0) AS DOUBLE) AS first
            FROM ages GROUP BY customer, period ORDER BY customer, period""").fetchnumpy()
    orders = np.asarray(found["orders"], dtype=np.int64)
    with np.errstate(invalid="ignore"):
        tenure = np.asarray(found["days"], dtype=float) / orders / DAYS_PER_YEAR
    customer, period = (np.asarray(found[name], dtype=np.int64) for name in ("customer", "period"))
    first = np.bincount(customer, found["first"], minlength=len(birth))
    return _Lives(customer, period, orders, np.asarray(found["spent"], dtype=float), tenure, first)


def _tenure_periods(lives: _Lives, complete: np.ndarray, level: float) -> tuple[TenurePeriod, ...]:
    """Periods after the first; ``complete`` is how many whole periods each customer was observed."""
    repeat_at_first, _ = lives.spent_in(1)
    last = np.zeros(len(lives.first), dtype=np.int64)
    np.maximum.at(last, lives.customer, lives.period)
    found = []
    for period in range(2, int(complete.max()) + 1):
        seen = complete >= period
        spent, survived = (each[seen] for each in lives.spent_in(period))
        if survived.sum() < FEWEST_CUSTOMERS or not spent.any():
            continue
        at_first = (lives.first + repeat_at_first)[seen]
        if not (survived * at_first).any():
            continue
        stays = last[seen] > period
        found.append(_tenure_period(period, spent, survived, stays, at_first, repeat_at_first[seen], level))
    return tuple(found)


def _tenure_period(period, spent, survived, stays, at_first, repeat_at_first, level: float) -> TenurePeriod:
    """Sums over customers; a ratio's logarithm has as influence the customer's share in each sum it is made of."""
    now, then, repeat_then, survivors_then = (
        each / each.sum() if each.any() else each for each in (spent, at_first, repeat_at_first, at_first * survived)
    )
    survivor, everyone = survived / survived.sum(), np.full(len(spent), 1 / len(spent))
    growth = spent.sum() / at_first[survived].sum()
    selection = at_first[survived].mean() / at_first.mean()
    whole = spent.sum() / at_first.sum()
    repeat = None
    if repeat_at_first.any():
        repeat = ratio_interval(spent.sum() / repeat_at_first.sum(), now - repeat_then, level)
    return TenurePeriod(
        period=period,
        customers=len(spent),
        survivors=int(survived.sum()),
        survivors_ratio=ratio_interval(growth * selection, now - survivor - then + everyone, level),
        growth=ratio_interval(growth, now - survivors_then, level),
        selection=ratio_interval(selection, survivors_then - survivor - then + everyone, level),
        all_ratio=ratio_interval(whole, now - then, level),
        all_repeat=repeat,
        stayers=int(stays.sum()),
        stayers_ratio=_stayers_ratio(spent[stays], repeat_at_first[stays], level),
    )


def _stayers_ratio(now: np.ndarray, then: np.ndarray, level: float) -> Interval | None:
    if len(now) < FEWEST_CUSTOMERS or not now.any() or not then.any():
        return None
    return ratio_interval(now.sum() / then.sum(), now / now.sum() - then / then.sum(), level)


def _same_customers(lives: _Lives, level: float) -> tuple[Interval | None, Note | None]:
    """Yearly growth within customers, or why there is none.

    A customer's orders of a period enter as their sum, with their number as exposure and their mean age as tenure.
    """
    used = lives.of_those_followed()
    code, rows = np.unique(lives.customer[used], return_inverse=True)
    if len(code) < FEWEST_CUSTOMERS:
        numbers = {"customers": len(code), "customers_needed": FEWEST_CUSTOMERS}
        return None, Note("retention.reason.too_few_repeat_customers", numbers)
    slope = within_slope(rows, lives.orders[used], lives.spent[used], lives.tenure[used], level)
    if slope is None:
        return None, Note("retention.reason.growth_not_identified", {"customers": len(code)})
    return Interval(*np.expm1([slope.estimate, slope.lower, slope.upper]).tolist(), level), None


def _repeat_to_first(lives: _Lives, level: float) -> Interval | None:
    n = len(lives.first)
    orders = np.bincount(lives.customer, lives.orders, minlength=n)
    repeat = orders > 0
    mean = np.bincount(lives.customer, lives.spent, minlength=n)[repeat] / orders[repeat]
    first = lives.first[repeat]
    if repeat.sum() < FEWEST_CUSTOMERS or not mean.any() or not first.any():
        return None
    return ratio_interval(mean.sum() / first.sum(), mean / mean.sum() - first / first.sum(), level)
