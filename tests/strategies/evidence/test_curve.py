"""The expectation curve, on companies where it is known; rates over many companies are slow."""

from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.evidence.planted import NOTHING, PLANNERS, PLANTED, planted_orders

from analysis.strategies.evidence.curve import DRAWS, EXPERIENCE, ExpectationCurve, expectation_curve
from analysis.strategies.evidence.findings import Verdict


def _curve(met, truth, *, customers=1_500, seed=1, **kind):
    found = met(planted_orders(truth, customers=customers, seed=seed))
    usual = {"initial": found.mean_saved, "dropout": (truth.a, truth.b), "level": 0.9, "seed": 1}
    return expectation_curve(found, found.saved, **(usual | kind))


def _holds(interval, value):
    return interval.lower <= value <= interval.upper


@pytest.fixture
def planted(met):
    return _curve(met, PLANTED)


def test_what_was_planted_is_recovered_and_replaces_assumptions(planted):
    assert _holds(planted.pace.estimate, PLANTED.gamma)
    assert _holds(planted.leaving.estimate, PLANTED.theta)
    assert _holds(planted.kappa, PLANTED.kappa)
    assert _holds(planted.loss_aversion, PLANTED.loss_aversion)
    assert set(planted.estimates) == {"gamma_deal", "theta_deal", "kappa_deal", "loss_aversion"}


def test_draws_belong_together(planted):
    assert all(draws.shape == (DRAWS,) for draws in planted.draws.values())
    # A steeper curve with less asymmetry explains shortfalls as well as a flatter one with more.
    assert np.corrcoef(planted.draws["gamma_deal"], planted.draws["loss_aversion"])[0, 1] < -0.3


def test_the_profile_peaks_where_the_smoothing_was_planted(planted):
    assert max(planted.profile, key=planted.profile.get) == pytest.approx(PLANTED.kappa, abs=0.1)


def test_the_same_search_gives_the_same_numbers(met, planted):
    again = _curve(met, PLANTED)
    assert again.pace == planted.pace
    assert np.array_equal(again.draws["kappa_deal"], planted.draws["kappa_deal"])


def test_where_nothing_was_planted_nothing_is_found(met):
    found = _curve(met, NOTHING)
    assert found.pace.verdict == found.leaving.verdict == Verdict.NOTHING
    assert found.estimates == {}


def test_deals_that_follow_from_the_wait_are_unmasked_by_the_placebo(met):
    found = _curve(met, PLANNERS)
    assert not _holds(found.pace.placebo, 0)
    assert found.estimates == {}


def test_the_same_function_estimates_the_experience_side(met):
    found = _curve(met, PLANTED, channel=EXPERIENCE)
    assert {"gamma_exp", "theta_exp", "kappa_exp"} <= set(found.estimates)


def test_where_births_are_unknown_the_first_orders_only_form_the_expectation(met):
    known = met(planted_orders(PLANTED, customers=800, seed=2))
    usual = {"initial": known.mean_saved, "dropout": (PLANTED.a, PLANTED.b), "level": 0.9, "seed": 1}
    unknown = replace(known, births_known=False)
    found = expectation_curve(unknown, unknown.saved, **usual)
    assert found.encounters == int((known.number >= 3).sum())
    assert _holds(found.pace.estimate, PLANTED.gamma)


def test_too_few_intervals_are_refused(met):
    scarce = met(planted_orders(replace(NOTHING, r=0.3, alpha=30.0), customers=200, seed=4))
    told = expectation_curve(scarce, scarce.saved, initial=0.1, dropout=(1.5, 18.0), level=0.9, seed=1)
    assert told.key == "evidence.reason.too_few_intervals"


@pytest.mark.slow
def test_intervals_hold_what_was_planted_at_the_stated_rate(met):
    """Nominal 90%. Over 100 companies of 1,500 customers: gamma 93%, theta 96%, smoothing 86%, asymmetry 93%.

    The placebo lets gamma through in 92% and theta in 84% of them. Below 80% of 40 companies would be a fault; for the
    share that gets through, where chance alone costs a tenth, below 80% too.
    """
    found = [_curve(met, PLANTED, seed=seed) for seed in range(40)]
    for name, value in (("pace", PLANTED.gamma), ("leaving", PLANTED.theta)):
        assert np.mean([_holds(getattr(each, name).estimate, value) for each in found]) >= 0.8, name
    assert np.mean([_holds(each.kappa, PLANTED.kappa) for each in found]) >= 0.8
    assert np.mean([_holds(each.loss_aversion, PLANTED.loss_aversion) for each in found]) >= 0.8
    assert np.mean([len(each.estimates) > 0 for each in found]) >= 0.8


@pytest.mark.slow
def test_companies_without_an_effect_give_no_estimates(met):
    """Over 100 companies each: none with nothing planted, one with a confounder alone; a tenth would be a fault."""
    for truth in (NOTHING, PLANNERS):
        found = [_curve(met, truth, seed=seed) for seed in range(40)]
        assert all(isinstance(each, ExpectationCurve) for each in found)
        assert np.mean([len(each.estimates) > 0 for each in found]) <= 0.1
