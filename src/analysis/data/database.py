"""A query on a database, streamed; the URL comes from the environment and never appears in a message."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

import duckdb

from analysis.config import DatabaseSource, DataConfig
from analysis.data.cells import BATCH_ROWS, CellWriter, staged_cells
from analysis.data.source import RawTable
from analysis.errors import RetentionLabError, UsageError


def staged_query(
    connection: duckdb.DuckDBPyConnection, source: DatabaseSource, data: DataConfig, workdir: Path
) -> RawTable:
    """The rows of a query as a table.

    Raises
    ------
    UsageError
        When the environment variable or the driver is missing, the server cannot be reached, or it refuses the query.
    """
    url = os.environ.get(source.database_url_env, "")
    if not url.strip():
        raise UsageError(
            f"transactions: the environment variable {source.database_url_env} is not set; it must hold the database "
            "URL, such as postgresql://user:password@host/name"
        )
    if source.query.split(maxsplit=1)[0].lower() not in {"select", "with", "values", "table"}:
        raise UsageError("transactions: the query was not run; it must be a select")
    path = workdir / "cells.parquet"
    writer = _written(url, source, path)
    return staged_cells(connection, [(writer, path, "query")], data, workdir, label="query", digest=None, first_row=1)


def _written(url: str, source: DatabaseSource, path: Path) -> CellWriter:
    try:
        return _streamed(url, source.query, path)
    except RetentionLabError:
        raise
    except ModuleNotFoundError as error:
        raise UsageError(_missing_driver(url, error.name or "", source.database_url_env)) from None
    except Exception as error:
        # Drivers raise their own types, and what they say may hold the URL: only redacted words leave this place.
        reason = redacted(str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0], url)
        kind = type(error).__name__
        raise UsageError(f"transactions: the query could not be run ({kind}: {reason})") from None


def _streamed(url: str, query: str, path: Path) -> CellWriter:
    import sqlalchemy as sa

    engine = sa.create_engine(_parsed(url), poolclass=sa.pool.NullPool, hide_parameters=True)
    try:
        with engine.connect().execution_options(stream_results=True, max_row_buffer=BATCH_ROWS) as link:
            result = link.execute(sa.text(query.replace(":", "\\:")))
            if not result.returns_rows:
                raise UsageError("transactions: the query returns no rows; it must be a select")
            writer = CellWriter(path, list(result.keys()))
            for batch in result.partitions(BATCH_ROWS):
                writer.write(batch)
            writer.close()
            return writer
    finally:
        engine.dispose()


def _parsed(url: str):
    import sqlalchemy as sa

    try:
        parsed = sa.make_url(url.strip())
    except (sa.exc.ArgumentError, ValueError):
        raise UsageError(
            "transactions: the environment variable does not hold a database URL; "
            "expected something like postgresql://user:password@host:5432/name or sqlite:///file.db"
        ) from None
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _missing_driver(url: str, module: str, variable: str) -> str:
    if url.startswith("postgres"):
        return (
            f"transactions: the URL in {variable} needs the PostgreSQL driver, which is not installed; "
            'run: pip install "retention-lab[postgresql]"'
        )
    return f"transactions: the URL in {variable} needs the Python module {module!r}, which is not installed"


def redacted(text: str, url: str) -> str:
    """A message without the URL and what is secret in it.

    >>> redacted("no route to postgresql://me:s3cret@db/x with s3cret", "postgresql://me:s3cret@db/x")
    'no route to *** with ***'
    """
    authority = url.split("://", 1)[-1].split("/", 1)[0]
    credentials = authority.rpartition("@")[0]
    password = credentials.partition(":")[2]
    for secret in (url, url.strip(), authority if credentials else "", credentials, password, unquote(password)):
        if secret:
            text = text.replace(secret, "***")
    return text
