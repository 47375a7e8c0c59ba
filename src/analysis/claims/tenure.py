"""Claims about customers of long standing: that they spend more, and that long relationships are more profitable."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from analysis.claims.bootstrap import rank_correlation_draws
from analysis.claims.evidence import Evidence
from analysis.claims.finding import DATA, Finding, Range, finding_from_draws, not_testable
from analysis.data import Note
from analysis.interval import Interval
from analysis.value.spend_growth import HALF_YEAR_DAYS, TenurePeriod

LAST_HALF_YEAR = 6
"""Months 31 to 36 are the sixth half year of a customer's life."""
MONTHS_CLAIMED = 36
MOST_CUSTOMERS, FEWEST_CUSTOMERS = 20_000, 50
DRAWS = 4_000
REINARTZ_KUMAR = (0.20, 0.45)
"""Correlations of length and total profit in four firms (Reinartz & Kumar 2002, second hand)."""


def spend_of_long_standing_customers(evidence: Evidence, claimed: Range) -> Finding:
    """Spend in months 31 to 36 against months 1 to 6 of the same customers, those who ordered again later.

    Whoever orders in months 31 to 36 has an order there by definition, and everyone has one in months 1 to 6, the
    first: both tilt the comparison. So customers are followed who are known to have been there, by an order after
    month 36, and first orders are left out.
    """
    growth = evidence.growth
    if isinstance(growth, Note):
        return not_testable(Note("claim.reason.too_short_for_three_years", _months_there(evidence)))
    by_period = {period.period: period for period in growth.periods}
    known = by_period.get(LAST_HALF_YEAR)
    if growth.period_days != HALF_YEAR_DAYS or known is None or known.stayers_ratio is None:
        longest = (_compared(growth.periods[-1], growth.period_days),) if growth.periods else ()
        return not_testable(Note("claim.reason.too_short_for_three_years", _months_there(evidence)), *longest)
    centre, spread = _log_normal(known.stayers_ratio)
    drawn = np.exp(centre + spread * evidence.rng(7).standard_normal(DRAWS)) - 1
    return finding_from_draws(
        claimed,
        {DATA: drawn},
        {DATA: known.stayers_ratio.estimate - 1},
        evidence.level,
        unit="share",
        assumptions=(
            Note("claim.assumption.still_there", {"customers": known.stayers}),
            Note("claim.assumption.no_cause"),
        ),
        details=(_compared(known, growth.period_days),),
    )


def _months_there(evidence: Evidence) -> dict[str, float]:
    return {"months": MONTHS_CLAIMED, "days": evidence.days_observed}


def _compared(period: TenurePeriod, period_days: int) -> Note:
    """The three comparisons that are mistaken for one another."""
    numbers = {
        "from_day": (period.period - 1) * period_days,
        "to_day": period.period * period_days,
        "period_days": period_days,
        "customers": period.customers,
        "survivors": period.survivors,
        "same": _less_one(period.growth),
        "survivors_only": _less_one(period.survivors_ratio),
        "everyone": _less_one(period.all_ratio),
    }
    return Note("claim.detail.three_comparisons", numbers)


def _less_one(ratio: Interval) -> Interval:
    return Interval(ratio.estimate - 1, ratio.lower - 1, ratio.upper - 1, ratio.level)


def _log_normal(ratio: Interval) -> tuple[float, float]:
    """Centre and spread of the logarithm of a ratio whose interval is normal on that scale."""
    reach = NormalDist().inv_cdf((1 + ratio.level) / 2)
    return float(np.log(ratio.estimate)), float(np.log(ratio.upper / ratio.lower) / 2 / reach)


def profit_of_long_relationships(evidence: Evidence, claimed: Range) -> Finding:
    """Rank correlation of the length of the relationship so far with what is spent afterwards, within birth months.

    Length is the time from the first to the last order of the calibration; what follows is spent in the holdout, so no
    order is on both sides. Within a birth month all customers are of one age.
    """
    split, rng = evidence.split, evidence.rng(8)
    everyone = split.calibration.table
    if len(everyone) < FEWEST_CUSTOMERS or not split.holdout_spent.any():
        return not_testable(Note("claim.reason.too_few_spenders", {"customers": len(everyone)}))
    chosen = np.arange(len(everyone))
    if len(everyone) > MOST_CUSTOMERS:
        chosen = np.sort(rng.choice(len(everyone), MOST_CUSTOMERS, replace=False))
    table = everyone.iloc[chosen]
    length = table["recency_days"].to_numpy()
    month = table["first_order"].to_numpy().astype("datetime64[M]").astype(int)
    spent = split.holdout_spent[chosen]
    estimate, drawn = rank_correlation_draws(length, spent, month, rng)
    numbers = {"customers": len(chosen), "calibration_end": split.calibration_end, "days": split.holdout_days}
    return finding_from_draws(
        claimed,
        {DATA: drawn},
        {DATA: estimate},
        evidence.level,
        unit="correlation",
        assumptions=(Note("claim.assumption.length_before_spend_after", numbers), Note("claim.assumption.no_cause")),
        details=(_with_parts(evidence), *_among_repeat_customers(length, spent, month, rng, evidence.level)),
    )


def _among_repeat_customers(length, spent, month, rng, level: float) -> tuple[Note, ...]:
    """Without those who had not come back yet, who make up most of the short relationships."""
    repeat = length > 0
    if repeat.sum() < FEWEST_CUSTOMERS:
        return ()
    estimate, drawn = rank_correlation_draws(length[repeat], spent[repeat], month[repeat], rng)
    return (Note("claim.detail.among_repeat_customers", {"correlation": Interval.around(estimate, drawn, level)}),)


def _with_parts(evidence: Evidence) -> Note:
    """The correlation as it is usually given: of the whole length with the whole profit, which is part of it."""
    rows = evidence.some_customers(MOST_CUSTOMERS, stream=9)
    table, economics = evidence.transactions.summary.table.iloc[rows], evidence.config.economics
    profit = economics.gross_margin * table["spent"].to_numpy() - economics.cost_per_order * table["orders"].to_numpy()
    whole, _ = rank_correlation_draws(
        table["recency_days"].to_numpy(), profit, np.zeros(len(rows)), evidence.rng(9), draws=0
    )
    low, high = REINARTZ_KUMAR
    return Note("claim.detail.part_and_whole", {"correlation": whole, "low": low, "high": high})
