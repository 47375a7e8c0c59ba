"""What a database URL holds that nobody may read, and a driver that is chatty."""

import sqlite3
import warnings

import pytest

from analysis.config import Config
from analysis.data import load_orders
from analysis.data.database import redacted, secrets_in_url
from analysis.errors import InputRefused, UsageError


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql://joe:hunter2@db/shop", "hunter2"),
        ("postgresql://joe:hun%2Fter2@db/shop", "hun/ter2"),
        ("postgresql://joe:hun/ter2@db/shop", "hun/ter2"),
        ("postgresql://joe:hun@ter2@db/shop", "hun@ter2"),
        ("postgresql://db/shop?user=joe&password=hunter2", "hunter2"),
        ("postgresql://db/shop?sslpassword=hunter2&sslmode=require", "hunter2"),
        ("mysql://db/shop?PWD=hun%20ter2", "hun ter2"),
        ("mysql://db/shop?passwd=hun+ter2", "hun ter2"),
        ("snowflake://me@account/shop?token=eyJhbGciOi", "eyJhbGciOi"),
        ("trino://me@host/shop?client_secret=hunter2", "hunter2"),
        ("https://host/shop?sv=2024&sig=hun%2Bter2", "hun+ter2"),
        ("mssql+pyodbc://?odbc_connect=DRIVER%3D%7BODBC%7D%3BUID%3Djoe%3BPWD%3Dhunter2%3B", "hunter2"),
        ("mssql+pyodbc:///?odbc_connect=SERVER%3Ddb%3BPassword%3D%7Bhun%3Bter2%7D", "hun;ter2"),
    ],
)
def test_every_password_of_a_url_is_known_and_hidden(url, secret):
    assert secret in secrets_in_url(url)
    assert secret not in redacted(f"no login for joe with {secret} at {url}", url)


@pytest.mark.parametrize("url", ["postgresql://me:abc@hunter2/zz@127.0.0.1:1/x", "postgresql://me:ab/c@127.0.0.1/x"])
def test_a_password_that_splits_its_url_is_refused_and_not_told_as_a_host(url, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_URL", url)
    source = {"database_url_env": "SHOP_URL", "query": "select 1"}
    config = Config(name="x", data={"transactions": source, "columns": {"customer": "c", "date": "d"}})
    with pytest.raises(UsageError, match="write %40 for @ and %2F for /") as refused:
        load_orders(config, workdir=tmp_path)
    assert "hunter2" not in str(refused.value)


def test_a_url_without_a_password_has_no_secrets():
    assert secrets_in_url("sqlite:///shop.db?mode=ro") == set()
    assert secrets_in_url("postgresql://joe@db/shop") == set()
    assert secrets_in_url("no url") == set()


def test_a_word_of_the_url_that_the_driver_does_not_take_is_no_warning(tmp_path, monkeypatch):
    with sqlite3.connect(tmp_path / "shop.db") as link:
        link.execute("create table o (c text, d text)")
        link.executemany("insert into o values (?, ?)", [("a", "2024-01-01"), ("a", "2024-01-03"), ("b", "2024-01-02")])
    monkeypatch.setenv("SHOP_URL", f"sqlite:///{tmp_path}/shop.db?password=hunter2")
    source = {"database_url_env": "SHOP_URL", "query": "select * from o"}
    config = Config(name="t", data={"transactions": source, "columns": {"customer": "c", "date": "d"}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_orders(config, workdir=tmp_path / "work").customers == 2


@pytest.fixture
def load_query(tmp_path, monkeypatch):
    """Load a query on a database with three orders, and count the rows that are left of them."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as link:
        link.execute("create table o (c text, d text)")
        link.executemany("insert into o values (?, ?)", [("a", "2024-01-01"), ("a", "2024-01-03"), ("b", "2024-01-02")])
    monkeypatch.setenv("SHOP_URL", f"sqlite:///{path}")

    def load(query):
        source = {"database_url_env": "SHOP_URL", "query": query}
        config = Config(name="t", data={"transactions": source, "columns": {"customer": "c", "date": "d"}})
        return load_orders(config, workdir=tmp_path / "work").customers

    load.rows = lambda: sqlite3.connect(path).execute("select count(*) from o").fetchone()[0]
    return load


@pytest.mark.parametrize(
    "query",
    [
        "-- all\nselect * from o",
        "/* all */ select * from o",
        "select * from o;\n",
        "with x as (select 1) select * from o",
    ],
)
def test_comments_and_a_closing_semicolon_are_allowed(load_query, query):
    assert load_query(query) == 2


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("with x as (select 1) delete from o", "readonly|read-only|query_only|could not be run"),
        ("select 1; delete from o", "one statement"),
        ("delete from o", "must be a select"),
        ("  -- nothing\n", "the query is empty"),
        (" ", "the query is empty"),
    ],
)
def test_a_query_that_writes_is_not_run(load_query, query, message):
    with pytest.raises(InputRefused, match=message) as refused:
        load_query(query)
    assert refused.value.exit_code == 2
    assert load_query.rows() == 3


def test_a_file_that_is_not_there_is_not_made(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_URL", f"sqlite:///{tmp_path}/none.db")
    source = {"database_url_env": "SHOP_URL", "query": "select 1"}
    config = Config(name="t", data={"transactions": source, "columns": {"customer": "c", "date": "d"}})
    with pytest.raises(InputRefused, match="no such SQLite file"):
        load_orders(config, workdir=tmp_path / "work")
    assert not (tmp_path / "none.db").exists()
