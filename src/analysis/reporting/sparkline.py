"""A line as small as a word: how a figure went from run to run, with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from analysis.interval import Interval

WIDTH, HEIGHT, MARGIN = 160, 36, 4


def sparkline(values: Sequence[Interval], label: str) -> Markup:
    """The line as inline SVG on the band of its intervals, lowest value at the bottom, with a dot on the last.

    Parameters
    ----------
    values
        At least two, the oldest first.
    label
        What it shows, in words and numbers, for those who do not see it.

    Examples
    --------
    >>> from analysis.interval import Interval
    >>> "4,25 156,11" in sparkline([Interval(1.0, 0.0, 2.0, 0.9), Interval(3.0, 2.0, 4.0, 0.9)], "from 1 to 3")
    True
    """
    lowest, highest = min(value.lower for value in values), max(value.upper for value in values)

    def points(ends: Sequence[float]) -> list[str]:
        return [f"{x:g},{y:g}" for x, y in _places(ends, lowest, highest)]

    line = points([value.estimate for value in values])
    band = points([value.upper for value in values]) + points([value.lower for value in values])[::-1]
    x, y = line[-1].split(",")
    return Markup(
        '<svg class="spark" role="img" aria-label="{label}" viewBox="0 0 {width} {height}" width="{width}" '
        'height="{height}"><polygon points="{band}"/><polyline points="{line}"/><circle cx="{x}" cy="{y}" r="3"/></svg>'
    ).format(label=label, width=WIDTH, height=HEIGHT, band=" ".join(band), line=" ".join(line), x=x, y=y)


def _places(ends: Sequence[float], low: float, high: float) -> Iterator[tuple[float, float]]:
    step = (WIDTH - 2 * MARGIN) / max(len(ends) - 1, 1)
    reach = HEIGHT - 2 * MARGIN
    for place, end in enumerate(ends):
        # A figure that never moved and has no width runs through the middle.
        share = (end - low) / (high - low) if high > low else 0.5
        yield round(MARGIN + step * place, 1), round(MARGIN + reach * (1 - share), 1)
