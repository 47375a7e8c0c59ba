"""Referrals: revenue by whom it came from adds up, and the planted quality of referred customers comes back."""

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.data.shop import ShopTruth
from analysis.errors import DataError, Unavailable

TRUTH = ShopTruth()


@pytest.fixture
def orders(planted_shop_orders):
    return planted_shop_orders


@pytest.fixture
def earned(planted_shop):
    return planted_shop.customers.set_index("customer")["referred_by"].notna()


def test_revenue_is_in_one_part_and_adds_up_to_that_of_the_orders(planted_shop, orders, earned):
    found = rl.earned_growth(orders, earned)
    parts = found[["kept", "came_back", "earned", "bought"]].sum(axis=1)
    np.testing.assert_allclose(parts, found["revenue"])
    np.testing.assert_allclose(found["revenue"], rl.customer_base(orders).complete["closing_revenue"])
    rest = (found["came_back"] + found["bought"]) / found["before"]
    np.testing.assert_allclose(found["growth"], found["earned_growth"] + rest)
    frame = planted_shop.orders
    first = frame.groupby("customer")["date"].transform("min").dt.year
    new = frame[(first == 2024) & (frame["date"].dt.year == 2024)]
    brought = new.groupby(new["customer"].map(earned))["amount"].sum()
    assert found.iloc[-1][["earned", "bought"]].tolist() == pytest.approx([brought[True], brought[False]])


def test_whom_nobody_is_known_to_have_referred_counts_as_bought(orders, earned):
    none = rl.earned_growth(orders, earned[:0])
    assert (none["earned"] == 0).all()
    assert none["bought"].sum() == pytest.approx(rl.earned_growth(orders, earned)[["earned", "bought"]].sum().sum())


def test_the_planted_quality_of_referred_customers_comes_back(orders, earned):
    found = rl.referred_against_others(orders, earned, gross_margin=0.4, cost_per_order=3.0).set_index("measure")
    weight = {name: TRUTH.share[name] * TRUTH.buys[name] for name in ("search", "social")}
    others = sum(weight[name] * TRUTH.quality[name] for name in weight) / sum(weight.values())
    row = found.loc["repeat_orders"]
    planted = TRUTH.quality["referral"] / others - 1
    assert row["lower"] / row["others"] < planted < row["upper"] / row["others"]
    assert found.loc["margin", "lower"] > 0


def test_referrals_by_lot_bring_no_difference(orders):
    missed = 0
    for seed in range(8):
        luck = np.random.default_rng(seed).random(orders.customers) < 0.2
        found = rl.referred_against_others(orders, pd.Series(luck, index=orders.histories.ids))
        missed += not found["lower"].iloc[0] < 0 < found["upper"].iloc[0]
    assert missed <= 3


def test_what_cannot_be_told_is_said(orders, earned, cdnow):
    with pytest.raises(Unavailable, match="Too few referred"):
        rl.referred_against_others(orders, earned & False)
    with pytest.raises(DataError, match="once"):
        rl.earned_growth(orders, pd.concat([earned, earned]))
    with pytest.raises(Unavailable, match="two of them"):
        rl.earned_growth(cdnow, earned)
