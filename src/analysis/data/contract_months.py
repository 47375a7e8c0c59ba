"""A status by customer and month, as contracts with a start and an end."""

from __future__ import annotations

import datetime as dt

import duckdb

from analysis.config import Config
from analysis.data.contract_checks import CONTRACTS, ENDED, EXAMPLES, RAN, Checks, note_on, text_of
from analysis.data.contract_dates import date_reading, with_whole_months
from analysis.data.engine import literals, run
from analysis.data.notes import Note
from analysis.data.numbers import Reading
from analysis.data.source import RawTable, shortened
from analysis.data.wording import counted

STATUSES = "contract_statuses"
UNKNOWN = Reading("CAST(NULL AS DATE)")


def contracts_of_months(
    connection: duckdb.DuckDBPyConnection, table: RawTable, config: Config, as_of: dt.date
) -> tuple[dt.date, list[Note]]:
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
    return last_day or as_of, [*reading.notes, *notes]


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


def _from_statuses(connection: duckdb.DuckDBPyConnection) -> tuple[dt.date | None, list[Note]]:
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
    notes = [*note_on("contracts.never_active", never), *note_on("contracts.returned", returned)]
    if early and early < customers - never:
        # They began in that month or long before it; only those who began later have a known tenure.
        run(connection, f"DELETE FROM {CONTRACTS} WHERE start = DATE '{first}'")
        return last, [*notes, Note("contracts.start_unknown_left_out", {"customers": early, "month": first})]
    kept = [Note("contracts.start_unknown_kept", {"customers": early, "month": first})] if early else []
    return last, [*notes, *kept]
