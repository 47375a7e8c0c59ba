"""Claims that no orders can test: with a reason, and with what satisfaction scores show where they are given."""

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.claims import Outcome, claim_step
from analysis.data.tables import LoyaltyTables


@pytest.fixture(scope="module")
def shop():
    """Whoever had a bad first order never returns; the others come back after thirty days."""
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(80) % 40, unit="D")
    first = pd.DataFrame({"customer": [f"c{place}" for place in range(80)], "date": days, "amount": 10.0})
    again = first[40:].assign(date=first["date"][40:] + pd.Timedelta(days=30))
    orders = rl.read_orders(
        pd.concat([first, again]), customer="customer", date="date", amount="amount", observation_end="2024-12-31"
    )
    scores = first[["customer", "date"]].assign(score=np.where(np.arange(80) < 40, 2.0, 5.0))
    return orders, scores


@pytest.mark.parametrize("claim", ["pay_more_for_service", "gave_up_over_service"])
def test_scores_show_who_came_back_and_do_not_test_the_survey(shop, claim):
    orders, scores = shop
    given = {"orders": orders, "active_window_days": 90, "credible_level": 0.9}
    found = claim_step(claim)(tables=LoyaltyTables(satisfaction=scores), **given)
    assert found.verdict is Outcome.NOT_TESTABLE
    (said,) = found.details
    assert (said.values["scores"], said.values["limit"]) == (40, 2.0)
    assert said.values["bad"].estimate == 0
    assert said.values["good"].estimate == 1
    assert claim_step(claim)(tables=LoyaltyTables(), **given).details == ()


@pytest.mark.parametrize("claim", ["points_bind_better", "service_always_pays"])
def test_what_only_a_lot_could_tell_says_so(claim):
    found = claim_step(claim)()
    assert found.reason.code == "claim.reason.needs_an_experiment"
