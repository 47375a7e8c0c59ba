"""Scoring: customers of today with the model of an earlier run."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.config import Config
from analysis.errors import UsageError
from analysis.provenance import main_versions
from analysis.reporting import publish
from analysis.reporting.artefacts import write_json
from analysis.reporting.stamp import config_hash

if TYPE_CHECKING:
    from analysis.data import Transactions


def score_customers(config: Config, *, run: Path, as_of: dt.date | None = None, out: Path = Path("reports")) -> Path:
    """Value every customer with a model that is not fitted again.

    Parameters
    ----------
    config
        Where today's transactions are, and the economics.
    run
        Folder of an earlier run, which holds its ``model.json``.
    as_of
        Last day of the data that counts; None as configured.
    out
        Folder of all reports; the scores go to ``out/NAME/scores/AS_OF``, and replace earlier ones of that day.

    Returns
    -------
    Path
        The folder with ``customers.parquet``, ``customers.csv`` and ``score.json``.

    Raises
    ------
    UsageError
        Where the run has no model that can be read, or one of other money.
    InputRefused
        For everything that is wrong with the data.
    """
    from analysis.data import load_transactions
    from analysis.data.export import write_customers
    from analysis.models import currency_of_model, model_from_dict
    from analysis.value import customer_value

    if config.batch:
        raise UsageError(
            "batch: a model belongs to one part; name that part with data.columns.split and data.part in place of batch"
        )
    content = _model(run)
    with _told_of(run):
        purchase, spend = model_from_dict(content)
    model = config.model.model_copy(update={"time_unit": purchase.primary.time_unit})
    report = Path(out).absolute() / config.name
    publish.refuse_unwritable(report / "scores")
    with publish.scratch_folder() as folder:
        transactions = load_transactions(config, workdir=folder, as_of=as_of, to_fit=False)
        if transactions.has_money and spend is None:
            raise UsageError(
                f"run {run}: its model knows nothing of money, but {config.name} has amounts; name a run on data with "
                "money, or leave the amounts out of data.columns"
            )
        spend = spend if transactions.has_money else None
        currency = transactions.currency or config.economics.currency
        if spend:
            with _told_of(run):
                _refuse_other_currency(currency_of_model(content), currency)
        value = customer_value(transactions.summary, purchase, spend, model, config.economics)
    with publish.work_folder(report) as work:
        scores = work / "scores"
        scores.mkdir()
        write_customers(value.table, scores)
        write_json(_origin(config, run, transactions, currency), scores / "score.json")
        day = transactions.observation_end.isoformat()
        return publish.replace_folder(scores, report / "scores" / day)


def _model(run: Path) -> dict[str, Any]:
    try:
        return json.loads((run / "model.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"run {run}: there is no model.json; name the folder of a finished run") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"run {run}: model.json cannot be read ({error})") from error


@contextmanager
def _told_of(run: Path) -> Iterator[None]:
    """Let a complaint about a stored model name the run it belongs to."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"run {run}: {error}") from error


def _refuse_other_currency(fitted: str | None, today: str | None) -> None:
    if fitted and today and fitted != today:
        raise UsageError(
            f"model: its amounts are in {fitted}, those to be scored are in {today}; name a run on data in {today}, or "
            "correct economics.currency"
        )


def _origin(config: Config, run: Path, transactions: Transactions, currency: str | None) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "name": config.name,
        "run": run.resolve().name,
        "as_of": transactions.observation_end.isoformat(),
        "data_hash": transactions.data_hash,
        "config_hash": config_hash(config),
        "currency": currency,
        "customers": transactions.customers,
        "versions": main_versions(),
        "scored_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
