"""What every purchase model can answer, whatever its story about leaving is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from scipy.special import gammaln, xlogy

from analysis.errors import Unavailable, UsageError
from analysis.models.leaving import Leaving
from analysis.models.patterns import Patterns, customers_of, patterns_of
from analysis.models.quadrature import unit_rule
from analysis.time import Clock, time_unit

if TYPE_CHECKING:
    from analysis.models.covariates import CovariateFit
    from analysis.models.fits import PurchaseFit


NODES_OF_A_SEASON = 24
"""Further quadrature nodes where time runs faster and slower within a horizon."""
LONGEST_SILENCE = 1e6
"""Multiples of the longest age after which P(alive) that is still above one half counts as staying there."""


class SimulatedOrders(NamedTuple):
    """Simulated orders of one future per entry; within ``span`` they fall at independent uniform times.

    Attributes
    ----------
    count
        Number of orders in the horizon.
    span
        Length of the time in which they fall, from now [time units].
    last_at_end
        Whether the last of them falls exactly at ``span`` (the order after which the customer left).
    """

    count: np.ndarray
    span: np.ndarray
    last_at_end: np.ndarray


class Customers(NamedTuple):
    """What is each customer's own, given a history and being alive; arrays of one shape.

    Attributes
    ----------
    rate
        Orders per time unit.
    at_orders
        Probability of leaving at an order; 0 where customers leave in time.
    in_time
        Rate of leaving per time unit; 0 where customers leave at orders.
    """

    rate: np.ndarray
    at_orders: np.ndarray
    in_time: np.ndarray


def log_negative_binomial(count, rate, age, time) -> np.ndarray:
    """Log probability of ``count`` orders in ``time`` at a Poisson rate ~ Gamma(rate, age)."""
    share, count = time / (age + time), np.asarray(count, dtype=float)
    chosen = gammaln(rate + count) - gammaln(rate) - gammaln(count + 1)
    return chosen + rate * np.log1p(-share) + xlogy(count, share)


class PurchaseModel(ABC):
    """A model of when customers order and when they leave for good.

    ``params`` is the model's own named tuple of numbers. Histories are x, t_x and T, numbers or arrays, in the time
    unit of the parameters. A new customer is the history (0, 0, 0).
    """

    name: ClassVar[str]
    Params: ClassVar[type]
    time_scaled: ClassVar[tuple[bool, ...]]
    """Which parameters are durations."""
    evaluations: ClassVar[float] = np.inf
    """Histories times proposals that a posterior of this model may cost."""

    def __init__(self, rate: Sequence[str] = (), dropout: Sequence[str] = (), *, dropout_moves: str = "mean"):
        """A purchase model; with ``rate`` or ``dropout``, names of covariates, see ``analysis.models.covariates``."""
        if isinstance(rate, str) or isinstance(dropout, str):
            raise UsageError("covariates of rate and dropout: must be lists of names, such as rate=['channel']")
        self.rate, self.dropout, self.dropout_moves = tuple(rate), tuple(dropout), dropout_moves

    @property
    def names(self) -> tuple[str, ...]:
        return self.Params._fields

    # --- what the models fill in ---

    @abstractmethod
    def log_likelihood(self, params, frequency, recency, T) -> np.ndarray:
        """Log-likelihood of each history."""

    @abstractmethod
    def p_alive(self, params, frequency, recency, T) -> np.ndarray:
        """Probability that the customer has not left at T."""

    @abstractmethod
    def expected_while_alive(self, params, horizon, frequency, T) -> np.ndarray:
        """Expected orders in the next ``horizon``, given that the customer is alive at T."""

    @abstractmethod
    def pmf_while_alive(self, params, horizon, frequency, T, count) -> np.ndarray:
        """Probability of ``count`` orders in the next ``horizon``, given that the customer is alive at T."""

    @abstractmethod
    def survival_while_alive(self, params, horizon, frequency, T) -> np.ndarray:
        """Probability of not having left at T + ``horizon``, given that the customer is alive at T."""

    @abstractmethod
    def draw_orders_while_alive(self, rng, params, horizon, frequency, T) -> SimulatedOrders:
        """One future of each customer, given that the customer is alive at T."""

    def draw_customers(self, rng, params, frequency, T) -> Customers:
        """The own order rate and leaving of each customer, given that the customer is alive at T."""
        raise Unavailable(
            "In the model in use nobody leaves, so a strategy that makes customers stay or leave cannot be compared.",
            code="strategies.reason.no_leaving",
        )

    @abstractmethod
    def leaving(self, params, most_repeats: float, year: float) -> Leaving:
        """The mixture over the proneness to leave: for x up to ``most_repeats``, a year of ``year`` time units.

        ``params`` are numbers, or arrays of shape (points,): the fit and posterior draws.
        """

    # --- what follows for all of them ---

    def fit(
        self, data, unit: str | None = None, seed: int = 1, clock: Clock | None = None
    ) -> PurchaseFit | CovariateFit:
        """Maximum likelihood and posterior; a ``CovariateFit`` where the model has covariates.

        Parameters
        ----------
        data
            ``Orders``, a ``CustomerSummary``, or a frame in lifetimes' columns: frequency, recency, T.
        unit
            ``day``, ``week``, ``month`` or ``year``: of the parameters, and of recency and T in a frame, for which it
            must be given; otherwise ``week``.
        seed
            The same seed gives the same posterior draws.
        clock
            What turns days into the time of the model, in its unit, such as ``study.fit.clock``: where orders follow a
            season or promotions they come at an even rate in it. By default time by the calendar.

        Raises
        ------
        NotIdentified
            Where the likelihood has no maximum, naming the parameters that run away.
        InputRefused
            Where columns are missing or a history is impossible.

        Examples
        --------
        >>> import analysis as rl
        >>> import pandas as pd
        >>> from analysis.data.simulation import simulate_customers
        >>> shop = simulate_customers(500, T=52.0, births=26.0, seed=1)
        >>> frame = pd.DataFrame({"frequency": shop.frequency, "recency": shop.recency, "T": shop.T})
        >>> fit = rl.BGNBD().fit(frame, unit="week")
        >>> fit.predict("13W").columns.tolist()
        ['p_alive', 'expected_orders', 'p_order']
        """
        from analysis.models.covariates import fit_with_covariates
        from analysis.models.fits import fit_one

        if self.rate or self.dropout:
            moves = {"moves": self.dropout_moves, "unit": unit, "seed": seed, "clock": clock}
            return fit_with_covariates(self, data, self.rate, self.dropout, **moves)
        histories, orders = customers_of(data, unit)
        clock = clock or Clock(time_unit(unit or "week"))
        return fit_one(self, patterns_of(histories, clock), clock, seed).of(orders or histories)

    def total_log_likelihood(self, patterns: Patterns):
        """A function from log-parameters, shape (k,), to the log-likelihood summed over customers."""

        def total(log_params: np.ndarray) -> float:
            return float(patterns.weight @ self.log_likelihood(self.Params(*np.exp(log_params)), *patterns.history))

        return total

    def start(self, orders_per_customer: float) -> np.ndarray:
        """Log-parameters to search from, with the mean age as the unit of time; a search from zeros comes beside it."""
        return np.clip(np.log([0.5, 0.5 / max(orders_per_customer, 1e-6), 0.7, 2.5]), -5, 5)[: len(self.names)]

    def with_order_rate(self, params, factor: float):
        """Parameters under which everyone orders ``factor`` times as often and leaves as before."""
        return params._replace(alpha=params.alpha / factor)

    def expectations(self, params, patterns: Patterns, horizon: float) -> Mapping[str, np.ndarray]:
        """P(alive), expected orders in ``horizon`` and P(at least one), for each distinct history, shape (n,)."""
        frequency, ages, of_pattern = patterns.states
        alive = self.p_alive(params, *patterns.history)
        while_alive = self.expected_while_alive(params, horizon, frequency, ages)
        none = self.pmf_while_alive(params, horizon, frequency, ages, np.zeros(frequency.size))
        return {
            "p_alive": alive,
            "expected_orders": alive * while_alive[of_pattern],
            "p_order": alive * (1 - none)[of_pattern],
        }

    def time_until_p_alive_half(self, params, frequency, recency, T) -> np.ndarray:
        """Time from T without an order until P(alive) is one half [time units]; infinite where it never is."""
        start = np.asarray(T, dtype=float) + np.zeros(np.shape(frequency))

        def is_below(later) -> np.ndarray:
            return self.p_alive(params, frequency, recency, start + later) < 0.5

        low, high = np.zeros_like(start), np.full_like(start, LONGEST_SILENCE * np.max(start, initial=1.0))
        ends = is_below(high)
        for _ in range(60):
            middle = (low + high) / 2
            below = is_below(middle)
            low, high = np.where(below, low, middle), np.where(below, middle, high)
        return np.where(ends, np.where(is_below(0.0), 0.0, high), np.inf)

    def expected_purchases(self, params, horizon, frequency, recency, T) -> np.ndarray:
        """Expected orders in the next ``horizon`` time units."""
        alive = self.p_alive(params, frequency, recency, T)
        return alive * self.expected_while_alive(params, horizon, frequency, T)

    def discounted_while_alive(self, params, horizon, delta, frequency, T, ahead=None) -> np.ndarray:
        """Expected orders in the next ``horizon`` of a customer who is alive at T, each discounted by exp(-delta t).

        e^(-delta H) E[Y(H)] + delta times the integral over (0, H) of e^(-delta t) E[Y(t)] (partial integration
        of the expected order rate), by Gauss-Legendre quadrature. With ``ahead``, a function from calendar to model
        time, ``horizon`` and ``delta`` are of the calendar.
        """
        nodes, model_time = 12 + int(4 * delta * horizon), ahead or (lambda time: time)
        at_end = np.exp(-delta * horizon) * self.expected_while_alive(params, model_time(horizon), frequency, T)
        if delta == 0 or horizon == 0:
            return at_end
        share, weights = unit_rule(nodes if ahead is None else nodes + NODES_OF_A_SEASON, near_zero=True)
        along = sum(
            weight * np.exp(-delta * time) * self.expected_while_alive(params, model_time(time), frequency, T)
            for time, weight in zip(horizon * share, weights, strict=True)
        )
        return at_end + delta * horizon * along

    def p_order(self, params, horizon, frequency, recency, T) -> np.ndarray:
        """Probability of at least one order in the next ``horizon``."""
        alive = self.p_alive(params, frequency, recency, T)
        return alive * (1 - self.pmf_while_alive(params, horizon, frequency, T, np.zeros_like(frequency)))

    def pmf(self, params, horizon, frequency, recency, T, count) -> np.ndarray:
        """Probability of exactly ``count`` orders in the next ``horizon``."""
        alive = self.p_alive(params, frequency, recency, T)
        return alive * self.pmf_while_alive(params, horizon, frequency, T, count) + (1 - alive) * (count == 0)

    def survival(self, params, horizon, frequency=0, recency=0.0, T=0.0) -> np.ndarray:
        """Probability of still being a customer after ``horizon``; by default of a new customer."""
        alive = self.p_alive(params, frequency, recency, T)
        return alive * self.survival_while_alive(params, horizon, frequency, T)

    def __repr__(self) -> str:
        return f"<{self.name}: {', '.join(self.names)}>"
