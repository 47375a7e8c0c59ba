import datetime as dt

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import refuses

from analysis.errors import InputRefused

START = dt.date(2024, 1, 1)
rows = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "007", "", None]),
        st.one_of(st.none(), st.integers(0, 40)),
        st.one_of(st.none(), st.integers(-500, 900)),
        st.sampled_from(["1", "2", "3", None]),
    ),
    max_size=40,
)
SOLID = [("a", 0, 100, "1"), ("a", 5, 100, "2"), ("b", 0, 100, "3")]
FAST = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def frame_of(records):
    frame = pd.DataFrame(records, columns=["customer", "date", "amount", "order"])
    frame["date"] = pd.to_datetime(START) + pd.to_timedelta(frame["date"].astype("Float64"), unit="D")
    frame["amount"] = frame["amount"].astype("Float64") / 100
    return frame


def orders(text, **columns):
    """Rows such as "a 1 10": customer, day of 2024 (1 is the first of January), amount."""
    records = [row.split() for row in text.split(", ")]
    frame = pd.DataFrame(records, columns=["customer", "date", "amount"]).astype({"amount": float})
    frame["date"] = pd.Timestamp("2023-12-31") + pd.to_timedelta(frame["date"].astype(int), unit="D")
    return frame.assign(**columns)


def ledger_rows(transactions):
    return {reason.rsplit(".", 1)[-1]: count for reason, count in transactions.ledger[["reason", "rows"]].to_numpy()}


@FAST
@given(rows, st.sampled_from(["net", "drop"]), st.sampled_from(["keep", "drop"]), *[st.booleans()] * 3)
def test_the_ledger_adds_up_to_the_file_in_rows_and_in_money_and_every_history_is_possible(
    load_frame, records, refunds, duplicates, born, window, order
):
    frame = frame_of([*SOLID, *records])
    frame = frame if order else frame.drop(columns="order")
    settings = {"refunds": refunds, "duplicates": duplicates, "exclude_earlier": born, "max_missing_customer_share": 1}
    if window:
        settings |= {"observation_start": dt.date(2024, 1, 3), "observation_end": dt.date(2024, 1, 30)}
    try:
        found = load_frame(frame, **settings)
    except InputRefused:
        return
    assert found.ledger["rows"].sum() == found.rows_read == len(frame)
    assert found.ledger["amount"].sum() == pytest.approx(frame["amount"].sum(), abs=1e-9)
    kept = found.ledger[found.ledger["outcome"] != "dropped"]
    assert found.rows_used == kept["rows"].sum()
    assert found.ledger.loc[found.ledger["outcome"] == "used", "rows"].sum() == found.orders
    table = found.histories.table
    assert table["spent"].sum() == pytest.approx(kept["amount"].sum(), abs=1e-9)
    repeats = table[table["frequency"] > 0]
    assert ((repeats["recency_days"] > 0) & (repeats["recency_days"] <= repeats["T_days"])).all()
    assert (table.loc[table["frequency"] == 0, "recency_days"] == 0).all()
    assert table["mean_repeat_value"].isna().equals(table["frequency"] == 0)
    assert table["customer_id"].is_monotonic_increasing
    assert found.daily[["orders", "new_customers"]].sum().tolist() == [found.orders, found.customers]


@settings(FAST, max_examples=4)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(load_frame, records, random):
    records = [*SOLID, *records]
    shuffled = random.sample(records, len(records))
    one, other = (load_frame(frame_of(r), max_missing_customer_share=1) for r in (records, shuffled))
    pd.testing.assert_frame_equal(one.histories.table, other.histories.table, check_exact=True)
    pd.testing.assert_frame_equal(one.ledger, other.ledger, check_exact=True)
    assert one.data_hash == other.data_hash
    pd.testing.assert_frame_equal(pd.read_parquet(one.occasions), pd.read_parquet(other.occasions))


def test_lines_of_an_order_and_orders_of_a_day_are_one_occasion(load_frame):
    found = load_frame(orders("a 1 5, a 1 3, a 1 2, a 32 1, b 32 1", order=["1", "1", "2", "3", "4"]))
    assert ledger_rows(found) == {"order": 3, "same_order": 1, "same_day": 1}
    assert found.histories.table["spent"].tolist() == [11.0, 1.0]
    assert found.histories.table["mean_repeat_value"].tolist()[0] == 1.0


def test_a_refund_takes_from_the_latest_purchase_first_and_never_counts_as_one(load_frame):
    found = load_frame(orders("a 1 10, a 10 20, a 15 -25, a 20 7, b 20 7"))
    assert pd.read_parquet(found.occasions)["amount"].tolist() == [5.0, 0.0, 7.0, 7.0]
    first = found.histories.table.iloc[0]
    assert (first["orders"], first["spent"], first["mean_repeat_value"]) == (3, 12.0, 3.5)
    assert ledger_rows(found) == {"order": 3, "order_refunded": 1, "refund_netted": 1}


@settings(FAST, max_examples=4)
@given(st.lists(st.lists(st.tuples(st.integers(0, 6), st.integers(-9, 9)), max_size=12), min_size=2, max_size=8))
def test_refunds_are_set_off_as_a_plain_stack_would(load_frame, customers):
    customers = [[(0, 5), (1, 5), *events] for events in customers]
    rows = [(who, START + dt.timedelta(d), float(m)) for who, events in enumerate(customers) for d, m in events]
    frame = pd.DataFrame(rows, columns=["customer", "date", "amount"])
    found = load_frame(frame.assign(date=pd.to_datetime(frame["date"])))
    occasions = pd.read_parquet(found.occasions).groupby("customer")["amount"].apply(list)
    assert occasions.tolist() == [_stack(events) for events in customers]


def _stack(events):
    left: dict[int, float] = {}
    for day in sorted({day for day, _ in events}):
        bought = [money for d, money in events if d == day and money >= 0]
        refund = -sum(money for d, money in events if d == day and money < 0)
        if bought:
            left[day] = float(sum(bought))
        for latest in sorted(left, reverse=True):
            taken = min(left[latest], refund)
            left[latest], refund = left[latest] - taken, refund - taken
    return [left[day] for day in sorted(left)]


def test_a_customer_with_refunds_only_is_no_customer(load_frame):
    found = load_frame(orders("a 1 10, a 2 1, b 1 1, c 1 -3"))
    assert found.customers == 2
    assert ledger_rows(found)["refund_without_order"] == 1
    assert found.ledger["amount"].sum() == 9.0


def test_refunds_can_be_dropped_or_refused(load_frame):
    frame = orders("a 1 10, a 2 -1, a 3 1, b 1 1")
    assert load_frame(frame, refunds="drop").histories.table["spent"].tolist() == [11.0, 1.0]
    with refuses(r"1 row is a refund .*'-1.0' in row 2.*refunds == 'refuse'", 3):
        load_frame(frame, refunds="refuse")


def test_amounts_of_nothing_but_zero_are_no_money(load_frame):
    frame = orders("a 1 0, a 2 0, b 1 0")
    with pytest.raises(InputRefused, match="every amount is 0; where orders have no amounts, name no column of money"):
        load_frame(frame)
    assert load_frame(frame.drop(columns="amount")).orders == 3


def test_duplicates_are_counted_dropped_or_refused(load_frame):
    frame = orders("a 1 10, a 1 10, a 1 10, a 3 1, b 1 1")
    kept = load_frame(frame)
    assert [str(note).split(". ")[0] for note in kept.notes] == ["Rows equal to another one in every column: 2"]
    dropped = load_frame(frame, duplicates="drop")
    assert dropped.histories.table["spent"].tolist() == [11.0, 1.0]
    assert ledger_rows(dropped)["duplicate"] == 2
    with pytest.raises(InputRefused, match="2 rows repeat another row"):
        load_frame(frame, duplicates="refuse")
    uncounted = load_frame(frame, count_duplicates=False)
    assert [str(note).split(" in every")[0] for note in uncounted.notes] == ["Rows that are equal"]
    assert load_frame(frame.assign(unused=range(5))).notes == ()


def test_rows_outside_the_window_are_used_nowhere(load_frame):
    frame = orders("a 1 1, a 5 2, b 5 4, b 32 8")
    found = load_frame(frame, as_of=dt.date(2024, 1, 31), observation_end=dt.date(2024, 12, 31))
    assert found.observation_end == dt.date(2024, 1, 31)
    assert found.histories.table["spent"].sum() == 7.0
    assert ledger_rows(found)["after_end"] == 1
    assert found.histories.table["T_days"].tolist() == [30.0, 26.0]


def test_customers_with_orders_before_the_start_can_be_excluded(load_frame):
    frame = orders("old -30 1, old 5 2, new 5 4, new 32 8, other 32 8")
    assert load_frame(frame, observation_start=START).customers == 3
    excluded = load_frame(frame, observation_start=START, exclude_earlier=True)
    assert excluded.histories.table["customer_id"].tolist() == ["new", "other"]
    assert ledger_rows(excluded) == {"order": 3, "before_start": 1, "born_before_start": 1}


def test_without_a_start_the_first_four_weeks_count_as_before(load_frame):
    found = load_frame(orders("old 1 1, old 65 2, new 36 4, new 61 8, other 32 8"), exclude_earlier=True)
    assert found.histories.table["customer_id"].tolist() == ["new", "other"]
    assert found.notes[-1].values["n"] == 1


def test_missing_ids_are_dropped_up_to_the_allowed_share(load_frame):
    frame = orders("a 1 1, a 5 2, b 5 4, c 32 8, d 32 8").assign(customer=["a", "a", "b", " ", None])
    assert ledger_rows(load_frame(frame))["missing_customer"] == 2
    message = r"2 of 5 rows \(40%\) have no customer id; max_missing_customer_share == 0.3.* fill it down"
    with pytest.raises(InputRefused, match=message):
        load_frame(frame, max_missing_customer_share=0.3)


@pytest.mark.parametrize(("rows", "message"), [
    ("a 1 1, a 2 1", "single customer, 'a'"),
    ("a 1 1, b 2 1", "none of the 2 customers ordered on a second day"),
    ("a 1 -1, b 2 -1", "no order is left of 2 rows: 2 refunds, which are no orders"),
    ("a 30000 1, b 2 1", r"1 row is dated after today .*'2106-.*' in row 1"),
    ("a 1 1e12, b 2 1", "1 value is no number that can be kept exactly"),
])  # fmt: skip
def test_content_that_says_nothing_is_refused_with_the_reason(load_frame, rows, message):
    with refuses(message, 3):
        load_frame(orders(rows))
    with pytest.raises(InputRefused, match="no rows under the header"):
        load_frame(orders(rows)[:0])


def test_quantity_times_unit_price_is_exact_money(load_frame):
    frame = orders("a 1 0, a 2 0, b 2 0, a 9 0", quantity=[3, -1, 2, 3], unit_price=[0.1, 0.1, 19.99, 0.1])
    assert load_frame(frame.drop(columns="amount")).histories.table["spent"].tolist() == [0.5, 39.98]


def test_without_money_orders_are_counted_and_nothing_else(load_frame):
    found = load_frame(orders("a 1 1, a 5 2, b 5 4").drop(columns="amount"))
    assert not found.has_money
    assert "spent" not in found.histories.table
    assert found.ledger["amount"].sum() == 0


@pytest.mark.parametrize(("end", "is_told"), [("2024-03-20", False), ("2024-04-05", True), ("2031-01-01", True)])
def test_days_without_any_order_at_the_end_are_noted_where_there_were_never_so_many(load_frame, end, is_told):
    dates = pd.date_range("2024-01-01", "2024-03-11", freq="7D")
    frame = pd.DataFrame({"customer": ["a", "b"] * len(dates), "date": dates.repeat(2), "amount": 5.0})
    noted = [note for note in load_frame(frame, observation_end=end).notes if note.code == "data.quiet_end"]
    assert bool(noted) == is_told
    if is_told:
        assert noted[0].values["last"] == dt.date(2024, 3, 11)
        assert noted[0].values["longest"] == 7


def test_one_currency_is_kept_and_two_are_refused(load_frame):
    frame = orders("a 1 1, a 5 2, b 5 4", currency=["EUR", "eur", "EUR"])
    assert load_frame(frame).currency == "EUR"
    with refuses(r"the amounts are in EUR, but economics\.currency == 'USD'", 2):
        load_frame(frame, economics={"currency": "USD"})
    with pytest.raises(InputRefused, match=r"2 currencies \(EUR in 2 rows, USD in 1 row\)"):
        load_frame(frame.assign(currency=["EUR", "EUR", "USD"]))
