"""Calibrated totals: of all customers and of groups, orders and money, over any horizon."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.interval import Interval
from analysis.models.origins import Calibration
from analysis.value.valuation import outlook


@pytest.fixture(scope="module")
def value(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.value.valuation.PASSES", 200)
        return rl.customer_value(cdnow_purchase.primary.of(cdnow_39_weeks), cdnow_spend, "13W")


class Missed:
    """A record of windows of 13 weeks that missed by much."""

    calibration = Calibration.of([0.3, -0.2, 0.25], [0.05] * 3, 91)


def test_groups_are_widened_like_the_base_in_orders_and_in_money(value):
    ahead = outlook(value, Missed)
    one = ahead.of(value.by(pd.Series("all", index=value.customers["customer_id"]))).loc["all"]
    for name, total in (("", ahead.money), ("expected_orders_", ahead.orders)):
        found = one[f"{name}calibrated_lower"], one[f"{name}calibrated_upper"]
        assert found == pytest.approx((total.lower, total.upper), rel=1e-6)
    parts = ahead.of(value.by("orders"))
    for name in ("", "expected_orders_"):
        assert (parts[f"{name}calibrated_lower"] < parts[f"{name}lower"]).all()
        assert (parts[f"{name}calibrated_upper"] > parts[f"{name}upper"]).all()
    pd.testing.assert_frame_equal(parts[value.by("orders").columns], value.by("orders"))


def test_a_shorter_horizon_is_widened_by_more(value):
    quarter, month = (outlook(replace(value, horizon_years=days / 365.25), Missed) for days in (91, 30))
    assert (month.orders.upper, month.money.upper) > (quarter.orders.upper, quarter.money.upper)
    wide = [each.of(value.by("recency"))["calibrated_upper"].to_numpy() for each in (quarter, month)]
    assert (wide[1] > wide[0]).all()
    assert not quarter.is_assumed
    assert outlook(replace(value, horizon_years=3.0), Missed).is_assumed


def test_what_brings_nothing_has_no_calibrated_interval(value):
    at_a_loss = replace(value, total=Interval(-3, -9, 2, 0.9))
    assert outlook(at_a_loss).money is None
    costly = value.by("orders").assign(estimate=-1.0)
    assert np.isnan(outlook(value).of(costly)["calibrated_upper"]).all()


def test_the_figure_of_segments_shows_the_calibrated_interval(value):
    ahead = outlook(value, Missed)
    drawn = value.plot.segments(by="orders", outlook=ahead).collections[0].get_segments()
    expected = ahead.of(value.by("orders")[::-1])[["calibrated_lower", "calibrated_upper"]].to_numpy()
    assert np.array([line[:, 0] for line in drawn]) == pytest.approx(expected)
