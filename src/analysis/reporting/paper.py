"""The page on paper: a tagged PDF, printed by an installed Chromium."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from analysis.errors import PrintingFailed, UsageError
from analysis.reporting.interruption import shielded
from analysis.reporting.publish import scratch_folder

PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
INSTALL = "sudo apt-get install chromium"
MOST_SECONDS = 120.0
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-extensions",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-crash-reporter",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
    "--export-tagged-pdf",
    "--generate-pdf-document-outline",
)
BEGINNING, END = b"%PDF-", b"%%EOF"


def chromium(programs: Sequence[str] = PROGRAMS) -> str:
    """The path of an installed Chromium or Chrome.

    Raises
    ------
    UsageError
        Where there is none; it names the command that installs one.
    """
    found = next((path for program in programs if (path := shutil.which(program))), None)
    if found is None:
        raise UsageError(f"a PDF needs Chromium, which was not found; install it with: {INSTALL}")
    return found


def print_page(page: Path, pdf: Path, *, program: str, most_seconds: float = MOST_SECONDS) -> None:
    """Print a page into a file that is whole or not there.

    Parameters
    ----------
    page
        An HTML file; nothing is loaded from elsewhere.
    pdf
        The file to make, on the same disk as its folder's other files.
    program
        Path of Chromium, from ``chromium``.
    most_seconds
        How long it may take.

    Raises
    ------
    PrintingFailed
        Where Chromium fails, hangs, or leaves something else than a PDF.
    """
    unfinished = pdf.with_name(f".{pdf.name}-unfinished")
    try:
        with scratch_folder() as profile:
            _printed(page, unfinished, profile, program, most_seconds)
        content = unfinished.read_bytes() if unfinished.is_file() else b""
        if not (content.startswith(BEGINNING) and content.rstrip().endswith(END)):
            raise PrintingFailed(f"{program} left no complete PDF")
        unfinished.replace(pdf)
    finally:
        with shielded():
            unfinished.unlink(missing_ok=True)


def _printed(page: Path, pdf: Path, profile: Path, program: str, most_seconds: float) -> None:
    said = profile / "said"
    command = [program, *OPTIONS, *_sandbox(), f"--user-data-dir={profile / 'profile'}", f"--print-to-pdf={pdf}"]
    # Secrets in the environment are none of a browser's business.
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"HOME": str(profile)}
    with said.open("wb") as stream:
        process = subprocess.Popen(
            [*command, page.absolute().as_uri()],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=environment,
            cwd=profile,
            start_new_session=True,
        )
        try:
            code = process.wait(most_seconds)
        except subprocess.TimeoutExpired:
            raise PrintingFailed(f"{program} did not finish printing within {most_seconds:g} seconds") from None
        finally:
            with shielded():
                _end(process)
    if code != 0:
        raise PrintingFailed(f"{program} ended with code {code}{_last_words(said)}")


def _sandbox() -> list[str]:
    """Chromium refuses its sandbox to root; the page is ours, without scripts from elsewhere."""
    return ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave none of its processes behind."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _last_words(said: Path) -> str:
    lines = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f": {lines[-1][:300]}" if lines else ""
