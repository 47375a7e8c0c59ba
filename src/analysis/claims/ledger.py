"""The ledger: every claim with its verdict, alone and corrected for how many claims are tested."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from analysis.claims.evidence import Evidence, unmet_need
from analysis.claims.finding import Finding, not_testable
from analysis.claims.registry import CLAIMS, Claim
from analysis.claims.rule import Outcome, error_of, outcome_of
from analysis.models.multiplicity import holm_adjusted


@dataclass(frozen=True)
class Verdict:
    """What the evidence says of one claim.

    Attributes
    ----------
    claim
        Id of the claim.
    verdict
        ``supported``, ``contradicted``, ``depends`` or ``not_testable``, by the claim alone.
    after_holm
        The same once the number of tested claims is taken into account.
    error, error_after_holm
        Probability that the nearer clear verdict is wrong, under the model that doubts it most; None where the claim
        is not testable.
    finding
        The number, its interval, and what must be said with it.
    """

    claim: str
    verdict: Outcome
    after_holm: Outcome
    error: float | None
    error_after_holm: float | None
    finding: Finding


def ledger_of_claims(evidence: Evidence, claims: Iterable[Claim] = CLAIMS) -> tuple[Verdict, ...]:
    """The verdict of each claim, in the order of the claims."""
    claims = tuple(claims)
    findings = [finding_of(claim, evidence) for claim in claims]
    errors = {place: error_of(found.probabilities) for place, found in enumerate(findings) if found.probabilities}
    adjusted = dict(zip(errors, holm_adjusted(list(errors.values())).tolist(), strict=True))
    return tuple(
        Verdict(
            claim=claim.id,
            verdict=outcome_of(finding.probabilities),
            after_holm=outcome_of(finding.probabilities, adjusted.get(place)),
            error=errors.get(place),
            error_after_holm=adjusted.get(place),
            finding=finding,
        )
        for place, (claim, finding) in enumerate(zip(claims, findings, strict=True))
    )


def finding_of(claim: Claim, evidence: Evidence) -> Finding:
    """What a claim's test finds, or what it lacks."""
    missing = unmet_need(evidence, claim.needs)
    found = not_testable(missing) if missing else claim.test(evidence, claim.range)
    return replace(found, unit=claim.unit)


__all__ = ["Outcome", "Verdict", "finding_of", "ledger_of_claims"]
