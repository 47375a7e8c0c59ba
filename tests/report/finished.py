"""Finished reports, made once for all tests that look at them, whichever worker runs them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from shutil import copy

from filelock import FileLock

from analysis.config import load_config
from analysis.pipeline import notebooks_folder
from analysis.report.run import run_report


@cache
def finished(out: Path, language: str, sample: str, *pages: str) -> Path:
    """The folder of a report in a language on one of the ready configurations, of all pages or of those named."""
    config = load_config(notebooks_folder() / "parameters" / f"{sample}.yml", {"language": language})
    with FileLock(f"{out}.lock"):
        if not pages:
            return run_report(config, out=out)
        chosen = out.with_name("-".join(("notebooks", *pages)))
        chosen.mkdir(exist_ok=True)
        for page in pages:
            copy(notebooks_folder() / f"{page}.ipynb", chosen)
        return run_report(config, out=out, notebooks=chosen)
