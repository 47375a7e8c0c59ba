import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.data.shop import DAYS_A_MONTH, START, ShopTruth, simulate_shop

TRUTH = ShopTruth()


def month(number):
    return pd.Timestamp(START) + pd.Timedelta(days=number * DAYS_A_MONTH)


def test_the_same_seed_gives_the_same_shop_with_its_truth_beside_it(planted_shop):
    assert planted_shop.truth == TRUTH
    again = simulate_shop()
    for name, table in vars(planted_shop).items():
        if isinstance(table, pd.DataFrame):
            pd.testing.assert_frame_equal(table, getattr(again, name))
    assert not simulate_shop(seed=16).orders.equals(planted_shop.orders)


def test_the_lot_has_its_planted_effect(planted_shop):
    arms = planted_shop.lots.set_index("customer")["arm"]
    inside = planted_shop.orders[planted_shop.orders["date"].between(month(50), month(50) + pd.Timedelta(days=28))]
    came = pd.Series(arms.index.isin(inside["customer"]), index=arms.to_numpy()).groupby(level=0).mean()
    assert came["contact"] - came["none"] == pytest.approx(TRUTH.lot_lift, abs=2.5 * np.sqrt(0.05 * 0.95 / 500))
    assert set(planted_shop.contacts["customer"]) == set(arms.index[arms == "contact"])


def test_channels_pay_back_in_the_order_of_their_quality_and_cost_the_spend_over_those_who_came(
    planted_shop, planted_shop_orders
):
    orders = planted_shop_orders
    channel = planted_shop.customers.set_index("customer")["channel"].reindex(orders.histories.ids)
    found = rl.payback(orders, rl.BGNBD().fit(orders), by=channel, acquisition=planted_shop.acquisition)
    ranked = found.groups.query("months == 12").sort_values("estimate")["group"].tolist()
    assert ranked == sorted(TRUTH.quality, key=TRUTH.quality.get)
    total = found.costs.groupby("group")[["spend", "customers"]].sum()
    cost = (total["spend"] / total["customers"]).to_dict()
    # The channels were paid for names, of whom so many ever order.
    assert cost == pytest.approx({name: TRUTH.cost[name] / TRUTH.buys[name] for name in TRUTH.cost}, rel=0.06)
