"""summary.txt: plain text for the body of a mail, in the reader's language, in narrow lines."""

from __future__ import annotations

import pytest
from tests.reporting import fakes
from tests.reporting.test_changes import published  # noqa: F401 (a fixture)

from analysis.data import Note
from analysis.reporting.changes import changes_since
from analysis.reporting.exhibits import choice
from analysis.reporting.exhibits import summary as show
from analysis.reporting.mail import COLUMNS, said, signed, summary_text, wrapped
from analysis.reporting.stamp import Stamp
from analysis.reporting.words import Words

STAMP = Stamp("0123456789ab", "shop", "c" * 64, "d" * 64, "1998-06-30", "nl", generated_at="2026-01-01T04:30:00Z")


@pytest.fixture
def study():
    return fakes.study()


def text_of(study, language="en", changes=None, name="shop"):
    verdicts = show.verdicts(study.purchase, study.value, study.backtest, study.lift)
    cards = show.cards(study.transactions, study.purchase, study.value, changes)
    strategy = choice.answer(study.choice, study.strategies)
    return summary_text(name, verdicts, cards, changes, strategy, Words(language, "USD"))


def test_it_has_the_verdicts_the_key_figures_and_what_changed(study, published):  # noqa: F811
    before = {"data.customers": 380, "data.observation_end": "1998-05-31"}
    folder = published(results_differ=before, data_hash="e", config={"economics": {"gross_margin": 0.25}})
    text = text_of(study, changes=changes_since(folder, study))
    assert text.startswith("What the customers of shop are still worth\n\nIn short\n--------\n1. ")
    assert "* Customers: 400\n  +20 (+5%) since the last run\n" in text
    assert f"Compared with run {folder.name}" in text
    assert "* Setting economics.gross_margin: 0.3, before 0.25." in text
    assert "**" not in text
    assert "`" not in text


def test_a_first_run_says_so(study):
    assert "There is no earlier run of this report to compare with.\n" in text_of(study)


def test_it_ends_on_what_is_said_of_strategies(study):
    text = " ".join(text_of(study).split())
    words = Words("en", "USD")
    told = " ".join(said(each, words) for each in choice.answer(study.choice, study.strategies))
    assert text.endswith(f"Which loyalty strategy pays --------------------------- {' '.join(told.split())}")
    study.choice, study.strategies = None, Note("strategies.reason.no_money")
    assert " ".join(text_of(study).split()).endswith(
        "These data do not allow a comparison of strategies. "
        "The data hold no amounts of money, so strategies cannot be compared by profit."
    )


@pytest.mark.parametrize("language", ["en", "nl"])
def test_no_line_is_wider_than_a_mail(study, published, language):  # noqa: F811
    changes = changes_since(published(config={"economics": {"currency": "x" * 300}}), study)
    text = signed(text_of(study, language, changes), STAMP)
    assert max(len(line) for line in text.splitlines()) <= COLUMNS


def test_it_is_dutch_for_a_dutch_report(study):
    text = signed(text_of(study, "nl"), STAMP)
    assert "In het kort\n-----------\n" in text
    assert "* Klanten: 400" in text
    assert "Rapport shop, run 0123456789ab, gegevens tot en met 30 juni 1998" in " ".join(text.split())


def test_the_stamp_stands_below_the_line_that_ends_a_mail(study):
    body, _, signature = signed(text_of(study), STAMP).partition("\n-- \n")
    assert STAMP.run_id not in body
    assert STAMP.run_id in signature
    assert STAMP.data_hash[:12] in signature


def test_an_amount_is_not_torn_from_its_currency():
    amount = "US$\N{NO-BREAK SPACE}1.234"
    lines = wrapped(" ".join([amount] * 30)).splitlines()
    assert all(line.startswith("US$") and line.endswith("1.234") for line in lines)


def test_line_ends_and_terminal_codes_in_a_value_stay_out():
    assert wrapped("a\r\nSubject: b\x1b[31m\x07c\u2028d") == "a Subject: b c d"
