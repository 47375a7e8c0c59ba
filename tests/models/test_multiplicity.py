import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from analysis.models.multiplicity import holm_adjusted


def test_holm_takes_the_smallest_error_times_all_the_next_times_one_fewer():
    assert holm_adjusted([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm_adjusted([]).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_lowers_an_error_nor_changes_their_order(errors):
    adjusted = holm_adjusted(errors)
    assert np.all(adjusted >= np.array(errors) - 1e-15)
    assert np.all(adjusted <= 1)
    assert np.all(np.diff(adjusted[np.argsort(errors, kind="stable")]) >= 0)


def test_holm_is_that_of_statsmodels():
    errors = np.random.default_rng(4).random(7) ** 3
    assert holm_adjusted(errors) == pytest.approx(multipletests(errors, method="holm")[1])
