"""A line as small as a word: how a figure went from run to run."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT, MARGIN = 160, 36, 4


def sparkline(values: Sequence[float], label: str) -> Markup:
    """The line as inline SVG, lowest value at the bottom, with a dot on the last.

    Parameters
    ----------
    values
        At least two, the oldest first.
    label
        What it shows, in words and numbers, for those who do not see it.

    Examples
    --------
    >>> "4,32 156,4" in sparkline([1.0, 2.0], "from 1 to 2")
    True
    """
    points = _points(values)
    line = " ".join(f"{x:g},{y:g}" for x, y in points)
    x, y = points[-1]
    return Markup(
        '<svg class="spark" role="img" aria-label="{label}" viewBox="0 0 {width} {height}" width="{width}" '
        'height="{height}"><polyline points="{line}"/><circle cx="{x:g}" cy="{y:g}" r="3"/></svg>'
    ).format(label=label, width=WIDTH, height=HEIGHT, line=line, x=x, y=y)


def _points(values: Sequence[float]) -> list[tuple[float, float]]:
    low, high = min(values), max(values)
    step = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
    reach = HEIGHT - 2 * MARGIN
    # A line that never moved runs through the middle.
    shares = [(value - low) / (high - low) if high > low else 0.5 for value in values]
    return [(round(MARGIN + step * place, 1), round(MARGIN + reach * (1 - y), 1)) for place, y in enumerate(shares)]
