"""Pictures of what more retention does to profit: by reading of the claim, by horizon, and by assumption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from analysis.interval import Interval
from analysis.reporting.exhibit import name_key
from analysis.reporting.style import (
    GREY,
    INK,
    MUTED,
    PALE,
    RULE,
    few_ticks,
    format_ticks,
    is_narrow,
    key_above,
    name_axes,
    own_axes,
    stroke_of,
    text_above,
)  # fmt: skip
from analysis.reporting.words import Saying, Words

BAND = 0.3
"""Opacity of the ground on which the claim holds."""
GAP_ROWS, LABEL_ROWS = 0.9, 1.9
"""Room around the marks of a reading, without and with its name above them, in rows of marks."""
ROOM_FOR_GROUPS = 1.22
"""Width of the axis over that of the marks, where the names of the choices stand beside them."""


@dataclass(frozen=True)
class ReadingRow:
    """One reading of the claim as a row of a picture.

    Attributes
    ----------
    group
        Key of the choice that it varies; None for the named reading.
    label
        What it is called.
    lifts
        Model -> lift, without the models under which there is none.
    """

    group: str | None
    label: Saying
    lifts: Mapping[str, Interval]


@dataclass(frozen=True)
class Span:
    """By how much one choice moves the lift.

    Attributes
    ----------
    label
        Key of the choice.
    by_model
        Model -> (lowest, named, highest) estimate over its options; the key None where the choice is the model itself.
    """

    label: str
    by_model: Mapping[str | None, tuple[float, float, float]]

    @property
    def width(self) -> float:
        return max(high - low for low, _, high in self.by_model.values())


def plot_readings(
    rows: Sequence[ReadingRow], claimed: tuple[float, float], words: Words, ax: Axes | None = None
) -> Axes:
    """The lift under each reading and each model, with intervals, on the ground of the claimed range."""
    ax = own_axes(ax, size=(7.2, 7))
    models = list(dict.fromkeys(model for row in rows for model in row.lifts))
    above = is_narrow(ax)
    height = len(models) + (LABEL_ROWS if above else GAP_ROWS)
    top, ticks, entries, group = 0.0, [], {}, None
    for row in rows:
        if row.group != group:
            group = row.group
            ax.axhline(top, color=RULE, linewidth=0.8)
            ax.text(0.995, top - 0.7, words(group), ha="right", va="center", color=MUTED, fontsize=8,
                    transform=ax.get_yaxis_transform())  # fmt: skip
        name, color = words.format("phrase", row.label), INK if row.group is None else MUTED
        if above:
            ax.text(0, top - 0.7, name, va="center", color=color, fontsize=8, transform=ax.get_yaxis_transform())
        for place, model in enumerate(models):
            if model in row.lifts:
                y = top - height + len(models) - place - 0.05
                entries[model] = _dot(ax, row.lifts[model], y, model)
                if row.group is None:
                    ax.annotate(words.formats.percent(row.lifts[model].estimate), (row.lifts[model].upper, y),
                                xytext=(5, 0), textcoords="offset points", va="center", fontsize=8,
                                color=stroke_of(model).color)  # fmt: skip
        ticks.append((top - height / 2, name))
        top -= height
    _claimed_ground(ax, claimed, [each for row in rows for each in row.lifts.values()], words)
    ax.set_ylim(top, 0)
    ax.set_yticks([] if above else [at for at, _ in ticks], [] if above else [name for _, name in ticks])
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    _round_shares(ax, 5 if above else 10)
    format_ticks(ax, x=words.formats.percent)
    low, high = ax.get_xlim()
    middle = ((claimed[0] + claimed[1]) / 2 - low) / (high - low)
    lines = text_above(ax, words("legend.claimed", low=claimed[0], high=claimed[1]), MUTED, center=middle)
    ax.figure.legend([entries[model] for model in entries], [words(name_key(model)) for model in entries],
                     loc="outside upper left", ncols=len(entries), frameon=False, handletextpad=0.4,
                     columnspacing=1.4, borderpad=0.2)  # fmt: skip
    return name_axes(ax, x=words("axis.lift"), y="", lines_between=lines)


def _round_shares(ax: Axes, most: int) -> None:
    """Ticks at round shares such as 10% or 25%."""
    ax.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))


def _dot(ax: Axes, interval: Interval, y: float, model: str):
    stroke = stroke_of(model)
    ax.plot([interval.lower, interval.upper], [y, y], color=stroke.color, linewidth=4, alpha=0.4,
            solid_capstyle="butt")  # fmt: skip
    (mark,) = ax.plot(interval.estimate, y, stroke.marker, color=stroke.color, markersize=5, linestyle="none")
    return mark


def _claimed_ground(ax: Axes, claimed: tuple[float, float], shown: Sequence[Interval], words: Words) -> None:
    lowest, highest = min(each.lower for each in shown), max(each.upper for each in shown)
    ax.axvspan(*claimed, color=PALE, alpha=BAND, linewidth=0)
    room = 1.06 if is_narrow(ax) else ROOM_FOR_GROUPS
    ax.set_xlim(min(0.0, lowest * 1.1), room * max(1.0, highest))
    ax.axvline(0, color=GREY, linewidth=0.8)


def plot_lift_by_horizon(
    lifts: Mapping[str, Sequence[tuple[float, Interval]]],
    years: Sequence[float],
    claimed: tuple[float, float],
    title: str,
    words: Words,
    ax: Axes | None = None,
    *,
    top: float = 1.0,
) -> Axes:
    """The lift by horizon under each model, for one scope; the ground is the claimed range.

    Parameters
    ----------
    lifts
        Model -> (years, lift) for each horizon that has one.
    years
        All horizons of the axis.
    top
        Upper end of the axis.
    """
    ax = own_axes(ax)
    years = list(years)
    ax.axhspan(*claimed, color=PALE, alpha=BAND, linewidth=0)
    for place, (model, by_horizon) in enumerate(lifts.items()):
        stroke, shift = stroke_of(model), (place - (len(lifts) - 1) / 2) * 0.16
        at = [years.index(horizon) + shift for horizon, _ in by_horizon]
        estimates = [lift.estimate for _, lift in by_horizon]
        ax.plot(at, estimates, color=stroke.color, linestyle=stroke.dash, linewidth=stroke.width)
        ax.plot(at, estimates, stroke.marker, color=stroke.color, markersize=5, markeredgecolor="white")
        ax.vlines(at, [lift.lower for _, lift in by_horizon], [lift.upper for _, lift in by_horizon],
                  color=stroke.color, linewidth=4, alpha=0.35)  # fmt: skip
    ax.set_xticks(range(len(years)), [words.formats.number(horizon) for horizon in years])
    lowest = min(lift.lower for by_horizon in lifts.values() for _, lift in by_horizon)
    ax.set(xlim=(-0.5, len(years) - 0.5), ylim=(min(0.0, lowest * 1.1), top))
    format_ticks(ax, y=words.formats.percent)
    few_ticks(ax, y=5)
    return name_axes(ax, x=words("axis.horizon"), y=words(title))


def plot_tornado(spans: Sequence[Span], claimed: tuple[float, float], words: Words, ax: Axes | None = None) -> Axes:
    """From the lowest to the highest estimate over the options of each choice; the mark is the named reading."""
    ax = own_axes(ax)
    above = is_narrow(ax)
    models = list(dict.fromkeys(model for span in spans for model in span.by_model if model))
    height = len(models) + (LABEL_ROWS if above else GAP_ROWS)
    top, ticks, entries = 0.0, [], {}
    for span in spans:
        ax.axhline(top, color=RULE, linewidth=0.8)
        if above:
            ax.text(0, top - 0.7, words(span.label), va="center", color=INK, fontsize=8,
                    transform=ax.get_yaxis_transform())  # fmt: skip
        for model, (low, named, high) in span.by_model.items():
            place = models.index(model) if model else (len(models) - 1) / 2
            y, stroke = top - height + len(models) - place - 0.05, stroke_of(model or "")
            ax.plot([low, high], [y, y], color=stroke.color, linewidth=7, alpha=0.45, solid_capstyle="butt")
            marker = stroke.marker if model else "|"
            (mark,) = ax.plot(named, y, marker, color=stroke.color, markersize=5, linestyle="none")
            if model:
                entries[model] = mark
        ticks.append((top - height / 2, words(span.label)))
        top -= height
    highest = max(high for span in spans for _, _, high in span.by_model.values())
    lowest = min(low for span in spans for low, _, _ in span.by_model.values())
    ax.axvspan(*claimed, color=PALE, alpha=BAND, linewidth=0)
    reach = max(highest, claimed[0]) * 1.15
    ax.set(xlim=(min(0.0, lowest * 1.1), reach), ylim=(top, 0))
    ax.set_yticks([] if above else [at for at, _ in ticks], [] if above else [name for _, name in ticks])
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    _round_shares(ax, 5 if above else 8)
    format_ticks(ax, x=words.formats.percent)
    key_above(ax, [(entries[model], words(name_key(model))) for model in models])
    return name_axes(ax, x=words("axis.lift"))
