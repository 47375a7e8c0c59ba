import numpy as np
import pandas as pd
import pytest
from scipy.special import hyp2f1
from scipy.stats import norm

import analysis as rl
from analysis.data.simulation import simulate_transactions
from analysis.errors import DataError, Unavailable
from analysis.models.beta_geometric import BGNBD, MBGNBD
from analysis.models.pareto import ParetoNBD
from analysis.time import DAYS_PER_YEAR
from analysis.value.payback import MONTH, acquisition_costs, first_order_groups, payback, spend_tests

MONEY = {"gross_margin": 0.5, "cost_per_order": 1.0, "annual_discount_rate": 0.1}


@pytest.fixture(scope="module")
def shop(few_proposals):
    frame = simulate_transactions(1200, window_days=1000, birth_days=700, seed=12)
    orders = rl.read_orders(frame, customer="customer", date="date", amount="amount")
    return orders, [BGNBD().fit(orders), ParetoNBD().fit(orders)]


@pytest.fixture(scope="module")
def found(shop):
    return payback(*shop, acquisition_cost=30, horizon="3Y", **MONEY)


def lives(orders):
    days = pd.read_parquet(orders.occasions).astype({"day": "datetime64[s]"})
    days["age"] = (days["day"] - days.groupby("customer")["day"].transform("min")).dt.days
    days["left"] = (0.5 * days["amount"] - 1) * 1.1 ** (-days["age"] / DAYS_PER_YEAR)
    days["seen"] = orders.histories.table["T_days"].to_numpy()[days["customer"]]
    return days


def test_what_was_seen_is_each_months_mean_of_those_who_reached_its_end(shop, found):
    orders, _ = shop
    days, seen = lives(orders), orders.histories.table["T_days"].to_numpy()
    by_hand = np.cumsum(
        [
            days.loc[(np.ceil(days["age"] / MONTH) == month) & (days["seen"] >= month * MONTH), "left"].sum()
            / (seen >= month * MONTH).sum()
            for month in range(20)
        ]
    )
    curve = found.curve.query("model == 'seen'")
    np.testing.assert_allclose(curve["estimate"].iloc[:20], by_hand)
    assert curve["customers"].iloc[0] == orders.customers
    assert ((curve["lower"] <= curve["estimate"]) & (curve["estimate"] <= curve["upper"])).mean() > 0.9


def test_every_model_goes_on_where_customers_were_seen_no_longer(found):
    seen = found.curve.query("model == 'seen'").iloc[-1]
    for model in ("BG/NBD", "Pareto/NBD"):
        rows = found.curve[found.curve["model"] == model]
        assert rows["estimate"].iloc[0] == pytest.approx(seen["estimate"])
        assert rows["estimate"].is_monotonic_increasing
        assert rows["age_days"].iloc[-1] >= 3 * DAYS_PER_YEAR


def test_who_may_leave_after_the_first_order_is_expected_to_order_less_from_the_start(shop):
    orders, _ = shop
    fit = MBGNBD().fit(orders)
    curve = payback(orders, fit, horizon="6Y", **MONEY).curve.query("model == 'MBG/NBD'")
    days = lives(orders)
    value = 0.5 * days.loc[days["age"] > 0, "amount"].mean() - 1
    r, alpha, a, b = fit.params
    weeks = curve["age_days"].to_numpy() / 7
    expected = b / (a - 1) * (1 - (alpha / (alpha + weeks)) ** r * hyp2f1(r, b + 1, a + b, weeks / (alpha + weeks)))
    later = np.diff(expected) * 1.1 ** (-(curve["age_days"].to_numpy()[:-1] + MONTH / 2) / DAYS_PER_YEAR)
    assert curve["estimate"].iloc[-1] - curve["estimate"].iloc[0] == pytest.approx(value * later.sum(), rel=0.03)


def test_cohorts_that_do_not_differ_are_all_known_as_well_as_all_customers_together(shop):
    found = payback(*shop, horizon="3Y", **MONEY)
    everybody = found.most.query("model == 'seen' and months == 6").iloc[0]
    cohorts = found.groups.query("months == 6")
    assert cohorts["estimate"].mean() == pytest.approx(everybody["estimate"], rel=0.05)
    assert (cohorts["upper"] - cohorts["lower"]).min() > 0.9 * (everybody["upper"] - everybody["lower"])


def test_the_cost_is_reached_where_the_curve_crosses_it(found):
    row = found.ages.set_index("model").loc["BG/NBD"]
    curve = pd.concat([found.curve.query("model == 'seen'"), found.curve.query("model == 'BG/NBD'").iloc[1:]])
    assert np.interp(row["estimate"], curve["age_days"], curve["estimate"]) == pytest.approx(30)
    assert row["lower"] <= row["estimate"] <= row["upper"]


def test_the_most_that_one_may_cost_is_what_has_come_by_then(found):
    most = found.most.set_index(["model", "months"])["estimate"]
    curve = found.curve.query("model == 'seen'").set_index("age_days")["estimate"]
    assert most["seen", 12.0] == pytest.approx(curve[12 * MONTH])
    assert most["BG/NBD"].is_monotonic_increasing
    assert np.interp(most["seen", 12.0], curve, curve.index) == pytest.approx(12 * MONTH)


def test_where_all_of_the_horizon_was_seen_it_is_said_once_and_without_a_cost_nothing_of_when(shop):
    free = payback(*shop, horizon="1Y", **MONEY)
    assert list(zip(free.most["model"], free.most["months"], strict=True)) == [("seen", 6.0), ("seen", 12.0)]
    assert free.groups["months"].unique().tolist() == [6.0, 12.0]
    assert free.ages.empty
    assert free.alone.empty


def test_the_spend_of_the_last_twelve_whole_months_is_the_cost_where_none_is_stated(shop):
    orders, _ = shop
    first, end = orders.histories.table["first_order"], pd.Timestamp(orders.observation_end)
    months = pd.date_range(first.min().to_period("M").start_time, end, freq="MS")
    assert end.day < 0.9 * end.days_in_month, "the last month is no whole one"
    spend = pd.DataFrame({"date": months, "spend": 600.0})
    found = payback(*shop, acquisition=spend, horizon="3Y", **MONEY)
    won = first.between(months[-13], months[-1], inclusive="left").sum()
    assert found.cost == pytest.approx(600 * 12 / won)
    assert np.isfinite(found.ages["estimate"]).all()
    assert payback(*shop, acquisition=spend, acquisition_cost=30, horizon="3Y", **MONEY).cost == 30


def test_what_costs_too_much_is_never_paid_back(shop):
    dear = payback(*shop, acquisition_cost=10_000, horizon="1Y", **MONEY).ages
    assert np.isinf(dear["estimate"]).all()
    assert (dear["never"] == 1).all()


def test_the_share_that_pays_back_alone_counts_own_margins(shop, found):
    orders, _ = shop
    days = lives(orders)
    old = days[days["seen"] >= 365]
    brought = old[old["age"] <= 365].groupby("customer")["left"].sum()
    share = found.alone.set_index("age_days").loc[365, "estimate"]
    assert share == pytest.approx((brought >= 30).mean(), abs=0.03)


def test_groups_that_are_alike_are_drawn_together_and_others_stay_apart(shop):
    orders, fits = shop
    ids = orders.histories.ids
    luck = pd.Series(np.arange(len(ids)) % 6, index=ids)
    groups = payback(orders, fits, by=luck, **MONEY).groups.query("months == 12")
    assert np.ptp(groups["estimate"]) < 0.6 * np.ptp(groups["mean"])
    spent = orders.histories.table["spent"].to_numpy()
    plain = pd.Series(np.where(spent > np.median(spent), "high", "low"), index=ids)
    apart = payback(orders, fits, by=plain, **MONEY).groups.query("months == 12").set_index("group")
    assert apart["lower"]["high"] > apart["upper"]["low"]


def test_first_orders_are_told_apart_by_category_and_by_deal():
    frame = simulate_transactions(1200, window_days=1000, birth_days=700, seed=12)
    number = frame["customer"].astype("category").cat.codes
    # Those of category "a" spend twice as much, those who begin with a deal as much as all others.
    frame["amount"] *= np.where(number % 2, 2.0, 1.0)
    frame = frame.assign(kind=np.where(number % 2, "a", "b"), off=np.where(number % 3 == 0, 1.37, 0.0))
    named = {"customer": "customer", "date": "date", "amount": "amount", "category": "kind", "discount": "off"}
    orders = rl.read_orders(frame, **named, discount_is="money")
    groups = first_order_groups(orders, horizon="1Y", **MONEY).query("months == 12").set_index(["by", "group"])
    assert groups.loc[("category", "a"), "lower"] > groups.loc[("category", "b"), "upper"]
    deal, full = groups.loc[("deal", "deal")], groups.loc[("deal", "full_price")]
    assert deal["customers"] < full["customers"]
    assert deal["lower"] < full["upper"]
    assert full["lower"] < deal["upper"]


def test_of_two_groups_a_small_one_is_known_no_better_than_by_its_own_customers(shop):
    ids = shop[0].histories.ids
    by = pd.Series(np.where(np.arange(len(ids)) % 16 == 0, "few", "many"), index=ids)
    few, many = (rows for _, rows in payback(*shop, by=by, **MONEY).groups.query("months == 12").iterrows())
    assert few["estimate"] == few["mean"]  # how much groups differ, two do not tell
    ratio = (few["upper"] - few["lower"]) / (many["upper"] - many["lower"])
    assert ratio == pytest.approx(np.sqrt(many["customers"] / few["customers"]), rel=1e-6)


def test_groups_by_ids_that_there_are_not_are_refused(shop):
    with pytest.raises(DataError, match="customer ids"):
        payback(*shop, by=pd.Series(["a"], index=["nobody"]), **MONEY)


@pytest.mark.parametrize(
    ("acquisition", "told"),
    [(pd.DataFrame({"date": ["2024-01-01"]}), "'spend'"), (pd.DataFrame({"date": [1], "spend": [-3.0]}), "negative")],
)
def test_a_table_of_spend_that_cannot_be_is_refused(shop, acquisition, told):
    with pytest.raises(DataError, match=told):
        payback(*shop, acquisition=acquisition, **MONEY)


def test_the_smallest_test_of_spend_has_the_power_that_is_said():
    rng = np.random.default_rng(6)
    days = np.sort(rng.integers(0, 728, 2_500))
    frame = pd.DataFrame({"customer": np.arange(2_500), "date": pd.Timestamp("2023-01-02") + days.astype("m8[D]")})
    orders = rl.read_orders(frame.assign(amount=20.0), customer="customer", date="date", amount="amount")
    months = pd.date_range("2023-01-01", "2024-12-01", freq="MS")
    channel = pd.Series("web", index=orders.histories.ids)
    spend = pd.DataFrame({"date": months, "spend": 500.0, "channel": "web"})
    (test,) = spend_tests(orders, acquisition_costs(orders, spend, channel), channel).to_dict("records")
    assert test["weekly"] == pytest.approx(2_500 / 104, rel=0.1)
    assert test["extra"] == pytest.approx(0.5 * 6_000 / 52 * test["weeks"] / 2)
    of_a_quarter = acquisition_costs(orders, spend.tail(3), channel)
    assert spend_tests(orders, of_a_quarter, channel)["extra"].tolist() == pytest.approx([test["extra"]])
    # Half as much again brings a quarter more customers, where one more costs twice the average.
    arms, rates = (test["weeks"] // 2, 20_000), (test["weekly"], 1.25 * test["weekly"])
    usual, more = (rng.normal(rate, np.sqrt(test["dispersion"] * rate), arms) for rate in rates)
    error = np.sqrt((usual.var(axis=0, ddof=1) + more.var(axis=0, ddof=1)) / arms[0])
    found = (more.mean(axis=0) - usual.mean(axis=0)) / error > 1.645
    assert found.mean() == pytest.approx(0.8, abs=0.07)
    # More customers also vary more.
    error = np.sqrt(test["dispersion"] * sum(rates) / arms[0])
    assert norm.cdf((rates[1] - rates[0]) / error - 1.645) >= 0.8


def test_without_money_nothing_is_paid_back(load_frame):
    frame = simulate_transactions(300, window_days=500, birth_days=300, seed=13)
    orders = load_frame(frame.drop(columns="amount"))
    with pytest.raises(Unavailable, match="no amounts"):
        payback(orders, BGNBD().fit(orders))


@pytest.mark.slow
def test_the_intervals_of_what_one_may_cost_hold_the_truth(load_frame):
    """Two years of margin, of which one and a half are seen, against a hundred times as many customers."""
    held, truth = 0, None
    for seed in range(60):
        size = 60_000 if truth is None else 600
        frame = simulate_transactions(size, window_days=1100, birth_days=300, seed=seed)
        orders = load_frame(frame, first_orders="known")
        if truth is None:
            days = lives(orders)
            truth = days.loc[(days["age"] <= 24 * MONTH), "left"].sum() / orders.customers
            continue
        end = (pd.to_datetime(frame["date"]).min() + pd.Timedelta(days=550)).date()
        early = load_frame(frame, as_of=end, first_orders="known")
        row = payback(early, BGNBD().fit(early), **MONEY).most.set_index(["model", "months"]).loc[("BG/NBD", 24.0)]
        held += row["lower"] <= truth <= row["upper"]
    assert held >= 46


@pytest.mark.slow
def test_equal_channels_are_seldom_told_apart():
    share, apart = {"web": 0.4, "shop": 0.3, "mail": 0.2, "fair": 0.1}, 0
    for seed in range(100):
        frame = simulate_transactions(1200, window_days=900, birth_days=450, seed=1000 + seed)
        orders = rl.read_orders(frame, customer="customer", date="date", amount="amount")
        ids = orders.histories.ids
        channel = pd.Series(np.random.default_rng(seed).choice(list(share), len(ids), p=list(share.values())), ids)
        groups = payback(orders, BGNBD().fit(orders), by=channel).groups.query("months == 12")
        apart += groups["lower"].max() > groups["upper"].min()
    assert apart <= 10
