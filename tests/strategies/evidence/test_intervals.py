"""Intervals between orders: how far a customer is followed, and what is usual for a customer."""

import numpy as np
import pytest
from tests.strategies.evidence.planted import NOTHING, planted_orders

from analysis.strategies.evidence.encounters import Intervals, intervals_of

# A customer with three intervals, one with two, and one with a single order.
IS_OPEN = np.array([False, False, True, False, True, True])


@pytest.fixture
def few():
    return Intervals(np.arange(6), np.ones(6), IS_OPEN, np.zeros(6))


@pytest.fixture(scope="module")
def orders():
    return planted_orders(NOTHING, customers=60, weeks=52, seed=3)


def test_what_is_usual_leaves_the_unanswered_order_out(few):
    usual = few.usual(np.array([1.0, 3.0, 100.0, 5.0, 100.0, 100.0]))
    assert usual.tolist() == [2.0, 2.0, 2.0, 5.0, 5.0, 3.0]


def test_neighbours_that_do_not_exist_have_the_value_of_all(few):
    values = np.arange(6.0)
    assert few.at_next(values, 9.0).tolist() == [1.0, 2.0, 9.0, 4.0, 9.0, 9.0]
    assert few.at_previous(values, 9.0).tolist() == [9.0, 0.0, 1.0, 9.0, 3.0, 9.0]


def test_where_everything_is_known_customers_are_followed_to_the_end(met, orders):
    found = met(orders)
    whole, known = intervals_of(found), intervals_of(found, known=np.ones(len(found), dtype=bool))
    assert all(np.array_equal(getattr(whole, name), getattr(known, name)) for name in ("row", "weeks", "is_open"))
    assert whole.is_open.sum() == len(whole.count) == len(found.count)


def test_a_customer_is_followed_up_to_the_first_encounter_of_which_nothing_is_known(met, orders):
    found = met(orders)
    who = int(np.flatnonzero(found.count >= 5)[0])
    at = found.first[who]
    known = np.ones(len(found), dtype=bool)
    known[at + 2] = False
    followed = intervals_of(found, known=known)
    mine = np.flatnonzero((followed.row >= at) & (followed.row < at + found.count[who]))
    assert followed.row[mine].tolist() == [at, at + 1, at + 2]
    assert followed.is_open[mine].tolist() == [False, False, True]
    # The order of which nothing is known ends an interval and opens none.
    assert followed.weeks[mine] == pytest.approx([*np.diff(found.day[at : at + 3]) / 7, 0.0])
    assert len(followed.count) == len(found.count)


def test_a_customer_whose_first_encounter_is_unknown_is_left_out(met, orders):
    found = met(orders)
    known = np.ones(len(found), dtype=bool)
    known[found.first[4]] = False
    followed = intervals_of(found, known=known)
    assert len(followed.count) == len(found.count) - 1
    assert 4 not in found.customer[followed.row]
    assert followed.count.sum() == len(followed)
