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
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.config import DataConfig
from analysis.data.engine import Connection, literal, parquet_scan, quoted, run
from analysis.data.source import Part, RawTable, mapped_columns, parquet_table, problems_in_headers, row_hashes
from analysis.errors import DataError, printable

MARK, OWN = "\x01", "chr(1)"
"""Stands before what was a number or a date of its own, in a column that holds texts as well."""
BATCH_ROWS = 20_000
TYPES = {
    "integer": "BIGINT",
    "decimal": "DECIMAL(38, 10)",
    "float": "DOUBLE",
    "moment": "TIMESTAMP",
    "moment with offset": "TIMESTAMP WITH TIME ZONE",
}
"""Kind of all cells of a column -> its type, of several kinds of numbers that of the last; all others are text."""


class CellWriter:
    """Writes records of loose values to a Parquet file of texts, and keeps the kinds of each column."""

    def __init__(self, path: Path, columns: Sequence[str]):
        self.path, self.columns = path, list(columns)
        self.kinds: list[set[str]] = [set() for _ in columns]
        self._schema = pa.schema([(str(number), pa.string()) for number in range(len(columns))])
        self._writer = pq.ParquetWriter(path, self._schema)
        self.skipped = 0

    def write(self, records: Iterable[Sequence[Any]]) -> None:
        """Append records."""
        texts: list[list[str | None]] = [[] for _ in self.columns]
        for record in records:
            for column, value in enumerate(record):
                kind, text = cell(value)
                if kind:
                    self.kinds[column].add(kind)
                texts[column].append(text if kind in (None, "text") else MARK + text)
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
        return "text", value if value.isascii() else printable(value)
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
        if not value.is_finite():
            return None, None
        # What DECIMAL(38, 10) does not hold is left to whoever reads numbers as text, and says what cannot be kept.
        is_held = value.adjusted() < 28 and value.as_tuple().exponent >= -10
        return ("decimal", f"{value:f}") if is_held else ("text", str(value))
    if isinstance(value, Real):
        number = float(value)
        if number != number:
            return None, None
        return "float", str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return "text", str(value)


def staged_cells(
    connection: Connection,
    writers: list[tuple[CellWriter, str]],
    settings: Any,
    workdir: Path,
    *,
    label: str,
    digest: Callable[[], str] | None,
    first_row: int,
    blank_rows: bool = True,
) -> RawTable:
    """The table that finished writers, each with the name of its source, have staged.

    A column of one kind gets that kind as its type. Unless ``blank_rows``, rows without a filled cell are no rows; they
    are kept so that the others keep their numbers.
    """
    first = writers[0][0]
    problems = problems_in_headers([(name, tuple(writer.columns)) for writer, name in writers], settings)
    names = list(dict.fromkeys(name for name in first.columns if name))
    kinds = {name: frozenset().union(*(w.kinds[w.columns.index(name)] for w, _ in writers if name in w.columns))
             for name in names}  # fmt: skip
    types = {name: _type_of(found) for name, found in kinds.items()}
    mixed = {name for name, found in kinds.items() if types[name] == "VARCHAR" and found - {"text"}}
    parts = []
    for number, (writer, name) in enumerate(writers):
        if set(types) <= set(writer.columns):
            target = workdir / f"staged-{number}.parquet"
            selected = [
                _typed(quoted(f"{writer.columns.index(column)}"), kind, column in mixed) + f" AS {quoted(column)}"
                for column, kind in types.items()
            ]
            scan = parquet_scan([writer.path])
            run(connection, f"COPY (SELECT {', '.join(selected)} FROM {scan}) TO {literal(target)} (FORMAT parquet)")
            parts.append(Part(target, name))
        writer.path.unlink()
    shown = {name: f"ltrim({quoted(name)}, {OWN})" for name in mixed}
    cells = ", ".join(f"CAST({shown.get(name, quoted(name))} AS VARCHAR)" for name in types)
    return RawTable(
        label=label,
        parts=tuple(parts),
        types=types,
        columns=mapped_columns(settings, list(types)),
        expressions=shown,
        digest=digest,
        row_keys=row_hashes(types),
        first_row=first_row,
        problems=tuple(problems),
        only="" if blank_rows else f"trim(concat_ws('', {cells})) <> ''",
    )


def _type_of(kinds: frozenset[str]) -> str:
    if len(kinds) > 1 and not kinds <= {"integer", "decimal", "float"}:
        return "VARCHAR"
    return next((kind for name, kind in reversed(TYPES.items()) if name in kinds), "VARCHAR")


def _typed(column: str, kind: str, is_mixed: bool) -> str:  # noqa: FBT001
    if kind == "VARCHAR":
        return column if is_mixed else f"ltrim({column}, {OWN})"
    return f"CAST(ltrim({column}, {OWN}) AS {kind})"


def staged_frame(connection: Connection, frame: Any, data: DataConfig, workdir: Path) -> RawTable:
    """A table in memory: of pandas, or whatever hands itself over as Arrow (pyarrow, polars, Ibis, DuckDB)."""
    try:
        table = _arrow_table(frame) if isinstance(frame, pd.DataFrame) else pa.table(frame)
        if len(set(table.column_names)) == table.num_columns > 0:
            return _staged_arrow(table, data, workdir / "staged-0.parquet", connection)
    except (pa.ArrowException, duckdb.NotImplementedException, TypeError, ValueError, OverflowError):
        pass  # such as a column with values of several types: they are looked at one by one
    if not isinstance(frame, pd.DataFrame):
        names, frame = table.column_names, pd.DataFrame(dict(enumerate(column.to_pandas() for column in table.columns)))
        frame.columns = names
    if not len(frame.columns):
        raise DataError("frame: there are no columns; at least one order is needed")
    frame = frame.set_axis([printable(column) for column in frame.columns], axis="columns")
    writer = CellWriter(workdir / "cells.parquet", list(frame.columns))
    for start in range(0, len(frame), BATCH_ROWS):
        part = frame.iloc[start : start + BATCH_ROWS]
        writer.write(zip(*(part.iloc[:, number].astype(object) for number in range(part.shape[1])), strict=True))
    writer.close()
    return staged_cells(connection, [(writer, "frame")], data, workdir, label="frame", digest=None, first_row=1)


def _arrow_table(frame: pd.DataFrame) -> Any:
    # Arrow knows them by what is inside, such as the number of a month.
    inner = [name for name, kind in frame.dtypes.items() if isinstance(kind, pd.PeriodDtype | pd.IntervalDtype)]
    for name in (name for name, kind in frame.dtypes.items() if kind.kind == "O"):
        days = (value for value in frame[name] if isinstance(value, dt.date) and value is not pd.NaT)
        if len({getattr(value, "tzinfo", None) is None for value in days}) > 1:
            raise TypeError(f"{name}: Arrow would take moments without an offset to be in UTC")
    frame = frame.astype(dict.fromkeys(inner, "str")).set_axis([str(name) for name in frame.columns], axis="columns")
    return pa.Table.from_pandas(frame, preserve_index=False)


def _staged_arrow(table: Any, data: DataConfig, target: Path, connection: Connection) -> RawTable:
    """An Arrow table whose columns have one type each and a name of their own."""
    connection.register("handed_over", table)
    run(connection, f"COPY handed_over TO {literal(target)} (FORMAT parquet, COMPRESSION uncompressed)")
    connection.unregister("handed_over")
    problems = tuple(problems_in_headers([("frame", tuple(table.column_names))], data))
    return parquet_table(connection, "frame", [Part(target, "frame")], data, problems=problems)
