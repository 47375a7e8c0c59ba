"""Pictures of the orders and of the customers behind them."""

from __future__ import annotations

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.reporting.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    few_ticks,
    format_ticks,
    is_narrow,
    key_above,
    month_ticks,
    name_axes,
    own_axes,
    text_above,
)
from analysis.reporting.words import Words


def plot_orders_over_time(periods: pd.DataFrame, words: Words, ax: Axes | None = None) -> Axes:
    """Orders per week or month, first orders and repeat orders stacked.

    Parameters
    ----------
    periods
        Columns start (first day), days (length), first_orders, repeat_orders.
    """
    ax = own_axes(ax)
    starts, widths = mdates.date2num(periods["start"]), periods["days"] * 0.86
    repeat, first = periods["repeat_orders"], periods["first_orders"]
    repeat_bars = ax.bar(starts, repeat, widths, align="edge", color=BLUE)
    first_bars = ax.bar(starts, first, widths, bottom=repeat, align="edge", color=PALE)
    month_ticks(ax, periods["start"].iloc[0], periods["start"].iloc[-1])
    format_ticks(ax, x=lambda day: words.formats.month(mdates.num2date(day)), y=words.formats.integer)
    few_ticks(ax, y=5, integer=True)
    lines = key_above(ax, [(first_bars, words("legend.first_orders")), (repeat_bars, words("legend.repeat_orders"))])
    unit = "axis.orders_per_month" if periods["days"].iloc[0] > 7 else "axis.orders_per_week"
    return name_axes(ax, y=words(unit), lines_between=lines)


def plot_frequency(counts: pd.DataFrame, words: Words, ax: Axes | None = None) -> Axes:
    """Customers by number of repeat orders; where a model's expectation is known it stands beside.

    Parameters
    ----------
    counts
        Columns label, customers and, optionally, expected.
    """
    ax = own_axes(ax)
    places = np.arange(len(counts))
    ax.bar(places, counts["customers"], 0.66, color=[GREY if place == 0 else BLUE for place in places])
    tops = counts[["customers", *(["expected"] if "expected" in counts else [])]].max(axis=1)
    for place, number, top in zip(places, counts["customers"], tops, strict=True):
        ax.annotate(
            words.formats.integer(number),
            (place, top),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            color=INK,
            fontsize=7.5 if is_narrow(ax) else 9,
        )
    lines = 0
    if "expected" in counts:
        ax.plot(places, counts["expected"], "D", color=ORANGE, markersize=5, markeredgecolor="white")
        lines = text_above(ax, words("legend.expected"), ORANGE)
    ax.set_xticks(places, counts["label"])
    ax.margins(y=0.12)
    format_ticks(ax, y=words.formats.integer)
    few_ticks(ax, y=5, integer=True)
    return name_axes(ax, x=words("axis.repeat_orders"), y=words("axis.customers"), lines_between=lines)
