"""The look of every picture: one palette, one typographic scale, and helpers that keep axes honest and quiet.

The palette follows Okabe and Ito (readable with every common colour blindness, and apart in grey print); models
differ by line style and marker too, so colour never carries meaning alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
import matplotlib.dates as mdates
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation

INK = "#1d2733"
MUTED = "#5b6875"
RULE = "#c9d0d6"
BLUE = "#0b63a5"
ORANGE = "#cc5200"
GREEN = "#00795c"
GREY = "#7d8893"
PALE = "#a9c7de"
SKY = "#4f9fd1"


@dataclass(frozen=True)
class Stroke:
    """How one series is drawn: colour, dash, marker and width [points].

    Where lines lie on each other, the later one is thinner and has wider gaps, so the one below still shows.
    """

    color: str
    dash: str | tuple
    marker: str
    width: float


MODEL_STROKES = {
    "BG/NBD": Stroke(BLUE, "solid", "o", 2.4),
    "MBG/NBD": Stroke(ORANGE, (0, (4, 3)), "s", 1.7),
    "Pareto/NBD": Stroke(GREEN, (0, (1.2, 2.4)), "D", 1.5),
}
OTHER = Stroke(GREY, (0, (3, 1, 1, 1)), "v", 1.7)
ACTUAL_WIDTH = 3.8
LINE_ABOVE = 15
KEY_SHARE = 0.95
"""Widest key, as a share of the picture; a wider one goes on more lines."""

RC = {
    "svg.fonttype": "none",
    "svg.hashsalt": "retention-lab",
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.8,
    "grid.color": "#e4e8eb",
    "grid.linewidth": 0.8,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


@contextmanager
def report_style() -> Iterator[None]:
    """Everything drawn inside looks like this report, whatever the reader's own matplotlib settings are."""
    with mpl.rc_context(), sns.axes_style("white"):
        mpl.rcParams.update(RC)
        yield


def stroke_of(model: str) -> Stroke:
    """The stroke of a model; baselines share the grey one."""
    return MODEL_STROKES.get(model, OTHER)


def own_axes(ax: Axes | None, *, size: tuple[float, float] = (7.2, 3.4)) -> Axes:
    """``ax``, or the axes of a new figure where none was given."""
    if ax is not None:
        return ax
    return Figure(figsize=size, layout="constrained").subplots()


def is_narrow(ax: Axes) -> bool:
    """Whether the picture is drawn for a phone."""
    return ax.figure.get_figwidth() < 5


def name_axes(ax: Axes, x: str | None = None, y: str | None = None, *, lines_between: int = 0) -> Axes:
    """Names the axes: y horizontally above the axis, where it is read first; x below.

    Parameters
    ----------
    lines_between
        Lines of text that stand between the name of y and the plot, such as those of ``key_above``.
    """
    if y:
        ax.set_title(y, loc="left", pad=8 + LINE_ABOVE * lines_between)
    if x:
        ax.set_xlabel(x, labelpad=6)
    return ax


def key_above(ax: Axes, entries: Sequence[tuple[Artist, str]]) -> int:
    """The key to what is drawn, on lines of its own above the plot, where it can hide nothing.

    Parameters
    ----------
    entries
        What is drawn, and its name.

    Returns
    -------
    How many lines it takes, for ``name_axes``.
    """
    handles, names = zip(*entries, strict=True)
    gap = ScaledTranslation(0, 5 / 72, ax.figure.dpi_scale_trans)
    most = min(len(names), 2 if is_narrow(ax) else 4)
    # What is wider than the picture would leave the plot no room at all.
    for columns in range(most, 0, -1):
        key = ax.legend(
            handles, names, ncols=columns, loc="lower left", bbox_to_anchor=(0, 1), bbox_transform=ax.transAxes + gap,
            borderaxespad=0, borderpad=0, handlelength=1.3, handleheight=0.8, handletextpad=0.5, columnspacing=1.6,
            labelspacing=0.45, frameon=False,
        )  # fmt: skip
        if key.get_window_extent().width <= KEY_SHARE * ax.figure.bbox.width:
            break
    return -(-len(names) // columns)


def text_above(ax: Axes, text: str, color: str, *, center: float | None = None) -> int:
    """One line of text above the plot: from its left side on, or around ``center`` (a share of its width).

    Returns
    -------
    How many lines it takes, for ``name_axes``.
    """
    ax.annotate(
        text, (center or 0, 1), xytext=(0, 4), xycoords="axes fraction", textcoords="offset points", va="bottom",
        ha="left" if center is None else "center", color=color,
    )  # fmt: skip
    return 1


def format_ticks(ax: Axes, *, x: Callable[[float], str] | None = None, y: Callable[[float], str] | None = None) -> Axes:
    """Ticks through the reader's own number formats."""
    for axis, formatter in ((ax.xaxis, x), (ax.yaxis, y)):
        if formatter is not None:
            axis.set_major_formatter(FuncFormatter(lambda value, _, say=formatter: say(value)))
    return ax


def few_ticks(ax: Axes, *, x: int | None = None, y: int | None = None, integer: bool = False) -> Axes:
    if x:
        ax.xaxis.set_major_locator(MaxNLocator(x, integer=integer))
    if y:
        ax.yaxis.set_major_locator(MaxNLocator(y, integer=integer))
    return ax


def month_ticks(ax: Axes, first, last) -> Axes:
    """Ticks at the first of a month, as many as the picture has room for, whatever the length of the window."""
    most = 4 if is_narrow(ax) else 8
    months = pd.date_range(pd.Timestamp(first).to_period("M").start_time, last, freq="MS")
    step = next(step for step in (1, 2, 3, 6, 12, 24, 60, 120, 1200) if len(months) / step <= most)
    ticks = [month for month in months if (12 * month.year + month.month - 1) % step == 0 and month >= first]
    ax.set_xticks(mdates.date2num(ticks) if ticks else [mdates.date2num(first)])
    return ax


def spread(positions: list[float], gap: float) -> list[float]:
    """Label positions moved apart until neighbours are ``gap`` from each other, keeping their order.

    >>> spread([1.0, 1.1, 5.0], gap=1.0)
    [0.55, 1.55, 5.0]
    """
    order = sorted(range(len(positions)), key=positions.__getitem__)
    placed = sorted(positions)
    for _ in range(200):
        close = [i for i in range(len(placed) - 1) if placed[i + 1] - placed[i] < gap - 1e-9]
        if not close:
            break
        for i in close:
            push = (gap - (placed[i + 1] - placed[i])) / 2
            placed[i], placed[i + 1] = placed[i] - push, placed[i + 1] + push
    result = [0.0] * len(positions)
    for rank, index in enumerate(order):
        result[index] = round(placed[rank], 6)
    return result


def label_ends(ax: Axes, ends: list[tuple[float, float, str, str]], gap_share: float = 0.075) -> Axes:
    """Writes each series' name at its right end, in its colour and below the top of the plot, instead of a legend.

    Parameters
    ----------
    ends
        (x, y, text, colour) of each series' last point.
    gap_share
        Least distance between labels, as a share of the height of the axes.
    """
    low, high = ax.get_ylim()
    gap = (high - low) * gap_share
    places = spread([y for _, y, _, _ in ends], gap)
    ceiling = high - gap / 3
    for index in sorted(range(len(places)), key=lambda index: -places[index]):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - gap
    for (x, _, text, color), y in zip(ends, places, strict=True):
        ax.annotate(
            text, (x, y), xytext=(6, 0), textcoords="offset points", color=color, va="center", annotation_clip=False
        )
    return ax
