"""What of an executed notebook reaches the page: its HTML outputs, without code, notes, warnings or paths."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from analysis.reporting.scripts import is_data_block

HEADING = re.compile(r"<(/?)h([1-5])\b", re.IGNORECASE)
CLOSING = "closing"
"""Role of an output that belongs to the end of the page, wherever its notebook stands."""
SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.IGNORECASE | re.DOTALL)


def fragment_of(notebook: NotebookNode) -> str:
    """The HTML outputs of an executed notebook, as one section with its headings one level lower.

    The page has the only first-level heading, so the notebook's question becomes a second-level one.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_notebook, new_output
    >>> shown = new_output("display_data", {"text/html": "<h1>Who?</h1>"})
    >>> fragment_of(new_notebook(cells=[new_code_cell("1", outputs=[shown])]))
    '<section class="rl-section">\\n<h2>Who?</h2>\\n</section>'
    """
    body = "\n".join(html_outputs(notebook))
    return f'<section class="rl-section">\n{lowered(body)}\n</section>'


def closing_of(notebook: NotebookNode) -> str:
    """What a notebook has for the end of the page, as one section with its headings as they are; empty for nothing.

    Examples
    --------
    >>> from nbformat.v4 import new_code_cell, new_notebook, new_output
    >>> role = {"retention-lab": {"role": CLOSING}}
    >>> shown = new_output("display_data", {"text/html": "<h2>Files</h2>"}, metadata=role)
    >>> closing_of(new_notebook(cells=[new_code_cell("1", outputs=[shown])]))
    '<section class="rl-section">\\n<h2>Files</h2>\\n</section>'
    """
    body = "\n".join(html_outputs(notebook, role=CLOSING))
    return f'<section class="rl-section">\n{body}\n</section>' if body else ""


def html_outputs(notebook: NotebookNode, role: str | None = None) -> Iterator[str]:
    """Every HTML output of a role in its order, without scripts.

    Outputs have no role by default; the style that only JupyterLab needs has one. Data for the page's own script may
    pass: no browser runs them.
    """
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            html = output.get("data", {}).get("text/html")
            if html is not None and role == output.get("metadata", {}).get("retention-lab", {}).get("role"):
                yield SCRIPT.sub(_data_alone, html if isinstance(html, str) else "".join(html))


def _data_alone(script: re.Match) -> str:
    return script[0] if is_data_block(script[0]) else ""


def lowered(html: str) -> str:
    """Headings one level lower."""
    return HEADING.sub(lambda tag: f"<{tag[1]}h{int(tag[2]) + 1}", html)
