"""Made-up retention and lift, in the shapes that the value room hands on and with numbers near CDNOW's."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
from tests.reporting.fakes import END, PARAMETERS, START, interval

from analysis.config import Config
from analysis.data import Note
from analysis.interval import Interval
from analysis.value.cohorts import Cohort, Cohorts
from analysis.value.firm import FirmFlow, FirmYear
from analysis.value.landscape import Landscape, LiftCurve
from analysis.value.period_rates import PeriodRate, PeriodRates
from analysis.value.readings import Choice, named_choice, readings_that_matter
from analysis.value.results import Lift, RetentionLift
from analysis.value.retention import ModelRetention, RetentionByYear
from analysis.value.spend_growth import SpendGrowth, TenurePeriod
from analysis.value.what_if import Offered, Setting, WhatIf
from analysis.value.what_if_streams import Quantity, ReducedStreams

FIRST_YEAR = {"BG/NBD": 0.82, "MBG/NBD": 0.44, "Pareto/NBD": 0.48}
LIFTS = {"BG/NBD": 0.21, "MBG/NBD": 0.12, "Pareto/NBD": 0.07}
UNCLEAR, ALL = Interval(0.06, -0.01, 0.13, 0.9), Interval(1.0, 1.0, 1.0, 0.9)
BIRTHS_UNKNOWN = Note(
    "retention.reason.births_unknown", {"customers": 1946, "share": 0.79, "next_customers": 200, "days": 28}
)
TOO_SHORT = Note(
    "retention.reason.too_short_for_a_year", {"days_needed": 545, "days_there": 273, "window_days": 180, "months": 12}
)


def config(**economics) -> Config:
    return Config(name="shop", data={"transactions": {"sample": "cdnow"}}, economics=economics)


def period_rate(window_days: int = 180, *, months: int = 12, births: bool = True, shared_days: int = 0) -> PeriodRate:
    return PeriodRate(
        start=dt.date(1997, 6, 30),
        end=END,
        months=months,
        window_days=window_days,
        at_start=2347,
        at_end=514,
        kept=512,
        new=0 if births else None,
        new_and_gone=0 if births else None,
        reactivated=2 if births else None,
        kept_share=Interval(0.22, 0.20, 0.23, 0.9),
        rate=Interval(0.22, 0.21, 0.24, 0.9) if births else None,
        shared_days=shared_days,
    )


def periods(*, births: bool = True, months: int = 12, shared_days: int = 0) -> PeriodRates:
    rate = period_rate(months=months, births=births, shared_days=shared_days)
    windows = tuple(period_rate(days, months=months, births=births) for days in (30, 90))
    reasons = {} if months == 12 else {12: TOO_SHORT}
    return PeriodRates(180, {months: (rate,)}, reasons, (*windows, rate), None if births else BIRTHS_UNKNOWN)


def cohorts(count: int = 3, longest: int = 16) -> Cohorts:
    complete = [max(1, longest - place // 2) for place in range(count)]
    ages = np.arange(1, longest + 1)
    share = np.where(ages[None] <= np.array(complete)[:, None], 0.18 / ages[None] ** 0.4, np.nan)
    rows = tuple(
        Cohort(
            dt.date(1997 + place // 12, 1 + place % 12, 1), dt.date(1997 + place // 12, 1 + place % 12, 28), 700, whole
        )
        for place, whole in enumerate(complete)
    )
    note = Note("retention.note.one_cohort", {"start": START, "end": START, "customers": 700})
    average = tuple(Interval(each, each * 0.9, each * 1.1, 0.9) for each in 0.18 / ages**0.4)
    people = np.full(longest, 700 * count)
    return Cohorts(
        "month", 30.4375, rows, share * 700, share, None, None, average, people, () if count > 1 else (note,)
    )


def by_year(first: float) -> RetentionByYear:
    rates = tuple(interval(1 - (1 - first) / year**1.5, 0.02) for year in range(1, 6))
    return RetentionByYear(rates, rates, interval(0.46))


def retention(
    *, models: tuple[str, ...] = tuple(PARAMETERS), oldest: float = 1.49, same: bool = False
) -> ModelRetention:
    new = {model: by_year(0.97 if same else FIRST_YEAR[model]) for model in models}
    base = {model: by_year(0.9) for model in models}
    return ModelRetention(
        new_customers=new,
        base=base,
        base_repeaters=base,
        base_one_time=base,
        alive_repeaters={model: interval(600) for model in models},
        alive_one_time={model: interval(400) for model in models},
        oldest_age_years=oldest,
    )


def growth(*, same: Interval | None = UNCLEAR) -> SpendGrowth:
    found = tuple(
        TenurePeriod(
            period=number,
            customers=2357,
            survivors=400,
            survivors_ratio=interval(1.2),
            growth=interval(0.77),
            selection=interval(1.55),
            all_ratio=interval(0.2),
            all_repeat=interval(0.5),
        )
        for number in (2, 3, 4)
    )
    few = Note("retention.reason.too_few_repeat_customers", {"customers": 12, "customers_needed": 30})
    return SpendGrowth(91, found, same, None if same else few, 642, 3677, interval(1.0), 2357)


def one_lift(choice: Choice, model: str, estimate: float, *, reason: str | None = None) -> Lift:
    draws = np.random.default_rng(6).normal(estimate, 0.01, 400)
    first = FIRST_YEAR[model]
    shown = {"profit_before": interval(40.0), "retention_before": interval(first, 0.02)}
    shown |= {
        "gain": interval(40 * estimate) if estimate else Interval(0.0, 0.0, 0.0, 0.9),
        "retention_after": interval(first + 0.05, 0.02),
        "break_even_cost": interval(3.0),
    }
    if reason in ("lift.reason.no_new_customers", "lift.reason.no_growth"):
        shown = dict.fromkeys(shown)
    if reason == "lift.reason.cannot_rise":
        shown |= dict.fromkeys(("gain", "retention_after", "break_even_cost"))
    return Lift(
        choice=choice,
        model=model,
        lift=None if reason else Interval.around(estimate, draws, 0.9),
        p_in_range=float("nan") if reason else float(np.mean((draws >= 0.25) & (draws <= 0.95))),
        p_above=0.0,
        p_below=0.0,
        p_unprofitable=0.0,
        reason=reason,
        draws=np.empty(0) if reason else draws,
        **shown,
    )


def lift(
    settings: Config | None = None,
    *,
    estimates: dict[str, float] | None = None,
    reasons: dict[str, str] | None = None,
    joining: float | None = None,
) -> RetentionLift:
    """The readings that matter; each differs from the named one by a few points.

    ``reasons``: model -> why it has no lift under the named reading.
    """
    settings, estimates, reasons = settings or config(), estimates or LIFTS, reasons or {}
    choices = tuple(readings_that_matter(settings))
    named, found = named_choice(settings), []
    for place, choice in enumerate(choices):
        for model, estimate in estimates.items():
            why = reasons.get(model) if choice == named else None
            if choice.scope == "firm" and not joining:
                why = "lift.reason.no_new_customers"
            found.append(one_lift(choice, model, estimate * (1 + 0.05 * place), reason=why))
    return RetentionLift(named, tuple(found), tuple(estimates), joining, interval(0.06))


def what_if(settings: Config | None = None, *, models: tuple[str, ...] = tuple(PARAMETERS)) -> WhatIf:
    """One direction in which draws differ; winning a customer costs what the configuration says."""
    settings = settings or config()
    named, economics = named_choice(settings), settings.economics
    start = Setting(economics.gross_margin, economics.annual_discount_rate, named.horizon_years, named.gain)
    times = np.append(0.0, np.arange(40) / 4 + 1 / 8)
    value = np.append(35.0, 9 * np.exp(-times[1:] / 2))
    money = np.array([value, 0.05 * value * times / (1 + times), 0.12 * value * times / (1 + times)])[:, None]
    quantities = [Quantity(is_cost=False, joining=False)]
    if economics.acquisition_cost:
        quantities.append(Quantity(is_cost=True, joining=False))
        cost = np.where(times == 0, economics.acquisition_cost, 0.0)
        money = np.concatenate([money, np.array([cost, 0 * cost, 0 * cost])[:, None]], axis=1)
    tilt = money * np.where(np.arange(3) == 0, 0.02, 0.05)[:, None, None]
    draws = np.random.default_rng(8).normal(size=(200, 1))
    return WhatIf(
        choice=named,
        start=start,
        offered=Offered(
            tuple(step / 20 for step in range(1, 21)),
            (0.0, 0.05, 0.1, 0.2, 0.3),
            (1.0, 2.0, 3.0, 5.0, 10.0),
            (0.0, 0.025, 0.05, 0.075, 0.1, 0.125),
        ),
        level=0.9,
        times=times,
        quantities=tuple(quantities),
        by_model={
            model: ReducedStreams(np.array([money, tilt]) * (1 - place / 4), draws, (0.05, 0.1), 0.125 - place / 40)
            for place, model in enumerate(models)
        },
        largest_error=0.0051,
        compared=257,
    )


def landscape(*, net_share: Interval | None = ALL, models: tuple[str, ...] = tuple(PARAMETERS)):
    rates = np.round(np.arange(0.02, 0.95, 0.01), 2)

    def curve(model: str, rate: float, years: float, *, with_interval: bool = False) -> LiftCurve:
        lifts = np.where(rates < 0.4, np.nan, 0.05 * years**0.5 * (1 - rate) / (1.05 - rates) ** 0.3)
        ends = (lifts * 0.9, lifts * 1.1) if with_interval else (None, None)
        return LiftCurve(model, rate, years, rates, lifts, *ends)

    return Landscape(
        curves=tuple(curve(model, 0.1, 3.0, with_interval=True) for model in models),
        panels=tuple(curve(models[0], rate, years) for rate in (0.05, 0.1, 0.2) for years in (1.0, 3.0, 5.0, 10.0)),
        retention={model: interval(FIRST_YEAR[model], 0.02) for model in models},
        net_share=dict.fromkeys(models, net_share),
    )


def firm(*, rises: bool = True) -> tuple[FirmFlow, ...]:
    years = tuple(FirmYear(year, 1000.0 * year, 1500.0, 500.0, 1000.0 * year + 1000) for year in range(1, 6))
    after = tuple(dataclasses.replace(year, end=year.end * 1.1) for year in years) if rises else ()
    return tuple(FirmFlow(model, years, after) for model in PARAMETERS)
