"""Gamma-Gamma: order values of customer i are Gamma(p, nu_i) and nu_i ~ Gamma(q, v), however often they order.

References
----------
.. [1] Fader, Hardie (2013), The gamma-gamma model of monetary value, note 025.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import gammaln

from analysis.errors import NotIdentified
from analysis.models.credibility import fit_credibility
from analysis.models.fitting import LARGEST_LOG, Optimum, best_of, corrected, polish
from analysis.models.posterior import Posterior, Prior, draw_posterior
from analysis.models.spend import GAMMA_GAMMA, NO_EFFECT, FrequencyEffect, SpendFit, Spending, SpendParams, fitted_spend

FAR_FROM_MEAN = 3.0
OPEN_MEAN = 2.0
BIN_WIDTH = 0.02


class GammaGamma:
    """Order values of a customer are Gamma(p, nu) and nu ~ Gamma(q, v); see the module."""

    def fit(self, data, seed: int = 1, by_frequency: FrequencyEffect = NO_EFFECT) -> SpendFit:
        """Maximum likelihood and posterior on the customers with repeat orders of positive value.

        Where the data do not identify Gamma-Gamma, credibility takes its place; where they do not tell customers
        apart, the mean of all (``constant``).

        Parameters
        ----------
        data
            ``Orders``, a ``CustomerSummary``, or a frame with lifetimes' columns frequency and monetary_value.
        seed
            The same seed gives the same posterior draws.
        by_frequency
            How order values go with the number of orders, see ``frequency_effect``.

        Examples
        --------
        >>> import analysis as rl
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"frequency": [1, 0, 3], "monetary_value": [20.0, 0.0, 40.0]})
        >>> spend = rl.GammaGamma().fit(frame)
        >>> spend.model, spend.mean_order_value, spend.reason.code
        ('constant', 35.0, 'spend.reason.few_spenders')
        """

        def fit(spending: Spending) -> SpendFit:
            try:
                return fit_gamma_gamma(spending, seed)
            except NotIdentified as why:
                return replace(fit_credibility(spending, seed), reason=why.reason)

        return fitted_spend(data, by_frequency, fit)


def from_free(free: np.ndarray) -> np.ndarray:
    """(log p, log(q - 1), log v) -> (p, q, v): q stays above 1, where the mean exists."""
    p, above_one, v = np.exp(np.asarray(free).T)
    return np.array([p, 1 + above_one, v]).T


def to_free(params) -> np.ndarray:
    """The inverse of ``from_free``."""
    p, q, v = params
    return np.log([p, max(q - 1, 1e-4), v])


def total_log_likelihood(spending: Spending, weight: np.ndarray | None = None):
    """A function from the free parameters to the log-likelihood ([1]_, equation 1a) summed over customers.

    ``weight`` is how many customers each one stands for, shape (n,); None: one each.
    """
    x, m = spending.frequency.astype(float), spending.mean_value
    weight = np.ones(len(spending)) if weight is None else weight
    of_count, counts = pd.factorize(x)
    customers_by_count = np.bincount(of_count, weights=weight)
    customers, spent, weighted_x = weight.sum(), x * m, weight * x
    log_values = float(weight @ np.log(m))
    orders_log_spent = float(weighted_x @ np.log(spent))

    def total(free: np.ndarray) -> float:
        p, q, v = from_free(free)
        by_count = gammaln(p * counts + q) - gammaln(p * counts)
        log_posterior_scale = np.log(spent + v)
        return float(
            customers_by_count @ by_count
            + customers * (q * free[2] - gammaln(q))
            + p * orders_log_spent
            - log_values
            - p * (weighted_x @ log_posterior_scale)
            - q * (weight @ log_posterior_scale)
        )

    return total


def fit_gamma_gamma(spending: Spending, seed: int) -> SpendFit:
    """The Gamma-Gamma fit with its posterior.

    Raises
    ------
    NotIdentified
        As ``gamma_gamma_maximum``, and where the posterior leaves the mean open by more than a factor of two.
    """
    params, errors = gamma_gamma_maximum(spending)
    posterior = gamma_gamma_posterior(params, spending, seed)
    low, high = np.quantile(SpendParams(*posterior.draws.T).expected(0, 0.0), [0.05, 0.95])
    if high > OPEN_MEAN * low:
        raise _wrong_mean()
    log_likelihood = total_log_likelihood(spending)(to_free(params))
    return SpendFit.at(GAMMA_GAMMA, params, errors, posterior, len(spending), log_likelihood)


def gamma_gamma_maximum(spending: Spending) -> tuple[SpendParams, np.ndarray]:
    """The maximum of the likelihood, and standard errors of p, q and v.

    In the model the mean of customers' means is p v / (q - 1). With other spreads of order values than gamma ones, such
    as lognormal, the likelihood can trade that mean for a better tail and miss it by a third, and every one-time buyer
    would be given it.

    Raises
    ------
    NotIdentified
        Where there is no maximum in the interior, or its mean lies further from that of the data than
        ``FAR_FROM_MEAN`` standard errors and 5%.
    """
    mean = float(spending.mean_value.mean())
    scaled = spending.over(mean)
    rough, weight = _binned(scaled)
    best = best_of(total_log_likelihood(rough, weight), [np.array([1.5, 0.7, 0.5]), np.zeros(3)])
    optimum = polish(total_log_likelihood(scaled), best)
    if not optimum.is_peak:
        raise _not_identified(optimum)
    params = SpendParams(*(from_free(optimum.point) * np.array([1, 1, mean])).tolist())
    error = float(spending.mean_value.std() / np.sqrt(len(spending)))
    if abs(params.expected(0, 0.0) - mean) >= max(FAR_FROM_MEAN * error, 0.05 * mean):
        raise _wrong_mean()
    return params, np.array([params.p, params.q - 1, params.v]) * np.sqrt(np.diag(optimum.covariance))


def _binned(spending: Spending) -> tuple[Spending, np.ndarray]:
    """Customers with as many orders and mean values alike to 2%, as one with their geometric mean, and their number.

    What is lost of the log-likelihood is of second order in the width. The maximum itself is of every value.
    """
    if len(spending) < 4_000:
        return spending, np.ones(len(spending))
    logs = np.log(spending.mean_value)
    bins = np.round(logs / BIN_WIDTH).astype(np.int64)
    bins -= bins.min()
    index, key = pd.factorize(spending.frequency * (bins.max() + 1) + bins, sort=True)
    weight = np.bincount(index).astype(float)
    return Spending(key // (bins.max() + 1), np.exp(np.bincount(index, weights=logs) / weight)), weight


def _not_identified(optimum: Optimum) -> NotIdentified:
    log_p, log_above_one, _ = optimum.point
    if log_above_one < -LARGEST_LOG / 2:
        return NotIdentified(
            "A few customers spend so much that the mean order value has no bound under Gamma-Gamma. What an order is "
            "worth rests on how customers' means and their own orders spread instead.",
            code="spend.reason.heavy_tail",
        )
    if log_p > LARGEST_LOG / 2 and log_above_one < LARGEST_LOG / 2:
        return NotIdentified(
            "Customers' means alone do not show how much their own orders vary, so Gamma-Gamma has no maximum. What an "
            "order is worth rests on how customers' means and their own orders spread instead.",
            code="spend.reason.no_variation_within_customers",
        )
    return NotIdentified(
        "Customers' means alone do not show that customers differ in what an order is worth, so Gamma-Gamma has no "
        "maximum. What an order is worth rests on how customers' means and their own orders spread instead.",
        code="spend.reason.no_maximum",
    )


def _wrong_mean() -> NotIdentified:
    return NotIdentified(
        "Order values are spread otherwise than Gamma-Gamma takes for granted: its mean lies far from that of the "
        "data, or they leave it open. What an order is worth rests on how customers' means and their own orders spread "
        "instead.",
        code="spend.reason.mean_far_off",
    )


def gamma_gamma_posterior(params: SpendParams, spending: Spending, seed: int) -> Posterior:
    """Posterior of a Gamma-Gamma fit, see ``analysis.models.posterior``.

    A priori log p, log(q - 1) and log v are normal, v in units of the mean order value.
    """
    scale = float(spending.mean_value.mean())
    prior = Prior(np.array([0.0, 0.0, np.log(scale)]))
    mode, likelihood = to_free(params), total_log_likelihood(spending)
    alike, weight = _binned(spending)
    if alike is not spending:
        likelihood = corrected(total_log_likelihood(alike, weight), likelihood, mode)
    drawn = draw_posterior(likelihood, prior, mode, seed)
    return replace(drawn, names=SpendParams._fields, draws=from_free(drawn.draws))
