"""Tables as HTML: caption, header scope, aligned digits, everything escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from analysis.reporting.formats import is_missing
from analysis.reporting.words import Words

TEXT_KINDS = ("text", "label", "code")
LONG_TEXT = 20
"""Text of more characters gets a column that holds several words a line."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    header
        Key of its heading in the catalogue.
    kind
        Format of its cells; ``label`` takes the cell as a key of the catalogue or a (key, numbers) pair, ``mixed``
        as a (kind, value) pair, ``code`` as what a program reads, which no language translates.
    numbers
        Numbers that the heading names.
    """

    header: str
    kind: str = "text"
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_text(self) -> bool:
        return self.kind in TEXT_KINDS


@dataclass(frozen=True)
class Table:
    """A table before it is dressed.

    Attributes
    ----------
    caption
        Key of its caption in the catalogue.
    columns
        The first one names the rows.
    rows
        One sequence of raw values a row.
    numbers
        Numbers that the caption names.
    total
        Whether the last row sums the others.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    numbers: Mapping[str, Any] = field(default_factory=dict)
    total: bool = False


def interval_columns(header: str, kind: str, level: float) -> list[Column]:
    """Two columns for an estimate and its interval; a row holds the interval in both."""
    return [Column(header, f"estimate {kind}"), Column("column.interval", f"range {kind}", {"level": level})]


def table_html(table: Table, words: Words, *, caption_class: str = "") -> Markup:
    """The table in a container that scrolls by itself and can be reached by keyboard.

    Examples
    --------
    >>> words = Words("en")
    >>> columns = [Column("column.model"), Column("column.customers", "integer")]
    >>> table = Table("figure.alive.data", columns, [["<b>", 2]])
    >>> "&lt;b&gt;" in table_html(table, words)
    True
    """
    caption = words.html(table.caption, **table.numbers)
    label = words(table.caption, **table.numbers)
    head = Markup("").join(_head_cell(column, words) for column in table.columns)
    last = len(table.rows) - 1
    body = Markup("").join(
        _row(table.columns, row, words, total=table.total and index == last) for index, row in enumerate(table.rows)
    )
    return Markup(
        '<div class="rl-scroll" role="group" tabindex="0" aria-label="{label}"><table class="rl-table">'
        '<caption class="{kind}">{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    ).format(label=label, kind=caption_class, caption=caption, head=head, body=body)


def cell_text(column: Column, value: Any, words: Words) -> str:
    """What stands in a cell."""
    if column.kind == "mixed":
        return words.format(*value)
    if column.kind != "label" or value is None:
        return words.format("text" if column.kind in TEXT_KINDS else column.kind, value)
    key, numbers = (value, {}) if isinstance(value, str) else value
    return words(key, **numbers)


def _head_cell(column: Column, words: Words) -> Markup:
    kind = "rl-text" if column.is_text else "rl-number"
    text = words.html(column.header, **column.numbers)
    return Markup('<th scope="col" class="{}">{}</th>').format(kind, text)


def _cell(column: Column, value: Any, words: Words) -> Markup:
    kind, shown = value if column.kind == "mixed" else (column.kind, value)
    if kind.startswith("bracketed ") and not is_missing(shown):
        estimate, interval = (words.format(kind.replace("bracketed", part), shown) for part in ("estimate", "brackets"))
        return Markup('{} <span class="rl-interval">{}</span>').format(estimate, interval)
    text = escape(cell_text(column, value, words))
    return Markup("<code>{}</code>").format(text) if column.kind == "code" else text


def _kind(column: Column, cell: Markup) -> str:
    if not column.is_text:
        return "rl-number"
    return "rl-text rl-long" if len(cell) > LONG_TEXT else "rl-text"


def _row(columns: Sequence[Column], row: Sequence[Any], words: Words, *, total: bool) -> Markup:
    cells = [_cell(column, value, words) for column, value in zip(columns, row, strict=True)]
    first, *rest = [
        Markup('<{tag} class="{kind}"{scope}>{cell}</{tag}>').format(
            tag="td" if index else "th",
            kind=_kind(column, cell),
            scope="" if index else Markup(' scope="row"'),
            cell=cell,
        )
        for index, (column, cell) in enumerate(zip(columns, cells, strict=True))
    ]
    return Markup("<tr{}>{}{}</tr>").format(Markup(' class="rl-total"') if total else "", first, Markup("").join(rest))
