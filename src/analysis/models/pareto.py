"""Pareto/NBD: customers order at their own rate and may leave at any moment.

References
----------
.. [1] Schmittlein, Morrison, Colombo (1987), Counting your customers, Management Science 33(1):1-24.
.. [2] Fader, Hardie (2005), A note on deriving the Pareto/NBD model and related expressions, note 009.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import expit, gammaln

from analysis.models.leaving import GammaLeaving
from analysis.models.purchase import Customers, PurchaseModel, SimulatedOrders, log_negative_binomial
from analysis.models.quadrature import unit_rule

NEGLIGIBLE_AFTER = 32.0
"""e-folds after which an integrand counts as nothing."""


NODES, FEW = 16, 4_000
"""Quadrature nodes, and histories up to which all nodes are looked at together."""
OVER_LEAVING, OVER_LIFE = np.array(unit_rule(NODES)), unit_rule(48, near_zero=True)


class ParetoNBDParams(NamedTuple):
    """r (no unit), alpha [time units], s (no unit), beta [time units]."""

    r: float
    alpha: float
    s: float
    beta: float


class ParetoNBD(PurchaseModel):
    """Order rate ~ Gamma(r, alpha), dropout rate ~ Gamma(s, beta), independent of each other."""

    name = "Pareto/NBD"
    Params = ParetoNBDParams
    time_scaled = (False, True, False, True)
    evaluations = 1.5e7  # two hypergeometric functions each

    def log_likelihood(self, params, frequency, recency, T):
        """Equation (18) of [2]_, with the integral over the moment of leaving by quadrature.

        The hypergeometric form, which lifetimes evaluates, overflows for customers with a few hundred orders.

        Examples
        --------
        >>> cdnow = ParetoNBD.Params(r=0.553, alpha=10.578, s=0.606, beta=11.669)
        >>> round(float(ParetoNBD().log_likelihood(cdnow, 2, 30.43, 38.86)), 4)
        -9.5543
        """
        r, alpha = params[:2]
        bought = gammaln(r + frequency) - gammaln(r) + r * np.log(alpha)
        lived, left = _log_lived_or_left(params, frequency, recency, T)
        return bought + np.logaddexp(lived, left)

    def p_alive(self, params, frequency, recency, T):
        """Equation (11) of [1]_: the part of the likelihood in which the customer lived until T."""
        lived, left = _log_lived_or_left(params, frequency, recency, T)
        return expit(lived - left)

    def expected_while_alive(self, params, horizon, frequency, T):
        """Equation (41) of [2]_ without P(alive); continuous across s = 1."""
        r, alpha, s, beta = params
        beta = beta + T
        growth = np.log1p(horizon / beta)
        lifetime = beta * (growth if s == 1 else -np.expm1(-(s - 1) * growth) / (s - 1))
        return (r + frequency) / (alpha + T) * lifetime

    def survival_while_alive(self, params, horizon, frequency, T):
        """(beta' / (beta' + t)) ** s."""
        return np.exp(-params.s * np.log1p(horizon / (params.beta + T))) + 0.0 * np.asarray(frequency)

    def pmf_while_alive(self, params, horizon, frequency, T, count):
        """Negative binomial counts mixed over the time at which the customer leaves, by quadrature."""
        r, alpha, s, beta = params
        rate, age, beta = r + np.asarray(frequency, dtype=float), alpha + T, beta + T
        stays = self.survival_while_alive(params, horizon, frequency, T)
        total = stays * np.exp(log_negative_binomial(count, rate, age, horizon))
        for share, weight in zip(*OVER_LIFE, strict=True):
            time = horizon * share
            leaving = s / (beta + time) * np.exp(-s * np.log1p(time / beta))
            total = total + weight * horizon * leaving * np.exp(log_negative_binomial(count, rate, age, time))
        return total

    def draw_orders_while_alive(self, rng, params, horizon, frequency, T) -> SimulatedOrders:
        """Orders of one future: Poisson while the customer lives."""
        r, alpha, s, beta = params
        rate, age, beta = np.broadcast_arrays(r + np.asarray(frequency, dtype=float), alpha + T, beta + T)
        intensity = rng.standard_gamma(rate) / age
        leaving = np.maximum(rng.standard_gamma(s, size=rate.shape), 1e-300) / beta
        span = np.minimum(rng.standard_exponential(rate.shape) / leaving, horizon)
        return SimulatedOrders(rng.poisson(intensity * span), span, np.zeros(rate.shape, dtype=bool))

    def draw_customers(self, rng, params, frequency, T) -> Customers:
        """lambda ~ Gamma(r + x, alpha + T), mu ~ Gamma(s, beta + T)."""
        r, alpha, s, beta = params
        rate, age, beta = np.broadcast_arrays(r + np.asarray(frequency, dtype=float), alpha + T, beta + T)
        leaving = rng.standard_gamma(s, size=rate.shape) / beta
        return Customers(rng.standard_gamma(rate) / age, np.zeros(rate.shape), leaving)

    def leaving(self, params, most_repeats, year):
        return GammaLeaving(params, year)


def _log_lived_or_left(params, frequency, recency, T) -> tuple[np.ndarray, np.ndarray]:
    """Logs of the two parts of the likelihood but for a common factor: who lived until T, and who left before."""
    r, alpha, s, beta = params
    lived = -(r + frequency) * np.log(alpha + T) - s * np.log1p(T / beta)
    return lived, np.log(s) + s * np.log(beta) + _log_leaving_integral(params, frequency, recency, T)


def _log_leaving_integral(params, frequency, recency, T) -> np.ndarray:
    """Log of the integral over y in (t_x, T) of (alpha + y)^-(r + x) (beta + y)^-(s + 1).

    In w = log((m + y) / (m + t_x)) with m the smaller of alpha and beta the integrand is smooth and falls at least as
    fast as at w = 0, so that ``NEGLIGIBLE_AFTER`` e-folds further on nothing is left.
    """
    r, alpha, s, beta = params
    powers = ((r + frequency, alpha), (s + 1, beta))
    (near_power, near), (far_power, far) = powers if alpha < beta else powers[::-1]
    start = near + recency
    width, share = np.log((near + T) / start), start / (far + recency)
    fall = near_power - 1 + far_power * share
    with np.errstate(divide="ignore", invalid="ignore"):
        width = np.where(fall > 0, np.minimum(width, NEGLIGIBLE_AFTER / fall), width)
        total = 0.0
        for points, weights in OVER_LEAVING.reshape(2, -1, NODES if width.size < FEW else 1).swapaxes(0, 1):
            w = np.multiply.outer(points, width)
            fallen = (near_power - 1) * w + far_power * np.log1p(share * np.expm1(w))
            total = total + np.einsum("k,k...", weights, np.exp(-fallen))
        log_total = np.log(total) + np.log(width)
    return log_total - (near_power - 1) * np.log(start) - far_power * np.log(far + recency)
