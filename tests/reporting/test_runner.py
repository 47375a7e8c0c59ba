"""How a run ends: published, or kept as a failure that says why; and what it leaves behind."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.reporting.small_runs import folder_with, small_config, use_small_study

from analysis.config import load_config
from analysis.data.files import files_and_problems
from analysis.errors import GateFailed, NotebookFailed, NotIdentified, ReportLocked, UsageError
from analysis.reporting import kernels
from analysis.reporting import request as request_module
from analysis.reporting.progress import Progress
from analysis.reporting.runner import run_report


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    use_small_study(monkeypatch)


@pytest.fixture
def run(tmp_path):
    def run(*names, config=None, **options):
        notebooks = folder_with(tmp_path, *names)
        return run_report(config or small_config(), out=tmp_path / "out", notebooks=notebooks, **options)

    return run


def failed_folder(out: Path) -> Path:
    (folder,) = (out / "shop" / "failed").iterdir()
    return folder


def leftovers(out: Path) -> list[Path]:
    return [path for path in out.rglob(".*") if path.name.startswith((".work", ".latest", ".index"))]


class TestARunThatSucceeds:
    def test_publishes_the_page_and_everything_beside_it(self, run, tmp_path):
        folder = run("good")

        assert folder.parent == tmp_path / "out" / "shop"
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert names == {
            "index.html",
            "manifest.json",
            "config.yml",
            "customers.csv",
            "results.json",
            "notebooks/good.ipynb",
        }
        assert "It runs." in (folder / "index.html").read_text()
        assert str((folder.parent / "latest").readlink()) == folder.name
        assert folder.name in (tmp_path / "out" / "index.html").read_text()
        assert not leftovers(tmp_path / "out")

    def test_tells_of_processes_that_ended_while_they_computed(self, run):
        said = []
        run("good", progress=SimpleNamespace(say=said.append, stage=said.append, step=lambda *_: None))
        assert "warning: a process ended" in said

    def test_of_the_same_id_is_not_made_again(self, run):
        first = run("good")
        made = (first / "index.html").stat().st_mtime_ns
        (first.parent / "latest").unlink()

        assert run("good") == first
        assert (first / "index.html").stat().st_mtime_ns == made
        assert str((first.parent / "latest").readlink()) == first.name

    @pytest.mark.parametrize(
        ("name", "content", "damage"),
        [
            ("manifest.json", '{"broken', "manifest.json cannot be read"),
            ("results.json", "", "results.json is missing or empty"),
            ("index.html", None, "index.html is missing or empty"),
        ],
    )
    def test_that_was_damaged_does_not_count_as_published(self, run, name, content, damage):
        file = run("good") / name
        file.unlink() if content is None else file.write_text(content)
        with pytest.raises(UsageError, match=damage):
            run("good")
        assert run("good", force=True).name.endswith("-2")

    def test_is_made_again_beside_the_first_when_forced(self, run):
        first = run("good")
        again = run("good", force=True)

        assert again.name == f"{first.name}-2"
        manifest = json.loads((again / "manifest.json").read_text())
        assert manifest["run_id"] == again.name
        assert manifest["previous_run"] is None
        assert str((first.parent / "latest").readlink()) == again.name
        assert again.name in (again / "index.html").read_text()

    def test_has_another_id_when_a_notebook_the_configuration_or_the_data_change(self, run, monkeypatch):
        first = run("good")
        other_notebooks = run("good", "where")
        other_configuration = run("good", "where", config=small_config(holdout_weeks=10))
        use_small_study(monkeypatch, data_hash="e" * 64)
        other_data = run("good", "where", config=small_config(holdout_weeks=10))

        assert len({first, other_notebooks, other_configuration, other_data}) == 4

    def test_executes_a_notebook_in_its_own_folder(self, run):
        assert "here: chosen notebooks" in (run("where") / "index.html").read_text()

    def test_shows_no_warning_and_no_path_on_the_page(self, run):
        folder = run("warns")

        assert "/secret/place" not in (folder / "index.html").read_text()
        assert "/secret/place" in (folder / "notebooks" / "warns.ipynb").read_text()

    def test_leaves_notebooks_that_name_the_published_configuration(self, run):
        folder = run("good")
        text = (folder / "notebooks" / "good.ipynb").read_text()

        assert "../config.yml" in text
        assert ".work-" not in text

    @pytest.mark.parametrize("name", ["data/orders.csv", "data/*.csv", "data/[1] orders.csv", "{here}/data/*.csv"])
    def test_names_the_data_as_seen_from_its_folder_and_no_other_place(self, run, tmp_path, name):
        name = name.format(here=tmp_path)
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / Path(name).name.replace("*", "all")).write_text("customer,date\n")
        columns = {"customer": "customer", "date": "date"}
        config = small_config(transactions=name, columns=columns).model_copy(update={"folder": tmp_path})
        folder = run("good", config=config)

        assert str(tmp_path) not in (folder / "config.yml").read_text()
        published = load_config(folder / "config.yml")
        (found,), _ = files_and_problems([published.data.transactions], published.folder)
        assert found.resolve().parent == tmp_path / "data"

    def test_leaves_nothing_in_the_home_folder(self, run, tmp_path, monkeypatch):
        home = tmp_path / "home"
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        run("good")

        assert [path for path in home.rglob("*") if path.is_file() and "matplotlib" not in str(path)] == []

    def test_runs_one_notebook_at_a_time_when_asked(self, run):
        assert (run("good", "where", jobs=1) / "notebooks" / "where.ipynb").exists()


class TestADryRun:
    def test_writes_nothing(self, run, tmp_path):
        said = []
        progress = Progress()
        progress.say = said.append
        folder = run("good", dry_run=True, progress=progress)

        assert not (tmp_path / "out").exists()
        assert run("good") == folder
        assert any("good" in line for line in said)


FAILURES = [
    ("cell_error", "stopped in its code cell 3: ValueError: no <b>such</b> luck"),
    ("leaves_early", "left in code cell 3"),
    ("dies", "died in code cell 3"),
    ("no_sentinel", "did not reach its last cell"),
    ("full_disk", "The disk was full"),
]


class TestANotebookThatFails:
    @pytest.mark.parametrize(("name", "reason"), FAILURES)
    def test_is_named_with_its_reason(self, run, tmp_path, name, reason):
        with pytest.raises(NotebookFailed, match=name) as raised:
            run(name)

        assert reason in str(raised.value)
        assert raised.value.exit_code == 4
        manifest = json.loads((failed_folder(tmp_path / "out") / "manifest.json").read_text())
        assert manifest["status"] == "failed"
        assert manifest["exit_code"] == 4
        assert manifest["failures"][0]["notebook"] == name

    def test_leaves_a_page_with_the_escaped_reason_and_what_the_others_showed(self, run, tmp_path):
        with pytest.raises(NotebookFailed):
            run("cell_error", "where")
        page = (failed_folder(tmp_path / "out") / "index.html").read_text()

        assert "no &lt;b&gt;such&lt;/b&gt; luck" in page
        assert "here: chosen notebooks" in page
        assert "did not finish" in (tmp_path / "out" / "index.html").read_text()

    def test_never_touches_what_was_published(self, run, tmp_path):
        good = run("good")
        with pytest.raises(NotebookFailed):
            run("good", "cell_error")

        assert str((good.parent / "latest").readlink()) == good.name
        assert not leftovers(tmp_path / "out")

    def test_gives_way_to_its_next_failure(self, run, tmp_path):
        for _ in range(2):
            with pytest.raises(NotebookFailed):
                run("no_sentinel")

        assert failed_folder(tmp_path / "out").is_dir()

    def test_for_want_of_a_kernel_says_so(self, run, monkeypatch):
        monkeypatch.setattr(kernels, "kernel_is_installed", lambda: False)

        with pytest.raises(NotebookFailed, match="no Python kernel"):
            run("good")


class TestAModelThatTheDataDoNotIdentify:
    def test_leaves_a_failed_page_with_what_could_be_shown(self, run, tmp_path, monkeypatch):
        use_small_study(monkeypatch, refusal=NotIdentified("BG/NBD", "a", "a is <open>"))

        with pytest.raises(NotIdentified) as raised:
            run("good")

        assert raised.value.exit_code == 3
        page = (failed_folder(tmp_path / "out") / "index.html").read_text()
        assert "a is &lt;open&gt;" in page
        assert "It runs." in page
        assert not (tmp_path / "out" / "shop" / "latest").exists()

    def test_draws_no_notebook_that_rests_on_it(self, run, tmp_path, monkeypatch):
        use_small_study(monkeypatch, refusal=NotIdentified("BG/NBD", "a", "nobody leaves"))
        notebooks = folder_with(tmp_path, "good", "sleeps")
        (notebooks / "sleeps.ipynb").rename(notebooks / "03-customer-value.ipynb")

        began = time.monotonic()
        with pytest.raises(NotIdentified):
            run_report(small_config(), out=tmp_path / "out", notebooks=notebooks, jobs=1)

        assert time.monotonic() - began < 60
        folder = failed_folder(tmp_path / "out")
        assert [path.name for path in (folder / "notebooks").glob("*.ipynb")] == ["good.ipynb"]
        assert "nobody leaves" in (folder / "index.html").read_text()
        assert not multiprocessing.active_children()


class TestTheGate:
    def test_stops_a_page_with_a_secret_and_the_failed_folder_has_none_either(self, run, tmp_path, monkeypatch):
        monkeypatch.setenv("SHOP_DB", "postgresql://me:hunter2secret@host/shop")
        source = {"database_url_env": "SHOP_DB", "query": "select 1"}
        config = small_config(transactions=source, columns={"customer": "c", "date": "d"})

        with pytest.raises(GateFailed, match="SHOP_DB") as raised:
            run("tells_secret", config=config)

        assert raised.value.exit_code == 6
        assert "hunter2secret" not in str(raised.value)
        folder = failed_folder(tmp_path / "out")
        assert (folder / "index.html").exists()
        assert all(b"hunter2secret" not in path.read_bytes() for path in folder.rglob("*") if path.is_file())

    def test_stops_a_page_that_loads_from_elsewhere(self, run, tmp_path):
        with pytest.raises(GateFailed, match="external"):
            run("loads_from_elsewhere")

        assert not (tmp_path / "out" / "shop" / "latest").exists()

    def test_stops_a_notebook_that_was_made_from_something_else(self, run):
        with pytest.raises(GateFailed, match="data_hash"):
            run("other_stamp")


def _slow_run(out: Path, notebooks: Path, start, answers) -> None:
    def compute(study, processes):
        time.sleep(2)
        return iter(())

    with pytest.MonkeyPatch.context() as patch:
        use_small_study(patch, compute=compute)
        start.wait()
        try:
            answers.put(run_report(small_config(), out=out, notebooks=notebooks).name)
        except ReportLocked as locked:
            answers.put(locked.exit_code)


class TestTwoRunsAtOnce:
    def test_are_one_that_wins_and_one_that_is_told_to_wait(self, tmp_path):
        notebooks = folder_with(tmp_path, "good")
        context = multiprocessing.get_context("spawn")
        answers, start = context.Queue(), context.Barrier(2)
        arguments = (tmp_path / "out", notebooks, start, answers)
        runs = [context.Process(target=_slow_run, args=arguments) for _ in range(2)]
        for one in runs:
            one.start()
        ends = {answers.get(timeout=60) for _ in runs}
        for one in runs:
            one.join()

        (published,) = ends - {75}
        assert len(ends) == 2
        assert (tmp_path / "out" / "shop" / published / "manifest.json").exists()
        assert not leftovers(tmp_path / "out")


class TestAWrongRequest:
    @pytest.mark.parametrize("jobs", [0, -1])
    def test_for_no_workers_is_refused(self, run, jobs):
        with pytest.raises(UsageError, match="jobs"):
            run("good", jobs=jobs)

    @pytest.mark.parametrize(
        ("processors", "jobs", "processes"), [(1, None, 1), (2, None, 2), (64, None, 4), (8, 1, 1)]
    )
    def test_computes_in_as_many_processes_as_there_are_processors_and_jobs(
        self, monkeypatch, processors, jobs, processes
    ):
        monkeypatch.setattr(request_module.os, "cpu_count", lambda: processors)
        assert request_module.default_processes(jobs) == processes

    def test_into_a_file_is_refused(self, tmp_path):
        (tmp_path / "out").write_text("a file")

        with pytest.raises(UsageError, match="is a file"):
            run_report(small_config(), out=tmp_path / "out", notebooks=folder_with(tmp_path, "good"))

    def test_without_notebooks_is_refused(self, tmp_path):
        with pytest.raises(UsageError, match="no notebooks"):
            run_report(small_config(), out=tmp_path / "out", notebooks=tmp_path)


def test_a_run_that_may_find_nothing_new_imports_no_models_before_it_knows():
    told = "import sys, analysis.cli, analysis.reporting.runner; print('analysis.models' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
