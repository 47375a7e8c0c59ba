import datetime as dt

import numpy as np
import pandas as pd
import pytest

from analysis.data import PurchaseTruth
from analysis.data.simulation import simulate_transactions
from analysis.errors import Unavailable
from analysis.value.cohorts import retention_cohorts
from analysis.value.growth import spend_growth

EARLIER = dt.date(2023, 6, 1)


def triangle_by_hand(transactions, frequency, period_days):
    """Customers and spend of every cohort and period of life with pandas, incomplete cells NaN."""
    orders = pd.read_parquet(transactions.occasions).astype({"day": "datetime64[s]"})
    first = orders.groupby("customer")["day"].transform("min")
    orders["age"] = (orders["day"] - first).dt.days
    orders["cohort"] = first.dt.to_period(frequency)
    orders["period"] = np.ceil(orders["age"] / period_days).astype(int)
    later = orders[orders["period"] > 0].groupby(["cohort", "period"])
    births = orders[orders["age"] == 0].groupby("cohort")["day"].max()
    complete = ((pd.Timestamp(transactions.observation_end) - births).dt.days // period_days).astype(int)
    index, columns = births.index, range(1, complete.max() + 1)
    seen = np.array(columns) <= complete.to_numpy()[:, None]
    tables = (
        table.unstack().reindex(index=index, columns=columns).fillna(0).to_numpy(dtype=float)
        for table in (later["customer"].nunique(), later["amount"].sum())
    )
    return tuple(np.where(seen, table, np.nan) for table in tables)


@pytest.mark.parametrize("name", ["cdnow", "simulated"])
def test_every_cell_is_what_pandas_counts(name, sample):
    transactions = sample(name)
    found = retention_cohorts(transactions)
    ordered, spent = triangle_by_hand(transactions, "M", 365.25 / 12)
    np.testing.assert_array_equal(found.ordered, ordered)
    np.testing.assert_allclose(found.spent, spent)
    assert found.cohorts["customers"].sum() == transactions.customers
    total = pd.read_parquet(transactions.occasions)["amount"].sum()
    assert np.nansum(found.spent) + found.cohorts["first_spent"].sum() <= total * (1 + 1e-12)


def test_many_months_become_quarters_and_many_quarters_years(load_frame):
    three_years = load_frame(simulate_transactions(400, window_days=1300, birth_days=1100, seed=3))
    found = retention_cohorts(three_years)
    ordered, _ = triangle_by_hand(three_years, "Q", 365.25 / 4)
    assert found.unit == "quarter"
    np.testing.assert_array_equal(found.ordered, ordered)
    frame = simulate_transactions(400, start=dt.date(2010, 1, 1), window_days=3300, birth_days=3000, seed=3)
    eight_years = load_frame(frame)
    found = retention_cohorts(eight_years)
    assert found.unit == "year"
    np.testing.assert_array_equal(found.ordered, triangle_by_hand(eight_years, "Y", 365.25)[0])
    assert found.cohorts["start"].dt.year.tolist() == list(range(2010, 2019))


def test_a_cell_is_there_once_the_youngest_of_the_cohort_has_lived_through_it(load_frame):
    dates = pd.to_datetime(["2024-01-01", "2024-01-10", "2024-02-09", "2024-03-11"])
    frame = pd.DataFrame({"customer": ["a", "b", "a", "b"], "date": dates})
    loaded = load_frame(frame, observation_start=EARLIER)
    (share,) = retention_cohorts(loaded).share.to_numpy()
    # b is 61 days old at the end, two months of 30.4 days; a ordered at age 39, b at age 61, which is in the third.
    assert share.tolist() == [0.0, 0.5]


def test_the_average_is_weighted_by_customers_and_rests_on_the_cohorts_that_have_the_period(sample):
    found = retention_cohorts(sample("simulated"))
    known, sizes = found.ordered.notna(), found.cohorts["customers"]
    assert (found.average["customers"] == known.mul(sizes, axis="index").sum()).all()
    assert (found.average["estimate"] == found.ordered.sum() / found.average["customers"]).all()
    assert found.average["estimate"].between(found.average["lower"], found.average["upper"]).all()
    assert (known.sum(axis="columns") == found.cohorts["complete_periods"]).all()


def test_a_single_cohort_is_told_and_still_has_its_curve(load_frame):
    dates = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-03-01", "2024-06-30"])
    frame = pd.DataFrame({"customer": ["a", "b", "a", "b"], "date": dates})
    found = retention_cohorts(load_frame(frame, observation_start=EARLIER))
    (note,) = found.notes
    assert str(note).startswith("There is one cohort only: all 2 customers placed their first order between 1 January")
    assert len(found.average) == 5
    assert found.spent.isna().all().all()
    with pytest.raises(Unavailable, match="one group of new customers only"):
        found.newer_against_older()


def test_data_shorter_than_a_month_have_no_triangle(load_frame):
    dates = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-20"])
    loaded = load_frame(pd.DataFrame({"customer": ["a", "b", "a"], "date": dates}))
    with pytest.raises(Unavailable, match="Cohorts need 32 days of data; these hold 20"):
        retention_cohorts(loaded)


@pytest.mark.parametrize("result", [retention_cohorts, spend_growth])
def test_what_rests_on_first_orders_is_not_made_up_where_these_are_unknown(sample, result):
    with pytest.raises(Unavailable) as refused:
        result(sample("complete-journey"))
    assert refused.value.reason.code == "retention.reason.births_unknown"


def test_the_same_data_give_the_same_bits(sample):
    first, second = (retention_cohorts(sample("cdnow")) for name in ("first", "second"))
    np.testing.assert_array_equal(first.spent, second.spent)


@pytest.mark.parametrize(("rates", "sign"), [((4.0, 4.0), 0), ((4.0, 9.0), 1), ((9.0, 4.0), -1)])
def test_whether_newer_customers_are_better_is_told_beyond_chance(load_frame, rates, sign):
    frames = [
        simulate_transactions(
            2000, purchases=PurchaseTruth(r=1.0, alpha=24.0 / rate, a=0.5, b=3.0), start=start,
            window_days=340 - 90 * half, birth_days=90, seed=half + 1,
        ).assign(half=half)
        for half, (rate, start) in enumerate(zip(rates, (dt.date(2023, 1, 1), dt.date(2023, 4, 1)), strict=True))
    ]  # fmt: skip
    frame = pd.concat(frames)
    frame["customer"] = frame["customer"].astype(str) + frame["half"].astype(str)
    loaded = load_frame(frame.drop(columns="half"), observation_start=dt.date(2022, 9, 1))
    found = retention_cohorts(loaded).newer_against_older()
    assert (found.lower > 0) - (found.upper < 0) == sign
