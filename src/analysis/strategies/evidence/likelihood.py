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

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize
from scipy.special import digamma, gammaln, logit

from analysis.config.assumptions import BY_NAME, Assumption
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
from analysis.strategies.evidence.findings import Finding, Part, capped_range, holds
from analysis.words import Message

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
    share, weight = np.array([beta_rule(a, b + level, NODES) for level in levels]).swapaxes(0, 1)
    share = np.clip(share, 1e-12, 1 - 1e-12)
    return logit(share)[where], np.log(np.maximum(weight, 1e-300))[where]


def maximum(likelihood: JointLikelihood, start: np.ndarray) -> Maximum:
    """The maximum, searched on a scale on which the scores are about uncorrelated, again where it was not reached."""
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
    return Maximum(point, float(-found.fun), converged)


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


DEAL, EXPERIENCE = "deal", "exp"
KAPPAS = np.array([0.03, 0.07, 0.12, 0.18, 0.25, 0.33, 0.42, 0.52, 0.64, 0.76, 0.88, 1.0])
FINE_KAPPAS = np.linspace(KAPPAS[0], KAPPAS[-1], 389)
DRAWS = 1_000
UNIT = Message(
    "Effects of the experience are per standard deviation of the scores, while the simulation counts in standard "
    "deviations of the sector's quality. So pace and staying after a better experience remain assumptions; whoever "
    "knows the ratio can state `strategies.assumptions.gamma_exp` and `theta_exp`.",
    code="evidence.note.unit_of_scores",
)
GAMMA, THETA, LOG_B = (PARAMETERS.index(name) for name in ("gamma", "theta", "log_b"))


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
    """What gaps between met and expected do, by the joint likelihood with the smoothing profiled.

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
    chosen = some_customers(encounters, seed)
    if chosen is not encounters:
        met = met[np.isin(encounters.customer, chosen.customer)]
    intervals = intervals_of(chosen, known=np.isfinite(met))
    _refuse_too_little(intervals, met)
    setting = _Setting(chosen, intervals, met, initial, dropout)
    return _curve(setting, channel, level, np.random.default_rng([seed, 43]))


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


@dataclass(frozen=True)
class _Setting:
    encounters: Encounters
    intervals: Intervals
    met: np.ndarray
    initial: float
    dropout: tuple[float, float]

    @property
    def is_known(self) -> np.ndarray:
        """Whether it is known what each encounter of the intervals met."""
        return np.isfinite(self.met[self.intervals.row])

    def gaps(self, kappa: float) -> tuple[np.ndarray, np.ndarray]:
        first, count = self.encounters.first, self.encounters.count
        surplus, shortfall = gaps(self.met, first, count, kappa, self.initial)
        return surplus[self.intervals.row], shortfall[self.intervals.row]

    def likelihood(self, kappa: float, *, later=None, earlier=None) -> JointLikelihood:
        """At a smoothing; ``later`` and ``earlier`` are the placebos' columns in the pace and in leaving."""
        surplus, shortfall = self.gaps(kappa)
        every = self.intervals
        usual = every.usual(surplus), every.usual(shortfall)
        pace = np.column_stack([every.basket, *usual, *([] if later is None else [later])])
        leaving = np.column_stack([every.basket, *([] if earlier is None else [earlier])])
        return JointLikelihood(every, surplus, shortfall, pace, leaving, self.dropout)

    @property
    def known(self) -> tuple[int, int]:
        """Customers of whom it is known what they met, and at how many encounters."""
        row = self.intervals.row[self.is_known]
        return int(np.unique(self.encounters.customer[row]).size), int(row.size)

    @property
    def start(self) -> np.ndarray:
        scale = max(float(np.median(self.intervals.weeks)), 0.1)
        return np.r_[0.0, np.log(scale), 0.0, 0.1, 0.1, np.log(2.0), np.zeros(4)]


def _curve(setting: _Setting, channel: str, level: float, rng: np.random.Generator) -> Part:
    found = _profile(setting)
    values = np.array([each.value for each in found])
    smooth = CubicSpline(KAPPAS, values)(FINE_KAPPAS)
    kappa = float(FINE_KAPPAS[np.argmax(smooth)])
    likelihood = setting.likelihood(kappa)
    best = maximum(likelihood, found[int(np.argmax(values))].point)
    covariance, inflation = sandwich(likelihood, best.point)
    if not (best.converged and np.isfinite(covariance).all() and (np.diag(covariance) > 0).all()):
        raise Unavailable(
            "The likelihood of buying and leaving has no clear maximum, so these data do not tell the curve.",
            code="evidence.reason.not_identified",
        )
    draws = _draws(found, smooth, best, covariance, max(inflation, 1.0), rng)
    named = {
        f"kappa_{channel}": draws[:, -1],
        f"gamma_{channel}": draws[:, GAMMA],
        f"theta_{channel}": draws[:, THETA],
        "loss_aversion": np.exp(draws[:, LOG_B]),
    }
    pace, leaving = _findings(setting, channel, kappa, best.point, named, level)
    kappa = Interval.around(float(np.median(draws[:, -1])), draws[:, -1], level)
    loss_aversion = Interval.around(np.exp(best.point[LOG_B]), named["loss_aversion"], level)
    details = {"kappa": kappa, "loss_aversion": loss_aversion, "encounters": setting.known[1]}
    effects = {f"gamma_{channel}": pace, f"theta_{channel}": leaving}
    clean = {name for name, finding in effects.items() if finding.verdict == "estimate"}
    # Effects of the experience are per standard deviation of the scores. How many of these make one of the sector's
    # quality, in which the simulation counts, the scores of one company do not tell; smoothing and asymmetry have no
    # unit of that kind.
    used = (clean if channel == DEAL else set()) | ({f"kappa_{channel}", "loss_aversion"} if clean else set())
    estimates, notes = {name: named[name] for name in named if name in used}, () if channel == DEAL else (UNIT,)
    return Part((pace, leaving), details, estimates, _caps(channel, effects), notes)


def _caps(channel: str, effects) -> dict[str, Assumption]:
    """Ranges of assumptions that the effects of deals limit, where the pace's placebo holds zero."""
    if channel != DEAL or not holds(effects["gamma_deal"].placebo, 0.0):
        return {}
    found = {name: capped_range(finding, BY_NAME[name]) for name, finding in effects.items()}
    return {name: span for name, span in found.items() if span is not None}


def _profile(setting: _Setting) -> list[Maximum]:
    """The maximum at every smoothing of the grid, each search beginning where the last one ended."""
    found, start = [], setting.start
    for kappa in KAPPAS:
        found.append(maximum(setting.likelihood(kappa), start))
        start = found[-1].point
    return found


def _draws(found, smooth, best: Maximum, covariance, inflation: float, rng) -> np.ndarray:
    """Draws of all parameters with the smoothing last: it from its profile, the others around their maximum there."""
    weight = np.exp((smooth - smooth.max()) / inflation)
    # Evenly spaced quantiles of the smoothing's distribution rather than random ones: nothing is lost and less noise.
    ranks = rng.permutation((np.arange(DRAWS) + 0.5) / DRAWS)
    kappa = np.interp(ranks, np.cumsum(weight) / weight.sum(), FINE_KAPPAS)
    path = CubicSpline(KAPPAS, np.array([each.point for each in found]))
    centre = path(kappa) + (best.point - path(FINE_KAPPAS[np.argmax(smooth)]))
    noise = rng.standard_normal((DRAWS, len(best.point))) @ np.linalg.cholesky(covariance).T
    return np.column_stack([centre + noise, kappa])


def _findings(setting: _Setting, channel: str, kappa: float, point, draws, level: float) -> tuple[Finding, Finding]:
    placebos = zip(("gamma", "theta"), (GAMMA, THETA), _placebos(setting, kappa, point, level), strict=True)
    pace, leaving = (
        Finding.of(
            f"curve.{name}_{channel}",
            Interval.around(point[index], draws[f"{name}_{channel}"], level),
            placebo,
            setting.known,
            sign=1,
        )
        for name, index, placebo in placebos
    )
    # Gaps that the pace shows not to come by chance say nothing sure of leaving either.
    if leaving.verdict in ("estimate", "opposite") and not holds(pace.placebo, 0.0):
        leaving = replace(leaving, verdict="association")
    return pace, leaving


def _placebos(setting: _Setting, kappa: float, point, level: float) -> tuple[Interval, Interval]:
    """The gap at the order that ended an interval, in its pace; the gap before the last, in leaving after the last."""
    surplus, shortfall = setting.gaps(kappa)
    response = surplus - np.exp(point[LOG_B]) * shortfall
    every = setting.intervals
    # One value for all who have no such order: the customer's own would tell whether there was one.
    of_all = float(response[setting.is_known].mean())
    response = np.where(setting.is_known, response, of_all)
    likelihood = setting.likelihood(
        kappa, later=every.at_next(response, of_all), earlier=every.at_previous(response, of_all)
    )
    start = np.r_[point[: len(PARAMETERS) + 3], 0.0, point[len(PARAMETERS) + 3 :], 0.0]
    best = maximum(likelihood, start)
    error = np.sqrt(np.abs(np.diag(sandwich(likelihood, best.point)[0])))
    later = len(PARAMETERS) + 3
    return tuple(Interval.normal(best.point[k], error[k], level) for k in (later, len(best.point) - 1))
