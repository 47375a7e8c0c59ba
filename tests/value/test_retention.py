"""Retention: what the models say of years, and the rates of periods counted from orders."""

import datetime as dt

import pandas as pd
import pytest

from analysis.data.simulation import simulate_transactions
from analysis.errors import Unavailable
from analysis.models.patterns import patterns_of
from analysis.models.registry import MODELS
from analysis.time import Clock, TimeUnit
from analysis.value.retention import model_retention, period_rates

from .individuals import YEAR


@pytest.fixture(scope="module")
def retention(cdnow_39_weeks, cdnow_purchase):
    return model_retention(cdnow_39_weeks, cdnow_purchase)


def test_later_years_lose_fewer_since_those_who_leave_easily_have_left(retention):
    by_year = retention.years.set_index("year").groupby(["group", "model"])["estimate"]
    rates = by_year.get_group(("new_customers", "BG/NBD"))
    assert rates[:4].tolist() == pytest.approx([0.764, 0.900, 0.933, 0.949], abs=0.001)
    assert all(rates.is_monotonic_increasing for _, rates in by_year)


def test_the_retention_of_the_base_is_that_of_those_who_are_alive(retention, cdnow_39_weeks, cdnow_purchase):
    patterns = patterns_of(cdnow_39_weeks, Clock(TimeUnit.WEEK))
    first = retention.years.query("group == 'base' and year == 1").set_index("model")["estimate"]
    for fit in cdnow_purchase:
        model = MODELS[fit.model]
        alive = model.p_alive(fit.params, *patterns.history)
        stays = model.survival_while_alive(fit.params, YEAR, patterns.frequency, patterns.T)
        exact = patterns.total(alive * stays) / patterns.total(alive)
        assert first[fit.model] == pytest.approx(exact, rel=1e-5)


def by_hand(transactions, start, end, window):
    """The same counts, with sets of customers."""
    orders = pd.read_parquet(transactions.occasions).astype({"day": "datetime64[s]"})

    def active(day):
        since = pd.Timestamp(day) - pd.Timedelta(days=window)
        return set(orders.loc[(orders["day"] > since) & (orders["day"] <= pd.Timestamp(day)), "customer"])

    first = orders.groupby("customer")["day"].min()
    born = set(first.index[(first > pd.Timestamp(start)) & (first <= pd.Timestamp(end))])
    before, after = active(start), active(end)
    return {
        "at_start": len(before), "at_end": len(after), "kept": len(before & after), "new": len(born & after),
        "reactivated": len(after - before - born),
    }  # fmt: skip


@pytest.fixture
def simulated(sample_study):
    return sample_study("simulated").orders


@pytest.mark.parametrize("window", [30, 90, 180])
def test_every_count_is_what_sets_of_customers_give(simulated, window):
    for rate in period_rates(simulated, window).itertuples():
        expected = by_hand(simulated, rate.start, rate.end, rate.window_days)
        assert {name: getattr(rate, name) for name in expected} == expected


def test_the_formula_is_kept_and_reactivated_over_those_at_the_start(simulated):
    for rate in period_rates(simulated, 90).itertuples():
        assert rate.rate == pytest.approx((rate.at_end - rate.new) / rate.at_start)
        assert rate.estimate == rate.kept / rate.at_start
        assert rate.at_end == rate.kept + rate.new + rate.reactivated
        assert rate.rate >= rate.estimate
        assert rate.rate_lower <= rate.rate <= rate.rate_upper


def test_the_formula_may_exceed_one_and_keeps_an_interval(load_frame):
    frame = pd.DataFrame(
        {
            "customer": ["a", "b", "c", "d", "a", "b", "c", "d"],
            "date": pd.to_datetime(["2023-01-01"] * 3 + ["2023-06-30"] + ["2024-06-30"] * 4),
        }
    )
    year = period_rates(load_frame(frame, observation_start=dt.date(2022, 9, 1)), 30).iloc[0]
    assert (year["at_start"], year["at_end"], year["rate"]) == (1, 4, 4.0)
    assert year["rate_lower"] < 4.0 < year["rate_upper"]


@pytest.mark.parametrize(("days", "fits"), [(545, True), (544, False)])
def test_a_yearly_rate_takes_a_window_more_than_a_year(load_frame, days, fits):
    end = dt.date(2023, 12, 31)
    start = end - dt.timedelta(days=days - 1)
    often = pd.date_range(start, end, periods=10).normalize()
    frame = pd.DataFrame({"customer": ["a"] * 10 + ["b"], "date": [*often, often[0]]})
    assert period_rates(load_frame(frame), 180)["months"].iloc[0] == (12 if fits else 6)


def test_data_too_short_for_a_quarter_say_so(load_frame):
    frame = pd.DataFrame({"customer": ["a", "a", "b"], "date": pd.to_datetime(["2024-01-01", "2024-04-30"] * 2)[:3]})
    with pytest.raises(Unavailable, match=r"3 months or more: with a window of 90 days it needs 180 .* these hold 121"):
        period_rates(load_frame(frame), 90)


def test_nobody_at_any_start_gives_a_reason_and_no_division_by_zero(load_frame):
    frame = pd.DataFrame({"customer": ["a", "a", "b"], "date": pd.to_datetime(["2024-04-29", "2024-04-30"] * 2)[:3]})
    loaded = load_frame(frame, observation_start=dt.date(2023, 10, 1))
    with pytest.raises(Unavailable, match="no rate for 3 months: nobody was active"):
        period_rates(loaded, 90)


def test_a_shop_younger_than_its_window_is_judged_on_the_longest_period_that_somebody_started(load_frame):
    frame = simulate_transactions(100, start=dt.date(2024, 3, 1), window_days=305, birth_days=200, seed=3)
    found = period_rates(load_frame(frame, observation_start=dt.date(2022, 1, 1)), 90)
    assert found["months"].iloc[0] == 6


def test_windows_are_compared_on_the_same_period_as_far_as_they_fit(simulated):
    found = period_rates(simulated, 100)
    assert found["window_days"].tolist() == [100, 30, 90, 180]
    assert len(set(found["start"])) == 1


def test_where_births_are_unknown_there_is_a_kept_share_and_no_formula(sample_study):
    journey = sample_study("complete-journey").orders
    found = period_rates(journey, 180)
    half_year = found.iloc[0]
    assert half_year["months"] == 6
    assert half_year[["rate", "new", "reactivated"]].isna().all()
    expected = by_hand(journey, half_year.start, half_year.end, 180)
    assert (half_year.at_start, half_year.kept) == (expected["at_start"], expected["kept"]) == (2392, 2335)


def test_a_window_of_no_days_is_refused(simulated):
    with pytest.raises(ValueError, match="window_days == 0, must be at least 1"):
        period_rates(simulated, 0)
