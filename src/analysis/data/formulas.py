"""Formulas in workbooks whose values were never stored, since a program wrote the file that computes nothing."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from analysis.data.wording import counted
from analysis.errors import CONTENT, Problem

CHUNK_BYTES = 1 << 20
FORMULA = re.compile(rb"<(\w+:)?f[\s/>]")


def problems_in_formulas(
    path: Path, columns: set[str], cells: Callable[..., Iterable[tuple[Any, ...]]]
) -> list[Problem]:
    """Formulas without a value, in the header or in the named ``columns`` of a sheet.

    Parameters
    ----------
    path
        The workbook.
    columns
        Names of the columns that are used.
    cells
        Rows of openpyxl's cells, the header first: with what formulas came to where ``computed=True``, else with
        the formulas.
    """
    if not _may_hold_formulas(path):
        return []
    count, first = 0, []
    for place in _cells_without_value(columns, cells(computed=True), cells(computed=False)):
        count += 1
        first += [place] if len(first) < 5 else []
    if not count:
        return []
    found = counted(count, "cell holds a formula whose value is", "cells hold formulas whose values are")
    message = (
        f"{path.name}: {found} not stored in the file: {', '.join(first)}; open the file in a spreadsheet program and "
        "save it there, or export values instead of formulas"
    )
    return [Problem(message, CONTENT)]


def _may_hold_formulas(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".xml") and "sharedStrings" not in name]
        return any(_holds_formula(archive, name) for name in names)


def _holds_formula(archive: zipfile.ZipFile, name: str) -> bool:
    before = b""
    with archive.open(name) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            if FORMULA.search(before + chunk):
                return True
            before = chunk[-64:]
    return False


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
