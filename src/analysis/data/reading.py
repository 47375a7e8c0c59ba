"""From what the configuration names to a raw table, whatever kind of source it is, and to one part of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.config import Config, DatabaseSource, DataConfig, SampleSource
from analysis.data.cells import staged_frame, staged_workbooks
from analysis.data.engine import Connection, literal, parquet_types, quoted, run, scratch
from analysis.data.files import files_and_problems, kind_of, problems_in_content, sha256_of
from analysis.data.samples import sample_table
from analysis.data.source import Part, RawTable, parquet_table, part_expression, problems_in_headers, row_hashes
from analysis.data.text import staged_text
from analysis.errors import USAGE, InputRefused, Problem, collecting, first_line, is_full_disk

# What is raised where bytes are not what the file's own schema says.
BROKEN = (duckdb.Error, pa.ArrowException, RuntimeError, UnicodeDecodeError)
INTERRUPTED = "Query interrupted"  # what DuckDB makes of whatever a signal handler raises


def raw_table(connection: Connection, config: Config, workdir: Path, frame: pd.DataFrame | None) -> RawTable:
    """The table that the configuration (or ``frame``) stands for.

    Raises
    ------
    InputRefused
        When nothing of it can be read. What can be read in part comes back with its ``problems``.
    """
    data = config.data
    if frame is not None:
        return staged_frame(connection, frame, data, workdir)
    if isinstance(data.transactions, SampleSource):
        return sample_table(connection, data.transactions.sample, workdir)
    if isinstance(data.transactions, DatabaseSource):
        from analysis.data.database import staged_query

        return staged_query(connection, data.transactions, data)
    patterns = [data.transactions] if isinstance(data.transactions, str) else data.transactions
    paths, problems = files_and_problems(patterns, config.folder)
    return from_files(connection, paths, data, workdir, problems)


def from_files(
    connection: Connection, paths: list[Path], data: DataConfig, workdir: Path, problems: Iterable[Problem] = ()
) -> RawTable:
    """Files of one kind as one table; a file that cannot be read is left out and has its problem in the table.

    ``problems`` are those already known; they come first.
    """
    found = {path: problems_in_content(path) for path in paths}
    problems = [*problems, *(problem for those in found.values() for problem in those)]
    readable = [path for path, those in found.items() if not those]
    if not readable:
        raise InputRefused(problems)
    content = kind_of(readable[0])
    if data.sheet is not None and content != "workbook":
        message = f"sheet == {data.sheet!r}, but {readable[0].name} is no Excel workbook; leave the key `sheet` out"
        problems.append(Problem(message, USAGE))
    try:
        if content == "text":
            table = staged_text(connection, readable, data, workdir)
        elif content == "workbook":
            table = staged_workbooks(connection, readable, data)
        else:
            table = _parquet_table(connection, readable, data)
    except InputRefused as refused:
        raise InputRefused([*problems, *refused.problems]) from None
    label = readable[0].name if len(readable) == 1 else f"{len(readable)} files"
    return replace(table, label=label, digest=sha256_of(readable), problems=(*problems, *table.problems))


def parquet_header(path: Path) -> tuple[str, ...]:
    """Column names as they stand in a Parquet file; DuckDB renames what stands there twice.

    Raises
    ------
    InputRefused
        Where the file is damaged.
    """
    try:
        return tuple(pq.read_schema(path).names)
    except (*BROKEN, OSError) as error:
        raise InputRefused([_damaged(path.name, error)]) from None


def _parquet_table(connection: Connection, paths: list[Path], data: DataConfig) -> RawTable:
    headers: dict[Path, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for path in paths:
        with collecting(problems):
            headers[path] = parquet_header(path)
    try:
        types = parquet_types(connection, list(headers)) if headers else {}
    except duckdb.Error as error:
        problems.append(_damaged(", ".join(path.name for path in headers), error))
    if problems:
        raise InputRefused(problems)
    # Other writers leave NaN out of a file's statistics, and DuckDB would take what they leave for all there is.
    floats = {name: f"try({quoted(name)})" for name, kind in types.items() if kind in {"DOUBLE", "FLOAT"}}
    named = [(path.name, header) for path, header in headers.items()]
    problems += problems_in_headers(named, data)
    parts = [Part(path, path.name) for path in paths]
    known = {"types": types, "expressions": floats, "problems": tuple(problems)}
    return parquet_table(connection, paths[0].name, parts, data, **known)


def _damaged(name: str, error: Exception) -> Problem:
    return Problem(f"{name}: cannot be read as Parquet, the file is damaged or cut off: {first_line(error)}")


@contextmanager
def damage_named(table: RawTable) -> Iterator[None]:
    """Refuses a file whose damage shows only when its rows are read, and names it.

    Raises
    ------
    InputRefused
        With every damaged file of the table.
    """
    try:
        yield
    except BROKEN as error:
        if is_full_disk(error) or str(error) == INTERRUPTED:
            raise
        files = (part for part in table.parts if isinstance(part.rows, Path))
        problems = [problem for part in files for problem in _problems_in_rows(part)]
        if not problems:
            raise
        raise InputRefused([*table.problems, *problems]) from error


def _problems_in_rows(part: Part) -> list[Problem]:
    # A connection of its own: the other may be unusable after what it met.
    with duckdb.connect() as connection:
        try:
            keys = row_hashes(parquet_types(connection, [part.rows]))
            run(connection, f"SELECT max({keys[0]}) FROM {part.scan}")
        except BROKEN as error:
            return [_damaged(part.name, error)]
    return []


SPLIT = "split"


def rows_by_part(config: Config, workdir: Path) -> Mapping[str, int]:
    """Rows for each value of the column to split by, the most first; those without a value under ``""``.

    Raises
    ------
    InputRefused
        Where the data cannot be read, or have no such column.
    """
    with scratch(workdir) as connection:
        table = raw_table(connection, config, workdir, None)
        if table.problems or SPLIT not in table.columns:
            raise InputRefused(table.problems)
        value = part_expression(table)
        with damage_named(table):
            return dict(run(connection, f"SELECT {value}, count(*) FROM {table.scan} GROUP BY 1 ORDER BY 2 DESC, 1"))


def part_of(table: RawTable, part: str) -> RawTable:
    """The rows of a table that belong to a part; what is hashed are those rows, not the file they stand in.

    Problems of the whole table stay.
    """
    if SPLIT not in table.columns:
        return table
    label = f"{table.label}, {table.columns[SPLIT]} == {part!r}"
    condition = f"{part_expression(table)} = {literal(part)}"
    only = f"({table.only}) AND ({condition})" if table.only else condition
    return replace(table, only=only, label=label, digest=None)
