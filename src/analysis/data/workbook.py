"""Excel workbooks, read row by row; formulas whose values were never stored are told."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from analysis.config import DataConfig
from analysis.data.cells import BATCH_ROWS, CellWriter, staged_cells
from analysis.data.engine import Connection
from analysis.data.source import RawTable, label_of, nearest_columns, sha256_of
from analysis.data.vocabulary import mark_in_format
from analysis.errors import DataError, Problem, RetentionLabError, UsageError, counted, is_full_disk, shortened

MONEY_ROLES = ("amount", "unit_price", "discount")
FORMULA = re.compile(rb"<(\w+:)?f[\s/>]")


def _problems_in_formulas(path: Path, data: DataConfig) -> list[Problem]:
    """Formulas whose values were never stored, since a program wrote the file that computes nothing."""
    if not _may_hold_formulas(path):
        return []
    computed, written = (_opened_sheet(path, data.sheet, computed=computed).iter_rows() for computed in (True, False))
    places = list(_cells_without_value(set(data.columns.mapped().values()), computed, written))
    if not places:
        return []
    found = counted(len(places), "cell holds a formula whose value is", "cells hold formulas whose values are")
    message = (
        f"{path.name}: {found} not stored in the file: {', '.join(places[:5])}; open the file in a spreadsheet program "
        "and save it there, or export values instead of formulas"
    )
    return [Problem(message)]


def _may_hold_formulas(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".xml") and "sharedStrings" not in name]
        return any(FORMULA.search(archive.read(name)) for name in names)


def _cells_without_value(
    columns: set[str], values: Iterable[tuple[Any, ...]], formulas: Iterable[tuple[Any, ...]]
) -> Iterator[str]:
    """Places such as ``C2``; a formula that came to an empty text has a value."""
    used: set[int] | None = None
    for computed, written in zip(values, formulas, strict=False):
        for number, (value, formula) in enumerate(zip(computed, written, strict=False)):
            if used is not None and number not in used:
                continue
            if formula.data_type == "f" and value.value is None and value.data_type != "str":
                yield formula.coordinate
        if used is None:
            used = {number for number, name in enumerate(computed) if str(name.value).strip() in columns}


def staged_workbooks(connection: Connection, paths: list[Path], data: DataConfig, workdir: Path) -> RawTable:
    """Sheets of workbooks as one table; native dates and numbers stay what they are."""
    writers, problems = [], []
    formats: dict[str, Counter[str]] = defaultdict(Counter)
    for number, path in enumerate(paths):
        target = workdir / f"cells-{number}.parquet"
        with _damage_named(path):
            writers.append((_written(path, data, target, formats), path.name))
            problems += _problems_in_formulas(path, data)
    staged = staged_cells(
        connection,
        writers,
        data,
        workdir,
        label=label_of(paths),
        digest=sha256_of(paths),
        first_row=2 + writers[0][0].skipped,
        blank_rows=False,
    )
    marks = {column: _rows_by_mark(counts) for column, counts in formats.items()}
    return replace(staged, problems=(*staged.problems, *problems), marks=marks)


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Whatever openpyxl says of a workbook that is damaged inside, in a sentence."""
    try:
        yield
    except (RetentionLabError, MemoryError):
        raise
    except Exception as error:
        if is_full_disk(error):
            raise
        reason = shortened(f"{type(error).__name__}: {error}", 200)
        message = f"{path.name}: the workbook is damaged ({reason}); open it in a spreadsheet program and save it again"
        raise DataError(message) from error


def _written(path: Path, data: DataConfig, target: Path, formats: Mapping[str, Counter[str]]) -> CellWriter:
    """The cells of a sheet, in ``target``; adds the number formats of its amounts to ``formats``, by column."""
    skipped = getattr(data, "skip_rows", 0)
    rows = islice(sheet_rows(path, data.sheet), skipped, None)
    header: list[Any] = []
    for row in rows:
        header = [cell.value for cell in row]
        if any(name is not None for name in header) or not skipped:
            break
        skipped += 1  # blank rows between a title and the header
    if all(name is None for name in header):
        raise DataError(f"{path.name}: the first row of the sheet is empty; it must hold the headers")
    width = max(number for number, name in enumerate(header, 1) if name is not None)
    names = ["" if name is None else str(name).strip() for name in header[:width]]
    columns = data.columns.mapped()
    amounts = {columns[role] for role in MONEY_ROLES if role in columns}
    money = [(number, formats[name]) for number, name in enumerate(names) if name in amounts]
    writer = CellWriter(target, [name or f"column {number}" for number, name in enumerate(names, 1)])
    while batch := list(islice(rows, BATCH_ROWS)):
        writer.write([_padded(row, width) for row in batch])
        for number, counts in money:
            cells = (row[number] for row in batch if number < len(row))
            counts.update(cell.number_format for cell in cells if isinstance(cell.value, int | float))
    writer.skipped = skipped
    writer.close()
    return writer


def _rows_by_mark(counts: Mapping[str, int]) -> dict[str, int]:
    """Rows of every sign or code of a currency, from the rows of every number format."""
    from openpyxl.styles.numbers import is_builtin

    rows: Counter[str] = Counter()
    for number_format, number in counts.items():
        # Those are shown in the money of whoever opens the file, whatever sign stands in them.
        mark = None if is_builtin(number_format) else mark_in_format(number_format)
        rows.update({mark: number} if mark else {})
    return dict(rows)


def _padded(row: tuple[Any, ...], width: int) -> tuple[Any, ...]:
    return (*(_value(cell.value) for cell in row[:width]), *(None,) * (width - len(row)))


def sheet_rows(path: Path, sheet: str | None) -> Iterator[tuple[Any, ...]]:
    """The rows of a sheet as openpyxl's cells, the header first; of the only sheet when ``sheet`` is None.

    Raises
    ------
    InputRefused
        When the workbook is broken, the sheet does not exist, or several sheets leave the choice open.
    """
    worksheet = _opened_sheet(path, sheet, computed=True)
    blank = 0
    for row in worksheet.iter_rows():
        if all(cell.value is None for cell in row):
            blank += 1
            continue
        # Empty rows between others keep their place, so that row numbers in messages are those of the sheet.
        yield from ((),) * blank
        blank = 0
        yield row
    worksheet.parent.close()


def first_rows(path: Path, sheet: str | None, number: int) -> list[list[str]]:
    """The first rows of a sheet as text."""
    rows = islice(sheet_rows(path, sheet), number)
    return [["" if cell.value is None else str(cell.value).strip() for cell in row] for row in rows]


def _opened_sheet(path: Path, sheet: str | None, *, computed: bool) -> Any:
    """The chosen sheet, with what its formulas came to or with the formulas themselves."""
    import openpyxl

    try:
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=computed)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        message = f"{path.name}: the name ends in {path.suffix}, but the content is not an Excel workbook ({error})"
        raise DataError(message) from None
    worksheet = _chosen(path, workbook, sheet)
    worksheet.reset_dimensions()
    return worksheet


def _chosen(path: Path, workbook: Any, sheet: str | None) -> Any:
    names = [worksheet.title for worksheet in workbook.worksheets]
    if sheet is not None and sheet not in names:
        near = nearest_columns(sheet, names).replace("columns", "sheets")
        raise UsageError(f"{path.name}: there is no sheet {sheet!r}; {near}")
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


def _value(value: Any) -> Any:
    if isinstance(value, dt.time | dt.timedelta):
        return str(value)
    return value
