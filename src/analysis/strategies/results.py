"""What the simulation of strategies hands on: per draw means, never single paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from analysis.interval import Interval
from analysis.strategies.strategy import Attack, Strategy

COMPONENTS = (
    "given_away",
    "extra_orders",
    "extra_from_rivals",
    "borrowed",
    "pace",
    "retention",
    "rival",
    "won",
    "referred",
    "service",
    "invested",
    "programme",
)
"""Names of what a difference from doing nothing consists of; they add up to it."""


@dataclass(frozen=True)
class Segment:
    """What a strategy is worth to one part of today's base.

    Attributes
    ----------
    dimension
        ``tenure``, ``value`` or ``type``.
    label
        Which part of it.
    customers
        Customers of the base in it, on average over draws.
    difference
        Discounted profit of their own orders against doing nothing, without fixed costs and without the new customers
        they refer, shape (D, S) [currency].
    """

    dimension: str
    label: str
    customers: float
    difference: np.ndarray


@dataclass(frozen=True)
class Weekly:
    """By draw, strategy and week, shape (D, S, W).

    Attributes
    ----------
    alive
        Customers at the end of the week, new ones included.
    alive_of_base
        Those of them who are customers today.
    mercenaries
        Those of them who buy in promotion weeks only.
    joined, left, taken
        Customers who came, left, or were taken by a rival, in the week.
    won, referred
        Of those who came: won by a promotion, and referred.
    orders
        Orders in the week.
    margin
        Margin of these at today's deal [currency].
    spent
        Deals, points, service, investment and fixed costs [currency].
    """

    alive: np.ndarray
    alive_of_base: np.ndarray
    mercenaries: np.ndarray
    joined: np.ndarray
    left: np.ndarray
    taken: np.ndarray
    won: np.ndarray
    referred: np.ndarray
    orders: np.ndarray
    margin: np.ndarray
    spent: np.ndarray

    @property
    def profit(self) -> np.ndarray:
        """Profit of the week, not discounted [currency]."""
        return self.margin - self.spent

    @property
    def mercenary_share(self) -> np.ndarray:
        """Share of mercenaries among customers; 0 where there are no customers."""
        return np.divide(self.mercenaries, self.alive, out=np.zeros_like(self.alive), where=self.alive > 0)


@dataclass(frozen=True)
class Simulation:
    """Strategies on the same customers and random numbers, under one structure of leaving.

    Attributes
    ----------
    structure
        ``per_purchase`` or ``calendar``.
    model
        The purchase model whose posterior it started from.
    strategies
        The first is ``nothing``.
    attack
        The rival's attack in it; None without one.
    customers, sampled
        Customers of the base, and how many stand for them.
    weeks
        Horizon.
    discount
        Value today of one unit of currency in each week, shape (W,).
    parameters
        What each draw assumes, one row a draw: the dynamics' parameters, ``purchase.*``, ``spend.*``, ``types.*`` and
        ``bindings.*``.
    groups
        Group of parameters -> their columns; those of a posterior belong together.
    origin
        Column -> ``posterior``, ``estimate``, ``given``, ``assumption``, or ``capped``: an assumption of which the data
        limit the range.
    profit
        Discounted profit over the horizon, shape (D, S) [currency].
    spent
        Discounted deals, points, service, investment and fixed costs, shape (D, S) [currency].
    components
        What the difference from doing nothing consists of, each of shape (D, S) [currency]; they add up to it.
    weekly
        Customers, orders and money by week.
    struck_off
        Today's customers who struck the brand off over the horizon, shape (D, S).
    segments
        The difference by part of the base.
    noise_covariance
        Covariance, over strategies, of the simulation error that is left in a draw's ``profit``, shape (D, S, S).
    common_noise
        The part of it that all draws share, since they share customers and random numbers, shape (S, S). The spread
        of profits over draws holds only the rest; the mean over draws holds all of the common part. Both are
        estimates from how replicates of the customers differ.
    replicates
        Into which the sampled customers are dealt out; the errors have one degree of freedom less.
    """

    structure: str
    model: str
    strategies: tuple[Strategy, ...]
    attack: Attack | None
    customers: int
    sampled: int
    weeks: int
    discount: np.ndarray
    parameters: pd.DataFrame
    groups: Mapping[str, tuple[str, ...]]
    origin: Mapping[str, str]
    profit: np.ndarray
    spent: np.ndarray
    components: Mapping[str, np.ndarray]
    weekly: Weekly
    struck_off: np.ndarray
    segments: tuple[Segment, ...]
    noise_covariance: np.ndarray
    common_noise: np.ndarray
    replicates: int

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(strategy.name for strategy in self.strategies)

    @property
    def difference(self) -> np.ndarray:
        """Discounted profit against doing nothing, shape (D, S) [currency]."""
        return self.profit - self.profit[:, :1]

    @property
    def margin(self) -> np.ndarray:
        """Discounted margin of orders at today's deal; less ``spent`` it is ``profit``; shape (D, S) [currency]."""
        return self.weekly.margin @ self.discount

    @property
    def profit_per_spent(self) -> np.ndarray:
        """Profit against doing nothing for each unit of currency spent, shape (D, S); NaN where nothing is spent."""
        return np.divide(self.difference, self.spent, out=np.full_like(self.spent, np.nan), where=self.spent > 0)

    @property
    def cumulative(self) -> np.ndarray:
        """Discounted profit up to the end of each week, shape (D, S, W) [currency]."""
        return np.cumsum(self.weekly.profit * self.discount, axis=2)

    @property
    def retention(self) -> np.ndarray:
        """Share of today's living customers who are still there at the end of each week, shape (D, S, W)."""
        staying = self.weekly.alive_of_base
        start = self.base_at_start[:, None, None]
        return np.divide(staying, start, out=np.zeros_like(staying), where=start > 0)

    @property
    def base_at_start(self) -> np.ndarray:
        """Customers of the base who are alive today, shape (D,)."""
        weekly = self.weekly
        change = (weekly.joined - weekly.left - weekly.taken)[:, 0, 0]
        return weekly.alive[:, 0, 0] - change

    def strategy(self, name: str) -> int:
        """Number of a strategy."""
        return self.names.index(name)

    def overtakes(self, name: str, other: str) -> np.ndarray:
        """Weeks after which the cumulative profit of one strategy stays above that of another, shape (D,).

        NaN in draws where it does not within the horizon; 0 where it is above from the first week on.
        """
        ahead = self.cumulative[:, self.strategy(name)] > self.cumulative[:, self.strategy(other)]
        behind = np.where(ahead, 0, np.arange(1, self.weeks + 1)).max(axis=1)
        return np.where(ahead[:, -1], behind, np.nan).astype(float)

    def among(self, names: Sequence[str]) -> Simulation:
        """The same with some of its strategies, ``nothing`` among them."""
        keep = [self.strategy(name) for name in names]
        weekly = {each.name: getattr(self.weekly, each.name)[:, keep] for each in fields(Weekly)}
        return replace(
            self,
            strategies=tuple(self.strategies[place] for place in keep),
            profit=self.profit[:, keep],
            spent=self.spent[:, keep],
            components={name: draws[:, keep] for name, draws in self.components.items()},
            weekly=Weekly(**weekly),
            struck_off=self.struck_off[:, keep],
            segments=tuple(replace(each, difference=each.difference[:, keep]) for each in self.segments),
            noise_covariance=self.noise_covariance[:, keep][:, :, keep],
            common_noise=self.common_noise[keep][:, keep],
        )

    def interval(self, name: str, level: float) -> Interval:
        """Mean and central interval over draws of the profit against doing nothing [currency]."""
        draws = self.difference[:, self.strategy(name)]
        return Interval.around(float(draws.mean()), draws, level)


@dataclass(frozen=True)
class AttackLoss:
    """What a rival's attack takes from each strategy, shape (D, S).

    Attributes
    ----------
    attack
        The attack.
    taken
        Customers taken by the rival.
    profit
        Discounted profit without the attack less that with it [currency].
    """

    attack: Attack
    taken: np.ndarray
    profit: np.ndarray


@dataclass(frozen=True)
class StrategyResults:
    """The comparison under every view, and a rival's attack where one is configured.

    Attributes
    ----------
    per_purchase, calendar
        BG/NBD with dropout tried at every order, and with a hazard that is fixed in calendar time.
    challenger
        MBG/NBD with dropout tried at every order; None where the data do not identify it.
    attacked
        Structure -> what the attack takes; empty without one.
    notes
        Message keys, with numbers, of what was assumed on the way.
    todays_deal
        Share of the list price that orders save when nothing new is done; in every strategy.
    """

    per_purchase: Simulation
    calendar: Simulation
    challenger: Simulation | None
    attacked: Mapping[str, AttackLoss]
    notes: tuple
    todays_deal: float = 0.0

    @property
    def simulations(self) -> tuple[Simulation, ...]:
        """One a view; decisions rest on all of them."""
        views = (self.per_purchase, self.calendar, self.challenger)
        return tuple(view for view in views if view is not None)
