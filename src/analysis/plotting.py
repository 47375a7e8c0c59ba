"""The look of every figure: one palette, one typographic scale, helpers that keep axes honest and quiet.

The palette follows Okabe and Ito (readable with every common colour blindness, and apart in grey print); models
differ by line style and marker too, so colour never carries meaning alone. Matplotlib is imported when something is
drawn, so that a module may name its figures for nothing.
"""

from __future__ import annotations

import base64
import functools
import io
import textwrap
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pkgutil import resolve_name
from types import MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from analysis.words import formats

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from analysis.interval import Interval

INK = "#1d2733"
MUTED = "#5b6875"
RULE = "#c9d0d6"
BLUE = "#0b63a5"
ORANGE = "#cc5200"
GREEN = "#00795c"
GREY = "#7d8893"
PALE = "#a9c7de"
SKY = "#4f9fd1"
WIDE = 7.2
"""Width of a figure on a page [inches]."""
MOST_ANNOTATED, MOST_NARROW = 160, 9
"""Cells of a heat map up to which each shows its number; its columns on a phone."""
PIXELS_PER_INCH = 100
LARGEST_SVG = 250_000
"""Bytes from which on a figure is sent as PNG."""
LINE_ABOVE = 15  # points
KEY_SHARE = 0.95
"""Widest key, as a share of the figure; a wider one goes on more lines."""
LETTER = 0.58
"""Mean width of a letter, as a share of the font size."""

RC = {
    "svg.fonttype": "none",
    "svg.hashsalt": "retention-lab",
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "legend.frameon": False,
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
    "patch.edgecolor": "white",
}


@dataclass(frozen=True)
class Stroke:
    """How one series is drawn: colour, dash, marker and width [points].

    Where lines lie on each other, the later one is thinner and has wider gaps, so the one below still shows.
    """

    color: str
    dash: str | tuple
    marker: str
    width: float

    @property
    def look(self) -> dict[str, Any]:
        """The line, as matplotlib takes it."""
        return {"color": self.color, "linestyle": self.dash, "linewidth": self.width}


MODEL_STROKES = {
    "BG/NBD": Stroke(BLUE, "solid", "o", 2.4),
    "MBG/NBD": Stroke(ORANGE, (0, (4, 3)), "s", 1.7),
    "Pareto/NBD": Stroke(GREEN, (0, (1.2, 2.4)), "D", 1.5),
    "NBD": Stroke("#7a5c00", (0, (6, 2)), "^", 1.7),
}
SPARE_STROKES = (
    Stroke("#a3538f", (0, (3, 1, 1, 1)), "v", 1.7),
    Stroke(SKY, (0, (2, 1)), "P", 1.7),
)
ACTUAL_WIDTH = 3.8
"""What really came is broader than any model's line, so that both show where they coincide [points]."""


def stroke_of(model: str) -> Stroke:
    """The stroke of a model; one that nobody listed gets a spare one, the same one each time.

    >>> stroke_of("BG/NBD").color == BLUE, stroke_of("my model") in SPARE_STROKES
    (True, True)
    """
    return MODEL_STROKES.get(model) or SPARE_STROKES[zlib.crc32(model.encode()) % len(SPARE_STROKES)]


class Plots:
    """Figures of a result as methods of its ``plot``: ``fit.plot.tracking(ax=None)``.

    Parameters
    ----------
    module, names
        Where ``plot_NAME`` of each name is; it is imported when somebody looks at ``plot``.
    functions
        Name -> plot function that takes the result first and ``ax`` second, or its address
        ``"package.module:function"``.

    Examples
    --------
    >>> class Fit:
    ...     plot = Plots(tracking="analysis.plotting:name_axes")
    >>> Fit().plot
    Plots: tracking
    """

    def __init__(self, module: str = "", /, *names: str, **functions: Callable[..., Any] | str):
        self._functions = {name: f"{module}:plot_{name}" for name in names} | functions

    def __get__(self, result: Any, owner: type) -> Any:
        if result is None:
            return self
        functions = {name: resolve_name(one) if isinstance(one, str) else one for name, one in self._functions.items()}
        return _BoundPlots(**{name: MethodType(_styled(function), result) for name, function in functions.items()})


class _BoundPlots(SimpleNamespace):
    def __repr__(self) -> str:
        return "Plots: " + ", ".join(vars(self))


def _styled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function in the report's style where it makes the axes; a user's own axes keep the user's style."""

    @functools.wraps(function)
    def plot(result: Any, ax: Axes | None = None, **options: Any) -> Any:
        if ax is not None:
            return function(result, ax, **options)
        with report_style():
            return function(result, None, **options)

    return plot


@contextmanager
def report_style() -> Iterator[None]:
    """Everything drawn inside looks like a report, whatever the reader's own matplotlib settings are."""
    from matplotlib import style

    with style.context(["default", RC]):
        yield


def own_axes(ax: Axes | None, *, size: tuple[float, float] = (WIDE, 3.4)) -> Axes:
    """``ax``, or the axes of a new pyplot figure, which a notebook shows by itself.

    A user's figure that has no layout gets matplotlib's constrained one, so that labels in a grid do not collide.
    """
    if ax is not None:
        figure = ax.get_figure(root=True)
        if figure.get_layout_engine() is None:
            figure.set_layout_engine("constrained")
        return ax
    from matplotlib import pyplot

    with report_style():
        return pyplot.subplots(figsize=size, layout="constrained")[1]


def panels(ax: Axes, count: int) -> list[Axes]:
    """Small axes side by side in the place of ``ax``, which is left empty; on a phone in two columns."""
    columns = min(count, 2) if is_narrow(ax) else count
    figure, grid = ax.figure, ax.get_subplotspec().subgridspec(-(-count // columns), columns)
    ax.set_axis_off()
    return [figure.add_subplot(grid[place]) for place in range(count)]


def is_narrow(ax: Axes) -> bool:
    """Whether there is as little room as on a phone or in a grid of subplots."""
    return ax.get_window_extent().width / ax.figure.dpi < 4


def name_axes(ax: Axes, x: str | None = None, y: str | None = None, *, key: Sequence[tuple[Artist, str]] = ()) -> Axes:
    """Names the axes: y horizontally above the axis, where it is read first; x below; neither wider than its axes.

    Parameters
    ----------
    key
        What is drawn, and its name: on lines of its own between the name of y and the plot, where it can hide nothing.
    """
    from matplotlib import rcParams

    lines_between = _key_above(ax, key) if key else 0
    letters = max(16, int(ax.get_window_extent().width / ax.figure.dpi * 72 / (LETTER * rcParams["font.size"])))
    if y:
        ax.set_title(textwrap.fill(y, letters), loc="left", pad=8 + LINE_ABOVE * lines_between, fontsize="medium")
    if x:
        ax.set_xlabel(textwrap.fill(x, letters), labelpad=6)
    return ax


def _key_above(ax: Axes, entries: Sequence[tuple[Artist, str]]) -> int:
    """Draws the key above the plot; gives how many lines it takes."""
    from matplotlib.transforms import ScaledTranslation

    handles, names = zip(*entries, strict=True)
    gap = ScaledTranslation(0, 5 / 72, ax.figure.dpi_scale_trans)
    widest = KEY_SHARE * max(ax.get_window_extent().width, ax.figure.bbox.width / 2)
    # What is wider than the figure would leave the plot no room at all.
    for columns in range(min(len(names), 2 if is_narrow(ax) else 4), 0, -1):
        key = ax.legend(
            handles, names, ncols=columns, loc="lower left", bbox_to_anchor=(0, 1), bbox_transform=ax.transAxes + gap,
            borderaxespad=0, borderpad=0, handlelength=1.3, handleheight=0.8, handletextpad=0.5, columnspacing=1.6,
            labelspacing=0.45, frameon=False,
        )  # fmt: skip
        if key.get_window_extent().width <= widest:
            break
    return -(-len(names) // columns)


def format_ticks(ax: Axes, *, x: str | None = None, y: str | None = None) -> Axes:
    """Ticks in the reader's own formats: a kind of ``analysis.words.Formats``, ``compact`` or ``compact_money``."""
    for axis, kind in ((ax.xaxis, x), (ax.yaxis, y)):
        if kind is not None:
            say = getattr(formats(), kind)
            axis.set_major_formatter(lambda value, _, say=say: say(value))
    return ax


def few_ticks(ax: Axes, *, x: int | None = None, y: int | None = None, integer: bool = False) -> Axes:
    from matplotlib.ticker import MaxNLocator

    for axis, most in ((ax.xaxis, x), (ax.yaxis, y)):
        if most and axis.get_scale() == "linear":
            axis.set_major_locator(MaxNLocator(nbins=most, integer=integer, steps=[1, 2, 2.5, 5, 10]))
    return ax


def month_ticks(ax: Axes, first: Any, last: Any) -> Axes:
    """Named ticks at the first of a month, as many as there is room for, whatever the length of the window."""
    from matplotlib import dates

    most, first = 4 if is_narrow(ax) else 8, pd.Timestamp(first)
    months = pd.date_range(first.to_period("M").start_time, last, freq="MS")
    step = next(step for step in (1, 2, 3, 6, 12, 24, 60, 120, 1200) if len(months) / step <= most)
    ticks = [month for month in months if (12 * month.year + month.month - 1) % step == 0 and month >= first]
    ax.set_xticks([dates.date2num(day) for day in ticks or [first]], [formats().month(day) for day in ticks or [first]])
    return ax


def spread(positions: Sequence[float], gap: float) -> list[float]:
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


def label_ends(ax: Axes, lines: Mapping[str, Line2D], gap_share: float = 0.075) -> Axes:
    """Writes each line's name at its right end, in its colour and below the top of the plot.

    Parameters
    ----------
    gap_share
        Least distance between labels, as a share of the height of the axes.
    """
    low, high = ax.get_ylim()
    gap = (high - low) * gap_share
    places = spread([line.get_ydata()[-1] for line in lines.values()], gap)
    ceiling = high - gap / 3
    for index in sorted(range(len(places)), key=lambda index: -places[index]):
        places[index] = min(places[index], ceiling)
        ceiling = places[index] - gap
    for (name, line), y in zip(lines.items(), places, strict=True):
        ax.annotate(
            name, (line.get_xdata(orig=False)[-1], y), xytext=(6, 0), textcoords="offset points",
            color=line.get_color(), va="center", annotation_clip=False,
        )  # fmt: skip
    return ax


def heat_map(ax: Axes, table: pd.DataFrame, show: str, counts: pd.DataFrame | None = None, **limits: float) -> Axes:
    """A heat map of a frame, as ``Formats.show`` writes its numbers, with a number in each cell where there is room.

    With ``counts`` also how many are in each cell, and nothing where nobody is.
    """
    import seaborn as sns

    say, whole = getattr(formats(), show), formats().integer
    is_cut = is_narrow(ax) and table.shape[1] > MOST_NARROW and len(table) * MOST_NARROW <= MOST_ANNOTATED
    table = table.iloc[:, :MOST_NARROW] if is_cut else table
    is_annotated = table.size <= MOST_ANNOTATED
    texts = table.map(lambda value: "" if np.isnan(value) else say(value)).to_numpy() if is_annotated else None
    if counts is not None:
        texts = np.where(counts >= 0.5, texts + "\n" + counts.map(lambda count: f"({whole(count)})").to_numpy(), "")
    sns.heatmap(
        table, ax=ax, cmap="Blues", linewidths=0.5 if is_annotated else 0, cbar=not is_annotated,
        cbar_kws={"format": lambda value, _: say(value)}, fmt="", annot=texts,
        annot_kws={"fontsize": 7 if is_narrow(ax) else 8}, **{"vmin": 0} | limits,
    )  # fmt: skip
    rows, columns = _thinned(len(table), 8 if is_narrow(ax) else 14), _thinned(table.shape[1], 12)
    ax.set_yticks(rows + 0.5, table.index[rows], rotation=0)
    labels = [str(table.columns[column]) for column in columns]
    ax.set_xticks(columns + 0.5, [*labels[:-1], f"{labels[-1]} …"] if is_cut else labels, rotation=0)
    ax.set_ylabel("")
    ax.grid(visible=False)
    return ax


def _thinned(count: int, most: int) -> np.ndarray:
    """Positions of at most ``most`` of ``count`` labels, evenly apart.

    >>> _thinned(5, 10), _thinned(12, 4)
    (array([0, 1, 2, 3, 4]), array([0, 3, 6, 9]))
    """
    return np.arange(0, count, -(-count // most))


def plot_trend(values: Sequence[Interval], ax: Axes | None = None) -> Axes:
    """How a figure went from run to run, as small as a word: a line on the band of its intervals, a dot on the last.

    Parameters
    ----------
    values
        At least two, the oldest first.
    """
    ax = own_axes(ax, size=(1.6, 0.4))
    estimates, last = [value.estimate for value in values], len(values) - 1
    ax.fill_between(range(last + 1), [v.lower for v in values], [v.upper for v in values], color=BLUE, alpha=0.18, lw=0)
    ax.plot(estimates, color=BLUE, linewidth=1.6)
    ax.plot(last, estimates[-1], "o", color=BLUE, markersize=4.5, clip_on=False)
    ax.set_axis_off()
    ax.set_position((0.03, 0.1, 0.94, 0.8))  # there is no room for a layout
    return ax


@dataclass(frozen=True)
class Picture:
    """One drawing at one size: a ``data:`` URI, and its width and height [CSS pixels]."""

    uri: str
    width: int
    height: int


def picture(draw: Callable[[Axes], Any], width: float = WIDE, height: float = 3.4) -> Picture:
    """What ``draw(ax)`` draws in the report's style, as SVG, or as PNG where SVG would be heavy.

    The same drawing gives the same bytes.

    Parameters
    ----------
    width, height
        In inches of ``PIXELS_PER_INCH`` CSS pixels.

    Examples
    --------
    >>> picture(lambda ax: ax.plot([1, 2]), 2, 1).uri[:19]
    'data:image/svg+xml,'
    """
    from matplotlib.figure import Figure

    with report_style():
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="none")
        draw(figure.add_subplot(facecolor="none"))
        svg = _bytes(figure, "svg", {"Date": None, "Creator": None}).decode()
        if len(svg) <= LARGEST_SVG:
            # Verdana is as wide as DejaVu Sans, so that what was laid out with the one fits with the other.
            svg = svg[svg.index("<svg") :].replace("'DejaVu Sans'", "'DejaVu Sans',Verdana,sans-serif")
            svg = " ".join(svg.split())
            uri = "data:image/svg+xml," + quote(svg, safe=" /:=;,.()!*'+-_~?[]{}|@$^`")
        else:
            uri = "data:image/png;base64," + base64.b64encode(_bytes(figure, "png", {"Software": None})).decode()
    return Picture(uri, round(width * PIXELS_PER_INCH), round(height * PIXELS_PER_INCH))


def _bytes(figure: Figure, form: str, metadata: dict[str, None]) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=form, metadata=metadata, dpi=2 * PIXELS_PER_INCH if form == "png" else "figure")
    return stream.getvalue()
