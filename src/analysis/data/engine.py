"""The DuckDB connection that does the work, with memory bounded and no network."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
import psutil
import pyarrow as pa
from ibis.backends.sql.datatypes import DuckDBType
from ibis.expr.types import Table

MEMORY_LIMIT_BYTES = 900_000_000
MONEY = "DECIMAL(18, 6)"
NUMBER_OF_ROW, FILE_ROWS = "number of the row", 2**40


Connection = duckdb.DuckDBPyConnection


def connect(workdir: Path) -> Connection:
    """A DuckDB connection whose intermediate results spill into ``workdir``.

    Money is fixed-point and sums of it are exact, so results depend neither on the order of the rows
    nor on the number of threads.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        config={
            "memory_limit": f"{min(MEMORY_LIMIT_BYTES, psutil.virtual_memory().total // 2) // 1_000_000}MB",
            "allocator_background_threads": "true",  # what a query needed goes back before the next one
            "temp_directory": str(workdir / "spill"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
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


def id_type(kind: str) -> str:
    """Pandas' type of the ids that a column of this DuckDB type gives back; text but for numbers.

    >>> id_type("UINTEGER"), id_type("DOUBLE"), id_type("DATE")
    ('uint32', 'float64', 'str')
    """
    found = DuckDBType.from_string(kind)
    return str(found) if found.is_integer() or found.is_floating() else "str"


def run(connection: Connection, sql: str) -> list[tuple]:
    """Execute and fetch everything: a result that is not fetched to its end blocks the connection."""
    return connection.execute(sql).fetchall()


@dataclass(frozen=True)
class Relation:
    """Rows of an engine, and expressions over them: the same ones wherever the rows are.

    Attributes
    ----------
    source
        SQL of rows of ``connection``, or the Ibis table of another engine.
    columns
        Type of every column in Ibis.
    connection
        The DuckDB connection that computes them; None of another engine, and where only their SQL is wanted.
    """

    source: str | Table
    columns: Mapping[str, str]
    connection: Connection | None = field(default=None, repr=False)

    @classmethod
    def of_table(cls, table: Table) -> Relation:
        """The rows of an Ibis table."""
        return cls(table, {name: str(kind) for name, kind in table.schema().items()})

    def then(self, function: Callable[..., Table], *settings: Any) -> Relation:
        """What an expression makes of them; among its settings may be further relations of the same engine."""
        if not isinstance(self.source, str):
            tables = (one.source if isinstance(one, Relation) else one for one in settings)
            return Relation.of_table(function(self.source, *tables))
        relations = [self, *(one for one in settings if isinstance(one, Relation))]
        shapes = tuple(_Shape(one.columns.items()) if isinstance(one, Relation) else one for one in (self, *settings))
        days = [one for one in settings if type(one) is dt.date]
        body, columns = _compiled(function, tuple(dt.date if type(one) is dt.date else one for one in shapes))
        for number, day in enumerate(days):
            body = body.replace(_date(_stand_in(number)), _date(day))
        given = ", ".join(f"{name} AS NOT MATERIALIZED (SELECT * FROM {one.source})"
                          for name, one in zip(_names(relations), relations, strict=True))  # fmt: skip
        return replace(self, source=f"(WITH {given} SELECT * FROM ({body}))", columns=dict(columns))

    def few(self, function: Callable[..., Table], *settings: Any) -> list[dict[str, Any]]:
        """The rows that an expression makes of them, of which there are few."""
        found = self.then(function, *settings)
        if not isinstance(found.source, str):
            return found.arrow().to_pylist()
        # Planned once; an Arrow table would plan the query twice.
        cursor = found.connection.execute(f"SELECT * FROM {found.source}")
        return [dict(zip(found.columns, row, strict=True)) for row in cursor.fetchall()]

    def arrow(self) -> pa.Table:
        """All rows here."""
        if not isinstance(self.source, str):
            return self.source.to_pyarrow()
        return self.connection.sql(f"SELECT * FROM {self.source}").to_arrow_table()

    def frame(self) -> pd.DataFrame:
        """All rows here, as pandas has them."""
        return self.arrow().to_pandas()

    def one(self, function: Callable[..., Table], *settings: Any) -> dict[str, Any]:
        """The only row that an expression makes of them."""
        return self.few(function, *settings)[0]

    def stored(self, name: str) -> Relation:
        """The same rows, computed once, in a temporary table of that name; other engines add to it."""
        if not isinstance(self.source, str):
            engine = self.source.get_backend()
            if engine.name == "pyspark":
                return Relation.of_table(self.source.cache())
            # Not by cache(), whose tables Ibis cannot drop again: this one ends with the connection.
            return Relation.of_table(engine.create_table(ibis.util.gen_name(name), self.source, temp=True))
        run(self.connection, f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM {self.source}")
        return replace(self, source=name)


class _Shape(tuple):
    """Columns of a relation with their types, in place of it."""

    __slots__ = ()


def _names(relations: Iterable[object]) -> list[str]:
    return [f"given_{number}" for number, _ in enumerate(relations)]


def _stand_in(number: int) -> dt.date:
    """In place of a date among the settings, so that an expression is compiled once for all of them."""
    return dt.date(9000 + number, 1, 1)


def _date(day: dt.date) -> str:
    """A date as Ibis writes it for DuckDB."""
    return f"MAKE_DATE({day.year}, {day.month}, {day.day})"


@lru_cache(maxsize=1024)
def _compiled(function: Callable[..., Table], shapes: tuple) -> tuple[str, tuple[tuple[str, str], ...]]:
    """DuckDB's SQL of an expression over tables of such columns, with stand-ins for dates, and the columns it has."""
    names, days = iter(_names(shapes)), [ibis.param("date") for one in shapes if one is dt.date]
    unused = iter(days)
    given = [
        ibis.table(dict(one), name=next(names)) if isinstance(one, _Shape) else next(unused) if one is dt.date else one
        for one in shapes
    ]
    table = function(*given)
    kinds = tuple((name, str(kind)) for name, kind in table.schema().items())
    sql = str(ibis.to_sql(table, dialect="duckdb", params={day: _stand_in(n) for n, day in enumerate(days)}))
    # As Ibis writes argmin, DuckDB would turn the keys into texts to compare them.
    return re.sub(r'FIRST\(("\w+"."\w+") ORDER BY ("\w+"."\w+")\)', r"arg_min_null(\1, \2)", sql), kinds


def close(connection: Connection, workdir: Path) -> None:
    """Close the connection and remove what it spilled."""
    connection.close()
    shutil.rmtree(workdir / "spill", ignore_errors=True)


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


def parquet_types(connection: Connection, paths: list[Path]) -> dict[str, str]:
    """Column -> DuckDB type of Parquet files that are read together."""
    return {name: kind for name, kind, *_ in run(connection, f"DESCRIBE SELECT * FROM {parquet_scan(paths)}")}
