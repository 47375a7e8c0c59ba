"""`read_orders`: any table or file in, results by the ids that stand there."""

import datetime as dt
import gc
from itertools import pairwise

import duckdb
import ibis
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import analysis as rl
from analysis.data import CustomerSummary
from analysis.errors import InputRefused, Unavailable

CLIENTS = pd.DataFrame({
    "client": [7, 7, 12, 12, 30],
    "when": pd.to_datetime(["2025-01-03", "2025-02-11", "2025-01-20", "2025-03-01", "2025-03-02"]),
    "eur": [9.5, 6.0, 5.0, 1.0, 2.0], "shop": pd.Categorical(["a", "b", "a", "a", "b"]),
})  # fmt: skip
NAMES = {"customer": "client", "date": "when", "amount": "eur"}


@pytest.fixture(scope="module")
def orders():
    return rl.read_orders(CLIENTS, **NAMES, currency="EUR", observation_end=dt.date(2025, 3, 31))


@pytest.mark.parametrize("handed_over", [
    pa.Table.from_pandas, pl.from_pandas, lambda frame: pl.from_pandas(frame).lazy(),
    lambda frame: ibis.memtable(frame.astype({"shop": "str"})),
    lambda frame: duckdb.from_df(frame.astype({"shop": "str"})),
    lambda frame: frame.astype({"client": object}), lambda frame: frame.set_index(["client", "when"]),
])  # fmt: skip
def test_every_kind_of_table_gives_the_same_orders(orders, handed_over):
    found = rl.read_orders(handed_over(CLIENTS), **NAMES, currency="EUR", observation_end="2025-03-31")
    pd.testing.assert_frame_equal(found.summary(), orders.summary())
    assert found.data_hash == orders.data_hash


def test_paths_globs_and_lists_of_them_are_read(orders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    CLIENTS.iloc[:2].to_parquet("one.parquet")
    CLIENTS.iloc[2:].to_parquet("two.parquet")
    for source in ("*.parquet", ["one.parquet", tmp_path / "two.parquet"]):
        found = rl.read_orders(source, **NAMES, observation_end="2025-03-31")
        pd.testing.assert_frame_equal(found.summary(), orders.summary())
    CLIENTS.to_csv("all.csv", index=False)
    from_text = rl.read_orders(tmp_path / "all.csv", **NAMES).summary()
    assert from_text.index.tolist() == ["12", "30", "7"]


@pytest.mark.parametrize(("ids", "kind"), [
    (pd.array([7, 7, 12, 12, 30], "int32"), "int32"), (pd.array([7, 7, 12, 12, 30], "Int64"), "int64"),
    (pd.array([2**63, 2**63, 1, 1, 2], "uint64"), "uint64"), ([7.0, 7.0, 12.0, 12.0, 30.0], "float64"),
    (["007", "007", "x", "x", "y"], "str"), (pd.Categorical([7, 7, 12, 12, 30]), "int64"),
])  # fmt: skip
def test_ids_come_back_as_they_came_and_merge(ids, kind):
    frame = CLIENTS.assign(client=ids)
    summary = rl.read_orders(frame, **NAMES).summary()
    assert summary.index.dtype == kind
    assert frame.merge(summary, left_on="client", right_index=True)["orders"].tolist() == [2, 2, 2, 2, 1]


@pytest.mark.parametrize("column", [
    pd.period_range("2025-01", periods=5, freq="M"), pd.Series([2**70, 1, "x", None, 2.5], dtype=object),
    pd.Series(["\ud800", "a", "b", "c", "d"], dtype=object), np.arange(5, dtype="float16"),
    [[1], [], [2, 3], None, [4]], [object() for _ in range(5)],
])  # fmt: skip
def test_columns_of_any_kind_stand_beside_and_hinder_nothing(orders, column):
    found = rl.read_orders(CLIENTS.assign(odd=column), **NAMES, observation_end="2025-03-31")
    pd.testing.assert_frame_equal(found.summary(), orders.summary())


def test_the_summary_is_in_the_columns_of_lifetimes_and_in_the_named_unit(orders):
    summary, days = orders.summary(), orders.summary(unit="day")
    assert summary.loc[7, ["frequency", "orders"]].tolist() == [1, 2]
    assert days.loc[7, ["recency", "T", "monetary_value", "spent"]].tolist() == [39.0, 87.0, 6.0, 15.5]
    np.testing.assert_allclose(summary["T"] * 7, days["T"])
    assert summary.loc[30, "monetary_value"] == 0.0
    with pytest.raises(InputRefused, match="unit == 'weeks', must be one of 'day', 'week'"):
        orders.summary("weeks")


def test_every_value_that_cannot_stand_in_a_summary_is_told_at_once():
    frame = pd.DataFrame(
        {
            "frequency": [1, 0, -1, 1.5, 2, None, 1],
            "recency": [9.0, 3.0, 0.0, 1.0, 0.0, 1.0, 2.0],
            "T": [5.0, 5.0, 5.0, 5.0, 5.0, "x", 5.0],
            "monetary_value": [1.0, np.nan, 1.0, 1.0, 1.0, 1.0, np.nan],
        },
        index=["a", "b", "c", "d", "e", "f", "a"],
    )
    with pytest.raises(InputRefused) as refused:
        CustomerSummary.from_lifetimes(frame, unit="week")
    assert [problem.message.split(": ")[1].split("; ")[0] for problem in refused.value.problems] == [
        "frequency is missing or no number for 1 customer, such as 'f'",
        "frequency is negative for 1 customer, such as 'c'",
        "T is missing or no number for 1 customer, such as 'f'",
        "frequency is no whole number for 1 customer, such as 'd'",
        "recency is larger than T for 1 customer, such as 'a'",
        "recency is above 0 with frequency == 0 for 1 customer, such as 'b'",
        "recency is 0 with frequency above 0 for 1 customer, such as 'e'",
        "monetary_value is missing or negative for 1 customer, such as 'a'",
        "the id stands more than once for 1 customer, such as 'a'",
    ]
    with pytest.raises(InputRefused, match=r"no column 'T'.*"):
        CustomerSummary.from_lifetimes(frame[["frequency", "recency"]], unit="week")


def test_cohorts_hold_every_order_customer_and_amount_and_nothing_beyond_the_data(orders):
    table = orders.cohorts("orders")
    assert table.index.astype(str).tolist() == ["2025-01", "2025-02", "2025-03"]
    assert table.loc["2025-01"].tolist() == [2, 1, 1]
    assert table.isna().sum().tolist() == [0, 1, 2]
    assert orders.cohorts("customers").loc["2025-01", 0] == 2
    revenue = orders.cohorts("revenue")
    assert revenue.sum().sum() == CLIENTS["eur"].sum()
    assert revenue.loc["2025-01"].tolist() == [14.5, 6.0, 1.0]
    with pytest.raises(InputRefused, match="cohorts of 'weeks': must be of orders, customers, revenue"):
        orders.cohorts("weeks")
    with pytest.raises(Unavailable, match="no amounts"):
        rl.read_orders(CLIENTS, customer="client", date="when").cohorts("revenue")


def test_months_of_a_cohort_are_counted_over_new_year():
    of_years = pd.DataFrame({"client": ["a"] * 3, "when": pd.to_datetime(["2023-11-05", "2024-01-02", "2025-01-31"])})
    table = rl.read_orders(of_years, customer="client", date="when").cohorts()
    assert table.loc["2023-11"][lambda months: months > 0].index.tolist() == [0, 2, 14]


def test_orders_of_one_month_make_no_picture_of_cohorts():
    of_january = CLIENTS[CLIENTS["when"] < "2025-02"]
    with pytest.raises(Unavailable, match="two whole calendar months"):
        rl.read_orders(of_january, customer="client", date="when").plot.cohorts()


def test_arguments_and_data_that_are_wrong_are_told_all_at_once_in_the_words_of_arguments():
    with pytest.raises(InputRefused) as refused:
        rl.read_orders(CLIENTS, customer="client", date="wen", quantty="q", columns={}, refunds="x", currency="euro")
    assert sorted(problem.message for problem in refused.value.problems) == [
        "currency == 'euro', must be a three-letter ISO 4217 code such as EUR",
        "frame: there is no column 'wen' (for date); did you mean 'when'?",
        "refunds == 'x', must be 'net', 'drop' or 'refuse'",
        "there is no argument 'columns': each column has an argument of its own, such as customer",
        "there is no argument 'quantty'; did you mean 'quantity'?",
    ]
    with pytest.raises(InputRefused, match=r"no argument 'exits': hand the table to what uses it, such as ladder\("):
        rl.read_orders(CLIENTS, customer="client", date="when", exits="exits.csv")
    with pytest.raises(InputRefused, match=r"argument 'customer' is missing\nargument 'date' is missing"):
        rl.read_orders(CLIENTS)
    with pytest.raises(InputRefused, match=r"the source is of the type Series, must be a table .pandas"):
        rl.read_orders(CLIENTS["eur"], customer="client", date="when")
    with pytest.raises(InputRefused, match=r"no file .*data\.csv"):
        rl.read_orders("data.csv", customer="client", date="when")


def test_the_temporary_folder_lives_as_long_as_the_orders():
    orders = rl.read_orders(CLIENTS, **NAMES)
    folder, histories = orders.days.path.parent, orders.histories
    assert len(pd.read_parquet(orders.occasions)) == 5
    del orders
    gc.collect()
    assert not folder.exists()
    assert len(histories.frame()) == 3


def test_orders_show_themselves_and_hostile_ids_stay_text():
    frame = CLIENTS.assign(client=["<b>", "<b>", "12", "12", ""])
    shown = rl.read_orders(frame, **NAMES)._repr_html_()
    assert "No customer id" in shown
    assert "<strong>4 orders</strong>" in shown
    assert "<b>" not in shown


def test_figures_are_drawn_on_ones_own_axes_without_collisions(orders):
    figure, axes = plt.subplots(1, 3, figsize=(12, 3))
    try:
        for ax, draw in zip(axes, vars(orders.plot).values(), strict=True):
            assert draw(ax) is ax
        figure.draw_without_rendering()
        boxes = [ax.get_tightbbox() for ax in axes]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
        assert axes[0].get_legend().get_texts()[0].get_text() == "First orders"
    finally:
        plt.close(figure)


def test_orders_are_counted_by_whole_period_and_by_frequency(orders):
    assert orders.by_period()["first_orders"].sum() == 3
    assert orders.by_period()["days"].eq(7).all()
    assert orders.by_frequency(2)["customers"].tolist() == [1, 2, 0]


def test_the_month_that_the_data_end_in_looks_like_no_fall_in_the_picture_of_cohorts():
    days = pd.date_range("2025-01-10", "2025-04-10", freq=pd.DateOffset(months=1))
    rows = [(f"c{first:%m}", day) for first in days for day in days[days >= first]]
    frame = pd.DataFrame(rows, columns=["client", "when"])
    for end, shape in {"2025-04-30": (3, 3), "2025-04-29": (2, 2)}.items():
        orders = rl.read_orders(frame, customer="client", date="when", observation_end=end)
        assert orders.plot.cohorts().collections[0].get_array().shape == shape


def test_cohorts_of_more_than_two_years_are_drawn_by_quarter_as_long_as_all_of_it_was_seen():
    days = pd.date_range("2021-01-15", "2023-03-15", freq="MS") + pd.Timedelta("9D")
    rows = [(f"c{first:%y%m}", first + pd.DateOffset(months=k)) for first in days for k in (0, 1)]
    frame = pd.DataFrame(rows, columns=["client", "when"])
    orders = rl.read_orders(frame, customer="client", date="when", observation_end="2023-04-30")
    ax = orders.plot.cohorts()
    assert next(label.get_text() for label in ax.get_yticklabels()) == "Q1 2021 (2)"
    assert ax.collections[0].get_array().ravel()[0] == 1.0
