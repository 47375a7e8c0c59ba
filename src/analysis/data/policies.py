"""What the configuration decides about rows that are readable: duplicates, currencies, customers born too early."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd

from analysis.config import Config, DataConfig
from analysis.data.cleaning import Entry, Profile
from analysis.data.currencies import in_words, rows_by_code
from analysis.data.engine import run
from analysis.data.notes import Note, Outcome, Reason
from analysis.data.rows import TypedRows
from analysis.data.summary import CustomerSummary
from analysis.data.wording import counted
from analysis.errors import CONTENT, USAGE, Problem

BIRTH_WINDOW_DAYS = 28
QUIET_DAYS, QUIET_TIMES = 7, 2
"""Days without orders at the end that are worth a note: so many, and so many times the longest time before."""
SUSPICIOUS_INFLOW = 2.0
SUSPICIOUS_SHARE = 0.05
UNCOUNTED = -1


@dataclass(frozen=True)
class Currency:
    """The one currency of the amounts, None where nothing says which; or what stands in the way."""

    code: str | None
    problems: tuple[Problem, ...] = ()


def currency_of(connection: duckdb.DuckDBPyConnection, rows: TypedRows, kept: str, config: Config) -> Currency:
    """The currency of the kept rows: the one their column or the configuration tells, and that beside their amounts."""
    told = _currency_told(connection, rows, kept, config)
    if told.problems:
        return told
    written = rows_by_code(_rows_beside_amounts(rows), [told.code] if told.code else [])
    if not written or {*written} == {told.code or next(iter(written))}:
        return Currency(told.code or next(iter(written), None))
    against = ""
    if told.code:
        column = rows.table.columns.get("currency")
        against = f", but {f'column {column!r} says' if column else 'economics.currency =='} {told.code!r}"
    message = f"{rows.table.label}: there are amounts in {in_words(written)}{against}; one currency is allowed"
    return Currency(None, (Problem(message, CONTENT),))


def _currency_told(connection: duckdb.DuckDBPyConnection, rows: TypedRows, kept: str, config: Config) -> Currency:
    """The currency of the column of currencies or of the sample, checked against the configured one."""
    configured, label, sample = config.economics.currency, rows.table.label, rows.table.currency
    found = rows_by_code(_rows_in_column(connection, rows, kept), [configured] if configured else [])
    if len(found) > 1:
        message = f"{label}: the rows are in {len(found)} currencies ({in_words(found)}); one currency is allowed"
        return Currency(None, (Problem(message, CONTENT),))
    known = next(iter(found), sample)
    if known and not re.fullmatch("[A-Z]{3}", known):
        message = f"{label}: the currency {known!r} is no three-letter ISO 4217 code such as EUR"
        return Currency(None, (Problem(message, CONTENT),))
    if known and configured and known != configured:
        message = f"{label}: the amounts are in {known}, but economics.currency == {configured!r}; make them agree"
        return Currency(None, (Problem(message, USAGE),))
    return Currency(known or configured)


def _rows_in_column(connection: duckdb.DuckDBPyConnection, rows: TypedRows, kept: str) -> dict[str, int]:
    if not rows.has("currency"):
        return {}
    counts = connection.execute(
        f"SELECT upper(currency), count(*) FROM {kept} WHERE currency IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    return dict(counts)


def _rows_beside_amounts(rows: TypedRows) -> dict[str, int]:
    """Rows of every sign or code of a currency that is written beside an amount of money."""
    found: dict[str, int] = {}
    for reading in rows.readings.values():
        for mark, number in reading.currencies.items():
            found[mark] = max(found.get(mark, 0), number)
    return found


def duplicates_in(connection: duckdb.DuckDBPyConnection, kept: str, profile: Profile, data: DataConfig) -> int:
    """How many kept rows repeat an earlier row in every column; ``UNCOUNTED`` where that is switched off."""
    if data.duplicates == "keep" and not data.count_duplicates:
        return UNCOUNTED
    keys = "key_1" if data.duplicates == "keep" else "key_1, key_2"
    found = connection.execute(
        f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {kept} GROUP BY {keys} HAVING count(*) > 1)"
    ).fetchall()[0]
    return int(found[0])


def problems_in_duplicates(
    connection: duckdb.DuckDBPyConnection, rows: TypedRows, kept: str, duplicates: int, data: DataConfig
) -> list[Problem]:
    """Duplicates under the policy ``refuse``."""
    if data.duplicates != "refuse" or duplicates <= 0:
        return []
    first = rows.table.row_keys[0]
    keys = connection.execute(
        f"SELECT key_1 FROM {kept} GROUP BY key_1 HAVING count(*) > 1 ORDER BY 1 LIMIT 3"
    ).fetchall()
    columns = [rows.table.columns[role] for role in ("customer", "date") if rows.has(role)]
    examples = rows.table.examples(connection, columns, f"{first} IN ({', '.join(str(key) for (key,) in keys)})")
    found = counted(duplicates, "row repeats", "rows repeat")
    message = (
        f"{rows.table.label}: {found} another row in every column: {examples}; "
        "duplicates == 'refuse', set it to 'keep' or 'drop' to allow them"
    )
    return [Problem(message, CONTENT)]


def without_duplicates(
    connection: duckdb.DuckDBPyConnection, kept: str, duplicates: int, data: DataConfig
) -> tuple[str, list[Entry]]:
    """The kept rows with one of each, and the ledger line of the others; unchanged unless the policy is ``drop``."""
    if data.duplicates != "drop" or duplicates <= 0:
        return kept, []
    columns = ("customer", "day", "money", "is_refund", "order_id", "discount", "currency")
    picked = ", ".join(f"any_value({column}) AS {column}" for column in columns)
    connection.execute(
        f"CREATE TEMP TABLE single_rows AS SELECT {picked}, count(*) - 1 AS repeats FROM {kept} GROUP BY key_1, key_2"
    )
    rows, amount = connection.execute(
        "SELECT sum(repeats), coalesce(sum(money * repeats), 0) FROM single_rows WHERE repeats > 0"
    ).fetchall()[0]
    return "single_rows", [Entry(Outcome.DROPPED, Reason.DUPLICATE, int(rows), amount)]


def without_early_customers(
    connection: duckdb.DuckDBPyConnection, rows: TypedRows, kept: str, profile: Profile, data: DataConfig
) -> tuple[str, list[Entry], int]:
    """The kept rows without customers whose first order may lie before the data, under the policy ``exclude``.

    Where the file has orders before ``observation_start``, these name the customers. Where it begins at the start,
    a customer counts as born before it when the first order falls into the first 28 days: whoever buys at least
    every four weeks is caught, and so are the customers who were really won in these days.
    """
    if data.born_before_start != "exclude":
        return kept, [], 0
    earlier = f"customer IS NOT NULL AND NOT is_refund AND day < DATE '{data.observation_start}'"
    before = f"SELECT DISTINCT customer FROM {rows.scan} WHERE {earlier}"
    if not profile.rows_with(Reason.BEFORE_START):
        limit = (data.observation_start or profile.first_day) + dt.timedelta(days=BIRTH_WINDOW_DAYS)
        before = f"SELECT customer FROM {kept} WHERE NOT is_refund GROUP BY customer HAVING min(day) < DATE '{limit}'"
    run(connection, f"CREATE TEMP TABLE early_customers AS {before}")
    number, amount, customers = connection.execute(
        "SELECT count(*), coalesce(sum(money), 0), count(DISTINCT customer) "
        f"FROM {kept} SEMI JOIN early_customers USING (customer)"
    ).fetchall()[0]
    entry = Entry(Outcome.DROPPED, Reason.BORN_BEFORE_START, number, amount)
    return f"(SELECT * FROM {kept} ANTI JOIN early_customers USING (customer))", [entry], customers


def notes_on(
    entries: Iterable[Entry], duplicates: int, early_customers: int, profile: Profile, data: DataConfig
) -> list[Note]:
    """What the ledger and the policies give reason to say."""
    rows = {entry.reason: entry.rows for entry in entries}
    amounts = {entry.reason: float(entry.amount) for entry in entries}

    def noted(key: str, reason: Reason, **more) -> list[Note]:
        numbers = {"rows": rows.get(reason, 0), "amount": amounts.get(reason, 0.0), "rows_read": profile.rows, **more}
        return [Note(key, numbers)] if rows.get(reason) else []

    notes = [
        *noted("data.missing_customer_dropped", Reason.MISSING_CUSTOMER),
        *noted("data.missing_date_dropped", Reason.MISSING_DATE),
        *noted("data.missing_amount_dropped", Reason.MISSING_AMOUNT),
        *noted("data.after_end_dropped", Reason.AFTER_END),
        *noted("data.before_start_dropped", Reason.BEFORE_START),
        *noted("data.duplicates_dropped", Reason.DUPLICATE),
        *noted("data.refunds_dropped", Reason.REFUND_DROPPED),
        *noted("data.refunds_netted", Reason.REFUND_NETTED, orders_refunded=rows.get(Reason.ORDER_REFUNDED, 0)),
        *noted("data.refund_without_order", Reason.REFUND_WITHOUT_ORDER),
        *noted("data.born_before_start_excluded", Reason.BORN_BEFORE_START, customers=early_customers),
    ]
    if data.duplicates == "keep" and duplicates > 0:
        notes.append(Note("data.duplicates_kept", {"rows": duplicates, "rows_read": profile.rows}))
    if profile.large_discounts:
        notes.append(Note("data.discount_above_amount", {"rows": profile.large_discounts, "rows_read": profile.rows}))
    if duplicates == UNCOUNTED:
        notes.append(Note("data.duplicates_not_counted"))
    return notes


def born_before_start_note(summary: CustomerSummary, start: dt.date, end: dt.date, data: DataConfig) -> list[Note]:
    """Whether far more customers appear in the first four weeks than in the next four: then many were born before."""
    if data.born_before_start != "keep" or (end - start).days < 2 * BIRTH_WINDOW_DAYS:
        return []
    age = (summary.table["first_order"].to_numpy() - np.datetime64(start, "s")) / np.timedelta64(1, "D")
    first = int(np.sum(age < BIRTH_WINDOW_DAYS))
    second = int(np.sum((age >= BIRTH_WINDOW_DAYS) & (age < 2 * BIRTH_WINDOW_DAYS)))
    share = first / len(summary)
    if share < SUSPICIOUS_SHARE or first <= SUSPICIOUS_INFLOW * second:
        return []
    numbers = {"customers": first, "share": share, "next_customers": second, "days": BIRTH_WINDOW_DAYS}
    return [Note("data.born_before_start_kept", numbers)]


def quiet_end_note(daily: pd.DataFrame, end: dt.date) -> list[Note]:
    """Whether the last days hold no order for far longer than any time before: then the data may have stopped coming.

    Parameters
    ----------
    daily
        date, orders: one row a day, or one for each day with orders.
    end
        Last day that counts.
    """
    days = daily.loc[daily["orders"] > 0, "date"].to_numpy().astype("datetime64[D]")
    quiet = int((np.datetime64(end, "D") - days[-1]).astype(int))
    longest = int(np.diff(days).astype(int).max(initial=1))
    if quiet < QUIET_DAYS or quiet <= QUIET_TIMES * longest:
        return []
    return [Note("data.quiet_end", {"last": days[-1].item(), "end": end, "days": quiet, "longest": longest})]
