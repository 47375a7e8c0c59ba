"""The back test: calibrate on the past, forecast a holdout, compare models with naive baselines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.errors import NotIdentified, Unavailable
from analysis.interval import Interval
from analysis.models.baselines import BASELINES, CountForecast, History, learned_forecast
from analysis.models.fits import AUTO, LEVEL, PurchaseFit, PurchaseFits, fit_all
from analysis.models.futures import passes_for, simulate_futures
from analysis.models.patterns import Patterns, patterns_of
from analysis.models.registry import MODELS
from analysis.models.scores import best_decile_hit_rate, distance_from_middle, paired_lead, rank_correlation
from analysis.models.season import fit_in_season
from analysis.models.views import expected_cumulative, thinned
from analysis.plotting import Plots
from analysis.tables import table_html
from analysis.time import TimeUnit, duration, time_unit

if TYPE_CHECKING:
    from analysis.data import HoldoutSplit, Orders

FREQUENCY_GROUPS = (("0", 0, 0), ("1", 1, 1), ("2", 2, 2), ("3", 3, 3), ("4-6", 4, 6), ("7+", 7, np.inf))
PATH_PASSES = 250
PASSES = 1_000


@dataclass(frozen=True)
class Forecast:
    """How well one model or baseline forecast the holdout, without a level.

    Attributes
    ----------
    name
        A model's name, or ``same rate``, ``hiatus``, ``average``.
    total
        Expected repeat orders in the holdout, of the calibration customers.
    mae, rmse
        Mean absolute and root mean squared error per customer [orders].
    log_score
        Mean log probability given to what each customer did; higher is better.
    rank_correlation
        Spearman's correlation of forecast and actual orders.
    best_decile_hit_rate
        Share of the customers who ordered most that the forecast also puts into its best tenth.
    totals
        Simulated totals, shape (passes,).
    distance
        How far each customer's orders lie from the middle of the forecast, see ``distance_from_middle``, shape (n,).
    """

    name: str
    total: float
    mae: float
    rmse: float
    log_score: float
    rank_correlation: float
    best_decile_hit_rate: float
    totals: np.ndarray
    distance: np.ndarray

    @property
    def is_baseline(self) -> bool:
        return self.name not in MODELS


@dataclass(frozen=True)
class BackTest:
    """The back test: calibrate, forecast the holdout, compare.

    Attributes
    ----------
    holdout_days
        Length of the holdout.
    calibration_end
        Last day of the calibration.
    customers
        Customers born in the calibration, on whom everything is compared.
    new_customers, new_customer_orders
        Customers born in the holdout and their orders; nobody forecast them.
    actual
        Repeat orders in the holdout, of the calibration customers.
    fits
        The models on the calibration, and why some are not identified by it.
    forecasts
        One a model and baseline, best log score first.
    lead_mean, lead_error
        Mean log score of the primary model, on which the values rest, less that of the best baseline; and its
        standard error over customers.
    calibration_by_group
        Columns frequency (group label), customers, actual and its standard_error [orders per customer], and one
        column of mean forecasts for each model and baseline.
    tracking
        Columns date, actual, and one a purchase model: cumulative repeat orders of the calibration customers.
    cumulative, cumulative_totals
        date, actual and estimate of the primary model at each quarter of the holdout, counted from its start; and its
        simulated totals, shape (quarters, futures).
    level
        Level of the intervals in ``scores``, ``path`` and ``lead``; see ``at``.
    """

    holdout_days: int
    calibration_end: dt.date
    customers: int
    new_customers: int
    new_customer_orders: int
    actual: int
    fits: PurchaseFits
    forecasts: tuple[Forecast, ...]
    lead_mean: float
    lead_error: float
    calibration_by_group: pd.DataFrame
    tracking: pd.DataFrame
    cumulative: pd.DataFrame
    cumulative_totals: np.ndarray
    level: float = LEVEL

    plot = Plots(
        path="analysis.models.plots:plot_path",
        tracking="analysis.models.plots:plot_tracking",
        scores="analysis.models.plots:plot_scores",
        calibration="analysis.models.plots:plot_calibration",
    )

    @property
    def primary(self) -> str:
        """Name of the model on which values rest."""
        return self.fits.primary.model

    def at(self, level: float) -> BackTest:
        """The same back test with intervals at another level; nothing is computed again."""
        return replace(self, level=level)

    @property
    def scores(self) -> pd.DataFrame:
        """One row a model and baseline by name, best log score first.

        Columns is_baseline; actual, the orders that came; estimate, lower, upper and level of the forecast total with
        its predictive interval; mae, rmse, log_score, rank_correlation, best_decile_hit_rate (see ``Forecast``); and
        interval_coverage, the share of customers inside their predictive interval (randomised, so that the level is
        attainable).
        """
        return pd.DataFrame([self._row(each) for each in self.forecasts]).set_index("name")

    def _row(self, forecast: Forecast) -> dict:
        lower, upper = np.quantile(forecast.totals, [(1 - self.level) / 2, (1 + self.level) / 2]).tolist()
        return {
            "name": forecast.name,
            "is_baseline": forecast.is_baseline,
            "actual": self.actual,
            "estimate": forecast.total,
            "lower": lower,
            "upper": upper,
            "level": self.level,
            "mae": forecast.mae,
            "rmse": forecast.rmse,
            "log_score": forecast.log_score,
            "rank_correlation": forecast.rank_correlation,
            "best_decile_hit_rate": forecast.best_decile_hit_rate,
            "interval_coverage": float(np.mean(forecast.distance <= self.level / 2)),
        }

    @property
    def path(self) -> pd.DataFrame:
        """Repeat orders since the holdout began, as they came and as the primary model forecast them.

        Columns date, actual, estimate, lower, upper (predictive) and level, at each quarter of the holdout.
        """
        ends = np.quantile(self.cumulative_totals, [(1 - self.level) / 2, (1 + self.level) / 2], axis=1)
        return self.cumulative.assign(lower=ends[0], upper=ends[1], level=self.level)

    def score(self, name: str) -> pd.Series:
        """The row of a model or baseline in ``scores``."""
        return self.scores.loc[name]

    @property
    def winner(self) -> str:
        """Name with the best mean log score."""
        return self.forecasts[0].name

    @property
    def best_baseline(self) -> str:
        """Name of the baseline with the best mean log score."""
        return next(each.name for each in self.forecasts if each.is_baseline)

    @property
    def lead(self) -> Interval:
        """Mean log score of the primary model less that of the best baseline, with a paired normal interval."""
        reach = float(norm.ppf((1 + self.level) / 2)) * self.lead_error
        return Interval(self.lead_mean, self.lead_mean - reach, self.lead_mean + reach, self.level)

    @property
    def miss(self) -> float:
        """log(actual / forecast) of the primary model's total over its own standard deviation; as of a ``Window``."""
        own = next(each for each in self.forecasts if each.name == self.primary)
        return float(np.log((self.actual + 1) / (own.total + 1)) / np.log(own.totals + 1).std())

    @property
    def miss_probability(self) -> float:
        """Probability of a miss of that size or more, either way, where the primary model holds."""
        return float(2 * norm.sf(abs(self.miss)))

    @property
    def verdict(self) -> str:
        """``model``: the primary one beats every baseline; ``baseline``: one beats it, do not use it; ``undecided``."""
        if self.lead.lower > 0:
            return "model"
        return "baseline" if self.lead.upper < 0 else "undecided"

    def _repr_html_(self) -> str:
        return table_html(self.scores)


def backtest(
    orders: Orders,
    holdout,
    *,
    unit: str = "week",
    primary: str = AUTO,
    seasonal: bool = False,
    level: float = LEVEL,
    seed: int = 1,
) -> BackTest:
    """Fit all purchase models without the last orders, forecast these, and compare with naive baselines.

    Parameters
    ----------
    orders
        ``Orders``, such as ``read_orders`` gives.
    holdout
        Length of what is held out, with its unit: ``"26W"``.
    unit
        Time unit of the models' parameters.
    primary
        The model on which values rest, and whose lead over the best baseline is judged.
    seasonal
        Whether the models are fitted in the operational time of the season, where two years before show one.
    level
        Level of the intervals.
    seed
        The same seed gives the same simulated totals.

    Raises
    ------
    Unavailable
        Where too little is left to learn from, or that identifies no model.
    """
    from analysis.data import holdout_split

    split = holdout_split(orders, round(duration(holdout) / 7))
    settings = {"time_unit": time_unit(unit), "seed": seed, "primary": primary, "seasonal": seasonal}
    return forecast_holdout(split, **settings).at(level)


def forecast_holdout(
    split: HoldoutSplit, *, time_unit: TimeUnit, seed: int, primary: str = AUTO, seasonal: bool = False
) -> BackTest:
    """Forecast the holdout with all purchase models and the naive baselines, and score what came.

    Parameters
    ----------
    split
        Calibration and holdout; the baselines learn their constants from ``split.earlier``.
    time_unit, seed, primary
        Of the models, as in ``fit_all``; another model is the primary one where the calibration data do not identify
        this one.
    seasonal
        As in ``backtest``.

    Raises
    ------
    Unavailable
        Where the calibration data identify no model.
    """
    actual = split.holdout_orders
    try:
        fits = fit_all(split.calibration, time_unit=time_unit, seed=seed)
    except NotIdentified as error:
        raise Unavailable(
            "What comes before the last {weeks:weeks} of the data is too little to fit a model to. A shorter test "
            "period leaves more.",
            code="backtest.reason.not_identified",
            weeks=split.holdout_days / 7,
        ) from error
    if seasonal:
        births = split.calibration.table["first_order"]
        fits = fit_in_season(fits, split.calibration, split.daily, births, seed) or fits
    fits = fits.led_by(primary)
    patterns = patterns_of(split.calibration, fits.primary.clock)
    found = [_of_model(fit, patterns, split, seed) for fit in fits]
    cumulative, cumulative_totals = _path(fits.primary, patterns, split, seed)
    past, future = History.of(split.earlier), History.of(split)
    for baseline in BASELINES:
        learned = learned_forecast(baseline, past, split.earlier.holdout_orders, future)
        found.append(_of_baseline(baseline.name, learned, actual, seed))
    ranked = sorted(found, key=lambda each: -each.log_probability.mean())
    own = next(each for each in ranked if each.name == fits.primary.model)
    best_baseline = next(each for each in ranked if each.name not in MODELS)
    lead_mean, lead_error = paired_lead(own.log_probability, best_baseline.log_probability)
    return BackTest(
        holdout_days=split.holdout_days,
        calibration_end=split.calibration_end,
        customers=len(actual),
        new_customers=split.new_customers,
        new_customer_orders=split.new_customer_orders,
        actual=int(actual.sum()),
        fits=fits,
        forecasts=tuple(_scored(each, actual, seed) for each in ranked),
        lead_mean=lead_mean,
        lead_error=lead_error,
        calibration_by_group=_by_group(split, {each.name: each.mean for each in ranked}),
        tracking=_tracking(split, fits),
        cumulative=cumulative,
        cumulative_totals=cumulative_totals,
    )


@dataclass(frozen=True)
class _Probabilities:
    """A forecast of the holdout: means, log probabilities of what came, where it fell, simulated totals."""

    name: str
    mean: np.ndarray
    log_probability: np.ndarray
    below: np.ndarray
    at: np.ndarray
    totals: np.ndarray


def _of_model(fit: PurchaseFit, patterns: Patterns, split: HoldoutSplit, seed: int) -> _Probabilities:
    model, params = MODELS[fit.model], fit.params
    horizon = float(fit.clock.ahead(split.holdout_days, split.calibration_end))
    mean = model.expected_purchases(params, horizon, *patterns.history)[patterns.index]
    history = tuple(part[patterns.index] for part in patterns.history)
    draws = fit.posterior.draws[: passes_for(patterns.customers, most=PASSES)]
    below, at, totals = np.zeros(patterns.customers), np.zeros(patterns.customers), np.zeros(len(draws))
    for chunk in simulate_futures(model, draws, history, horizon, seed=seed):
        came = split.holdout_orders[chunk.rows]
        below[chunk.rows], at[chunk.rows] = (chunk.orders < came).mean(axis=0), (chunk.orders == came).mean(axis=0)
        totals += chunk.orders.sum(axis=1)
    probability = model.pmf(params, horizon, *history, split.holdout_orders)
    return _Probabilities(model.name, mean, np.log(np.maximum(probability, 1e-300)), below, at, totals)


def _path(fit: PurchaseFit, patterns: Patterns, split: HoldoutSplit, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Cumulative orders at each quarter of the holdout: what came, what was expected, and simulated totals."""
    model, came = MODELS[fit.model], split.cumulative.set_index("day")
    history, start = tuple(part[patterns.index] for part in patterns.history), came.index[-1] - split.holdout_days
    draws = fit.posterior.draws[: passes_for(patterns.customers, most=PATH_PASSES)]
    rows, totals = [], []
    for quarter in range(1, 5):
        days = round(split.holdout_days * quarter / 4)
        horizon = float(fit.clock.ahead(days, split.calibration_end))
        chunks = simulate_futures(model, draws, history, horizon, seed=seed)
        totals.append(sum(chunk.orders.sum(axis=1) for chunk in chunks))
        at = came.loc[start + days]
        expected = patterns.total(model.expected_purchases(fit.params, horizon, *patterns.history))
        rows.append((at["date"], int(at["repeat_orders"] - came.loc[start, "repeat_orders"]), expected))
    return pd.DataFrame(rows, columns=["date", "actual", "estimate"]), np.array(totals)


def _of_baseline(name: str, learned: CountForecast, actual: np.ndarray, seed: int) -> _Probabilities:
    below = learned.cumulative(actual - 1)
    totals = learned.draw(np.random.default_rng(seed), passes_for(actual.size, most=PASSES))
    at = learned.cumulative(actual) - below
    return _Probabilities(name, learned.mean, learned.log_probability(actual), below, at, totals)


def _scored(forecast: _Probabilities, actual: np.ndarray, seed: int) -> Forecast:
    error = forecast.mean - actual
    return Forecast(
        name=forecast.name,
        total=float(forecast.mean.sum()),
        mae=float(np.abs(error).mean()),
        rmse=float(np.sqrt(np.mean(error**2))),
        log_score=float(forecast.log_probability.mean()),
        rank_correlation=rank_correlation(forecast.mean, actual),
        best_decile_hit_rate=best_decile_hit_rate(forecast.mean, actual),
        totals=forecast.totals,
        distance=distance_from_middle(forecast.below, forecast.at, np.random.default_rng(seed)),
    )


def _by_group(split: HoldoutSplit, means: Mapping[str, np.ndarray]) -> pd.DataFrame:
    frequency = split.calibration.table["frequency"].to_numpy()
    rows = []
    for label, low, high in FREQUENCY_GROUPS:
        inside = (frequency >= low) & (frequency <= high)
        if inside.any():
            actual = split.holdout_orders[inside]
            error = actual.std(ddof=1) / np.sqrt(actual.size) if actual.size > 1 else np.nan
            rows.append(
                {
                    "frequency": label,
                    "customers": int(inside.sum()),
                    "actual": actual.mean(),
                    "standard_error": error,
                    **{name: mean[inside].mean() for name, mean in means.items()},
                }
            )
    return pd.DataFrame(rows)


def _tracking(split: HoldoutSplit, fits: PurchaseFits) -> pd.DataFrame:
    shown, births = thinned(split.cumulative), split.calibration.table["first_order"]
    expected = {fit.model: expected_cumulative(fit, births, shown["date"]) for fit in fits}
    return pd.DataFrame({"date": shown["date"], "actual": shown["repeat_orders"], **expected})
