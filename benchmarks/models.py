"""From a file to predictions for a million customers, beside lifetimes' own path; and what a posterior costs.

Run with ``python -m benchmarks.models``. Both paths read the same Parquet file in the same process, one after the
other; each ends with P(alive), expected orders and expected order value of every customer in memory.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.config import Config
from analysis.data import load_orders
from analysis.data.simulation import CDNOW_PURCHASES, CDNOW_SPEND, simulate_customers, simulate_transactions
from analysis.models.fits import fit_one
from analysis.models.gamma_gamma import fit_gamma_gamma
from analysis.models.lifetimes_fits import BetaGeoFitter, GammaGammaFitter
from analysis.models.patterns import collapse, patterns_of
from analysis.models.registry import MODELS
from analysis.models.spend import spending_of
from analysis.time import Clock, TimeUnit

HORIZON = 39.0


def run_path(customers: int = 1_000_000) -> dict[str, float]:
    """Seconds of both paths from the file to all predictions, and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "orders.parquet"
        _orders(customers).to_parquet(file, index=False)
        ours, parameters, *our_seconds = _timed(_our_path, file, Path(folder) / "work")
        theirs, their_parameters, *their_seconds = _timed(_lifetimes_path, file)
    pd.testing.assert_series_equal(ours.sort_index(), theirs.sort_index(), rtol=1e-3, check_names=False)
    return {
        "customers": customers,
        "ours_seconds": our_seconds[0],
        "lifetimes_seconds": their_seconds[0],
        "ratio": their_seconds[0] / our_seconds[0],
        "ratio_of_processor_seconds": their_seconds[1] / our_seconds[1],
        "largest_parameter_difference": float(np.max(np.abs(parameters / their_parameters - 1))),
    }


def _timed(path: Callable[..., tuple], *given: Path) -> tuple:
    """What a path finds, with its seconds and its processor seconds."""
    start, used = time.perf_counter(), time.process_time()
    return *path(*given), time.perf_counter() - start, time.process_time() - used


def run_posterior(customers: int = 100_000) -> dict[str, float]:
    """Seconds of fit plus posterior, of one plain lifetimes fit of the same customers, and their ratio."""
    file_days = simulate_customers(customers, T=78.0, births=39.0, seed=2)
    x = file_days.frequency
    recency, age = np.ceil(file_days.recency * 7) / 7, np.ceil(file_days.T * 7) / 7
    start = time.perf_counter()
    patterns = collapse(x, recency, age)
    fit = fit_one(MODELS["BG/NBD"], patterns, Clock(TimeUnit.WEEK), seed=1)
    middle = time.perf_counter()
    BetaGeoFitter().fit(x, recency, age)
    end = time.perf_counter()
    return {
        "customers": customers,
        "patterns": len(patterns),
        "effective_draws": fit.posterior.effective_size,
        "ours_seconds": middle - start,
        "lifetimes_seconds": end - middle,
        "ratio": (middle - start) / (end - middle),
    }


def _orders(customers: int) -> pd.DataFrame:
    return simulate_transactions(customers, purchases=CDNOW_PURCHASES, spend=CDNOW_SPEND, seed=1)


def _our_path(file: Path, workdir: Path) -> tuple[pd.Series, np.ndarray]:
    columns = {"customer": "customer", "date": "date", "amount": "amount"}
    config = Config(name="bench", data={"transactions": str(file), "columns": columns})
    workdir.mkdir()
    summary = load_orders(config, workdir=workdir).histories
    patterns = patterns_of(summary, Clock(TimeUnit.WEEK))
    fit = fit_one(MODELS["BG/NBD"], patterns, Clock(TimeUnit.WEEK), seed=1)
    spend = fit_gamma_gamma(spending_of(summary)[0], seed=1)
    expected = MODELS[fit.model].expectations(fit.params, patterns, HORIZON)
    orders = expected["expected_orders"][patterns.index]
    expected["p_alive"][patterns.index]
    table = summary.table
    spend.order_values(table["frequency"].to_numpy(), table["mean_repeat_value"].to_numpy())
    found = np.array([*fit.parameters.values(), *spend.parameters.values()])
    return pd.Series(orders, index=table["customer_id"]), found


def _lifetimes_path(file: Path) -> tuple[pd.Series, np.ndarray]:
    from lifetimes.utils import summary_data_from_transaction_data

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        orders = pd.read_parquet(file)
        summary = summary_data_from_transaction_data(
            orders, "customer", "date", monetary_value_col="amount", observation_period_end=orders["date"].max()
        )
        x, recency, age = summary["frequency"], summary["recency"] / 7, summary["T"] / 7
        counts = BetaGeoFitter().fit(x, recency, age)
        repeat = (x > 0) & (summary["monetary_value"] > 0)
        money = GammaGammaFitter().fit(x[repeat], summary.loc[repeat, "monetary_value"])
        expected = counts.conditional_expected_number_of_purchases_up_to_time(HORIZON, x, recency, age)
        counts.conditional_probability_alive(x, recency, age)
        money.conditional_expected_average_profit(x, summary["monetary_value"])
    found = np.array([*counts.params_[["r", "alpha", "a", "b"]], *money.params_[["p", "q", "v"]]])
    return pd.Series(np.asarray(expected), index=summary.index.astype(str)), found


if __name__ == "__main__":
    print(run_path())
    print(run_posterior())
