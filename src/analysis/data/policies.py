"""What the configuration decides about rows that are readable: duplicates, currencies, customers born too early."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from analysis.config import Config, DataConfig
from analysis.data.cleaning import Entry, Profile
from analysis.data.currencies import in_words, rows_by_code
from analysis.data.engine import Connection, run
from analysis.data.notes import Outcome, Reason, where_any
from analysis.data.rows import ATTRIBUTES, TypedRows
from analysis.data.wording import counted
from analysis.errors import USAGE, Problem
from analysis.words import Message

BIRTH_WINDOW_DAYS = 28
QUIET_DAYS, QUIET_TIMES = 7, 2
"""Days without orders at the end that are worth a note: so many, and so many times the longest time before."""
UNCOUNTED = -1


def currency_of(connection: Connection, rows: TypedRows, kept: str, config: Config) -> tuple[str | None, list[Problem]]:
    """The one currency of the kept rows, None where nothing says which; and what stands in the way.

    It is the one that their column or the configuration tells, and that beside their amounts.
    """
    told, problems = _currency_told(connection, rows, kept, config)
    if problems:
        return None, problems
    written = rows_by_code(_rows_beside_amounts(rows), [told] if told else [])
    if not written or {*written} == {told or next(iter(written))}:
        return told or next(iter(written), None), []
    against = ""
    if told:
        column = rows.table.columns.get("currency")
        against = f", but {f'column {column!r} says' if column else 'economics.currency =='} {told!r}"
    message = f"{rows.table.label}: there are amounts in {in_words(written)}{against}; one currency is allowed"
    return None, [Problem(message)]


def _currency_told(
    connection: Connection, rows: TypedRows, kept: str, config: Config
) -> tuple[str | None, list[Problem]]:
    """The currency of the column of currencies or of the sample, checked against the configured one."""
    configured, label, sample = config.economics.currency, rows.table.label, rows.table.currency
    found = rows_by_code(_rows_in_column(connection, rows, kept), [configured] if configured else [])
    if len(found) > 1:
        message = f"{label}: the rows are in {len(found)} currencies ({in_words(found)}); one currency is allowed"
        return None, [Problem(message)]
    known = next(iter(found), sample)
    if known and not re.fullmatch("[A-Z]{3}", known):
        message = f"{label}: the currency {known!r} is no three-letter ISO 4217 code such as EUR"
        return None, [Problem(message)]
    if known and configured and known != configured:
        message = f"{label}: the amounts are in {known}, but economics.currency == {configured!r}; make them agree"
        return None, [Problem(message, USAGE)]
    return known or configured, []


def _rows_in_column(connection: Connection, rows: TypedRows, kept: str) -> dict[str, int]:
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


def duplicates_in(connection: Connection, kept: str, profile: Profile, data: DataConfig) -> int:
    """How many kept rows repeat an earlier row in every column; ``UNCOUNTED`` where that is switched off."""
    if data.duplicates == "keep" and not data.count_duplicates:
        return UNCOUNTED
    keys = "key_1" if data.duplicates == "keep" else "key_1, key_2"
    found = connection.execute(
        f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM {kept} GROUP BY {keys} HAVING count(*) > 1)"
    ).fetchall()[0]
    return int(found[0])


def problems_in_duplicates(
    connection: Connection, rows: TypedRows, kept: str, duplicates: int, data: DataConfig
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
    return [Problem(message)]


def without_duplicates(connection: Connection, kept: str, duplicates: int, data: DataConfig) -> tuple[str, list[Entry]]:
    """The kept rows with one of each, and the ledger line of the others; unchanged unless the policy is ``drop``."""
    if data.duplicates != "drop" or duplicates <= 0:
        return kept, []
    columns = ("customer", "day", "money", "is_refund", "order_id", "discount", "currency", *ATTRIBUTES)
    picked = ", ".join(f"any_value({column}) AS {column}" for column in columns)
    connection.execute(
        f"CREATE TEMP TABLE single_rows AS SELECT {picked}, count(*) - 1 AS repeats FROM {kept} GROUP BY key_1, key_2"
    )
    rows, amount = connection.execute(
        "SELECT sum(repeats), coalesce(sum(money * repeats), 0) FROM single_rows WHERE repeats > 0"
    ).fetchall()[0]
    return "single_rows", [Entry(Outcome.DROPPED, Reason.DUPLICATE, int(rows), amount)]


def without_early_customers(
    connection: Connection, rows: TypedRows, kept: str, profile: Profile, data: DataConfig
) -> tuple[str, list[Entry], int]:
    """The kept rows without customers whose first order may lie before the data, under ``exclude_earlier``.

    Where the file has orders before ``observation_start``, these name the customers. Where it begins at the start,
    a customer counts as born before it when the first order falls into the first 28 days: whoever buys at least
    every four weeks is caught, and so are the customers who were really won in these days.
    """
    if not data.exclude_earlier:
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
) -> list[Message]:
    """What the ledger and the policies give reason to say."""
    found = {entry.reason: entry for entry in entries}
    counts = {reason.name: found[reason].rows if reason in found else 0 for reason in Reason}
    sums = {reason.name: float(found[reason].amount) if reason in found else 0.0 for reason in Reason}
    notes = where_any(
        Message(
            "Rows without a customer id, left out: {n:integer} of {rows:integer}. What these customers bought is "
            "missing from everything below.",
            n=counts["MISSING_CUSTOMER"], rows=profile.rows,
        ),
        Message(
            "Refunds left out: {n:integer}, {amount:money} in all. Customers who send much back look better than they "
            "are.",
            n=counts["REFUND_DROPPED"], amount=sums["REFUND_DROPPED"],
        ),
        Message(
            "Refunds taken off what the customers spent: {n:integer}, {amount:money} in all.",
            n=counts["REFUND_NETTED"], amount=sums["REFUND_NETTED"],
        ),
        Message(
            "Orders refunded in full, which count as purchases worth nothing: {n:integer}.", n=counts["ORDER_REFUNDED"]
        ),
        Message(
            "Refunds to customers without any order in the data, perhaps from before they begin, left out: "
            "{n:integer}, {amount:money} in all.",
            n=counts["REFUND_WITHOUT_ORDER"], amount=sums["REFUND_WITHOUT_ORDER"],
        ),
        Message(
            "Customers who may have bought before the data begin, left out: {n:integer} (rows: {rows:integer}).",
            n=early_customers, rows=counts["BORN_BEFORE_START"],
        ),
        Message(
            "Rows equal to another one in every column: {n:integer}. They were kept, since two equal purchases can be "
            "real; if they are copies, set `duplicates: drop`.",
            n=max(duplicates, 0) if data.duplicates == "keep" else 0,
        ),
        Message(
            "Rows with a discount larger than the amount: {n:integer} of {rows:integer}. That is right where amounts "
            "are what was paid and more than half was taken off; if amounts are prices before the discount, the two "
            "columns do not fit together.",
            n=profile.large_discounts, rows=profile.rows,
        ),
    )  # fmt: skip
    if duplicates == UNCOUNTED:
        notes.append(Message("Rows that are equal in every column were not looked for, as configured."))
    return notes


def quiet_end_of(daily: pd.DataFrame, end: dt.date) -> Message | None:
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
        return None
    return Message(
        "The last order is of {last:date}, {quiet:days} before the data are said to end ({end:date}); before, the "
        "longest time without one was {longest:days}. If the data stopped coming, customers look as if they had left: "
        "set the last day of the data (`data.observation_end` or `--as-of`) to the last day that they cover.",
        code="data.quiet_end", last=days[-1].item(), end=end, quiet=quiet, longest=longest,
    )  # fmt: skip
