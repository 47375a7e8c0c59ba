"""Tables beside the transactions (contracts, campaigns, satisfaction, an experiment …), read by one reader.

Each column is read by what its role is: a day, a number, or an id or name. What is wrong is collected, to be raised
together in the words of the table's own section.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.config import Config
from analysis.data.cells import staged_frame
from analysis.data.engine import Connection, literals, quoted, run, scratch
from analysis.data.formats import YEARS, Reading, read_date, read_number
from analysis.data.ledger import where_any
from analysis.data.reading import damage_named, from_files, narrowed
from analysis.data.rows import read_id, value_problem
from analysis.data.source import files_and_problems
from analysis.errors import InputRefused, Problem, counted
from analysis.words import Message

DAYS = ("start", "end", "date", "month", "club_since", "expires")
NUMBERS = ("score", "tenure", "spend", "earned", "redeemed")
NUMBERS += ("gross_margin", "cost_per_order", "cost_per_contact", "incentive")
IDS = ("customer", "referred_by")
EXAMPLES = 5
READING_KEY = re.compile(r"^(sheet|date_format|encoding) ==|(?<= )(decimal) ==")


def told_of(section: str, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems with the keys of ``section`` in place of those of the transactions.

    >>> told_of("contracts", [Problem("sheet == 'One', but a.csv is no Excel workbook")])[0].message
    "contracts.sheet == 'One', but a.csv is no Excel workbook"
    """

    def retold(message: str) -> str:
        if message.startswith("transactions: "):
            message = f"{section}.file{message.removeprefix('transactions')}"
        message = READING_KEY.sub(lambda match: f"{section}.{match.group()}", message)
        return message.replace("the key `", f"the key `{section}.")

    return tuple(Problem(retold(problem.message), problem.exit_code) for problem in problems)


@contextmanager
def opened_table(
    section: str, settings: Any, config: Config, workdir: Path, frame: Any = None, **reading: Any
) -> Iterator[Table]:
    """A ``Table`` on a connection of its own, which ends with it; ``reading`` are further arguments.

    Raises
    ------
    InputRefused
        Also where it turns out to be damaged while its rows are read.
    """
    with scratch(workdir) as connection:
        table = Table(connection, section, settings, config, workdir, frame=frame, **reading)
        with damage_named(table.raw):
            yield table


class Table:
    """A table's rows, how its columns are read, and what is wrong with them.

    Attributes
    ----------
    raw
        The rows as they came, without those in which every named column is empty.
    readings
        Role -> how it is read; without those that cannot be read at all.
    rows, blank
        Rows of the source; those of them that are empty.
    problems
        What was found so far.
    """

    def __init__(
        self,
        connection: Connection,
        section: str,
        settings: Any,
        config: Config,
        workdir: Path,
        *,
        frame: Any = None,
        months: bool = False,
        needed: str = "one",
    ):
        self.connection, self.section, self.settings = connection, section, settings
        self.timezone = config.data.timezone
        try:
            if frame is not None:
                raw = staged_frame(connection, frame, settings, workdir)
            else:
                paths, problems = files_and_problems([settings.file], config.folder)
                raw = from_files(connection, paths, settings, workdir, problems)
        except InputRefused as refused:
            raise InputRefused(told_of(section, refused.problems)) from None
        self.raw, self.problems = raw, list(told_of(section, raw.problems))
        if not raw.parts:
            self.refuse()
        self.rows = self.number_of("true")
        cells = ", ".join(f"trim(CAST({raw.expression(column)} AS VARCHAR))" for column in raw.columns.values())
        self.raw = narrowed(raw, f"concat_ws('', {cells}) <> ''" if cells else "true")
        self.blank = self.rows - self.number_of("true")
        if self.rows == self.blank:
            self.add(f"there are no rows under the header; at least {needed} is needed")
            self.refuse()
        found = {role: self._read(role, months=months) for role in self.raw.columns}
        self.readings = {role: reading for role, reading in found.items() if not reading.problems}
        for role in (role for role in self.readings if role not in DAYS):
            self._check_values(role)

    def _read(self, role: str, *, months: bool) -> Reading:
        settings = self.settings
        if role in DAYS:
            zone = self.timezone
            reading = read_date(self.connection, self.raw, settings.date_format, zone, months=months, role=role)
            column = f"in column {self.raw.columns[role]!r} (for {role})"
            if not reading.problems and reading.unreadable != "false":
                allowed = (
                    f"dates between {YEARS[0]} and {YEARS[1]} in the format of the column are allowed; correct them"
                )
                key = f"or describe the format with the key `{self.section}.date_format`"
                one, many = f"value {column} is no date", f"values {column} are no dates"
                self.check((role,), f"coalesce({reading.unreadable}, false)", one, many, f"{allowed}, {key}")
        elif role in NUMBERS:
            reading = read_number(self.connection, self.raw, role, getattr(settings, "decimal", None))
        else:
            reading = read_id(self.raw, role)
            text = f"CAST({reading.expression} AS VARCHAR)"
            reading = replace(reading, expression=text if role in IDS else f"NULLIF(trim({text}), '')")
        # What is wrong with the format of dates is wrong with every column of them.
        told = told_of(self.section, reading.problems)
        self.problems += [problem for problem in told if problem not in self.problems]
        return reading

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the content; of rows that come with a sample its name."""
        return self.raw.digest() if self.raw.digest else str(self.settings.file)

    def _check_values(self, role: str) -> None:
        column, unreadable = self.raw.columns[role], self.readings[role].unreadable
        if number := unreadable != "false" and self.number_of(unreadable):
            examples = self.raw.examples(self.connection, [column], unreadable)
            where = f"{self.raw.label}: column {column!r} (for {role})"
            problem = value_problem(where, role, self.raw.is_text(column), number, examples)
            self.problems += told_of(self.section, [problem])

    def said(self, label: Message) -> list[Message]:
        """What reading it gives reason to say; ``label`` is what readers know it by."""
        in_utc = any(reading.in_utc for reading in self.readings.values())
        return [
            *self.raw.notes,
            *where_any(Message("Empty rows in the file of {table}, skipped: {n:integer}.", n=self.blank, table=label)),
            *[
                Message(
                    "Times in the file of {table} carry an offset and no time zone is configured, so a day there is a "
                    "day in UTC.",
                    table=label,
                )
            ] * in_utc,
        ]  # fmt: skip

    def value(self, role: str) -> str:
        """SQL of a role's value; NULL where it cannot be read."""
        return self.readings[role].expression if role in self.readings else "NULL"

    def has(self, *roles: str) -> bool:
        return set(roles) <= set(self.readings)

    def number_of(self, condition: str) -> int:
        """Rows that meet a condition."""
        return run(self.connection, f"SELECT count(*) FROM {self.raw.scan} WHERE {condition}")[0][0]

    def check(self, shown: Iterable[str], condition: str, one: str, many: str, allowed: str) -> None:
        """A problem where rows meet a condition; the columns of the roles in ``shown`` are quoted as examples."""
        if number := self.number_of(condition):
            columns = [self.raw.columns[role] for role in shown if role in self.raw.columns]
            examples = self.raw.examples(self.connection, columns, condition)
            self.add(f"{counted(number, one, many)}: {examples}; {allowed}")

    def check_filled(self, *roles: str) -> None:
        """A problem where nothing stands in the column of a role."""
        for role in (role for role in roles if self.has(role)):
            shown = ("customer",) if role != "customer" and self.has("customer") else tuple(self.raw.columns)[:2]
            nothing = f"({self.value(role)}) IS NULL AND NOT coalesce({self.readings[role].unreadable}, false)"
            self.check(shown, nothing, f"row has no {role}", f"rows have no {role}", "every row needs one")

    def check_order(self, one: str, many: str, allowed: str) -> None:
        """A problem where a row ends before it starts."""
        if self.has("start", "end"):
            before = f"{self.value('end')} < {self.value('start')}"
            self.check(("start", "end"), before, f"{one} before it starts", f"{many} before they start", allowed)

    def check_once(
        self, roles: tuple[str, ...], having: str, one: str, many: str, allowed: str, each: str = "NULL"
    ) -> None:
        """A problem with the customers whose rows, or those of ``each`` (SQL), are a group ``having`` a property."""
        if not self.has("customer", *roles):
            return
        who = self.value("customer")
        keys = f"{who} AS customer, {each} AS each"
        found = f"SELECT {keys} FROM {self.raw.scan} WHERE {who} IS NOT NULL GROUP BY ALL HAVING {having}"
        customers = run(self.connection, f"SELECT DISTINCT customer FROM ({found}) ORDER BY customer")
        if customers:
            first = f"{who} IN {literals(customer for (customer,) in customers[:EXAMPLES])}"
            columns = [self.raw.columns[role] for role in ("customer", *roles)]
            examples = self.raw.examples(self.connection, columns, first)
            self.add(f"{counted(len(customers), f'customer {one}', f'customers {many}')}: {examples}; {allowed}")

    def frame(self, *, distinct: bool = False, whole: bool = False) -> pd.DataFrame:
        """The rows in an order of their own, without those that lack a value unless ``whole``.

        Days are datetime64, numbers floats, all else text.
        """
        kinds = dict.fromkeys(DAYS, ("TIMESTAMP_S", "datetime64[s]")) | dict.fromkeys(NUMBERS, ("DOUBLE", "float64"))
        selected = ", ".join(
            f"CAST({reading.expression} AS {kinds.get(role, ('VARCHAR', ''))[0]}) AS {quoted(role)}"
            for role, reading in self.readings.items()
        )
        filled = "true" if whole else " AND ".join(f"{quoted(role)} IS NOT NULL" for role in self.readings)
        rows = f"SELECT {'DISTINCT ' if distinct else ''}{selected} FROM {self.raw.scan}"
        columns = self.connection.execute(f"SELECT * FROM ({rows}) WHERE {filled} ORDER BY ALL").fetchnumpy()
        return pd.DataFrame(
            {role: pd.Series(columns[role]).astype(kinds.get(role, ("", "str"))[1]) for role in self.readings}
        )

    def add(self, message: str) -> None:
        self.problems.append(Problem(f"{self.raw.label}: {message}"))

    def refuse(self) -> None:
        """Raise what was collected, if anything was."""
        if self.problems:
            raise InputRefused(self.problems)
