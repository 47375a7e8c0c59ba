"""Which assumptions decide: first-order Sobol indices of the difference between the two strategies in front."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from analysis.interval import Interval
from analysis.strategies.noise import expected_difference
from analysis.strategies.results import Simulation

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from SALib.analyze import rbd_fast

HARMONICS = 6
RESAMPLES = 100
FEWEST_DRAWS = 100
"""With fewer, chance gives single parameters a large share and the correction for bias too large a part of it."""


@dataclass(frozen=True)
class ParameterSensitivity:
    """How much of the uncertainty about a difference goes when one parameter becomes known.

    Attributes
    ----------
    parameter
        Column of ``Simulation.parameters``.
    first_order
        Share of the variance of the expected difference, with its interval over resampled draws.
    """

    parameter: str
    first_order: Interval


def sensitivity(simulation: Simulation, pair: tuple[str, str], level: float) -> tuple[ParameterSensitivity, ...]:
    """First-order indices of every parameter that varies, the largest first; none where nothing does or draws are few.

    From the draws that are there, by random balance designs [1]_ with a bias correction [2]_ as in SALib. Simulation
    error adds to the spread of a difference over draws, so shares refer to the spread without it. Parameters of a
    posterior are correlated: their shares overlap and are not to be added up.

    References
    ----------
    .. [1] Tarantola, Gatelli, Mara (2006), Reliability Engineering & System Safety 91(6):717-727.
    .. [2] Tissot, Prieur (2012), Reliability Engineering & System Safety 107:205-213.
    """
    names = [name for name in simulation.parameters if np.ptp(simulation.parameters[name].to_numpy()) > 0]
    ahead = simulation.profit[:, simulation.strategy(pair[0])] - simulation.profit[:, simulation.strategy(pair[1])]
    expected = expected_difference(simulation, *pair)
    if not names or np.var(expected) == 0 or len(ahead) < FEWEST_DRAWS:
        return ()
    problem = {"num_vars": len(names), "names": names, "bounds": [[0, 1]] * len(names)}
    found = rbd_fast.analyze(
        problem,
        simulation.parameters[names].to_numpy(),
        ahead,
        M=HARMONICS,
        num_resamples=RESAMPLES,
        conf_level=level,
        seed=0,
    )
    noise = np.var(ahead) / np.var(expected)
    indices = [
        ParameterSensitivity(name, _share(float(first) * noise, float(reach) * noise, level))
        for name, first, reach in zip(names, found["S1"], found["S1_conf"], strict=True)
    ]
    return tuple(sorted(indices, key=lambda each: -each.first_order.estimate))


def _share(estimate: float, reach: float, level: float) -> Interval:
    """A share, where the correction for bias may have gone below 0, or that for noise above 1."""
    return Interval(*np.clip([estimate, estimate - reach, estimate + reach], 0.0, 1.0).tolist(), level)
