"""What is wrong with rows of a further table, collected to be raised together, in the words of its own section."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.config import Config
from analysis.data.cells import staged_frame
from analysis.data.dates import YEARS, read_date
from analysis.data.engine import Connection, literals, run
from analysis.data.files import files_and_problems
from analysis.data.numbers import Reading
from analysis.data.reading import from_files
from analysis.data.source import RawTable
from analysis.data.wording import counted
from analysis.errors import InputRefused, Problem

EXAMPLES = 5
NO_END = (
    *("null", "\\n", "none", "nan", "nat", "na", "n/a", "n.a.", "nvt", "n.v.t.", "n.v.t", "geen", "-", "--", "–", "—"),
    *("0000-00-00", "0000-00-00 00:00:00"),
)
"""Words that count as nothing."""
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
    connection: Connection, table: RawTable, role: str, *, section: str, date_format: str | None, timezone: str | None
) -> Reading:
    """How a column of dates is read, whatever its role; its problems speak of ``section``."""
    alone = replace(table, columns={"date": table.columns[role]})
    reading = read_date(connection, alone, date_format, timezone)
    return replace(reading, problems=told_of(section, reading.problems, role))


def without_blank_rows(connection: Connection, table: RawTable) -> tuple[RawTable, int]:
    """The table without rows in which every named column is empty, and how many these are."""
    cells = ", ".join(f"trim(CAST({table.expression(column)} AS VARCHAR))" for column in table.columns.values())
    filled = f"concat_ws('', {cells}) <> ''" if cells else "true"
    blank = run(connection, f"SELECT count(*) FROM {table.scan} WHERE NOT ({filled})")[0][0]
    if not blank:
        return table, 0
    return replace(table, only=filled), blank


def further_table(
    connection: Connection, section: str, settings: Any, config: Config, workdir: Path, frame: Any = None
) -> RawTable:
    """The table that ``settings``, the section of that name, (or ``frame``) stands for; its problems speak of it.

    Raises
    ------
    InputRefused
        When nothing of it can be read. What can be read in part comes back with its ``problems``.
    """
    try:
        if frame is not None:
            table = staged_frame(connection, frame, settings, workdir)
        else:
            paths, problems = files_and_problems([settings.file], config.folder)
            table = from_files(connection, paths, settings, workdir, problems)
    except InputRefused as refused:
        raise InputRefused(told_of(section, refused.problems)) from None
    if not table.parts:
        raise InputRefused(told_of(section, table.problems))
    return replace(table, problems=told_of(section, table.problems))


class Checks:
    """Collects what is wrong with the rows of a table, to be raised together; ``section`` holds its keys."""

    def __init__(self, connection: Connection, table: RawTable, section: str = "contracts"):
        self.connection, self.table, self.section = connection, table, section
        self.problems = list(table.problems)

    def has(self, *roles: str) -> bool:
        return set(roles) <= set(self.table.columns)

    def number_of(self, condition: str) -> int:
        """Rows that meet a condition."""
        return run(self.connection, f"SELECT count(*) FROM {self.table.scan} WHERE {condition}")[0][0]

    def rows(self, shown: tuple[str, ...], condition: str, one: str, many: str, allowed: str) -> None:
        """A problem where rows meet a condition; the columns of the roles in ``shown`` are quoted as examples."""
        if number := self.number_of(condition):
            examples = self.table.examples(self.connection, [self.table.columns[role] for role in shown], condition)
            self.add(f"{counted(number, one, many)}: {examples}; {allowed}")

    def dates(self, role: str, reading: Reading) -> None:
        """What stands in the way of reading a column of dates."""
        self.problems += reading.problems
        if not reading.problems:
            column = f"in column {self.table.columns[role]!r} (for {role})"
            self.rows(
                (role,),
                f"coalesce({reading.unreadable}, false)",
                f"value {column} is no date",
                f"values {column} are no dates",
                f"dates between {YEARS[0]} and {YEARS[1]} in the format of the column are allowed; correct them, or "
                f"describe the format with the key `{self.section}.date_format`",
            )

    def missing(self, role: str, value: str) -> None:
        """A problem where nothing stands in the column of a role."""
        shown = ("customer",) if role != "customer" and self.has("customer") else tuple(self.table.columns)[:2]
        self.rows(shown, f"{value} IS NULL", f"row has no {role}", f"rows have no {role}", "every row needs one")

    def repeated(self, keys: tuple[str, ...], one: str, many: str, allowed: str) -> None:
        """A problem where rows share all ``keys``, SQL of the customer first."""
        listed, customer = ", ".join(keys), keys[0]
        found = f"FROM {self.table.scan} WHERE {customer} IS NOT NULL GROUP BY {listed} HAVING count(*) > 1"
        twice = f"SELECT {listed} {found}"
        customers = run(self.connection, f"SELECT DISTINCT {customer} AS customer {found} ORDER BY customer")
        if customers:
            columns = [self.table.columns[role] for role in tuple(self.table.columns)[:2]]
            first = literals(customer for (customer,) in customers[:EXAMPLES])
            condition = f"{customer} IN {first} AND ({listed}) IN ({twice})"
            examples = self.table.examples(self.connection, columns, condition)
            self.add(f"{counted(len(customers), one, many)}: {examples}; {allowed}")

    def add(self, message: str) -> None:
        self.problems.append(Problem(f"{self.table.label}: {message}"))

    def refuse(self) -> None:
        """Raise what was collected, if anything was."""
        if self.problems:
            raise InputRefused(self.problems)
