"""All speed comparisons of the README, one after the other: ``python -m benchmarks`` (about ten minutes)."""

from __future__ import annotations

from benchmarks import ingest, models, speed


def main() -> None:
    print("The CDNOW report and the daily work with it, in yardsticks")
    speed.main()
    print("A million customers from a file to all predictions: lifetimes' time over ours")
    print("  ", models.run_path())
    print("Fit and posterior of 100,000 customers over one plain lifetimes fit")
    print("  ", models.run_posterior())
    print("20,000,000 rows to summary and ledger over the bare aggregation in DuckDB")
    print("  ", ingest.run())


if __name__ == "__main__":
    main()
