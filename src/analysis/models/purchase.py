"""What every purchase model can answer, whatever its story about leaving is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from analysis.models.patterns import Patterns


class Orders(NamedTuple):
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

    @property
    def names(self) -> tuple[str, ...]:
        return self.Params._fields

    # --- what the models fill in ---

    @abstractmethod
    def log_likelihood(self, params, frequency, recency, T) -> np.ndarray:
        """Log-likelihood of each history."""

    @abstractmethod
    def total_log_likelihood(self, patterns: Patterns):
        """A function from log-parameters, shape (k,), to the log-likelihood summed over customers."""

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
    def draw_orders_while_alive(self, rng, params, horizon, frequency, T) -> Orders:
        """One future of each customer, given that the customer is alive at T."""

    @abstractmethod
    def lifetimes_fit(self, patterns: Patterns) -> np.ndarray | None:
        """Log-parameters from lifetimes' own fitter; None where it gives up."""

    # --- what follows for all of them ---

    def expected_purchases(self, params, horizon, frequency, recency, T) -> np.ndarray:
        """Expected orders in the next ``horizon`` time units."""
        alive = self.p_alive(params, frequency, recency, T)
        return alive * self.expected_while_alive(params, horizon, frequency, T)

    def discounted_expected_purchases(self, params, horizon, delta, frequency, recency, T) -> np.ndarray:
        """Expected orders in the next ``horizon``, each discounted by exp(-delta t) from its own moment.

        e^(-delta H) E[Y(H)] + delta times the integral over (0, H) of e^(-delta t) E[Y(t)] (partial integration
        of the expected order rate), by Gauss-Legendre quadrature.
        """
        alive = self.p_alive(params, frequency, recency, T)
        return alive * self.discounted_while_alive(params, horizon, delta, frequency, T)

    def discounted_while_alive(self, params, horizon, delta, frequency, T) -> np.ndarray:
        """As ``discounted_expected_purchases``, given that the customer is alive at T."""
        at_end = np.exp(-delta * horizon) * self.expected_while_alive(params, horizon, frequency, T)
        if delta == 0 or horizon == 0:
            return at_end
        points, weights = np.polynomial.legendre.leggauss(12 + int(4 * delta * horizon))
        # Squaring the nodes' positions puts more of them near zero, where the order rate falls fastest.
        share = (points + 1) / 2
        times, weights = horizon * share**2, weights * horizon * share
        along = sum(
            weight * np.exp(-delta * time) * self.expected_while_alive(params, time, frequency, T)
            for time, weight in zip(times, weights, strict=True)
        )
        return at_end + delta * along

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
