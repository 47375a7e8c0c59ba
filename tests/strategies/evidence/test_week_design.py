import numpy as np
import pytest

from analysis.errors import Unavailable
from analysis.strategies.evidence.promotions import NAMED, week_design


@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("every", range(5, 9))
def test_columns_can_always_be_told_apart(every, first):
    found = week_design(np.arange(104) % every == first % every)
    assert np.linalg.matrix_rank(found) == found.shape[1]


@pytest.mark.parametrize(
    "promoted",
    [
        # The first week of all is in no column, and would be the only other.
        np.arange(104) % 4 == 3,
        # Other weeks long before the promotions do not tell of them.
        (np.arange(104) >= 40) & (np.arange(104) % 3 == 0),
    ],
    ids=["single week at the edge", "long before"],
)
def test_promotions_without_other_weeks_near_them_have_nothing_to_be_compared_with(promoted):
    with pytest.raises(Unavailable, match="there is no other week"):
        week_design(promoted)


def test_a_promotion_that_begins_within_a_week_counts_in_part_in_each_of_its_columns():
    promoted = np.zeros(60)
    for first in (12, 28, 44):
        promoted[first : first + 2] = 4 / 7, 3 / 7
    found = week_design(promoted)
    shares = {name: (7 * found[name][24:34]).tolist() for name in NAMED}
    # Days of the weeks from four before on, of a promotion that begins on a Thursday.
    assert shares["promoted"] == pytest.approx([0, 0, 0, 0, 4, 3, 0, 0, 0, 0])
    assert shares["before"] == pytest.approx([0, 0, 0, 4, 3, 0, 0, 0, 0, 0])
    assert shares["after"] == pytest.approx([0, 0, 0, 0, 0, 4, 7, 3, 0, 0])
    assert shares["long_before"] == pytest.approx([4, 7, 3, 0, 0, 0, 0, 0, 0, 0])


def test_days_that_are_all_taken_leave_nothing_for_another_column():
    promoted = np.zeros(60)
    for first in range(4, 56, 12):
        promoted[first : first + 2] = 2 / 7, 5 / 7
    named = week_design(promoted).filter(NAMED)
    assert not ((named > 0) & (named < 0.1)).any(axis=None)


def test_weeks_that_may_be_promoted_are_compared_with_nothing():
    promoted, unclear = np.arange(60) % 8 == 4, np.arange(60) == 23
    found = week_design(promoted, unclear)
    assert not found.filter(NAMED).loc[23].any()
    assert found["unclear"][23] == found["unclear"].sum() == 1
