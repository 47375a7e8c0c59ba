"""What is read from a company's occasions: first orders, left truncation, and the table to query."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import BooleanValue, NumericValue, Table

from analysis.data.engine import glob_safe, scratch
from analysis.data.expressions import MONEY, births
from analysis.data.orders import Orders
from analysis.data.remote import RemoteOrders
from analysis.errors import Unavailable
from analysis.words import Message

AnyOrders = Orders | RemoteOrders
"""Orders that are here, or in an engine."""


def left_truncation(orders: AnyOrders) -> Message | None:
    """Why ages and new customers cannot be told here: many first orders lie before the data; None where they can.

    The message holds the numbers of the data's own note: customers, share (who ordered in the first days), days.
    """
    found = orders.left_truncation
    return found and Message(
        "{customers:integer} customers ({share:percent}) placed their first order in the first {days:integer} days of "
        "the data. Many of them probably bought before, so who was new, how old customers are and what cohorts do "
        "cannot be told.",
        code="retention.reason.births_unknown",
        **found.values,
    )


def refuse_left_truncation(orders: AnyOrders) -> None:
    """Raises Unavailable where first orders are not known."""
    if truncated := left_truncation(orders):
        raise Unavailable(truncated)


def refuse_without_money(orders: AnyOrders) -> None:
    """Raises Unavailable where there are no amounts."""
    if not orders.has_money:
        text = "The data hold no amounts of money, so nothing can be said about profit."
        raise Unavailable(text, code="lift.reason.no_money")


def first_order_days(orders: AnyOrders) -> np.ndarray:
    """Day of each customer's first order, datetime64[D], in the order of ``orders.histories.table``."""
    return orders.histories.table["first_order"].to_numpy().astype("datetime64[D]")


@contextmanager
def history(orders: AnyOrders) -> Iterator[Table]:
    """The occasions as an Ibis table of the engine that holds them, open while the context is.

    Returns
    -------
    Table
        customer (embedded the place in ``orders.histories.table``, in an engine the id), day, amount (refunds taken
        off, in floating point), first (day of the customer's first order), age (days since then), and discount with
        gross (the amount before refunds) and category where orders have them.

    Examples
    --------
    >>> import analysis as rl
    >>> with history(rl.read_orders({"sample": "cdnow"})) as bought:
    ...     int(bought.count().execute()), int(bought.age.max().execute())
    (6696, 535)
    """
    if isinstance(orders, RemoteOrders):
        yield _with_age(orders.occasions)
        return
    with _opened(orders.occasions) as bought:
        yield _with_age(bought)


@contextmanager
def customer_days(orders: AnyOrders) -> Iterator[Table]:
    """The customer-days, see ``expressions.customer_days``, as an Ibis table that is open while the context is."""
    if isinstance(orders, RemoteOrders):
        yield orders.days
        return
    orders.days.store()
    with _opened(orders.days.path) as days:
        yield days


@contextmanager
def _opened(path: Path) -> Iterator[Table]:
    with scratch(path.parent) as connection:
        yield ibis.duckdb.from_connection(connection).read_parquet(glob_safe(path))


def _with_age(bought: Table) -> Table:
    table = bought.join(births(bought), "customer")
    names = [name for name in ("customer", "day", "first", "discount", "gross", "category") if name in table.columns]
    age = table.day.delta(table["first"], unit="day").cast("int64")
    return table.select(*names, amount=table.amount.cast("float64"), age=age)


def exact(amount: NumericValue) -> NumericValue:
    """Amounts whose sums depend neither on the engine nor on the order of the rows."""
    return amount.cast(MONEY)


def exact_sum(amount: NumericValue, where: BooleanValue | None = None) -> NumericValue:
    """Such a sum, as a floating-point number."""
    return exact(amount).sum(where=where).cast("float64")


def by_customer(orders: AnyOrders, table: Table) -> pd.DataFrame:
    """Rows of a table with the column customer here, told by the place in ``orders.histories.table``.

    Raises
    ------
    Unavailable
        Where the customers of an engine are too many to be brought here.
    """
    if not isinstance(orders, RemoteOrders):
        return table.to_pandas()
    ids = orders.histories.ids
    found = table.to_pandas()
    return found.assign(customer=ids.get_indexer(found["customer"]))


def of_each(orders: AnyOrders, table: Table) -> pd.DataFrame:
    """As ``by_customer``, of at most one row a customer: all customers in their order, missing where there is none."""
    return by_customer(orders, table).set_index("customer").reindex(range(orders.customers))


def entered(orders: AnyOrders, **columns: np.ndarray) -> Table:
    """Values of every customer in the order of ``orders.histories.table``, as a table to join by customer."""
    keys = orders.histories.ids if isinstance(orders, RemoteOrders) else np.arange(orders.customers)
    return ibis.memtable(pd.DataFrame({"customer": keys, **columns}))
