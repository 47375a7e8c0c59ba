"""Gamma-Gamma's doubtful assumption: how often customers order says nothing about what an order is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student_t
from statsmodels.genmod.families import Gamma
from statsmodels.genmod.families.links import Log
from statsmodels.genmod.generalized_linear_model import GLM

from analysis.interval import Interval
from analysis.models.scores import rank_correlation

if TYPE_CHECKING:
    from analysis.models.spend import Spending

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
        Relative change of the mean order value as the number of repeat orders doubles, with its interval.
    customers
        Repeat customers it was computed on.
    verdict
        ``independent``, ``weak`` or ``dependent``.
    """

    rank_correlation: Interval
    change_per_doubling: Interval
    customers: int
    verdict: str


def spend_dependence(spending: Spending, level: float) -> SpendDependence | None:
    """Rank correlation of frequency and order value, and the change of the latter as the former doubles.

    None with fewer than ten customers or where one of the two does not vary.
    """
    x, m = spending.frequency, spending.mean_value
    if x.size < FEWEST_CUSTOMERS or np.ptp(x) == 0 or np.ptp(m) <= 1e-12 * m.max():
        return None
    slope, error = frequency_slope(spending, x)
    reach = student_t.ppf((1 + level) / 2, x.size - 2) * error
    lower, estimate, upper = (2 ** np.array([slope - reach, slope, slope + reach]) - 1).tolist()
    change = Interval(estimate, lower, upper, level)
    return SpendDependence(rank_interval(rank_correlation(x, m), x.size, level), change, int(x.size), _verdict(change))


def _verdict(change: Interval) -> str:
    if change.lower <= 0 <= change.upper:
        return "independent"
    return "weak" if abs(change.estimate) < NEGLIGIBLE_CHANGE else "dependent"


def rank_interval(rho: float, n: int, level: float) -> Interval:
    """Spearman's rho of n pairs with Fisher's z; its standard error 1.03 / sqrt(n - 3) is that of Fieller, Hartley and
    Pearson (1957), Biometrika 44.
    """
    reach = norm.ppf((1 + level) / 2) * np.sqrt(1.06 / (n - 3))
    z = np.arctanh(np.clip(rho, -0.999999, 0.999999))
    return Interval(rho, float(np.tanh(z - reach)), float(np.tanh(z + reach)), level)


def frequency_slope(spending: Spending, orders: np.ndarray) -> tuple[float, float]:
    """Slope of the log mean order value over the log of so many orders, shape (n,), and its standard error.

    From a gamma regression with log link and heteroscedasticity-robust errors: unlike a regression of logs it is not
    fooled by means of few orders varying more.
    """
    design = np.column_stack([np.ones(len(spending)), np.log(orders)])
    relative = spending.mean_value / spending.mean_value.mean()
    found = GLM(relative, design, family=Gamma(Log())).fit(cov_type="HC3")
    return float(found.params[1]), float(found.bse[1])
