"""Values that were once read as something else, each with the file that showed it."""

import datetime as dt
import sqlite3
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.config import Config, load_config
from analysis.data import load_orders
from analysis.errors import InputRefused, UsageError

BASE = ["A,2024-01-05,1,10", "A,2024-02-05,1,10", "B,2024-02-06,1,10", "B,2024-03-06,1,10"]
PRICED = {"customer": "c", "date": "d", "quantity": "q", "unit_price": "p"}


def _loaded(folder, name, columns, **data):
    source = {"transactions": str(folder / name), "columns": columns, **data}
    return load_orders(Config(name="x", data=source), workdir=folder / "work")


def _priced(folder, line):
    (folder / "o.csv").write_text("\n".join(["c,d,q,p", *BASE, line]))
    return _loaded(folder, "o.csv", PRICED)


def test_a_missing_number_in_a_parquet_file_is_no_customer_called_nan(tmp_path):
    days = pd.to_datetime(["2024-01-01", "2024-02-01"] * 3)
    customers = pa.array([1.0, 1.0, 2.0, 2.0, float("nan"), float("nan")], from_pandas=False)
    pq.write_table(pa.table({"c": customers, "d": days, "a": [1.0] * 6}), tmp_path / "o.parquet")
    loaded = _loaded(tmp_path, "o.parquet", {"customer": "c", "date": "d", "amount": "a"})
    assert loaded.histories.table["customer_id"].tolist() == ["1", "2"]
    assert loaded.ledger.set_index("reason")["rows"]["ledger.reason.missing_customer"] == 2


def test_an_amount_too_large_to_keep_is_refused_and_not_called_missing(tmp_path):
    with pytest.raises(InputRefused, match="no number that can be kept exactly"):
        _priced(tmp_path, "A,2024-04-05,2000000,1000000")


def test_a_product_too_small_to_keep_is_refused_and_not_called_free(tmp_path):
    with pytest.raises(InputRefused, match=r"1 product is no number that can be kept exactly: '0.0001' / '0.0001'"):
        _priced(tmp_path, "A,2024-04-05,0.0001,0.0001")


@pytest.mark.parametrize("amount", [pa.array([1.0, 1.0, 1e-9]), pa.array([Decimal(1), Decimal(1), Decimal("1e-9")])])
def test_an_amount_of_almost_nothing_in_a_parquet_file_is_refused_and_not_called_free(tmp_path, amount):
    table = pa.table(
        {"c": ["A", "A", "B"], "d": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-02-01"]), "a": amount}
    )
    pq.write_table(table, tmp_path / "o.parquet")
    with pytest.raises(InputRefused, match=r"1 value is no number that can be kept exactly: .* in row 3"):
        _loaded(tmp_path, "o.parquet", {"customer": "c", "date": "d", "amount": "a"})


def test_what_arithmetic_leaves_of_nothing_is_nothing(tmp_path):
    table = {"c": ["A", "A", "B"], "d": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-02-01"])}
    pq.write_table(pa.table({**table, "a": [1.0, 0.1 + 0.2 - 0.3, 2.0]}), tmp_path / "o.parquet")
    loaded = _loaded(tmp_path, "o.parquet", {"customer": "c", "date": "d", "amount": "a"})
    assert loaded.histories.table["spent"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("role", ["amount", "date"])
def test_a_column_of_lists_is_refused_in_a_sentence(tmp_path, role):
    days = [dt.datetime(2024, 1, day, tzinfo=dt.UTC) for day in (1, 2, 3)]
    columns = {"c": list("AAB"), "d": days, "a": [1, 2, 3]}
    listed = {role[0]: [[value] for value in columns[role[0]]]}
    pq.write_table(pa.table(columns | listed), tmp_path / "o.parquet")
    with pytest.raises(InputRefused, match=rf"\(for {role}\) holds .*\[\] values, must hold"):
        _loaded(tmp_path, "o.parquet", {"customer": "c", "date": "d", "amount": "a"})


def test_an_id_with_a_zero_byte_is_refused(tmp_path):
    table = {"c": ["A", "A\0", "B"], "d": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-02-01"]), "a": [1.0] * 3}
    pq.write_table(pa.table(table), tmp_path / "o.parquet")
    with pytest.raises(InputRefused, match=r"1 value is an id with a zero byte .*'A\\x00' in row 2") as caught:
        _loaded(tmp_path, "o.parquet", {"customer": "c", "date": "d", "amount": "a"})
    assert caught.value.exit_code == 3


def test_a_negative_quantity_at_a_negative_price_is_no_refund(tmp_path):
    loaded = _priced(tmp_path, "A,2024-04-05,-2,-3")
    assert "refunded" not in loaded.ledger["outcome"].tolist()
    assert loaded.histories.table["spent"].sum() == pytest.approx(46)


def test_a_time_zone_name_in_a_date_format_counts(tmp_path):
    days = ["2024-01-13", "2024-02-13", "2024-01-14", "2024-03-14"]
    lines = [f"{who},{day} 00:30 CET,1" for who, day in zip("AABB", days, strict=True)]
    (tmp_path / "o.csv").write_text("\n".join(["c,d,a", *lines]))
    columns = {"customer": "c", "date": "d", "amount": "a"}
    data = {"date_format": "%Y-%m-%d %H:%M %Z", "timezone": "Europe/Amsterdam"}
    assert _loaded(tmp_path, "o.csv", columns, **data).observation_start.isoformat() == "2024-01-13"


def test_a_query_that_is_no_select_is_never_run(tmp_path, monkeypatch):
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        shop.execute("create table t (c, d, a)")
    monkeypatch.setenv("SHOP_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    source = {"database_url_env": "SHOP_URL", "query": "drop table t"}
    config = Config(name="x", data={"transactions": source, "columns": {"customer": "c", "date": "d", "amount": "a"}})
    with pytest.raises(UsageError, match="must be a select"):
        load_orders(config, workdir=tmp_path / "work")
    with sqlite3.connect(tmp_path / "shop.db") as shop:
        assert shop.execute("select count(*) from sqlite_master").fetchone() == (1,)


@pytest.mark.parametrize(
    "text",
    [
        "name: index.html\n",
        "name: .work-1\n",
        f"name: {'x' * 101}\n",
        "folder: /etc\n",
        "data: {transactions: {sample: cdnow}, observation_end: 2024-02-30}\n",
        "[" * 3_000,
    ],
)
def test_configurations_that_would_break_a_reports_folder_or_the_reader_are_refused(tmp_path, text):
    (tmp_path / "x.yml").write_text(
        text if text.startswith(("data", "[")) else f"{text}data: {{transactions: {{sample: cdnow}}}}\n"
    )
    with pytest.raises(InputRefused) as caught:
        load_config(tmp_path / "x.yml")
    assert caught.value.exit_code == 2
