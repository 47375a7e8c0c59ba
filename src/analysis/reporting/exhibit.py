"""A figure with everything it goes out with: title, caption, alt text, and its data as a folded table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from analysis.reporting.embed import NARROW_INCHES, WIDE_INCHES, picture
from analysis.reporting.tables import Table, table_html
from analysis.reporting.words import Words, name_key, numbers_for


@dataclass(frozen=True)
class Exhibit:
    """A figure before it is drawn.

    Attributes
    ----------
    key
        ``figure.<key>.title``, ``.caption`` and ``.alt`` are its sentences in the catalogue.
    draw
        Draws on a figure with the given words; called once for a wide page and once for a phone.
    data
        What the picture shows, as a table.
    numbers
        Numbers of the three sentences together.
    height, narrow_height
        In inches, of the wide picture and of the phone's.
    """

    key: str
    draw: Callable[[Figure, Words], Any]
    data: Table
    numbers: Mapping[str, Any] = field(default_factory=dict)
    height: float = 3.3
    narrow_height: float = 3.0


def figure_html(exhibit: Exhibit, words: Words) -> Markup:
    """The ``<figure>``: both drawings (the style sheet shows one), caption, alt text, and the data folded."""
    keys = {part: f"figure.{exhibit.key}.{part}" for part in ("title", "caption", "alt")}
    numbers = numbers_for(words, keys.values(), exhibit.numbers)
    wide = picture(lambda figure: exhibit.draw(figure, words), WIDE_INCHES, exhibit.height)
    narrow = picture(lambda figure: exhibit.draw(figure, words), NARROW_INCHES, exhibit.narrow_height)
    return Markup(
        '<figure class="rl-figure"><div class="rl-figure-title">{title}</div>'
        '<img class="rl-wide" src="{wide.uri}" width="{wide.width}" height="{wide.height}" alt="{alt}">'
        '<img class="rl-narrow" src="{narrow.uri}" width="{narrow.width}" height="{narrow.height}" alt="{alt}">'
        '<figcaption>{caption}</figcaption><details class="rl-data"><summary>{fold}</summary>{table}</details></figure>'
    ).format(
        title=words.html(keys["title"], **numbers[keys["title"]]),
        caption=words.html(keys["caption"], **numbers[keys["caption"]]),
        alt=words(keys["alt"], **numbers[keys["alt"]]),
        fold=words.html("figure.data"),
        table=table_html(exhibit.data, words),
        wide=wide,
        narrow=narrow,
    )


def on_axes(plot: Callable[..., Any], *arguments: Any, **options: Any) -> Callable[[Figure, Words], Any]:
    """A ``draw`` that calls ``plot(*arguments, words, ax=...)`` on one pair of axes."""
    return lambda figure, words: plot(*arguments, words, ax=figure.subplots(), **options)


__all__ = ["Exhibit", "figure_html", "name_key", "on_axes"]
