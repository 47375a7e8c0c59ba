"""The DuckDB connection that does the work, with memory bounded and no network."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakSet

import duckdb
import ibis
from ibis.expr.types import Table

MEMORY_LIMIT_BYTES = 2_000_000_000
MONEY = "DECIMAL(18, 6)"
FILE_OF_ROW, NUMBER_OF_ROW = "file of the row", "number of the row"
DUCKDB_ROW_NUMBER = "file_row_number"


Connection = duckdb.DuckDBPyConnection
CONNECTIONS: WeakSet[Connection] = WeakSet()
"""Those in use, for who must interrupt their queries."""


def connect(workdir: Path) -> Connection:
    """A DuckDB connection whose intermediate results spill into ``workdir``.

    Money is fixed-point and sums of it are exact, so results depend neither on the order of the rows
    nor on the number of threads.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={
            "memory_limit": f"{_memory_limit() // 1_000_000}MB",
            "temp_directory": str(workdir / "spill"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    CONNECTIONS.add(connection)
    connection.execute("SET TimeZone = 'UTC'")
    # In a notebook without ipywidgets the bar is off, and DuckDB refuses to hear about it.
    if connection.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(True,)]:
        connection.execute("SET enable_progress_bar = false")
    return connection


@contextmanager
def scratch(folder: Path) -> Iterator[Connection]:
    """A connection that spills into a folder of its own inside ``folder``; both go when it is done."""
    folder.mkdir(parents=True, exist_ok=True)
    workdir = Path(tempfile.mkdtemp(dir=folder, prefix="query-"))
    connection = connect(workdir)
    try:
        yield connection
    finally:
        close(connection, workdir)
        shutil.rmtree(workdir, ignore_errors=True)


def run(connection: Connection, sql: str) -> list[tuple]:
    """Execute and fetch everything: a result that is not fetched to its end blocks the connection."""
    return connection.execute(sql).fetchall()


def sql_of(function: Callable[..., Table], scan: str, columns: Mapping[str, str], *settings: Any) -> str:
    """DuckDB's SQL of an expression over the rows of ``scan``; ``columns`` are their types in Ibis."""
    body, _ = _compiled(function, tuple(columns.items()), settings)
    return f"(WITH given AS NOT MATERIALIZED (SELECT * FROM {scan}) SELECT * FROM ({body}))"


def columns_of(function: Callable[..., Table], columns: Mapping[str, str], *settings: Any) -> dict[str, str]:
    """The columns of that expression with their types in Ibis."""
    return dict(_compiled(function, tuple(columns.items()), settings)[1])


@lru_cache(maxsize=256)
def _compiled(
    function: Callable[..., Table], columns: tuple[tuple[str, str], ...], settings: tuple
) -> tuple[str, tuple[tuple[str, str], ...]]:
    table = function(ibis.table(dict(columns), name="given"), *settings)
    kinds = tuple((name, str(kind)) for name, kind in table.schema().items())
    return str(ibis.to_sql(table, dialect="duckdb")), kinds


def fetched(connection: Connection, sql: str) -> list[dict[str, Any]]:
    """The few rows of a relation."""
    return connection.sql(f"SELECT * FROM {sql}").to_arrow_table().to_pylist()


def close(connection: Connection, workdir: Path) -> None:
    """Close the connection and remove what it spilled."""
    connection.close()
    shutil.rmtree(workdir / "spill", ignore_errors=True)


def _memory_limit() -> int:
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return min(MEMORY_LIMIT_BYTES, physical // 2) if physical else MEMORY_LIMIT_BYTES


def quoted(name: str) -> str:
    """A column name as SQL.

    >>> quoted('a "b" c')
    '"a ""b"" c"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: object) -> str:
    """A text as an SQL literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + str(text).replace("'", "''") + "'"


def literals(texts: Iterable[object]) -> str:
    """Several texts as an SQL list.

    >>> literals(["a", "b"])
    "['a', 'b']"
    """
    return "[" + ", ".join(literal(text) for text in texts) + "]"


def glob_safe(path: Path) -> str:
    """A path that DuckDB takes literally, whatever brackets and stars a folder's name has.

    >>> glob_safe(Path("orders[1].csv"))
    'orders[[]1].csv'
    """
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(path))


def parquet_scan(paths: Iterable[Path]) -> str:
    """SQL that reads Parquet files as one table."""
    return f"read_parquet({literals(glob_safe(path) for path in paths)}, union_by_name = true)"


def numbered_scan(paths: Iterable[Path], columns: Iterable[str]) -> str:
    """SQL as ``parquet_scan``, with the columns ``FILE_OF_ROW`` (a path) and ``NUMBER_OF_ROW`` (from 0 in each file).

    ``columns`` are those of the files: one may have DuckDB's own name for the number, and then rows are counted.
    """
    number = DUCKDB_ROW_NUMBER
    if DUCKDB_ROW_NUMBER in {column.lower() for column in columns}:
        number = "row_number() OVER () - 1"
    scans = (
        f"SELECT {literal(path)} AS {quoted(FILE_OF_ROW)}, {number} AS {quoted(NUMBER_OF_ROW)}, *"
        f" FROM {parquet_scan([path])}"
        for path in paths
    )
    return f"({' UNION ALL BY NAME '.join(scans)})"


def parquet_types(connection: Connection, paths: list[Path]) -> dict[str, str]:
    """Column -> DuckDB type of Parquet files that are read together."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {parquet_scan(paths)}").fetchall()
    return {name: kind for name, kind, *_ in described}


def parquet_names(connection: Connection, path: Path) -> list[str]:
    """Column names as they stand in a Parquet file; DuckDB renames what stands there twice.

    Fields inside a column follow it in the list of the schema and are left out.
    """
    found = connection.execute(f"SELECT name, num_children FROM parquet_schema({literal(glob_safe(path))})").fetchall()
    names, inner = [], 0
    for name, children in found[1:]:
        if not inner:
            names.append(name)
        inner = max(inner - 1, 0) + (children or 0)
    return names
