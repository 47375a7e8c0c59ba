"""How a run ends: published, or kept as a failure that says why; and what it leaves behind."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from tests.report.small import Heard, folder_with, leftovers, small_config, use_made_up_results
from tests.report.test_ends import is_there
from tests.report.test_folders import finished
from tests.test_golden import golden

import analysis
from analysis.config import config_from_mapping, load_config
from analysis.data.files import files_and_problems
from analysis.errors import GateFailed, NotebookFailed, NotIdentified, RetentionLabError, Unavailable, UsageError
from analysis.pipeline import STEPS
from analysis.report import folders
from analysis.report.resolved import write_resolved
from analysis.report.results import PARTS, missing_parts, write_csv
from analysis.report.run import Run, run_report
from analysis.report.stamp import identity
from analysis.words import Message, reader

DAY = "1998-06-30"
QUICK = Path(__file__).parents[2] / "notebooks" / "parameters" / "quick.yml"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The working folder of all runs below, their home in it, with modules beside them that nobody asked for."""
    folder = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        use_made_up_results(patch)
        patch.chdir(folder)
        patch.setattr(sys, "path", ["", *sys.path])
        patch.setenv("PYTHONPATH", str(Path(analysis.__file__).parents[1]))
        patch.setenv("HOME", str(folder / "home"))
        (folder / "home").mkdir()
        yield folder


@pytest.fixture(scope="module")
def make(place):
    """Make a report of some of the tiny notebooks."""

    def make(*names, config=None, out=place / "out", **options):
        notebooks = folder_with(place, *names)
        for module in ("json", "numpy", "analysis", "IPython", "papermill", "sitecustomize"):
            for folder in (place, notebooks):
                (folder / f"{module}.py").write_text(f"open({str(place / 'executed')!r}, 'a').write(__file__)\n")
        return run_report(config or small_config(), out=out, notebooks=notebooks, **options)

    return make


@pytest.fixture(scope="module")
def published(make):
    """A run that was published, and what it said."""
    heard = Heard()
    return SimpleNamespace(folder=make("good", "where", progress=heard), lines=heard.lines)


@pytest.fixture
def failed(make, place, published):
    """Let a run fail; gives the error and the folder of its pages, and nothing else has changed."""

    def failed(error, *names, code, **options):
        before, latest = set(place.glob("out/shop/failed/*")), (place / "out" / "shop" / "latest").readlink()
        with pytest.raises(error) as raised:
            make(*names, **options)
        assert raised.value.exit_code == code
        assert (place / "out" / "shop" / "latest").readlink() == latest
        assert not leftovers(place)
        return raised.value, *(set(place.glob("out/shop/failed/*")) - before)

    return failed


class TestARunThatSucceeds:
    def test_publishes_its_pages_and_everything_beside_them(self, published, place):
        folder = published.folder
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        beside = {"manifest.json", "config.yml", "customers.csv", "results.json"}
        assert names == beside | {"index.html", "pages/where.html", "notebooks/good.ipynb", "notebooks/where.ipynb"}
        assert folder.parent == place / "out" / "shop"
        assert "It runs." in (folder / "index.html").read_text()
        assert "here: chosen notebooks" in (folder / "pages" / "where.html").read_text()
        assert folder.name in (place / "out" / "index.html").read_text()
        assert "warning: a process ended" in published.lines
        manifest = json.loads((folder / "manifest.json").read_text())
        assert (manifest["status"], manifest["missing"]) == ("succeeded", {"lift": "Nobody leaves."})
        assert not leftovers(place)

    def test_imports_leaves_and_shows_nothing_that_is_not_its_own(self, published, place):
        assert not (place / "executed").exists()  # what lies in the working folder, or beside the notebooks
        files = [path for path in (place / "home").rglob("*") if path.is_file() and "matplotlib" not in str(path)]
        assert files == []
        assert "/secret/place" not in (published.folder / "pages" / "where.html").read_text()
        text = (published.folder / "notebooks" / "where.ipynb").read_text()
        assert "/secret/place" in text
        assert "../config.yml" in text
        assert ".work-" not in text

    def test_is_not_made_again_but_where_that_is_forced_and_does_not_count_where_it_was_damaged(self, make, published):
        folder, heard = published.folder, Heard()
        latest, made = folder.parent / "latest", (folder / "index.html").stat().st_mtime_ns
        latest.unlink()
        assert make("good", "where", progress=heard) == folder
        assert "nothing to do" in heard.lines[-1]
        assert (folder / "index.html").stat().st_mtime_ns == made
        assert str(latest.readlink()) == folder.name

        again = make("good", "where", force=True)
        assert again.name == f"{folder.name}-2"
        manifest = json.loads((again / "manifest.json").read_text())
        assert (manifest["run_id"], manifest["previous_run"]) == (again.name, None)
        assert str(latest.readlink()) == again.name
        assert again.name in (again / "index.html").read_text()

        (folder / "index.html").write_bytes(b"")
        with pytest.raises(UsageError, match=r"index\.html is missing or empty"):
            make("good", "where")
        (folder / "manifest.json").write_text('{"broken')
        with pytest.raises(UsageError, match=r"manifest\.json cannot be read"):
            make("good", "where")

    @pytest.mark.parametrize("name", ["data/[1] orders.csv", "{here}/data/*.csv"])
    def test_names_the_data_as_seen_from_its_folder_and_no_other_place(self, tmp_path, name):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / Path(name).name.replace("*", "all")).write_text("customer,date\n")
        data = {"transactions": name.format(here=tmp_path), "columns": {"customer": "customer", "date": "date"}}
        config = small_config(**data).model_copy(update={"folder": tmp_path})
        (folder := tmp_path / "out" / "shop" / ("0" * 12)).mkdir(parents=True)
        write_resolved(config, folder / "config.yml", for_folder=folder)

        assert str(tmp_path) not in (folder / "config.yml").read_text()
        read = load_config(folder / "config.yml")
        (found,), _ = files_and_problems([read.data.transactions], read.folder)
        assert found.resolve().parent == tmp_path / "data"


def asked(folder, *names, config=None, **options):
    """A run that is asked for, and what it is made from."""
    run = Run(config or small_config(), out=folder / "out", notebooks=folder_with(folder, *names), **options)
    return run, identity(run.config, "d" * 64, DAY)


def test_the_id_is_another_one_when_a_notebook_the_configuration_the_data_or_what_it_shows_change(tmp_path):
    held, limited = small_config(holdout_weeks=10), small_config().model_copy(update={"deadline_minutes": 7.0})
    (run, of), *others = (asked(tmp_path, "good", **more) for more in ({}, {"config": held}, {"code": False}))
    others += [asked(tmp_path, "good", "where"), (run, of | {"data_hash": "e" * 64})]
    assert len({run._run_id(of), *(other._run_id(of) for other, of in others)}) == 5
    assert run._run_id(asked(tmp_path, "good", config=limited)[1]) == run._run_id(of)


@pytest.mark.parametrize(("model", "kept"), [("MBG/NBD", "MBG/NBD"), ("BG/NBD", None)])
def test_a_run_rests_on_the_model_and_the_ladder_of_the_one_before_unless_it_is_the_same(tmp_path, model, kept):
    before = finished(tmp_path / "out" / "shop", "0" * 12, as_of=DAY)
    folders.set_latest(before.parent, before.name)
    results = golden("cdnow") | {"ladder": {"member_orders": 4}}
    results["purchase_model"]["name"] = model
    (before / "results.json").write_text(json.dumps(results))
    (before / "config.yml").write_text("model: {previous_primary: Pareto/NBD}")
    run, of = asked(tmp_path, "good")
    assert run._with_previous(of) != of
    assert (run.config.model.previous_primary, run.config.ladder.member_orders) == (kept, 4)

    # Had that been made from the same, this is the same run, and rests on what that one rested on.
    (before / "manifest.json").write_text(json.dumps({"as_of": DAY, "inputs": run.inputs}))
    again, of = asked(tmp_path, "good")
    again._with_previous(of)
    assert (again.config.model.previous_primary, again.config.ladder.member_orders) == ("Pareto/NBD", None)

    named, of = asked(tmp_path, "good", config=load_config(QUICK, {"name": "shop", "model.primary": "NBD"}))
    named._with_previous(of)
    assert named.config.model.previous_primary is None


class TestALot:
    def test_is_the_owners_alone_is_read_by_later_runs_and_never_overwritten(self, make, tmp_path, monkeypatch):
        heard = Heard()
        make("good", draw="win_back", dry_run=True, out=tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

        folder = make("good", draw="win-back", out=tmp_path, progress=heard)
        file = folder.parent / "lots" / f"win_back-{DAY}.csv"
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert [path.name for path in file.parent.iterdir()] == [file.name]
        assert '"win_back","\'=ann","contact"' in file.read_text()
        assert any("lot of 2 customers, of whom 1 are to be written to" in line for line in heard.lines)
        assert load_config(folder / "config.yml").data.lots.file == "../lots/*.csv"
        assert make("good", out=tmp_path) == folder

        # A run on other data rests on the model of the run before, and is found again.
        results = golden("cdnow")
        results["purchase_model"]["name"] = "MBG/NBD"
        (folder / "results.json").write_text(json.dumps(results))
        monkeypatch.setenv("DATA_HASH", "e" * 64)
        second = make("good", out=tmp_path)
        assert load_config(second / "config.yml").model.previous_primary == "MBG/NBD"
        (second / "results.json").write_text(json.dumps(results))
        assert make("good", out=tmp_path) == second

        drawn = file.read_text()
        with pytest.raises(UsageError, match="a lot of this list was drawn on the same data"):
            make("good", draw="win_back", out=tmp_path)
        assert file.read_text() == drawn

    def test_is_not_drawn_where_it_may_not_be_kept_or_nobody_knows_the_list(self, make, tmp_path):
        config = small_config().model_copy(update={"customer_files": False})
        with pytest.raises(UsageError, match="a file on single customers"):
            make("good", config=config, draw="win_back", out=tmp_path)
        with pytest.raises(UsageError, match="no such list; did you mean 'win_back'"):
            make("good", draw="winback", out=tmp_path)
        assert not list(tmp_path.iterdir())


def test_a_part_that_is_missing_is_named_with_its_reason():
    found = {name: Unavailable("Nobody leaves.") if name == "covariate_fit" else name for name in STEPS}
    missing = missing_parts(SimpleNamespace(outcome=found.__getitem__))
    assert {PARTS[name]: str(reason) for name, reason in missing.items()} == {
        Message("whether groups of customers differ"): "Nobody leaves."
    }


class TestARunThatFails:
    def test_names_every_notebook_with_its_escaped_reason_on_pages_that_show_how_far_it_came(self, failed, place):
        told = {
            "cell_error": "stopped in its code cell 3: ValueError: no <b>such</b> luck",
            "dies": "died in code cell 3",
            "full_disk": "The disk was full",
            "leaves_early": "left in code cell 3",
            "no_sentinel": "did not reach its last cell",
        }
        error, folder = failed(NotebookFailed, *told, "where", code=4)
        reasons = str(error).splitlines()
        manifest = json.loads((folder / "manifest.json").read_text())
        assert (manifest["status"], manifest["exit_code"]) == ("failed", 4)
        assert [failure["notebook"] for failure in manifest["failures"]] == list(told)
        assert all(name in said and why in said for said, (name, why) in zip(reasons, told.items(), strict=True))
        for page in ("index.html", "pages/where.html"):
            assert "no &lt;b&gt;such&lt;/b&gt; luck" in (folder / page).read_text()
        assert "here: chosen notebooks" in (folder / "pages" / "where.html").read_text()
        assert "did not finish" in (place / "out" / "index.html").read_text()
        (orphan,) = place.glob("*/*/orphan")  # of the kernel that died
        assert not is_there(int(orphan.read_text()))

    def test_on_a_model_that_the_data_do_not_identify_shows_what_could_be_shown(self, failed, monkeypatch):
        monkeypatch.setenv("REFUSE", "a is <open>")
        _, folder = failed(NotIdentified, "good", code=3)
        page = (folder / "index.html").read_text()
        assert "a is &lt;open&gt;" in page
        assert "It runs." in page

    def test_on_a_secret_in_a_page_leaves_none_in_the_failed_folder_either(self, failed, monkeypatch):
        monkeypatch.setenv("SHOP_DB", "postgresql://me:hunter2secret@host/shop")
        source = {"database_url_env": "SHOP_DB", "query": "select 1"}
        config = small_config(transactions=source, columns={"customer": "c", "date": "d"})
        error, folder = failed(GateFailed, "tells_secret", config=config, code=6)
        assert "SHOP_DB" in str(error)
        assert "hunter2secret" not in str(error)
        assert (folder / "index.html").exists()
        assert all(b"hunter2secret" not in path.read_bytes() for path in folder.rglob("*") if path.is_file())

    def test_on_a_notebook_made_from_something_else_says_where_its_pages_cannot_be_kept(self, failed, monkeypatch):
        heard, full = Heard(), OSError(28, "No space left on device")
        monkeypatch.setattr("analysis.report.folders.replace_folder", Mock(side_effect=full))
        (error,) = failed(GateFailed, "other_stamp", progress=heard, code=6)
        assert "data_hash" in str(error)
        assert "could not be kept ([Errno 28] No space left on device)" in heard.lines[-1]


@pytest.mark.parametrize(("lines", "told"), [
    ("as_off: str = None", r"no parameter 'as_of'; did you mean 'as_off'"),
    ("as_of: str = None\nhorizon_year: float = 3.0", r"no configuration key; did you mean 'horizon_years'\?"),
    (None, "no notebooks"),
])  # fmt: skip
def test_a_notebook_that_does_not_take_what_it_is_given_is_refused(tmp_path, lines, told):
    cell = new_code_cell(f'config: str = ""\n{lines}\nstore: str = None', metadata={"tags": ["parameters"]})
    if lines:
        nbformat.write(new_notebook(cells=[cell]), tmp_path / "one.ipynb")
    with pytest.raises(UsageError, match=told):
        run_report(small_config(), out=tmp_path / "out", notebooks=tmp_path)
    assert not (tmp_path / "out").exists()


def test_a_process_that_dies_is_told_with_the_code_of_that(make, monkeypatch):
    monkeypatch.setenv("READ_DIES", "1")
    with pytest.raises(RetentionLabError, match="a worker process died") as raised:
        make("good")
    assert raised.value.exit_code == 4


def test_a_table_for_reading_is_one_for_dutch_spreadsheets_in_dutch():
    table = pd.DataFrame({"margin": [1.5], "send": [True], "free": pd.array([False], dtype="boolean")})
    data = ({"transactions": {"sample": "cdnow"}, **more} for more in ({}, {"csv": "plain"}))
    shops = [config_from_mapping({"data": each, "language": "nl"}, path=QUICK) for each in data]
    with reader("nl", "EUR"):
        local, plain = (write_csv(table, None, shop) for shop in shops)
    assert local == '"Marge van een bestelling";"Aangeschreven";"Beschikbaar"\n"1,5";"ja";"nee"\n'
    assert plain == '"margin","send","free"\n1.5,True,False\n'
