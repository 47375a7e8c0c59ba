"""The trend of what an order is worth within the same customers: a panel regression with an effect for each of them."""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student_t

from analysis.interval import Interval

MOST_STEPS, CONVERGED = 100, 1e-10
LONGEST_STEP, STEEPEST = 1.0, 20.0


def within_slope(rows, orders, spent, tenure, level: float) -> Interval | None:
    """Slope b in: spent = orders x (effect of the customer) x exp(b x tenure), from customers observed several times.

    Poisson pseudo-likelihood with customer effects, which needs no Poisson counts, only that this mean is right [1]_,
    and takes orders worth nothing, where a regression of logarithms could not. Errors are clustered by customer.

    Parameters
    ----------
    rows
        Whose entry each is: 0, 1, … without gaps, shape (n,).
    orders, spent, tenure
        Number of orders, what they were worth together [currency], and their mean tenure [years], shape (n,).
    level
        Level of the interval.

    Returns
    -------
    Interval or None
        On the log scale, per year of tenure. None where no finite slope fits, as where every later order is worth 0.

    References
    ----------
    .. [1] Wooldridge (1999), Distribution-free estimation of some nonlinear panel data models, J. Econometrics 90.

    Examples
    --------
    >>> rows, tenure = np.repeat(np.arange(3), 2), np.tile([1.0, 2.0], 3)
    >>> found = within_slope(rows, np.ones(6), np.array([10, 11, 20, 22, 40, 44.0]), tenure, 0.9)
    >>> round(float(np.exp(found.estimate)), 6)
    1.1
    """
    panel = _Panel(np.asarray(rows), orders, spent / np.mean(spent), tenure)
    slope = 0.0
    likelihood, score, information = panel.at(slope)
    for _ in range(MOST_STEPS):
        step = float(np.clip(score.sum() / information, -LONGEST_STEP, LONGEST_STEP))
        if abs(step) < CONVERGED:
            break
        # The likelihood is concave, so a short enough Newton step raises it.
        while panel.at(slope + step)[0] < likelihood and abs(step) > CONVERGED:
            step /= 2
        slope += step
        if abs(slope) > STEEPEST:
            return None
        likelihood, score, information = panel.at(slope)
    else:
        return None
    customers = len(score)
    error = np.sqrt(np.sum(score**2) * customers / (customers - 1)) / information
    reach = float(student_t.ppf((1 + level) / 2, customers - 1) * error)
    return Interval(slope, slope - reach, slope + reach, level)


class _Panel:
    """The pseudo-likelihood of the slope, the customers' effects maximised out."""

    def __init__(self, rows: np.ndarray, orders, spent, tenure) -> None:
        self.rows, self.orders, self.spent = rows, orders, spent
        self.total = self._sum(spent)
        self.centred = tenure - (self._sum(tenure) / np.bincount(rows))[rows]

    def _sum(self, values) -> np.ndarray:
        return np.bincount(self.rows, values)

    def at(self, slope: float) -> tuple[float, np.ndarray, float]:
        """Log-likelihood, its derivative by customer, and the information, at a slope."""
        weight = self.orders * np.exp(slope * self.centred)
        whole = self._sum(weight)
        mean = self._sum(weight * self.centred) / whole
        spread = self._sum(weight * self.centred**2) / whole - mean**2
        crossed = self._sum(self.spent * self.centred)
        likelihood = float(slope * crossed.sum() - np.sum(self.total * np.log(whole)))
        return likelihood, crossed - self.total * mean, float(np.sum(self.total * spread))
