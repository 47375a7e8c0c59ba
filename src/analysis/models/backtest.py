"""The back test: calibrate on the past, forecast a holdout, compare models with naive baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.errors import NotIdentified
from analysis.interval import Interval
from analysis.models.baselines import BASELINES, CountForecast, History, learned_forecast
from analysis.models.estimate import (
    MODELS,
    PRIMARY,
    fit_purchase_model,
    params_of,
    purchase_posterior,
    why_not_identified,
)
from analysis.models.futures import Terms, passes_for, simulate_futures
from analysis.models.patterns import Patterns, patterns_of
from analysis.models.results import BackTest, ForecastScore, PurchaseFit
from analysis.models.scores import best_decile_hit_rate, paired_lead, rank_correlation, share_covered
from analysis.timeunits import from_days

if TYPE_CHECKING:
    from analysis.config import ModelConfig
    from analysis.data import HoldoutSplit

FREQUENCY_GROUPS = (("0", 0, 0), ("1", 1, 1), ("2", 2, 2), ("3", 3, 3), ("4-6", 4, 6), ("7+", 7, np.inf))
TRACKING_POINTS = 120
PASSES = 1_000


@dataclass(frozen=True)
class _Forecast:
    """A forecast of the holdout: means, log probabilities of what came, where it fell, simulated totals."""

    name: str
    mean: np.ndarray
    log_probability: np.ndarray
    below: np.ndarray
    at: np.ndarray
    totals: np.ndarray

    @property
    def is_baseline(self) -> bool:
        return self.name not in MODELS


def back_test(split: HoldoutSplit, config: ModelConfig) -> BackTest:
    """Forecast the holdout with all purchase models and the naive baselines, and compare.

    Parameters
    ----------
    split
        Calibration and holdout; the baselines learn their constants from ``split.earlier``.
    config
        Time unit, level and seed.

    Raises
    ------
    NotIdentified
        Where the calibration data do not identify BG/NBD.
    """
    patterns = patterns_of(split.calibration, config.time_unit)
    fits, not_identified = _fits(patterns, config)
    forecasts = [_model_forecast(fit, patterns, split, config) for fit in fits]
    past, future = History.of(split.earlier), History.of(split)
    for baseline in BASELINES:
        learned = learned_forecast(baseline, past, split.earlier.holdout_orders, future)
        forecasts.append(_baseline_forecast(baseline.name, learned, split.holdout_orders, config.seed))
    ranked = sorted(forecasts, key=lambda each: -each.log_probability.mean())
    lead = _lead_of_primary(ranked, config.credible_level)
    return BackTest(
        holdout_weeks=round(split.holdout_days / 7),
        calibration_end=split.calibration_end.isoformat(),
        customers=len(split.holdout_orders),
        new_customers=split.new_customers,
        new_customer_orders=split.new_customer_orders,
        scores=tuple(_score(each, split.holdout_orders, config) for each in ranked),
        winner=ranked[0].name,
        best_baseline=next(each.name for each in ranked if each.is_baseline),
        lead=lead,
        verdict=_verdict(lead),
        calibration_by_group=_by_group(split, ranked),
        tracking=_tracking(split, fits, config),
        not_identified=not_identified,
        parameters={fit.model: dict(fit.parameters) for fit in fits},
    )


def _fits(patterns: Patterns, config: ModelConfig) -> tuple[list[PurchaseFit], Mapping[str, str]]:
    fits, not_identified = [], {}
    for model in MODELS.values():
        try:
            fits.append(fit_purchase_model(model, patterns, config.time_unit))
        except NotIdentified as error:
            if model is PRIMARY:
                raise
            not_identified[model.name] = why_not_identified(error)
    return fits, not_identified


def _model_forecast(fit: PurchaseFit, patterns: Patterns, split: HoldoutSplit, config: ModelConfig) -> _Forecast:
    model, params = MODELS[fit.model], params_of(fit)
    horizon = float(from_days(split.holdout_days, config.time_unit))
    mean = model.expected_purchases(params, horizon, *patterns.history)[patterns.index]
    history = tuple(part[patterns.index] for part in patterns.history)
    draws = purchase_posterior(fit, patterns, config.seed).draws[: passes_for(patterns.customers, most=PASSES)]
    below, at, totals = np.zeros(patterns.customers), np.zeros(patterns.customers), np.zeros(len(draws))
    terms = Terms(horizon, 0.0, 0.0, 0.0)
    for chunk in simulate_futures(model, draws, history, terms, None, config.seed):
        came = split.holdout_orders[chunk.rows]
        below[chunk.rows], at[chunk.rows] = (chunk.orders < came).mean(axis=0), (chunk.orders == came).mean(axis=0)
        totals += chunk.orders.sum(axis=1)
    probability = model.pmf(params, horizon, *history, split.holdout_orders)
    return _Forecast(model.name, mean, np.log(np.maximum(probability, 1e-300)), below, at, totals)


def _baseline_forecast(name: str, learned: CountForecast, actual: np.ndarray, seed: int) -> _Forecast:
    below = learned.cumulative(actual - 1)
    totals = learned.draw(np.random.default_rng(seed), passes_for(actual.size, most=PASSES))
    at = learned.cumulative(actual) - below
    return _Forecast(name, learned.mean, learned.log_probability(actual), below, at, totals)


def _score(forecast: _Forecast, actual: np.ndarray, config: ModelConfig) -> ForecastScore:
    level = config.credible_level
    lower, upper = np.quantile(forecast.totals, [(1 - level) / 2, (1 + level) / 2]).tolist()
    predicted, error = float(forecast.mean.sum()), forecast.mean - actual
    return ForecastScore(
        name=forecast.name,
        is_baseline=forecast.is_baseline,
        total_actual=int(actual.sum()),
        total_predicted=predicted,
        total_interval=Interval(predicted, lower, upper, level),
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt(np.mean(error**2))),
        log_score=float(forecast.log_probability.mean()),
        rank_correlation=rank_correlation(forecast.mean, actual),
        best_decile_hit_rate=best_decile_hit_rate(forecast.mean, actual),
        interval_coverage=share_covered(forecast.below, forecast.at, level, np.random.default_rng(config.seed)),
    )


def _lead_of_primary(ranked: list[_Forecast], level: float) -> Interval:
    primary = next(each for each in ranked if each.name == PRIMARY.name)
    baseline = next(each for each in ranked if each.is_baseline)
    return paired_lead(primary.log_probability, baseline.log_probability, level)


def _verdict(lead: Interval) -> str:
    if lead.lower > 0:
        return "model"
    return "baseline" if lead.upper < 0 else "undecided"


def _by_group(split: HoldoutSplit, forecasts: list[_Forecast]) -> pd.DataFrame:
    frequency = split.calibration.table["frequency"].to_numpy()
    rows = []
    for label, low, high in FREQUENCY_GROUPS:
        inside = (frequency >= low) & (frequency <= high)
        if inside.any():
            actual = split.holdout_orders[inside]
            error = actual.std(ddof=1) / np.sqrt(actual.size) if actual.size > 1 else np.nan
            means = {each.name: each.mean[inside].mean() for each in forecasts}
            rows.append(
                {
                    "frequency": label,
                    "customers": int(inside.sum()),
                    "actual": actual.mean(),
                    "standard_error": error,
                    **means,
                }
            )
    return pd.DataFrame(rows)


def _tracking(split: HoldoutSplit, fits: list[PurchaseFit], config: ModelConfig) -> pd.DataFrame:
    whole = split.cumulative
    step = max(1, len(whole) // TRACKING_POINTS)
    shown = whole.iloc[::-1].iloc[::step].iloc[::-1]
    dates = pd.to_datetime(shown["date"]).to_numpy("datetime64[D]")
    births, born = np.unique(
        pd.to_datetime(split.calibration.table["first_order"]).to_numpy("datetime64[D]"), return_counts=True
    )
    ages = np.maximum((dates[:, None] - births[None, :]).astype(float), 0.0)
    tracking = pd.DataFrame({"date": shown["date"].to_numpy(), "actual": shown["repeat_orders"].to_numpy()})
    distinct, place = np.unique(from_days(ages, config.time_unit), return_inverse=True)
    for fit in fits:
        expected = np.array([_expected_of_new(fit, age) for age in distinct])
        tracking[fit.model] = expected[place].reshape(ages.shape) @ born
    return tracking


def _expected_of_new(fit: PurchaseFit, age: float) -> float:
    return float(np.squeeze(MODELS[fit.model].expected_purchases(params_of(fit), age, 0, 0.0, 0.0)))
