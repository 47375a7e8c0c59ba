"""What would change our mind: values of single assumptions at which the two strategies in front change places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.interval import Interval
from analysis.strategies.noise import error_scores, expected_difference, shared_error
from analysis.strategies.results import Simulation

REPEATS = 200
MOST = 4
LEAST_EXPLAINED = 0.05
FOUND_IN = 0.9


@dataclass(frozen=True)
class TurningPoint:
    """Where, along one assumption, the order of two strategies changes, everything else as uncertain as it is.

    Attributes
    ----------
    parameter
        The assumption.
    value
        Where it changes, with its interval over resampled draws and the simulation error that draws share, in the
        parameter's unit.
    below, above
        The better strategy on either side.
    explained
        Share of the variance of their difference that the assumption alone explains.
    """

    parameter: str
    value: Interval
    below: str
    above: str
    explained: float


def turning_points(simulation: Simulation, pair: tuple[str, str], level: float, seed: int) -> tuple[TurningPoint, ...]:
    """Turning points of the assumptions that explain most, at most ``MOST``; none where the order never changes.

    The expected difference between the two strategies of ``pair`` is a quadratic in the assumption over the draws.
    """
    ahead = expected_difference(simulation, *pair)
    errors = shared_error(simulation, *pair) * error_scores(simulation, REPEATS, seed)
    found = []
    for name, origin in simulation.origin.items():
        values = simulation.parameters[name].to_numpy()
        if origin == "posterior" or "." in name or np.ptp(values) == 0 or np.ptp(ahead) == 0:
            continue
        curve = np.polyfit(values, ahead, 2)
        explained = float(np.var(np.polyval(curve, values)) / np.var(ahead))
        where = crossing(curve, values)
        if where is None or explained < LEAST_EXPLAINED:
            continue
        again = _repeated(values, ahead, errors, seed)
        if len(again) >= FOUND_IN * REPEATS:
            falling = np.polyval(curve, values.min()) > 0
            sides = pair if falling else pair[::-1]
            found.append(TurningPoint(name, Interval.around(where, again, level), *sides, explained))
    return tuple(sorted(found, key=lambda point: -point.explained)[:MOST])


def crossing(curve: np.ndarray, values: np.ndarray) -> float | None:
    """Where a quadratic changes sign once between the smallest and the largest value; None where it does not.

    >>> round(crossing(np.array([0.0, 1.0, -2.0]), np.array([0.0, 5.0])), 6)
    2.0
    """
    low, high = values.min(), values.max()
    if np.polyval(curve, low) * np.polyval(curve, high) >= 0:
        return None
    roots = np.roots(curve)
    inside = [float(root.real) for root in roots if abs(root.imag) < 1e-12 and low <= root.real <= high]
    return inside[0] if len(inside) == 1 else None


def _repeated(values: np.ndarray, ahead: np.ndarray, errors: np.ndarray, seed: int) -> np.ndarray:
    rng, found = np.random.default_rng(seed), []
    for error in errors:
        rows = rng.integers(0, len(values), len(values))
        shifted = ahead[rows] + error
        where = crossing(np.polyfit(values[rows], shifted, 2), values)
        if where is not None:
            found.append(where)
    return np.array(found)
