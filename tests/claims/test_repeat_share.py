from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import t as student_t
from tests.claims.companies import cohorts, company

from analysis.claims import Range
from analysis.claims import repeat_share as room
from analysis.claims.repeat_share import more_orders, revenue_by_repeat_share, slope_over_cohorts
from analysis.claims.rule import Outcome, outcome_of
from analysis.models.estimate import MODELS

CLAIMED = Range(0.40, 0.60)


@pytest.fixture
def no_models():
    """What the models would say is not asked where only the cohorts are."""
    return SimpleNamespace(fits=(), not_identified={})


def finding_in(tmp_path, frame, no_models):
    return revenue_by_repeat_share(replace(company(tmp_path, frame), purchase=no_models), CLAIMED)


def test_cohorts_on_a_line_that_brings_half_as_much_again_support_the_claim(tmp_path, no_models):
    found = finding_in(tmp_path, cohorts(1.5, seed=1), no_models)
    assert found.estimate.lower < 0.5 < found.estimate.upper
    assert outcome_of(found.probabilities) is Outcome.SUPPORTED


def test_cohorts_that_bring_the_same_whatever_their_repeat_share_contradict_it(tmp_path, no_models):
    found = finding_in(tmp_path, cohorts(1.0, seed=2), no_models)
    assert found.estimate.estimate == pytest.approx(0.0, abs=0.03)
    assert outcome_of(found.probabilities) is Outcome.CONTRADICTED


def test_cohorts_that_differ_by_chance_alone_are_no_evidence(tmp_path, no_models):
    found = finding_in(tmp_path, cohorts(1.5, seed=3, differ=False), no_models)
    assert found.reason.key == "claim.reason.cohorts_alike"
    assert found.reason.numbers["lowest"] < 0.3 < found.reason.numbers["highest"]


def test_three_months_of_births_are_too_few(tmp_path, no_models):
    found = finding_in(tmp_path, cohorts(1.5, seed=4, months=3), no_models)
    assert found.reason.key == "claim.reason.one_cohort"
    assert found.reason.numbers["cohorts"] == 3


def test_the_mix_of_customers_is_arithmetic(tmp_path, no_models):
    found = finding_in(tmp_path, cohorts(1.5, seed=5, months=3), no_models)
    (mix,) = (note.numbers for note in found.details if note.key == "claim.detail.mix_of_customers")
    assert 0 < mix["more"] < 1


def test_intervals_of_the_slope_cover_the_truth_although_shares_and_revenues_share_their_errors():
    rng, covered, months = np.random.default_rng(6), 0, 12
    share = np.linspace(0.2, 0.4, months)
    for _ in range(200):
        frequency = rng.random((months, 400)) < share[:, None]
        # A customer who comes back brings twice as much; months differ in nothing else, and log revenue bends little.
        revenue = (1.0 + frequency) * rng.gamma(10, 0.1, frequency.shape)
        mean = revenue.mean(axis=1)
        noise = np.array(
            [np.cov(x.astype(float), y / m) / 400 for x, y, m in zip(frequency, revenue, mean, strict=True)]
        )
        slope, error = slope_over_cohorts(room.CohortMoments(365, frequency.mean(axis=1), mean, noise))
        truth = np.polyfit(share, np.log1p(share), 1)[0]
        covered += abs(slope - truth) < student_t(months - 1).ppf(0.95) * error
    assert 165 <= covered <= 194


@pytest.mark.parametrize("name", MODELS)
def test_the_what_if_reaches_both_shares_and_counts_the_first_order(name):
    model = MODELS[name]
    params = model.Params(0.55, 10.6, 0.6, 11.7)
    more = more_orders(model, params, 52.0)
    assert 0.3 < more < 3


def test_a_share_that_no_order_rate_reaches_has_no_what_if():
    model = MODELS["MBG/NBD"]
    assert np.isnan(more_orders(model, model.Params(0.5, 10.0, 8.0, 2.0), 52.0))
