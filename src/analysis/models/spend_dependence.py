"""Gamma-Gamma's doubtful assumption: how often customers order says nothing about what an order is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm, spearmanr
from scipy.stats import t as student_t

from analysis.interval import Interval
from analysis.models.spend import spending_of

if TYPE_CHECKING:
    from analysis.data import CustomerSummary

FEWEST_CUSTOMERS = 10
NEGLIGIBLE_CHANGE = 0.05


@dataclass(frozen=True)
class SpendDependence:
    """Whether customers who order more often also spend more an order (Gamma-Gamma assumes they do not).

    Attributes
    ----------
    rank_correlation
        Spearman's correlation of frequency and mean repeat order value, with its interval.
    change_per_doubling
        Relative change of the mean order value with a doubling of the frequency, with its interval.
    customers
        Repeat customers it was computed on.
    verdict
        ``independent``, ``weak`` or ``dependent``.
    """

    rank_correlation: Interval
    change_per_doubling: Interval
    customers: int
    verdict: str


def spend_dependence(histories: CustomerSummary, level: float) -> SpendDependence | None:
    """The dependence among the repeat customers of a summary, see ``dependence_of``; None without money."""
    if not histories.has_money:
        return None
    spending, _ = spending_of(histories)
    return dependence_of(spending.frequency, spending.mean_value, level)


def dependence_of(frequency, mean_value, level: float) -> SpendDependence | None:
    """Rank correlation of frequency and order value, and the change of the latter per doubling of the former.

    The change comes from a gamma regression with log link of the mean order value on log2(frequency), with
    heteroscedasticity-robust errors: unlike a regression of logs it is not fooled by means of few orders
    varying more. None with fewer than ten customers or where one of the two does not vary.

    Parameters
    ----------
    frequency, mean_value
        Repeat orders and their mean value [currency] of repeat customers, shape (n,).
    level
        Level of the intervals.
    """
    x, m = np.asarray(frequency, dtype=float), np.asarray(mean_value, dtype=float)
    if x.size < FEWEST_CUSTOMERS or np.ptp(x) == 0 or np.ptp(m) <= 1e-12 * m.max():
        return None
    change = _change_per_doubling(x, m, level)
    return SpendDependence(rank_correlation(x, m, level), change, int(x.size), _verdict(change))


def _verdict(change: Interval) -> str:
    if change.lower <= 0 <= change.upper:
        return "independent"
    return "weak" if abs(change.estimate) < NEGLIGIBLE_CHANGE else "dependent"


def rank_correlation(x, m, level: float) -> Interval:
    """Spearman's rho with Fisher's z; its standard error 1.03 / sqrt(n - 3) is Fieller, Hartley & Pearson's (1957)."""
    return rank_interval(float(spearmanr(x, m).statistic), x.size, level)


def rank_interval(rho: float, n: int, level: float) -> Interval:
    """The interval of Spearman's rho of n pairs, as of ``rank_correlation``."""
    reach = norm.ppf((1 + level) / 2) * np.sqrt(1.06 / (n - 3))
    z = np.arctanh(np.clip(rho, -0.999999, 0.999999))
    return Interval(rho, float(np.tanh(z - reach)), float(np.tanh(z + reach)), level)


def _change_per_doubling(x, m, level: float) -> Interval:
    slope, error = log_slope(np.log2(x), m)
    reach = student_t.ppf((1 + level) / 2, x.size - 2) * error
    lower, estimate, upper = np.expm1([slope - reach, slope, slope + reach]).tolist()
    return Interval(estimate, lower, upper, level)


def log_slope(regressor, m) -> tuple[float, float]:
    """Slope of the log mean order value in a gamma regression, and its standard error."""
    from statsmodels.genmod.families import Gamma
    from statsmodels.genmod.families.links import Log
    from statsmodels.genmod.generalized_linear_model import GLM

    design = np.column_stack([np.ones_like(regressor), regressor])
    fitted = GLM(m / m.mean(), design, family=Gamma(Log())).fit(cov_type="HC3")
    return float(fitted.params[1]), float(fitted.bse[1])
