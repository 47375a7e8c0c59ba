"""Transactions, read, cleaned and summarised: the order of the steps is written once, here."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from analysis.config import Config, DataConfig
from analysis.data.cleaning import (
    Profile,
    fate_of_row,
    ledger_frame,
    problems_in_profile,
    profile_of,
)
from analysis.data.engine import close, connect, literal
from analysis.data.notes import Note
from analysis.data.occasions import Days, days_of, entries_of, net_occasions
from analysis.data.parts import part_of
from analysis.data.policies import (
    Currency,
    born_before_start_note,
    currency_of,
    duplicates_in,
    notes_on,
    problems_in_duplicates,
    quiet_end_note,
    without_duplicates,
    without_early_customers,
)
from analysis.data.reading import damage_named, raw_table
from analysis.data.rows import TypedRows, problems_in_values, typed_rows
from analysis.data.source import RawTable
from analysis.data.summary import CustomerSummary, customer_summary
from analysis.errors import CONTENT, InputRefused, Problem

STORED_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Transactions:
    """A company's transactions, cleaned.

    Attributes
    ----------
    summary
        One row per customer, up to ``observation_end``.
    ledger
        outcome, reason, rows, amount: where every row of the source ended; sums to the source.
    daily
        date, orders, new_customers, repeat_orders, amount: one row for every day of the window.
    rows_read, rows_used
        Rows of the source; those that are in the results (used, merged or refunded).
    customers, orders
        Customers with an order; purchase occasions (one per customer and day).
    observation_start, observation_end
        First and last day of the window.
    has_money, currency
        Whether there are amounts, and their currency where it is known.
    data_hash
        SHA-256 (hex) over the content: of the files, or of the rows in any order for a database or a frame.
    notes
        What is worth saying about the data.
    days
        Customer-days behind the occasions.
    """

    summary: CustomerSummary
    ledger: pd.DataFrame
    daily: pd.DataFrame
    rows_read: int
    rows_used: int
    customers: int
    orders: int
    observation_start: dt.date
    observation_end: dt.date
    has_money: bool
    currency: str | None
    data_hash: str
    notes: tuple[Note, ...]
    days: Days = field(repr=False)

    @property
    def occasions(self) -> Path:
        """Parquet file with one row per customer-day, written when it is first asked for.

        Columns customer (int64, position in ``summary.table``), day (date), amount (double, refunds taken off,
        0 without money), and discount (double) where one is configured.
        """
        path = self.days.path.with_name("occasions.parquet")
        if not path.exists():
            self.days.store()
            _write_occasions(self, path)
        return path


def _write_occasions(transactions: Transactions, path: Path) -> None:
    workdir, unfinished = path.parent, path.with_name(f"occasions-{os.getpid()}.unfinished")
    connection = connect(workdir)
    ids = transactions.summary.table[["customer_id"]].reset_index(names="position")
    connection.register("positions", ids)
    discount = ", CAST(discount AS DOUBLE) AS discount" if transactions.days.has_discount else ""
    connection.execute(f"""
        COPY (SELECT CAST(position AS BIGINT) AS customer, day, CAST(amount AS DOUBLE) AS amount{discount}
              FROM {net_occasions(transactions.days, transactions.observation_end)} AS o
              JOIN positions AS p ON CAST(o.customer AS VARCHAR) = p.customer_id
              ORDER BY 1, 2)
        TO {literal(unfinished)} (FORMAT parquet)""")
    close(connection, workdir)
    unfinished.replace(path)


def load_transactions(
    config: Config,
    *,
    workdir: Path,
    as_of: dt.date | None = None,
    frame: pd.DataFrame | None = None,
    to_fit: bool = True,
    most_rows: int | None = None,
) -> Transactions:
    """Transactions as the configuration describes them, cleaned and summarised.

    Parameters
    ----------
    config
        A checked configuration; ``config.data`` says where the rows are and how to read them.
    workdir
        Folder for intermediate files; the occasions stay there and must live as long as the result is used.
    as_of
        Last day that counts; overrides ``observation_end`` of the configuration.
    frame
        A table that stands in for the configured source.
    to_fit
        Whether models are to be fitted on them, which takes two customers and a repeat order.
    most_rows
        Rows of each file that are looked at, for what is refused anyway; what is left out is a problem of its own.
        None for all.

    Raises
    ------
    InputRefused
        With every problem found.

    Examples
    --------
    >>> import tempfile
    >>> config = Config(name="cdnow", data={"transactions": {"sample": "cdnow"}})
    >>> folder = tempfile.TemporaryDirectory()
    >>> cdnow = load_transactions(config, workdir=Path(folder.name), as_of=dt.date(1997, 9, 30))
    >>> cdnow.customers, int((cdnow.summary.table["frequency"] > 0).sum())
    (2357, 946)
    """
    connection = connect(workdir)
    try:
        table = raw_table(connection, config, workdir, frame, most_rows)
        if config.data.part is not None:
            table = part_of(table, config.data.part)
        with damage_named(table):
            loaded = _loaded(connection, table, config, workdir, as_of)
        if problems := _problems_in_fitting(table.label, loaded.summary) if to_fit else []:
            raise InputRefused(problems)
    except BaseException:
        close(connection, workdir)
        raise
    # Writing the customer-days takes a while at tens of millions of rows and is left to whoever needs them.
    if loaded.orders <= STORED_AT_ONCE:
        loaded.days.store()
    return loaded


def _loaded(
    connection: duckdb.DuckDBPyConnection, table: RawTable, config: Config, workdir: Path, as_of: dt.date | None
) -> Transactions:
    data, today = config.data, dt.datetime.now(dt.UTC).date()
    configured_end = as_of or data.observation_end
    rows = typed_rows(connection, table, data, workdir) if table.parts else None
    if rows is None:
        raise InputRefused(table.problems)
    rows = _with_stand_ins(rows, data, configured_end)
    fate = fate_of_row(rows, data, configured_end)
    profile = profile_of(connection, rows, fate, today)
    kept = f"(SELECT * FROM {rows.scan} WHERE {fate} = 0)" if profile.dropped else rows.scan
    currency = currency_of(connection, rows, kept, config)
    duplicates = duplicates_in(connection, kept, profile, data)
    problems = [
        *table.problems,
        *rows.problems,
        *(problems_in_values(connection, rows) if profile.unread_dates or profile.unread_money else []),
        *currency.problems,
        *problems_in_duplicates(connection, rows, kept, duplicates, data),
        *problems_in_profile(connection, rows, profile, data, configured_end, today),
    ]
    if problems:
        raise InputRefused(problems)
    end = configured_end or profile.last_date
    return _summarised(connection, rows, profile, kept, end, currency, duplicates, data, workdir)


def _with_stand_ins(rows: TypedRows, data: DataConfig, end: dt.date | None) -> TypedRows:
    """Rows in which a missing column does not hide what is wrong with the others."""
    stand_ins = {
        "customer": "'anyone' AS customer",
        "date": f"DATE '{data.observation_start or end or dt.date(2000, 1, 1)}' AS day",
    }
    missing = [stand_in for role, stand_in in stand_ins.items() if role not in rows.table.columns]
    if not missing:
        return rows
    return replace(rows, scan=f"(SELECT * REPLACE ({', '.join(missing)}) FROM {rows.scan})")


def _summarised(
    connection: duckdb.DuckDBPyConnection,
    rows: TypedRows,
    profile: Profile,
    kept: str,
    end: dt.date,
    currency: Currency,
    duplicates: int,
    data: DataConfig,
    workdir: Path,
) -> Transactions:
    kept, repeated = without_duplicates(connection, kept, duplicates, data)
    kept, early, early_customers = without_early_customers(connection, rows, kept, profile, data)
    removed = [*repeated, *early]
    days = days_of(connection, rows, kept, profile, workdir / "days.parquet", is_whole=not removed)
    entries = [*profile.dropped, *removed, *entries_of(connection, days, end, profile.kept)]
    summary = customer_summary(connection, days, end, has_money=rows.has_money)
    if len(summary) == 0:
        raise InputRefused(Problem(f"{rows.table.label}: no customer has an order in the window", CONTENT))
    start = data.observation_start or profile.first_day
    daily = _daily(connection, days, summary, start, end)
    return Transactions(
        summary=summary,
        ledger=ledger_frame(entries),
        daily=daily,
        rows_read=profile.rows,
        rows_used=sum(entry.rows for entry in entries if entry.outcome != "dropped"),
        customers=len(summary),
        orders=int(summary.table["orders"].sum()),
        observation_start=start,
        observation_end=end,
        has_money=rows.has_money,
        currency=currency.code,
        data_hash=rows.table.digest() if rows.table.digest else _row_digest(connection, rows),
        notes=(
            *rows.table.notes,
            *rows.notes,
            *notes_on(entries, duplicates, early_customers, profile, data),
            *born_before_start_note(summary, start, end, data),
            *quiet_end_note(daily, end),
        ),
        days=days,
    )


def _problems_in_fitting(label: str, summary: CustomerSummary) -> list[Problem]:
    if len(summary) == 1:
        name = str(summary.table["customer_id"].iloc[0])
        return [Problem(f"{label}: all orders belong to a single customer, {name!r}; at least two are needed", CONTENT)]
    if not (summary.table["frequency"] > 0).any():
        message = (
            f"{label}: none of the {len(summary):,} customers ordered on a second day, so nothing can be learned about "
            "repeat orders; a longer window, or a column that identifies customers, is needed"
        )
        return [Problem(message, CONTENT)]
    return []


def _daily(connection, days: Days, summary: CustomerSummary, start: dt.date, end: dt.date) -> pd.DataFrame:
    counts = connection.execute(f"""
        SELECT day, count(*) AS orders, CAST(sum(amount) AS DOUBLE) AS amount
        FROM {net_occasions(days, end)} GROUP BY day""").fetchnumpy()
    dates = pd.date_range(start, end, unit="s")
    position = (counts["day"].astype("datetime64[D]") - np.datetime64(start, "D")).astype("int64")
    daily = pd.DataFrame({"date": dates, "orders": np.zeros(len(dates), dtype="int64")})
    new = (summary.table["first_order"].to_numpy().astype("datetime64[D]") - np.datetime64(start, "D")).astype("int64")
    daily.loc[position, "orders"] = counts["orders"]
    daily["new_customers"] = np.bincount(new, minlength=len(dates))
    daily["repeat_orders"] = daily["orders"] - daily["new_customers"]
    daily["amount"] = 0.0
    daily.loc[position, "amount"] = counts["amount"]
    return daily


def _row_digest(connection: duckdb.DuckDBPyConnection, rows: TypedRows) -> str:
    import hashlib

    content = connection.execute(
        f"SELECT count(*), sum(CAST(key_1 AS HUGEINT)), bit_xor(key_2), sum(CAST(key_2 AS HUGEINT)) FROM {rows.scan}"
    ).fetchall()[0]
    return hashlib.sha256(f"{sorted(rows.table.types)} {content}".encode()).hexdigest()
