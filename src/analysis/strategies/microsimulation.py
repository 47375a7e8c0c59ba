"""Customers' purchase histories under several strategies at once, on common random numbers.

Every customer has one stream of possible orders, at the fastest pace that any strategy can bring about; a strategy
turns a possible order into one where the pace it brings about is high enough (thinning [1]_). So an order that comes
under two strategies is the same order, and what one of them adds or takes away can be pointed at. With every effect
off the streams are those of the fitted model, exactly.

References
----------
.. [1] Lewis, Shedler (1979), Simulation of nonhomogeneous Poisson processes by thinning, Naval Research Logistics
       Quarterly 26(3):403-413.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from analysis.strategies.customers import People
from analysis.strategies.dynamics import (
    LIFT_IS_STATED_AT,
    Channel,
    bond_after,
    deal_orders,
    impression,
    leaving_probability,
    order_margin,
    promotional_lift,
    taken_hazard,
)
from analysis.strategies.sampling import FIRST_ORDER, CommonRandomNumbers, Event
from analysis.strategies.schedule import WEEKS_PER_YEAR, Economics, Exposure, Schedule
from analysis.strategies.tallies import LEFT, STRUCK_OFF, TAKEN, Part, Tallies

PER_PURCHASE, CALENDAR = "per_purchase", "calendar"
STRUCTURES = (PER_PURCHASE, CALENDAR)
"""Leaving is tried at every order, as in BG/NBD; or its hazard lambda_i p_i stays the same in calendar time."""
FASTEST = 8.0
"""No customer buys more than so many times as fast as today, whatever is met."""
UNUSUAL = 3.0
"""Standard deviations of an encounter up to which the pace follows it; beyond, it is as for this."""
SHRINK_BELOW = 0.8
BISECTIONS = 40
KNOWN_OF_LOST = ("here", "taken", "quiet")
MET = (
    "draw", "who", "block", "pair", "value", "log_odds", "fastest", "promotional_lift", "loss_aversion",
    "theta_deal", "gamma_deal", "kappa_deal", "theta_exp", "gamma_exp", "kappa_exp", "mercenary", "by_deal",
)  # fmt: skip
"""What an encounter needs of an individual."""


@dataclass(frozen=True)
class Entry:
    """How M customers come in; shapes (M,) unless stated.

    Attributes
    ----------
    starts
        Week at which the stream of possible orders begins.
    enters
        Moment of the first order under every strategy, shape (S, M), without bound where there is none; None for
        those who are customers already.
    group
        Group in the tallies.
    groups
        How many groups there are.
    by_deal
        Whether a promotion brought the customer, whose first order then uses it.
    mercenary
        Whether the customer buys in promotion weeks only.
    """

    starts: np.ndarray
    enters: np.ndarray | None
    group: np.ndarray
    groups: int
    by_deal: np.ndarray
    mercenary: np.ndarray

    @classmethod
    def of_base(cls, customers: int) -> Entry:
        """Of those who are customers already."""
        nobody = np.zeros(customers, dtype=bool)
        return cls(np.zeros(customers), None, np.zeros(customers, dtype=int), 1, nobody, nobody)


@dataclass(frozen=True)
class Rules:
    """What holds for every customer.

    Attributes
    ----------
    schedule, economics
        What the strategies do, and what orders earn.
    structure
        ``per_purchase`` or ``calendar``.
    exposure
        A rival's attack; None without one.
    trial_at_first_order
        Whether a customer may leave at the first order (MBG/NBD).
    """

    schedule: Schedule
    economics: Economics
    structure: str = PER_PURCHASE
    exposure: Exposure | None = None
    trial_at_first_order: bool = False

    @property
    def in_calendar_time(self) -> bool:
        return self.structure == CALENDAR


class Tables:
    """What an encounter looks up, by draw, strategy and week; flattened where it is looked up entry by entry.

    Attributes
    ----------
    met, spread
        Mean and standard deviation of the experience, flattened (D, S, W), the sector's rise not taken off.
    points_cost
        What points cost, as a share of the list value, flattened (D, S, W).
    missing
        Reach times the promotion weeks whose borrowed orders are missing, shape (S, W).
    promotes
        1 for strategies with promotion weeks, else 0, shape (S,).
    on_offer
        The deal of a promotion week, today's and points included, shape (S,).
    """

    def __init__(self, rules: Rules, parameters: Mapping[str, np.ndarray]):
        schedule, draw = rules.schedule, {name: values[:, None, None] for name, values in parameters.items()}
        self.met = (schedule.lift * draw["delivery"]).ravel()
        assumed = np.abs(schedule.lift) * draw["inconsistency"]
        self.spread = np.where(np.isnan(schedule.spread), assumed, schedule.spread).ravel()
        self.points_cost = (schedule.points * (1 - draw["breakage"])).ravel()
        self.missing = schedule.paid_back * schedule.reach[:, None]
        self.promotes = (schedule.promoted.any(axis=1) & (schedule.depth > 0)).astype(float)
        self.on_offer = rules.economics.todays_deal + schedule.points.max(axis=1) + schedule.depth * self.promotes
        self.reach, self.todays_deal = schedule.reach, rules.economics.todays_deal

    def lifted(self, strategy, lift, expected) -> np.ndarray:
        """Lift of a promotion week for those who take part; none where a strategy has no promotion weeks."""
        return promotional_lift(lift, self.on_offer[strategy], expected) * self.promotes[strategy]

    def fastest_pace(self, fixed: Mapping[str, np.ndarray], parameters: Mapping[str, np.ndarray]) -> np.ndarray:
        """The largest pace that any strategy brings about, as a multiple of each individual's rate."""
        by_draw = len(parameters["sector_rise"]), -1
        met, spread = self.met.reshape(by_draw), self.spread.reshape(by_draw)
        delight = np.maximum(np.max(met + UNUSUAL * spread, axis=1), 0.0) + parameters["sector_rise"]
        delight = np.where(((met != 0) | (spread > 0)).any(axis=1), delight, 0.0)
        deal = self.on_offer - self.todays_deal
        lifted = 1 + np.max(self.reach * deal * self.promotes) * fixed["promotional_lift"] / LIFT_IS_STATED_AT
        pace = np.exp(fixed["gamma_exp"] * delight[fixed["draw"]])
        fastest = pace * np.maximum(np.exp(fixed["gamma_deal"] * deal.max()), lifted)
        # Coarse steps keep histories under today's strategies the same when others are compared with them.
        return np.minimum(np.exp2(np.ceil(2 * np.log2(fastest) - 1e-9) / 2), FASTEST)


class Why(NamedTuple):
    """Of orders: who has one if nothing is done, and which would not come in a week without promotion."""

    anyway: np.ndarray
    beyond_quiet: np.ndarray


def simulate_customers(
    people: People, entry: Entry, parameters: Mapping[str, np.ndarray], rules: Rules, numbers: CommonRandomNumbers
) -> Tallies:
    """Tallies of ``people`` (D draws of M customers) over the horizon; ``parameters`` hold arrays of shape (D,)."""
    return _Microsimulation(people, entry, parameters, rules, numbers).run()


class _Microsimulation:
    """An individual is a customer under a draw: ``fixed`` holds arrays of shape (n,), ``state`` of shape (S, n).

    n shrinks as individuals leave under every strategy.
    """

    def __init__(self, people: People, entry: Entry, parameters, rules: Rules, numbers: CommonRandomNumbers):
        self.entry, self.parameters, self.rules, self.numbers = entry, parameters, rules, numbers
        self.schedule, self.economics, self.alive = rules.schedule, rules.economics, people.alive
        self.weeks, self.strategies = self.schedule.weeks, self.schedule.strategies
        self.draws, self.customers = people.rate.shape
        self.refers = bool(parameters["referrals"].any())
        self.tables = Tables(rules, parameters)
        self.fixed = self._individuals(people)
        self.fixed["fastest"] = self.tables.fastest_pace(self.fixed, parameters)
        # Entries are written through flat views, which only contiguous arrays have.
        self.state = {name: np.ascontiguousarray(values) for name, values in self._at_start().items()}
        if rules.exposure is not None:
            self.fixed |= self._exposed()
        self.tallies = Tallies(self.strategies, self.draws, entry.groups, self.weeks, self.customers)

    def _individuals(self, people: People) -> dict[str, np.ndarray]:
        entry, parameters = self.entry, self.parameters
        pair = np.flatnonzero(people.alive.ravel())
        draw, who = np.divmod(pair, self.customers)
        mercenary = entry.mercenary[who]
        dearer = np.where(mercenary, np.log(parameters["mercenary_leaving"][draw]), 0.0)
        return {
            "pair": pair,
            "draw": draw,
            "who": who,
            "clock": entry.starts[who].astype(float),
            "block": draw * entry.groups + entry.group[who],
            "mercenary": mercenary,
            "by_deal": (entry.by_deal | entry.mercenary)[who],
            "rate": people.rate.ravel()[pair],
            "value": people.value.ravel()[pair],
            "log_odds": people.log_odds.ravel()[pair] + dearer,
            **{name: parameters[name][draw] for name in ("borrowed", "loss_aversion", "kappa_deal", "kappa_exp")},
            **{name: parameters[name][draw] * times.ravel()[pair] for name, times in people.felt.items()},
        }

    def _at_start(self) -> dict[str, np.ndarray]:
        fixed, tables, shape = self.fixed, self.tables, (self.strategies, self.fixed["rate"].size)
        rows = np.arange(shape[0])[:, None]
        lifted = tables.lifted(rows, fixed["promotional_lift"], np.full(shape, tables.todays_deal))
        state = {
            "here": np.ones(shape, dtype=bool),
            "expected_deal": np.full(shape, tables.todays_deal),
            "expected_exp": np.zeros(shape),
            "usual_exp": np.zeros(shape),
            "quiet": np.where(fixed["mercenary"], 0.0, np.ones(shape)),
            "promoted": 1 + tables.reach[:, None] * lifted,
            "lifted": lifted,
        }
        if self.entry.enters is not None:
            state["enters"] = self.entry.enters[:, fixed["who"]]
            state["here"] = np.isfinite(state["enters"])
        if self.rules.in_calendar_time:
            state["leaving"] = np.tile(expit(fixed["log_odds"]), (shape[0], 1))
        if self.rules.exposure is not None:
            state |= {"bond": np.zeros(shape), "threat": np.zeros(shape), "taken": np.zeros(shape, dtype=bool)}
        return state

    def _exposed(self) -> dict[str, np.ndarray]:
        draw, parameters = self.fixed["draw"], self.parameters
        fickle = np.where(self.fixed["mercenary"], parameters["mercenary_taken"][draw], 1.0)
        return {
            "pull": parameters["rival_pull"][draw] * fickle,
            "shield": parameters["bond_shield"][draw],
            "threshold": self.numbers.thresholds()[self.fixed["who"]],
        }

    def run(self) -> Tallies:
        if self.entry.enters is not None:
            first = np.flatnonzero(self.state["here"].ravel())
            self._meet(first, self.state["enters"].ravel()[first], self.numbers.of_event(FIRST_ORDER), first=True)
        number = 0
        while self.fixed["rate"].size:
            self._step(self.numbers.of_event(number))
            self._shrink()
            number += 1
        self._charge()
        return self.tallies.close(self.entry.group, self.entry.enters, self.alive)

    def _shrink(self) -> None:
        """Leave out individuals whose history has ended under every strategy, once they are many."""
        going_on = self.state["here"].any(axis=0) & (self.fixed["clock"] < self.weeks)
        many = np.count_nonzero(going_on)
        if many < SHRINK_BELOW * going_on.size or not many:
            keep = np.flatnonzero(going_on)
            self.fixed = {name: values[keep] for name, values in self.fixed.items()}
            self.state = {name: np.take(values, keep, axis=1) for name, values in self.state.items()}

    # --- one possible order of everyone ---

    def _step(self, event: Event) -> None:
        fixed, state = self.fixed, self.state
        who, before = fixed["who"], fixed["clock"]
        fixed["clock"] = now = before + event.gap[who] / (fixed["rate"] * fixed["fastest"])
        if self.rules.in_calendar_time or self.rules.exposure is not None:
            self._leave_between(before, np.minimum(now, self.weeks), event)
        week = np.minimum(now, self.weeks - 1).astype(int)
        promoted = np.take(self.schedule.promoted, week, axis=1)
        missing = np.take(self.tables.missing, week, axis=1)
        level = event.level[who] * fixed["fastest"]
        pace = state["quiet"] * np.maximum(1 - missing * state["lifted"] * fixed["borrowed"], 0.0)
        pace += promoted * (state["promoted"] - pace)
        comes = (level < pace) & state["here"] & (now < self.weeks)
        if "enters" in state:
            comes &= now > state["enters"]
        self._compare_lost(comes, week, level, promoted)
        flat = np.flatnonzero(comes.ravel())
        if flat.size:
            why = Why(comes[0], (level >= state["quiet"]).ravel()[flat])
            self._meet(flat, now[flat % who.size], event, why)

    def _leave_between(self, before: np.ndarray, until: np.ndarray, event: Event) -> None:
        """Those who leave in calendar time, or whom a rival takes, before the next possible order."""
        fixed, state = self.fixed, self.state
        since = np.maximum(before, state.get("enters", np.full((self.strategies, 1), -np.inf)))
        leaves = np.full(since.shape, np.inf)
        if self.rules.in_calendar_time:
            wait = -np.log1p(-event.leaving)[fixed["who"]] / fixed["rate"]
            leaves = since + wait / np.maximum(state["leaving"], 1e-300)
        if self.rules.exposure is not None:
            taken = self._taken(self.rules.exposure, since, np.maximum(until, since))
            state["taken"] |= state["here"] & (taken < leaves)
            leaves = np.minimum(leaves, taken)
        gone = np.flatnonzero((state["here"] & (leaves < until)).ravel())
        reason = np.where(state["taken"].ravel()[gone], TAKEN, LEFT) if "taken" in state else LEFT
        self._exit(gone, leaves.ravel()[gone].astype(int), reason)

    def _taken(self, exposure: Exposure, since: np.ndarray, until: np.ndarray) -> np.ndarray:
        """When a rival takes a customer between two moments, shape (S, n); without bound where none does.

        The hazard depends on the week and on the bond, which does not change between the moments. What it adds up to
        is remembered; a customer is taken where the sum reaches the customer's own threshold.
        """
        fixed, state = self.fixed, self.state
        hazards = [
            taken_hazard(fixed["pull"], exposure.rival_depth, own[:, None], fixed["shield"], state["bond"])
            for own in (exposure.own_quiet, exposure.own_promoted)
        ]
        added = exposure.added(hazards, np.arange(len(since))[:, None], since, until)
        missing = fixed["threshold"] - state["threat"]
        state["threat"] += added
        taken = np.full(since.shape, np.inf)
        reached = np.flatnonzero((state["here"] & (added >= missing) & (added > 0)).ravel())
        low, high = (each.ravel()[reached] for each in (since, until))
        of, start, short = [hazard.ravel()[reached] for hazard in hazards], low, missing.ravel()[reached]
        for _ in range(BISECTIONS if reached.size else 0):
            middle = (low + high) / 2
            over = exposure.added(of, reached // since.shape[1], start, middle) >= short
            low, high = np.where(over, low, middle), np.where(over, middle, high)
        taken.ravel()[reached] = low
        return taken

    def _exit(self, flat: np.ndarray, week: np.ndarray, reason) -> None:
        strategy, at = np.divmod(flat, self.fixed["rate"].size)
        where = strategy * (self.draws * self.customers) + self.fixed["pair"][at]
        self.tallies.exit_week[where] = np.minimum(week, self.weeks - 1)
        self.tallies.exit_reason[where] = reason
        self.state["here"].ravel()[flat] = False

    # --- encounters ---

    def _meet(self, flat: np.ndarray, time: np.ndarray, event: Event, why: Why | None = None, *, first=False) -> None:
        """Orders of entries of the (strategy, individual) table at ``time``: what they meet, and what follows from it.

        ``why`` is None for orders that come whatever is done.
        """
        fixed, state, parameters = self.fixed, self.state, self.parameters
        strategy, at = np.divmod(flat, fixed["rate"].size)
        of = {name: fixed[name][at] for name in MET}
        expected_deal, expected_exp, lifted = (
            state[name].ravel()[flat] for name in ("expected_deal", "expected_exp", "lifted")
        )
        draw, week = of["draw"], time.astype(int)
        cell = strategy * self.weeks + week
        table = draw * (self.strategies * self.weeks) + cell
        leaving, coupon, noise = (getattr(event, name)[of["who"]] for name in ("leaving", "coupon", "noise"))
        uses = coupon < deal_orders(lifted, self.schedule.reach[strategy])
        uses |= of["by_deal"] if first else of["mercenary"]
        dealt = self.schedule.promoted.ravel()[cell] * uses
        saved = self.schedule.depth[strategy] * dealt
        met_deal = self.economics.todays_deal + self.schedule.points.ravel()[cell] + saved
        usual_exp = self.tables.met[table] - parameters["sector_rise"][draw] * (time / WEEKS_PER_YEAR)
        met_exp = usual_exp + self.tables.spread[table] * noise
        deal = impression(_channel(of, "deal"), expected_deal, met_deal, of["loss_aversion"])
        felt = impression(_channel(of, "exp"), expected_exp, met_exp, of["loss_aversion"])
        referred = self._referred(flat, draw, usual_exp, of["kappa_exp"])
        self._tally(flat, strategy, of, cell, dealt, saved + self.tables.points_cost[table], referred, why)
        log_odds = of["log_odds"] + deal.log_odds + felt.log_odds
        self._leave_at(flat, week, log_odds, felt.gap, parameters["tau"][draw], leaving, first=first)
        self._remember(flat, strategy, of, deal, felt, log_odds)

    def _referred(self, flat, draw, usual, kappa) -> np.ndarray:
        """New customers whom an order brings: rho times how far the experience usually is above what it used to be.

        Not the noise of single encounters: else being uneven would bring customers.
        """
        if not self.refers:
            return np.zeros(flat.size)
        used_to = self.state["usual_exp"].ravel()
        gap = usual - used_to[flat]
        used_to[flat] += kappa * gap
        return self.parameters["referrals"][draw] * np.maximum(gap, 0.0)

    def _leave_at(self, flat, week, log_odds, gap, tau, leaving, *, first: bool) -> None:
        struck = gap < -tau
        if self.rules.in_calendar_time or (first and not self.rules.trial_at_first_order):
            leaves = struck
        else:
            leaves = leaving < leaving_probability(log_odds, gap, tau)
        chosen = np.flatnonzero(leaves)
        self._exit(flat[chosen], week[chosen], np.where(struck[chosen], STRUCK_OFF, LEFT))

    def _remember(self, flat, strategy, of, deal, felt, log_odds) -> None:
        """The state that the encounter leaves behind."""
        state = self.state
        pace = np.exp(felt.log_pace)
        # In promotion weeks the lift is the deal's immediate effect; its lasting one holds between them.
        quiet = pace * np.exp(deal.log_pace)
        lifted = self.tables.lifted(strategy, of["promotional_lift"], deal.expected)
        after = {
            "expected_deal": deal.expected,
            "expected_exp": felt.expected,
            "quiet": np.minimum(quiet, of["fastest"]) * ~of["mercenary"],
            "promoted": np.minimum(pace * (1 + self.schedule.reach[strategy] * lifted), of["fastest"]),
            "lifted": lifted,
        }
        if "bond" in state:
            decay = self.parameters["bond_decay"][of["draw"]]
            after["bond"] = bond_after(state["bond"].ravel()[flat], felt.response, decay)
        if "leaving" in state:
            after["leaving"] = expit(log_odds)
        for name, values in after.items():
            state[name].ravel()[flat] = values

    # --- tallies ---

    def _tally(self, flat, strategy, of, cell, dealt, given, referred, why: Why | None) -> None:
        tallies, economics, value = self.tallies, self.economics, of["value"]
        week = cell - strategy * self.weeks
        block = strategy * (self.draws * self.entry.groups) + of["block"]
        tallies.add_orders(block * self.weeks + week, value, dealt, referred)
        where = strategy * (self.draws * self.customers) + of["pair"]
        discount = self.schedule.discount[week]
        tallies.worth[where] += discount * (economics.list_margin - given) * value
        tallies.costs[where] += discount * (economics.cost_per_order + self.schedule.service.ravel()[cell])
        if self.refers:
            tallies.referred[where] += referred
        at = flat % self.fixed["rate"].size
        new = np.zeros(flat.size, dtype=bool) if why is None else ~why.anyway[at]
        # Most orders come anyway and use no deal: they change nothing.
        changed = np.flatnonzero(new | (given > 0))
        new, value, discount = new[changed], value[changed], discount[changed]
        margin = order_margin(value, economics.list_margin, economics.cost_per_order, deal=0.0)
        part = Part.GIVEN_AWAY
        if why is not None:
            part = np.where(new, self._why_new(at[changed], cell[changed], why.beyond_quiet[changed]), part)
        tallies.add_changes(block[changed], part, discount * (new * margin - given[changed] * value))

    def _why_new(self, at: np.ndarray, cell: np.ndarray, beyond_quiet: np.ndarray) -> np.ndarray:
        """Why orders come that would not come if nothing were done.

        In a promotion week the promotion brings only those that would not come in a quiet week either.
        """
        state = self.state
        here, promoted = state["here"][0][at], self.schedule.promoted.ravel()[cell]
        gone = Part.RETENTION + (state["taken"][0][at] if "taken" in state else 0)
        return np.where(here, np.where((promoted > 0) & beyond_quiet, Part.EXTRA, Part.PACE), gone)

    def _compare_lost(self, comes, week, level, promoted) -> None:
        """Orders that would come if nothing were done, and do not come under a strategy."""
        flat = np.flatnonzero((comes[0] & ~comes).ravel())
        if flat.size == 0:
            return
        fixed, (strategy, at) = self.fixed, np.divmod(flat, self.fixed["rate"].size)
        state = {name: self.state[name].ravel()[flat] for name in KNOWN_OF_LOST if name in self.state}
        gone = Part.RETENTION + state.get("taken", 0)
        postponed = (level[at] < state["quiet"]) & (promoted.ravel()[flat] == 0)
        part = np.where(state["here"], np.where(postponed, Part.BORROWED, Part.PACE), gone)
        economics = self.economics
        margin = order_margin(fixed["value"][at], economics.list_margin, economics.cost_per_order, deal=0.0)
        block = strategy * (self.draws * self.entry.groups) + fixed["block"][at]
        self.tallies.add_changes(block, part, -self.schedule.discount[week[at]] * margin)

    def _charge(self) -> None:
        """What is invested in every customer who is one at the start of a week; those who enter, from the next on."""
        if not self.schedule.invested.any():
            return
        paid = np.cumsum(self.schedule.discount * self.schedule.invested, axis=1)
        paid = np.hstack([np.zeros((self.strategies, 1)), paid])
        until = self.tallies.exit_week.reshape(self.strategies, self.draws, self.customers) + 1
        enters = np.full((self.strategies, self.customers), -1.0) if self.entry.enters is None else self.entry.enters
        since = np.minimum(np.nan_to_num(enters, posinf=self.weeks) + 1, self.weeks).astype(int)
        row = np.arange(self.strategies)[:, None]
        charged = np.maximum(paid[row[..., None], until] - paid[row, since][:, None], 0.0)
        self.tallies.costs += (self.alive * charged).ravel()


def _channel(of: Mapping[str, np.ndarray], name: str) -> Channel:
    return Channel(of[f"theta_{name}"], of[f"gamma_{name}"], of[f"kappa_{name}"])
