"""The connection that does the work can be told to stop, from wherever the process is asked to end."""

import threading
import time

import duckdb
import pytest

from analysis.data.engine import close, connect, stop_queries

LONG_QUERY = "SELECT count(*) FROM range(1000000000000) AS t WHERE hash(t.range) = 1"


def test_a_query_that_runs_is_ended_from_another_thread(tmp_path):
    connection, began = connect(tmp_path), time.monotonic()
    threading.Timer(0.2, stop_queries).start()
    with pytest.raises(duckdb.InterruptException):
        connection.execute(LONG_QUERY).fetchall()
    assert time.monotonic() - began < 30


def test_a_connection_goes_on_afterwards(tmp_path):
    connection = connect(tmp_path)
    stop_queries()
    assert connection.execute("SELECT 42").fetchall() == [(42,)]


def test_what_was_closed_is_left_alone(tmp_path):
    ours, theirs = connect(tmp_path), connect(tmp_path)
    close(ours, tmp_path)
    theirs.close()
    stop_queries()
