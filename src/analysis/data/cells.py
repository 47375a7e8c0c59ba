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
from analysis.data.engine import Connection, literal, parquet_scan, parquet_types, quoted, run
from analysis.data.source import Part, RawTable, mapped_columns, row_hashes
from analysis.data.text import problems_in_headers
from analysis.errors import DataError, printable

PREFIX = "STRUCT(shown VARCHAR, native "


def mixed_type(native: str) -> str:
    """DuckDB type of a column whose cells are of the type ``native`` or texts.

    >>> mixed_type("DOUBLE")
    'STRUCT(shown VARCHAR, native DOUBLE)'
    """
    return f"{PREFIX}{native})"


def native_type(kind: str) -> str | None:
    """Type of the cells that are no text; None where the column is not mixed.

    >>> native_type("STRUCT(shown VARCHAR, native DOUBLE)"), native_type("DOUBLE")
    ('DOUBLE', None)
    """
    return kind[len(PREFIX) : -1] if kind.startswith(PREFIX) else None


def mixed_cell(text: str, native: str) -> str:
    """SQL of a cell, from its text and its value as a number or a date, NULL for texts."""
    return f"CASE WHEN {text} IS NOT NULL THEN {{'shown': {text}, 'native': {native}}} END"


def shown_text(column: str) -> str:
    """SQL of what stands in a mixed column, as text."""
    return f"struct_extract({quoted(column)}, 'shown')"


def native_value(column: str) -> str:
    """SQL of the number or date in a mixed column; NULL for texts."""
    return f"struct_extract({quoted(column)}, 'native')"


def written_text(table: RawTable, column: str) -> str:
    """SQL of the text in a column; NULL for what is no text."""
    if native_type(table.types[column]):
        return f"CASE WHEN {native_value(column)} IS NULL THEN {table.expression(column)} END"
    return table.expression(column)


def holds_text(table: RawTable, column: str) -> bool:
    """Whether some cells of a column may be text."""
    return table.types[column].upper() == "VARCHAR" or native_type(table.types[column]) is not None


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
        return ("decimal", f"{value:f}") if value.is_finite() else (None, None)
    if isinstance(value, Real):
        return _float_cell(float(value))
    return "text", str(value)


def _float_cell(value: float) -> tuple[str | None, str | None]:
    if value != value:
        return None, None
    return "float", str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def staged_cells(
    connection: Connection,
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

    Where a column of numbers or dates holds texts as well, the two are kept apart, see ``analysis.data.cells``.
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


def staged_frame(connection: Connection, frame: Any, data: DataConfig, workdir: Path) -> RawTable:
    """A table in memory: of pandas, or whatever hands itself over as Arrow (pyarrow, polars, Ibis, DuckDB)."""
    import pyarrow as pa

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
    path = workdir / "cells.parquet"
    writer = CellWriter(path, list(frame.columns))
    for start in range(0, len(frame), BATCH_ROWS):
        part = frame.iloc[start : start + BATCH_ROWS]
        writer.write(zip(*(part.iloc[:, number].astype(object) for number in range(part.shape[1])), strict=True))
    writer.close()
    return staged_cells(connection, [(writer, path, "frame")], data, workdir, label="frame", digest=None, first_row=1)


def _arrow_table(frame: pd.DataFrame) -> Any:
    import pyarrow as pa

    # Arrow knows them by what is inside, such as the number of a month.
    inner = [name for name, kind in frame.dtypes.items() if isinstance(kind, pd.PeriodDtype | pd.IntervalDtype)]
    frame = frame.astype(dict.fromkeys(inner, "str")).set_axis([str(name) for name in frame.columns], axis="columns")
    return pa.Table.from_pandas(frame, preserve_index=False)


def _staged_arrow(table: Any, data: DataConfig, target: Path, connection: Connection) -> RawTable:
    """An Arrow table whose columns have one type each and a name of their own."""
    connection.register("handed_over", table)
    run(connection, f"COPY handed_over TO {literal(target)} (FORMAT parquet, COMPRESSION uncompressed)")
    connection.unregister("handed_over")
    types = parquet_types(connection, [target])
    return RawTable(
        label="frame",
        parts=(Part(target, "frame"),),
        types=types,
        columns=mapped_columns(data.columns, list(types)),
        row_keys=row_hashes(types),
        problems=tuple(problems_in_headers([("frame", tuple(types))], data.columns)),
    )
