"""How a run ends: published, or kept as a failure that says why; and what it leaves behind."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from tests.report.small import Heard, folder_with, small_config
from tests.test_golden import golden

import analysis
from analysis.config import load_config
from analysis.data.files import files_and_problems
from analysis.errors import GateFailed, NotebookFailed, NotIdentified, Unavailable, UsageError
from analysis.pipeline import STEPS
from analysis.report.results import PARTS, missing_parts
from analysis.report.run import run_report
from analysis.words import Message


def failed_folder(out: Path) -> Path:
    (folder,) = (out / "shop" / "failed").iterdir()
    return folder


def leftovers(out: Path) -> list[Path]:
    return [path for path in out.rglob(".*") if path.name.startswith((".work", ".latest", ".index"))]


class TestALot:
    def test_is_the_owners_alone_is_read_by_later_runs_and_never_overwritten(self, make, tmp_path):
        heard, before = Heard(), make("good")
        folder = make("good", draw="win-back", progress=heard)
        file = folder.parent / "lots" / "win_back-1998-06-30.csv"
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert [path.name for path in file.parent.iterdir()] == [file.name]
        assert '"win_back","\'=ann","contact"' in file.read_text()
        assert any("lot of 2 customers, of whom 1 are to be written to" in line for line in heard.lines)
        assert folder != before
        assert load_config(folder / "config.yml").data.lots.file == "../lots/*.csv"
        assert make("good") == folder

        drawn = file.read_text()
        with pytest.raises(UsageError, match="a lot of this list was drawn on the same data"):
            make("good", draw="win_back")
        assert file.read_text() == drawn
        make("good", draw="second_order")
        assert len(list(file.parent.iterdir())) == 2

    def test_is_not_drawn_where_it_may_not_be_kept_or_nobody_asked_for_it(self, make, tmp_path):
        config = small_config().model_copy(update={"customer_files": False})
        with pytest.raises(UsageError, match="a file on single customers"):
            make("good", config=config, draw="win_back")
        with pytest.raises(UsageError, match="no such list; did you mean 'win_back'"):
            make("good", draw="winback")
        make("good", draw="win_back", dry_run=True)
        assert not list((tmp_path / "out").rglob("*.csv"))


def test_a_part_that_is_missing_is_named_with_its_reason():
    found = {name: Unavailable("Nobody leaves.") if name == "covariate_fit" else name for name in STEPS}
    missing = missing_parts(SimpleNamespace(outcome=found.__getitem__))
    assert {PARTS[name]: str(reason) for name, reason in missing.items()} == {
        Message("whether groups of customers differ"): "Nobody leaves."
    }


class TestARunThatSucceeds:
    def test_publishes_its_pages_and_everything_beside_them(self, make, tmp_path):
        heard = Heard()
        folder = make("good", "where", progress=heard)

        assert folder.parent == tmp_path / "out" / "shop"
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        beside = {"manifest.json", "config.yml", "customers.csv", "results.json"}
        assert names == beside | {"index.html", "pages/where.html", "notebooks/good.ipynb", "notebooks/where.ipynb"}
        assert "It runs." in (folder / "index.html").read_text()
        assert "here: chosen notebooks" in (folder / "pages" / "where.html").read_text()
        assert str((folder.parent / "latest").readlink()) == folder.name
        assert folder.name in (tmp_path / "out" / "index.html").read_text()
        assert not leftovers(tmp_path / "out")
        assert "warning: a process ended" in heard.lines

        assert json.loads((folder / "manifest.json").read_text())["missing"] == {"lift": "Nobody leaves."}

        # Nothing in it names the working folder, and the configuration that it names is its own.
        text = (folder / "notebooks" / "good.ipynb").read_text()
        assert "../config.yml" in text
        assert ".work-" not in text

        # The same is not made again.
        made = (folder / "index.html").stat().st_mtime_ns
        (folder.parent / "latest").unlink()
        assert make("good", "where", progress=heard) == folder
        assert "nothing to do" in heard.lines[-1]
        assert (folder / "index.html").stat().st_mtime_ns == made
        assert str((folder.parent / "latest").readlink()) == folder.name

        # It is made again beside the first when forced.
        again = make("good", "where", force=True)
        assert again.name == f"{folder.name}-2"
        manifest = json.loads((again / "manifest.json").read_text())
        assert (manifest["run_id"], manifest["previous_run"]) == (again.name, None)
        assert str((folder.parent / "latest").readlink()) == again.name
        assert again.name in (again / "index.html").read_text()

    def test_rests_on_the_model_of_the_run_before_unless_that_was_made_from_the_same(self, make):
        folder = make("good")

        def latest(model, **manifest):
            """Let the last run have rested on a model, and then the run that would be made."""
            content = json.loads((folder / "manifest.json").read_text()) | manifest
            (folder / "manifest.json").write_text(json.dumps(content))
            results = golden("cdnow")
            results["purchase_model"]["name"] = model
            (folder / "results.json").write_text(json.dumps(results))
            return make("good", dry_run=True)

        assert latest("MBG/NBD") == folder
        assert latest("BG/NBD", inputs="of other data") == folder
        other = latest("MBG/NBD", inputs="of other data")
        assert other != folder
        assert latest("Pareto/NBD") not in (folder, other)
        assert latest("MBG/NBD") == other
        made = make("good")
        assert made == other
        assert load_config(made / "config.yml").model.previous_primary == "MBG/NBD"
        (made / "results.json").write_text((folder / "results.json").read_text())
        assert make("good") == made
        assert make("good", force=True).name == f"{made.name}-2"

    def test_keeps_from_how_many_orders_on_a_customer_is_a_member(self, make):
        folder = make("good")
        manifest = json.loads((folder / "manifest.json").read_text()) | {"inputs": "of other data"}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        (folder / "results.json").write_text(json.dumps(golden("cdnow") | {"ladder": {"member_orders": 4}}))
        made = make("good")
        assert made != folder
        assert load_config(made / "config.yml").ladder.member_orders == 4
        (made / "results.json").write_text(json.dumps(golden("cdnow")))
        assert make("good") == made

    def test_that_was_damaged_does_not_count_as_published(self, make):
        folder = make("good")
        for name, content, damage in (
            ("manifest.json", '{"broken', "manifest.json cannot be read"),
            ("results.json", "", "results.json is missing or empty"),
            ("index.html", "", "index.html is missing or empty"),
        ):
            before = (folder / name).read_text()
            (folder / name).write_text(content)
            with pytest.raises(UsageError, match=damage):
                make("good")
            (folder / name).write_text(before)

    def test_has_another_id_when_a_notebook_the_configuration_the_data_or_what_it_shows_change(self, make, monkeypatch):
        ids = [make("good", dry_run=True), make("good", "where", dry_run=True)]
        ids.append(make("good", "where", config=small_config(holdout_weeks=10), dry_run=True))
        ids.append(make("good", "where", code=False, dry_run=True))
        monkeypatch.setenv("DATA_HASH", "e" * 64)
        ids.append(make("good", "where", dry_run=True))
        assert len(set(ids)) == 5
        limited = small_config().model_copy(update={"deadline_minutes": 7.0})
        assert make("good", "where", config=limited, dry_run=True) == ids[-1]

    @pytest.mark.parametrize("name", ["data/orders.csv", "data/*.csv", "data/[1] orders.csv", "{here}/data/*.csv"])
    def test_names_the_data_as_seen_from_its_folder_and_no_other_place(self, tmp_path, name):
        from analysis.report.resolved import write_resolved

        name = name.format(here=tmp_path)
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / Path(name).name.replace("*", "all")).write_text("customer,date\n")
        columns = {"customer": "customer", "date": "date"}
        config = small_config(transactions=name, columns=columns).model_copy(update={"folder": tmp_path})
        folder = tmp_path / "out" / "shop" / ("0" * 12)
        folder.mkdir(parents=True)
        write_resolved(config, folder / "config.yml", for_folder=folder)

        assert str(tmp_path) not in (folder / "config.yml").read_text()
        published = load_config(folder / "config.yml")
        (found,), _ = files_and_problems([published.data.transactions], published.folder)
        assert found.resolve().parent == tmp_path / "data"

    def test_leaves_nothing_in_the_home_folder_and_shows_no_warning(self, make, tmp_path, monkeypatch):
        home = tmp_path / "home"
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        folder = make("warns", jobs=1)

        assert [path for path in home.rglob("*") if path.is_file() and "matplotlib" not in str(path)] == []
        assert "/secret/place" not in (folder / "index.html").read_text()
        assert "/secret/place" in (folder / "notebooks" / "warns.ipynb").read_text()


def test_no_process_of_a_run_imports_from_the_working_folder_or_that_of_the_data(small, tmp_path, monkeypatch):
    notebooks = folder_with(tmp_path, "good")
    for folder in (tmp_path, notebooks):
        for module in ("json", "numpy", "analysis", "IPython", "papermill", "sitecustomize"):
            (folder / f"{module}.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'a').write(__file__)\n")
    monkeypatch.setenv("PYTHONPATH", str(Path(analysis.__file__).parents[1]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    run_report(small_config(), out=tmp_path / "out", notebooks=notebooks)
    assert not (tmp_path / "executed").exists()


def test_a_cell_to_try_things_in_costs_no_report(small, tmp_path):
    folder = folder_with(tmp_path, "good")
    notebook = nbformat.read(folder / "good.ipynb", as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("raise ValueError('tried')", metadata={"tags": ["lab"]}))
    nbformat.write(notebook, folder / "good.ipynb")
    run = run_report(small_config(), out=tmp_path / "out", notebooks=folder)
    assert json.loads((run / "manifest.json").read_text())["status"] == "succeeded"


def test_a_dry_run_writes_nothing(make, tmp_path):
    heard = Heard()
    folder = make("good", dry_run=True, progress=heard)
    assert not (tmp_path / "out").exists()
    assert any("good" in line for line in heard.lines)
    assert make("good") == folder


class TestANotebookThatFails:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("leaves_early", "left in code cell 3"),
            ("dies", "died in code cell 3"),
            ("no_sentinel", "did not reach its last cell"),
            ("full_disk", "The disk was full"),
        ],
    )
    def test_is_named_with_its_reason(self, make, tmp_path, name, reason):
        with pytest.raises(NotebookFailed, match=name) as raised:
            make(name)

        assert reason in str(raised.value)
        assert raised.value.exit_code == 4
        manifest = json.loads((failed_folder(tmp_path / "out") / "manifest.json").read_text())
        assert (manifest["status"], manifest["exit_code"]) == ("failed", 4)
        assert manifest["failures"][0]["notebook"] == name

    def test_leaves_pages_with_the_escaped_reason_and_never_touches_what_was_published(self, make, tmp_path):
        good = make("where")
        with pytest.raises(NotebookFailed, match="stopped in its code cell 3: ValueError: no <b>such</b> luck"):
            make("cell_error", "where")

        failed = failed_folder(tmp_path / "out")
        assert "no &lt;b&gt;such&lt;/b&gt; luck" in (failed / "index.html").read_text()
        page = (failed / "pages" / "where.html").read_text()
        assert "no &lt;b&gt;such&lt;/b&gt; luck" in page
        assert "here: chosen notebooks" in page
        assert "did not finish" in (tmp_path / "out" / "index.html").read_text()
        assert str((good.parent / "latest").readlink()) == good.name
        assert not leftovers(tmp_path / "out")

        with pytest.raises(NotebookFailed):  # the next failure of the same run takes its place
            make("cell_error", "where")
        assert failed_folder(tmp_path / "out").is_dir()

    def test_says_so_where_its_pages_cannot_be_kept(self, make, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        heard = Heard()
        monkeypatch.setattr("analysis.report.folders.replace_folder", full)
        with pytest.raises(NotebookFailed):
            make("cell_error", progress=heard)
        assert (
            "warning: the pages of the failed run could not be kept ([Errno 28] No space left on device)" in heard.lines
        )

    def test_for_want_of_a_worker_says_so(self, make, tmp_path):
        with pytest.raises(NotebookFailed, match="ended without an answer"):
            make("ends_worker")


def test_a_model_that_the_data_do_not_identify_leaves_pages_with_what_could_be_shown(make, tmp_path, monkeypatch):
    monkeypatch.setenv("REFUSE", "a is <open>")
    with pytest.raises(NotIdentified) as raised:
        make("good")

    assert raised.value.exit_code == 3
    page = (failed_folder(tmp_path / "out") / "index.html").read_text()
    assert "a is &lt;open&gt;" in page
    assert "It runs." in page
    assert not (tmp_path / "out" / "shop" / "latest").exists()


class TestTheChecks:
    def test_stop_a_page_with_a_secret_and_the_failed_folder_has_none_either(self, make, tmp_path, monkeypatch):
        monkeypatch.setenv("SHOP_DB", "postgresql://me:hunter2secret@host/shop")
        source = {"database_url_env": "SHOP_DB", "query": "select 1"}
        config = small_config(transactions=source, columns={"customer": "c", "date": "d"})

        with pytest.raises(GateFailed, match="SHOP_DB") as raised:
            make("tells_secret", config=config)

        assert raised.value.exit_code == 6
        assert "hunter2secret" not in str(raised.value)
        folder = failed_folder(tmp_path / "out")
        assert (folder / "index.html").exists()
        assert all(b"hunter2secret" not in path.read_bytes() for path in folder.rglob("*") if path.is_file())

    def test_stop_a_notebook_that_was_made_from_something_else(self, make):
        with pytest.raises(GateFailed, match="data_hash"):
            make("other_stamp")


class TestAWrongRequest:
    def test_without_notebooks_is_refused(self, tmp_path):
        with pytest.raises(UsageError, match="no notebooks"):
            run_report(small_config(), out=tmp_path / "out", notebooks=tmp_path)

    @pytest.mark.parametrize(
        ("lines", "told"),
        [
            ("as_off: str = None", "no parameter 'as_of'; did you mean 'as_off'"),
            ("as_of: str = None\nhorizon_year: float = 3.0", "no configuration key; did you mean 'horizon_years'?"),
        ],
    )
    def test_of_a_notebook_that_does_not_take_what_it_is_given_is_refused(self, tmp_path, lines, told):
        import nbformat

        lines = f'config: str = ""\n{lines}\nstore: str = None'
        cells = [nbformat.v4.new_code_cell(lines, metadata={"tags": ["parameters"]})]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
        with pytest.raises(UsageError, match=told.replace("?", r"\?")):
            run_report(small_config(), out=tmp_path / "out", notebooks=tmp_path)
        assert not (tmp_path / "out").exists()
