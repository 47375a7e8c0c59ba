import datetime as dt

import numpy as np
import pandas as pd
import pytest

from analysis.data.simulation import simulate_transactions
from analysis.errors import Unavailable
from analysis.value.base import DRIVERS, customer_base


@pytest.fixture(scope="module")
def shop():
    """Two years of a shop in which one order in eight is refunded in part a while later, some by more than it was."""
    frame = simulate_transactions(600, window_days=730, birth_days=600, seed=3)
    rng = np.random.default_rng(4)
    back = frame[rng.random(len(frame)) < 1 / 8]
    days = pd.to_datetime(back["date"]) + pd.to_timedelta(rng.integers(0, 60, len(back)), "D")
    refunds = back.assign(date=days, amount=-np.round(back["amount"] * rng.uniform(0.2, 1.4, len(back)), 2))
    refunds = refunds[refunds["date"] <= pd.to_datetime(frame["date"]).max()]
    return pd.concat([frame.assign(date=pd.to_datetime(frame["date"])), refunds], ignore_index=True)


@pytest.fixture(scope="module")
def orders(shop, load_frame):
    return load_frame(shop)


def test_the_bridge_ties_with_the_ledger_to_the_cent(orders):
    base = customer_base(orders, months=6)
    counted = orders.ledger[orders.ledger["outcome"] != "dropped"]["amount"].sum()
    assert base.refunds_beyond < 0
    assert base.bridge["closing_revenue"].sum() + base.refunds_beyond == pytest.approx(counted, abs=0.005)


def test_what_opens_comes_and_goes_is_what_closes(orders):
    bridge = customer_base(orders, months=3).bridge
    assert (bridge["opening"] + bridge["new"] + bridge["came_back"] - bridge["lost"] == bridge["closing"]).all()
    came = bridge["new_revenue"] + bridge["came_back_revenue"] + bridge["more"]
    left = bridge["opening_revenue"] + came - bridge["lost_revenue"] - bridge["less"]
    np.testing.assert_allclose(left, bridge["closing_revenue"], atol=0.005)
    np.testing.assert_allclose(bridge["opening_revenue"].iloc[1:], bridge["closing_revenue"].iloc[:-1], atol=0.005)
    assert bridge["opening"].iloc[1:].tolist() == bridge["closing"].iloc[:-1].tolist()


def test_customers_of_a_period_are_what_pandas_counts(orders):
    earlier, last = (customer_base(orders, months=6).bridge.iloc[place] for place in (-2, -1))
    days = pd.read_parquet(orders.occasions).astype({"day": "datetime64[s]"})
    now, then, first = (
        set(days.loc[days["day"].between(start, end), "customer"])
        for start, end in (
            (last["start"], last["end"]),
            (earlier["start"], earlier["end"]),
            (days["day"].min(), earlier["end"]),
        )
    )
    assert last[["opening", "kept", "lost"]].tolist() == [len(then), len(now & then), len(then - now)]
    assert last[["new", "came_back"]].tolist() == [len(now - first), len((now & first) - then)]
    assert last["retention"] == pytest.approx(len(now & first) / len(then))


def test_the_drivers_add_up_to_the_change_of_margin(orders):
    base = customer_base(orders, months=3, gross_margin=0.4, cost_per_order=2.5)
    np.testing.assert_allclose(base.drivers[list(DRIVERS)].sum(axis=1), base.drivers["change"], atol=1e-6)
    flat = customer_base(orders, months=3, gross_margin=0.4).drivers
    np.testing.assert_allclose(flat["margin"], 0, atol=1e-9)
    revenue = base.bridge["closing_revenue"]
    np.testing.assert_allclose(flat["change"], 0.4 * revenue.diff()[base.bridge["complete"]], atol=1e-6)


def test_a_period_that_is_cut_short_is_compared_with_none(orders):
    bridge = customer_base(orders, months=10).bridge
    assert bridge["start"].iloc[0] == pd.Timestamp(orders.observation_start)
    assert bridge["complete"].tolist() == [False, False, True]


def test_the_tenths_hold_everybody_of_the_last_period(orders):
    base = customer_base(orders)
    last = base.bridge.iloc[-1]
    assert base.deciles["customers"].sum() == last["closing"]
    assert base.deciles["revenue"].sum() == pytest.approx(last["closing_revenue"], abs=0.005)
    assert base.deciles["share"].is_monotonic_decreasing
    assert base.deciles["share"].sum() == pytest.approx(1)


def test_without_money_the_base_is_counted_in_orders(shop, load_frame):
    base = customer_base(load_frame(shop.query("amount > 0").drop(columns="amount")), months=6)
    assert base.bridge["closing_revenue"].sum() == base.refunds_beyond == 0
    np.testing.assert_allclose(base.drivers[list(DRIVERS)].sum(axis=1), base.drivers["change"])
    assert base.deciles["share"].sum() == pytest.approx(1)


def test_days_instead_of_months_are_too_short(load_frame):
    frame = pd.DataFrame({"customer": [1, 1, 2], "date": ["2024-01-01", "2024-01-20", "2024-02-03"], "amount": 5.0})
    with pytest.raises(Unavailable, match="34 days"):
        customer_base(load_frame(frame))


def test_where_customers_came_before_the_data_cohorts_are_not_known(load_frame):
    frame = simulate_transactions(800, window_days=900, birth_days=20, seed=5)
    base = customer_base(load_frame(frame, first_orders="unknown"))
    with pytest.raises(Unavailable, match="first order"):
        base.lives  # noqa: B018
    assert base.first_seen.values["customers"] > 0


def test_a_last_day_of_february_does_not_shift_the_periods(shop, load_frame):
    orders = load_frame(shop, as_of=dt.date(2024, 2, 29))
    ends = customer_base(orders, months=1).bridge["end"]
    assert ends.iloc[-2:].dt.date.tolist() == [dt.date(2024, 1, 31), dt.date(2024, 2, 29)]
