import numpy as np
import pytest

from analysis.strategies.evidence.promotions import FEWEST_OTHERS, separate_promotions, week_design


def test_runs_are_counted():
    assert separate_promotions(np.array([False, True, True, False, True])) == 2


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("every", range(2, 9))
def test_columns_can_always_be_told_apart_by_enough_other_weeks(every, first):
    promoted = np.arange(104) % every == first % every
    found = week_design(promoted)
    assert np.linalg.matrix_rank(found.columns) == found.columns.shape[1]
    assert found.others.sum() >= FEWEST_OTHERS
    assert found.around == (every >= 5)


def test_a_single_week_at_the_edge_is_nothing_to_compare_with():
    promoted = np.arange(104) % 4 == 3
    # The first week of all is in no column, and would be the only other.
    assert not week_design(promoted).around


def test_other_weeks_long_before_the_promotions_do_not_tell_of_them():
    promoted = (np.arange(104) >= 40) & (np.arange(104) % 3 == 0)
    assert not week_design(promoted).around


def test_columns_of_one_or_two_weeks_tell_nothing():
    promoted = np.zeros(60, dtype=bool)
    promoted[[20, 21, 22, 40]] = True
    found = week_design(promoted)
    assert found.names == ("promoted", "before", "after", "long_before")
    assert found.told == ("promoted", "after", "long_before")


def test_a_promotion_that_begins_within_a_week_counts_in_part_in_each_of_its_columns():
    promoted = np.zeros(60)
    for first in (12, 28, 44):
        promoted[first : first + 2] = 4 / 7, 3 / 7
    found = week_design(promoted)
    shares = dict(zip(found.names, 7 * found.columns[24:34, :4].T, strict=True))
    # Days of the weeks from four before on, of a promotion that begins on a Thursday.
    assert shares["promoted"] == pytest.approx([0, 0, 0, 0, 4, 3, 0, 0, 0, 0])
    assert shares["before"] == pytest.approx([0, 0, 0, 4, 3, 0, 0, 0, 0, 0])
    assert shares["after"] == pytest.approx([0, 0, 0, 0, 0, 4, 7, 3, 0, 0])
    assert shares["long_before"] == pytest.approx([4, 7, 3, 0, 0, 0, 0, 0, 0, 0])
    assert found.others[24:34].tolist() == [False] * 8 + [True] * 2


def test_days_that_are_all_taken_leave_nothing_for_another_column():
    promoted = np.zeros(60)
    for first in range(4, 56, 4):
        promoted[first : first + 2] = 2 / 7, 5 / 7
    found = week_design(promoted)
    named = found.columns[:, : len(found.names)]
    assert not ((named > 0) & (named < 0.1)).any()


def test_weeks_that_may_be_promoted_are_compared_with_nothing():
    promoted, unclear = np.arange(60) % 8 == 4, np.arange(60) == 23
    found = week_design(promoted, unclear)
    assert not found.others[23]
    assert not found.columns[23, : len(found.names)].any()
    assert found.columns[23, -1] == found.columns[:, -1].sum() == 1
