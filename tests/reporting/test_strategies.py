"""What notebook 05 shows: the advice follows the decision, tables add up, and assumptions are named as such."""

import dataclasses
import datetime as dt
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from tests.reporting import fakes, strategy_fakes

from analysis.config import LANGUAGES
from analysis.data import Note
from analysis.interval import Interval
from analysis.reporting import strategies_json
from analysis.reporting.exhibit import figure_html
from analysis.reporting.exhibits import choice, loyalty, strategies
from analysis.reporting.tables import table_html
from analysis.reporting.words import Words
from analysis.strategies import strategy_results
from analysis.strategies.decision import Outcome
from analysis.strategies.evidence import Assumed
from analysis.strategies.parameters import Span
from analysis.strategies.trial import Arm, ExperimentResult
from analysis.strategies.trial_differences import ArmDifference
from analysis.strategies.turning import TurningPoint


@pytest.fixture(scope="module")
def compared():
    return strategy_fakes.compared()


@pytest.fixture(scope="module")
def made():
    return strategy_fakes.choice()


def said(sayings, language="en"):
    words = Words(language, "EUR")
    return " ".join(str(words.said(saying)) for saying in sayings)


def decided(made, **changes):
    return dataclasses.replace(made, decision=dataclasses.replace(made.decision, **changes))


def test_who_is_compared_is_said_before_the_strategies(compared):
    text = said(strategies.what_is_compared(compared))
    assert text.startswith("<strong>Go on as today</strong>")
    assert re.search(r"about \d+ new ones", text)
    run = compared.per_purchase
    nobody = dataclasses.replace(run.weekly, joined=np.zeros_like(run.weekly.joined))
    alone = dataclasses.replace(compared, per_purchase=dataclasses.replace(run, weekly=nobody))
    assert "nobody new" in said(strategies.what_is_compared(alone))


class TestTheAnswer:
    def test_recommends_nothing_but_what_the_rule_recommends(self, made, compared):
        sure = decided(made, outcome=Outcome.RECOMMENDED, recommended="expectation")
        assert "Advice: “Exceed expectations”" in said(choice.answer(sure, compared))
        idle = decided(made, outcome=Outcome.RECOMMENDED, recommended="nothing")
        assert "Go on as today" in said(choice.answer(idle, compared))

    def test_says_when_the_data_do_not_decide_and_who_is_still_in(self, made, compared):
        open_ = decided(made, outcome=Outcome.UNDECIDED, recommended=None, contenders=("nothing", "club"))
        text = said(choice.answer(open_, compared))
        assert "The data do not decide" in text
        assert "“Go on as today” and “club”" in text

    def test_says_when_draws_are_too_few_to_prove_what_they_show(self, made, compared):
        shares = (0.96, 0.04, *[0.0] * (len(compared.per_purchase.names) - 2))
        rankings = tuple(dataclasses.replace(each, probability_best=shares) for each in made.decision.rankings)
        found = decided(made, outcome=Outcome.UNDECIDED, recommended=None, rankings=rankings)
        text = said(choice.answer(found, compared))
        assert "“Go on as today” is the best with a probability of at least 95%" in text
        assert "strategies.draws" in text
        assert "No strategy" not in text

    def test_says_when_it_depends_on_how_customers_leave(self, made, compared):
        text = said(choice.answer(decided(made, outcome=Outcome.VIEWS_DISAGREE, recommended=None), compared))
        assert "how customers leave" in text

    def test_always_says_that_effects_are_assumed(self, made, compared):
        for outcome in Outcome:
            found = decided(made, outcome=outcome, recommended="promotion")
            assert "assumed, not observed" in said(choice.answer(found, compared))

    def test_gives_the_reason_where_nothing_can_be_compared(self):
        text = said(choice.answer(None, Note("strategies.reason.no_money")))
        assert "do not allow a comparison" in text
        assert "no amounts of money" in text


class TestTheAdvice:
    def test_names_what_would_change_our_mind(self, made, compared):
        point = TurningPoint("theta_exp", Interval(0.2, 0.1, 0.3, 0.9), "nothing", "expectation", 0.5)
        text = said(choice.advice(decided(made, turning_points=(point,)), compared))
        assert "below 0.20 (90% interval 0.10 to 0.30)" in text
        none = said(choice.advice(decided(made, turning_points=()), compared))
        assert "no single assumption" in none

    def test_names_the_experiment_or_says_that_the_base_is_too_small(self, made, compared):
        design = dataclasses.replace(made.plan.designs[0], customers_per_arm=900, power=0.9)
        enough = dataclasses.replace(made, plan=dataclasses.replace(made.plan, designs=(design,)))
        assert enough.plan.shortest is not None
        assert "would find the expected difference" in said(choice.advice(enough, compared))
        small = dataclasses.replace(design, customers_per_arm=None, power=0.06)
        too_small = dataclasses.replace(made, plan=dataclasses.replace(made.plan, designs=(small,)))
        assert "None of the lengths tried" in said(choice.advice(too_small, compared))

    def test_passes_on_why_the_data_tell_no_size(self, made, compared):
        reason = Note("experiment.reason.too_short", {"weeks": 9, "needed": 16})
        text = said(choice.advice(dataclasses.replace(made, plan=reason), compared))
        assert "The data span 9 weeks" in text

    @pytest.mark.parametrize(
        ("holds_from", "words"),
        [(None, "there is no improvement"), (0.125, "at every improvement"), (1.0, "Below that it does not")],
    )
    def test_says_where_the_articles_rule_holds(self, made, compared, holds_from, words):
        found = dataclasses.replace(made, map=dataclasses.replace(made.map, holds_from=holds_from))
        assert words in said(choice.advice(found, compared))

    def test_says_which_strategies_are_one_in_effect_and_under_which_view_it_reckons(self, made, compared):
        text = said(choice.advice(decided(made, twins={"both": "expectation"}), compared))
        assert "is in effect the same as “Exceed expectations”" in text
        assert "BG/NBD with leaving at orders" in text
        assert "in effect the same" not in said(choice.advice(made, compared))

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_names_what_an_experiment_showed_and_that_nothing_rests_on_it(self, made, compared, language):
        between, day = Interval(1.2, 0.4, 2.0, 0.9), dt.date(2025, 3, 1)
        arms = tuple(Arm(name, 40, 0, 20, 2.0, 0.0) for name in ("nothing", "<b>club</b>"))
        against = ArmDifference("<b>club</b>", between, between, None, 0.0, 0.01, 0.01, 0.9)
        trial = ExperimentResult(day, day, 1, 0, arms, (against,), 1.0, None, "paid", ())
        text = said(choice.advice(made, compared, trial), language)
        assert {"en": "earned more than nothing", "nl": "meer op dan nothing"}[language] in text
        assert "&lt;b&gt;club&lt;/b&gt;" in text
        assert choice.tried(Note("experiment.reason.no_money")) == choice.tried(None) == []


def test_what_is_assumed_instead_is_what_the_comparison_takes():
    stated = strategy_fakes.config(assumptions={"theta_deal": {"low": 0.2, "high": 0.4}})
    results = strategy_results(fakes.summary(), fakes.purchase(), fakes.spend(), stated, joining_per_year=0.0)
    rows = loyalty.assumed_table(strategy_fakes.evidence(found=False), results).rows
    (row,) = [row for row in rows if row[0] == "strategies.parameter.theta_deal"]
    assert row[1] == pytest.approx(0.3, abs=0.01)
    assert 0.2 <= row[2].numbers["low"] < row[2].numbers["high"] <= 0.4
    assert loyalty.assumed_table(strategy_fakes.evidence(found=False), Note("strategies.reason.no_money")) is None


def test_a_range_that_the_data_cap_is_still_called_an_assumption():
    because = Note("evidence.kept.nothing_capped", {"parameter": "theta_deal"})
    capped = dataclasses.replace(strategy_fakes.evidence(), assumed=(Assumed("theta_deal", because),))
    stated = {"theta_deal": {"low": 0.5, "high": 0.6}}
    for given, origin, why in (({}, "capped", because.key), (stated, "given", "evidence.kept.nothing")):
        config, caps = strategy_fakes.config(assumptions=given), {"theta_deal": Span(0.0, 0.4, 0.1)}
        results = strategy_results(
            fakes.summary(), fakes.purchase(), fakes.spend(), config, caps=caps, joining_per_year=0.0
        )
        (row,) = loyalty.assumed_table(capped, results).rows
        assert row[3].key == why
        rows = strategies.assumptions_table(results).rows
        assert [row[4] for row in rows if row[0].endswith(".theta_deal")] == [f"strategies.origin.{origin}"]
    for language, word in (("en", "an assumption"), ("nl", "een aanname")):
        assert Words(language)("strategies.origin.capped").startswith(f"{word} (")


def test_what_programs_read_has_the_assumptions_the_components_and_the_segments(made, compared):
    study = SimpleNamespace(
        strategies=compared, choice=made, loyalty=strategy_fakes.evidence(), trial=None, config=strategy_fakes.config()
    )
    found = strategies_json.strategies(study)
    drawn = compared.per_purchase.parameters["theta_exp"]
    assert found["assumptions"]["theta_exp"] == {"mean": drawn.mean(), "low": drawn.min(), "high": drawn.max()}
    assert {"types.offer", "bindings.legal"} <= found["assumptions"].keys()
    assert found["todays_deal"] == compared.todays_deal
    parts = sum(part["promotion"]["estimate"] for part in found["components"].values())
    assert parts == pytest.approx(compared.per_purchase.difference[:, 1].mean())
    assert {part["dimension"] for part in found["segments"]} == {"tenure", "value", "type"}
    json.dumps(found)


def test_components_add_up_to_the_total_of_the_table(compared):
    rows = strategies.components_table(compared, 0.9).rows
    for place in range(1, len(rows[0])):
        parts = sum(row[place].estimate for row in rows[:-1])
        assert parts == pytest.approx(rows[-1][place].estimate, rel=1e-6, abs=1e-6)


def test_the_table_at_the_horizon_has_the_margin_of_every_strategy_and_what_it_costs(compared):
    rows = {row[0]: row[1:] for row in strategies.state_table(compared, 0.9).rows}
    run = compared.per_purchase
    for s, (margin, spent) in enumerate(
        zip(rows["strategies.measure.margin"], rows["strategies.measure.spent"], strict=True)
    ):
        assert margin[0] == spent[0] == "bracketed money"
        assert margin[1].estimate - spent[1].estimate == pytest.approx(run.profit[:, s].mean())
        assert margin[1].lower < margin[1].estimate < margin[1].upper
    assert rows["strategies.measure.spent"][0][1].estimate == 0


def test_the_wide_tables_say_once_in_the_caption_what_their_intervals_are(compared):
    for table in (
        strategies.state_table(compared, 0.9),
        strategies.components_table(compared, 0.9),
        strategies.segments_table(compared, 0.9),
    ):
        for language, level, luck in (("en", "90% intervals", "noise|luck"), ("nl", "90%-intervallen", "ruis|toeval")):
            words = Words(language, "EUR")
            caption = words(table.caption, **table.numbers)
            assert level in caption
            assert re.search(luck, caption)
            cells = str(table_html(table, words)).partition("<tbody>")[2]
            assert 'class="rl-interval">(' in cells
            assert "90%-" not in cells
            assert "90% int" not in cells


def test_a_map_of_fewer_draws_than_the_comparison_says_so(made, compared):
    run, found = compared.per_purchase, made.map
    all_of_it = dataclasses.replace(found, draws=len(run.profit), customers=run.sampled)
    coarser = dataclasses.replace(found, draws=len(run.profit) - 1, customers=run.sampled)
    shown = [choice.map_sayings(dataclasses.replace(made, map=each), compared) for each in (all_of_it, coarser)]
    assert [each.key for each in shown[0]] == ["choice.map_note"]
    assert [each.key for each in shown[1]] == ["choice.map_note", "choice.map_rests_on_fewer"]
    assert f"rests on {len(run.profit) - 1} draws" in said(shown[1])
    assert choice.map_sayings(None, compared) == []


def test_every_strategy_stands_in_the_table_under_every_view(made):
    table = strategies.ranking_table(made)
    rankings = made.decision.rankings
    assert len(table.rows) == len(rankings) * len(rankings[0].names)


def test_a_strategy_that_costs_nothing_says_so(compared):
    names = {saying.key for saying in strategies.what_is_compared(compared)}
    assert {"strategies.is.promotion", "strategies.is.points", "strategies.is.programme"} <= names
    assert "strategies.is.per_order" in names


def test_an_attack_is_told_by_strategy_or_said_not_to_be_tried(compared):
    assert "40% off from week 6 to week 10" in said(strategies.attack_sayings(compared))
    calm = dataclasses.replace(compared, attacked={})
    assert "not tried here" in said(strategies.attack_sayings(calm))
    assert strategies.attack_table(calm, 0.9) is None


def test_every_assumption_is_listed_with_its_origin(compared):
    table = strategies.assumptions_table(compared)
    assert {row[4] for row in table.rows} == {"strategies.origin.assumption"}
    assert len(table.rows) == 26


def test_where_every_strategy_loses_the_picture_does_not_praise_the_least_bad(made):
    first = made.decision.rankings[0]
    lost = tuple(Interval(-abs(each.estimate) - 1, -2e6, 0.0, 0.9) for each in first.difference)
    worse = dataclasses.replace(first, difference=lost)
    found = decided(made, rankings=(worse, *made.decision.rankings[1:]))
    assert strategies.differences_figure(found).key == "strategies_loss"
    lead = dataclasses.replace(first, difference=(*lost[:-1], Interval(5.0, 1.0, 9.0, 0.9)))
    assert strategies.differences_figure(decided(made, rankings=(lead,))).key == "strategies"


def test_findings_show_their_placebo_and_what_it_means():
    html = str(table_html(loyalty.findings_table(strategy_fakes.evidence()), Words("en", "EUR")))
    assert ">estimate<" in html
    assert ">association<" in html
    assert loyalty.findings_table(strategy_fakes.evidence(found=False)) is None


def test_every_placebo_is_said_to_be_what_it_is():
    found = strategy_fakes.evidence()
    text = said(loyalty.placebo_points(found))
    assert "the same difference in the eight weeks before" in text
    assert "0.210 (90% interval 0.160 to 0.260)" in text
    assert "won by a deal" not in text
    told = dataclasses.replace(found, won=object(), driven=object(), bump=object(), panel=object(), deal=object())
    text = said(loyalty.placebo_points(told))
    assert "no placebo can be made: whatever is found of them is an association" in text
    assert "the odds of a long pause between these two orders" in text
    assert "the same calculation" not in text
    assert loyalty.placebo_points(strategy_fakes.evidence(found=False)) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_promotions_without_weeks_beside_them_are_told_in_words(language):
    close = Note("evidence.note.promotions_too_close", {"promotions": 34, "weeks": 34})
    alone = Note("evidence.reason.promotions_without_others", {"weeks": 45, "near": 8})
    text = said([close, alone], language)
    assert "34" in text
    assert "45" in text


def test_tables_that_fit_the_transactions_are_counted_in_words():
    fits = (Note("loyalty.fit.promotions", {"rows": 16, "fitting": 15}),)
    found = dataclasses.replace(strategy_fakes.evidence(), tables=fits)
    assert said(loyalty.table_points(found)) == "Promotions: 16 rows, of which 15 fall into the data."
    assert loyalty.table_points(strategy_fakes.evidence()) == []


def test_what_came_with_campaigns_is_told_to_replace_nothing():
    assert "no assumption about campaigns that it could replace" in said(loyalty.sayings(strategy_fakes.evidence()))
    reason = Note("evidence.reason.no_campaigns")
    without = dataclasses.replace(strategy_fakes.evidence(), campaigns=reason)
    assert [saying.key for saying in loyalty.sayings(without)] == ["evidence.none"]


def test_a_reason_is_given_once():
    assert [note.key for note in loyalty.reasons(strategy_fakes.evidence())] == [
        "evidence.reason.no_discount_column",
        "evidence.reason.no_satisfaction",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_picture_can_be_drawn_wide_and_narrow(made, compared, language):
    words = Words(language, "EUR")
    exhibits = [
        strategies.differences_figure(made),
        strategies.paths_figure(compared, 0.9),
        choice.map_figure(made),
        choice.deals_figure(made),
        choice.information_figure(made),
        loyalty.campaign_figure(strategy_fakes.evidence()),
    ]
    for exhibit in exhibits:
        assert figure_html(exhibit, words).count("<img") == 2


def test_without_a_comparison_there_are_no_pictures():
    assert strategies.differences_figure(None) is None
    assert choice.map_figure(None) is None
    assert choice.experiment_table(None) is None
    assert strategies.overtaking_sayings(Note("strategies.reason.no_money")) == []


def test_profit_by_week_ends_where_the_ranking_is(compared):
    table = strategies.paths_figure(compared, 0.9).data
    last = table.rows[-1]
    run = compared.per_purchase
    assert last[0] == run.weeks
    assert np.isclose(last[1].estimate, run.difference[:, 1].mean())
