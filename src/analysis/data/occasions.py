"""From rows to purchase occasions: one row per customer and day, refunds set against the latest purchases.

A refund takes from the customer's most recent occasion at or before its own day, what exceeds that from the one
before, and so on; what exceeds them all reduces only what the customer spent in total. An occasion that is
refunded in full stays an occasion, worth nothing.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass, field
from pathlib import Path

from analysis.data.cleaning import Entry, Profile
from analysis.data.engine import Connection, close, literal, parquet_scan, run
from analysis.data.notes import Outcome, Reason
from analysis.data.rows import TypedRows

NARROW_TOTAL = 900_000_000_000
PACKABLE_GROSS = 70_000_000
ID_TYPES = {
    "TINYINT": "int8",
    "SMALLINT": "int16",
    "INTEGER": "int32",
    "BIGINT": "int64",
    "UTINYINT": "uint8",
    "USMALLINT": "uint16",
    "UINTEGER": "uint32",
    "UBIGINT": "uint64",
    "FLOAT": "float32",
    "DOUBLE": "float64",
}
"""Type of a column in DuckDB -> pandas' type of the ids that are given back; all others are text."""
TABLE = "customer_days"


@dataclass(eq=False)
class Days:
    """Customer-days: a table of a live DuckDB connection that becomes a Parquet file when it must outlive it.

    Attributes
    ----------
    path
        The Parquet file, once ``store`` was called. Columns customer, day, gross (purchases), head (the largest
        line); where needed lines; with orders: orders and heads; with refunds: refund (negative) and refunds (rows);
        with discounts: discount.
    has_refunds, has_orders, has_discount, has_lines, is_packable
        Which columns there are; whether every day's money is small enough to be packed with the
        day into 64 bits.
    id_column, id_type
        What the source calls its customers; pandas' type of their ids, which are text here.
    connection
        The connection that holds the table, None once it is stored.
    """

    path: Path
    has_refunds: bool
    has_orders: bool
    has_discount: bool
    has_lines: bool
    is_packable: bool = False
    id_column: str = "customer_id"
    id_type: str = "str"
    connection: Connection | None = field(repr=False, default=None, metadata={"stored": False})

    @property
    def scan(self) -> str:
        return TABLE if self.connection else parquet_scan([self.path])

    def store(self) -> None:
        """Write the table to ``path`` and let its connection go."""
        if self.connection is not None:
            unfinished = self.path.with_name(f"{self.path.name}-{os.getpid()}.unfinished")
            self.connection.execute(
                f"COPY {TABLE} TO {literal(unfinished)} (FORMAT parquet, COMPRESSION lz4)"
            ).fetchall()
            unfinished.replace(self.path)
            close(self.connection, self.path.parent)
            self.connection = None

    def __getstate__(self) -> dict:
        self.store()
        return self.__dict__


def days_of(
    connection: Connection, rows: TypedRows, kept: str, profile: Profile, path: Path, *, is_whole: bool
) -> Days:
    """One row per customer and day of the SQL relation ``kept``; ``is_whole`` when that is all the profile kept."""
    days = Days(
        path,
        has_refunds=profile.refunds > 0,
        has_orders=rows.has("order"),
        has_discount=rows.has("discount"),
        has_lines=profile.refunds > 0 or rows.has("order") or not is_whole,
        id_column=rows.table.columns["customer"],
        id_type=ID_TYPES.get(rows.table.types[rows.table.columns["customer"]].upper(), "str"),
        connection=connection,
    )
    wide = "DECIMAL(18, 6)" if profile.largest_total < NARROW_TOTAL else "DECIMAL(38, 6)"
    sums = _sums(rows, days, wide)
    query = f"SELECT customer, day, {', '.join(sums)} FROM {kept} GROUP BY customer, day"
    if days.has_orders:
        query = _by_order(days, sums, kept, wide)
    run(connection, f"CREATE TEMP TABLE {TABLE} AS {query}")
    largest = run(connection, f"SELECT max(gross) FROM {TABLE}")[0][0]
    days.is_packable = largest is not None and largest < PACKABLE_GROSS
    return days


def _sums(rows: TypedRows, days: Days, wide: str) -> list[str]:
    money = "money" if rows.has_money else "CAST(0 AS DECIMAL(18, 6))"
    only = "FILTER (NOT is_refund)" if days.has_refunds else ""
    gross, head = f"sum({money}) {only}", f"max({money}) {only}"
    if days.has_refunds:
        gross, head = f"coalesce({gross}, 0)", f"coalesce({head}, 0)"
    sums = [f"CAST({gross} AS {wide}) AS gross", f"{head} AS head"]
    if days.has_lines:
        sums.append(f"CAST(count(*) {only} AS INTEGER) AS lines")
    if days.has_refunds:
        sums.append(f"CAST(coalesce(sum(money) FILTER (is_refund), 0) AS {wide}) AS refund")
        sums.append("CAST(count(*) FILTER (is_refund) AS INTEGER) AS refunds")
    if days.has_discount:
        sums.append(f"CAST(coalesce(sum(discount) {only}, 0) AS {wide}) AS discount")
    return sums


def _by_order(days: Days, sums: list[str], kept: str, wide: str) -> str:
    names = [
        "lines",
        *(["refund", "refunds"] if days.has_refunds else []),
        *(["discount"] if days.has_discount else []),
    ]
    kinds = {"lines": "INTEGER", "refunds": "INTEGER"}
    outer = ", ".join(f"CAST(sum({name}) AS {kinds.get(name, wide)}) AS {name}" for name in names)
    return f"""
        SELECT customer, day, CAST(sum(gross) AS {wide}) AS gross, max(head) AS head, {outer},
               CAST(count(*) FILTER (lines > 0) AS INTEGER) AS orders, CAST(sum(head) AS {wide}) AS heads
        FROM (SELECT customer, day, {", ".join(sums)} FROM {kept} GROUP BY customer, day, order_id)
        GROUP BY customer, day"""


def net_occasions(days: Days, end: dt.date) -> str:
    """SQL relation of occasions up to ``end``: customer, day, amount (refunds taken off), gross, discount.

    A day's purchases put a layer on the customer's running balance and a refund takes it down again. What is left
    of a layer is how far every later balance still reaches into it.
    """
    discount = "discount" if days.has_discount else "CAST(0 AS DECIMAL(18, 6)) AS discount"
    if not days.has_refunds:
        return f"(SELECT customer, day, gross AS amount, gross, {discount} FROM {days.scan} WHERE day <= DATE '{end}')"
    return f"""(
        WITH days AS (SELECT * FROM {days.scan} WHERE day <= DATE '{end}'),
        touched AS (SELECT * FROM days SEMI JOIN (SELECT customer FROM days WHERE refund < 0) USING (customer)),
        running AS (
            SELECT *, sum(gross + refund) OVER past - refund AS raw_top, sum(gross + refund) OVER past AS raw
            FROM touched WINDOW past AS (PARTITION BY customer ORDER BY day ROWS UNBOUNDED PRECEDING)),
        floored AS (
            SELECT *, raw - least(0, min(raw) OVER past) AS balance,
                   raw_top - least(0, coalesce(min(raw) OVER earlier, 0)) AS top
            FROM running
            WINDOW past AS (PARTITION BY customer ORDER BY day ROWS UNBOUNDED PRECEDING),
                   earlier AS (PARTITION BY customer ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)),
        left_over AS (
            SELECT *, min(balance) OVER later AS lowest FROM floored
            WINDOW later AS (PARTITION BY customer ORDER BY day ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING))
        SELECT customer, day, least(gross, greatest(0, lowest - (top - gross))) AS amount, gross, {discount}
        FROM left_over WHERE lines > 0
        UNION ALL BY NAME
        SELECT customer, day, gross AS amount, gross, {discount}
        FROM days ANTI JOIN (SELECT customer FROM days WHERE refund < 0) USING (customer) WHERE lines > 0)"""


def entries_of(connection: Connection, days: Days, end: dt.date, kept_rows: int) -> list[Entry]:
    """Ledger lines of the rows that became occasions, were merged into one, or refunded.

    The largest line of a day carries the occasion; which of equal lines it is does not matter to the sums.
    """
    if not days.has_lines:
        used, head, gross = run(
            connection, f"SELECT count(*), coalesce(sum(head), 0), coalesce(sum(gross), 0) FROM {days.scan}"
        )[0]
        merged = Entry(Outcome.MERGED, Reason.SAME_DAY, kept_rows - used, gross - head)
        return [Entry(Outcome.USED, Reason.ORDER, used, head), merged]
    orders, heads = ("orders", "heads") if days.has_orders else ("lines", "gross")
    used, head, order_rows, order_amount, day_rows, day_amount = run(
        connection,
        f"""
        SELECT count(*), coalesce(sum(head), 0), coalesce(sum(lines - {orders}), 0), coalesce(sum(gross - {heads}), 0),
               coalesce(sum({orders} - 1), 0), coalesce(sum({heads} - head), 0)
        FROM {days.scan} WHERE lines > 0""",
    )[0]
    entries = [
        Entry(Outcome.MERGED, Reason.SAME_ORDER, order_rows, order_amount),
        Entry(Outcome.MERGED, Reason.SAME_DAY, day_rows, day_amount),
    ]
    if not days.has_refunds:
        return [Entry(Outcome.USED, Reason.ORDER, used, head), *entries]
    return [*_used_entries(connection, days, end, used, head), *entries, *_refund_entries(connection, days)]


def _used_entries(connection, days: Days, end: dt.date, used: int, head) -> list[Entry]:
    rows, amount = run(
        connection,
        f"""
        SELECT count(*), coalesce(sum(head), 0)
        FROM {days.scan} AS d JOIN {net_occasions(days, end)} AS o USING (customer, day)
        WHERE d.gross > 0 AND o.amount = 0""",
    )[0]
    return [
        Entry(Outcome.USED, Reason.ORDER, used - rows, head - amount),
        Entry(Outcome.USED, Reason.ORDER_REFUNDED, rows, amount),
    ]


def _refund_entries(connection, days: Days) -> list[Entry]:
    found = run(
        connection,
        f"""
        SELECT has_order, sum(refunds), sum(refund)
        FROM (SELECT bool_or(lines > 0) AS has_order, sum(refunds) AS refunds, sum(refund) AS refund
              FROM {days.scan} GROUP BY customer)
        GROUP BY has_order""",
    )
    fates = {True: (Outcome.REFUNDED, Reason.REFUND_NETTED), False: (Outcome.DROPPED, Reason.REFUND_WITHOUT_ORDER)}
    return [Entry(*fates[has_order], rows, amount) for has_order, rows, amount in found]
