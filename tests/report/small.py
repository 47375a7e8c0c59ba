"""Runs that cost next to nothing: made-up results and notebooks of four cells."""

from __future__ import annotations

import shutil
from pathlib import Path

from analysis.config import Config
from analysis.report.progress import Progress

NOTEBOOKS = Path(__file__).parent / "notebooks"


def folder_with(folder: Path, *names: str) -> Path:
    """A folder with some of the tiny notebooks."""
    folder = folder / "-".join(names) / "chosen notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(NOTEBOOKS / f"{name}.ipynb", folder)
    return folder


def small_config(**data) -> Config:
    return Config(name="shop", data={"transactions": {"sample": "cdnow"}, **data})


def use_made_up_results(monkeypatch) -> None:
    """Let runs be on made-up results for the rest of a test."""
    import made_up

    from analysis.report import run

    monkeypatch.setattr(run, "read_study", made_up.read)
    monkeypatch.setattr(run, "write_artefacts", made_up.write)
    monkeypatch.setattr(run, "lot_of", made_up.lot)


class Heard(Progress):
    """Remembers what is said."""

    def __init__(self):
        self.lines = []

    def say(self, message):
        self.lines.append(message)
