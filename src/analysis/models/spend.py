"""Gamma-Gamma: what an order of a customer is worth, shrunk towards what orders are worth in general.

Order values of customer i are Gamma(p, nu_i) and nu_i ~ Gamma(q, v), independent of how often they order.

References
----------
.. [1] Fader, Hardie (2013), The gamma-gamma model of monetary value, note 025.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import gammaln

from analysis.errors import DataError, UsageError
from analysis.models.fitting import LARGEST_LOG, Optimum, best_of, polish
from analysis.models.lifetimes_fits import GammaGammaFitter, log_spend_parameters
from analysis.models.patterns import customers_of
from analysis.models.posterior import Posterior, Prior, draw_posterior
from analysis.plotting import Plots
from analysis.tables import table_html
from analysis.words import Message

if TYPE_CHECKING:
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


@dataclass(frozen=True)
class SpendFit:
    """The spend model at its maximum likelihood, with its posterior.

    Attributes
    ----------
    model
        ``Gamma-Gamma``; where the data do not identify it, ``own mean`` or ``constant`` (the mean of all).
    parameters, standard_errors
        p, q (no unit) and v [currency]; without Gamma-Gamma the mean order value.
    log_likelihood
        Unscaled sum over customers in the stated currency; NaN without Gamma-Gamma.
    customers
        Repeat customers with a positive mean order value, on whom it was fitted.
    left_out
        Repeat customers whose repeat orders were worth nothing on balance.
    mean_order_value
        Expected mean order value of a customer nothing is known of [currency].
    recentred_from
        The mean that the likelihood gave, where it contradicted the mean of the data so plainly that v was moved to
        agree with the data [currency]; None where it did not.
    posterior
        Draws of p, q and v; None without Gamma-Gamma.
    reason
        Why Gamma-Gamma is not used; None where it is.
    """

    model: str
    parameters: Mapping[str, float]
    standard_errors: Mapping[str, float]
    log_likelihood: float
    customers: int
    left_out: int
    mean_order_value: float
    recentred_from: float | None = None
    posterior: Posterior | None = None
    reason: Message | None = None

    plot = Plots(
        posterior="analysis.models.plots:plot_posterior",
        shrinkage="analysis.models.plots:plot_shrinkage",
    )

    def __post_init__(self):
        if self.posterior is not None:
            self.posterior.check(self.model, GammaGammaParams._fields, self.parameters)

    @property
    def summary(self) -> pd.DataFrame:
        """Columns coef, se, lower, upper of each parameter: the ends of the central 90% credible interval."""
        columns = {"coef": self.parameters, "se": self.standard_errors}
        table = pd.DataFrame(columns, dtype=float).assign(lower=np.nan, upper=np.nan)
        if self.posterior is not None:
            table[["lower", "upper"]] = np.quantile(self.posterior.draws, [0.05, 0.95], axis=0).T
        return table

    def expected_order_value(self, customers) -> pd.Series:
        """Expected value of each customer's next order [currency], by customer id.

        ``customers`` are ``Orders``, a ``CustomerSummary`` or a frame with the columns frequency and monetary_value.
        """
        frequency, mean_value, ids = _spend_columns(customers)
        return pd.Series(expected_order_values(self, frequency, mean_value), index=ids, name="expected_order_value")

    def to_arviz(self):
        """The posterior draws for arviz: its ``InferenceData``, or its ``DataTree`` from version 1 on."""
        if self.posterior is None:
            raise UsageError(f"the spend model {self.model!r} has no posterior draws")
        return self.posterior.to_arviz()

    def _repr_html_(self) -> str:
        mean = Message("{model}, mean order value {mean:money}", model=self.model, mean=self.mean_order_value)
        return table_html(self.summary, mean)


def _spend_columns(data) -> tuple[np.ndarray, np.ndarray, pd.Index]:
    """Frequency, mean repeat value and ids of customers in any of the accepted forms."""
    if isinstance(data, pd.DataFrame):
        missing = [name for name in ("frequency", "monetary_value") if name not in data]
        if missing:
            raise DataError(*(f"customer summary: there is no column {name!r}" for name in missing))
        return data["frequency"].to_numpy(), data["monetary_value"].to_numpy(dtype=float), data.index
    histories = customers_of(data)[0]
    if not histories.has_money:
        raise DataError("orders: there are no amounts, so that there is no spend to model")
    columns = (histories.table[name].to_numpy() for name in ("frequency", "mean_repeat_value"))
    return *columns, histories.ids


def _mean_order_value(data, frequency: np.ndarray, mean_value: np.ndarray) -> float:
    """Mean of all orders; of repeat orders alone where a summary holds no others."""
    table = None if isinstance(data, pd.DataFrame) else customers_of(data)[0].table
    if table is not None and "spent" in table:
        spent, orders = table["spent"].sum(), table["orders"].sum()
    else:
        spent, orders = np.nansum(frequency * mean_value), frequency.sum()
    return float(max(spent / orders, 0.0)) if orders else 0.0


class GammaGamma:
    """Order values of a customer are Gamma(p, nu) and nu ~ Gamma(q, v); see the module."""

    name = "Gamma-Gamma"
    names = GammaGammaParams._fields
    Params = GammaGammaParams

    def fit(self, data, seed: int = 1) -> SpendFit:
        """Maximum likelihood and posterior on the customers with repeat orders of positive value.

        Where the data do not identify Gamma-Gamma, a stated fallback takes its place: every order is worth its
        customer's own mean (``own mean``) or, where customers do not differ, the mean of all (``constant``).

        Parameters
        ----------
        data
            ``Orders``, a ``CustomerSummary``, or a frame with lifetimes' columns frequency and monetary_value.
        seed
            The same seed gives the same posterior draws.

        Examples
        --------
        >>> import analysis as rl
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"frequency": [1, 0, 3], "monetary_value": [20.0, 0.0, 40.0]})
        >>> spend = rl.GammaGamma().fit(frame)
        >>> spend.model, spend.mean_order_value, spend.reason.code
        ('constant', 35.0, 'spend.reason.few_spenders')
        """
        frequency, mean_value, _ = _spend_columns(data)
        spending, left_out = spending_of(frequency, mean_value)
        reason = _too_little(spending)
        if reason is None:
            optimum, scale = _fit(spending)
            reason = _why_not_identified(optimum)
        if reason is None:
            fit = _spend_fit(spending, optimum, scale, left_out)
            return recentred(fit, spend_posterior(fit, spending, seed), spending, seed)
        return _fallback(_mean_order_value(data, frequency, mean_value), spending, left_out, reason)

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


def fit_spend(histories: CustomerSummary, *, seed: int) -> SpendFit | None:
    """The spend model on the repeat customers of a summary; None where there is no money."""
    return GammaGamma().fit(histories, seed=seed) if histories.has_money else None


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


def spending_of(frequency: np.ndarray, mean_value: np.ndarray) -> tuple[Spending, int]:
    """The repeat customers whose repeat orders were worth something, and how many are left out."""
    fit = (frequency > 0) & (mean_value > 0)
    return Spending(frequency[fit], mean_value[fit], np.ones(fit.sum())), int(((frequency > 0) & ~fit).sum())


def _too_little(spending: Spending) -> Message | None:
    if spending.frequency.size < FEWEST_SPENDERS:
        return Message(
            "There are fewer than ten repeat customers with orders of positive value, too few for Gamma-Gamma: every "
            "order counts with the mean of all.",
            code="spend.reason.few_spenders",
        )
    if np.ptp(spending.mean_value) > 1e-9 * spending.mean_value.max():
        return None
    return Message(
        "All repeat customers spend the same an order, so there is nothing for Gamma-Gamma to learn: every order "
        "counts with the mean of all.",
        code="spend.reason.same_value",
    )


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


def _why_not_identified(optimum: Optimum) -> Message | None:
    if optimum.is_peak:
        return None
    log_p, log_above_one, _ = optimum.point
    if log_above_one < -LARGEST_LOG / 2:
        return Message(
            "A few customers spend so much that the mean order value has no bound under Gamma-Gamma: each order counts "
            "with its customer's own mean instead, without shrinking it.",
            code="spend.reason.heavy_tail",
        )
    if log_p > LARGEST_LOG / 2 and log_above_one < LARGEST_LOG / 2:
        return Message(
            "The data do not show how much a customer's own orders vary in value, so Gamma-Gamma has no maximum: each "
            "order counts with its customer's own mean.",
            code="spend.reason.no_variation_within_customers",
        )
    return Message(
        "Customers do not differ in what an order is worth beyond chance, so Gamma-Gamma has no maximum: every order "
        "counts with the mean of all.",
        code="spend.reason.no_difference_between_customers",
    )


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


def recentred(fit: SpendFit, posterior: Posterior, spending: Spending, seed: int) -> SpendFit:
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
        return replace(fit, posterior=posterior)
    p, q, _ = fit.parameters.values()
    params = GammaGammaParams(p, q, sample * (q - 1) / p)
    means = np.maximum(np.random.default_rng(seed).normal(sample, error, len(posterior.draws)), 0.01 * sample)
    draws = posterior.draws.copy()
    draws[:, 2] = means * (draws[:, 1] - 1) / draws[:, 0]
    return replace(
        fit,
        parameters=params._asdict(),
        log_likelihood=MODEL.total_log_likelihood(spending)(MODEL.to_free(params)),
        mean_order_value=sample,
        recentred_from=fit.mean_order_value,
        posterior=replace(posterior, draws=draws),
    )


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


def _fallback(mean: float, spending: Spending, left_out: int, reason: Message) -> SpendFit:
    differ = reason.code in {"spend.reason.heavy_tail", "spend.reason.no_variation_within_customers"}
    return SpendFit(
        model="own mean" if differ else "constant",
        parameters={"mean": mean},
        standard_errors={},
        log_likelihood=float("nan"),
        customers=int(spending.frequency.size),
        left_out=left_out,
        mean_order_value=mean,
        reason=reason,
    )
