"""Workbooks: what stands in cells as numbers and dates, what as text, and what as nothing at all."""

import datetime as dt
import zipfile

import openpyxl
import pytest
from tests.conftest import refuses

import analysis as rl
from analysis.errors import InputRefused

ROWS = [("a", dt.date(2024, 1, 5), 10.5), ("a", dt.date(2024, 2, 7), 20), ("b", dt.date(2024, 3, 1), 7.75)]
BLANK = (None, None, None)


@pytest.fixture
def load_rows(tmp_path, load_file):
    def load(*rows, header=("klant", "datum", "bedrag"), **data):
        book = openpyxl.Workbook()
        for row in (header, *rows):
            book.active.append(row)
        book.save(tmp_path / "a.xlsx")
        return load_file("a.xlsx", **data)

    return load


def spent(transactions):
    return transactions.ledger["amount"].sum()


@pytest.mark.parametrize("text", ["1.234", "1,234"])
def test_cells_that_are_numbers_do_not_decide_how_texts_are_read(load_rows, text):
    rows = (*ROWS, ("b", dt.date(2024, 3, 2), text))
    with refuses(rf"1 number can be read two ways.*'{text}' in row 5.*`decimal`", 3):
        load_rows(*rows)
    mark, other = text[1], {",": ".", ".": ","}[text[1]]
    assert spent(load_rows(*rows, decimal=mark)) == pytest.approx(38.25 + 1.234)
    assert spent(load_rows(*rows, decimal=other)) == pytest.approx(38.25 + 1234)


@pytest.mark.parametrize(
    ("text", "value"), [("1,50", 1.5), ("1.234,50", 1234.5), ("€ 12,-", 12), ("5", 5), ("-3,5", -3.5)]
)
def test_texts_beside_numbers_are_read_by_their_own_convention(load_rows, text, value):
    assert spent(load_rows(*ROWS, ("b", dt.date(2024, 3, 2), text))) == pytest.approx(38.25 + value)


def test_a_number_with_three_decimals_beside_texts_is_no_thousand(load_rows):
    found = load_rows(("a", dt.date(2024, 1, 5), 1.234), ("a", dt.date(2024, 1, 6), "1.234,50"), *ROWS[2:])
    assert spent(found) == pytest.approx(1.234 + 1234.5 + 7.75)


def test_what_is_no_number_is_refused_with_its_place_also_beside_numbers(load_rows):
    with pytest.raises(InputRefused, match="1 value is not a number: '#N/A' in row 5"):
        load_rows(*ROWS, ("b", dt.date(2024, 3, 2), "#N/A"))
    with pytest.raises(InputRefused, match=r"1 value is no number that can be kept exactly: '1e\+20' in row 5"):
        load_rows(*ROWS, ("b", dt.date(2024, 3, 2), 1e20), ("b", dt.date(2024, 3, 2), "5,5"))


def test_cells_that_are_dates_do_not_decide_how_texts_are_read(load_rows):
    rows = (*ROWS, ("b", "05-03-2024", 1))
    with pytest.raises(InputRefused, match=r"cannot be told apart in the only date, such as .*'05-03-2024' in row 5"):
        load_rows(*rows)
    assert load_rows(*rows, date_format="%d-%m-%Y").observation_end == dt.date(2024, 3, 5)
    assert load_rows(*rows, date_format="%m-%d-%Y").observation_end == dt.date(2024, 5, 3)
    assert load_rows(*ROWS, ("b", "31-03-2024", 1)).observation_end == dt.date(2024, 3, 31)


def test_rows_without_a_filled_cell_are_no_rows_and_others_keep_their_numbers(load_rows):
    found = load_rows(*ROWS[:2], BLANK, (None, "  ", None), *ROWS[2:], BLANK)
    assert found.rows_read == found.ledger["rows"].sum() == 3
    with pytest.raises(InputRefused, match="'x' in row 6"):
        load_rows(*ROWS[:2], BLANK, BLANK, ("b", dt.date(2024, 3, 1), "x"))
    missing = load_rows(*ROWS, (None, None, 5.0))
    assert dict(missing.ledger[["reason", "rows"]].to_numpy())["ledger.reason.missing_customer"] == 1


@pytest.mark.parametrize(("row", "message"), [
    (("b", dt.date(2024, 3, 2), "=5*2"), "1 cell holds a formula whose value is not stored in the file: C5;"),
    (('="b"', "=DATE(2024,3,2)", "=5*2"), "3 cells hold formulas .*: A5, B5, C5; open the file in a spreadsheet"),
])  # fmt: skip
def test_formulas_that_were_never_computed_are_refused_and_not_called_empty(load_rows, row, message):
    with refuses(message, 3):
        load_rows(*ROWS, row)


def test_formulas_in_columns_that_are_not_used_do_no_harm(load_rows):
    header = ("klant", "datum", "bedrag", "btw")
    assert load_rows(*((*row, "=1+1") for row in ROWS), header=header).customers == 2


def test_formulas_that_were_computed_count_with_their_values_even_where_that_is_an_empty_text(
    load_rows, load_file, tmp_path
):
    load_rows(*ROWS, ("b", dt.date(2024, 3, 2), 4))
    source = tmp_path / "a.xlsx"
    with zipfile.ZipFile(source) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    assert '<c r="C5" t="n"><v>4</v></c>' in sheet
    for cell, rows in {'<c r="C5"><f>2+2</f><v>4</v></c>': 4, '<c r="C5" t="str"><f>""</f><v></v></c>': 3}.items():
        parts["xl/worksheets/sheet1.xml"] = sheet.replace('<c r="C5" t="n"><v>4</v></c>', cell).encode()
        with zipfile.ZipFile(source, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        assert load_file("a.xlsx").rows_used == rows


@pytest.mark.parametrize("inside", ["worksheets/sheet1.xml", "workbook.xml", "styles.xml"])
@pytest.mark.parametrize("damage", [lambda text: text[: len(text) // 2], lambda text: b"", lambda text: text[1:]])
def test_a_workbook_that_is_damaged_inside_is_named(tmp_path, inside, damage):
    openpyxl_book = openpyxl.Workbook()
    openpyxl_book.active.append(["klant", "datum", "bedrag"])
    openpyxl_book.save(tmp_path / "whole.xlsx")
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as whole, zipfile.ZipFile(tmp_path / "a.xlsx", "w") as damaged:
        for name in whole.namelist():
            text = whole.read(name)
            damaged.writestr(name, damage(text) if name.endswith(inside) else text)
    with refuses(r"a\.xlsx: the workbook is damaged or cut off", 3):
        rl.read_orders(tmp_path / "a.xlsx", customer="klant", date="datum")
