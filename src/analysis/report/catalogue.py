"""The catalogue of sentences: read out of the package and its notebooks, and brought into ``locale/nl.po``.

``python -m analysis.report.catalogue`` (``make words``) keeps the translations that are there, adds the sentences that
are new and drops what is gone. A sentence is what stands in the place of text in ``Message``, ``tr``, ``Unavailable``,
``NotIdentified`` and the methods of ``page``, and every heading in ``columns``. It must stand there as it is: what is
put together when the program runs cannot be looked up.
"""

from __future__ import annotations

import ast
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po

from analysis.errors import UsageError
from analysis.words import FOLDER, catalogue, placeholders

PACKAGE = FOLDER.parent
NOTEBOOKS = PACKAGE.parents[1] / "notebooks"
HEADER = """msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""
TEXT_AT = {"Message": 0, "tr": 0, "Unavailable": 0, "NotIdentified": 0}
PAGE_TEXT_AT = {"title": 0, "heading": 0, "text": 0, "note": 0, "section": 0, "table": 1, "figure": 1}
"""Function, or method of a page -> position of the sentence."""


@dataclass(frozen=True)
class Sentence:
    """A sentence in English, its plural and its context, and the file it stands in."""

    text: str
    plural: str | None
    context: str
    file: str

    @property
    def key(self) -> tuple[str, str]:
        return self.text, self.context


def sentences() -> list[Sentence]:
    """Every sentence of the package and its notebooks, each once.

    Raises
    ------
    UsageError
        For each sentence that is put together when the program runs, with file and line.
    """
    found, problems = {}, []
    for name, source in _sources():
        reader = _Reader(name, ast.parse(source))
        problems += reader.problems
        for sentence in reader.found:
            first = found.setdefault(sentence.key, sentence)
            if first.plural != sentence.plural:
                problems.append(f"{name}: {sentence.text!r} has another plural in {first.file}; give one a context")
    if problems:
        raise UsageError(*problems)
    return list(found.values())


def missing(language: str) -> list[Sentence]:
    """Sentences that nobody has translated."""
    known = catalogue(language)
    return [sentence for sentence in sentences() if sentence.key not in known]


def differing(language: str) -> list[str]:
    """Translated sentences whose placeholders are not those of the English."""
    known = catalogue(language)
    return [
        sentence.text
        for sentence in sentences()
        if sentence.key in known and _places(known[sentence.key]) != _places((sentence.text, sentence.plural))
    ]


def update(language: str) -> None:
    """Brings the catalogue of a language up to date, keeping its translations."""
    path = FOLDER / f"{language}.po"
    with path.open("rb") as stream:
        known = read_po(stream, locale=language)
    said = Catalog()
    for sentence in sentences():
        forms = (sentence.text, sentence.plural) if sentence.plural else sentence.text
        said.add(forms, context=sentence.context or None, locations=[(sentence.file.partition(",")[0], 1)])
    known.update(said, no_fuzzy_matching=True)
    for message in known:
        message.flags.clear()  # a percent sign is no format of ours
    body = io.BytesIO()
    write_po(body, known, width=0, omit_header=True, ignore_obsolete=True, include_lineno=False)
    path.write_text(HEADER.format(language=language) + body.getvalue().decode("utf-8"), encoding="utf-8")
    catalogue.cache_clear()


def _places(forms: Iterable[str | None]) -> dict[str, str]:
    return {name: kind for form in forms if form for name, kind in placeholders(form).items()}


def _sources() -> Iterator[tuple[str, str]]:
    """Name and Python source of every module, and of the cells of every notebook that reach a page."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield f"src/{path.relative_to(PACKAGE.parent).as_posix()}", path.read_text(encoding="utf-8")
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for place, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
            if cell["cell_type"] == "code" and "lab" not in cell["metadata"].get("tags", ()):
                yield f"notebooks/{path.name}, cell {place + 1}", "".join(cell["source"])


class _Reader(ast.NodeVisitor):
    """The sentences of one module or cell, and what stands in a sentence's place without being one."""

    def __init__(self, name: str, tree: ast.AST):
        self.name, self.found, self.problems = name, [], []
        self._passed_on: list[set[str]] = []
        self._tables = {
            target.id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict | ast.IfExp)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.visit(tree)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.Lambda) -> None:
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        self._passed_on.append({argument.arg for argument in every if argument})
        self.generic_visit(node)
        self._passed_on.pop()

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef  # noqa: N815

    def visit_Call(self, call: ast.Call) -> None:
        name, owner = _name_of(call.func), _name_of(getattr(call.func, "value", None))
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        if name in TEXT_AT:
            if name == "tr" and not self._passed_on:
                self._refuse(call, "tr() is called when the module is imported; use Message")
            self._sentence(call.args, keywords, may_be_message=name in ("Unavailable", "NotIdentified"))
        elif owner == "page" and name in PAGE_TEXT_AT:
            self._sentence(call.args[PAGE_TEXT_AT[name] :], keywords, may_be_message=True)
            if "alt" in keywords:
                self._sentence([keywords["alt"]], {}, may_be_message=True)
        if "columns" in keywords and (owner == "page" or name == "table_html"):
            self._headings(keywords["columns"])
        self.generic_visit(call)

    def _sentence(self, parts: list[ast.expr], said: Mapping[str | None, ast.expr], *, may_be_message: bool) -> None:
        if not parts or self._is_passed_on(parts[0]):
            return
        texts = self._texts(parts[0], may_be_message=may_be_message)
        plurals = self._texts(parts[1], may_be_message=False) if texts and len(parts) > 1 else []
        context = getattr(said.get("context"), "value", "")
        self.found += [Sentence(*forms, context, self.name) for forms in zip_longest(texts, plurals)]

    def _texts(self, node: ast.expr, *, may_be_message: bool) -> list[str]:
        """The text that stands here, the two between which a condition decides, or those of a table in this file."""
        branches = [node.body, node.orelse] if isinstance(node, ast.IfExp) else []
        if isinstance(node, ast.Subscript) and (table := self._tables.get(_name_of(node.value))):
            branches, may_be_message = getattr(table, "values", [table]), True
        if branches:
            return [text for branch in branches for text in self._texts(branch, may_be_message=may_be_message)]
        if isinstance(node, ast.Constant) and isinstance(node.value, str | None):
            return [node.value] if node.value else []
        made_of = _name_of(getattr(node, "func", None))
        is_made = isinstance(node, ast.JoinedStr | ast.BinOp) or made_of in ("format", "join", "str", "replace")
        if is_made or not (may_be_message or self._is_passed_on(node)):
            self._refuse(node, "a sentence must stand here as it is, with {placeholders} for what changes")
        return []

    def _headings(self, columns: ast.expr) -> None:
        """The headings in every ``{column: heading}`` of an expression, and of tables in this file that it names."""
        parts = list(ast.walk(columns))
        parts += [part for name in parts for part in ast.walk(self._tables.get(_name_of(name), ast.Pass()))]
        tables = [part for part in parts if isinstance(part, ast.Dict)]
        for heading in (value for table in tables for key, value in zip(table.keys, table.values, strict=True) if key):
            self._sentence([heading.elts[0] if isinstance(heading, ast.Tuple) else heading], {}, may_be_message=True)
        if not (tables or self._is_passed_on(columns) or isinstance(columns, ast.Constant)):
            self._refuse(columns, "the columns must stand here, or in this file as NAME = {...}")

    def _is_passed_on(self, node: ast.expr) -> bool:
        """Whether this is an argument of the function around it: its caller's sentence."""
        node = node.value if isinstance(node, ast.Starred | ast.Attribute | ast.Subscript) else node
        return isinstance(node, ast.Name) and any(node.id in names for names in self._passed_on)

    def _refuse(self, node: ast.AST, why: str) -> None:
        self.problems.append(f"{self.name}, line {node.lineno}: {why}")


def _name_of(node: Any) -> str:
    return getattr(node, "id", "") or getattr(node, "attr", "")


def main() -> None:
    """Brings ``nl.po`` up to date and says how many sentences wait for their Dutch."""
    update("nl")
    waiting = missing("nl")
    sys.stdout.write("".join(f"not translated ({one.file}): {one.text}\n" for one in waiting))
    sys.stdout.write(f"{len(catalogue('nl'))} sentences are translated, {len(waiting)} are not\n")


if __name__ == "__main__":
    main()
