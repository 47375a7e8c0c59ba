"""Every claim of the ledger: one entry each. Sentences stand in the catalogue of words under ``claim.<id>.…``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from analysis.claims.concentration import revenue_of_top_fifth
from analysis.claims.costs import best_budget_share_for_keeping, keeping_cheaper_than_winning
from analysis.claims.evidence import Evidence
from analysis.claims.finding import Finding, Range
from analysis.claims.permanence import some_customers_leave
from analysis.claims.profit import cost_cut_equal_to_retention, profit_lift_of_retention
from analysis.claims.repeat_share import revenue_by_repeat_share
from analysis.claims.surveys import gave_up_over_service, never_returns, pays_more_for_service
from analysis.claims.tenure import profit_of_long_relationships, spend_of_long_standing_customers
from analysis.claims.ties import tie_beyond_differences

INFINITE = float("inf")


@dataclass(frozen=True)
class Claim:
    """One claim that can be tested, or of which it can be said why not.

    Attributes
    ----------
    id
        Stable name; the catalogue has ``claim.<id>.wording`` (how it is read here), ``.article`` (how the articles put
        it) and ``.source`` (the earliest known source).
    test
        Looks at the evidence and the claim's range and returns a finding.
    range, unit
        For which numbers the claim counts as true, and what they measure.
    needs
        What must be known first, see ``analysis.claims.evidence.unmet_need``.
    mark
        How the source is known: ``p`` read in the publication, ``2`` second hand, ``m`` widely quoted and not
        confirmed, ``c`` computed for this project, ``none`` not recorded.
    trust
        How far to trust it: ``low``, ``low_to_medium``, ``medium``, ``very_low`` or ``unknown``.
    """

    id: str
    test: Callable[[Evidence, Range], Finding]
    range: Range
    unit: str
    needs: tuple[str, ...] = ()
    mark: str = "none"
    trust: str = "unknown"


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "five_points_more_profit",
        profit_lift_of_retention,
        Range(0.25, 0.95),
        "share",
        needs=("money", "births", "lift"),
        mark="2",
        trust="low",
    ),
    *(
        Claim(
            f"keeping_{times}_times_cheaper",
            keeping_cheaper_than_winning,
            Range(times, INFINITE),
            "ratio",
            mark="2",
            trust="low",
        )
        for times in (5, 6, 7, 10)
    ),
    Claim(
        "forty_percent_repeat",
        revenue_by_repeat_share,
        Range(0.40, 0.60),
        "share",
        needs=("money", "births"),
        trust="low",
    ),
    Claim(
        "long_standing_spend_more",
        spend_of_long_standing_customers,
        Range(0.57, 0.77),
        "share",
        needs=("money", "births"),
        trust="low_to_medium",
    ),
    Claim(
        "two_points_equal_cost_cut",
        cost_cut_equal_to_retention,
        Range(0.08, 0.12),
        "share",
        needs=("money", "births", "lift", "costs"),
        trust="very_low",
    ),
    Claim(
        "twenty_bring_eighty",
        revenue_of_top_fifth,
        Range(0.75, 0.85),
        "share",
        needs=("money",),
        mark="p",
        trust="medium",
    ),
    Claim("more_orders_stronger_tie", tie_beyond_differences, Range(0.0, INFINITE), "log_odds", needs=("births",)),
    Claim(
        "longer_more_profitable",
        profit_of_long_relationships,
        Range(0.1, 1.0),
        "correlation",
        needs=("money", "births", "holdout"),
        mark="2",
    ),
    Claim("keeping_everyone_is_a_myth", some_customers_leave, Range(0.0, 1.0), "share"),
    Claim("budget_share_for_keeping", best_budget_share_for_keeping, Range(0.19, 1.0), "share"),
    Claim("pay_more_for_service", pays_more_for_service, Range(0.86, 1.0), "share", trust="low"),
    Claim("gave_up_over_service", gave_up_over_service, Range(0.78, 1.0), "share", trust="low_to_medium"),
    Claim("never_return", never_returns, Range(0.90, 1.0), "share"),
)
