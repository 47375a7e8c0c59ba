"""Gamma-Gamma: what an order of a customer is worth, shrunk towards what orders are worth in general.

Order values of customer i are Gamma(p, nu_i) and nu_i ~ Gamma(q, v), independent of how often they order.

References
----------
.. [1] Fader, Hardie (2013), The gamma-gamma model of monetary value, note 025.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import gammaln

from analysis.models.fitting import LARGEST_LOG, Optimum, best_of, polish
from analysis.models.lifetimes_fits import GammaGammaFitter, log_spend_parameters
from analysis.models.posterior import Prior, draw_posterior
from analysis.models.results import Posterior, SpendFit, SpendResult
from analysis.models.spend_dependence import spend_dependence

if TYPE_CHECKING:
    from analysis.config import ModelConfig
    from analysis.data import CustomerSummary

FEWEST_SPENDERS = 10
FAR_FROM_MEAN = 3.0
OPEN_MEAN = 2.0
PRIOR_SD = 2.0
BIN_WIDTH = 0.02


class GammaGammaParams(NamedTuple):
    """p and q (no unit), v [currency]."""

    p: float
    q: float
    v: float


@dataclass(frozen=True)
class Spending:
    """Repeat customers' spend.

    Attributes
    ----------
    frequency
        Repeat orders, shape (n,), at least 1.
    mean_value
        Mean value of a customer's repeat orders [currency], shape (n,), above 0.
    weight
        Customers with these two, shape (n,).
    """

    frequency: np.ndarray
    mean_value: np.ndarray
    weight: np.ndarray


class GammaGamma:
    """The likelihood and the expectations of the Gamma-Gamma model; stateless."""

    name = "Gamma-Gamma"
    names = GammaGammaParams._fields
    Params = GammaGammaParams

    def from_free(self, free: np.ndarray) -> np.ndarray:
        """(log p, log(q - 1), log v) -> (p, q, v): q stays above 1, where the mean exists."""
        p, above_one, v = np.exp(np.asarray(free).T)
        return np.array([p, 1 + above_one, v]).T

    def to_free(self, params) -> np.ndarray:
        """The inverse of ``from_free``."""
        p, q, v = params
        return np.log([p, max(q - 1, 1e-4), v])

    def total_log_likelihood(self, spending: Spending):
        """A function from the free parameters to the log-likelihood ([1]_, equation 1a) summed over customers."""
        x, m, weight = spending.frequency.astype(float), spending.mean_value, spending.weight
        counts, of_count = np.unique(x, return_inverse=True)
        customers_by_count = np.bincount(of_count, weights=weight)
        customers, spent, weighted_x = weight.sum(), x * m, weight * x
        log_values = float(weight @ np.log(m))
        orders_log_spent = float(weighted_x @ np.log(spent))

        def total(free: np.ndarray) -> float:
            p, q, v = self.from_free(free)
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

    def expected_order_value(self, params, frequency, mean_value):
        """E(M | m, x), equation (5) of [1]_: p (v + x m) / (p x + q - 1).

        Examples
        --------
        >>> cdnow = GammaGamma.Params(p=6.25, q=3.74, v=15.44)
        >>> round(float(GammaGamma().expected_order_value(cdnow, 0, 0.0)), 2)
        35.22
        """
        p, q, v = params
        return p * (v + frequency * mean_value) / (p * frequency + q - 1)


MODEL = GammaGamma()


def spend_result(summary: CustomerSummary, config: ModelConfig) -> SpendResult | None:
    """The spend model on the repeat customers of a summary; None where there is no money.

    Where the data do not identify Gamma-Gamma, a stated fallback takes its place: every order is worth its
    customer's own mean (``own mean``) or, where customers do not differ, the mean of all (``constant``).
    """
    if not summary.has_money:
        return None
    spending, left_out = spending_of(summary)
    dependence = spend_dependence(spending.frequency, spending.mean_value, config.credible_level)
    reason = _too_little(spending)
    if reason is None:
        optimum, scale = _fit(spending)
        reason = _why_not_identified(optimum)
        if reason is None:
            fit = _spend_fit(spending, optimum, scale, left_out)
            fit, posterior = recentred(fit, spend_posterior(fit, spending, config.seed), spending, config.seed)
            return SpendResult(fit, posterior, dependence, None)
    return SpendResult(_fallback(summary, spending, left_out, reason), None, dependence, reason)


def fit_gamma_gamma(spending: Spending) -> SpendFit | None:
    """The Gamma-Gamma fit alone; None where the data do not identify it."""
    if _too_little(spending):
        return None
    optimum, scale = _fit(spending)
    return None if _why_not_identified(optimum) else _spend_fit(spending, optimum, scale, 0)


def expected_order_values(fit: SpendFit, frequency, mean_value) -> np.ndarray:
    """Expected value of a customer's next order [currency], shape (n,); ``mean_value`` counts where x > 0."""
    known = (np.asarray(frequency) > 0) & np.isfinite(mean_value)
    own = np.where(known, np.maximum(mean_value, 0.0), 0.0)
    if fit.model == MODEL.name:
        return MODEL.expected_order_value(GammaGammaParams(**fit.parameters), np.where(known, frequency, 0), own)
    if fit.model == "own mean":
        return np.where(known, own, fit.mean_order_value)
    return np.full(np.shape(frequency), fit.mean_order_value)


def spending_of(summary: CustomerSummary) -> tuple[Spending, int]:
    """The repeat customers whose repeat orders were worth something, and how many are left out."""
    table = summary.table
    x, m = table["frequency"].to_numpy(), table["mean_repeat_value"].to_numpy(dtype=float)
    fit = (x > 0) & (m > 0)
    return Spending(x[fit], m[fit], np.ones(fit.sum())), int(((x > 0) & ~fit).sum())


def _too_little(spending: Spending) -> str | None:
    if spending.frequency.size < FEWEST_SPENDERS:
        return "spend.reason.few_spenders"
    spread = np.ptp(spending.mean_value)
    return "spend.reason.same_value" if spread <= 1e-9 * spending.mean_value.max() else None


def _fit(spending: Spending) -> tuple[Optimum, float]:
    scale = float(np.average(spending.mean_value, weights=spending.weight))
    scaled = Spending(spending.frequency, spending.mean_value / scale, spending.weight)
    rough = _binned(scaled)
    starts = [np.array([1.5, 0.7, 0.5]), np.array([0.0, 0.0, 0.0])]
    found = log_spend_parameters(
        GammaGammaFitter(penalizer_coef=0.0), rough.frequency, rough.mean_value, rough.weight, MODEL.names
    )
    if found is not None:
        starts.insert(0, np.clip(MODEL.to_free(np.exp(found)), -LARGEST_LOG, LARGEST_LOG))
    best = best_of(MODEL.total_log_likelihood(rough), starts)
    return polish(MODEL.total_log_likelihood(scaled), best), scale


def _binned(spending: Spending) -> Spending:
    """Mean values rounded to 2% and merged: only where an optimiser starts; the final steps use every value."""
    if spending.frequency.size < 4_000:
        return spending
    bins = np.round(np.log(spending.mean_value) / BIN_WIDTH).astype(np.int64)
    low = bins.min()
    width = bins.max() - low + 1
    key, index = np.unique(spending.frequency * width + bins - low, return_inverse=True)
    x, place = np.divmod(key, width)
    return Spending(x, np.exp((place + low) * BIN_WIDTH), np.bincount(index, weights=spending.weight))


def _why_not_identified(optimum: Optimum) -> str | None:
    if optimum.is_peak:
        return None
    log_p, log_above_one, _ = optimum.point
    if log_above_one < -LARGEST_LOG / 2:
        return "spend.reason.heavy_tail"
    if log_p > LARGEST_LOG / 2 and log_above_one < LARGEST_LOG / 2:
        return "spend.reason.no_variation_within_customers"
    return "spend.reason.no_difference_between_customers"


def _spend_fit(spending: Spending, optimum: Optimum, scale: float, left_out: int) -> SpendFit:
    p, q, v = MODEL.from_free(optimum.point) * np.array([1, 1, scale])
    slopes = np.array([p, q - 1, v])
    return SpendFit(
        model=MODEL.name,
        parameters=GammaGammaParams(float(p), float(q), float(v))._asdict(),
        standard_errors=dict(zip(MODEL.names, (slopes * np.sqrt(np.diag(optimum.covariance))).tolist(), strict=True)),
        log_likelihood=MODEL.total_log_likelihood(spending)(MODEL.to_free((p, q, v))),
        customers=int(spending.weight.sum()),
        left_out=left_out,
        mean_order_value=float(MODEL.expected_order_value(GammaGammaParams(p, q, v), 0, 0.0)),
    )


def recentred(fit: SpendFit, posterior: Posterior, spending: Spending, seed: int) -> tuple[SpendFit, Posterior]:
    """The model moved to the mean of the data, where its own mean p v / (q - 1) lies far from it.

    In the model the mean of customers' means is p v / (q - 1). With other spreads of order values than gamma ones, such
    as lognormal, the likelihood can trade that mean for a better tail and miss it by a third, and every one-time buyer
    would be given it. Beyond ``FAR_FROM_MEAN`` standard errors of the sample mean and 5% of it, v is moved so that the
    means agree; the weight on a customer's own orders, p x / (p x + q - 1), stays. The same
    happens where the posterior leaves the mean open by more than a factor of ``OPEN_MEAN``.
    """
    sample, error = _mean_of_means(spending)
    gap = abs(fit.mean_order_value - sample)
    low, high = np.quantile(posterior.draws[:, 0] * posterior.draws[:, 2] / (posterior.draws[:, 1] - 1), [0.05, 0.95])
    if gap < max(FAR_FROM_MEAN * error, 0.05 * sample) and high < OPEN_MEAN * low:
        return fit, posterior
    p, q, _ = fit.parameters.values()
    params = GammaGammaParams(p, q, sample * (q - 1) / p)
    means = np.maximum(np.random.default_rng(seed).normal(sample, error, len(posterior.draws)), 0.01 * sample)
    draws = posterior.draws.copy()
    draws[:, 2] = means * (draws[:, 1] - 1) / draws[:, 0]
    moved = replace(
        fit,
        parameters=params._asdict(),
        log_likelihood=MODEL.total_log_likelihood(spending)(MODEL.to_free(params)),
        mean_order_value=sample,
        recentred_from=fit.mean_order_value,
    )
    return moved, replace(posterior, draws=draws)


def _mean_of_means(spending: Spending) -> tuple[float, float]:
    mean = float(np.average(spending.mean_value, weights=spending.weight))
    variance = float(np.average((spending.mean_value - mean) ** 2, weights=spending.weight))
    return mean, float(np.sqrt(variance / spending.weight.sum()))


def spend_posterior(fit: SpendFit, spending: Spending, seed: int) -> Posterior:
    """Posterior of a Gamma-Gamma fit, see ``analysis.models.posterior``.

    A priori log p, log(q - 1) and log v are normal, v in units of the mean order value.
    """
    scale = float(np.average(spending.mean_value, weights=spending.weight))
    prior = Prior(np.array([0.0, 0.0, np.log(scale)]), np.full(3, PRIOR_SD))
    start = MODEL.to_free(tuple(fit.parameters.values()))
    drawn = draw_posterior(MODEL.total_log_likelihood(spending), prior, start, seed)
    return Posterior(MODEL.names, MODEL.from_free(drawn.points), drawn.effective_size, drawn.pareto_shape, drawn.method)


def _fallback(summary: CustomerSummary, spending: Spending, left_out: int, reason: str) -> SpendFit:
    table = summary.table
    orders = table["orders"].sum()
    mean = float(max(table["spent"].sum() / orders, 0.0)) if orders else 0.0
    differ = reason in {"spend.reason.heavy_tail", "spend.reason.no_variation_within_customers"}
    return SpendFit(
        model="own mean" if differ else "constant",
        parameters={"mean": mean},
        standard_errors={},
        log_likelihood=float("nan"),
        customers=int(spending.frequency.size),
        left_out=left_out,
        mean_order_value=mean,
    )
