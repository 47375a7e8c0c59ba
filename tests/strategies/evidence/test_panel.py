from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.evidence.planted import NOTHING, PLANNERS, PLANTED, planted_orders

from analysis.strategies.evidence.curve import panel_regression, without_effects


def _panel(met, truth, *, customers=1_500, seed=1):
    found = met(planted_orders(truth, customers=customers, seed=seed))
    panel = panel_regression(found, found.saved, kappa=truth.kappa, initial=found.mean_saved, level=0.9)
    return {each.name.split(".")[-1]: each for each in panel}


def test_a_surplus_brings_the_next_order_sooner_and_a_shortfall_later(met):
    found = _panel(met, PLANTED)
    assert found["days_surplus"].estimate.upper < 0 < found["days_shortfall"].estimate.lower
    assert found["days_shortfall"].verdict == "estimate"
    # Only closed intervals are compared, so that effects are smaller than planted, but the asymmetry shows.
    assert found["days_shortfall"].estimate.estimate > -1.5 * found["days_surplus"].estimate.estimate


def test_where_nothing_was_planted_nothing_is_found(met):
    assert {each.verdict for each in _panel(met, NOTHING).values()} == {"nothing"}


def test_planning_is_unmasked_by_the_interval_that_was_over(met):
    found = _panel(met, PLANNERS)
    placebo = found["days_surplus"].placebo
    assert placebo.lower > 0 or placebo.upper < 0
    assert found["days_surplus"].verdict != "estimate"


def test_too_few_intervals_are_refused(met, why):
    scarce = met(planted_orders(replace(NOTHING, r=0.3, alpha=30.0), customers=200, seed=4))
    asked = {"kappa": 0.3, "initial": 0.1, "level": 0.9}
    assert why(panel_regression, scarce, scarce.saved, **asked) == "too_few_intervals"


def test_effects_are_taken_out_of_both_sides():
    rng = np.random.default_rng(1)
    customer, week = rng.integers(0, 30, 2_000), rng.integers(0, 20, 2_000)
    x = rng.normal(size=2_000) + customer + week
    y = 2 * x + 5 * customer - 3 * week
    within = without_effects(np.column_stack([y, x]), customer, week)
    assert within[:, 0] @ within[:, 1] / (within[:, 1] @ within[:, 1]) == pytest.approx(2, abs=1e-6)
