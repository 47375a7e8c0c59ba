"""Customers and deals: do those who bought on deals early leave sooner and earn less, and what are those won worth?

A customer's first two orders are what was over; the share of the next three that were bought on deals says how far
deals drive the customer; leaving and margin are counted from the fifth order on, so that nothing stands on both sides.
Leaving is studied twice. Per order, by the joint likelihood of buying and leaving, in which nobody has to say who has
left: this is the odds ratio of the simulation. And in days, by Cox's regression, where a silence as long as hardly any
interval of these data counts as having left; slow customers are then taken for some who left, which draws the ratio
towards 1. A customer who chooses deals differs in other ways too: pace, basket and calendar are controlled, the rest is
not, and the placebo asks whether the same share "explains" the two orders before. Whoever ordered again had not left,
so leaving has no placebo of its own. Its place take, on the same scales, the odds of a long pause between those two
orders, by logistic regression, and the hazard of the second order, by Cox's regression with the sign turned; margin is
compared with the margin of those two.

Customers who came with a deal are compared with others who came in the same month, where births are observed. They
chose the deal, and nothing was over before they came that a placebo could look at: whatever is found here stays an
association.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.strategies.dynamics import WON_VALUE_IS_STATED_AT
from analysis.strategies.evidence.encounters import Encounters, intervals_of, too_few
from analysis.strategies.evidence.findings import NO_PLACEBO, Finding, capped_range, normal_interval, transformed
from analysis.strategies.evidence.likelihood import PARAMETERS, JointLikelihood, maximum, sandwich
from analysis.strategies.parameters import BY_NAME, Assumption, Estimate
from analysis.strategies.schedule import Economics
from analysis.time import DAYS_PER_YEAR
from analysis.words import Message

BEFORE, EARLY = 2, 3
LANDMARK = BEFORE + EARLY - 1
FEWEST_CUSTOMERS, FEWEST_EVENTS, FEWEST_APART = 200, 20, 30
MOST_CUSTOMERS = 20_000
UNUSUAL, LONG_PAUSE = 0.99, 0.75
LONGEST_SILENCE = 1 / 3
"""Of the window: a silence must be short enough to be seen."""
HORIZON_DAYS, MONTH_DAYS, FEWEST_WON = 182, 30.4375, 100
BIRTHS_UNKNOWN = Message(
    "Most customers already bought when the data begin. Who was won by a promotion cannot be seen, and early orders "
    "here are not early in a customer's life.",
    code="evidence.reason.births_unknown",
)


@dataclass(frozen=True)
class DealDriven:
    """What comes of customers whose early orders were bought on deals, against those who paid the usual price.

    All findings compare a share of 1 (all three orders on deals) with a share of 0; the placebos compare the same
    for the two orders before.

    Attributes
    ----------
    leaving_per_order
        Finding on the relative change of the odds of leaving at an order; placebo: of the odds of a pause between the
        first two orders that is longer than three quarters of these.
    leaving_in_days
        Finding on the relative change of the hazard of falling silent, per day; placebo: of the second order's being
        away, the inverse of its hazard.
    margin
        Finding on the margin per year from the fifth order on (``Economics.margin_of`` at the deal that all orders
        together saved), as a share of the mean customer's.
    births_known
        Whether "early" means early in the customer's life, or only in these data.
    log_odds
        Estimate and standard error of the log odds ratio of leaving at an order.
    """

    leaving_per_order: Finding
    leaving_in_days: Finding
    margin: Finding
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


def deal_driven(
    encounters: Encounters,
    *,
    gross_margin: float,
    cost_per_order: float,
    dropout: tuple[float, float],
    level: float,
    seed: int,
) -> DealDriven:
    """Leaving and margin of customers driven by deals.

    Raises
    ------
    Unavailable
        Where too few customers have the orders that tell it, fell silent, or differ in how far deals drive them.
    """
    silence = silence_days(encounters)
    history = _history(encounters, silence, gross_margin, cost_per_order, seed)
    left, driven = int(history["left"].sum()), history["share"] > 0.5
    apart = int(min(driven.sum(), (~driven).sum()))
    if len(driven) < FEWEST_CUSTOMERS:
        raise too_few("too_few_with_history", Message("customers with five orders"), len(driven), FEWEST_CUSTOMERS)
    if left < FEWEST_EVENTS:
        raise too_few("too_few_left", Message("customers who fell silent"), left, FEWEST_EVENTS)
    if apart < FEWEST_APART:
        raise too_few("too_few_apart", Message("customers who buy on deals otherwise than most"), apart, FEWEST_APART)
    return _results(encounters, history, dropout, level)


def silence_days(encounters: Encounters) -> int:
    """The 99th percentile of the times between orders, at most a third of the window [days]."""
    wait = np.diff(encounters.day)[np.diff(encounters.customer) == 0]
    usual = float(np.quantile(wait, UNUSUAL)) if wait.size else np.inf
    return max(int(min(usual, LONGEST_SILENCE * encounters.end_day)), 1)


def usual_share(encounters: Encounters) -> float:
    """Share that the median order saved: one that saved more was bought on a deal."""
    return max(float(np.nanmedian(encounters.saved)), 0.0)


def _history(
    encounters: Encounters, silence: int, gross_margin: float, cost: float, seed: int
) -> dict[str, np.ndarray]:
    """One entry for every customer with five orders: the two before, the three early ones, and what came after."""
    ends_early = encounters.day[encounters.first + np.minimum(LANDMARK, encounters.count - 1)]
    chosen = np.flatnonzero((encounters.count > LANDMARK) & (ends_early + silence <= encounters.end_day))
    if len(chosen) > MOST_CUSTOMERS:
        chosen = np.sort(np.random.default_rng([seed, 51]).choice(chosen, MOST_CUSTOMERS, replace=False))
    at = encounters.first[chosen]
    day, listed = encounters.day, encounters.listed
    on_deal = np.nan_to_num(encounters.saved) > usual_share(encounters)
    economics = Economics(gross_margin, cost, todays_deal=encounters.mean_saved)
    margin = economics.margin_of(encounters.paid, listed)
    early = at[:, None] + np.arange(BEFORE, BEFORE + EARLY)
    before = at[:, None] + np.arange(BEFORE)
    landmark = at + LANDMARK
    days, left = _until_silence(encounters, chosen, silence)
    later = _after(encounters, chosen, margin)
    return {
        "chosen": chosen,
        "share": on_deal[early].mean(axis=1),
        "wait_before": np.maximum(day[at + 1] - day[at], 1).astype(float),
        "log_wait_before": np.log(np.maximum(day[at + 1] - day[at], 1)),
        "log_wait_early": np.log(np.maximum(day[landmark] - day[at + 1], 1)),
        "log_basket": np.log(np.maximum(listed[before].mean(axis=1), 0.01)),
        "landmark": day[landmark] / DAYS_PER_YEAR,
        "margin_before": margin[before].mean(axis=1),
        "margin": later / np.maximum(encounters.end_day - day[landmark], 1) * DAYS_PER_YEAR,
        "days": days,
        "left": left,
    }


def _after(encounters: Encounters, chosen: np.ndarray, margin: np.ndarray) -> np.ndarray:
    late = np.where(encounters.number > LANDMARK, margin, 0.0)
    return np.add.reduceat(late, encounters.first)[chosen]


def _until_silence(encounters: Encounters, chosen: np.ndarray, silence: int):
    """Days from the landmark until a silence begins or observation ends, and which of the two it was."""
    is_last = encounters.number == np.repeat(encounters.count, encounters.count) - 1
    until = np.where(is_last, encounters.end_day + 1, np.r_[encounters.day[1:], 0])
    seen = (encounters.day + silence <= encounters.end_day) & (encounters.number >= LANDMARK)
    falls_silent = seen & (until - encounters.day > silence)
    number = np.where(falls_silent, encounters.number, np.iinfo(np.int64).max)
    stop = np.minimum.reduceat(number, encounters.first)[chosen]
    left = stop < np.iinfo(np.int64).max
    at = encounters.first[chosen]
    begins = encounters.day[at + np.where(left, stop, LANDMARK)]
    days = np.where(left, begins, encounters.end_day - silence) - encounters.day[at + LANDMARK]
    return days + 1, left


def _results(encounters: Encounters, history, dropout: tuple[float, float], level: float) -> DealDriven:
    counts = len(history["share"]), int((encounters.count[history["chosen"]] - LANDMARK).sum())
    log_odds, error = _log_odds(encounters, history, dropout)
    controls = ("log_basket", "log_wait_before", "log_wait_early")
    in_days = _log_hazard(history["days"].astype(float), history["left"], history, controls, level)
    earned = _ols(_of_mean(history["margin"]), history, controls, level)
    earned_before = _ols(_of_mean(history["margin_before"]), history, ("log_wait_before",), level)
    # A customer who was slower already is closer to leaving: the placebos have the sign that leaving sooner would have.
    at_orders, pause = normal_interval(log_odds, error, level), _log_odds_of_a_pause(history, level)
    ratio = {"sign": 1, "scale": np.expm1}
    return DealDriven(
        leaving_per_order=Finding.of("driven.leaving_per_order", at_orders, pause, counts, **ratio),
        leaving_in_days=Finding.of("driven.leaving_in_days", in_days, _log_away(history, level), counts, **ratio),
        margin=Finding.of("driven.margin", earned, earned_before, counts, sign=-1),
        births_known=encounters.births_known,
        log_odds=(log_odds, error),
    )


def _log_odds(encounters: Encounters, history, dropout: tuple[float, float]) -> tuple[float, float]:
    """Log odds ratio of leaving at an order from the landmark on, and its standard error, by the joint likelihood."""
    chosen = np.zeros(len(encounters.count), dtype=bool)
    chosen[history["chosen"]] = True
    intervals = intervals_of(encounters.of_customers(chosen), skipped=LANDMARK)
    controls = np.repeat(
        _controls(history, ("log_basket", "log_wait_before", "log_wait_early")), intervals.count, axis=0
    )
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


def _of_mean(values: np.ndarray) -> np.ndarray:
    return values / max(abs(float(values.mean())), 1e-12)


def _controls(history, names: tuple[str, ...]) -> np.ndarray:
    columns = [*(history[name] for name in (*names, "landmark")), history["landmark"] ** 2]
    return np.column_stack([history["share"], *(each - each.mean() for each in columns if np.ptp(each) > 0)])


def _ols(outcome: np.ndarray, history, names: tuple[str, ...], level: float):
    from statsmodels.regression.linear_model import OLS

    design = np.column_stack([_controls(history, names), np.ones(len(outcome))])
    fitted = OLS(outcome, design).fit(cov_type="HC1")
    return normal_interval(fitted.params[0], fitted.bse[0], level)


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


def _log_away(history, level: float) -> Interval | None:
    """Minus the log hazard ratio of the second order: above 0 where it came later; None if all waited alike."""
    if np.ptp(history["wait_before"]) == 0:
        return None
    everyone = np.ones(len(history["share"]))
    sooner = _log_hazard(history["wait_before"], everyone, history, ("log_basket",), level)
    return Interval(-sooner.estimate, -sooner.upper, -sooner.lower, level)


def _log_hazard(days, ended, history, controls: tuple[str, ...], level: float) -> Interval:
    """Log hazard ratio of the share by Cox's regression (ties after Efron)."""
    from statsmodels.duration.hazard_regression import PHReg

    fitted = PHReg(days, _controls(history, controls), status=ended.astype(float), ties="efron").fit()
    return normal_interval(fitted.params[0], fitted.bse[0], level)


@dataclass(frozen=True)
class WonByDeals:
    """Customers whose first order was bought on a deal, against others who came in the same month.

    Attributes
    ----------
    spending
        Finding on the relative difference in what they paid in the half year after their first order.
    returning
        Finding on the difference in the share who ordered again in that time.
    value_at_stated_depth
        Their value as a share of others', carried on a straight line to a depth of 35%, at which the literature's is
        stated.
    """

    spending: Finding
    returning: Finding
    value_at_stated_depth: Interval

    def kept(self, name: str) -> Message:
        """Why an assumption stays although its effect was found."""
        return NO_PLACEBO


def won_by_deals(encounters: Encounters, *, level: float) -> WonByDeals:
    """What customers won by deals are worth.

    Raises
    ------
    Unavailable
        Where births are unknown, or half a year was seen of too few.
    """
    if not encounters.births_known:
        raise Unavailable(BIRTHS_UNKNOWN)
    born = encounters.day[encounters.first]
    seen = born + HORIZON_DAYS <= encounters.end_day
    first_saved = np.nan_to_num(encounters.saved[encounters.first])
    on_deal = first_saved > usual_share(encounters)
    won, others = int((seen & on_deal).sum()), int((seen & ~on_deal).sum())
    if min(won, others) < FEWEST_WON:
        what = Message("customers won by a deal, or others, of whom half a year was seen")
        raise too_few("too_few_won", what, min(won, others), FEWEST_WON)
    since = encounters.day - np.repeat(born, encounters.count)
    within = (since > 0) & (since <= HORIZON_DAYS)
    spent = np.add.reduceat(np.where(within, encounters.paid, 0.0), encounters.first)[seen]
    again = np.add.reduceat(within.astype(float), encounters.first)[seen] > 0
    month = (born[seen] / MONTH_DAYS).astype(int)
    on_log, points = _compared(on_deal[seen], spent, again, month, level)
    depth = float(first_saved[seen & on_deal].mean() - first_saved[seen & ~on_deal].mean())
    counts, at_stated = (won + others, int(within.sum())), WON_VALUE_IS_STATED_AT / depth
    spending = Finding.of("won.spending", on_log, None, counts, scale=np.expm1)
    value = transformed(spending.estimate, lambda change: 1 + change * at_stated)
    return WonByDeals(spending, Finding.of("won.returning", points, None, counts), value)


def _compared(on_deal, spent, again, month, level: float) -> tuple[Interval, Interval]:
    from statsmodels.genmod.families import Poisson
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.regression.linear_model import OLS

    months = (month[:, None] == np.unique(month)[None, :]).astype(float)
    months = months[:, months.sum(axis=0) > 0]
    design = np.column_stack([on_deal.astype(float), months])
    ratio = GLM(spent / spent.mean(), design, family=Poisson()).fit(cov_type="HC1")
    share = OLS(again.astype(float), design).fit(cov_type="HC1")
    return tuple(normal_interval(fit.params[0], fit.bse[0], level) for fit in (ratio, share))
