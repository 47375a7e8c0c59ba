"""Problems of reading a table that is no table of transactions, told of the section of the configuration it is in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import duckdb

from analysis.data.dates import read_date
from analysis.data.numbers import Reading
from analysis.data.source import RawTable
from analysis.errors import Problem

READING_KEY = re.compile(r"^(sheet|date_format|encoding) ==|(?<= )(decimal) ==")


def told_of(section: str, problems: Iterable[Problem], role: str = "date") -> tuple[Problem, ...]:
    """Problems with the keys of ``section`` in place of those of the transactions, and ``role`` in place of the date.

    >>> told_of("contracts", [Problem("sheet == 'One', but a.csv is no Excel workbook")])[0].message
    "contracts.sheet == 'One', but a.csv is no Excel workbook"
    """
    return tuple(Problem(_retold(problem.message, section, role), problem.exit_code) for problem in problems)


def _retold(message: str, section: str, role: str) -> str:
    if message.startswith("transactions: "):
        message = f"{section}.file{message.removeprefix('transactions')}"
    message = READING_KEY.sub(lambda match: f"{section}.{match.group()}", message)
    return message.replace("the key `", f"the key `{section}.").replace("(for date)", f"(for {role})")


def read_day(
    connection: duckdb.DuckDBPyConnection,
    table: RawTable,
    role: str,
    *,
    section: str,
    date_format: str | None,
    timezone: str | None,
) -> Reading:
    """How a column of dates is read, whatever its role; its problems speak of ``section``."""
    alone = replace(table, columns={"date": table.columns[role]})
    reading = read_date(connection, alone, date_format, timezone)
    return replace(reading, problems=told_of(section, reading.problems, role))
