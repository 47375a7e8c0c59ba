"""Cohorts by age: who had come back by then, what they had brought, and whether newer cohorts do as well as older ones.

A customer's age is counted from the first order. Nothing is modelled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm, quantile_test
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from analysis.data import Orders
from analysis.interval import Interval
from analysis.value.history import first_order_days, history
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
SHORTEST, FEWEST = 548, 30
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


def lives_of(orders: Orders, margin: float = 1.0, cost: float = 0.0, level: float = 0.9) -> Lives:
    """Cohorts of orders whose first ones are known; an order leaves ``margin`` of its amount less ``cost``.

    References
    ----------
    .. [1] Kaplan, Meier (1958), Journal of the American Statistical Association 53(282).
    .. [2] Mantel (1966), Cancer Chemotherapy Reports 50(3).
    """
    waits = waiting_times(orders, (2,))
    seen = orders.histories.table["T_days"].to_numpy(dtype=float)
    first = first_order_days(orders).astype("datetime64[M]")
    groups, names = cohorts_of(first)
    differ = log_rank(waits[2], seen, groups)
    cells = _cells(orders, first, margin, cost)
    rows = [
        shares_by_age(waits[2][groups == number], seen[groups == number], level).assign(cohort=name)
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
        second_order=_pooled(waits[2], seen, groups, differ, level),
        differ=differ,
        newer=_newer(cells, level),
        remind_days=remind_days(waits[2], seen, level),
        second_year=_second_year(orders, seen, level),
        kind=cohort_kind(first),
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


def _second_year(orders: Orders, seen: np.ndarray, level: float) -> Interval | None:
    watched = np.flatnonzero(seen >= 2 * WITHIN)
    if len(watched) < FEWEST:
        return None
    with history(orders, watched=pd.DataFrame({"customer": watched})) as (connection, occasions):
        (came,) = connection.execute(f"""
            SELECT count(DISTINCT customer) FROM {occasions} JOIN watched USING (customer)
            WHERE age > {WITHIN} AND age <= {2 * WITHIN}""").fetchone()
    return share_interval(came, len(watched), level)


def waiting_times(orders: Orders, numbers: tuple[int, ...]) -> dict[int, np.ndarray]:
    """Days from the first to the n-th order of each customer, NaN without one, by n."""
    found = {number: np.full(orders.customers, np.nan) for number in numbers}
    with history(orders) as (connection, occasions):
        picked = ", ".join(f"ages[{number}] AS age{number}" for number in numbers)
        table = connection.execute(f"""
            SELECT customer, {picked}
            FROM (SELECT customer, min(age, {max(numbers)}) AS ages FROM {occasions} GROUP BY customer)""").df()
    for number, waits in found.items():
        waits[table["customer"]] = table[f"age{number}"]
    return found


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
    curve = SurvfuncRight(*watched(waits, seen))
    at = np.searchsorted(curve.surv_times, ages, side="right")
    share, spread = np.append(1.0, curve.surv_prob)[at], np.append(0.0, curve.surv_prob_se)[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        # The ends on the scale of log(-log(share left)), so that they stay between 0 and 1.
        reach = np.exp(norm.ppf((1 + level) / 2) * spread / (share * np.log(share)))
        ends = np.where((share > 0) & (share < 1), [1 - share ** (1 / reach), 1 - share**reach], 1 - share)
    ends = np.sort(ends, axis=0)
    unseen = np.asarray(ages) > seen.max(initial=-1.0)
    columns = {"estimate": 1 - share, "lower": ends[0], "upper": ends[1]}
    frame = pd.DataFrame({name: np.where(unseen, np.nan, values) for name, values in columns.items()})
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


def _cells(orders: Orders, first: np.ndarray, margin: float, cost: float) -> pd.DataFrame:
    """By month of the first order and age: customers, how many reached it, and sums and squares of what they did."""
    table = pd.DataFrame({"customer": np.arange(len(first)), "month": first.astype("datetime64[s]")})
    table["seen"] = orders.histories.table["T_days"].to_numpy()
    money = "CAST(amount AS DOUBLE)" if orders.has_money else "NULL"
    per_age = "CASE WHEN seen >= age_days THEN {} END"
    with history(orders, lives=table) as (connection, occasions):
        by_age = ", ".join(
            f"count(*) FILTER (age <= {age}) AS n{age}, sum({money}) FILTER (age <= {age}) AS m{age}" for age in AGES
        )
        measures = " UNION ALL ".join(
            f"SELECT month, seen, {age} AS age_days, CAST(n{age} - 1 AS DOUBLE) AS repeats, "
            f"{margin!r} * m{age} - {cost!r} * n{age} AS margin FROM customers"
            for age in AGES
        )
        sums = ", ".join(
            f"sum({per_age.format(what)}) AS {name}, sum({per_age.format(f'power({what}, 2)')}) AS {name}_squares"
            for name, what in (
                ("second_order", "CAST(repeats > 0 AS DOUBLE)"),
                ("repeat_orders", "repeats"),
                ("margin", "margin"),
            )
        )
        cells = connection.execute(f"""
            WITH customers AS (
                SELECT customer, any_value(month) AS month, any_value(seen) AS seen, {by_age}
                FROM {occasions} JOIN lives USING (customer) GROUP BY customer)
            SELECT CAST(month AS DATE) AS month, CAST(age_days AS BIGINT) AS age_days, count(*) AS customers,
                   count(*) FILTER (seen >= age_days) AS reached, {sums}
            FROM ({measures}) GROUP BY ALL ORDER BY ALL""").df()
    cells["month"] = cells["month"].astype("datetime64[s]")
    return cells


def _newer(cells: pd.DataFrame, level: float) -> pd.DataFrame:
    """Change a year of each measure at each age, from cohorts of the same calendar month; within months of the year."""
    rows, z = [], norm.ppf((1 + level) / 2)
    whole = cells[cells["reached"] == cells["customers"]]
    for (age, measure), part in (
        ((age, measure), part)
        for age, part in whole.groupby("age_days")
        for measure in ("second_order", "repeat_orders", "margin")
    ):
        n, total, squares = (part[name].to_numpy(dtype=float) for name in ("reached", measure, f"{measure}_squares"))
        month = part["month"].to_numpy().astype("datetime64[M]").astype(np.int64)
        year, of_year = month // 12, month % 12
        weight = np.bincount(of_year, n, 12)[of_year]
        x = year - np.bincount(of_year, n * year, 12)[of_year] / weight
        lever = float(n @ x**2)
        if lever == 0 or not np.isfinite(total).all():
            continue
        mean = total / n
        variance = float((squares - total * mean).sum() / max(n.sum() - len(n), 1))
        y = mean - np.bincount(of_year, n * mean, 12)[of_year] / weight
        slope = float(n @ (x * y)) / lever
        freedom = len(n) - len(np.unique(of_year)) - 1
        # Cohorts may differ by more than the luck of their customers.
        spread = float(n @ (y - slope * x) ** 2) / max(freedom, 1)
        error = np.sqrt(max(variance, spread if freedom > 0 else 0.0) / lever)
        rows.append(
            {
                "measure": measure,
                "age_days": int(age),
                "before": total.sum() / n.sum(),
                "estimate": slope,
                "lower": slope - z * error,
                "upper": slope + z * error,
                "level": level,
                "detectable": (z + norm.ppf(POWER)) * error,
                "customers": int(n.sum()),
            }
        )
    columns = ["measure", "age_days", "before", "estimate", "lower", "upper", "level", "detectable", "customers"]
    return pd.DataFrame(rows, columns=columns)
