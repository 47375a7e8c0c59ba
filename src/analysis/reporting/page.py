"""The page of a run: self-contained, readable without a network, from a phone to A4."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from analysis.reporting.history import KeyFigures
from analysis.reporting.scripts import needs_script, source_of, what_if_script
from analysis.reporting.sparkline import sparkline
from analysis.reporting.words import Saying, Words, name_key

if TYPE_CHECKING:
    from analysis.interval import Interval

TEMPLATES = Path(__file__).parent / "templates"
QUESTION = re.compile(r'<h2 class="rl-question" id="([\w-]+)"[^>]*>(.*?)</h2>', re.DOTALL)
TIME = Markup('<time datetime="{}">{}</time>')
SHOWN = ("name", "as_of", "generated_at", "run_id", "data_hash", "config_hash", "language", "versions")


@dataclass(frozen=True)
class IndexEntry:
    """One run in the list of all reports.

    Attributes
    ----------
    name, run_id
        Report and run.
    href
        Relative address of its page.
    as_of
        Last day of its data; None where it did not come that far.
    generated_at
        When it was made (ISO date and time); empty where unknown.
    status
        ``latest``, ``earlier`` or ``failed``.
    """

    name: str
    run_id: str
    href: str
    as_of: str | dt.date | None = None
    generated_at: str = ""
    status: str = "earlier"


def compose(
    title: str,
    fragments: Sequence[str],
    stamp: Any,
    failure: str | None = None,
    lang: str = "en",
    seconds: float | None = None,
) -> str:
    """The whole page.

    Parameters
    ----------
    title
        Its only first-level heading, as text.
    fragments
        HTML of the notebooks in the order of reading, from ``fragment_of``.
    stamp
        A dataclass; each of its fields goes into a ``<meta>`` element and, readable, into the footer.
    failure
        Why the run stopped, as text; shown in a banner on top.
    lang
        Language of the page.
    seconds
        How long it took to make; None where nobody measured it.
    """
    words = Words(lang)
    fields = dataclasses.asdict(stamp)
    return _render(
        "page.html.j2",
        words,
        title=title,
        kicker=words("page.kicker_dated", day=fields["as_of"]) if fields.get("as_of") else words("page.kicker"),
        fragments=[Markup(fragment) for fragment in fragments],
        contents=contents_of(fragments),
        failure=failure,
        script=Markup(what_if_script()) if failure is None and needs_script(fragments) else None,
        source_of=source_of,
        stamp={name: _one_line(value) for name, value in fields.items()},
        lines=[*_stamp_lines(fields, words), *_duration_line(seconds, words)],
    )


def report_title(name: str, lang: str = "en") -> str:
    """The heading of a report's page."""
    return Words(lang)("page.title", name=name)


def contents_of(fragments: Iterable[str]) -> list[tuple[str, Markup]]:
    """Anchor and text of each notebook's question."""
    return [(anchor, Markup(text)) for fragment in fragments for anchor, text in QUESTION.findall(fragment)]


def index_page(
    entries: Iterable[IndexEntry], lang: str = "en", trends: Mapping[str, Sequence[KeyFigures]] | None = None
) -> str:
    """A list of all reports and their runs, with the latest key figures and how they went.

    Parameters
    ----------
    trends
        Report name -> key figures of its runs, the newest last.
    """
    reports: dict[str, list[IndexEntry]] = {}
    for entry in entries:
        reports.setdefault(entry.name, []).append(entry)
    figures = {name: trend_lines(runs, lang) for name, runs in (trends or {}).items()}
    return _render("index.html.j2", Words(lang), reports=reports, figures=figures)


def trend_lines(runs: Sequence[KeyFigures], lang: str = "en") -> list[tuple[str, str, Markup]]:
    """Label, latest value with its interval, and sparkline (empty below two runs) of each figure that the runs have."""
    words, latest = Words(lang, runs[-1].currency), runs[-1]
    followed = [(words("card.value"), "money", [run.residual_value for run in runs])]
    for key, kind, name in (("changes.alive", "integer", "alive"), ("changes.lift", "percent1", "lift")):
        for model in list(getattr(latest, name))[:1]:
            label = words(key, model=Saying(name_key(model)))
            followed.append((label, kind, [getattr(run, name).get(model) for run in runs]))
    known = [(label, kind, [value for value in values if value is not None]) for label, kind, values in followed]
    return [
        (label, words.format(f"interval {kind}", values[-1]), _trend(label, kind, values, words))
        for label, kind, values in known
        if values
    ]


def _trend(label: str, kind: str, values: Sequence[Interval], words: Words) -> Markup:
    if len(values) < 2:
        return Markup("")
    estimates = [value.estimate for value in values]
    ends = {"first": estimates[0], "last": estimates[-1], "low": min(estimates), "high": max(estimates)}
    shown = {name: words.format(kind, value) for name, value in ends.items()}
    return sparkline(values, words("index.trend", figure=label, runs=len(values), **shown))


def _render(template: str, words: Words, **content: Any) -> str:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    styles = [TEMPLATES / "content.css", TEMPLATES / "page.css"]
    css = Markup("".join(path.read_text(encoding="utf-8") for path in styles))
    shared = {"words": words, "lang": words.language, "css": css, "made_html": made_html}
    return environment.get_template(template).render(**shared, **content)


def made_html(moment: str, words: Words) -> Markup:
    """When a run was made, as a sentence; text that is no moment stays as it is."""
    try:
        shown = words.formats.moment(moment)
    except ValueError:
        return words.html("index.made", moment=moment)
    return TIME.format(moment, words.html("index.made", moment=shown))


def time_html(value: str, show: Callable[[str], str]) -> Markup:
    """A date or a moment as people read it, with the machine's form beside it; text that is none stays as it is.

    Examples
    --------
    >>> time_html("2026-11-22T04:50:37+00:00", Words().formats.moment)
    Markup('<time datetime="2026-11-22T04:50:37+00:00">22 November 2026, 04:50 UTC</time>')
    """
    try:
        return TIME.format(value, show(value))
    except ValueError:
        return escape(value)


def _stamp_lines(fields: Mapping[str, Any], words: Words) -> list[tuple[str, str]]:
    lines = {name: _one_line(fields[name]) for name in SHOWN if fields.get(name)}
    for name, show in (("as_of", words.formats.date), ("generated_at", words.formats.moment)):
        if name in lines:
            lines[name] = time_html(lines[name], show)
    if (language := f"language.{fields.get('language')}") in words:
        lines["language"] = words(language)
    return [(words(f"stamp.{name}"), line) for name, line in lines.items()]


def _duration_line(seconds: float | None, words: Words) -> Iterator[tuple[str, Markup]]:
    if seconds is not None:
        shown = Markup('<span class="duration">{}</span>').format(words.html("stamp.seconds", seconds=round(seconds)))
        yield words("stamp.duration"), shown


def _one_line(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return "" if value is None else str(value)
