"""Rolling origins: the models forecast every past window from what came before it; what that says of the next one.

Each window is forecast as a report at its origin would have done it: with the model that the windows closed by then
support, and with an interval that only these have widened. The record of this procedure widens the interval of today.

References
----------
.. [1] Tashman (2000), Out-of-sample tests of forecasting accuracy: an analysis and review, International Journal of
       Forecasting 16(4):437-450.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.arguments import checked
from analysis.config import AUTO, PREFERRED
from analysis.errors import NotIdentified, Unavailable
from analysis.interval import Interval
from analysis.models.fits import LEVEL, PurchaseFit, PurchaseFits, fit_all, refuse_unknown_model
from analysis.models.futures import forecast, spenders_of
from analysis.models.patterns import patterns_of
from analysis.models.registry import FALLBACK, MODELS
from analysis.models.scores import log_miss
from analysis.models.season import fit_in_time
from analysis.tables import Result
from analysis.time import Clock, TimeUnit, duration, promotion_edges, time_unit, to_days

if TYPE_CHECKING:
    from analysis.data import CustomerSummary, HoldoutSplit, Orders
    from analysis.models.spend import SpendFit

MOST_WINDOWS = 8
MOST_CUSTOMERS = 20_000
"""Customers that a past window is judged by, evenly chosen; more would only take longer."""
PASSES = 200
"""Simulated futures of a past window: enough for the variance of a total."""
REJECTED_AT = float(norm.ppf(0.975))
"""Standard errors by which another model must score better than that of the run before, or BG/NBD: a test at 5%."""
ENOUGH_WINDOWS = 3
TIMES = ("season", "promotions", "season and promotions")
"""What operational time may follow, see ``Clock.follows``."""
FEWEST_IN_TIME = 2
"""Past windows with a known season, or known promotions, from which operational time may be used."""

SPREADS = np.array([0.0, 0.05, 0.08, 0.13, 0.2, 0.3, 0.5])
PRIOR = np.array([0.7, 0.03, 0.06, 0.09, 0.06, 0.036, 0.024])
"""Standard deviation of the log error of a total beyond what the model says, and how likely each is beforehand.

Seven tenths for a model that is right, whose intervals eight windows then widen by 10 to 15% on average. The root mean
square is .12, within the .10 to .17 per half year that were measured on three shops (``docs/statistics.md``).
"""
SHARED, ENOUGH_TO_MOVE = 0.5, 4
"""Share of the variance beyond the model's own that all windows have in common, and the windows that can tell it."""
DRAWS = 20_000
"""Draws that a calibrated interval is made from."""


@dataclass(frozen=True)
class Calibration:
    """How much further than a model says totals fall from their forecast, as the windows so far show.

    The log error of a total has, beside the model's own variance, that of an unknown spread; the windows weigh
    ``SPREADS`` against each other by the normal likelihood of their log errors. From four windows on, half of that
    variance is common to all of them: windows that missed to one side move the next interval there, and the forecast
    and the model's own interval stay inside it.

    Attributes
    ----------
    weights
        Posterior probability of each of ``SPREADS``.
    locations, sds
        Mean and standard deviation of the next log error, beyond the model's own, under each of them.
    windows
        Separate windows that it rests on.
    window_days
        Their length; over other horizons the spread follows a rule, see ``widened``.
    """

    weights: np.ndarray
    locations: np.ndarray
    sds: np.ndarray
    windows: int
    window_days: int

    @classmethod
    def of(cls, log_errors: Sequence[float], log_sds: Sequence[float], window_days: int) -> Calibration:
        """From log(actual / forecast) of past windows and the model's own standard deviations of these.

        Examples
        --------
        >>> before, wrong = Calibration.of([], [], 182), Calibration.of([0.2, -0.25, 0.3], [0.03] * 3, 182)
        >>> round(before.spread, 3), round(wrong.spread, 3)
        (0.117, 0.268)
        """
        error, sd = np.asarray(log_errors, dtype=float)[:, None], np.asarray(log_sds, dtype=float)[:, None]
        common = SPREADS**2 * (SHARED if len(error) >= ENOUGH_TO_MOVE else 0)
        apart = sd**2 + SPREADS**2 - common
        known = 1 + common * (1 / apart).sum(axis=0)
        pull = (error / apart).sum(axis=0)
        fit = norm.logpdf(error, 0, np.sqrt(apart)).sum(axis=0) + (common * pull**2 / known - np.log(known)) / 2
        weights = PRIOR * np.exp(fit - fit.max())
        sds = np.sqrt(common / known + SPREADS**2 - common)
        return cls(weights / weights.sum(), common * pull / known, sds, len(error), window_days)

    @property
    def spread(self) -> float:
        """Root mean square of the log error beyond the model's own."""
        return float(np.sqrt(self.weights @ (self.locations**2 + self.sds**2)))

    @property
    def location(self) -> float:
        """Mean of it: below 0 where totals came out lower than they were forecast."""
        return float(self.weights @ self.locations)

    def widened(self, own: Interval, horizon_days: float) -> Interval:
        """The calibrated interval of a total above 0, from the model's own predictive one.

        Over the length of a window the spread is that of the windows. Over a shorter time it is larger, by the square
        root of how many times shorter. Over a longer one it is carried on unchanged, which is assumed and not
        calibrated: on the shops of ``benchmarks.origins`` log errors fell from 13 to 26 and 52 weeks.
        """
        rng, reach = np.random.default_rng(0), float(norm.ppf((1 + own.level) / 2))
        which = rng.choice(len(SPREADS), p=self.weights, size=DRAWS)
        spread = self.sds[which] * max(1.0, self.window_days / horizon_days) ** 0.5
        luck, error = rng.standard_normal((2, DRAWS))
        side = np.where(luck > 0, own.upper - own.estimate, own.estimate - own.lower) / reach
        drawn = np.maximum(own.estimate + luck * side, min(own.lower, 0)) * np.exp(
            self.locations[which] + spread * error
        )
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
    actual, spent
        Repeat orders in it of the customers of before, and their amount [currency]; None without money.
    forecasts, money
        Model name -> simulated totals of orders, and of their amounts, shape (passes,).
    estimates
        Model name -> expected orders.
    log_scores
        Log probability of what each customer did; one column a model, the index customer ids.
    season
        Operational days of the window over its days, by the season and promotions of before; 1 in calendar time.
    in_time
        The same window forecast in each operational time of ``TIMES`` that is known.
    """

    calibration_end: dt.date
    end: dt.date
    actual: int
    forecasts: dict[str, np.ndarray]
    estimates: dict[str, float]
    log_scores: pd.DataFrame
    season: float = 1.0
    in_time: Mapping[str, Window] = field(default_factory=dict)
    spent: float | None = None
    money: Mapping[str, np.ndarray] = field(default_factory=dict)

    def miss(self, model: str) -> tuple[float, float]:
        """The log error of a model's orders, and its own standard deviation of that; see ``log_miss``."""
        return log_miss(self.actual, self.estimates[model], self.forecasts[model])

    def miss_of_money(self, model: str) -> tuple[float, float]:
        """The same of the amount of these orders."""
        return log_miss(max(self.spent, 0.0), self.money[model].mean(), self.money[model])


@dataclass(frozen=True, repr=False)
class Record(Result):
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
        windows before it), season (operational days over days; 1 in calendar time), log_error, log_sd, level; with
        money also spent (the amount of these orders [currency]) and the same columns of it, beginning with ``spent_``.
    calibration, money
        From all windows, of orders and of their amounts; without money the latter is None.
    follows
        What the models' time follows, see ``Clock.follows``, since past windows were forecast better so.
    """

    primary: str
    named: bool
    choice: pd.DataFrame
    windows: pd.DataFrame
    calibration: Calibration
    money: Calibration | None
    follows: str

    main = "windows"

    @property
    def seasonal(self) -> bool:
        """Whether the models' time follows a season."""
        return "season" in self.follows

    @property
    def made_on_little(self) -> bool:
        """Whether fewer than three windows had closed, so that the choice of the model rests on little."""
        return len(self.windows) < ENOUGH_WINDOWS

    @property
    def lost_in_a_row(self) -> int:
        """How many of the last windows, in a row, came out beyond the same end of the calibrated interval."""
        came, low, high = (self.windows[name][::-1] for name in ("actual", "calibrated_lower", "calibrated_upper"))
        side = np.sign(came - came.clip(low, high)).to_numpy()
        return int((side[0] != 0) * (side == side[0]).cumprod().sum())

    @property
    def lead_decides(self) -> bool:
        """Whether the primary model scores better than BG/NBD by more than luck."""
        row = self.choice.loc[self.primary]
        return bool(row["lead"] > REJECTED_AT * row["error"])


@checked
def rolling_origins(
    orders: Orders,
    window,
    *,
    unit: str = "week",
    primary: str = AUTO,
    level: float = LEVEL,
    seed: int = 1,
    most: int = MOST_WINDOWS,
    promotions: pd.DataFrame | None = None,
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
    promotions
        start and end of promotions, past and planned: one row each, its first and last day.

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
    edges = None if promotions is None else promotion_edges(promotions)
    found = windows_of(orders, round(duration(window) / 7), time_unit(unit), seed, primary, most=most, edges=edges)
    return record_of(found, primary, level)


@checked
def fit_purchase(
    orders: Orders,
    window="13W",
    *,
    unit: str = "week",
    primary: str = AUTO,
    seed: int = 1,
    promotions: pd.DataFrame | None = None,
) -> PurchaseFit:
    """The purchase model that past windows support, on all orders: what a study and a report fit.

    BG/NBD unless another forecast the windows better by more than luck; in the time of a season, or of promotions,
    where that forecast them better. Without a window that fits into the data it is BG/NBD.

    Parameters
    ----------
    orders, window, unit, primary, seed, promotions
        As of ``rolling_origins``.

    Raises
    ------
    NotIdentified
        Where the data identify no model, or not the one that is named.

    Examples
    --------
    >>> import analysis as rl
    >>> from analysis.data import simulate_transactions
    >>> orders = rl.read_orders(simulate_transactions(300, seed=1), customer="customer", date="date")
    >>> rl.fit_purchase(orders, "26W").model
    'BG/NBD'
    """
    refuse_unknown_model(primary)
    unit, edges, windows = time_unit(unit), None if promotions is None else promotion_edges(promotions), ()
    with suppress(Unavailable):
        windows = windows_of(orders, round(duration(window) / 7), unit, seed, primary, edges=edges)
    settings = {"follows": time_that_wins(windows, primary), "primary": primary, "edges": edges}
    found = fit_candidates(orders.histories, orders.daily, time_unit=unit, seed=seed, **settings)
    return led_by_choice(found, windows, primary).primary.of(orders)


def windows_of(
    orders: Orders,
    weeks: int,
    unit: TimeUnit,
    seed: int,
    primary: str = AUTO,
    *,
    most: int = MOST_WINDOWS,
    edges: np.ndarray | None = None,
) -> tuple[Window, ...]:
    """The last windows of so many weeks that their past can forecast, the oldest first; Unavailable where none is.

    ``edges`` are those of a calendar of promotions; at each origin those to come count as planned.
    """
    from analysis.data.holdout import rolling_splits

    splits = rolling_splits(orders, weeks, most)
    windows = tuple(found for split in splits if (found := window_of(split, unit, seed, primary, edges)))
    if not windows:
        raise Unavailable(
            "No window of {weeks:weeks} can be forecast from what comes before it: it takes at least as long before, "
            "with customers who come back. A shorter test period may do.",
            code="origins.reason.no_window",
            weeks=weeks,
        )
    return windows


def window_of(
    split: HoldoutSplit, unit: TimeUnit, seed: int, primary: str = AUTO, edges: np.ndarray | None = None
) -> Window | None:
    """A past window forecast from its past; None where that identifies no model."""
    from analysis.models.spend_choice import fit_spend  # with statsmodels, which whoever reads a record spares

    named = primary if primary == FALLBACK else AUTO  # any other is fitted in any case, or not identified
    step = -(-len(split.calibration) // MOST_CUSTOMERS)
    chosen = replace(split.calibration, table=split.calibration.table.iloc[::step])
    clock, came = Clock(unit), split.holdout_orders[::step]
    try:
        fits = fit_all(patterns_of(chosen, clock), clock, seed, named, quick=True)
    except NotIdentified:
        return None
    spend = fit_spend(chosen, seed=seed) if chosen.has_money else None
    given = chosen, came, split, seed, spend, None if spend is None else float(split.holdout_spent[::step].sum())
    past, in_time = (chosen, split.daily, split.calibration.table["first_order"], seed), {}
    for follows in TIMES if edges is not None else TIMES[:1]:
        if found := fit_in_time(fits, *past, follows, edges, quick=True):
            in_time[follows] = _forecast_of(found, *given)
    return replace(_forecast_of(fits, *given), in_time=in_time)


def _forecast_of(
    fits: PurchaseFits, histories: CustomerSummary, came: np.ndarray, split: HoldoutSplit, seed: int,
    spend: SpendFit | None, spent: float | None,
) -> Window:  # fmt: skip
    """The window of a split from fits on its past; ``came`` is what each customer ordered in it, shape (n,)."""
    clock, days, after = fits.primary.clock, split.holdout_days, split.calibration_end
    patterns = patterns_of(histories, clock)
    spenders = None if spend is None else spenders_of(histories, spend, PASSES)
    settings = {"seed": seed, "most": PASSES, "spenders": spenders}
    found = [forecast(fit, patterns, came, after, days, **settings) for fit in fits]
    return Window(
        calibration_end=after,
        end=after + dt.timedelta(days=days),
        actual=int(came.sum()),
        forecasts={each.name: each.totals for each in found},
        estimates={each.name: float(each.mean.sum()) for each in found},
        log_scores=pd.DataFrame({each.name: each.log_probability for each in found}, index=histories.ids),
        season=float(to_days(clock.ahead(days, after), clock.unit)) / days,
        spent=spent,
        money={each.name: each.money for each in found if each.money is not None},
    )


def record_of(
    windows: Sequence[Window],
    primary: str = AUTO,
    level: float = LEVEL,
    previous: str | None = None,
    follows: str | None = None,
) -> Record:
    """The record of the procedure over past windows, the oldest first; ``previous`` as in ``choice_of``.

    A window that is forecast in operational time is calibrated by those before it that were, in the same. What comes
    next is calibrated for the time that the models in use follow, by default for the one that windows support.
    """
    window_days = (windows[0].end - windows[0].calibration_end).days
    turns = {follows: _in_turn(_of_time(windows, follows), primary) for follows in ("", *TIMES)}
    rows, has_money = [], windows[0].spent is not None
    for number, window in enumerate(windows):
        best = time_that_wins(windows[:number], primary)
        turn = turns[best if best in window.in_time else ""]
        past = [each for each in turn if each[0].calibration_end < window.calibration_end]
        now, model = turn[len(past)]
        own = Interval.around(now.estimates[model], now.forecasts[model], level)
        row = {"origin": pd.Timestamp(now.calibration_end), "end": pd.Timestamp(now.end), "model": model}
        row |= {"actual": now.actual, **vars(own), **_calibrated(past, own, window_days), "season": now.season}
        row |= dict(zip(("log_error", "log_sd"), now.miss(model), strict=True))
        if has_money:
            own = Interval.around(float(now.money[model].mean()), now.money[model], level)
            told = {**vars(own), **_calibrated(past, own, window_days, Window.miss_of_money)}
            told |= dict(zip(("log_error", "log_sd"), now.miss_of_money(model), strict=True))
            row |= {"spent": now.spent, **{f"spent_{name}": value for name, value in told.items() if name != "level"}}
        rows.append(row)
    follows = time_that_wins(windows, primary) if follows is None else follows
    judged = _of_time(windows, follows)
    chosen = choice_of(judged, list(judged[-1].estimates), previous)
    return Record(
        primary=chosen if primary == AUTO else primary,
        named=primary != AUTO,
        choice=leads(judged),
        windows=pd.DataFrame(rows),
        calibration=_calibration(turns[follows], window_days),
        money=_calibration(turns[follows], window_days, Window.miss_of_money) if has_money else None,
        follows=follows,
    )


def _of_time(windows: Sequence[Window], follows: str) -> list[Window]:
    """Past windows forecast in an operational time, those that had it; or all of them in calendar time."""
    return [each.in_time[follows] for each in windows if follows in each.in_time] if follows else list(windows)


def _in_turn(windows: Sequence[Window], primary: str) -> list[tuple[Window, str]]:
    """Each window with the model that is named, or that those before it support."""
    return [
        (each, primary if primary in each.estimates else choice_of(windows[:number], list(each.estimates)))
        for number, each in enumerate(windows)
    ]


def _calibration(
    turns: Sequence[tuple[Window, str]], window_days: int, miss: Callable[[Window, str], tuple] = Window.miss
) -> Calibration:
    return Calibration.of(*np.reshape([miss(window, model) for window, model in turns], (-1, 2)).T, window_days)


def _calibrated(past: Sequence[tuple[Window, str]], own: Interval, window_days: int, *miss: Callable) -> dict:
    wide = _calibration(past, window_days, *miss).widened(own, window_days)
    return {"calibrated_lower": wide.lower, "calibrated_upper": wide.upper}


def time_that_wins(windows: Sequence[Window], primary: str = AUTO) -> str:
    """The operational time in which past windows were forecast best by log score; empty where none beats the calendar.

    Of at least two windows that had it, and of the model that is named, or that the same windows support in calendar
    time.
    """
    model = choice_of(windows, list(windows[-1].estimates)) if windows and primary == AUTO else primary
    gains = {"": 0.0}
    for follows in TIMES:
        both = [(each.in_time[follows].log_scores, each.log_scores) for each in windows if follows in each.in_time]
        shared = [(with_it, without) for with_it, without in both if model in with_it and model in without]
        if len(shared) >= FEWEST_IN_TIME:
            gains[follows] = sum(float((with_it[model] - without[model]).sum()) for with_it, without in shared)
    return max(gains, key=gains.get)


def fit_candidates(
    histories: CustomerSummary,
    daily: pd.DataFrame,
    *,
    time_unit: TimeUnit,
    seed: int,
    follows: str = "",
    primary: str = AUTO,
    edges: np.ndarray | None = None,
) -> PurchaseFits:
    """The purchase models on customers, in the operational time that is named, where it is identified.

    ``daily`` are their orders by day, ``edges`` those of a calendar of promotions.
    """
    clock = Clock(time_unit)
    found = fit_all(patterns_of(histories, clock), clock, seed, primary)
    if follows:
        found = fit_in_time(found, histories, daily, histories.table["first_order"], seed, follows, edges) or found
    return found


def led_by_choice(
    found: PurchaseFits, windows: Sequence[Window], primary: str = AUTO, previous: str | None = None
) -> PurchaseFits:
    """The same models, led by the one that past windows support; without windows by that of the run before."""
    if primary != AUTO:
        return found
    judged = _of_time(windows, found.primary.clock.follows)
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
        if not known:
            continue
        judged = [scores for scores in known if reference in scores] or known
        own = pd.concat([scores[model] for scores in judged])
        apart = pd.concat([scores[model] - scores.get(reference, np.nan) for scores in judged])
        of_customer = apart.groupby(level=0).sum(min_count=1)
        lead = of_customer.sum(min_count=1) / len(own)
        error = of_customer.std() * np.sqrt(len(of_customer)) / len(own)
        rows[model] = {"windows": len(judged), "log_score": own.mean(), "lead": lead, "error": error}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["windows", "log_score", "lead", "error"])
