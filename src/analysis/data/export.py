"""Tables that leave the package: safe to open in a spreadsheet, exact for programs."""

from __future__ import annotations

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
