"""What is read from a company's occasions: first orders, left truncation, and the relation to query."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import numpy as np
import pandas as pd

from analysis.data import Orders
from analysis.data.engine import close, connect, parquet_scan
from analysis.errors import Unavailable
from analysis.words import Message


def left_truncation(orders: Orders) -> Message | None:
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


def refuse_left_truncation(orders: Orders) -> None:
    """Raises Unavailable where first orders are not known."""
    if truncated := left_truncation(orders):
        raise Unavailable(truncated)


def first_order_days(orders: Orders) -> np.ndarray:
    """Day of each customer's first order, datetime64[D], in the order of ``orders.histories.table``."""
    return orders.histories.table["first_order"].to_numpy().astype("datetime64[D]")


@contextmanager
def history(orders: Orders, **tables: pd.DataFrame) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection with ``tables`` registered, and the SQL relation of occasions: customer, day, amount, age.

    Customers are numbered as in ``orders.histories.table``; age is in days since their first order.

    Examples
    --------
    >>> import analysis as rl
    >>> with history(rl.read_orders({"sample": "cdnow"})) as (connection, occasions):
    ...     connection.execute(f"SELECT count(*) FROM {occasions}").fetchall()
    [(6696,)]
    """
    path = orders.occasions
    workdir = path.parent / f"history-{uuid.uuid4().hex}"
    connection = connect(workdir)
    try:
        for name, table in tables.items():
            connection.register(name, table)
        birth = first_order_days(orders).astype("datetime64[s]")
        connection.register("births", pd.DataFrame({"customer": np.arange(len(birth)), "birth": birth}))
        age = "date_diff('day', CAST(birth AS DATE), day) AS age"
        yield connection, f"(SELECT o.*, {age} FROM {parquet_scan([path])} AS o JOIN births USING (customer))"
    finally:
        close(connection, workdir)
        workdir.rmdir()
