"""Tables beside the transactions (contracts, campaigns, satisfaction, an experiment …), read by one reader.

Each column is read by what its role is: a day, a number, or an id or name. Rows that must not be there are refused,
collected to be raised together in the words of the table's own section, or left out and told with examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.config import Config
from analysis.data.cells import staged_frame
from analysis.data.engine import NUMBER_OF_ROW, Connection, quoted, scratch
from analysis.data.files import files_and_problems
from analysis.data.formats import Reading, read_date, read_number
from analysis.data.ledger import where_any
from analysis.data.reading import damage_named, from_files
from analysis.data.rows import read_id, value_problem
from analysis.data.source import RawTable
from analysis.errors import InputRefused, Problem, counted, shortened
from analysis.words import Message

DAYS = ("start", "end", "date", "month", "club_since", "expires")
NUMBERS = ("score", "tenure", "spend", "earned", "redeemed")
NUMBERS += ("gross_margin", "cost_per_order", "cost_per_contact", "incentive")
IDS = ("customer", "referred_by")
WORDS = ("type", "active", "churned", "opt_in", "enquired")
"""Roles whose capitals say nothing."""
KINDS = dict.fromkeys(DAYS, ("TIMESTAMP_S", "datetime64[s]")) | dict.fromkeys(NUMBERS, ("DOUBLE", "float64"))
"""Role -> type in DuckDB and in pandas; all others are text."""
EXAMPLES = 5
READING_KEY = re.compile(r"^(sheet|date_format|encoding) ==|(?<= )(decimal) ==")


def told_of(section: str, problems: Iterable[Problem]) -> list[Problem]:
    """Problems with the keys of ``section`` in place of those of the transactions.

    >>> told_of("contracts", [Problem("sheet == 'One', but a.csv is no Excel workbook")])[0].message
    "contracts.sheet == 'One', but a.csv is no Excel workbook"
    """

    def retold(message: str) -> str:
        if message.startswith("transactions: "):
            message = f"{section}.file{message.removeprefix('transactions')}"
        message = READING_KEY.sub(lambda match: f"{section}.{match.group()}", message)
        return message.replace("the key `", f"the key `{section}.")

    return [Problem(retold(problem.message), problem.exit_code) for problem in problems]


def read_table(
    section: str, settings: Any, config: Config, workdir: Path, given: Any = None, *, months: bool = False
) -> Table:
    """The rows of a table; ``given`` stands in for its file, and with ``months`` a month for its first day.

    Raises
    ------
    InputRefused
        Where nothing of it can be read; what can be read in part comes back with its ``problems``.
    """
    with scratch(workdir) as connection:
        try:
            if given is not None:
                raw = staged_frame(connection, given, settings, workdir)
            else:
                paths, problems = files_and_problems([settings.file], config.folder)
                raw = from_files(connection, paths, settings, workdir, problems)
        except InputRefused as refused:
            raise InputRefused(told_of(section, refused.problems)) from None
        if not (raw.parts and raw.columns):
            raise InputRefused(told_of(section, raw.problems))
        with damage_named(raw):
            return Table(connection, section, settings, raw, config.data.timezone, months=months)


class Table:
    """A table's rows, how its columns are read, and what is wrong with them.

    Attributes
    ----------
    frame
        The rows in an order of their own, without empty ones, by their place in the source: days are datetime64,
        numbers floats, all else text; without roles whose columns cannot be read.
    readings
        Role -> how it is read.
    rows, blank
        Rows of the source; those of them that are empty.
    problems
        What was found so far.
    left_out
        Reason, rows and examples of what was left out, or only told.
    """

    def __init__(
        self, connection: Connection, section: str, settings: Any, raw: RawTable, timezone: str | None, *, months: bool
    ):
        self.section, self.settings, self.raw = section, settings, raw
        self.problems, self.left_out = told_of(section, raw.problems), []
        found = {role: self._reading(connection, role, timezone, months=months) for role in raw.columns}
        self.readings = {role: reading for role, reading in found.items() if not reading.problems}
        self._fetch(connection)
        self.rows, self.blank = len(self._shown), int((~self._filled).sum())
        if self.rows == self.blank:
            self.add("there are no rows under the header; at least one is needed")
            self.refuse()
        for role in sorted(self.readings, key=lambda role: role not in DAYS):
            self._check_values(role)

    def _reading(self, connection: Connection, role: str, timezone: str | None, *, months: bool) -> Reading:
        if role in DAYS:
            reading = read_date(connection, self.raw, self.settings.date_format, timezone, months=months, role=role)
        elif role in NUMBERS:
            reading = read_number(connection, self.raw, role, getattr(self.settings, "decimal", None))
        else:
            reading = read_id(self.raw, role)
            text = f"CAST({reading.expression} AS VARCHAR)"
            text = text if role in IDS else f"NULLIF(trim({text}), '')"
            reading = replace(reading, expression=f"lower({text})" if role in WORDS else text)
        # What is wrong with the format of dates is wrong with every column of them.
        self.problems += [one for one in told_of(self.section, reading.problems) if one not in self.problems]
        return reading

    def _fetch(self, connection: Connection) -> None:
        """Every row's values, whether they could not be read, and how they are written."""
        selected = {f"shown {role}": f"CAST({self.raw.expression(column)} AS VARCHAR)"
                    for role, column in self.raw.columns.items()}  # fmt: skip
        for role, reading in self.readings.items():
            selected[role] = f"CAST({reading.expression} AS {KINDS.get(role, ('VARCHAR',))[0]})"
            selected[f"unread {role}"] = f"coalesce({reading.unreadable}, false)"
        listed = ", ".join(f"{expression} AS {quoted(name)}" for name, expression in selected.items())
        joins = " ".join(reading.join for reading in self.readings.values())
        rows = f"SELECT {quoted(NUMBER_OF_ROW)} AS place, {listed} FROM {self.raw.scan} {joins} ORDER BY place"
        found = connection.execute(rows).fetchnumpy()
        place = found.pop("place")
        columns = {name: pd.Series(values, place) for name, values in found.items()}
        self._shown = pd.DataFrame({role: columns[f"shown {role}"].astype("str") for role in self.raw.columns})
        self._filled = (self._shown.apply(lambda texts: texts.str.strip()).fillna("") != "").any(axis="columns")
        self._unread = {role: columns[f"unread {role}"] for role in self.readings}
        kinds = {role: KINDS.get(role, ("", "str"))[1] for role in self.readings}
        frame = pd.DataFrame({role: columns[role].astype(kind) for role, kind in kinds.items()}, self._shown.index)
        self.frame = frame[self._filled].sort_values(list(frame)) if len(kinds) else frame

    def _check_values(self, role: str) -> None:
        column, unread = self.raw.columns[role], self._unread[role]
        if unread.any():
            kind = "id" if self.raw.is_text(column) else "numeric id"
            kind = "date" if role in DAYS else "number" if role in NUMBERS else kind
            where = f"{self.raw.label}: column {column!r} (for {role})"
            problem = value_problem(where, kind, int(unread.sum()), self._examples((role,), unread))
            self.problems += told_of(self.section, [problem])

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the content; of rows that come with a sample its name."""
        return self.raw.digest() if self.raw.digest else str(self.settings.file)

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

    def _examples(self, roles: Iterable[str], rows: pd.Series) -> str:
        roles = [role for role in roles if role in self._shown]
        shown = self._shown.loc[rows.index[rows], roles].sort_index().head(EXAMPLES)
        return ", ".join(
            self.raw.in_words(place, *(None if pd.isna(text) else text for text in texts))
            for place, *texts in shown.itertuples(name=None)
        )

    def check(self, roles: Iterable[str], rows: pd.Series, one: str, many: str, allowed: str) -> None:
        """A problem where some rows (truth values) are as they must not be; ``roles`` are quoted as examples."""
        if number := int(rows.sum()):
            self.add(f"{counted(number, one, many)}: {self._examples(roles, rows)}; {allowed}")

    def check_known(self, role: str, known: Iterable[str], fault: tuple[str, str], allowed: str) -> None:
        """A problem where a column holds other words than the ``known`` ones; ``fault`` says it of one and of many."""
        if role in self.frame:
            column, (one, many) = f"in column {self.raw.columns[role]!r} (for {role})", fault
            other = ~self.frame[role].isin(known)
            self.check((role,), other, f"value {column} {one}", f"values {column} {many}", allowed)

    def check_filled(self, *roles: str) -> None:
        """A problem where nothing stands in the column of a role."""
        for role in (role for role in roles if role in self.frame):
            shown = ("customer",) if role != "customer" and "customer" in self.frame else tuple(self.raw.columns)[:2]
            nothing = self.frame[role].isna() & ~self._unread[role].reindex(self.frame.index)
            self.check(shown, nothing, f"row has no {role}", f"rows have no {role}", "every row needs one")

    def check_order(self, one: str, many: str, allowed: str) -> None:
        """A problem where a row ends before it starts."""
        if {"start", "end"} <= {*self.frame}:
            before = self.frame["end"] < self.frame["start"]
            self.check(("start", "end"), before, f"{one} before it starts", f"{many} before they start", allowed)

    def check_once(self, roles: Iterable[str], wrong: pd.Series, one: str, many: str, allowed: str) -> None:
        """A problem with the customers of some rows (truth values)."""
        customers = self.frame["customer"]
        names = sorted(customers[wrong].dropna().unique())
        if names:
            examples = self._examples(("customer", *roles), customers.isin(names[:EXAMPLES]))
            self.add(f"{counted(len(names), f'customer {one}', f'customers {many}')}: {examples}; {allowed}")

    def leave(self, reason: str, rows: pd.Series, column: str = "customer", *, out: bool = True) -> None:
        """Leave rows (truth values) ``out``, or only tell of them."""
        if rows.any():
            values = self.frame.loc[rows, column if column in self.frame else self.frame.columns[0]]
            shown = values.dropna().astype(str).unique()
            examples = ", ".join(repr(shortened(value)) for value in shown[:EXAMPLES])
            self.left_out.append({"reason": reason, "rows": int(rows.sum()), "examples": examples})
        if out:
            self.frame = self.frame[~rows]

    def add(self, message: str) -> None:
        self.problems.append(Problem(f"{self.raw.label}: {message}"))

    def refuse(self) -> None:
        """Raise what was collected, if anything was."""
        if self.problems:
            raise InputRefused(self.problems)
