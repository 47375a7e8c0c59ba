from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.models.diagnostics import diagnostics, drift_of, order_values_of, regularity_of
from analysis.models.fits import PurchaseFits, fit_one
from analysis.models.nbd import NBD
from analysis.models.patterns import patterns_of
from analysis.models.spend import spending_of
from analysis.time import Clock, TimeUnit

from .orders_of_value import gamma_gamma_orders, summary_of


def days_of(rng, customers=400, shape=1, mean_gap=40.0, orders=8):
    gaps = rng.gamma(shape, mean_gap / shape, (customers, orders)) * rng.uniform(0.5, 2, (customers, 1))
    day = np.ceil(gaps).cumsum(axis=1).astype(int)
    return np.repeat(np.arange(customers), orders), day.ravel()


@pytest.mark.parametrize(("shape", "alarm"), [(1, False), (2, True), (3, True)])
def test_regular_gaps_are_told_from_random_ones_whatever_the_rate(shape, alarm):
    known, found, p_value = regularity_of(*days_of(np.random.default_rng(1), shape=shape))
    assert known
    assert found == pytest.approx(shape, rel=0.12)
    assert (p_value < 0.01) == alarm


def test_too_few_gaps_tell_nothing():
    assert not regularity_of(*days_of(np.random.default_rng(1), customers=10))[0]


def shop(rng, busy=1.0, later=1.0, years=3, customers=1_500):
    """Orders at random: ``busy`` times as many in November and December, ``later`` times for the last to come."""
    begins, end = rng.integers(0, 365 * years - 100, customers), 365 * years
    rate = rng.gamma(1, 0.008, customers) * later ** (begins / end)
    who = np.repeat(np.arange(customers), rng.poisson(rate * busy * (end - begins)))
    time = rng.uniform(begins[who], end)
    month = (pd.Timestamp("2020-01-01") + pd.to_timedelta(time, unit="D")).month
    kept = rng.random(time.size) < np.where(month >= 11, 1, 1 / busy)
    days = np.floor(np.append(begins, time[kept]))
    frame = pd.DataFrame({"customer": np.append(np.arange(customers), who[kept])})
    frame = frame.assign(date=pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D")).drop_duplicates()
    return rl.read_orders(frame, customer="customer", date="date")


def checked(orders):
    clock = Clock(TimeUnit.WEEK)
    fit = fit_one(NBD(), patterns_of(orders.histories, clock), clock, 1, quick=True)
    return diagnostics(orders, PurchaseFits((fit,), {}))


@pytest.mark.parametrize(("spread", "alarm"), [(1.0, False), (0.3, True), (2.5, True)])
def test_order_values_that_vary_more_or_less_than_their_means_let_expect_are_told(spread, alarm):
    customer, amount = gamma_gamma_orders(1_500, 6.25, 3.74, 15.44, seed=1)
    mean = pd.Series(amount).groupby(customer).transform("mean").to_numpy()
    values = summary_of(customer, mean + np.sqrt(spread) * (amount - mean))
    known, found, p_value = order_values_of(spending_of(values)[0])
    assert known
    assert found == pytest.approx(spread - 1, abs=0.2)
    assert (p_value < 0.01) == alarm


def test_order_values_without_squares_or_of_few_customers_tell_nothing():
    customer, amount = gamma_gamma_orders(60, 6.25, 3.74, 15.44, seed=1)
    spending = spending_of(summary_of(customer, amount))[0]
    assert not order_values_of(spending)[0]
    assert not order_values_of(replace(spending, squares=None))[0]


def test_a_clean_shop_raises_no_alarm():
    found = checked(shop(np.random.default_rng(1)))
    assert found.found["known"].drop("order_values").all()  # there is no money
    assert not found.found["alarm"].any()
    assert found.unseen_months == ()


def test_a_season_is_found_in_the_months_that_have_it():
    found = checked(shop(np.random.default_rng(1), busy=2.0))
    assert found.found.loc["season", "alarm"]
    assert found.months["index"].nlargest(2).index.tolist() in ([11, 12], [12, 11])


def test_with_one_year_no_season_can_be_told_and_the_months_are_named():
    found = checked(shop(np.random.default_rng(1), busy=2.0, years=1))
    assert not found.found.loc["season", "known"]
    assert found.unseen_months == tuple(range(1, 13))


def test_later_customers_who_order_less_are_a_drift():
    found = checked(shop(np.random.default_rng(1), later=0.4))
    assert found.found.loc["drift", "alarm"]
    assert found.found.loc["drift", "effect"] < -0.3


def test_drift_cannot_be_told_where_customers_came_before_the_data():
    orders = shop(np.random.default_rng(1), customers=200)
    object.__setattr__(orders, "left_truncation", rl.Message("many came before"))
    who, day = np.repeat(np.arange(50), 2), np.tile([0, 30], 50)
    assert not drift_of(orders, who, day)[0]
