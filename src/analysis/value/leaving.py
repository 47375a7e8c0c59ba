"""How customers leave, as a mixture over their own proneness to leave, so that it can be changed.

Given a customer's proneness (the dropout probability p of BG/NBD and MBG/NBD, the dropout rate mu of Pareto/NBD) both
survival and order rate are elementary, so a population is a set of nodes with weights. Raising retention moves the
nodes or changes their weights. Nodes are equally spaced in logit p (or log mu), where the trapezoidal rule converges
geometrically; the mass beyond the ends sits on the last nodes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from analysis.models.beta_geometric import BetaGeometric
from analysis.models.purchase import PurchaseModel

LOWEST, HIGHEST = -22.0, 14.0
"""Log odds of p beyond which nobody is looked at singly; for log(beta mu) only the lower one."""
WIDEST_STEP = 0.5
STEPS_PER_SPREAD = 0.8


@dataclass(frozen=True)
class Shift:
    """A change of how customers leave.

    Attributes
    ----------
    kind
        ``mean``: the mean dropout falls by the factor exp(-size), the spread among customers stays (a + b of the beta
        distribution, s of the gamma distribution). ``scale``: everyone's dropout falls by that factor. ``logit``:
        everyone's log odds of leaving (at a trial; for Pareto/NBD within a year) fall by ``size``. ``every_year``: the
        population's cumulative hazard falls by that factor, so that the losses of all years shrink alike.
    size
        0 changes nothing; without bound nobody leaves; negative raises dropout.
    """

    kind: str
    size: float


NO_SHIFT = Shift("scale", 0.0)


class Curves(NamedTuple):
    """Of customers with a state each: share still there, and expected orders per time unit, shape (states, times)."""

    survival: np.ndarray
    order_rate: np.ndarray


class Leaving(ABC):
    """One purchase model at given parameters, as a mixture over the proneness to leave."""

    def __init__(self, params):
        self.params = params

    @abstractmethod
    def of_new(self, shift: Shift, times: np.ndarray) -> Curves:
        """A new customer, counted from the first order, which is not in the order rate; shape (1, times)."""

    @abstractmethod
    def of_alive(self, shift: Shift, times: np.ndarray, frequency: np.ndarray, T: np.ndarray) -> Curves:
        """Customers who are alive after x repeat orders at age T, on the grid x by T; shape (len(x) * len(T), times).

        What they did is fixed: under ``mean`` the prior moves and their past stays as evidence.
        """


def leaving_of(model: PurchaseModel, params, most_repeats: float, year: float) -> Leaving:
    """The mixture of a model; ``most_repeats`` is the largest x that will be asked for, ``year`` in time units."""
    if isinstance(model, BetaGeometric):
        return BetaLeaving(params, int(model.trial_after_first_order), most_repeats)
    return GammaLeaving(params, year)


class BetaLeaving(Leaving):
    """BG/NBD and MBG/NBD: p ~ Beta(a, b), tried at orders; S(t | p) = (1 + p t / alpha) ** -r.

    The mixture over p of this gives 2F1(r, a; a + b; -t / alpha), the survival of a new BG/NBD customer.
    """

    def __init__(self, params, trial_at_birth: int, most_repeats: float):
        super().__init__(params)
        self.trial_at_birth = trial_at_birth
        spread = np.sqrt(1 / params.a + 1 / (params.b + trial_at_birth + most_repeats))
        self.step = min(WIDEST_STEP, STEPS_PER_SPREAD * spread)
        self.place = np.arange(LOWEST, HIGHEST + self.step, self.step)
        self.log_odds_total = np.logaddexp(0, self.place)

    def of_new(self, shift, times):
        p, (a, b) = self._moved(shift)
        weights = self._weights(a, np.array([b])) * (1 - p) ** self.trial_at_birth
        return self._curves(p, weights[None], times, np.zeros(1), np.zeros(1))

    def of_alive(self, shift, times, frequency, T):
        p, (a, b) = self._moved(shift)
        by_count = self._weights(a, b + self.trial_at_birth + frequency)
        weights = np.broadcast_to(by_count[:, None], (len(frequency), len(T), len(p)))
        return self._curves(p, weights, times, frequency, T)

    def _moved(self, shift: Shift):
        a, b, size = self.params.a, self.params.b, shift.size
        if shift.kind == "mean":
            moved = a * np.exp(-size)
            return expit(self.place), (moved, a + b - moved)
        if shift.kind == "logit":
            return expit(self.place - size), (a, b)
        return np.minimum(expit(self.place) * np.exp(-size), 1.0), (a, b)

    def _weights(self, a: float, b: np.ndarray) -> np.ndarray:
        """Mass of Beta(a, b) on the nodes, shape (len(b), nodes)."""
        log_mass = a * self.place - (a + b[:, None]) * self.log_odds_total
        log_mass[:, 0] -= np.log(-np.expm1(-a * self.step))
        log_mass[:, -1] -= np.log(-np.expm1(-b * self.step))
        mass = np.exp(log_mass - log_mass.max(axis=1, keepdims=True))
        return mass / mass.sum(axis=1, keepdims=True)

    def _curves(self, p, weights, times, frequency, T) -> Curves:
        r, age = self.params.r, self.params.alpha + T
        risk = age[:, None, None] + np.multiply.outer(p, times)
        log_growth = np.log(risk / age[:, None, None])
        survival, rate = np.empty((2, len(frequency), len(T), len(times)))
        for level, x in enumerate(frequency):
            alive = np.exp(-(r + x) * log_growth)
            mass = weights[level][:, None]
            survival[level] = (mass @ alive)[:, 0]
            rate[level] = (r + x) * (mass @ (alive / risk))[:, 0]
        return Curves(survival.reshape(-1, len(times)), rate.reshape(-1, len(times)))


class GammaLeaving(Leaving):
    """Pareto/NBD: mu ~ Gamma(s, beta), independent of the order rate; S(t | mu) = exp(-mu t).

    A gamma distribution keeps its spread (s) when it is scaled, so ``mean`` and ``scale`` differ only for customers
    with a past.
    """

    def __init__(self, params, year: float):
        super().__init__(params)
        self.year = year
        self.step = min(WIDEST_STEP, STEPS_PER_SPREAD / np.sqrt(params.s))
        # Beyond this place a gamma density is below exp(-40) of its height.
        self.place = np.arange(LOWEST, np.log(params.s + 12 * np.sqrt(params.s) + 40), self.step)

    def of_new(self, shift, times):
        return self.of_alive(shift, times, np.zeros(1), np.zeros(1))

    def of_alive(self, shift, times, frequency, T):
        r, alpha, _, beta = self.params
        mu = self._moved(shift)
        prior = beta * (np.exp(shift.size) if shift.kind == "mean" else 1.0)
        alive = self._weights(prior + T) @ np.exp(-np.multiply.outer(mu, times))
        rate = np.multiply.outer(r + frequency, 1 / (alpha + T))[:, :, None] * alive
        survival = np.broadcast_to(alive, rate.shape)
        return Curves(survival.reshape(-1, len(times)), rate.reshape(-1, len(times)))

    def _moved(self, shift: Shift) -> np.ndarray:
        mu = np.exp(self.place) / self.params.beta
        if shift.kind == "logit":
            odds = np.expm1(np.minimum(mu * self.year, 500.0)) * np.exp(-shift.size)
            return np.log1p(odds) / self.year
        return mu * (np.exp(-shift.size) if shift.kind == "scale" else 1.0)

    def _weights(self, rate: np.ndarray) -> np.ndarray:
        """Mass of Gamma(s, rate) on the nodes, shape (len(rate), nodes)."""
        s, beta = self.params.s, self.params.beta
        log_mass = s * self.place - np.multiply.outer(rate / beta, np.exp(self.place))
        log_mass[:, 0] -= np.log(-np.expm1(-s * self.step))
        mass = np.exp(log_mass - log_mass.max(axis=1, keepdims=True))
        return mass / mass.sum(axis=1, keepdims=True)
