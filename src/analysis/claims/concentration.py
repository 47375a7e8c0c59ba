"""The claim that a fifth of the customers bring four fifths of the revenue."""

from __future__ import annotations

import datetime as dt

import numpy as np

from analysis.claims.bootstrap import lorenz_curve, top_share, top_share_draws
from analysis.claims.evidence import Evidence
from analysis.claims.finding import DATA, Finding, Range, finding_from_draws, not_testable
from analysis.data import Note
from analysis.value.history import history
from analysis.value.proportions import share_interval

TOP = 0.2
FEWEST_CUSTOMERS = 50


def revenue_of_top_fifth(evidence: Evidence, claimed: Range) -> Finding:
    """Share of the revenue of the window that its best fifth of customers brought."""
    spent = np.maximum(evidence.transactions.summary.table["spent"].to_numpy(dtype=float), 0.0)
    if len(spent) < FEWEST_CUSTOMERS or not spent.any():
        return not_testable(Note("claim.reason.too_few_spenders", {"customers": int((spent > 0).sum())}))
    halves = _spent_by_half(evidence)
    customers, revenue = lorenz_curve(spent)
    numbers = {
        "customers": len(spent),
        "days": evidence.days_observed,
        "curve_customers": customers.tolist(),
        "curve_revenue": revenue.tolist(),
    }
    return finding_from_draws(
        claimed,
        {DATA: top_share_draws(spent, evidence.rng(6), TOP)},
        {DATA: top_share(spent, TOP)},
        evidence.level,
        unit="share",
        assumptions=(Note("claim.assumption.share_depends_on_window", numbers),),
        details=(*_by_half(halves), *_who_stays(halves, evidence.level)),
    )


def _spent_by_half(evidence: Evidence) -> np.ndarray:
    """Spent in the first and the second half of the window, by customer, shape (customers, 2)."""
    middle = evidence.transactions.observation_start + dt.timedelta(days=evidence.days_observed // 2)
    found = np.zeros((len(evidence.transactions.summary), 2))
    with history(evidence.transactions) as (connection, occasions):
        sums = connection.execute(f"""
            SELECT customer, day >= DATE '{middle}' AS later, sum(CAST(amount AS DECIMAL(38, 6)))::DOUBLE AS spent
            FROM {occasions} GROUP BY customer, later""").fetchnumpy()
    found[sums["customer"], sums["later"].astype(int)] = sums["spent"]
    return np.maximum(found, 0.0)


def _by_half(halves: np.ndarray) -> tuple[Note, ...]:
    shares = [top_share(half[half > 0], TOP) if (half > 0).sum() >= FEWEST_CUSTOMERS else np.nan for half in halves.T]
    if not np.all(np.isfinite(shares)):
        return ()
    return (Note("claim.detail.top_share_by_half", {"first": shares[0], "second": shares[1]}),)


def _who_stays(halves: np.ndarray, level: float) -> tuple[Note, ...]:
    """Of the best fifth of the first half, how many are in the best fifth of the same customers in the second."""
    before, after = halves[halves[:, 0] > 0].T
    size = round(TOP * len(before))
    if size < FEWEST_CUSTOMERS // 5 or not after.any():
        return ()
    top = np.argsort(-before, kind="stable")[:size]
    limit = np.sort(after)[::-1][size - 1]
    tied = after == limit
    # Where the limit cuts through customers who spent the same, each of them counts as the part that fits.
    part = (size - np.sum(after > limit)) / tied.sum()
    stayed = float(np.sum(after[top] > limit) + part * np.sum(tied[top]))
    numbers = {
        "top": size,
        "stay": share_interval(round(stayed), size, level),
        "silent": float(np.mean(after[top] == 0)),
        "brought": float(before[top].sum() / before.sum()),
        "bring": float(after[top].sum() / after.sum()),
    }
    return (Note("claim.detail.top_fifth_next_half", numbers),)
