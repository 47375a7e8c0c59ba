"""What an earlier run computed or drew is taken over where nothing that goes into it changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import nbformat
import pytest
from tests.reporting.small_runs import NOTEBOOKS, small_config, use_small_study

from analysis.errors import NotebookFailed
from analysis.reporting import keep
from analysis.reporting.keep import KEPT, Kept
from analysis.reporting.runner import run_report
from analysis.store import MISSING, Store

COUNTING = "import os\n\nwith open(os.environ['RUNS'], 'a') as runs:\n    runs.write('{name} ')\n{more}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNS", str(tmp_path / "runs"))
    use_small_study(monkeypatch)
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return folder


def write_notebook(folder: Path, name: str, more: str = "") -> None:
    book = nbformat.read(NOTEBOOKS / "good.ipynb", as_version=4)
    book.cells.insert(2, nbformat.v4.new_code_cell(COUNTING.format(name=name, more=more)))
    nbformat.write(book, folder / f"{name}.ipynb")


def runs_since(tmp_path: Path) -> list[str]:
    file = tmp_path / "runs"
    names = sorted(file.read_text().split()) if file.exists() else []
    file.unlink(missing_ok=True)
    return names


class TestNotebooks:
    @pytest.fixture
    def run(self, folder, tmp_path):
        def run(**options) -> Path:
            config = options.pop("config", small_config())
            return run_report(config, out=tmp_path / "out", notebooks=folder, **options)

        return run

    def test_that_did_not_change_are_not_run_again_when_another_did(self, run, folder, tmp_path):
        write_notebook(folder, "one")
        write_notebook(folder, "two")
        first = run()
        assert runs_since(tmp_path) == ["one", "two"]
        write_notebook(folder, "two", "changed = True")
        second = run()

        assert runs_since(tmp_path) == ["two"]
        assert second != first
        for notebook in ("one.ipynb", "two.ipynb"):
            assert ".work-" not in (second / "notebooks" / notebook).read_text()
        assert (second / "index.html").read_text().count("It runs.") == 2

    def test_that_ran_before_another_failed_are_not_run_again(self, run, folder, tmp_path):
        write_notebook(folder, "one")
        write_notebook(folder, "two", "raise ValueError('no')")
        with pytest.raises(NotebookFailed):
            run()
        runs_since(tmp_path)
        write_notebook(folder, "two")
        run()
        assert runs_since(tmp_path) == ["two"]

    def test_are_all_run_again_when_the_configuration_or_the_data_change_or_the_run_is_forced(
        self, run, folder, tmp_path, monkeypatch
    ):
        write_notebook(folder, "one")
        run()
        run(force=True)
        run(config=small_config(holdout_weeks=10))
        use_small_study(monkeypatch, data_hash="e" * 64)
        run(config=small_config(holdout_weeks=10))
        assert runs_since(tmp_path) == ["one"] * 4

    def test_of_a_report_without_customer_files_are_not_kept(self, run, folder, tmp_path):
        write_notebook(folder, "one")
        first = run(config=small_config().model_copy(update={"customer_files": False}))
        assert not (first.parent / KEPT).exists()


class TestResults:
    def test_are_lent_to_a_run_and_taken_from_it_without_those_of_the_data(self, tmp_path):
        run, next_run = tmp_path / "run", tmp_path / "next"
        for step in ("transactions", "contracts", "purchase"):
            Store(run).write(step, "key", step)
        Kept(tmp_path).take(run)
        Store(next_run).make()
        assert Kept(tmp_path).lend(next_run) == 1
        assert Store(next_run).read("purchase", "key") == "purchase"
        assert Store(next_run).read("transactions", "key") is MISSING

    def test_that_are_lent_do_not_change_with_the_run(self, tmp_path):
        Store(tmp_path / "run").write("purchase", "key", 1)
        Kept(tmp_path).take(tmp_path / "run")
        Store(tmp_path / "run").write("purchase", "key", 2)
        assert Store(tmp_path / KEPT).read("purchase", "key") == 1

    def test_are_copied_where_the_disk_has_no_links(self, tmp_path, monkeypatch):
        def no_links(*_):
            raise PermissionError

        monkeypatch.setattr(os, "link", no_links)
        Store(tmp_path / "run").write("purchase", "key", 1)
        Kept(tmp_path).take(tmp_path / "run")
        assert [file.name for file in (tmp_path / KEPT).iterdir()] == ["purchase-key.pickle"]

    def test_go_when_there_are_too_many_those_first_that_were_made_longest_ago(self, tmp_path, monkeypatch):
        for number, step in enumerate(("old", "newer", "newest")):
            Store(tmp_path / "run").write(step, "key", b"x" * 400)
            os.utime(tmp_path / "run" / f"{step}-key.pickle", (time.time() + number,) * 2)
        Kept(tmp_path).take(tmp_path / "run")
        (tmp_path / KEPT / f"{keep.UNFINISHED}x.pickle").touch()
        monkeypatch.setattr(keep, "MOST_BYTES", 1000)
        Kept(tmp_path).prune()
        assert {file.name for file in (tmp_path / KEPT).iterdir()} == {"newer-key.pickle", "newest-key.pickle"}

    @pytest.mark.parametrize("mode", [0o770, 0o707])
    def test_of_a_folder_that_others_can_write_in_are_not_used(self, tmp_path, mode):
        Store(tmp_path / "run").write("purchase", "key", 1)
        Kept(tmp_path).take(tmp_path / "run")
        (tmp_path / KEPT).chmod(mode)
        assert not Kept(tmp_path).used
        assert not Kept(tmp_path).fed

    def test_behind_a_link_are_not_used(self, tmp_path):
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        (tmp_path / KEPT).symlink_to("elsewhere")
        assert not Kept(tmp_path).used

    def test_can_be_read_by_their_owner_only(self, tmp_path):
        Store(tmp_path / "run").write("purchase", "key", 1)
        Kept(tmp_path).take(tmp_path / "run")
        assert (tmp_path / KEPT).stat().st_mode & 0o077 == 0
