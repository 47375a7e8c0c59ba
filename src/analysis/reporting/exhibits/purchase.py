"""What notebook 02 shows of the purchase models: parameters, what they mean, and who counts as alive."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.data import CustomerSummary
from analysis.interval import Interval
from analysis.models.estimate import MODELS, params_of
from analysis.models.results import Posterior, PurchaseFit, PurchaseResult
from analysis.reporting.exhibit import Exhibit, name_key, on_axes
from analysis.reporting.exhibits.transactions import LAST_FREQUENCY, frequency_counts
from analysis.reporting.figures import (
    plot_alive_among_one_time_buyers,
    plot_alive_by_silence,
    plot_customers_alive,
    plot_frequency,
    plot_posterior,
)
from analysis.reporting.tables import Column, Table, interval_columns
from analysis.reporting.words import Saying
from analysis.timeunits import DAYS_PER, TimeUnit, from_days

SILENCE_FREQUENCIES = (0, 1, 4)
CLOSE_SHARE = 0.1
CLEAR_LOG_LIKELIHOOD = 5.0


def interval_of(draws: np.ndarray, estimate: float, level: float) -> Interval:
    """The central interval of draws around an estimate."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(estimate), float(low), float(high), level)


def habits(result: PurchaseResult, level: float) -> Saying:
    """The mean purchase rate while alive, and the mean chance of leaving after an order."""
    fit, draws = result.primary, dict(zip(result.posterior.names, result.posterior.draws.T, strict=True))
    per_year = DAYS_PER[TimeUnit.YEAR] / DAYS_PER[fit.time_unit]
    rate = fit.parameters["r"] / fit.parameters["alpha"] * per_year
    leave = fit.parameters["a"] / (fit.parameters["a"] + fit.parameters["b"])
    return Saying(
        "purchase.habits",
        {
            "rate": interval_of(draws["r"] / draws["alpha"] * per_year, rate, level),
            "leave": interval_of(draws["a"] / (draws["a"] + draws["b"]), leave, level),
        },
    )


def parameter_table(result: PurchaseResult, level: float) -> Table:
    """BG/NBD's parameters with standard errors and the posterior's intervals."""
    fit, posterior = result.primary, result.posterior
    columns = [
        Column("column.parameter", "label"),
        Column("column.estimate", "decimal3"),
        Column("column.standard_error", "decimal3"),
        Column("column.interval", "range decimal3", {"level": level}),
        Column("column.meaning", "label"),
    ]
    rows = [
        [
            ("value.text", {"value": name}),
            fit.parameters[name],
            fit.standard_errors.get(name),
            interval_of(draws, fit.parameters[name], level),
            f"meaning.{name}",
        ]
        for name, draws in zip(posterior.names, posterior.draws.T, strict=True)
    ]
    numbers = {"customers": fit.customers, "unit": str(fit.time_unit)}
    return Table("table.parameters.caption", columns, rows, numbers)


def posterior_figure(result: PurchaseResult, level: float) -> Exhibit:
    """What the data leave open about each parameter."""
    fit, posterior = result.primary, result.posterior

    def draw(figure, words):
        shape = (1, 4) if figure.get_figwidth() > 5 else (2, 2)
        return plot_posterior(posterior, fit.parameters, level, words, figure.subplots(*shape))

    columns = [
        Column("column.parameter"),
        *(Column(f"column.{name}", "decimal3") for name in ("low", "median", "high")),
    ]
    ends = [(1 - level) / 2, 0.5, (1 + level) / 2]
    rows = [[name, *np.quantile(draws, ends)] for name, draws in zip(posterior.names, posterior.draws.T, strict=True)]
    numbers = {"level": level, "draws": len(posterior.draws), "effective": posterior.effective_size}
    numbers |= {
        name: interval_of(draws, fit.parameters[name], level)
        for name, draws in zip(posterior.names, posterior.draws.T, strict=True)
    }
    data = Table("figure.posterior.data", columns, rows, {"level": level})
    return Exhibit("posterior", draw, data, numbers, height=1.9, narrow_height=3.2)


def posterior_method(posterior: Posterior) -> Saying:
    """How the draws were made, and whether their number can be relied on."""
    numbers = {"effective": posterior.effective_size, "shape": posterior.pareto_shape}
    if posterior.method == "importance":
        return Saying("purchase.posterior_importance", numbers)
    return Saying("purchase.posterior_sampler", {"effective": posterior.effective_size})


def frequency_fit(summary: CustomerSummary, fit: PurchaseFit) -> Exhibit:
    """Customers by number of repeat orders: observed, and what the fitted model expects."""
    counts = frequency_counts(summary.table["frequency"].to_numpy())
    counts["expected"] = expected_frequencies(fit, summary.table["T_days"].to_numpy())
    columns = [
        Column("column.repeat_orders"),
        Column("column.customers", "integer"),
        Column("column.expected", "integer"),
    ]
    rows = counts[["label", "customers", "expected"]].to_numpy().tolist()
    none, expected = int(counts["customers"].iloc[0]), float(counts["expected"].iloc[0])
    numbers = {"none": none, "expected": expected, "gap": (counts["customers"] - counts["expected"]).abs().max()}
    return Exhibit(
        "frequency_fit", on_axes(plot_frequency, counts), Table("figure.frequency_fit.data", columns, rows), numbers
    )


def expected_frequencies(fit: PurchaseFit, T_days: np.ndarray, last: int = LAST_FREQUENCY) -> np.ndarray:
    """Customers that the model expects at each number of repeat orders, given their ages; from ``last`` on together."""
    model, params = MODELS[fit.model], params_of(fit)
    ages, customers = np.unique(from_days(T_days, fit.time_unit), return_counts=True)
    new = np.zeros(len(ages))
    chances = [model.pmf(params, ages, new, new, new, count) for count in range(last)]
    expected = np.array([np.sum(customers * chance) for chance in chances])
    return np.append(expected, len(T_days) - expected.sum())


def fits_table(result: PurchaseResult) -> Table:
    """The models' log-likelihoods beside what they say about who is alive."""
    columns = [
        Column("column.model", "label"),
        Column("column.log_likelihood", "decimal1"),
        *interval_columns("column.alive", "integer", result.customers_alive[result.primary.model].level),
        Column("column.alive_one_time", "percent1"),
    ]
    rows = [
        [
            name_key(fit.model),
            fit.log_likelihood,
            result.customers_alive.get(fit.model),
            result.customers_alive.get(fit.model),
            result.alive_among_one_time_buyers.get(fit.model),
        ]
        for fit in result.fits
    ]
    return Table("table.fits.caption", columns, rows, {"customers": result.primary.customers})


def left_out(result: PurchaseResult) -> list[Saying]:
    """The challengers that the data do not identify."""
    return [
        Saying("purchase.not_identified", {"model": Saying(name_key(name)), **note.numbers})
        for name, note in result.not_identified.items()
    ]


def assumptions() -> list[Saying]:
    """What all of the purchase models take for granted."""
    return [
        Saying("purchase.assume_poisson"),
        Saying("purchase.assume_leave"),
        Saying("purchase.assume_apart"),
        Saying("purchase.assume_first"),
    ]


def alive_heading(result: PurchaseResult) -> str:
    """Key of the heading over the models' counts of active customers."""
    return "purchase.alive_heading" if apart(result) > CLOSE_SHARE else "purchase.alive_heading_agree"


def apart(result: PurchaseResult) -> float:
    """Distance between the models' counts of active customers, as a share of all customers."""
    low, high = alive_range(result.customers_alive)
    return (high.estimate - low.estimate) / result.primary.customers


def alive_range(alive: Mapping[str, Interval]) -> tuple[Interval, Interval]:
    """The lowest and the highest estimate among the models."""
    ordered = sorted(alive.values(), key=lambda interval: interval.estimate)
    return ordered[0], ordered[-1]


def disagreement(result: PurchaseResult) -> list[Saying]:
    """How far apart the models are on who is alive, how well they fit, and where the difference comes from."""
    if len(result.customers_alive) < 2:
        return [Saying("purchase.alone")]
    low, high = alive_range(result.customers_alive)
    numbers = {"low": low.estimate, "high": high.estimate, "customers": result.primary.customers}
    if apart(result) <= CLOSE_SHARE:
        return [Saying("purchase.agree", numbers), *_fit_sayings(result)]
    return [Saying("purchase.disagree", numbers), *_fit_sayings(result), Saying("purchase.why_disagree")]


def _fit_sayings(result: PurchaseResult) -> list[Saying]:
    best, second, *_ = sorted(result.fits, key=lambda fit: -fit.log_likelihood)
    gap = best.log_likelihood - second.log_likelihood
    names = {"best": Saying(name_key(best.model)), "second": Saying(name_key(second.model))}
    is_clear = gap >= CLEAR_LOG_LIKELIHOOD
    although = is_clear and best.model != result.primary.model
    return [
        Saying("purchase.fit_clear" if is_clear else "purchase.fit_close", {**names, "gap": gap}),
        Saying("purchase.rests_although" if although else "purchase.rests"),
    ]


def alive_figure(result: PurchaseResult) -> Exhibit:
    """Customers alive under each model, and the share of one-time buyers among whom the difference lies."""
    alive, one_time, customers = result.customers_alive, result.alive_among_one_time_buyers, result.primary.customers

    def draw(figure, words):
        wide = figure.get_figwidth() > 5
        left, right = figure.subplots(1, 2) if wide else figure.subplots(2, 1)
        plot_customers_alive(alive, customers, words, left)
        plot_alive_among_one_time_buyers(one_time, words, right)
        if wide:
            right.set_yticklabels([])

    columns = [
        Column("column.model", "label"),
        *interval_columns("column.alive", "integer", result.customers_alive[result.primary.model].level),
        Column("column.alive_one_time", "percent1"),
    ]
    rows = [[name_key(model), interval, interval, one_time.get(model)] for model, interval in alive.items()]
    level = result.customers_alive[result.primary.model].level
    numbers = {"count": _counted(alive), "by": _by_models(alive), "customers": customers, "level": level}
    return Exhibit("alive", draw, Table("figure.alive.data", columns, rows), numbers, height=2.3, narrow_height=4.6)


def _counted(alive: Mapping[str, Interval]) -> Saying:
    low, high = (round(end.estimate) for end in alive_range(alive))
    return Saying("alive.range", {"low": low, "high": high}) if low < high else Saying("alive.about", {"alive": low})


def _by_models(alive: Mapping[str, Interval]) -> str:
    """Whether one model counted, several to the same number, or each to its own."""
    if len(alive) == 1:
        return "one"
    return "same" if _counted(alive).key == "alive.about" else "each"


def silence_figure(summary: CustomerSummary, result: PurchaseResult) -> Exhibit:
    """Chance of being alive against the time since the last order, for customers as old as the median."""
    age = float(np.median(summary.table["T_days"]))
    weeks = np.linspace(0, age / 7, 61)
    curves = {frequency: silence_curves(result, age, frequency) for frequency in SILENCE_FREQUENCIES}

    def draw(figure, words):
        wide = figure.get_figwidth() > 5
        shape = (1, len(curves)) if wide else (len(curves), 1)
        panels = figure.subplots(*shape, sharey=wide)
        for ax, (frequency, frame) in zip(panels, curves.items(), strict=True):
            plot_alive_by_silence(frame, words, ax, labelled=frequency == SILENCE_FREQUENCIES[0])
            ax.set_title(words("axis.p_alive_of", orders=frequency), loc="left")

    half = {frequency: float(frame.iloc[len(weeks) // 2, 1]) for frequency, frame in curves.items()}
    models = [name for name in curves[0] if name != "weeks"]
    columns = [Column("column.repeat_orders", "integer"), Column("column.weeks_since", "integer")]
    columns += [Column(name_key(model), "percent1") for model in models]
    rows = [
        [frequency, row["weeks"], *(row[model] for model in models)]
        for frequency, frame in curves.items()
        for _, row in frame.iloc[::10].iterrows()
    ]
    numbers = {"age": round(age / 7), "weeks": weeks[len(weeks) // 2], "none": half[0], "several": half[4], "orders": 4}
    return Exhibit("silence", draw, Table("figure.silence.data", columns, rows), numbers, height=2.7, narrow_height=7.2)


def silence_curves(result: PurchaseResult, age_days: float, frequency: int) -> pd.DataFrame:
    """P(alive) by weeks since the last order, one column a model.

    A customer with repeat orders is ``age_days`` old; one without has been silent for as long as he is known.
    """
    silent_days = np.linspace(0, age_days, 61)
    frame = pd.DataFrame({"weeks": silent_days / 7})
    for fit in result.fits:
        silent = from_days(silent_days, fit.time_unit)
        age = np.full(61, silent[-1]) if frequency else silent
        x = np.full(61, float(frequency))
        frame[fit.model] = MODELS[fit.model].p_alive(params_of(fit), x, age - silent, age)
    return frame
