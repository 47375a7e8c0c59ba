"""The joint likelihood of buying and leaving after each encounter, with customers who differ.

A customer with rate lambda and dropout p who met a gap D_j orders again at the pace lambda_j = lambda exp(gamma h_j)
and leaves with logit p_j = logit p - theta h_j, where h(D) = max(D, 0) - b max(-D, 0); what is expected follows what
was met by the share kappa of every gap. An interval w that an order ends contributes (1 - p_j) lambda_j
exp(-lambda_j w), the last one, still open, p_j + (1 - p_j) exp(-lambda_j w).

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

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln, logit

from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.models.quadrature import beta_rule
from analysis.strategies.evidence.encounters import (
    CONSTANT,
    FEWEST_CLOSED,
    INTERVALS,
    Encounters,
    Intervals,
    gaps,
    intervals_of,
    nothing_varies,
    some_customers,
    too_few,
)
from analysis.strategies.evidence.findings import Finding, Part, holds
from analysis.words import Message

NODES = 8
PARAMETERS = ("log_r", "log_alpha", "dropout_level", "gamma", "theta", "log_b", "logit_kappa")
GAMMA, THETA, LOG_B, LOGIT_KAPPA = (PARAMETERS.index(name) for name in ("gamma", "theta", "log_b", "logit_kappa"))
PRIOR_MEAN = (0.0, 0.0, 0.0, 0.0, 0.0, float(np.log(2.0)), float(logit(0.3)))
PRIOR_SD = (3.0, 3.0, 2.0, 10.0, 10.0, 1.0, 1.5)
"""Weak normal priors that keep the maximum inside where data say nothing; the asymmetry lies within 0.4 and 10, the
smoothing within 0.04 and 0.83."""
CONTROL_SD = 10.0
ENOUGH = 0.005
ROUNDS = 3
STEP = 1e-6
DRAWS = 1_000
DEAL, EXPERIENCE = "deal", "exp"
UNIT = Message(
    "Effects of the experience are per standard deviation of the scores, while the simulation counts in standard "
    "deviations of the sector's quality. So pace and staying after a better experience remain assumptions; whoever "
    "knows the ratio can state `strategies.assumptions.gamma_exp` and `theta_exp`.",
    code="evidence.note.unit_of_scores",
)


class JointLikelihood:
    """The likelihood, of points ``PARAMETERS``, then the coefficients of the controls of the pace, then of staying.

    Parameters
    ----------
    intervals
        The intervals after the encounters.
    felt
        Smoothing -> surplus and shortfall of each encounter, both of shape (n,).
    dropout
        (a, b) of the fitted purchase model.
    later, earlier
        The placebos' columns in the log pace and in the log odds of staying, shape (n,).
    """

    def __init__(self, intervals: Intervals, felt: Callable, dropout: tuple[float, float], *, later=None, earlier=None):
        self.intervals, self.felt = intervals, felt
        self.later, self.earlier = ([] if each is None else [each] for each in (later, earlier))
        self.is_closed = ~intervals.is_open
        self.last = intervals.first + intervals.closed
        log_odds, self.log_weight = dropout_nodes(*dropout, intervals.closed)
        self.odds = np.ascontiguousarray(np.exp(log_odds).T)
        self.base = intervals.closed[:, None] * np.logaddexp(0.0, log_odds)
        controls = 4 + len(self.later) + len(self.earlier)
        self.prior_mean = np.r_[PRIOR_MEAN, np.zeros(controls)]
        self.prior_sd = np.r_[PRIOR_SD, np.full(controls, CONTROL_SD)]

    @property
    def start(self) -> np.ndarray:
        """Where the search begins."""
        scale = max(float(np.median(self.intervals.weeks)), 0.1)
        return np.r_[0.0, np.log(scale), 0.0, 0.1, 0.1, self.prior_mean[LOG_B:]]

    def penalised(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """Log-likelihood plus log prior, and its gradient."""
        value, heads, slopes = self._parts(point)
        gradient = np.array([*(head.sum() for head in heads), *(slope @ column for slope, column in slopes)])
        distance = (point - self.prior_mean) / self.prior_sd
        return float(value.sum() - 0.5 * distance @ distance), gradient - distance / self.prior_sd

    def scores(self, point: np.ndarray) -> np.ndarray:
        """Gradient of each customer's log-likelihood, shape (customers, parameters)."""
        _, heads, slopes = self._parts(point)
        summed = (np.add.reduceat(slope * column, self.intervals.first) for slope, column in slopes)
        return np.column_stack([*heads, *summed])

    def _parts(self, point: np.ndarray):
        """Log-likelihood by customer; its gradient by log r and log alpha; the rest of it as slopes and columns."""
        r, alpha = np.exp(point[:2])
        level, gamma, theta, b = point[2], point[GAMMA], point[THETA], np.exp(point[LOG_B])
        surplus, shortfall, *usual = felt = self._gaps(point[LOGIT_KAPPA])
        pace = np.array([self.intervals.basket, *usual, *self.later])
        leaving = np.array([self.intervals.basket, *self.earlier])
        of_pace, of_leaving = np.split(point[len(PARAMETERS) :], [len(pace)])
        response = surplus - b * shortfall
        log_pace = gamma * response + of_pace @ pace
        stays = theta * response + of_leaving @ leaving - level
        value, d_pace, d_stays, *heads = self._by_encounter(r, alpha, log_pace, stays)
        moved = self._gaps(point[LOGIT_KAPPA] + STEP)
        d_surplus, d_shortfall, *d_usual = (moved - felt) / STEP
        d_response, ones = gamma * d_pace + theta * d_stays, np.ones(len(stays))
        by_kappa = d_response * (d_surplus - b * d_shortfall) + d_pace * (of_pace[1:3] @ d_usual)
        slopes = [
            (d_stays, -ones),
            (d_pace, response),
            (d_stays, response),
            (d_response, -b * shortfall),
            (by_kappa, ones),
            *((d_pace, column) for column in pace),
            *((d_stays, column) for column in leaving),
        ]
        return value, heads, slopes

    def _gaps(self, logit_kappa: float) -> np.ndarray:
        """Surplus and shortfall of each encounter, and the customer's usual ones, shape (4, n)."""
        both = self.felt(expit(logit_kappa))
        return np.array([*both, *(self.intervals.usual(each) for each in both)])

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


def dropout_nodes(a: float, b: float, survived: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log odds and log weights, each (customers, NODES), that integrate over Beta(a, b + survived).

    The density of having survived as often under Beta(a, b) is left out, since it does not depend on anything that is
    estimated.
    """
    levels, where = np.unique(survived, return_inverse=True)
    share, weight = np.array([beta_rule(a, b + level, NODES) for level in levels]).swapaxes(0, 1)
    share = np.clip(share, 1e-12, 1 - 1e-12)
    return logit(share)[where], np.log(np.maximum(weight, 1e-300))[where]


def maximum(likelihood: JointLikelihood, start: np.ndarray) -> tuple[np.ndarray, bool]:
    """Where the penalised likelihood is largest, and whether a Newton step from there would win less than 0.005.

    Searched on a scale on which the scores are about uncorrelated, again where it was not reached.
    """
    point, converged, rounds = start, False, 0
    while not converged and rounds < ROUNDS:
        scores = likelihood.scores(point)
        scale = np.linalg.cholesky(np.linalg.inv(scores.T @ scores + np.diag(likelihood.prior_sd**-2.0)))

        def loss(step, point=point, scale=scale):
            value, gradient = likelihood.penalised(point + scale @ step)
            return -value, -(scale.T @ gradient)

        found = minimize(loss, np.zeros(len(start)), jac=True, method="BFGS", options={"gtol": 0.02, "maxiter": 200})
        converged = bool(np.isfinite(found.fun) and found.jac @ found.hess_inv @ found.jac / 2 < ENOUGH)
        point, rounds = point + scale @ found.x, rounds + 1
    return point, converged


def sandwich(likelihood: JointLikelihood, point: np.ndarray) -> np.ndarray:
    """Covariance of the estimates that holds where the likelihood is wrong (clustered by customer)."""
    scores, prior = likelihood.scores(point), np.diag(likelihood.prior_sd**-2.0)
    # Over half a standard error either way, in directions about uncorrelated: gaps that change their sign make kinks.
    scale = np.linalg.cholesky(np.linalg.inv(scores.T @ scores + prior))
    ends = ([likelihood.penalised(point + end * move)[1] for end in (-0.5, 0.5)] for move in scale.T)
    curvature = np.array([scale.T @ (before - after) for before, after in ends])
    naive = scale @ np.linalg.inv((curvature + curvature.T) / 2) @ scale.T
    centred = scores - scores.mean(axis=0)
    return naive @ (centred.T @ centred + prior) @ naive


def expectation_curve(
    encounters: Encounters,
    met: np.ndarray,
    *,
    channel: str = DEAL,
    initial: float,
    dropout: tuple[float, float],
    level: float,
    seed: int,
) -> Part:
    """What gaps between met and expected do, by the joint likelihood.

    Findings are on gamma and theta. Their placebo: the gap that ends an interval "explains" that interval, which was
    already over; and the gap before the last one "explains" leaving, though it was answered by an order. Where the
    pace's fails, leaving is no more than an association either: both rest on the same gaps. Details: ``kappa``
    (smoothing per purchase), ``loss_aversion`` (weight of a shortfall relative to a surplus) and ``encounters``.

    Parameters
    ----------
    met
        What was met at each encounter, in the channel's unit, NaN where nothing is known, shape (n,). Only what comes
        before a customer's first unknown encounter is used: later expectations are not known.
    initial
        What is expected of the first encounter, in the same unit.
    dropout
        (a, b) of the fitted purchase model: how customers differ in leaving.

    Raises
    ------
    Unavailable
        Where too little of what was met is known, it does not vary, or the likelihood has no clear maximum.
    """
    some = some_customers(encounters, seed)
    chosen, met = encounters.where(some), met[some]
    intervals = intervals_of(chosen, known=np.isfinite(met))
    _refuse_too_little(intervals, met)
    row, first, count = intervals.row, chosen.first, chosen.count
    likelihood = JointLikelihood(
        intervals, lambda kappa: [each[row] for each in gaps(met, first, count, kappa, initial)], dropout
    )
    point, converged = maximum(likelihood, likelihood.start)
    covariance = sandwich(likelihood, point)
    if not (converged and np.isfinite(covariance).all() and (np.diag(covariance) > 0).all()):
        raise Unavailable(
            "The likelihood of buying and leaving has no clear maximum, so these data do not tell the curve.",
            code="evidence.reason.not_identified",
        )
    chance = np.random.default_rng([seed, 43]).standard_normal((DRAWS, len(point)))
    draws = np.vstack([point, point + chance @ np.linalg.cholesky(covariance).T])
    values = {
        f"kappa_{channel}": expit(draws[:, LOGIT_KAPPA]),
        f"gamma_{channel}": draws[:, GAMMA],
        f"theta_{channel}": draws[:, THETA],
        "loss_aversion": np.exp(draws[:, LOG_B]),
    }
    told = {name: Interval.around(each[0], each[1:], level) for name, each in values.items()}
    is_known = np.isfinite(met[row])
    counts = int(np.unique(chosen.customer[row[is_known]]).size), int(is_known.sum())
    names = f"gamma_{channel}", f"theta_{channel}"
    placebos = _placebos(likelihood, dropout, point, is_known, level)
    pace, leaving = (
        Finding.of(f"curve.{name}", told[name], placebo, counts, sign=1)
        for name, placebo in zip(names, placebos, strict=True)
    )
    # Gaps that the pace shows not to come by chance say nothing sure of leaving either.
    if leaving.verdict in ("estimate", "opposite") and not holds(pace.placebo, 0.0):
        leaving = replace(leaving, verdict="association")
    clean = {name for name, each in zip(names, (pace, leaving), strict=True) if each.verdict == "estimate"}
    # Effects of the experience are per standard deviation of the scores. How many of these make one of the sector's
    # quality, in which the simulation counts, the scores of one company do not tell; smoothing and asymmetry have no
    # unit of that kind.
    used = (clean if channel == DEAL else set()) | ({f"kappa_{channel}", "loss_aversion"} if clean else set())
    details = {"kappa": told[f"kappa_{channel}"], "loss_aversion": told["loss_aversion"], "encounters": counts[1]}
    estimates = {name: each[1:] for name, each in values.items() if name in used}
    return Part((pace, leaving), details, estimates, () if channel == DEAL else (UNIT,))


def _refuse_too_little(intervals: Intervals, met: np.ndarray) -> None:
    known, closed = met[np.isfinite(met)], int(intervals.closed.sum())
    if known.size < FEWEST_CLOSED:
        raise too_few("hardly_known", Message("orders of which it is known what they met"), known.size, FEWEST_CLOSED)
    if closed < FEWEST_CLOSED and known.size < len(met):
        what = Message("times between orders that follow no order without a score")
        raise too_few("too_few_answered", what, closed, FEWEST_CLOSED)
    if closed < FEWEST_CLOSED:
        raise too_few("too_few_intervals", INTERVALS, closed, FEWEST_CLOSED)
    if np.ptp(known) < CONSTANT:
        raise nothing_varies()


def _placebos(likelihood: JointLikelihood, dropout, point, is_known, level: float) -> list[Interval]:
    """The gap at the order that ended an interval, in its pace; the gap before the last, in leaving after the last."""
    every, (surplus, shortfall) = likelihood.intervals, likelihood.felt(expit(point[LOGIT_KAPPA]))
    response = surplus - np.exp(point[LOG_B]) * shortfall
    # One value for all who have no such order: the customer's own would tell whether there was one.
    of_all = float(response[is_known].mean())
    response = np.where(is_known, response, of_all)
    beside = JointLikelihood(
        every,
        likelihood.felt,
        dropout,
        later=every.at_next(response, of_all),
        earlier=every.at_previous(response, of_all),
    )
    later = len(PARAMETERS) + 3
    best, _ = maximum(beside, np.r_[point[:later], 0.0, point[later:], 0.0])
    error = np.sqrt(np.abs(np.diag(sandwich(beside, best))))
    return [Interval.normal(best[k], error[k], level) for k in (later, len(best) - 1)]
