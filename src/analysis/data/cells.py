"""Values that arrive one by one (sheets, queries, frames): staged as Parquet, their types kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from analysis.config import DataConfig
from analysis.data.engine import literal, parquet_scan, parquet_types, quoted
from analysis.data.mixed import mixed_cell, mixed_type, native_type, shown_text
from analysis.data.source import Part, RawTable, mapped_columns, row_hashes
from analysis.data.text import problems_in_headers
from analysis.errors import CONTENT, InputRefused, Problem

BATCH_ROWS = 20_000
NUMBERS, MOMENTS = frozenset({"integer", "float", "decimal"}), frozenset({"moment", "moment with offset"})
# Kinds of cells that a role takes as they are; other cells of its column are text to it.
NATIVE_KINDS = {
    **dict.fromkeys(("amount", "quantity", "unit_price", "discount"), NUMBERS),
    **dict.fromkeys(("date", "start", "end", "month"), MOMENTS),
}
CAST_TYPES = {
    frozenset({"integer"}): "BIGINT",
    frozenset({"integer", "float"}): "DOUBLE",
    frozenset({"float"}): "DOUBLE",
    frozenset({"decimal"}): "DECIMAL(38, 10)",
    frozenset({"integer", "decimal"}): "DECIMAL(38, 10)",
    frozenset({"float", "decimal"}): "DOUBLE",
    frozenset({"integer", "float", "decimal"}): "DOUBLE",
    frozenset({"moment"}): "TIMESTAMP",
    frozenset({"moment with offset"}): "TIMESTAMP WITH TIME ZONE",
}


@dataclass(frozen=True)
class SheetTable(RawTable):
    """A table in which rows without a filled cell are no rows; they are kept so that the others keep their numbers."""

    @property
    def scan(self) -> str:
        cells = ", ".join(f"CAST({self.expression(name)} AS VARCHAR)" for name in self.types)
        return f"(SELECT * FROM {super().scan} WHERE trim(concat_ws('', {cells})) <> '')"


class CellWriter:
    """Writes records of loose values to a Parquet file of texts and kinds, and keeps the kinds of each column."""

    def __init__(self, path: Path, columns: Sequence[str]):
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.columns = list(columns)
        self.kinds: list[set[str]] = [set() for _ in columns]
        names = [name for number in range(len(columns)) for name in (f"{number}", f"{number} kind")]
        self._schema = pa.schema([(name, pa.string()) for name in names])
        self._writer = pq.ParquetWriter(path, self._schema)
        self.rows = 0

    def write(self, records: Iterable[Sequence[Any]]) -> None:
        """Append records."""
        import pyarrow as pa

        texts, kinds = [[] for _ in self.columns], [[] for _ in self.columns]
        for record in records:
            self.rows += 1
            for column, value in enumerate(record):
                kind, text = cell(value)
                kinds[column].append(kind)
                texts[column].append(text)
        for seen, column in zip(self.kinds, kinds, strict=True):
            seen.update(kind for kind in set(column) if kind)
        pairs = [column for pair in zip(texts, kinds, strict=True) for column in pair]
        self._writer.write_table(pa.table([pa.array(column, pa.string()) for column in pairs], schema=self._schema))

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
    table: type[RawTable] = RawTable,
) -> RawTable:
    """The table that finished writers have staged; a column of one kind gets that kind as its type.

    Where a column of numbers or dates holds texts as well, the two are kept apart, see ``analysis.data.mixed``.
    """
    first = writers[0][0]
    headers = [(name, tuple(writer.columns)) for writer, _, name in writers]
    problems = problems_in_headers(headers, data.columns)
    columns = mapped_columns(data.columns, first.columns)
    types = {name: _type_of(name, columns, [writer for writer, _, _ in writers]) for name in first.columns if name}
    parts = []
    for number, (writer, path, name) in enumerate(writers):
        if set(types) <= set(writer.columns):
            target = workdir / f"staged-{number}.parquet"
            connection.execute(_typed_copy(writer, path, types, target))
            parts.append(Part(target, name))
        path.unlink()
    return table(
        label=label,
        parts=tuple(parts),
        types=types,
        columns=mapped_columns(data.columns, list(types)),
        expressions={name: shown_text(name) for name, kind in types.items() if native_type(kind)},
        digest=digest,
        row_keys=row_hashes(types),
        first_row=first_row,
        problems=tuple(problems),
    )


def _type_of(name: str, columns: Mapping[str, str], writers: list[CellWriter]) -> str:
    seen = [writer.kinds[writer.columns.index(name)] for writer in writers if name in writer.columns]
    kinds = frozenset().union(*seen)
    for role in (role for role, column in columns.items() if column == name and role in NATIVE_KINDS):
        native = CAST_TYPES.get(kinds & NATIVE_KINDS[role])
        if native and kinds - NATIVE_KINDS[role]:
            return mixed_type(native)
    return CAST_TYPES.get(kinds, "VARCHAR")


def _typed_copy(writer: CellWriter, path: Path, types: dict[str, str], target: Path) -> str:
    selected = []
    for name, kind in types.items():
        number = writer.columns.index(name)
        text, value = quoted(f"{number}"), f"CAST({quoted(f'{number}')} AS {kind})"
        if native := native_type(kind):
            own = MOMENTS if native.startswith("TIMESTAMP") else NUMBERS
            is_native = f"{quoted(f'{number} kind')} IN ({', '.join(map(literal, sorted(own)))})"
            value = mixed_cell(text, f"CASE WHEN {is_native} THEN CAST({text} AS {native}) END")
        selected.append(f"{value} AS {quoted(name)}")
    return f"COPY (SELECT {', '.join(selected)} FROM {parquet_scan([path])}) TO {literal(target)} (FORMAT parquet)"


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
