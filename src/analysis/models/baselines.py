"""Naive forecasts that a model must beat, each with an honest probability distribution.

A point forecast has no log score. So each baseline is a negative binomial around its mean, and its few constants (how
far to trust the past rate, what to expect of the inactive, how wide to be) are learned inside the calibration period,
where a first part forecasts a second one; nothing of the holdout is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import betainc, gammaln, xlogy

LARGEST_SIZE = 1e4


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
        share = self.mean / (self.mean + self.size)
        log_choose = gammaln(self.size + count) - gammaln(self.size) - gammaln(count + 1)
        return log_choose + self.size * np.log1p(-share) + xlogy(count, share)

    def cumulative(self, count: np.ndarray) -> np.ndarray:
        """Probability of at most ``count`` orders; 0 below zero, shape (n,)."""
        share = self.mean / (self.mean + self.size)
        return np.where(count < 0, 0.0, betainc(self.size, np.maximum(count, 0) + 1.0, 1 - share))

    def draw(self, rng: np.random.Generator, passes: int) -> np.ndarray:
        """Simulated totals over customers, shape (passes,)."""
        rates = np.broadcast_to(self.mean / self.size, (passes, self.mean.size))
        return rng.poisson(rng.standard_gamma(self.size, rates.shape) * rates).sum(axis=1)


@dataclass(frozen=True)
class History:
    """What a baseline looks at: repeat orders, age at the last order and age, and the days to forecast."""

    frequency: np.ndarray
    recency_days: np.ndarray
    T_days: np.ndarray
    horizon_days: float

    @classmethod
    def of(cls, split) -> History:
        table = split.calibration.table
        columns = (table[name].to_numpy(dtype=float) for name in ("frequency", "recency_days", "T_days"))
        return cls(*columns, float(split.holdout_days))

    @property
    def same_rate(self) -> np.ndarray:
        """Orders in the horizon if each customer went on at the past rate, shape (n,)."""
        return self.frequency / np.maximum(self.T_days, 1.0) * self.horizon_days

    @property
    def hiatus_days(self) -> np.ndarray:
        return self.T_days - self.recency_days


@dataclass(frozen=True)
class Baseline:
    """A rule for the mean, with the constants it learns.

    Attributes
    ----------
    name
        ``same rate``, ``hiatus`` or ``average``.
    starts
        Logs of the constants to start learning from, each a tuple.
    means
        From constants (above 0) and a history to expected orders, shape (n,).
    """

    name: str
    starts: tuple[tuple[float, ...], ...]
    means: Callable[[np.ndarray, History], np.ndarray]


def _average(constants: np.ndarray, history: History) -> np.ndarray:
    return np.full(history.frequency.size, constants[0] * history.horizon_days)


def _same_rate(constants: np.ndarray, history: History) -> np.ndarray:
    trust, floor = constants
    return trust * history.same_rate + floor * history.horizon_days


def _hiatus(constants: np.ndarray, history: History) -> np.ndarray:
    trust, floor, cutoff_days = constants
    active = history.hiatus_days <= cutoff_days
    return active * trust * history.same_rate + floor * history.horizon_days


CUTOFFS_DAYS = (14.0, 30.0, 60.0, 90.0, 180.0, 365.0)

BASELINES = (
    Baseline("same rate", ((0.0, -6.0),), _same_rate),
    Baseline("hiatus", tuple((0.0, -6.0, float(np.log(days))) for days in CUTOFFS_DAYS), _hiatus),
    Baseline("average", ((-5.0,),), _average),
)


def learned_forecast(baseline: Baseline, past: History, count: np.ndarray, future: History) -> CountForecast:
    """A baseline's forecast of ``future``, its constants learned from what came of ``past``.

    Parameters
    ----------
    past, count
        An earlier history and the orders that followed it, shape (m,).
    future
        The history to forecast from, shape (n,).
    """

    def loss(free: np.ndarray) -> float:
        constants, size = np.exp(free[:-1]), np.exp(min(free[-1], np.log(LARGEST_SIZE)))
        forecast = CountForecast(baseline.means(constants, past) + 1e-9, size)
        return -float(forecast.log_probability(count).mean()) + 1e-6 * float(free @ free)

    ends = [minimize(loss, [*start, 0.0], method="Nelder-Mead", options={"maxiter": 600}) for start in baseline.starts]
    best = min(ends, key=lambda end: end.fun).x
    size = float(np.exp(min(best[-1], np.log(LARGEST_SIZE))))
    return CountForecast(baseline.means(np.exp(best[:-1]), future) + 1e-9, size)
