"""The expectation curve of one channel: what a gap between met and expected does to the pace and to leaving."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import CubicSpline

from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.strategies.evidence.encounters import (
    CONSTANT,
    FEWEST_CLOSED,
    INTERVALS,
    Encounters,
    Intervals,
    gaps,
    intervals_of,
    some_customers,
    too_few,
)
from analysis.strategies.evidence.findings import Finding, Part, capped_range, holds, normal_interval
from analysis.strategies.evidence.likelihood import PARAMETERS, JointLikelihood, Maximum, maximum, sandwich
from analysis.strategies.parameters import BY_NAME, Assumption, Estimate
from analysis.words import Message

DEAL, EXPERIENCE = "deal", "exp"
KAPPAS = np.array([0.03, 0.07, 0.12, 0.18, 0.25, 0.33, 0.42, 0.52, 0.64, 0.76, 0.88, 1.0])
FINE_KAPPAS = np.linspace(KAPPAS[0], KAPPAS[-1], 389)
DRAWS = 1_000
OTHER_UNIT = Message(
    "estimated per standard deviation of the scores, and the simulation counts in those of the sector",
    code="evidence.kept.other_unit",
)
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


def nothing_varies() -> Unavailable:
    """Why gaps cannot be studied where everybody meets the same."""
    return Unavailable(
        "What orders met does not vary, so there is nothing to compare.", code="evidence.reason.nothing_varies"
    )


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
    estimates = _estimates(channel, effects, details, named)
    deciding = {f"kappa_{channel}": pace} | effects | ({"loss_aversion": pace} if channel == DEAL else {})
    kept = {name: _kept(found, channel) for name, found in deciding.items() if name not in estimates}
    return Part((pace, leaving), details, estimates, _caps(channel, effects), kept, () if channel == DEAL else (UNIT,))


def _estimates(channel: str, effects, details, draws) -> dict[str, Estimate]:
    """Effects with a clean placebo, with the smoothing and asymmetry that they need.

    Effects of the experience are per standard deviation of the scores. How many of these make one of the sector's
    quality, in which the simulation counts, the scores of one company do not tell; smoothing and asymmetry have no unit
    of that kind.
    """
    clean = {name: found.estimate for name, found in effects.items() if found.verdict == "estimate"}
    needed = {f"kappa_{channel}": details["kappa"], "loss_aversion": details["loss_aversion"]} if clean else {}
    found = (clean if channel == DEAL else {}) | needed
    return {name: Estimate(each.estimate, float(draws[name].std()), draws[name]) for name, each in found.items()}


def _caps(channel: str, effects) -> dict[str, Assumption]:
    """Ranges of assumptions that the effects of deals limit, where the pace's placebo holds zero."""
    if channel != DEAL or not holds(effects["gamma_deal"].placebo, 0.0):
        return {}
    found = {name: capped_range(finding, BY_NAME[name]) for name, finding in effects.items()}
    return {name: span for name, span in found.items() if span is not None}


def _kept(found: Finding, channel: str) -> Message:
    return OTHER_UNIT if channel == EXPERIENCE and found.verdict == "estimate" else found.kept


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
    return tuple(normal_interval(best.point[k], error[k], level) for k in (later, len(best.point) - 1))
