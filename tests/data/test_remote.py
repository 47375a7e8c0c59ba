"""Orders whose rows stay in an engine: the same ledger, summary, predictions and values as of a frame."""

import datetime as dt
from functools import cache

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.conftest import refuses
from tests.data.test_expressions import ENGINES

import analysis as rl
from analysis.config import Config
from analysis.data import remote
from analysis.data.remote import remote_orders
from analysis.data.simulation import simulate_transactions
from analysis.errors import InputRefused, Unavailable

NAMES = {"customer": "client", "date": "when", "amount": "eur", "order": "bill", "channel": "shop", "discount": "off"}
END = dt.date(2024, 9, 30)
pytestmark = pytest.mark.usefixtures("few_proposals", "few_draws")


def shop(seed=1):
    bought = simulate_transactions(700, seed=seed)
    rng, rows = np.random.default_rng(seed), len(bought)
    frame = pd.DataFrame({"client": bought["customer"].astype(str), "when": bought["date"] + pd.Timedelta("9h")})
    frame["eur"] = np.round(rng.gamma(3, 20, rows), 2) * np.where(rng.random(rows) < 0.08, -1, 1)
    frame.loc[rng.random(rows) < 0.03, "eur"] = np.nan
    frame.loc[rng.random(rows) < 0.02, "client"] = None
    frame["bill"] = (np.arange(rows) // 2).astype(str)
    frame["shop"] = rng.choice(["web", "store"], rows)
    frame["off"] = np.round(rng.random(rows), 2)
    return pd.concat([frame, frame.iloc[:25]], ignore_index=True)


@pytest.fixture(scope="module", params=ENGINES)
def entered(request, tmp_path_factory):
    """The shop in the engine, and as a frame."""
    folder, frame = tmp_path_factory.mktemp("engine"), shop()
    with request.param(folder) as enter:
        schema = pa.schema([("client", pa.string()), ("when", pa.timestamp("us")), ("eur", pa.float64())])
        for name, kind in (("bill", pa.string()), ("shop", pa.string()), ("off", pa.float64())):
            schema = schema.append(pa.field(name, kind))
        table = pa.Table.from_pandas(frame, schema, preserve_index=False)
        eur = [float(value) for value in frame["eur"]]
        table = table.set_column(2, "eur", pa.array(eur, pa.float64()))  # NaN and not missing
        pq.write_table(table, folder / "shop.parquet")

        def enter_frame(rows):
            path = folder / f"{ibis.util.guid()}.parquet"
            pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path)
            return enter(str(path))

        yield enter(str(folder / "shop.parquet")), frame, enter_frame


@pytest.fixture(scope="module")
def enter(entered):
    """A function that puts a frame into the engine."""
    return entered[2]


def both(entered, **settings):
    table, frame, _ = entered
    settings = {"observation_end": END} | settings
    content = {"transactions": "table", "columns": NAMES, **settings}
    there = remote_orders(table, Config(name="t", data=content, economics={"currency": "EUR"}))
    return there, rl.read_orders(frame, **NAMES, currency="EUR", **settings)


@pytest.fixture(scope="module")
def plain(entered):
    """Orders in the engine and here, without further settings."""
    return both(entered)


@pytest.mark.parametrize("settings", [
    {},
    {"refunds": "drop", "observation_start": dt.date(2023, 2, 1)},
    {"duplicates": "drop", "exclude_earlier": True, "observation_start": dt.date(2023, 2, 1)},
], ids=["as it is", "refunds dropped", "duplicates and early customers out"])  # fmt: skip
def test_ledger_days_and_summary_are_those_of_the_frame(entered, plain, settings):
    there, here = both(entered, **settings) if settings else plain
    pd.testing.assert_frame_equal(there.ledger, here.ledger)
    pd.testing.assert_frame_equal(there.daily, here.daily)
    for name in ("rows_read", "rows_used", "customers", "orders", "observation_start", "observation_end"):
        assert getattr(there, name) == getattr(here, name), name
    assert [str(note) for note in there.notes] == [str(note) for note in here.notes]
    for until in (None, "2023-11-30"):
        summary = there.summary(until=until).to_frame()
        expected = here.summary(until=until)
        pd.testing.assert_frame_equal(summary[expected.columns], expected, check_dtype=False, rtol=1e-12)


def test_a_fit_is_the_same_and_predictions_come_back_to_every_customer_in_the_engine(plain):
    there, here = plain
    fit, expected = rl.BGNBD().fit(there), rl.BGNBD().fit(here)
    pd.testing.assert_frame_equal(fit.summary, expected.summary, rtol=1e-6)
    found = fit.predict("13W").to_frame()
    pd.testing.assert_frame_equal(found, expected.predict("13W"), check_dtype=False, rtol=1e-6)


def test_values_of_customers_stay_in_the_engine_with_their_total_and_its_interval(plain):
    there, here = plain
    spend, here_spend = rl.GammaGamma().fit(there.spending()), rl.GammaGamma().fit(here)
    assert spend.mean_order_value == pytest.approx(here_spend.mean_order_value)
    value = rl.customer_value(rl.BGNBD().fit(there), spend, horizon="1Y")
    expected = rl.customer_value(rl.BGNBD().fit(here), here_spend, horizon="1Y")
    found = value.customers.to_frame()
    known = expected.customers.set_index("customer_id")[found.columns]
    pd.testing.assert_frame_equal(found, known, check_dtype=False, check_names=False, rtol=1e-5)
    assert value.expected_total.estimate == pytest.approx(expected.expected_total.estimate, rel=1e-6)
    assert value.expected_total.upper == pytest.approx(expected.expected_total.upper, rel=0.05)
    with pytest.raises(Unavailable, match="fits into memory"):
        value.total  # noqa: B018


def test_one_row_a_customer_comes_here_up_to_so_many(plain, monkeypatch):
    there, here = plain
    known = here.histories.table[there.histories.table.columns]
    pd.testing.assert_frame_equal(there.histories.table, known, check_dtype=False, rtol=1e-12)
    assert there.histories.ids.equals(here.histories.ids)
    monkeypatch.setattr(remote, "MOST_HERE", 100)
    there.histories.__dict__.pop("here")
    with pytest.raises(Unavailable, match=r"for up to 100. .*summary\(\).to_frame\(\) brings them here"):
        there.histories.table  # noqa: B018


def test_spenders_above_the_most_are_a_seeded_sample_with_the_same_mean(plain):
    there, _ = plain
    whole, part = there.spending(), there.spending(most=100)
    assert 60 < len(part) < 140
    assert len(whole) > 200
    pd.testing.assert_frame_equal(part, there.spending(most=100))
    spread = whole["monetary_value"].std() / whole["monetary_value"].mean()
    ratio = part["monetary_value"].iloc[:-1].mean() / whole["monetary_value"].iloc[:-1].mean()
    assert abs(ratio - 1) < 4 * spread / 10
    assert part["spend_squares"].isin(there.spending(most=100, seed=2)["spend_squares"]).iloc[:-1].mean() < 0.9
    others = part["orders"].iloc[-1] / whole["orders"].iloc[-1]
    assert others == pytest.approx((len(part) - 1) / (len(whole) - 1))


def test_columns_that_are_missing_or_text_are_told_with_settings_that_are_about_files(entered):
    table, *_ = entered
    columns = {"customer": "client", "date": "bill", "amount": "euro"}
    data = {"transactions": "table", "columns": columns, "decimal": ","}
    with pytest.raises(InputRefused) as refused:
        remote_orders(table, Config(name="t", data=data))
    told = " ".join(problem.message for problem in refused.value.problems)
    assert "column 'bill' (for date) is of the type string in the engine, must be a date or a timestamp" in told
    assert "there is no column 'euro' (for amount)" in told
    assert "decimal: a table of an engine is typed" in told


PLAIN = {name: name for name in ("customer", "date", "amount")}


def export(**columns):
    """A hundred rows of twenty addresses, in two spellings, with statuses."""
    row = np.arange(100)
    frame = pd.DataFrame({"customer": [f"{'Cc'[i % 2]}{i // 2 % 20}@x.nl" for i in row], "amount": 10.0 + row % 7})
    frame["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(row // 2, unit="D")
    frame["order"], frame["fate"] = (row // 2).astype(str), np.where(row % 10 == 3, "Cancelled", "paid")
    return frame.assign(**columns)


MEANINGS = {
    "refunds of orders that say refunded": (
        {"customer": "a", "amount": [*range(10, 100), *range(-10, -20, -1)], "fate": ["refunded"] * 10 + ["paid"] * 90},
        {"count_status": ["paid", "refunded"]}, {"status": "fate"}),
    "addresses in two spellings with totals on each line": (
        {"amount": np.arange(100) // 2 + 5.0}, {"count_status": ["paid"], "amount_of": "order"},
        {"status": "fate", "order": "order"}),
    "nobody by name and refunds in a column": (
        {"customer": ["guest", *[f"c{i % 20}" for i in range(19)]] * 5, "back": [4.0, *[0.0] * 99]}, {},
        {"refunded": "back"}),
    "nobody by share": ({"customer": [*["0"] * 60, *[f"c{i % 20}" for i in range(40)]]}, {}, {}),
    "ids with what nobody sees and per cents": (
        {"customer": [f"c{i % 20}" + "\u200b\u202f" * (i > 19) for i in range(100)], "discount %": [0.0, 20.0] * 50},
        {}, {"discount": "discount %"}),
    "ids that are nearly alike with tax and shipping inside": (
        {"customer": [f"'00{i % 20 + 1}" if i % 3 else f"{i % 20 + 1}" for i in range(100)], "post": 1.5},
        {"amount_includes": {"vat": 0.21, "shipping": "post"}}, {}),
    "numbers that are nobody": ({"customer": [*[0] * 60, *range(1, 41)]}, {"ids": {"anonymous": ["0"]}}, {}),
    "prices": ({"n": [2, -1] * 50, "price": 2.5}, {}, {"quantity": "n", "unit_price": "price", "amount": None}),
}  # fmt: skip


@cache
def meant_here(meaning):
    """The frame of a meaning, its columns by their roles, and its orders as they are read here."""
    columns, settings, roles = MEANINGS[meaning]
    roles = {role: name for role, name in (PLAIN | roles).items() if name}
    return (frame := export(**columns)), roles, rl.read_orders(frame, **roles, **settings)


@pytest.mark.parametrize("meaning", MEANINGS)
def test_rows_mean_the_same_in_an_engine_and_in_a_file(enter, meaning):
    frame, roles, here = meant_here(meaning)
    content = {"transactions": "table", "columns": roles, **MEANINGS[meaning][1]}
    there = remote_orders(enter(frame), Config(name="t", data=content))
    pd.testing.assert_frame_equal(there.ledger, here.ledger)
    assert [str(note) for note in there.notes] == [str(note) for note in here.notes]
    summary, expected = there.summary().to_frame(), here.summary()
    known = summary[expected.columns].set_axis(summary.index.astype("str").str.lower()).sort_index()
    expected = expected.set_axis(expected.index.astype("str").str.lower()).sort_index()
    pd.testing.assert_frame_equal(known, expected, check_dtype=False, check_names=False, rtol=1e-12)


REFUSALS = {
    "statuses that nobody chose": ({}, {"status": "fate"}, "which statuses count"),
    "statuses that nobody named": ({"Status": "cancelled"}, {}, "holds statuses, among them 'cancelled'"),
    "orders that were cancelled": ({"cancelled": [True, False] * 50}, {}, "'cancelled' says 'true' of 50 rows"),
    "refunds above orders": ({"back": [90.0, *[0.0] * 99]}, {"refunded": "back"}, "1 refund is above its order: '90"),
    "two currencies": ({"money": ["EUR", "USD"] * 50}, {"currency": "money"}, "2 currencies"),
    "a date after today": ({"date": pd.Timestamp("2099-01-01")}, {}, "dated after today .*'2099-01-01"),
    "a date of no year": ({"date": pd.Timestamp("1650-01-01")}, {}, "100 values are no dates between 1900 and 2199"),
    "an amount too large": ({"amount": 1e13}, {}, "100 values are no numbers that can be kept exactly: '1"),
    "totals on each line": ({"amount": np.arange(100) // 2 + 5.0}, {"order": "order"}, "is it the total of the order"),
    "a few rows of long ago": (
        {"date": pd.to_datetime(["1970-01-01", *["2024-01-01"] * 99])}, {}, "1 row lies years from all others"),
    "nobody's rows": ({"customer": [*[None] * 60, *["a", "b"] * 20]}, {}, "60 of 100 rows .* have no customer id"),
    "discounts of unknown kind": ({"off": [5.0, 10.0] * 50}, {"discount": "off"}, "money or per cent off"),
}  # fmt: skip


@cache
def exit_code_here(refusal):
    """The code of a refusal of the frame, which is read here."""
    columns, roles, told = REFUSALS[refusal]
    arguments = {"currency_column" if role == "currency" else role: name for role, name in (PLAIN | roles).items()}
    with pytest.raises(InputRefused, match=told) as refused:
        rl.read_orders(export(**columns), **arguments)
    return refused.value.exit_code


@pytest.mark.parametrize("refusal", REFUSALS)
def test_what_is_refused_of_a_file_is_refused_in_an_engine(enter, refusal):
    columns, roles, told = REFUSALS[refusal]
    content = {"transactions": "table", "columns": PLAIN | roles}
    with refuses(told, exit_code_here(refusal)):
        remote_orders(enter(export(**columns)), Config(name="t", data=content))


LINES = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "A ", "guest", "", None]),
        st.integers(0, 30),
        st.one_of(st.none(), st.integers(-900, 2_000)),
        st.sampled_from(["paid", "Paid ", "cancelled", None]),
        st.integers(0, 50),
        st.integers(0, 100),
    ),
    max_size=30,
)
SOLID = [("a", 0, 2_000, "paid", 0, 5), ("a", 9, 1_000, "paid", 100, 0), ("b", 4, 900, "paid", 0, 100)]
ASKED = {"count_status": ["paid"], "ids": {"anonymous": ["guest"]}, "max_missing_customer_share": 1}


@seed(1)
@settings(
    max_examples=2, deadline=None, phases=(Phase.generate,), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(LINES)
def test_rows_and_money_add_up_with_statuses_refunds_nobody_and_discounts_on_every_engine(enter, lines):
    frame = pd.DataFrame([*SOLID, *lines], columns=["customer", "date", "amount", "state", "back", "off"])
    frame["date"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["date"], unit="D")
    for name in ("amount", "back", "off"):
        frame[name] = frame[name].astype("float64") / 100
    frame["back"] = frame["back"].clip(upper=frame["amount"].clip(lower=0)).fillna(0)
    roles = PLAIN | {"status": "state", "refunded": "back", "discount": "off"}
    content = {"transactions": "table", "columns": roles, "discount": "money", **ASKED}
    there = remote_orders(enter(frame), Config(name="t", data=content))
    here = rl.read_orders(frame, **roles, discount_is="money", **ASKED)
    pd.testing.assert_frame_equal(there.ledger, here.ledger)
    assert there.ledger["rows"].sum() == len(frame) == there.rows_read
    assert there.ledger["amount"].sum() == pytest.approx(frame["amount"].sum(), abs=1e-9)
    given_back = there.ledger["reason"] == "ledger.reason.refund_in_column"
    kept = there.ledger.loc[(there.ledger["outcome"] != "dropped") & ~given_back, "amount"].sum()
    assert there.summary().to_frame()["spent"].sum() == pytest.approx(kept, abs=1e-9)


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "databricks"])
def test_the_summary_compiles_for_warehouses_that_no_test_executes(dialect):
    from analysis.data import expressions

    columns = {"customer": "string", "day": "date", "money": expressions.MONEY, "is_refund": "boolean"}
    rows = ibis.table(columns | dict.fromkeys(("order_id", "channel"), "string"), name="rows")
    summary = expressions.summary(expressions.customer_days(rows), END)
    assert "ROW_NUMBER() OVER" in str(ibis.to_sql(summary, dialect=dialect))
