"""The page as a PDF: whole and tagged, or exit code 2 before any work, or 4 with nothing published."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from tests.reporting.browser import installed_chromium
from tests.reporting.small_runs import folder_with, small_config, use_small_study

from analysis.config import Config
from analysis.errors import DeadlinePassed, GateFailed, PrintingFailed, UsageError
from analysis.reporting import delivery, request
from analysis.reporting.interruption import Deadline
from analysis.reporting.paper import chromium, print_page
from analysis.reporting.runner import run_report


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    use_small_study(monkeypatch)


@pytest.fixture
def program(tmp_path):
    """A program in Chromium's place."""

    def program(script: str) -> str:
        path = tmp_path / "browser"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return program


PRINTS = 'for each in "$@"; do case $each in --print-to-pdf=*) printf "%%PDF-1.4 %%%%EOF" > "${each#*=}";; esac; done'


@pytest.fixture
def run(tmp_path, monkeypatch):
    def run(printer: str | None = None, *, config: Config | None = None, **options):
        if printer:
            monkeypatch.setattr(request, "chromium", lambda: printer)
        notebooks = folder_with(tmp_path, "good")
        return run_report(config or small_config(), out=tmp_path / "out", notebooks=notebooks, **options)

    return run


def hidden(out: Path) -> list[Path]:
    return [path for path in out.rglob(".*") if path.name.startswith((".work", ".report.pdf"))]


class TestARunWithAPdf:
    def test_publishes_it_whole_beside_the_page(self, run, tmp_path):
        folder = run(installed_chromium(), pdf=True)
        content = (folder / "report.pdf").read_bytes()
        assert content.startswith(b"%PDF-")
        assert b"/StructTreeRoot" in content
        assert b"/MarkInfo" in content
        if shutil.which("pdftotext"):
            said = subprocess.run(["pdftotext", folder / "report.pdf", "-"], capture_output=True, text=True, check=True)
            assert "It runs." in said.stdout
            assert folder.name in said.stdout
        assert not hidden(tmp_path / "out")

    def test_has_the_id_of_the_run_without_it_and_adds_it_to_a_published_one(self, run, program):
        before = run()
        page, made = (before / "index.html").read_bytes(), (before / "manifest.json").stat().st_mtime_ns
        assert not (before / "report.pdf").exists()

        assert run(program(PRINTS), pdf=True) == before
        assert (before / "report.pdf").read_bytes() == b"%PDF-1.4 %%EOF"
        assert (before / "index.html").read_bytes() == page
        assert (before / "manifest.json").stat().st_mtime_ns == made

    def test_does_not_print_again_what_was_printed(self, run, program):
        folder = run(program(PRINTS), pdf=True)
        assert run(program("exit 1"), pdf=True) == folder

    def test_hands_no_secret_to_the_browser(self, run, program, monkeypatch, tmp_path):
        monkeypatch.setenv("CRM_URL", "postgresql://me:hunter22@host/shop")
        run(program(f"env > {tmp_path}/seen; {PRINTS}"), pdf=True)
        assert "hunter22" not in (tmp_path / "seen").read_text()
        assert "PATH=" in (tmp_path / "seen").read_text()


class TestABrowserThat:
    @pytest.mark.parametrize(
        ("script", "word"),
        [
            ("echo no display >&2; exit 3", "ended with code 3: no display"),
            ("exit 0", "left no complete PDF"),
            (PRINTS.replace("%%%%EOF", ""), "left no complete PDF"),
        ],
        ids=["fails", "prints nothing", "prints half"],
    )
    def test_does_not_print_ends_the_run_with_its_words_and_publishes_nothing(
        self, run, program, tmp_path, script, word
    ):
        with pytest.raises(PrintingFailed, match=word) as failed:
            run(program(script), pdf=True)
        assert failed.value.exit_code == 4
        report = tmp_path / "out" / "shop"
        assert not os.path.lexists(report / "latest")
        (folder,) = (report / "failed").iterdir()
        assert word in (folder / "index.html").read_text()
        assert not (folder / "report.pdf").exists()
        assert not hidden(tmp_path / "out")

    def test_hangs_is_ended_with_its_children(self, program, tmp_path):
        (tmp_path / "page.html").write_text("<p>")
        mark = "31.4159"
        with pytest.raises(PrintingFailed, match=r"did not finish printing within 0.5 seconds"):
            print_page(
                tmp_path / "page.html",
                tmp_path / "page.pdf",
                program=program(f"sleep {mark} & sleep {mark}"),
                most_seconds=0.5,
            )
        assert not (tmp_path / "page.pdf").exists()
        assert mark not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout

    def test_fails_on_a_published_run_leaves_it_as_it_was(self, run, program):
        folder = run()
        with pytest.raises(PrintingFailed):
            run(program("exit 1"), pdf=True)
        assert not (folder / "report.pdf").exists()
        assert str((folder.parent / "latest").readlink()) == folder.name

    def test_is_still_printing_when_the_time_is_up_is_ended_too(self, run, program, tmp_path):
        folder, mark = run(), "27.1828"
        with pytest.raises(DeadlinePassed) as stopped:
            run(program(f"sleep {mark}"), pdf=True, deadline=Deadline(0.1))
        assert stopped.value.exit_code == 5
        assert not (folder / "report.pdf").exists()
        assert not hidden(tmp_path / "out")
        assert mark not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout

    def test_writes_a_secret_into_the_pdf_is_found_out(self, program, tmp_path):
        (tmp_path / "index.html").write_text("<p>")
        told = PRINTS.replace("%%PDF-1.4", "%%PDF-1.4 hunter22")
        with pytest.raises(GateFailed, match="CRM_URL"):
            delivery.printed(tmp_path, tmp_path, program(told), {"hunter22": "CRM_URL"})
        assert not (tmp_path / "report.pdf").exists()


def test_a_missing_browser_is_told_with_the_installing_command_before_anything_is_made(run, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="sudo apt-get install chromium") as refused:
        run(pdf=True)
    assert refused.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_browser_is_found_by_any_of_its_names(tmp_path, monkeypatch, program):
    monkeypatch.setenv("PATH", str(tmp_path))
    installed = program("exit 0")
    assert chromium(("nobody", "browser")) == installed
