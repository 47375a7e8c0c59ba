"""Groups of customers: segments of a report, RFM, and what customers of groups told apart by covariates are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.arguments import checked
from analysis.config import EconomicsConfig
from analysis.errors import DataError, UsageError
from analysis.time import DAYS_PER_YEAR, duration, force_of_interest
from analysis.value.intervals import ends
from analysis.value.shifts import expected_at_rest
from analysis.words import Message

if TYPE_CHECKING:
    from analysis.data import CustomerSummary, Orders
    from analysis.models.covariates import CovariateFit
    from analysis.models.spend import SpendFit


ENDS: Mapping[str, Mapping[str, float]] = {
    "orders": {"1": 1, "2-3": 3, "4-6": 6, "7+": np.inf},
    "recency": {"0-90": 90, "91-180": 180, "181-365": 365, "366+": np.inf},
    "value": {"top_tenth": 0.1, "next_four_tenths": 0.5, "lower_half": 1.0},
}
"""Dimension -> segment -> up to how many orders, days since the last one, or rank by expected value, highest first."""

LABELS: Mapping[str, Mapping[str, Message]] = {
    "orders": {"1": Message("1"), "2-3": Message("2 to 3"), "4-6": Message("4 to 6"), "7+": Message("7 and more")},
    "recency": {
        "0-90": Message("up to 90"), "91-180": Message("91 to 180"), "181-365": Message("181 to 365"),
        "366+": Message("more than a year"),
    },
    "value": {
        "top_tenth": Message("the top tenth"), "next_four_tenths": Message("the next four tenths"),
        "lower_half": Message("the lower half"),
    },
}  # fmt: skip
DIMENSIONS = {
    "orders": Message("Orders so far"), "recency": Message("Days since the last order"),
    "value": Message("Rank by expected value"),
}  # fmt: skip


def segment_of(dimension: str, measure: np.ndarray) -> pd.Series:
    """The segment of each customer in one dimension, as ordered categories."""
    return pd.Series(pd.cut(measure, [-1.0, *ENDS[dimension].values()], labels=list(ENDS[dimension])), name=dimension)


def segments_of(orders: np.ndarray, days_since_last: np.ndarray, worth: np.ndarray) -> pd.DataFrame:
    """Who is in which segment by number of orders, days since the last one, and rank of the expected worth.

    Columns as of ``members_of``; segments without customers are left out.
    """
    by_history = [segment_of("orders", orders), segment_of("recency", days_since_last)]
    return members_of({each.name: each for each in (*by_history, value_segment(worth))})


def value_segment(worth: np.ndarray) -> pd.Series:
    """The segment of each customer by the rank of the expected worth."""
    return segment_of("value", (pd.Series(-worth).rank(method="first").to_numpy() - 0.5) / len(worth))


def members_of(groups: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Whether each customer (rows) is in a group; columns dimension and segment."""
    members = {name: pd.get_dummies(group.reset_index(drop=True)) for name, group in groups.items()}
    found = pd.concat(members, axis=1, names=["dimension", "segment"])
    return found.loc[:, found.any()]


def by_id(values: pd.Series, ids: pd.Index, name: str) -> pd.Series:
    """Values by customer id in the order of ``ids``, missing where there is none; ``name`` is what errors call them.

    Raises
    ------
    DataError
        Where an id has two values, or there are values but of no customer.
    """
    if values.index.has_duplicates or (len(values) and not ids.isin(values.index).any()):
        own, found = (each[:1].tolist() for each in (ids, values.index))
        raise DataError(f"{name}: its index must hold customer ids such as {own}, each once; it begins with {found}")
    return values.reindex(ids)


@checked
def rfm(orders: Orders | CustomerSummary, groups: int = 3) -> pd.Series:
    """RFM groups: scores of recency, frequency and money from 1 (lowest) to ``groups``, by customer id.

    Customers are ranked by each of the three and cut into ``groups`` parts of equal size; equals share the lower score.

    Parameters
    ----------
    orders
        Orders, or the customers' histories. Without money the groups are of recency and frequency alone.

    Returns
    -------
    Series
        Text such as ``R3 F1 M2``, named ``rfm``.

    Examples
    --------
    >>> import analysis as rl
    >>> groups = rl.rfm(rl.read_orders({"sample": "cdnow"}))
    >>> groups.value_counts().head(2).to_dict()
    {'R3 F3 M3': 520, 'R1 F1 M1': 431}
    """
    if groups not in (allowed := range(2, 11)):
        raise UsageError(f"rfm: groups == {groups!r}, must be from {allowed[0]} to {allowed[-1]}")
    histories = getattr(orders, "histories", orders)
    table = histories.table
    measures = {"R": table["recency_days"] - table["T_days"], "F": table["orders"]}
    if "spent" in table:
        measures["M"] = table["spent"]
    scores = [
        name + (np.floor((values.rank(method="min") - 1) / len(table) * groups) + 1).astype(int).astype(str)
        for name, values in measures.items()
    ]
    text = scores[0].str.cat(scores[1:], sep=" ")
    return pd.Series(text.to_numpy(), index=histories.ids, name="rfm")


@checked
def value_by_group(
    fit: CovariateFit,
    spend: SpendFit,
    horizon: Any = "3Y",
    gross_margin: float = 0.3,
    annual_discount_rate: float = 0.1,
    cost_per_order: float = 0.0,
    level: float = 0.9,
) -> pd.DataFrame:
    """What a customer of each group is worth, and how groups differ.

    Parameters
    ----------
    fit
        A purchase model with covariates, such as ``rl.BGNBD(rate=["channel"]).fit(orders)``.
    spend
        The fitted spend model, of all customers together.

    Returns
    -------
    DataFrame, index group
        customers; estimate, lower, upper: what an average customer of today is still worth [currency], with its
        credible interval; new_customer and its ends: the same of a new customer, the first order included; difference
        and its ends: a new customer's from that of the largest group, with the same draws in both. What today's
        customers differ by is also the luck of their histories; what new ones differ by is not.

    Examples
    --------
    >>> import analysis as rl
    >>> from analysis.data import simulate_transactions
    >>> frame = simulate_transactions(300, seed=1)
    >>> frame["channel"] = frame["customer"].str[-1].lt("5").map({True: "web", False: "shop"})
    >>> columns = {"customer": "customer", "date": "date", "amount": "amount", "channel": "channel"}
    >>> orders = rl.read_orders(frame, **columns)
    >>> rl.value_by_group(rl.BGNBD(rate=["channel"]).fit(orders), rl.GammaGamma().fit(orders))["customers"].to_dict()
    {'channel=shop': 150, 'channel=web': 150}
    """
    years = duration(horizon) / DAYS_PER_YEAR
    money = {"gross_margin": gross_margin, "cost_per_order": cost_per_order}
    EconomicsConfig.checked(**money, horizon_years=years, annual_discount_rate=annual_discount_rate)
    today, new = {}, {}
    for label, group in fit.groups.items():
        delta = force_of_interest(annual_discount_rate, group.time_unit)
        base, each, first = expected_at_rest(group.known_histories(), group, spend, years, delta)
        today[label] = (gross_margin * base[1] - cost_per_order * base[2]) / group.customers
        new[label] = gross_margin * (first + each[1]) - cost_per_order * (1 + each[2])
    points, of_new = (_aligned(each) for each in (today, new))
    largest = int(fit.design["customers"].to_numpy().argmax())
    apart = ends(of_new - of_new[:, [largest]], level, "difference")
    columns = ends(points, level) | ends(of_new, level, "new_customer") | apart
    table = pd.DataFrame({"customers": fit.design["customers"], **columns}, index=list(today))
    return table.rename_axis("group")


def _aligned(by_group: Mapping[str, np.ndarray]) -> np.ndarray:
    """Shape (points, groups); the dearer the histories of a group, the fewer draws it has: the first ones."""
    draws = min(map(len, by_group.values()))
    return np.array([each[:draws] for each in by_group.values()]).T
