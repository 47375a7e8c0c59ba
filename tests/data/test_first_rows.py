"""Where a configuration is refused, a look at the beginning of large data is enough, and it is said."""

import gzip

import pandas as pd
import pytest

from analysis.config import Config
from analysis.data import load_transactions
from analysis.data.first_rows import first_rows
from analysis.errors import InputRefused

LINES = [f"c{number % 7};2024-01-{number % 28 + 1:02d};{number}" for number in range(500)]
TEXT = "\n".join(["klant;datum;bedrag", *LINES, ""])


def problems_of(tmp_path, source, most_rows=100, **data):
    columns = {"customer": "klant", "date": "datum", "amount": "bedrag"}
    config = Config(name="shop", folder=tmp_path, data={"transactions": source, "columns": columns, **data})
    with pytest.raises(InputRefused) as refused:
        load_transactions(config, workdir=tmp_path / "work", most_rows=most_rows)
    return [problem.message for problem in refused.value.problems]


def write(path, text):
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_what_is_wrong_with_the_first_rows_is_told_and_no_more(tmp_path, name):
    wrong = LINES.copy()
    wrong[20], wrong[400] = "c1;2024-01-01;early", "c1;2024-01-01;late"
    write(tmp_path / name, "\n".join(["klant;datum;bedrag", *wrong, ""]))
    cut, value = problems_of(tmp_path, name)
    assert cut == f"{name}: only the first 100 rows were looked at, since the configuration is refused anyway"
    assert "1 value is not a number: 'early' in line 22" in value


def test_a_parquet_file_is_cut_as_well(tmp_path):
    frame = pd.DataFrame({"klant": ["a", "b"] * 200, "datum": pd.Timestamp("2024-01-01"), "bedrag": 1.0})
    frame.to_parquet(tmp_path / "a.parquet")
    (path,), problems = first_rows([tmp_path / "a.parquet"], 150, tmp_path / "work")
    assert len(pd.read_parquet(path)) == 150
    assert len(problems) == 1


def test_a_file_that_is_no_larger_is_taken_as_it_is(tmp_path):
    write(tmp_path / "a.csv", TEXT)
    assert first_rows([tmp_path / "a.csv"], 500, tmp_path / "work") == ([tmp_path / "a.csv"], [])


def test_no_quoted_field_is_cut_in_two(tmp_path):
    quoted = [f'c{number};2024-01-01;"1\n\n\n"' for number in range(60)]
    write(tmp_path / "a.csv", "\n".join(["klant;datum;bedrag", *quoted, ""]))
    (path,), _ = first_rows([tmp_path / "a.csv"], 50, tmp_path / "work")
    assert path.read_text().count('"') % 2 == 0
    assert 50 <= path.read_text().count("\n") < 60


@pytest.mark.parametrize("content", [b"PK\x03\x04\n" * 50, TEXT.encode("utf-16"), TEXT.replace("\n", "\r").encode()])
def test_what_has_no_plain_lines_is_taken_as_it_is(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    (path,), _ = first_rows([tmp_path / "a.csv"], 400, tmp_path / "work")
    assert path == tmp_path / "a.csv"


def test_a_damaged_archive_is_told_as_what_it_is(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(TEXT.encode())[:-200])
    (message,) = problems_of(tmp_path, "a.csv.gz", most_rows=10_000)
    assert "gzip archive is cut off" in message
