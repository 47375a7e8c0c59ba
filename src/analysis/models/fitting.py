"""Maximum of a log-likelihood on the log scale, judged by its gradient and curvature."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

GRADIENT_STEP = 1e-4
CURVATURE_STEP = 1e-3
CONVERGED_BELOW = 1e-6
NEWTON_STEPS = 50
LARGEST_LOG = 12.0
"""Log-parameters beyond this distance from the scale of the data count as having no bound."""

SMALLEST_DROP = 0.05
"""Log-likelihood that must be lost two standard deviations away along the flattest direction (a parabola loses 2)."""
WIDEST_SD = 6.0
"""A direction whose standard deviation is more e-folds than this is not identified, whatever its curvature."""

LogLikelihood = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Optimum:
    """Where an optimiser ended.

    Attributes
    ----------
    point
        Parameters on the unbounded (log) scale, shape (k,).
    value
        Log-likelihood there.
    curvature
        Minus the Hessian, shape (k, k): the observed information.
    newton_decrement
        Log-likelihood that a further Newton step would win; infinite where the curvature has no such step.
    drop
        Log-likelihood lost two standard deviations away along the flattest direction, to the higher side; minus
        infinity on a plateau.
    """

    point: np.ndarray
    value: float
    curvature: np.ndarray
    newton_decrement: float
    drop: float

    @property
    def is_peak(self) -> bool:
        """Whether the point is a maximum in the interior, by gradient, curvature and bounds."""
        inside = bool(np.all(np.abs(self.point) < LARGEST_LOG))
        return inside and self.newton_decrement < CONVERGED_BELOW and self.drop > SMALLEST_DROP

    @property
    def covariance(self) -> np.ndarray:
        return np.linalg.inv(self.curvature)

    @property
    def runs_away(self) -> np.ndarray:
        """Which parameters the likelihood leaves open: those that move along a direction it hardly bends in."""
        size, axes = np.linalg.eigh(self.curvature)
        open_directions = np.abs(axes[:, size <= max(size[0], WIDEST_SD**-2)])
        loading = open_directions.max(axis=1)
        return loading >= 0.5 * loading.max()


def gradient(function: LogLikelihood, point: np.ndarray) -> np.ndarray:
    """Central differences, shape (k,)."""
    steps = np.eye(point.size) * GRADIENT_STEP
    return np.array([function(point + step) - function(point - step) for step in steps]) / (2 * GRADIENT_STEP)


def curvature(function: LogLikelihood, point: np.ndarray) -> np.ndarray:
    """Minus the Hessian by central differences, shape (k, k); zero, which is no peak, where the function overflows."""
    from statsmodels.tools.numdiff import approx_hess2  # which whoever reads a fit does not need

    minus_hessian = -approx_hess2(point, function, CURVATURE_STEP)
    return minus_hessian if np.all(np.isfinite(minus_hessian)) else np.zeros_like(minus_hessian)


def corrected(rough: LogLikelihood, exact: LogLikelihood, point: np.ndarray) -> LogLikelihood:
    """A cheap log-likelihood with the slope and the curvature that a dear one has at a point: alike around it."""
    slope = gradient(exact, point) - gradient(rough, point)
    bend = curvature(exact, point) - curvature(rough, point)
    return lambda other: rough(other) + slope @ (other - point) - (other - point) @ bend @ (other - point) / 2


def climb(function: LogLikelihood, start: np.ndarray) -> np.ndarray:
    """A point near the maximum, by BFGS within the bounds; one-sided differences do, since Newton's method follows."""
    steps = np.eye(start.size) * GRADIENT_STEP

    def downhill(point: np.ndarray) -> tuple[float, np.ndarray]:
        value = _finite(function(point))
        return -value, (value - np.array([_finite(function(point + step)) for step in steps])) / GRADIENT_STEP

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # far-off trial points overflow and are turned down
        bounds = [(-LARGEST_LOG - 1, LARGEST_LOG + 1)] * start.size
        return minimize(downhill, start, jac=True, method="L-BFGS-B", bounds=bounds).x


def polish(function: LogLikelihood, start: np.ndarray, bend: np.ndarray | None = None) -> Optimum:
    """Newton's method with step halving, until a further step would win less than ``CONVERGED_BELOW``.

    The value never falls below that of ``start``. A curvature is kept while steps with it converge fast, since it costs
    four times a gradient; the returned one is that of the end point.

    Parameters
    ----------
    function
        Log-likelihood of a point, shape (k,).
    start
        Where to begin; best near the maximum.
    bend
        A first guess of the curvature, such as that of a smaller problem.
    """
    point, value, last, won = np.asarray(start, dtype=float), function(start), np.inf, np.inf
    bend, exact = (curvature(function, point), True) if bend is None else (bend, False)
    for _ in range(NEWTON_STEPS):
        slope = gradient(function, point)
        direction, decrement = _newton_step(bend, slope)
        if not exact and not decrement < last / 4:
            bend, exact = curvature(function, point), True
            direction, decrement = _newton_step(bend, slope)
        is_plateau = not np.isfinite(decrement) and won * NEWTON_STEPS < SMALLEST_DROP
        if is_plateau or decrement < CONVERGED_BELOW * 1e-3 or np.any(np.abs(point) > LARGEST_LOG):
            break
        moved, better = _halved(function, point, value, direction)
        if moved is None:
            break
        won, point, value, last, exact = better - value, moved, better, decrement, False
    else:
        slope = gradient(function, point)
    if not exact:
        bend = curvature(function, point)
    decrement = _newton_step(bend, slope)[1]
    return Optimum(point, value, bend, decrement, _drop(function, point, value, bend))


def _drop(function: LogLikelihood, point: np.ndarray, value: float, bend: np.ndarray) -> float:
    size, axes = np.linalg.eigh(bend)
    noise = 10 * np.finfo(float).eps * abs(value) / CURVATURE_STEP**2
    if size[0] <= max(noise, WIDEST_SD**-2):
        return -np.inf
    step = 2 / np.sqrt(size[0]) * axes[:, 0]
    around = [function(point + side * step) for side in (-1, 1)]
    return value - max(around) if np.all(np.isfinite(around)) else -np.inf


def _newton_step(bend: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, float]:
    if not (np.all(np.isfinite(slope)) and np.any(bend)):
        return np.zeros_like(slope), np.inf
    size, axes = np.linalg.eigh(bend)
    along = axes.T @ slope
    is_peak = bool(np.all(size > 0))
    damped = np.maximum(np.abs(size), 1e-6 * np.abs(size).max())
    direction = axes @ (along / damped)
    length = np.abs(direction).max()
    direction *= min(1.0, 2.0 / length) if length > 0 else 1.0
    return direction, float(along @ (along / damped)) / 2 if is_peak else np.inf


def _halved(function, point, value, direction) -> tuple[np.ndarray | None, float]:
    for halving in range(30):
        trial = point + direction / 2**halving
        better = _finite(function(trial))
        if better > value:
            return trial, better
    return None, value


def best_of(function: LogLikelihood, starts: Iterable[np.ndarray]) -> np.ndarray:
    """The highest of the points that climbs from several starts end in."""
    ends = [climb(function, np.asarray(start, dtype=float)) for start in starts]
    return max(ends, key=lambda point: _finite(function(point)))


def _finite(value: float) -> float:
    return value if np.isfinite(value) else -1e300
