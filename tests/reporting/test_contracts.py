"""What notebook 04 says of customers with a contract, on published cohorts and where nothing can be learned."""

import dataclasses

import pytest
from tests.value.test_contractual import FIVE, cohorts, config

from analysis.data import Note
from analysis.reporting.exhibit import figure_html
from analysis.reporting.exhibits import contracts
from analysis.reporting.tables import table_html
from analysis.reporting.words import Words
from analysis.value.contractual import contractual_retention

WORDS = Words("en", "USD")


@pytest.fixture(scope="module")
def five():
    return contractual_retention(cohorts(FIVE), config())


def said(sayings) -> str:
    return " ".join(str(WORDS.said(each)) for each in sayings)


def test_renewals_are_told_as_counted_and_as_the_model_has_them(five):
    text = said(contracts.sayings(five, cohorts(FIVE)))
    assert "50,000 contracts were counted" in text
    assert "Of the 40,000 whose first renewal fell due, 80% made it" in text
    assert "the value of all their renewals, without an end in time, by −12." in text


def test_the_picture_holds_what_was_observed_and_then_the_forecast(five):
    exhibit = contracts.survival_figure(five)
    rows = exhibit.data.rows
    assert [row[3] is None for row in rows[:5]] == [False] * 4 + [True]
    assert "a forecast" in str(figure_html(exhibit, WORDS))


def test_the_lift_of_customer_years_stands_with_and_without_an_end(five):
    html = str(table_html(contracts.lift_table(five), WORDS))
    assert "without end" in html
    assert "Contracts that run today" in html
    assert "5 percentage points" in html


def test_contracts_that_teach_nothing_say_why():
    found = contractual_retention(cohorts([[100, 100, 100], [100, 100]]), config())
    text = said(contracts.sayings(found, cohorts([[100, 100, 100], [100, 100]])))
    assert "Nobody left at any of the 300 renewals" in text
    assert contracts.survival_figure(found) is contracts.lift_table(found) is None


def test_without_contracts_nothing_is_shown():
    assert contracts.sayings(None, None) == []
    assert contracts.notes(None) == ()
    assert contracts.survival_figure(None) is contracts.lift_table(None) is None


@pytest.mark.parametrize("reason", ["few_periods", "nobody_left", "nobody_stayed", "at_once_or_never"])
def test_every_reason_has_a_sentence(reason):
    note = Note(f"contracts.reason.{reason}", {"renewals_due": 300, "lost": 10, "periods": 1})
    assert said([note]).endswith(".")


def test_contracts_of_which_none_runs_are_said_to(five):
    gone = dataclasses.replace(cohorts(FIVE), base=cohorts(FIVE).base.iloc[:0])
    assert "No contract runs" in said(contracts.sayings(contractual_retention(gone, config()), gone))
