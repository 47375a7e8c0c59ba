"""From what the configuration names to a raw table, whatever kind of source it is."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from analysis.config import Config, DatabaseSource, DataConfig, SampleSource
from analysis.data.engine import parquet_types
from analysis.data.files import kind_of, problems_in_content, resolved_files, sha256_of
from analysis.data.samples import sample_table
from analysis.data.source import Part, RawTable, mapped_columns, row_hashes
from analysis.data.text import problems_in_headers, staged_text
from analysis.errors import CONTENT, InputRefused, Problem


def raw_table(
    connection: duckdb.DuckDBPyConnection, config: Config, workdir: Path, frame: pd.DataFrame | None
) -> RawTable:
    """The table that the configuration (or ``frame``) stands for.

    Raises
    ------
    InputRefused
        When nothing of it can be read. What can be read in part comes back with its ``problems``.
    """
    data = config.data
    if frame is not None:
        from analysis.data.cells import staged_frame

        return staged_frame(connection, frame, data, workdir)
    if isinstance(data.transactions, SampleSource):
        return sample_table(connection, data.transactions.sample, workdir)
    if isinstance(data.transactions, DatabaseSource):
        from analysis.data.database import staged_query

        return staged_query(connection, data.transactions, data, workdir)
    patterns = [data.transactions] if isinstance(data.transactions, str) else data.transactions
    return from_files(connection, resolved_files(patterns, config.folder), data, workdir)


def from_files(connection: duckdb.DuckDBPyConnection, paths: list[Path], data: DataConfig, workdir: Path) -> RawTable:
    """Files of one kind as one table."""
    if problems := [problem for path in paths for problem in problems_in_content(path)]:
        raise InputRefused(problems)
    content = kind_of(paths[0]).content
    if content == "text":
        return staged_text(connection, paths, data, workdir)
    if content == "workbook":
        from analysis.data.workbook import staged_workbooks

        return staged_workbooks(connection, paths, data, workdir)
    return _parquet_table(connection, paths, data)


def _parquet_table(connection: duckdb.DuckDBPyConnection, paths: list[Path], data: DataConfig) -> RawTable:
    try:
        headers = [(path.name, tuple(parquet_types(connection, [path]))) for path in paths]
        types = parquet_types(connection, paths)
    except duckdb.Error as error:
        reason = str(error).split("\n", 1)[0][:300]
        raise InputRefused(Problem(f"{paths[0].name}: cannot be read as Parquet: {reason}", CONTENT)) from None
    return RawTable(
        label=paths[0].name if len(paths) == 1 else f"{len(paths)} files",
        parts=tuple(Part(path, path.name) for path in paths),
        types=types,
        columns=mapped_columns(data.columns, list(types)),
        digest=sha256_of(paths),
        row_keys=row_hashes(types),
        problems=tuple(problems_in_headers(headers, data.columns)),
    )
