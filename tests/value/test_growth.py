import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from analysis.data import PurchaseTruth
from analysis.data.simulation import simulate_transactions
from analysis.errors import Unavailable
from analysis.value.growth import spend_growth, within_slope

STAYING = PurchaseTruth(r=2.0, alpha=8.0, a=0.001, b=100.0)


def growing(frame, share_per_year):
    """The same orders, worth more with every year of the customer's tenure."""
    age = (frame["date"] - frame.groupby("customer")["date"].transform("min")).dt.days / 365.25
    return frame.assign(amount=frame["amount"] * (1 + share_per_year) ** age)


def occasions_with_age(transactions, period_days):
    orders = pd.read_parquet(transactions.occasions).astype({"day": "datetime64[s]"})
    orders["age"] = (orders["day"] - orders.groupby("customer")["day"].transform("min")).dt.days
    orders["period"] = orders["age"] // period_days + 1
    return orders


@pytest.fixture(scope="module")
def growth(cdnow):
    return spend_growth(cdnow)


def test_the_ratios_are_what_pandas_gives(cdnow, growth):
    orders = occasions_with_age(cdnow, growth.period_days)
    born = orders.groupby("customer")["day"].min()
    complete = ((pd.Timestamp(cdnow.observation_end) - born).dt.days + 1) // growth.period_days
    spent = orders.pivot_table(index="customer", columns="period", values="amount", aggfunc="sum")
    assert growth.periods["period"].tolist() == [2, 3, 4, 5]
    for each in growth.periods.itertuples():
        seen = spent[complete >= each.period]
        there = seen[seen[each.period].notna()]
        assert (each.customers, each.survivors) == (len(seen), len(there))
        now, first = there[each.period], seen[1]
        assert each.survivors_ratio == pytest.approx(now.mean() / first.mean())
        assert each.growth == pytest.approx(now.sum() / there[1].sum())
        assert each.all_ratio == pytest.approx(seen[each.period].fillna(0).mean() / first.mean())


def test_the_intervals_of_the_ratios_are_those_of_a_bootstrap_of_customers(cdnow, growth):
    orders = occasions_with_age(cdnow, growth.period_days)
    spent = orders.pivot_table(index="customer", columns="period", values="amount", aggfunc="sum")[[1, 2]].to_numpy()
    rng = np.random.default_rng(1)
    drawn = spent[rng.integers(0, len(spent), (1000, len(spent)))]
    survivors = np.nanmean(drawn[:, :, 1], axis=1) / drawn[:, :, 0].mean(axis=1)
    everyone = np.nansum(drawn[:, :, 1], axis=1) / drawn[:, :, 0].sum(axis=1)
    second = growth.periods.iloc[0]
    for drawn_ratios, name in ((survivors, "survivors_ratio"), (everyone, "all_ratio")):
        error = np.log(second[f"{name}_upper"] / second[name]) / norm.ppf(0.95)
        assert np.log(drawn_ratios).std() == pytest.approx(error, rel=0.1)


@pytest.mark.parametrize("truth", [0.0, 0.25, -0.2])
def test_a_known_growth_within_customers_is_found(load_frame, truth):
    frame = simulate_transactions(2000, purchases=STAYING, window_days=900, birth_days=200, seed=11)
    found = spend_growth(load_frame(growing(frame, truth)))
    assert found.same_customers.lower < truth < found.same_customers.upper
    assert found.same_customers.upper - found.same_customers.lower < 0.06


def test_who_only_seems_to_spend_more_because_others_left_is_told_apart(load_frame):
    frame = simulate_transactions(3000, window_days=900, birth_days=100, seed=6)
    found = spend_growth(load_frame(frame))
    last = found.periods.iloc[-1]
    assert found.period_days == 182
    assert last.survivors_ratio_lower > 1
    assert last.selection_lower > 1
    assert last.growth_upper < 1
    assert last.all_ratio_upper < 1
    assert found.same_customers.lower < 0 < found.same_customers.upper


def test_a_different_first_order_does_not_pass_for_growth(load_frame):
    frame = simulate_transactions(2000, purchases=STAYING, window_days=900, birth_days=100, seed=8)
    is_first = frame["date"] == frame.groupby("customer")["date"].transform("min")
    found = spend_growth(load_frame(frame.assign(amount=frame["amount"].where(~is_first, frame["amount"] / 2))))
    assert found.same_customers.lower < 0 < found.same_customers.upper


def test_money_births_and_time_that_are_missing_are_named(load_frame):
    frame = simulate_transactions(100, window_days=150, birth_days=100, seed=1)
    with pytest.raises(Unavailable, match="no amounts of money"):
        spend_growth(load_frame(frame[["customer", "date"]]))
    with pytest.raises(
        Unavailable, match="takes 30 customers watched for 182 days; in these 148 days of data there are 0"
    ):
        spend_growth(load_frame(frame))


def test_few_repeat_customers_give_a_reason_instead_of_a_slope(load_frame):
    dates = pd.to_datetime(["2023-01-01"] * 40 + ["2023-06-01", "2023-12-31"] * 5)
    who = [f"c{number}" for number in range(40)] + [f"c{number}" for number in range(10)]
    frame = pd.DataFrame({"customer": who, "date": dates, "amount": 10.0})
    found = spend_growth(load_frame(frame, observation_start=dt.date(2022, 6, 1)))
    assert found.same_customers is None
    assert found.periods.empty
    assert found.same_customers_reason.code == "retention.reason.too_few_repeat_customers"


def test_orders_that_all_become_worth_nothing_have_no_finite_growth(load_frame):
    dates = pd.to_datetime(["2023-01-01", "2023-02-01", "2023-12-31"])
    who = [f"c{number}" for number in range(40)]
    frame = pd.DataFrame({"customer": who * 3, "date": dates.repeat(40), "amount": np.repeat([10.0, 10.0, 0.0], 40)})
    found = spend_growth(load_frame(frame, observation_start=dt.date(2022, 6, 1)))
    assert found.same_customers is None
    assert found.same_customers_reason.code == "retention.reason.growth_not_identified"


def panel(customers=400, slope=0.2, seed=1):
    """Rows, orders, spend and tenure of customers whose order values grow by ``slope`` on the log scale."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(customers), 4)
    tenure, orders = rng.uniform(0, 3, rows.size), rng.integers(1, 5, rows.size)
    mean = rng.gamma(2, 20, customers)[rows] * np.exp(slope * tenure)
    return rows, orders, rng.gamma(orders * 4.0) / 4 * mean, tenure


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    found = [within_slope(*panel(customers=60, seed=seed), 0.9) for seed in range(300)]
    assert 0.85 < np.mean([each.lower < 0.2 < each.upper for each in found]) < 0.95
