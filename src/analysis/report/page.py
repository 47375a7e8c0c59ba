"""What a notebook says and shows: ``open_page(study)`` gives a ``Page`` that serves JupyterLab and the report alike.

Each call shows one output, HTML with plain text beside it, so the exported page holds what the notebook shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup, escape

from analysis.arguments import checked
from analysis.config import Config
from analysis.errors import Unavailable
from analysis.plotting import WIDE, Picture, picture, plot_trend
from analysis.report.stamp import ROLE, SENTINEL, identity_of
from analysis.tables import Columns, scrolling, table_html
from analysis.words import Message, block, formats, shown, tr, use

if TYPE_CHECKING:
    from analysis.interval import Interval
    from analysis.pipeline import Study

STYLE = Path(__file__).parent / "template" / "report.css"
HALF = 4.6
"""Width of a figure that stands beside text on a wide screen and fills a phone [inches]."""
BARE_ROWS = 10


ASSUMED = "†"
"""Stands after an amount that rests on a question that nobody answered."""
ANSWERS = {
    "economics.gross_margin": lambda value: Message("a margin of {value:percent}", value=value),
    "economics.cost_per_order": lambda value: Message("{value:money} for an order", value=value),
}
"""What every amount of margin rests on; that other costs are not stated is said where they count."""


def unanswered(config: Config) -> list[Message]:
    """What every amount of margin rests on and nobody has answered, with what is assumed of it.

    >>> [str(each) for each in unanswered(Config(name="shop", data={"transactions": {"sample": "cdnow"}}))]
    ['a margin of 30%', '0 for an order', 'amounts without tax and shipping']
    """
    included = config.data.amount_includes
    parts = [said(attrgetter(key)(config)) for key, said in ANSWERS.items() if key in config.assumed]
    parts += [Message("amounts without tax and shipping")] if included is None else []
    return parts + ([Message("amounts without tax")] if included and included.vat is None else [])


@checked
def open_page(study: Study, *, phone: bool = False) -> Page:
    """The page of a study, in its language and currency; from here on bare frames look as they do on the page.

    Parameters
    ----------
    phone
        Whether figures are drawn for a reader with a phone: half as wide, beside the text on a wide screen.
    """
    use(study.config.language, study.currency, ASSUMED if unanswered(study.config) else "")
    return Page(study, phone=phone)


@dataclass(frozen=True)
class Card:
    """A key figure.

    Attributes
    ----------
    label
        What it is.
    value, kind
        The figure, and how it is shown (see ``analysis.words.Formats``).
    detail
        One more sentence, such as its interval.
    trend
        The figure in the runs before and in this one, the oldest first; drawn from two on.
    """

    label: Message
    value: Any
    kind: str = "rounded_money"
    detail: Message | str | None = None
    trend: Sequence[Interval] = ()


class Page:
    """Shows sentences, tables and figures, each as one output.

    A sentence is given as ``Message`` takes it (text, its plural, numbers by name), or as one or more ``Message``.
    """

    Card = Card

    def __init__(self, study: Study | None = None, *, phone: bool = False):
        self._study, self._phone = study, phone
        self._is_marked = False
        self._missing: set[str] = set()
        from IPython import get_ipython

        if shell := get_ipython():
            html = shell.display_formatter.formatters["text/html"]
            html.for_type(pd.DataFrame, lambda frame: str(table_html(frame, most=BARE_ROWS)))
            html.for_type(pd.Series, lambda series: str(table_html(series.to_frame(), most=BARE_ROWS)))
        style = f"<style>{STYLE.read_text(encoding='utf-8')}</style>"
        _display({"text/html": style, "text/plain": ""}, role="style")

    def title(self, *said: str | Message, **values: Any) -> None:
        """The question that the page answers: its only first-level heading."""
        (title,) = _messages(said, values)
        self._show(_element("h1", title), str(title), "title", title=str(title))

    def heading(self, *said: str | Message, **values: Any) -> None:
        self._say("h2", said, values)

    def text(self, *said: str | Message, **values: Any) -> None:
        """One paragraph; nothing where there is no sentence."""
        self._say("p", said, values)

    def points(self, points: Iterable[Message], *, behind: Message | None = None) -> None:
        """A list, or one behind a line that opens it and open on paper; nothing where there are no points."""
        if points := list(points):
            html = _element("ul", Markup("").join(_element("li", point) for point in points))
            plain = "\n".join(f"- {point}" for point in points)
            if behind:
                html, plain = _folded(behind, html, "more"), f"{behind}\n{plain}"
            self._show(html, plain, "text")

    def note(self, *said: str | Message, **values: Any) -> None:
        """A caution, whose kind is said in words and not by colour alone."""
        if messages := _messages(said, values):
            kind, text = Message("Note"), Markup(" ").join(messages)
            html = Markup('<p class="rl-note" role="note"><strong>{}</strong> {}</p>').format(kind, text)
            self._show(html, f"{kind}: " + " ".join(map(str, messages)), "text")

    @contextmanager
    def section(self, *said: str | Message, **values: Any) -> Iterator[None]:
        """A heading with what stands under it; what is not known says why in its place, and the page goes on."""
        self._say("h2", said, values)
        try:
            yield
        except Unavailable as gap:
            is_new = str(gap) not in self._missing
            self._missing.add(str(gap))
            self._say("p", [gap.reason if is_new else Message("Not known, for the reason given above.")], {}, "missing")

    def table(
        self,
        frame: pd.DataFrame,
        caption: str | Message,
        plural: str | None = None,
        /,
        *,
        columns: Columns | None = None,
        fold: bool = False,
        **values: Any,
    ) -> None:
        """A table, see ``analysis.tables.table_html``; with ``fold`` behind a line that opens it."""
        (message,) = _messages([caption, plural] if plural else [caption], values)
        html = table_html(frame, None if fold else message, columns, values)
        self._show(_folded(message, html) if fold else html, f"{message}\n{frame.head()}", "table")

    def figure(
        self,
        draw: Callable[..., Any],
        sentence: str | Message,
        plural: str | None = None,
        /,
        *,
        alt: str | Message | None = None,
        data: pd.DataFrame | None = None,
        columns: Columns | None = None,
        height: float = 3.4,
        **values: Any,
    ) -> None:
        """A figure under the sentence that says what it shows, with its data as a folded table.

        Parameters
        ----------
        draw
            Draws on the axes that it is given, such as ``lambda ax: ...`` or ``fit.plot.tracking``.
        alt
            What the figure shows, for those who do not see it; None where the sentence says it all.
        data, columns
            What was drawn, as for ``table``.
        height
            In inches.
        """
        (message,) = _messages([sentence, plural] if plural else [sentence], values)
        described = Message(alt, **values) if isinstance(alt, str) else alt or message
        image = _image(picture(draw, HALF if self._phone else WIDE, height), described)
        if not self._phone:
            image = scrolling(tr("Figure"), image)
        if data is not None:
            image += _folded(Message("The numbers in this figure"), table_html(data, None, columns, values))
        html = Markup('<figure class="rl-figure"><figcaption>{}</figcaption>{}</figure>').format(message, image)
        self._show(html, str(message), "figure")

    def cards(self, cards: Iterable[Card]) -> None:
        """Key figures beside each other."""
        cards = list(cards)
        self._show(
            cards_html(cards), "\n".join(f"{card.label}: {shown(card.kind, card.value)}" for card in cards), "cards"
        )

    def finish(self, *, summary: str = "") -> None:
        """The last cell of a notebook: a run counts as complete only where this output is there.

        Parameters
        ----------
        summary
            The run in plain text, for ``summary.txt``.
        """
        if self._is_marked:
            told = Message("{mark} This rests on what nobody has answered and is assumed: {parts:list}.",
                           mark=ASSUMED, parts=unanswered(self._study.config))  # fmt: skip
            self.text(told)
            summary = f"{summary}\n\n{told}" if ASSUMED in summary else summary
        stamp = identity_of(self._study) if self._study else {}
        _display({SENTINEL: {"stamp": stamp, "summary": summary}, "text/plain": ""})

    def _say(self, tag: str, said: Sequence[str | Message], values: Mapping[str, Any], kind: str = "") -> None:
        if messages := _messages(said, values):
            html = _element(tag, Markup(" ").join(messages), kind)
            self._show(html, " ".join(map(str, messages)), "text" if tag == "p" else "heading")

    def _show(self, html: Markup, plain: str, role: str, **more: str) -> None:
        self._is_marked |= bool(formats().mark) and ASSUMED in html
        _display({"text/html": str(block(html)), "text/plain": plain}, role=role, **more)


def _display(output: Mapping[str, Any], **role: str) -> None:
    from IPython.display import display

    display(output, raw=True, metadata={ROLE: role})


def shared() -> dict[str, Any]:
    """What every page takes from its reader and the one style sheet."""
    return {"language": formats().language, "css": Markup(STYLE.read_text(encoding="utf-8"))}


def _trend(label: Message | str, values: Sequence[Interval], kind: str) -> Markup:
    """How a figure went from run to run, as a small picture with its words; nothing below two runs."""
    if len(values) < 2:
        return Markup("")
    first, last = (shown(kind, values[place].estimate) for place in (0, -1))
    words = Message(
        "{label}: {first} at first, {last} now, over {n:integer} run",
        "{label}: {first} at first, {last} now, over {n:integer} runs",
        n=len(values), label=label, first=first, last=last,
    )  # fmt: skip
    return _image(picture(lambda ax: plot_trend(values, ax), 1.6, 0.4), words)


def cards_html(cards: Iterable[Card]) -> Markup:
    """Key figures beside each other; each with how it went from run to run."""
    return Markup('<dl class="rl-cards">{}</dl>').format(Markup("").join(map(_card, cards)))


def _card(card: Card) -> Markup:
    value = _element("dd", escape(shown(card.kind, card.value)), "value")
    trend = _trend(card.label, card.trend, card.kind.rpartition(" ")[2])
    more = [_element("dd", part, kind) for part, kind in ((trend, "trend"), (card.detail, "detail")) if part]
    return _element("div", Markup("").join([_element("dt", card.label), value, *more]))


def _image(drawn: Picture, alt: Message) -> Markup:
    # What picture() gives has nothing left to escape.
    return Markup('<img src="{}" width="{}" height="{}" alt="{}">').format(
        Markup(drawn.uri), drawn.width, drawn.height, str(alt)
    )


def _folded(line: Message, html: Markup, kind: str = "data") -> Markup:
    return Markup('<details class="rl-{}"><summary>{}</summary>{}</details>').format(kind, line, html)


def _element(tag: str, content: Markup | Message, kind: str = "") -> Markup:
    opening = Markup('<{} class="rl-{}">') if kind else Markup("<{}>")
    return opening.format(tag, kind) + escape(content) + Markup("</{}>").format(tag)


def _messages(said: Sequence[str | Message], values: Mapping[str, Any]) -> list[Message]:
    """Messages, or the one that a text, its plural and their numbers make."""
    if said and isinstance(said[0], str):
        return [Message(*said, **values)]
    return list(said)
