"""Gamma-Gamma's doubtful assumption: how often customers order says nothing about what an order is worth."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm, spearmanr
from scipy.stats import t as student_t

from analysis.interval import Interval
from analysis.models.results import SpendDependence

FEWEST_CUSTOMERS = 10
NEGLIGIBLE_CHANGE = 0.05


def spend_dependence(frequency, mean_value, level: float) -> SpendDependence | None:
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
    return SpendDependence(_rank_correlation(x, m, level), change, int(x.size), _verdict(change))


def _verdict(change: Interval) -> str:
    if change.lower <= 0 <= change.upper:
        return "independent"
    return "weak" if abs(change.estimate) < NEGLIGIBLE_CHANGE else "dependent"


def _rank_correlation(x, m, level: float) -> Interval:
    """Spearman's rho with Fisher's z; its standard error 1.03 / sqrt(n - 3) is Fieller, Hartley & Pearson's (1957)."""
    rho = float(spearmanr(x, m).statistic)
    reach = norm.ppf((1 + level) / 2) * np.sqrt(1.06 / (x.size - 3))
    z = np.arctanh(np.clip(rho, -0.999999, 0.999999))
    return Interval(rho, float(np.tanh(z - reach)), float(np.tanh(z + reach)), level)


def _change_per_doubling(x, m, level: float) -> Interval:
    from statsmodels.genmod.families import Gamma
    from statsmodels.genmod.families.links import Log
    from statsmodels.genmod.generalized_linear_model import GLM

    design = np.column_stack([np.ones_like(x), np.log2(x)])
    fitted = GLM(m / m.mean(), design, family=Gamma(Log())).fit(cov_type="HC3")
    slope, error = float(fitted.params[1]), float(fitted.bse[1])
    reach = student_t.ppf((1 + level) / 2, x.size - 2) * error
    lower, estimate, upper = np.expm1([slope - reach, slope, slope + reach]).tolist()
    return Interval(estimate, lower, upper, level)
