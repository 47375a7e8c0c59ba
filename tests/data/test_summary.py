"""The customer summary of any cut day, with the spread of a customer's own orders and what the first one was."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.data import simulate_transactions
from analysis.errors import InputRefused

ROWS = [
    ("a", "2025-01-01", 10, "web", "shoes"), ("a", "2025-01-01", 30, "shop", "hats"),
    ("a", "2025-01-05", 3, "web", "hats"), ("a", "2025-01-09", 4, "web", "hats"),
    ("a", "2025-02-01", 5, "web", "hats"), ("b", "2025-01-03", 7, None, "hats"),
    ("b", "2025-01-04", 6, "web", "shoes"), ("b", "2025-01-08", -2, "web", "shoes"),
    ("c", "2025-02-03", 1, "shop", "hats"),
]  # fmt: skip
NAMES = {"customer": "customer", "date": "date", "amount": "amount", "channel": "channel", "category": "category"}


@pytest.fixture(params=["with refunds", "without"])
def frame(request):
    rows = ROWS if request.param == "with refunds" else [row for row in ROWS if row[2] > 0]
    return pd.DataFrame(rows, columns=list(NAMES))


def test_the_summary_of_an_earlier_day_is_that_of_data_that_end_there_and_of_a_later_one_refused(frame):
    orders = rl.read_orders(frame, **NAMES, observation_end=dt.date(2025, 3, 1))
    for until in ("2025-01-04", "2025-01-08", "2025-02-02"):
        earlier = rl.read_orders(frame[frame["date"] <= until], **NAMES, observation_end=until)
        pd.testing.assert_frame_equal(orders.summary("day", until=until), earlier.summary("day"))
    with pytest.raises(InputRefused, match="until == '2025-03-02' lies outside the data; 2025-01-01 to 2025-03-01"):
        orders.summary(until="2025-03-02")


def test_many_customer_days_are_summarised_in_their_faster_form_with_the_same_numbers(monkeypatch):
    rng = np.random.default_rng(3)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 3_000), unit="D")
    frame = pd.DataFrame({"customer": rng.integers(0, 400, 3_000), "date": days})
    frame["amount"] = rng.integers(0, 90_000, 3_000) / 100
    columns = {"customer": "customer", "date": "date", "amount": "amount"}
    whole = rl.read_orders(frame, **columns).summary()
    monkeypatch.setattr("analysis.data.summary.STORED_AT_ONCE", 100)
    fast = rl.read_orders(frame, **columns).summary()
    halves = ["odd_total", "odd_orders", "even_total", "even_orders"]
    pd.testing.assert_frame_equal(fast, whole.drop(columns=halves), rtol=1e-12)


def test_the_same_rows_in_another_order_are_stored_as_the_same_bytes():
    frame = simulate_transactions(500, seed=1)
    found = [rl.read_orders(rows, **{name: name for name in frame}) for rows in (frame, frame.iloc[::-1])]
    files = [orders.occasions.with_name("days.parquet").read_bytes() for orders in found]
    assert files[0] == files[1]
