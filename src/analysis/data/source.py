"""What was handed over: the files that a configuration names, whether they are what they say, rows and columns."""

from __future__ import annotations

import difflib
import glob
import gzip
import hashlib
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from analysis.data.engine import (
    FILE_ROWS,
    NUMBER_OF_ROW,
    Connection,
    parquet_scan,
    parquet_types,
    quoted,
    run,
)
from analysis.data.vocabulary import names
from analysis.errors import USAGE, Problem, printable, shortened
from analysis.words import Message

ENDINGS = {
    ".csv": "text",
    ".tsv": "text",
    ".txt": "text",
    ".csv.gz": "text",
    ".tsv.gz": "text",
    ".txt.gz": "text",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "workbook",
    ".xlsm": "workbook",
}
SIGNATURES = {
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls) or another Office file",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "a SQLite database",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"BZh": "a bzip2 archive",
    b"(\xb5/\xfd": "a zstandard archive",
    b"\x89PNG": "a PNG picture",
    b"{\\rtf": "a rich-text document",
}
CHUNK_BYTES = 1 << 20
LONGEST_NAME = 100


def kind_of(path: Path) -> str | None:
    """What the ending of a file promises: text, parquet or workbook; None for an unknown ending.

    >>> kind_of(Path("orders.CSV.gz"))
    'text'
    """
    return next((kind for ending, kind in ENDINGS.items() if path.name.lower().endswith(ending)), None)


def files_and_problems(patterns: Iterable[str], folder: Path) -> tuple[list[Path], list[Problem]]:
    """The files that names and globs stand for, relative to ``folder``, and what is wrong with the others.

    That is a name or glob without a file, an ending that cannot be read, and a file of another kind than the first.
    """
    problems: list[Problem] = []
    found: dict[Path, str] = {}
    for pattern in patterns:
        matches = files_matching(pattern, folder)
        if not matches:
            problems.append(Problem(_missing_message(pattern, folder), USAGE))
        for path in matches:
            if printable(path) != str(path):
                problems.append(Problem(f"transactions: {printable(path)} is no UTF-8; rename it", USAGE))
            elif kind := kind_of(path):
                found[path] = kind
            else:
                problems.append(Problem(_ending_message(path), USAGE))
    contents = list(dict.fromkeys(found.values()))
    if len(contents) > 1:
        listed = " and ".join(sorted(contents))
        problems.append(Problem(f"transactions: files of one kind only, found {listed}", USAGE))
    return [path for path, kind in found.items() if kind == contents[0]], problems


def files_matching(pattern: str, folder: Path) -> list[Path]:
    """The files that one name or glob stands for, relative to ``folder``; none where it can be no path at all."""
    try:
        path = located(pattern, folder)
        if path.is_file():
            return [path]
        if not glob.has_magic(pattern):
            return []
        # The folder is taken literally, whatever brackets its name has.
        full = str(Path(glob.escape(str(folder))) / _at_home(pattern))
        return sorted(match for name in glob.iglob(full, recursive=True) if (match := Path(name)).is_file())  # noqa: PTH207
    except (OSError, ValueError):
        return []


def located(name: str, folder: Path) -> Path:
    """Where a name in a configuration lies: ``~`` is the home folder, the rest is relative to ``folder``."""
    return folder / _at_home(name)


def _at_home(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)


def _missing_message(pattern: str, folder: Path) -> str:
    path = located(pattern, folder)
    if glob.has_magic(pattern):
        where = "" if path.is_absolute() and path == _at_home(pattern) else f" in {folder}"
        return f"transactions: no file matches {shortened(pattern, LONGEST_NAME)!r}{where}"
    try:
        if path.is_dir():
            return f"transactions: {path} is a folder; name a file in it, or a glob such as {pattern.rstrip('/')}/*.csv"
        if path.exists():
            return f"transactions: {path} is a pipe or a device, which can be read only once; write it to a file first"
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return f"transactions: {shortened(pattern, LONGEST_NAME)!r} cannot be the name of a file ({reason})"
    near = difflib.get_close_matches(path.name, beside, n=1)
    return f"transactions: there is no file {path}" + (f"; did you mean {near[0]!r}?" if near else "")


def _ending_message(path: Path) -> str:
    advice = "; save it as .xlsx" if path.suffix.lower() in {".xls", ".xlsb", ".ods"} else ""
    return f"transactions: {path.name} has an ending that cannot be read{advice}; known are {', '.join(ENDINGS)}"


def problems_in_content(path: Path) -> list[Problem]:
    """Whether a file is what its ending says, judged by its first and last bytes."""
    try:
        with opened(path) as stream:
            start = stream.read(4096)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return [Problem(f"{path.name}: its name ends in .gz, but the content is not a complete gzip archive")]
    except OSError as error:
        return [Problem(f"transactions: {path} cannot be read: {(error.strerror or str(error)).lower()}", USAGE)]
    if not start.strip(b"\xef\xbb\xbf \t\r\n"):
        return [Problem(f"{path.name}: the file is empty; a header and at least one row are needed")]
    found = _signature(start)
    content = kind_of(path)
    if content == "parquet" and not _is_whole_parquet(path, start):
        return [_mismatch(path, "cut off" if start.startswith(b"PAR1") else found or "not a Parquet file")]
    if content == "workbook" and not start.startswith(b"PK\x03\x04"):
        return [_mismatch(path, found or "not an Excel workbook")]
    if content == "text" and found:
        return [_mismatch(path, found)]
    return []


def opened(path: Path) -> BinaryIO:
    """The file as bytes, decompressed where its name ends in .gz."""
    return gzip.open(path, "rb") if _is_gzip(path) else path.open("rb")


def _is_gzip(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _signature(start: bytes) -> str | None:
    for magic, name in SIGNATURES.items():
        if start.startswith(magic):
            return name
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<table")):
        return "a web page (HTML)"
    if text.startswith((b"<?xml", b"<!doctype", b"<svg")):
        return "an XML document"
    if text.startswith((b'{"', b"[{", b"{ ", b"{\n", b"{\r", b"[\n")):
        return "a JSON document"
    return None


def _is_whole_parquet(path: Path, start: bytes) -> bool:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 4))
        return start.startswith(b"PAR1") and stream.read() == b"PAR1" and path.stat().st_size > 12


def _mismatch(path: Path, found: str) -> Problem:
    ending = "".join(path.suffixes[-2:]) if _is_gzip(path) else path.suffix
    return Problem(f"{path.name}: the name ends in {ending}, but the content is {found}")


def sha256_of(paths: Iterable[Path]) -> Callable[[], str]:
    """SHA-256 over the content of files, whatever their names and order; computed while other work goes on."""
    executor = ThreadPoolExecutor(1)
    future = executor.submit(lambda: combined_digest(_file_digest(path) for path in paths))
    executor.shutdown(wait=False)
    return future.result


def combined_digest(digests: Iterable[str]) -> str:
    """One digest for several; a single one stays itself."""
    ordered = sorted(digests)
    return ordered[0] if len(ordered) == 1 else hashlib.sha256("\n".join(ordered).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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


def label_of(paths: list[Path]) -> str:
    """What files are called together.

    >>> label_of([Path("a/b.csv")]), label_of([Path("b.csv"), Path("c.csv")])
    ('b.csv', '2 files')
    """
    return paths[0].name if len(paths) == 1 else f"{len(paths)} files"


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


SUSPECTS = {"status": 0.2, "currency": 0.2, "order": 0.9, "refunded": 0.9}
"""Roles whose columns are looked for by name where nobody named one, and how well a name must fit.

What they hold is looked at: a status and a currency are told by their values.
"""


def named_columns(settings: Any) -> dict[str, str]:
    """Role -> column name as configured, with what the amount includes."""
    included = getattr(settings, "amount_includes", None)
    extras = {role: getattr(included, role) for role in ("vat", "shipping")} if included else {}
    return settings.columns.mapped() | {role: name for role, name in extras.items() if isinstance(name, str)}


def mapped_columns(settings: Any, available: list[str]) -> dict[str, str]:
    """Role -> column, for the columns that exist; ``maybe_status``, ``maybe_order`` … where nobody named one."""
    found = {role: name for role, name in named_columns(settings).items() if name in available}
    if hasattr(settings, "count_status"):
        for role, least in SUSPECTS.items():
            free = (name for name in available if name not in found.values())
            best = max(free, key=lambda name, role=role: role_score(role, name), default="")
            if role not in settings.columns.mapped() and role_score(role, best) >= least:
                found[f"maybe_{role}"] = best
    return found


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
            near = nearest_columns(name, list(first))
            problems.append(Problem(f"{first_name}: there is no column {name!r} (for {role}); {near}", USAGE))
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


def normalised(name: str) -> str:
    """A column name without case, accents, blanks and punctuation.

    >>> normalised("Customer_ID "), normalised("État")
    ('customerid', 'etat')
    """
    return re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKD", name).lower())


def role_score(role: str, name: str) -> float:
    """How well a column name fits a role, 0 to 1; the first words of a role's list fit best."""
    words, plain = names(role), normalised(name)
    if plain in words:
        return 1.0 - words.index(plain) / (10 * len(words))
    parts = [word for word in words if len(word) >= 4 and word in plain]
    return 0.6 * max((len(word) / len(plain) for word in parts), default=0.0)


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
