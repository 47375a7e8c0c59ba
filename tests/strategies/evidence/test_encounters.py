"""Encounters of customers with the shop: what they met, what they expected of it, and the intervals between them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies.evidence.planted import NOTHING, planted_orders

from analysis.strategies.evidence.encounters import (
    Intervals,
    encounters_of,
    expected_before,
    gaps,
    intervals_of,
    scores_of,
)


@pytest.fixture(scope="module")
def orders():
    return planted_orders(NOTHING, customers=120, weeks=52, seed=3)


def test_the_list_value_is_what_was_paid_and_what_was_saved(met, orders):
    found = met(orders)
    assert len(found) == len(orders)
    assert found.listed.sum() == pytest.approx((orders["amount"] + orders["discount"]).sum())
    assert found.mean_saved == pytest.approx(orders["discount"].sum() / (orders["amount"] + orders["discount"]).sum())
    assert np.nanmax(found.saved) < 0.41


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda o: o.drop(columns="discount"), "no_discount_column"),
        (lambda o: o.drop(columns=["discount", "amount"]), "no_money"),
        (lambda o: o.assign(discount=0.0), "too_few_redeeming"),
        (lambda o: o.assign(amount=79.5, discount=19.875), "constant_discount"),
        (lambda o: o.assign(discount=-o["discount"]), "negative_discounts"),
        (lambda o: o.assign(discount=o["discount"].where(o["customer"] < "C00030", 0.0)), "too_few_redeeming"),
    ],
    ids=["no column", "no money", "no discount", "constant", "negative", "few redeem"],
)
def test_discounts_that_say_nothing_are_named(met, orders, why, change, key):
    assert why(met, change(orders)) == key


def test_some_customers_keep_their_orders(met, orders):
    found = met(orders)
    few = found.where(np.isin(found.customer, [2, 5]))
    assert np.unique(few.customer).tolist() == [2, 5]
    assert few.first.tolist() == [0, found.count[2]]


def test_scores_are_laid_beside_their_orders(loaded, orders, why):
    transactions = loaded(orders)
    found = encounters_of(transactions)
    few = pd.DataFrame({"customer": orders["customer"][:40], "date": orders["date"][:40], "score": np.arange(40.0)})
    scores = scores_of(found, transactions, few)
    assert np.isfinite(scores).sum() == 40
    assert np.nanstd(scores) == pytest.approx(1)
    assert why(scores_of, found, transactions, few.assign(score=3.0)) == "nothing_varies"


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


# A customer with three intervals, one with two, and one with a single order.
IS_OPEN = np.array([False, False, True, False, True, True])


@pytest.fixture
def few():
    return Intervals(np.arange(6), np.ones(6), IS_OPEN, np.zeros(6))


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
