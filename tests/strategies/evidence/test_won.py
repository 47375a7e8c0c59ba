from dataclasses import replace

import pytest
from tests.strategies.evidence.planted import NOTHING, planted_orders

from analysis.strategies.evidence.findings import Verdict
from analysis.strategies.evidence.won import won_by_deals


@pytest.fixture
def encounters(met):
    return met(planted_orders(NOTHING, customers=1_500, seed=5))


def test_customers_won_alike_are_worth_alike(encounters):
    found = won_by_deals(encounters, level=0.9)
    assert found.spending.verdict == Verdict.NOTHING
    assert found.value_at_stated_depth.lower < 1 < found.value_at_stated_depth.upper


def test_a_difference_stays_an_association(encounters):
    on_deal = encounters.saved[encounters.first] > 0
    cheaper = encounters.paid * (1 - 0.5 * on_deal.repeat(encounters.count))
    found = won_by_deals(replace(encounters, paid=cheaper), level=0.9)
    assert found.spending.estimate.upper < -0.3
    assert found.spending.verdict == Verdict.ASSOCIATION
    assert found.spending.placebo is None


def test_unobserved_births_are_said(encounters):
    assert won_by_deals(replace(encounters, births_known=False), level=0.9).key == "evidence.reason.births_unknown"


def test_too_few_newcomers_are_refused(met):
    few = met(planted_orders(NOTHING, customers=120, seed=5))
    assert won_by_deals(few, level=0.9).key == "evidence.reason.too_few_won"
