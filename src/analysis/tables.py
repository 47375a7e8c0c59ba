"""Frames as HTML tables: caption, header scope, aligned digits, the reader's own formats, everything escaped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from analysis.interval import Interval
from analysis.words import Message, block, is_missing, shown, tr

MOST_ROWS = 200
SHOWN_ROWS = 20
TEXT_KINDS = ("text", "list", "code")
PHONE_LETTERS = 36
"""Letters that stand beside each other on a phone; what is wider scrolls by itself and can be reached by keyboard."""

Columns = Mapping[str, Any]
"""Column of the frame -> its heading, or (heading, kind)."""


@dataclass(frozen=True)
class _Column:
    name: Any
    heading: Message | str
    kind: str
    said: Callable[[Any], Any] | None = None

    @property
    def side(self) -> Markup:
        """Class and alignment; text says the latter itself, since JupyterLab's own style aligns cells to the right."""
        is_text = self.kind in TEXT_KINDS
        return Markup('class="rl-text" style="text-align:left"' if is_text else 'class="rl-number"')

    def cell(self, row: Mapping[Any, Any]) -> Markup:
        value = row[self.name] if self.said is None else self.said(row[self.name])
        if isinstance(value, Message):
            return escape(value)
        if is_missing(value):
            return Markup("–")
        if isinstance(value, bool | np.bool_):
            return escape(tr("yes") if value else tr("no"))
        if self.kind == "code":
            return Markup("<code>{}</code>").format(value)
        part, _, kind = self.kind.partition(" ")
        if kind and not isinstance(value, Interval):
            value = Interval.in_row(row, self.name)
        if isinstance(value, Interval):
            kind, part = kind or "significant", "estimate" if is_missing(value.lower) else part
            if part not in ("interval", "range", "brackets", "estimate"):
                estimate, ends = (shown(f"{part} {kind}", value) for part in ("estimate", "brackets"))
                return Markup('{} <span class="rl-interval">{}</span>').format(estimate, ends)
        return escape(shown(f"{part} {kind}".strip(), value))


class HoldsFrames:
    """Hands out copies of its frames, lazy ones: who edits one changes nothing that is computed from it."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return found.copy(deep=False) if isinstance(found, pd.DataFrame) else found


class Result(HoldsFrames):
    """What is computed: shows its main table, and hands it over."""

    main: ClassVar[str] = "to_frame"
    """Name of the attribute that is the main table."""

    def to_frame(self) -> pd.DataFrame:
        """The main table, with the columns that the class explains."""
        found = self._shown()
        return found if isinstance(found, pd.DataFrame) else found.to_frame()

    def _shown(self) -> pd.DataFrame:
        found = getattr(self, self.main)
        return found() if callable(found) else found

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, of which {self.main}>\n{self._shown()}"

    def _repr_html_(self) -> str:
        return table_html(self._shown(), most=SHOWN_ROWS)


def table_html(
    frame: pd.DataFrame,
    caption: Message | None = None,
    columns: Columns | None = None,
    values: Mapping[str, Any] | None = None,
    *,
    most: int = MOST_ROWS,
) -> Markup:
    """A frame as a table; its first column names the rows.

    Parameters
    ----------
    frame
        A named index counts as columns. A cell may hold a ``Message`` or an ``Interval``.
    columns
        Column -> heading, or (heading, kind); None for all of them under their own names. A kind is one of
        ``analysis.words.Formats``, ``code``, or a function of the value that gives what is said of it; one such as
        ``bracketed money`` takes an ``Interval``, or a number with its ends in the row's ``NAME_lower`` and
        ``NAME_upper``, else in ``lower`` and ``upper``.
    values
        Numbers that headings name.
    most
        Rows that are shown; where there are more, the caption says so.

    Examples
    --------
    >>> lift = pd.DataFrame({"model": ["<b>"], "estimate": [0.21], "lower": [0.1], "upper": [0.3]})
    >>> html = table_html(lift, columns={"model": "Model", "estimate": ("Lift", "bracketed percent")})
    >>> "&lt;b&gt;" in html, '21% <span class="rl-interval">(10% to 30%)</span>' in html
    (True, True)
    """
    captions = [caption] if caption else []
    if len(frame) > most:
        captions += [Message("The first {shown:integer} of {rows:integer} rows.", shown=most, rows=len(frame))]
    frame = _flat(frame)
    dressed = list(_dressed(frame, columns, values or {}))
    rows = [[column.cell(row) for column in dressed] for row in frame.head(most).to_dict("records")]
    html = Markup("<table class='rl-table'>{}<thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(
        Markup("<caption>{}</caption>").format(Markup(" ").join(captions)) if captions else "",
        Markup("").join(map(_head, dressed)),
        Markup("").join(_row(dressed, cells) for cells in rows),
    )
    if _letters(dressed, rows) > PHONE_LETTERS:
        label = " ".join(map(str, captions)) or tr("Table")
        html = scrolling(label, html)
    return block(html)


def scrolling(label: str, html: Markup) -> Markup:
    """HTML that scrolls by itself where it is wider than the screen, and can be reached by keyboard."""
    return Markup('<div class="rl-scroll" role="group" tabindex="0" aria-label="{}">{}</div>').format(label, html)


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its index as columns, where that says something, and one name a column."""
    if frame.columns.nlevels > 1:
        frame = frame.set_axis([" ".join(map(str, name)) for name in frame.columns], axis=1)
    says_nothing = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
    return frame if says_nothing else frame.reset_index(names=[name or "" for name in frame.index.names])


def _dressed(frame: pd.DataFrame, columns: Columns | None, values: Mapping[str, Any]) -> Iterable[_Column]:
    for name in frame.columns if columns is None else columns:
        heading, kind = str(name) if columns is None else columns[name], ""
        if isinstance(heading, tuple):
            heading, kind = heading
        said, kind = (kind, "text") if callable(kind) else (None, kind or _kind_of(frame[name]))
        yield _Column(name, heading if columns is None else _said(heading, values), kind, said)


def _said(heading: str | Message, values: Mapping[str, Any]) -> Message:
    return heading if isinstance(heading, Message) else Message(heading, **values)


def _kind_of(column: pd.Series) -> str:
    """A format by type: numbers of a column share their decimals, as many as its largest one deserves."""
    if pd.api.types.is_bool_dtype(column):
        return "text"
    if pd.api.types.is_integer_dtype(column):
        return "integer"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    if not pd.api.types.is_float_dtype(column):
        return "text"
    largest = column.abs().replace(np.inf, np.nan).max()
    decimals = 4 - math.floor(math.log10(largest)) if largest > 0 else 0
    return f"decimal{min(decimals, 4)}" if decimals > 0 else "integer"


def _head(column: _Column) -> Markup:
    # A header cell must say something, and the corner above an index without a name says nothing.
    tag = Markup('th scope="col"') if str(column.heading) else Markup("td")
    return Markup("<{} {}>{}</{}>").format(tag, column.side, column.heading, tag[:2])


def _row(columns: Sequence[_Column], cells: Sequence[Markup]) -> Markup:
    first, *rest = [Markup("{}>{}").format(column.side, cell) for column, cell in zip(columns, cells, strict=True)]
    data = Markup("").join(Markup("<td {}</td>").format(cell) for cell in rest)
    return Markup('<tr><th scope="row" {}</th>{}</tr>').format(first, data)


def _letters(columns: Sequence[_Column], rows: Sequence[Sequence[Markup]]) -> int:
    """About how many letters the table needs beside each other; text is broken between words, numbers are not."""
    widest = 0
    for place, column in enumerate(columns):
        cells = [row[place].striptags() for row in rows]
        if column.kind in TEXT_KINDS:
            cells = [word for cell in cells for word in cell.split()]
        widest += 2 + max(map(len, [*str(column.heading).split(), *cells]), default=0)
    return widest


FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def escape_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """A copy whose texts cannot start a formula: an apostrophe goes before = + - @ tab and line breaks.

    Examples
    --------
    >>> escape_formulas(pd.DataFrame({"customer_id": ["=1+1", "007"]}))["customer_id"].tolist()
    ["'=1+1", '007']
    """
    escaped = frame.copy()
    for position in range(frame.shape[1]):
        column = frame.iloc[:, position]
        if not pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_datetime64_any_dtype(column.dtype):
            escaped.isetitem(position, column.astype(object).map(_escaped))
    return escaped.set_axis([_escaped(name) for name in frame.columns], axis="columns")


def _escaped(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA_STARTS) else value
