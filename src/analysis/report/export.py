"""A notebook as a page: self-contained HTML by nbconvert, readable without a network, from a phone to A4."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, pass_context
from latex2mathml.converter import convert
from markupsafe import Markup, escape
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode

from analysis.report.folders import INDEX, PAGES
from analysis.report.page import STYLE, shared
from analysis.report.stamp import ROLE, SENTINEL, Stamp
from analysis.words import Message, formats, reader, tr

OFF_THE_PAGE = {"lab", "parameters", "injected-parameters", "papermill-error-cell-tag"}


def export(
    notebook: NotebookNode,
    *,
    here: str,
    pages: Mapping[str, str],
    stamp: Stamp,
    code: bool = True,
    failure: Message | str | None = None,
    seconds: float | None = None,
) -> str:
    """An executed notebook as a page.

    Markdown cells are on English evidence pages only; cells tagged ``lab`` or ``parameters``, warnings and tracebacks
    are on none.

    Parameters
    ----------
    here
        Address of this page in the run's folder; that of ``INDEX`` is laid out for a reader in a hurry.
    pages
        All pages of the run, in their order: address in the run's folder -> name in the navigation bar.
    code
        Whether the code of each cell is behind a line that opens it.
    failure
        Why the run stopped, shown on top; the page then ends where the notebook did.
    seconds
        How long the run took; None where nobody measured it.
    """
    is_index, language = here == INDEX, stamp.language
    with reader(language):
        kept = NotebookNode(
            notebook,
            cells=list(_kept(notebook, markdown=language == "en" and not is_index, stopped=failure is not None)),
        )
        roles = [_role(output) for cell in kept.cells for output in cell.get("outputs", ())]
        titles = [role["title"] for role in roles if "title" in role]
        content = {
            "title": next(iter(titles), stamp.name),
            "has_title": bool(titles),
            "meta": {name: _one_line(value) for name, value in dataclasses.asdict(stamp).items()},
            "is_index": is_index,
            "links": [(_relative(path, here), title, path == here) for path, title in pages.items()],
            "nav": tr("Pages of this report"),
            "skip": tr("Skip to the content"),
            "failure": failure,
            "failed": tr("This report is not complete"),
            "failed_scope": tr("What follows was made before the run stopped. Do not rely on what is missing."),
            "code": code and not is_index,
            "code_line": tr("Code"),
            "rows": _rows_beside if is_index else _rows,
            "alt": _alt,
            "stamp_title": tr("What this report was made from"),
            "stamp": list(_stamp_lines(stamp, seconds)),
        }
        return _exporter().from_notebook_node(kept, {"page": shared() | content})[0]


def page_links(names: Iterable[str]) -> dict[str, str]:
    """Address -> name of the pages of notebooks, in the reader's language; the first one is the index.

    >>> page_links(["00-summary", "07-my_own"])
    {'index.html': 'Summary', 'pages/07-my_own.html': 'My own'}
    """
    known = {
        "summary": tr("Summary"),
        "transactions": tr("Transactions"),
        "purchase-model": tr("Purchase model"),
        "customer-value": tr("Customer value"),
        "retention-and-profit": tr("Retention and profit"),
        "loyalty-strategies": tr("Loyalty strategies"),
        "customer-base": tr("Customer base"),
        "new-customers": tr("New customers"),
        "whom-to-contact": tr("Whom to contact"),
    }
    links: dict[str, str] = {}
    for name in names:
        subject = name.partition("-")[2] if name[:1].isdigit() else name
        title = known.get(subject, subject.replace("-", " ").replace("_", " ").capitalize())
        links[f"{PAGES}/{name}.html" if links else INDEX] = title
    return links


def _kept(notebook: NotebookNode, *, markdown: bool, stopped: bool) -> Iterator[NotebookNode]:
    """The cells that belong on a page, with the outputs that do; up to the last one that was run, where it stopped."""
    for cell in notebook.cells:
        if OFF_THE_PAGE & set(cell.metadata.get("tags", ())):
            continue
        if cell.cell_type == "code":
            if stopped and cell.execution_count is None:
                return
            yield NotebookNode(cell, outputs=[output for output in cell.outputs if _is_seen(output)])
        elif cell.cell_type == "markdown" and markdown:
            yield cell


def _is_seen(output: NotebookNode) -> bool:
    """Whether an output is meant for readers: no warning, traceback, sentinel, style, or name of an object."""
    if output.output_type == "stream":
        return output.name == "stdout"
    data = output.get("data", {})
    if SENTINEL in data or _role(output).get("role") == "style":
        return False
    return bool(set(data) - {"text/plain"}) or not data.get("text/plain", "<").lstrip("[(").startswith("<")


def _role(output: NotebookNode) -> Mapping[str, Any]:
    return output.get("metadata", {}).get(ROLE, {})


def _alt(output: NotebookNode) -> str:
    of_types = [value for value in output.metadata.values() if isinstance(value, Mapping)]
    return next((value["alt"] for value in of_types if "alt" in value), tr("Figure"))


def _rows(cell: NotebookNode) -> list[list[list[NotebookNode]]]:
    return [[cell.outputs]] if cell.outputs else []


def _rows_beside(cell: NotebookNode) -> list[list[list[NotebookNode]]]:
    """Rows of one or two columns of outputs: a heading, then a figure beside all else, or several in pairs below it.

    >>> roles = ("heading", "text", "figure", "text", "figure", "figure")
    >>> outputs = [{"metadata": {ROLE: {"role": role}}} for role in roles]
    >>> [[len(column) for column in row] for row in _rows_beside(NotebookNode(outputs=outputs[:4]))]
    [[1], [2, 1]]
    >>> [[len(column) for column in row] for row in _rows_beside(NotebookNode(outputs=outputs))]
    [[1], [2], [1, 1], [1]]
    """
    of = {role: [one for one in cell.outputs if _role(one).get("role") == role] for role in ("heading", "figure")}
    figures, rest = of["figure"], [one for one in cell.outputs if one not in of["heading"][:1] + of["figure"]]
    if len(figures) == 1 and rest:
        beside = [[rest, figures]]
    else:
        beside = [[rest], *([[one] for one in figures[at : at + 2]] for at in range(0, len(figures), 2))]
    return [row for row in ([of["heading"][:1]], *beside) if any(row)]


def _relative(path: str, here: str) -> str:
    """
    >>> _relative("pages/02-model.html", "pages/01-data.html"), _relative("index.html", "pages/01-data.html")
    ('02-model.html', '../index.html')
    """
    return quote(posixpath.relpath(path, posixpath.dirname(here) or "."))


def _stamp_lines(stamp: Stamp, seconds: float | None) -> Iterator[tuple[str, Any]]:
    languages = {"en": tr("English"), "nl": tr("Dutch")}
    lines = {
        tr("Report"): stamp.name,
        tr("Data up to"): formats().readable("date", stamp.as_of),
        tr("Made at"): formats().readable("moment", stamp.generated_at),
        tr("Run"): stamp.run_id,
        tr("Data (SHA-256)"): stamp.data_hash,
        tr("Configuration (SHA-256)"): stamp.config_hash,
        tr("Language"): languages.get(stamp.language, stamp.language),
        tr("Versions"): _one_line(stamp.versions),
    }
    if seconds is not None:
        lines[tr("Time taken")] = tr("{n:integer} second", "{n:integer} seconds", n=round(seconds))
    return ((label, value) for label, value in lines.items() if value)


def _one_line(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return "" if value is None else str(value)


class _PageExporter(HTMLExporter):
    """nbconvert's HTML exporter with our one template, which escapes whatever is not marked as HTML."""

    def __init__(self) -> None:
        super().__init__(template_name=STYLE.parent.name, extra_template_basedirs=[str(STYLE.parent.parent)])

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.autoescape = environment.trim_blocks = environment.lstrip_blocks = True
        return environment

    @pass_context
    def markdown2html(self, context: Any, source: str) -> Markup:
        attachments = context.get("cell", {}).get("attachments", {})
        renderer = _Markdown(escape=False, attachments=attachments, exclude_anchor_links=True)
        return Markup(MarkdownWithMath(renderer=renderer).render(source))


_exporter = cache(_PageExporter)


class _Markdown(IPythonRenderer):
    """Markdown under the page's own first-level heading, with formulas as MathML, which needs no script."""

    def heading(self, text: str, level: int, **attributes: Any) -> str:
        return super().heading(text, max(level, 2), **attributes)

    def block_math(self, body: str) -> str:
        opening = '<div class="rl-formula" role="group" tabindex="0" aria-label="{}">'
        return opening.format(escape(tr("Formula"))) + _math(body, "block") + "</div>"

    def inline_math(self, body: str) -> str:
        return _math(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")


def _math(tex: str, display: str) -> str:
    """A formula as MathML; one that the converter cannot read, as it was written."""
    try:
        return convert(tex, display=display)
    except Exception:  # what it raises has no common base
        return Markup("<code>{}</code>").format(tex)
