"""Small pieces of HTML: headings, paragraphs, lists, call-outs, verdicts, cards."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from markupsafe import Markup

from analysis.reporting.words import Remark, Saying, Words

if TYPE_CHECKING:
    from analysis.reporting.exhibits.claims import Entry
    from analysis.reporting.exhibits.summary import Card, Verdict

FORMULAS = Path(__file__).parent / "templates" / "formulas.yml"
FILES = ("customers.csv", "customers.parquet", "ledger.csv", "results.json", "model.json")


def section_html(key: str, content: Markup, words: Words) -> Markup:
    """A part of the page that belongs to no question, with a heading that the page's navigation leads to."""
    heading = Markup('<h2 class="rl-question" id="{}" tabindex="-1">{}</h2>')
    return heading.format(key.replace(".", "-"), words.html(key)) + content


def title_html(key: str, numbers: Mapping[str, Any], words: Words) -> Markup:
    """The question, with an anchor that the page's navigation leads to."""
    anchor = re.sub(r"[^a-z0-9]+", "-", key.partition(".")[0].lower())
    return Markup('<h1 class="rl-question" id="{}" tabindex="-1">{}</h1>').format(anchor, words.html(key, **numbers))


def paragraph_html(sayings: Iterable[Remark], words: Words, kind: str) -> Markup:
    sentences = Markup(" ").join(words.said(saying) for saying in sayings)
    return Markup('<p class="{}">{}</p>').format(kind, sentences)


def list_html(sayings: Iterable[Remark], words: Words) -> Markup:
    items = Markup("").join(Markup("<li>{}</li>").format(words.said(saying)) for saying in sayings)
    return Markup('<ul class="rl-points">{}</ul>').format(items)


def note_html(note: Remark, words: Words) -> Markup:
    """A call-out whose kind is said in words and not by colour alone."""
    return Markup('<div class="rl-note" role="note"><strong class="rl-note-kind">{}</strong> {}</div>').format(
        words.html("note.kind"), words.said(note)
    )


def folded_html(content: Markup, key: str, words: Words, *, kind: str = "rl-data") -> Markup:
    """Content behind a line that opens it, for what only some readers need; of kind ``rl-method`` it is printed too."""
    return Markup('<details class="{}"><summary>{}</summary>{}</details>').format(kind, words.html(key), content)


def verdicts_html(verdicts: Sequence[Verdict], words: Words) -> Markup:
    """At most three verdicts, each with its certainty in words."""
    items = Markup("").join(
        Markup(
            '<li class="rl-verdict"><p class="rl-verdict-text">{}</p>'
            '<p class="rl-certainty rl-certainty-{}">{}</p></li>'
        ).format(
            words.said(verdict.sentence),
            verdict.certainty,
            Markup("<strong>{}</strong> {}").format(
                words.html(f"certainty.{verdict.certainty}"),
                words.said(verdict.because),
            ),
        )
        for verdict in verdicts[:3]
    )
    return Markup('<ol class="rl-verdicts">{}</ol>').format(items)


def claims_html(entries: Sequence[Entry], words: Words) -> Markup:
    """Every claim with its verdict in the open; what it rests on is behind a line that opens it."""
    return Markup("").join(_claim_html(entry, words) for entry in entries)


def _claim_html(entry: Entry, words: Words) -> Markup:
    verdict = Markup(" ").join(words.said(saying) for saying in entry.verdict)
    parts = Markup("").join(
        Markup('<p class="rl-claim-part">{}</p>{}').format(words.html(key), list_html(remarks, words))
        for key, remarks in entry.parts.items()
        if remarks
    )
    return Markup(
        '<details class="rl-claim"><summary><span class="rl-claim-wording">{}</span> '
        '<strong class="rl-outcome rl-outcome-{}">{}</strong></summary>{}</details>'
    ).format(words.said(entry.wording), entry.outcome, verdict, parts)


def cards_html(cards: Sequence[Card], words: Words) -> Markup:
    items = Markup("").join(_card_html(card, words) for card in cards)
    return Markup('<dl class="rl-cards">{}</dl>').format(items)


def _card_html(card: Card, words: Words) -> Markup:
    detail = words.said(card.detail) if card.detail else Markup("")
    change = Markup('<dd class="rl-card-change">{}</dd>').format(words.said(card.change)) if card.change else Markup("")
    return Markup(
        '<div class="rl-card"><dt>{}</dt><dd class="rl-card-value">{}</dd>{}<dd class="rl-card-detail">{}</dd></div>'
    ).format(words.html(card.label), words.format(card.kind, card.value), change, detail)


def downloads_html(words: Words, *, customers: bool = True) -> Markup:
    """Links to the files of the run folder, each with what it holds; without ``customers`` not to those of people."""
    files = [name for name in FILES if customers or not name.startswith("customers.")]
    items = Markup("").join(
        Markup('<li><a href="{0}"><code>{0}</code></a> {1}</li>').format(
            name, words.html("downloads." + name.replace(".", "_"))
        )
        for name in files
    )
    return Markup('<p class="rl-say">{}</p><ul class="rl-points">{}</ul>').format(words.html("downloads.intro"), items)


def method_html(words: Words) -> Markup:
    """Models and formulas, folded; MathML needs no script."""
    parts = Markup("").join(
        Markup('<p>{}</p><div class="rl-formula" role="group" tabindex="0" aria-label="{}">{}</div>').format(
            words.html(f"method.{name}"),
            words("method.formula_label", name=Saying(f"method.{name}_name")),
            Markup(formula).format(active=words("method.active")),
        )
        for name, formula in formulas().items()
    )
    return Markup('<details class="rl-method"><summary>{}</summary>{}<p>{}</p></details>').format(
        words.html("method.fold"), parts, words.html("method.sources")
    )


@functools.cache
def formulas() -> Mapping[str, str]:
    """The formulas as MathML, by name."""
    return yaml.safe_load(FORMULAS.read_text(encoding="utf-8"))


def plain(html: str) -> str:
    """The text in a piece of HTML, for terminals and screen readers of notebooks."""
    return " ".join(Markup(re.sub(r"<(style|svg|img|source)\b[^>]*>", " ", html)).striptags().split())[:500]
