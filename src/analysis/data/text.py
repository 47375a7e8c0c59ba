"""Delimited text: its encoding, delimiter and header, and its rows staged as Parquet for the work that follows."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import duckdb

from analysis.config import DataConfig
from analysis.data.engine import Connection, glob_safe, literal, quoted, run
from analysis.data.files import CHUNK_BYTES, opened
from analysis.data.ledger import where_any
from analysis.data.source import (
    TITLE_LINES,
    Part,
    RawTable,
    damage_told,
    mapped_columns,
    problems_in_headers,
    problems_in_skipping,
)
from analysis.errors import (
    USAGE,
    DataError,
    InputRefused,
    Problem,
    UsageError,
    collecting,
    first_line,
    is_full_disk,
    shortened,
)
from analysis.words import Message

DELIMITERS = (";", ",", "\t", "|")
HEAD_CHARACTERS = 1 << 18
ROW_KEYS = ("row key 1 of 2", "row key 2 of 2")


# UTF-32 first: its little-endian mark begins with that of UTF-16.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def as_utf8(path: Path, configured: str | None, target: Path) -> tuple[Path, str, bool]:
    """A text file as UTF-8 whose lines all end alike, its encoding as Python calls it, and whether that was guessed.

    The file itself where it is so already, else written to ``target`` chunk by chunk. UTF-8 is certain when every byte
    is valid UTF-8, and so is a byte order mark. What is left is read as Windows-1252, of which latin-1 is a part: the
    text of western European exports. That may garble letters in names, never a digit, and never makes two customer ids
    one.

    Raises
    ------
    InputRefused
        When the bytes are no text, or the configured encoding is unknown.
    """
    with damage_told(path, "gzip archive" if path.name.lower().endswith(".gz") else "file"):
        with opened(path) as stream:
            start = stream.read(4096)
        marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), None)
        names = [_known(configured)] if configured else [marked] if marked else ["utf-8", "cp1252"]
        if len(names) > 1 and b"\0" in start:
            raise DataError(
                f"{path.name}: the content is not text (it has zero bytes); if it is UTF-16 without a byte order mark, "
                "say so with the key `encoding`, for example utf-16-le"
            )
        for name in names:
            try:
                if name.startswith("utf-8") and _decoded(path, name):
                    return path, name, False
                _decoded(path, name, target)
            except UnicodeError as error:
                reason = error
            else:
                return target, name, name == "cp1252" and not configured
    if len(names) > 1:
        raise DataError(
            f"{path.name}: the text is neither UTF-8 nor Windows-1252; name its encoding with the key `encoding`"
        )
    raise DataError(f"{path.name}: cannot be read as {name} ({reason}); correct the key `encoding`")


def _decoded(path: Path, encoding: str, target: Path | None = None) -> bool:
    """Reads a file to its end, into ``target`` if there is one; whether its lines all end alike.

    Raises
    ------
    UnicodeError
        Where bytes are none of the encoding.
    """
    with opened(path) as stream, target.open("w", encoding="utf-8", newline="") if target else nullcontext() as out:
        # Universal newlines: a file that mixes line ends would lose rows, or be refused for a wrong reason.
        reader = io.TextIOWrapper(stream, encoding=encoding, newline=None)
        while text := reader.read(CHUNK_BYTES):
            if out:
                out.write(text)
        return not isinstance(reader.newlines, tuple)


def _known(name: str) -> str:
    try:
        found = codecs.lookup(name)
        # Python has codecs that are none of text, such as base64; only opening a text stream tells.
        io.TextIOWrapper(io.BytesIO(), encoding=name)
    except (LookupError, ValueError):
        message = f"encoding == {name!r}, must be a known encoding of text such as utf-8, latin-1, cp1252, utf-16"
        raise UsageError(message) from None
    return "utf-8-sig" if found.name == "utf-8" else found.name


@dataclass(frozen=True)
class TextLayout:
    """How a text file is laid out.

    Attributes
    ----------
    path
        The file as UTF-8: the file itself, or its transcoded copy.
    name
        The file's name as the user knows it.
    encoding, delimiter
        As recognised or configured.
    is_guessed
        Whether the bytes alone do not prove the encoding.
    header
        Column names, as they stand in the file, without surrounding blanks.
    skipped_lines
        Lines before the header: empty ones, and the ``sep=;`` that Excel writes.
    """

    path: Path
    name: str
    encoding: str
    is_guessed: bool
    delimiter: str
    header: tuple[str, ...]
    skipped_lines: int


def recognised_layout(path: Path, data: DataConfig | None, workdir: Path, number: int = 0) -> TextLayout:
    """Encoding, delimiter and header of a text file.

    Raises
    ------
    InputRefused
        When the encoding is unknown, the content is no text, or no delimiter fits.
    """
    target = workdir / f"utf8-{number}.csv"
    readable, encoding, is_guessed = as_utf8(path, data.encoding if data else None, target)
    *above, head = text_head(readable).split("\n", getattr(data, "skip_rows", 0))
    blank = len(head) - len(head.lstrip("\r\n"))
    skipped, head = len(above) + head[:blank].count("\n"), head[blank:]
    if head.lstrip('"')[:4].lower() == "sep=":  # as Excel writes it
        skipped, head = skipped + 1, head.split("\n", 1)[-1]
    wanted = set(data.columns.mapped().values()) if data and data.columns else set()
    delimiter = (data.delimiter if data else None) or recognised_delimiter(head, wanted)
    header = tuple(name.strip() for name in _records(head, delimiter, 1)[0])
    return TextLayout(readable, path.name, encoding, is_guessed, delimiter, header, skipped)


def text_head(path: Path) -> str:
    """The first part of a UTF-8 file, cut after a whole line."""
    with opened(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="").read(HEAD_CHARACTERS)
    if len(text) == HEAD_CHARACTERS and "\n" in text:
        text = text[: text.rfind("\n") + 1]
    return text


def _records(text: str, delimiter: str, limit: int) -> list[list[str]]:
    records: list[list[str]] = []
    with suppress(csv.Error):  # what was read before it counts
        records.extend(islice(filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter[0])), limit))
    return records or [[text.split("\n", 1)[0]]]


def first_records(layout: TextLayout, number: int) -> list[list[str]]:
    """The first records of a file, blank lines included, without blanks around the fields."""
    lines = text_head(layout.path).split("\n")[:number]
    return [[name.strip() for name in _records(line, layout.delimiter, 1)[0]] for line in lines]


def recognised_delimiter(head: str, wanted: set[str]) -> str:
    """The delimiter under which the header holds the configured columns, else the most regular one.

    >>> recognised_delimiter("klant;datum;bedrag\\n7;1-2-2024;1,50\\n", {"klant", "datum"})
    ';'
    """

    def fitness(delimiter: str) -> tuple[int, float, int]:
        rows = _records(head, delimiter, 200)
        hits = len(wanted & {name.strip() for name in rows[0]})
        # The most frequent width, since rows above the header may be narrower.
        width, number = Counter(len(row) for row in rows).most_common(1)[0]
        return hits if width > 1 else 0, number / len(rows) if width > 1 else 0.0, width

    return max(DELIMITERS, key=fitness)


def staged_text(connection: Connection, paths: list[Path], data: DataConfig, workdir: Path) -> RawTable:
    """Text files as one table of text columns, read once; what is not UTF-8 is written so in ``workdir``.

    Only the configured columns and a key of the whole row are staged.
    """
    layouts: list[TextLayout] = []
    problems: list[Problem] = []
    for number, path in enumerate(paths):
        with collecting(problems):
            layouts.append(recognised_layout(path, data, workdir, number))
    if not layouts:
        raise InputRefused(problems)
    present = mapped_columns(data, list(layouts[0].header))
    headers = [(layout.name, layout.header) for layout in layouts]
    problems += problems_in_headers(headers, data, together=present.values())
    above = partial(first_records, layouts[0], TITLE_LINES)
    skipping = problems_in_skipping(*headers[0], data, "line", above)
    if not (skipping or present) and len(layouts[0].header) == 1:
        name, (column,) = headers[0]
        message = f"{name}: its header is one column, {shortened(column)!r}; name what separates columns with the key"
        skipping = [Problem(f"{message} `delimiter`", USAGE)]
    problems += skipping
    parts = []
    if present:
        kept = list(dict.fromkeys(present.values()))
        for number, layout in enumerate(layouts):
            if set(kept) <= set(layout.header):
                problems += _stage(connection, layout, kept, f"staged_{number}")
                parts.append(Part(f"staged_{number}", layout.name))
    guessed = [layout.encoding for layout in layouts if layout.is_guessed]
    note = Message(
        "Files whose encoding was recognised as {encoding}: {n:integer}.", n=len(guessed), encoding="".join(guessed[:1])
    )
    return RawTable(
        label=layouts[0].name,
        parts=tuple(parts),
        types=dict.fromkeys(layouts[0].header, "VARCHAR"),
        columns=present,
        row_keys=(quoted(ROW_KEYS[0]), quoted(ROW_KEYS[1])),
        first_row=2 + layouts[0].skipped_lines,
        row_word="line",
        notes=tuple(where_any(note)),
        problems=tuple(problems),
    )


def _stage(connection: Connection, layout: TextLayout, kept: list[str], target: str) -> list[Problem]:
    names = [f"{position} {name}" for position, name in enumerate(layout.header)]
    first = {name: quoted(names[layout.header.index(name)]) for name in kept}
    every = ", ".join(quoted(name) for name in sorted(names, key=lambda name: name.split(" ", 1)[1]))
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    selected = ", ".join(f"{first[name]} AS {quoted(name)}" for name in kept)
    compression = "gzip" if layout.path.name.lower().endswith(".gz") else "none"
    rejects = f"rejects_of_{target}"
    try:
        run(connection, f"""
            CREATE TEMP TABLE {target} AS
            SELECT {selected}, hash({every}) AS {quoted(ROW_KEYS[0])}, hash('second', {every}) AS {quoted(ROW_KEYS[1])}
            FROM read_csv({literal(glob_safe(layout.path))}, columns = {{{columns}}}, auto_detect = false,
                 header = true, skip = {layout.skipped_lines}, delim = {literal(layout.delimiter)},
                 quote = '"', escape = '"', compression = '{compression}', store_rejects = true,
                 rejects_table = '{rejects}', rejects_scan = 'scan_of_{rejects}')""")  # fmt: skip
    except duckdb.Error as error:
        if is_full_disk(error) or isinstance(error, duckdb.OutOfMemoryException):
            raise
        return [Problem(f"{layout.name}: cannot be read as delimited text: {first_line(error)}")]
    return _reject_problems(connection, rejects, layout)


def _reject_problems(connection: Connection, rejects: str, layout: TextLayout) -> list[Problem]:
    count = run(connection, f"SELECT count(DISTINCT line) FROM {rejects}")[0][0]
    if not count:
        return []
    first = f"SELECT line, any_value(error_message) FROM {rejects} GROUP BY line ORDER BY line LIMIT 5"
    found = run(connection, first)
    examples = ", ".join(f"line {line} ({first_line(message)})" for line, message in found)
    message = (
        f"{layout.name}: {count} line{'s do' if count > 1 else ' does'} not have the {len(layout.header)} fields of "
        f"the header when split at {layout.delimiter!r}: {examples}; quote fields that contain the delimiter, or name "
        "another with the key `delimiter`; take lines that are no rows, such as those below a table, out of the file"
    )
    return [Problem(message)]
