"""Intervals of shares and counts."""

from __future__ import annotations

import numpy as np
from scipy.special import betaincinv, gammaincinv

from analysis.interval import Interval


def share_interval(part: int, whole: int, level: float) -> Interval:
    """The share ``part / whole`` with Jeffreys' interval: the posterior under a Beta(1/2, 1/2) prior.

    It assumes that customers are alike in their chance and independent of each other. With none (or all) the lower
    (upper) end is 0 (1), where Jeffreys' own end would leave out the estimate.

    References
    ----------
    .. [1] Brown, Cai, DasGupta (2001), Statistical Science 16(2).

    Examples
    --------
    >>> found = share_interval(512, 2347, 0.9)
    >>> round(found.lower, 4), round(found.estimate, 4), round(found.upper, 4)
    (0.2044, 0.2182, 0.2324)
    """
    tail = (1 - level) / 2
    lower = betaincinv(part + 0.5, whole - part + 0.5, tail) if part > 0 else 0.0
    upper = betaincinv(part + 0.5, whole - part + 0.5, 1 - tail) if part < whole else 1.0
    return Interval(part / whole, float(lower), float(upper), level)


def count_interval(count: int, level: float) -> Interval:
    """A Poisson count with Jeffreys' interval of its mean: the posterior under a Gamma(1/2, 0) prior."""
    tail = (1 - level) / 2
    lower = gammaincinv(count + 0.5, tail) if count > 0 else 0.0
    return Interval(float(count), float(lower), float(gammaincinv(count + 0.5, 1 - tail)), level)


def sum_interval(first: Interval, second: Interval) -> Interval:
    """The sum of two independent quantities; the distances of their ends from the estimates add in squares.

    References
    ----------
    .. [1] Zou, Donner (2008), Statistics in Medicine 27(10): the method of variance estimates recovery.
    """
    estimate = first.estimate + second.estimate
    below = np.hypot(first.estimate - first.lower, second.estimate - second.lower)
    above = np.hypot(first.upper - first.estimate, second.upper - second.estimate)
    return Interval(estimate, float(estimate - below), float(estimate + above), first.level)


def ends(points: np.ndarray, level: float, name: str = "") -> dict[str, np.ndarray]:
    """Columns of a frame from points of shape (1 + draws, rows): estimate, lower and upper, or NAME, NAME_lower, ….

    The first point is the estimate. A draw that is missing (NaN) is left out.

    >>> ends(np.array([[1.0], [0.0], [4.0]]), 0.5, "lift")
    {'lift': array([1.]), 'lift_lower': array([1.]), 'lift_upper': array([3.])}
    """
    lower, upper = np.nanquantile(points[1:], [(1 - level) / 2, (1 + level) / 2], axis=0)
    names = (name, f"{name}_lower", f"{name}_upper") if name else ("estimate", "lower", "upper")
    return dict(zip(names, (points[0], lower, upper), strict=True))


def picks_compared(right: np.ndarray, ours: np.ndarray, naive: np.ndarray) -> dict[str, float]:
    """Shares right among as many picked by two rules: customers, hit, hit_naive, and the error of their difference.

    Who is picked by both says nothing of it: what varies are the outcomes of those whom one rule alone picks.

    Parameters
    ----------
    right
        Whether picking each customer would be right, shape (n,).
    ours, naive
        Places of those picked, of the same length.

    Examples
    --------
    >>> picks_compared(np.array([1, 0, 1, 0, 1]), np.array([0, 1, 2]), np.array([2, 3, 4]))["error"]
    0.3333333333333333
    """
    alone = [right[np.setdiff1d(one, other)] for one, other in ((ours, naive), (naive, ours))]
    error = float(np.sqrt(sum(each.var() * len(each) for each in alone if len(each))) / len(ours))
    return {"customers": len(ours), "hit": right[ours].mean(), "hit_naive": right[naive].mean(), "error": error}
