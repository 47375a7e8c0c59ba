"""A configuration that names a table of an engine: the work is done there, and what is wrong with it is told."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.data.servers import PASSWORD, postgresql, spark

from analysis.config import Config
from analysis.data import load_orders
from analysis.data.simulation import simulate_transactions
from analysis.errors import InputRefused, UsageError

COLUMNS = {"customer": "customer", "date": "date", "amount": "amount"}
ORDERS = simulate_transactions(300, seed=2).assign(
    amount=lambda frame: frame["amount"].where(frame.index % 40 != 3, -2)
)


@pytest.fixture
def load(tmp_path):
    return lambda source, **data: load_orders(
        Config(name="t", data={"transactions": source, "columns": COLUMNS, **data}, folder=tmp_path),
        workdir=tmp_path / "work",
    )


@pytest.fixture
def from_file(load, tmp_path):
    ORDERS.to_parquet(tmp_path / "orders.parquet")
    return load("orders.parquet")


def same(found, expected):
    pd.testing.assert_frame_equal(found.ledger, expected.ledger)
    pd.testing.assert_frame_equal(found.daily, expected.daily)
    pd.testing.assert_frame_equal(found.summary(), expected.summary())
    pd.testing.assert_frame_equal(pd.read_parquet(found.occasions), pd.read_parquet(expected.occasions))


@pytest.fixture(scope="module")
def server():
    import psycopg

    with postgresql() as url:
        with psycopg.connect(url) as link:
            link.execute("create schema sales")
            link.execute("create table sales.orders (customer text, date timestamp, amount numeric(12, 2))")
            link.execute("create table sales.texts (customer text, date text, amount numeric(12, 2))")
            with link.cursor() as cursor:
                rows = list(ORDERS.itertuples(index=False, name=None))
                cursor.executemany("insert into sales.orders values (%s, %s, %s)", rows)
        yield url


@pytest.mark.needs_postgresql
class TestPostgreSQL:
    def test_a_table_gives_what_the_file_gives(self, server, load, from_file, monkeypatch):
        monkeypatch.setenv("SHOP_URL", server)
        same(load({"database_url_env": "SHOP_URL", "table": "sales.orders"}), from_file)

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ((PASSWORD, "other-word"), "password authentication failed"),
            (("127.0.0.1:", "127.0.0.1:1"), "could not be read"),
            (("/postgres", "/nowhere"), "nowhere"),
        ],
        ids=["password", "away", "database"],
    )
    def test_an_engine_that_is_away_or_refuses_is_told_without_a_secret(self, server, load, monkeypatch, wrong, told):
        monkeypatch.setenv("SHOP_URL", server.replace(*wrong))
        with pytest.raises(UsageError, match=told) as refused:
            load({"database_url_env": "SHOP_URL", "table": "sales.orders"})
        assert PASSWORD not in str(refused.value)
        assert "other-word" not in str(refused.value)
        assert refused.value.exit_code == 2

    def test_a_table_that_is_not_there_is_told(self, server, load, monkeypatch):
        monkeypatch.setenv("SHOP_URL", server)
        with pytest.raises(UsageError, match="no_such"):
            load({"database_url_env": "SHOP_URL", "table": "sales.no_such"})

    def test_a_date_that_the_engine_types_as_text_is_refused(self, server, load, monkeypatch):
        monkeypatch.setenv("SHOP_URL", server)
        with pytest.raises(InputRefused, match="is of the type string in the engine, must be a date or a timestamp"):
            load({"database_url_env": "SHOP_URL", "table": "sales.texts"})


@pytest.mark.needs_spark
def test_parquet_that_spark_reads_gives_what_the_file_gives(load, from_file):
    with spark():
        same(load({"spark": "orders.parquet"}), from_file)


def test_spark_without_java_names_the_command_that_installs_it(load, monkeypatch):
    monkeypatch.setattr("analysis.data.remote.find_spec", lambda name: name)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(UsageError, match="Spark needs Java, which is missing; run: sudo apt-get install"):
        load({"spark": "orders.parquet"})


def test_a_table_of_any_other_database_is_read_as_a_query_is(load, from_file, tmp_path, monkeypatch):
    import sqlite3

    with sqlite3.connect(tmp_path / "shop.db") as link:
        ORDERS.assign(date=ORDERS["date"].astype("str")).to_sql("orders", link, index=False)
    monkeypatch.setenv("SHOP_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    same(load({"database_url_env": "SHOP_URL", "table": "orders"}), from_file)


def test_a_table_and_a_query_are_not_both_named():
    source = {"database_url_env": "SHOP_URL", "table": "orders", "query": "select 1"}
    with pytest.raises(ValueError, match="give either table or query, not both"):
        Config(name="t", data={"transactions": source, "columns": COLUMNS})


@pytest.mark.parametrize("missing", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_a_missing_amount_though_all_others_are_equal(load, tmp_path, missing):
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta([row // 50 for row in range(5_000)], unit="D")
    amount = [missing if row < 972 or row % 50 == 7 else 10.0 for row in range(5_000)]
    frame = pd.DataFrame({"customer": [row % 50 for row in range(5_000)], "date": days})
    table = pa.Table.from_pandas(frame).append_column("amount", pa.array(amount, pa.float64()))
    pq.write_table(table, tmp_path / "nan.parquet")
    found = load("nan.parquet")
    assert found.orders == sum(value == 10.0 for value in amount)
    assert found.customers == 49
