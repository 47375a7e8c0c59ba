import numpy as np
import pandas as pd
import pytest

from analysis.value.lives import lives_of, log_rank, remind_days, shares_by_age, waiting_times


@pytest.fixture
def waits(rng=np.random.default_rng(1)):  # noqa: B008
    """Days until an event, of whom some are watched too short to see it, in three groups."""
    until, seen = np.ceil(rng.exponential(400, 400)), rng.integers(20, 900, 400).astype(float)
    return np.where(until <= seen, until, np.nan), seen, rng.integers(0, 3, 400)


def test_one_group_differs_from_nobody_nor_do_groups_without_an_event(waits):
    until, seen, groups = waits
    assert np.isnan(log_rank(until, seen, np.zeros(400, dtype=int)))
    assert np.isnan(log_rank(np.full(400, np.nan), seen, groups))
    assert np.isnan(log_rank(np.full(400, 5.0), seen, groups))


def test_a_group_that_was_hardly_watched_is_no_reason_to_say_nothing_of_the_others(waits):
    until, seen, groups = waits
    today = [np.append(each, last) for each, last in ((until, np.nan), (seen, 0.0), (groups, 3))]
    assert log_rank(*today) == pytest.approx(log_rank(until, seen, groups))


def test_nobody_is_spoken_of_beyond_what_was_seen():
    found = shares_by_age(np.array([5.0, np.nan]), np.array([100.0, 100.0]), 0.9)
    assert found["estimate"].isna().tolist() == [False, False, True, True, True]


def test_intervals_hold_the_true_share_as_often_as_they_say():
    rng, held = np.random.default_rng(2), 0
    for _ in range(400):
        until, seen = rng.exponential(200, 150), rng.uniform(0, 400, 150)
        found = shares_by_age(np.where(until <= seen, until, np.nan), seen, 0.9, (180,)).iloc[0]
        held += found["lower"] <= 1 - np.exp(-180 / 200) <= found["upper"]
    assert 338 <= held <= 380


def test_the_day_to_remind_holds_the_true_one_as_often_as_it_says():
    rng, held = np.random.default_rng(3), 0
    true = -200 * np.log(1 - 0.8 * (1 - np.exp(-365 / 200)))  # of exponential waits, given that they end within a year
    for _ in range(400):
        until, seen = rng.exponential(200, 300), rng.uniform(0, 800, 300)
        found = remind_days(np.where(until <= seen, until, np.nan), seen, 0.9)
        held += found.lower <= true <= found.upper
    assert 348 <= held <= 385


def test_a_day_to_remind_is_said_from_eighteen_months_of_data_on(cdnow):
    assert (pd.Timestamp(cdnow.observation_end) - pd.Timestamp(cdnow.observation_start)).days == 545  # 18 months
    days = lives_of(cdnow).remind_days
    assert days.lower < days.estimate < days.upper


@pytest.mark.parametrize(
    ("waits", "seen"), [(np.full(100, 20.0), 500.0), (np.full(29, 20.0), 600.0), (np.full(100, 400.0), 600.0)]
)
def test_no_day_to_remind_is_said_on_little(waits, seen):
    assert remind_days(waits, np.full(len(waits), seen), 0.9) is None


def test_the_share_of_the_second_year_is_that_of_customers_watched_for_two(load_frame):
    days = {f"c{number}": [0, 300] for number in range(20)}  # order in the first year alone
    days |= {f"d{number}": [0, 365, 366, 730] for number in range(20)}  # in the second as well
    days |= {f"e{number}": [10, 400, 740] for number in range(20)}  # are watched for 730 days
    days |= {f"f{number}": [11, 400] for number in range(20)}  # are watched too short
    rows = [(customer, day) for customer, ordered in days.items() for day in ordered]
    frame = pd.DataFrame(rows, columns=["customer", "day"])
    frame["date"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(frame.pop("day"), "D")
    assert lives_of(load_frame(frame.assign(amount=10.0))).second_year.estimate == pytest.approx(40 / 60)


def shop(rng, fall=0.0, years=4, monthly=120, rate=1.5):
    """Monthly new customers whose orders in their first year fall by a share in every year of joining."""
    joined = np.repeat(np.arange(12 * years), monthly)
    season = 1 + 0.3 * np.sin(2 * np.pi * joined / 12)
    day = (joined * 365.25 / 12 + rng.uniform(0, 28, len(joined))).astype(int)
    count = rng.poisson(rate * season * (1 - fall) ** (joined // 12) * rng.gamma(1.5, 1 / 1.5, len(joined)))
    who = np.repeat(np.arange(len(joined)), count)
    later = day[who] + rng.integers(1, 366, len(who))
    frame = pd.DataFrame({"customer": np.append(np.arange(len(joined)), who), "day": np.append(day, later)})
    frame = frame[frame["day"] < years * 365].sort_values("day")
    return pd.DataFrame(
        {"customer": frame["customer"], "date": pd.Timestamp("2020-01-01") + pd.to_timedelta(frame["day"], "D")}
    ).assign(amount=20.0)


def first_year(frame, load_frame):
    newer = lives_of(load_frame(frame)).newer.set_index(["measure", "age_days"])
    return newer.loc[("repeat_orders", 365)]


def test_cells_are_what_pandas_counts(load_frame):
    orders = load_frame(shop(np.random.default_rng(3), years=2, monthly=20))
    lives = lives_of(orders, margin=0.5, cost=1.0)
    days = pd.read_parquet(orders.occasions).astype({"day": "datetime64[s]"})
    days["age"] = (days["day"] - days.groupby("customer")["day"].transform("min")).dt.days
    cell = lives.cohorts.set_index(["cohort", "age_days"]).loc[(pd.Timestamp("2020-04-01"), 180)]
    born = orders.histories.table["first_order"].dt.to_period("Q").eq("2020Q2")
    inside = days[days["customer"].isin(born.index[born]) & (days["age"] <= 180)]
    assert cell["customers"] == born.sum()
    assert cell["repeat_orders"] == pytest.approx((len(inside) - born.sum()) / born.sum())
    assert cell["margin"] == pytest.approx((0.5 * inside["amount"].sum() - len(inside)) / born.sum())
    waits = waiting_times(orders, (2,))
    again = waits["wait2"][waits["first"].dt.to_period("Q").eq("2020Q2")]
    assert len(again) == born.sum()
    assert cell["estimate"] == pytest.approx(np.mean(again <= 180))


def test_a_fall_from_year_to_year_is_found_and_season_is_none(load_frame):
    found = first_year(shop(np.random.default_rng(4), fall=0.15), load_frame)
    assert found["upper"] < 0
    assert found["estimate"] / found["before"] == pytest.approx(-0.15, abs=0.05)
    calm = first_year(shop(np.random.default_rng(5)), load_frame)
    assert calm["lower"] < 0 < calm["upper"]
    assert calm["detectable"] < 0.15 * calm["before"]


@pytest.mark.slow
def test_a_tenth_less_over_three_years_is_found_in_most_shops_and_nothing_where_nothing_is(load_frame):
    rng, found, alarms, misses = np.random.default_rng(6), 0, 0, 0
    for _ in range(100):
        falls = first_year(shop(rng, fall=1 - 0.9 ** (1 / 3), monthly=600), load_frame)
        calm = first_year(shop(rng, monthly=600), load_frame)
        found += falls["upper"] < 0
        alarms += calm["upper"] < 0
        misses += not calm["lower"] < 0 < calm["upper"]
    assert found >= 90
    assert alarms <= 10
    assert misses <= 10 + 6  # a 90% interval misses in a tenth of the shops, give or take their luck


def test_data_of_one_year_have_no_older_customers(load_frame):
    assert lives_of(load_frame(shop(np.random.default_rng(7), years=1, monthly=20))).newer.empty
