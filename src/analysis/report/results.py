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
from analysis.report.folders import MODEL, RESULTS
from analysis.words import Message, reader, tr

if TYPE_CHECKING:
    import pandas as pd

    from analysis.config import Config
    from analysis.pipeline import Study

SCHEMA_VERSION = 2
DATA = ("rows_read", "rows_used", "customers", "orders", "currency", "data_hash")
DATA += ("observation_start", "observation_end")
LADDER = ("member_orders", "proposed_orders", "rungs", "profile", "past", "coming", "phases")
CONTACTS = ("window_days", "cost_per_contact", "incentive", "permission", "lists", "tests", "unasked")
INTERVAL = ("estimate", "lower", "upper", "level")
ENDS = {"estimate": "", "lower": "_lower", "upper": "_upper"}
"""Of an interval -> how the columns of a frame end that hold it."""


PARTS = {
    "strategies": Message("the comparison of strategies"),
    "evidence": Message("what your data say of loyalty"),
    "lift": Message("what keeping customers brings"),
    "backtest": Message("the test on past orders"),
    "origins": Message("the record of earlier forecasts"),
    "covariate_fit": Message("whether groups of customers differ"),
    "ladder": Message("where your customers stand"),
    "contact_lists": Message("whom to write to"),
    "payback": Message("what a new customer may cost"),
}
"""Step -> what it is called, of the parts of a report that data may not give."""


def missing_parts(study: Study) -> dict[str, Message]:
    """Step -> why these data do not give it, of the parts in ``PARTS``."""
    found = ((name, study.outcome(name)) for name in PARTS)
    return {name: gap.reason for name, gap in found if isinstance(gap, Unavailable)}


def write_artefacts(study: Study, folder: Path) -> dict[str, str]:
    """results.json, model.json, ledger.csv; unless they are not wanted the files of customers, lists, the ladder and of
    who would be in a test that is advised. Gives the reason of each part that is missing.
    """
    from analysis.data.ledger import in_words

    with reader(study.config.language, study.currency):
        if study.config.customer_files:
            write_customers(customers(study), folder, study.config)
            groups = study.customer_tables.groups()
            if (lists := _known(lambda: study.contact_lists)) is not None:
                write_contacts(lists, groups, folder, study.config)
            if (stand := _known(lambda: study.ladder.to_frame())) is not None:
                write_csv(_with_groups(stand, groups), folder / "ladder.csv", study.config)
            if (lots := _known(lambda: _assignment(study))) is not None:
                write_csv(lots, folder / "assignment.csv", study.config)
        ledger = study.orders.ledger.drop(columns="meaning")
        if is_local(study.config):
            ledger = in_words(study.orders.ledger).astype({"outcome": str, "reason": str})
        write_csv(ledger, folder / "ledger.csv", study.config)
        write_json(model_content(study.fit, study.spend, study.currency), folder / MODEL)
        write_json(results(study), folder / RESULTS)
        return {name: str(reason) for name, reason in missing_parts(study).items()}


def _assignment(study: Study) -> pd.DataFrame | None:
    """Who would be in the test that is worth most, and in which arm; None where none is advised."""
    from analysis.strategies.trial import assignment

    tried = [each for each in study.strategies.advice.values() if each.form == "try_first"]
    if not tried:
        return None
    best = max(tried, key=lambda each: each.trial.worth)
    ranked = study.value.customers.sort_values("residual_clv", ascending=False)
    share = 0.1 if best.trial.group == "top_tenth" else 1.0
    return assignment(ranked.head(max(round(share * len(ranked)), 2)), ("nothing", best.strategy))


def customers(study: Study) -> pd.DataFrame:
    """One row a customer with orders: what they are worth, and where they stand."""
    frame, known = study.value.customers, _known(lambda: study.ladder.customers)
    if known is None:
        return frame.assign(rung=None, phase=None, asleep=None, list=None, reason=None)
    frame = frame.assign(**{name: known[name].to_numpy() for name in ("rung", "phase", "asleep")})
    if (lists := _known(lambda: study.contact_lists)) is None:
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
        content = {
            "schema_version": SCHEMA_VERSION,
            "data": _of(study.orders, *DATA),
            "purchase_model": _purchase_model(study.fits),
            "spend_model": spend,
            "spend_model_reason": spend_reason,
            "backtest": _known(lambda: _backtest(study.backtest)),
            "backtest_reason": _reason(study, "backtest"),
            "rolling_origins": _known(lambda: _origins(study.origins)),
            "diagnostics": study.diagnostics.found,
            "rolling_origins_reason": _reason(study, "origins"),
            "portfolio": _portfolio(study),
            "customer_base": _known(lambda: _customer_base(study.customer_base)),
            "ladder": _known(lambda: _of(study.ladder, *LADDER)),
            "alerts": _known(lambda: study.alerts),
            "contact_lists": _known(lambda: _of(study.contact_lists, *CONTACTS)),
            "promotion_honesty": _known(lambda: study.promotion_honesty),
            "payback": _known(lambda: _of(study.payback, "cost", "curve", "ages", "most", "alone", "groups")),
            "first_order_groups": _known(lambda: study.first_order_groups),
            "channels": _known(lambda: _of(study.channels, "groups", "costs", "tests")),
            "earned_growth": _known(lambda: study.earned_growth),
            "referred": _known(lambda: study.referred),
            "customer_tables": study.customer_tables.ledger.drop(columns="examples"),
            "lots": _known(lambda: _of(study.lot_effects, "lots", "effects")),
            "retention": _retention(study.retention),
            "retention_lift": _lift(study),
            "claims": [_claim(verdict) for verdict in study.claims],
            "strategies": _known(lambda: _strategies(study)),
            "strategies_reason": _reason(study, "strategies", "evidence"),
        }
        return plain(content)


def _known(ask: Callable[[], Any]) -> Any:
    """What is known; else None."""
    try:
        return ask()
    except Unavailable:
        return None


def _reason(study: Study, *steps: str) -> str | None:
    """The code of why the first of these steps that is not known is not; None where all are."""
    gaps = (found for name in steps if isinstance(found := study.outcome(name), Unavailable))
    return next((gap.reason.code for gap in gaps), None)


def _of(result: Any, *names: str) -> dict[str, Any]:
    """These attributes of a result, by name."""
    return {name: getattr(result, name) for name in names}


def plain(value: Any) -> Any:
    """Dataclasses, arrays, numbers and days as what JSON knows, frames as their rows; NaN and infinity are null."""
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
        return plain((value if value.index.names == [None] else value.reset_index()).to_dict("records"))
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _purchase_model(fits: Any) -> dict[str, Any]:
    primary, *others = fits
    return {
        **_fit(primary),
        **_of(primary, "time_unit", "season", "promotions", "customers"),
        "alternatives": [_fit(fit) for fit in others],
        "not_identified": fits.not_identified,
    }


def _fit(fit: Any) -> dict[str, Any]:
    quality = _of(fit.posterior, "method", "effective_size", "pareto_shape")
    found = _of(fit, "parameters", "log_likelihood", "standard_errors", "converged")
    return {"name": fit.model, **found, "posterior": quality}


def _spend_model(study: Study) -> tuple[dict[str, Any] | None, Any]:
    """The spend model, whose p, q and v forecast alike whatever its name, and why it is not Gamma-Gamma.

    Null where every order counts with the mean of all.
    """
    fit, choice = study.spend, study.spend_choice
    if fit is None:
        return None, "spend.reason.no_money"
    if fit.posterior is None:
        return None, fit.reason
    names = ("parameters", "standard_errors", "log_likelihood", "customers", "mean_order_value")
    names += ("half_weight_orders",)
    content = {"name": fit.model, **_of(fit, *names), "by_frequency": fit.by_frequency._asdict()}
    content["held_out"] = choice and {
        **_of(choice, "scores", "customers"),
        "odd_even": choice.together(study.config.model.credible_level),
    }
    return content | {"dependence": _known(lambda: study.dependence)}, fit.reason


def _backtest(found: Any) -> dict[str, Any]:
    names = ("calibration_end", "customers", "new_customers", "new_customer_orders", "winner", "lead", "verdict")
    scores = found.scores.reset_index().to_dict("records")
    return {
        "holdout_weeks": found.holdout_days // 7,
        **_of(found, *names),
        "models": [_score(score) for score in scores],
        "not_identified": found.fits.not_identified,
    }


def _origins(record: Any) -> dict[str, Any]:
    """The record of past windows, and the choice of the model that rests on it."""
    windows = record.windows.astype({"origin": str, "end": str})
    choice = record.choice.rename_axis("model")
    told = _of(record, "primary", "named", "made_on_little", "seasonal", "follows", "lead_decides")
    of_orders, of_money = (each and _of(each, "spread", "location") for each in (record.calibration, record.money))
    return told | {"choice": choice, "windows": windows, **of_orders, "money": of_money}


def _score(score: Mapping[str, Any]) -> dict[str, Any]:
    interval = {name: score[name] for name in INTERVAL}
    renamed = {"total_actual": score["actual"], "total_predicted": score["estimate"], "total_interval": interval}
    return {name: value for name, value in score.items() if name not in (*interval, "actual")} | renamed


def _portfolio(study: Study) -> dict[str, Any]:
    value, ahead, level = study.value, study.outlook, study.config.model.credible_level
    alive = {fit.model: fit.customers_alive(level) for fit in study.fits}
    return {
        "residual_clv": value.total,
        "expected_residual_clv": value.expected_total,
        "expected_orders": value.expected_orders,
        "calibrated": _of(ahead, "orders", "money", "is_assumed") | _of(ahead.calibration, "spread", "windows"),
        "customers_alive": {model: interval.estimate for model, interval in alive.items()},
        "customers_alive_intervals": alive,
        "by_model": value.by_model,
        "segments": [_segment(row, value) for row in ahead.of(value.segments).reset_index().to_dict("records")],
        **_of(study.config.economics, "horizon_years", "annual_discount_rate", "gross_margin", "cost_per_order"),
        "currency": study.currency,
    }


def _customer_base(base: Any) -> dict[str, Any]:
    lives = base.known_lives
    known = {"cohorts": lives and lives.cohorts, "newer_against_older": lives and lives.newer}
    known |= {name: lives and getattr(lives, name) for name in ("remind_days", "second_year")}
    return _of(base, "months", "refunds_beyond", "bridge", "drivers", "deciles") | known


def _segment(row: Mapping[str, Any], value: Any) -> dict[str, Any]:
    own = {name: row[name] for name in INTERVAL}
    ordered = {end: row[f"expected_orders{suffix}"] for end, suffix in ENDS.items()} | {"level": row["level"]}
    worth = {"residual_clv": None, "share_of_value": None}
    if value.total is not None:
        worth = {"residual_clv": own, "share_of_value": row["share"]}
    worth |= {name: row[name] for name in row if "calibrated" in name}
    return {name: row[name] for name in ("dimension", "segment", "customers")} | {"expected_orders": ordered} | worth


def _retention(retention: Any) -> dict[str, Any]:
    """Yearly retention of new customers (``yearly``) and of today's base, the primary model's with each model's."""
    yearly = {group: _yearly(rows) for group, rows in retention.years.groupby("group")}
    return {
        "yearly": yearly["new_customers"],
        "base_yearly": yearly["base"],
        "weighted_by_orders": retention.order_rate,
        "oldest_age_years": retention.oldest_age_years,
    }


def _yearly(rows: pd.DataFrame) -> list[dict[str, Any]]:
    by_year = rows.set_index("model").groupby("year")[["estimate", "lower", "upper", "level"]]
    found = ((year, models.to_dict("index")) for year, models in by_year)
    return [{"year": year, **next(iter(models.values())), "by_model": models} for year, models in found]


def _lift(study: Study) -> dict[str, Any]:
    """The lift for every reading of the claim under every model; or the reason why there is none."""
    if (lift := _known(lambda: study.lift)) is None:
        return {"reason": _reason(study, "lift"), "readings": []}
    names = [field.name for field in dataclasses.fields(lift.lifts[0]) if field.name not in ("draws", "choice")]
    # What is called retention is no part of these choices: they are all of survival.
    choices = {each.choice: {k: v for k, v in vars(each.choice).items() if k != "measure"} for each in lift.lifts}
    survival = [each for each in lift.lifts if each.choice.measure == "survival"]
    readings = [{"choice": choices[each.choice], **_of(each, *names)} for each in survival]
    measures = {
        measure: {name: _of(each, *names) for name, each in of.items()} for measure, of in lift.by_measure.items()
    }
    costs = {measure: lift.costs_agreed(measure) for measure in measures} | {"all": lift.costs_agreed()}
    by_measure = {"by_measure": measures, "costs_at_which_it_holds": costs}
    verdict = study.claims.over_measures("five_points_more_profit")
    return {"reason": None, "named": choices[lift.named], "readings": readings, **by_measure, "verdict": verdict}


def _claim(verdict: Any) -> dict[str, Any]:
    return {
        "id": verdict.claim,
        **_of(verdict, "verdict", "error", "reason"),
        **(_of(verdict.estimate, *INTERVAL) if verdict.estimate else dict.fromkeys(INTERVAL)),
        "unit": verdict.declared.unit,
        "by_model": verdict.estimates,
        "probability": verdict.probabilities,
        "sentence": str(verdict.declared.wording),
    }


def _strategies(study: Study) -> dict[str, Any]:
    from analysis.strategies.results import as_results

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


def write_contacts(found: Any, groups: pd.DataFrame, folder: Path, config: Config) -> None:
    """``send-NAME.csv`` of each list for the mail tool, and ``contacts.csv`` with every list of a customer."""
    from analysis.value.contacts import LISTS, reasons

    for name in found.lists.index:
        write_csv(found.to_send(name), folder / f"send-{name.replace('_', '-')}.csv")
    table = found.customers.replace(math.inf, math.nan)
    table.insert(2, "reason", [str(reason) for reason in reasons(table)])
    if found.cost_per_contact or found.incentive:
        table.insert(3, "needed", [_needed(*row) for row in zip(table["p_order"], table["break_even"], strict=True)])
    table["list"] = [str(LISTS[name]) for name in table["list"]]
    write_csv(_with_groups(table, groups), folder / "contacts.csv", config)


def _needed(anyway: float, more: float) -> str | None:
    """In words when a contact pays, by the chance of an order and the break-even lift; NaN where no lift is enough."""
    if math.isnan(anyway):
        return None
    if math.isnan(more):
        return tr("Cannot pay: an order leaves no more than the incentive.")
    said = Message(
        "Of 100 such customers {anyway:decimal1} order anyway; it pays if {more:decimal1} more do.",
        anyway=100 * anyway, more=100 * more,
    )  # fmt: skip
    return str(said)


def _with_groups(table: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """A table of customers with what they can be grouped by, but for names that it has itself."""
    further = groups[groups.columns.difference(table.columns, sort=False)]
    return table.join(further.reindex(table["customer_id"].astype(str)).set_axis(table.index))


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
        "category": tr("Category"),
        "due": tr("Runs out on"),
        "own_value": tr("Own order value"),
        "alike_value": tr("Order value of others alike"),
        "valid_until": tr("Valid until"),
        "margin": tr("Margin of an order"),
        "break_even": tr("Break-even lift"),
        "free": tr("Available"),
        "send": tr("Written to"),
        "outcome": tr("Outcome"),
        "reason": tr("Reason"),
        "needed": tr("What it takes"),
        "rows": tr("Rows"),
        "amount": tr("Amount"),
    }


def write_csv(frame: pd.DataFrame, path: Path | None, config: Config | None = None) -> str | None:
    """A table as UTF-8 CSV with a header, formulas escaped; days without a time. Without a path, its text.

    Dutch spreadsheets take semicolons and decimal commas, and know UTF-8 by its byte order mark; without ``config`` the
    file is for programs.
    """
    from analysis.tables import escape_formulas

    local = {}
    if config and is_local(config):
        said = {True: tr("yes"), False: tr("no")}
        answers = {name: frame[name].map(said) for name in frame.select_dtypes("bool")}
        frame = frame.assign(**answers).rename(columns=headings())
        local = {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"}
    # Every text is quoted: a lone carriage return in an id would otherwise end the row for many readers.
    options = {"index": False, "lineterminator": "\n", "date_format": "%Y-%m-%d", "quoting": csv.QUOTE_NONNUMERIC}
    return escape_formulas(frame).to_csv(path, **options, **local)
