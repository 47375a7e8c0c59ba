"""Pictures of spending by tenure and of the firm's customers over the years."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from analysis.reporting.exhibit import name_key
from analysis.reporting.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    Stroke,
    few_ticks,
    format_ticks,
    key_above,
    label_ends,
    name_axes,
    own_axes,
    stroke_of,
)  # fmt: skip
from analysis.reporting.words import Words
from analysis.value.firm import FirmFlow
from analysis.value.spend_growth import TenurePeriod

WAYS = {
    "survivors_ratio": ("legend.survivors", Stroke(ORANGE, (0, (4, 3)), "s", 1.7)),
    "growth": ("legend.same_customers", Stroke(BLUE, "solid", "o", 2.0)),
    "all_ratio": ("legend.all_who_started", Stroke(GREEN, (0, (1.2, 2.4)), "D", 1.5)),
}


def plot_tenure(periods: Sequence[TenurePeriod], words: Words, ax: Axes | None = None) -> Axes:
    """Spend in each period of life over that in the first: survivors only, the same customers, all who started."""
    ax = own_axes(ax)
    x, entries = np.array([each.period for each in periods]), []
    ax.axhline(1, color=GREY, linewidth=0.9)
    for place, (name, (key, stroke)) in enumerate(WAYS.items()):
        shown, at = [getattr(each, name) for each in periods], x + (place - 1) * 0.06
        estimates = [each.estimate for each in shown]
        (line,) = ax.plot(at, estimates, stroke.marker, color=stroke.color, linestyle=stroke.dash,
                          linewidth=stroke.width, markersize=5, markeredgecolor="white")  # fmt: skip
        ax.vlines(at, [each.lower for each in shown], [each.upper for each in shown], color=stroke.color, linewidth=4,
                  alpha=0.35)  # fmt: skip
        entries.append((line, words(key)))
    ax.set_ylim(0)
    ax.set_xlim(x[0] - 0.4, x[-1] + 0.4)
    few_ticks(ax, x=min(8, len(x)), y=5)
    ax.set_xticks(x if len(x) <= 8 else x[:: -(-len(x) // 8)])
    format_ticks(ax, x=words.formats.integer, y=words.formats.number)
    lines = key_above(ax, entries)
    return name_axes(ax, x=words("axis.tenure_period"), y=words("axis.spend_ratio"), lines_between=lines)


def plot_firm(flows: Sequence[FirmFlow], words: Words, ax: Axes | None = None) -> Axes:
    """Customers at each year's end under each model: filled marks as things are, open marks with the gain."""
    ax = own_axes(ax)
    ends = []
    for flow in flows:
        stroke = stroke_of(flow.model)
        for years, face in ((flow.before, stroke.color), (flow.after, "white")):
            if years:
                stock = [years[0].start, *(year.end for year in years)]
                ax.plot(range(len(stock)), stock, stroke.marker, color=stroke.color, linestyle=stroke.dash,
                        linewidth=stroke.width, markerfacecolor=face, markersize=5)  # fmt: skip
        last = flow.before[-1]
        ends.append((last.year + 0.15, last.end, words(name_key(flow.model)), stroke.color))
    ax.set_ylim(0)
    ax.set_xlim(-0.2, ends[0][0])
    ax.set_xticks(range(flows[0].before[-1].year + 1))
    few_ticks(ax, y=5)
    format_ticks(ax, x=words.formats.integer, y=words.formats.integer)
    label_ends(ax, ends)
    return name_axes(ax, x=words("axis.years_from_now"), y=words("axis.customers"))
