"""sBG: how long contracts last, when customers renew each with their own probability.

A customer leaves at every renewal with the same probability theta, and theta ~ Beta(alpha, beta) over customers. Those
most likely to leave do so first, so that the retention rate of a cohort rises although nobody's own rate does.

References
----------
.. [1] Fader, Hardie (2007), How to project customer retention, Journal of Interactive Marketing 21(1):76-90.
.. [2] Fader, Hardie (2010), Customer-base valuation in a contractual setting, Marketing Science 29(1):85-93.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import betaln

from analysis.errors import NotIdentified
from analysis.models.fitting import LogLikelihood, Optimum, best_of, polish
from analysis.models.posterior import Posterior, Prior, draw_posterior

E_FOLDS = 28.0
"""Periods are added up until their discount is below exp(-E_FOLDS)."""
MOST_PERIODS = 1_000_000


class SBGParams(NamedTuple):
    """alpha and beta of the probability to leave (no unit); numbers, or arrays of equal shape such as draws."""

    alpha: float
    beta: float

    def after(self, renewals) -> SBGParams:
        """Parameters of the customers who are left after ``renewals`` renewals."""
        return SBGParams(self.alpha, self.beta + renewals)


def survival(params: SBGParams, periods) -> np.ndarray:
    """Share of a new cohort that is left after ``periods`` renewals: B(alpha, beta + t) / B(alpha, beta).

    See [1]_. ``periods`` may be fractions; the curve is then the model's own continuation.

    Examples
    --------
    >>> high_end = SBGParams(0.668, 3.806)
    >>> [round(float(survival(high_end, t)), 3) for t in (0, 1, 7, 12)]
    [1.0, 0.851, 0.489, 0.378]
    """
    alpha, beta = params
    return np.exp(betaln(alpha, beta + periods) - betaln(alpha, beta))


def retention_rate(params: SBGParams, period) -> np.ndarray:
    """Share of those at risk in tenure period t who renew: (beta + t - 1) / (alpha + beta + t - 1), see [1]_.

    >>> round(float(retention_rate(SBGParams(0.668, 3.806), 1)), 3)
    0.851
    """
    alpha, beta = params
    return (beta + period - 1) / (alpha + beta + period - 1)


def params_at(mean_retention, polarisation) -> SBGParams:
    """The parameters with a given first-renewal retention and polarisation.

    Polarisation is how much customers differ: 1 / (alpha + beta + 1), from 0 (all alike) to 1 (some always stay, some
    never).

    >>> params_at(mean_retention=0.75, polarisation=0.2)
    SBGParams(alpha=1.0, beta=3.0)
    """
    size = 1 / polarisation - 1
    return SBGParams(size * (1 - mean_retention), size * mean_retention)


def discounted_renewals(params: SBGParams, rate: float, periods: int | None = None) -> np.ndarray:
    """Expected renewals of a new customer, each discounted: the sum of S(t) / (1 + rate)^t over t >= 1.

    The first renewal is one whole period ahead. For customers with n renewals behind them use ``params.after(n)``.
    Times (1 + rate) this is the discounted expected residual lifetime of [2]_, which stands immediately before the
    first renewal.

    Parameters
    ----------
    params
        One pair, or draws of shape (n,).
    rate
        Discount rate of one tenure period; above 0 without ``periods``.
    periods
        Number of renewals that count; None for all that come.

    Examples
    --------
    >>> high_end = SBGParams(0.668, 3.806)
    >>> round(float(discounted_renewals(high_end, 0.10)), 3), round(float(discounted_renewals(high_end, 0.10, 1)), 3)
    (4.923, 0.773)
    """
    if periods is None:
        periods = int(min(np.ceil(E_FOLDS / np.log1p(rate)), MOST_PERIODS))
    left = np.ones(np.broadcast(*params).shape)
    total = np.zeros_like(left)
    for period in range(1, periods + 1):
        left = left * retention_rate(params, period) / (1 + rate)
        total += left
    return total


def log_likelihood(counts: pd.DataFrame) -> LogLikelihood:
    """A function from (log alpha, log beta) to the log-likelihood of all renewals, counted as for the fit."""
    period, at_risk, lost = (counts[name].to_numpy(dtype=float) for name in ("period", "at_risk", "lost"))
    before, renewed = period - 1, at_risk - lost

    def total(log_params: np.ndarray) -> float:
        alpha, beta = np.exp(log_params)
        stays = renewed @ np.log(beta + before) - at_risk @ np.log(alpha + beta + before)
        return float(lost.sum() * log_params[0] + stays)

    return total


def fit_shifted_beta_geometric(counts: pd.DataFrame) -> SBGParams:
    """Maximum likelihood of alpha and beta.

    Parameters
    ----------
    counts
        One row a tenure period, any number of cohorts added up: period, from 1, the one that ends with a renewal;
        at_risk, customers whose renewal fell due at its end; lost, those of them who did not renew. A cohort counts in
        the periods that were observed to their end, so that cohorts of different ages are censored right: the
        likelihood is a product over the renewals that were seen.

    Raises
    ------
    NotIdentified
        Where the likelihood has no maximum, with the reason.

    Examples
    --------
    >>> high_end = np.array([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> counts = pd.DataFrame({"period": range(1, 8), "at_risk": high_end[:-1], "lost": -np.diff(high_end)})
    >>> fit = fit_shifted_beta_geometric(counts)
    >>> round(fit.alpha, 3), round(fit.beta, 3)
    (0.668, 3.806)
    """
    counts = counts[counts["at_risk"] > 0]
    _refuse_too_little(counts)
    likelihood = log_likelihood(counts)
    stays = 1 - counts["lost"].sum() / counts["at_risk"].sum()
    starts = [np.log(np.array(params_at(stays, spread))) for spread in (0.5, 0.05)]
    optimum = polish(likelihood, best_of(likelihood, starts))
    if not optimum.is_peak:
        raise _no_peak(optimum, counts)
    return SBGParams(*np.exp(optimum.point).tolist())


def contract_posterior(params: SBGParams, counts: pd.DataFrame, seed: int) -> Posterior:
    """Posterior of alpha and beta, whose logarithms are normal around 0 with sd 2 a priori."""
    drawn = draw_posterior(log_likelihood(counts), Prior(np.zeros(2)), np.log(params), seed)
    return replace(drawn, names=SBGParams._fields, draws=np.exp(drawn.draws))


def _refuse_too_little(counts: pd.DataFrame) -> None:
    due, lost, periods = int(counts["at_risk"].sum()), int(counts["lost"].sum()), len(counts)
    if periods < 2:
        raise NotIdentified(
            "Renewals were seen in {n:integer} period of tenure, too few to tell how customers differ.",
            "Renewals were seen in {n:integer} periods of tenure, too few to tell how customers differ.",
            code="contracts.reason.few_periods",
            n=periods,
        )
    if lost == 0:
        raise NotIdentified(
            "Nobody left at any of the {renewals_due:integer} renewals, so how customers leave cannot be learned.",
            code="contracts.reason.nobody_left",
            renewals_due=due,
        )
    if lost == due:
        raise NotIdentified(
            "Nobody stayed at any of the {renewals_due:integer} renewals, so how customers stay cannot be learned.",
            code="contracts.reason.nobody_stayed",
            renewals_due=due,
        )


def _no_peak(optimum: Optimum, counts: pd.DataFrame) -> NotIdentified:
    seen = {"renewals_due": int(counts["at_risk"].sum()), "lost": int(counts["lost"].sum())}
    if optimum.point.sum() < 0:
        return NotIdentified(
            "Those who leave do so at the first renewal and hardly anyone later ({lost:integer} of "
            "{renewals_due:integer} renewals were not made), so the model has no maximum.",
            code="contracts.reason.at_once_or_never",
            **seen,
        )
    return NotIdentified(
        "Retention does not rise with tenure here ({lost:integer} of {renewals_due:integer} renewals were not made), "
        "so nothing shows that customers differ and the model has no maximum.",
        code="contracts.reason.rates_do_not_rise",
        **seen,
    )
