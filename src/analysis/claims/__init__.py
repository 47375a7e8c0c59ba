"""The ledger of claims: is what the articles say true of this company? One entry a claim, one rule for verdicts."""

from analysis.claims.evidence import Evidence
from analysis.claims.finding import Finding, Range, finding_from_draws, not_testable
from analysis.claims.ledger import Verdict, ledger_of_claims
from analysis.claims.registry import CLAIMS, Claim
from analysis.claims.rule import Outcome

__all__ = [
    "CLAIMS",
    "Claim",
    "Evidence",
    "Finding",
    "Outcome",
    "Range",
    "Verdict",
    "finding_from_draws",
    "ledger_of_claims",
    "not_testable",
]
