"""NBD: customers order at their own rate and nobody ever leaves; what is left where no model of leaving fits.

References
----------
.. [1] Ehrenberg (1959), The pattern of consumer purchases, Applied Statistics 8(1):26-41.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import gammaln

from analysis.errors import Unavailable
from analysis.models.leaving import Leaving
from analysis.models.purchase import PurchaseModel, SimulatedOrders, log_negative_binomial

if TYPE_CHECKING:
    from analysis.models.fits import PurchaseFits


class NBDParams(NamedTuple):
    """r (no unit), alpha [time units]."""

    r: float
    alpha: float


class NBD(PurchaseModel):
    """Order rate ~ Gamma(r, alpha), and no dropout ([1]_): every customer is alive for ever."""

    name = "NBD"
    Params = NBDParams
    time_scaled = (False, True)

    def log_likelihood(self, params, frequency, recency, T):
        """Of the orders at their times, so that it compares with the likelihoods of models with dropout.

        Examples
        --------
        >>> round(float(NBD().log_likelihood(NBDParams(0.39, 8.0), 2, 30.43, 38.86)), 4)
        -8.996
        """
        r, alpha = params
        bought = gammaln(r + frequency) - gammaln(r) + r * np.log(alpha)
        return bought - (r + frequency) * np.log(alpha + T)

    def p_alive(self, params, frequency, recency, T):
        return np.ones(np.broadcast(params.r, frequency, recency, T).shape)

    def expected_while_alive(self, params, horizon, frequency, T):
        return (params.r + frequency) / (params.alpha + T) * horizon

    def pmf_while_alive(self, params, horizon, frequency, T, count):
        return np.exp(log_negative_binomial(count, params.r + frequency, params.alpha + T, horizon))

    def survival_while_alive(self, params, horizon, frequency, T):
        return np.ones(np.broadcast(params.r, horizon, frequency, T).shape)

    def draw_orders_while_alive(self, rng, params, horizon, frequency, T) -> SimulatedOrders:
        rate, age = np.broadcast_arrays(params.r + np.asarray(frequency, dtype=float), params.alpha + T)
        count = rng.poisson(rng.standard_gamma(rate) / age * horizon)
        return SimulatedOrders(count, np.full(rate.shape, float(horizon)), np.zeros(rate.shape, dtype=bool))

    def leaving(self, params, most_repeats, year) -> Leaving:
        return Nobody(params)


class Nobody(Leaving):
    """Nobody leaves, whatever is shifted."""

    def _of_alive(self, kind, sizes, times, alive):
        totals = self._at_rest(alive).sum(axis=(2, 3))[:, None, :, None]
        return np.broadcast_to(totals, (3, len(sizes), totals.shape[2], len(times)))


def refuse_without_dropout(fits: PurchaseFits) -> None:
    """Raise Unavailable for what asks how customers leave, where the model in use is NBD."""
    if fits.primary.model == NBD.name:
        raise Unavailable(
            "In the model that was chosen for this report nobody leaves, so nothing can be said of what keeping more "
            "customers would bring."
            if len(fits.names) > 1
            else "These data do not show customers leaving, so the model in use lets nobody leave, and nothing can be "
            "said of what keeping more of them would bring.",
            code="purchase.nobody_leaves",
        )
