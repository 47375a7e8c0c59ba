import numpy as np
import pytest
from tests.claims.companies import company, heavy_buyers_stay, loyal_customers, orders

from analysis.claims import Range
from analysis.claims.rule import Outcome, outcome_of
from analysis.claims.tenure import profit_of_long_relationships, spend_of_long_standing_customers

CLAIMED = Range(0.57, 0.77)


def noted(finding, key):
    return next(note.numbers for note in finding.details if note.key == f"claim.detail.{key}")


def test_customers_whose_spending_grows_by_two_thirds_in_three_years_support_the_claim(tmp_path):
    found = spend_of_long_standing_customers(company(tmp_path, loyal_customers(0.67, seed=1, customers=3_000)), CLAIMED)
    assert found.estimate.estimate == pytest.approx(0.67, abs=0.04)
    assert outcome_of(found.probabilities) is Outcome.SUPPORTED


def test_customers_whose_spending_stays_contradict_it(tmp_path):
    found = spend_of_long_standing_customers(company(tmp_path, loyal_customers(0.0, seed=2)), CLAIMED)
    assert outcome_of(found.probabilities) is Outcome.CONTRADICTED


def test_survivors_who_always_spent_more_do_not_make_it_true(tmp_path):
    found = spend_of_long_standing_customers(company(tmp_path, heavy_buyers_stay(seed=3)), CLAIMED)
    compared = noted(found, "three_comparisons")
    assert compared["survivors_only"].estimate > 0.5
    assert abs(compared["same"].estimate) < 0.2
    assert compared["everyone"].estimate < 0
    assert outcome_of(found.probabilities) is Outcome.CONTRADICTED


def test_data_of_two_years_show_the_longest_comparison_that_they_allow(tmp_path):
    found = spend_of_long_standing_customers(company(tmp_path, loyal_customers(0.5, seed=4, years=1.5)), CLAIMED)
    assert found.reason.key == "claim.reason.too_short_for_three_years"
    assert noted(found, "three_comparisons")["to_day"] < 1_000


def lasting(corr, seed, customers=3_000):
    """Length of the first year's relationship and spend of the next half year, related as told."""
    rng = np.random.default_rng(seed)
    birth = rng.integers(0, 90, customers)
    pull = rng.standard_normal(customers)
    last = birth + 1 + (250 * 1 / (1 + np.exp(-pull))).astype(int)
    later = np.exp(corr * pull + np.sqrt(1 - corr**2) * rng.standard_normal(customers))
    who = np.tile(np.arange(customers), 3)
    day = np.concatenate([birth, last, np.full(customers, 500) + rng.integers(0, 30, customers)])
    return orders(who, day, 20 * np.concatenate([np.ones(2 * customers), later]))


def test_long_relationships_that_bring_more_afterwards_support_the_claim(tmp_path):
    found = profit_of_long_relationships(company(tmp_path, lasting(0.5, 5)), Range(0.1, 1.0))
    assert found.estimate.estimate == pytest.approx(0.48, abs=0.05)
    assert outcome_of(found.probabilities) is Outcome.SUPPORTED


def test_the_part_that_both_sides_share_does_not_count(tmp_path):
    evidence = company(tmp_path, lasting(0.0, 6))
    found = profit_of_long_relationships(evidence, Range(0.1, 1.0))
    assert outcome_of(found.probabilities) is Outcome.CONTRADICTED
    assert noted(found, "part_and_whole")["low"] == 0.20


def test_nothing_spent_in_the_holdout_says_nothing(tmp_path):
    frame = lasting(0.0, 7, customers=500)
    frame.loc[frame["date"] > np.datetime64("2021-04-01"), "amount"] = 0.0
    found = profit_of_long_relationships(company(tmp_path, frame), Range(0.1, 1.0))
    assert found.reason.key == "claim.reason.too_few_spenders"
