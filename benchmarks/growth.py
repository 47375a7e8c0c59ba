"""How what comes out of an engine grows: distinct histories against customers, seconds and memory against rows.

Run with ``python -m benchmarks.growth [most customers]``; DuckDB in this process.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from analysis.data.simulation import simulate_customers

MOST_CUSTOMERS = 10_000_000
AT_ONCE = 500_000


def histories(customers: int) -> int:
    """Distinct (x, t_x, T) in whole days of so many customers who came over a year and are seen for two."""
    found = set()
    for seed, start in enumerate(range(0, customers, AT_ONCE)):
        many = min(AT_ONCE, customers - start)
        known = simulate_customers(many, T=730 / 7, births=365 / 7, seed=seed)
        recency, age = (np.ceil(each * 7).astype(np.int64) for each in (known.recency, known.T))
        keys = (known.frequency.astype(np.int64) * 1_000 + recency) * 1_000 + age
        found.update(np.unique(keys).tolist())
    return len(found)


def rows_per_second(rows: int) -> tuple[float, float]:
    """Seconds of ledger and summary of so many rows of Parquet, and peak memory of this process so far [MB]."""
    from benchmarks.ingest import ledger_and_summary, write_transactions

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "transactions.parquet"
        write_transactions(path, rows)
        start = time.perf_counter()
        ledger_and_summary(path, Path(folder), count_duplicates=False)
        seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print both tables."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else MOST_CUSTOMERS
    for rows in (100_000, 1_000_000, 5_000_000, 20_000_000):
        seconds, peak = rows_per_second(rows)
        print(f"{rows:>12,} rows {seconds:>8.2f} s {peak:>8.0f} MB", flush=True)
    customers = 10_000
    while customers <= most:
        print(f"{customers:>12,} customers {histories(customers):>10,} distinct histories", flush=True)
        customers *= 10


if __name__ == "__main__":
    main()
