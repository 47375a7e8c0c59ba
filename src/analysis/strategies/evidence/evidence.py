"""What the data say of loyalty: every question in its order, and what stays an assumption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.data.orders import Orders
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.models.fits import PurchaseFit
from analysis.strategies.evidence.campaigns import campaign_effect
from analysis.strategies.evidence.encounters import encounters_of, refuse_without_deals, scores_of
from analysis.strategies.evidence.findings import VERDICTS, Finding, Part
from analysis.strategies.evidence.likelihood import DEAL, EXPERIENCE, expectation_curve
from analysis.strategies.evidence.promotions import promotional_bump
from analysis.tables import Result
from analysis.words import Message

SELECTION = Message(
    "Customers choose deals, so those who do differ in other ways too: income, need and what rivals offer are not "
    "controlled.",
    code="evidence.note.selection",
)
WITHOUT = {
    "bump": Message(
        "What promotions bring needs their calendar (`strategies.promotions`).", code="evidence.reason.no_calendar"
    ),
    "campaigns": Message("No table of targeted campaigns is given.", code="evidence.reason.no_campaigns"),
    "experience": Message(
        "No satisfaction scores are given, so the experience side stays an assumption.",
        code="evidence.reason.no_satisfaction",
    ),
}
"""Why nothing is known without the table that tells it."""


@dataclass(frozen=True, repr=False)
class LoyaltyEvidence(Result):
    """What a company's own orders say of loyalty.

    Attributes
    ----------
    parts
        ``deal`` and ``experience`` (the expectation curve of either, the latter from satisfaction scores), ``bump``
        (promotion weeks, and the dips around them) and ``campaigns``; without those that the data do not tell.
    reasons
        Every other part -> why these data do not tell it.
    observed_deal
        Share of the list value that all orders saved; None without discounts.
    notes
        What is worth saying about the orders and the tables beside them, and what no placebo can settle.
    level
        Level of the intervals.
    """

    parts: Mapping[str, Part]
    reasons: Mapping[str, Message]
    observed_deal: float | None
    notes: tuple[Message, ...]
    level: float

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was found, with intervals, placebos and verdicts."""
        return tuple(finding for part in self.parts.values() for finding in part.findings)

    @property
    def estimates(self) -> dict[str, np.ndarray]:
        """Parameter name -> draws that replace its assumption in the simulation: only with a clean placebo."""
        # The asymmetry is one number, taken from deals where these tell it, else from the experience.
        parts = reversed(self.parts.values())
        return {name: each for part in parts for name, each in part.estimates.items()}

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
        A calendar of promotions: start, end.
    satisfaction
        Scores: customer (id), date (of the order), score. Without them the experience side stays an assumption.
    notes
        What is worth saying of these tables.
    """
    met, parts, reasons = encounters_of(orders), {}, {}
    usual = {"dropout": (fit.parameters["a"], fit.parameters["b"]), "level": level, "seed": seed}
    try:
        refuse_without_deals(met, orders)
    except Unavailable as no_deals:
        reasons |= dict.fromkeys(("deal", "bump"), no_deals.reason)
    questions = {
        "deal": lambda: expectation_curve(met, met.saved, channel=DEAL, initial=met.mean_saved, **usual),
        "bump": lambda: promotional_bump(met, _given("bump", promotions), level=level, seed=seed),
        "campaigns": lambda: campaign_effect(met, orders, _given("campaigns", campaigns), level=level),
        "experience": lambda: expectation_curve(
            met, scores_of(met, orders, _given("experience", satisfaction)), channel=EXPERIENCE, initial=0.0, **usual
        ),
    }
    for name in [each for each in questions if each not in reasons]:
        try:
            parts[name] = questions[name]()
        except Unavailable as unknown:
            reasons[name] = unknown.reason
    notes = (*notes, *((SELECTION,) if "deal" in parts else ()), *(n for part in parts.values() for n in part.notes))
    return LoyaltyEvidence(parts, reasons, met.mean_saved if met.deals_known else None, notes, level)


def _given(name: str, table: pd.DataFrame | None) -> pd.DataFrame:
    if table is None:
        raise Unavailable(WITHOUT[name])
    return table
