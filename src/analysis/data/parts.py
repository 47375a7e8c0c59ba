"""One part of the data: the rows with one value in a column to split by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from analysis.config import Config
from analysis.data.engine import close, connect, literal, run
from analysis.data.reading import damage_named, raw_table
from analysis.data.source import RawTable, part_expression
from analysis.errors import InputRefused

SPLIT = "split"


def rows_by_part(config: Config, workdir: Path) -> Mapping[str, int]:
    """Rows for each value of the column to split by, the most first; those without a value under ``""``.

    Raises
    ------
    InputRefused
        Where the data cannot be read, or have no such column.
    """
    connection = connect(workdir)
    try:
        table = raw_table(connection, config, workdir, None)
        if table.problems or SPLIT not in table.columns:
            raise InputRefused(table.problems)
        value = part_expression(table)
        with damage_named(table):
            found = run(connection, f"SELECT {value}, count(*) FROM {table.scan} GROUP BY 1 ORDER BY 2 DESC, 1")
    finally:
        close(connection, workdir)
    return dict(found)


def part_of(table: RawTable, part: str) -> RawTable:
    """The rows of a table that belong to a part; what is hashed are those rows, not the file they stand in.

    Problems of the whole table stay.
    """
    if SPLIT not in table.columns:
        return table
    only = f"{part_expression(table)} = {literal(part)}"
    label = f"{table.label}, {table.columns[SPLIT]} == {part!r}"
    return replace(table, label=label, only=only, digest=None)
