from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from tests.claims.test_profit import with_settings

from analysis.claims import Range
from analysis.claims.costs import best_budget_share_for_keeping, best_shares, keeping_cheaper_than_winning
from analysis.claims.rule import Outcome, outcome_of
from analysis.value.lift import retention_lift
from analysis.value.readings import Choice

FIVE_TIMES, TEN_TIMES = Range(5, np.inf), Range(10, np.inf)


@pytest.fixture(scope="module")
def cdnow(sample_evidence):
    return sample_evidence("cdnow")


def configured(evidence, winning, keeping):
    economics = evidence.config.economics.model_copy(update={"acquisition_cost": winning})
    retention = evidence.config.retention.model_copy(update={"cost_per_customer_year": keeping})
    return replace(evidence, config=evidence.config.model_copy(update={"economics": economics, "retention": retention}))


def noted(finding, key):
    return [note.numbers for note in finding.details if note.key == f"claim.detail.{key}"]


def test_configured_costs_decide(cdnow):
    found = keeping_cheaper_than_winning(configured(cdnow, 60.0, 10.0), FIVE_TIMES)
    assert found.estimate.estimate == 6.0
    assert outcome_of(found.probabilities) is Outcome.SUPPORTED
    found = keeping_cheaper_than_winning(configured(cdnow, 60.0, 10.0), TEN_TIMES)
    assert outcome_of(found.probabilities) is Outcome.CONTRADICTED


def test_a_customer_who_is_really_saved_costs_as_many_times_more_as_are_paid_for_in_vain(cdnow):
    (saved,) = noted(
        keeping_cheaper_than_winning(configured(cdnow, 60.0, 10.0), FIVE_TIMES), "cost_of_a_saved_customer"
    )
    assert saved["cost"] == pytest.approx(10.0 / 0.05)


def test_where_one_cost_is_missing_the_other_gives_the_break_even(cdnow):
    (below,) = noted(keeping_cheaper_than_winning(configured(cdnow, 60.0, 0.0), FIVE_TIMES), "true_if_keeping_below")
    assert below["cost"] == 12.0
    (above,) = noted(keeping_cheaper_than_winning(configured(cdnow, 0.0, 3.0), TEN_TIMES), "true_if_winning_above")
    assert above["cost"] == 30.0
    (times,) = noted(keeping_cheaper_than_winning(cdnow, TEN_TIMES), "true_if_winning_times")
    assert times["times"] == 10


def test_at_equal_return_a_new_customer_may_cost_what_one_is_worth_against_one_who_is_kept(cdnow):
    equal = noted(keeping_cheaper_than_winning(cdnow, FIVE_TIMES), "equal_return")
    assert [each["model"] for each in equal] == ["BG/NBD", "MBG/NBD", "Pareto/NBD"]
    new, base = (Choice(scope=scope, profit="contribution") for scope in ("new_customer", "base"))
    summary, purchase = cdnow.transactions.summary, cdnow.purchase
    lifts = retention_lift(summary, purchase, cdnow.spend, cdnow.config, choices=[new, base])
    for each in equal:
        profit = lifts.of(new, each["model"]).profit_before
        assert (each["new"].lower, each["new"].estimate, each["new"].upper) == pytest.approx(
            (profit.lower, profit.estimate, profit.upper)
        )
        alive = purchase.customers_alive[each["model"]].estimate
        kept = lifts.of(base, each["model"]).profit_before.estimate / alive
        assert each["kept"].estimate == pytest.approx(kept, rel=1e-4)
        assert each["times"].lower <= each["times"].estimate <= each["times"].upper


def test_what_customers_are_worth_is_said_with_the_prices_and_the_horizon_it_rests_on(cdnow):
    for evidence in (cdnow, configured(cdnow, 60.0, 10.0)):
        rests_on = {note.key: note.numbers for note in keeping_cheaper_than_winning(evidence, FIVE_TIMES).assumptions}
        assert rests_on["claim.assumption.prices"]["margin"] == 0.30
        assert rests_on["choice.time"] == {"horizon": 3.0, "rate": 0.10}


def test_a_sample_of_a_large_base_gives_the_same_worth(cdnow, monkeypatch):
    whole = cdnow.worths["BG/NBD"]
    monkeypatch.setattr("analysis.claims.worth.MOST_CUSTOMERS", 1_500)
    part = replace(cdnow).worths["BG/NBD"]
    assert part.kept.estimate == pytest.approx(whole.kept.estimate, rel=0.1)
    assert part.alive.estimate == pytest.approx(whole.alive.estimate, rel=0.1)


def test_where_those_who_are_kept_bring_nothing_there_is_no_ratio(cdnow):
    dear = with_settings(cdnow, economics={"cost_per_order": 30.0})
    assert dear.worths["BG/NBD"].new_over_kept is None
    assert noted(keeping_cheaper_than_winning(dear, FIVE_TIMES), "equal_return") == []


def test_the_best_share_of_a_budget_is_the_one_that_a_search_finds(cdnow):
    worth = cdnow.worths["BG/NBD"]
    joining = 400.0
    retention = cdnow.config.retention.model_copy(update={"new_customers_per_year": joining})
    evidence = replace(cdnow, config=cdnow.config.model_copy(update={"retention": retention}))
    shares = best_shares(evidence)
    # The first combination: one point, a quarter of the new customers due to the budget, gently diminishing.
    won, kept = 0.25 * joining * worth.new.estimate, 0.01 * worth.alive.estimate * worth.kept.estimate

    def lost(share):
        response = -np.expm1(-np.array([1 - share, share])) / -np.expm1(-1.0)
        return -(won * response[0] + kept * response[1])

    assert shares[0] == pytest.approx(minimize_scalar(lost, bounds=(0, 1), method="bounded").x, abs=1e-4)
    assert np.all((shares >= 0) & (shares <= 1))


def test_the_budget_is_never_testable_and_shows_the_range_of_best_shares(cdnow):
    found = best_budget_share_for_keeping(cdnow, Range(0.19, 1.0))
    assert found.reason.key == "claim.reason.no_response_in_orders"
    (swept,) = noted(found, "best_budget_share")
    assert swept["combinations"] == 3 * 4 * 3 * 3
    assert 0 <= swept["lowest"] <= swept["middle"] <= swept["highest"] <= 1
