"""Notebooks as pages: what is on them and what is not, and that a browser has nothing to complain of."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from tests.report.browser import LOOKS, cut_on_paper, problems_of, sheets_of
from tests.report.sample import STAMP, executed
from tests.report.test_folders import finished as finished_run
from tests.test_golden import golden

from analysis.report.compare import runs_page
from analysis.report.export import INDEX, export, page_links
from analysis.words import Message

LINKS = page_links(["00-summary", "02-purchase-model", "03-customer-value"])
DUTCH = replace(STAMP, language="nl")
HOSTILE = "</title><script>alert(1)</script>"


def exported(*cells: NotebookNode, here: str = "pages/02-purchase-model.html", **options) -> BeautifulSoup:
    options = {"pages": LINKS, "stamp": STAMP} | options
    return BeautifulSoup(export(new_notebook(cells=list(cells)), here=here, **options), "html.parser")


def shown(data: dict[str, str], **metadata) -> NotebookNode:
    return new_output("display_data", data, metadata=metadata)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with the page that the sample makes, a page of a run that failed, and a list of runs."""
    folder, notebook = tmp_path_factory.mktemp("finished"), executed()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [output for output in outputs if output.output_type == "error"] == []
    runs = {"generated_at": "2026-07-01T06:00+00:00", "as_of": "2026-06-30"}
    for number in ("1", "2"):
        run = finished_run(folder / "runs" / "shop", number * 12, finished_at=number, **runs)
        (run / "results.json").write_text(json.dumps(golden("cdnow")), encoding="utf-8")
        (run / "config.yml").write_text("name: shop", encoding="utf-8")
    for name, page in {
        "sample": export(notebook, here="pages/02-purchase-model.html", pages=LINKS, stamp=STAMP, seconds=41.2),
        "failed": export(new_notebook(), here=INDEX, pages={}, stamp=DUTCH, failure="A cell failed"),
        "runs": runs_page(folder / "runs", "en"),
    }.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return folder


def test_cells_of_the_laboratory_parameters_warnings_and_tracebacks_are_on_no_page():
    error = new_output("error", ename="ValueError", evalue="secret path", traceback=["/home/somebody"])
    outputs = [
        new_output("stream", name="stderr", text="warning in /home/somebody"),
        new_output("stream", name="stdout", text="printed <b>"),
        new_output("execute_result", {"text/plain": "[<matplotlib.lines.Line2D at 0x7f>]"}),
        new_output("execute_result", {"text/plain": "'a result'"}),
        error,
    ]
    page = exported(
        new_code_cell("a = 1", metadata={"tags": ["parameters"]}),
        new_code_cell("a = 2", metadata={"tags": ["injected-parameters"]}),
        new_code_cell("only = 'lab'", metadata={"tags": ["lab"]}, outputs=[shown({"text/plain": "lab output"})]),
        new_code_cell("shown = True", outputs=outputs),
    )
    assert [code.text for code in page.find_all("code")] == ["shown = True"]
    assert [text.text for text in page.main.find_all("pre", class_="rl")] == ["printed <b>", "'a result'"]
    assert "somebody" not in str(page)


def test_prose_and_code_are_on_english_evidence_pages_only():
    cells = (
        new_markdown_cell("# The method\n\nwith $x^2$"),
        new_code_cell("code", outputs=[shown({"text/plain": "out"})]),
    )
    page = exported(*cells)
    assert page.main.h2.text == "The method"
    assert page.main.find("math").find("msup") is not None
    assert page.find("details", class_="rl-code").code.text == "code"
    assert exported(*cells, code=False).find("details", class_="rl-code") is None
    dutch = exported(*cells, stamp=DUTCH)
    assert dutch.html["lang"] == "nl"
    assert dutch.main.find("math") is None
    assert dutch.find("details", class_="rl-code") is not None
    index = exported(*cells, here=INDEX)
    assert index.main.find("math") is None
    assert index.find("details", class_="rl-code") is None
    unreadable = exported(new_markdown_cell("$\\frac{a}$ and $$\\left( x$$"))
    assert [code.text for code in unreadable.main.find_all("code")] == ["\\left( x"]  # as it was written


def test_the_page_names_itself_its_fellows_and_what_it_was_made_from():
    title = shown({"text/html": "<h1>Who?</h1>"}, **{"retention-lab": {"role": "title", "title": HOSTILE}})
    page = exported(new_code_cell("1", outputs=[title]), seconds=41.2)
    assert page.title.text == HOSTILE
    assert page.find("script") is None
    assert [(link["href"], link.get("aria-current")) for link in page.nav.find_all("a")] == [
        ("../index.html", None), ("02-purchase-model.html", "page"), ("03-customer-value.html", None),
    ]  # fmt: skip
    named = {meta["name"]: meta["content"] for meta in page.find_all("meta", attrs={"name": True})}
    assert named["retention-lab:run_id"] == STAMP.run_id
    assert named["retention-lab:versions"] == "retention-lab 1.0"
    lines = dict(zip(*([part.text for part in page.footer.find_all(tag)] for tag in ("dt", "dd")), strict=True))
    assert (lines["Data up to"], lines["Time taken"]) == ("30 June 2026", "41 seconds")
    policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")


def test_a_failed_notebook_is_shown_as_far_as_it_came_under_a_banner():
    error = new_output("error", ename="E", evalue="", traceback=["x"])
    page = exported(
        new_code_cell("first", execution_count=1, outputs=[shown({"text/plain": "first output"})]),
        new_code_cell("second", execution_count=2, outputs=[error]),
        new_code_cell("third"),
        failure=Message("The run stopped: {why}", why=HOSTILE),
    )
    assert page.find(role="alert").p.text == f"The run stopped: {HOSTILE}"
    assert [code.text for code in page.find_all("code")] == ["first", "second"]


def test_pictures_and_tables_that_python_made_get_an_alternative_text():
    png = shown({"image/png": "aGVsbG8=", "text/plain": "<Figure>"}, **{"image/png": {"alt": 'A "line"'}})
    page = exported(new_code_cell("1", outputs=[png, shown({"image/svg+xml": "<svg/>"})]))
    assert [image["alt"] for image in page.find_all("img")] == ['A "line"', "Figure"]
    assert [image["src"].partition(",")[0] for image in page.find_all("img")] == [
        "data:image/png;base64", "data:image/svg+xml;base64",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "looks", "sheets"), [
    ("sample", LOOKS[:2], 4), ("failed", LOOKS[1:2], 1), ("runs", LOOKS[1:2], 1),
])  # fmt: skip
def test_a_browser_has_nothing_to_complain_of(browser, finished, name, looks, sheets):
    page = finished / f"{name}.html"
    assert problems_of(browser, page, looks) == []
    assert cut_on_paper(browser, page) == []
    assert 1 <= sheets_of(browser, page) <= sheets
