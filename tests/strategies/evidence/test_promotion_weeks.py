import numpy as np
import pandas as pd
import pytest
from tests.strategies.evidence.planted import START, promoted_orders

from analysis.strategies.evidence.promotion_weeks import FEWEST_OTHERS, separate_promotions, week_design, weekly_orders

PLANTED = {"lift": 0.4, "borrowed": 0.25, "depth": 0.2, "customers": 400, "weeks": 104, "seed": 1}


def test_promotion_weeks_are_recognised_by_their_discounts(met):
    orders, promoted = promoted_orders(**PLANTED)
    assert weekly_orders(met(orders))["promoted"].tolist() == promoted.tolist()


def test_a_week_is_promoted_by_the_calendar_where_most_of_its_days_are(met):
    orders, _ = promoted_orders(**PLANTED)
    days = {"start": [START + np.timedelta64(7, "D")], "end": [START + np.timedelta64(7 + 7 + 3, "D")]}
    found = weekly_orders(met(orders), pd.DataFrame(days))
    assert np.flatnonzero(found["promoted"]).tolist() == [1, 2]


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
