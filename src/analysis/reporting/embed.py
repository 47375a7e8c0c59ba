"""Turns a drawing into the bytes of a page: the same input gives the same bytes."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from analysis.reporting.style import report_style

WIDE_INCHES, NARROW_INCHES = 7.2, 3.4
PIXELS_PER_INCH = 100
LARGEST_SVG_BYTES = 250_000
PROLOGUE = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL)
LONG_DECIMAL = re.compile(r"-?\b\d+\.\d{3,}")
TAG = re.compile(r"<[^>]*>")
PATH = re.compile(r'\bd="[^"]*"')
FONT = re.compile(r"font(-family)?: ([^;\"]*)'DejaVu Sans'")
FALLBACKS = "'DejaVu Sans',Verdana,sans-serif"
"""Verdana is as wide, so that what was laid out with the one fits with the other."""
AROUND_COMMAND = re.compile(r"\s*([MLQCHVz])\s*")
BETWEEN_ELEMENTS = re.compile(r">\s+<")

Draw = Callable[[Figure], None]


@dataclass(frozen=True)
class Picture:
    """One drawing at one size.

    Attributes
    ----------
    uri
        A ``data:`` URI.
    width, height
        In CSS pixels.
    """

    uri: str
    width: int
    height: int


def picture(draw: Draw, width: float = WIDE_INCHES, height: float = 3.4) -> Picture:
    """The drawing as SVG, or as PNG where its points are so many that SVG would be heavy.

    Parameters
    ----------
    draw
        Draws on the figure it is given.
    width, height
        In inches of ``PIXELS_PER_INCH`` CSS pixels.
    """
    with report_style():
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
        content = compact_svg(_svg(figure))
        if len(content) > LARGEST_SVG_BYTES:
            uri = f"data:image/png;base64,{base64.b64encode(_png(figure)).decode('ascii')}"
        else:
            uri = Markup("data:image/svg+xml,") + _escaped(content)
    return Picture(uri, round(width * PIXELS_PER_INCH), round(height * PIXELS_PER_INCH))


def _svg(figure: Figure) -> str:
    buffer = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return buffer.getvalue().decode("utf-8")


def compact_svg(svg: str) -> str:
    """The same picture in fewer bytes: without prologue and comments, coordinates to a hundredth of a point.

    >>> compact_svg('<svg><!-- a --><path d="M 1.23456 2 \\nL 3.000001 4 \\nz"/></svg>')
    '<svg><path d="M1.23 2L3 4z"/></svg>'
    """
    svg = PROLOGUE.sub("", svg)
    svg = FONT.sub(lambda font: font[0].replace("'DejaVu Sans'", FALLBACKS), svg)
    # Numbers between the tags are what the picture says.
    svg = TAG.sub(lambda tag: LONG_DECIMAL.sub(lambda number: _shortened(float(number[0])), tag[0]), svg)
    svg = PATH.sub(lambda path: AROUND_COMMAND.sub(r"\1", path[0]), svg)
    return BETWEEN_ELEMENTS.sub("><", svg)


def _shortened(number: float) -> str:
    # Numbers below one may be factors of a scale, where the later digits count.
    return f"{number:.6g}" if abs(number) < 1 else f"{number:.2f}".rstrip("0").rstrip(".")


def _escaped(svg: str) -> Markup:
    """As a ``data:`` URI in a double-quoted attribute takes it: shorter than base64, nothing left to escape."""
    quote = "%22" if "'" in svg else "'"
    codes = {"%": "%25", "#": "%23", "&": "%26", "<": "%3C", ">": "%3E", "\n": "%20", '"': quote}
    return Markup(svg.translate(str.maketrans(codes)))


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.set_dpi(2 * PIXELS_PER_INCH)
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
