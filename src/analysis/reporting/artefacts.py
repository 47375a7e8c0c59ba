"""The files beside the page: customers, ledger, model and results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.study import Study


def write_artefacts(study: Study, folder: Path) -> None:
    """customers.parquet and customers.csv (unless they are not wanted), ledger.csv, model.json and results.json."""
    from analysis.data.export import write_csv, write_customers
    from analysis.models import model_to_dict
    from analysis.models.results import as_plain
    from analysis.reporting.results_json import results

    if study.config.customer_files:
        write_customers(study.value.table, folder)
    write_csv(study.transactions.ledger, folder / "ledger.csv")
    currency = study.transactions.currency or study.config.economics.currency
    write_json(as_plain(model_to_dict(study.purchase, study.spend, currency=currency)), folder / "model.json")
    write_json(results(study), folder / "results.json")


def write_json(content: Any, path: Path) -> None:
    """Strict JSON: a number that JSON does not know is an error, not a silent NaN."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
