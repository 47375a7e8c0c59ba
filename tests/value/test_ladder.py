import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.data.simulation import simulate_transactions
from analysis.errors import DataError, UsageError
from analysis.models.beta_geometric import BGNBD
from analysis.value.ladder import (
    RUNGS,
    STATES,
    _states,
    histories_ago,
    ladder,
    own_rhythm,
    points_of_waits,
    state_of,
    waits_that_ended,
)


@pytest.fixture(scope="module")
def shop(small_shop):
    return small_shop[:2]


@pytest.fixture
def stands(small_shop):
    return small_shop[3]


def test_every_customer_is_on_one_rung_and_the_rungs_hold_everybody(shop, stands):
    orders, _ = shop
    assert stands.rungs["customers"].sum() == orders.customers
    assert stands.customers["customer_id"].tolist() == orders.histories.ids.tolist()
    assert set(stands.customers["rung"]) <= set(RUNGS)
    assert stands.rungs["orders"].sum() == orders.orders
    assert stands.rungs["spent"].sum() == pytest.approx(orders.histories.table["spent"].sum())


def test_the_rules_are_those_of_the_articles(stands):
    table = stands.customers
    member = (table["orders"] >= stands.member_orders) & (table["silent_days"] <= table["late_days"])
    assert ((table["rung"] == "member") == member).all()
    assert ((table["rung"] == "shopper") == (table["orders"] == 1)).all()
    assert (table["asleep"] == ((table["silent_days"] > table["asleep_days"]) | (table["p_alive"] < 0.5))).all()
    assert ((table["phase"] == "long") == (table["orders"] >= stands.member_orders)).all()


def test_one_gap_in_ten_is_longer_than_the_own_rhythms_tenth(shop):
    _, fit = shop
    rng, n = np.random.default_rng(9), 40_000
    rate = rng.gamma(fit.parameters["r"], 1 / fit.parameters["alpha"], n)  # orders a week
    gaps = rng.exponential(1 / rate[:, None], (n, 5))
    repeats = np.full(n, 4)
    late = own_rhythm(fit, repeats, 7 * gaps[:, :4].sum(axis=1), 0.9)
    # Four gaps known, the fifth is predicted: it is the posterior that the formula conditions on.
    assert np.mean(7 * gaps[:, 4] > late) == pytest.approx(0.1, abs=0.005)


@pytest.mark.parametrize("comes_back", [1.0, 0.4])
def test_the_rhythm_of_a_first_order_is_not_shortened_by_customers_who_came_lately(comes_back):
    rng, n = np.random.default_rng(3), 4_000
    seen = rng.uniform(0, 400, n)
    waits = np.where(rng.random(n) < comes_back, rng.exponential(60, n), np.inf)
    found = points_of_waits(np.where(waits <= seen, waits, np.nan), seen)
    assert found[0.9] == pytest.approx(60 * np.log(10), rel=0.08)
    assert np.quantile(waits[waits <= seen], 0.9) < 0.92 * found[0.9]


def test_where_nobody_came_back_a_first_order_has_no_rhythm():
    assert points_of_waits(np.full(50, np.nan), np.full(50, 90.0)) == {0.9: np.inf, 0.95: np.inf}
    assert points_of_waits(np.array([10.0, np.nan]), np.array([20.0, 30.0])) == {0.9: 10.0, 0.95: 10.0}


def test_flows_begin_and_end_with_what_is_there(shop, stands):
    orders, _ = shop
    past, coming = stands.flows("past"), stands.flows("coming")
    with pytest.raises(UsageError, match="which == 'next', must be 'past' or 'coming'"):
        stands.flows("next")
    assert past.to_numpy().sum() == orders.customers
    now = past.sum()
    assert coming.sum(axis=1).round(6).to_dict() == {name: count for name, count in now.items() if count}
    assert past.loc["new"].sum() == (orders.histories.table["T_days"] < 365).sum()
    assert list(past.columns) == list(STATES)
    assert (stands.coming["lower"] <= stands.coming["upper"]).all()


def test_what_is_expected_of_the_next_year_is_what_comes(load_frame):
    frame = simulate_transactions(1500, window_days=1095, birth_days=500, seed=10).astype({"date": "datetime64[s]"})
    end = frame["date"].max()
    early = load_frame(frame[frame["date"] <= end - pd.Timedelta(days=365)])
    fit = BGNBD().fit(early)
    found = ladder(early, fit, member_orders=4).coming
    late, wait = load_frame(frame), waits_that_ended(early)
    then = histories_ago(late, 0)
    states = pd.Series(_states(then["orders"], state_of(fit, then, wait, end), 4), index=late.histories.ids)
    came = states[early.histories.ids].value_counts()
    for state, expected in found.groupby("to")["customers"].sum().items():
        assert came.get(state, 0) == pytest.approx(expected, abs=4 * np.sqrt(expected + 1))


def test_the_value_of_the_rungs_adds_up_to_that_of_the_base(small_shop):
    orders, fit, value, _ = small_shop
    rungs = ladder(orders, fit, value).rungs
    assert rungs["estimate"].sum() == pytest.approx(value.total.estimate)
    assert rungs["value_share"].sum() == pytest.approx(1)


def test_the_profile_of_a_rung_is_the_share_of_its_customers_whose_attribute_is_known(shop):
    orders, fit = shop
    channel = pd.Series(["web", "shop", None] * 200, index=orders.histories.ids[:600], name="channel")
    found = ladder(orders, fit, attributes=channel)
    table = found.customers.assign(channel=channel.reindex(orders.histories.ids).to_numpy()).dropna(subset="channel")
    expected = pd.crosstab(table["rung"], table["channel"], normalize="index")
    profile = found.profile.pivot(index="rung", columns="value", values="share")
    pd.testing.assert_frame_equal(profile, expected, check_names=False)
    assert found.profile.groupby("value")["share_of_all"].first().to_dict() == {"shop": 0.5, "web": 0.5}
    assert found.profile["attribute"].unique().tolist() == ["channel"]
    each = found.customers.groupby("rung")["orders"].mean()
    pd.testing.assert_series_equal(found.rungs["orders_each"].sort_index(), each, check_names=False)
    assert ladder(orders, fit).profile.empty


def test_a_configured_number_of_orders_is_kept_beside_the_proposed_one(shop, stands):
    kept = ladder(*shop, member_orders=7)
    assert (kept.member_orders, kept.proposed_orders) == (7, stands.proposed_orders)
    assert (kept.customers["rung"] == "member").sum() < (stands.customers["rung"] == "member").sum()


def test_names_climb_by_what_is_known_of_them(shop):
    orders, fit = shop
    table = orders.histories.table.sort_values(["orders", "T_days"], ascending=[False, True])
    best = table["customer_id"].iloc[0]
    recent = orders.histories.table.nsmallest(3, "T_days")["customer_id"].tolist()
    once = orders.histories.table.query("orders == 1")["customer_id"].iloc[0]
    names = pd.DataFrame([
        {"customer": "out of reach"}, {"customer": "asked", "enquired": True},
        {"customer": "sells", "enquired": False}, *({"customer": each, "referred_by": "sells"} for each in recent),
        {"customer": best, "top_score": True}, {"customer": once, "club_since": "2024-01-01", "referred_by": once},
    ])  # fmt: skip
    found = ladder(orders, fit, names=names)
    rung = found.to_frame().set_index(found.to_frame()["customer_id"].astype(str))["rung"]
    assert rung["out of reach"] == "suspect"
    assert rung["asked"] == "prospect"
    assert rung["sells"] == "fan"
    assert rung[str(best)] == "advocate"
    assert rung[str(once)] == "member"
    assert found.rungs["customers"].sum() == orders.customers + 3
    assert set(found.names["phase"]) == {"short"}
    assert found.to_frame()["orders"].dropna().map(type).eq(int).all()  # in `ladder.csv` as well
    assert found.to_frame()["asleep"].dtype == "boolean"


known = st.one_of(st.none(), st.integers(0, 950), st.just("elsewhere"))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {"customer": known},
            optional={
                "enquired": st.sampled_from([True, False, None, 1, 0]),
                "club_since": st.sampled_from([None, "2024-05-01"]),
                "referred_by": known,
                "top_score": st.sampled_from([True, None, 0]),
            },
        ),
        max_size=40,
    )
)
def test_every_name_is_on_exactly_one_rung_whatever_the_table_holds(shop, rows):
    orders, columns = shop[0], ["customer", "enquired", "club_since", "referred_by", "top_score"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("analysis.value.ladder.PASSES", 1)
        found = ladder(*shop, names=pd.DataFrame(rows, columns=columns))
    ids = {str(row["customer"]) for row in rows if row["customer"] is not None}
    everybody = ids | set(orders.histories.table["customer_id"])
    table = found.to_frame()
    assert sorted(table["customer_id"].astype(str)) == sorted(everybody)
    assert table["rung"].isin(RUNGS).all()
    assert found.rungs["customers"].sum() == len(everybody)


@pytest.mark.parametrize(("names", "told"), [
    (pd.DataFrame({"client": [1]}), "no column 'customer'"), (pd.DataFrame({"customer": [1], "clubs": 1}), "'clubs'"),
])  # fmt: skip
def test_a_table_of_names_that_says_something_else_is_refused(shop, names, told):
    with pytest.raises(DataError, match=told):
        ladder(*shop, names=names)


def test_phases_are_shares_that_rise_with_age(stands):
    for _, rows in stands.phases.groupby(["reached", "cohort_year"]):
        assert rows["estimate"].is_monotonic_increasing
    wide = stands.phases.pivot(index=["cohort_year", "age_days"], columns="reached", values="estimate")
    assert (wide["member"] <= wide["second"]).all()
