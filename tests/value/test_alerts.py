"""Alerts: what is planted in the last month is found, season and trend are not taken for it, false ones are few."""

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.data.shop import ShopTruth, simulate_shop
from analysis.errors import Unavailable
from analysis.value.alerts import alerts_said, judged, monthly_shares

COLUMNS = {"customer": "customer", "date": "date", "amount": "amount"}
LAST = pd.Timestamp("2024-12-01")


def read(frame, **more):
    return rl.read_orders(frame, **COLUMNS, observation_end="2024-12-31", **more)


@pytest.fixture
def frame(planted_shop):
    return planted_shop.orders


def without(frame, share, rows):
    """The orders without this share of the ``rows``."""
    return frame[~(rows & (np.random.default_rng(1).random(len(frame)) < share))]


def test_shares_are_counts_of_orders(frame):
    orders = read(frame)
    found = monthly_shares(orders, 3)
    before = frame[(frame["date"] < LAST) & (frame["date"] >= LAST - pd.DateOffset(years=1))]["customer"].unique()
    placed = frame[frame["date"] < LAST].drop_duplicates(["customer", "date"])["customer"].value_counts()[before]
    came = placed.index.isin(frame["customer"][frame["date"] >= LAST])
    for name, group in (("shopper", placed == 1), ("customer", placed == 2), ("member", placed >= 3)):
        last = found[name].iloc[-1]
        assert (last["customers"], last["hits"]) == (group.sum(), came[group].sum()), name
    first = frame.groupby("customer")["date"].min()
    month = first[(first >= "2024-10-01") & (first < "2024-11-01")]
    assert found["new"].iloc[-1]["customers"] == len(month)


@pytest.mark.parametrize("share", [0.0, 0.6])
def test_a_fall_in_the_last_month_is_found_where_there_is_one(frame, share):
    regulars = frame["customer"].map(frame["customer"].value_counts()) > 3
    found = rl.alerts(read(without(frame, share, regulars & (frame["date"] >= LAST))), member_orders=4)
    found = found.set_index("series")
    assert found.loc["member", "alert"] == (share > 0)
    assert not found.loc[["shopper", "new"], "alert"].any()
    assert found.loc["member", "month"] == LAST
    if share:
        (said,) = map(str, alerts_said(found.loc[["member"]].reset_index(), 4))
        assert "in Dec 2024" in said
        assert "customers with 4 orders or more" in said


def test_new_customers_who_do_not_come_back_are_found(frame):
    first = frame.groupby("customer")["date"].transform("min")
    cohort = first.between("2024-10-01", "2024-10-31") & (frame["date"] > first)
    found = rl.alerts(read(without(frame, 0.8, cohort))).set_index("series")
    assert found.loc["new", ["alert", "month"]].tolist() == [True, pd.Timestamp("2024-10-01")]


def false_alerts(seeds, **truth):
    """False alerts a year in shops in which nothing happens but season and a steady fall."""
    count = 0
    for seed in seeds:
        series = monthly_shares(read(simulate_shop(ShopTruth(**truth), seed=seed).orders), 4)
        for back in range(12):
            count += judged({name: rows.iloc[: len(rows) - back] for name, rows in series.items()})["alert"].sum()
    return count / len(seeds)


def test_at_most_one_alert_a_year_is_false():
    assert false_alerts(range(300, 302)) <= 1


@pytest.mark.slow
def test_at_most_one_alert_a_year_is_false_in_many_shops():
    assert false_alerts(range(400, 440)) <= 1
    assert false_alerts(range(500, 520), season=0.6, yearly_fall=0.15) <= 1


def test_too_short_a_time_has_no_alerts(cdnow):
    with pytest.raises(Unavailable, match="two years"):
        rl.alerts(cdnow)
