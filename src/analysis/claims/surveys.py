"""Statements about what people say in surveys: orders show what people do, so they are never testable here."""

from __future__ import annotations

from analysis.claims.evidence import Evidence
from analysis.claims.finding import Finding, Range, not_testable
from analysis.data import Note


def pays_more_for_service(evidence: Evidence, claimed: Range) -> Finding:
    """86% would pay 25% more."""
    return not_testable(Note("claim.reason.survey"), Note("claim.detail.survey_86"))


def gave_up_over_service(evidence: Evidence, claimed: Range) -> Finding:
    """78% gave up a purchase."""
    return not_testable(Note("claim.reason.survey"), Note("claim.detail.survey_78"))


def never_returns(evidence: Evidence, claimed: Range) -> Finding:
    """90% of those never return."""
    return not_testable(Note("claim.reason.survey_and_reason_of_leaving"), Note("claim.detail.survey_90"))
