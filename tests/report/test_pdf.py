"""The pages as a PDF: whole and tagged, or exit code 2 before any work, or 4 with nothing published."""

import os
import shutil
import stat
import subprocess

import pytest
from tests.report.small import leftovers

from analysis.errors import DeadlinePassed, PrintingFailed, UsageError
from analysis.processes import Deadline, pool
from analysis.report import run
from analysis.report.pdf import chromium, print_page

PRINTS = 'for each in "$@"; do case $each in --print-to-pdf=*) printf "%%PDF-1.4 %%%%EOF" > "${each#*=}";; esac; done'


@pytest.fixture
def program(tmp_path):
    """A program in Chromium's place."""

    def program(script: str) -> str:
        path = tmp_path / "browser"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return program


@pytest.fixture
def make_with(make, monkeypatch):
    """Make a report of two of the tiny notebooks with such a program."""

    def make_with(printer: str, **options):
        monkeypatch.setattr(run, "chromium", lambda: printer)
        return make("good", "where", pdf=True, **options)

    return make_with


@pytest.fixture(scope="module")
def printed():
    """Let a worker print a page; its environment holds a secret."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRM_URL", "postgresql://me:hunter22@host/shop")
        with pool(1) as workers:
            yield lambda *asked: workers.submit(print_page, "<p>", *asked).result()


def is_running(mark: str) -> bool:
    return mark in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_a_run_adds_it_whole_to_a_published_one_and_publishes_none_when_the_time_is_up(make, make_with, program):
    before = make("good", "where")
    page, made = (before / "index.html").read_bytes(), (before / "manifest.json").stat().st_mtime_ns
    with pytest.raises(DeadlinePassed) as stopped:
        make_with(program("sleep 27.1828"), deadline=Deadline(0.05))
    assert stopped.value.exit_code == 5
    assert not is_running("27.1828")
    assert not (before / "report.pdf").exists()
    assert str((before.parent / "latest").readlink()) == before.name

    if not shutil.which("chromium"):
        pytest.skip("chromium was not found. Install it with: sudo apt-get install chromium")
    assert make_with(chromium()) == before
    content = (before / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert b"/StructTreeRoot" in content  # it is tagged
    if shutil.which("pdftotext"):
        said = subprocess.run(["pdftotext", before / "report.pdf", "-"], capture_output=True, text=True, check=True)
        assert said.stdout.index("It runs.") < said.stdout.index("here: chosen notebooks")
        assert before.name in said.stdout
    assert (before / "index.html").read_bytes() == page
    assert (before / "manifest.json").stat().st_mtime_ns == made
    assert make_with(program("exit 1")) == before  # what was printed is not printed again
    assert not leftovers(before.parents[1])


def test_a_browser_that_does_not_print_ends_the_run_and_publishes_nothing(make_with, program, tmp_path):
    with pytest.raises(PrintingFailed) as failed:
        make_with(program("echo no display >&2; exit 3"))
    assert failed.value.exit_code == 4
    report = tmp_path / "out" / "shop"
    assert not os.path.lexists(report / "latest")
    (folder,) = (report / "failed").iterdir()
    assert "no display" in (folder / "index.html").read_text()
    assert not (folder / "report.pdf").exists()
    assert not leftovers(tmp_path / "out")


@pytest.mark.parametrize(("script", "word"), [
    ("echo no display >&2; exit 3", "ended with code 3: no display"),
    ("exit 0", "left no complete PDF"),
    (PRINTS.replace("%%%%EOF", ""), "left no complete PDF"),
    ("sleep 31.4159 & sleep 31.4159", r"did not finish printing within 0.5 seconds"),
], ids=["fails", "prints nothing", "prints half", "hangs"])  # fmt: skip
def test_a_browser_that_does_not_print_is_told_with_its_words(printed, program, tmp_path, script, word):
    with pytest.raises(PrintingFailed, match=word):
        printed(tmp_path / "page.pdf", program(script), *([0.5] if "sleep" in script else []))
    assert not (tmp_path / "page.pdf").exists()
    assert not is_running("31.4159")


def test_a_browser_sees_no_secret(printed, program, tmp_path):
    printed(tmp_path / "page.pdf", program(f"env > {tmp_path}/seen; {PRINTS}"))
    assert "hunter22" not in (tmp_path / "seen").read_text()
    assert "PATH=" in (tmp_path / "seen").read_text()


def test_a_missing_browser_is_told_with_the_installing_command_before_anything_is_made(make, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="sudo apt-get install chromium") as refused:
        make("good", pdf=True)
    assert refused.value.exit_code == 2
    assert not (tmp_path / "out").exists()
