"""Customers and deals: do those who bought on deals early leave sooner?

A customer's first two orders are what was over; the share of the next three that were bought on deals says how far
deals drive the customer; leaving is counted from the fifth order on, so that nothing stands on both sides. It is
studied per order, by the joint likelihood of buying and leaving, in which nobody has to say who has left: this is the
odds ratio of the simulation. A customer who chooses deals differs in other ways too: pace, basket and calendar are
controlled, the rest is not. Whoever ordered again had not left, so leaving has no placebo of its own. Its place take,
on the same scale, the odds of a long pause between the first two orders, by logistic regression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.interval import Interval
from analysis.strategies.evidence.encounters import Encounters, intervals_of, too_few
from analysis.strategies.evidence.findings import Finding, capped_range, normal_interval
from analysis.strategies.evidence.likelihood import PARAMETERS, JointLikelihood, maximum, sandwich
from analysis.strategies.parameters import BY_NAME, Assumption, Estimate
from analysis.time import DAYS_PER_YEAR
from analysis.words import Message

BEFORE, EARLY = 2, 3
LANDMARK = BEFORE + EARLY - 1
FEWEST_CUSTOMERS, FEWEST_EVENTS, FEWEST_APART = 200, 20, 30
MOST_CUSTOMERS = 20_000
UNUSUAL, LONG_PAUSE = 0.99, 0.75
LONGEST_SILENCE = 1 / 3
"""Of the window: a silence must be short enough to be seen."""
CONTROLS = ("log_basket", "log_wait_before", "log_wait_early")
BIRTHS_UNKNOWN = Message(
    "Most customers already bought when the data begin. Who was won by a promotion cannot be seen, and early orders "
    "here are not early in a customer's life.",
    code="evidence.reason.births_unknown",
)


@dataclass(frozen=True)
class DealDriven:
    """What comes of customers whose early orders were bought on deals, against those who paid the usual price.

    Attributes
    ----------
    leaving_per_order
        Finding on the relative change of the odds of leaving at an order, of a share of 1 (all three orders on deals)
        against one of 0; placebo: of the odds of a pause between the first two orders that is longer than three
        quarters of these.
    births_known
        Whether "early" means early in the customer's life, or only in these data.
    log_odds
        Estimate and standard error of the log odds ratio of leaving at an order.
    """

    leaving_per_order: Finding
    births_known: bool
    log_odds: tuple[float, float]

    @property
    def estimates(self) -> dict[str, Estimate]:
        """``mercenary_leaving``, an odds ratio, where births are observed and the placebo is clean."""
        if not (self.births_known and self.leaving_per_order.verdict == "estimate"):
            return {}
        centre, error = self.log_odds
        draws = np.exp(centre + error * np.random.default_rng(53).standard_normal(1_000))
        return {"mercenary_leaving": Estimate(float(np.exp(centre)), float(draws.std()), draws)}

    @property
    def caps(self) -> dict[str, Assumption]:
        """The range of ``mercenary_leaving`` where births are observed and no more than its upper end is told."""
        span = capped_range(self.leaving_per_order, BY_NAME["mercenary_leaving"], 1.0) if self.births_known else None
        return {} if span is None else {"mercenary_leaving": span}

    def kept(self, name: str) -> Message:
        """Why an assumption stays although its effect was found."""
        return BIRTHS_UNKNOWN if self.leaving_per_order.verdict == "estimate" else self.leaving_per_order.kept


def deal_driven(encounters: Encounters, *, dropout: tuple[float, float], level: float, seed: int) -> DealDriven:
    """Leaving of customers driven by deals.

    Raises
    ------
    Unavailable
        Where too few customers have the orders that tell it, fell silent, or differ in how far deals drive them.
    """
    silence = silence_days(encounters)
    history = _history(encounters, silence, seed)
    left, driven = int(history["left"].sum()), history["share"] > 0.5
    apart = int(min(driven.sum(), (~driven).sum()))
    if len(driven) < FEWEST_CUSTOMERS:
        raise too_few("too_few_with_history", Message("customers with five orders"), len(driven), FEWEST_CUSTOMERS)
    if left < FEWEST_EVENTS:
        raise too_few("too_few_left", Message("customers who fell silent"), left, FEWEST_EVENTS)
    if apart < FEWEST_APART:
        raise too_few("too_few_apart", Message("customers who buy on deals otherwise than most"), apart, FEWEST_APART)
    counts = len(driven), int((encounters.count[history["chosen"]] - LANDMARK).sum())
    log_odds, error = _log_odds(encounters, history, dropout)
    at_orders, pause = normal_interval(log_odds, error, level), _log_odds_of_a_pause(history, level)
    finding = Finding.of("driven.leaving_per_order", at_orders, pause, counts, sign=1, scale=np.expm1)
    return DealDriven(finding, encounters.births_known, (log_odds, error))


def silence_days(encounters: Encounters) -> int:
    """The 99th percentile of the times between orders, at most a third of the window [days]."""
    wait = np.diff(encounters.day)[np.diff(encounters.customer) == 0]
    usual = float(np.quantile(wait, UNUSUAL)) if wait.size else np.inf
    return max(int(min(usual, LONGEST_SILENCE * encounters.end_day)), 1)


def usual_share(encounters: Encounters) -> float:
    """Share that the median order saved: one that saved more was bought on a deal."""
    return max(float(np.nanmedian(encounters.saved)), 0.0)


def _history(encounters: Encounters, silence: int, seed: int) -> dict[str, np.ndarray]:
    """One entry for every customer with five orders: the two before, the three early ones, and what came after."""
    ends_early = encounters.day[encounters.first + np.minimum(LANDMARK, encounters.count - 1)]
    chosen = np.flatnonzero((encounters.count > LANDMARK) & (ends_early + silence <= encounters.end_day))
    if len(chosen) > MOST_CUSTOMERS:
        chosen = np.sort(np.random.default_rng([seed, 51]).choice(chosen, MOST_CUSTOMERS, replace=False))
    at, day = encounters.first[chosen], encounters.day
    on_deal = np.nan_to_num(encounters.saved) > usual_share(encounters)
    early, before = at[:, None] + np.arange(BEFORE, BEFORE + EARLY), at[:, None] + np.arange(BEFORE)
    return {
        "chosen": chosen,
        "share": on_deal[early].mean(axis=1),
        "wait_before": np.maximum(day[at + 1] - day[at], 1).astype(float),
        "log_wait_before": np.log(np.maximum(day[at + 1] - day[at], 1)),
        "log_wait_early": np.log(np.maximum(day[at + LANDMARK] - day[at + 1], 1)),
        "log_basket": np.log(np.maximum(encounters.listed[before].mean(axis=1), 0.01)),
        "landmark": day[at + LANDMARK] / DAYS_PER_YEAR,
        "left": _fell_silent(encounters, silence)[chosen],
    }


def _fell_silent(encounters: Encounters, silence: int) -> np.ndarray:
    """Whether a silence began at the fifth order of a customer or later, shape (customers,)."""
    is_last = encounters.number == np.repeat(encounters.count, encounters.count) - 1
    until = np.where(is_last, encounters.end_day + 1, np.r_[encounters.day[1:], 0])
    seen = (encounters.day + silence <= encounters.end_day) & (encounters.number >= LANDMARK)
    return np.logical_or.reduceat(seen & (until - encounters.day > silence), encounters.first)


def _log_odds(encounters: Encounters, history, dropout: tuple[float, float]) -> tuple[float, float]:
    """Log odds ratio of leaving at an order from the landmark on, and its standard error, by the joint likelihood."""
    chosen = np.zeros(len(encounters.count), dtype=bool)
    chosen[history["chosen"]] = True
    intervals = intervals_of(encounters.of_customers(chosen), skipped=LANDMARK)
    controls = np.repeat(_controls(history, CONTROLS), intervals.count, axis=0)
    nothing = np.zeros(len(intervals))
    # The shape of dropout among those who stayed for the orders before.
    survivors = dropout[0], dropout[1] + LANDMARK
    likelihood = JointLikelihood(intervals, nothing, nothing, controls, controls, survivors)
    scale = max(float(np.median(intervals.weeks)), 0.1)
    start = np.r_[0.0, np.log(scale), np.zeros(len(PARAMETERS) - 2 + 2 * controls.shape[1])]
    point = maximum(likelihood, start).point
    share = len(PARAMETERS) + controls.shape[1]
    # The likelihood's controls raise the odds of staying.
    return -float(point[share]), float(np.sqrt(sandwich(likelihood, point)[0][share, share]))


def _controls(history, names: tuple[str, ...]) -> np.ndarray:
    columns = [*(history[name] for name in (*names, "landmark")), history["landmark"] ** 2]
    return np.column_stack([history["share"], *(each - each.mean() for each in columns if np.ptp(each) > 0)])


def _log_odds_of_a_pause(history, level: float) -> Interval | None:
    """Log odds ratio of a long pause between the first two orders; None where hardly any is longer than the others."""
    from statsmodels.discrete.discrete_model import Logit

    pause = history["wait_before"]
    is_long = pause > np.quantile(pause, LONG_PAUSE)
    if is_long.sum() < FEWEST_EVENTS:
        return None
    design = np.column_stack([_controls(history, ("log_basket",)), np.ones(len(pause))])
    fitted = Logit(is_long.astype(float), design).fit(disp=0, cov_type="HC1")
    return normal_interval(fitted.params[0], fitted.bse[0], level)
