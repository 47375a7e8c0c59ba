"""A table as it was handed over: where its rows are, what its columns are called, how a row is found again."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.data.engine import FILE_ROWS, NUMBER_OF_ROW, Connection, numbered_scan, quoted, run
from analysis.data.vocabulary import names
from analysis.errors import Problem, shortened
from analysis.words import Message


@dataclass(frozen=True)
class Part:
    """One file of the source.

    Attributes
    ----------
    path
        Parquet file that DuckDB scans: the source itself, or what was staged from it.
    name
        Name of the file as the user knows it.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class RawTable:
    """Rows before anything was recognised in them.

    Attributes
    ----------
    label
        What the user calls the source, for messages.
    parts
        The files that hold the rows.
    types
        DuckDB type of every column that can be asked for.
    columns
        Role -> column name, with roles whose column does not exist left out.
    digest
        Waits for the SHA-256 over the content; None where the rows themselves are hashed.
    expressions
        SQL of columns that are not read as they stand.
    row_keys
        SQL of two hashes over every column of a row.
    first_row
        What the first row under the header is called, 2 for text and sheets.
    row_word
        "line" for text, "row" elsewhere.
    currency
        Currency that the source is known to be in.
    marks
        Column -> rows of every sign or code of a currency that the number formats of its cells show.
    notes, problems
        What reading it brought up.
    only
        SQL of the condition that a row must meet to belong to the table; empty for all rows.
    """

    label: str
    parts: tuple[Part, ...]
    types: Mapping[str, str]
    columns: Mapping[str, str]
    digest: Callable[[], str] | None = None
    expressions: Mapping[str, str] = field(default_factory=dict)
    row_keys: tuple[str, str] = ("0", "0")
    first_row: int = 1
    row_word: str = "row"
    currency: str | None = None
    marks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    notes: tuple[Message, ...] = ()
    problems: tuple[Problem, ...] = ()
    only: str = ""

    @property
    def scan(self) -> str:
        """SQL of the rows, with the column ``NUMBER_OF_ROW``."""
        scan = numbered_scan((part.path for part in self.parts), self.types)
        return f"(SELECT * FROM {scan} WHERE {self.only})" if self.only else scan

    def is_text(self, column: str) -> bool:
        """Whether some values of a column may be text."""
        return self.types[column].upper() == "VARCHAR"

    def expression(self, column: str) -> str:
        """SQL of a column's value."""
        return self.expressions.get(column, quoted(column))

    def examples(self, connection: Connection, columns: list[str], condition: str, limit: int = 5) -> str:
        """The first rows that meet ``condition``, in words.

        Returns
        -------
        str
            Such as ``'31-02-2024' in line 17, '' in line 20``.
        """
        values = ", ".join(f"CAST({self.expression(column)} AS VARCHAR)" for column in columns)
        place = quoted(NUMBER_OF_ROW)
        found = run(
            connection, f"SELECT {place}, {values} FROM {self.scan} WHERE {condition} ORDER BY {place} LIMIT {limit}"
        )
        return ", ".join(self._in_words(*row) for row in found)

    def _in_words(self, number: int, *values: str | None) -> str:
        file, number = divmod(number, FILE_ROWS)
        shown = in_words(values, f"{self.row_word} {number + self.first_row}")
        return f"{shown} of {self.parts[file].name}" if len(self.parts) > 1 else shown


def in_words(values: Iterable[str | None], place: str = "") -> str:
    """Values of a row as an example.

    >>> in_words(["31-02-2024", None], "line 17")
    "'31-02-2024' / empty in line 17"
    """
    shown = " / ".join("empty" if value is None else repr(shortened(value)) for value in values)
    return f"{shown} in {place}" if place else shown


def row_hashes(columns: Iterable[str]) -> tuple[str, str]:
    """SQL of two independent hashes over all columns, in an order that does not depend on the file.

    >>> row_hashes(["b", "a"])[0]
    'hash("a", "b")'
    """
    listed = ", ".join(quoted(column) for column in sorted(columns))
    return f"hash({listed})", f"hash('second', {listed})"


def part_expression(table: RawTable) -> str:
    """SQL of the part that a row belongs to, as text without blanks around it; empty where it names none."""
    return f"coalesce(trim(CAST({table.expression(table.columns['split'])} AS VARCHAR)), '')"


def only_first_rows(name: str, most: int) -> Problem:
    """What is said where the configuration is refused and so only the beginning of the data was looked at."""
    message = f"{name}: only the first {most:,} rows were looked at, since the configuration is refused anyway"
    return Problem(message)


SUSPECTS = ("status", "order", "refunded")
"""Roles whose columns are looked for by name where nobody named one; what they hold is looked at."""


def named_columns(settings: Any) -> dict[str, str]:
    """Role -> column name as configured, with what the amount includes."""
    included = getattr(settings, "amount_includes", None)
    extras = {role: getattr(included, role) for role in ("vat", "shipping")} if included else {}
    return settings.columns.mapped() | {role: name for role, name in extras.items() if isinstance(name, str)}


def mapped_columns(settings: Any, available: list[str]) -> dict[str, str]:
    """Role -> column, for the columns that exist; ``maybe_status``, ``maybe_order`` … where nobody named one."""
    found = {role: name for role, name in named_columns(settings).items() if name in available}
    if hasattr(settings, "count_status"):
        for role in SUSPECTS:
            suspects = [name for name in available if normalised(name) in names(role)]
            if role not in settings.columns.mapped() and suspects and suspects[0] not in found.values():
                found[f"maybe_{role}"] = suspects[0]
    return found


def normalised(name: str) -> str:
    """A column name without case, blanks and punctuation.

    >>> normalised("Customer_ID ")
    'customerid'
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def nearest_columns(name: str, available: list[str]) -> str:
    """The columns nearest to a name that does not exist, in words.

    >>> nearest_columns("custumer", ["Customer", "date"])
    "did you mean 'Customer'? The columns are 'Customer', 'date'"
    """
    plain = {normalised(column): column for column in reversed(available)}
    near = difflib.get_close_matches(normalised(name), plain, n=2, cutoff=0.6)
    shown = ", ".join(repr(column) for column in available[:20]) + (", …" if len(available) > 20 else "")
    question = f"did you mean {' or '.join(repr(plain[match]) for match in near)}? " if near else ""
    return f"{question}{'The' if question else 'the'} columns are {shown}"
