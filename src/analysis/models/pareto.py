"""Pareto/NBD: customers order at their own rate and may leave at any moment.

References
----------
.. [1] Schmittlein, Morrison, Colombo (1987), Counting your customers, Management Science 33(1):1-24.
.. [2] Fader, Hardie (2005), A note on deriving the Pareto/NBD model and related expressions, note 009.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, xlogy

from analysis.models.lifetimes_fits import ParetoNBDFitter, log_parameters
from analysis.models.patterns import Patterns
from analysis.models.purchase import Orders, PurchaseModel


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
        """Equation (18) of [2]_, as lifetimes computes it.

        Examples
        --------
        >>> cdnow = ParetoNBD.Params(r=0.553, alpha=10.578, s=0.606, beta=11.669)
        >>> round(float(ParetoNBD().log_likelihood(cdnow, 2, 30.43, 38.86)[0]), 4)
        -9.4503
        """
        x, t_x, age = np.broadcast_arrays(*(np.atleast_1d(part) for part in (frequency, recency, T)))
        with np.errstate(all="ignore"):
            return ParetoNBDFitter._conditional_log_likelihood(tuple(params), x, t_x, age)

    def total_log_likelihood(self, patterns: Patterns):
        def total(log_params: np.ndarray) -> float:
            return float(patterns.weight @ self.log_likelihood(np.exp(log_params), *patterns.history))

        return total

    def p_alive(self, params, frequency, recency, T):
        """Equation (11) of [1]_: the part of the likelihood in which the customer lived until T."""
        r, alpha, s, beta = params
        lived = (
            gammaln(r + frequency)
            - gammaln(r)
            + r * np.log(alpha)
            - (r + frequency) * np.log(alpha + T)
            - s * np.log1p(T / beta)
        )
        alive = np.exp(lived - self.log_likelihood(params, frequency, recency, T))
        return np.clip(alive.reshape(np.shape(lived)), 0.0, 1.0)

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

    def pmf_while_alive(self, params, horizon, frequency, T, count, nodes: int = 48):
        """Negative binomial counts mixed over the time at which the customer leaves, by quadrature."""
        r, alpha, s, beta = params
        rate, age, beta = r + np.asarray(frequency, dtype=float), alpha + T, beta + T
        points, weights = np.polynomial.legendre.leggauss(nodes)
        share = (points + 1) / 2
        stays = self.survival_while_alive(params, horizon, frequency, T)
        total = stays * _negative_binomial(count, rate, age, horizon)
        for time, weight in zip(horizon * share**2, weights * horizon * share, strict=True):
            leaving = s / (beta + time) * np.exp(-s * np.log1p(time / beta))
            total = total + weight * leaving * _negative_binomial(count, rate, age, time)
        return total

    def draw_orders_while_alive(self, rng, params, horizon, frequency, T) -> Orders:
        """Orders of one future: Poisson while the customer lives."""
        r, alpha, s, beta = params
        rate, age, beta = np.broadcast_arrays(r + np.asarray(frequency, dtype=float), alpha + T, beta + T)
        intensity = rng.standard_gamma(rate) / age
        leaving = np.maximum(rng.standard_gamma(s, size=rate.shape), 1e-300) / beta
        span = np.minimum(rng.standard_exponential(rate.shape) / leaving, horizon)
        return Orders(rng.poisson(intensity * span), span, np.zeros(rate.shape, dtype=bool))

    def lifetimes_fit(self, patterns: Patterns):
        return log_parameters(ParetoNBDFitter(penalizer_coef=0.0), patterns, self.names)


def _negative_binomial(count, rate, age, time):
    share = time / (age + time)
    count = np.asarray(count, dtype=float)
    log_pmf = gammaln(rate + count) - gammaln(rate) - gammaln(count + 1) + rate * np.log1p(-share)
    return np.exp(log_pmf + xlogy(count, share))
