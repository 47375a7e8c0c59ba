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
ENDS = {"estimate": "", "lower": "_lower", "upper": "_upper"}
"""Of an interval -> how the columns of a frame end that hold it."""


def write_artefacts(study: Study, folder: Path) -> None:
    """results.json, model.json, ledger.csv; unless they are not wanted the files of customers, lists, the ladder and of
    who would be in a test that is advised.
    """
    from analysis.data.ledger import in_words

    with reader(study.config.language, study.currency):
        if study.config.customer_files:
            write_customers(customers(study), folder, study.config)
            if (lists := _known(lambda: study.contact_lists)[0]) is not None:
                write_contacts(lists, folder, study.config)
            if (stand := _known(lambda: study.ladder.to_frame())[0]) is not None:
                write_csv(stand, folder / "ladder.csv", study.config)
            if (lots := _known(lambda: _assignment(study))[0]) is not None:
                write_csv(lots, folder / "assignment.csv", study.config)
        ledger = study.orders.ledger
        if is_local(study.config):
            ledger = in_words(ledger).astype({"outcome": str, "reason": str})
        write_csv(ledger, folder / "ledger.csv", study.config)
        write_json(model_content(study.fit, study.spend, study.currency), folder / MODEL)
        write_json(results(study), folder / "results.json")


def _assignment(study: Study) -> pd.DataFrame | None:
    """Who would be in the test that is worth most, and in which arm; None where none is advised."""
    from analysis.strategies import assignment

    tried = [each for each in study.strategies.advice.values() if each.form == "try_first"]
    if not tried:
        return None
    best = max(tried, key=lambda each: each.trial.worth)
    ranked = study.value.customers.sort_values("residual_clv", ascending=False)
    share = 0.1 if best.trial.group == "top_tenth" else 1.0
    return assignment(ranked.head(max(round(share * len(ranked)), 2)), ("nothing", best.strategy))


def customers(study: Study) -> pd.DataFrame:
    """One row a customer with orders: what they are worth, and where they stand."""
    frame, known = study.value.customers, _known(lambda: study.ladder.customers)[0]
    if known is None:
        return frame.assign(rung=None, phase=None, asleep=None, list=None, reason=None)
    frame = frame.assign(**{name: known[name].to_numpy() for name in ("rung", "phase", "asleep")})
    if (lists := _known(lambda: study.contact_lists)[0]) is None:
        return frame.assign(list=None, reason=None)
    return frame.join(lists.of_customers(), on="customer_id")


def write_json(content: Any, path: Path) -> None:
    """Strict JSON: a number that JSON does not know is an error, not a silent NaN."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def results(study: Study) -> dict[str, Any]:
    """Everything that a run found, as what JSON knows; a number that does not exist is null."""
    with reader(study.config.language, study.currency):
        spend, spend_reason = _spend_model(study)
        backtest, backtest_reason = _known(lambda: _backtest(study.backtest))
        origins, origins_reason = _known(lambda: _origins(study.origins))
        compared, why_not_compared = _known(lambda: _strategies(study))
        content = {
            "schema_version": SCHEMA_VERSION,
            "data": _data(study.orders),
            "purchase_model": _purchase_model(study.fits),
            "spend_model": spend,
            "spend_model_reason": spend_reason,
            "backtest": backtest,
            "backtest_reason": backtest_reason,
            "rolling_origins": origins,
            "diagnostics": study.diagnostics.found.reset_index().to_dict("records"),
            "rolling_origins_reason": origins_reason,
            "portfolio": _portfolio(study),
            "customer_base": _customer_base(study),
            "ladder": _known(lambda: _ladder(study.ladder))[0],
            "contact_lists": _known(lambda: _contacts(study.contact_lists))[0],
            "payback": _known(lambda: _payback(study.payback))[0],
            "channels": _known(lambda: {name: _rows(getattr(study.channels, name)) for name in ("groups", "costs")})[0],
            "customer_tables": _rows(study.customer_tables.ledger.drop(columns="examples")),
            "lots": _known(lambda: {name: _rows(getattr(study.lot_effects, name)) for name in ("lots", "effects")})[0],
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
        return value.isoformat().removesuffix("T00:00:00")
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
        "season": primary.season,
        "customers": primary.customers,
        "alternatives": [_fit(fit) for fit in others],
        "not_identified": fits.not_identified,
    }


def _fit(fit: Any) -> dict[str, Any]:
    quality = {name: getattr(fit.posterior, name) for name in ("method", "effective_size", "pareto_shape")}
    names = ("parameters", "log_likelihood", "standard_errors", "converged")
    return {"name": fit.model, **{name: getattr(fit, name) for name in names}, "posterior": quality}


def _spend_model(study: Study) -> tuple[dict[str, Any] | None, Any]:
    """The spend model, whose p, q and v forecast alike whatever its name, and why it is not Gamma-Gamma.

    Null where every order counts with the mean of all.
    """
    fit, choice = study.spend, study.spend_choice
    if fit is None:
        return None, "spend.reason.no_money"
    if fit.posterior is None:
        return None, fit.reason
    names = ("parameters", "standard_errors", "log_likelihood", "customers", "mean_order_value", "recentred_from")
    content = {"name": fit.model, **{name: getattr(fit, name) for name in names}}
    content |= {"by_frequency": fit.by_frequency._asdict(), "half_weight_orders": fit.half_weight_orders}
    content["held_out"] = choice and {
        "scores": choice.scores.to_dict("records"),
        "odd_even": choice.together(study.config.model.credible_level),
        "customers": choice.customers,
    }
    return content | {"dependence": _known(lambda: study.dependence)[0]}, fit.reason


def _backtest(found: Any) -> dict[str, Any]:
    names = ("calibration_end", "customers", "new_customers", "new_customer_orders", "winner", "lead", "verdict")
    scores = found.scores.reset_index().to_dict("records")
    return {
        "holdout_weeks": found.holdout_days // 7,
        **{name: getattr(found, name) for name in names},
        "models": [_score(score) for score in scores],
        "not_identified": found.fits.not_identified,
    }


def _origins(record: Any) -> dict[str, Any]:
    """The record of past windows, and the choice of the model that rests on it."""
    windows = record.windows.assign(**{name: record.windows[name].astype(str) for name in ("origin", "end")})
    return {
        "primary": record.primary,
        "named": record.named,
        "made_on_little": record.made_on_little,
        "seasonal": record.seasonal,
        "lead_decides": record.lead_decides,
        "choice": record.choice.rename_axis("model").reset_index().to_dict("records"),
        "windows": windows.to_dict("records"),
        "spread": record.calibration.spread,
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
        "calibrated": study.outlook,
        "customers_alive": {model: interval.estimate for model, interval in alive.items()},
        "customers_alive_intervals": alive,
        "by_model": value.by_model,
        "segments": [_segment(row, value) for row in value.segments.reset_index().to_dict("records")],
        "horizon_years": economics.horizon_years,
        "annual_discount_rate": economics.annual_discount_rate,
        "gross_margin": economics.gross_margin,
        "cost_per_order": economics.cost_per_order,
        "currency": study.currency,
    }


def _customer_base(study: Study) -> dict[str, Any] | None:
    base = _known(lambda: study.customer_base)[0]
    if base is None:
        return None
    lives = base.known_lives
    frames = {"bridge": base.bridge, "drivers": base.drivers, "deciles": base.deciles}
    frames |= {"cohorts": lives and lives.cohorts, "newer_against_older": lives and lives.newer}
    rows = {name: frame if frame is None else frame.to_dict("records") for name, frame in frames.items()}
    return {"months": base.months, "refunds_beyond": base.refunds_beyond, **rows}


def _contacts(found: Any) -> dict[str, Any]:
    rows = {name: getattr(found, name).reset_index().to_dict("records") for name in ("lists", "tests", "unasked")}
    settings = ("window_days", "cost_per_contact", "incentive", "permission")
    return {**{name: getattr(found, name) for name in settings}, **rows}


def _payback(payback: Any) -> dict[str, Any]:
    frames = {name: getattr(payback, name) for name in ("curve", "ages", "most", "alone", "groups")}
    return {"cost": payback.cost, **{name: frame.to_dict("records") for name, frame in frames.items()}}


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return frame.to_dict("records")


def _ladder(ladder: Any) -> dict[str, Any]:
    names = ("rungs", "past", "coming", "phases")
    rows = {name: getattr(ladder, name).reset_index().to_dict("records") for name in names}
    return {"member_orders": ladder.member_orders, "proposed_orders": ladder.proposed_orders, **rows}


def _segment(row: Mapping[str, Any], value: Any) -> dict[str, Any]:
    own = {name: row[name] for name in ("estimate", "lower", "upper", "level")}
    ordered = {end: row[f"expected_orders{suffix}"] for end, suffix in ENDS.items()} | {"level": row["level"]}
    worth = {"residual_clv": None, "share_of_value": None}
    if value.total is not None:
        worth = {"residual_clv": own, "share_of_value": row["share"]}
    return {name: row[name] for name in ("dimension", "segment", "customers")} | {"expected_orders": ordered} | worth


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
    names = [field.name for field in dataclasses.fields(lift.lifts[0]) if field.name not in ("draws", "choice")]

    def told(each: Any) -> dict[str, Any]:
        return {name: getattr(each, name) for name in names}

    # What is called retention is no part of these choices: they are all of survival.
    choices = {each.choice: {k: v for k, v in vars(each.choice).items() if k != "measure"} for each in lift.lifts}
    readings = [
        {"choice": choices[each.choice], **told(each)} for each in lift.lifts if each.choice.measure == "survival"
    ]
    measures = {measure: {name: told(each) for name, each in of.items()} for measure, of in lift.by_measure.items()}
    costs = {measure: lift.costs_agreed(measure) for measure in measures} | {"all": lift.costs_agreed()}
    by_measure = {"by_measure": measures, "costs_at_which_it_holds": costs}
    verdict = study.claims.over_measures("five_points_more_profit")
    return {"reason": None, "named": choices[lift.named], "readings": readings, **by_measure, "verdict": verdict}


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
    return as_results(study.strategies, study.evidence, experiment)


def model_content(fit: Any, spend: Any, currency: str | None) -> dict[str, Any]:
    """What ``score`` needs: the fits and posterior draws of the primary purchase model and of the spend model."""
    content = {"purchase_model": fit, "spend_model": spend}
    return {"schema_version": SCHEMA_VERSION, "currency": currency, **plain(content)}


def write_customers(frame: pd.DataFrame, folder: Path, config: Config) -> None:
    """``customers.parquet`` with the ids as they are and ``customers.csv`` with formulas escaped."""
    frame.to_parquet(folder / "customers.parquet", index=False)
    write_csv(frame, folder / "customers.csv", config)


def write_contacts(found: Any, folder: Path, config: Config) -> None:
    """``send-NAME.csv`` of each list for the mail tool, and ``contacts.csv`` with every list of a customer."""
    from analysis.tables import escape_formulas
    from analysis.value.contacts import LISTS, reasons

    for name in found.lists.index:
        escape_formulas(found.to_send(name)).to_csv(
            folder / f"send-{name.replace('_', '-')}.csv", index=False, encoding="utf-8", lineterminator="\n",
            date_format="%Y-%m-%d", quoting=csv.QUOTE_NONNUMERIC,
        )  # fmt: skip
    table = found.customers.replace(math.inf, math.nan)
    table.insert(2, "reason", [str(reason) for reason in reasons(table)])
    table["list"] = [str(LISTS[name]) for name in table["list"]]
    write_csv(table, folder / "contacts.csv", config)


def is_local(config: Config) -> bool:
    """Whether CSV files are written as a spreadsheet of the reader's own language opens them."""
    return config.language != "en" and config.data.csv != "plain"


def headings() -> dict[str, str]:
    """Column -> its heading in the reader's language."""
    return {
        "customer_id": tr("Customer number"),
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
        "channel": tr("Channel"),
        "rung": tr("Rung"),
        "phase": tr("Phase"),
        "asleep": tr("Asleep"),
        "list": tr("List"),
        "silent_days": tr("Days of silence"),
        "late_days": tr("Late from day"),
        "asleep_days": tr("Asleep from day"),
        "usual_days": tr("Usual days between orders"),
        "points": tr("Points"),
        "own_value": tr("Own order value"),
        "alike_value": tr("Order value of others alike"),
        "valid_until": tr("Valid until"),
        "margin": tr("Margin of an order"),
        "break_even": tr("Break-even lift"),
        "send": tr("Written to"),
        "outcome": tr("Outcome"),
        "reason": tr("Reason"),
        "rows": tr("Rows"),
        "amount": tr("Amount"),
    }


def write_csv(frame: pd.DataFrame, path: Path, config: Config) -> None:
    """A table as UTF-8 CSV with a header, formulas escaped; days without a time.

    Dutch spreadsheets take semicolons and decimal commas, and know UTF-8 by its byte order mark.
    """
    from analysis.tables import escape_formulas

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
