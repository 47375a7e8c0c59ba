"""Simulated lives of customers under every strategy: drawn from the fitted model, different from draw to draw.

A life is a customer with an own order rate and an own proneness to leave, the luck of every encounter, and the times at
which the pace asks for an order. All strategies, going on as today first, share it, and leaving is carried as the
probability of still being there. So a strategy's difference is that of one life treated in two ways: what never makes
a customer leave sooner or order later never lowers it. The sum over lives is set to the closed form of the fitted
model, draw by draw (a control variate): going on as today *is* the fitted model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from analysis.config.assumptions import CUSTOMER_TYPES
from analysis.config.strategies import Strategy
from analysis.data.summary import CustomerSummary
from analysis.models.fits import PurchaseFit
from analysis.models.registry import MODELS
from analysis.models.spend import SpendFit
from analysis.strategies.dynamics import (
    LIFT_IS_STATED_AT,
    TYPE_SENSITIVITY,
    deal_orders,
    expected_after,
    log_odds_of_staying,
    promotional_lift,
    response,
    usual_response,
    value_of_won,
)
from analysis.strategies.schedule import WEEKS_PER_YEAR, Attack, Economics, Schedule
from analysis.time import TimeUnit, annuity, to_days
from analysis.value.groups import ENDS, value_segment

BLOCK = 2_048
"""Lives that are followed at once."""
GONE = 3e-4
"""Chance of still being there, also if customers left as today, below which a life is followed no further."""
WINDOWS = (13, 26, 52)
"""Weeks after which an experiment could look."""
SEGMENTS = tuple(ENDS["value"])
BINS = 12
"""Parts of the horizon in which the worth of a new customer is told."""
PARTS = ("profit", "stay", "given_away", "service", "served", "invested", "referred", "orders")
OF_DEAL, OF_EXPERIENCE = ("theta_deal", "gamma_deal"), ("theta_exp", "level_exp", "gamma_exp", "referrals")


@dataclass(frozen=True)
class Lives:
    """Simulated lives; arrays of shape (n,) unless stated.

    Attributes
    ----------
    draw
        Of everything uncertain, under which the life is lived.
    rate, at_orders, in_time
        Orders per week; probability of leaving at an order; rate of leaving per week.
    value
        List value of an order [currency].
    weight
        How many customers of a draw's base the life stands for, being alive counted in, or how many new customers.
    starts
        When the life begins [weeks]; with an order where ``is_new``.
    orders
        Orders before.
    segment, kind
        Place in ``SEGMENTS`` and in ``CUSTOMER_TYPES``; -1 where none.
    is_new, by_deal, mercenary
        Of all: whether they are new customers, who came by a deal; and of each, whether it buys in promotions only.
    stays
        Of new customers: the chance of not leaving right after the first order.
    """

    draw: np.ndarray
    rate: np.ndarray
    at_orders: np.ndarray
    in_time: np.ndarray
    value: np.ndarray
    weight: np.ndarray
    starts: np.ndarray
    orders: np.ndarray
    segment: np.ndarray
    kind: np.ndarray
    mercenary: np.ndarray
    is_new: bool = False
    by_deal: bool = False
    stays: np.ndarray | float = 1.0

    def __len__(self) -> int:
        return len(self.draw)

    def expected_length(self, horizon: float) -> np.ndarray:
        """About how many orders each life is followed for, so that those of like length are followed together."""
        stays = np.log(GONE) / np.log1p(-np.clip(self.at_orders, 1e-9, 1 - 1e-9))
        within = np.minimum(horizon - self.starts, -np.log(GONE) / np.maximum(self.in_time, 1e-12))
        return np.minimum(stays, self.rate * within + 2 * np.sqrt(self.rate * within))

    def __getitem__(self, rows) -> Lives:
        return replace(self, **{name: each[rows] for name, each in vars(self).items() if isinstance(each, np.ndarray)})


@dataclass(frozen=True)
class World:
    """What is the same for all strategies.

    Attributes
    ----------
    parameters
        Parameter name -> draws, shape (D,).
    economics, horizon, delta
        What orders earn; length of the comparison [weeks]; continuous discount rate [per week].
    mix
        Shares of the customer types among those whose type is known, shape (4,); None where nobody's is.
    seed
        Of the random numbers.
    """

    parameters: Mapping[str, np.ndarray]
    economics: Economics
    horizon: float
    delta: float
    mix: np.ndarray | None = None
    seed: int = 1

    @property
    def draws(self) -> int:
        return len(next(iter(self.parameters.values())))

    @property
    def weeks(self) -> int:
        return max(int(np.ceil(self.horizon - 1e-9)), 1)

    def felt(self, lives: Lives) -> dict[str, np.ndarray]:
        """Every parameter as each life feels it, shape (n,)."""
        found = {name: values[lives.draw] for name, values in self.parameters.items()}
        if self.mix is not None:
            for channel, names in enumerate((OF_DEAL, OF_EXPERIENCE)):
                times = np.array([TYPE_SENSITIVITY[kind][channel] for kind in CUSTOMER_TYPES])
                times = np.append(times / (times @ self.mix), 1.0)[lives.kind]
                found |= {name: found[name] * times for name in names}
        return found


@dataclass(frozen=True)
class Totals:
    """Sums over the lives of a draw; the first strategy is today's path.

    Attributes
    ----------
    by_segment
        Name -> sums, shape (S, D, segments). Discounted: ``profit`` of own orders, and of it what comes of staying
        longer or shorter (``stay``); on orders as they come today, what is ``given_away`` and what ``service`` costs,
        and on those of the strategy, what this costs (``served``); what is ``invested`` in customers; the worth of
        those whom they bring (``referred``) [currency]; ``orders``; and ``revenue``, the list value of today's path, of
        shape (1, D, segments). Of today's customers also the undiscounted profit ``within`` each of ``WINDOWS``.
    """

    by_segment: Mapping[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.by_segment[name].sum(axis=2)


def within(window: int) -> str:
    return f"within_{window}_weeks"


def simulate(
    lives: Lives,
    strategies: Sequence[Strategy],
    world: World,
    *,
    rival_depth: float | None = None,
    rising: bool = False,
    worth_of_new: np.ndarray | None = None,
) -> Totals:
    """The lives under every strategy; the first is today's path, on which neither a rival nor the standard acts.

    Parameters
    ----------
    rival_depth, rising
        Depth of a rival's attack on all others; whether the sector's standard rises faster than until now for them.
    worth_of_new
        Worth of a new customer by when it comes, shape (D, BINS) [currency, at that time].
    """
    schedule = Schedule(strategies, world.weeks)
    attack = rival_depth and Attack(schedule, rival_depth, world.economics.todays_deal)
    sums, cells = {}, (world.draws, len(SEGMENTS))
    by_length = np.argsort(-lives.expected_length(world.horizon), kind="stable")
    for number, start in enumerate(range(0, len(lives), BLOCK)):
        block = lives[by_length[start : start + BLOCK]]
        rng = np.random.default_rng([world.seed, 21, number, lives.is_new])
        found = _Block(block, rng, world, schedule, attack, rising=rising, worth_of_new=worth_of_new).lived()
        cell = block.draw * len(SEGMENTS) + block.segment
        for name, values in found.items():
            summed = [np.bincount(cell, row, np.prod(cells)) for row in values * block.weight]
            sums[name] = sums.get(name, 0.0) + np.reshape(summed, (-1, *cells))
    return Totals(sums)


@dataclass(frozen=True)
class _Encounter:
    """What customers meet at an order, arrays of shape (S, n).

    Attributes
    ----------
    here
        Whether there is such an order, within the horizon.
    week, uses, points, gift
        When it is; whether the deal is taken; points, as a share of the list value; whether there is a gift.
    planned, met
        Experience without and with its unevenness [standard deviations].
    """

    here: np.ndarray
    week: np.ndarray
    uses: np.ndarray
    points: np.ndarray
    gift: np.ndarray
    planned: np.ndarray
    met: np.ndarray


class _Block:
    """Lives that are followed at once from encounter to encounter; arrays of shape (S, n) unless stated.

    Attributes
    ----------
    found
        Sums so far, see :class:`Totals`.
    time, number, is_first
        Of the last order [weeks]; orders so far, shape (n,); whether the next one is the first.
    alive, stayed
        Chance of still being a customer, and what it would be if encounters made customers leave as today's do.
    expected, expected_deal, used_to
        What experience and what deal are expected; and what planned experience, so that unevenness delights nobody.
    odds, pace, quiet
        What the last encounter left: rise of the log odds of staying, factor of the order rate, and outside promotions.
    """

    def __init__(
        self,
        lives: Lives,
        rng: np.random.Generator,
        world: World,
        plan: Schedule,
        attack: Attack | None = None,
        *,
        rising: bool = False,
        worth_of_new: np.ndarray | None = None,
    ):
        self.lives, self.rng, self.world, self.plan, self.attack = lives, rng, world, plan, attack
        self.rising, self.worth_of_new, self.of, count = rising, worth_of_new, world.felt(lives), len(lives)
        self.shape = shape = (len(plan.depth), count)
        self.row = np.arange(len(plan.depth))[:, None]
        self.others = self.row > 0
        self.windows = () if lives.is_new else WINDOWS
        self.found = {name: np.zeros(shape) for name in (*PARTS, *map(within, self.windows))}
        self.found["revenue"] = np.zeros((1, count))
        self.time, self.number, self.is_first = np.tile(lives.starts, (shape[0], 1)), lives.orders, lives.is_new
        self.alive, self.stayed, self.pace, self.quiet = (np.ones(shape) for _ in range(4))
        self.odds, self.expected, self.expected_deal, self.used_to = (np.zeros(shape) for _ in range(4))
        unevenness, kappa = self.of["unevenness"], self.of["kappa_exp"]
        # What today's uneven encounters do on average is in the fitted model already.
        self.usual = usual_response(unevenness * np.sqrt(2 / (2 - kappa)), self.of["loss_aversion"])
        if not lives.is_new:
            known = unevenness * np.sqrt(kappa / (2 - kappa))
            self.expected = np.tile(known * rng.standard_normal(count), (shape[0], 1))
        worth = 1.0
        if lives.by_deal:
            promoted_time = plan.promoted.mean(axis=1, keepdims=True)
            worth = value_of_won(self.of["won_value"], plan.depth, self.of["mercenary_share"], promoted_time)
            worth = np.where(lives.mercenary, 1.0, worth)
        self.value = lives.value * worth

    def lived(self) -> dict[str, np.ndarray]:
        """What comes of every life under every strategy, shape (S, n)."""
        count, rng = len(self.lives), self.rng
        while True:
            spent, luck, chance = rng.standard_exponential(count), rng.standard_normal(count), rng.random(count)
            lifted = promotional_lift(self.of["promotional_lift"], self.plan.depth, self.expected_deal)
            here = self._until_next_order(spent, lifted)
            if not here.any():
                return self.found
            encounter = self._meet(here, luck, chance < deal_orders(lifted, self.plan.reach))
            self._book(encounter)
            self._respond(encounter)

    def _until_next_order(self, spent: np.ndarray, lifted: np.ndarray) -> np.ndarray:
        """Go on to the next order or the horizon, and to those who still count there, shape (S, n)."""
        lives, of, horizon, attack = self.lives, self.of, self.world.horizon, self.attack
        then = self.time
        if not self.is_first:
            quiet = np.where(lives.mercenary, 0.0, self.quiet)
            extra = self.plan.reach * lifted
            then = self.plan.next_order(self.time, spent / lives.rate / self.pace, quiet, extra, of["borrowed"])
        until = np.minimum(then, horizon)
        hazard = lives.in_time * np.exp(-self.odds)
        if self.plan.invested.any():
            self._invest(hazard, until)
        gone = hazard * (until - self.time)
        self.stayed = self.stayed * np.exp(-hazard[0] * (until - self.time))
        if attack is not None:
            shield = of["bond_shield"] * np.maximum(self.expected - self.expected[0], 0.0)
            gone = gone + self.others * attack.hazard(of["rival_pull"], shield, self.time, until)
        self.alive, self.time = self.alive * np.exp(-gone), until
        return (then < horizon) & (np.maximum(self.alive, self.stayed) > GONE)

    def _invest(self, hazard: np.ndarray, until: np.ndarray) -> None:
        """Cost of being better for each customer who is still one, between two orders."""
        begins = np.clip(self.plan.starts, self.time, until)

        def cost(delta, last):
            length = np.maximum(np.minimum(until, np.minimum(self.plan.ends, last)) - begins, 0.0)
            there = self.alive * np.exp(-hazard * (begins - self.time) - delta * begins)
            return self.plan.invested * there * annuity(hazard + delta, length)

        discounted = cost(self.world.delta, self.world.horizon)
        self.found["invested"] += discounted
        self.found["profit"] -= discounted
        for window in self.windows:
            self.found[within(window)] -= cost(0.0, window)

    def _meet(self, here: np.ndarray, luck: np.ndarray, takes_deal: np.ndarray) -> _Encounter:
        plan, of, row, lives = self.plan, self.of, self.row, self.lives
        self.number = self.number + 1
        week = np.minimum(self.time.astype(int), plan.weeks - 1)
        uses = (plan.promoted[row, week] > 0) & (takes_deal | lives.mercenary)
        if lives.by_deal and self.is_first:
            uses = np.broadcast_to(self.others, self.shape)
        gift, spread = plan.gift_order == self.number, plan.spread[row, week]
        planned = (plan.lift[row, week] + gift * plan.gift_lift) * of["delivery"]
        met = planned + np.where(np.isnan(spread), of["unevenness"], spread) * luck
        if self.rising:
            met = met - self.others * of["sector_rise"] * self.time / WEEKS_PER_YEAR
        return _Encounter(here, week, uses, plan.points[row, week], gift, planned, met)

    def _book(self, at: _Encounter) -> None:
        """The money of an order."""
        plan, of, found, money, lives = self.plan, self.of, self.found, self.world.economics, self.lives
        discounted = np.exp(-self.world.delta * self.time)
        now = self.alive * at.here * discounted
        kept = 1 - of["breakage"]
        given = (plan.depth * at.uses + at.points * kept) * self.value
        service = plan.service[self.row, at.week] + at.gift * plan.gift_cost
        margin = money.list_margin * self.value - given - money.cost_per_order - service
        found["profit"] += now * margin
        found["stay"] += (self.alive - self.stayed) * at.here * discounted * margin
        found["orders"] += now
        found["served"] += now * service
        found["revenue"] += now[0] * lives.value
        today = at.week[0]
        reached = plan.reach * plan.depth * plan.promoted[:, today]
        found["given_away"] += now[0] * self.value * (reached + plan.points[:, today] * kept)
        found["service"] += now[0] * (plan.service[:, today] + at.gift * plan.gift_cost)
        if self.worth_of_new is not None:
            part = np.minimum((self.time / self.world.horizon * BINS).astype(int), BINS - 1)
            brought = of["referrals"] * of["referred_value"] * np.maximum(at.planned - self.used_to, 0.0)
            found["referred"] += now * brought * self.worth_of_new[lives.draw, part]
        for window in self.windows:
            found[within(window)] += self.alive * at.here * (self.time < window) * margin

    def _respond(self, at: _Encounter) -> None:
        """What the encounter changes: who leaves, the pace, and what is expected of the next."""
        of, lives = self.of, self.lives
        gap, deal_gap = at.met - self.expected, self.plan.depth * at.uses + at.points - self.expected_deal
        felt = response(gap, of["loss_aversion"]) - self.usual
        felt_deal = response(deal_gap, of["loss_aversion"])
        self.used_to = expected_after(self.used_to, at.planned, of["kappa_exp"])
        self.expected = expected_after(self.expected, at.met, of["kappa_exp"])
        self.expected_deal = self.expected_deal + of["kappa_deal"] * deal_gap
        self.odds = log_odds_of_staying(of, felt_deal, felt, self.expected - self.expected[0])
        if self.is_first:
            self.alive, self.stayed = self.alive * lives.stays, self.stayed * lives.stays
        else:
            left = expit(logit(lives.at_orders) - self.odds)
            struck = (gap < -of["tau"]) & ~(gap[0] < -of["tau"])
            self.alive = np.where(at.here, self.alive * (1 - left) * ~struck, self.alive)
            self.stayed = np.where(at.here, self.stayed * (1 - left[0]), self.stayed)
        self.pace, self.quiet = np.exp(of["gamma_exp"] * felt), np.exp(of["gamma_deal"] * felt_deal)
        self.is_first = False


ORDERS_AT_MOST = 600_000
"""Orders of lives of today's customers, on today's path."""
FEWEST, MOST, NEW = 30, 50, 25
"""Lives for each draw: of today's customers, and of new ones."""
LOWEST_SHARE = 0.1
"""Of the lives are drawn evenly, so that who brings next to nothing stands in them too."""


def base_lives(
    fit: PurchaseFit, spend: SpendFit, expected: np.ndarray, world: World, kinds: np.ndarray | None = None
) -> Lives:
    """Today's customers: so many for each draw, each with a chance in proportion to what it is expected to bring.

    Parameters
    ----------
    fit, spend
        The fitted models; the fit holds the customers.
    expected
        Expected orders within the horizon, of each customer, shape (customers,).
    kinds
        Number of every customer's type, shape (customers,); -1 where unknown.
    """
    x, recency, age, value = customers_of(fit.known_histories(), fit, spend)
    worth = np.maximum(expected * np.maximum(value, 0.0), 0.0)
    chance = (1 - LOWEST_SHARE) * worth / worth.sum() + LOWEST_SHARE / len(x)
    each = float(expected @ chance)
    count = int(np.clip(ORDERS_AT_MOST / (world.draws * max(each, 1.0)), FEWEST, MOST))
    edges, rng = np.cumsum(chance) / chance.sum(), np.random.default_rng([world.seed, 22])
    places = ((np.arange(count) + rng.random()) / count for _ in range(world.draws))
    rows = (np.minimum(np.searchsorted(edges, each), len(x) - 1) for each in places)
    rows, draw, *own, alive = _drawn(fit, world, rng, rows, x, recency, age)
    return Lives(
        draw,
        *own,
        value=value[rows] / (1 - world.economics.todays_deal),
        weight=alive / (chance[rows] * count),
        starts=np.zeros(len(rows)),
        orders=x[rows].astype(int) + 1,
        segment=ranks_of(worth)[rows],
        kind=np.full(len(rows), -1) if kinds is None else np.asarray(kinds)[rows],
        mercenary=np.zeros(len(rows), dtype=bool),
    )


def _drawn(fit: PurchaseFit, world: World, rng: np.random.Generator, rows: Iterable[np.ndarray], *history):
    """Customers drawn under every draw, of those with a history (frequency, recency, T) in so many rows, shape (n,).

    Their rows and draw; rate of ordering, chance of leaving at an order and rate of leaving, in weeks; P(alive).
    """
    model, found = MODELS[fit.model], []
    for draw, (some, params) in enumerate(zip(rows, fit.draws(world.draws), strict=True)):
        x, recency, age = (each[some] for each in history)
        own = model.draw_customers(rng, params, x, age)
        found.append((some, np.full(len(some), draw), *own, model.p_alive(params, x, recency, age)))
    rows, draw, rate, at_orders, in_time, alive = (np.concatenate(part) for part in zip(*found, strict=True))
    per_week = to_days(1.0, TimeUnit.WEEK) / to_days(1.0, fit.time_unit)
    return rows, draw, np.maximum(rate * per_week, 1e-30), at_orders, in_time * per_week, alive


def customers_of(histories: CustomerSummary, fit: PurchaseFit, spend: SpendFit) -> tuple[np.ndarray, ...]:
    """Frequency, recency, T [time units of the fit] and expected order value [currency] of every customer."""
    table = histories.table
    x = table["frequency"].to_numpy()
    recency, age = fit.clock.ages(table["recency_days"], table["T_days"], histories.observation_end)
    return x, recency, age, spend.order_values(x, table["mean_repeat_value"].to_numpy(dtype=float))


def ranks_of(worth: np.ndarray) -> np.ndarray:
    """Place in ``SEGMENTS`` of every customer: by what is expected of it, known before anything is done."""
    return value_segment(worth).cat.codes.to_numpy()


def new_lives(
    fit: PurchaseFit, spend: SpendFit, world: World, coming_per_week: float, promoted: Strategy | None = None
) -> Lives:
    """New customers: those who come anyway, evenly over the horizon, or whom the promotion weeks of a strategy win."""
    rng, none = np.random.default_rng([world.seed, 23, promoted is not None]), np.zeros(NEW)
    _, draw, *own, alive = _drawn(fit, world, rng, [np.arange(NEW)] * world.draws, none, none, none)
    count = len(draw)
    place = (np.tile(rng.permutation(NEW), world.draws) + rng.random(count)) / NEW
    starts, weight, mercenary = place * world.horizon, coming_per_week * world.horizon / NEW, np.zeros(count, bool)
    if promoted is not None:
        weeks = np.flatnonzero(Schedule([promoted], world.weeks).promoted[0])
        at = rng.random(count) * len(weeks)
        starts = np.minimum(weeks[at.astype(int)] + at % 1, world.horizon)
        per_week = coming_per_week * world.parameters["won"] * promoted.promotion.depth / LIFT_IS_STATED_AT
        weight = (per_week * len(weeks) / NEW)[draw]
        mercenary = rng.random(count) < world.parameters["mercenary_share"][draw]
    value = float(spend.order_values(np.zeros(1, dtype=int), np.full(1, np.nan))[0])
    return Lives(
        draw,
        *own,
        value=np.full(count, value / (1 - world.economics.todays_deal)),
        weight=np.broadcast_to(weight, count),
        starts=starts,
        orders=np.zeros(count, dtype=int),
        segment=np.zeros(count, dtype=int),
        kind=np.full(count, -1),
        mercenary=mercenary,
        is_new=True,
        by_deal=promoted is not None,
        stays=alive,
    )


def worth_of_new(news: Lives, world: World) -> np.ndarray:
    """Worth of one more new customer, by when it comes, shape (D, BINS) [currency, at that time].

    Orders come at the rate lambda exp(-(lambda p + mu) t) after the first one, of those who stay after it.
    """
    leaving, money = news.rate * news.at_orders + news.in_time + world.delta, world.economics
    left = world.horizon * (1 - (np.arange(BINS) + 0.5) / BINS)
    orders = 1 + (news.stays * news.rate / leaving)[:, None] * -np.expm1(-np.outer(leaving, left))
    each = (money.list_margin * news.value - money.cost_per_order)[:, None] * orders
    return each.reshape(world.draws, -1, BINS).mean(axis=1)


def kinds_of(histories: CustomerSummary, table: pd.DataFrame) -> np.ndarray:
    """Number of every customer's type, -1 where unknown, shape (customers,); ``table`` has columns customer, type."""
    known = pd.Series(table["type"].map(CUSTOMER_TYPES.index).to_numpy(), index=table["customer"].astype(str))
    return histories.table["customer_id"].astype(str).map(known).fillna(-1).to_numpy(dtype=int)
