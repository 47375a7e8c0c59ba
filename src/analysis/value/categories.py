"""What customers buy next, and when what they bought runs out, by category: that of the largest line of an order.

What a customer bought before says what comes next [1]_: a table of transitions from one order's category to the next
one's, each row drawn towards the shares of all the more, the less is known of it. A category runs out where the rate of
further orders of it peaks at an age: those after which it is bought again anyhow have none.

References
----------
.. [1] Knott, Hayes, Neslin (2002), Next-product-to-buy models for cross-selling applications, Journal of Interactive
   Marketing 16(3):59-75.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import DateValue, IntegerValue, Table
from scipy.optimize import minimize_scalar
from scipy.special import gammaln
from scipy.stats import norm

from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.value.history import AnyOrders, by_customer, history, of_each
from analysis.value.intervals import picks_compared

MOST_CATEGORIES = 300
"""The most frequent ones, of which transitions are counted."""
AGES = np.unique(np.round(np.geomspace(5, 180, 70)).astype(int))
NEAR = 1.25
"""An age is within this factor of another where they count as one peak; the ages around reach to twice as far."""
OFFERED = 3
"""Categories of which the next order must be one, for the rule to have been right."""
FEWEST, FALSE_PEAKS, LEAST_RATIO = 30, 0.01, 2.0


def next_categories(orders: AnyOrders, until: dt.date | None = None) -> pd.DataFrame:
    """Chance of the next order's category by that of the last one, rows last, columns next; each row adds up to 1.

    Of n_ij transitions from i to j, n_i in all, and the share q_j of j among all of them it is
    (n_ij + s q_j) / (n_i + s), with s of the highest Dirichlet-multinomial likelihood over all rows.

    Parameters
    ----------
    until
        The last day that counts; without it all.

    Raises
    ------
    Unavailable
        Without a category of the orders, or with fewer than two of them one after the other.

    Examples
    --------
    >>> import analysis as rl
    >>> rows = [(who, f"2025-{month:02}-05", 1, kind) for who in range(40) for month, kind in enumerate("abab", 1)]
    >>> table = pd.DataFrame(rows, columns=["customer", "date", "amount", "kind"])
    >>> names = {"customer": "customer", "date": "date", "amount": "amount", "category": "kind"}
    >>> next_categories(rl.read_orders(table, **names)).round(2).to_numpy().tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    with _bought(orders, until) as bought:
        pairs = bought.mutate(next=bought.category.lead().over(group_by="customer", order_by="day"))
        pairs = pairs.filter(pairs.next.notnull())
        counts = pairs.group_by("category", "next").agg(orders=pairs.count()).to_pandas()
    most = counts.groupby("next")["orders"].sum().sort_index().nlargest(MOST_CATEGORIES).index.sort_values()
    seen = counts.pivot(index="category", columns="next", values="orders").reindex(index=most, columns=most).fillna(0.0)
    if len(most) < 2:
        raise Unavailable("No two categories were bought one after the other.")
    n, prior = seen.to_numpy(), seen.sum().to_numpy() / seen.to_numpy().sum()

    def minus_log_likelihood(log_s: float) -> float:
        own = np.exp(log_s) * prior
        cells = gammaln(n + own) - gammaln(own)
        return -float(cells.sum() + (gammaln(own.sum()) - gammaln(n.sum(axis=1) + own.sum())).sum())

    s = np.exp(minimize_scalar(minus_log_likelihood, bounds=(-3.0, 15.0), method="bounded").x)
    return (seen + s * prior).div(n.sum(axis=1) + s, axis=0)


def run_out_times(orders: AnyOrders, until: dt.date | None = None, level: float = 0.9) -> pd.DataFrame:
    """After how many days a category is bought again, where the rate of further orders of it peaks at an age.

    The rate within 25% of an age is set against that of the ages around, from half of it to twice as much; customers
    who have not bought it again count as long as they were seen.

    Returns
    -------
    DataFrame, index category
        days (median age at the peak), lower, upper, level; opens and closes (days between which four in five of those
        orders lie), orders (at the peak), ratio (of the rate to that around). Categories without a peak are left out.

    Raises
    ------
    Unavailable
        Without a category of the orders.

    Examples
    --------
    >>> import analysis as rl
    >>> rng, days = np.random.default_rng(1), pd.Timestamp("2025-01-01")
    >>> rows = [(who, days + pd.Timedelta(days=int(d)), 1, "tea")
    ...         for who in range(200) for d in (who, who + rng.normal(45, 3), who + rng.uniform(60, 500))]
    >>> table = pd.DataFrame(rows, columns=["customer", "date", "amount", "kind"])
    >>> names = {"customer": "customer", "date": "date", "amount": "amount", "category": "kind"}
    >>> run_out_times(rl.read_orders(table, **names)).loc["tea", ["days", "opens", "closes"]].round().tolist()
    [45.0, 41.0, 48.0]
    """
    end = until or orders.observation_end
    with _bought(orders, until) as bought:
        following = bought.day.lead().over(group_by=["customer", "category"], order_by="day")
        pairs = bought.mutate(gap=_days(following.coalesce(end), bought.day), again=following.notnull())
        gaps = pairs.group_by("category", "gap", "again").agg(orders=pairs.count()).to_pandas()
    found, tests = {}, len(AGES) * max(gaps["category"].nunique(), 1)
    for category, rows in gaps.groupby("category"):
        if (peak := _peak(rows, norm.isf(FALSE_PEAKS / tests))) is not None:
            found[category] = {**peak, **vars(Interval.normal(peak["days"], peak.pop("error"), level))}
    columns = ["days", "lower", "upper", "level", "opens", "closes", "orders", "ratio"]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns).rename_axis("category")


def _peak(gaps: pd.DataFrame, least: float) -> dict[str, float] | None:
    """The age at which the rate stands out most against the ages around, if it does by ``least`` errors."""
    size = 2 * AGES[-1] + 2
    known = gaps[gaps["again"]]
    again = np.bincount(np.minimum(known["gap"], size - 1), known["orders"], size)
    seen = np.bincount(np.minimum(gaps["gap"], size - 1), gaps["orders"], size)[::-1].cumsum()[::-1]
    day, best = np.arange(size), None
    for age in AGES:
        inside = (day > age / NEAR) & (day <= age * NEAR)
        around = (day > age / 2) & (day <= age * 2) & ~inside
        expected = seen[inside].sum() * again[around].sum() / max(seen[around].sum(), 1)
        error = np.sqrt(max(expected, 1.0) * (1 + seen[inside].sum() / max(seen[around].sum(), 1)))
        z, ratio = (again[inside].sum() - expected) / error, again[inside].sum() / max(expected, 1e-9)
        if z > least and ratio >= LEAST_RATIO and again[inside].sum() >= FEWEST and (best is None or z > best[0]):
            best = z, ratio, inside
    if best is None:
        return None
    ages = np.repeat(day[best[2]], again[best[2]].astype(int))
    opens, days, closes = np.quantile(ages, [0.1, 0.5, 0.9])
    error = np.sqrt(np.pi / 2 / len(ages)) * ages.std(ddof=1)  # of a median
    return {"days": days, "error": error, "opens": opens, "closes": closes, "orders": len(ages), "ratio": best[1]}


def bought_next(orders: AnyOrders, chances: pd.DataFrame, until: dt.date | None = None) -> pd.DataFrame:
    """The category of each customer's last order, and of the first one after ``until``; missing where there is none.

    Returns
    -------
    DataFrame, index position in ``orders.histories.table``
        last, following, likeliest (the next one by ``chances``).
    """
    end = until or orders.observation_end
    with _bought(orders) as bought:
        ends = {
            "last": bought.category.argmax(bought.day, where=bought.day <= end),
            "following": bought.category.argmin(bought.day, where=bought.day > end),
        }
        found = of_each(orders, bought.group_by("customer").agg(**ends))
    return found.assign(likeliest=found["last"].map(chances.idxmax(axis=1)))


def due_categories(orders: AnyOrders, times: pd.DataFrame, within: float, until: dt.date | None = None) -> pd.DataFrame:
    """What customers hold of categories that run out, one row a customer and category.

    Returns
    -------
    DataFrame
        customer (position in ``orders.histories.table``), category, since (days since the last order of it), again
        (whether the next one came within ``within`` days after ``until``), and days, opens and closes of ``times``,
        due (whether the days between ``opens`` and ``closes`` begin within ``within`` days and are not over).
    """
    end = until or orders.observation_end
    with _bought(orders) as bought:
        later = bought.day > end
        last, following = bought.day.max(where=~later), bought.day.min(where=later)
        held = bought.group_by("customer", "category").agg(
            since=_days(ibis.literal(end), last), again=(_days(following, ibis.literal(end)) <= within).coalesce(False)
        )
        found = by_customer(orders, held.filter(held.since.notnull()))
    found = found.sort_values(["customer", "category"], ignore_index=True)
    found = found.merge(times[["days", "opens", "closes"]].reset_index(), on="category")
    return found.assign(due=(found["since"] + within >= found["opens"]) & (found["since"] <= found["closes"]))


def backtest_categories(
    orders: AnyOrders, until: dt.date, within: float, guessed: np.ndarray, awake: np.ndarray
) -> dict[str, dict]:
    """Both rules by what was known on a day, against naive ones, by list as rows of ``ContactLists.tests``.

    Next category: whether the next order's is among the three likeliest, against the three most frequent ones, of the
    customers ``guessed``. Run-out: whether the same category came within so many days, of what is due first of each
    customer ``awake``, and of as many of them by one number of days for all.
    """
    chances, found = next_categories(orders, until), {}
    known = bought_next(orders, chances, until)[guessed].dropna()
    if len(known) >= FEWEST and len(chances) > OFFERED:
        names = chances.columns.to_numpy()
        ranked = names[np.argsort(-chances.to_numpy(), axis=1, kind="stable")[:, :OFFERED]]
        own = ranked[chances.index.get_indexer(known["last"])]
        with _bought(orders, until) as bought:
            often = bought.group_by("category").agg(n=bought.count())
            popular = often.order_by(ibis.desc("n"), "category").limit(OFFERED).category.to_pandas()
        hit = (own == known["following"].to_numpy()[:, None]).any(axis=1)
        naive = known["following"].isin(popular).to_numpy()
        error = (hit.astype(float) - naive).std() / np.sqrt(len(known))
        found["next_category"] = {"hit": hit.mean(), "hit_naive": naive.mean(), "error": error, "right": "one_of_three"}
    held = due_categories(orders, times := run_out_times(orders, until), within, until)
    held = held[awake[held["customer"]]].reset_index(drop=True)
    if held["due"].any():
        fixed = np.average(times["days"], weights=times["orders"])
        off = [(held["days"] - held["since"])[held["due"]], (held["since"] + within / 2 - fixed).abs()]
        due, fixed = (held.loc[each.sort_values(kind="stable").index].drop_duplicates("customer").index for each in off)
        found["run_out"] = picks_compared(held["again"].to_numpy(dtype=float), due, fixed[: len(due)])
        found["run_out"]["right"] = "same_again"
    return found


def _days(day: DateValue, before: DateValue) -> IntegerValue:
    return day.delta(before, unit="day").cast("int64")


@contextmanager
def _bought(orders: AnyOrders, until: dt.date | None = None) -> Iterator[Table]:
    """The occasions of a known category up to a day."""
    if "category" not in orders.days.columns:
        raise Unavailable(
            "What runs out and what is bought next need the category of each order (`data.columns.category`)."
        )
    with history(orders) as bought:
        yield bought.filter(bought.category.notnull() & (bought.day <= (until or orders.observation_end)))
