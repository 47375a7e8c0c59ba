import datetime as dt
import gzip

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import refuses
from tests.data.shop import COLUMNS as SHOP
from tests.data.shop import write_shop_export

import analysis as rl
from analysis.errors import InputRefused

COLUMNS = {"customer": "klant", "date": "datum", "amount": "bedrag"}
PLAIN = "klant,datum,bedrag\n007,2024-01-31,1.50\n007,2024-02-01,2.25\n8,2024-02-05,12.5\n"
FRAME = pd.DataFrame({
    "klant": ["007", "007", "8"], "datum": pd.to_datetime(["2024-01-31", "2024-02-01", "2024-02-05"]),
    "bedrag": [1.5, 2.25, 12.5],
})  # fmt: skip


def assert_is_plain(transactions):
    table = transactions.histories.table
    assert table["customer_id"].tolist() == ["007", "8"]
    assert table["spent"].tolist() == [3.75, 12.5]
    assert table["orders"].tolist() == [2, 1]
    assert table["recency_days"].tolist() == [1.0, 0.0]
    assert table["T_days"].tolist() == [5.0, 0.0]
    assert table["first_order"].dtype == "datetime64[s]"


QUOTED = """klant,datum,bedrag,tekst
007,2024-01-31,"1.50","a, ""b""
c"
007,2024-02-01,2.25,

8,2024-02-05,12.5,x
"""


@pytest.mark.parametrize(("name", "content"), [
    *(("a.csv", PLAIN), ("a.txt", PLAIN.replace(",", "\t")), ("A.CSV", PLAIN.replace(",", ";"))),
    *(("a b [1].csv", PLAIN.replace(",", "|")), ("quoted.csv", QUOTED.replace("\n", "\r\n"))),
    ("sep.csv", "sep=;\r\n" + PLAIN.replace(",", ";").replace("\n", "\r\n")),
    *((f"{len(end)}.csv", PLAIN.replace("\n", end)) for end in ("\r", "\r\n")),
    ("mixed.csv", PLAIN.replace("\n", "\r\n", 2)),
    *((f"{encoding}.csv", f"\ufeff{PLAIN}".encode(encoding)) for encoding in ("utf-32-be", "utf-16-be")),
    *((f"{encoding}.csv.gz", gzip.compress(PLAIN.encode(encoding), mtime=0)) for encoding in ("utf-8", "utf-16")),
])  # fmt: skip
def test_text_is_read_whatever_its_delimiter_line_ends_marks_and_archive(load_file, name, content):
    assert_is_plain(load_file(name, content))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252"])
def test_encodings_are_recognised(load_file, encoding):
    found = load_file("a.csv", PLAIN.replace("007", "Zoë"), encoding=encoding)
    assert found.histories.table["customer_id"].tolist() == ["8", "Zoë"]
    is_told = "Files whose encoding was recognised as" in str([str(note) for note in found.notes])
    assert is_told == (encoding in {"latin-1", "cp1252"})


def test_utf_16_without_a_mark_names_the_key_that_settles_it(load_file):
    with pytest.raises(InputRefused, match="`encoding`"):
        load_file("a.csv", PLAIN.encode("utf-16-le"))


def test_configured_encodings_are_checked(tmp_path):
    def load(content, encoding):
        (tmp_path / "a.csv").write_bytes(content)
        return rl.read_orders(tmp_path / "a.csv", **COLUMNS, encoding=encoding)

    assert_is_plain(load(PLAIN.encode("utf-16-le"), "utf-16-le"))
    for name in ("base64", "rot13", "zlib", "hex", "bz2", "quopri", "\0", "utf-8\0", "klingon", " "):
        with refuses(r"encoding == .* must be a known encoding of text", 2):
            load(PLAIN.encode(), name)
    with pytest.raises(InputRefused, match="cannot be read as utf-8-sig"):
        load(PLAIN.replace("007", "Zoë").encode("latin-1"), "utf-8")


@pytest.mark.parametrize(
    "identifier", ["007", "=cmd|' /C calc'!A0", "<script>alert(1)</script>", " 7 ", "NULL", "ключ"]
)
def test_customer_ids_stay_exactly_the_text_of_the_file(load_file, identifier):
    found = load_file("a.csv", PLAIN.replace("007", identifier))
    assert identifier in found.histories.table["customer_id"].tolist()


def test_parquet_keeps_its_types_and_integer_ids_become_plain_text(load_file, tmp_path):
    frame = pd.concat([FRAME, FRAME]).assign(klant=[7, 7, 8, 7, 7, 10])
    frame.to_parquet(tmp_path / "a.parquet")
    assert load_file("a.parquet").histories.table["customer_id"].tolist() == ["10", "7", "8"]
    frame.assign(klant=frame["klant"].astype(float)).to_parquet(tmp_path / "b.parquet")
    assert load_file("b.parquet").histories.table["customer_id"].tolist() == ["10", "7", "8"]


def test_workbooks_keep_native_dates_and_numbers(load_file, tmp_path):
    FRAME.to_excel(tmp_path / "a.xlsx", index=False)
    assert_is_plain(load_file("a.xlsx"))
    with pd.ExcelWriter(tmp_path / "b.xlsx") as writer:
        FRAME.to_excel(writer, sheet_name="Orders", index=False)
        FRAME.to_excel(writer, sheet_name="Oud", index=False)
    with refuses(r"several sheets hold rows \('Orders', 'Oud'\)", 2):
        load_file("b.xlsx")
    assert_is_plain(load_file("b.xlsx", sheet="Orders"))
    with pytest.raises(InputRefused, match="no sheet 'Order'; did you mean 'Orders'"):
        load_file("b.xlsx", sheet="Order")


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.csv", b"PAR1....PAR1", "content is a Parquet file"), ("a.csv", b"PK\x03\x04zip", "an Excel workbook"),
    ("a.csv", b"\r\n<!DOCTYPE html><html>", "a web page"), ("a.csv", b'[{"klant": 1}]', "a JSON document"),
    ("a.csv", b"\x1f\x8b\x08", "a gzip archive"), ("a.csv", bytes(range(256)), "zero bytes"),
    ("a.csv", b"a,b\n\x81\x8d,1", "neither UTF-8 nor Windows-1252"),
    ("a.parquet", PLAIN.encode(), "not a Parquet file"),
    ("a.parquet", b"PAR1" + bytes(100), "cannot be read as Parquet, the file is damaged or cut off"),
    ("a.xlsx", PLAIN.encode(), "not an Excel workbook"),
    ("a.xlsx", b"PK\x03\x04" + b"x" * 30, "the workbook is damaged or cut off"),
    ("a.csv.gz", PLAIN.encode(), "not a complete gzip archive"),
    ("a.csv.gz", gzip.compress(PLAIN.encode() * 9999, mtime=0)[:-2000], "the gzip archive is damaged or cut off"),
    ("a.csv", b"", "the file is empty"), ("a.csv", b"\xef\xbb\xbf\r\n", "the file is empty"),
    ("a.csv", b"klant,datum,bedrag\n", "no rows under the header"),
    ("a.csv", (PLAIN + "9,2024-01-01,1,50\n").encode(), r"1 line does not have the 3 fields .*line 5"),
])  # fmt: skip
def test_a_file_that_is_not_what_its_name_says_is_refused(load_file, name, content, message):
    with refuses(message, 3):
        load_file(name, content)


@pytest.mark.parametrize(("name", "message"), [
    ("b.csv", "there is no file .*did you mean 'a.csv'"), ("*.tsv", "no file matches"),
    ("a.ods", r"ending that cannot be read; save it as .xlsx"),
    (["a.csv", "c.parquet"], "files of one kind only"), ("folder", "is a folder"),
])  # fmt: skip
def test_what_is_not_there_is_a_usage_problem(load_file, tmp_path, name, message):
    (tmp_path / "a.csv").write_text(PLAIN)
    (tmp_path / "a.ods").write_text(PLAIN)
    (tmp_path / "c.parquet").write_text(PLAIN)
    (tmp_path / "folder").mkdir()
    with refuses(message, 2):
        load_file(name)


def test_a_column_that_stands_twice_in_the_header_is_refused_only_where_it_is_used(load_file):
    assert_is_plain(load_file("a.csv", "klant,datum,bedrag,x,x\n" + PLAIN.split("\n", 1)[1].replace("\n", ",1,2\n")))
    with pytest.raises(InputRefused, match=r"'bedrag' .* stands 2 times"):
        load_file("b.csv", "klant,datum,bedrag,bedrag\n" + PLAIN.split("\n", 1)[1].replace("\n", ",1\n"))


@pytest.mark.parametrize("rows", [3_000, pytest.param(300_000, marks=pytest.mark.slow)])
def test_the_export_of_a_dutch_shop_is_read_to_the_cent(tmp_path, load_file, rows):
    path, truth = write_shop_export(tmp_path / "bestellingen.csv", rows)
    found = load_file(path.name, columns=SHOP)
    ledger = found.ledger.groupby("reason")["rows"].sum()
    assert found.rows_read == found.ledger["rows"].sum() == truth["rows"]
    assert found.ledger["amount"].sum() == pytest.approx(truth["amount"], abs=0.005)
    assert ledger["ledger.reason.missing_customer"] == truth["missing"]
    refunds = ledger.get("ledger.reason.refund_netted", 0) + ledger.get("ledger.reason.refund_without_order", 0)
    assert refunds == truth["refunds"]
    assert found.histories.table["customer_id"].str.fullmatch(r"\d{5}").all()
    assert found.observation_end <= dt.date(2024, 12, 1)


def test_nothing_that_spilled_is_left_in_the_working_folder(load_file, tmp_path):
    load_file("a.csv", PLAIN)
    assert not (tmp_path / "work" / "spill").exists()


def test_a_file_in_a_broken_encoding_hides_no_problem_of_the_others(load_file, tmp_path):
    (tmp_path / "1.csv").write_bytes("klant;datum;bedrag\nZo\x81;2024-01-01;1\n".encode("latin-1") + b"\x9d\x8d")
    (tmp_path / "2.csv").write_text("klant;datum;bedrag\na;2024-01-01;many\n")
    (tmp_path / "3.csv").write_text("klant;datum\na;2024-01-01\n")
    with pytest.raises(InputRefused) as refused:
        load_file(["1.csv", "2.csv", "3.csv"])
    said = [problem.message for problem in refused.value.problems]
    assert "1.csv: the text is neither UTF-8 nor Windows-1252" in said[0]
    assert "3.csv: its header differs" in said[1]
    assert "'many' in line 2" in said[2]


def test_columns_may_have_the_names_of_internal_ones():
    frame = pd.DataFrame({"text": ["a", "b", "a"], "day": ["01-02-2024", "31-03-2024", "05-06-2024"]})
    frame = frame.assign(rows=["1,5", "2,5", "3,5"], money=1, row=2, reason="x", own=1, whole=2, status=3)
    frame["file of the row"] = frame["number of the row"] = 1
    orders = rl.read_orders(frame, customer="text", date="day", amount="rows", order="row", product="number of the row")
    assert (orders.customers, orders.orders, orders.histories.table["spent"].sum()) == (2, 3, 7.5)


@pytest.mark.parametrize("missing", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_a_missing_amount_though_all_others_are_equal(tmp_path, missing):
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta([row // 50 for row in range(5_000)], unit="D")
    amount = [missing if row < 972 or row % 50 == 7 else 10.0 for row in range(5_000)]
    frame = pd.DataFrame({"customer": [row % 50 for row in range(5_000)], "date": days})
    table = pa.Table.from_pandas(frame).append_column("amount", pa.array(amount, pa.float64()))
    pq.write_table(table, tmp_path / "nan.parquet")
    names = {name: name for name in ("customer", "date", "amount")}
    found = rl.read_orders(tmp_path / "nan.parquet", **names)
    assert found.orders == sum(value == 10.0 for value in amount)
    assert found.customers == 49
    pq.write_table(table.set_column(2, "amount", pa.array([missing] * 5_000)), tmp_path / "nothing.parquet")
    with pytest.raises(InputRefused, match="no order is left of 5,000 rows: 5,000 missing amount"):
        rl.read_orders(tmp_path / "nothing.parquet", **names)
