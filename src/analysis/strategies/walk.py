"""Customers' lives under several strategies at once, on common random numbers.

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
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from analysis.strategies.attack import moments_taken
from analysis.strategies.books import LEFT, STRUCK_OFF, TAKEN, Books, Part
from analysis.strategies.customers import People
from analysis.strategies.dynamics import (
    Channel,
    bond_after,
    deal_orders,
    impression,
    leaving_probability,
    order_margin,
)
from analysis.strategies.lives import Entry, Lives, Rules, Tables
from analysis.strategies.marks import FIRST_ORDER, Mark, Marks
from analysis.strategies.schedule import WEEKS_PER_YEAR

MET = (
    "draw", "who", "block", "pair", "value", "log_odds", "fastest", "promotional_lift", "loss_aversion",
    "theta_deal", "gamma_deal", "kappa_deal", "theta_exp", "gamma_exp", "kappa_exp", "mercenary", "by_deal",
)  # fmt: skip
"""What an encounter needs of a path."""


def walk(people: People, entry: Entry, parameters: Mapping[str, np.ndarray], rules: Rules, marks: Marks) -> Books:
    """The books of ``people`` (D draws of M customers) over the horizon; ``parameters`` hold arrays of shape (D,)."""
    return _Walk(people, entry, parameters, rules, marks).run()


class _Walk:
    def __init__(self, people: People, entry: Entry, parameters, rules: Rules, marks: Marks):
        self.entry, self.parameters, self.rules, self.marks = entry, parameters, rules, marks
        self.schedule, self.economics, self.alive = rules.schedule, rules.economics, people.alive
        self.weeks, self.strategies = self.schedule.weeks, self.schedule.strategies
        self.draws, self.customers = people.rate.shape
        self.refers = bool(parameters["referrals"].any())
        self.tables = Tables(rules, parameters)
        self.lives = Lives(people, entry, parameters, rules, self.tables, marks.thresholds())
        self.books = Books(self.strategies, self.draws, entry.groups, self.weeks, self.customers)

    def run(self) -> Books:
        if self.entry.enters is not None:
            first = np.flatnonzero(self.lives.state["here"].ravel())
            moments = self.lives.state["enters"].ravel()[first]
            self._meet(first, moments, self.marks.of_event(FIRST_ORDER), first=True)
        number = 0
        while len(self.lives):
            self._step(self.marks.of_event(number))
            self.lives.shrink(self.weeks)
            number += 1
        self._charge()
        return self.books.close()

    # --- one possible order of everyone ---

    def _step(self, mark: Mark) -> None:
        path, state = self.lives.path, self.lives.state
        who, before = path["who"], path["clock"]
        path["clock"] = now = before + mark.gap[who] / (path["rate"] * path["fastest"])
        if self.rules.in_calendar_time or self.rules.exposure is not None:
            self._leave_between(before, np.minimum(now, self.weeks), mark)
        week = np.minimum(now, self.weeks - 1).astype(int)
        promoted = np.take(self.schedule.promoted, week, axis=1)
        missing = np.take(self.tables.missing, week, axis=1)
        level = mark.level[who] * path["fastest"]
        pace = state["quiet"] * np.maximum(1 - missing * state["lifted"] * path["borrowed"], 0.0)
        pace += promoted * (state["promoted"] - pace)
        comes = (level < pace) & state["here"] & (now < self.weeks)
        if "enters" in state:
            comes &= now > state["enters"]
        self._compare_lost(comes, week, level, promoted)
        flat = np.flatnonzero(comes.ravel())
        if flat.size:
            why = Why(comes[0], (level >= state["quiet"]).ravel()[flat])
            self._meet(flat, now[flat % who.size], mark, why)

    def _leave_between(self, before: np.ndarray, until: np.ndarray, mark: Mark) -> None:
        """Those who leave in calendar time, or whom a rival takes, before the next possible order."""
        path, state = self.lives.path, self.lives.state
        since = np.maximum(before, state.get("enters", np.full((self.strategies, 1), -np.inf)))
        leaves = np.full(since.shape, np.inf)
        if self.rules.in_calendar_time:
            wait = -np.log1p(-mark.fate)[path["who"]] / path["rate"]
            leaves = since + wait / np.maximum(state["leaving"], 1e-300)
        if self.rules.exposure is not None:
            taken = moments_taken(self.lives, self.rules.exposure, since, np.maximum(until, since))
            state["taken"] |= state["here"] & (taken < leaves)
            leaves = np.minimum(leaves, taken)
        gone = np.flatnonzero((state["here"] & (leaves < until)).ravel())
        reason = np.where(state["taken"].ravel()[gone], TAKEN, LEFT) if "taken" in state else LEFT
        self._exit(gone, leaves.ravel()[gone].astype(int), reason)

    def _exit(self, flat: np.ndarray, week: np.ndarray, reason) -> None:
        where = self._life(flat)
        self.books.exit_week[where] = np.minimum(week, self.weeks - 1)
        self.books.exit_reason[where] = reason
        self.lives.state["here"].ravel()[flat] = False

    def _life(self, flat: np.ndarray) -> np.ndarray:
        """Place in the books of entries of the (strategy, path) table."""
        strategy, at = np.divmod(flat, len(self.lives))
        return strategy * (self.draws * self.customers) + self.lives.path["pair"][at]

    # --- encounters ---

    def _meet(
        self, flat: np.ndarray, time: np.ndarray, mark: Mark, why: Why | None = None, *, first: bool = False
    ) -> None:
        """Orders of entries of the (strategy, path) table at ``time``: what they meet, and what follows from it.

        ``why`` is None for orders that come whatever is done.
        """
        path, state, parameters = self.lives.path, self.lives.state, self.parameters
        strategy, at = np.divmod(flat, len(self.lives))
        of = {name: path[name][at] for name in MET}
        was = {name: state[name].ravel()[flat] for name in ("expected_deal", "expected_exp", "lifted")}
        draw, week = of["draw"], time.astype(int)
        cell = strategy * self.weeks + week
        table = draw * (self.strategies * self.weeks) + cell
        luck = {name: getattr(mark, name)[of["who"]] for name in ("fate", "coupon", "noise")}
        dealt = self._dealt(of, strategy, cell, was["lifted"], luck["coupon"], first=first)
        saved = self.schedule.depth[strategy] * dealt
        met_deal = self.economics.todays_deal + self.schedule.points.ravel()[cell] + saved
        usual_exp = self.tables.met[table] - parameters["sector_rise"][draw] * (time / WEEKS_PER_YEAR)
        met_exp = usual_exp + self.tables.spread[table] * luck["noise"]
        deal = impression(_channel(of, "deal"), was["expected_deal"], met_deal, of["loss_aversion"])
        felt = impression(_channel(of, "exp"), was["expected_exp"], met_exp, of["loss_aversion"])
        referred = self._referred(flat, draw, usual_exp, of["kappa_exp"])
        self._book(flat, strategy, of, cell, dealt, saved + self.tables.points_cost[table], referred, why)
        log_odds = of["log_odds"] + deal.log_odds + felt.log_odds
        self._leave_at(flat, week, log_odds, felt.gap, parameters["tau"][draw], luck["fate"], first=first)
        self._remember(flat, strategy, of, deal, felt, log_odds)

    def _referred(self, flat, draw, usual, kappa) -> np.ndarray:
        """New customers whom an order brings: rho times how far the experience usually is above what it used to be.

        Not the luck of single encounters: else being uneven would bring customers.
        """
        if not self.refers:
            return np.zeros(flat.size)
        used_to = self.lives.state["usual_exp"].ravel()
        gap = usual - used_to[flat]
        used_to[flat] += kappa * gap
        return self.parameters["referrals"][draw] * np.maximum(gap, 0.0)

    def _dealt(self, of, strategy, cell, lifted, coupon, *, first: bool) -> np.ndarray:
        """1 for orders that use the promotion, else 0."""
        uses = coupon < deal_orders(lifted, self.schedule.reach[strategy])
        uses |= of["by_deal"] if first else of["mercenary"]
        return self.schedule.promoted.ravel()[cell] * uses

    def _leave_at(self, flat, week, log_odds, gap, tau, fate, *, first: bool) -> None:
        struck = gap < -tau
        if self.rules.in_calendar_time or (first and not self.rules.trial_at_first_order):
            leaves = struck
        else:
            leaves = fate < leaving_probability(log_odds, gap, tau)
        chosen = np.flatnonzero(leaves)
        self._exit(flat[chosen], week[chosen], np.where(struck[chosen], STRUCK_OFF, LEFT))

    def _remember(self, flat, strategy, of, deal, felt, log_odds) -> None:
        """The state that the encounter leaves behind."""
        state = self.lives.state
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

    # --- the books ---

    def _book(self, flat, strategy, of, cell, dealt, given, referred, why: Why | None) -> None:
        books, economics, value = self.books, self.economics, of["value"]
        week = cell - strategy * self.weeks
        block = strategy * (self.draws * self.entry.groups) + of["block"]
        books.add_orders(block * self.weeks + week, value, dealt, referred)
        where = strategy * (self.draws * self.customers) + of["pair"]
        discount = self.schedule.discount[week]
        books.worth[where] += discount * (economics.list_margin - given) * value
        books.costs[where] += discount * (economics.cost_per_order + self.schedule.service.ravel()[cell])
        if self.refers:
            books.referred[where] += referred
        at = flat % len(self.lives)
        new = np.zeros(flat.size, dtype=bool) if why is None else ~why.anyway[at]
        # Most orders come anyway and use no deal: they change nothing.
        changed = np.flatnonzero(new | (given > 0))
        new, value, discount = new[changed], value[changed], discount[changed]
        margin = order_margin(value, economics.list_margin, economics.cost_per_order, deal=0.0)
        part = Part.GIVEN_AWAY
        if why is not None:
            part = np.where(new, self._why_new(at[changed], cell[changed], why.beyond_quiet[changed]), part)
        books.add_changes(block[changed], part, discount * (new * margin - given[changed] * value))

    def _why_new(self, at: np.ndarray, cell: np.ndarray, beyond_quiet: np.ndarray) -> np.ndarray:
        """Why orders come that would not come if nothing were done.

        In a promotion week the promotion brings only those that would not come in a quiet week either.
        """
        state = self.lives.state
        here, promoted = state["here"][0][at], self.schedule.promoted.ravel()[cell]
        gone = Part.RETENTION + (state["taken"][0][at] if "taken" in state else 0)
        return np.where(here, np.where((promoted > 0) & beyond_quiet, Part.EXTRA, Part.PACE), gone)

    def _compare_lost(self, comes, week, level, promoted) -> None:
        """Orders that would come if nothing were done, and do not come under a strategy."""
        flat = np.flatnonzero((comes[0] & ~comes).ravel())
        if flat.size == 0:
            return
        path, strategy, at = self.lives.path, *np.divmod(flat, len(self.lives))
        state = {name: values.ravel()[flat] for name, values in self.lives.state.items() if name in KNOWN_OF_LOST}
        gone = Part.RETENTION + state.get("taken", 0)
        postponed = (level[at] < state["quiet"]) & (promoted.ravel()[flat] == 0)
        part = np.where(state["here"], np.where(postponed, Part.BORROWED, Part.PACE), gone)
        economics = self.economics
        margin = order_margin(path["value"][at], economics.list_margin, economics.cost_per_order, deal=0.0)
        block = strategy * (self.draws * self.entry.groups) + path["block"][at]
        self.books.add_changes(block, part, -self.schedule.discount[week[at]] * margin)

    def _charge(self) -> None:
        """What is invested in every customer who is one at the start of a week; those who enter, from the next on."""
        if not self.schedule.invested.any():
            return
        paid = np.cumsum(self.schedule.discount * self.schedule.invested, axis=1)
        paid = np.hstack([np.zeros((self.strategies, 1)), paid])
        until = self.books.exit_week.reshape(self.strategies, self.draws, self.customers) + 1
        enters = np.full((self.strategies, self.customers), -1.0) if self.entry.enters is None else self.entry.enters
        since = np.minimum(np.nan_to_num(enters, posinf=self.weeks) + 1, self.weeks).astype(int)
        row = np.arange(self.strategies)[:, None]
        charged = np.maximum(paid[row[..., None], until] - paid[row, since][:, None], 0.0)
        self.books.costs += (self.alive * charged).ravel()


class Why(NamedTuple):
    """Of orders: which paths have one if nothing is done, and which would not come in a week without promotion."""

    anyway: np.ndarray
    beyond_quiet: np.ndarray


KNOWN_OF_LOST = {"here", "taken", "quiet"}


def _channel(of: Mapping[str, np.ndarray], name: str) -> Channel:
    return Channel(of[f"theta_{name}"], of[f"gamma_{name}"], of[f"kappa_{name}"])
