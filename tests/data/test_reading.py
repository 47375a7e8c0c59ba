"""Sources that cannot be read as they are: damaged, with odd column names, or described by a key that does not fit."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import refuses

from analysis.errors import CONTENT, USAGE, InputRefused

ROWS = 4000
COLUMNS = {"customer": "klant", "date": "datum", "amount": "bedrag"}


def frame(rows: int = ROWS) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "klant": [f"k{number % 50}" for number in range(rows)],
            "datum": pd.date_range("2020-01-01", periods=rows, freq="6h"),
            "bedrag": [number / 7 for number in range(rows)],
        }
    )


@pytest.mark.parametrize("compression", ["snappy", "none"])
@pytest.mark.parametrize("part", ["body", "cut"])
def test_a_damaged_parquet_file_is_refused_by_its_name(load_file, tmp_path, compression, part):
    frame().to_parquet(tmp_path / "good.parquet")
    pq.write_table(pa.Table.from_pandas(frame()), tmp_path / "bad.parquet", compression=compression)
    content = bytearray((tmp_path / "bad.parquet").read_bytes())
    if part == "body":
        for place in range(50, len(content) // 2, 31):
            content[place] ^= 0xFF
    else:
        del content[len(content) // 3 : len(content) // 2]
    (tmp_path / "bad.parquet").write_bytes(content)
    with refuses(r"^bad.parquet: cannot be read as Parquet", CONTENT):
        load_file("*.parquet")


@pytest.mark.parametrize("odd", ["filename", "File_Row_Number"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_with_a_name_of_the_engine_does_not_disturb_messages(load_file, tmp_path, odd, ending):
    table = frame(20).rename(columns={"klant": odd}).assign(bedrag=[*["1.50"] * 19, "x"])
    if ending == "csv":
        table.to_csv(tmp_path / "a.csv", index=False)
    else:
        table.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputRefused, match=r"'x' in (line 21|row 20)"):
        load_file(f"a.{ending}", columns={**COLUMNS, "customer": odd})


def test_rows_are_numbered_in_each_file_whatever_its_columns_are_called(load_file, tmp_path):
    for name, place in (("a", 3), ("b", 7)):
        table = frame(10).assign(bedrag=["1.50"] * 10, filename="x", file_row_number=1)
        table.loc[place, "bedrag"] = f"{name}?"
        table.to_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(InputRefused, match=r"'a\?' in row 4 of a.parquet, 'b\?' in row 8 of b.parquet"):
        load_file("*.parquet")


@pytest.mark.parametrize(("names", "message"), [
    (["klant", "datum", "bedrag", "bedrag"], "column 'bedrag' .* stands 2 times in the header"),
    (["klant", "datum", "bedrag", "Bedrag"], "'bedrag' and 'Bedrag' differ in capitals only"),
    (["klant", "datum", "Bedrag", "bedrag"], "'Bedrag' and 'bedrag' differ in capitals only"),
])  # fmt: skip
def test_a_column_that_stands_twice_in_a_parquet_file_is_refused_where_it_is_used(load_file, tmp_path, names, message):
    columns = [pa.array(["a", "a", "b"]), pa.array(["2024-01-01", "2024-01-02", "2024-01-03"]), pa.array([1, 2, 3])]
    pq.write_table(pa.Table.from_arrays([*columns, pa.array([4, 5, 6])], names=names), tmp_path / "a.parquet")
    with refuses(message, CONTENT):
        load_file("a.parquet")


@pytest.mark.parametrize("ending", ["xlsx", "csv", "frame"])
@pytest.mark.parametrize("order", ["id", "ID"])
def test_columns_that_differ_in_capitals_only_are_refused_where_one_would_be_taken_for_the_other(
    load_file, load_frame, tmp_path, ending, order
):
    rows = frame(20).assign(ID="x", id=range(20))
    rows.to_csv(tmp_path / "a.csv", index=False)
    rows.to_excel(tmp_path / "a.xlsx", index=False)
    columns = {"customer": "ID" if order == "id" else "id", "date": "datum", "amount": "bedrag", "order": order}
    with refuses("'ID' and 'id' differ in capitals only", CONTENT):
        load_frame(rows, columns=columns) if ending == "frame" else load_file(f"a.{ending}", columns=columns)


def test_columns_of_a_text_file_that_differ_in_capitals_only_do_no_harm_where_one_of_them_is_used(load_file):
    rows = "ID,datum,bedrag,id\nx,2024-01-01,1,a\nx,2024-01-02,1,b\nx,2024-01-03,1,b\n"
    orders = load_file("a.csv", rows, columns={"customer": "id", "date": "datum", "amount": "bedrag"})
    assert orders.histories.ids.tolist() == ["a", "b"]


def test_a_column_that_stands_twice_in_a_parquet_file_does_no_harm_where_it_is_not_used(load_file, tmp_path):
    columns = [pa.array(["a", "a", "b"]), pa.array(["2024-01-01", "2024-01-02", "2024-01-03"]), pa.array([1, 2, 3])]
    nested = pa.array([{"bedrag": 1, "klant": "z"}] * 3)
    names = ["klant", "datum", "bedrag", "x", "x", "y"]
    pq.write_table(
        pa.Table.from_arrays([*columns, columns[2], columns[2], nested], names=names), tmp_path / "a.parquet"
    )
    assert load_file("a.parquet").histories.table["spent"].tolist() == [3.0, 3.0]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_sheet_is_refused_where_there_are_none(load_file, tmp_path, ending):
    frame(20).to_csv(tmp_path / "a.csv", index=False)
    frame(20).to_parquet(tmp_path / "a.parquet")
    with refuses(rf"sheet == 'Orders', but a.{ending} is no Excel workbook", USAGE):
        load_file(f"a.{ending}", sheet="Orders")


@pytest.mark.parametrize("missing", ["klant", "datum"])
def test_a_missing_column_does_not_hide_what_is_wrong_with_the_others(load_file, missing):
    text = "klant,datum,bedrag\na,2024-01-01,1.50\na,2024-01-02,-2.50\na,2024-01-02,-2.50\n,2024-01-02,4\n"
    with pytest.raises(InputRefused) as refused:
        load_file(
            "a.csv", text.replace(missing, f"x{missing}"), refunds="refuse", duplicates="refuse",
            max_missing_customer_share=0.1,
        )  # fmt: skip
    said = str(refused.value)
    assert f"there is no column '{missing}'" in said
    assert "2 rows are refunds" in said
    assert "duplicates == 'refuse'" in said
    assert ("no customer id" in said) == (missing != "klant")
    assert "no order is left" not in said
    assert refused.value.exit_code == USAGE
