"""The readings of the claim side by side: what each is called, and the lift under it by model."""

from __future__ import annotations

import dataclasses

from analysis.claims import Range
from analysis.claims.finding import probability_of
from analysis.data import Note
from analysis.interval import Interval
from analysis.reporting.exhibit import Exhibit, name_key, on_axes
from analysis.reporting.figures import plot_lift_by_horizon, plot_readings
from analysis.reporting.figures.lift import GAP_ROWS, LABEL_ROWS, ReadingRow
from analysis.reporting.tables import Column, Table, interval_columns
from analysis.reporting.words import Saying
from analysis.value.lift import CLAIMED
from analysis.value.readings import SCOPES, Choice
from analysis.value.results import Lift, RetentionLift

VARIED = ("gain_kind", "shift", "scope", "profit", "margins", "keeping", "horizon_years")
SMALLEST_SAID, LARGEST_SAID = 0.01, 0.99
"""Probabilities beyond these are said as "below" and "above": there are a few hundred draws behind them."""


def probability(lift: Lift) -> float | None:
    """Posterior probability that the lift lies in the claimed range; None where there is no lift."""
    return None if lift.lift is None else probability_of(Range(*CLAIMED), lift.draws)


def probability_said(lift: Lift) -> Saying | None:
    chance = probability(lift)
    return None if chance is None else chance_said(chance)


def chance_said(chance: float) -> Saying:
    """A probability from draws in words: what is too near 0 or 1 to tell is said as a limit."""
    if chance < SMALLEST_SAID:
        return Saying("lift.chance_below", {"limit": SMALLEST_SAID})
    if chance > LARGEST_SAID:
        return Saying("lift.chance_above", {"limit": LARGEST_SAID})
    return Saying("lift.chance", {"chance": chance})


def gain_of(choice: Choice) -> Saying:
    """By how much retention rises, in words."""
    return gain_said(choice.gain_kind, choice.gain)


def gain_said(kind: str, gain: float) -> Saying:
    return Saying(f"gain.{kind}", {"gain": 100 * gain})


def readings_figure(lift: RetentionLift | Note) -> Exhibit | None:
    """The lift of the named reading and of each that differs in one choice, by model; None where there is none."""
    rows = [] if isinstance(lift, Note) else _rows(lift)
    if not rows:
        return None
    every = [(each.estimate, row) for row in rows for each in row.lifts.values()]
    (low, lowest), (high, highest) = (pick(every, key=lambda pair: pair[0]) for pick in (min, max))
    inside = sum(CLAIMED[0] <= estimate <= CLAIMED[1] for estimate, _ in every)
    numbers = {
        "low": low,
        "lowest": lowest.label,
        "high": high,
        "highest": highest.label,
        "named": "no" if rows[0].group else "yes",
        "inside": inside,
        "all": len(every),
        "level": level_of(lift),
        "claimed_low": CLAIMED[0],
        "claimed_high": CLAIMED[1],
    }
    models = len(lift.models)
    wide, narrow = (1.1 + len(rows) * (models + gap) * 0.115 for gap in (GAP_ROWS, LABEL_ROWS))
    return Exhibit("readings", on_axes(plot_readings, rows, CLAIMED), _row_table(lift, rows), numbers, wide, narrow)


def _rows(lift: RetentionLift) -> list[ReadingRow]:
    """The named reading and those that differ in one choice, by choice; readings without any lift are left out."""
    found = []
    for choice in lift.choices:
        differing = differences(choice, lift.named)
        lifts = {each.model: each.lift for each in lift.lifts if each.choice == choice and each.lift}
        if len(differing) < 2 and lifts:
            group = f"varied.{differing[0]}" if differing else None
            found.append(ReadingRow(group, reading_label(choice, lift.named), lifts))
    order = {None: -1} | {f"varied.{name}": place for place, name in enumerate(VARIED)}
    return sorted(found, key=lambda row: order[row.group])


def _row_table(lift: RetentionLift, rows: list[ReadingRow]) -> Table:
    columns = [Column("column.reading", "label")]
    for model in lift.models:
        columns += interval_columns(name_key(model), "percent", level_of(lift))
    cells = [[row.label, *(row.lifts.get(model) for model in lift.models for _ in range(2))] for row in rows]
    return Table("figure.readings.data", columns, cells)


def horizon_figure(lift: RetentionLift | Note) -> Exhibit | None:
    """The lift of every scope by horizon; None where there is none."""
    if isinstance(lift, Note):
        return None
    scopes = {scope: of_scope for scope in SCOPES if (of_scope := _by_horizon(lift, scope))}
    if not scopes:
        return None
    every = [each for of_scope in scopes.values() for of_model in of_scope.values() for _, each in of_model]
    top = max(1.0, max(each.upper for each in every) * 1.05)
    years = sorted({each.choice.horizon_years for each in lift.lifts})

    def draw(figure, words):
        shape = (1, len(scopes)) if figure.get_figwidth() > 5 else (len(scopes), 1)
        panels = figure.subplots(*shape, sharey=True, squeeze=False).ravel()
        for ax, (scope, lifts) in zip(panels, scopes.items(), strict=True):
            plot_lift_by_horizon(lifts, years, CLAIMED, f"reading.scope.{scope}", words, ax, top=top)

    columns = [Column("column.scope", "label"), Column("column.horizon", "years"), Column("column.model", "label")]
    columns += interval_columns("column.lift", "percent", level_of(lift))
    rows = [
        [f"reading.scope.{scope}", horizon, name_key(model), each, each]
        for scope, of_scope in scopes.items()
        for model, of_model in of_scope.items()
        for horizon, each in of_model
    ]
    numbers = {
        "low": min(each.estimate for each in every),
        "high": max(each.estimate for each in every),
        "scopes": len(scopes),
        "level": level_of(lift),
        "claimed_low": CLAIMED[0],
        "claimed_high": CLAIMED[1],
    }
    table = Table("figure.lift_horizons.data", columns, rows)
    return Exhibit("lift_horizons", draw, table, numbers, height=2.9, narrow_height=2.3 * len(scopes))


def _by_horizon(lift: RetentionLift, scope: str) -> dict[str, list[tuple[float, Interval]]]:
    found: dict[str, list[tuple[float, Interval]]] = {}
    for each in lift.lifts:
        others = set(differences(each.choice, lift.named)) - {"scope", "horizon_years"}
        if each.choice.scope == scope and each.lift and not others:
            found.setdefault(each.model, []).append((each.choice.horizon_years, each.lift))
    return {model: sorted(pairs, key=lambda pair: pair[0]) for model, pairs in found.items()}


def readings_table(lift: RetentionLift | Note) -> Table | None:
    """Every reading under every model; None where none has a number."""
    if isinstance(lift, Note) or (level := level_of(lift)) is None:
        return None
    columns = [
        Column("column.reading", "label"),
        Column("column.model", "label"),
        Column("column.retention_before", "estimate percent1"),
        Column("column.retention_after", "estimate percent1"),
        *interval_columns("column.lift", "percent", level),
        Column("column.in_claimed_range", "phrase", {"low": CLAIMED[0], "high": CLAIMED[1]}),
        *interval_columns("column.gain", "money", level),
        *interval_columns("column.break_even", "money", level),
    ]
    shown = [each for each in lift.lifts if each.retention_before is not None]
    rows = [
        [
            *(reading_label(each.choice, lift.named), name_key(each.model)),
            *(each.retention_before, each.retention_after),
            *(each.lift, each.lift, probability_said(each)),
            *(each.gain, each.gain, each.break_even_cost, each.break_even_cost),
        ]
        for each in shown
    ]
    return Table("table.readings.caption", columns, rows, {"readings": len({each.choice for each in shown})})


def differences(choice: Choice, named: Choice) -> list[str]:
    """The names of the choices in which a reading differs from the named one."""
    names = [field.name for field in dataclasses.fields(choice)]
    return [name for name in names if getattr(choice, name) != getattr(named, name)]


def reading_label(choice: Choice, named: Choice) -> Saying:
    """What a reading is called: by what differs from the named one."""
    differing = differences(choice, named)
    if not differing:
        return Saying("reading.named")
    labels = [_label(choice, name) for name in differing]
    if len(labels) == 1:
        return labels[0]
    return Saying("reading.both", {"one": labels[0], "other": labels[1]})


def _label(choice: Choice, name: str) -> Saying:
    if name == "horizon_years":
        return Saying("reading.horizon", {"horizon": choice.horizon_years})
    if name == "gain_kind":
        return Saying(f"reading.gain_kind.{choice.gain_kind}", {"gain": 100 * choice.gain})
    return Saying(f"reading.{name}.{getattr(choice, name)}")


def level_of(lift: RetentionLift) -> float | None:
    """The level of all intervals; None where no reading has one."""
    shown = (each for each in lift.lifts if each.profit_before is not None)
    return next((each.profit_before.level for each in shown), None)
