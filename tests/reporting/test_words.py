"""Every sentence a reader sees stands in the catalogue, and every sentence in the catalogue is used."""

import re
from pathlib import Path

import nbformat
import pytest
from tests.reporting.fakes import HOSTILE

from analysis.claims import CLAIMS
from analysis.data import Note, Outcome, Reason
from analysis.interval import Interval
from analysis.reporting import words
from analysis.reporting.words import CatalogueError, Saying, Words, catalogue, numbers_for, placeholders

REPORTING = Path(words.__file__).parent
NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
KEY = re.compile(r"^[a-z0-9]+(\.[a-z0-9_]+)+$")
LITERAL = re.compile(r"""["']([a-z0-9]+(?:\.[a-z0-9_]+)+)["']""")
STRATEGY_PARTS = (
    *("name", "parameter", "unit", "group", "component", "type", "binding", "segment", "origin", "view", "is"),
    *("measure", "dimension", "fitted"),
)
# Keys that are put together from a name: every member of the family is used.
FAMILIES = (
    *(
        "backtest.reason.",
        "backtest.short.",
        "certainty.",
        "column.",
        "customers.",
        "data.",
        "dimension.",
        "downloads.",
    ),
    *(
        "failure.",
        "index.status_",
        "language.",
        "ledger.reason.",
        "meaning.",
        "method.",
        "name.",
        "segment.",
        "spend.reason.",
    ),
    *("stamp.", "summary.claim_", "summary.trust."),
    *("claim.mark.", "claim.reason.", "claim.trust.", "claim.verdict."),
    *("choice.", "contracts.", "convention.", "gain.", "lift.reason.", "reading.", "retention.reason."),
    *(f"strategies.{part}." for part in STRATEGY_PARTS),
    *(
        "evidence.because.",
        "evidence.kept.",
        "evidence.campaign.",
        "evidence.curve.",
        "evidence.driven.",
        "evidence.panel.",
        "evidence.unit.",
        "evidence.verdict.",
        "experiment.result.",
    ),
    *("retention.note.", "rises.", "source.", "textbook.", "varied.", "whatif.", "whose."),
)


def sources():
    own = ("exhibits/", "figures/")
    names = ("words", "notebook", "elements", "page", "exhibit", "tables", "formats", "inspection", "mail", "what_if")
    for path in REPORTING.rglob("*.py"):
        relative = path.relative_to(REPORTING).as_posix()
        if relative.startswith(own) or path.stem in names:
            yield path.read_text(encoding="utf-8")
    rooms = (REPORTING.parent / "claims", REPORTING.parent / "strategies", REPORTING.parent / "data")
    for path in (path for room in rooms for path in room.rglob("*.py")):
        yield path.read_text(encoding="utf-8")
    for path in REPORTING.glob("templates/*.j2"):
        yield path.read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            yield cell.source


def literals() -> set[str]:
    namespaces = {key.split(".")[0] for key in catalogue("en")}
    found = {key for text in sources() for key in LITERAL.findall(text)}
    own = {key for key in found if key.split(".")[0] in namespaces and not key.endswith("_")}
    return {key for key in own if key.rpartition(".")[2] not in ("csv", "json", "parquet", "j2", "css")}


def figure_keys() -> set[str]:
    named = {key for text in sources() for key in re.findall(r'Exhibit\(\s*"(\w+)"', text)} | {
        "segments_money",
        "segments_orders",
        "strategies",
        "strategies_loss",
    }
    return {f"figure.{key}.{part}" for key in named for part in ("title", "caption", "alt")}


def test_every_key_in_code_templates_and_notebooks_has_a_sentence():
    english = catalogue("en")
    missing = sorted(key for key in literals() | figure_keys() if key not in english)
    assert missing == []


def claim_keys():
    return {f"claim.{claim.id}.{part}" for claim in CLAIMS for part in ("wording", "article", "source", "finding")}


def test_every_sentence_is_used_somewhere():
    used = literals() | figure_keys() | claim_keys()
    unused = [key for key in catalogue("en") if key not in used and not key.startswith(FAMILIES)]
    assert unused == []


def test_every_key_is_plain_and_every_placeholder_has_a_known_kind():
    known = {*Words("en").formats.KINDS, "interval", "range", "estimate", "plural", "choice", "phrase"}
    for key, sentence in catalogue("en").items():
        assert KEY.match(key), key
        kinds = {kind.split(" ")[0] for kind in placeholders(sentence).values()}
        assert kinds <= known, key


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_of_the_ledger_has_a_sentence(reason):
    assert Words("en")(str(reason))


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_of_the_ledger_has_a_word(outcome):
    assert Words("en")(f"outcome.{outcome}")


def test_every_note_of_the_data_and_model_rooms_has_a_sentence():
    rooms = [path for room in ("data", "models", "value") for path in (REPORTING.parent / room).rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in rooms)
    keys = set(
        re.findall(r'"((?:data|(?:backtest|spend|retention|lift|contracts)\.reason|retention\.note)\.[a-z_]+)"', text)
    )
    assert len(keys) > 15
    assert sorted(key for key in keys if key not in catalogue("en") and not key.endswith("_")) == []


def test_a_missing_sentence_a_missing_number_and_an_unused_number_are_errors():
    english = Words("en")
    with pytest.raises(CatalogueError, match=r"no sentence for 'no\.such'"):
        english("no.such")
    with pytest.raises(CatalogueError, match=r"missing numbers \['orders'\]"):
        english("unit.orders")
    with pytest.raises(CatalogueError, match=r"unused numbers \['customers'\]"):
        english("unit.orders", orders=1, customers=2)
    with pytest.raises(CatalogueError, match=r"unused numbers \['more'\]"):
        numbers_for(english, ["unit.orders"], {"orders": 1, "more": 2})


def test_a_number_that_is_none_of_its_kind_is_an_error():
    with pytest.raises(CatalogueError, match="cannot be said as"):
        Words("en")("assumption.window", start="yesterday", end="1998-06-30")


def test_a_language_without_a_catalogue_is_an_error():
    with pytest.raises(CatalogueError, match="'fy'"):
        Words("fy")


def test_a_key_that_stands_twice_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "xx.yml").write_text('a.b: "one"\na.b: "two"\n')
    monkeypatch.setattr(words, "CATALOGUES", tmp_path)
    with pytest.raises(CatalogueError, match=r"stand twice: a\.b"):
        catalogue("xx")


def test_plurals_follow_the_number():
    english = Words("en")
    assert [english("unit.orders", orders=count) for count in (0, 1, 1000)] == ["0 orders", "1 order", "1,000 orders"]


def test_none_is_said_in_words_where_a_bare_zero_would_read_badly():
    said = [Words("nl")("claim.holm", tested=6, changed=changed) for changed in (0, 1, 2)]
    assert "verandert geen enkel oordeel in" in said[0]
    assert "verandert 1 oordeel in" in said[1]
    assert "veranderen 2 oordelen in" in said[2]


def test_markup_of_the_catalogue_works_and_that_of_values_does_not():
    html = Words("en").html("transactions.answer_repeaters", repeaters=3, share=0.5)
    assert html == "3 customers (50%) came back for at least one more order."
    said = Words("en").html("page.title", name=f"**bold** {HOSTILE}")
    assert "<strong>" not in said
    assert "<script" not in said
    assert "{total:money}" in said
    assert "<strong>The model forecast better than the simple rules.</strong>" in Words("en").html(
        "backtest.verdict.model",
        model=Saying("name.bg_nbd"),
        baseline=Saying("name.hiatus"),
        lead=Interval(0.1, 0.05, 0.15, 0.9),
    )


def test_a_note_may_carry_more_numbers_than_its_sentence_says():
    note = Note("data.duplicates_kept", {"rows": 21, "rows_read": 6919, "more": HOSTILE})
    assert Words("en").said(note).startswith("21 rows are equal to another row")


def test_the_plain_form_has_no_markup():
    text = Words("en")("transactions.answer", rows=1, orders=2, customers=3, start="1997-01-01", end="1998-06-30")
    assert text.startswith("The source holds 1 row. They make 2 orders by 3 customers between 1 January 1997")
