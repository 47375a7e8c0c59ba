"""The back test: calibrate on the past, forecast a holdout, compare models with naive baselines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm, sem

from analysis.arguments import checked
from analysis.errors import NotIdentified, Unavailable
from analysis.interval import Interval
from analysis.models.baselines import BASELINES, CountForecast, history_of, learned_forecast
from analysis.models.fits import AUTO, LEVEL, PurchaseFit, PurchaseFits, refuse_unknown_model
from analysis.models.futures import Forecast, forecast, passes_for
from analysis.models.origins import fit_candidates
from analysis.models.patterns import Patterns, patterns_of
from analysis.models.registry import FALLBACK, MODELS
from analysis.models.scores import best_decile_hit_rate, distance_from_middle, log_miss, rank_correlation
from analysis.plotting import Plots
from analysis.tables import Result
from analysis.time import TimeUnit, duration, promotion_edges, time_unit

if TYPE_CHECKING:
    from analysis.data import HoldoutSplit, Orders

FREQUENCY_GROUPS = {"0": 0, "1": 1, "2": 2, "3": 3, "4-6": 6, "7+": np.inf}
"""Repeat orders up to which a customer is in a group."""
PATH_PASSES = 250
PASSES = 1_000
SCORES = (
    "is_baseline", "actual", "estimate", "lower", "upper", "level", "mae", "rmse", "log_score", "rank_correlation",
    "best_decile_hit_rate", "interval_coverage",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class BackTest(Result):
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
    accuracy
        The columns of ``scores`` that need no level.
    totals, distance
        Simulated totals, shape (forecasts, passes), and how far each customer's orders lie from the middle of the
        forecast, see ``distance_from_middle``, shape (forecasts, customers); in the order of ``accuracy``.
    lead_mean, lead_error
        Mean log score of the primary model, on which the values rest, less that of the best baseline; and its
        standard error over customers.
    calibration_by_group
        Columns frequency (group label), customers, actual and its standard_error [orders per customer], and one
        column of mean forecasts for each model and baseline.
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
    accuracy: pd.DataFrame
    totals: np.ndarray
    distance: np.ndarray
    lead_mean: float
    lead_error: float
    calibration_by_group: pd.DataFrame
    cumulative: pd.DataFrame
    cumulative_totals: np.ndarray
    level: float = LEVEL

    main = "scores"
    plot = Plots("analysis.models.plots", "path", "calibration")

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
        its predictive interval; mae and rmse, the mean absolute and root mean squared error per customer [orders];
        log_score, the mean log probability given to what each customer did (higher is better); rank_correlation,
        Spearman's of forecast and actual orders; best_decile_hit_rate, the share of the customers who ordered most
        that the forecast also puts into its best tenth; and interval_coverage, the share of customers inside their
        predictive interval (randomised, so that the level is attainable).
        """
        lower, upper = np.quantile(self.totals, [(1 - self.level) / 2, (1 + self.level) / 2], axis=1)
        inside = (self.distance <= self.level / 2).mean(axis=1)
        columns = {"actual": self.actual, "lower": lower, "upper": upper, "level": self.level}
        return self.accuracy.assign(**columns, interval_coverage=inside)[list(SCORES)]

    @property
    def path(self) -> pd.DataFrame:
        """Repeat orders since the holdout began, as they came and as the primary model forecast them.

        Columns date, actual, estimate, lower, upper (predictive) and level, at each quarter of the holdout.
        """
        ends = np.quantile(self.cumulative_totals, [(1 - self.level) / 2, (1 + self.level) / 2], axis=1)
        return self.cumulative.assign(lower=ends[0], upper=ends[1], level=self.level)

    @property
    def winner(self) -> str:
        """Name with the best mean log score."""
        return str(self.accuracy.index[0])

    @property
    def best_baseline(self) -> str:
        """Name of the baseline with the best mean log score."""
        return str(self.accuracy.index[self.accuracy["is_baseline"]][0])

    @property
    def lead(self) -> Interval:
        """Mean log score of the primary model less that of the best baseline, with a paired normal interval."""
        return Interval.normal(self.lead_mean, self.lead_error, self.level)

    @property
    def miss(self) -> float:
        """log(actual / forecast) of the primary model's total over its own standard deviation; as of a ``Window``."""
        totals = self.totals[self.accuracy.index == self.primary]
        error, sd = log_miss(self.actual, self.accuracy.loc[self.primary, "estimate"], totals)
        return error / sd

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


@checked
def backtest(
    orders: Orders,
    holdout,
    *,
    unit: str = "week",
    primary: str = AUTO,
    seasonal: bool = False,
    promotions: pd.DataFrame | None = None,
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
    promotions
        start and end of promotions, past and planned, that the operational time is to follow too, one row each.
    level
        Level of the intervals.
    seed
        The same seed gives the same simulated totals.

    Raises
    ------
    Unavailable
        Where too little is left to learn from, or that identifies no model.

    Examples
    --------
    >>> import analysis as rl
    >>> from analysis.data import simulate_transactions
    >>> orders = rl.read_orders(simulate_transactions(300, seed=1), customer="customer", date="date")
    >>> found = rl.backtest(orders, holdout="26W")
    >>> found.primary, found.verdict, found.actual
    ('BG/NBD', 'undecided', 130)
    """
    from analysis.data.holdout import holdout_split

    refuse_unknown_model(primary)
    split = holdout_split(orders, round(duration(holdout) / 7))
    wanted = {"season": seasonal, "promotions": promotions is not None}
    follows = " and ".join(name for name, is_wanted in wanted.items() if is_wanted)
    edges = None if promotions is None else promotion_edges(promotions)
    settings = {"time_unit": time_unit(unit), "seed": seed, "primary": primary}
    return forecast_holdout(split, **settings, follows=follows, edges=edges).at(level)


def forecast_holdout(
    split: HoldoutSplit,
    *,
    time_unit: TimeUnit,
    seed: int,
    primary: str = AUTO,
    follows: str = "",
    edges: np.ndarray | None = None,
) -> BackTest:
    """Forecast the holdout with all purchase models and the naive baselines, and score what came.

    Parameters
    ----------
    split
        Calibration and holdout; the baselines learn their constants from ``split.earlier``.
    time_unit, seed, primary
        Of the models, as in ``fit_all``; another model is the primary one where the calibration data do not identify
        this one.
    follows, edges
        What the models' time follows, where what comes before the holdout shows it, and the edges of promotions; as in
        ``fit_in_time``.

    Raises
    ------
    Unavailable
        Where the calibration data identify no model.
    """
    actual = split.holdout_orders
    try:
        named = primary if primary == FALLBACK else AUTO  # any other is fitted in any case, or not identified
        settings = {"time_unit": time_unit, "seed": seed, "follows": follows, "edges": edges, "primary": named}
        fits = fit_candidates(split.calibration, split.daily, **settings).led_by(primary)
    except NotIdentified as error:
        raise Unavailable(
            "What comes before the last {weeks:weeks} of the data is too little to fit a model to. A shorter test "
            "period leaves more.",
            code="backtest.reason.not_identified",
            weeks=split.holdout_days / 7,
        ) from error
    patterns = patterns_of(split.calibration, fits.primary.clock)
    window = {"after": split.calibration_end, "seed": seed}
    found = [forecast(fit, patterns, actual, days=split.holdout_days, most=PASSES, **window) for fit in fits]
    cumulative, cumulative_totals = _path(fits.primary, patterns, split, found[0], seed)
    past, future = history_of(split.earlier), history_of(split)
    for name in BASELINES:
        learned = learned_forecast(name, past, split.earlier.holdout_orders, future)
        found.append(_of_baseline(name, learned, actual, seed))
    ranked = sorted(found, key=lambda each: -each.log_probability.mean())
    own = next(each for each in ranked if each.name == fits.primary.model)
    best_baseline = next(each for each in ranked if each.name not in MODELS)
    lead = own.log_probability - best_baseline.log_probability
    return BackTest(
        holdout_days=split.holdout_days,
        calibration_end=split.calibration_end,
        customers=len(actual),
        new_customers=split.new_customers,
        new_customer_orders=split.new_customer_orders,
        actual=int(actual.sum()),
        fits=fits,
        accuracy=pd.DataFrame([_accuracy(each, actual) for each in ranked]).set_index("name"),
        totals=np.array([each.totals for each in ranked]),
        distance=np.array([distance_from_middle(each.below, each.at, np.random.default_rng(seed)) for each in ranked]),
        lead_mean=float(lead.mean()),
        lead_error=float(sem(lead)),
        calibration_by_group=_by_group(split, {each.name: each.mean for each in ranked}),
        cumulative=cumulative,
        cumulative_totals=cumulative_totals,
    )


def _path(
    fit: PurchaseFit, patterns: Patterns, split: HoldoutSplit, whole: Forecast, seed: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """Cumulative orders at each quarter of the holdout: what came, what was expected, and simulated totals."""
    came, nothing = split.cumulative.set_index("day"), np.zeros(patterns.customers, dtype=np.int64)
    start, rows, totals = came.index[-1] - split.holdout_days, [], []
    for quarter in range(1, 5):
        days = round(split.holdout_days * quarter / 4)
        found = whole
        if quarter < 4:
            found = forecast(fit, patterns, nothing, split.calibration_end, days, seed=seed, most=PATH_PASSES)
        at = came.loc[start + days]
        rows.append((at["date"], int(at["repeat_orders"] - came.loc[start, "repeat_orders"]), found.mean.sum()))
        totals.append(found.totals[:PATH_PASSES])
    return pd.DataFrame(rows, columns=["date", "actual", "estimate"]), np.array(totals)


def _of_baseline(name: str, learned: CountForecast, actual: np.ndarray, seed: int) -> Forecast:
    below = learned.cumulative(actual - 1)
    totals = learned.draw(np.random.default_rng(seed), passes_for(actual.size, most=PASSES))
    return Forecast(
        name, learned.mean, learned.log_probability(actual), below, learned.cumulative(actual) - below, totals
    )


def _accuracy(forecast: Forecast, actual: np.ndarray) -> dict:
    error = forecast.mean - actual
    return {
        "name": forecast.name,
        "is_baseline": forecast.name not in MODELS,
        "estimate": forecast.mean.sum(),
        "mae": np.abs(error).mean(),
        "rmse": np.sqrt(np.mean(error**2)),
        "log_score": forecast.log_probability.mean(),
        "rank_correlation": rank_correlation(forecast.mean, actual),
        "best_decile_hit_rate": best_decile_hit_rate(forecast.mean, actual),
    }


def _by_group(split: HoldoutSplit, means: Mapping[str, np.ndarray]) -> pd.DataFrame:
    frequency, ends = split.calibration.table["frequency"].to_numpy(), [-1, *FREQUENCY_GROUPS.values()]
    group = np.array(list(FREQUENCY_GROUPS))[np.searchsorted(ends, frequency, side="left") - 1]
    by = pd.DataFrame({"actual": split.holdout_orders, **means}).groupby(group)
    found = by.mean()
    found.insert(0, "customers", by.size())
    found.insert(2, "standard_error", by["actual"].sem())
    return found.rename_axis("frequency").reset_index()
