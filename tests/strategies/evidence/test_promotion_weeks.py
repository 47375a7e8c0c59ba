from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.strategies.evidence.planted import START, growing_orders, promoted_orders

from analysis.strategies.evidence.promotions import weekly_orders, weeks_of

PLANTED = {"lift": 0.4, "borrowed": 0.25, "depth": 0.2, "customers": 400, "weeks": 104, "seed": 1}


def _days(*first_and_length):
    first, length = np.array(first_and_length).T
    start = START + first.astype("timedelta64[D]")
    return pd.DataFrame({"start": start, "end": start + (length - 1).astype("timedelta64[D]")})


def _promoted_from(weeks):
    there = weeks["promoted"] > 0
    return dict(zip((weeks["start"][there] - pd.Timestamp(START)).dt.days, weeks["promoted"][there], strict=True))


def test_promotion_weeks_are_recognised_by_their_discounts(met):
    orders, promoted = promoted_orders(**PLANTED)
    found = weekly_orders(replace(met(orders), births_known=False))
    # Births are unknown, and half of the customers were seen in the first two weeks.
    assert found["promoted"].tolist() == promoted[2:].tolist()
    assert not found["unclear"].any()


@pytest.mark.parametrize("days", range(7))
def test_weeks_begin_where_promotions_do_whether_a_calendar_says_so_or_their_discounts(met, days):
    orders, calendar = growing_orders(lift=0.8, customers=1_400, weeks=104, seed=3, days=days)
    encounters = replace(met(orders[orders["date"] <= "2023-12-31"]), end_day=727)
    by_calendar, by_discounts = weekly_orders(encounters, calendar), weekly_orders(encounters)
    assert set(by_calendar["promoted"]) == {0, 1}
    pd.testing.assert_frame_equal(by_calendar, by_discounts)


def test_how_many_orders_there_are_moves_no_week(met):
    orders, _ = promoted_orders(**PLANTED)
    found = met(orders)
    doubled = np.repeat(np.arange(len(found)), 1 + (found.day % 7 == 3))
    columns = {name: getattr(found, name)[doubled] for name in ("customer", "day", "paid", "listed", "saved")}
    more = replace(found, **columns)
    assert weekly_orders(more)["start"].equals(weekly_orders(found)["start"])


def test_a_week_that_a_promotion_covers_in_part_counts_in_part(met):
    orders, _ = promoted_orders(**PLANTED)
    # Three begin on Mondays; one on a Thursday.
    found = weekly_orders(met(orders), _days((70, 7), (140, 14), (210, 7), (283, 7)))
    assert _promoted_from(found) == pytest.approx({70: 1, 140: 1, 147: 1, 210: 1, 280: 4 / 7, 287: 3 / 7})


def test_a_week_with_the_whole_of_a_short_promotion_is_a_promotion_week(met):
    orders, _ = promoted_orders(**PLANTED)
    found = weekly_orders(met(orders), _days((74, 3), (144, 3), (214, 3), (284, 2)))
    # Weeks begin on the Friday on which the promotions do.
    assert _promoted_from(found) == pytest.approx({74: 1, 144: 1, 214: 1, 284: 2 / 3})


def test_a_calendar_beside_the_data_promotes_no_week(met):
    orders, _ = promoted_orders(**PLANTED)
    found = weekly_orders(met(orders), _days((7_000, 7)))
    assert not found["promoted"].any()
    assert found["start"][0].weekday() == 0


def test_without_a_calendar_the_two_weeks_of_a_promotion_that_begins_within_one_are_unclear(met):
    orders, promoted = promoted_orders(**PLANTED)
    first = np.flatnonzero(promoted)[6] * 7
    found = met(orders)
    # One promotion of thirteen begins on Thursday: its first three days and those of the week after change places.
    turned = found.day % 7 < 3
    later, sooner = (turned & (found.day // 7 == first // 7 + k) for k in (0, 1))
    weeks = weekly_orders(replace(found, day=found.day + 7 * (later.astype(int) - sooner)))
    assert weeks["unclear"].sum() == 2
    assert weeks["promoted"].sum() == promoted.sum() - 1
    assert weeks.loc[weeks["unclear"], "start"].tolist() == [
        pd.Timestamp(START) + pd.Timedelta(days=int(first) + k) for k in (0, 7)
    ]


def test_only_customers_who_were_there_before_the_week_are_counted(met):
    orders, calendar = growing_orders(lift=0.0, customers=800, weeks=104, seed=1)
    found = met(orders)
    weeks = weekly_orders(found, calendar)
    week = weeks_of(found, weeks)
    assert week[found.first].max() == -1
    counted = week >= 0
    born = np.repeat(found.day[found.first], found.count)
    begins = (weeks["start"].to_numpy() - np.datetime64(START)).astype("timedelta64[D]").astype(int)
    assert (born[counted] < begins[week[counted]]).all()
    assert np.bincount(week[counted]).tolist() == weeks["orders"].tolist()
    assert weeks["there"].tolist() == [(found.day[found.first] < day).sum() for day in begins]
    assert weeks["there"][0] >= 50 > (found.day[found.first] < begins[0] - 7).sum()


def test_where_births_are_unknown_weeks_count_once_half_of_the_customers_were_seen(met):
    orders, calendar = growing_orders(lift=0.0, customers=800, weeks=104, seed=1)
    found = replace(met(orders), births_known=False)
    there = weekly_orders(found, calendar)["there"]
    assert there[0] >= len(found.count) / 2 > 50
