"""D draws of everything that is uncertain x M customers x strategies: the steps, in their order.

The same customers and random numbers serve all draws and strategies. Draws are taken in blocks, side by side; a
block's size does not depend on the number of threads, nor do the results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.strategies.books import Books
from analysis.strategies.customers import Fitted, People
from analysis.strategies.flows import components_of, flows_of, money_of, struck_off, tallies_of
from analysis.strategies.lives import PER_PURCHASE, Entry, Rules
from analysis.strategies.marks import Marks
from analysis.strategies.newcomers import Weights, entry_of_new, groups_of_new, weights_of, worth_of_referrals
from analysis.strategies.parameters import BINDINGS, CUSTOMER_TYPES, PARAMETERS, ParameterDraws
from analysis.strategies.results import Segment, Simulation, Weekly
from analysis.strategies.sampling import error_of_total, replicate_totals, replicates_of
from analysis.strategies.schedule import Economics, exposure_of, schedule_of
from analysis.strategies.strategy import Attack, Strategy, refuse_impossible
from analysis.strategies.walk import walk

LIVES_AT_ONCE = 200_000
"""Customers times draws times strategies in a block: many enough for two threads to get in each other's way little."""
CELLS_AT_ONCE = 3_000_000
"""Entries of each table of the books in a block: a long horizon has many."""
THREADS = 2
BASE_STREAM, NEW_STREAM = 0, 1


@dataclass(frozen=True)
class World:
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


class Block(NamedTuple):
    """What a block of draws contributes; arrays with draws first."""

    profit: np.ndarray
    spent: np.ndarray
    components: dict[str, np.ndarray]
    weekly: dict[str, np.ndarray]
    struck_off: np.ndarray
    own_of_base: np.ndarray
    by_replicate: tuple[np.ndarray, ...]


def simulate(
    world: World,
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

    Raises
    ------
    UsageError
        With everything that is wrong with the strategies or the attack.
    """
    refuse_impossible(strategies, world.weeks, world.economics.todays_deal, attack)
    schedule = schedule_of(strategies, world.weeks, world.economics.annual_discount_rate)
    exposure = None if attack is None else exposure_of(schedule, strategies, attack, world.economics.todays_deal)
    rules = Rules(schedule, world.economics, structure, exposure, bool(world.fitted.model.trial_after_first_order))
    draws, customers = world.base.rate.shape
    step = _draws_at_once(customers if world.new is None else max(customers, world.new.rate.shape[1]), rules)
    slices = [slice(start, min(start + step, draws)) for start in range(0, draws, step)]
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        blocks = list(pool.map(lambda chosen: _block(world, rules, chosen), slices))
    return _gathered(world, tuple(strategies), rules, attack, blocks)


def _draws_at_once(customers: int, rules: Rules) -> int:
    schedule = rules.schedule
    cells = schedule.strategies * groups_of_new(schedule.weeks) * schedule.weeks
    return max(min(LIVES_AT_ONCE // (customers * schedule.strategies), CELLS_AT_ONCE // cells), 1)


def _block(world: World, rules: Rules, chosen: slice) -> Block:
    parameters = {name: values[chosen] for name, values in world.parameters.values.items()}
    schedule, economics = rules.schedule, rules.economics
    people = world.base.draws(chosen)
    entry = Entry.of_base(world.base.rate.shape[1])
    books = walk(people, entry, parameters, rules, Marks(world.seed, BASE_STREAM, len(entry.starts)))
    base = tallies_of(books, entry, people.alive)
    parts = world.scale * books.parts.sum(axis=2)
    pool, weights, new_books = None, None, None
    if world.new is not None:
        of_base = world.scale * books.referrals.sum(axis=2)
        new_people = world.new.draws(chosen)
        marks = Marks(world.seed, NEW_STREAM, new_people.rate.shape[1])
        promotes = bool((schedule.promoted.any(axis=1) & (schedule.depth > 0)).any() and world.coming_per_week > 0)
        entry = entry_of_new(schedule, new_people.rate.shape[1], marks, promotions_win=promotes)
        new_books = walk(new_people, entry, parameters, rules, marks)
        pool = tallies_of(new_books, entry, new_people.alive)
        weights = weights_of(new_books, entry, schedule, parameters, world.coming_per_week, of_base)
        coming = weights.coming.reshape(*new_books.parts.shape[:3], 1)
        parts = parts + (coming * new_books.parts).sum(axis=2)
    flows = flows_of(base, world.scale, pool, weights)
    money = money_of(flows.everyone, schedule, economics, parameters["breakage"])
    fixed = schedule.fixed[:, None]
    alone = base.flow(np.full(base.at_start.shape, world.scale))
    everyone = flows.everyone
    weekly = {
        "alive": everyone.alive,
        "alive_of_base": alone.alive,
        "mercenaries": flows.mercenaries.alive,
        "joined": everyone.joined,
        "left": everyone.left,
        "taken": everyone.taken,
        "won": flows.won.joined,
        "referred": flows.referred.joined,
        "orders": everyone.orders,
        "margin": money.margin,
        "spent": money.spent + fixed,
    }
    own = world.scale * (books.worth - books.costs)
    paths = [own]
    if new_books is not None:
        by_base, by_new = worth_of_referrals(new_books, entry, schedule, parameters["referred_value"], of_base)
        of_new = _new_by_path(new_books, entry, weights, by_new[:, :, entry.group])
        paths = [own + world.scale * books.referred * by_base[..., None], of_new]
    return Block(
        profit=((money.profit - fixed) @ schedule.discount).T,
        spent=((money.spent + fixed) @ schedule.discount).T,
        components=components_of(flows, parts, schedule, economics, parameters),
        weekly={name: values.transpose(1, 0, 2) for name, values in weekly.items()},
        struck_off=struck_off(books, world.scale),
        by_replicate=tuple(replicate_totals(each).transpose(1, 0, 2) for each in paths),
        own_of_base=own.transpose(1, 0, 2),
    )


def _new_by_path(books: Books, entry: Entry, weights: Weights, worth_of_a_referral: np.ndarray) -> np.ndarray:
    """Profit that each of the pool stands for, less the mean of its group, shape (S, D, M)."""
    flat = {name: getattr(weights, name).reshape(*books.shape[:2], -1) for name in weights.__dataclass_fields__}
    customers = (flat["coming"] + flat["won"] + flat["referred"])[:, :, entry.group]
    value = (flat["coming"] + flat["won_value"] + flat["referred_value"])[:, :, entry.group]
    profit = value * books.worth + customers * (books.referred * worth_of_a_referral - books.costs)
    inside = np.equal.outer(entry.group, np.arange(entry.groups)).astype(float)
    mean = (profit @ inside) / np.maximum(inside.sum(axis=0), 1)
    return profit - mean[:, :, entry.group]


def _gathered(world: World, strategies, rules: Rules, attack, blocks: list[Block]) -> Simulation:
    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(block, name) for block in blocks])

    parts = [error_of_total(np.concatenate(each)) for each in zip(*(b.by_replicate for b in blocks), strict=True)]
    noise, common = (sum(each) for each in zip(*parts, strict=True))
    parameters, groups, origin = parameter_table(world)
    return Simulation(
        structure=rules.structure,
        model=world.fitted.model.name,
        strategies=strategies,
        attack=attack,
        customers=world.customers,
        sampled=world.base.rate.shape[1],
        weeks=world.weeks,
        discount=rules.schedule.discount,
        parameters=parameters,
        groups=groups,
        origin=origin,
        profit=joined("profit"),
        spent=joined("spent"),
        components={name: np.concatenate([b.components[name] for b in blocks]) for name in blocks[0].components},
        weekly=Weekly(**{name: np.concatenate([b.weekly[name] for b in blocks]) for name in blocks[0].weekly}),
        struck_off=joined("struck_off"),
        segments=_segments(world, joined("own_of_base")),
        noise_covariance=noise,
        common_noise=common,
        replicates=replicates_of(world.base.rate.shape[1]),
    )


def _segments(world: World, own: np.ndarray) -> tuple[Segment, ...]:
    difference = own - own[:, :1]
    found = []
    for dimension, labels in world.labels.items():
        for label in dict.fromkeys(labels.tolist()):
            members = labels == label
            found.append(Segment(dimension, label, world.scale * members.sum(), difference[:, :, members].sum(axis=2)))
    for number, label in enumerate(CUSTOMER_TYPES):
        members = world.base.kind == number
        mean = float(world.scale * members.sum(axis=1).mean())
        found.append(Segment("type", label, mean, np.einsum("dsm,dm->ds", difference, members.astype(float))))
    return tuple(found)


def parameter_table(world: World) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]], dict[str, str]]:
    """What each draw assumes, the groups of its columns, and where each column comes from."""
    parameters, fitted = world.parameters, world.fitted
    columns = {f"purchase.{name}": fitted.purchase[:, place] for place, name in enumerate(fitted.model.names)}
    groups = {"purchase": tuple(columns)}
    if fitted.spend is not None:
        spend = {f"spend.{name}": fitted.spend[:, place] for place, name in enumerate("pqv")}
        groups["spend"], columns = tuple(spend), columns | spend
    origin = dict.fromkeys(columns, "posterior")
    for parameter in PARAMETERS:
        columns[parameter.name] = parameters.values[parameter.name]
        groups[parameter.group] = (*groups.get(parameter.group, ()), parameter.name)
        origin[parameter.name] = parameters.origin[parameter.name]
    mixes = {"types": (CUSTOMER_TYPES, parameters.types), "bindings": (BINDINGS, parameters.bindings)}
    for what, (names, shares) in mixes.items():
        mix = {f"{what}.{name}": shares[:, place] for place, name in enumerate(names)}
        columns |= mix
        groups["customers"] = (*groups.get("customers", ()), *mix)
        origin |= dict.fromkeys(mix, "given" if what in parameters.mix_given else "assumption")
    return pd.DataFrame(columns), groups, origin
