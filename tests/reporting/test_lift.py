"""What notebook 04 says of the claim follows from the numbers, whichever way they fall."""

import re
from dataclasses import replace

import pytest
from tests.reporting import fakes as results
from tests.reporting import retention_fakes as fakes

from analysis.config import LANGUAGES
from analysis.data import Note
from analysis.interval import Interval
from analysis.reporting.exhibit import figure_html
from analysis.reporting.exhibits import lift, lift_map, origin, readings, summary
from analysis.reporting.tables import table_html
from analysis.reporting.words import Words

WORDS = Words("en", "USD")
NO_MONEY = Note("lift.reason.no_money")


def said(sayings) -> str:
    return " ".join(str(WORDS.said(each)) for each in sayings)


@pytest.mark.parametrize(
    ("estimates", "verdict"),
    [
        ({"BG/NBD": 0.21, "MBG/NBD": 0.12}, "No, not as it is read here."),
        ({"BG/NBD": 2.0, "MBG/NBD": 1.5}, "No, not as it is read here."),
        ({"BG/NBD": 0.60, "MBG/NBD": 0.40}, "Yes, as it is read here."),
        ({"BG/NBD": 0.60, "MBG/NBD": 0.12}, "It depends on which model is believed."),
        ({"BG/NBD": 0.60, "MBG/NBD": 0.25}, "The data do not decide."),
        ({"BG/NBD": 0.60}, "Yes, as it is read here."),
    ],
)
def test_the_verdict_holds_under_every_model_or_it_is_not_given(estimates, verdict):
    found = fakes.lift(estimates=estimates)
    text = said(lift.answer(found))
    assert text.startswith(f"<strong>{verdict}</strong>")
    assert "25% to 95%" in text
    assert len(lift.model_points(found)) == len(estimates)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("estimates", "side"), [((0.12, 0.21), "below"), ((1.5, 2.0), "above"), ((0.12, 2.0), "apart")]
)
def test_what_is_contradicted_says_on_which_side_of_the_range_the_rise_lies(estimates, side, language):
    found = fakes.lift(estimates=dict(zip(fakes.LIFTS, estimates, strict=False)))
    sides = {
        "en": {
            "below": "is smaller than claimed.",
            "above": "is larger than claimed.",
            "apart": ", under another larger",
        },
        "nl": {
            "below": "is kleiner dan beweerd.",
            "above": "is groter dan beweerd.",
            "apart": ", onder het andere groter",
        },
    }
    words = Words(language, "USD")
    text = " ".join(str(words.said(each)) for each in lift.answer(found))
    assert [name for name, phrase in sides[language].items() if phrase in text] == [side]


class TestWhereTheRiseBringsNothing:
    settings = fakes.config()

    def found(self, *gains):
        reasons = dict.fromkeys(fakes.LIFTS, "lift.reason.no_profit")
        lifts = fakes.lift(reasons=reasons)
        named = dict(zip(lifts.models, gains, strict=True))

        def changed(each):
            gain = named[each.model]
            ends = sorted((gain * 0.9, gain * 1.1))
            return replace(
                each, gain=Interval(gain, *ends, 0.9), break_even_cost=each.break_even_cost if gain > 0 else None
            )

        return replace(lifts, lifts=tuple(changed(each) for each in lifts.lifts))

    def test_there_is_no_cost_of_keeping_that_would_pay(self):
        text = said(lift.result_sayings(self.found(-3.0, -2.0, 0.0), self.settings))
        assert "there is no cost of keeping at which it would pay" in text
        assert "The gain is gone" not in text
        assert "takes keeping to cost nothing" not in text

    def test_under_some_models_the_most_favourable_one_is_named(self):
        text = said(lift.break_even_sayings(self.found(-3.0, 8.0, 4.0), self.settings))
        assert "Under some models the rise brings nothing" in text
        assert "−" not in text

    def test_profit_falls_or_stays_and_does_not_rise_by_less_than_nothing(self):
        text = said(lift.model_points(self.found(-3.0, 0.0, 4.0)))
        assert "Under BG/NBD the rise of retention lowers profit by US$3.00 (90% interval US$2.70 to US$3.30)" in text
        assert "Under MBG/NBD the rise of retention leaves profit at US$40.00" in text
        assert "Under Pareto/NBD profit rises by US$4.00" in text


def test_that_keeping_is_free_is_said_only_where_no_cost_is_configured():
    free = fakes.config()
    paid = free.model_copy(update={"retention": free.retention.model_copy(update={"cost_per_customer_year": 2.0})})
    assert "The claim takes keeping to cost nothing" in said(lift.break_even_sayings(fakes.lift(free), free))
    text = said(lift.break_even_sayings(fakes.lift(paid), paid))
    assert "Keeping is configured to cost US$2.00 for each customer" in text
    assert "cost nothing" not in text


def test_a_probability_is_said_as_well_as_the_draws_know_it():
    points = lift.model_points(fakes.lift(estimates={"BG/NBD": 0.60, "MBG/NBD": 0.12, "Pareto/NBD": 0.25}))
    chances = [re.search(r"claimed range is (.*)\.", said([point]))[1] for point in points]
    assert chances[:2] == ["above 99%", "below 1%"]
    assert re.fullmatch(r"\d\d%", chances[2])


def test_without_a_lift_the_reason_is_the_answer_and_nothing_else_is_shown():
    assert said(lift.answer(NO_MONEY)).endswith(
        "The data hold no amounts of money, so nothing can be said about profit."
    )
    assert lift.model_points(NO_MONEY) == lift.reading_points(NO_MONEY, fakes.config()) == []
    assert lift.result_sayings(NO_MONEY, fakes.config()) == lift.assumptions(NO_MONEY, fakes.retention()) == []
    assert lift.named_table(NO_MONEY) is lift.money_table(NO_MONEY) is readings.readings_table(NO_MONEY) is None
    assert readings.readings_figure(NO_MONEY) is readings.horizon_figure(NO_MONEY) is None
    assert lift_map.tornado_figure(NO_MONEY) is lift_map.map_figure(None, fakes.config()) is None
    assert lift_map.map_sayings(None, fakes.config()) == lift.left_out(NO_MONEY) == []


def test_a_profit_that_may_be_negative_is_told_in_money():
    found = fakes.lift(reasons=dict.fromkeys(fakes.LIFTS, "lift.reason.no_profit"))
    assert "no answer in per cent" in said(lift.answer(found))
    points = said(lift.model_points(found))
    assert "Under BG/NBD profit rises by US$8.40" in points
    assert "%" not in points.replace("90% interval", "").replace("per cent", "")
    assert "the named reading on top" not in str(figure_html(readings.readings_figure(found), WORDS))


def test_a_rise_that_one_model_cannot_have_leaves_no_verdict_and_the_others_their_numbers():
    found = fakes.lift(reasons={"BG/NBD": "lift.reason.cannot_rise"})
    assert "not every model can answer" in said(lift.answer(found))
    points = [said([point]) for point in lift.model_points(found)]
    assert points[0] == (
        "Under BG/NBD there is no number. Retention cannot rise as far as this reading asks: too few customers "
        "leave for that."
    )
    assert points[1].startswith("Under MBG/NBD profit changes by 12%")
    assert "under MBG/NBD" in said(lift.reading_points(found, fakes.config()))
    assert lift.named_table(found) is not None


def test_every_choice_is_said_and_costs_only_where_the_reading_has_them():
    costly = fakes.config(acquisition_cost=30.0, cost_per_order=2.0)
    text = said(lift.reading_points(fakes.lift(costly), costly))
    assert text.count("<strong>") == 7
    assert "less US$30.00 for each new customer" in text
    base = costly.model_copy(update={"retention": costly.retention.model_copy(update={"scope": "base"})})
    text = said(lift.reading_points(fakes.lift(base), base))
    assert "US$30.00" not in text
    assert "share of today&#39;s customers" in text


def test_that_winning_is_free_is_said_where_it_matters():
    assert "acquisition_cost" in said(lift.result_sayings(fakes.lift(), fakes.config()))
    costly = fakes.config(acquisition_cost=30.0)
    assert "acquisition_cost" not in said(lift.result_sayings(fakes.lift(costly), costly))
    # Where keeping costs more than it brings, a smaller profit makes the loss larger, not the rise.
    losing = fakes.lift(estimates=dict.fromkeys(fakes.LIFTS, -0.3))
    assert "acquisition_cost" not in said(lift.result_sayings(losing, fakes.config()))


def test_where_no_reading_has_a_number_there_are_no_tables_and_nothing_breaks():
    settings = fakes.config()
    named = {"scope": "firm", "margins": "growing"}
    firm = settings.model_copy(update={"retention": settings.retention.model_copy(update=named)})
    found = fakes.lift(firm)
    nothing = dict.fromkeys(("lift", "gain", "profit_before", "retention_before", "retention_after", "break_even_cost"))
    none = [replace(each, **nothing, reason="lift.reason.no_new_customers") for each in found.lifts]
    found = replace(found, lifts=tuple(none))
    assert readings.readings_table(found) is lift.named_table(found) is lift.money_table(found) is None
    assert readings.readings_figure(found) is readings.horizon_figure(found) is None
    assert "It is not known how many customers join" in said(lift.result_sayings(found, firm))


def test_the_table_of_readings_holds_every_reading_that_has_numbers():
    found = fakes.lift()
    table = readings.readings_table(found)
    assert len(table.rows) == sum(each.retention_before is not None for each in found.lifts)
    html = str(table_html(table, WORDS))
    assert "Today&#39;s customers, 10 years" in html
    assert "4 readings have no number" in said(lift.left_out(found))


def test_the_picture_varies_one_choice_at_a_time():
    exhibit = readings.readings_figure(fakes.lift())
    labels = [WORDS.format("phrase", row[0]) for row in exhibit.data.rows]
    assert labels[0] == "As named"
    assert len(labels) == len(set(labels))
    assert not [label for label in labels if ", " in label and not label.startswith("New, without")]


def test_the_tornado_begins_with_what_moves_most_and_leaves_out_what_moves_nothing():
    shown = lift_map.spans(fakes.lift())
    widths = [span.width for span in shown]
    assert widths == sorted(widths, reverse=True)
    assert min(widths) > 0
    assert "varied.model" in {span.label for span in shown}


def test_a_gain_of_nothing_has_no_tornado_and_no_map():
    settings = fakes.config()
    still = settings.model_copy(update={"retention": settings.retention.model_copy(update={"gain": 0.0})})
    found = fakes.lift(still, estimates=dict.fromkeys(fakes.LIFTS, 0.0))
    assert lift_map.map_figure(fakes.landscape(), still) is None
    assert lift_map.curve_figure(fakes.landscape(), still) is None
    assert lift.break_even_sayings(found, still) == []


@pytest.mark.parametrize(
    ("cost", "share", "sentence"),
    [
        (0.0, Interval(1, 1, 1, 0.9), "a net share of 100%"),
        (30.0, Interval(0.27, 0.22, 0.32, 0.9), "a net share of 27%"),
        (60.0, Interval(-0.5, -0.6, -0.4, 0.9), "no place on the map"),
        (40.0, Interval(0.04, -0.03, 0.11, 0.9), "nothing may be left"),
        (60.0, None, "no place on the map"),
    ],
)
def test_the_company_has_its_place_on_the_map_or_is_said_to_have_none(cost, share, sentence):
    config = fakes.config(acquisition_cost=cost)
    landscape = fakes.landscape(net_share=share)
    assert sentence in said(lift_map.map_sayings(landscape, config))
    assert figure_html(lift_map.map_figure(landscape, config), WORDS)


def test_the_map_says_between_which_net_shares_the_claim_holds():
    assert lift_map._net_shares(0.19) == (pytest.approx(0.2), pytest.approx(0.76))
    assert lift_map._net_shares(0.50)[1] == 1
    assert lift_map._net_shares(1.2) == (None, None)


def test_the_origin_is_recomputed_and_every_source_says_how_it_is_known():
    text = said(origin.origin_sayings())
    assert "it gives 137, 301 and 525" in text
    assert "a rise of 75% at 3.8% a year and of 41% at 15.0%" in text
    assert "not confirmed at the source" in text
    marks = ("read in the publication", "second hand", "not confirmed")
    assert all(any(mark in said([source]) for mark in marks) for source in origin.sources())


def test_heterogeneity_is_told_with_its_convention():
    text = said(origin.heterogeneity_sayings())
    assert "12.2% too low" in text
    assert "2.67% more where all customers are alike, 2.82% where they differ a little and 1.35%" in text
    assert "the polarisation held fixed" in text
    assert [round(row[1], 2) for row in origin.heterogeneity_table().rows][::3] == [2.67, 1.35]


def test_the_formula_never_reaches_the_upper_part_of_the_claim():
    assert max(row[-1] for row in origin.elasticity_table().rows) < 0.5
    assert "five points bring 14% to 41%" in said(origin.elasticity_sayings())


def test_with_one_model_the_summary_speaks_of_no_range():
    found = fakes.lift()
    alone = replace(
        found, models=found.models[:1], lifts=tuple(each for each in found.lifts if each.model == found.models[0])
    )
    purchase = results.purchase(alone=True)
    verdict = summary.verdicts(purchase, results.value(), results.back_test(), alone)[1]
    assert verdict.sentence.key.endswith("_alone")
    for language, words in (("en", "only model"), ("nl", "enige model")):
        assert words in str(Words(language, "EUR").said(verdict.sentence))
    card = summary.cards(results.transactions(), purchase, results.value())[-1]
    assert (card.label, card.kind) == ("card.alive", "integer")
