import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.strategies.evidence.encounters import expected_before, gaps

MET = np.array([0.2, 0.0, 0.4, 0.1, 0.3])
FIRST, COUNT = np.array([0, 3]), np.array([3, 2])


@pytest.mark.parametrize(("kappa", "expected"), [(1.0, [0.5, 0.2, 0.0, 0.5, 0.1]), (0.0, [0.5] * 5)])
def test_the_whole_gap_is_learned_or_nothing(kappa, expected):
    assert expected_before(MET, FIRST, COUNT, kappa, 0.5) == pytest.approx(expected)


def test_an_encounter_of_which_nothing_is_known_leaves_the_expectation_alone():
    unknown = np.array([0.2, np.nan, 0.4])
    expected = expected_before(unknown, np.array([0]), np.array([3]), 0.5, 0.0)
    assert expected.tolist() == [0.0, 0.1, 0.1]
    surplus, shortfall = gaps(unknown, np.array([0]), np.array([3]), 0.5, 0.0)
    assert surplus[1] == shortfall[1] == 0


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=6), min_size=1, max_size=5), st.floats(0, 1))
def test_customers_do_not_learn_from_each_other(histories, kappa):
    count = np.array([len(history) for history in histories])
    first = np.cumsum(count) - count
    together = expected_before(np.concatenate(histories), first, count, kappa, 0.1)
    apart = [expected_before(np.array(h), np.array([0]), np.array([len(h)]), kappa, 0.1) for h in histories]
    assert np.array_equal(together, np.concatenate(apart))
    assert ((together >= 0) & (together <= 1)).all()
