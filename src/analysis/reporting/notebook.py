"""What a notebook needs: ``open_study`` for the results, and a ``Page`` whose methods show them.

Everything shown is HTML through IPython's display, so the same notebook serves a reader in JupyterLab and the
runner, which takes these outputs (and nothing else) onto the report's page.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.display import display
from markupsafe import Markup

from analysis.config import Config, load_config
from analysis.errors import UsageError
from analysis.reporting import elements
from analysis.reporting.exhibit import Exhibit, figure_html
from analysis.reporting.fragment import CLOSING
from analysis.reporting.parameters import nearest, parameter_keys
from analysis.reporting.stamp import SENTINEL, identity_of
from analysis.reporting.tables import Table, table_html
from analysis.reporting.what_if import panel_html
from analysis.reporting.words import Remark, Saying, Words

if TYPE_CHECKING:
    from analysis.data import Note
    from analysis.reporting.exhibits.claims import Entry
    from analysis.reporting.exhibits.summary import Card, Verdict
    from analysis.reporting.what_if import Panel
    from analysis.study import Study

STYLE_ROLE = {"retention-lab": {"role": "style"}}
CLOSING_ROLE = {"retention-lab": {"role": CLOSING}}
CONTENT_CSS = Path(__file__).parent / "templates" / "content.css"


def open_study(
    config: str | Path, *, as_of: str | None = None, store: str | Path | None = None, **overrides: Any
) -> tuple[Study, Page]:
    """The results of a configuration, and the page to show them on.

    Parameters
    ----------
    config
        A configuration file; a relative path starts at the working folder, else at the folder of the notebooks.
    as_of
        Last day of the data that counts (ISO date); None as the configuration says.
    store
        Folder in which computed results are kept; None for ``.retention-lab`` in the working folder.
    overrides
        Configuration values that beat the file's, by the last part of their key; None leaves the file's value.

    Raises
    ------
    UsageError
        For an override that is no configuration key, and for everything that is wrong with the configuration.
    """
    from analysis.study import Study

    resolved = load_config(
        _found(Path(config)), overrides={dotted_key(name): value for name, value in overrides.items()}
    )
    study = Study(resolved, as_of=day_of(as_of), store=Path(store) if store else default_store())
    return study, Page(resolved.language, lambda: currency_of(study, resolved), study=study)


def _found(config: Path) -> Path:
    """A relative path that leads nowhere from here starts at the folder of the notebooks."""
    from analysis.reporting.request import notebooks_folder

    beside = notebooks_folder() / config
    return beside if not config.exists() and beside.exists() else config


def dotted_key(name: str) -> str:
    """The configuration key of a section whose last part is ``name``.

    >>> dotted_key("gross_margin")
    'economics.gross_margin'
    """
    keys = parameter_keys()
    if name not in keys:
        raise UsageError(f"parameter {name!r}: there is no configuration key of that name{nearest(name, keys)}")
    return keys[name]


def day_of(as_of: str | None) -> dt.date | None:
    """The date that an ISO string names."""
    try:
        return None if as_of is None else dt.date.fromisoformat(as_of)
    except ValueError:
        raise UsageError(f"as_of == {as_of!r}, must be an ISO date such as 1997-09-30") from None


def default_store() -> Path:
    """Where results are kept when no folder is named: beside the work, out of git, for `make clean` to remove."""
    store = Path.cwd() / ".retention-lab"
    store.mkdir(exist_ok=True)
    (store / ".gitignore").write_text("*\n", encoding="utf-8")
    return store


def currency_of(study: Study, config: Config) -> str | None:
    """The currency that money is shown in; None where nobody said."""
    return study.transactions.currency or config.economics.currency


class Page:
    """Shows sentences, figures and tables, each as one HTML output.

    Parameters
    ----------
    language
        Language of the catalogue.
    currency
        Gives the currency once the data are known; called on first use.
    study
        The study the page is about; its stamp goes into the last output.
    """

    def __init__(self, language: str, currency: Callable[[], str | None] = lambda: None, study: Study | None = None):
        self.language = language
        self._currency, self._study = currency, study
        display(
            {"text/html": f"<style>{CONTENT_CSS.read_text(encoding='utf-8')}</style>"}, raw=True, metadata=STYLE_ROLE
        )

    @cached_property
    def words(self) -> Words:
        return Words(self.language, self._currency())

    def title(self, key: str, **numbers: Any) -> None:
        """The question of the notebook: its only first-level heading."""
        self._show(elements.title_html(key, numbers, self.words))

    def heading(self, key: str, **numbers: Any) -> None:
        self._show(Markup('<h2 class="rl-heading">{}</h2>').format(self.words.html(key, **numbers)))

    def answer(self, *sayings: Remark | list[Remark]) -> None:
        """The two to four sentences that answer the question, as one paragraph."""
        self._show(elements.paragraph_html(_flat(sayings), self.words, "rl-answer"))

    def say(self, *sayings: str | Remark | list[Remark], heading: str | None = None, **numbers: Any) -> None:
        """One paragraph: a key with its numbers, or sayings; nothing, and no heading either, where there are none."""
        if heading and _flat(sayings):
            self.heading(heading)
        if sayings and isinstance(sayings[0], str):
            sayings = (Saying(sayings[0], numbers),)
        if flat := _flat(sayings):
            self._show(elements.paragraph_html(flat, self.words, "rl-say"))

    def points(self, *sayings: Remark | list[Remark]) -> None:
        """A list, one point a saying."""
        if flat := _flat(sayings):
            self._show(elements.list_html(flat, self.words))

    def figure(self, exhibit: Exhibit | None) -> None:
        """A figure; nothing where there is none to show."""
        if exhibit is not None:
            self._show(figure_html(exhibit, self.words))

    def table(self, table: Table | None, *, fold: str | None = None) -> None:
        """A table; nothing where there is none. ``fold`` is the key of a line that opens it, for a long one."""
        if table is not None:
            html = table_html(table, self.words)
            self._show(elements.folded_html(html, fold, self.words) if fold else html)

    def notes(self, notes: Iterable[Note], none: str | None = None) -> None:
        """What the data room noticed, each as a call-out; ``none`` is said where it noticed nothing."""
        for note in (noticed := list(notes)):
            self._show(elements.note_html(note, self.words))
        if not noticed and none:
            self.say(none)

    def verdicts(self, verdicts: Iterable[Verdict]) -> None:
        self._show(elements.verdicts_html(list(verdicts), self.words))

    def cards(self, cards: Iterable[Card]) -> None:
        self._show(elements.cards_html(list(cards), self.words))

    def claims(self, entries: Iterable[Entry]) -> None:
        """The ledger of claims, each with what it rests on behind a line that opens it."""
        self._show(elements.claims_html(list(entries), self.words))

    def what_if(self, panel: Panel) -> None:
        """The panel in which a reader moves settings; in JupyterLab its table."""
        self._show(panel_html(panel, self.words))

    def closing(self, settings: Table) -> None:
        """What the page ends on: the files that lie beside it; the formulas and the settings, folded."""
        files = elements.downloads_html(self.words, customers=self._has_customer_files)
        table = table_html(settings, self.words)
        folded = elements.folded_html(table, "closing.settings", self.words, kind="rl-method")
        method = elements.method_html(self.words) + folded
        for key, html in (("closing.files", files), ("closing.method", method)):
            self._show(elements.section_html(key, html, self.words), CLOSING_ROLE)

    def customer_file(self, columns: Table) -> None:
        """Says where the values of single customers are, with the columns; or that this run made no such file."""
        if self._has_customer_files:
            self.say("value.file_intro")
            self.table(columns)
        else:
            self.say("value.file_none")

    @property
    def _has_customer_files(self) -> bool:
        return self._study is None or self._study.config.customer_files

    def finish(self, notebook: str, summary: str = "") -> None:
        """The sentinel: a run counts as complete only where this output is there.

        Parameters
        ----------
        notebook
            Name of the notebook.
        summary
            The run in plain text, for ``summary.txt``.
        """
        stamp = {} if self._study is None else identity_of(self._study)
        content = {"notebook": notebook, "stamp": stamp} | ({"summary": summary} if summary else {})
        display({SENTINEL: content, "text/plain": ""}, raw=True)

    def _show(self, html: Markup, metadata: Mapping[str, Any] | None = None) -> None:
        display({"text/html": str(html), "text/plain": elements.plain(html)}, raw=True, metadata=metadata)


def _flat(items: Iterable[Remark | list[Remark]]) -> list[Remark]:
    """Sayings and lists of them, as one list."""
    return [saying for item in items for saying in (item if isinstance(item, list) else [item])]
