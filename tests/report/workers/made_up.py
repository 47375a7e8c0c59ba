"""What a run's worker processes do in tests that need no numbers: a study that costs nothing.

It lies in a folder of its own, since workers do not import from the working folder.
"""

import datetime as dt
import json
import os
import sys
import time
from pathlib import Path

import pandas as pd

from analysis.config import load_config
from analysis.report.stamp import identity

sys.modules.setdefault("rfc3987_syntax", None)  # as in analysis.report.early
LAST_DAY = "1998-06-30"


class MadeUpStudy:
    """Stands in for ``Study``; ``REFUSE`` in the environment names an error that computing ends with."""

    def __init__(self, store: Path, data: str, day: str):
        self.seconds, self.incidents, self.planned = {}, ["a process ended"], 2
        self.store, self.data, self.day = store, data, day

    def __setattr__(self, name, value):
        """Notebooks find the identity of the configuration in the store."""
        super().__setattr__(name, value)
        if name == "config":
            (self.store / "identity.json").write_text(json.dumps(identity(value, self.data, self.day)))

    def compute(self, workers, watch):
        yield "orders"
        time.sleep(float(os.environ.get("COMPUTE_SECONDS", "0")))
        watch()
        if refusal := os.environ.get("REFUSE"):
            from analysis.errors import NotIdentified

            raise NotIdentified(refusal)
        yield "fits"


def read(config_file: Path, as_of: dt.date | None, store: Path):
    """In place of ``run.read_study``; ``READ_DIES`` in the environment ends the process."""
    if "READ_DIES" in os.environ:
        os.abort()
    time.sleep(float(os.environ.get("READ_SECONDS", "0")))
    config = load_config(config_file)
    day = as_of.isoformat() if as_of else LAST_DAY
    data = os.environ.get("DATA_HASH", "d" * 64)
    store.mkdir(parents=True, exist_ok=True)
    study = MadeUpStudy(store, data, day)
    study.config = config
    counted = {"rows_used": 9, "rows_read": 9, "customers": 3, "orders": 5}
    return study, {"identity": identity(config, data, day), "notes": [], **counted}


def write(study: MadeUpStudy, folder: Path) -> dict[str, str]:
    """In place of ``run.write_artefacts``."""
    (folder / "customers.csv").write_text("customer_id\nann\n")
    (folder / "results.json").write_text("{}")
    return {"lift": "Nobody leaves."}


def lot(config_file: Path, as_of: dt.date | None, store: Path, name: str):
    """In place of ``run.lot_of``."""
    columns = ("list", "customer", "arm", "start", "end")
    rows = [(name, who, arm, "1998-07-01", "1998-07-28") for who, arm in (("=ann", "contact"), ("bob", "none"))]
    return dt.date.fromisoformat(LAST_DAY), pd.DataFrame(rows, columns=columns)
