"""Made-up results with the size and shape of CDNOW's, so that pages can be tested without fitting anything."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import nbformat
import nbformat.v4
import numpy as np
import pandas as pd

from analysis.claims import Finding, Outcome, Verdict
from analysis.config import Config
from analysis.data import CustomerSummary, Note
from analysis.interval import Interval
from analysis.models.results import (
    BackTest,
    ForecastScore,
    Posterior,
    PurchaseFit,
    PurchaseResult,
    SpendDependence,
    SpendFit,
    SpendResult,
)
from analysis.reporting.fragment import closing_of, fragment_of
from analysis.timeunits import TimeUnit
from analysis.value.results import CustomerValue, ModelTotal, SegmentValue

START, END = dt.date(1997, 1, 1), dt.date(1998, 6, 30)
CUSTOMERS = 400
PARAMETERS = {
    "BG/NBD": {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426},
    "MBG/NBD": {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614},
    "Pareto/NBD": {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669},
}
LEFT_OPEN = Note("purchase.not_identified", {"parameters": ["s", "beta"], "customers": CUSTOMERS, "repeaters": 180})
HOSTILE = "<script>alert('x')</script> & \"$1$\" {total:money}"


def interval(estimate: float, reach: float = 0.1) -> Interval:
    return Interval(estimate, estimate * (1 - reach), estimate * (1 + reach), 0.9)


def summary(*, has_money: bool = True) -> CustomerSummary:
    rng = np.random.default_rng(1)
    frequency = np.minimum(rng.geometric(0.45, CUSTOMERS) - 1, 30)
    born = rng.integers(0, 84, CUSTOMERS)
    T = (END - START).days - born
    recency = np.where(frequency > 0, np.maximum(1, (T * rng.uniform(0.1, 1, CUSTOMERS)).astype(int)), 0)
    first = pd.Timestamp(START) + pd.to_timedelta(born, unit="D")
    table = pd.DataFrame(
        {
            "customer_id": [HOSTILE if row == 7 else f"{row:04d}" for row in range(CUSTOMERS)],
            "first_order": first,
            "last_order": first + pd.to_timedelta(recency, unit="D"),
            "orders": frequency + 1,
            "frequency": frequency,
            "recency_days": recency.astype(float),
            "T_days": T.astype(float),
        }
    )
    if has_money:
        table["spent"] = rng.gamma(2, 18, CUSTOMERS) * (frequency + 1)
        table["mean_repeat_value"] = np.where(frequency > 0, rng.gamma(3, 12, CUSTOMERS), np.nan)
    return CustomerSummary(table, END, has_money)


def transactions(*, has_money: bool = True, currency: str | None = "USD", notes: tuple[Note, ...] = ()):
    people = summary(has_money=has_money)
    days = pd.date_range(START, END, unit="s")
    rng = np.random.default_rng(2)
    repeat = rng.poisson(3, len(days))
    new = np.where(np.arange(len(days)) < 84, rng.poisson(5, len(days)), 0)
    daily = pd.DataFrame(
        {"date": days, "orders": repeat + new, "new_customers": new, "repeat_orders": repeat, "amount": 30.0 * repeat}
    )
    ledger = pd.DataFrame(
        [
            ("used", "ledger.reason.order", 6696, 237_045.10),
            ("merged", "ledger.reason.same_day", 223, 7_047.29),
            ("dropped", "ledger.reason.missing_customer", 12, 300.00),
        ],
        columns=["outcome", "reason", "rows", "amount"],
    )
    return SimpleNamespace(
        summary=people,
        ledger=ledger,
        daily=daily,
        rows_read=6931,
        rows_used=6919,
        customers=CUSTOMERS,
        orders=6696,
        observation_start=START,
        observation_end=END,
        has_money=has_money,
        currency=currency if has_money else None,
        data_hash="d" * 64,
        notes=notes or (Note("data.duplicates_kept", {"rows": 21, "rows_read": 6931}),),
    )


def fit(model: str, log_likelihood: float) -> PurchaseFit:
    parameters = PARAMETERS[model]
    errors = {name: value / 10 for name, value in parameters.items()}
    return PurchaseFit(model, TimeUnit.WEEK, parameters, errors, log_likelihood, CUSTOMERS, 300, 1e-9)


def posterior(model: str) -> Posterior:
    values = np.array(list(PARAMETERS[model].values()))
    draws = values * np.exp(np.random.default_rng(3).normal(0, 0.1, (2000, len(values))))
    return Posterior(tuple(PARAMETERS[model]), draws, 2300.0, 0.31, "importance")


def purchase(*, alone: bool = False) -> PurchaseResult:
    names = ["BG/NBD"] if alone else list(PARAMETERS)
    fits = [fit(name, -9582.4 - 3 * place) for place, name in enumerate(names)]
    counts = dict(zip(PARAMETERS, (330, 180, 178), strict=True))
    shares = dict(zip(PARAMETERS, (1.0, 0.42, 0.41), strict=True))
    return PurchaseResult(
        primary=fits[0],
        posterior=posterior("BG/NBD"),
        challengers=tuple(fits[1:]),
        challenger_posteriors={name: posterior(name) for name in names[1:]},
        not_identified={"Pareto/NBD": LEFT_OPEN} if alone else {},
        customers_alive={name: interval(counts[name], 0.05) for name in names},
        alive_among_one_time_buyers={name: shares[name] for name in names},
    )


def spend(*, verdict: str = "dependent", reason: str | None = None) -> SpendResult:
    dependence = SpendDependence(interval(0.21), interval(0.053, 0.6), 900, verdict)
    if reason:
        fallback = SpendFit("constant", {"mean": 35.0}, {}, float("nan"), 900, 3, 35.0)
        return SpendResult(fallback, None, dependence, reason)
    gamma = SpendFit(
        "Gamma-Gamma", {"p": 6.25, "q": 3.74, "v": 15.44}, {"p": 1.1, "q": 0.3, "v": 3.0}, -4055.9, 900, 2, 35.2
    )
    draws = np.abs(np.random.default_rng(4).normal([6.25, 3.74, 15.44], 0.3, (2000, 3)))
    return SpendResult(gamma, Posterior(("p", "q", "v"), draws, 2100.0, 0.2, "importance"), dependence, None)


def score(name: str, total: float, log_score: float, reach: float = 0.1) -> ForecastScore:
    return ForecastScore(
        name=name,
        is_baseline=name not in PARAMETERS,
        total_actual=1882,
        total_predicted=total,
        total_interval=interval(total, reach),
        mae=0.785,
        rmse=1.61,
        log_score=log_score,
        rank_correlation=0.58,
        best_decile_hit_rate=0.49,
        interval_coverage=0.897,
    )


def back_test(*, verdict: str = "model") -> BackTest:
    dates = pd.date_range(START, END, periods=80, unit="s").date
    actual = np.linspace(0, 4340, 80) ** 0.98
    tracking = pd.DataFrame({"date": dates, "actual": actual.astype(int)})
    groups = pd.DataFrame(
        {
            "frequency": ["0", "1", "2", "3", "4-6", "7+"],
            "customers": [200, 80, 50, 30, 25, 15],
            "actual": [0.24, 0.69, 1.38, 1.56, 2.4, 4.8],
            "standard_error": [0.02, 0.05, 0.1, 0.15, 0.2, 0.6],
        }
    )
    for place, model in enumerate(PARAMETERS):
        tracking[model] = actual * (0.96 + 0.01 * place)
        groups[model] = groups["actual"] * (0.9 + 0.03 * place)
    groups["hiatus"] = groups["actual"] * 0.8
    lead = {"model": 0.04, "baseline": -0.04, "undecided": 0.001}[verdict]
    scores = [score("BG/NBD", 1653, -0.92), score("MBG/NBD", 1700, -0.925), score("Pareto/NBD", 1710, -0.93)]
    scores += [score("hiatus", 1400, -0.92 - lead), score("same rate", 2100, -1.1), score("average", 1900, -1.3)]
    scores.sort(key=lambda each: -each.log_score)
    return BackTest(
        holdout_weeks=39,
        calibration_end="1997-09-30",
        customers=CUSTOMERS,
        new_customers=0,
        new_customer_orders=0,
        scores=tuple(scores),
        winner=scores[0].name,
        best_baseline="hiatus",
        lead=Interval(lead, lead - 0.01, lead + 0.01, 0.9),
        verdict=verdict,
        calibration_by_group=groups,
        tracking=tracking,
    )


def value(*, has_money: bool = True) -> CustomerValue:
    people = summary(has_money=has_money).table
    rng = np.random.default_rng(5)
    orders = rng.gamma(0.5, 2, CUSTOMERS) * (1 + people["frequency"].to_numpy())
    money = orders * 9 if has_money else np.full(CUSTOMERS, np.nan)
    table = people[["customer_id", "first_order", "last_order", "orders", "frequency"]].assign(
        recency=people["recency_days"] / 7,
        T=people["T_days"] / 7,
        p_alive=rng.uniform(size=CUSTOMERS),
        expected_orders=orders,
        p_order=1 - np.exp(-orders),
        residual_clv=money,
        no_repeat_yet=people["frequency"] == 0,
    )
    parts = (("orders", "1"), ("orders", "2-3"), ("orders", "7+"), ("recency", "0-90"), ("recency", "366+"))
    parts += (("value", "top_tenth"), ("value", "next_four_tenths"), ("value", "lower_half"))
    worth = interval(9000.0) if has_money else None
    segments = tuple(
        SegmentValue(dimension, name, 100, worth, interval(1000.0), 0.3 if has_money else None)
        for dimension, name in parts
    )
    total = interval(float(money.sum())) if has_money else None
    narrow = interval(float(money.sum()), 0.05) if has_money else None
    whole = interval(float(orders.sum()))
    by_model = {name: ModelTotal(total, whole) for name in PARAMETERS}
    return CustomerValue(table, total, narrow, whole, segments, by_model, 2000, 3.0, 0.1, 0.3, 0.0, None)


def claims(*, has_money: bool = True) -> tuple[Verdict, ...]:
    """A ledger in which something of everything happens."""
    models = ("BG/NBD", "MBG/NBD", "Pareto/NBD")
    lifts = {name: Interval(0.2 - place / 20, 0.05, 0.25, 0.9) for place, name in enumerate(models)}
    tested = Finding(dict.fromkeys(models, 0.001), lifts, assumptions=(Note("claim.assumption.lift_is_not_an_action"),))
    shares = Finding({"data": 0.99}, {"data": Interval(0.78, 0.76, 0.80, 0.9)})
    missing = Finding(reason=Note("claim.reason.no_money"))
    unknown = Finding(reason=Note("claim.reason.survey"), details=(Note("claim.detail.survey_90"),))
    outcomes = {
        "five_points_more_profit": (Outcome.CONTRADICTED, tested),
        "twenty_bring_eighty": (Outcome.SUPPORTED, shares),
    }
    if not has_money:
        outcomes = dict.fromkeys(outcomes, (Outcome.NOT_TESTABLE, missing))
    ledger = [
        Verdict(name, outcome, outcome, *([0.01, 0.02] if finding.probabilities else [None, None]), finding)
        for name, (outcome, finding) in outcomes.items()
    ]
    return (*ledger, Verdict("never_return", Outcome.NOT_TESTABLE, Outcome.NOT_TESTABLE, None, None, unknown))


def study(*, has_money: bool = True, tested: bool = True, name: str = "cdnow", language: str = "en"):
    """Everything a notebook asks a study for."""
    from tests.reporting import retention_fakes, strategy_fakes

    config = Config(name=name, language=language, data={"transactions": {"sample": "cdnow"}})
    untested = Note(
        "backtest.reason.window_too_short", {"holdout_weeks": 39, "window_days": 90, "calibration_end": START}
    )
    return SimpleNamespace(
        config=config,
        transactions=transactions(has_money=has_money),
        purchase=purchase(),
        spend=spend() if has_money else None,
        backtest=back_test() if tested else untested,
        value=value(has_money=has_money),
        contracts=None,
        contractual=None,
        periods=retention_fakes.periods(),
        cohorts=retention_fakes.cohorts(),
        growth=retention_fakes.growth() if has_money else Note("retention.reason.no_money"),
        retention=retention_fakes.retention(),
        lift=retention_fakes.lift() if has_money else Note("lift.reason.no_money"),
        what_if=retention_fakes.what_if() if has_money else None,
        landscape=retention_fakes.landscape() if has_money else None,
        firm=retention_fakes.firm() if has_money else (),
        claims=claims(has_money=has_money),
        loyalty=strategy_fakes.evidence(found=has_money),
        strategies=strategy_fakes.compared() if has_money else Note("strategies.reason.no_money"),
        choice=strategy_fakes.choice() if has_money else None,
        trial=None,
        data_hash="d" * 64,
    )


def sections_of(books):
    """What of executed notebooks is on a page, in its order."""
    closings = (closing_of(book) for book in books)
    return [*(fragment_of(book) for book in books), *(closing for closing in closings if closing)]


def executed(path, result, monkeypatch):
    """A notebook run in this process on a made-up study, as the node that an execution leaves behind."""
    from analysis.reporting import notebook

    book = nbformat.read(path, as_version=4)
    outputs: list = []

    def display(data, raw, metadata=None):
        assert raw
        outputs.append(nbformat.v4.new_output("display_data", data, metadata=metadata or {}))

    def open_study(config, **_):
        return result, notebook.Page(result.config.language, lambda: result.transactions.currency)

    monkeypatch.setattr(notebook, "display", display)
    monkeypatch.setattr(notebook, "open_study", open_study)
    namespace: dict = {}
    for cell in book.cells:
        if cell.cell_type == "code":
            outputs.clear()
            exec(cell.source, namespace)
            cell.outputs = list(outputs)
    return book
