"""D draws of everything that is uncertain x M customers x strategies: the steps, in their order, and what they make.

The same customers and random numbers serve all draws and strategies. Draws are taken in blocks, side by side; a
block's size does not depend on the number of threads, nor do the results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.config.strategies import Attack, Strategy
from analysis.strategies.customers import Fitted, People
from analysis.strategies.microsimulation import PER_PURCHASE, Entry, Rules, simulate_customers
from analysis.strategies.newcomers import Weights, entry_of_new, groups_of_new, weights_of, worth_of_referrals
from analysis.strategies.parameters import BINDINGS, CUSTOMER_TYPES, ParameterDraws
from analysis.strategies.sampling import CommonRandomNumbers, error_of_total, replicate_totals, replicates_of
from analysis.strategies.schedule import Economics, exposure_of, schedule_of
from analysis.strategies.tallies import Tallies, components_of, money_of

CUSTOMERS_AT_ONCE = 200_000
"""Customers times draws times strategies in a block: many enough for two threads to get in each other's way little."""
CELLS_AT_ONCE = 3_000_000
"""Entries of each table of tallies in a block: a long horizon has many."""
THREADS = 2
BASE_STREAM, NEW_STREAM = 0, 1


@dataclass(frozen=True)
class Inputs:
    """What is the same for all strategies.

    Attributes
    ----------
    base
        Sampled customers of today's base.
    new
        A pool of new customers; None where nobody new comes, whatever is done.
    fitted, parameters
        Draws of the fitted models, and of everything that is assumed; row-aligned.
    economics
        What orders earn.
    customers
        Customers of the base.
    coming_per_week
        New customers of an ordinary week.
    weeks
        Horizon.
    seed
        Of the random numbers.
    labels
        Dimension -> label of every sampled customer, shape (M,), for segments.
    """

    base: People
    new: People | None
    fitted: Fitted
    parameters: ParameterDraws
    economics: Economics
    customers: int
    coming_per_week: float
    weeks: int
    seed: int
    labels: Mapping[str, np.ndarray]

    @property
    def scale(self) -> float:
        """Customers of the base for whom a sampled one stands."""
        return self.customers / self.base.rate.shape[1]

    @property
    def mean_order_value(self) -> float:
        """List value of the base's next orders, on average over orders and draws [currency]; 0 where nobody orders."""
        orders = self.base.alive * self.base.rate
        return float((orders * self.base.value).sum() / orders.sum()) if orders.any() else 0.0


@dataclass(frozen=True)
class Segment:
    """What a strategy is worth to one part of today's base.

    Attributes
    ----------
    dimension, label
        ``tenure``, ``value`` or ``type``, and which part of it.
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
    customers, sampled
        Customers of the base, and how many stand for them.
    weeks
        Horizon.
    discount
        Value today of one unit of currency in each week, shape (W,).
    parameters
        What each draw assumes, one row a draw: the dynamics' parameters, ``purchase.*``, ``spend.*``, ``types.*`` and
        ``bindings.*``.
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
    customers: int
    sampled: int
    weeks: int
    discount: np.ndarray
    parameters: pd.DataFrame
    origin: Mapping[str, str]
    profit: np.ndarray
    spent: np.ndarray
    components: Mapping[str, np.ndarray]
    weekly: Weekly
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
    def cumulative(self) -> np.ndarray:
        """Discounted profit up to the end of each week, shape (D, S, W) [currency]."""
        return np.cumsum((self.weekly.margin - self.weekly.spent) * self.discount, axis=2)

    def strategy(self, name: str) -> int:
        """Number of a strategy."""
        return self.names.index(name)

    def among(self, names: Sequence[str]) -> Simulation:
        """The same with some of its strategies, ``nothing`` among them."""
        keep = [self.strategy(name) for name in names]
        weekly = self.weekly and Weekly(*(values[:, keep] for values in vars(self.weekly).values()))
        return replace(
            self,
            strategies=tuple(self.strategies[place] for place in keep),
            profit=self.profit[:, keep],
            spent=self.spent[:, keep],
            components={name: draws[:, keep] for name, draws in self.components.items()},
            weekly=weekly,
            segments=tuple(replace(each, difference=each.difference[:, keep]) for each in self.segments),
            noise_covariance=self.noise_covariance[:, keep][:, :, keep],
            common_noise=self.common_noise[keep][:, keep],
        )


def simulate(
    inputs: Inputs,
    strategies: Sequence[Strategy],
    structure: str = PER_PURCHASE,
    attack: Attack | None = None,
    threads: int = THREADS,
) -> Simulation:
    """The strategies' futures.

    Parameters
    ----------
    strategies
        The first is ``NOTHING``.
    structure
        ``per_purchase`` or ``calendar``.
    threads
        How many blocks are worked on at once; the results do not depend on it.
    """
    schedule = schedule_of(strategies, inputs.weeks, inputs.economics.annual_discount_rate)
    exposure = None if attack is None else exposure_of(schedule, strategies, attack, inputs.economics.todays_deal)
    rules = Rules(schedule, inputs.economics, structure, exposure, bool(inputs.fitted.model.trial_after_first_order))
    draws, customers = inputs.base.rate.shape
    cells = schedule.strategies * groups_of_new(schedule.weeks) * schedule.weeks
    most = customers if inputs.new is None else max(customers, inputs.new.rate.shape[1])
    step = max(min(CUSTOMERS_AT_ONCE // (most * schedule.strategies), CELLS_AT_ONCE // cells), 1)
    slices = [slice(start, min(start + step, draws)) for start in range(0, draws, step)]
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        found = _joined(list(pool.map(lambda chosen: _block(inputs, rules, chosen), slices)))
    own, by_replicate = found.pop("own"), found.pop("by_replicate")
    noise, common = (sum(each) for each in zip(*(error_of_total(part) for part in by_replicate), strict=True))
    parameters, origin = parameter_table(inputs)
    return Simulation(
        structure=structure,
        model=inputs.fitted.model.name,
        strategies=tuple(strategies),
        customers=inputs.customers,
        sampled=customers,
        weeks=inputs.weeks,
        discount=schedule.discount,
        parameters=parameters,
        origin=origin,
        weekly=Weekly(**found.pop("weekly")),
        segments=_segments(inputs, own),
        noise_covariance=noise,
        common_noise=common,
        replicates=replicates_of(customers),
        **found,
    )


def _joined(parts: list[Any]) -> Any:
    """Arrays with draws first, one after the other; of mappings and tuples part by part."""
    if isinstance(parts[0], dict):
        return {name: _joined([part[name] for part in parts]) for name in parts[0]}
    if isinstance(parts[0], tuple):
        return tuple(_joined(list(each)) for each in zip(*parts, strict=True))
    return np.concatenate(parts)


class _Pool(NamedTuple):
    """New customers: their tallies, how they came in, and how many each of a group stands for."""

    tallies: Tallies
    entry: Entry
    weights: Weights


def _block(inputs: Inputs, rules: Rules, chosen: slice) -> dict[str, Any]:
    """What a block of draws contributes to a ``Simulation``; arrays with draws first."""
    parameters = {name: values[chosen] for name, values in inputs.parameters.values.items()}
    schedule, economics, scale = rules.schedule, rules.economics, inputs.scale
    entry = Entry.of_base(inputs.base.rate.shape[1])
    numbers = CommonRandomNumbers(inputs.seed, BASE_STREAM, len(entry.starts))
    base = simulate_customers(inputs.base.draws(chosen), entry, parameters, rules, numbers)
    alone = base.flow(np.full(base.at_start.shape, scale))
    parts, everyone = scale * base.parts.sum(axis=2), alone
    own = scale * (base.worth - base.costs)
    paths, flows = [own], dict.fromkeys(("won", "referred", "mercenaries"), alone.times(0.0)) | {"own": alone}
    if inputs.new is not None:
        of_base = scale * base.referrals.sum(axis=2)
        pool = _pool(inputs, rules, chosen, parameters, of_base)
        flows = _flows(alone, pool)
        everyone = flows["own"].plus(flows["won"]).plus(flows["referred"])
        parts = parts + (pool.weights.coming[..., None] * pool.tallies.parts).sum(axis=2)
        value = parameters["referred_value"]
        by_base, by_new = worth_of_referrals(pool.tallies, pool.entry, schedule, value, of_base)
        paths = [own + scale * base.referred * by_base[..., None], _new_by_path(pool, by_new[:, :, pool.entry.group])]
    money = {name: money_of(flow, schedule, economics, parameters["breakage"]) for name, flow in flows.items()}
    total, fixed = money_of(everyone, schedule, economics, parameters["breakage"]), schedule.fixed[:, None]
    weekly = {
        "alive": everyone.alive,
        "alive_of_base": alone.alive,
        "mercenaries": flows["mercenaries"].alive,
        "joined": everyone.joined,
        "left": everyone.left,
        "taken": everyone.taken,
        "won": flows["won"].joined,
        "referred": flows["referred"].joined,
        "orders": everyone.orders,
        "margin": total.margin,
        "spent": total.spent + fixed,
    }
    of_rivals = parameters["from_rivals"]
    return {
        "profit": ((total.profit - fixed) @ schedule.discount).T,
        "spent": ((total.spent + fixed) @ schedule.discount).T,
        "components": components_of(money["own"], money["won"], money["referred"], parts, schedule, of_rivals),
        "weekly": {name: values.transpose(1, 0, 2) for name, values in weekly.items()},
        "own": own.transpose(1, 0, 2),
        "by_replicate": tuple(replicate_totals(each).transpose(1, 0, 2) for each in paths),
    }


def _pool(inputs: Inputs, rules: Rules, chosen: slice, parameters, of_base: np.ndarray) -> _Pool:
    people, schedule = inputs.new.draws(chosen), rules.schedule
    numbers = CommonRandomNumbers(inputs.seed, NEW_STREAM, people.rate.shape[1])
    promotes = bool((schedule.promoted.any(axis=1) & (schedule.depth > 0)).any() and inputs.coming_per_week > 0)
    entry = entry_of_new(schedule, people.rate.shape[1], numbers, promotions_win=promotes)
    tallies = simulate_customers(people, entry, parameters, rules, numbers)
    return _Pool(tallies, entry, weights_of(tallies, entry, schedule, parameters, inputs.coming_per_week, of_base))


def _flows(base, pool: _Pool) -> dict[str, Any]:
    """Flows of those who are here or come anyway, of those won by promotions, and of those referred."""
    tallies, weights = pool.tallies, pool.weights
    return {
        "own": base.plus(tallies.flow(weights.coming)),
        "won": tallies.flow(weights.won, weights.won_value),
        "referred": tallies.flow(weights.referred, weights.referred_value),
        "mercenaries": tallies.flow(weights.mercenaries),
    }


def _new_by_path(pool: _Pool, worth_of_a_referral: np.ndarray) -> np.ndarray:
    """Profit that each of the pool stands for, less the mean of its group, shape (S, D, M)."""
    tallies, entry, weights = pool
    customers = (weights.coming + weights.won + weights.referred)[:, :, entry.group]
    value = (weights.coming + weights.won_value + weights.referred_value)[:, :, entry.group]
    profit = value * tallies.worth + customers * (tallies.referred * worth_of_a_referral - tallies.costs)
    inside = np.equal.outer(entry.group, np.arange(entry.groups)).astype(float)
    mean = (profit @ inside) / np.maximum(inside.sum(axis=0), 1)
    return profit - mean[:, :, entry.group]


def _segments(inputs: Inputs, own: np.ndarray) -> tuple[Segment, ...]:
    difference = own - own[:, :1]
    found = []
    for dimension, labels in inputs.labels.items():
        for label in dict.fromkeys(labels.tolist()):
            members = labels == label
            inside = difference[:, :, members].sum(axis=2)
            found.append(Segment(dimension, label, float(inputs.scale * members.sum()), inside))
    for number, label in enumerate(CUSTOMER_TYPES):
        members = inputs.base.kind == number
        mean = float(inputs.scale * members.sum(axis=1).mean())
        found.append(Segment("type", label, mean, np.einsum("dsm,dm->ds", difference, members.astype(float))))
    return tuple(found)


def parameter_table(inputs: Inputs) -> tuple[pd.DataFrame, dict[str, str]]:
    """What each draw assumes, one row a draw, and where each column comes from."""
    parameters, fitted = inputs.parameters, inputs.fitted
    columns = {f"purchase.{name}": fitted.purchase[:, place] for place, name in enumerate(fitted.model.names)}
    if fitted.spend is not None:
        columns |= {f"spend.{name}": fitted.spend[:, place] for place, name in enumerate("pqv")}
    origin = dict.fromkeys(columns, "posterior") | dict(parameters.origin)
    columns |= parameters.values
    mixes = {"types": (CUSTOMER_TYPES, parameters.types), "bindings": (BINDINGS, parameters.bindings)}
    for what, (names, shares) in mixes.items():
        mix = {f"{what}.{name}": shares[:, place] for place, name in enumerate(names)}
        columns |= mix
        origin |= dict.fromkeys(mix, "given" if what in parameters.mix_given else "assumption")
    return pd.DataFrame(columns), origin
