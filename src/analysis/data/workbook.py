"""Excel workbooks, read row by row."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from analysis.config import DataConfig
from analysis.data.cells import BATCH_ROWS, CellWriter, SheetTable, staged_cells
from analysis.data.files import sha256_of
from analysis.data.formulas import problems_in_formulas
from analysis.data.headers import nearest_columns
from analysis.data.source import RawTable
from analysis.errors import CONTENT, USAGE, InputRefused, Problem


def staged_workbooks(
    connection: duckdb.DuckDBPyConnection, paths: list[Path], data: DataConfig, workdir: Path
) -> RawTable:
    """Sheets of workbooks as one table; native dates and numbers stay what they are."""
    writers, problems = [], []
    for number, path in enumerate(paths):
        target = workdir / f"cells-{number}.parquet"
        writers.append((_written(path, data.sheet, target), target, path.name))
        problems += _problems_in_formulas(path, data)
    staged = staged_cells(
        connection,
        writers,
        data,
        workdir,
        label=paths[0].name if len(paths) == 1 else f"{len(paths)} files",
        digest=sha256_of(paths),
        first_row=2,
        table=SheetTable,
    )
    return replace(staged, problems=(*staged.problems, *problems))


def _problems_in_formulas(path: Path, data: DataConfig) -> list[Problem]:
    def cells(*, computed: bool) -> Iterable[tuple[Any, ...]]:
        return _opened_sheet(path, data.sheet, computed=computed).iter_rows()

    return problems_in_formulas(path, set(data.columns.mapped().values()), cells)


def _written(path: Path, sheet: str | None, target: Path) -> CellWriter:
    rows = sheet_rows(path, sheet)
    header = next(rows, None)
    if header is None or all(name is None for name in header):
        raise InputRefused(
            Problem(f"{path.name}: the first row of the sheet is empty; it must hold the headers", CONTENT)
        )
    width = max(number for number, name in enumerate(header, 1) if name is not None)
    names = ["" if name is None else str(name).strip() for name in header[:width]]
    writer = CellWriter(target, [name or f"column {number}" for number, name in enumerate(names, 1)])
    while batch := list(islice(rows, BATCH_ROWS)):
        writer.write([_padded(row, width) for row in batch])
    writer.close()
    return writer


def _padded(row: tuple[Any, ...], width: int) -> tuple[Any, ...]:
    return (*row[:width], *(None,) * (width - len(row)))


def sheet_rows(path: Path, sheet: str | None) -> Iterator[tuple[Any, ...]]:
    """The rows of a sheet, the header first; the only sheet when ``sheet`` is None.

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
        yield tuple(_value(value) for value in row)
    worksheet.parent.close()


def _opened_sheet(path: Path, sheet: str | None, *, computed: bool) -> Any:
    """The chosen sheet, with what its formulas came to or with the formulas themselves."""
    import openpyxl

    try:
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=computed)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        message = f"{path.name}: the name ends in {path.suffix}, but the content is not an Excel workbook ({error})"
        raise InputRefused(Problem(message, CONTENT)) from None
    worksheet = _chosen(path, workbook, sheet)
    worksheet.reset_dimensions()
    return worksheet


def _chosen(path: Path, workbook: Any, sheet: str | None) -> Any:
    names = [worksheet.title for worksheet in workbook.worksheets]
    if sheet is not None and sheet not in names:
        near = nearest_columns(sheet, names).replace("columns", "sheets")
        raise InputRefused(Problem(f"{path.name}: there is no sheet {sheet!r}; {near}", USAGE))
    filled = [worksheet for worksheet in workbook.worksheets if _has_rows(worksheet)]
    if sheet is None and len(filled) > 1:
        listed = ", ".join(repr(worksheet.title) for worksheet in filled)
        raise InputRefused(
            Problem(f"{path.name}: several sheets hold rows ({listed}); name one with the key `sheet`", USAGE)
        )
    if sheet is None and not filled:
        raise InputRefused(
            Problem(f"{path.name}: the workbook is empty; a header and at least one row are needed", CONTENT)
        )
    return workbook[sheet] if sheet is not None else filled[0]


def _has_rows(worksheet: Any) -> bool:
    return any(value is not None for row in worksheet.iter_rows(max_row=2, values_only=True) for value in row)


def _value(value: Any) -> Any:
    if isinstance(value, dt.time | dt.timedelta):
        return str(value)
    return value
