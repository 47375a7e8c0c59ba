"""Values that arrive one by one (sheets, queries, frames): staged, their types kept.

Of workbooks, formulas whose values were never stored are told.
"""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import islice
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from analysis.config import DataConfig, nearest
from analysis.data.engine import Connection, literal, quoted, run
from analysis.data.source import (
    TITLE_LINES,
    Part,
    RawTable,
    damage_told,
    mapped_columns,
    parquet_table,
    problems_in_headers,
    problems_in_skipping,
    row_hashes,
)
from analysis.errors import DataError, Problem, UsageError, counted, printable

MARK, OWN = "\x01", "chr(1)"
"""Stands before what was a number or a date of its own, in a column that holds texts as well."""
BATCH_ROWS = 20_000
FORMULA = re.compile(rb"<(\w+:)?f[\s/>]")
TYPES = {
    "integer": "BIGINT",
    "decimal": "DECIMAL(38, 10)",
    "float": "DOUBLE",
    "moment": "TIMESTAMP",
    "moment with offset": "TIMESTAMP WITH TIME ZONE",
}
"""Kind of all cells of a column -> its type, of several kinds of numbers that of the last; all others are text."""


class CellWriter:
    """Writes records of loose values as texts into a temporary table, and keeps the kinds of each column."""

    def __init__(self, connection: Connection, table: str, columns: Sequence[str]):
        self.connection, self.table, self.columns = connection, table, list(columns)
        self.kinds: list[set[str]] = [set() for _ in columns]
        listed = ", ".join(f'"{number}" VARCHAR' for number, _ in enumerate(columns))
        run(connection, f"CREATE TEMP TABLE {table} ({listed})")
        self.skipped = 0

    def write(self, records: Iterable[Sequence[Any]]) -> None:
        """Append records."""
        arrays = []
        for kinds, values in zip(self.kinds, zip(*records, strict=True), strict=False):
            cells = [cell(value) for value in values]
            kinds.update(kind for kind, _ in cells if kind)
            texts = (text if kind in (None, "text") else MARK + text for kind, text in cells)
            arrays.append(pa.array(texts, pa.string()))
        if arrays:
            self.connection.register("batch", pa.table(arrays, [str(number) for number, _ in enumerate(arrays)]))
            run(self.connection, f"INSERT INTO {self.table} SELECT * FROM batch")
            self.connection.unregister("batch")


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


def staged_cells(connection: Connection, writers: list[tuple[CellWriter, str]], settings: Any) -> RawTable:
    """The table that finished writers, each with the name of its source, have staged.

    A column of one kind gets that kind as its type.
    """
    first, label = writers[0]
    # Of names that are the same to DuckDB the first.
    names = [*{name.lower(): name for name in reversed(first.columns) if name}.values()][::-1]
    kinds = {name: frozenset().union(*(w.kinds[w.columns.index(name)] for w, _ in writers if name in w.columns))
             for name in names}  # fmt: skip
    types = {name: _type_of(found) for name, found in kinds.items()}
    mixed = {name for name, found in kinds.items() if types[name] == "VARCHAR" and found - {"text"}}
    parts = []
    for number, (writer, source) in enumerate(writers):
        if set(types) <= set(writer.columns):
            selected = []
            for name, kind in types.items():
                column = quoted(f"{writer.columns.index(name)}")
                column = column if name in mixed else f"ltrim({column}, {OWN})"
                selected.append(f"CAST({column} AS {kind}) AS {quoted(name)}")
            run(connection, f"CREATE TEMP TABLE staged_{number} AS SELECT {', '.join(selected)} FROM {writer.table}")
            parts.append(Part(f"staged_{number}", source))
        run(connection, f"DROP TABLE {writer.table}")
    return RawTable(
        label=label,
        parts=tuple(parts),
        types=types,
        columns=mapped_columns(settings, list(types)),
        expressions={name: f"ltrim({quoted(name)}, {OWN})" for name in mixed},
        row_keys=row_hashes(types),
        problems=tuple(problems_in_headers([(name, tuple(writer.columns)) for writer, name in writers], settings)),
    )


def _type_of(kinds: frozenset[str]) -> str:
    if len(kinds) > 1 and not kinds <= {"integer", "decimal", "float"}:
        return "VARCHAR"
    return next((kind for name, kind in reversed(TYPES.items()) if name in kinds), "VARCHAR")


def staged_frame(connection: Connection, frame: Any, data: DataConfig, workdir: Path) -> RawTable:
    """A table in memory: of pandas, or whatever hands itself over as Arrow (pyarrow, polars, Ibis, DuckDB).

    A named index counts as columns.
    """
    if isinstance(frame, pd.DataFrame):
        levels = [name for name in frame.index.names if name is not None and name not in frame.columns]
        frame = frame.reset_index(levels) if levels else frame
    try:
        table = _arrow_table(frame) if isinstance(frame, pd.DataFrame) else pa.table(frame)
        if len(set(table.column_names)) == table.num_columns > 0:
            return _staged_arrow(table, data, workdir / "staged-0.parquet", connection)
    except (pa.ArrowException, duckdb.NotImplementedException, TypeError, ValueError, OverflowError):
        pass  # such as a column with values of several types: they are looked at one by one
    if not isinstance(frame, pd.DataFrame):
        frame = table.to_pandas()
    if not len(frame.columns):
        raise DataError("frame: there are no columns; at least one order is needed")
    frame = frame.set_axis([printable(column) for column in frame.columns], axis="columns")
    writer = CellWriter(connection, "cells", list(frame.columns))
    for start in range(0, len(frame), BATCH_ROWS):
        part = frame.iloc[start : start + BATCH_ROWS]
        writer.write(zip(*(part.iloc[:, number].astype(object) for number in range(part.shape[1])), strict=True))
    return staged_cells(connection, [(writer, "frame")], data)


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


def _problems_in_formulas(path: Path, data: DataConfig) -> list[Problem]:
    """Formulas whose values were never stored, since a program wrote the file that computes nothing."""
    with zipfile.ZipFile(path) as archive:
        sheets = [name for name in archive.namelist() if name.endswith(".xml") and "sharedStrings" not in name]
        if not any(FORMULA.search(archive.read(name)) for name in sheets):
            return []
    wanted, used, places = set(data.columns.mapped().values()), set(), []
    both = (_opened_sheet(path, data.sheet, computed=computed).iter_rows() for computed in (True, False))
    for rows in zip(*both, strict=False):
        used = used or {number for number, name in enumerate(rows[0]) if str(name.value).strip() in wanted}
        for number, (value, formula) in enumerate(zip(*rows, strict=False)):
            # What came to an empty text has a value.
            if number in used and formula.data_type == "f" and value.value is None and value.data_type != "str":
                places.append(formula.coordinate)
    if not places:
        return []
    found = counted(len(places), "cell holds a formula whose value is", "cells hold formulas whose values are")
    message = (
        f"{path.name}: {found} not stored in the file: {', '.join(places[:5])}; open the file in a spreadsheet program "
        "and save it there, or export values instead of formulas"
    )
    return [Problem(message)]


def staged_workbooks(connection: Connection, paths: list[Path], data: DataConfig) -> RawTable:
    """Sheets of workbooks as one table; native dates and numbers stay what they are."""
    writers, problems = [], []
    for number, path in enumerate(paths):
        with damage_told(path, "workbook"):
            writers.append((_written(connection, path, data, f"cells_{number}"), path.name))
            above = partial(first_rows, path, data.sheet, TITLE_LINES)
            problems += problems_in_skipping(path.name, tuple(writers[-1][0].columns), data, "row", above)
            problems += _problems_in_formulas(path, data)
    staged = staged_cells(connection, writers, data)
    cells = ", ".join(f"CAST({staged.expression(name)} AS VARCHAR)" for name in staged.types)
    return replace(
        staged,
        first_row=2 + writers[0][0].skipped,
        problems=(*staged.problems, *problems),
        only=f"trim(concat_ws('', {cells})) <> ''",  # others are kept, so that these keep their numbers
    )


def _written(connection: Connection, path: Path, data: DataConfig, target: str) -> CellWriter:
    """The cells of a sheet, in ``target``."""
    skipped, header = getattr(data, "skip_rows", 0), ()
    rows = islice(sheet_rows(path, data.sheet), skipped, None)
    for header in rows:
        if any(name is not None for name in header) or not skipped:
            break
        skipped += 1  # blank rows between a title and the header
    if all(name is None for name in header):
        raise DataError(f"{path.name}: the first row of the sheet is empty; it must hold the headers")
    width = max(number for number, name in enumerate(header, 1) if name is not None)
    names = ["" if name is None else str(name).strip() for name in header[:width]]
    writer = CellWriter(connection, target, [name or f"column {number}" for number, name in enumerate(names, 1)])
    while batch := list(islice(rows, BATCH_ROWS)):
        writer.write((*row[:width], *(None,) * (width - len(row))) for row in batch)
    writer.skipped = skipped
    return writer


def sheet_rows(path: Path, sheet: str | None) -> Iterator[tuple[Any, ...]]:
    """The values in the rows of a sheet, the header first; of the only sheet when ``sheet`` is None.

    Raises
    ------
    InputRefused
        When the workbook is broken, the sheet does not exist, or several sheets leave the choice open.
    """
    worksheet = _opened_sheet(path, sheet, computed=True)
    blank = 0
    for row in worksheet.iter_rows(values_only=True):
        if all(value is None for value in row):
            blank += 1
            continue
        # Empty rows between others keep their place, so that row numbers in messages are those of the sheet.
        yield from ((),) * blank
        blank = 0
        yield row
    worksheet.parent.close()


def first_rows(path: Path, sheet: str | None, number: int) -> list[list[str]]:
    """The first rows of a sheet as text."""
    with damage_told(path, "workbook"):
        rows = [*islice(sheet_rows(path, sheet), number)]
    return [["" if value is None else str(value).strip() for value in row] for row in rows]


def _opened_sheet(path: Path, sheet: str | None, *, computed: bool) -> Any:
    """The chosen sheet, with what its formulas came to or with the formulas themselves."""
    import openpyxl

    workbook = openpyxl.load_workbook(path, read_only=True, data_only=computed)
    worksheet = _chosen(path, workbook, sheet)
    worksheet.reset_dimensions()
    return worksheet


def _chosen(path: Path, workbook: Any, sheet: str | None) -> Any:
    names = [worksheet.title for worksheet in workbook.worksheets]
    if sheet is not None and sheet not in names:
        raise UsageError(f"{path.name}: there is no sheet {sheet!r}{nearest(sheet, names)}")
    filled = [worksheet for worksheet in workbook.worksheets if _has_rows(worksheet)]
    if sheet is None and len(filled) > 1:
        listed = ", ".join(repr(worksheet.title) for worksheet in filled)
        raise UsageError(
            f"{path.name}: several sheets hold rows ({listed}); name one with the key `sheet` (of `init`: --sheet)"
        )
    if sheet is None and not filled:
        raise DataError(f"{path.name}: the workbook is empty; a header and at least one row are needed")
    return workbook[sheet] if sheet is not None else filled[0]


def _has_rows(worksheet: Any) -> bool:
    return any(value is not None for row in worksheet.iter_rows(max_row=2, values_only=True) for value in row)
