"""summary.txt: a run in plain text, for the body of a mail."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from analysis.reporting.exhibits.changes import compared_with, reasons
from analysis.reporting.progress import plain
from analysis.reporting.words import Remark, Words, placeholders

if TYPE_CHECKING:
    from analysis.reporting.changes import Changes
    from analysis.reporting.exhibits.summary import Card, Verdict
    from analysis.reporting.stamp import Stamp

COLUMNS = 78
SIGNATURE = "-- "
"""The line that mail programs know as the end of a message's body; the stamp stands below it."""


def summary_text(
    name: str,
    verdicts: Sequence[Verdict],
    cards: Sequence[Card],
    changes: Changes | None,
    strategy: Sequence[Remark],
    words: Words,
) -> str:
    """Verdicts, key figures with their change, what changed, and which strategy, in lines of ``COLUMNS`` characters."""
    parts = [
        wrapped(words("page.title", name=name)),
        _headed(words("mail.verdicts"), [_verdict(number, one, words) for number, one in enumerate(verdicts, 1)]),
        _headed(words("mail.figures"), [_card(card, words) for card in cards]),
        _headed(words("changes.heading"), _changes(changes, words)),
        _headed(words("summary.strategies_heading"), [wrapped(" ".join(said(each, words) for each in strategy))]),
    ]
    return "\n\n".join(parts) + "\n"


def signed(text: str, stamp: Stamp) -> str:
    """The text with the stamp of its run as its signature."""
    words = Words(stamp.language)
    run = words("mail.run", run=stamp.run_id, name=stamp.name, day=stamp.as_of, moment=stamp.generated_at)
    hashes = words("mail.hashes", data=stamp.data_hash[:12], config=stamp.config_hash[:12])
    return f"{text}\n{SIGNATURE}\n{wrapped(run)}\n{wrapped(hashes)}\n"


def wrapped(text: str, first: str = "", later: str | None = None) -> str:
    """Text in lines of at most ``COLUMNS`` characters, the first and the later ones indented.

    Line ends and control characters of values become spaces.

    >>> wrapped("one two", first="1. ")
    '1. one two'
    """
    later = " " * len(first) if later is None else later
    # str.split would take the space inside an amount for one at which a line may end.
    pieces = [piece for piece in plain(text).split(" ") if piece]
    return textwrap.fill(" ".join(pieces), COLUMNS, initial_indent=first, subsequent_indent=later)


def _headed(heading: str, paragraphs: Iterable[str]) -> str:
    title = wrapped(heading)
    return "\n".join([title, "-" * min(len(title), COLUMNS), *paragraphs])


def _verdict(number: int, verdict: Verdict, words: Words) -> str:
    because = f"{words(f'certainty.{verdict.certainty}')} {said(verdict.because, words)}"
    return f"{wrapped(said(verdict.sentence, words), f'{number}. ')}\n{wrapped(because, '   ')}"


def _card(card: Card, words: Words) -> str:
    figure = f"{words(card.label)}: {words.format(card.kind, card.value)}"
    details = [said(remark, words) for remark in (card.change, card.detail) if remark is not None]
    return "\n".join([wrapped(figure, "* ", "  "), *(wrapped(detail, "  ") for detail in details)])


def _changes(changes: Changes | None, words: Words) -> list[str]:
    lines = [wrapped(said(compared_with(changes), words))]
    return lines + [wrapped(said(reason, words), "* ", "  ") for reason in reasons(changes)]


def said(remark: Remark, words: Words) -> str:
    """A remark as plain text; a note of another room may carry more numbers than its sentence names."""
    wanted = placeholders(words.sentence(remark.key))
    return words(remark.key, **{name: value for name, value in remark.numbers.items() if name in wanted})
