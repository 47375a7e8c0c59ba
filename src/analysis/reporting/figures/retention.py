"""Pictures of how many customers stay: by window, by cohort, and by year under each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from analysis.interval import Interval
from analysis.reporting.exhibit import name_key
from analysis.reporting.style import (
    BLUE,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PALE,
    RULE,
    few_ticks,
    format_ticks,
    is_narrow,
    key_above,
    label_ends,
    name_axes,
    own_axes,
    stroke_of,
)  # fmt: skip
from analysis.reporting.words import Words
from analysis.value.cohorts import Cohorts
from analysis.value.period_rates import PeriodRate

HEAT = LinearSegmentedColormap.from_list("heat", ["#eef4f9", PALE, BLUE])
SMALLEST_CELL_INCHES = 0.28
"""Narrower cells carry no number; a scale stands below instead."""
MOST_ROW_NAMES = 12
DARK_FROM = 0.8
"""Share of the darkest cell from which white is easier to read than ink."""


def plot_windows(rates: Sequence[PeriodRate], words: Words, ax: Axes | None = None) -> Axes:
    """The two rates of one period under several windows; grey where the windows of its start and end overlap."""
    ax = own_axes(ax)
    places = np.arange(len(rates))[::-1]
    entries = {}
    for place, rate in zip(places, rates, strict=True):
        for shift, shown, color, marker, key in (
            (0.14, rate.kept_share, BLUE, "o", "legend.kept_share"),
            (-0.14, rate.rate, ORANGE, "s", "legend.period_formula"),
        ):
            if shown is None:
                continue
            tone = GREY if rate.shared_days else color
            at = [place + shift] * 2
            ax.plot([shown.lower, shown.upper], at, color=tone, linewidth=4, alpha=0.4, solid_capstyle="butt")
            (mark,) = ax.plot(shown.estimate, place + shift, marker, color=tone, markersize=6, linestyle="none")
            if not rate.shared_days or key not in entries:
                entries[key] = mark
            ax.annotate(words.formats.percent(shown.estimate), (shown.upper, place + shift), xytext=(5, 0),
                        textcoords="offset points", va="center", color=tone)  # fmt: skip
    ax.set_yticks(places, [words("legend.window", days=rate.window_days) for rate in rates])
    highest = max(shown.upper for rate in rates for shown in (rate.kept_share, rate.rate) if shown)
    ax.set(xlim=(0, max(1.0, highest) * 1.1), ylim=(-0.6, len(rates) - 0.4))
    _lines_across(ax)
    few_ticks(ax, x=4 if is_narrow(ax) else 6)
    format_ticks(ax, x=words.formats.percent)
    lines = key_above(ax, [(mark, words(key)) for key, mark in entries.items()])
    return name_axes(ax, y=words("axis.window"), lines_between=lines)


def plot_cohorts(cohorts: Cohorts, words: Words, ax: Axes | None = None) -> Axes:
    """Heat map: share of each cohort that ordered in each period of its life, all cohorts together below."""
    ax = own_axes(ax, size=(7.2, 4.0))
    rows, periods = cohorts.share.shape
    average = np.array([[each.estimate for each in cohorts.average]])
    top = float(np.nanmax(cohorts.share)) or 1.0
    mesh = None
    for values, low in ((cohorts.share[::-1], 1.0), (average, -0.35)):
        edges = low + np.arange(len(values) + 1)
        mesh = ax.pcolormesh(np.arange(periods + 1) + 0.5, edges, np.ma.masked_invalid(values), cmap=HEAT, vmin=0,
                             vmax=top, edgecolor="white", linewidth=0.6)  # fmt: skip
    has_room = (ax.figure.get_figwidth() - 1.0) / periods >= SMALLEST_CELL_INCHES
    if has_room:
        for values, low in ((cohorts.share[::-1], 1.5), (average, 0.15)):
            for (row, period), share in np.ndenumerate(values):
                if np.isfinite(share):
                    color = "white" if share > DARK_FROM * top else INK
                    ax.text(period + 1, row + low, words.formats.percent(share), ha="center", va="center",
                            color=color, fontsize=7)  # fmt: skip
    else:
        bar = ax.figure.colorbar(mesh, ax=ax, orientation="horizontal", aspect=40, pad=0.02, shrink=0.7)
        bar.outline.set_visible(False)
        few_ticks(bar.ax, x=4)
        format_ticks(bar.ax, x=words.formats.percent)
    step = -(-rows // MOST_ROW_NAMES)
    named = [(rows - place + 0.5, cohort) for place, cohort in enumerate(cohorts.cohorts) if place % step == 0]
    ticks = [place for place, _ in named] + [0.15]
    names = [words.formats.month(cohort.start) for _, cohort in named] + [words("legend.all_cohorts")]
    ax.set_yticks(ticks, names)
    ax.set(xlim=(0.5, periods + 0.5), ylim=(-0.35, rows + 1))
    ax.grid(visible=False)
    ax.spines["bottom"].set_visible(False)
    few_ticks(ax, x=6 if is_narrow(ax) else 12, integer=True)
    format_ticks(ax, x=words.formats.integer)
    return name_axes(ax, x=words("axis.period_of_life", unit=cohorts.unit), y=words("axis.cohort"))


def plot_retention_by_year(
    rates: Mapping[str, Sequence[Interval]],
    oldest_age_years: float,
    title: str,
    words: Words,
    ax: Axes | None = None,
    *,
    labelled: bool = True,
) -> Axes:
    """Retention of each coming year under each model; grey ground where no customer has been watched so long.

    Parameters
    ----------
    rates
        Model -> retention of years 1, 2, ....
    title
        Key of the group's name.
    """
    ax = own_axes(ax)
    years = np.arange(1, 1 + max(len(each) for each in rates.values()))
    ends = []
    for place, (model, by_year) in enumerate(rates.items()):
        stroke, at = stroke_of(model), years + (place - (len(rates) - 1) / 2) * 0.12
        estimates = [each.estimate for each in by_year]
        ax.plot(at, estimates, color=stroke.color, linestyle=stroke.dash, linewidth=stroke.width)
        ax.plot(at, estimates, stroke.marker, color=stroke.color, markersize=5, markeredgecolor="white")
        ax.vlines(at, [each.lower for each in by_year], [each.upper for each in by_year], color=stroke.color,
                  linewidth=4, alpha=0.35)  # fmt: skip
        ends.append((years[-1] + 0.25, estimates[-1], words(name_key(model)), stroke.color))
    watched = np.floor(oldest_age_years)
    if watched < years[-1]:
        ax.axvspan(max(watched, 0) + 0.5, years[-1] + 0.5, color=RULE, alpha=0.3, linewidth=0)
        ax.text(years[-1] + 0.4, 0.03, words("legend.beyond_the_data"), ha="right", color=MUTED)
    ax.set(xlim=(0.5, years[-1] + 0.5), ylim=(0, 1.02), xticks=years)
    format_ticks(ax, x=words.formats.integer, y=words.formats.percent)
    if labelled:
        label_ends(ax, ends, gap_share=0.085)
    return name_axes(ax, x=words("axis.year"), y=words(title))


def _lines_across(ax: Axes) -> None:
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
