"""Naive forecasts that a model must beat, each with an honest probability distribution.

A point forecast has no log score. So each baseline is a negative binomial around its mean, and its few constants (how
far to trust the past rate, what to expect of the inactive, how wide to be) are learned inside the calibration period,
where a first part forecasts a second one; nothing of the holdout is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betainc

from analysis.models.fitting import best_of, polish
from analysis.models.purchase import log_negative_binomial

if TYPE_CHECKING:
    from analysis.data import HoldoutSplit

MOST_LEARNED_FROM = 20_000
"""Customers that two to four constants are learned from; more would only take longer."""


@dataclass(frozen=True)
class CountForecast:
    """A negative binomial forecast of each customer's orders.

    Attributes
    ----------
    mean
        Expected orders, shape (n,), above 0.
    size
        Dispersion: variance = mean + mean**2 / size.
    """

    mean: np.ndarray
    size: float

    def log_probability(self, count: np.ndarray) -> np.ndarray:
        """Log probability of each count, shape (n,)."""
        return log_negative_binomial(count, self.size, self.size / self.mean, 1.0)

    def cumulative(self, count: np.ndarray) -> np.ndarray:
        """Probability of at most ``count`` orders; 0 below zero, shape (n,)."""
        share = self.mean / (self.mean + self.size)
        return np.where(count < 0, 0.0, betainc(self.size, np.maximum(count, 0) + 1.0, 1 - share))

    def draw(self, rng: np.random.Generator, passes: int) -> np.ndarray:
        """Simulated totals over customers, shape (passes,)."""
        mean, customers = np.unique(self.mean, return_counts=True)
        return rng.poisson(rng.standard_gamma(self.size * customers, (passes, mean.size)) @ (mean / self.size))


History = Mapping[str, np.ndarray]
"""What a baseline looks at: frequency, recency_days, T_days and horizon_days, the days to forecast; each (n,)."""
Means = Callable[[np.ndarray, History], np.ndarray]


def history_of(split: HoldoutSplit) -> History:
    table = split.calibration.table.assign(horizon_days=split.holdout_days)
    return {name: table[name].to_numpy(dtype=float) for name in ("frequency", "recency_days", "T_days", "horizon_days")}


def _average(constants: np.ndarray, history: History) -> np.ndarray:
    return constants[0] * history["horizon_days"]


def _shrunken_rate(constants: np.ndarray, history: History) -> np.ndarray:
    level, orders, days = constants
    return level * (history["frequency"] + orders) / (history["T_days"] + days) * history["horizon_days"]


def _silence(history: History) -> np.ndarray:
    return history["T_days"] - history["recency_days"]


def _hiatus_rules(past: History) -> list[Means]:
    def rule(cutoff_days: float) -> Means:
        return lambda constants, history: np.where(
            _silence(history) <= cutoff_days, _shrunken_rate(constants[:3], history), _average(constants[3:], history)
        )

    return [rule(days) for days in np.unique(np.quantile(_silence(past), np.linspace(0.1, 0.9, 17)))]


BASELINES: dict[str, tuple[tuple[float, ...], Callable[[History], list[Means]]]] = {
    "same rate": ((0.0, -1.0, 3.0), lambda _: [_shrunken_rate]),
    "hiatus": ((0.0, -1.0, 3.0, -7.0), _hiatus_rules),
    "average": ((-5.0,), lambda _: [_average]),
}
"""Name -> logs of the constants to start learning from; from an earlier history to the variants of the rule to choose
between, each from constants (above 0) and a history to expected orders, shape (n,)."""


def learned_forecast(name: str, past: History, count: np.ndarray, future: History) -> CountForecast:
    """A baseline's forecast of ``future``, its constants learned from what came of ``past``.

    Parameters
    ----------
    past, count
        An earlier history and the orders that followed it, shape (m,).
    future
        The history to forecast from, shape (n,).
    """
    (start, rules), step = BASELINES[name], -(-count.size // MOST_LEARNED_FROM)
    past, count = {name: values[::step] for name, values in past.items()}, count[::step]
    (*histories, count), customers = np.unique([*past.values(), count], axis=1, return_counts=True)
    alike, learned, starts = dict(zip(past, histories, strict=True)), [], [[*start, size] for size in (-1.0, 1.0)]

    def log_likelihood(means: Means, free: np.ndarray) -> float:
        forecast = CountForecast(means(np.exp(free[:-1]), alike) + 1e-9, float(np.exp(free[-1])))
        return float(customers @ (forecast.log_probability(count) - 1e-6 * free @ free))

    for means in rules(past):
        function = partial(log_likelihood, means)
        starts = [best_of(function, starts)]  # the next variant differs little
        learned.append((function(*starts), *starts, function, means))
    _, end, function, means = max(learned, key=lambda each: each[0])
    best = np.exp(polish(function, end).point)
    return CountForecast(means(best[:-1], future) + 1e-9, float(best[-1]))
