"""Pictures of loyalty strategies: what each earns, when, where being better beats a promotion, and what decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.interval import Interval
from analysis.reporting.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    Stroke,
    few_ticks,
    format_ticks,
    is_narrow,
    label_ends,
    name_axes,
    own_axes,
)  # fmt: skip
from analysis.reporting.words import Saying, Words

STROKES = (
    Stroke(BLUE, "solid", "o", 2.2),
    Stroke(ORANGE, (0, (4, 3)), "s", 1.7),
    Stroke(GREEN, (0, (1.2, 2.4)), "D", 1.7),
    Stroke(GREY, (0, (3, 1, 1, 1)), "v", 1.7),
    Stroke(INK, (0, (6, 2)), "^", 1.5),
)
LEAST_TICK = 0.25
"""Smaller lifts have no room for their number on the axis."""


@dataclass(frozen=True)
class Path:
    """Cumulative profit of a strategy against doing nothing by week, with the ends of its interval, shape (W,)."""

    name: Saying
    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


@dataclass(frozen=True)
class FrontierLine:
    """A frontier by its name: cost of an order as a share of its value, at each lift."""

    name: Saying
    cost: Sequence[Interval]


def stroke_at(place: int) -> Stroke:
    """One stroke a series; after the last they begin again."""
    return STROKES[place % len(STROKES)]


def plot_differences(
    rows: Sequence[tuple[Saying, Mapping[str, Interval]]], words: Words, ax: Axes | None = None
) -> Axes:
    """Profit of each strategy against doing nothing, one mark with its interval for each view."""
    ax = own_axes(ax)
    views = list(dict.fromkeys(view for _, by_view in rows for view in by_view))
    height, entries = len(views) + 1.4, {}
    for row, (_, by_view) in enumerate(rows):
        for view, interval in by_view.items():
            place = views.index(view)
            stroke, y = stroke_at(place), -row * height - place
            ax.plot([interval.lower, interval.upper], [y, y], color=stroke.color, linewidth=4, alpha=0.35,
                    solid_capstyle="butt")  # fmt: skip
            (entries[view],) = ax.plot(interval.estimate, y, stroke.marker, color=stroke.color, markersize=6,
                                           markeredgecolor="white", linestyle="none")  # fmt: skip
    ax.axvline(0, color=GREY, linewidth=0.9)
    names = [words.format("phrase", name) for name, _ in rows]
    middle = [-row * height - (len(views) - 1) / 2 for row in range(len(rows))]
    _name_rows(ax, middle, names, above=len(views) / 2 + 0.25)
    ax.set_ylim(middle[-1] - height / 2, middle[0] + height / 2 + 0.3)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    few_ticks(ax, x=3 if is_narrow(ax) else 6)
    format_ticks(ax, x=words.formats.compact_money)
    ax.figure.legend([entries[view] for view in views], [words(view) for view in views], loc="outside upper left",
                     ncols=1 if is_narrow(ax) else len(views), frameon=False, handletextpad=0.4, columnspacing=1.4,
                     borderpad=0.2)  # fmt: skip
    return name_axes(ax, x=words("axis.against_nothing"), y="")


def plot_paths(paths: Sequence[Path], words: Words, ax: Axes | None = None) -> Axes:
    """Cumulative discounted profit against doing nothing, week by week, with bands."""
    ax = own_axes(ax)
    ends = []
    for place, path in enumerate(paths):
        stroke, weeks = stroke_at(place), np.arange(1, len(path.mean) + 1)
        ax.fill_between(weeks, path.lower, path.upper, color=stroke.color, alpha=0.13, linewidth=0)
        ax.plot(weeks, path.mean, color=stroke.color, linestyle=stroke.dash, linewidth=stroke.width)
        ends.append((weeks[-1], float(path.mean[-1]), words.format("phrase", path.name), stroke.color))
    ax.axhline(0, color=GREY, linewidth=0.9)
    ax.set_xlim(0, len(paths[0].mean))
    few_ticks(ax, x=4 if is_narrow(ax) else 7, y=5, integer=True)
    format_ticks(ax, x=words.formats.integer, y=words.formats.compact_money)
    label_ends(ax, ends)
    return name_axes(ax, x=words("axis.weeks_from_now"), y=words("axis.cumulative_against_nothing"))


def plot_frontier(
    lifts: Sequence[float], lines: Sequence[FrontierLine], words: Words, ax: Axes | None = None, *,
    company: tuple[float, float] | None = None, title: str | None = None,
) -> Axes:  # fmt: skip
    """Cost of an order at which being better earns as much as something else, by how much better one is.

    Parameters
    ----------
    company
        The company's plan: its lift and what that costs on an order.
    """
    ax = own_axes(ax)
    step = (max(lifts) - min(lifts)) / 60
    ends = []
    for place, line in enumerate(lines):
        stroke = stroke_at(place)
        at = np.array(lifts) + (place - (len(lines) - 1) / 2) * step
        ax.vlines(at, [each.lower for each in line.cost], [each.upper for each in line.cost], color=stroke.color,
                  linewidth=4, alpha=0.3)  # fmt: skip
        ax.plot(at, [each.estimate for each in line.cost], stroke.marker, color=stroke.color, linestyle=stroke.dash,
                linewidth=stroke.width, markersize=5, markeredgecolor="white")  # fmt: skip
        ends.append((at[-1], line.cost[-1].estimate, words.format("phrase", line.name), stroke.color))
    if company is not None:
        ax.plot(*company, "*", color=INK, markersize=12, markeredgecolor="white", zorder=6)
        ax.annotate(words("legend.your_plan"), company, xytext=(8, -12), textcoords="offset points", color=INK)
    ax.axhline(0, color=GREY, linewidth=0.9)
    few_ticks(ax, y=5)
    ax.set_xticks([lift for lift in lifts if lift >= LEAST_TICK])
    format_ticks(ax, x=words.formats.number, y=words.formats.percent1)
    label_ends(ax, ends, gap_share=0.09)
    return name_axes(ax, x=words("axis.planned_lift"), y=title or words("axis.frontier_cost"))


def plot_information(rows: Sequence[tuple[Saying, Interval]], words: Words, ax: Axes | None = None) -> Axes:
    """What knowing each group of assumptions would be worth, the largest on top."""
    ax = own_axes(ax)
    for row, (_, value) in enumerate(rows):
        ax.plot([value.lower, value.upper], [-row, -row], color=BLUE, linewidth=5, alpha=0.3, solid_capstyle="butt")
        ax.plot(value.estimate, -row, "o", color=BLUE, markersize=6, markeredgecolor="white")
        ax.annotate(words.format("estimate money", value), (value.upper, -row), xytext=(6, 0),
                    textcoords="offset points", va="center", color=MUTED)  # fmt: skip
    _name_rows(ax, [-row for row in range(len(rows))], [words.format("phrase", name) for name, _ in rows], above=0.4)
    ax.set_ylim(-len(rows) + 0.4, 0.8)
    ax.set_xlim(0, 1.25 * max(value.upper for _, value in rows))
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    few_ticks(ax, x=3 if is_narrow(ax) else 6)
    format_ticks(ax, x=words.formats.compact_money)
    return name_axes(ax, x=words("axis.value_of_information"), y="")


def _name_rows(ax: Axes, places: Sequence[float], names: Sequence[str], *, above: float) -> None:
    """Names beside the rows; on a phone, where they would take half of the picture, ``above`` them."""
    if not is_narrow(ax):
        ax.set_yticks(places, names)
        return
    ax.set_yticks([])
    for place, name in zip(places, names, strict=True):
        ax.text(0, place + above, name, va="center", color=INK, fontsize=8, transform=ax.get_yaxis_transform())


def plot_campaigns(path: pd.DataFrame, words: Words, ax: Axes | None = None) -> Axes:
    """Orders of targeted customers less those of others by week around a campaign's start, with intervals."""
    ax = own_axes(ax)
    week = path["week"].to_numpy()
    ax.axvline(-0.5, color=GREY, linewidth=0.9, linestyle=(0, (3, 2)))
    ax.axhline(0, color=GREY, linewidth=0.9)
    ax.vlines(week, path["lower"], path["upper"], color=BLUE, linewidth=4, alpha=0.35)
    ax.plot(week, path["difference"], "o", color=BLUE, markersize=5, markeredgecolor="white")
    few_ticks(ax, x=6, y=5, integer=True)
    few_ticks(ax, y=5)
    format_ticks(ax, x=words.formats.integer, y=words.formats.number)
    return name_axes(ax, x=words("axis.weeks_from_campaign"), y=words("axis.orders_against_others"))
