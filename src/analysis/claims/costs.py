"""Claims about what keeping costs: orders do not hold costs, so configured ones decide, or a break-even is given."""

from __future__ import annotations

import numpy as np

from analysis.claims.evidence import Evidence, models_left_out
from analysis.claims.finding import CONFIGURED, Finding, Range, not_testable
from analysis.claims.profit import prices
from analysis.claims.worth import Worth
from analysis.data import Note
from analysis.interval import Interval
from analysis.timeunits import DAYS_PER_YEAR

POINTS_FOR_THE_BUDGET = (0.01, 0.02, 0.05, 0.10)
"""Points of a year's retention that the whole budget would bring if it went to keeping."""
SHARES_DUE_TO_BUDGET = (0.25, 0.5, 1.0)
"""Share of today's new customers that would stay away without any budget."""
STEEPNESSES = (1.0, 2.0, 4.0)
"""How fast returns diminish: a part x of the budget brings (1 - exp(-c x)) / (1 - exp(-c)) of what all of it would."""
BUDGET_SHARE_SAID = 0.19


def keeping_cheaper_than_winning(evidence: Evidence, claimed: Range) -> Finding:
    """Cost of winning one customer over the cost of keeping one for a year, both as configured; else the break-even."""
    winning = evidence.config.economics.acquisition_cost
    keeping = evidence.config.retention.cost_per_customer_year
    equal = _equal_return(evidence)
    if winning > 0 and keeping > 0:
        ratio = winning / keeping
        saved = _cost_of_a_saved_customer(evidence, keeping)
        return Finding(
            probabilities={CONFIGURED: float(claimed.holds(np.array(ratio)))},
            estimates={CONFIGURED: Interval(ratio, ratio, ratio, evidence.level)},
            unit="ratio",
            assumptions=(
                Note("claim.assumption.configured_costs", {"winning": winning, "keeping": keeping}),
                *_rests_on(evidence, equal),
            ),
            details=(*saved, *equal),
        )
    reason = Note("claim.reason.costs_not_configured")
    return not_testable(
        reason, _break_even(winning, keeping, claimed.low), *equal, assumptions=_rests_on(evidence, equal)
    )


def _cost_of_a_saved_customer(evidence: Evidence, keeping: float) -> tuple[Note, ...]:
    """Everyone is paid for, but only those who would have left are won."""
    retention = evidence.config.retention
    if retention.gain == 0 or retention.gain_kind != "points":
        return ()
    return (Note("claim.detail.cost_of_a_saved_customer", {"cost": keeping / retention.gain, "gain": retention.gain}),)


def _break_even(winning: float, keeping: float, times: float) -> Note:
    if winning > 0:
        return Note("claim.detail.true_if_keeping_below", {"cost": winning / times, "winning": winning, "times": times})
    if keeping > 0:
        return Note("claim.detail.true_if_winning_above", {"cost": keeping * times, "keeping": keeping, "times": times})
    return Note("claim.detail.true_if_winning_times", {"times": times})


def _equal_return(evidence: Evidence) -> tuple[Note, ...]:
    return tuple(
        Note(
            "claim.detail.equal_return",
            {"model": model, "times": worth.new_over_kept, "new": worth.new, "kept": worth.kept},
        )
        for model, worth in _known_worths(evidence).items()
        if worth.new_over_kept is not None
    )


def _rests_on(evidence: Evidence, equal: tuple[Note, ...]) -> tuple[Note, ...]:
    """What the worth of new and kept customers takes for granted; nothing where it is not known."""
    economics = evidence.config.economics
    time = {"horizon": float(economics.horizon_years), "rate": economics.annual_discount_rate}
    if not equal:
        return ()
    return (Note("claim.assumption.prices", prices(evidence)), Note("choice.time", time), *models_left_out(evidence))


def _known_worths(evidence: Evidence) -> dict[str, Worth]:
    known = evidence.transactions.has_money and evidence.spend is not None and evidence.births_unknown is None
    return dict(evidence.worths) if known else {}


def best_budget_share_for_keeping(evidence: Evidence, claimed: Range) -> Finding:
    """Never testable on orders: they do not show what a budget brings. The optimum under swept assumptions instead."""
    reason = Note("claim.reason.no_response_in_orders")
    swept = best_shares(evidence)
    if swept.size == 0:
        return not_testable(reason)
    numbers = {
        "lowest": float(swept.min()),
        "highest": float(swept.max()),
        "middle": float(np.median(swept)),
        "combinations": int(swept.size),
        "above": float(np.mean(swept > BUDGET_SHARE_SAID)),
        "said": BUDGET_SHARE_SAID,
    }
    assumptions = (Note("claim.assumption.saturating_response"), *models_left_out(evidence))
    return not_testable(reason, Note("claim.detail.best_budget_share", numbers), assumptions=assumptions)


def best_shares(evidence: Evidence) -> np.ndarray:
    """Best share of a budget for keeping, for every combination of assumptions and purchase model; empty if unknown.

    Winning brings A g(1 - s) and keeping B g(s) for a share s, with the saturating g of ``STEEPNESSES``. Where neither
    end is best, A g'(1 - s) = B g'(s) gives s = 1/2 + log(B / A) / (2 c).
    """
    joining = evidence.config.retention.new_customers_per_year
    if joining is None:
        joining = len(evidence.transactions.summary) / max(evidence.days_observed / DAYS_PER_YEAR, 1.0)
    found = []
    for worth in _known_worths(evidence).values():
        for points in POINTS_FOR_THE_BUDGET:
            for due in SHARES_DUE_TO_BUDGET:
                won, kept = due * joining * worth.new.estimate, points * worth.alive.estimate * worth.kept.estimate
                if won > 0 and kept > 0:
                    found += [0.5 + np.log(kept / won) / (2 * c) for c in STEEPNESSES]
    return np.clip(found, 0.0, 1.0) if found else np.empty(0)
