"""One part of the data is as if the file held no other rows."""

import pandas as pd
import pytest

from analysis.config import Config
from analysis.data import load_orders
from analysis.data.reading import rows_by_part
from analysis.errors import InputRefused

COLUMNS = {"customer": "klant", "date": "datum", "amount": "bedrag", "split": "land"}
ROWS = [
    ("a", "2024-01-01", "1.50", "NL"), ("a", "2024-02-01", "2.50", " NL "), ("b", "2024-01-05", "3.00", "NL"),
    ("c", "2024-01-02", "4.00", "it's"), ("c", "2024-03-02", "5.00", "it's"), ("a", "2024-03-03", "6.00", "it's"),
    ("d", "2024-01-09", "7.00", ""),
]  # fmt: skip
FRAME = pd.DataFrame(ROWS, columns=["klant", "datum", "bedrag", "land"])


@pytest.fixture(params=["csv", "parquet", "xlsx"])
def source(request, tmp_path):
    path = tmp_path / f"orders.{request.param}"
    if request.param == "csv":
        FRAME.to_csv(path, index=False)
    elif request.param == "xlsx":
        FRAME.assign(bedrag=FRAME["bedrag"].astype(float)).to_excel(path, index=False)
    else:
        FRAME.assign(bedrag=FRAME["bedrag"].astype(float)).to_parquet(path)
    return path


def config_for(path, part, **data) -> Config:
    content = {"transactions": str(path), "columns": COLUMNS, "part": part, **data}
    return Config(name="shop", folder=path.parent, data=content)


def test_rows_are_counted_by_value_without_blanks_around_it(source, tmp_path):
    assert rows_by_part(config_for(source, "NL"), tmp_path / "work") == {"NL": 3, "it's": 3, "": 1}


def test_a_part_has_its_own_rows_ledger_and_hash(source, tmp_path):
    parts = {
        part: load_orders(config_for(source, part), workdir=tmp_path / str(number))
        for number, part in enumerate(("NL", "it's"))
    }
    assert [(one.rows_read, one.customers, one.orders) for one in parts.values()] == [(3, 2, 3), (3, 2, 3)]
    assert [one.ledger["rows"].sum() for one in parts.values()] == [3, 3]
    assert [one.ledger["amount"].sum() for one in parts.values()] == [7.0, 15.0]
    assert len({one.data_hash for one in parts.values()}) == 2


def test_the_hash_of_a_part_stays_when_only_others_change(tmp_path):
    def hash_of(frame):
        frame.to_csv(tmp_path / "orders.csv", index=False)
        return load_orders(config_for(tmp_path / "orders.csv", "NL"), workdir=tmp_path / "work").data_hash

    others = FRAME["land"] == "it's"
    assert hash_of(FRAME) == hash_of(FRAME.assign(bedrag=FRAME["bedrag"].where(~others, "9.00")))
    assert hash_of(FRAME) != hash_of(FRAME.assign(bedrag=FRAME["bedrag"].where(others, "9.00")))


def test_what_cannot_be_read_in_another_part_is_not_in_the_way_and_keeps_its_line(tmp_path):
    broken = FRAME.assign(datum=FRAME["datum"].mask(FRAME.index == 4, "never"))
    broken.to_csv(tmp_path / "orders.csv", index=False)
    assert load_orders(config_for(tmp_path / "orders.csv", "NL"), workdir=tmp_path / "work").rows_read == 3
    with pytest.raises(InputRefused, match="'never' in line 6"):
        load_orders(config_for(tmp_path / "orders.csv", "it's"), workdir=tmp_path / "work")


def test_a_part_without_rows_and_a_column_that_is_not_there_are_refused(tmp_path):
    FRAME.to_csv(tmp_path / "orders.csv", index=False)
    with pytest.raises(InputRefused, match=r"orders\.csv, land == 'DE': there are no rows"):
        load_orders(config_for(tmp_path / "orders.csv", "DE"), workdir=tmp_path / "work")
    columns = {**COLUMNS, "split": "Land"}
    with pytest.raises(InputRefused, match=r"no column 'Land' \(for split\)"):
        rows_by_part(config_for(tmp_path / "orders.csv", "NL", columns=columns), tmp_path / "work")


def test_a_part_that_is_a_currency_tells_it(tmp_path):
    FRAME.assign(land=["EUR", *["SEK"] * 6]).to_csv(tmp_path / "o.csv", index=False)
    assert load_orders(config_for(tmp_path / "o.csv", "SEK"), workdir=tmp_path).currency == "SEK"
