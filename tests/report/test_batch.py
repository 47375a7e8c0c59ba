"""A report for each part: their names, what is in none of them, and that one failing does not stop the others."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.report.small import Heard, folder_with

from analysis.config import Config
from analysis.errors import BatchFailed, DataError, InputRefused, UsageError
from analysis.report.batch import MOST_PARTS, members_of, run_batch, safe_name
from analysis.report.run import run_report


def made(config: Config, **options) -> Path:
    """A report on made-up results; BE is refused, and DE meets what nobody foresaw."""
    if config.data.part == "BE":
        raise DataError("nobody came back")
    if config.data.part == "DE":
        raise ZeroDivisionError("a fault of ours")
    return run_report(config, **options)


@pytest.fixture
def batch(tmp_path, small, monkeypatch):
    monkeypatch.setattr("analysis.report.batch.pool", ThreadPoolExecutor)  # which counts the rows of each part

    def batch(countries, **asked) -> Config:
        rows = (f"c{number},2024-01-{1 + number % 28:02},1,{country}\n" for number, country in enumerate(countries))
        (tmp_path / "orders.csv").write_text("who,when,sum,country\n" + "".join(rows))
        columns = {"customer": "who", "date": "when", "amount": "sum"}
        data = {"transactions": "orders.csv", "columns": columns}
        return Config(name="shop", folder=tmp_path, data=data, batch={"split_by": "country", **asked})

    return batch


def test_a_missing_browser_for_pdfs_is_told_once_before_the_data_are_read(batch, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="install chromium"):
        run_batch(batch(["NL", "BE"]), out=tmp_path / "out", pdf=True)
    assert not (tmp_path / "out").exists()


class TestTheReportsOfABatch:
    def test_are_one_for_each_value_found_the_most_rows_first(self, batch):
        found = members_of(batch(["NL", "BE", "BE", "", "NL", "BE"]))
        named = [(part, config.name, config.data.part) for part, config in found.items()]
        assert named == [("BE", "shop-BE", "BE"), ("NL", "shop-NL", "NL")]
        assert all(config.batch is None and config.data.columns.split == "country" for config in found.values())

    def test_are_those_that_are_listed_and_the_rest_is_told(self, batch):
        heard = Heard()
        found = members_of(batch(["NL", "BE", "FR", "", ""], values=["BE", "NL", "BE"]), heard)
        assert list(found) == ["BE", "NL"]
        assert heard.lines == [
            "batch: 2 rows have no country and are in no report",
            "batch: 1 rows of 1 other values of country are in no report: 'FR'",
        ]

    @pytest.mark.parametrize(("countries", "asked", "word"), [
        (["NL", "BE"], {"values": ["nl"]}, "no row has country == 'nl'; did you mean 'NL'?"),
        (["NL", "BE"], {"values": ["NL", "Xanadu"]}, "known are BE, NL"),
        (["", " "], {}, "the column 'country' is empty in every row"),
        ([f"shop {number}" for number in range(MOST_PARTS + 1)], {}, "51 values"),
        (["a/b", "a b", "A:B"], {}, "'A:B' and 'a b' and 'a/b' would share the folder"),
        (["NL"], {"split_by": "Country"}, "no column 'Country' (for split)"),
    ])  # fmt: skip
    def test_are_refused_where_they_cannot_be_told_apart_or_found(self, batch, countries, asked, word):
        with pytest.raises(InputRefused) as refused:
            members_of(batch(countries, **asked))
        assert word in str(refused.value)
        assert refused.value.exit_code == 2

    @pytest.mark.parametrize("part", ["..", "../../etc", "latest", "a\x00b", "<b>", "é" * 300, "中国"])
    def test_have_names_that_stay_in_their_folder(self, part):
        name = f"shop-{safe_name(part, len('shop'))}"
        assert Config(name=name, data={"transactions": {"sample": "cdnow"}}).name == name
        assert Path(name).name == name


class TestABatch:
    def test_goes_on_where_one_fails_and_returns_the_highest_exit_code(self, batch, tmp_path, monkeypatch):
        monkeypatch.setattr("analysis.report.batch.run_report", made)
        heard, notebooks = Heard(), folder_with(tmp_path, "good")
        with pytest.raises(BatchFailed) as failed:
            run_batch(batch(["BE", "DE", "NL", "FR"]), out=tmp_path / "out", notebooks=notebooks, progress=heard)
        assert failed.value.exit_code == 4
        assert str(failed.value).splitlines() == [
            "BE: nobody came back",
            "DE: unexpected ZeroDivisionError: a fault of ours",
            "batch: 2 of 4 reports were made",
        ]
        assert [folder.parent.name for folder in failed.value.folders] == ["shop-FR", "shop-NL"]
        index = (tmp_path / "out" / "index.html").read_text()
        assert all(folder.name in index for folder in failed.value.folders)
        assert any(line.startswith("NL: ") for line in heard.lines)

    def test_stops_all_of_them_at_its_deadline(self, batch, tmp_path):
        config = batch(["NL", "FR"]).model_copy(update={"deadline_minutes": 2 / 60})
        with pytest.raises(BatchFailed) as failed:  # the notebooks sleep for a minute
            run_batch(config, out=tmp_path / "out", notebooks=folder_with(tmp_path, "sleeps"))
        assert failed.value.exit_code == 5
        for part in ("NL", "FR"):
            (page,) = (tmp_path / "out" / f"shop-{part}" / "failed").glob("*/index.html")
            assert "longer than the" in page.read_text()
