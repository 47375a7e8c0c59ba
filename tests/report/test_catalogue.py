"""Which sentences are found, what is refused, what an update keeps; and that all of ours are in Dutch."""

import json
from functools import cache

import pytest

from analysis import words
from analysis.errors import UsageError
from analysis.report import catalogue


@pytest.fixture
def found_in(monkeypatch):
    """The sentences of some Python source, as (text, plural, context)."""

    def found(source: str) -> list[tuple[str, str | None, str]]:
        monkeypatch.setattr(catalogue, "_sources", lambda: [("file.py", source)])
        return [(one.text, one.plural, one.context) for one in catalogue.sentences()]

    return found


def test_sentences_are_found_where_they_are_said(found_in):
    source = """
LABELS = {"a": "Label A", "b": Message("Label B")}
COLUMNS = {"model": "Model"}
def say(page, reason):
    Message("One", "Many", context="orders", n=1)
    rl.Message("Yes" if reason else "No")
    tr(LABELS[reason])
    raise Unavailable("Why {reason}", reason=reason)
    page.text("A sentence", "Sentences", n=2)
    page.text(reason, *reason)
    page.table(frame, "The table", columns={**COLUMNS, "estimate": ("Value", "money")})
    page.figure(lambda ax: ax, "The figure", alt="What it shows", columns=COLUMNS | {"x": "X"})
    table_html(frame, None, columns={"y": "Y"} if reason else {"z": ("Z", "money")})
    Unavailable(reason)
"""
    found = found_in(source)
    assert ("One", "Many", "orders") in found
    assert ("A sentence", "Sentences", "") in found
    assert {text for text, *_ in found} == {
        "One", "Yes", "No", "Label A", "Label B", "Why {reason}", "A sentence", "The table", "Model",
        "Value", "The figure", "What it shows", "X", "Y", "Z",
    }  # fmt: skip


@pytest.mark.parametrize("source", [
    'Message(f"{n} orders")', 'Message("Orders of " + name)', "Message(text)", 'page.text("a", f"{n} orders")',
    'page.table(frame, f"{n} orders")', 'page.figure(draw, "a", alt=f"{n} orders")', 'Unavailable(f"{n} orders")',
    'page.table(frame, "a", columns={"x": f"{n} orders"})', 'page.table(frame, "a", columns=made())',
    'tr("when the module is imported")',
])  # fmt: skip
def test_a_sentence_that_is_put_together_is_refused_with_file_and_line(found_in, source):
    with pytest.raises(UsageError, match=r"file\.py, line 2: "):
        found_in(f"\n{source}")


def test_one_sentence_has_one_plural(found_in):
    with pytest.raises(UsageError, match="give one a context"):
        found_in('Message("a", "b")\nMessage("a", "c")')
    assert len(found_in('Message("a", "b")\nMessage("a", "c", context="other")')) == 2


def test_cells_of_notebooks_are_read_but_for_those_that_stay_off_the_page(tmp_path, monkeypatch):
    cells = [
        {"cell_type": "code", "metadata": {}, "source": ['page.text("In a cell")\n', 'page.note("A note")']},
        {"cell_type": "code", "metadata": {"tags": ["lab"]}, "source": 'page.text(f"{anything}")'},
        {"cell_type": "markdown", "metadata": {}, "source": 'page.text("prose")'},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    for folder in ("NOTEBOOKS", "PACKAGE"):  # without a module in it
        monkeypatch.setattr(catalogue, folder, tmp_path)
    found = {one.text: one.file for one in catalogue.sentences()}
    assert found == {"In a cell": "notebooks/a.ipynb, cell 1", "A note": "notebooks/a.ipynb, cell 1"}


def test_an_update_keeps_translations_and_drops_what_is_gone(tmp_path, monkeypatch, found_in):
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    (tmp_path / "nl.po").write_text(
        catalogue.HEADER.format(language="nl")
        + 'msgid "kept {a}"\nmsgstr "bewaard {a}"\n\nmsgid "gone"\nmsgstr "weg"\n\n'
        + 'msgctxt "x"\nmsgid "90% of {n:integer}"\nmsgid_plural "90% of {n:integer}s"\n'
        + 'msgstr[0] "90% van {n:integer}"\nmsgstr[1] "90% van {m:integer}"\n'
    )
    source = 'Message("kept {a}")\nMessage("new")\nMessage("90% of {n:integer}", "90% of {n:integer}s", context="x")'
    found_in(source)
    catalogue.update("nl")
    written = (tmp_path / "nl.po").read_text()
    catalogue.update("nl")
    assert (tmp_path / "nl.po").read_text() == written
    assert "gone" not in written
    assert dict(words.catalogue("nl")) == {
        ("kept {a}", ""): ("bewaard {a}", None),
        ("90% of {n:integer}", "x"): ("90% van {n:integer}", "90% van {m:integer}"),
    }
    assert [one.text for one in catalogue.missing("nl")] == ["new"]
    assert catalogue.differing("nl") == ["90% of {n:integer}"]
    words.catalogue.cache_clear()


def test_every_sentence_of_ours_is_in_dutch_with_the_same_placeholders(monkeypatch):
    monkeypatch.setattr(catalogue, "sentences", cache(catalogue.sentences))
    assert catalogue.differing("nl") == []
    assert [f"{one.file}: {one.text}" for one in catalogue.missing("nl")] == []
