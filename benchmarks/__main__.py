"""All speed comparisons of the README, one after the other: ``python -m benchmarks`` (about ten minutes)."""

from __future__ import annotations

from benchmarks import critical_path, ingest, models, report, retention, strategies


def main() -> None:
    print("1  file -> summary -> fit -> all predictions, 1,000,000 customers: lifetimes' time over ours, at least 5")
    print("  ", models.run_path())
    print("2  fit and posterior, 100,000 customers: our time over one plain lifetimes fit, at most 5")
    print("  ", models.run_posterior())
    print("3  20,000,000 rows -> summary and ledger: our time over the bare aggregation, at most 1.5 and 3; under 3 GB")
    print("  ", ingest.run())
    print("4  all notebooks with HTML: our time over papermill and nbconvert one after the other, at most 0.67")
    print("  ", report.run())
    print("5  notebook 04 on 1,000,000 customers: its time over that of the posteriors it rests on, at most 2")
    print("  ", retention.run())
    print("6  4 strategies x 200,000 paths x 156 weeks: at most 20 s and 1 GB; beside a plain loop over customers")
    print("   few orders: ", strategies.run())
    print("   many orders:", strategies.run(strategies.GROCER, lives=400))
    print("7  the whole CDNOW report over its critical path, at most 1.5; the same again with nothing new, under 2 s")
    print("  ", critical_path.run())


if __name__ == "__main__":
    main()
