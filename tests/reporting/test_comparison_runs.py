"""Which run a run is compared with, from what it is told to what it publishes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from tests.reporting.small_runs import NOTEBOOKS, small_config, use_small_study
from tests.reporting.test_listing import CONTENT

from analysis.reporting import run as run_module
from analysis.reporting.runner import run_report

COMPARES = "previous: str = None  # folder of the run before"
SHOWS = """
from pathlib import Path

told = Path(previous).name if previous else "nothing"
HTML(f"<h1>Compared with {told}</h1>")
"""
SAYS = """
said = {"notebook": "one", "stamp": stamp, "summary": "In short"}
display({"application/vnd.retention-lab+json": said}, raw=True)
"""
TIME = re.compile(r"2\d{3}-\d\d-\d\dT[\d:.+]+|\d+ \w+ 2\d{3}, \d\d:\d\d UTC|(?<=duration.>)\d+ \w+")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs whose notebook is told the run before, and whose results can be compared."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    book = nbformat.read(NOTEBOOKS / "good.ipynb", as_version=4)
    book.cells[0].source += f"\n{COMPARES}"
    book.cells[1].source = f"from IPython.display import HTML\n{SHOWS}"
    book.cells[2].source = book.cells[2].source.rpartition("\n")[0] + f"\n{SAYS}"
    nbformat.write(book, folder / "one.ipynb")
    shutil.copy(NOTEBOOKS / "good.ipynb", folder / "two.ipynb")

    def run(data: str = "d", **options) -> Path:
        use_small_study(monkeypatch, data_hash=data * 64)
        monkeypatch.setattr(
            run_module, "write_artefacts", lambda study, there: (there / "results.json").write_text(json.dumps(CONTENT))
        )
        return run_report(small_config(), out=tmp_path / "out", notebooks=folder, **options)

    return run


def told(run: Path) -> str:
    return re.search(r"Compared with (\w+)", (run / "index.html").read_text())[1]


def previous(run: Path) -> str | None:
    return json.loads((run / "manifest.json").read_text())["previous_run"]


def without_time(run: Path) -> str:
    return TIME.sub("then", (run / "index.html").read_text()).replace(run.name, "ID")


def test_the_first_run_is_compared_with_nothing_and_the_next_with_it(run):
    first, second = run("a"), run("b")
    assert (told(first), previous(first)) == ("nothing", None)
    assert (told(second), previous(second)) == (first.name, first.name)


def test_a_run_made_again_is_compared_with_what_it_was_the_first_time_and_gives_the_same_page(run):
    first, second = run("a"), run("b")
    again = run("b", force=True)
    assert again.name == f"{second.name}-2"
    assert told(again) == previous(again) == first.name
    assert without_time(again) == without_time(second)
    oldest = run("a", force=True)
    assert (told(oldest), previous(oldest)) == ("nothing", None)
    assert without_time(oldest) == without_time(first)


def test_asked_again_with_nothing_new_a_run_still_says_what_it_was_compared_with(run):
    first, second = run("a"), run("b")
    assert run("a") == first
    assert str((first.parent / "latest").readlink()) == first.name
    assert told(second) == first.name
    assert told(run("c")) == first.name


def test_what_a_notebook_kept_for_another_comparison_is_not_taken_over(run):
    run("a")
    second = run("b")
    shutil.rmtree(second)
    other = run("c")
    made = run("b")
    assert made.name == second.name
    assert told(made) == other.name


def test_a_published_notebook_names_the_run_before_by_where_it_lies_from_there(run):
    first, second = run("a"), run("b")
    text = (second / "notebooks" / "one.ipynb").read_text()
    assert f"../../{first.name}" in text
    assert str(first.parent) not in text


def test_the_summary_is_published_with_the_stamp_of_its_run_and_has_it_again_when_forced(run):
    folder = run("a")
    text = (folder / "summary.txt").read_text()
    assert text.startswith("In short\n-- \n")
    assert folder.name in text
    again = run("a", force=True)
    assert again.name in (again / "summary.txt").read_text()
