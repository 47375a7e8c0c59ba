"""Where customers bring nothing or a loss, the page says so and ranks nobody by value."""

from dataclasses import replace

import pytest
from tests.reporting import fakes

from analysis.config import LANGUAGES
from analysis.interval import Interval
from analysis.reporting.exhibits import summary, value
from analysis.reporting.words import Words

HEADINGS = {
    "en": ("costs more than it leaves", "come to nothing"),
    "nl": ("kost meer dan zij oplevert", "op niets uit"),
}
NONSENSE = {"en": ("still worth", "High certainty", "–"), "nl": ("nog <strong>", "Hoge zekerheid", "–")}


def worthless(total: float):
    """Made-up results of customers who are worth ``total`` together."""
    whole = fakes.value()
    scale = total / whole.residual_clv.estimate

    def scaled(interval):
        ends = sorted((interval.lower * scale, interval.upper * scale))
        return Interval(interval.estimate * scale, *ends, interval.level)

    segments = [replace(segment, residual_clv=scaled(segment.residual_clv)) for segment in whole.segments]
    by_model = {name: replace(one, residual_clv=scaled(one.residual_clv)) for name, one in whole.by_model.items()}
    return replace(
        whole,
        table=whole.table.assign(residual_clv=whole.table["residual_clv"] * scale),
        residual_clv=scaled(whole.residual_clv),
        expected_residual_clv=scaled(whole.expected_residual_clv),
        segments=tuple(segments),
        by_model=by_model,
        cost_per_order=25.0 if total < 0 else 0.0,
    )


@pytest.fixture(params=[0.0, -6148.0], ids=["nothing", "a loss"])
def found(request):
    return worthless(request.param)


def everything_said(found, language: str) -> str:
    words = Words(language, "EUR")
    verdicts = summary.verdicts(fakes.purchase(), found, fakes.back_test(), fakes.study().lift)
    remarks = [part for verdict in verdicts[:1] for part in (verdict.sentence, verdict.because)]
    remarks += [*value.answer(found), *value.model_sayings(found), *value.interval_kinds(found)]
    remarks += summary.cautions(fakes.transactions(), fakes.purchase(), fakes.spend(), found, fakes.back_test())
    certainties = [words(f"certainty.{verdict.certainty}") for verdict in verdicts[:1]]
    return " ".join([*certainties, *(str(words.said(remark)) for remark in remarks)])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_so_and_what_to_look_at(found, language):
    text = everything_said(found, language)
    expected = HEADINGS[language][0 if found.residual_clv.estimate < 0 else 1]
    assert text.count(expected) == 2
    for nonsense in NONSENSE[language]:
        assert nonsense not in text


def test_a_value_that_is_earned_is_told_as_before():
    text = everything_said(fakes.value(), "en")
    assert "still worth" in text
    assert not [heading for heading in HEADINGS["en"] if heading in text]


def test_customers_are_compared_by_their_orders(found):
    assert value.segment_figure(found).key == "segments_orders"
    assert value.concentration(found).numbers["measure"] == "orders"
    assert value.value_histogram(found) is None
    assert value.segment_table(found, "value") is None
    assert "column.share_of_value" not in [column.header for column in value.segment_table(found, "orders").columns]


@pytest.mark.parametrize(("has_money", "key"), [(True, "certainty.tested"), (False, "certainty.tested_orders")])
def test_a_page_without_money_names_no_margin_among_its_assumptions(monkeypatch, has_money, key):
    monkeypatch.setattr(summary, "apart", lambda _: 0.0)
    monkeypatch.setattr(summary, "is_inside", lambda _: True)
    verdict = summary.verdicts(
        fakes.purchase(), fakes.value(has_money=has_money), fakes.back_test(), fakes.study(has_money=has_money).lift
    )[0]
    assert (verdict.certainty, verdict.because.key) == (summary.HIGH, key)
    assert ("margin" in str(Words("en").said(verdict.because)).lower()) is has_money


def test_an_interval_without_a_cent_in_it_is_not_explained():
    nothing = worthless(0.0)
    luck = replace(nothing, residual_clv=Interval(0.0, 1e-298, 2e-298, 0.9))
    assert value.interval_kinds(nothing) == value.interval_kinds(luck) == []
    assert value.interval_kinds(worthless(-6148.0))
