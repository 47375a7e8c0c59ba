"""What the rooms of value and claims read from a company's occasions: births, ages, and the relation to query."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import numpy as np
import pandas as pd

from analysis.data import Note, Transactions
from analysis.data.engine import close, connect, parquet_scan

BIRTHS_UNKNOWN = "data.born_before_start_kept"


def births_unknown(transactions: Transactions) -> Note | None:
    """Why ages and new customers cannot be told here; None where they can.

    Returns
    -------
    Note or None
        Key ``retention.reason.births_unknown`` with the numbers of the data's own note: customers, share (who ordered
        in the first days), next_customers, days.
    """
    found = (note for note in transactions.notes if note.key == BIRTHS_UNKNOWN)
    return next((Note("retention.reason.births_unknown", note.numbers) for note in found), None)


def birth_days(transactions: Transactions) -> np.ndarray:
    """Day of each customer's first order, datetime64[D], in the order of ``transactions.summary.table``."""
    return transactions.summary.table["first_order"].to_numpy().astype("datetime64[D]")


@contextmanager
def history(transactions: Transactions, **tables: pd.DataFrame) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """A connection with ``tables`` registered, and the SQL relation of occasions: customer, day, amount.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from analysis.config import Config
    >>> from analysis.data import load_transactions
    >>> config = Config(name="cdnow", data={"transactions": {"sample": "cdnow"}})
    >>> folder = tempfile.TemporaryDirectory()
    >>> cdnow = load_transactions(config, workdir=Path(folder.name))
    >>> with history(cdnow) as (connection, occasions):
    ...     connection.execute(f"SELECT count(*) FROM {occasions}").fetchall()
    [(6696,)]
    """
    path = transactions.occasions
    workdir = path.parent / f"history-{uuid.uuid4().hex}"
    connection = connect(workdir)
    try:
        for name, table in tables.items():
            connection.register(name, table)
        yield connection, parquet_scan([path])
    finally:
        close(connection, workdir)
        workdir.rmdir()
