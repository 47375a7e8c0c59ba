"""What people say in surveys is never tested on orders, and what is known of each survey is told."""

import pytest

from analysis.claims import CLAIMS
from analysis.claims.ledger import finding_of

SURVEYS = {"pay_more_for_service": "86", "gave_up_over_service": "78", "never_return": "90"}


@pytest.mark.parametrize("name", SURVEYS)
def test_a_survey_is_not_testable_and_its_source_is_told(name):
    claim = next(claim for claim in CLAIMS if claim.id == name)
    found = finding_of(claim, evidence=None)
    assert found.reason.key.startswith("claim.reason.survey")
    assert not found.probabilities
    assert [note.key for note in found.details] == [f"claim.detail.survey_{SURVEYS[name]}"]
