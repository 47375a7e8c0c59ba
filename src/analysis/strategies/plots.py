"""Figures of loyalty strategies: what each earns, when, from what, and where being better beats a promotion."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from analysis.plotting import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    Stroke,
    few_ticks,
    format_ticks,
    is_narrow,
    key_above,
    label_ends,
    name_axes,
    own_axes,
)
from analysis.strategies.sentences import COMPONENTS, name_of
from analysis.words import formats, tr

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from analysis.strategies.choice import StrategyChoice
    from analysis.strategies.comparison import StrategyComparison
    from analysis.strategies.evidence import LoyaltyEvidence
    from analysis.strategies.frontier import DecisionMap

STROKES = (
    Stroke(BLUE, "solid", "o", 2.2),
    Stroke(ORANGE, (0, (4, 3)), "s", 1.7),
    Stroke(GREEN, (0, (1.2, 2.4)), "D", 1.7),
    Stroke(GREY, (0, (3, 1, 1, 1)), "v", 1.7),
    Stroke(INK, (0, (6, 2)), "^", 1.5),
)


def plot_differences(result: StrategyComparison | StrategyChoice, ax: Axes | None = None) -> Axes:
    """Profit of each strategy against going on as today, over all views: a mark with its interval, named beside it.

    A strategy that is likelier to lose than to win is drawn in the colour of a loss.
    """
    frame = result.to_frame().query("strategy != 'nothing'")
    ax = own_axes(ax, size=(7.2, 1.0 + 0.75 * len(frame)))
    letters = 30 if is_narrow(ax) else 46
    for row, each in enumerate(frame.itertuples()):
        color = ORANGE if each.probability_of_loss > 0.5 else BLUE
        ax.plot([each.lower, each.upper], [-row, -row], color=color, linewidth=6, alpha=0.35, solid_capstyle="butt")
        ax.plot(each.difference, -row, "s" if each.probability_of_loss > 0.5 else "o", color=color, markersize=7)
        said = f"{each.name}: {formats().rounded_money(each.difference)}", textwrap.fill(str(each.label), letters)
        ax.annotate("\n".join(said), (0, -row), xytext=(-6, 0), xycoords=ax.get_yaxis_transform(), va="center",
                    ha="right", textcoords="offset points", color=INK, fontsize=8)  # fmt: skip
    ax.axvline(0, color=GREY, linewidth=0.9)
    ax.set_yticks([])
    ax.set_ylim(0.6 - len(frame), 0.6)
    ax.grid(visible=True, axis="x")
    few_ticks(ax, x=3 if is_narrow(ax) else 6)
    format_ticks(ax, x="compact_money")
    return name_axes(ax, x=tr("Profit against going on as today"))


def plot_paths(comparison: StrategyComparison, ax: Axes | None = None) -> Axes:
    """Cumulative discounted profit against going on as today, year by year, with bands."""
    ax, ends = own_axes(ax), []
    for (name, path), stroke in zip(comparison.paths().groupby("strategy", sort=False), _strokes(), strict=False):
        years = path["week"] / 52.18
        ax.fill_between(years, path["lower"], path["upper"], color=stroke.color, alpha=0.13, linewidth=0)
        ax.plot(years, path["estimate"], color=stroke.color, linestyle=stroke.dash, linewidth=stroke.width)
        ends.append((years.iloc[-1], path["estimate"].iloc[-1], str(name_of(name)), stroke.color))
    ax.axhline(0, color=GREY, linewidth=0.9)
    ax.set_xlim(0, ends[0][0])
    few_ticks(ax, x=4 if is_narrow(ax) else 7, y=5)
    format_ticks(ax, x="number", y="compact_money")
    label_ends(ax, ends)
    return name_axes(ax, x=tr("Years from now"), y=tr("Cumulative profit against going on as today"))


def plot_components(comparison: StrategyComparison, ax: Axes | None = None) -> Axes:
    """What the difference of each strategy consists of: gains to the right, losses to the left."""
    table = comparison.components().pivot(index="component", columns="strategy", values="estimate")
    table = table.loc[[name for name in COMPONENTS if name in table.index], list(comparison.per_purchase.names[1:])]
    ax = own_axes(ax, size=(7.2, 0.8 + 0.45 * len(table)))
    places, height = np.arange(len(table)), 0.8 / len(table.columns)
    bars = [
        (ax.barh(-places - number * height, table[name], height=height, color=stroke.color), str(name_of(name)))
        for number, (name, stroke) in enumerate(zip(table, _strokes(), strict=False))
    ]
    key_above(ax, bars)
    ax.set_yticks(-places - 0.3, [textwrap.fill(str(COMPONENTS[name]), 34) for name in table.index])
    ax.axvline(0, color=GREY, linewidth=0.9)
    ax.grid(visible=True, axis="x")
    format_ticks(few_ticks(ax, x=5), x="compact_money")
    return name_axes(ax, x=tr("Part of the profit against going on as today"))


def plot_frontiers(found: DecisionMap, ax: Axes | None = None, *, every_weeks: int | None = None) -> Axes:
    """Cost of an order at which being better earns as much as something else, by how much better one is.

    Against doing nothing and the company's own promotion, with its plan; or against promotions of a cadence.
    """
    ax, frame = own_axes(ax), found.to_frame()
    shown = frame["own"] | frame["depth"].isna() if every_weeks is None else frame["every_weeks"] == every_weeks
    ends = []
    groups = frame[shown].groupby(["own", "depth"], sort=True, dropna=False)
    for ((own, depth), line), stroke in zip(groups, _strokes(), strict=False):
        ax.fill_between(line["lift"], line["lower"], line["upper"], color=stroke.color, alpha=0.15, linewidth=0)
        ax.plot(line["lift"], line["cost"], stroke.marker, color=stroke.color, linestyle=stroke.dash, markersize=5)
        name = tr("doing nothing") if np.isnan(depth) else tr("{depth:percent} off", depth=depth)
        ends.append((line["lift"].iloc[-1], line["cost"].iloc[-1], tr("your promotion") if own else name, stroke.color))
    if every_weeks is None:
        ax.plot(found.lift, found.cost, "*", color=INK, markersize=12, zorder=6)
        ax.annotate(tr("your plan"), (found.lift, found.cost), xytext=(8, -12), textcoords="offset points", color=INK)
    ax.axhline(0, color=GREY, linewidth=0.9)
    format_ticks(few_ticks(ax, y=5), x="number", y="percent1")
    label_ends(ax, ends, gap_share=0.09)
    return name_axes(ax, x=tr("How much better [standard deviations]"), y=tr("Cost as a share of an order"))


def plot_campaigns(evidence: LoyaltyEvidence, ax: Axes | None = None) -> Axes:
    """Orders of targeted customers less those of others by week around a campaign's start, with intervals."""
    ax, path = own_axes(ax), evidence.campaigns.path
    ax.axvline(-0.5, color=GREY, linewidth=0.9, linestyle=(0, (3, 2)))
    ax.axhline(0, color=GREY, linewidth=0.9)
    ax.vlines(path["week"], path["lower"], path["upper"], color=BLUE, linewidth=4, alpha=0.35)
    ax.plot(path["week"], path["difference"], "o", color=BLUE, markersize=5, markeredgecolor="white")
    format_ticks(few_ticks(ax, x=6, y=5), x="integer", y="number")
    return name_axes(ax, x=tr("Weeks from the start of the campaign"), y=tr("Orders a week against others"))


def _strokes() -> tuple[Stroke, ...]:
    """One a series; after the last they begin again."""
    return STROKES * 8
