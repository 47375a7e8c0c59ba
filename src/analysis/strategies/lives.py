"""Lives in progress: what belongs to a customer under a draw, and what belongs to a strategy besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from analysis.strategies.customers import People
from analysis.strategies.dynamics import LIFT_IS_STATED_AT, promotional_lift
from analysis.strategies.schedule import Economics, Exposure, Schedule

PER_PURCHASE, CALENDAR = "per_purchase", "calendar"
STRUCTURES = (PER_PURCHASE, CALENDAR)
"""Leaving is tried at every order, as in BG/NBD; or its hazard lambda_i p_i stays the same in calendar time."""

FASTEST = 8.0
"""No customer buys more than so many times as fast as today, whatever is met."""
UNUSUAL = 3.0
"""Standard deviations of an encounter up to which the pace follows it; beyond, it is as for this."""
SHRINK_BELOW = 0.8


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
        Group in the books.
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
    """What holds for every life.

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
        self.reach = schedule.reach
        self.todays_deal = rules.economics.todays_deal

    def lifted(self, strategy, lift, expected) -> np.ndarray:
        """Lift of a promotion week for those who take part; none where a strategy has no promotion weeks."""
        return promotional_lift(lift, self.on_offer[strategy], expected) * self.promotes[strategy]

    def fastest_pace(self, path: Mapping[str, np.ndarray], parameters: Mapping[str, np.ndarray]) -> np.ndarray:
        """The largest pace that any strategy brings about, as a multiple of each path's rate."""
        by_draw = len(parameters["sector_rise"]), -1
        met, spread = self.met.reshape(by_draw), self.spread.reshape(by_draw)
        delight = np.maximum(np.max(met + UNUSUAL * spread, axis=1), 0.0) + parameters["sector_rise"]
        delight = np.where(((met != 0) | (spread > 0)).any(axis=1), delight, 0.0)
        deal = self.on_offer - self.todays_deal
        lifted = 1 + np.max(self.reach * deal * self.promotes) * path["promotional_lift"] / LIFT_IS_STATED_AT
        pace = np.exp(path["gamma_exp"] * delight[path["draw"]])
        fastest = pace * np.maximum(np.exp(path["gamma_deal"] * deal.max()), lifted)
        # Coarse steps keep the lives under today's strategies the same when others are compared with them.
        return np.minimum(np.exp2(np.ceil(2 * np.log2(fastest) - 1e-9) / 2), FASTEST)


class Lives:
    """``path`` holds arrays of shape (n,), ``state`` arrays of shape (S, n); n shrinks as lives end."""

    def __init__(self, people: People, entry: Entry, parameters, rules: Rules, tables: Tables, thresholds):
        self.path = _paths(people, entry, parameters)
        self.path["fastest"] = tables.fastest_pace(self.path, parameters)
        # Entries are written through flat views, which only contiguous arrays have.
        self.state = {k: np.ascontiguousarray(v) for k, v in _states(self.path, entry, rules, tables).items()}
        if rules.exposure is not None:
            self.path |= _exposed(self.path, parameters, thresholds)

    def __len__(self) -> int:
        return self.path["rate"].size

    def shrink(self, weeks: int) -> None:
        """Leave out lives that have ended under every strategy, once they are many."""
        going_on = self.state["here"].any(axis=0) & (self.path["clock"] < weeks)
        many = np.count_nonzero(going_on)
        if many < SHRINK_BELOW * going_on.size or not many:
            keep = np.flatnonzero(going_on)
            self.path = {name: values[keep] for name, values in self.path.items()}
            self.state = {name: np.take(values, keep, axis=1) for name, values in self.state.items()}


def _paths(people: People, entry: Entry, parameters: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    pair = np.flatnonzero(people.alive.ravel())
    draw, who = np.divmod(pair, people.rate.shape[1])
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


def _states(path: Mapping[str, np.ndarray], entry: Entry, rules: Rules, tables: Tables) -> dict[str, np.ndarray]:
    shape = rules.schedule.strategies, path["rate"].size
    rows = np.arange(shape[0])[:, None]
    lifted = tables.lifted(rows, path["promotional_lift"], np.full(shape, tables.todays_deal))
    state = {
        "here": np.ones(shape, dtype=bool),
        "expected_deal": np.full(shape, tables.todays_deal),
        "expected_exp": np.zeros(shape),
        "usual_exp": np.zeros(shape),
        "quiet": np.where(path["mercenary"], 0.0, np.ones(shape)),
        "promoted": 1 + tables.reach[:, None] * lifted,
        "lifted": lifted,
    }
    if entry.enters is not None:
        state["enters"] = entry.enters[:, path["who"]]
        state["here"] = np.isfinite(state["enters"])
    if rules.in_calendar_time:
        state["leaving"] = np.tile(expit(path["log_odds"]), (shape[0], 1))
    if rules.exposure is not None:
        state |= {"bond": np.zeros(shape), "threat": np.zeros(shape), "taken": np.zeros(shape, dtype=bool)}
    return state


def _exposed(path, parameters, thresholds) -> dict[str, np.ndarray]:
    draw = path["draw"]
    fickle = np.where(path["mercenary"], parameters["mercenary_taken"][draw], 1.0)
    return {
        "pull": parameters["rival_pull"][draw] * fickle,
        "shield": parameters["bond_shield"][draw],
        "threshold": thresholds[path["who"]],
    }
