"""Orders of a database, by a query or a table: what is read, what is refused, and that no secret is in the words."""

import sqlite3
import warnings

import pandas as pd
import pytest
from tests.conftest import refuses
from tests.data.servers import PASSWORD, postgresql, spark

from analysis.config import Config
from analysis.data import load_orders
from analysis.data.database import redacted, secrets_in_url
from analysis.data.simulation import simulate_transactions
from analysis.errors import InputRefused, UsageError

COLUMNS = {name: name for name in ("customer", "date", "amount")}
SHOP = [("a", "2024-01-01", 1.5), ("a", "2024-01-03", 2.25), ("b", "2024-01-02", 12.5)]
ORDERS = simulate_transactions(300, seed=2).assign(
    amount=lambda frame: frame["amount"].where(frame.index % 40 != 3, -2)
)


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Orders of a source: of a query on the database of ``url``, or of what a configuration names."""

    def load(source, url=None, **data):
        if url is not None:
            monkeypatch.setenv("SHOP_URL", url)
            source = {"database_url_env": "SHOP_URL"} | (source if isinstance(source, dict) else {"query": source})
        content = {"transactions": source, "columns": COLUMNS, **data}
        return load_orders(Config(name="t", data=content, folder=tmp_path), workdir=tmp_path / "work")

    return load


@pytest.fixture
def shop(tmp_path):
    """URL of an SQLite file with three orders."""
    with sqlite3.connect(tmp_path / "shop.db") as link:
        pd.DataFrame(SHOP, columns=list(COLUMNS)).to_sql("orders", link, index=False)
    return f"sqlite:///{tmp_path}/shop.db"


@pytest.mark.parametrize(("url", "secret"), [
    ("postgresql://joe:hunter2@db/shop", "hunter2"), ("postgresql://joe:hun%2Fter2@db/shop", "hun/ter2"),
    ("postgresql://joe:hun/ter2@db/shop", "hun/ter2"), ("postgresql://joe:hun@ter2@db/shop", "hun@ter2"),
    ("postgresql://db/shop?user=joe&password=hunter2", "hunter2"),
    ("postgresql://db/shop?sslpassword=hunter2&sslmode=require", "hunter2"),
    ("mysql://db/shop?PWD=hun%20ter2", "hun ter2"), ("mysql://db/shop?passwd=hun+ter2", "hun ter2"),
    ("snowflake://me@account/shop?token=eyJhbGciOi", "eyJhbGciOi"),
    ("trino://me@host/shop?client_secret=hunter2", "hunter2"), ("https://host/shop?sv=2024&sig=hun%2Bter2", "hun+ter2"),
    ("mssql+pyodbc://?odbc_connect=DRIVER%3D%7BODBC%7D%3BUID%3Djoe%3BPWD%3Dhunter2%3B", "hunter2"),
    ("mssql+pyodbc:///?odbc_connect=SERVER%3Ddb%3BPassword%3D%7Bhun%3Bter2%7D", "hun;ter2"),
])  # fmt: skip
def test_every_password_of_a_url_is_known_and_hidden(url, secret):
    assert secret in secrets_in_url(url)
    assert secret not in redacted(f"no login for joe with {secret} at {url}", url)


@pytest.mark.parametrize("url", ["sqlite:///shop.db?mode=ro", "postgresql://joe@db/shop", "no url"])
def test_a_url_without_a_password_has_no_secrets(url):
    assert secrets_in_url(url) == set()


def test_a_query_is_read_in_any_order_and_with_what_the_driver_does_not_take(load, shop):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = load("select * from orders", f"{shop}?password=hunter2")
    assert found.histories.table["spent"].tolist() == [3.75, 12.5]
    assert found.data_hash == load("select * from orders order by amount desc", shop).data_hash
    assert load("select *, '12:30' as time from orders where customer like '%'", shop).orders == 3


@pytest.mark.parametrize("query", [
    "-- all\nselect * from orders", "/* all */ select * from orders", "select * from orders;\n",
    "with x as (select 1) select * from orders",
])  # fmt: skip
def test_comments_and_a_closing_semicolon_are_allowed(load, shop, query):
    assert load(query, shop).customers == 2


@pytest.mark.parametrize(("query", "message"), [
    ("with x as (select 1) delete from orders", "readonly|read-only|query_only|could not be run"),
    ("select 1; delete from orders", "one statement"), ("delete from orders", "must be a select"),
    ("create table t (a int)", "must be a select"), ("  -- nothing\n", "the query is empty"),
    (" ", "the query is empty"), ("select * from nowhere", "no such table: nowhere"),
])  # fmt: skip
def test_a_query_that_writes_or_is_none_is_refused_and_changes_nothing(load, shop, tmp_path, query, message):
    before = (tmp_path / "shop.db").read_bytes()
    with refuses(message, 2):
        load(query, shop)
    assert (tmp_path / "shop.db").read_bytes() == before


@pytest.mark.parametrize(("url", "message"), [
    ("", "SHOP_URL is not set"), ("hunter2", "does not hold a database URL"),
    ("postgresql://joe:hunter2@127.0.0.1:1/x", "could not be run"),
    ("nosuch://joe:hunter2@127.0.0.1/x", "could not be run"),
    ("postgresql://me:abc@hunter2/zz@127.0.0.1:1/x", "write %40 for @ and %2F for /"),
    ("postgresql://me:hunter2/c@127.0.0.1/x", "write %40 for @ and %2F for /"),
    ("sqlite:///none.db", "no such SQLite file"),
])  # fmt: skip
def test_a_database_that_cannot_be_reached_is_told_without_its_url(load, tmp_path, monkeypatch, url, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputRefused, match=message) as refused:
        load("select 1", url)
    assert refused.value.exit_code == 2
    assert "hunter2" not in str(refused.value)
    assert not (tmp_path / "none.db").exists()


def test_a_missing_driver_is_named_with_the_extra_that_installs_it(load, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(InputRefused, match=r'pip install "retention-lab\[postgresql\]"') as refused:
        load("select 1", "postgresql://joe:hunter2@127.0.0.1/x")
    assert "hunter2" not in str(refused.value)


def test_spark_without_java_names_the_command_that_installs_it(load, monkeypatch):
    monkeypatch.setattr("analysis.data.remote.find_spec", lambda name: name)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(UsageError, match="Spark needs Java, which is missing; run: sudo apt-get install"):
        load({"spark": "orders.parquet"})


def same(found, expected):
    pd.testing.assert_frame_equal(found.ledger, expected.ledger)
    pd.testing.assert_frame_equal(found.daily, expected.daily)
    pd.testing.assert_frame_equal(found.summary(), expected.summary())
    pd.testing.assert_frame_equal(pd.read_parquet(found.occasions), pd.read_parquet(expected.occasions))


@pytest.fixture
def from_file(load, tmp_path):
    ORDERS.to_parquet(tmp_path / "orders.parquet")
    return load("orders.parquet")


@pytest.mark.needs_spark
def test_parquet_that_spark_reads_gives_what_the_file_gives(load, from_file):
    with spark():
        same(load({"spark": "orders.parquet"}), from_file)


def test_a_table_of_any_other_database_is_read_as_a_query_is(load, from_file, tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as link:
        ORDERS.assign(date=ORDERS["date"].astype("str")).to_sql("orders", link, index=False)
    same(load({"table": "orders"}, f"sqlite:///{tmp_path / 'other.db'}"), from_file)


@pytest.fixture(scope="module")
def server():
    """URL of a PostgreSQL server with the orders, the same with days as text, and many with all their types."""
    import psycopg

    with postgresql() as url:
        with psycopg.connect(url) as link:
            link.execute("create schema sales")
            link.execute("create table sales.orders (customer text, date timestamp, amount numeric(12, 2))")
            link.execute("create table sales.texts (customer text, date text, amount numeric(12, 2))")
            link.execute("create table typed (customer bigint, date timestamptz, amount numeric(12, 2), valuta text)")
            link.execute("""
                insert into typed
                select n % 700, timestamptz '2024-01-01 23:30:00+00' + n % 400 * interval '1 day', n % 50 + 0.1, 'EUR'
                from generate_series(1, 3000) as n""")
            with link.cursor() as cursor:
                rows = list(ORDERS.itertuples(index=False, name=None))
                cursor.executemany("insert into sales.orders values (%s, %s, %s)", rows)
        yield url


@pytest.mark.needs_postgresql
class TestPostgreSQL:
    def test_a_table_gives_what_the_file_gives(self, server, load, from_file):
        same(load({"table": "sales.orders"}, server), from_file)

    def test_a_query_is_read_with_its_types_colons_and_percent_signs(self, server, load):
        columns = {**COLUMNS, "currency": "valuta"}
        found = load("select * from typed", server, timezone="Europe/Amsterdam", columns=columns)
        assert (found.rows_read, found.customers, found.currency) == (3_000, 700, "EUR")
        assert found.histories.table["customer_id"].tolist() == sorted(str(number) for number in range(700))
        assert found.ledger["amount"].sum() == pytest.approx(sum(n % 50 + 0.1 for n in range(1, 3_001)))
        assert str(found.observation_start) == "2024-01-02"
        in_utc = load("select valuta, amount, date, customer from typed order by amount desc", server)
        assert str(in_utc.notes[0]).endswith("the day of an order is its day in UTC.")
        assert in_utc.data_hash == found.data_hash
        cast = "select customer::text, date::date, amount from typed where valuta like '%:%' or amount > 1"
        assert load(cast, server).customers == 686

    @pytest.mark.parametrize(
        "query",
        ["select * from nowhere", "selec", "with gone as (delete from typed returning *) select * from gone limit 0"],
    )
    def test_a_failing_query_changes_nothing_and_never_shows_the_password(self, server, load, query):
        with pytest.raises(InputRefused, match="quer") as refused:
            load(query, server)
        assert refused.value.exit_code == 2
        assert PASSWORD not in str(refused.value)
        assert load("select * from typed", server).rows_read == 3_000

    @pytest.mark.parametrize("source", [{"table": "sales.orders"}, "select * from typed"])
    @pytest.mark.parametrize(("wrong", "told"), [
        ((PASSWORD, "other-word"), "password authentication failed"),
        (("127.0.0.1:", "127.0.0.1:1"), "could not be (read|run)"),
        (("/postgres", "/nowhere"), "nowhere"),
    ], ids=["password", "away", "database"])  # fmt: skip
    def test_an_engine_that_is_away_or_refuses_is_told_without_a_secret(self, server, load, source, wrong, told):
        with pytest.raises(UsageError, match=told) as refused:
            load(source, server.replace(*wrong))
        assert PASSWORD not in str(refused.value)
        assert "other-word" not in str(refused.value)

    def test_a_table_that_is_not_there_and_days_that_the_engine_types_as_text_are_told(self, server, load):
        with pytest.raises(UsageError, match="no_such"):
            load({"table": "sales.no_such"}, server)
        with pytest.raises(InputRefused, match="is of the type string in the engine, must be a date or a timestamp"):
            load({"table": "sales.texts"}, server)
