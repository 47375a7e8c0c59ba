"""Pictures of what customers are still worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.reporting.style import (
    BLUE,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PALE,
    few_ticks,
    format_ticks,
    is_narrow,
    name_axes,
    own_axes,
)
from analysis.reporting.words import Words
from analysis.value.results import SegmentValue


def plot_concentration(curve: pd.DataFrame, measure: str, words: Words, ax: Axes | None = None) -> Axes:
    """Share of the expected value or orders that the top customers hold.

    Parameters
    ----------
    curve
        Columns customers and value: cumulative shares, most valuable customers first, from (0, 0) to (1, 1).
    measure
        ``money`` or ``orders``.
    """
    ax = own_axes(ax, size=(7.2, 3.6))
    ax.fill_between(curve["customers"], curve["customers"], curve["value"], color=PALE, alpha=0.3, linewidth=0)
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    ax.plot(curve["customers"], curve["value"], color=BLUE)
    for share in (0.1, 0.2, 0.5):
        held = float(np.interp(share, curve["customers"], curve["value"]))
        ax.plot(share, held, "o", color=BLUE, markersize=6, markeredgecolor="white")
        text = words("legend.top_holds", share=share, held=held)
        ax.annotate(text, (share, held), xytext=(9, -5), textcoords="offset points", va="top", color=INK)
    ax.annotate(words("legend.equal"), (0.62, 0.62), xytext=(6, -4), textcoords="offset points", va="top", color=MUTED)
    ax.set(xlim=(0, 1), ylim=(0, 1.02))
    format_ticks(ax, x=words.formats.percent, y=words.formats.percent)
    few_ticks(ax, x=4 if is_narrow(ax) else 6, y=5)
    return name_axes(
        ax, x=words("axis.share_customers"), y=words("axis.share_value" if measure == "money" else "axis.share_orders")
    )


def plot_value_histogram(bins: pd.DataFrame, words: Words, ax: Axes | None = None) -> Axes:
    """Customers by residual value, on a linear axis from zero; the last bar holds everyone beyond it.

    Parameters
    ----------
    bins
        Columns low, high (NaN in the last, open bin) and customers.
    """
    ax = own_axes(ax)
    width = bins["high"].iloc[0] - bins["low"].iloc[0]
    is_open = bins["high"].isna()
    ax.bar(bins["low"], bins["customers"], width * 0.9, align="edge", color=[ORANGE if o else BLUE for o in is_open])
    last = bins.iloc[-1]
    if is_open.iloc[-1] and last["customers"]:
        beneath = bins["customers"].iloc[-round(len(bins) * (0.7 if is_narrow(ax) else 0.4)) :]
        ax.annotate(
            words("legend.and_more", low=last["low"], customers=int(last["customers"])),
            (last["low"] + width * 0.45, beneath.max()), xytext=(0, 6), textcoords="offset points", ha="right",
            color=ORANGE,
        )  # fmt: skip
    few_ticks(ax, x=4 if is_narrow(ax) else 7, y=5)
    format_ticks(ax, x=words.formats.compact_money, y=words.formats.integer)
    return name_axes(ax, x=words("axis.residual_value"), y=words("axis.customers"))


def plot_order_chance(bins: pd.DataFrame, words: Words, ax: Axes | None = None) -> Axes:
    """Customers by the chance that they order at least once within the horizon.

    Parameters
    ----------
    bins
        Columns low, high and customers.
    """
    ax = own_axes(ax)
    width = bins["high"].iloc[0] - bins["low"].iloc[0]
    ax.bar(bins["low"], bins["customers"], width * 0.9, align="edge", color=BLUE)
    ax.set_xlim(0, 1)
    few_ticks(ax, x=5, y=5)
    format_ticks(ax, x=words.formats.percent, y=words.formats.integer)
    return name_axes(ax, x=words("axis.p_order"), y=words("axis.customers"))


def plot_segments(
    segments: Sequence[SegmentValue], words: Words, ax: Axes | None = None, *, scale: float | None = None
) -> Axes:
    """Total of each segment with its predictive interval: money where there is any, else orders."""
    ax = own_axes(ax)
    places = np.arange(len(segments))[::-1]
    totals = [segment.residual_clv or segment.expected_orders for segment in segments]
    has_money = segments[0].residual_clv is not None
    ax.barh(places, [total.estimate for total in totals], 0.5, color=PALE)
    for place, total in zip(places, totals, strict=True):
        ax.plot([total.lower, total.upper], [place, place], color=BLUE, linewidth=2.2, solid_capstyle="butt")
        ax.plot([total.estimate], [place], "o", color=BLUE, markersize=5.5, markeredgecolor="white")
    ax.set_yticks(places, [words(segment_key(segment)) for segment in segments], color=INK)
    ax.set_xlim(0, scale)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    few_ticks(ax, x=4 if is_narrow(ax) else 6)
    format_ticks(ax, x=words.formats.compact_money if has_money else words.formats.compact)
    return name_axes(ax, y=words(dimension_key(segments[0])))


def dimension_key(segment: SegmentValue) -> str:
    """Key of the name of that by which a segment was split; without money the rank is that of the orders."""
    is_rank_of_orders = segment.dimension == "value" and segment.residual_clv is None
    return "dimension.expected_orders" if is_rank_of_orders else f"dimension.{segment.dimension}"


def segment_key(segment: SegmentValue) -> str:
    """Key of a segment's name in the catalogue.

    Examples
    --------
    >>> from analysis.interval import Interval
    >>> orders = Interval(3.0, 1.0, 6.0, 0.9)
    >>> segment_key(SegmentValue("orders", "2-3", 10, None, orders, None))
    'segment.orders.2_3'
    """
    return f"segment.{segment.dimension}.{segment.segment.replace('-', '_').replace('+', '_plus')}"
