"""How customers leave, as a mixture over their own proneness to leave, so that it can be changed.

Given a customer's proneness (the dropout probability p of BG/NBD and MBG/NBD, the dropout rate mu of Pareto/NBD) both
survival and order rate are elementary, so a population is a set of nodes with weights. Raising retention moves the
nodes or changes their weights. Nodes are equally spaced in logit p (or log mu), where the trapezoidal rule converges
geometrically; the mass beyond the ends sits on the last nodes.

Everything is computed at several points of the parameters at once: the fit and posterior draws. What customers do is an
array of shape (3, sizes, points, times): expected customers who are still there, and their expected orders and order
values per time unit. A new customer is one customer; the first order is not among the orders.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from analysis.models.quadrature import unit_rule

LOWEST, HIGHEST = -22.0, 14.0
"""Log odds of p beyond which nobody is looked at singly; for log(beta mu) only the lower one."""
WIDEST_STEP = {"p": 0.6, "mu": 0.5}
STEPS_PER_SPREAD = 0.8
MOST_DROPOUT = 1 - 1e-9
"""Mean dropout at a trial can grow up to one."""
NEGLIGIBLE = 1e-16
"""Nodes with less mass than this are left out."""
FIRST_ORDER_NODES = 48
SHIFTS = ("mean", "scale", "logit")
"""How leaving changes with a ``size`` (0 changes nothing, negative raises dropout).

- ``mean``: the mean dropout falls by the factor exp(-size), the spread among customers stays (a + b of the beta
  distribution, s of the gamma distribution); what customers did stays as evidence on them
- ``scale``: everyone's dropout falls by that factor
- ``logit``: everyone's log odds of leaving (at a trial; for Pareto/NBD within a year) fall by ``size``
"""


class Alive(NamedTuple):
    """Customers who are alive, on a grid of repeat orders x by age T [time units].

    Attributes
    ----------
    customers, revenue
        Expected customers of a state, and that number times the value of their orders [currency], shape (points,
        len(frequency), len(T)).
    frequency, T
        Levels.
    """

    customers: np.ndarray
    revenue: np.ndarray
    frequency: np.ndarray
    T: np.ndarray


class Leaving(ABC):
    """One purchase model as a mixture over the proneness to leave, at several points of its parameters.

    Parameters
    ----------
    params
        Named tuple of numbers, or of arrays of shape (points,).
    """

    def __init__(self, params):
        points = (np.atleast_1d(np.asarray(each, dtype=float)) for each in params)
        self.params = type(params)(*np.broadcast_arrays(*points))

    def curves(self, kind: str, sizes: np.ndarray, times: np.ndarray, alive: Alive | None = None) -> np.ndarray:
        """What customers who are alive do, all states together, after shifts of ``sizes``, shape (sizes, points).

        Without any it is one new customer, counted from the first order, whose orders are worth 1.
        """
        if kind != "mean" and len(sizes) > 1:  # the nodes move with the size
            return np.concatenate([self.curves(kind, size[None], times, alive) for size in sizes], axis=1)
        return self._of_new(kind, sizes, times) if alive is None else self._of_alive(kind, sizes, times, alive)

    def _of_new(self, kind: str, sizes: np.ndarray, times: np.ndarray) -> np.ndarray:
        one = np.ones((len(self.params[0]), 1, 1))
        return self._of_alive(kind, sizes, times, Alive(one, one, np.zeros(1), np.zeros(1)))

    @abstractmethod
    def _of_alive(self, kind: str, sizes: np.ndarray, times: np.ndarray, alive: Alive) -> np.ndarray:
        """As ``curves``, of several sizes only for ``mean``."""

    def _at_rest(self, alive: Alive) -> np.ndarray:
        """Customers of each state, their orders and order values per time unit, shape (3, points, x, T)."""
        rate = (self.params.r[:, None] + alive.frequency)[..., None] / (self.params.alpha[:, None] + alive.T)[:, None]
        return np.array([alive.customers, alive.customers * rate, alive.revenue * rate])

    def ordering(self, kind: str, size: np.ndarray, start: float, length: float) -> np.ndarray:
        """Share of new customers with an order in (start, start + length], shape (points,) as ``size``.

        Here of customers who leave independently of their orders: the first order after the start falls at each moment
        of the waiting time, and counts where the customer is still there.
        """
        share, weights = unit_rule(FIRST_ORDER_NODES, near_zero=True)
        wait = length * share
        there = self.curves(kind, size[None], start + wait)[0, 0]
        r, alpha = self.params.r[:, None], self.params.alpha[:, None]
        density = r / alpha * (1 + wait / alpha) ** -(r + 1)
        return length * (there * density) @ weights

    def staying(self, kind: str, time: float, alive: Alive | None) -> Callable[[np.ndarray], np.ndarray]:
        """From the size of a shift, shape (points,), to the share still there at ``time``; None: of new customers."""
        all_there = 1.0 if alive is None else alive.customers.sum(axis=(1, 2))
        return lambda size: self.curves(kind, size[None], np.array([time]), alive)[0, 0, :, 0] / all_there


class BetaLeaving(Leaving):
    """BG/NBD and MBG/NBD: p ~ Beta(a, b), tried at orders; S(t | p) = (1 + p t / alpha) ** -r.

    The mixture over p of this gives 2F1(r, a; a + b; -t / alpha), the survival of a new BG/NBD customer.

    Parameters
    ----------
    trial_at_birth
        1 where the first order is followed by a trial, else 0.
    most_repeats
        The largest x that will be asked for.
    """

    def __init__(self, params, trial_at_birth: int, most_repeats: float):
        super().__init__(params)
        self.trial_at_birth = trial_at_birth
        spread = np.sqrt(1 / self.params.a + 1 / (self.params.b + trial_at_birth + most_repeats)).min()
        self.step = min(WIDEST_STEP["p"], STEPS_PER_SPREAD * spread)
        self.place = np.arange(LOWEST, HIGHEST + self.step, self.step)
        self.log_odds_total = np.logaddexp(0, self.place)

    def _of_new(self, kind, sizes, times):
        p = self._proneness(kind, sizes[0])
        stays = self._mass(kind, sizes, np.zeros(1))[:, :, 0] * (1 - p) ** self.trial_at_birth
        risk = 1 + np.multiply.outer(p, times) / self.params.alpha[:, None, None]
        there = np.exp(-self.params.r[:, None, None] * np.log(risk))
        stays = stays.swapaxes(0, 1)
        customers = stays @ there
        there *= (self.params.r / self.params.alpha)[:, None, None] / risk
        orders = stays @ there
        return np.array([customers, orders, orders]).swapaxes(1, 2)

    def ordering(self, kind, size, start, length):
        # Who is there at the start orders as if there were no leaving until the first order after it.
        p = self._proneness(kind, size)
        stays = self._mass(kind, size[None], np.zeros(1))[0, :, 0] * (1 - p) ** self.trial_at_birth
        age, r = self.params.alpha[:, None] + p * start, self.params.r[:, None]
        orders = (age / self.params.alpha[:, None]) ** -r - ((age + length) / self.params.alpha[:, None]) ** -r
        return (stays * orders).sum(axis=1)

    def _of_alive(self, kind, sizes, times, alive):
        mass = self._mass(kind, sizes, self.trial_at_birth + alive.frequency)
        kept = (mass > NEGLIGIBLE).any(axis=(0, 1, 2))
        p, mass = self._proneness(kind, sizes[0])[:, kept], mass[..., kept].transpose(1, 0, 3, 2)
        count = self.params.r[:, None] + alive.frequency
        found, flat = np.zeros((3, *mass.shape[:2], len(times))), (len(p), -1, len(times))
        by_state = alive.customers, alive.customers * count[..., None], alive.revenue * count[..., None]
        for place, T in enumerate(alive.T):
            customers, orders, revenue = (
                (mass * each[:, None, None, :, place]).reshape(*mass.shape[:2], -1) for each in by_state
            )
            there, risk = self._there(p, times, count, T)
            found[0] += customers @ there.reshape(flat)
            there /= risk[:, :, None]
            found[1] += orders @ there.reshape(flat)
            found[2] += revenue @ there.reshape(flat)
        return found.swapaxes(1, 2)

    def staying(self, kind, time, alive):
        if kind != "mean" or alive is None:
            return super().staying(kind, time, alive)
        # The nodes stay where they are, so that only their weights have to be computed for each size.
        p, count = self._proneness(kind, None), self.params.r[:, None] + alive.frequency
        there = sum(
            self._there(p, np.array([time]), count, T)[0][..., 0] * alive.customers[:, None, :, place]
            for place, T in enumerate(alive.T)
        )
        trials, all_there = self.trial_at_birth + alive.frequency, alive.customers.sum(axis=(1, 2))
        return lambda size: np.einsum("kxj,kjx->k", self._mass(kind, size[None], trials)[0], there) / all_there

    def _there(self, p, times, count, T):
        """Share still there of customers with a proneness, shape (points, nodes, x, times), and alpha + T + p t."""
        age = (self.params.alpha + T)[:, None, None]
        risk = age + np.multiply.outer(p, times)
        return np.exp(-count[:, None, :, None] * np.log(risk / age)[:, :, None]), risk

    def _proneness(self, kind: str, size) -> np.ndarray:
        """p at the nodes, shape (points, nodes)."""
        if kind == "mean":
            return np.broadcast_to(expit(self.place), (len(self.params.a), len(self.place)))
        if kind == "logit":
            return expit(self.place - size[:, None])
        return np.minimum(expit(self.place) * np.exp(-size)[:, None], 1.0)

    def _mass(self, kind: str, sizes, trials: np.ndarray) -> np.ndarray:
        """Mass of Beta(a, b + trials) on the nodes, shape (sizes, points, len(trials), nodes)."""
        total = self.params.a + self.params.b
        a = self.params.a * (np.exp(-sizes) if kind == "mean" else np.ones(sizes.shape))
        a = np.minimum(a, MOST_DROPOUT * total)
        a, b = a[..., None, None], ((total - a)[..., None] + trials)[..., None]
        log_mass = a * self.place - (a + b) * self.log_odds_total
        log_mass[..., -1] -= np.log(-np.expm1(-b * self.step))[..., 0]
        return _normalised(log_mass, a * self.step)


class GammaLeaving(Leaving):
    """Pareto/NBD: mu ~ Gamma(s, beta), independent of the order rate; S(t | mu) = exp(-mu t).

    A gamma distribution keeps its spread (s) when it is scaled, so ``mean`` and ``scale`` differ only for customers
    with a past.

    Parameters
    ----------
    year
        Length of a year [time units].
    """

    def __init__(self, params, year: float):
        super().__init__(params)
        s, self.year = self.params.s, year
        self.step = min(WIDEST_STEP["mu"], STEPS_PER_SPREAD / np.sqrt(s.max()))
        # Beyond this place a gamma density is below exp(-40) of its height.
        self.place = np.arange(LOWEST, np.log(s + 12 * np.sqrt(s) + 40).max(), self.step)

    def _of_alive(self, kind, sizes, times, alive):
        there = np.exp(-np.multiply.outer(self._proneness(kind, sizes[0]), times))
        mass = self._mass(kind, sizes, alive.T)
        weights = (np.einsum("mktj,kt->kmj", mass, each.sum(axis=1)) for each in self._at_rest(alive))
        return np.array([(each @ there).swapaxes(0, 1) for each in weights])

    def _proneness(self, kind: str, size) -> np.ndarray:
        """mu at the nodes, shape (points, nodes)."""
        mu = np.exp(self.place) / self.params.beta[:, None]
        if kind == "logit":
            odds = np.expm1(np.minimum(mu * self.year, 500.0)) * np.exp(-size)[:, None]
            return np.log1p(odds) / self.year
        return mu * np.exp(-size)[:, None] if kind == "scale" else mu

    def _mass(self, kind: str, sizes, T: np.ndarray) -> np.ndarray:
        """Mass of Gamma(s, beta + T) on the nodes, shape (sizes, points, len(T), nodes)."""
        prior = np.exp(sizes) if kind == "mean" else np.ones(sizes.shape)
        rate = prior[..., None] + T / self.params.beta[:, None]
        s = self.params.s[:, None, None]
        return _normalised(s * self.place - rate[..., None] * np.exp(self.place), s * self.step)


def _normalised(log_mass: np.ndarray, fall_below) -> np.ndarray:
    """Weights that sum to one; below the first node the mass falls by so much a step, and is on that node."""
    log_mass[..., 0] -= np.log(-np.expm1(-fall_below))[..., 0]
    mass = np.exp(log_mass - log_mass.max(axis=-1, keepdims=True))
    return mass / mass.sum(axis=-1, keepdims=True)
