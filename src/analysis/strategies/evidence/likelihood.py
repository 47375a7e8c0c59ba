"""The joint likelihood of buying and leaving after each encounter, with customers who differ.

A customer with rate lambda and dropout p who met a gap D_j orders again at the pace lambda_j = lambda exp(gamma h_j)
and leaves with logit p_j = logit p - theta h_j, where h(D) = max(D, 0) - b max(-D, 0). An interval w that an order
ends contributes (1 - p_j) lambda_j exp(-lambda_j w), the last one, still open, p_j + (1 - p_j) exp(-lambda_j w).

Customers differ as in the fitted purchase model: lambda ~ Gamma(r, alpha), integrated in closed form, and
p ~ Beta(a, b), integrated by Gauss-Jacobi quadrature. The shape of the dropout comes from the fitted model; its level,
r and alpha are estimated again here, since they shift once gaps are part of the model. Lambda may depend on the
customer's own mean surplus and shortfall [1]_, so that the pace is compared within customers: those who buy small
baskets often have noisier gaps, which is no effect of the gaps. Leaving happens once and cannot be compared within
customers.

References
----------
.. [1] Mundlak (1978), On the pooling of time series and cross section data, Econometrica 46(1):69-85.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, gammaln, logit, roots_sh_jacobi

from analysis.strategies.evidence.encounters import Intervals

NODES = 8
PARAMETERS = ("log_r", "log_alpha", "dropout_level", "gamma", "theta", "log_b")
PRIOR_MEAN = (0.0, 0.0, 0.0, 0.0, 0.0, float(np.log(2.0)))
PRIOR_SD = (3.0, 3.0, 2.0, 10.0, 10.0, 1.0)
"""Weak normal priors that keep the maximum inside where data say nothing; the asymmetry lies within 0.4 and 10."""
CONTROL_SD = 10.0
ENOUGH = 0.005
ROUNDS = 3


@dataclass(frozen=True)
class Maximum:
    """Where the penalised likelihood is largest.

    Attributes
    ----------
    point
        ``PARAMETERS``, then the coefficients of the controls of the pace, then those of staying.
    value
        Penalised log-likelihood.
    converged
        Whether a Newton step would win less than 0.005.
    """

    point: np.ndarray
    value: float
    converged: bool


class JointLikelihood:
    """The likelihood for given gaps.

    Parameters
    ----------
    intervals
        The intervals after the encounters.
    surplus, shortfall
        Of each encounter, shape (n,).
    pace, leaving
        Controls of the log pace and of the log odds of staying, shapes (n, k).
    dropout
        (a, b) of the fitted purchase model.
    """

    def __init__(self, intervals: Intervals, surplus, shortfall, pace, leaving, dropout: tuple[float, float]):
        self.intervals, self.surplus, self.shortfall = intervals, surplus, shortfall
        self.pace, self.leaving = np.ascontiguousarray(pace.T), np.ascontiguousarray(leaving.T)
        self.is_closed = ~intervals.is_open
        self.last = intervals.first + intervals.closed
        log_odds, self.log_weight = dropout_nodes(*dropout, intervals.closed)
        self.odds = np.ascontiguousarray(np.exp(log_odds).T)
        self.base = intervals.closed[:, None] * np.logaddexp(0.0, log_odds)
        controls = pace.shape[1] + leaving.shape[1]
        self.prior_mean = np.r_[PRIOR_MEAN, np.zeros(controls)]
        self.prior_sd = np.r_[PRIOR_SD, np.full(controls, CONTROL_SD)]

    def penalised(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Log-likelihood plus log prior, and its gradient."""
        value, heads, slopes = self._parts(point)
        gradient = np.array([*(head.sum() for head in heads), *(_product(slope, column) for slope, column in slopes)])
        distance = (point - self.prior_mean) / self.prior_sd
        return float(value.sum() - 0.5 * distance @ distance), gradient - distance / self.prior_sd

    def scores(self, point: np.ndarray) -> np.ndarray:
        """Gradient of each customer's log-likelihood, shape (customers, parameters)."""
        _, heads, slopes = self._parts(point)
        summed = (np.add.reduceat(slope * column, self.intervals.first) for slope, column in slopes)
        return np.column_stack([*heads, *summed])

    def by_customer(self, point: np.ndarray) -> np.ndarray:
        """Log-likelihood of each customer, shape (customers,)."""
        return self._parts(point)[0]

    def _parts(self, point: np.ndarray):
        """Log-likelihood by customer; its gradient by log r and log alpha; the rest of it as slopes and columns."""
        r, alpha = np.exp(point[:2])
        level, gamma, theta, b = point[2], point[3], point[4], np.exp(point[5])
        of_pace, of_leaving = np.split(point[len(PARAMETERS) :], [len(self.pace)])
        response = self.surplus - b * self.shortfall
        log_pace = gamma * response + _combined(self.pace, of_pace)
        stays = theta * response + _combined(self.leaving, of_leaving) - level
        value, d_pace, d_stays, *heads = self._by_encounter(r, alpha, log_pace, stays)
        slopes = [
            (d_stays, np.full(len(stays), -1.0)),
            (d_pace, response),
            (d_stays, response),
            (gamma * d_pace + theta * d_stays, -b * self.shortfall),
            *((d_pace, column) for column in self.pace),
            *((d_stays, column) for column in self.leaving),
        ]
        return value, heads, slopes

    def _by_encounter(self, r, alpha, log_pace, stays):
        """Log-likelihood by customer; its derivatives by each log pace, each log odds of staying, log r, log alpha."""
        first, closed, count = self.intervals.first, self.intervals.closed, self.intervals.count
        time = self.intervals.weeks * np.exp(np.minimum(log_pace, 50.0))
        passed = alpha + np.add.reduceat(np.where(self.is_closed, time, 0.0), first)
        silent = passed + time[self.last]
        still = (passed / silent) ** (r + closed)
        p, survived = self._dropout(stays)
        p_last = p[:, self.last].T
        quiet = p_last + (1 - p_last) * still[:, None]
        log_terms = self.log_weight + self.base + survived + np.log(quiet)
        top = log_terms.max(axis=1, keepdims=True)
        terms = np.exp(log_terms - top)
        total = terms.sum(axis=1, keepdims=True)
        share = terms / total
        value = (top + np.log(total))[:, 0] + gammaln(r + closed) - gammaln(r) + r * np.log(alpha)
        value += np.add.reduceat(np.where(self.is_closed, log_pace, 0.0), first) - (r + closed) * np.log(passed)
        left = (share * p_last / quiet).sum(axis=1)
        rate_left, rate_here = (r + closed) * left / passed, (r + closed) * (1 - left) / silent
        d_stays = np.zeros(len(stays))
        for node in range(NODES):
            d_stays += np.repeat(share[:, node], count) * p[node]
        d_stays[self.last] = -(share * p_last * (1 - p_last) * (1 - still[:, None]) / quiet).sum(axis=1)
        d_pace = 1 - time * np.repeat(rate_left + rate_here, count)
        d_pace[self.last] = -time[self.last] * rate_here
        d_alpha = r - alpha * (rate_left + rate_here)
        d_r = r * (
            digamma(r + closed) - digamma(r) + np.log(alpha) - left * np.log(passed) - (1 - left) * np.log(silent)
        )
        return value, d_pace, d_stays, d_r, d_alpha

    def _dropout(self, stays) -> tuple[np.ndarray, np.ndarray]:
        """Chance of leaving by node, (NODES, n), and log chance of having stayed until the last encounter."""
        leaves = np.exp(np.clip(-stays, -50.0, 50.0))
        p, survived = np.empty((NODES, len(stays))), np.empty((len(self.last), NODES))
        # Node by node, so that what is worked on stays in the processor's cache.
        for node in range(NODES):
            odds = np.repeat(self.odds[node], self.intervals.count) * leaves
            p[node] = odds / (1 + odds)
            stayed = np.where(self.is_closed, np.log1p(odds), 0.0)
            survived[:, node] = -np.add.reduceat(stayed, self.intervals.first)
        return p, survived


# Sums over a hundred thousand encounters, without BLAS: its threads cost more here than they save.
def _combined(columns: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    return np.einsum("kn,k->n", columns, coefficients)


def _product(left: np.ndarray, right: np.ndarray) -> float:
    return float(np.einsum("n,n->", left, right))


def dropout_nodes(a: float, b: float, survived: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log odds and log weights, each (customers, NODES), that integrate over Beta(a, b + survived).

    The density of having survived as often under Beta(a, b) is left out, since it does not depend on anything that is
    estimated.
    """
    levels, where = np.unique(survived, return_inverse=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = [roots_sh_jacobi(NODES, a + b + level - 1.0, a) for level in levels]
    share = np.clip([nodes for nodes, _ in found], 1e-12, 1 - 1e-12)
    weight = np.array([weights / weights.sum() for _, weights in found])
    return logit(share)[where], np.log(np.maximum(weight, 1e-300))[where]


def maximum(likelihood: JointLikelihood, start: np.ndarray) -> Maximum:
    """The maximum, searched on a scale on which the scores are about uncorrelated, again where it was not reached."""
    found = _search(likelihood, start)
    for _ in range(ROUNDS - 1):
        if found.converged:
            break
        found = _search(likelihood, found.point)
    return found


def _search(likelihood: JointLikelihood, start: np.ndarray) -> Maximum:
    scores = likelihood.scores(start)
    scale = np.linalg.cholesky(np.linalg.inv(scores.T @ scores + np.diag(likelihood.prior_sd**-2.0)))

    def loss(step):
        value, gradient = likelihood.penalised(start + scale @ step)
        return -value, -(scale.T @ gradient)

    found = minimize(loss, np.zeros(len(start)), jac=True, method="BFGS", options={"gtol": 0.02, "maxiter": 200})
    decrement = float(found.jac @ found.hess_inv @ found.jac) / 2
    return Maximum(start + scale @ found.x, float(-found.fun), bool(np.isfinite(found.fun) and decrement < ENOUGH))


def sandwich(likelihood: JointLikelihood, point: np.ndarray) -> tuple[np.ndarray, float]:
    """Covariance of the estimates that holds where the likelihood is wrong (clustered by customer), and its inflation.

    The inflation is the mean ratio of these variances to those that the curvature alone would give.
    """
    curvature = np.empty((len(point), len(point)))
    step = 1e-4 * np.maximum(1.0, np.abs(point))
    for k, width in enumerate(step):
        move = np.zeros(len(point))
        move[k] = width
        up, down = likelihood.penalised(point + move)[1], likelihood.penalised(point - move)[1]
        curvature[k] = -(up - down) / (2 * width)
    naive = np.linalg.inv((curvature + curvature.T) / 2)
    scores = likelihood.scores(point)
    centred = scores - scores.mean(axis=0)
    robust = naive @ (centred.T @ centred + np.diag(likelihood.prior_sd**-2.0)) @ naive
    effects = slice(3, 6)
    return robust, float(np.mean(np.diag(robust)[effects] / np.diag(naive)[effects]))
