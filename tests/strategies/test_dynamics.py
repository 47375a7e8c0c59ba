import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.strategies.dynamics import (
    Channel,
    bond_after,
    deal_orders,
    impression,
    leaving_probability,
    order_margin,
    promotional_lift,
    response,
    taken_hazard,
    value_of_won,
)

shares = st.floats(0, 1)
gaps = st.floats(-5, 5)


@given(gap=gaps, loss_aversion=st.floats(1, 4))
def test_a_shortfall_weighs_more_than_a_surplus_of_the_same_size(gap, loss_aversion):
    up, down = response(abs(gap), loss_aversion), response(-abs(gap), loss_aversion)
    assert up == abs(gap)
    assert down == pytest.approx(-loss_aversion * up)


def test_both_channels_follow_the_same_rule():
    channel = Channel(theta=0.7, gamma=0.2, kappa=0.4)
    deal = impression(channel, expected=0.1, met=0.3, loss_aversion=2.0)
    assert deal == impression(channel, expected=0.1, met=0.3, loss_aversion=3.0)
    assert (deal.log_odds, deal.log_pace, deal.expected) == pytest.approx((-0.14, 0.04, 0.18))


@pytest.mark.parametrize(
    ("kappa", "gaps"), [(1.0, [0.5, 0, 0, 0]), (0.0, [0.5] * 4), (0.5, [0.5, 0.25, 0.125, 0.0625])]
)
def test_delight_raises_the_bar_as_fast_as_customers_learn(kappa, gaps):
    expected, found = 0.0, []
    for _ in range(4):
        met = impression(Channel(1.0, 1.0, kappa), expected, 0.5, 2.0)
        found.append(met.gap)
        expected = met.expected
    assert found == pytest.approx(gaps)


def test_what_is_taken_away_again_disappoints():
    once = impression(Channel(1.0, 1.0, 0.5), 0.0, 0.2, 2.0)
    then = impression(Channel(1.0, 1.0, 0.5), once.expected, 0.0, 2.0)
    assert then.log_odds > 0 > then.log_pace


@given(odds=st.floats(-20, 20), gap=gaps)
def test_far_below_the_expectation_the_brand_is_struck_off(odds, gap):
    chance = leaving_probability(odds, gap, tau=3.0)
    assert 0 < chance <= 1
    if gap < -3:
        assert chance == 1
    elif odds < 10:
        assert chance < 1


def test_bonds_grow_with_delight_fade_and_never_fall_below_zero():
    assert bond_after(0.0, 0.5, 0.2) == 0.5
    assert bond_after(1.0, 0.0, 0.2) == pytest.approx(0.8)
    assert bond_after(0.3, -2.0, 0.2) == 0.0


@given(lift=st.floats(0, 3), depth=shares, expected=shares)
def test_only_a_deal_above_the_expected_one_lifts_orders(lift, depth, expected):
    found = promotional_lift(lift, depth, expected)
    assert found >= 0
    assert (found > 0) == (lift > 0 and depth > expected) or found < 1e-300


@given(lift=st.floats(0, 5), reach=shares)
def test_orders_that_use_the_deal_are_a_share_and_at_least_that_of_those_reached(lift, reach):
    assert reach - 1e-12 <= deal_orders(lift, reach) <= 1 + 1e-12


@given(depth=shares, deeper=shares, value=st.floats(0, 1e4), margin=shares, cost=st.floats(0, 50))
def test_deeper_discounts_never_raise_the_margin_of_an_order(depth, deeper, value, margin, cost):
    shallow, deep = sorted((depth, deeper))
    assert order_margin(value, margin, cost, deep) <= order_margin(value, margin, cost, shallow)


def test_a_rivals_deal_must_be_better_than_ones_own_and_than_the_bond():
    assert taken_hazard(0.1, 0.3, 0.3, 0.05, 0.0) == 0
    assert taken_hazard(0.1, 0.3, 0.1, 0.05, 0.0) == pytest.approx(0.02)
    assert taken_hazard(0.1, 0.3, 0.1, 0.05, 4.0) == 0


def test_customers_won_by_a_deal_are_worth_as_much_together_as_stated():
    share, promoted = 0.3, 0.1
    others = value_of_won(0.5, 0.35, share, promoted)
    assert share * promoted + (1 - share) * others == pytest.approx(0.5)
    assert value_of_won(0.5, 0.0, 0.0, promoted) == 1
    assert (value_of_won(np.array([0.5]), 1.0, np.array([0.6]), 0.9) >= 0).all()
