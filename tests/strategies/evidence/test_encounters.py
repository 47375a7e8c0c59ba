import numpy as np
import pandas as pd
import pytest
from tests.strategies.evidence.planted import NOTHING, planted_orders

from analysis.data import Note
from analysis.strategies.evidence.encounters import (
    Encounters,
    encounters_of,
    note_on_deep_deals,
    orders_without_deals,
    scores_of,
)


@pytest.fixture(scope="module")
def orders():
    return planted_orders(NOTHING, customers=120, weeks=52, seed=3)


def test_the_list_value_is_what_was_paid_and_what_was_saved(met, orders):
    found = met(orders)
    assert isinstance(found, Encounters)
    assert len(found) == len(orders)
    assert found.listed.sum() == pytest.approx((orders["amount"] + orders["discount"]).sum())
    assert found.mean_saved == pytest.approx(orders["discount"].sum() / (orders["amount"] + orders["discount"]).sum())
    assert np.nanmax(found.saved) < 0.41


def test_amounts_at_list_prices_give_the_same_shares(met, orders):
    at_list = orders.assign(amount=orders["amount"] + orders["discount"])
    assert np.allclose(met(at_list, "list").saved, met(orders).saved)
    assert np.allclose(met(at_list, "list").paid, met(orders).paid)


@pytest.mark.parametrize(
    ("change", "amounts", "key"),
    [
        (lambda o: o.drop(columns="discount"), "paid", "no_discount_column"),
        (lambda o: o.drop(columns=["discount", "amount"]), "paid", "no_money"),
        (lambda o: o.assign(discount=0.0), "paid", "too_few_redeeming"),
        (lambda o: o.assign(amount=80.0, discount=20.0), "paid", "constant_discount"),
        (lambda o: o.assign(discount=-o["discount"]), "paid", "negative_discounts"),
        (lambda o: o.assign(discount=o["amount"] * 1.2), "list", "discount_above_price"),
        (lambda o: o.assign(discount=o["discount"].where(o["customer"] < "C00030", 0.0)), "paid", "too_few_redeeming"),
    ],
    ids=["no column", "no money", "no discount", "constant", "negative", "above 100%", "few redeem"],
)
def test_discounts_that_say_nothing_are_named(met, orders, change, amounts, key):
    found = met(change(orders), amounts)
    assert isinstance(found, Note)
    assert found.key == f"evidence.reason.{key}"


def test_orders_that_save_more_than_they_cost_are_counted(met, orders):
    assert note_on_deep_deals(met(orders)) is None
    deep = orders.assign(discount=orders["discount"] * 10)
    note = note_on_deep_deals(met(deep))
    assert note.numbers["orders"] == int((deep["discount"] > deep["amount"]).sum())


def test_orders_without_a_discount_column_are_all_at_list_price(loaded, orders):
    found = orders_without_deals(loaded(orders.drop(columns="discount")))
    assert (found.listed == found.paid).all()
    assert (orders_without_deals(loaded(orders)).saved == 0).all()


def test_some_customers_keep_their_orders(met, orders):
    found = met(orders)
    chosen = np.zeros(len(found.count), dtype=bool)
    chosen[[2, 5]] = True
    few = found.of_customers(chosen)
    assert np.unique(few.customer).tolist() == [2, 5]
    assert few.first.tolist() == [0, found.count[2]]


def test_scores_are_laid_beside_their_orders(loaded, orders):
    transactions = loaded(orders)
    found = encounters_of(transactions)
    few = pd.DataFrame({"customer": orders["customer"][:40], "date": orders["date"][:40], "score": np.arange(40.0)})
    scores = scores_of(found, transactions, few)
    assert np.isfinite(scores).sum() == 40
    assert np.nanstd(scores) == pytest.approx(1)
    assert np.isnan(scores_of(found, transactions, few.assign(score=3.0))).all()
