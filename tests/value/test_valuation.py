"""What customers are worth still: each of them, groups and all, with intervals and, calibrated, what comes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.data import CustomerSummary
from analysis.data.simulation import simulate_transactions
from analysis.errors import DataError
from analysis.interval import Interval
from analysis.models.origins import Calibration, Record
from analysis.value.valuation import futures, outlook, value_of

COLUMNS = [
    *("customer_id", "first_order", "last_order", "orders", "spent", "frequency", "recency", "T"),
    *("p_alive", "expected_orders", "p_order", "expected_order_value"),
    *("residual_clv", "residual_clv_lower", "residual_clv_upper", "days_until_p_alive_half", "no_repeat_yet"),
]


pytestmark = pytest.mark.usefixtures("few_draws")


@pytest.fixture(scope="module")
def simulated(cdnow_39_weeks, cdnow_purchase, cdnow_spend, few_draws):
    return futures(cdnow_39_weeks, cdnow_purchase, cdnow_spend)


@pytest.fixture(scope="module")
def value(simulated):
    return value_of(simulated, currency="USD")


def test_segments_are_cut_by_orders_and_by_days_since_the_last_one(value, cdnow_39_weeks):
    table = cdnow_39_weeks.table
    found = value.segments["customers"]
    silent = table["T_days"] - table["recency_days"]
    assert found["recency", "0-90"] == (silent <= 90).sum()
    assert found["recency", "181-365"] == ((silent > 180) & (silent <= 365)).sum()
    assert found["orders", "2-3"] == table["orders"].between(2, 3).sum()
    grid = value.grid()
    assert grid["customers"].sum() == len(table)
    assert grid.loc[("2-3", "0-90"), "customers"] == (table["orders"].between(2, 3) & (silent <= 90)).sum()
    assert grid["estimate"].sum() == pytest.approx(value.total.estimate)


def test_the_predictive_interval_is_wider_than_the_credible_one_of_the_expectation(value):
    predictive, credible = value.total, value.expected_total
    assert predictive.lower < credible.lower < credible.estimate < credible.upper < predictive.upper


def test_the_base_is_valued_under_every_model_since_they_disagree_on_who_is_alive(value):
    assert list(value.by_model) == ["BG/NBD", "MBG/NBD", "Pareto/NBD"]
    assert value.by_model["BG/NBD"]["residual_clv"] == value.total
    for total in value.by_model.values():
        for interval in total.values():
            assert interval.lower < interval.estimate < interval.upper


def test_customers_without_a_repeat_order_are_marked_and_have_no_day_on_which_they_count_as_gone(value):
    once = value.customers["frequency"] == 0
    assert (value.customers["no_repeat_yet"] == once).all()
    assert value.customers.loc[once, "days_until_p_alive_half"].isna().all()
    assert (value.customers.loc[once, "p_alive"] == 1).all()


def test_value_does_not_depend_on_the_time_unit(cdnow_39_weeks, cdnow_spend, value):
    other = value_of(futures(cdnow_39_weeks, [rl.BGNBD().fit(cdnow_39_weeks, unit="month")], cdnow_spend))
    clv = value.customers["residual_clv"].to_numpy()
    assert other.customers["residual_clv"].to_numpy() == pytest.approx(clv, rel=1e-4)
    assert other.total.lower == pytest.approx(value.total.lower, rel=0.03)
    pd.testing.assert_series_equal(other.segments["customers"], value.segments["customers"])


def test_margin_scales_value_and_costs_reduce_it(simulated, value):
    doubled, costly = value_of(simulated, gross_margin=0.6), value_of(simulated, cost_per_order=5)
    assert doubled.total.estimate == pytest.approx(2 * value.total.estimate)
    assert doubled.total.upper == pytest.approx(2 * value.total.upper)
    bounds = value.customers["residual_clv_upper"].to_numpy()
    assert doubled.customers["residual_clv_upper"].to_numpy() == pytest.approx(2 * bounds)
    assert costly.total.estimate < value.total.estimate
    assert costly.total.upper < value.total.upper
    assert (costly.customers["residual_clv_upper"] <= value.customers["residual_clv_upper"] + 1e-9).all()


def test_a_cost_that_eats_the_margin_leaves_the_same_share_of_every_order(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    """With one value for all orders a cost is a lower margin: totals, bounds and segments agree."""
    constant = cdnow_spend.__class__("constant", {"mean": 40.0}, {}, float("nan"), 1, 40.0)
    found = futures(cdnow_39_weeks, cdnow_purchase.fits[:1], constant)
    with_cost, without = value_of(found, gross_margin=0.5, cost_per_order=8.0), value_of(found, gross_margin=0.3)
    assert vars(with_cost.total) == pytest.approx(vars(without.total))
    assert vars(with_cost.expected_total) == pytest.approx(vars(without.expected_total))
    pd.testing.assert_frame_equal(with_cost.segments, without.segments)
    for name in ("residual_clv", "residual_clv_lower", "residual_clv_upper"):
        assert with_cost.customers[name].to_numpy() == pytest.approx(without.customers[name].to_numpy())


def test_without_money_there_are_orders_but_no_value(cdnow_39_weeks, cdnow_purchase):
    table = cdnow_39_weeks.table.drop(columns=["spent", "mean_repeat_value"])
    bare = CustomerSummary(table, cdnow_39_weeks.observation_end, has_money=False)
    found = value_of(futures(bare, cdnow_purchase, None))
    assert list(found.customers.columns) == COLUMNS
    assert found.customers[["spent", "residual_clv", "residual_clv_lower"]].isna().all().all()
    assert found.total is None
    assert found.expected_orders.estimate > 0
    assert found.by("orders")["estimate"].sum() == pytest.approx(found.expected_orders.estimate)


class TestGroups:
    def test_any_grouping_adds_up_to_the_base(self, value, cdnow_39_weeks):
        groups = rl.rfm(cdnow_39_weeks)
        assert value.total.estimate == pytest.approx(value.customers["residual_clv"].sum())
        for group in ("orders", "recency", "value", "no_repeat_yet", groups):
            found = value.by(group)
            assert found["customers"].sum() == len(value.customers)
            assert found["estimate"].sum() == pytest.approx(value.total.estimate)
            assert found["share"].sum() == pytest.approx(1)
            assert (found["lower"] <= found["upper"]).all()
            assert (found["expected_orders_lower"] <= found["expected_orders_upper"]).all()
        assert set(found.index) == set(groups)

    def test_a_group_that_cannot_be_is_refused_with_what_is_allowed(self, value):
        with pytest.raises(DataError, match="group == 'channel', must be one of 'orders', 'recency', 'value'"):
            value.by("channel")
        with pytest.raises(DataError, match=r"DataFrame, must be a column.s name or a Series by customer id"):
            value.by(pd.DataFrame())
        with pytest.raises(DataError, match=r"customer ids such as \['00004'\], each once; it begins with \[1\]"):
            value.by(pd.Series("a", index=[1, 2]))

    def test_the_channel_and_category_of_the_first_order_are_columns_to_group_by(self):
        frame = simulate_transactions(300, seed=4)
        frame["shop"] = np.where(frame["customer"] < "C150", "web", "street")
        named = {"customer": "customer", "date": "date", "amount": "amount", "channel": "shop"}
        orders = rl.read_orders(frame, **named)
        value = rl.customer_value(rl.BGNBD().fit(orders), rl.GammaGamma().fit(orders), horizon="1Y")
        found = value.by("channel")
        assert found["customers"].to_dict() == {"street": 151, "web": 149}
        assert found["estimate"].sum() == pytest.approx(value.total.estimate)

    def test_rfm_scores_rise_with_recency_orders_and_money(self, cdnow_39_weeks):
        groups, table = rl.rfm(cdnow_39_weeks), cdnow_39_weeks.table
        assert (groups.index == cdnow_39_weeks.ids).all()
        scores = groups.str.extract(r"R(\d) F(\d) M(\d)").astype(int).to_numpy()
        once = (table["orders"] == 1).to_numpy()
        assert (scores[once, 1] == 1).all()
        assert scores[~once, 1].min() >= 2
        for column, measure in enumerate((table["recency_days"] - table["T_days"], table["orders"], table["spent"])):
            best = measure.to_numpy() == measure.max()
            assert (scores[best, column] == 3).all()


def test_a_summary_in_lifetimes_columns_is_enough(cdnow_39_weeks):
    frame = cdnow_39_weeks.frame("week")[["frequency", "recency", "T", "monetary_value"]].set_axis(range(1_000, 3_357))
    value = rl.customer_value(rl.BGNBD().fit(frame, unit="week"), rl.GammaGamma().fit(frame), horizon="39W")
    assert value.customers["customer_id"].tolist()[:2] == [1_000, 1_001]
    assert value.by(pd.Series("x", index=frame.index[:100]))["customers"].tolist() == [100]


@pytest.fixture(scope="module")
def quarter(cdnow_39_weeks, cdnow_purchase, cdnow_spend, few_draws):
    return rl.customer_value(cdnow_purchase.primary.of(cdnow_39_weeks), cdnow_spend, "13W")


MISSED = Record(
    "BG/NBD", False, pd.DataFrame(), pd.DataFrame(),
    calibration=Calibration.of([0.3, -0.2, 0.25], [0.05] * 3, 91),
    money=Calibration.of([0.4, -0.3, 0.35], [0.06] * 3, 91),
    follows="",
)  # fmt: skip
"""Windows of 13 weeks that missed by much."""


def test_groups_are_widened_like_the_base_in_orders_and_in_money(quarter):
    ahead = outlook(quarter, MISSED)
    one = ahead.of(quarter.by(pd.Series("all", index=quarter.customers["customer_id"]))).loc["all"]
    for name, total in (("", ahead.money), ("expected_orders_", ahead.orders)):
        found = one[f"{name}calibrated_lower"], one[f"{name}calibrated_upper"]
        assert found == pytest.approx((total.lower, total.upper), rel=1e-6)
    parts = ahead.of(quarter.by("orders"))
    for name in ("", "expected_orders_"):
        assert (parts[f"{name}calibrated_lower"] < parts[f"{name}lower"]).all()
        assert (parts[f"{name}calibrated_upper"] > parts[f"{name}upper"]).all()
    pd.testing.assert_frame_equal(parts[quarter.by("orders").columns], quarter.by("orders"))


def test_a_shorter_horizon_is_widened_by_more(quarter):
    usual, month = (outlook(replace(quarter, horizon_years=days / 365.25), MISSED) for days in (91, 30))
    assert (month.orders.upper, month.money.upper) > (usual.orders.upper, usual.money.upper)
    wide = [each.of(quarter.by("recency"))["calibrated_upper"].to_numpy() for each in (usual, month)]
    assert (wide[1] > wide[0]).all()
    assert not usual.is_assumed
    assert outlook(replace(quarter, horizon_years=3.0), MISSED).is_assumed


def test_what_brings_nothing_has_no_calibrated_interval(quarter):
    at_a_loss = replace(quarter, total=Interval(-3, -9, 2, 0.9))
    assert outlook(at_a_loss).money is None
    costly = quarter.by("orders").assign(estimate=-1.0)
    assert np.isnan(outlook(quarter).of(costly)["calibrated_upper"]).all()


def test_the_figure_of_segments_shows_the_calibrated_interval(quarter):
    ahead = outlook(quarter, MISSED)
    drawn = quarter.plot.segments(by="orders", outlook=ahead).collections[0].get_segments()
    expected = ahead.of(quarter.by("orders")[::-1])[["calibrated_lower", "calibrated_upper"]].to_numpy()
    assert np.array([line[:, 0] for line in drawn]) == pytest.approx(expected)
