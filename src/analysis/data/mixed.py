"""Columns that hold texts beside numbers or dates of their own, as sheets do: kept apart in one DuckDB structure."""

from __future__ import annotations

from analysis.data.engine import quoted
from analysis.data.source import RawTable

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
