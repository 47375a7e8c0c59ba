"""Cohorts by age: who had come back by then, what they had brought, and whether newer cohorts do as well as older ones.

A customer's age is counted from the first order. Nothing is modelled.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import product

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import IntegerValue, Table
from scipy.stats import CensoredData, ecdf, norm, quantile_test
from statsmodels.duration.survfunc import survdiff
from statsmodels.regression.linear_model import WLS

from analysis.interval import Interval
from analysis.value.history import AnyOrders, exact_sum, history
from analysis.value.intervals import share_interval

AGES = (30, 90, 180, 365, 730)
"""Days."""
MOST_COHORTS = 12
COHORT_MONTHS = {"month": 1, "quarter": 3, "year": 12}
DIFFERENT = 0.05
"""Level of the test below which cohorts count as different and are not pooled."""
POWER = 0.8
WITHIN, REMINDED = 365, 0.8
"""Days within which customers order again, and the share of these by whom the others are late."""
SHORTEST, FEWEST = 545, 30
"""Days of data from which on, and customers who ordered again, from whom on that is said."""


@dataclass(frozen=True)
class Lives:
    """Cohorts by age.

    Attributes
    ----------
    cohorts
        One row a cohort and age, cohorts by month (by quarter or year where there would be more than twelve), oldest
        first: cohort (its first month), age_days, customers; estimate, lower, upper, level of the share with a second
        order by that age (Kaplan-Meier, missing beyond what was seen of the cohort); and, where all of the cohort have
        been seen so long, repeat_orders and margin a customer so far (margin [currency], first order included, not
        discounted).
    second_order
        The same share of all cohorts together, by age_days: of the newest cohort that was seen so long where cohorts
        differ; pooled says which.
    differ
        Probability of differences as large as these if all cohorts were alike (log-rank test; NaN where there
        is nothing to compare).
    newer
        What changes from one year's new customers to the next year's, over the same calendar months and at ages that
        both have reached: measure (``second_order``: share with one; ``repeat_orders``, ``margin``: a customer),
        age_days, before (mean over all), estimate, lower, upper, level (change a year), detectable (the smallest change
        that would probably have been found), customers. Empty where no month has cohorts of two years.
    kind
        ``month``, ``quarter`` or ``year``: what a cohort is.
    remind_days
        Of customers who were watched for a year and ordered again within it, 80% had done so by this age [days]; None
        with less than 18 months of data or fewer than 30 of them.
    second_year
        Share of customers who ordered in the second year after their first order, of those watched for two years; None
        with fewer than 30 of them.
    """

    cohorts: pd.DataFrame
    second_order: pd.DataFrame
    differ: float
    newer: pd.DataFrame
    remind_days: Interval | None
    second_year: Interval | None
    kind: str


def lives_of(orders: AnyOrders, margin: float = 1.0, cost: float = 0.0, level: float = 0.9) -> Lives:
    """Cohorts of orders whose first ones are known; an order leaves ``margin`` of its amount less ``cost``.

    References
    ----------
    .. [1] Kaplan, Meier (1958), Journal of the American Statistical Association 53(282).
    .. [2] Mantel (1966), Cancer Chemotherapy Reports 50(3).
    """
    lives = waiting_times(orders, (2,))
    waits, seen = lives["wait2"].to_numpy(), lives["seen"].to_numpy()
    groups, names = cohorts_of(lives["first"].to_numpy())
    differ = log_rank(waits, seen, groups)
    cells = _cells(orders, margin, cost)
    rows = [
        shares_by_age(waits[groups == number], seen[groups == number], level).assign(cohort=name)
        for number, name in enumerate(names)
    ]
    sums = cells.assign(cohort=names[cohorts_of(cells["month"].to_numpy())[0]])
    wanted = ["customers", "reached", "repeat_orders", "margin"]
    sums = sums.groupby(["cohort", "age_days"])[wanted].sum()
    whole = sums["reached"] == sums["customers"]
    means = sums[["repeat_orders", "margin"]].div(sums["customers"], axis="index").where(whole)
    cohorts = pd.concat(rows).set_index(["cohort", "age_days"]).join(means).reset_index()
    order = ["cohort", "age_days", "customers", "estimate", "lower", "upper", "level", "repeat_orders", "margin"]
    return Lives(
        cohorts=cohorts[order],
        second_order=_pooled(waits, seen, groups, differ, level),
        differ=differ,
        newer=_newer(cells, level),
        remind_days=remind_days(waits, seen, level),
        second_year=_second_year(orders, seen, level),
        kind=cohort_kind(lives["first"].to_numpy()),
    )


def remind_days(waits: np.ndarray, seen: np.ndarray, level: float) -> Interval | None:
    """Age by which 80% of those who order again within a year have done so, from customers watched for that year.

    The interval is that of a quantile's order statistics, so no distribution is assumed.

    Parameters
    ----------
    waits, seen
        Days until the second order (NaN: none yet) and days watched, shape (customers,).

    Examples
    --------
    >>> waits = np.append(np.arange(1.0, 101.0), np.full(50, np.nan))
    >>> remind_days(waits, np.full(150, 600.0), 0.9)
    Interval(estimate=80.0, lower=73.0, upper=87.0, level=0.9)
    """
    again = waits[(seen >= WITHIN) & (waits <= WITHIN)]
    if seen.max(initial=0) < SHORTEST or len(again) < FEWEST:
        return None
    ends = quantile_test(again, p=REMINDED).confidence_interval(level)
    estimate = np.quantile(again, REMINDED, method="inverted_cdf")
    return Interval(float(estimate), float(ends.low), float(ends.high), level)


def _second_year(orders: AnyOrders, seen: np.ndarray, level: float) -> Interval | None:
    if (watched := int(np.sum(seen >= 2 * WITHIN))) < FEWEST:
        return None
    with history(orders) as bought:
        in_second = bought.filter(
            (bought.age > WITHIN) & (bought.age <= 2 * WITHIN) & (days_seen(orders, bought) >= 2 * WITHIN)
        )
        came = int(in_second.customer.nunique().execute())
    return share_interval(came, watched, level)


def days_seen(orders: AnyOrders, table: Table) -> IntegerValue:
    """Days for which a customer was watched, from a table with the day of the ``first`` order."""
    return ibis.literal(orders.observation_end).delta(table["first"], unit="day").cast("int64")


def waiting_times(orders: AnyOrders, numbers: tuple[int, ...]) -> pd.DataFrame:
    """Days from the first to the n-th order of every customer, counted in the engine.

    Returns
    -------
    DataFrame
        One row a customer, by the day of the first order: first, seen (days since then), wait2, ... for each of the
        ``numbers``, NaN without such an order.
    """
    with history(orders) as bought:
        number = ibis.row_number().over(group_by="customer", order_by="day") + 1
        bought = bought.mutate(n=number)
        waits = {f"wait{n}": bought.age.min(where=bought.n == n) for n in numbers}
        each = bought.group_by("customer", "first").agg(**waits)
        return expanded(orders, each, *waits)


def expanded(orders: AnyOrders, each: Table, *names: str) -> pd.DataFrame:
    """One row a customer, expanded here from counts of those with the same values: first, seen, and the ``names``."""
    same = ["first", *names]
    cells = each.group_by(*same).agg(customers=each.count()).order_by(same).to_pandas()
    cells["first"] = cells["first"].astype("datetime64[s]")
    cells.insert(1, "seen", (pd.Timestamp(orders.observation_end) - cells["first"]).dt.days)
    people = cells.loc[cells.index.repeat(cells.pop("customers"))].reset_index(drop=True)
    return people.astype(dict.fromkeys(["seen", *names], float))


def cohorts_of(month: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of each customer's cohort, and the first month of each cohort; from datetime64[M]."""
    length = COHORT_MONTHS[cohort_kind(month)]
    values, member = np.unique(month.astype("datetime64[M]").astype(np.int64) // length, return_inverse=True)
    return member, (values * length).astype("datetime64[M]").astype("datetime64[s]")


def cohort_kind(month: np.ndarray) -> str:
    """What a cohort is, ``month``, ``quarter`` or ``year``, so that there are at most twelve; from days or months.

    >>> cohort_kind(np.array(["2024-01-05", "2025-06-01"], dtype="datetime64[D]"))
    'quarter'
    """
    span = np.ptp(month.astype("datetime64[M]").astype(np.int64))
    return next((kind for kind, length in COHORT_MONTHS.items() if span // length < MOST_COHORTS), "year")


def shares_by_age(waits: np.ndarray, seen: np.ndarray, level: float, ages: tuple[int, ...] = AGES) -> pd.DataFrame:
    """Kaplan-Meier's share who had the event by each age: age_days, customers, estimate, lower, upper, level.

    Parameters
    ----------
    waits, seen
        Days until the event (NaN: none yet) and days watched, shape (customers,).

    Examples
    --------
    >>> waits, seen = np.array([10.0, 40.0, np.nan, np.nan]), np.array([90.0, 90.0, 20.0, 90.0])
    >>> shares_by_age(waits, seen, 0.9, (30, 90))["estimate"].round(3).tolist()
    [0.25, 0.625]
    """
    time, had = watched(waits, seen)
    left = ecdf(CensoredData.right_censored(time, ~had)).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where nobody or everybody is left there is no interval
        around = left.confidence_interval(level, method="log-log")
    share, *ends = (1 - each.evaluate(ages) for each in (left, around.high, around.low))
    lower, upper = np.where((share > 0) & (share < 1), ends, share)
    frame = pd.DataFrame({"estimate": share, "lower": lower, "upper": upper})
    frame.loc[np.asarray(ages) > seen.max()] = np.nan
    frame.insert(0, "customers", len(waits))
    frame.insert(0, "age_days", ages)
    return frame.assign(level=level)


def log_rank(waits: np.ndarray, seen: np.ndarray, groups: np.ndarray) -> float:
    """P-value of the log-rank test that the event comes alike in all groups.

    A group in which nobody was watched until the first event counts for nothing; NaN where fewer than two are left.
    """
    time, had = watched(waits, seen)
    until_first = np.isin(groups, groups[time >= time[had].min(initial=np.inf)])
    time, had, groups = time[until_first], had[until_first], groups[until_first]
    if len(np.unique(groups)) < 2 or (had.all() and np.ptp(time) == 0):
        return float("nan")
    return float(survdiff(time, had, groups)[1])


def watched(waits: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How long each customer was watched for the event [days], and whether it came."""
    had = np.isfinite(waits)
    return np.where(had, waits, seen), had


def _pooled(waits: np.ndarray, seen: np.ndarray, groups: np.ndarray, differ: float, level: float) -> pd.DataFrame:
    if not differ < DIFFERENT:
        return shares_by_age(waits, seen, level).assign(pooled=True).dropna(subset=["estimate"]).reset_index(drop=True)
    youngest, rows = pd.Series(seen).groupby(groups).min(), []
    for age in AGES:
        if len(reached := youngest.index[youngest >= age]):
            newest = groups == reached.max()
            rows.append(shares_by_age(waits[newest], seen[newest], level, (age,)))
    empty = shares_by_age(waits, seen, level, ())
    return pd.concat(rows or [empty]).assign(pooled=False).reset_index(drop=True)


def _cells(orders: AnyOrders, margin: float, cost: float) -> pd.DataFrame:
    """By month of the first order and age: customers, how many reached it, and sums and squares of what they did."""
    with history(orders) as bought:
        sums = {f"n{age}": bought.count(where=bought.age <= age).cast("float64") for age in AGES}
        sums |= {f"m{age}": exact_sum(bought.amount, bought.age <= age) for age in AGES}
        each = bought.group_by("customer", "first").agg(**sums).cross_join(ibis.memtable({"age_days": AGES}))
        n, spent = (ibis.cases(*((each.age_days == age, each[f"{of}{age}"]) for age in AGES)) for of in "nm")
        each = each.select("first", "age_days", n=n, spent=spent)
        reached = days_seen(orders, each) >= each.age_days
        values = {"second_order": (each.n > 1).ifelse(1.0, 0.0), "repeat_orders": each.n - 1}
        values["margin"] = each.spent * margin - each.n * cost
        sums = {name: exact_sum(value, reached) for name, value in values.items()}
        sums |= {f"{name}_squares": exact_sum(value * value, reached) for name, value in values.items()}
        cells = each.group_by("age_days", month=each["first"].truncate("M"))
        cells = cells.agg(customers=each.count(), reached=each.count(where=reached), **sums)
        cells = cells.order_by("month", "age_days").to_pandas()
    if not orders.has_money:
        cells[["margin", "margin_squares"]] = np.nan
    return cells.astype({"month": "datetime64[s]"})


def _newer(cells: pd.DataFrame, level: float) -> pd.DataFrame:
    """Change a year of each measure at each age, from cohorts of the same calendar month; within months of the year."""
    rows = []
    whole = cells[cells["reached"] == cells["customers"]]
    for (age, part), measure in product(whole.groupby("age_days"), ("second_order", "repeat_orders", "margin")):
        n, total, squares = (part[name].to_numpy(dtype=float) for name in ("reached", measure, f"{measure}_squares"))
        month = part["month"].dt.month
        if not np.isfinite(total).all() or not month.duplicated().any():
            continue
        mean, of_year = total / n, pd.get_dummies(month, dtype=float)
        fit = WLS(mean, of_year.assign(year=part["month"].dt.year.astype(float)), weights=n).fit()
        variance = float((squares - total * mean).sum() / max(n.sum() - len(n), 1))
        # Cohorts may differ by more than the luck of their customers.
        error = np.sqrt(
            max(variance, fit.scale if fit.df_resid > 0 else 0.0) * fit.normalized_cov_params.loc["year", "year"]
        )
        detectable = (norm.ppf((1 + level) / 2) + norm.ppf(POWER)) * error
        told = {"measure": measure, "age_days": int(age), "before": total.sum() / n.sum()}
        change = Interval.normal(fit.params["year"], error, level)
        told |= {**vars(change), "detectable": detectable, "customers": int(n.sum())}
        rows.append(told)
    columns = ["measure", "age_days", "before", "estimate", "lower", "upper", "level", "detectable", "customers"]
    return pd.DataFrame(rows, columns=columns)
