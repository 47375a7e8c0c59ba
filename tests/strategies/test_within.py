"""The difference within groups, with errors by customer."""

import numpy as np
import pytest

from analysis.strategies.within import effect_within


def test_errors_are_by_customer():
    rng = np.random.default_rng(2)
    who, arm, came = np.arange(400), np.arange(400) % 2, rng.normal(size=400)
    once, error = effect_within(came, arm, np.zeros(400), who)
    same, wider = effect_within(np.tile(came, 2), np.tile(arm, 2), np.repeat([0, 1], 400), np.tile(who, 2))
    assert same == pytest.approx(once)
    assert wider == pytest.approx(error, rel=0.01)  # the same customers again say nothing new


def test_without_groups_the_error_is_that_of_welch():
    rng = np.random.default_rng(4)
    arm = np.arange(300) % 10 == 0
    came = np.where(arm, rng.normal(1, 3, 300), rng.normal(0, 1, 300))
    found = effect_within(came, arm, np.zeros(300), np.arange(300))
    welch = np.sqrt(sum(came[each].var(ddof=1) / each.sum() for each in (arm, ~arm)))
    assert found == pytest.approx((came[arm].mean() - came[~arm].mean(), welch))
