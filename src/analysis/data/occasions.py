"""From rows to purchase occasions: the customer-days of a company, where they are kept, and their ledger lines."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ibis.expr.types import Table

from analysis.data import expressions
from analysis.data.cleaning import Entry, Profile
from analysis.data.engine import MONEY, Connection, close, columns_of, fetched, literal, parquet_scan, run, sql_of
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
        The Parquet file, once ``store`` was called; columns as in ``expressions.customer_days``.
    columns
        Type of every column in Ibis (customers as text, whatever they are).
    is_packable
        Whether every day's money is small enough to be packed with the day into 64 bits.
    id_column, id_type
        What the source calls its customers; pandas' type of their ids, which are text here.
    connection
        The connection that holds the table, None once it is stored.
    """

    path: Path
    columns: dict[str, str]
    is_packable: bool = False
    id_column: str = "customer_id"
    id_type: str = "str"
    connection: Connection | None = field(repr=False, default=None, metadata={"stored": False})

    @property
    def has_discount(self) -> bool:
        return "discount" in self.columns

    @property
    def scan(self) -> str:
        return TABLE if self.connection else parquet_scan([self.path])

    def sql(self, function: Callable[..., Table], *settings: Any) -> str:
        """SQL of an expression of customer-days."""
        return sql_of(function, self.scan, self.columns, *settings)

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


def days_of(connection: Connection, rows: TypedRows, kept: str, profile: Profile, path: Path) -> Days:
    """One row per customer and day of the SQL relation ``kept``."""
    money = "decimal(18, 6)" if profile.largest_total < NARROW_TOTAL else expressions.MONEY
    columns = {"customer": "string", "day": "date", "money": "decimal(18, 6)"}
    columns |= {"is_refund": "boolean"} if profile.refunds else {}
    columns |= {"order_id": "string"} if rows.has("order") else {}
    columns |= {"discount": "decimal(18, 6)"} if rows.has("discount") else {}
    columns |= {name: "string" for name in expressions.ATTRIBUTES if rows.has(name)}
    named = [name if name != "money" or rows.has_money else f"CAST(0 AS {MONEY}) AS money" for name in columns]
    found = sql_of(expressions.customer_days, f"(SELECT {', '.join(named)} FROM {kept})", columns, money)
    run(connection, f"CREATE TEMP TABLE {TABLE} AS {found}")
    largest = run(connection, f"SELECT max(gross) FROM {TABLE}")[0][0]
    kind = rows.table.types[rows.table.columns["customer"]].upper()
    return Days(
        path,
        columns_of(expressions.customer_days, columns, money),
        is_packable=largest is not None and largest < PACKABLE_GROSS,
        id_column=rows.table.columns["customer"],
        id_type=ID_TYPES.get(kind, "str"),
        connection=connection,
    )


def entries_of(connection: Connection, days: Days, end: dt.date, rows: int) -> list[Entry]:
    """Ledger lines of the ``rows`` that became occasions, were merged into one, or refunded.

    The largest line of a day carries the occasion; which of equal lines it is does not matter to the sums.
    """
    (used,) = fetched(connection, days.sql(expressions.used_lines))
    if "refund" not in days.columns:
        return entries_from(used, rows)
    (whole,) = fetched(connection, days.sql(expressions.refunded_whole, end))
    return entries_from(used, rows, whole, fetched(connection, days.sql(expressions.refunds)))


def entries_from(
    used: Mapping, rows: int, whole: Mapping | None = None, refunds: Iterable[Mapping] = ()
) -> list[Entry]:
    """Ledger lines of ``rows`` rows from those of ``expressions.used_lines``, ``refunded_whole`` and ``refunds``."""
    used = {"order_rows": 0, "day_rows": rows - used["used"], **used}
    rows, amount = (whole["rows"], whole["amount"] or Decimal(0)) if whole else (0, Decimal(0))
    fates = {True: (Outcome.REFUNDED, Reason.REFUND_NETTED), False: (Outcome.DROPPED, Reason.REFUND_WITHOUT_ORDER)}
    return [
        Entry(Outcome.USED, Reason.ORDER, used["used"] - rows, used["head"] - amount),
        Entry(Outcome.USED, Reason.ORDER_REFUNDED, rows, amount),
        Entry(Outcome.MERGED, Reason.SAME_ORDER, used["order_rows"], used["order_amount"]),
        Entry(Outcome.MERGED, Reason.SAME_DAY, used["day_rows"], used["day_amount"]),
        *(Entry(*fates[line["has_order"]], line["rows"], line["amount"]) for line in refunds),
    ]
