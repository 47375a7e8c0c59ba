"""Tables that leave the package: safe to open in a spreadsheet, exact for programs."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def escape_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy whose texts cannot start a formula: an apostrophe goes before = + - @ tab and line breaks.

    Examples
    --------
    >>> escape_formulas(pd.DataFrame({"customer_id": ["=1+1", "007"]}))["customer_id"].tolist()
    ["'=1+1", '007']
    """
    escaped = frame.copy()
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        if not pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_datetime64_any_dtype(column.dtype):
            escaped.isetitem(position, column.astype(object).map(_escaped))
    return escaped.set_axis([_escaped(name) for name in frame.columns], axis="columns")


def _escaped(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA_STARTS) else value


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """A table as UTF-8 CSV with a header, formulas escaped; days without a time."""
    # Every text is quoted: a lone carriage return in an id would otherwise end the row for many readers.
    escape_formulas(frame).to_csv(
        path,
        index=False,
        encoding="utf-8",
        lineterminator="\n",
        date_format="%Y-%m-%d",
        quoting=csv.QUOTE_NONNUMERIC,
    )


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """A table as Parquet, texts exactly as they are."""
    frame.to_parquet(path, index=False)


def write_customers(frame: pd.DataFrame, folder: Path) -> tuple[Path, Path]:
    """``customers.parquet`` with the ids as they are and ``customers.csv`` with formulas escaped."""
    parquet, text = folder / "customers.parquet", folder / "customers.csv"
    write_parquet(frame, parquet)
    write_csv(frame, text)
    return parquet, text
