"""Claims that no orders can test say why."""

import pytest

from analysis.claims import Outcome, claim_step


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ("pay_more_for_service", "survey"),
        ("gave_up_over_service", "survey"),
        ("points_bind_better", "needs_an_experiment"),
        ("service_always_pays", "needs_an_experiment"),
        ("never_return", "survey_and_reason_of_leaving"),
    ],
)
def test_what_orders_do_not_tell_has_its_reason(claim, why):
    found = claim_step(claim)()
    assert found.verdict is Outcome.NOT_TESTABLE
    assert found.reason.code == f"claim.reason.{why}"
