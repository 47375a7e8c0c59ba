"""Figures of loyalty strategies: the mechanism on one customer, what each strategy earns and from what."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from analysis.plotting import (
    BLUE,
    GREY,
    INK,
    MODEL_STROKES,
    ORANGE,
    SPARE_STROKES,
    few_ticks,
    format_ticks,
    is_narrow,
    label_ends,
    name_axes,
    own_axes,
)
from analysis.strategies.sentences import name_of
from analysis.words import formats, tr

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from analysis.strategies.comparison import StrategyComparison

STROKES = (*MODEL_STROKES.values(), *SPARE_STROKES)


def plot_differences(result: StrategyComparison, ax: Axes | None = None) -> Axes:
    """Profit of each strategy against going on as today, in the order of the frame: a mark with its interval, named.

    A strategy that is likelier to lose than to win is drawn in the colour of a loss.
    """
    frame = result.to_frame().query("strategy != 'nothing'")
    ax = own_axes(ax, size=(7.2, 1.0 + 0.5 * len(frame)))
    letters = 22 if is_narrow(ax) else 34
    for row, each in enumerate(frame.itertuples()):
        color = ORANGE if each.probability_of_loss > 0.5 else BLUE
        ax.hlines(-row, each.lower, each.upper, color=color, linewidth=6, alpha=0.35)
        ax.plot(each.difference, -row, "s" if each.probability_of_loss > 0.5 else "o", color=color, markersize=7)
        said = textwrap.fill(f"{each.name}: {formats().rounded_money(each.difference)}", letters)
        ax.annotate(said, (0, -row), xytext=(-6, 0), xycoords=ax.get_yaxis_transform(), va="center", ha="right",
                    textcoords="offset points", color=INK, fontsize=9)  # fmt: skip
    ax.axvline(0, color=GREY, linewidth=0.9)
    ax.set_yticks([])
    ax.set_ylim(0.6 - len(frame), 0.6)
    ax.grid(visible=True, axis="x")
    few_ticks(ax, x=3 if is_narrow(ax) else 6)
    format_ticks(ax, x="compact_money")
    return name_axes(ax, x=tr("More profit, new customers included"))


def plot_break_even(result: StrategyComparison, ax: Axes | None = None) -> Axes:
    """By how much the margin of customers must rise for each strategy to pay, beside what we judge it to."""
    advice = list(result.advice.values())
    ax = own_axes(ax, size=(7.2, 1.0 + 0.6 * len(advice)))
    for row, each in enumerate(advice):
        ax.hlines(-row, each.likely.lower, each.likely.upper, color=BLUE, linewidth=6, alpha=0.35)
        ax.plot(each.likely.estimate, -row, "o", color=BLUE, markersize=7)
        ax.plot(each.need.estimate, -row, "|", color=ORANGE, markersize=18, markeredgewidth=3)
    ax.set_yticks([-row for row in range(len(advice))], [str(name_of(each.strategy)) for each in advice])
    ax.grid(visible=True, axis="x")
    format_ticks(few_ticks(ax, x=5), x="percent")
    return name_axes(ax, x=tr("More margin from customers: the mark is needed, the bar our judgement"))


def plot_mechanism(path: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """What one customer meets and expects, and the chance of staying, order by order; as of ``one_customer``."""
    ax = own_axes(ax)
    labels, lines = {"met": tr("experience"), "expected": tr("expectation"), "gap": tr("gap")}, {}
    for (name, label), stroke in zip(labels.items(), STROKES, strict=False):
        (lines[label],) = ax.plot(path["order"], path[name], **stroke.look)
    (lines[tr("still there")],) = ax.plot(path["order"], path["staying"], color=INK, linewidth=2.2)
    (lines[tr("as served today")],) = ax.plot(path["order"], path["staying_today"], color=GREY, linewidth=1.4)
    ax.axhline(0, color=GREY, linewidth=0.9)
    format_ticks(few_ticks(few_ticks(ax, y=5), x=6, integer=True), x="integer", y="number")
    return name_axes(label_ends(ax, lines), x=tr("Order"), y=tr("Standard deviations; share of customers"))
