import numpy as np
import pytest
from scipy.stats import norm
from tests.claims.companies import company, orders

from analysis.claims import Range
from analysis.claims.concentration import revenue_of_top_fifth
from analysis.claims.rule import Outcome, outcome_of

CLAIMED = Range(0.75, 0.85)


def lognormal_company(share, seed, customers=20_000, stays=True):
    """Customers with one order in each half, lognormal so that the best fifth bring ``share``."""
    rng = np.random.default_rng(seed)
    spread = norm.ppf(share) + norm.ppf(0.8)
    first = np.exp(spread * rng.standard_normal(customers))
    second = first if stays else np.exp(spread * rng.standard_normal(customers))
    who = np.concatenate([np.arange(customers)] * 2)
    return orders(who, np.repeat([0, 200], customers) + who % 100, 100 * np.concatenate([first, second]))


def noted(finding, key):
    return next(note.numbers for note in finding.details if note.key == f"claim.detail.{key}")


def test_a_company_in_which_a_fifth_brings_four_fifths_supports_the_claim(tmp_path):
    found = revenue_of_top_fifth(company(tmp_path, lognormal_company(0.80, 1)), CLAIMED)
    assert found.estimate.estimate == pytest.approx(0.8, abs=0.02)
    assert outcome_of(found.probabilities) is Outcome.SUPPORTED


def test_a_company_in_which_a_fifth_brings_half_contradicts_it(tmp_path):
    found = revenue_of_top_fifth(company(tmp_path, lognormal_company(0.5, 2)), CLAIMED)
    assert found.estimate.lower < 0.5 < found.estimate.upper
    assert outcome_of(found.probabilities) is Outcome.CONTRADICTED


def test_who_spends_the_same_in_both_halves_stays_at_the_top(tmp_path):
    kept = noted(
        revenue_of_top_fifth(company(tmp_path, lognormal_company(0.6, 3, 2_000)), CLAIMED), "top_fifth_next_half"
    )
    assert kept["top"] == 400
    assert kept["stay"].estimate > 0.99
    assert kept["bring"] == pytest.approx(kept["brought"], abs=0.001)
    assert kept["silent"] == 0


def test_where_halves_have_nothing_to_do_with_each_other_a_fifth_stays_by_chance(tmp_path):
    evidence = company(tmp_path, lognormal_company(0.6, 4, 5_000, stays=False))
    kept = noted(revenue_of_top_fifth(evidence, CLAIMED), "top_fifth_next_half")
    assert kept["stay"].estimate == pytest.approx(0.2, abs=0.035)
    assert kept["brought"] == pytest.approx(0.6, abs=0.03)
    assert kept["bring"] == pytest.approx(0.2, abs=0.03)


def test_the_curve_goes_with_the_number(tmp_path):
    found = revenue_of_top_fifth(company(tmp_path, lognormal_company(0.6, 5, 2_000)), CLAIMED)
    numbers = found.assumptions[0].numbers
    at = np.interp(0.2, numbers["curve_customers"], numbers["curve_revenue"])
    assert at == pytest.approx(found.estimate.estimate)


def test_a_handful_of_customers_or_orders_worth_nothing_say_nothing(tmp_path):
    few = lognormal_company(0.6, 6, 40)
    assert revenue_of_top_fifth(company(tmp_path / "a", few), CLAIMED).reason.key == "claim.reason.too_few_spenders"
    free = lognormal_company(0.6, 6, 100).assign(amount=0.0)
    assert revenue_of_top_fifth(company(tmp_path / "b", free), CLAIMED).reason.key == "claim.reason.too_few_spenders"
