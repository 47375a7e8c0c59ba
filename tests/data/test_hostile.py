"""Values and files that an attack handed over: each read as what it is, or refused in the package's own words."""

import datetime as dt
import os
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import refuses

import analysis as rl
from analysis.config import Columns, load_config
from analysis.errors import InputRefused

COLUMNS = {"customer": "c", "date": "d", "amount": "a"}
PRICED = {"customer": "c", "date": "d", "quantity": "q", "unit_price": "p"}
DAYS = ["2025-01-03", "2025-02-11", "2025-02-12", "2025-03-01"]
UTC = dt.UTC


def read(days=DAYS, amounts=(1.0, 2.0, 3.0, 4.0), **settings):
    frame = {"c": ["x", "x", "y", "y"], "d": pd.Series(days, dtype=object), "a": pd.Series(amounts, dtype=object)}
    return rl.read_orders(pd.DataFrame(frame), **COLUMNS | settings)


@pytest.fixture
def read_parquet(tmp_path):
    """Orders of a Parquet file of three rows with some columns of its own."""

    def read_parquet(**columns):
        days = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-02-01"])
        pq.write_table(pa.table({"c": ["A", "A", "B"], "d": days, "a": [1.0] * 3} | columns), tmp_path / "o.parquet")
        return rl.read_orders(tmp_path / "o.parquet", **COLUMNS)

    return read_parquet


@pytest.fixture
def read_priced(tmp_path):
    """Orders of a text file of four rows with quantity and unit price, and one more row."""

    def read_priced(row):
        rows = ["A,2024-01-05,1,10", "A,2024-02-05,1,10", "B,2024-02-06,1,10", "B,2024-03-06,1,10"]
        (tmp_path / "o.csv").write_text("\n".join(["c,d,q,p", *rows, row]))
        return rl.read_orders(tmp_path / "o.csv", **PRICED)

    return read_priced


def test_a_missing_number_in_a_parquet_file_is_no_customer_called_nan(read_parquet):
    found = read_parquet(c=pa.array([1.0, 2.0, float("nan")], from_pandas=False))
    assert found.histories.table["customer_id"].tolist() == ["1", "2"]
    assert found.ledger.set_index("reason")["rows"]["ledger.reason.missing_customer"] == 1


@pytest.mark.parametrize(("row", "message"), [
    ("A,2024-04-05,2000000,1000000", "no number that can be kept exactly"),
    ("A,2024-04-05,0.0001,0.0001", r"1 product is no number that can be kept exactly: '0.0001' / '0.0001'"),
])  # fmt: skip
def test_a_product_that_cannot_be_kept_is_refused_and_not_called_missing_or_free(read_priced, row, message):
    with pytest.raises(InputRefused, match=message):
        read_priced(row)


def test_a_negative_quantity_at_a_negative_price_is_no_refund(read_priced):
    found = read_priced("A,2024-04-05,-2,-3")
    assert "refunded" not in found.ledger["outcome"].tolist()
    assert found.histories.table["spent"].sum() == pytest.approx(46)


def test_what_arithmetic_leaves_of_nothing_is_nothing(read_parquet):
    assert read_parquet(a=[1.0, 0.1 + 0.2 - 0.3, 2.0]).histories.table["spent"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("role", "column"), [("amount", [[1], [2], [3]]), ("date", [[dt.datetime(2024, 1, 1, tzinfo=UTC)]] * 3)]
)
def test_a_column_of_lists_is_refused_in_a_sentence(read_parquet, role, column):
    with pytest.raises(InputRefused, match=rf"\(for {role}\) holds .*\[\] values, must hold"):
        read_parquet(**{role[0]: column})


def test_an_id_with_a_zero_byte_is_refused(read_parquet):
    with refuses(r"1 value is an id with a zero byte .*'A\\x00' in row 2", 3):
        read_parquet(c=["A", "A\0", "B"])


def test_ids_of_which_a_spreadsheet_kept_three_digits_are_refused(read_parquet):
    with refuses("2 values are ids .*such as 8.9E.09, which has lost its digits: '8.90E.09' in row 1", 3):
        read_parquet(c=["8.90E+09", "8,9E+12", "A-E+1"])


@pytest.mark.parametrize("text", ["name: index.html\n", "name: .work-1\n", f"name: {'x' * 101}\n", "folder: /etc\n"])
def test_configurations_that_would_break_a_reports_folder_or_the_reader_are_refused(tmp_path, text):
    (tmp_path / "x.yml").write_text(f"{text}data: {{transactions: {{sample: cdnow}}}}\n")
    with pytest.raises(InputRefused) as caught:
        load_config(tmp_path / "x.yml")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("amount", ["1e400", "-1e30", "1e-400", "1e-11"])
def test_a_decimal_that_cannot_be_kept_is_refused(amount):
    with pytest.raises(InputRefused, match=r"1 value is no number that can be kept exactly: '.+' in row 3; zero and"):
        read(amounts=[Decimal(1), Decimal("2.5"), Decimal(amount), Decimal(4)])


@pytest.mark.parametrize("plain", [pd.Timestamp("2025-01-03"), dt.date(2025, 1, 3)])
def test_moments_with_and_without_an_offset_are_refused_together(plain):
    days = [plain, *(dt.datetime(2025, 2, day, tzinfo=UTC) for day in (1, 2, 3))]
    with pytest.raises(InputRefused, match=r"mixes formats: 1 row like '2025-01-03.*, 3 rows like '2025-02-01"):
        read(days)


def test_moments_of_several_zones_are_one_kind():
    zones = [dt.timezone(dt.timedelta(hours=hours)) for hours in (0, 2, 3, -5)]
    days = [dt.datetime(2025, 2, 1, 12, tzinfo=zone) for zone in zones]
    assert read(days, timezone="UTC").orders == read([*days[:3], pd.NaT], timezone="UTC").orders == 2


def test_one_column_cannot_have_two_roles_that_differ():
    with pytest.raises(InputRefused, match="customer and date name one column, 'c'; each needs its own"):
        read(date="c")
    assert Columns(customer="c", date="d", category="k", split="k").split == "k"


def test_half_of_a_pair_of_utf_16_is_no_setting():
    with pytest.raises(InputRefused, match=r"ids\.anonymous.*a lone surrogate"):
        read(ids={"anonymous": ["\ud800"]})
    with pytest.raises(InputRefused, match=r"customer == '\\ud800', must be text"):
        read(customer="\ud800")


def test_a_pipe_is_named_as_one(tmp_path):
    os.mkfifo(tmp_path / "orders.csv")
    for path in (tmp_path / "orders.csv", "/dev/null"):
        with pytest.raises(InputRefused, match="is a pipe or a device, which can be read only once; write it to a fil"):
            rl.read_orders(path, **COLUMNS)
