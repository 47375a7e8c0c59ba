"""Categories: the planted order of buying and the planted run-out times come back, and what is not planted does not."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.data.shop import CATEGORIES, ShopTruth, simulate_shop
from analysis.errors import Unavailable
from analysis.value.categories import backtest_categories, bought_next, due_categories, next_categories, run_out_times

COLUMNS = {"customer": "customer", "date": "date", "amount": "amount", "category": "category"}
TRUTH = ShopTruth()


def read(frame, **more):
    return rl.read_orders(frame, **COLUMNS, **more)


@pytest.fixture
def orders(planted_shop_orders):
    return planted_shop_orders


def bought(*rows):
    return pd.DataFrame(rows, columns=["customer", "date", "category"]).assign(amount=10.0)


class TestWhatComesNext:
    def test_is_the_planted_category(self, orders):
        follows = {name: CATEGORIES[(place + 1) % len(CATEGORIES)] for place, name in enumerate(CATEGORIES)}
        assert next_categories(orders).idxmax(axis=1).to_dict() == follows

    def test_comes_with_the_planted_chance_where_nothing_that_ran_out_stands_between(self):
        orders = read(simulate_shop(ShopTruth(runs_out_days={})).orders)
        chances = next_categories(orders)
        np.testing.assert_allclose(chances.sum(axis=1), 1)
        planted = TRUTH.next_in_order + (1 - TRUTH.next_in_order) / len(CATEGORIES)
        np.testing.assert_allclose(chances.max(axis=1), planted, atol=0.05)
        assert run_out_times(orders).empty

    def test_is_what_most_buy_where_it_does_not_depend_on_the_last_order(self, planted_shop):
        rng, frame = np.random.default_rng(4), planted_shop.orders
        chances = next_categories(read(frame.assign(category=rng.choice(list("abc"), len(frame), p=[0.5, 0.3, 0.2]))))
        assert (chances.idxmax(axis=1) == "a").all()
        assert (chances.max() - chances.min()).max() < 0.03

    def test_of_a_customer_is_that_after_the_last_order_by_then(self):
        days = [f"2025-0{month}-01" for month in range(1, 5)]
        orders = read(bought(*[(who, day, kind) for who in "pq" for day, kind in zip(days, "abab", strict=True)]))
        found = bought_next(orders, next_categories(orders), dt.date(2025, 3, 15))
        assert found.iloc[0].tolist() == ["a", "b", "b"]


class TestWhatRunsOut:
    def test_is_what_was_planted_and_nothing_else(self, orders):
        found = run_out_times(orders)
        assert found["days"].round().to_dict() == TRUTH.runs_out_days
        for name, days in TRUTH.runs_out_days.items():
            assert found.loc[name, "lower"] <= days <= found.loc[name, "upper"]
            assert found.loc[name, "opens"] == pytest.approx(days - 1.28 * 3, abs=1.5)
            assert found.loc[name, "closes"] == pytest.approx(days + 1.28 * 3, abs=1.5)

    def test_is_due_from_the_window_on_until_the_day_after_which_it_was_bought_elsewhere(self):
        times = pd.DataFrame({"days": 30.0, "opens": 25.0, "closes": 35.0}, index=pd.Index(["tea"], name="category"))
        days = {"early": 4, "soon": 5, "last": 35, "over": 36}
        end = pd.Timestamp("2025-06-30")
        rows = [(who, end - pd.Timedelta(days=ago), "tea") for who, ago in days.items()]
        orders = read(bought(*rows, ("none", end, "pots")))
        held = due_categories(orders, times, within=20)
        assert held.set_index("since")["due"].to_dict() == {4: False, 5: True, 35: True, 36: False}


def test_both_rules_beat_the_naive_ones_where_something_is_planted(orders):
    everybody = np.ones(orders.customers, dtype=bool)
    tests = backtest_categories(orders, dt.date(2024, 7, 1), 28.0, everybody, everybody)
    planted = TRUTH.next_in_order + (1 - TRUTH.next_in_order) * 3 / len(CATEGORIES)
    assert tests["next_category"]["hit"] == pytest.approx(planted, abs=0.06)
    assert tests["next_category"]["hit_naive"] == pytest.approx(3 / len(CATEGORIES), abs=0.06)
    assert tests["run_out"]["hit"] > tests["run_out"]["hit_naive"]


def test_without_categories_nothing_is_said(orders):
    plain = rl.read_orders(bought(("a", "2025-01-01", "x")), customer="customer", date="date", amount="amount")
    for function in (next_categories, run_out_times):
        with pytest.raises(Unavailable, match="need the category"):
            function(plain)
