"""Values that arrive one by one (sheets, queries, frames): staged as Parquet, their types kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from analysis.config import DataConfig
from analysis.data.engine import literal, parquet_scan, parquet_types, quoted
from analysis.data.source import Part, RawTable, mapped_columns, row_hashes
from analysis.data.text import problems_in_headers
from analysis.errors import CONTENT, InputRefused, Problem

BATCH_ROWS = 20_000
CAST_TYPES = {
    frozenset({"integer"}): "BIGINT",
    frozenset({"integer", "float"}): "DOUBLE",
    frozenset({"float"}): "DOUBLE",
    frozenset({"decimal"}): "DECIMAL(38, 10)",
    frozenset({"integer", "decimal"}): "DECIMAL(38, 10)",
    frozenset({"moment"}): "TIMESTAMP",
    frozenset({"moment with offset"}): "TIMESTAMP WITH TIME ZONE",
}


class CellWriter:
    """Writes records of loose values to a Parquet file of texts and keeps the kinds that each column has seen."""

    def __init__(self, path: Path, columns: Sequence[str]):
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.columns = list(columns)
        self.kinds: list[set[str]] = [set() for _ in columns]
        self._schema = pa.schema([(f"{number}", pa.string()) for number in range(len(columns))])
        self._writer = pq.ParquetWriter(path, self._schema)
        self.rows = 0

    def write(self, records: Iterable[Sequence[Any]]) -> None:
        """Append records."""
        import pyarrow as pa

        texts = [[] for _ in self.columns]
        for record in records:
            self.rows += 1
            for column, value in enumerate(record):
                kind, text = cell(value)
                if kind:
                    self.kinds[column].add(kind)
                texts[column].append(text)
        self._writer.write_table(pa.table([pa.array(column, pa.string()) for column in texts], schema=self._schema))

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def cell(value: Any) -> tuple[str | None, str | None]:
    """Kind and text of a value; numbers are written so that they can be read one way only.

    >>> cell(1.5), cell(7.0), cell(None), cell("007")
    (('float', '1.5'), ('float', '7'), (None, None), ('text', '007'))
    """
    if value is None or value is pd.NaT or value is pd.NA:
        return None, None
    if isinstance(value, str):
        return "text", value
    if isinstance(value, bool):
        return "text", str(value)
    if isinstance(value, dt.datetime):
        kind = "moment" if value.tzinfo is None else "moment with offset"
        return kind, value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return "moment", value.isoformat()
    if isinstance(value, Integral):
        return "integer" if abs(int(value)) < 2**63 else "text", str(int(value))
    if isinstance(value, Decimal):
        return ("decimal", f"{value:f}") if value.is_finite() else (None, None)
    if isinstance(value, Real):
        return _float_cell(float(value))
    return "text", str(value)


def _float_cell(value: float) -> tuple[str | None, str | None]:
    if value != value:
        return None, None
    return "float", str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def staged_cells(
    connection: duckdb.DuckDBPyConnection,
    writers: list[tuple[CellWriter, Path, str]],
    data: DataConfig,
    workdir: Path,
    *,
    label: str,
    digest: Callable[[], str] | None,
    first_row: int,
) -> RawTable:
    """The table that finished writers have staged; a column of one kind gets that kind as its type."""
    first = writers[0][0]
    headers = [(name, tuple(writer.columns)) for writer, _, name in writers]
    problems = problems_in_headers(headers, data.columns)
    types = {name: _type_of(name, [writer for writer, _, _ in writers]) for name in first.columns if name}
    parts = []
    for number, (writer, path, name) in enumerate(writers):
        if set(types) <= set(writer.columns):
            target = workdir / f"staged-{number}.parquet"
            connection.execute(_typed_copy(writer, path, types, target))
            parts.append(Part(target, name))
        path.unlink()
    return RawTable(
        label=label,
        parts=tuple(parts),
        types=types,
        columns=mapped_columns(data.columns, list(types)),
        digest=digest,
        row_keys=row_hashes(types),
        first_row=first_row,
        problems=tuple(problems),
    )


def _type_of(name: str, writers: list[CellWriter]) -> str:
    kinds: set[str] = set()
    for writer in writers:
        if name in writer.columns:
            kinds |= writer.kinds[writer.columns.index(name)]
    if kinds == {"decimal", "float"} or kinds == {"decimal", "float", "integer"}:
        return "DOUBLE"
    return CAST_TYPES.get(frozenset(kinds), "VARCHAR")


def _typed_copy(writer: CellWriter, path: Path, types: dict[str, str], target: Path) -> str:
    selected = []
    for name, kind in types.items():
        column = quoted(str(writer.columns.index(name)))
        # A number among texts must not look like thousands: three decimals get a fourth.
        plain = f"regexp_replace({column}, '^(-?[0-9]+[.][0-9]{{3}})$', '\\10')" if _mixes(writer, name) else column
        selected.append(f"{plain if kind == 'VARCHAR' else f'CAST({column} AS {kind})'} AS {quoted(name)}")
    return f"COPY (SELECT {', '.join(selected)} FROM {parquet_scan([path])}) TO {literal(target)} (FORMAT parquet)"


def _mixes(writer: CellWriter, name: str) -> bool:
    kinds = writer.kinds[writer.columns.index(name)]
    return "float" in kinds and "text" in kinds


def staged_frame(
    connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, data: DataConfig, workdir: Path
) -> RawTable:
    """A pandas DataFrame as a table."""
    if not len(frame.columns):
        raise InputRefused(Problem("frame: there are no columns; at least one order is needed", CONTENT))
    frame = frame.set_axis([str(column) for column in frame.columns], axis="columns")
    if frame.columns.is_unique and (staged := _arrow_table(frame, data, workdir / "staged-0.parquet", connection)):
        return staged
    path = workdir / "cells.parquet"
    writer = CellWriter(path, list(frame.columns))
    for start in range(0, len(frame), BATCH_ROWS):
        part = frame.iloc[start : start + BATCH_ROWS]
        writer.write(zip(*(part.iloc[:, number].astype(object) for number in range(part.shape[1])), strict=True))
    writer.close()
    return staged_cells(connection, [(writer, path, "frame")], data, workdir, label="frame", digest=None, first_row=1)


def _arrow_table(
    frame: pd.DataFrame, data: DataConfig, target: Path, connection: duckdb.DuckDBPyConnection
) -> RawTable | None:
    """The frame as a table where each of its columns has one type; None where values must be looked at one by one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), target)
    except (pa.ArrowException, TypeError):
        return None
    types = parquet_types(connection, [target])
    return RawTable(
        label="frame",
        parts=(Part(target, "frame"),),
        types=types,
        columns=mapped_columns(data.columns, list(types)),
        row_keys=row_hashes(types),
        problems=tuple(problems_in_headers([("frame", tuple(types))], data.columns)),
    )
