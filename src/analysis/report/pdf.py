"""A page on paper: a tagged PDF, printed by an installed Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from analysis.errors import PrintingFailed, UsageError
from analysis.processes import end_descendants
from analysis.report.folders import scratch_folder

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


def print_page(page: str, pdf: Path, program: str, most_seconds: float = MOST_SECONDS) -> None:
    """Print a page into a file that is whole or not there; body of a task in a worker process.

    Parameters
    ----------
    page
        HTML; nothing is loaded from elsewhere.
    pdf
        The file to make.
    program
        Path of Chromium, from ``chromium``.
    most_seconds
        How long it may take.

    Raises
    ------
    PrintingFailed
        Where Chromium fails, hangs, or leaves something else than a PDF.
    """
    with scratch_folder() as folder:
        html, printed = folder / "page.html", folder / "page.pdf"
        html.write_text(page, encoding="utf-8")
        command = [program, *OPTIONS, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={printed}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")  # which Chromium refuses to root; the page is ours
        # Secrets in the environment are none of a browser's business.
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"HOME": str(folder)}
        try:
            with (folder / "said").open("wb") as said:  # a pipe would stay open as long as any of its processes lives
                done = subprocess.run(
                    [*command, html.as_uri()],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    env=environment,
                    cwd=folder,
                    timeout=most_seconds,
                    check=False,
                )
        except subprocess.TimeoutExpired:
            raise PrintingFailed(f"{program} did not finish printing within {most_seconds:g} seconds") from None
        finally:
            end_descendants()
        if done.returncode != 0:
            lines = (folder / "said").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            told = f": {lines[-1][:300]}" if lines else ""
            raise PrintingFailed(f"{program} ended with code {done.returncode}{told}")
        content = printed.read_bytes() if printed.is_file() else b""
        if not (content.startswith(BEGINNING) and content.rstrip().endswith(END)):
            raise PrintingFailed(f"{program} left no complete PDF")
        pdf.write_bytes(content)
