"""What the data say of loyalty: every question in its order, and what stays an assumption."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.data.loyalty_tables import scores_at_orders
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.plotting import Plots
from analysis.strategies.evidence.campaigns import CampaignEffect, campaign_effect
from analysis.strategies.evidence.curve import DEAL, EXPERIENCE, ExpectationCurve, expectation_curve, nothing_varies
from analysis.strategies.evidence.driven import DealDriven, deal_driven
from analysis.strategies.evidence.encounters import (
    Encounters,
    encounters_of,
    observed_deal,
    orders_without_deals,
    scores_of,
)
from analysis.strategies.evidence.findings import VERDICTS, Finding
from analysis.strategies.evidence.promotions import PromotionalBump, notes_on_bump, promotional_bump
from analysis.strategies.parameters import Assumption, Estimate
from analysis.tables import table_html
from analysis.words import Message

if TYPE_CHECKING:
    from analysis.data import Orders
    from analysis.models.fits import PurchaseFit

ASKED = {
    "deal": ("kappa_deal", "theta_deal", "gamma_deal", "loss_aversion"),
    "driven": ("mercenary_leaving",),
    "bump": ("promotional_lift", "borrowed"),
    "experience": ("kappa_exp", "theta_exp", "gamma_exp"),
}
"""Which part of the evidence is asked for which parameter."""
PARTS = ("deal", "driven", "bump", "campaigns", "experience")


@dataclass(frozen=True)
class LoyaltyEvidence:
    """What a company's own orders say of loyalty; a part that they do not tell is None, and ``reasons`` say why.

    Attributes
    ----------
    deal
        The deal side of the expectation curve, by the joint likelihood.
    driven
        Customers driven by deals.
    bump
        Promotion weeks, and the dips around them.
    campaigns
        Targeted campaigns.
    experience
        The experience side of the curve, from satisfaction scores.
    reasons
        Part -> why these data do not tell it.
    estimates
        Parameter name -> what replaces its assumption in the simulation: only findings with a clean placebo.
    caps
        Parameter name -> the range of an assumption that the data limit although they do not replace it.
    assumed
        Every other parameter that was asked for -> why it stays an assumption.
    observed_deal
        Share of the list value that all orders saved; None without discounts.
    notes
        What is worth saying about the orders and the tables beside them, and what no placebo can settle.
    level
        Level of the intervals.
    """

    deal: ExpectationCurve | None
    driven: DealDriven | None
    bump: PromotionalBump | None
    campaigns: CampaignEffect | None
    experience: ExpectationCurve | None
    reasons: Mapping[str, Message]
    estimates: Mapping[str, Estimate]
    caps: Mapping[str, Assumption]
    assumed: Mapping[str, Message]
    observed_deal: float | None
    notes: tuple[Message, ...]
    level: float

    plot = Plots(campaigns="analysis.strategies.plots:plot_campaigns")

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found, with intervals, placebos and verdicts."""
        return tuple(finding for name in PARTS for finding in _findings_in(getattr(self, name)))

    def to_frame(self) -> pd.DataFrame:
        """Everything that was found.

        Columns finding, label, estimate, lower, upper, level, placebo, placebo_lower, placebo_upper, unit, verdict (in
        words), customers and observations.
        """
        nothing = Interval(np.nan, np.nan, np.nan, self.level)
        rows = [
            (each.name, each.label, *vars(each.estimate).values(), *list(vars(each.placebo or nothing).values())[:3],
             each.unit, VERDICTS[each.verdict], each.customers, each.observations)
            for each in self.findings
        ]  # fmt: skip
        ends = ("estimate", "lower", "upper", "level", "placebo", "placebo_lower", "placebo_upper")
        return pd.DataFrame(rows, columns=["finding", "label", *ends, "unit", "verdict", "customers", "observations"])

    def _repr_html_(self) -> str:
        return table_html(self.to_frame())


def _findings_in(part: Any) -> tuple[Finding, ...]:
    return () if part is None else tuple(each for each in vars(part).values() if isinstance(each, Finding))


def loyalty_evidence(
    orders: Orders,
    fit: PurchaseFit,
    *,
    level: float = 0.9,
    seed: int = 1,
    campaigns: pd.DataFrame | None = None,
    promotions: pd.DataFrame | None = None,
    satisfaction: pd.DataFrame | None = None,
    notes: tuple[Message, ...] = (),
) -> LoyaltyEvidence:
    """What the orders say of loyalty.

    Parameters
    ----------
    fit
        BG/NBD, of which it is taken how customers differ in leaving.
    campaigns
        Targeted campaigns: customer (id), start, end, optionally campaign; one row for each customer of each campaign.
    promotions
        A calendar of promotions: start, end. Without it promotion weeks are recognised by their discounts; without
        usable discounts it shows how orders rise in them, which is an association.
    satisfaction
        Scores: customer (id), date (of the order), score. Without them the experience side stays an assumption.
    notes
        What is worth saying of these tables.
    """
    dropout, reasons = (fit.parameters["a"], fit.parameters["b"]), {}
    usual = {"dropout": dropout, "level": level, "seed": seed}

    def known(name: str, question: Callable[..., Any], *given: Any, **more: Any) -> Any:
        try:
            return question(*given, **more)
        except Unavailable as unknown:
            reasons[name] = unknown.reason
            return None

    met, parts = known("deals", encounters_of, orders), dict.fromkeys(PARTS)
    if met is not None:
        saved, before = met.saved, met.mean_saved
        parts["deal"] = known("deal", expectation_curve, met, saved, channel=DEAL, initial=before, **usual)
        parts["driven"] = known("driven", deal_driven, met, **usual)
    every = orders_without_deals(orders) if met is None else met
    if met is not None or promotions is not None:
        parts["bump"] = known("bump", promotional_bump, every, level=level, seed=seed, calendar=promotions)
    if no_deals := reasons.pop("deals", None):
        asked = ("deal", "driven", *(() if promotions is not None else ("bump",)))
        reasons = dict.fromkeys(asked, no_deals) | reasons
    parts["campaigns"] = known("campaigns", _campaigns, every, orders, campaigns, level)
    parts["experience"] = known("experience", _experience, every, orders, satisfaction, usual)
    # The asymmetry is one number, taken from deals where these tell it, else from the experience.
    told = [parts[name] for name in ("experience", "driven", "bump", "deal") if parts[name] is not None]
    estimates = {name: each for part in told for name, each in part.estimates.items()}
    caps = {name: span for part in told for name, span in getattr(part, "caps", {}).items()}
    return LoyaltyEvidence(
        **parts,
        reasons=reasons,
        estimates=estimates,
        caps=caps,
        assumed=dict(_assumed(parts, reasons, estimates, caps)),
        observed_deal=observed_deal(orders) if met is None else met.mean_saved,
        notes=(*notes, *_notes(parts)),
        level=level,
    )


def _campaigns(met: Encounters, orders: Orders, campaigns: pd.DataFrame | None, level: float) -> CampaignEffect:
    if campaigns is None:
        raise Unavailable("No table of targeted campaigns is given.", code="evidence.reason.no_campaigns")
    return campaign_effect(met, orders, campaigns, level=level)


def _experience(met: Encounters, orders: Orders, satisfaction: pd.DataFrame | None, usual) -> ExpectationCurve:
    if satisfaction is None:
        raise Unavailable(
            "No satisfaction scores are given, so the experience side stays an assumption.",
            code="evidence.reason.no_satisfaction",
        )
    scores = scores_of(met, orders, satisfaction)
    if not np.isfinite(scores).any():
        if scores_at_orders(satisfaction, orders).any():
            raise nothing_varies()
        raise Unavailable(
            "No satisfaction score names a customer of these data and the day of an order.",
            code="evidence.reason.scores_elsewhere",
        )
    return expectation_curve(met, scores, channel=EXPERIENCE, initial=0.0, **usual)


def _assumed(parts, reasons, estimates, caps) -> Iterator[tuple[str, Message]]:
    for part, name in ((part, name) for part, names in ASKED.items() for name in names if name not in estimates):
        why = reasons[part] if parts[part] is None else parts[part].kept(name)
        if name in caps:
            why = Message("{why}; the range ends where its interval does", code=f"{why.code}_capped", why=why)
        yield name, why


def _notes(parts) -> Iterator[Message]:
    if parts["driven"] is not None:
        yield Message(
            "Customers choose deals, so those who do differ in other ways too. Pace, basket and calendar of the first "
            "orders are controlled; income, need and what rivals offer are not.",
            code="evidence.note.selection",
        )
        if not parts["driven"].births_known:
            yield Message(
                "Early orders are early in the data, not in a customer's life.", code="evidence.note.early_in_the_data"
            )
    if parts["experience"] is not None:
        yield Message(
            "Effects of the experience are per standard deviation of the scores, while the simulation counts in "
            "standard deviations of the sector's quality. So pace and staying after a better experience remain "
            "assumptions; whoever knows the ratio can state `strategies.assumptions.gamma_exp` and `theta_exp`.",
            code="evidence.note.unit_of_scores",
        )
    if parts["bump"] is not None:
        yield from notes_on_bump(parts["bump"])
