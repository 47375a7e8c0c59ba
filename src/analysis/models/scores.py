"""How good a forecast of counts was, in the measures that a reader may know."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr


def rank_correlation(forecast: np.ndarray, actual: np.ndarray) -> float:
    """Spearman's correlation; NaN where one of the two does not vary."""
    if np.ptp(forecast) == 0 or np.ptp(actual) == 0:
        return float("nan")
    return float(spearmanr(forecast, actual).statistic)


def best_decile_hit_rate(forecast: np.ndarray, actual: np.ndarray) -> float:
    """Share of the best tenth of customers that the forecast's best tenth contains.

    Ties at the edge of a tenth count with the probability that a fair draw would let them in, so that a forecast that
    tells nobody apart scores one tenth.

    Examples
    --------
    >>> best_decile_hit_rate(np.arange(100), np.arange(100)), best_decile_hit_rate(np.ones(100), np.arange(100))
    (1.0, 0.1)
    """
    size = max(1, round(forecast.size / 10))
    overlap = _membership(forecast, size) @ _membership(actual, size)
    return round(float(overlap) / size, 12)


def _membership(values: np.ndarray, size: int) -> np.ndarray:
    edge = np.partition(values, values.size - size)[values.size - size]
    above, tied = values > edge, values == edge
    return above + tied * (size - above.sum()) / tied.sum()


def log_miss(actual: float, estimate: float, totals: np.ndarray) -> tuple[float, float]:
    """log(actual / forecast) of a total, and the standard deviation that simulated totals give it.

    One order is added to each so that none is a number too.
    """
    return float(np.log((actual + 1) / (estimate + 1))), float(np.log(totals + 1).std())


def distance_from_middle(below: np.ndarray, at: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How far the randomised probability integral transform of each count lies from one half, shape (n,).

    Counts are discrete, so an interval of exactly 90% rarely exists; P(Y < y) + U P(Y = y) is uniform when the
    forecast is right (Czado, Gneiting & Held 2009, Biometrics 65(4):1254-1261), and a distance of at most ``level / 2``
    is a customer inside the central interval.

    Parameters
    ----------
    below, at
        Probability of fewer orders than came, and of exactly as many, shape (n,).
    """
    return np.abs(below + rng.random(below.size) * at - 0.5)
