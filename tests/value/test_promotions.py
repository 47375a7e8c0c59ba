import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.data.shop import ShopTruth

NAMES = {"customer": "customer", "date": "date", "amount": "amount", "discount": "off", "category": "category"}


def read(table, **names):
    table = table.assign(off=(table["list_price"] - table["amount"]).round(2))
    return rl.read_orders(table, **(NAMES | names), discount_is="money")


def test_the_price_that_the_shop_raised_before_its_promotion_is_found(planted_shop):
    found = rl.promotion_honesty(read(planted_shop.orders), planted_shop.promotions)
    together = found.iloc[0]
    assert together["category"] is None
    assert 0 < together["lower"] < ShopTruth().raised_by < together["upper"]
    assert together["without"] == 0
    assert together["promised"] > 100
    categories = found.iloc[1:]
    assert len(categories) > 6
    assert (categories["upper"] - categories["lower"]).min() > together["upper"] - together["lower"]


def test_the_sample_brings_its_discounts_and_its_calendar(tmp_path, planted_shop):
    study = rl.open_study(sample="simulated-shop", store=tmp_path)
    expected = rl.promotion_honesty(read(planted_shop.orders), planted_shop.promotions)
    pd.testing.assert_frame_equal(study.promotion_honesty, expected, check_dtype=False)
    deals = study.first_order_groups.query("by == 'deal'")
    assert set(deals["group"]) == {"deal", "full_price"}


def test_a_promotion_without_a_raise_that_was_not_given_shows_both(planted_shop):
    calendar = planted_shop.promotions - pd.Timedelta(days=360)
    together = rl.promotion_honesty(read(planted_shop.orders), calendar).iloc[0]
    assert together["lower"] < 0 < together["upper"]
    assert together["without"] == 1


def test_intervals_hold_no_change_as_often_as_they_say_of_customers_with_own_levels():
    rng = np.random.default_rng(5)
    begins, size = 90 * np.arange(1, 81), 40_000
    customer = rng.integers(0, size // 10, size)
    # Customers buy in bursts, at prices of their own, so lines of a time go together.
    day = rng.integers(0, 90 * 80, size // 10)[customer] + rng.integers(0, 20, size)
    price = 30 * np.exp(rng.normal(0, 0.5, size // 10)[customer] + rng.normal(0, 0.3, size))
    table = pd.DataFrame({"customer": customer, "category": rng.choice(["tea", "cups"], size), "list_price": price})
    table = table.assign(date=pd.Timestamp("2004-01-01") + pd.to_timedelta(day, "D"), amount=price)
    days = pd.Timestamp("2004-01-01") + pd.to_timedelta(begins, "D")
    calendar = pd.DataFrame({"start": days, "end": days + pd.Timedelta(days=6)})
    together = rl.promotion_honesty(read(table), calendar).query("category.isna()")
    held = (together["lower"].lt(0) & together["upper"].gt(0)).mean()
    assert held == pytest.approx(0.9, abs=0.08)


def test_another_mix_of_categories_is_no_change_of_prices():
    rng = np.random.default_rng(3)
    day = np.arange(3_000) % 100
    dear = rng.random(3_000) < np.where(day >= 60, 0.8, 0.2)
    price = np.where(dear, 100.0, 10.0) * np.exp(rng.normal(0, 0.2, 3_000))
    table = pd.DataFrame({"customer": np.arange(3_000), "category": np.where(dear, "machine", "coffee")})
    table = table.assign(date=pd.Timestamp("2025-01-01") + pd.to_timedelta(day, "D"), list_price=price, amount=price)
    calendar = pd.DataFrame({"start": [pd.Timestamp("2025-04-01")], "end": [pd.Timestamp("2025-04-10")]})
    together = rl.promotion_honesty(read(table), calendar).iloc[0]
    assert abs(together["change"]) < 0.03


def test_lines_in_a_promotion_of_a_category_that_was_not_sold_before_count_in_all_together():
    start = pd.Timestamp("2025-04-01")
    days = [start - pd.Timedelta(days=60)] * 20 + [start - pd.Timedelta(days=10)] * 20 + [start] * 12
    frame = pd.DataFrame({"who": range(52), "day": days, "paid": 10.0, "off": 0.0, "kind": "tea"})
    frame.loc[44:, "kind"], frame.loc[44:49, "off"] = "mugs", 1.0
    names = {"customer": "who", "date": "day", "amount": "paid", "discount": "off", "category": "kind"}
    calendar = pd.DataFrame({"start": [start], "end": [start]})
    found = rl.promotion_honesty(rl.read_orders(frame, **names, discount_is="money"), calendar)
    assert found["promised"].tolist() == [12, 4]
    assert found["without"].tolist() == [0.5, 1.0]


def test_a_free_line_beside_a_paid_one_makes_no_dearer_line():
    day = np.arange(1_000) % 100
    table = pd.DataFrame({"customer": np.arange(1_000), "category": "tea", "list_price": 10.0, "amount": 10.0})
    table = table.assign(date=pd.Timestamp("2025-01-01") + pd.to_timedelta(day, "D"))
    free = table[(day >= 60) & (day < 90) & (table["customer"] % 3 > 0)].assign(amount=0.0)
    calendar = pd.DataFrame({"start": [pd.Timestamp("2025-04-01")], "end": [pd.Timestamp("2025-04-10")]})
    together = rl.promotion_honesty(read(pd.concat([table, free])), calendar).iloc[0]
    assert (together["change"], together["lines"]) == (pytest.approx(0), 100)


@pytest.mark.parametrize(("calendar", "names", "told"), [
    (None, {}, "calendar"), ("all", {"category": None}, "category"), ("all", {"discount": None}, "discount"),
    ("early", {}, "enough bought"),
])  # fmt: skip
def test_what_is_not_known_is_said(planted_shop, calendar, names, told):
    early = planted_shop.promotions - pd.Timedelta(days=2_500)
    promotions = {"all": planted_shop.promotions, "early": early}.get(calendar)
    with pytest.raises(rl.Unavailable, match=told):
        rl.promotion_honesty(read(planted_shop.orders, **names), promotions)
