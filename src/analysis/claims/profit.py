"""Claims about what retention does to profit; both rest on the posterior of the lift under each purchase model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from analysis.claims.evidence import Evidence, models_left_out
from analysis.claims.finding import Finding, Range, finding_from_draws, not_testable
from analysis.data import Note
from analysis.value.lift import retention_lift
from analysis.value.readings import Choice
from analysis.value.results import Lift

CUT_COMPARED = 0.02
"""The rise in retention, in points, that is said to equal a cut of costs."""


def profit_lift_of_retention(evidence: Evidence, claimed: Range) -> Finding:
    """The lift of the configured reading of the claim, in per cent only where profit is surely positive."""
    lifts = evidence.lift.named_lifts
    choice = evidence.lift.named
    read = (
        Note("claim.assumption.reading", _reading(choice, evidence)),
        Note("claim.assumption.prices", prices(evidence)),
    )
    spent = tuple(
        Note("claim.detail.most_for_keeping", {"model": name, "cost": lift.break_even_cost})
        for name, lift in lifts.items()
        if lift.break_even_cost is not None and choice.gain > 0
    )
    if choice.gain == 0:
        return not_testable(Note("claim.reason.no_gain"), assumptions=read)
    if reason := _why_no_lift(lifts):
        euros = tuple(
            Note("claim.detail.gain_in_money", {"model": name, "gain": lift.gain, "profit": lift.profit_before})
            for name, lift in lifts.items()
            if lift.gain is not None
        )
        return not_testable(reason, *euros, *spent, assumptions=read)
    retention = tuple(
        Note("claim.detail.retention", {"model": name, "before": lift.retention_before, "after": lift.retention_after})
        for name, lift in lifts.items()
    )
    return finding_from_draws(
        claimed,
        {name: lift.draws for name, lift in lifts.items()},
        {name: lift.lift.estimate for name, lift in lifts.items()},
        evidence.level,
        unit="share",
        assumptions=(*read, Note("claim.assumption.lift_is_not_an_action"), *models_left_out(evidence)),
        details=(*retention, *spent),
    )


def cost_cut_equal_to_retention(evidence: Evidence, claimed: Range) -> Finding:
    """The cut of all costs that leaves the same gain in the contribution of a new customer as two points of retention.

    Contribution is a share mu of revenue and costs are the rest, so a lift L of the contribution equals a cut of
    L mu / (1 - mu) of the costs.
    """
    economics = evidence.config.economics
    choice = replace(
        evidence.lift.named,
        scope="new_customer",
        gain=CUT_COMPARED,
        gain_kind="points",
        profit="contribution",
        margins="constant",
        keeping="free",
    )
    summary = evidence.transactions.summary
    found = retention_lift(summary, evidence.purchase, evidence.spend, evidence.config, choices=[choice])
    lifts = {name: found.of(choice, name) for name in found.models}
    if reason := _why_no_lift(lifts):
        return not_testable(reason)
    at_fit = economics.gross_margin - economics.cost_per_order / evidence.spend.fit.mean_order_value
    cuts = {name: lift.draws * _margin_over_costs(evidence, len(lift.draws)) for name, lift in lifts.items()}
    return finding_from_draws(
        claimed,
        cuts,
        {name: lift.lift.estimate * at_fit / (1 - at_fit) for name, lift in lifts.items()},
        evidence.level,
        unit="share",
        assumptions=(
            Note("claim.assumption.reading", _reading(choice, evidence)),
            Note("claim.assumption.costs_as_configured", {"share": 1 - at_fit}),
            Note("claim.assumption.price_cut_is_no_gain"),
            Note("claim.assumption.lift_is_not_an_action"),
            *models_left_out(evidence),
        ),
        details=tuple(
            Note("claim.detail.lift_of_two_points", {"model": name, "lift": lift.lift}) for name, lift in lifts.items()
        ),
    )


def _margin_over_costs(evidence: Evidence, count: int) -> np.ndarray:
    """Contribution over costs of an average order under each draw of the spend model, shape (count,)."""
    economics, spend = evidence.config.economics, evidence.spend
    value = np.full(count, spend.fit.mean_order_value)
    if spend.posterior is not None:
        p, q, v = spend.posterior.draws[:count].T
        value = p * v / (q - 1)
    margin = economics.gross_margin - economics.cost_per_order / value
    return margin / (1 - margin)


def _why_no_lift(lifts: Mapping[str, Lift]) -> Note | None:
    without = [(name, lift) for name, lift in lifts.items() if lift.lift is None]
    if not without:
        return None
    name, lift = without[0]
    return Note(
        f"claim.reason.{lift.reason.rpartition('.')[2]}",
        {"model": name, "retention": lift.retention_before, "profit": lift.profit_before},
    )


def _reading(choice: Choice, evidence: Evidence) -> dict[str, object]:
    return {
        "gain": choice.gain,
        "gain_kind": choice.gain_kind,
        "shift": choice.shift,
        "scope": choice.scope,
        "profit": _profit_taken(choice),
        "margins": choice.margins,
        "keeping": choice.keeping,
        "horizon": choice.horizon_years,
        "discount": evidence.config.economics.annual_discount_rate,
    }


def _profit_taken(choice: Choice) -> str:
    """The profit of a reading, without the costs that its scope does not have."""
    if choice.scope not in ("new_customer", "firm"):
        return "contribution"
    return "after_acquisition" if choice.profit == "after_fixed" and choice.scope != "firm" else choice.profit


def prices(evidence: Evidence) -> dict[str, float]:
    economics = evidence.config.economics
    return {
        "margin": economics.gross_margin,
        "per_order": economics.cost_per_order,
        "winning": economics.acquisition_cost,
        "keeping": evidence.config.retention.cost_per_customer_year,
        "fixed": economics.fixed_costs_per_year,
    }
