"""Turns a drawing into the bytes of a page: the same input gives the same bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from analysis.reporting.style import report_style

WIDE_INCHES, NARROW_INCHES = 7.2, 3.4
PIXELS_PER_INCH = 100
LARGEST_SVG_BYTES = 250_000

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
        kind, content = "svg+xml", _svg(figure)
        if len(content) > LARGEST_SVG_BYTES:
            kind, content = "png", _png(figure)
    uri = f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
    return Picture(uri, round(width * PIXELS_PER_INCH), round(height * PIXELS_PER_INCH))


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.set_dpi(2 * PIXELS_PER_INCH)
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
