"""The beginning of a file, where a look at all of it would take long and settle nothing."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from analysis.data.encodings import opened
from analysis.data.files import kind_of
from analysis.errors import CONTENT, Problem

LONGEST_LINE = 1 << 20
LINES_IN_SEARCH_OF_A_QUOTE = 1_000
"""A cut must not fall into a quoted field; a file with that many lines in one is cut anyway."""


def first_rows(paths: Iterable[Path], most: int, folder: Path) -> tuple[list[Path], list[Problem]]:
    """Files of which none has more than about ``most`` rows: themselves, or beginnings of the same name in ``folder``.

    The second list says of which files no more was looked at. A workbook is taken whole, since a sheet ends by itself.
    """
    looked_at, problems = [], []
    for number, path in enumerate(paths):
        target = folder / f"first-{number}" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        is_cut = _is_cut(path, target, most)
        looked_at.append(target if is_cut else path)
        problems += [only_first_rows(path.name, most)] if is_cut else []
    return looked_at, problems


def only_first_rows(name: str, most: int) -> Problem:
    """What is said where the configuration is refused and so only the beginning of the data was looked at."""
    message = f"{name}: only the first {most:,} rows were looked at, since the configuration is refused anyway"
    return Problem(message, CONTENT)


def _is_cut(path: Path, target: Path, most: int) -> bool:
    content = kind_of(path).content
    try:
        if content == "text":
            return _cut_text(path, target, most)
        return content == "parquet" and _cut_parquet(path, target, most)
    except (OSError, EOFError, zlib.error, ValueError):
        return False  # whoever reads the file itself says what is wrong with it


def _cut_text(path: Path, target: Path, most: int) -> bool:
    write = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path) as stream, write(target, "wb") as out:
        start = stream.readline(LONGEST_LINE)
        if not start.endswith(b"\n") or b"\0" in start:
            return False
        out.write(start)
        _copy_lines(stream, out, most, start.count(b'"'))
        return bool(stream.read(1))


def _copy_lines(stream: BinaryIO, out: BinaryIO, most: int, quotes: int) -> None:
    lines = 0
    while lines < most or (quotes % 2 and lines < most + LINES_IN_SEARCH_OF_A_QUOTE):
        line = stream.readline(LONGEST_LINE)
        if not line:
            return
        out.write(line)
        lines += line.endswith(b"\n")
        quotes += line.count(b'"')


def _cut_parquet(path: Path, target: Path, most: int) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as source:
        if source.metadata.num_rows <= most:
            return False
        batches = source.iter_batches(batch_size=most)
        pq.write_table(pa.Table.from_batches([next(batches)]), target)
    return True
