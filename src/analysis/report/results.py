"""The files beside the pages: results, customers, ledger, model. Keys are fixed; more may be added, none renamed."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import json
import math
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.errors import Unavailable
from analysis.words import Message, reader, tr

if TYPE_CHECKING:
    import pandas as pd

    from analysis.config import Config
    from analysis.pipeline import Study

SCHEMA_VERSION = 2
MODEL = "model.json"


def write_artefacts(study: Study, folder: Path) -> None:
    """results.json, model.json, ledger.csv, and customers.parquet and customers.csv unless they are not wanted."""
    from analysis.data.notes import Outcome, Reason

    with reader(study.config.language, study.currency):
        if study.config.customer_files:
            write_customers(study.value.customers, folder, study.config)
        ledger = study.orders.ledger
        if is_local(study.config):
            said = {"outcome": Outcome, "reason": Reason}
            ledger = ledger.assign(
                **{name: [str(kind(code).label) for code in ledger[name]] for name, kind in said.items()}
            )
        write_csv(ledger, folder / "ledger.csv", study.config)
        write_json(model_content(study.fit, study.spend, study.currency), folder / MODEL)
        write_json(results(study), folder / "results.json")


def write_json(content: Any, path: Path) -> None:
    """Strict JSON: a number that JSON does not know is an error, not a silent NaN."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def results(study: Study) -> dict[str, Any]:
    """Everything that a run found, as what JSON knows; a number that does not exist is null."""
    with reader(study.config.language, study.currency):
        spend, spend_reason = _spend_model(study)
        backtest, backtest_reason = _known(lambda: _backtest(study.backtest))
        compared, why_not_compared = _known(lambda: _strategies(study))
        content = {
            "schema_version": SCHEMA_VERSION,
            "data": _data(study.orders),
            "purchase_model": _purchase_model(study.fits),
            "spend_model": spend,
            "spend_model_reason": spend_reason,
            "backtest": backtest,
            "backtest_reason": backtest_reason,
            "portfolio": _portfolio(study),
            "retention": _retention(study.retention),
            "retention_lift": _lift(study),
            "claims": [_claim(verdict) for verdict in study.claims],
            "strategies": compared,
            "strategies_reason": why_not_compared,
        }
        return plain(content)


def _known(ask: Callable[[], Any]) -> tuple[Any, str | None]:
    """What is known; or None and the code of why it is not."""
    try:
        return ask(), None
    except Unavailable as gap:
        return None, gap.reason.code


def plain(value: Any) -> Any:
    """Dataclasses, frames, arrays, NumPy's numbers and days as what JSON knows; a number that is none becomes null."""
    if isinstance(value, Message):
        return value.code or str(value)
    if dataclasses.is_dataclass(value):
        fields = (field for field in dataclasses.fields(value) if field.metadata.get("stored", True))
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, dt.date):
        return value.isoformat()
    if hasattr(value, "to_dict"):
        return plain(value.to_dict(orient="list"))
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _data(orders: Any) -> dict[str, Any]:
    names = ("rows_read", "rows_used", "customers", "orders", "currency", "data_hash")
    names += ("observation_start", "observation_end")
    return {name: getattr(orders, name) for name in names}


def _purchase_model(fits: Any) -> dict[str, Any]:
    primary, *others = fits
    return {
        **_fit(primary),
        "time_unit": primary.time_unit,
        "customers": primary.customers,
        "alternatives": [_fit(fit) for fit in others],
        "not_identified": fits.not_identified,
    }


def _fit(fit: Any) -> dict[str, Any]:
    quality = {name: getattr(fit.posterior, name) for name in ("method", "effective_size", "pareto_shape")}
    names = ("parameters", "log_likelihood", "standard_errors", "converged")
    return {"name": fit.model, **{name: getattr(fit, name) for name in names}, "posterior": quality}


def _spend_model(study: Study) -> tuple[dict[str, Any] | None, Any]:
    """The Gamma-Gamma fit; or null and the reason, where there is no money or the data do not identify it."""
    fit = study.spend
    if fit is None:
        return None, "spend.reason.no_money"
    if fit.reason is not None:
        return None, fit.reason
    names = ("parameters", "standard_errors", "log_likelihood", "customers", "mean_order_value", "recentred_from")
    content = {"name": fit.model, **{name: getattr(fit, name) for name in names}}
    return content | {"dependence": _known(lambda: study.dependence)[0]}, None


def _backtest(found: Any) -> dict[str, Any]:
    names = ("calibration_end", "customers", "new_customers", "new_customer_orders", "winner", "lead", "verdict")
    scores = found.scores.reset_index().to_dict("records")
    return {
        "holdout_weeks": found.holdout_days // 7,
        **{name: getattr(found, name) for name in names},
        "models": [_score(score) for score in scores],
        "not_identified": found.fits.not_identified,
    }


def _score(score: Mapping[str, Any]) -> dict[str, Any]:
    interval = {name: score[name] for name in ("estimate", "lower", "upper", "level")}
    renamed = {"total_actual": score["actual"], "total_predicted": score["estimate"], "total_interval": interval}
    return {name: value for name, value in score.items() if name not in (*interval, "actual")} | renamed


def _portfolio(study: Study) -> dict[str, Any]:
    value, level = study.value, study.config.model.credible_level
    alive = {fit.model: fit.customers_alive(level) for fit in study.fits}
    economics = study.config.economics
    return {
        "residual_clv": value.total,
        "expected_residual_clv": value.expected_total,
        "expected_orders": value.expected_orders,
        "customers_alive": {model: interval.estimate for model, interval in alive.items()},
        "customers_alive_intervals": alive,
        "by_model": value.by_model,
        "segments": value.segments,
        "horizon_years": economics.horizon_years,
        "annual_discount_rate": economics.annual_discount_rate,
        "gross_margin": economics.gross_margin,
        "cost_per_order": economics.cost_per_order,
        "currency": study.currency,
    }


def _retention(retention: Any) -> dict[str, Any]:
    """Yearly retention of new customers (``yearly``) and of today's base, the primary model's with each model's."""
    weighted = {model: by_year.weighted_by_orders for model, by_year in retention.new_customers.items()}
    return {
        "yearly": _yearly(retention.new_customers),
        "base_yearly": _yearly(retention.base),
        "weighted_by_orders": weighted,
        "oldest_age_years": retention.oldest_age_years,
    }


def _yearly(groups: Mapping[str, Any]) -> list[dict[str, Any]]:
    primary = next(iter(groups.values()))
    return [
        {
            "year": number + 1,
            **plain(rate),
            "by_model": {model: by_year.rates[number] for model, by_year in groups.items()},
        }
        for number, rate in enumerate(primary.rates)
    ]


def _lift(study: Study) -> dict[str, Any]:
    """The lift for every reading of the claim under every model; or the reason why there is none."""
    lift, reason = _known(lambda: study.lift)
    if lift is None:
        return {"reason": reason, "readings": []}
    names = [field.name for field in dataclasses.fields(lift.lifts[0]) if field.name != "draws"]
    readings = [{name: getattr(each, name) for name in names} for each in lift.lifts]
    return {"reason": None, "named": lift.named, "readings": readings}


def _claim(verdict: Any) -> dict[str, Any]:
    estimate = verdict.estimate
    ends = {name: estimate and getattr(estimate, name) for name in ("estimate", "lower", "upper", "level")}
    return {
        "id": verdict.claim,
        "verdict": verdict.verdict,
        **ends,
        "unit": verdict.declared.unit,
        "by_model": verdict.estimates,
        "probability": verdict.probabilities,
        "error": verdict.error,
        "reason": verdict.reason,
        "sentence": str(verdict.declared.wording),
    }


def _strategies(study: Study) -> dict[str, Any]:
    from analysis.strategies import as_results

    try:
        experiment = study.experiment
    except Unavailable as gap:
        experiment = gap.reason
    return as_results(study.strategies, study.choice, study.evidence, experiment)


def model_content(fit: Any, spend: Any, currency: str | None) -> dict[str, Any]:
    """What ``score`` needs: the fits and posterior draws of the primary purchase model and of the spend model."""
    content = {"purchase_model": fit, "spend_model": spend}
    return {"schema_version": SCHEMA_VERSION, "currency": currency, **plain(content)}


def write_customers(frame: pd.DataFrame, folder: Path, config: Config) -> None:
    """``customers.parquet`` with the ids as they are and ``customers.csv`` with formulas escaped."""
    frame.to_parquet(folder / "customers.parquet", index=False)
    write_csv(frame, folder / "customers.csv", config)


def is_local(config: Config) -> bool:
    """Whether CSV files are written as a spreadsheet of the reader's own language opens them."""
    return config.language != "en" and config.data.csv != "plain"


def headings() -> dict[str, str]:
    """Column -> its heading in the reader's language."""
    return {
        "customer_id": tr("Customer"),
        "first_order": tr("First order"),
        "last_order": tr("Last order"),
        "orders": tr("Orders"),
        "spent": tr("Spent"),
        "frequency": tr("Repeat orders"),
        "recency": tr("Time from the first to the last order"),
        "T": tr("Time since the first order"),
        "p_alive": tr("Probability of being active"),
        "expected_orders": tr("Expected orders"),
        "p_order": tr("Probability of an order"),
        "expected_order_value": tr("Expected order value"),
        "residual_clv": tr("Residual value"),
        "residual_clv_lower": tr("Residual value, lower end"),
        "residual_clv_upper": tr("Residual value, upper end"),
        "days_until_p_alive_half": tr("Days until that probability is a half"),
        "no_repeat_yet": tr("No repeat order yet"),
        "outcome": tr("Outcome"),
        "reason": tr("What the row is"),
        "rows": tr("Rows"),
        "amount": tr("Amount"),
    }


def write_csv(frame: pd.DataFrame, path: Path, config: Config) -> None:
    """A table as UTF-8 CSV with a header, formulas escaped; days without a time.

    Dutch spreadsheets take semicolons and decimal commas, and know UTF-8 by its byte order mark.
    """
    from analysis.data.export import escape_formulas

    local = {}
    if is_local(config):
        frame = frame.rename(columns=headings())
        local = {"sep": ";", "decimal": ","}
    # Every text is quoted: a lone carriage return in an id would otherwise end the row for many readers.
    escape_formulas(frame).to_csv(
        path,
        index=False,
        encoding="utf-8-sig" if local else "utf-8",
        lineterminator="\n",
        date_format="%Y-%m-%d",
        quoting=csv.QUOTE_NONNUMERIC,
        **local,
    )
