"""What notebook 04 computes on a million customers, beside the posterior that it rests on.

Run with ``python -m benchmarks.retention``. Both are timed in the same process, one after the other, on the same
customers: the posteriors of all purchase models and of the spend model, then every step of the notebook.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from analysis.config import Config
from analysis.data.simulation import simulate_transactions
from analysis.models.estimate import purchase_posterior
from analysis.models.patterns import patterns_of
from analysis.models.spend import spend_posterior, spending_of
from analysis.study import Study

STEPS = ("periods", "cohorts", "growth", "retention", "lift", "landscape", "firm", "claims")


def run(customers: int = 1_000_000) -> dict[str, float]:
    """Seconds of the posteriors, of each step and of all of them, and the ratio of the two."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "orders.parquet"
        simulate_transactions(customers, seed=1).to_parquet(file, index=False)
        columns = {"customer": "customer", "date": "date", "amount": "amount"}
        study = Study(
            Config(name="bench", data={"transactions": str(file), "columns": columns}), store=Path(folder) / "store"
        )
        summary, model = study.transactions.summary, study.config.model
        fits, spend, _ = study.purchase.fits, study.spend, study.split
        start = time.perf_counter()
        patterns = patterns_of(summary, model.time_unit)
        for fit in fits:
            purchase_posterior(fit, patterns, model.seed)
        spend_posterior(spend.fit, spending_of(summary)[0], model.seed)
        posterior = time.perf_counter() - start
        seconds = {}
        for step in STEPS:
            start = time.perf_counter()
            getattr(study, step)
            seconds[step] = time.perf_counter() - start
    total = sum(seconds.values())
    return {
        "customers": customers,
        "patterns": len(patterns),
        "posterior_seconds": posterior,
        **{f"{step}_seconds": each for step, each in seconds.items()},
        "notebook_seconds": total,
        "ratio": total / posterior,
    }


if __name__ == "__main__":
    print(run())
