"""What notebook 04 shows of how many customers stay: counted by period and cohort, and as each model sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from analysis.data import Note
from analysis.interval import Interval
from analysis.reporting.exhibit import Exhibit, name_key, on_axes
from analysis.reporting.figures import plot_cohorts, plot_retention_by_year, plot_windows
from analysis.reporting.tables import Column, Table, interval_columns
from analysis.reporting.words import Saying
from analysis.timeunits import DAYS_PER_YEAR
from analysis.value.cohorts import Cohorts
from analysis.value.period_rates import PeriodRate, PeriodRates
from analysis.value.retention import ModelRetention, RetentionByYear

CLOSE_POINTS = 0.05
"""Models whose first-year retentions lie no farther apart than this are said to agree."""


def period_sayings(periods: PeriodRates | Note) -> list[Saying | Note]:
    """The articles' rate of the latest period and how it came about, or why there is none."""
    if isinstance(periods, Note):
        return [periods]
    latest = periods.latest
    common = {"months": latest.months, "start": latest.start, "end": latest.end}
    kept = {"at_start": latest.at_start, "kept": latest.kept, "share": latest.kept_share, "window": latest.window_days}
    sayings: list[Saying | Note] = [Saying("retention.period_kept", {**common, **kept})]
    if latest.rate is None:
        return [*sayings, Saying("retention.period_no_formula"), *_missing_lengths(periods)]
    numbers = {"at_end": latest.at_end, "new": latest.new, "at_start": latest.at_start, "rate": latest.rate}
    if latest.reactivated:
        sayings.append(Saying("retention.period_formula", {**numbers, "reactivated": latest.reactivated}))
    else:
        sayings.append(Saying("retention.period_formula_same", numbers))
    if latest.shared_days:
        sayings.append(Saying("retention.period_overlap", {"days": latest.shared_days}))
    return [*sayings, *_missing_lengths(periods)]


def _missing_lengths(periods: PeriodRates) -> list[Note]:
    """Why there is no rate for a whole year; what is missing for shorter periods follows from it."""
    return [periods.reasons[12]] if 12 in periods.reasons else []


def window_figure(periods: PeriodRates | Note) -> Exhibit | None:
    """The latest period under several windows of activity; None where there is no rate."""
    if isinstance(periods, Note):
        return None
    rates = periods.by_window
    estimates = [rate.kept_share.estimate for rate in rates]
    numbers = {
        "low": min(estimates),
        "high": max(estimates),
        "start": rates[0].start,
        "end": rates[0].end,
        "level": rates[0].kept_share.level,
        "windows": len(rates),
        "grey": sum(rate.shared_days > 0 for rate in rates),
    }
    height = 1.3 + 0.55 * len(rates)
    return Exhibit(
        "retention_windows", on_axes(plot_windows, rates), _rate_table("figure.retention_windows.data", rates), numbers,
        height=height, narrow_height=height + 0.3,
    )  # fmt: skip


def period_table(periods: PeriodRates | Note) -> Table | None:
    """Every period of every length, oldest first."""
    if isinstance(periods, Note):
        return None
    return _rate_table("table.periods.caption", [rate for rates in periods.by_months.values() for rate in rates])


def _rate_table(caption: str, rates: Iterable[PeriodRate]) -> Table:
    rates = list(rates)
    level = rates[0].kept_share.level
    columns = [
        Column("column.period", "label"),
        Column("column.window_days", "integer"),
        Column("column.at_start", "integer"),
        Column("column.kept", "integer"),
        Column("column.reactivated", "integer"),
        *interval_columns("column.kept_share", "percent", level),
        *interval_columns("column.period_rate", "percent", level),
        Column("column.windows_share_days", "integer"),
    ]
    rows = [
        [
            Saying("retention.from_to", {"start": rate.start, "end": rate.end}),
            rate.window_days,
            rate.at_start,
            rate.kept,
            rate.reactivated,
            rate.kept_share,
            rate.kept_share,
            rate.rate,
            rate.rate,
            rate.shared_days,
        ]
        for rate in rates
    ]
    return Table(caption, columns, rows)


def cohort_sayings(cohorts: Cohorts | Note) -> list[Saying | Note]:
    """How to read the triangle, or why there is none."""
    if isinstance(cohorts, Note):
        return [cohorts]
    return [Saying("retention.cohorts_intro", {"unit": cohorts.unit}), *cohorts.notes]


def cohort_figure(cohorts: Cohorts | Note) -> Exhibit | None:
    """The heat map of cohorts; None where cohorts cannot be told."""
    if isinstance(cohorts, Note):
        return None
    average = cohorts.average
    columns = [
        Column("column.cohort", "label"),
        Column("column.customers", "integer"),
        *(Column("column.period_number", "percent", {"number": number + 1}) for number in range(len(average))),
    ]
    rows = [
        [Saying("retention.from_to", {"start": cohort.start, "end": cohort.end}), cohort.customers, *shares]
        for cohort, shares in zip(cohorts.cohorts, cohorts.share.tolist(), strict=True)
    ]
    customers = sum(cohort.customers for cohort in cohorts.cohorts)
    rows.append(["legend.all_cohorts", customers, *(each.estimate for each in average)])
    numbers = {
        "cohorts": len(cohorts.cohorts),
        "customers": customers,
        "unit": cohorts.unit,
        "first": average[0],
        "last": average[-1],
        "periods": len(average),
    }
    height = 1.3 + 0.27 * (len(cohorts.cohorts) + 1)
    return Exhibit(
        "cohorts", on_axes(plot_cohorts, cohorts), Table("figure.cohorts.data", columns, rows), numbers,
        height=height, narrow_height=height + 0.5,
    )  # fmt: skip


def model_sayings(retention: ModelRetention) -> list[Saying]:
    """What the models say of a new customer's first year and of the coming year of today's customers."""
    low, high = _ends(retention.new_customers)
    base_low, base_high = _ends(retention.base)
    if len(retention.models) == 1:
        return [Saying("retention.one_model", {"new": low[1], "base": base_low[1], "model": Saying(name_key(low[0]))})]
    numbers = {"low": low[1], "low_model": Saying(name_key(low[0])), "high": high[1], "models": len(retention.models)}
    apart = high[1].estimate - low[1].estimate
    first = Saying(
        "retention.models_agree" if apart <= CLOSE_POINTS else "retention.models_disagree",
        {**numbers, "high_model": Saying(name_key(high[0]))},
    )
    return [first, Saying("retention.models_base", {"low": base_low[1], "high": base_high[1]})]


def cautions(retention: ModelRetention, cohorts: Cohorts | Note) -> list[Saying]:
    """What keeps these rates from being taken at their word."""
    found = []
    if isinstance(cohorts, Note) and cohorts.key == "retention.reason.births_unknown":
        found.append(Saying("retention.births_caution"))
    if not retention.reaches_a_year:
        found.append(Saying("retention.year_caution", {"days": round(retention.oldest_age_years * DAYS_PER_YEAR)}))
    return found


def _ends(group: Mapping[str, RetentionByYear]) -> tuple[tuple[str, Interval], tuple[str, Interval]]:
    """The models with the lowest and the highest first-year retention."""
    rates = sorted(((model, each.rates[0]) for model, each in group.items()), key=lambda pair: pair[1].estimate)
    return rates[0], rates[-1]


def yearly_figure(retention: ModelRetention) -> Exhibit:
    """Retention by year of new customers and of today's, under every model."""
    groups = {"group.new_customers": retention.new_customers, "group.base": retention.base}
    rates = {key: {model: each.rates for model, each in group.items()} for key, group in groups.items()}

    def draw(figure, words):
        wide = figure.get_figwidth() > 5
        panels = figure.subplots(1, 2) if wide else figure.subplots(2, 1)
        for ax, (key, of_group) in zip(panels, rates.items(), strict=True):
            plot_retention_by_year(of_group, retention.oldest_age_years, key, words, ax)

    level = _ends(retention.new_customers)[0][1].level
    columns = [Column("column.group", "label"), Column("column.year", "integer")]
    for model in retention.models:
        columns += interval_columns(name_key(model), "percent", level)
    rows = [
        [key, year + 1, *(each for model in retention.models for each in [of_group[model][year]] * 2)]
        for key, of_group in rates.items()
        for year in range(len(next(iter(of_group.values()))))
    ]
    low, high = _ends(retention.new_customers)
    numbers = {
        "low": low[1].estimate,
        "high": high[1].estimate,
        "level": level,
        "years": len(next(iter(rates["group.new_customers"].values()))),
        "fifth_low": min(each[-1].estimate for each in rates["group.new_customers"].values()),
        "fifth_high": max(each[-1].estimate for each in rates["group.new_customers"].values()),
    }
    table = Table("figure.retention_by_year.data", columns, rows)
    return Exhibit("retention_by_year", draw, table, numbers, height=3.1, narrow_height=5.4)


def split_table(retention: ModelRetention) -> Table:
    """Today's customers by whether they ever came back: how many there are, and how many are there in a year."""
    level = retention.alive_repeaters[retention.models[0]].level
    columns = [
        Column("column.model", "label"),
        Column("column.came_back", "label"),
        *interval_columns("column.alive", "integer", level),
        *interval_columns("column.retention_next_year", "percent", level),
    ]
    parts = (
        ("group.repeaters", retention.alive_repeaters, retention.base_repeaters),
        ("group.one_time", retention.alive_one_time, retention.base_one_time),
    )
    rows = []
    for model in retention.models:
        for key, alive, rates in parts:
            rate = rates[model].rates[0] if model in rates else None
            rows.append([name_key(model), key, alive[model], alive[model], rate, rate])
    return Table("table.retention_split.caption", columns, rows)


def weighted_table(retention: ModelRetention) -> Table:
    """First-year retention counted by customers, beside the same weighted by orders."""
    level = _ends(retention.new_customers)[0][1].level
    columns = [Column("column.group", "label"), Column("column.model", "label")]
    columns += interval_columns("column.retention_customers", "percent", level)
    columns += interval_columns("column.retention_orders", "percent", level)
    rows = [
        [key, name_key(model), *[each.rates[0]] * 2, *[each.weighted_by_orders] * 2]
        for key, group in (("group.new_customers", retention.new_customers), ("group.base", retention.base))
        for model, each in group.items()
    ]
    return Table("table.retention_weighted.caption", columns, rows)


def why_rates_disagree(retention: ModelRetention) -> list[Saying]:
    """Where the rates differ and why: late or gone, one-time buyers, and what weighting by orders changes."""
    sayings = [Saying("retention.late_or_gone")]
    if "BG/NBD" in retention.alive_one_time:
        once, back = (each["BG/NBD"].estimate for each in (retention.alive_one_time, retention.alive_repeaters))
        sayings.append(Saying("retention.one_time_cannot_leave", {"once": once, "alive": once + back}))
    by_customers = [each.rates[0].estimate for each in retention.new_customers.values()]
    if np.ptp(by_customers) <= CLOSE_POINTS:
        return sayings
    by_orders = [each.weighted_by_orders.estimate for each in retention.new_customers.values()]
    closer = np.ptp(by_orders) < np.ptp(by_customers) / 2
    numbers = {"low": min(by_orders), "high": max(by_orders), "from": min(by_customers), "to": max(by_customers)}
    return [*sayings, Saying("retention.orders_agree" if closer else "retention.orders_differ_too", numbers)]
