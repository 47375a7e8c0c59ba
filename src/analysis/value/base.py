"""The customer base from period to period and from cohort to cohort: who came, stayed or left, and what that did.

A customer counts in a period who ordered in it. Every row and every cent of the orders is in exactly one place.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from analysis.arguments import checked
from analysis.config import EconomicsConfig
from analysis.data.expressions import whole
from analysis.data.ledger import Outcome, Reason
from analysis.errors import Unavailable, UsageError
from analysis.plotting import Plots
from analysis.tables import Result
from analysis.value.history import AnyOrders, entered, exact, history, left_truncation
from analysis.value.lives import Lives, lives_of
from analysis.value.retention import months_before
from analysis.words import Message

LENGTHS = (12, 6, 3, 1)
"""Months of a period, the first that the data hold twice."""
DRIVERS = ("customers", "active", "orders", "order_value", "margin")


@dataclass(frozen=True, repr=False)
class CustomerBase(Result):
    """The customer base over time.

    Attributes
    ----------
    months
        Length of a period.
    bridge
        One row a period, oldest first, each ending where the next begins and the last on the last day of the data:
        start, end, complete (whether it and the one before are whole); opening (customers who ordered in the period
        before), new (first order in this one), came_back (ordered before, not in the period before), lost (ordered in
        the period before, not in this one), kept, closing = opening + new + came_back - lost; retention = (closing -
        new) / opening, the articles' rate; and in money [currency] opening_revenue, new_revenue, came_back_revenue,
        lost_revenue, more and less (what those kept spent more and less), closing_revenue. The closing revenues and
        ``refunds_beyond`` add up to what the ledger counts.
    refunds_beyond
        Refunds that exceed the orders they could be set against, zero or negative [currency].
    drivers
        One row for each complete row of the bridge: start, end, change of margin against the period before [currency],
        and its parts customers (who have ever ordered), active (share of them that ordered), orders (of an active
        customer), order_value and margin (left of a unit of revenue), which add up to it.
    deciles
        The customers of the last period by what they spent, the best tenth first: decile, customers, orders, revenue
        [currency], share of the revenue (without money of the orders).
    first_seen
        Why "new" means not seen before, under left truncation; None where first orders are known.
    known_lives
        Cohorts by age; None under left truncation.
    has_money
        Whether there are amounts.
    """

    months: int
    bridge: pd.DataFrame
    refunds_beyond: float
    drivers: pd.DataFrame
    deciles: pd.DataFrame
    first_seen: Message | None
    known_lives: Lives | None
    has_money: bool

    main = "bridge"
    plot = Plots("analysis.value.plots", "bridge", "drivers", "second_order")

    @property
    def lives(self) -> Lives:
        """Cohorts by age; raises Unavailable where first orders are not known."""
        if self.known_lives is None:
            raise Unavailable(self.first_seen)
        return self.known_lives

    @property
    def complete(self) -> pd.DataFrame:
        """The rows of the bridge that compare two whole periods."""
        return self.bridge[self.bridge["complete"]]


@checked
def customer_base(
    orders: AnyOrders,
    *,
    months: int | None = None,
    gross_margin: float = 1.0,
    cost_per_order: float = 0.0,
    level: float = 0.9,
) -> CustomerBase:
    """The bridge of customers and of revenue, what drove the change, deciles, and cohorts by age.

    Parameters
    ----------
    months
        Length of a period; without it the longest of 12, 6, 3 and 1 that the data hold twice.
    gross_margin, cost_per_order
        Share of an order's amount that is left, and a further cost of each order [currency]; by default margin is
        revenue.
    level
        Level of the intervals of cohorts.

    Raises
    ------
    Unavailable
        Where the data do not hold two periods.

    References
    ----------
    .. [1] Fader, Hardie, Ross (2022), The Customer-Base Audit.
    .. [2] Ang (2005), Energy Policy 33(7): the additive logarithmic mean Divisia index of ``drivers``.

    Examples
    --------
    >>> import analysis as rl
    >>> base = rl.customer_base(rl.read_orders({"sample": "cdnow"}))
    >>> base.bridge[["opening", "new", "came_back", "lost", "closing"]].values.tolist()
    [[0, 2357, 0, 0, 2357], [2357, 0, 0, 1738, 619], [619, 0, 193, 297, 515]]
    >>> base.drivers.iloc[-1][["change", "active", "orders", "order_value"]].astype(float).round(2).tolist()
    [-12229.46, -8962.64, -2491.06, -775.76]
    """
    EconomicsConfig.checked(gross_margin=gross_margin, cost_per_order=cost_per_order)
    if months is not None and months < 1:
        raise UsageError(f"months == {months}, must be at least 1")
    months, edges, short = periods_of(orders, months)
    flows, deciles = flows_of(orders, edges)
    bridge, truncated = _bridge(edges, short, flows), left_truncation(orders)
    # What is paid back in the row of an order is off that order already.
    ledger = orders.ledger[
        (orders.ledger["outcome"] != Outcome.DROPPED) & (orders.ledger["reason"] != Reason.REFUND_IN_COLUMN)
    ]
    counted = float(ledger["amount"].sum()) if orders.has_money else 0.0
    return CustomerBase(
        months=months,
        bridge=bridge,
        refunds_beyond=round(counted - float(bridge["closing_revenue"].sum()), 6) + 0.0,
        drivers=_drivers(orders, bridge, flows, gross_margin, cost_per_order),
        deciles=deciles,
        first_seen=truncated,
        known_lives=None if truncated else lives_of(orders, gross_margin, cost_per_order, level),
        has_money=orders.has_money,
    )


def periods_of(orders: AnyOrders, months: int | None) -> tuple[int, list[dt.date], int]:
    """Length of a period; the last day before the first period and of each; how many of them are cut short."""
    end, before = orders.observation_end, orders.observation_start - dt.timedelta(days=1)
    for length in LENGTHS if months is None else (months,):
        most = (end.year - before.year + 1) * 12 // length + 1
        whole = [edge for step in range(most + 1) if (edge := months_before(end, length * step)) >= before][::-1]
        if len(whole) > 2:
            short = [before] * (whole[0] > before)
            return length, [*short, *whole], len(short)
    raise Unavailable(
        "Comparing periods needs two of them; the data hold {days:days}.",
        code="base.reason.too_short", days=(end - before).days,
    )  # fmt: skip


def flows_of(
    orders: AnyOrders, edges: list[dt.date], earned: np.ndarray | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Totals of each period and fate of customers, and the deciles of the last period.

    With ``earned``, whether a customer was won by a referral, the fate ``new`` is told as ``earned`` and ``bought``.
    """
    with history(orders) as bought:
        inside = bought.filter((bought.day > edges[0]) & (bought.day <= edges[-1]))
        ends = [(inside.day <= end, period) for period, end in enumerate(edges[1:])]
        placed = inside.mutate(period=ibis.cases(*ends).cast("int64"), money=exact(inside.amount))
        sums = {"orders": placed.count(), "revenue": exact(placed.money.sum()), "is_new": placed.age.min() == 0}
        cells = placed.group_by("customer", "period").agg(**sums)
        if earned is not None:
            cells = cells.join(entered(orders, earned=earned), "customer")
        of_new = ibis.literal("new") if earned is None else cells.earned.ifelse("earned", "bought")
        now = cells.mutate(fate=cells.is_new.ifelse(of_new, "came_back"), placed=cells.orders)
        past = cells.select(was="customer", next=cells.period + 1, past=cells.revenue)
        both = now.outer_join(past, [now.customer == past.was, now.period == past.next])
        both = both.select(
            period=both.period.coalesce(both.next),
            fate=ibis.cases((both.customer.isnull(), "lost"), (both.was.notnull(), "kept"), else_=both.fate),
            orders=both.placed.coalesce(0),
            revenue=exact(both.revenue.coalesce(0)),
            before=exact(both.past.coalesce(0)),
        )
        change = both.revenue - both.before
        totals = {"orders": both.orders.sum(), "revenue": both.revenue.sum(), "before": both.before.sum()}
        totals |= {
            "more": change.sum(where=change > 0).coalesce(0),
            "less": (-change).sum(where=change < 0).coalesce(0),
        }
        totals = {name: value.cast("float64") for name, value in totals.items()}
        both = both.filter(both.period < len(ends))
        flows = both.group_by("period", "fate").agg(customers=both.count(), **totals)
        last = cells.filter(cells.period == len(ends) - 1)
        rank = last.revenue if orders.has_money else last.orders
        ranked = last.mutate(decile=ibis.ntile(10).over(order_by=[rank.desc(), last.customer]).cast("int64") + 1)
        sums = {"orders": whole(ranked.orders.sum()), "revenue": ranked.revenue.sum().cast("float64")}
        deciles = ranked.group_by("decile").agg(customers=ranked.count(), **sums).order_by("decile").to_pandas()
        flows = flows.to_pandas()
    ranked_by = deciles["revenue" if orders.has_money else "orders"].astype(float)
    return flows, deciles.assign(share=ranked_by / (ranked_by.sum() or np.nan))


def _bridge(edges: list[dt.date], short: int, flows: pd.DataFrame) -> pd.DataFrame:
    """The bridge from the totals of each fate."""
    rows, columns = pd.RangeIndex(len(edges) - 1), ["new", "came_back", "kept", "lost"]
    measures = pd.MultiIndex.from_product([["customers", "revenue", "before", "more", "less"], columns])
    wide = flows.pivot(index="period", columns="fate").reindex(rows, columns=measures).fillna(0)
    people, money, before = wide["customers"].astype("int64"), wide["revenue"], wide["before"]
    days = pd.to_datetime(edges).as_unit("s")
    bridge = pd.DataFrame({"start": days[:-1] + pd.Timedelta(days=1), "end": days[1:]})
    bridge["complete"] = bridge.index > short
    bridge["opening"] = people["kept"] + people["lost"]
    bridge[columns] = people
    bridge["closing"] = people["new"] + people["came_back"] + people["kept"]
    bridge["retention"] = (bridge["closing"] - bridge["new"]) / bridge["opening"].where(bridge["opening"] > 0)
    bridge["opening_revenue"] = before.sum(axis=1)
    for name in ("new", "came_back"):
        bridge[f"{name}_revenue"] = money[name]
    bridge["lost_revenue"] = before["lost"]
    bridge["more"], bridge["less"] = wide["more"]["kept"], wide["less"]["kept"]
    bridge["closing_revenue"] = money.sum(axis=1)
    return bridge.round({name: 6 for name in bridge if name in MONEY_COLUMNS})


MONEY_COLUMNS = ("opening_revenue", "new_revenue", "came_back_revenue", "lost_revenue", "more", "less",
                 "closing_revenue")  # fmt: skip


def _drivers(orders: AnyOrders, bridge: pd.DataFrame, flows: pd.DataFrame, margin: float, cost: float) -> pd.DataFrame:
    """The change of margin from period to period, split by the logarithmic mean; missing where it is not positive."""
    placed = flows.groupby("period")["orders"].sum().reindex(bridge.index, fill_value=0.0).to_numpy()
    known = orders.daily.set_index("date")["new_customers"].cumsum().reindex(bridge["end"]).to_numpy(dtype=float)
    active = bridge["closing"].to_numpy(dtype=float)
    revenue = bridge["closing_revenue"].to_numpy() if orders.has_money else placed
    left = margin * revenue - cost * placed if orders.has_money else placed
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.array([known, active / known, placed / active, revenue / placed, left / revenue])
        log_ratio = np.diff(np.log(np.where(factors > 0, factors, np.nan)), axis=1)
        change, total = np.diff(left), log_ratio.sum(axis=0)
        mean = np.where(np.abs(total) > 1e-12, change / total, left[1:])
    parts = pd.DataFrame((mean * log_ratio).T, columns=list(DRIVERS), index=bridge.index[1:])
    found = pd.concat([bridge[["start", "end"]], parts.assign(change=change)], axis=1)
    return found.loc[bridge["complete"], ["start", "end", "change", *DRIVERS]].reset_index(drop=True)
