"""Encounters of customers with the shop: what they met, what they expected of it, and the intervals between them."""

import numpy as np
import pandas as pd
import pytest
from tests.strategies.evidence.planted import NOTHING, planted_orders

from analysis.strategies.evidence.encounters import encounters_of, scores_of


@pytest.fixture(scope="module")
def orders():
    return planted_orders(NOTHING, customers=120, weeks=52, seed=3)


def test_the_list_value_is_what_was_paid_and_what_was_saved(met, orders):
    found = met(orders)
    assert len(found) == len(orders)
    assert found.listed.sum() == pytest.approx((orders["amount"] + orders["discount"]).sum())
    assert found.mean_saved == pytest.approx(orders["discount"].sum() / (orders["amount"] + orders["discount"]).sum())
    assert np.nanmax(found.saved) < 0.41


def test_what_was_given_back_makes_no_better_deal(met, orders):
    for share in (1.0, 0.5):
        back = orders.iloc[::4].assign(amount=-(share * orders["amount"]).round(2), discount=0.0)
        found, without = met(pd.concat([orders, back])), met(orders)
        assert found.saved == pytest.approx(without.saved)
        assert found.listed.sum() == pytest.approx(found.paid.sum() / (1 - found.mean_saved))
        assert found.mean_saved == pytest.approx(without.mean_saved, rel=0.02)


@pytest.mark.parametrize(("change", "key"), [
    (lambda o: o.drop(columns="discount"), "no_discount_column"),
    (lambda o: o.drop(columns=["discount", "amount"]), "no_money"),
    (lambda o: o.assign(discount=0.0), "too_few_redeeming"),
    (lambda o: o.assign(amount=79.5, discount=19.875), "constant_discount"),
    (lambda o: o.assign(discount=-o["discount"]), "negative_discounts"),
    (lambda o: o.assign(discount=o["discount"].where(o["customer"] < "C00030", 0.0)), "too_few_redeeming"),
])  # fmt: skip
def test_discounts_that_say_nothing_are_named(met, orders, why, change, key):
    assert why(met, change(orders)) == key


def test_scores_are_laid_beside_their_orders(loaded, orders, why):
    transactions = loaded(orders)
    found = encounters_of(transactions)
    few = pd.DataFrame({"customer": orders["customer"][:40], "date": orders["date"][:40], "score": np.arange(40.0)})
    scores = scores_of(found, transactions, few)
    assert np.isfinite(scores).sum() == 40
    assert np.nanstd(scores) == pytest.approx(1)
    assert why(scores_of, found, transactions, few.assign(score=3.0)) == "nothing_varies"
