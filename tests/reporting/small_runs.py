"""A run that costs next to nothing: made-up results and notebooks of four cells."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

from analysis.config import Config
from analysis.reporting import request as request_module
from analysis.reporting import run as run_module
from analysis.reporting.stamp import identity_of
from analysis.study import STEPS

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
LAST_DAY = dt.date(1998, 6, 30)


class SmallStudy:
    """Stands in for ``Study``: nothing is computed, and the notebooks find the stamp in the store."""

    data_hash = "d" * 64
    refusal: Exception | None = None
    seconds: Mapping[str, float] = {}
    incidents: Sequence[str] = ("a process ended",)

    def __init__(self, config, *, as_of, store):
        self.config, self.as_of, self.store = config, as_of, store

    def read_input(self):
        """The made-up data are always there."""

    @property
    def transactions(self):
        found = SimpleNamespace(
            data_hash=self.data_hash,
            observation_end=self.as_of or LAST_DAY,
            rows_read=9,
            rows_used=9,
            customers=3,
            orders=5,
            notes=(),
        )
        stand_in = SimpleNamespace(config=self.config, transactions=found, data_hash=self.data_hash)
        (self.store / "identity.json").write_text(json.dumps(identity_of(stand_in)))
        return found

    def compute(self, processes):
        for step in STEPS:
            if step == "purchase" and self.refusal:
                raise self.refusal
            yield step


def use_small_study(monkeypatch, **attributes) -> None:
    """Let runs use made-up results for the rest of a test."""
    study = type("Study", (SmallStudy,), attributes)
    monkeypatch.setattr(request_module, "Study", study)
    monkeypatch.setattr(run_module, "WARM_UP", "")
    monkeypatch.setattr(run_module, "write_artefacts", write_small_artefacts)


def write_small_artefacts(study, folder: Path) -> None:
    (folder / "customers.csv").write_text("customer_id\nann\n")
    (folder / "results.json").write_text("{}")


def folder_with(tmp_path: Path, *names: str) -> Path:
    """A folder with some of the tiny notebooks."""
    folder = tmp_path / "chosen notebooks"
    folder.mkdir(exist_ok=True)
    for name in names:
        shutil.copy(NOTEBOOKS / f"{name}.ipynb", folder)
    return folder


def small_config(**data) -> Config:
    return Config(name="shop", data={"transactions": {"sample": "cdnow"}, **data})
