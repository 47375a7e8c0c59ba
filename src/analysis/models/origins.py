"""Rolling origins: the models forecast every past window from what came before it; what that says of the next one.

Each window is forecast as a report at its origin would have done it: with the model that the windows closed by then
support, and with an interval that only these have widened. The record of this procedure widens the interval of today.

References
----------
.. [1] Tashman (2000), Out-of-sample tests of forecasting accuracy: an analysis and review, International Journal of
       Forecasting 16(4):437-450.
.. [2] Gneiting, Raftery (2007), Strictly proper scoring rules, prediction, and estimation, JASA 102(477):359-378.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.errors import NotIdentified, Unavailable
from analysis.interval import Interval
from analysis.models.fits import AUTO, LEVEL, PREFERRED, PurchaseFits, fit_all, fit_patterns, refuse_unknown_model
from analysis.models.futures import passes_for, simulate_futures
from analysis.models.patterns import Patterns, patterns_of
from analysis.models.registry import MODELS
from analysis.models.season import fit_in_season
from analysis.tables import table_html
from analysis.time import Clock, TimeUnit, duration, time_unit, to_days

if TYPE_CHECKING:
    from analysis.data import CustomerSummary, HoldoutSplit, Orders

MOST_WINDOWS = 8
MOST_CUSTOMERS = 20_000
"""Customers that a past window is judged by, evenly chosen; more would only take longer."""
PASSES = 200
"""Simulated futures of a past window: enough for the variance of a total."""
REJECTED_AT = float(norm.ppf(0.975))
"""Standard errors by which another model must score better than that of the run before, or BG/NBD: a test at 5%."""
ENOUGH_WINDOWS = 3
FEWEST_SEASONAL = 2
"""Past windows with a known season, from which operational time may be used."""

SPREADS = np.array([0.0, 0.05, 0.08, 0.13, 0.2, 0.3, 0.5])
PRIOR = np.array([0.5, 0.05, 0.1, 0.15, 0.1, 0.06, 0.04])
"""Standard deviation of the log error of a total beyond what the model says, and how likely each is beforehand.

Half for a model that is right; the rest around the .10 to .17 per half year that were measured on three shops.
"""
DRAWS = 20_000
"""Draws that a calibrated interval is made from."""


@dataclass(frozen=True)
class Calibration:
    """How much further than a model says totals fall from their forecast, as the windows so far show.

    The log error of a total has, beside the model's own variance, that of an unknown spread; the windows weigh
    ``SPREADS`` against each other by the normal likelihood of their log errors. Nothing is moved, only widened.

    Attributes
    ----------
    weights
        Posterior probability of each of ``SPREADS``.
    windows
        Separate windows that it rests on.
    window_days
        Their length; over other horizons the spread follows a rule, see ``widened``.
    """

    weights: np.ndarray
    windows: int
    window_days: int

    @classmethod
    def of(cls, log_errors: Sequence[float], log_sds: Sequence[float], window_days: int) -> Calibration:
        """From log(actual / forecast) of past windows and the model's own standard deviations of these.

        Examples
        --------
        >>> before, wrong = Calibration.of([], [], 182), Calibration.of([0.2, -0.25, 0.3], [0.03] * 3, 182)
        >>> round(before.spread, 3), round(wrong.spread, 3)
        (0.151, 0.268)
        """
        error, sd = np.asarray(log_errors, dtype=float)[:, None], np.asarray(log_sds, dtype=float)[:, None]
        fit = np.log(PRIOR) + norm.logpdf(error, 0, np.hypot(sd, SPREADS)).sum(axis=0)
        weights = np.exp(fit - fit.max())
        return cls(weights / weights.sum(), len(error), window_days)

    @property
    def spread(self) -> float:
        """Root mean square of the log error beyond the model's own."""
        return float(np.sqrt(self.weights @ SPREADS**2))

    def widened(self, own: Interval, horizon_days: float) -> Interval:
        """The calibrated interval of a total above 0, from the model's own predictive one.

        Over the length of a window the spread is that of the windows. Over a shorter time it is larger, by the square
        root of how many times shorter. Over a longer one it is carried on unchanged, which is assumed and not
        calibrated: on the shops of ``benchmarks.origins`` log errors fell from 13 to 26 and 52 weeks.
        """
        rng, reach = np.random.default_rng(0), float(norm.ppf((1 + own.level) / 2))
        spread = rng.choice(SPREADS, p=self.weights, size=DRAWS) * max(1.0, self.window_days / horizon_days) ** 0.5
        luck, error = rng.standard_normal((2, DRAWS))
        side = np.where(luck > 0, own.upper - own.estimate, own.estimate - own.lower) / reach
        drawn = (own.estimate + luck * side) * np.exp(spread * error)
        lower, upper = np.quantile(drawn, [(1 - own.level) / 2, (1 + own.level) / 2]).tolist()
        return Interval(own.estimate, min(lower, own.lower), max(upper, own.upper), own.level)

    def is_assumed(self, horizon_days: float) -> bool:
        """Whether a horizon lies beyond the windows."""
        return horizon_days > self.window_days


@dataclass(frozen=True)
class Window:
    """One past window, forecast by every model that its past identifies.

    Attributes
    ----------
    calibration_end, end
        The origin, and the last day of the window.
    actual
        Repeat orders in it, of the customers of before.
    forecasts
        Model name -> simulated totals, shape (passes,).
    estimates
        Model name -> expected total.
    log_scores
        Log probability of what each customer did; one column a model, the index customer ids.
    season
        Operational days of the window over its days, by the season of before; 1 in calendar time.
    seasonal
        The same window, forecast in operational time; None where no season is known.
    """

    calibration_end: dt.date
    end: dt.date
    actual: int
    forecasts: dict[str, np.ndarray]
    estimates: dict[str, float]
    log_scores: pd.DataFrame
    season: float = 1.0
    seasonal: Window | None = None

    def log_error(self, model: str) -> float:
        """log(actual / forecast); one order is added to both so that none is a number too."""
        return float(np.log((self.actual + 1) / (self.estimates[model] + 1)))

    def log_sd(self, model: str) -> float:
        """The model's own standard deviation of that."""
        return float(np.log(self.forecasts[model] + 1).std())


@dataclass(frozen=True)
class Record:
    """What rolling origins say: the model that the data support, how it fared, and how wide intervals must be.

    Attributes
    ----------
    primary
        The model that the values rest on.
    named
        Whether it was named, and not chosen.
    choice
        One row a model: windows, lead (mean log score a customer less that of BG/NBD over the same windows), error (its
        standard error over customers) and log_score.
    windows
        One row a window, the oldest first: origin, end, model (chosen from the windows before it), actual, estimate,
        lower and upper (the model's own predictive interval), calibrated_lower and calibrated_upper (widened by the
        windows before it), season (operational days over days; 1 in calendar time), log_error, log_sd, level.
    calibration
        From all windows.
    seasonal
        Whether the models live in operational time, since past windows were forecast better in it.
    """

    primary: str
    named: bool
    choice: pd.DataFrame
    windows: pd.DataFrame
    calibration: Calibration
    seasonal: bool

    @property
    def made_on_little(self) -> bool:
        """Whether fewer than three windows had closed, so that the choice of the model rests on little."""
        return len(self.windows) < ENOUGH_WINDOWS

    @property
    def lead_decides(self) -> bool:
        """Whether the primary model scores better than BG/NBD by more than luck."""
        row = self.choice.loc[self.primary]
        return bool(row["lead"] > REJECTED_AT * row["error"])

    def _repr_html_(self) -> str:
        return table_html(self.windows.set_index("origin"))


def rolling_origins(
    orders: Orders,
    window,
    *,
    unit: str = "week",
    primary: str = AUTO,
    level: float = LEVEL,
    seed: int = 1,
    most: int = MOST_WINDOWS,
) -> Record:
    """Forecast the last windows of the data one after the other, each from what came before it ([1]_).

    Parameters
    ----------
    orders
        ``Orders``, such as ``read_orders`` gives.
    window
        Length of each window, with its unit: ``"13W"``, whole weeks.
    unit, seed
        Of the models, as in ``backtest``.
    primary
        ``auto``, or the model that is named.
    level
        Level of the intervals.
    most
        Most windows.

    Raises
    ------
    Unavailable
        Where no window fits into the data, or no past identifies a model.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.open_study(sample="cdnow").orders
    >>> rl.rolling_origins(orders, "26W").windows["actual"].tolist()
    [1156]
    """
    refuse_unknown_model(primary)
    return record_of(windows_of(orders, round(duration(window) / 7), time_unit(unit), seed, most), primary, level)


def windows_of(orders: Orders, weeks: int, unit: TimeUnit, seed: int, most: int = MOST_WINDOWS) -> tuple[Window, ...]:
    """The last windows of so many weeks that their past can forecast, the oldest first; Unavailable where none is."""
    from analysis.data.holdout import rolling_splits

    splits = rolling_splits(orders, weeks, most)
    windows = tuple(found for split in splits if (found := window_of(split, unit, seed)))
    if not windows:
        raise Unavailable(
            "No window of {weeks:weeks} can be forecast from what comes before it: it takes at least as long before, "
            "with customers who come back. A shorter test period may do.",
            code="origins.reason.no_window",
            weeks=weeks,
        )
    return windows


@dataclass(frozen=True)
class Outlook:
    """What today's customers are expected to bring, with intervals widened by the record of past forecasts.

    Attributes
    ----------
    orders, money
        Expected orders, and the residual value [currency]; None without money or where nothing is left.
    spread
        Root mean square of the log error beyond the model's own.
    windows
        Past windows that it rests on.
    is_assumed
        Whether the horizon is longer than a window, so that the interval is carried on by assumption.
    """

    orders: Interval
    money: Interval | None
    spread: float
    windows: int
    is_assumed: bool


def outlook(
    orders: Interval,
    money: Interval | None,
    horizon_days: float,
    record: Record | None,
    *,
    window_days: int = 91,
) -> Outlook:
    """Totals over a horizon with calibrated intervals; without a record only with what is assumed beforehand."""
    calibration = Calibration.of([], [], window_days) if record is None else record.calibration
    no_money = money is None or money.estimate <= 0
    return Outlook(
        orders=calibration.widened(orders, horizon_days),
        money=None if no_money else calibration.widened(money, horizon_days),
        spread=calibration.spread,
        windows=calibration.windows,
        is_assumed=calibration.is_assumed(horizon_days),
    )


def window_of(split: HoldoutSplit, unit: TimeUnit, seed: int) -> Window | None:
    """A past window forecast from its past; None where that identifies no model."""
    step = -(-len(split.calibration) // MOST_CUSTOMERS)
    chosen = replace(split.calibration, table=split.calibration.table.iloc[::step])
    clock, came = Clock(unit), split.holdout_orders[::step]
    try:
        fits = fit_patterns(patterns_of(chosen, clock), clock, seed, quick=True)
    except NotIdentified:
        return None
    found = forecast_of(fits, chosen, came, split, seed)
    births = split.calibration.table["first_order"]
    seasonal = fit_in_season(fits, chosen, split.daily, births, seed, quick=True)
    return replace(found, seasonal=seasonal and forecast_of(seasonal, chosen, came, split, seed))


def forecast_of(
    fits: PurchaseFits, histories: CustomerSummary, came: np.ndarray, split: HoldoutSplit, seed: int
) -> Window:
    """The window of a split from fits on its past; ``came`` is what each customer ordered in it, shape (n,)."""
    clock, days = fits.primary.clock, split.holdout_days
    patterns, horizon = patterns_of(histories, clock), float(clock.ahead(days, split.calibration_end))
    outcomes = collapse_outcomes(patterns, came)
    history = tuple(part[patterns.index] for part in patterns.history)
    forecasts, estimates, scores = {}, {}, {}
    for fit in fits:
        model = MODELS[fit.model]
        draws = fit.posterior.draws[: passes_for(patterns.customers, most=PASSES)]
        chunks = simulate_futures(model, draws, history, horizon, seed=seed)
        forecasts[fit.model] = sum(chunk.orders.sum(axis=1) for chunk in chunks).astype(float)
        estimates[fit.model] = patterns.total(model.expected_purchases(fit.params, horizon, *patterns.history))
        rows, counts, of_customer = outcomes
        distinct = tuple(part[rows] for part in patterns.history)
        probability = model.pmf(fit.params, horizon, *distinct, counts)
        scores[fit.model] = np.log(np.maximum(probability, 1e-300))[of_customer]
    actual = int(came.sum())
    frame = pd.DataFrame(scores, index=histories.ids)
    end, season = split.calibration_end + dt.timedelta(days=days), float(to_days(horizon, clock.unit)) / days
    return Window(split.calibration_end, end, actual, forecasts, estimates, frame, season)


def collapse_outcomes(patterns: Patterns, came: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct (history, orders in the window): row of the history, the orders, and each customer's place."""
    most = int(came.max(initial=0)) + 1
    code, of_customer = np.unique(patterns.index * most + came, return_inverse=True)
    return *np.divmod(code, most), of_customer


def record_of(
    windows: Sequence[Window], primary: str = AUTO, level: float = LEVEL, previous: str | None = None
) -> Record:
    """The record of the procedure over past windows, the oldest first; ``previous`` as in ``choice_of``.

    A window that is forecast in operational time is calibrated by those before it that were, too.
    """
    window_days = (windows[0].end - windows[0].calibration_end).days
    turns = {seasonal: _in_turn(_of_time(windows, seasonal=seasonal), primary) for seasonal in (False, True)}
    rows = []
    for number, window in enumerate(windows):
        seasonal = window.seasonal is not None and season_wins(windows[:number], primary)
        past = [turn for turn in turns[seasonal] if turn[0].calibration_end < window.calibration_end]
        now, model = turns[seasonal][len(past)]
        own = Interval.around(now.estimates[model], now.forecasts[model], level)
        calibrated = _calibration(past, window_days).widened(own, window_days)
        rows.append(
            {
                "origin": pd.Timestamp(now.calibration_end),
                "end": pd.Timestamp(now.end),
                "model": model,
                "actual": now.actual,
                "estimate": own.estimate,
                "lower": own.lower,
                "upper": own.upper,
                "calibrated_lower": calibrated.lower,
                "calibrated_upper": calibrated.upper,
                "season": now.season,
                "log_error": now.log_error(model),
                "log_sd": now.log_sd(model),
                "level": level,
            }
        )
    seasonal = season_wins(windows, primary)
    judged = _of_time(windows, seasonal=seasonal)
    chosen = choice_of(judged, list(judged[-1].estimates), previous)
    return Record(
        primary=chosen if primary == AUTO else primary,
        named=primary != AUTO,
        choice=leads(judged),
        windows=pd.DataFrame(rows),
        calibration=_calibration(turns[seasonal], window_days),
        seasonal=seasonal,
    )


def _of_time(windows: Sequence[Window], *, seasonal: bool) -> list[Window]:
    """Past windows forecast in operational time, those that had a season; or all of them in calendar time."""
    return [each.seasonal for each in windows if each.seasonal] if seasonal else list(windows)


def _in_turn(windows: Sequence[Window], primary: str) -> list[tuple[Window, str]]:
    """Each window with the model that is named, or that those before it support."""
    return [
        (each, primary if primary in each.estimates else choice_of(windows[:number], list(each.estimates)))
        for number, each in enumerate(windows)
    ]


def _calibration(turns: Sequence[tuple[Window, str]], window_days: int) -> Calibration:
    errors = [window.log_error(model) for window, model in turns]
    return Calibration.of(errors, [window.log_sd(model) for window, model in turns], window_days)


def season_wins(windows: Sequence[Window], primary: str = AUTO) -> bool:
    """Whether past windows were forecast better in operational time: by log score, at least two that had a season.

    Of the model that is named, or that the same windows support in calendar time.
    """
    known = [each for each in windows if each.seasonal]
    model = choice_of(windows, list(windows[-1].estimates)) if windows and primary == AUTO else primary
    both = [(each.seasonal.log_scores, each.log_scores) for each in known]
    shared = [(with_it, without) for with_it, without in both if model in with_it and model in without]
    gains = [float((with_it[model] - without[model]).sum()) for with_it, without in shared]
    return len(gains) >= FEWEST_SEASONAL and sum(gains) > 0


def fit_candidates(
    orders: Orders, *, seasonal: bool, time_unit: TimeUnit, seed: int, primary: str = AUTO
) -> PurchaseFits:
    """The purchase models on all customers, in operational time where ``seasonal`` asks for it and it is identified."""
    found = fit_all(orders.histories, time_unit=time_unit, seed=seed, primary=primary)
    if seasonal:
        births = orders.histories.table["first_order"]
        found = fit_in_season(found, orders.histories, orders.daily, births, seed) or found
    return found


def led_by_choice(
    found: PurchaseFits, windows: Sequence[Window], primary: str = AUTO, previous: str | None = None
) -> PurchaseFits:
    """The same models, led by the one that past windows support; without windows by that of the run before."""
    if primary != AUTO:
        return found
    judged = _of_time(windows, seasonal=found.primary.season is not None)
    return found.led_by(choice_of(judged, found.names, previous))


def choice_of(windows: Sequence[Window], identified: Sequence[str], previous: str | None = None) -> str:
    """The model with the best log score over windows, among those identified, where its lead is beyond luck.

    Else the model of the run before, ``previous``, or BG/NBD: whichever of them is identified.
    """
    stays = next((each for each in (previous, PREFERRED) if each in identified), identified[0])
    found = leads(windows, stays).reindex(identified).dropna()
    better = found[(found["lead"] > REJECTED_AT * found["error"])]
    return str(better["lead"].idxmax()) if len(better) else stays


def leads(windows: Sequence[Window], reference: str = PREFERRED) -> pd.DataFrame:
    """One row a model: its log score a customer over that of another, in all windows in which both were identified.

    A customer's differences over all windows are summed before the standard error is taken: they are not independent.
    A model that was never identified beside the other has no lead.
    """
    rows = {}
    for model in MODELS:
        known = [each.log_scores for each in windows if model in each.log_scores]
        both = [scores for scores in known if reference in scores]
        if not known:
            continue
        own = pd.concat([scores[model] for scores in both or known])
        lead = error = float("nan")
        if both:
            difference = pd.concat([scores[model] - scores[reference] for scores in both]).groupby(level=0).sum()
            lead = float(difference.sum() / len(own))
            error = float(difference.std(ddof=1) * np.sqrt(len(difference)) / len(own))
        rows[model] = {"windows": len(both or known), "log_score": float(own.mean()), "lead": lead, "error": error}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["windows", "log_score", "lead", "error"])


def interval_score(lower, upper, actual, level: float) -> np.ndarray:
    """Width plus a penalty for what falls outside ([2]_, equation 43); lower is better.

    >>> round(float(interval_score(10, 20, 25, 0.9)), 6)
    110.0
    """
    missed = np.maximum(lower - actual, 0) + np.maximum(actual - upper, 0)
    return (upper - lower) + 2 / (1 - level) * missed
