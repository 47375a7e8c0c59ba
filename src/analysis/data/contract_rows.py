"""Contracts as rows, one a customer: from starts and ends, or from a status by month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from analysis.config import Config
from analysis.data.cells import holds_text, native_type
from analysis.data.checks import EXAMPLES, NO_END, Checks, read_day, without_blank_rows
from analysis.data.dates import PATTERN, YEARS
from analysis.data.engine import Connection, literals, run
from analysis.data.notes import where_any
from analysis.data.numbers import Reading
from analysis.data.source import RawTable
from analysis.data.wording import counted
from analysis.errors import InputRefused, Problem, shortened
from analysis.words import Message

CONTRACTS = "contracts"
"""DuckDB table of checked contracts: customer, start, stop (NULL where the contract runs on)."""
RAN = ("1", "1.0", "true", "t", "yes", "y", "active", "running", "ja", "j", "actief", "lopend")
ENDED = (
    *("0", "0.0", "false", "f", "no", "n", "inactive", "ended", "expired", "terminated", "cancelled", "canceled"),
    *("nee", "inactief", "beëindigd", "beeindigd", "verlopen", "opgezegd", "gestopt"),
)
"""What is written of a contract that ran, or had ended."""
NO_END_IN_WORDS = "empty (NULL, none, n.v.t. and - count as empty)"
# Whole months as they are written -> their first day, written alike: 2021-01, 01-2021, augustus 2021, 2021 aug.
FIRST_DAYS = {
    "^([0-9]{4})([-/.])([0-9]{1,2})$": r"\1\2\3\201",
    "^([0-9]{1,2})([-/.])([0-9]{4})$": r"\3\2\1\201",
    f"^({PATTERN})([.]?)([-/. ])([0-9]{{4}})$": r"01\3\1\2\3\4",
    f"^([0-9]{{4}})([-/. ])({PATTERN})[.]?$": r"\1\2\3\201",
}
SIX_DIGITS = {"^([0-9]{6})$": r"\101"}
"""Only where months are asked for, since 210301 is a day elsewhere."""
WRITTEN = {"VARCHAR", "INTEGER", "BIGINT", "BOOLEAN"}


def date_reading(connection: Connection, table: RawTable, role: str, config: Config) -> Reading:
    """How a column of dates is read; its problems speak of contracts."""
    date_format, timezone = config.contracts.date_format, config.data.timezone
    return read_day(connection, table, role, section="contracts", date_format=date_format, timezone=timezone)


def zone_notes(readings: Iterable[Reading]) -> list[Message]:
    """What is said where the days of contracts are days in UTC."""
    if not any(reading.in_utc for reading in readings):
        return []
    return [
        Message(
            "Times in the file of contracts carry an offset and no time zone is configured, so the day on which a "
            "contract begins or ends is its day in UTC."
        )
    ]


def with_whole_months(table: RawTable, role: str, *, six_digits: bool = False) -> tuple[RawTable, str]:
    """The table with months such as 2024-03 read as their first day, and SQL of which rows hold one.

    With ``six_digits``, 202403 is a month as well.
    """
    column = table.columns.get(role)
    if column is None or not _is_written(table, column):
        return table, "false"
    patterns = FIRST_DAYS | (SIX_DIGITS if six_digits else {})
    text = first_day = _text(table, column)
    for pattern, day in patterns.items():
        first_day = f"regexp_replace({first_day}, '{pattern}', '{day}', 'i')"
    is_month = " OR ".join(f"regexp_matches({text}, '{pattern}', 'i')" for pattern in patterns)
    return _rewritten(table, column, first_day), f"coalesce({is_month}, false)"


def with_open_ends(checks: Checks) -> tuple[RawTable, str]:
    """The table with an empty end where a word such as NULL says so, and SQL of the rows that hold such a word.

    Words that are a status and no end are a problem of ``checks``; they are left out, so that others show as well.
    """
    table, column = checks.table, checks.table.columns["end"]
    if not _is_written(table, column):
        return table, "false"
    word = f"lower({_text(table, column)})"
    is_status = f"{word} IN {literals((*RAN, *ENDED))}"
    checks.rows(
        ("end",),
        is_status,
        f"value in column {column!r} (for end) is a status and no date",
        f"values in column {column!r} (for end) are a status and no date",
        f"an end must be a date, or {NO_END_IN_WORDS} where the contract runs on; where the file has a row for each "
        "customer and month, name the columns `month` and `active` in place of `start` and `end`",
    )
    is_open = f"coalesce({word} IN {literals(NO_END)}, false)"
    end = f"CASE WHEN NOT {is_open} AND NOT {is_status} THEN {_text(table, column)} END"
    return _rewritten(table, column, end), is_open


def open_ended(reading: Reading) -> Reading:
    """An end beyond the years that are dates, such as 9999-12-31, stands for a contract that runs on."""
    far = f"coalesce({reading.expression} > DATE '{YEARS[1]}-12-31', false)"
    expression = f"CASE WHEN NOT {far} THEN {reading.expression} END"
    return replace(reading, expression=expression, unreadable=f"({reading.unreadable}) AND NOT {far}")


def text_of(table: RawTable, role: str) -> str:
    column = table.columns[role]
    text = f"NULLIF(trim(CAST({table.expression(column)} AS VARCHAR)), '')"
    return f"NULLIF({text}, 'nan')" if table.types[column].upper() in {"DOUBLE", "FLOAT"} else text


def _is_written(table: RawTable, column: str) -> bool:
    return table.types[column].upper() in WRITTEN or holds_text(table, column)


def _text(table: RawTable, column: str) -> str:
    return f"trim(CAST({table.expression(column)} AS VARCHAR))"


def _rewritten(table: RawTable, column: str, value: str) -> RawTable:
    kind = table.types[column]
    types = {**table.types, column: kind if native_type(kind) else "VARCHAR"}
    return replace(table, types=types, expressions={**table.expressions, column: value})


STATUSES = "contract_statuses"
UNKNOWN = Reading("CAST(NULL AS DATE)")


def contracts_of_months(
    connection: Connection, table: RawTable, config: Config, as_of: dt.date
) -> tuple[dt.date, list[Message]]:
    """One row a customer and month: makes ``CONTRACTS``, and returns the last month as the last day that is known.

    A contract starts on the first of the first month in which it ran and stops on the first of the next in which it
    did not.

    Raises
    ------
    InputRefused
        With every problem of the rows.
    """
    if config.contracts.date_format is None:
        table, _ = with_whole_months(table, "month", six_digits=True)
    checks = Checks(connection, table)
    reading = date_reading(connection, checks.table, "month", config) if checks.has("month") else UNKNOWN
    customer, active = _checked(checks, reading)
    if not checks.problems:
        run(
            connection,
            f"""CREATE TEMP TABLE {STATUSES} AS SELECT * FROM (
            SELECT {customer} AS customer, {_month(reading)} AS month, {active} AS active FROM {checks.table.scan})
            WHERE month <= DATE '{as_of}'""",
        )
        _check_gaps(checks)
    checks.refuse()
    last_day, notes = _from_statuses(connection)
    return last_day or as_of, [*zone_notes([reading]), *notes]


def _month(reading: Reading) -> str:
    return f"CAST(date_trunc('month', {reading.expression}) AS DATE)"


def _checked(checks: Checks, reading: Reading) -> tuple[str, str]:
    """SQL of the customer and of whether the contract ran, NULL where there is no such column."""
    customer = text_of(checks.table, "customer") if checks.has("customer") else "NULL"
    months_are_read = checks.has("month") and not reading.problems
    if checks.has("month"):
        checks.dates("month", reading)
    if months_are_read:
        checks.missing("month", f"NOT coalesce({reading.unreadable}, false) AND {reading.expression}")
    active = _checked_active(checks) if checks.has("active") else "NULL"
    if checks.has("customer"):
        checks.missing("customer", customer)
    if checks.has("customer") and months_are_read:
        one, many = "customer has a month twice", "customers have a month twice"
        checks.repeated((customer, _month(reading)), one, many, "one row a customer and month is allowed")
    return customer, active


def _checked_active(checks: Checks) -> str:
    """SQL of whether the contract ran."""
    value = f"lower({text_of(checks.table, 'active')})"
    active = f"CASE WHEN {value} IN {literals(RAN)} THEN true WHEN {value} IN {literals(ENDED)} THEN false END"
    column = f"in column {checks.table.columns['active']!r} (for active)"
    checks.rows(
        ("active",),
        f"({active}) IS NULL",
        f"value {column} says neither yes nor no",
        f"values {column} say neither yes nor no",
        "true or false, 1 or 0, yes or no, active or inactive (also ended, cancelled) are allowed",
    )
    return active


def _check_gaps(checks: Checks) -> None:
    """Problems with customers of whom a month is missing between their first and last row, or who just stop."""
    found = run(
        checks.connection,
        f"""SELECT * FROM (
            SELECT customer, min(month) AS first, max(month) AS last, count(*) AS months,
                   datediff('month', min(month), max(month)) + 1 AS needed,
                   arg_max(active, month) AND last < (SELECT max(month) FROM {STATUSES}) AS stops
            FROM {STATUSES} GROUP BY customer)
        WHERE months < needed OR stops ORDER BY customer""",
    )
    gaps = [
        f"{shortened(customer)!r} has {months} of {needed} months from {first:%Y-%m} to {last:%Y-%m}"
        for customer, first, last, months, needed, _ in found
        if months < needed
    ]
    if gaps:
        words = counted(len(gaps), "customer has gaps", "customers have gaps")
        checks.add(f"{words}: {', '.join(gaps[:EXAMPLES])}; every month between the first and the last row is needed")
    ends = [f"{shortened(customer)!r} after {last:%Y-%m}" for customer, _, last, _, _, stops in found if stops]
    if ends:
        words = counted(len(ends), "customer's rows stop", "customers' rows stop")
        allowed = "add the month in which they were no longer active"
        checks.add(f"{words} while active and before the last month: {', '.join(ends[:EXAMPLES])}; {allowed}")


def _from_statuses(connection: Connection) -> tuple[dt.date | None, list[Message]]:
    """Makes ``CONTRACTS`` of the first spell of each customer, and says what was left out."""
    first, last = run(connection, f"SELECT min(month), max(month) FROM {STATUSES}")[0]
    run(
        connection,
        f"""CREATE TEMP TABLE {CONTRACTS} AS
        WITH begun AS (SELECT customer, min(month) FILTER (active) AS start FROM {STATUSES} GROUP BY customer)
        SELECT customer, start, min(month) FILTER (NOT active AND month > start) AS stop,
               max(month) FILTER (active) AS last_active
        FROM {STATUSES} JOIN begun USING (customer) GROUP BY customer, start""",
    )
    customers, never, early, returned = run(
        connection,
        f"""SELECT count(*), count(*) FILTER (start IS NULL), count(*) FILTER (start = DATE '{first or dt.date.min}'),
        count(*) FILTER (last_active > stop) FROM {CONTRACTS}""",
    )[0]
    run(connection, f"DELETE FROM {CONTRACTS} WHERE start IS NULL")
    is_known = early and early < customers - never
    if is_known:
        # They began in that month or long before it; only those who began later have a known tenure.
        run(connection, f"DELETE FROM {CONTRACTS} WHERE start = DATE '{first}'")
    return last, where_any(
        Message("Customers who were never active, left out: {n:integer}.", n=never),
        Message("Customers who came back after leaving: {n:integer}; their first contract counts.", n=returned),
        Message(
            "Customers who were active in the first month of the file, left out since it is not known when they began: "
            "{n:integer}.",
            n=early if is_known else 0,
        ),
        Message(
            "Customers who were active in the first month of the file: {n:integer}. They are taken to have begun in "
            "it, since there are no others.",
            n=0 if is_known else early,
        ),
    )


@dataclass(frozen=True)
class ContractRows:
    """The DuckDB table ``CONTRACTS`` with columns customer, start and stop (NULL where the contract runs on).

    Attributes
    ----------
    last_day
        Last day on which the contracts are known.
    rows_read
        Rows of the source.
    notes
        What is worth saying about them.
    """

    last_day: dt.date
    rows_read: int
    notes: tuple[Message, ...]


def contract_rows(connection: Connection, table: RawTable, config: Config, as_of: dt.date) -> ContractRows:
    """Every contract that began by ``as_of``, checked.

    Raises
    ------
    InputRefused
        With every problem of the rows.
    """
    rows = _number_of(connection, table)
    filled, skipped = without_blank_rows(connection, table)
    if not _number_of(connection, filled):
        message = f"{table.label}: there are no rows under the header; at least one contract is needed"
        raise InputRefused([*table.problems, Problem(message)])
    read = contracts_of_months if config.contracts.columns.month else _from_start_to_end
    last_day, notes = read(connection, filled, config, as_of)
    empty = where_any(Message("Empty rows skipped: {n:integer}.", n=skipped))
    return ContractRows(last_day, rows, (*table.notes, *empty, *notes))


def _number_of(connection: Connection, table: RawTable) -> int:
    return run(connection, f"SELECT count(*) FROM {table.scan}")[0][0]


def _from_start_to_end(
    connection: Connection, table: RawTable, config: Config, as_of: dt.date
) -> tuple[dt.date, list[Message]]:
    """One row a contract: makes ``CONTRACTS``."""
    checks = Checks(connection, table)
    dates, noted = _dates(checks, config)
    _check(checks, dates)
    checks.refuse()
    start, end = dates["start"].expression, dates["end"].expression
    run(
        connection,
        f"""CREATE TEMP TABLE {CONTRACTS} AS
        SELECT {text_of(table, "customer")} AS customer, {start} AS start, {end} AS stop FROM {table.scan}""",
    )
    known = f"DATE '{as_of}'"
    later, running = run(
        connection,
        f"""SELECT count(*) FILTER (start > {known}), count(*) FILTER (start <= {known} AND stop > {known})
        FROM {CONTRACTS}""",
    )[0]
    run(connection, f"DELETE FROM {CONTRACTS} WHERE start > {known}")
    run(connection, f"UPDATE {CONTRACTS} SET stop = NULL WHERE stop > {known}")
    notes = where_any(
        Message("Contracts that began after the last day that counts, left out: {n:integer}.", n=later),
        Message("Contracts that end after the last day that counts: {n:integer}. They run until then.", n=running),
    )
    return as_of, [*zone_notes(dates.values()), *noted, *notes]


def _dates(checks: Checks, config: Config) -> tuple[dict[str, Reading], list[Message]]:
    """How starts and ends are read, and what is taken for something that is not written."""
    connection, table, is_open = checks.connection, checks.table, "false"
    if checks.has("end"):
        table, is_open = with_open_ends(checks)
    months = []
    for role in ("start", "end"):
        if config.contracts.date_format is None:
            table, is_month = with_whole_months(table, role)
            months.append(is_month)
    notes = where_any(
        Message(
            "Contracts whose end is a word for nothing, such as NULL or n.v.t.: {n:integer}. They are taken to run on.",
            n=checks.number_of(is_open),
        ),
        Message(
            "Rows that name a month and no day: {n:integer}. The first day of the month is taken.",
            n=checks.number_of(" OR ".join(months) or "false"),
        ),
    )
    dates = {role: date_reading(connection, table, role, config) for role in ("start", "end") if checks.has(role)}
    if "end" in dates:
        dates["end"] = open_ended(dates["end"])
    return dates, notes


def _check(checks: Checks, dates: dict[str, Reading]) -> None:
    for role, reading in dates.items():
        checks.dates(role, reading)
    readable = {role: reading.expression for role, reading in dates.items() if not reading.problems}
    if "start" in readable:
        checks.missing("start", f"NOT coalesce({dates['start'].unreadable}, false) AND {readable['start']}")
    if len(readable) == 2:
        checks.rows(
            ("start", "end"),
            f"{readable['end']} < {readable['start']}",
            "contract ends before it starts",
            "contracts end before they start",
            "an end must be the start or later, or empty where the contract runs on",
        )
    if checks.has("customer"):
        customer = text_of(checks.table, "customer")
        checks.missing("customer", customer)
        checks.repeated(
            (customer,),
            "customer stands in more than one row",
            "customers stand in more than one row",
            "one row a customer is allowed: make one of contracts that follow on one another",
        )
