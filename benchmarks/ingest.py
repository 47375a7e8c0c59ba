"""20 million transactions in Parquet to summary and ledger, beside the bare two-step DuckDB aggregation.

Run with ``python -m benchmarks.ingest [rows]``. Every way runs in a process of its own, so that its peak memory is
its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

ROWS = 20_000_000
REPEATS = 3
ALLOWED = {"ledger": 1.4, "ledger and duplicates": 1.8}
ALLOWED_BYTES = 1_500_000_000


FURTHER = {
    "ledger, ids as text": "'K' || lpad(customer::VARCHAR, 8, '0') AS who",
    "ledger, refunds": "CASE WHEN hash(i * 5 + 3) % 50 = 0 THEN -amount / 2 ELSE amount END AS paid",
    "ledger, statuses": "CASE WHEN hash(i * 5 + 3) % 50 = 0 THEN 'cancelled' ELSE 'paid' END AS status",
}
"""Way -> a further column of its file: a fiftieth of the rows is a refund, or has another status."""


def write_transactions(path: Path, rows: int, further: str = "") -> None:
    """A seeded Parquet file: a tenth as many customers as rows, two years, amounts in cents."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(f"""
            COPY (SELECT CAST(hash(i * 7 + 1) % {max(rows // 10, 1)} AS BIGINT) AS customer,
                         DATE '2023-01-01' + CAST(hash(i * 13 + 5) % 730 AS INTEGER) AS date,
                         CAST(round(5 + (hash(i * 3 + 11) % 20000) / 100.0, 2) AS DOUBLE) AS amount,
                         {further}
                  FROM range({rows}) AS t(i)) TO '{path}' (FORMAT parquet)""").fetchall()


def bare_aggregation(path: Path, workdir: Path) -> int:
    """Customer-day, then customer: what has to be done in any case. Returns the number of customers."""
    import duckdb

    with duckdb.connect(config={"memory_limit": "2000MB", "temp_directory": str(workdir)}) as connection:
        connection.execute(f"""
            CREATE TEMP TABLE days AS
            SELECT customer, date, sum(amount) AS amount
            FROM read_parquet('{path}') GROUP BY customer, date""").fetchall()
        frame = connection.execute("""
            SELECT customer, min(date) AS first_order, max(date) AS last_order, count(*) AS orders, sum(amount) AS spent
            FROM days GROUP BY customer""").df()
    return len(frame)


def ledger_and_summary(path: Path, workdir: Path, further: dict[str, str] | None = None, **settings: Any) -> int:
    """The package's way, with further columns and settings of the data. Returns the number of customers."""
    from analysis.config import Config
    from analysis.data import load_orders

    columns = {"customer": "customer", "date": "date", "amount": "amount"} | (further or {})
    data = {"transactions": str(path), "columns": columns, "count_duplicates": False} | settings
    return load_orders(Config(name="bench", data=data), workdir=workdir).customers


WAYS = {
    "bare": bare_aggregation,
    "ledger": ledger_and_summary,
    "ledger and duplicates": partial(ledger_and_summary, count_duplicates=True),
    "ledger, ids as text": partial(ledger_and_summary, further={"customer": "who"}),
    "ledger, refunds": partial(ledger_and_summary, further={"amount": "paid"}),
    "ledger, statuses": partial(ledger_and_summary, further={"status": "status"}, count_status=["paid"]),
}


def measure(way: str, path: Path) -> dict[str, float]:
    """Seconds (imports apart) and peak bytes of one way, in this process."""
    import duckdb  # noqa: F401
    import ibis.backends.sql.compilers  # noqa: F401 (Ibis imports them late)
    import pandas  # noqa: F401

    import analysis.data.orders  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        customers = WAYS[way](path, Path(folder))
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "peak_bytes": peak, "customers": customers}


def run(rows: int = ROWS) -> dict:
    """Best seconds of each way, peak memory and ratio to the bare aggregation."""
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.parquet"
        paths = dict.fromkeys(WAYS, plain) | {way: Path(folder) / f"{way}.parquet" for way in FURTHER}
        for way, path in {"": plain, **paths}.items():
            if not path.exists():
                write_transactions(path, rows, FURTHER.get(way, ""))
        for way in [*WAYS] * REPEATS:
            command = [sys.executable, "-m", "benchmarks.ingest", "--measure", way, str(paths[way])]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found, best = json.loads(output), results.get(way)
            if best is None or found["seconds"] < best["seconds"]:
                found["peak_bytes"] = max(found["peak_bytes"], best["peak_bytes"] if best else 0)
                results[way] = found
    for found in results.values():
        found["ratio"] = found["seconds"] / results["bare"]["seconds"]
    return {"rows": rows, "ways": results, "allowed_ratio": ALLOWED, "allowed_bytes": ALLOWED_BYTES}


def main() -> None:
    """Print the comparison."""
    if "--measure" in sys.argv:
        way, path = sys.argv[2:4]
        print(json.dumps(measure(way, Path(path))))
        return
    result = run(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
    print(f"{result['rows']:,} transactions in Parquet -> summary and ledger")
    print(f"{'way':<24}{'seconds':>9}{'ratio':>8}{'allowed':>9}{'peak MB':>9}")
    for way, found in result["ways"].items():
        allowed = result["allowed_ratio"].get(way, "")
        print(f"{way:<24}{found['seconds']:>9.2f}{found['ratio']:>8.2f}{allowed:>9}{found['peak_bytes'] / 1e6:>9.0f}")


if __name__ == "__main__":
    main()
