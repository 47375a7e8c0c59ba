"""Pictures of the back test: what the models forecast against what came."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy.stats import norm

from analysis.interval import Interval
from analysis.models.results import ForecastScore
from analysis.reporting.exhibit import name_key
from analysis.reporting.style import (
    ACTUAL_WIDTH,
    GREY,
    INK,
    MUTED,
    RULE,
    few_ticks,
    format_ticks,
    is_narrow,
    key_above,
    label_ends,
    month_ticks,
    name_axes,
    own_axes,
    stroke_of,
    text_above,
)  # fmt: skip
from analysis.reporting.words import Words


def plot_tracking(
    tracking: pd.DataFrame, calibration_end: str, interval: Interval, words: Words, ax: Axes | None = None
) -> Axes:
    """Cumulative repeat orders of the calibration customers: what came and what each model expected.

    Parameters
    ----------
    tracking
        Columns date, actual, and one a purchase model.
    interval
        Predictive interval of the first model's holdout total [orders].
    """
    ax = own_axes(ax)
    days, models = pd.to_datetime(tracking["date"]), [name for name in tracking if name not in ("date", "actual")]
    border = pd.Timestamp(calibration_end)
    ax.axvspan(border, days.iloc[-1], color=RULE, alpha=0.3, linewidth=0)
    # What came lies broad under the models' lines, so that both show where they coincide.
    ax.plot(days, tracking["actual"], color=INK, linewidth=ACTUAL_WIDTH, solid_capstyle="butt")
    for model in models:
        stroke = stroke_of(model)
        ax.plot(days, tracking[model], color=stroke.color, linestyle=stroke.dash, linewidth=stroke.width)
    ax.margins(y=0.1)
    ax.set_ylim(0)
    end = days.iloc[-1] + (days.iloc[-1] - days.iloc[0]) * 0.02
    start = tracking.loc[days <= border, "actual"].iloc[-1]
    ax.plot([end] * 2, [start + interval.lower, start + interval.upper], color=stroke_of(models[0]).color,
            linewidth=6, alpha=0.35, solid_capstyle="butt", clip_on=False)  # fmt: skip
    ends = [(end, tracking[model].iloc[-1], words(name_key(model)), stroke_of(model).color) for model in models]
    label_ends(ax, [*ends, (end, tracking["actual"].iloc[-1], words("legend.actual"), INK)])
    ax.set_xlim(days.iloc[0], end)
    middle = border + (days.iloc[-1] - border) / 2
    lines = text_above(ax, words("legend.holdout"), MUTED, center=(middle - days.iloc[0]) / (end - days.iloc[0]))
    month_ticks(ax, days.iloc[0], days.iloc[-1])
    format_ticks(ax, x=lambda day: words.formats.month(mdates.num2date(day)), y=words.formats.integer)
    return name_axes(ax, y=words("axis.cumulative_orders"), lines_between=lines)


def plot_calibration(groups: pd.DataFrame, level: float, words: Words, ax: Axes | None = None) -> Axes:
    """Mean orders in the holdout by number of repeat orders before it: what came and what was forecast.

    Parameters
    ----------
    groups
        Columns frequency (label), customers, actual, standard_error, and one column of mean forecasts a model.
    level
        Level of the interval drawn around each actual mean.
    """
    ax = own_axes(ax)
    places = np.arange(len(groups))
    models = [name for name in groups if name not in ("frequency", "customers", "actual", "standard_error")]
    reach = norm.ppf((1 + level) / 2) * groups["standard_error"].fillna(0)
    ax.bar(places, 2 * reach, 0.8, bottom=groups["actual"] - reach, color="#dfe4e8")
    ax.hlines(groups["actual"], places - 0.4, places + 0.4, color=INK, linewidth=2)
    entries = [(Line2D([], [], color=INK, linewidth=2), words("legend.actual"))]
    ax.set_ylim(0)
    for index, model in enumerate(models):
        stroke = stroke_of(model)
        shift = (index - (len(models) - 1) / 2) * 0.2
        (marks,) = ax.plot(
            places + shift, groups[model], stroke.marker, color=stroke.color, markersize=5.5, markeredgecolor="white"
        )
        entries.append((marks, words(name_key(model))))
    ax.set_xticks(places, groups["frequency"])
    format_ticks(ax, y=words.formats.number)
    few_ticks(ax, y=5)
    lines = key_above(ax, entries)
    return name_axes(ax, x=words("axis.orders_before"), y=words("axis.mean_orders_holdout"), lines_between=lines)


def plot_scores(scores: Sequence[ForecastScore], words: Words, ax: Axes | None = None) -> Axes:
    """Mean log score a customer, as the distance to the best: models in colour, baselines in grey."""
    ax = own_axes(ax)
    best = max(score.log_score for score in scores)
    places = np.arange(len(scores))[::-1]
    for place, score in zip(places, scores, strict=True):
        color, gap = (GREY if score.is_baseline else stroke_of(score.name).color), score.log_score - best
        marker = "X" if score.is_baseline else stroke_of(score.name).marker
        ax.plot([gap, 0], [place, place], color=color, linewidth=1.6, alpha=0.5)
        ax.plot(gap, place, marker, color=color, markersize=7, clip_on=False)
    ax.set_yticks(places, [words(name_key(score.name)) for score in scores])
    ax.set(ylim=(-0.6, len(scores) - 0.4))
    ax.margins(x=0.06)
    ax.axvline(0, color=MUTED, linewidth=0.8)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    few_ticks(ax, x=4 if is_narrow(ax) else 7)
    format_ticks(ax, x=words.formats.number)
    return name_axes(ax, x=words("axis.log_score"))
