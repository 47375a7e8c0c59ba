"""Alerts: whether the last month was out of the ordinary, on any rung or in any cohort, with few false ones.

Each month's share is set against that of the same month a year before, so that season and a steady trend are none; how
far such changes vary from month to month, earlier ones say. Together all series give at most one false alert a year on
average, however often a report is made: the last whole month is one look, and a year has twelve.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis
import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import t as student

from analysis.arguments import checked
from analysis.errors import Unavailable
from analysis.value.history import AnyOrders, history, left_truncation
from analysis.value.lives import waiting_times
from analysis.words import Message

LOOKS, FALSE_ALERTS = 12, 1.0
"""A year, and how many false alerts it may bring on average."""
FEWEST, FEWEST_CHANGES = 30, 12
"""Customers of a month, and earlier changes from one year to the next."""
AGAIN_DAYS = 60
COLUMNS = ["series", "month", "customers", "share", "expected", "lower", "upper", "level", "alert"]


@checked
def alerts(orders: AnyOrders, member_orders: int = 3) -> pd.DataFrame:
    """The last whole month against what the months before it let expect.

    Of those who ordered in the twelve months before a month, the share that orders in it, by orders so far
    (``shopper``: one, ``customer``, ``member``: at least ``member_orders``); and of the new customers of a month
    (``new``) the share with a second order within 60 days.

    The change d of the log odds from the same month a year before is normal with the mean and the deviation s of the J
    changes before it, so the bounds are mean +/- t(J - 1) s sqrt(1 + 1/J), at the level 1 - 1 / (12 k) for k series.

    Returns
    -------
    DataFrame
        One row a series: series, month (its first day), customers, share, expected, lower, upper, level, alert (whether
        the share is outside).

    Raises
    ------
    Unavailable
        Where no series is long enough: two years, and more than a year of whole months before the last.

    Examples
    --------
    >>> import analysis as rl
    >>> alerts(rl.read_orders({"sample": "simulated-shop"}))[["series", "alert"]].to_numpy().tolist()
    [['shopper', False], ['customer', False], ['member', False], ['new', False]]
    """
    series = monthly_shares(orders, member_orders)
    return judged({name: rows for name, rows in series.items() if len(rows)})


def monthly_shares(orders: AnyOrders, member_orders: int) -> dict[str, pd.DataFrame]:
    """Series -> customers and hits by whole month, index month (months since 1970)."""
    after = np.datetime64(orders.observation_end) + np.timedelta64(1, "D")
    last = int(after.astype("datetime64[M]").astype(int)) - 1
    with history(orders) as bought:
        month = (bought.day.year() - 1970) * 12 + bought.day.month() - 1
        placed = bought.group_by("customer", month=month.cast("int64")).agg(n=bought.count())
        ordered = {"group_by": "customer", "order_by": "month"}
        so_far, next_month = placed.n.sum().over(rows=(None, 0), **ordered), placed.month.lead().over(**ordered)
        state = placed.mutate(orders=so_far, gap=(next_month - placed.month).coalesce(LOOKS + 1))
        state = state.cross_join(ibis.memtable({"ahead": range(1, LOOKS + 1)}))
        state = state.filter((state.ahead <= state.gap) & (state.month + state.ahead <= last))
        later = state.mutate(
            month=state.month + state.ahead,
            series=ibis.cases(
                (state.orders == 1, "shopper"), (state.orders < member_orders, "customer"), else_="member"
            ),
            hit=state.ahead == state.gap,
        )
        counts = {"customers": later.count(), "hits": later.count(where=later.hit)}
        found = later.group_by("month", "series").agg(**counts).order_by("month").to_pandas()
    series = {name: found[found["series"] == name].set_index("month") for name in ("shopper", "customer", "member")}
    if not left_truncation(orders):
        lives = waiting_times(orders, (2,))
        month, hits = lives["first"].to_numpy().astype("datetime64[M]").astype(int), lives["wait2"] <= AGAIN_DAYS
        new = hits.groupby(month).agg(["size", "sum"]).rename_axis("month")
        followed = int((after - np.timedelta64(AGAIN_DAYS, "D")).astype("datetime64[M]").astype(int)) - 1
        series["new"] = new.set_axis(["customers", "hits"], axis=1).loc[:followed]
    return series


def judged(series: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The last month of each series that is long enough, against the changes before it."""
    rows = []
    for name, months in series.items():
        odds = logit((months["hits"] + 0.5) / (months["customers"] + 1)).where(months["customers"] >= FEWEST)
        odds = odds.reindex(range(months.index[0], months.index[-1] + 1))
        *before, change = odds.diff(12).to_numpy()
        before = np.array(before)[np.isfinite(before)]
        if np.isfinite(change) and len(before) >= FEWEST_CHANGES:
            rows.append((name, months.index[-1], months.iloc[-1], odds.iloc[-13], before))
    if not rows:
        raise Unavailable(
            "Whether a month is out of the ordinary takes more than two years of whole months before it, with enough "
            "customers in each."
        )
    level, told = 1 - FALSE_ALERTS / (LOOKS * len(rows)), []
    for name, month, last, year_ago, before in rows:
        spread = before.std(ddof=1) * np.sqrt(1 + 1 / len(before))
        reach = student.ppf((1 + level) / 2, len(before) - 1) * spread
        share, ends = last["hits"] / last["customers"], expit(year_ago + before.mean() + np.array([0, -reach, reach]))
        is_out = not ends[1] <= share <= ends[2]
        day = pd.Timestamp(np.datetime64(int(month), "M")).as_unit("s")
        told.append((name, day, int(last["customers"]), share, *ends, level, is_out))
    return pd.DataFrame(told, columns=COLUMNS)


def alerts_said(found: pd.DataFrame, member_orders: int) -> list[Message]:
    """Each alert of ``alerts`` in a sentence."""
    return [_said(row, member_orders) for row in found[found["alert"]].to_dict("records")]


def _said(row: Mapping[str, Any], member_orders: int) -> Message:
    if row["series"] == "new":
        return Message(
            "**Out of the ordinary: {share:percent1} of the new customers of {month:month} ordered again within "
            "{days:integer} days**; {lower:percent1} to {upper:percent1} was to be expected.",
            days=AGAIN_DAYS,
            **row,
        )
    whom = {
        "shopper": Message("customers with one order"),
        "customer": Message("customers with a few orders"),
        "member": Message("customers with {k:integer} orders or more", k=member_orders),
    }
    return Message(
        "**Out of the ordinary: in {month:month} {share:percent1} of the {whom} ordered again**; "
        "{lower:percent1} to {upper:percent1} was to be expected.",
        whom=whom[row["series"]],
        **row,
    )
