"""The files beside the page."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from tests.reporting import fakes

from analysis.models.results import as_plain
from analysis.reporting import artefacts, results_json


@pytest.mark.parametrize("wanted", [True, False])
def test_customer_files_are_written_only_where_they_are_wanted(tmp_path, monkeypatch, wanted):
    study = fakes.study()
    study.config = study.config.model_copy(update={"customer_files": wanted})
    monkeypatch.setattr(results_json, "results", lambda study: {})
    monkeypatch.setattr("analysis.models.model_to_dict", lambda *_, **__: {})
    study.transactions.ledger = pd.DataFrame({"outcome": ["used"], "reason": ["x"], "rows": [1], "amount": [1.0]})
    artefacts.write_artefacts(study, tmp_path)

    names = {path.name for path in tmp_path.iterdir()}
    assert names - {"customers.csv", "customers.parquet"} == {"ledger.csv", "model.json", "results.json"}
    assert ("customers.csv" in names) == ("customers.parquet" in names) == wanted


def test_days_are_written_as_iso_dates():
    assert as_plain({"starts": dt.date(2025, 3, 1)}) == {"starts": "2025-03-01"}
