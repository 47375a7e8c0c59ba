from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

import analysis as rl
from analysis.data.shop import CATEGORIES, ShopTruth, simulate_shop
from analysis.errors import InputRefused, UsageError
from analysis.models.beta_geometric import BGNBD
from analysis.models.fits import PurchaseFits
from analysis.models.gamma_gamma import GammaGamma
from analysis.models.registry import MODELS
from analysis.models.season import fit_in_time
from analysis.value.contacts import ERRORS_TO_FIND, GIFT_DAYS, LISTS, contact_lists, reasons
from analysis.value.ladder import ladder
from analysis.value.valuation import customer_value

COSTS = {"cost_per_contact": 0.5, "incentive": 2.0}
MARGIN = {"gross_margin": 0.4, "cost_per_order": 1.0}


@pytest.fixture(scope="module")
def shop(small_shop):
    orders, fit, value, stand = small_shop
    return orders, fit, replace(value, **MARGIN), stand


@pytest.fixture(scope="module")
def found(shop):
    return contact_lists(*shop, **COSTS)


def test_a_contact_pays_from_the_break_even_lift_on(shop, found):
    table = found.customers
    pays = table[np.isfinite(table["break_even"])]
    brought = pays["break_even"] * (pays["margin"] - 2) - pays["p_order"] * 2 - 0.5
    np.testing.assert_allclose(brought, 0, atol=1e-9)
    assert (table.loc[~np.isfinite(table["break_even"]), "margin"] <= 2).all()
    orders, fit, *_ = shop
    anyway = fit.predict("28D")["p_order"]
    np.testing.assert_allclose(table["p_order"], anyway[table["customer_id"]])
    assert orders.customers >= table["customer_id"].nunique()


def test_a_customer_is_written_to_for_one_list_only_that_with_the_lowest_lift(found):
    sent = found.customers[found.customers["send"]]
    assert not sent["customer_id"].duplicated().any()
    least = found.customers.groupby("customer_id")["break_even"].min()
    np.testing.assert_allclose(sent["break_even"], least[sent["customer_id"]])


def test_with_a_cap_those_with_the_lowest_lift_are_written_to(shop, found):
    capped = contact_lists(*shop, most=25, **COSTS).customers
    assert capped["send"].sum() == 25
    left = found.customers[found.customers["send"]]["break_even"].nsmallest(25)
    np.testing.assert_allclose(np.sort(capped.loc[capped["send"], "break_even"]), left)


def test_whoever_gave_no_permission_is_on_no_list(shop, found):
    ids = shop[0].histories.ids
    opt_in = pd.Series([True, False, None] * 300, index=ids).iloc[:600]
    checked = contact_lists(*shop, opt_in=opt_in, **COSTS)
    assert set(checked.customers["customer_id"]) <= set(opt_in.index[opt_in.eq(True)])
    assert checked.permission
    assert not found.permission


def test_lists_are_what_they_say(shop, found):
    stand = shop[3].customers.set_index("customer_id")
    on = {name: stand.loc[rows["customer_id"]] for name, rows in found.customers.groupby("list")}
    assert (on["second_order"]["orders"] == 1).all()
    assert (on["win_back"]["asleep"] & (on["win_back"]["orders"] >= 2)).all()
    assert (~on["about_to_slip"]["asleep"]).all()
    assert on["advocates"]["rung"].isin(["member", "advocate", "fan"]).all()
    assert (~on["advocates"]["asleep"]).all()
    assert set(found.lists.index) <= set(LISTS)
    assert found.lists["customers"].sum() == len(found.customers)


def test_every_row_has_its_reason_and_its_window(shop, found):
    said = reasons(found.customers)
    assert len(said) == len(found.customers)
    assert all("{" not in str(each) for each in said)
    end = pd.Timestamp(shop[0].observation_end)
    assert (found.customers["valid_until"] > end).all()
    assert (found.customers["valid_until"] <= end + pd.Timedelta(days=28)).all()
    assert found.valid_until == found.customers["valid_until"].max().date()


def test_the_reason_for_a_contact_holds_until_the_customer_is_asleep_or_the_time_of_a_gift_is_over(shop, found):
    orders, fit, _, stand = shop
    rows = found.customers[found.customers["list"] != "win_back"]
    left = (rows["valid_until"] - pd.Timestamp(orders.observation_end)).dt.days.to_numpy()
    at = stand.customers.set_index("customer_id").loc[rows["customer_id"]]
    known = orders.histories.table.set_axis(orders.histories.ids).loc[rows["customer_id"]]
    recency, age = known["recency_days"] / 7, (known["T_days"] + left - 1) / 7
    assert (MODELS[fit.model].p_alive(fit.params, known["frequency"], recency, age) >= 0.5).all()
    assert (at["silent_days"] + left - 1 <= at["asleep_days"]).all()
    gifts = (rows["list"] == "gift").to_numpy()
    assert gifts.any()
    assert (left[gifts] <= np.maximum(GIFT_DAYS - at["silent_days"][gifts], 1)).all()


def test_what_is_sent_holds_ids_as_they_came_and_nothing_else(found):
    sent = found.to_send("second_order")
    assert list(sent.columns) == ["customer_id", "list", "valid_until"]
    assert len(sent) == found.lists.loc["second_order", "send"]
    with pytest.raises(UsageError, match=r"list == 'winback', must be one of .*'win_back'"):
        found.to_send("winback")
    chosen = found.of_customers()
    assert chosen.index.is_unique
    assert len(chosen) == found.customers["send"].sum()


def test_up_selling_is_tested_by_whether_the_next_order_is_above_the_own_mean(planted):
    orders, found = planted
    then = pd.Timestamp(orders.observation_end) - pd.Timedelta(days=182)
    days = pd.read_parquet(orders.occasions).astype({"day": "datetime64[s]"}).sort_values("day")
    before, after = (days[late].groupby("customer")["amount"] for late in (days["day"] <= then, days["day"] > then))
    table = pd.DataFrame({"orders": before.size(), "mean": before.mean(), "following": after.first()})
    table = table[table["orders"] >= 2]
    test = found.tests.set_index("list").loc["up_sell"]
    least = table.nsmallest(int(test["customers"]), "mean")
    assert test["hit_naive"] == pytest.approx((least["following"] > least["mean"]).mean())
    assert test["right"] == "above_mean"


def test_on_cdnow_fewer_of_those_about_to_slip_were_lost_than_of_the_longest_silent_in_own_gaps(sample_study):
    tests = sample_study("cdnow").contact_lists.tests.set_index("list")
    slip, back = tests.loc["about_to_slip"], tests.loc["win_back"]
    assert (slip["customers"], back["customers"]) == (73, 371)
    assert (slip["hit"], slip["hit_naive"]) == pytest.approx((33 / 73, 38 / 73))
    assert back["hit"] == pytest.approx(89 / 371)
    assert "gift" not in tests.index  # of fewer than 20 customers


def test_what_cannot_be_is_refused(shop):
    ids = shop[0].histories.ids[:1]
    twice = pd.Series([True, False], index=ids.append(ids))
    for settings, told in (
        ({"cost_per_contact": -1}, "cost_per_c"),
        ({"most": -3}, "most_c"),
        ({"opt_in": twice}, "once"),
    ):
        with pytest.raises(InputRefused, match=told):
            contact_lists(*shop, **(COSTS | settings))


def test_whoever_left_is_on_no_list_but_to_be_won_back_for_an_avoidable_reason(shop, found):
    end = pd.Timestamp(shop[0].observation_end)
    rows = found.customers.drop_duplicates("customer_id")
    left = pd.concat([rows.query("list == 'about_to_slip'").head(20), rows.query("list == 'win_back'").head(20)])
    exits = pd.DataFrame(
        {"customer": left["customer_id"].to_numpy(), "date": end, "avoidable": np.arange(len(left)) % 2 == 0}
    )
    after = contact_lists(*shop, exits=exits, **COSTS).customers
    on = after[after["customer_id"].isin(exits["customer"])]
    assert set(on["list"]) == {"win_back"}
    assert set(on["customer_id"]) <= set(exits["customer"][exits["avoidable"]])
    early = contact_lists(*shop, exits=exits.assign(date=pd.Timestamp("2000-01-01")), **COSTS)
    pd.testing.assert_frame_equal(early.customers, found.customers)  # who ordered since has come back


def test_whoever_was_contacted_lately_is_written_to_for_no_list(shop, found):
    end = pd.Timestamp(shop[0].observation_end)
    sent = found.customers.loc[found.customers["send"], "customer_id"].iloc[:40].to_numpy()
    contacts = pd.DataFrame({"customer": sent, "date": [end - pd.Timedelta(days=27), end - pd.Timedelta(days=28)] * 20})
    after = contact_lists(*shop, contacts=contacts, **COSTS).customers
    assert set(sent) - set(after.loc[after["send"], "customer_id"]) == set(sent[::2])


def test_points_about_to_expire_make_a_list_that_holds_until_they_do(shop):
    ids, end = shop[0].histories.table["customer_id"].astype(str)[:40], pd.Timestamp(shop[0].observation_end)
    points = pd.DataFrame({"points": 25.0, "expires": end + pd.Timedelta(days=5)}, index=ids.to_numpy())
    rows = contact_lists(*shop, points=points, **COSTS).customers.query("list == 'points'")
    assert set(rows["customer_id"].astype(str)) == set(ids)
    assert (rows["valid_until"] == end + pd.Timedelta(days=5)).all()
    assert str(reasons(rows)[0]) == "25 points are about to expire"


def test_a_list_whose_lots_brought_more_comes_first_and_one_where_they_cost_more_is_sent_to_nobody(shop, found):
    again = found.customers[found.customers["customer_id"].duplicated(keep=False)]
    later = again.loc[~again["send"], "list"].value_counts().index[0]
    effects = pd.DataFrame({"list": [later], "shrunk": [0.4], "verdict": ["open"]})
    first = contact_lists(*shop, effects=effects, **COSTS)
    assert first.lists.loc[later, "send"] > found.lists.loc[later, "send"]
    assert not first.customers[first.customers["send"]]["customer_id"].duplicated().any()
    costly = contact_lists(*shop, effects=effects.assign(shrunk=-0.4), **COSTS)
    assert costly.lists.loc[later, "send"] == 0


def test_a_list_without_a_lot_is_tried_and_one_that_costs_more_than_it_brings_may_be_drawn_again(shop, found):
    known = [name for name in found.lists.index if found.lists.loc[name, "send"]][:2]
    effects = pd.DataFrame({"list": known, "shrunk": [0.4, -0.9], "verdict": "open"})
    lists = contact_lists(*shop, effects=effects, **COSTS)
    assert lists.lists.loc[known[1], "send"] == 0
    untried = [name for name in found.lists.index if name not in known and found.lists.loc[name, "send"]]
    assert lists.lists.loc[untried, "send"].gt(0).all()
    others = lists.customers[lists.customers["list"] == known[1]]
    assert others["free"].any()
    assert not others["send"].any()


def test_what_a_lot_would_find_to_pay_lies_above_the_break_even_lift_by_the_errors_of_its_bound(found):
    row = found.lists.loc["win_back"]
    chances = row["p_order"], row["p_order"] + row["break_even"]
    scales = row["margin"] / (row["margin"] - COSTS["incentive"]), 1
    variance = sum(p * (1 - p) * scale**2 / (row["send"] / 2) for p, scale in zip(chances, scales, strict=True))
    assert row["detectable"] == pytest.approx(row["break_even"] + ERRORS_TO_FIND * np.sqrt(variance))


@pytest.fixture(scope="module")
def planted_rows():
    return simulate_shop(ShopTruth(names=3_000), seed=3).orders


def drawn_up(rows, **until):
    columns = {"customer": "customer", "date": "date", "amount": "amount", "category": "category"}
    orders = rl.read_orders(rows, **columns, **until)
    fit = BGNBD().fit(orders)
    with pytest.MonkeyPatch.context() as patch:  # expectations need no futures
        patch.setattr("analysis.value.valuation.PASSES", 50)
        patch.setattr("analysis.value.ladder.PASSES", 5)
        value = customer_value(fit, GammaGamma().fit(orders), horizon="1Y", **MARGIN)
        return orders, contact_lists(orders, fit, value, ladder(orders, fit), **COSTS)


@pytest.fixture(scope="module")
def planted(planted_rows):
    return drawn_up(planted_rows)


@pytest.fixture(scope="module")
def planted_then(planted_rows, planted):
    return drawn_up(planted_rows, observation_end=planted[0].observation_end - pd.Timedelta(days=182))


def test_the_lists_that_are_tested_are_those_that_were_drawn_up_then(planted_rows, planted, planted_then):
    (orders, found), (_, early) = planted, planted_then
    tests, sizes = found.tests.set_index("list"), early.lists["customers"].drop(["advocates"])
    assert tests["customers"].to_dict() == sizes[sizes >= 20].to_dict()
    day, customer = pd.to_datetime(planted_rows["date"]), planted_rows["customer"]
    then = pd.Timestamp(orders.observation_end) - pd.Timedelta(days=182)
    soon = set(customer[day.between(then + pd.Timedelta(days=1), then + pd.Timedelta(days=28))])
    later = set(customer[day > then])
    for name, row in tests.iterrows():
        on = early.customers[early.customers["list"] == name]
        ids = on["customer_id"]
        assert row["forecast"] == pytest.approx(on["p_order"].mean(), rel=1e-6)
        assert row["came"] == pytest.approx(ids.isin(soon).mean())
        assert row["came_lower"] < row["came"] < row["came_upper"]
        if row["right"] in ("ordered", "lost"):
            assert row["hit"] == pytest.approx((ids.isin(later) == (row["right"] == "ordered")).mean())


@pytest.mark.slow
def test_in_a_season_the_forecast_of_then_follows_the_season_that_was_known_then(planted, planted_then):
    def in_season(orders):
        fits, births = PurchaseFits((BGNBD().fit(orders),), {}), orders.histories.table["first_order"]
        fit = fit_in_time(fits, orders.histories, orders.daily, births, 1, "season", quick=True).primary.of(orders)
        return contact_lists(orders, fit, customer_value(fit, GammaGamma().fit(orders)), ladder(orders, fit))

    with threadpool_limits(1):  # many small matrices
        tests, early = (in_season(orders) for orders, _ in (planted, planted_then))
    means = early.customers.groupby("list")["p_order"].mean()
    for name, row in tests.tests.set_index("list").iterrows():
        assert row["forecast"] == pytest.approx(means[name], rel=1e-6)


def test_what_a_list_was_to_order_is_tested_over_its_own_window_of_half_a_year_at_most(shop):
    short, long, longest = (
        contact_lists(*shop, window=window, **COSTS).tests.set_index("list") for window in ("14D", "182D", "300D")
    )
    assert (short["forecast"] < long["forecast"]).all()
    pd.testing.assert_frame_equal(long, longest)
    ordered = long[long["right"] == "ordered"]
    np.testing.assert_allclose(ordered["came"], ordered["hit"])


def test_what_runs_out_and_what_comes_next_make_lists_where_orders_have_a_category(planted):
    orders, found = planted
    end = pd.Timestamp(orders.observation_end)
    rows = found.customers.query("list == 'run_out'")
    assert set(rows["category"]) == {"coffee", "filters", "tea"}
    assert rows["due"].between(end - pd.Timedelta(days=10), end + pd.Timedelta(days=40)).all()
    assert str(reasons(rows)[0]).startswith(f"{rows['category'].iloc[0]} probably runs out about ")
    assert list(found.to_send("run_out")) == ["customer_id", "list", "valid_until", "category", "due"]
    rows = found.customers.query("list == 'next_category'")
    assert set(rows["category"]) <= set(CATEGORIES)
    assert str(reasons(rows)[0]) == f"{rows['category'].iloc[0]} is what most often comes next"
    assert list(found.to_send("next_category")) == ["customer_id", "list", "valid_until", "category"]
    assert found.customers.loc[found.customers["list"] == "gift", ["category", "due"]].isna().all().all()
    assert {"next_category", "run_out", "up_sell"} <= set(found.tests["list"])
