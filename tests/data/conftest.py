"""What tests of reading share: DuckDB on one thread, which for a hundred rows takes less time than two of them."""

from __future__ import annotations

import duckdb
import pytest


@pytest.fixture(autouse=True, scope="module")
def _one_thread(request):
    """But for the samples, of which some are large: how many threads read them must not matter."""
    connect = duckdb.connect

    def on_one_thread(*place, config=None, **settings):
        return connect(*place, config={"threads": 1} | (config or {}), **settings)

    with pytest.MonkeyPatch.context() as patch:
        if request.module.__name__ != "tests.data.test_samples":
            patch.setattr(duckdb, "connect", on_one_thread)
        yield
