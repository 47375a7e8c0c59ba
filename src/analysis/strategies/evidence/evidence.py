"""What the data say of loyalty: every question in its order, and what stays an assumption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.data import Note, Transactions
from analysis.data.loyalty_matches import scores_at_orders
from analysis.strategies.evidence.bump import PromotionalBump, notes_on_bump, promotional_bump
from analysis.strategies.evidence.campaigns import CampaignEffect, campaign_effect, complete_journey_campaigns
from analysis.strategies.evidence.caps import caps_in
from analysis.strategies.evidence.curve import DEAL, EXPERIENCE, ExpectationCurve, expectation_curve
from analysis.strategies.evidence.driven import DealDriven, deal_driven
from analysis.strategies.evidence.encounters import (
    Amounts,
    Encounters,
    encounters_of,
    note_on_deep_deals,
    observed_deal,
    orders_without_deals,
    scores_of,
)
from analysis.strategies.evidence.findings import Finding
from analysis.strategies.evidence.panel import PanelRegression, panel_regression
from analysis.strategies.evidence.won import WonByDeals, won_by_deals
from analysis.strategies.parameters import BY_NAME, Estimate, Span

if TYPE_CHECKING:
    from analysis.config import Config
    from analysis.models.results import PurchaseResult

ASKED = {
    "deal": ("kappa_deal", "theta_deal", "gamma_deal", "loss_aversion"),
    "driven": ("mercenary_leaving",),
    "won": ("won_value",),
    "bump": ("promotional_lift", "borrowed"),
    "experience": ("kappa_exp", "theta_exp", "gamma_exp"),
}
"""Which part of the evidence is asked for which parameter."""


@dataclass(frozen=True)
class Assumed:
    """A parameter that the data were asked for and did not give.

    Attributes
    ----------
    name
        Of the parameter.
    because
        Why: a Note ``evidence.reason.…`` where it cannot be estimated, ``evidence.kept.…`` where an estimate may not
        be used.
    """

    name: str
    because: Note


@dataclass(frozen=True)
class LoyaltyEvidence:
    """What a company's own orders say of loyalty; a part that they do not tell is the Note that says why.

    Attributes
    ----------
    deal
        The deal side of the expectation curve, by the joint likelihood.
    panel
        The panel regression beside it.
    driven
        Customers driven by deals: leaving and margin.
    won
        Customers won by deals.
    bump
        Promotion weeks, and the dips around them.
    campaigns
        Targeted campaigns.
    experience
        The experience side of the curve, from satisfaction scores.
    estimates
        Parameter name -> what replaces its assumption in the simulation: only findings with a clean placebo.
    assumed
        Every other parameter that was asked for, with what is assumed instead and why.
    observed_deal
        Share of the list value that all orders saved; None without discounts.
    notes
        What is worth saying about the orders themselves, and what no placebo can settle.
    level
        Level of the intervals.
    caps
        Parameter name -> the range of an assumption that the data limit although they do not replace it.
    tables
        How far the tables beside the transactions fit these: a Note ``loyalty.fit.…`` for each that does.
    """

    deal: ExpectationCurve | Note
    panel: PanelRegression | Note
    driven: DealDriven | Note
    won: WonByDeals | Note
    bump: PromotionalBump | Note
    campaigns: CampaignEffect | Note
    experience: ExpectationCurve | Note
    estimates: Mapping[str, Estimate]
    assumed: tuple[Assumed, ...]
    observed_deal: float | None
    notes: tuple[Note, ...]
    level: float
    caps: Mapping[str, Span] = field(default_factory=dict)
    tables: tuple[Note, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found, with intervals, placebos and verdicts."""
        parts = (self.deal, self.panel, self.driven, self.won, self.bump, self.campaigns, self.experience)
        return tuple(finding for part in parts for finding in findings_in(part))

    @property
    def reasons(self) -> Mapping[str, Note]:
        """Part of the evidence -> why these data do not tell it."""
        names = ("deal", "panel", "driven", "won", "bump", "campaigns", "experience")
        return {name: getattr(self, name) for name in names if isinstance(getattr(self, name), Note)}


def findings_in(part) -> tuple[Finding, ...]:
    """The findings of one part of the evidence; none of a Note."""
    if isinstance(part, PanelRegression):
        return part.findings
    return () if isinstance(part, Note) else tuple(each for each in vars(part).values() if isinstance(each, Finding))


def loyalty_evidence(
    transactions: Transactions,
    config: Config,
    purchase: PurchaseResult,
    *,
    campaigns: pd.DataFrame | None = None,
    promotions: pd.DataFrame | None = None,
    satisfaction: pd.DataFrame | None = None,
    amounts: Amounts = "paid",
) -> LoyaltyEvidence:
    """What the orders say of loyalty.

    Parameters
    ----------
    transactions, config, purchase
        The orders; level, seed, margin and cost per order; the fitted purchase model, of which the dropout is used.
    campaigns
        Targeted campaigns: customer (id), start, end, optionally campaign; one row for each customer of each campaign.
        The Complete Journey brings its own.
    promotions
        A calendar of promotions: start, end. Without it promotion weeks are recognised by their discounts; without
        usable discounts it shows how orders rise in them, which is an association.
    satisfaction
        Scores: customer (id), date (of the order), score. Without them the experience side stays an assumption.
    amounts
        ``paid`` where amounts are what was paid, ``list`` where the discount is still to be taken off.
    """
    level, seed = config.model.credible_level, config.model.seed
    dropout = purchase.primary.parameters["a"], purchase.primary.parameters["b"]
    usual = {"dropout": dropout, "level": level, "seed": seed}
    orders = encounters_of(transactions, amounts)
    if campaigns is None and getattr(config.data.transactions, "sample", None) == "complete-journey":
        campaigns = complete_journey_campaigns()
    parts = dict.fromkeys(("deal", "panel", "driven", "won", "bump"), orders) if isinstance(orders, Note) else {}
    if not parts:
        parts = _on_deals(orders, config, promotions, usual)
    any_orders = orders_without_deals(transactions) if isinstance(orders, Note) else orders
    if isinstance(orders, Note) and promotions is not None:
        parts["bump"] = promotional_bump(any_orders, level=level, seed=seed, calendar=promotions)
    parts["campaigns"] = _campaigns(any_orders, transactions, campaigns, level)
    parts["experience"] = _experience(any_orders, transactions, satisfaction, usual)
    estimates = _estimates(parts)
    caps = {name: span for part in parts.values() for name, span in caps_in(part).items()}
    return LoyaltyEvidence(
        **parts,
        estimates=estimates,
        assumed=tuple(_assumed(parts, estimates, caps)),
        observed_deal=observed_deal(transactions, amounts) if isinstance(orders, Note) else orders.mean_saved,
        notes=_notes(orders, parts, amounts),
        level=level,
        caps=caps,
    )


def _on_deals(orders: Encounters, config: Config, promotions: pd.DataFrame | None, usual) -> dict:
    level, seed, money = usual["level"], usual["seed"], config.economics
    deal = expectation_curve(orders, orders.saved, channel=DEAL, initial=orders.mean_saved, **usual)
    kappa = BY_NAME["kappa_deal"].default if isinstance(deal, Note) else deal.kappa.estimate
    return {
        "deal": deal,
        "panel": panel_regression(orders, orders.saved, kappa=kappa, initial=orders.mean_saved, level=level),
        "driven": deal_driven(orders, gross_margin=money.gross_margin, cost_per_order=money.cost_per_order, **usual),
        "won": won_by_deals(orders, level=level),
        "bump": promotional_bump(orders, level=level, seed=seed, calendar=promotions),
    }


def _campaigns(orders: Encounters, transactions: Transactions, campaigns: pd.DataFrame | None, level: float):
    if campaigns is None:
        return Note("evidence.reason.no_campaigns")
    return campaign_effect(orders, transactions, campaigns, level=level)


def _experience(orders: Encounters, transactions: Transactions, satisfaction: pd.DataFrame | None, usual):
    if satisfaction is None:
        return Note("evidence.reason.no_satisfaction")
    if missing := [name for name in ("customer", "date", "score") if name not in satisfaction.columns]:
        return Note("evidence.reason.satisfaction_columns", {"missing": ", ".join(missing)})
    met = scores_of(orders, transactions, satisfaction)
    if not np.isfinite(met).any():
        fitting = int(scores_at_orders(satisfaction, transactions).sum())
        if not fitting:
            return Note("evidence.reason.scores_elsewhere", {"rows": len(satisfaction)})
        return Note("evidence.reason.nothing_varies", {"orders": fitting})
    return expectation_curve(orders, met, channel=EXPERIENCE, initial=0.0, **usual)


def _estimates(parts) -> dict[str, Estimate]:
    """Of all parts; the asymmetry is one number, taken from deals where these tell it, else from the experience."""
    found: dict[str, Estimate] = {}
    for name in ("experience", "driven", "bump", "deal"):
        if not isinstance(parts[name], Note):
            found |= parts[name].estimates
    return found


def _assumed(parts, estimates, caps: Mapping[str, Span]):
    for part, names in ASKED.items():
        for name in names:
            if name in caps:
                why = _why_assumed(parts[part], name)
                yield Assumed(name, Note(f"{why.key}_capped", why.numbers))
            elif name not in estimates:
                yield Assumed(name, _why_assumed(parts[part], name))


def _why_assumed(part, name: str) -> Note:
    if isinstance(part, Note):
        return part
    if isinstance(part, WonByDeals):
        return Note("evidence.kept.no_placebo", {"parameter": name})
    if isinstance(part, ExpectationCurve):
        deciding = {"theta": part.leaving}.get(name.split("_")[0], part.pace)
        if part.channel == EXPERIENCE and deciding.verdict == "estimate":
            return Note("evidence.kept.other_unit", {"parameter": name})
        return Note(f"evidence.kept.{deciding.verdict}", {"parameter": name})
    if isinstance(part, PromotionalBump):
        if part.lift.verdict == "association" and part.is_calendar_alone:
            return Note("evidence.kept.depth_unknown", {"parameter": name})
        if part.lift.verdict == "estimate":
            return Note("evidence.kept.too_shallow_or_unclear", {"parameter": name, "depth": part.depth})
        if part.lift.verdict == "association" and part.lift.placebo is not None and not part.is_telling:
            return Note("evidence.kept.few_or_shallow", {"parameter": name, "depth": part.depth})
        return Note(_kept(part.lift), {"parameter": name})
    if part.leaving_per_order.verdict == "estimate":
        return Note("evidence.reason.births_unknown", {"parameter": name})
    return Note(_kept(part.leaving_per_order), {"parameter": name})


def _kept(finding: Finding) -> str:
    without = finding.verdict == "association" and finding.placebo is None
    return "evidence.kept.no_placebo" if without else f"evidence.kept.{finding.verdict}"


def _notes(orders: Encounters | Note, parts, amounts: Amounts) -> tuple[Note, ...]:
    notes = []
    if not isinstance(orders, Note) and amounts == "paid":
        notes.append(note_on_deep_deals(orders))
    if isinstance(parts["driven"], DealDriven):
        notes.append(Note("evidence.note.selection", {"orders": 5}))
        notes.append(None if parts["driven"].births_known else Note("evidence.note.early_in_the_data"))
    if isinstance(parts["experience"], ExpectationCurve):
        notes.append(Note("evidence.note.unit_of_scores"))
    if isinstance(parts["bump"], PromotionalBump):
        notes.extend(notes_on_bump(parts["bump"]))
    return tuple(note for note in notes if note is not None)
