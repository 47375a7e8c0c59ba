"""How the dates of contracts are read: days, whole months, and what stands where there is no end."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from analysis.config import Config
from analysis.data.contract_checks import ENDED, RAN, Checks
from analysis.data.dates import YEARS
from analysis.data.engine import literals, run
from analysis.data.mixed import holds_text, native_type
from analysis.data.months import PATTERN
from analysis.data.notes import Note
from analysis.data.numbers import Reading
from analysis.data.sections import read_day
from analysis.data.source import RawTable

NO_END = (
    *("null", "\\n", "none", "nan", "nat", "na", "n/a", "n.a.", "nvt", "n.v.t.", "n.v.t", "geen", "-", "--", "–", "—"),
    *("0000-00-00", "0000-00-00 00:00:00"),
)
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


def date_reading(connection: duckdb.DuckDBPyConnection, table: RawTable, role: str, config: Config) -> Reading:
    """How a column of dates is read; its problems and notes speak of contracts."""
    date_format, timezone = config.contracts.date_format, config.data.timezone
    reading = read_day(connection, table, role, section="contracts", date_format=date_format, timezone=timezone)
    notes = tuple(replace(note, key=note.key.replace("data.", "contracts.", 1)) for note in reading.notes)
    return replace(reading, notes=notes)


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


def without_blank_rows(connection: duckdb.DuckDBPyConnection, table: RawTable) -> tuple[RawTable, list[Note]]:
    """The table without rows in which every named column is empty, and how many these are."""
    cells = ", ".join(f"trim(CAST({table.expression(column)} AS VARCHAR))" for column in table.columns.values())
    filled = f"concat_ws('', {cells}) <> ''" if cells else "true"
    blank = run(connection, f"SELECT count(*) FROM {table.scan} WHERE NOT ({filled})")[0][0]
    if not blank:
        return table, []
    return replace(table, only=filled), [Note("contracts.blank_rows_skipped", {"rows": blank})]


def _is_written(table: RawTable, column: str) -> bool:
    return table.types[column].upper() in WRITTEN or holds_text(table, column)


def _text(table: RawTable, column: str) -> str:
    return f"trim(CAST({table.expression(column)} AS VARCHAR))"


def _rewritten(table: RawTable, column: str, value: str) -> RawTable:
    kind = table.types[column]
    types = {**table.types, column: kind if native_type(kind) else "VARCHAR"}
    return replace(table, types=types, expressions={**table.expressions, column: value})
