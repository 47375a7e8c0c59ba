"""What was handed over, as a table of texts or typed cells: its rows and columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from analysis.config import nearest
from analysis.data.engine import FILE_ROWS, NUMBER_OF_ROW, Connection, parquet_scan, parquet_types, quoted, run
from analysis.data.vocabulary import IN_NAME, names, vocabulary, words
from analysis.errors import USAGE, DataError, Problem, RetentionLabError, is_full_disk, shortened
from analysis.words import Message

MOST_LISTED = 40
"""Columns up to which all are listed where one is missing."""
TITLE_LINES = 20
"""Lines within which a header is looked for."""


@dataclass(frozen=True)
class Part:
    """One file of the source.

    Attributes
    ----------
    rows
        The Parquet file that holds its rows, or the temporary table that they were staged in.
    name
        Name of the file as the user knows it.
    """

    rows: Path | str
    name: str

    @property
    def scan(self) -> str:
        """SQL of the rows."""
        return parquet_scan([self.rows]) if isinstance(self.rows, Path) else self.rows


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
    notes: tuple[Message, ...] = ()
    problems: tuple[Problem, ...] = ()
    only: str = ""

    @property
    def scan(self) -> str:
        """SQL of the rows, with ``NUMBER_OF_ROW``: from 0 in the first part, from ``FILE_ROWS`` in the second, ..."""
        taken, scans = {column.lower() for column in self.types}, []
        for place, part in enumerate(self.parts):
            own = "file_row_number" if isinstance(part.rows, Path) else "rowid"
            number = "row_number() OVER () - 1" if own in taken else own
            scans.append(f"SELECT *, {place * FILE_ROWS} + {number} AS {quoted(NUMBER_OF_ROW)} FROM {part.scan}")
        scan = f"({' UNION ALL BY NAME '.join(scans)})"
        return f"(SELECT * FROM {scan} WHERE {self.only})" if self.only else scan

    def is_text(self, column: str) -> bool:
        """Whether some values of a column may be text."""
        return self.types[column].upper() == "VARCHAR"

    def expression(self, column: str) -> str:
        """SQL of a column's value."""
        return self.expressions.get(column, quoted(column))

    def where(self, role: str) -> str:
        """A role's column, for messages."""
        return f"{self.label}: column {self.columns[role]!r} (for {role})"

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
        return ", ".join(self.in_words(*row) for row in found)

    def in_words(self, number: int, *values: str | None) -> str:
        """Values of the row of that number as an example, with its place."""
        file, number = divmod(number, FILE_ROWS)
        shown = in_words(values, f"{self.row_word} {number + self.first_row}")
        return f"{shown} of {self.parts[file].name}" if len(self.parts) > 1 else shown


def parquet_table(connection: Connection, label: str, parts: Iterable[Part], settings: Any, **known: Any) -> RawTable:
    """The rows of Parquet files with the types that they have; ``known`` are further attributes."""
    parts = tuple(parts)
    types = known.pop("types", None) or parquet_types(connection, [part.rows for part in parts])
    columns = mapped_columns(settings, list(types)) if settings else {}
    return RawTable(label, parts, types, **{"columns": columns, "row_keys": row_hashes(types), **known})


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


@contextmanager
def damage_told(path: Path, kind: str) -> Iterator[None]:
    """Whatever a library says of a file that is damaged inside, in a sentence."""
    try:
        yield
    except (RetentionLabError, MemoryError, duckdb.Error):
        raise
    except Exception as error:
        if is_full_disk(error):
            raise
        reason = shortened(f"{type(error).__name__}: {error}", 200)
        raise DataError(f"{path.name}: the {kind} is damaged or cut off ({reason})") from error


WITH_TAX = "(inclusief|exclusief|including|excluding|incl?|excl?|ex|inkl|exkl)(vat|tax|taxes|btw|mwst|ust|tva|iva)$"
SURE = 0.9
"""How well a name fits that is a word of a role."""
INCLUDED = ("vat", "shipping", "tip")
"""Roles of what an amount may include that is no turnover."""
SUSPECTS = {"status": 0.1, "currency": 0.2, "order": SURE, "refunded": 0.25}
"""Roles whose columns are looked for by name where nobody named one, and how well a name must fit.

What they hold is looked at: a status and a currency are told by their values.
"""
FLAGS = tuple(f"flag {number}" for number in range(1, 41))
"""Roles of columns that may say that a row does not count, beside the status or in its place."""
SUMMED = tuple(f"summed {number}" for number in range(1, 21))
"""Roles of columns of money, read where a discount or a tip stands beside them: an amount may be before it."""


def named_columns(settings: Any) -> dict[str, str]:
    """Role -> column name as configured, with what the amount includes."""
    included = getattr(settings, "amount_includes", None)
    extras = {role: getattr(included, role) for role in INCLUDED} if included else {}
    return settings.columns.mapped() | {role: name for role, name in extras.items() if isinstance(name, str)}


def mapped_columns(settings: Any, available: list[str]) -> dict[str, str]:
    """Role -> column, for the columns that exist; of ``SUSPECTS`` and ``FLAGS`` also columns that nobody named."""
    found = {role: name for role, name in named_columns(settings).items() if name in available}
    if hasattr(settings, "count_status"):
        for role, least in SUSPECTS.items():
            free = (name for name in available if name not in found.values())
            best = max(free, key=lambda name, role=role: role_score(role, name), default="")
            if role not in settings.columns.mapped() and role_score(role, best) >= least:
                found[role] = best
        found = dict(zip(["refunded"], other_sides(found.get("amount", ""), available), strict=False)) | found
        flags = [name for name in available if role_score("flag", name) or role_score("refunded", name) >= SURE]
        told = found.get("status"), found.get("amount")
        found |= dict(zip(FLAGS, (name for name in flags if name not in told), strict=False))
        if "discount" in found or any(map(is_tip, available)):
            free = (name for name in available if name not in found.values())
            priced = (one for one in free if is_tip(one) or role_score("amount", one) or role_score("unit_price", one))
            found |= dict(zip(SUMMED, priced, strict=False))
    return found


def other_sides(name: str, available: list[str]) -> list[str]:
    """Columns of the other side of a ledger or a bank statement, as credit is of debit.

    >>> other_sides("Gross debit (EUR)", ["Net credit (EUR)", "Gross credit (EUR)"])
    ['Gross credit (EUR)']
    """
    parts = {other: {*re.findall("[a-z]+", other.lower())} for other in (name, *available)}
    return [one for one in available if len(two := parts[one] ^ parts[name]) == 2 and two <= {*words("sides")}]


def guessed_roles(settings: Any, columns: Mapping[str, str]) -> frozenset[str]:
    """Those of ``mapped_columns`` whose column nobody named."""
    return frozenset(columns) - {*named_columns(settings)} if settings.columns else frozenset()


def problems_in_headers(
    headers: list[tuple[str, tuple[str, ...]]], settings: Any, together: Iterable[str] | None = None
) -> list[Problem]:
    """Columns that are missing or named twice, and files whose headers differ.

    Of columns that are read ``together`` (all without it), capitals alone tell nothing apart.
    """
    (first_name, first), *others = headers
    problems = []
    for role, name in named_columns(settings).items():
        if name not in first:
            near = nearest(name, filter(None, first), MOST_LISTED)
            problems.append(Problem(f"{first_name}: there is no column {name!r} (for {role}){near}", USAGE))
        elif first.count(name) > 1:
            times = first.count(name)
            message = (
                f"{first_name}: column {name!r} (for {role}) stands {times} times in the header; rename all but one"
            )
            problems.append(Problem(message))
        for file, header in headers:
            alike = dict.fromkeys(other for other in header if other.lower() == name.lower())
            alike = [other for other in alike if together is None or other in together]
            if name in alike and len(alike) > 1:
                listed = " and ".join(map(repr, alike))
                message = f"{file}: column {name!r} (for {role}): {listed} differ in capitals only; rename one of them"
                problems.append(Problem(message))
    for name, header in others:
        if set(header) != set(first):
            differing = ", ".join(repr(shortened(column)) for column in sorted(set(header) ^ set(first))[:5])
            message = f"{name}: its header differs from that of {first_name} (only one of the two has {differing})"
            problems.append(Problem(f"{message}; files that are read together need the same columns"))
    return problems


def problems_in_skipping(
    name: str, header: tuple[str, ...], settings: Any, word: str, first: Callable[[], list[list[str]]]
) -> list[Problem]:
    """Where the header that is wanted stands in a later line; ``first`` gives the ``TITLE_LINES`` first ones."""
    wanted = set(named_columns(settings).values())
    if wanted <= set(header):
        return []
    number = next((number for number, record in enumerate(first()) if wanted <= set(record)), 0)
    advice = f"set the key `skip_rows` to {number}"
    advice = advice if hasattr(settings, "skip_rows") else "take what stands above them out of the file"
    message = f"{name}: these columns stand in {word} {number + 1}; {advice}"
    return [Problem(message, USAGE)] if number else []


def normalised(name: str) -> str:
    """A column name without case, accents, blanks and punctuation, a currency beside it and whether tax is in it.

    >>> normalised("Customer_ID "), normalised("État")
    ('customerid', 'etat')
    >>> normalised("Amount (EUR)"), normalised("Totaal in € incl. btw"), normalised("EUR")
    ('amount', 'totaal', 'eur')
    """
    bare = re.sub(IN_NAME, " ", name, flags=re.IGNORECASE)
    plain = re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", bare).lower())
    return re.sub(WITH_TAX, "", plain) or plain


def is_tip(name: str) -> bool:
    """Whether a column holds tips by its name.

    >>> is_tip("Fooi"), is_tip("Type")
    (True, False)
    """
    return normalised(name) in vocabulary()["tip"].split()


def is_of_other(role: str, name: str) -> bool:
    """Whether a column name says that it is of something else than a role."""
    return any(other in normalised(name) for other in vocabulary()["others"].get(role, "").split())


def role_score(role: str, name: str) -> float:
    """How well a column name fits a role, 0 to 1; the first words of a role's list fit best."""
    known, plain = names(role), normalised(name)
    if plain in known:
        return 1.0 - known.index(plain) / (10 * len(known))
    if is_of_other(role, name):
        return 0.0
    parts = [word for word in known if len(word) >= 4 and word in plain]
    return 0.6 * max((len(word) / len(plain) for word in parts), default=0.0)
