"""A query on a database, streamed; the URL comes from the environment and never appears in a message."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, unquote_plus

from analysis.config import DatabaseSource, DataConfig
from analysis.data.cells import BATCH_ROWS, CellWriter, staged_cells
from analysis.data.engine import Connection
from analysis.data.source import RawTable
from analysis.errors import RetentionLabError, UsageError, is_full_disk, shortened

SECRET_NAME = re.compile(
    "password|passwd|passphrase|pwd|token|secret|odbc_connect|signature|credential|(api|access|account)_?key"
    "|^(sig|key|auth|pass)$",
    re.IGNORECASE,
)
"""What a part of a URL's query is called that holds a secret."""
ODBC_PASSWORD = re.compile(r"(?:password|pwd|token|secret)\s*=\s*(\{[^}]*\}|[^;]*)", re.IGNORECASE)


NO_CODE = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)
"""Comments and what stands in quotes."""
GUARDED = ("sqlite", "postgres")
"""Engines that are told to write nothing."""
WRITING = {
    *("insert", "update", "delete", "merge", "drop", "alter", "create", "truncate", "grant", "revoke", "call", "exec"),
    *("execute", "into", "attach", "copy", "pragma", "vacuum"),
}


def staged_query(connection: Connection, source: DatabaseSource, data: DataConfig) -> RawTable:
    """The rows of a query as a table.

    Raises
    ------
    UsageError
        When the environment variable or the driver is missing, the server cannot be reached, or it refuses the query.
    """
    url = database_url(source)
    _check_reads(source.query, url)
    with told_without_secrets("the query could not be run", url):
        try:
            writer = _streamed(connection, url, source.query)
        except ModuleNotFoundError as error:
            raise UsageError(
                f"transactions: the URL in {source.database_url_env} needs the Python module {error.name!r}, which is "
                'not installed; for PostgreSQL run: pip install "retention-lab[postgresql]"'
            ) from None
    return staged_cells(connection, [(writer, "query")], data)


@contextmanager
def told_without_secrets(what: str, url: str = "") -> Iterator[None]:
    """What a database or an engine says when it is away, refuses the password or lacks the table.

    Raises
    ------
    UsageError
        In place of its own error, with ``what`` failed and nothing secret of the ``url``.
    """
    try:
        yield
    except RetentionLabError:
        raise
    except Exception as error:
        if is_full_disk(error):
            raise
        # Drivers raise their own types, and what they say may hold the URL: only redacted words leave this place.
        reason = str(getattr(error, "orig", None) or error).strip()
        reason = redacted(reason.split("\n", 1)[0], url) if url else reason
        message = f"transactions: {what} ({type(error).__name__}: {shortened(reason, 300)})"
        raise UsageError(message) from None


def _check_reads(query: str, url: str) -> None:
    """Refuse what is not one statement that reads; the engine itself refuses to write where it can be told to."""
    bare = NO_CODE.sub(" ", query).strip().rstrip("; \n\t")
    words = re.findall(r"\w+", bare.lower())
    if not words:
        raise UsageError("transactions: the query is empty; it must be a select")
    if ";" in bare:
        raise UsageError("transactions: the query was not run; it must be one statement, a select")
    writes = set() if url.strip().startswith(GUARDED) else WRITING & set(words)
    if words[0] not in {"select", "with", "values", "table", "from"} or writes:
        found = f", not {sorted(writes)[0]}" if writes else ""
        raise UsageError(f"transactions: the query was not run; it must be a select{found}")


def database_url(source: DatabaseSource) -> str:
    """The URL in the environment."""
    url = os.environ.get(source.database_url_env, "")
    if not url.strip():
        raise UsageError(
            f"transactions: the environment variable {source.database_url_env} is not set; it must hold the database "
            "URL, such as postgresql://user:password@host/name"
        )
    server, _, rest = url.partition("://")[2].partition("/")
    if server and (server.count("@") > 1 or "@" in rest.partition("?")[0]):
        # Else a piece of a password is taken for a host, and shown as one that cannot be reached.
        raise UsageError(
            f"transactions: in the URL in {source.database_url_env} an @ or / of the user or the password stands as it "
            "is; write %40 for @ and %2F for /"
        )
    return url


def _streamed(connection: Connection, url: str, query: str) -> CellWriter:
    import sqlalchemy as sa

    with warnings.catch_warnings():
        # Of parts of the URL that the driver does not take; a warning of that says nothing about the data.
        warnings.simplefilter("ignore", sa.exc.SAWarning)
        engine = sa.create_engine(_existing(parsed_url(url)), poolclass=sa.pool.NullPool, hide_parameters=True)
    try:
        options = {"postgresql_readonly": True} if engine.dialect.name == "postgresql" else {}
        with engine.connect().execution_options(stream_results=True, max_row_buffer=BATCH_ROWS, **options) as link:
            if engine.dialect.name == "sqlite":
                link.execute(sa.text("PRAGMA query_only = ON"))
            result = link.execute(sa.text(query.replace(":", "\\:")))
            if not result.returns_rows:
                raise UsageError("transactions: the query returns no rows; it must be a select")
            writer = CellWriter(connection, "cells", list(result.keys()))
            for batch in result.partitions(BATCH_ROWS):
                writer.write(batch)
            return writer
    finally:
        engine.dispose()


def parsed_url(url: str):
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


def _existing(parsed):
    """The URL, if it names no file of SQLite that is not there and would be made."""
    path = parsed.database
    is_file = parsed.drivername.startswith("sqlite") and path and path != ":memory:" and not path.startswith("file:")
    if is_file and not Path(path).is_file():
        raise UsageError("transactions: there is no such SQLite file as the database URL names")
    return parsed


def redacted(text: str, url: str) -> str:
    """A message without the URL and what is secret in it.

    >>> redacted("no route to postgresql://me:s3cret@db/x with s3cret", "postgresql://me:s3cret@db/x")
    'no route to *** with ***'
    """
    authority = url.split("://", 1)[-1].split("/", 1)[0]
    credentials = authority.rpartition("@")[0]
    secrets = {url, url.strip(), authority if credentials else "", credentials, *secrets_in_url(url)}
    for secret in sorted(secrets - {""}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def secrets_in_url(url: str) -> set[str]:
    """Passwords and tokens in a database URL: before the host, in its query, or inside an ODBC connection string.

    Each as it stands there and as the server gets it.

    >>> sorted(secrets_in_url("mssql://me:p%40ss@host/shop?driver=x&token=a%2Bb"))
    ['a%2Bb', 'a+b', 'p%40ss', 'p@ss']
    >>> sorted(secrets_in_url("mssql+pyodbc://?odbc_connect=SERVER%3Ddb%3BPWD%3Dhunter2"))
    ['SERVER%3Ddb%3BPWD%3Dhunter2', 'SERVER=db;PWD=hunter2', 'hunter2']
    """
    before_host = re.match(r"[^:/]*://[^:/@]*:(.*)@", url.partition("?")[0])
    written = [before_host[1]] if before_host else []
    written += [value for name, value in re.findall(r"[?&;]([^=&;]*)=([^&#]*)", url) if SECRET_NAME.search(name)]
    found = {form for text in written for form in (text, unquote(text), unquote_plus(text))} | _parsed_password(url)
    inside = {secret.strip("{} ") for text in found for secret in ODBC_PASSWORD.findall(text)}
    return {secret for secret in found | inside if secret}


def _parsed_password(url: str) -> set[str]:
    with suppress(UsageError):
        return {parsed_url(url).password or ""}
    return set()
