"""Scoring: customers of today with the model of an earlier run."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.config import Config
from analysis.errors import UsageError
from analysis.report import folders
from analysis.report.folders import MODEL
from analysis.report.results import SCHEMA_VERSION, write_customers, write_json
from analysis.report.stamp import config_hash, main_versions
from analysis.words import Message, reader

if TYPE_CHECKING:
    from analysis.models.fits import PurchaseFit
    from analysis.models.spend import SpendFit

LARGEST = 1e15
FEWEST_DRAWS = 2
TEXTS = ("model", "time_unit", "method", "reason")
UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, IndexError, ArithmeticError)


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
    from analysis.data.orders import load_orders
    from analysis.value.valuation import futures, value_of

    if config.batch:
        raise UsageError(
            "batch: a model belongs to one part; name that part with data.columns.split and data.part in place of batch"
        )
    fit, spend, currency_then = stored_model(run)
    report = Path(out).absolute() / config.name
    folders.refuse_unwritable(report / "scores")
    with folders.scratch_folder() as folder:
        orders = load_orders(config, workdir=folder, as_of=as_of, to_fit=False)
        if orders.has_money and spend is None:
            raise UsageError(
                f"run {run}: its model knows nothing of money, but {config.name} has amounts; name a run on data with "
                "money, or leave the amounts out of data.columns"
            )
        spend = spend if orders.has_money else None
        currency = orders.currency or config.economics.currency
        if spend and currency_then and currency and currency_then != currency:
            raise UsageError(
                f"run {run}: model: its amounts are in {currency_then}, those to be scored are in {currency}; name a "
                f"run on data in {currency}, or correct economics.currency"
            )
        economics, model = config.economics, config.model
        expected = futures(
            orders.histories,
            [fit],
            spend,
            horizon_years=economics.horizon_years,
            annual_discount_rate=economics.annual_discount_rate,
            level=model.credible_level,
            seed=model.seed,
        )
        value = value_of(expected, gross_margin=economics.gross_margin, cost_per_order=economics.cost_per_order)
    origin = {
        "schema_version": 1,
        "name": config.name,
        "run": run.resolve().name,
        "as_of": orders.observation_end.isoformat(),
        "data_hash": orders.data_hash,
        "config_hash": config_hash(config),
        "currency": currency,
        "customers": orders.customers,
        "versions": main_versions(),
        "scored_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    with folders.work_folder(report) as work:
        scores = work / "scores"
        scores.mkdir()
        with reader(config.language, currency):
            write_customers(value.customers, scores, config)
        write_json(origin, scores / "score.json")
        return folders.replace_folder(scores, report / "scores" / origin["as_of"])


def stored_model(run: Path) -> tuple[PurchaseFit, SpendFit | None, str | None]:
    """Purchase fit, spend fit and currency in the ``model.json`` of a run.

    Raises
    ------
    UsageError
        Where there is none that this version wrote.
    """
    try:
        content = json.loads((run / MODEL).read_text(encoding="utf-8"))
        if content["schema_version"] != SCHEMA_VERSION:
            raise UsageError(
                f"model: schema_version == {content['schema_version']}, must be {SCHEMA_VERSION}; make the report "
                "again and use that run"
            )
        if not isinstance(content["currency"], str | None):
            raise UsageError("model: its currency is no text")
        spend = content["spend_model"]
        return _purchase_fit(content["purchase_model"]), spend and _spend_fit(spend), content["currency"]
    except FileNotFoundError:
        raise UsageError(f"run {run}: there is no {MODEL}; name the folder of a finished run") from None
    except UsageError as error:
        raise UsageError(f"run {run}: {error}") from None
    except (OSError, RecursionError) as error:
        raise UsageError(f"run {run}: {MODEL} cannot be read ({error})") from None
    except UNREADABLE as error:
        reason = f"{type(error).__name__}: {str(error)[:200]}"
        raise UsageError(f"run {run}: model: is not a model that this package wrote ({reason})") from None


def _purchase_fit(content: dict[str, Any]) -> PurchaseFit:
    from analysis.models.fits import PurchaseFit
    from analysis.time import Promotions, TimeUnit

    unit, draws = TimeUnit(content["time_unit"]), _array(content["alive_draws"])
    found = _numbers(content) | {"time_unit": unit, "posterior": _posterior(content["posterior"]), "alive_draws": draws}
    found["season"] = None if found.get("season") is None else _array(found["season"])
    if found["season"] is not None and not (found["season"].ndim == 1 and (found["season"] > 0).all()):
        raise ValueError("season")
    if (promotions := found.get("promotions")) is not None:
        found["promotions"] = Promotions(**_numbers(promotions) | {"edges": _array(promotions["edges"])})
    return PurchaseFit(**found)


def _spend_fit(content: dict[str, Any]) -> SpendFit:
    from analysis.models.spend import FrequencyEffect, SpendFit

    found = _numbers(content)
    found.pop("recentred_from", None)  # of older files, where Gamma-Gamma could be moved to the mean of the data
    found["by_frequency"] = FrequencyEffect(*map(float, found["by_frequency"]))
    if found["log_likelihood"] is None:
        found["log_likelihood"] = float("nan")
    if (reason := found["reason"]) is not None:
        found["reason"] = Message("{reason}", code=str(reason), reason=str(reason))
    return SpendFit(**found | {"posterior": found["posterior"] and _posterior(found["posterior"])})


def _posterior(content: dict[str, Any]) -> Any:
    from analysis.models.posterior import Posterior

    found = _numbers(content) | {"names": tuple(content["names"]), "draws": _array(content["draws"])}
    if len(found["draws"]) < FEWEST_DRAWS:
        raise ValueError(f"{len(found['draws'])} posterior draws")
    if found["pareto_shape"] is None:
        found["pareto_shape"] = float("-inf")
    return Posterior(**found)


def _numbers(content: dict[str, Any]) -> dict[str, Any]:
    """The fields of a stored result, of which those that are numbers must be such as a computer counts with."""
    for name, value in content.items():
        if (isinstance(value, int) and not abs(value) < LARGEST) or (isinstance(value, str) and name not in TEXTS):
            raise ValueError(f"{name} == {str(value)[:50]!r}")
    return dict(content)


def _array(values: Any) -> Any:
    import numpy as np

    return np.asarray(values, dtype=float)
