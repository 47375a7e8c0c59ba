"""What the articles say of loyalty, tested: one function a claim, one rule for verdicts."""

# ruff: noqa: I001, F401 (the order of these modules is that of the claims on the page)
from analysis.claims import profit, customers, leaving, surveys
from analysis.claims.claim import (
    CLAIMS, Claim, Outcome, Range, Verdict, births_known, claim_step, from_draws, has_money, not_testable,
)  # fmt: skip
from analysis.claims.ledger import RULE, Claims
