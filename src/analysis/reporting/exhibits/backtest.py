"""What notebook 02 shows of the back test: the verdict, the scores, and where the forecasts went wrong."""

from __future__ import annotations

import pandas as pd

from analysis.data import Note
from analysis.models.results import BackTest, ForecastScore
from analysis.reporting.exhibit import Exhibit, name_key, on_axes
from analysis.reporting.figures import plot_calibration, plot_scores, plot_tracking
from analysis.reporting.tables import Column, Table, interval_columns
from analysis.reporting.words import Remark, Saying

PRIMARY = "BG/NBD"
VERDICTS = {
    "model": "backtest.verdict.model",
    "baseline": "backtest.verdict.baseline",
    "undecided": "backtest.verdict.undecided",
}


def score_of(test: BackTest, name: str) -> ForecastScore | None:
    """The scores of one model or baseline; None where it took no part."""
    return next((score for score in test.scores if score.name == name), None)


def primary_score(test: BackTest) -> ForecastScore:
    """The scores of BG/NBD, or of the best model where the calibration data do not identify it."""
    models = [score for score in test.scores if not score.is_baseline]
    return score_of(test, PRIMARY) or models[0]


def is_inside(score: ForecastScore) -> bool:
    """Whether the total that came lies in the predictive interval."""
    return score.total_interval.lower <= score.total_actual <= score.total_interval.upper


def verdict(test: BackTest) -> Saying:
    """Whether BG/NBD, on which the values rest, earns its place: by the mean log score against the best baseline."""
    names = {"model": Saying(name_key(PRIMARY)), "baseline": Saying(name_key(test.best_baseline))}
    return Saying(VERDICTS[test.verdict], {**names, "lead": test.lead})


def winner(test: BackTest) -> list[Saying]:
    """Who scored best, where that is neither BG/NBD nor the baseline that the verdict names."""
    if test.winner in (PRIMARY, test.best_baseline):
        return []
    return [Saying("backtest.winner", {"winner": Saying(name_key(test.winner))})]


def total_forecast(test: BackTest) -> Saying:
    """The bias of the total, and whether what came lies in the predictive interval."""
    score = primary_score(test)
    numbers = {
        "model": Saying(name_key(score.name)),
        "total": score.total_interval,
        "actual": score.total_actual,
        "weeks": test.holdout_weeks,
    }
    if is_inside(score):
        bias = score.total_predicted / score.total_actual - 1 if score.total_actual else None
        return Saying("backtest.total_inside", {**numbers, "bias": bias})
    luck = 1 - score.total_interval.level
    return Saying("backtest.total_outside", {**numbers, "miss": miss_said(score), "luck": luck})


def miss_said(score: ForecastScore) -> Saying:
    """How far too low or too high the forecast total was, as a share of what came."""
    if not score.total_actual:
        return Saying("backtest.miss.of_none")
    bias = score.total_predicted / score.total_actual - 1
    return Saying("backtest.miss.low" if bias < 0 else "backtest.miss.high", {"share": abs(bias)})


def short_verdict(test: BackTest | Note) -> Saying:
    """The verdict in one short sentence, for the head of a page."""
    if isinstance(test, Note):
        return Saying("backtest.none")
    if test.verdict == "model":
        return Saying("backtest.short.model", {"inside": "yes" if is_inside(primary_score(test)) else "no"})
    return Saying(f"backtest.short.{test.verdict}")


def sentences(test: BackTest | Note) -> list[Remark]:
    """What was done and what came out; or why there is no back test."""
    if isinstance(test, Note):
        return [Saying("backtest.none"), test]
    return [setting(test), verdict(test), *winner(test), total_forecast(test)]


def remarks(test: BackTest | Note) -> list[Saying]:
    """How to read the table of scores."""
    return [] if isinstance(test, Note) else [Saying("backtest.rules"), absolute_error(test), coverage(test)]


def setting(test: BackTest) -> Saying:
    """On whom and on which days the forecasts were made and compared."""
    numbers = {"end": test.calibration_end, "weeks": test.holdout_weeks, "customers": test.customers}
    if not test.new_customers:
        return Saying("backtest.setting", numbers)
    new = {"new": test.new_customers, "new_orders": test.new_customer_orders}
    return Saying("backtest.setting_new", {**numbers, **new})


def absolute_error(test: BackTest) -> Saying:
    """Why the mean absolute error decides nothing: what it is for the model and for forecasting zero."""
    score = primary_score(test)
    return Saying(
        "backtest.absolute_error",
        {"model": Saying(name_key(score.name)), "mae": score.mae, "zero": score.total_actual / test.customers},
    )


def coverage(test: BackTest) -> Saying:
    """Whether customers fall inside their predictive intervals as often as these promise."""
    score = primary_score(test)
    level = score.total_interval.level
    kept = abs(score.interval_coverage - level) <= 0.03
    numbers = {"model": Saying(name_key(score.name)), "coverage": score.interval_coverage, "level": level}
    return Saying("backtest.coverage_kept" if kept else "backtest.coverage_missed", numbers)


def tracking(test: BackTest | Note) -> Exhibit | None:
    """Cumulative repeat orders of the calibration customers, over calibration and holdout."""
    if isinstance(test, Note):
        return None
    score, frame = primary_score(test), test.tracking
    models = [name for name in frame if name not in ("date", "actual")]
    columns = [Column("column.date", "date"), Column("column.actual", "integer")]
    columns += [Column(name_key(model), "integer") for model in models]
    step = max(1, len(frame) // 40)
    shown = pd.concat([frame.iloc[:-1:step], frame.iloc[[-1]]])
    rows = [[row["date"], row["actual"], *(row[model] for model in models)] for _, row in shown.iterrows()]
    numbers = {
        "model": Saying(name_key(score.name)),
        "actual": float(frame["actual"].iloc[-1]),
        "forecast": float(frame[score.name].iloc[-1]),
        "end": test.calibration_end,
        "holdout_actual": score.total_actual,
        "total": score.total_interval,
        "level": score.total_interval.level,
    }
    draw = on_axes(plot_tracking, frame, test.calibration_end, score.total_interval)
    return Exhibit("tracking", draw, Table("figure.tracking.data", columns, rows), numbers, height=3.6)


def calibration(test: BackTest | Note) -> Exhibit | None:
    """Mean orders in the holdout by number of repeat orders before it."""
    if isinstance(test, Note):
        return None
    score = primary_score(test)
    named = ("frequency", "customers", "actual", "standard_error")
    models = [name for name in test.tracking if name not in ("date", "actual")]
    groups = test.calibration_by_group[[*named, *models]]
    groups = groups.assign(frequency=groups["frequency"].astype(str).str.replace("-", "–"))
    columns = [
        Column("column.repeat_orders"),
        Column("column.customers", "integer"),
        Column("column.actual", "decimal2"),
    ]
    columns += [Column("column.standard_error", "decimal2"), *(Column(name_key(model), "decimal2") for model in models)]
    first, last = groups.iloc[0], groups.iloc[-1]
    numbers = {
        "model": Saying(name_key(score.name)),
        "least": first["actual"],
        "least_forecast": first[score.name],
        "least_group": str(first["frequency"]),
        "most": last["actual"],
        "most_forecast": last[score.name],
        "most_group": str(last["frequency"]),
        "level": score.total_interval.level,
    }
    data = Table("figure.calibration.data", columns, groups.to_numpy().tolist())
    return Exhibit("calibration", on_axes(plot_calibration, groups, score.total_interval.level), data, numbers)


def score_figure(test: BackTest | Note) -> Exhibit | None:
    """Mean log score a customer: models and baselines by their distance to the best."""
    if isinstance(test, Note):
        return None
    best = test.scores[0].log_score
    columns = [
        Column("column.model", "label"),
        Column("column.log_score", "decimal3"),
        Column("column.behind", "decimal3"),
    ]
    rows = [[name_key(score.name), score.log_score, score.log_score - best] for score in test.scores]
    names = {"model": Saying(name_key(PRIMARY)), "baseline": Saying(name_key(test.best_baseline))}
    numbers = {**names, "winner": Saying(name_key(test.winner)), "lead": test.lead}
    draw = on_axes(plot_scores, test.scores)
    return Exhibit("scores", draw, Table("figure.scores.data", columns, rows), numbers, height=2.5, narrow_height=2.8)


def score_table(test: BackTest | Note) -> Table | None:
    """Everything that was measured, one row a model or baseline."""
    if isinstance(test, Note):
        return None
    columns = [
        Column("column.model", "label"),
        *interval_columns("column.total", "integer", test.scores[0].total_interval.level),
        Column("column.bias", "signed_percent"),
        Column("column.log_score", "decimal3"),
        Column("column.mae", "decimal3"),
        Column("column.rmse", "decimal3"),
        Column("column.rank_correlation", "decimal2"),
        Column("column.hit_rate", "percent"),
        Column("column.coverage", "percent1"),
    ]
    rows = [_score_row(score) for score in test.scores]
    numbers = {"actual": test.scores[0].total_actual, "customers": test.customers}
    return Table("table.scores.caption", columns, rows, numbers)


def _score_row(score: ForecastScore) -> list:
    return [
        name_key(score.name),
        score.total_interval,
        score.total_interval,
        score.total_predicted / score.total_actual - 1 if score.total_actual else None,
        score.log_score,
        score.mae,
        score.rmse,
        score.rank_correlation,
        score.best_decile_hit_rate,
        score.interval_coverage,
    ]
