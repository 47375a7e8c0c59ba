"""Simulations made up from given profits, so that what is read from them can be compared with what was put in."""

import numpy as np
import pandas as pd

from analysis.config.strategies import NOTHING, Strategy
from analysis.strategies.simulation import Simulation


def simulation_of(profit, *, own_noise=0.0, common_noise=0.0, parameters=None, structure="per_purchase", names=None):
    """A simulation with profits of shape (D, S); noise variances are those of every strategy but the first."""
    profit = np.asarray(profit, dtype=float)
    draws, count = profit.shape
    names = names or ["nothing", *(f"strategy{number}" for number in range(1, count))]
    scale = np.diag([0.0] + [1.0] * (count - 1))
    parameters = pd.DataFrame({"theta_exp": np.zeros(draws)}) if parameters is None else pd.DataFrame(parameters)
    return Simulation(
        structure=structure,
        model="BG/NBD",
        strategies=tuple(NOTHING if name == "nothing" else Strategy(name) for name in names),
        customers=1_000,
        sampled=100,
        weeks=52,
        discount=np.ones(52),
        parameters=parameters,
        origin=dict.fromkeys(parameters, "assumption"),
        profit=profit,
        spent=np.zeros_like(profit),
        components={},
        weekly=None,
        segments=(),
        noise_covariance=np.tile((own_noise + common_noise) * scale, (draws, 1, 1)),
        common_noise=common_noise * scale,
        replicates=10,
    )


def against_nothing(*differences):
    """Profits (D, S) of nothing at zero and of strategies with the given differences."""
    return np.column_stack([np.zeros(len(differences[0])), *differences])
