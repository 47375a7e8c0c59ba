"""Where a configuration is refused, a look at the beginning of large data is enough, and it is said."""

import gzip

import pandas as pd
import pytest

from analysis.config import Config
from analysis.data import load_orders
from analysis.errors import InputRefused

LINES = [f"c{number % 7};2024-01-{number % 28 + 1:02d};{number}" for number in range(500)]
LINES[20], LINES[400] = "c1;2024-01-01;early", "c1;2024-01-01;late"
TEXT = "\n".join(["klant;datum;bedrag", *LINES, ""])
CUT = "{}: only the first 100 rows were looked at, since the configuration is refused anyway"


@pytest.fixture
def problems_of(tmp_path):
    def problems_of(source, most_rows=100):
        columns = {"customer": "klant", "date": "datum", "amount": "bedrag"}
        config = Config(name="shop", folder=tmp_path, data={"transactions": source, "columns": columns})
        with pytest.raises(InputRefused) as refused:
            load_orders(config, workdir=tmp_path / "work", most_rows=most_rows)
        return [problem.message for problem in refused.value.problems]

    return problems_of


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_what_is_wrong_with_the_first_rows_is_told_and_no_more(problems_of, tmp_path, name, encoding):
    content = TEXT.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    cut, value = problems_of(name)
    assert cut == CUT.format(name)
    assert "1 value is not a number: 'early' in line 22" in value
    (whole,) = problems_of(name, most_rows=1_000)
    assert "2 values are not numbers: 'early' in line 22, 'late' in line 402" in whole


def test_a_parquet_file_is_cut_as_well(problems_of, tmp_path):
    frame = pd.DataFrame([line.split(";") for line in LINES], columns=["klant", "datum", "bedrag"])
    frame.to_parquet(tmp_path / "a.parquet")
    cut, value = problems_of("a.parquet")
    assert cut == CUT.format("a.parquet")
    assert "1 value is not a number: 'early' in row 21" in value


def test_a_damaged_archive_is_told_as_what_it_is(problems_of, tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(TEXT.encode())[:-200])
    (message,) = problems_of("a.csv.gz", most_rows=10_000)
    assert "gzip archive is cut off" in message
