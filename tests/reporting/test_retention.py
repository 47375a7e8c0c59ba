"""What notebook 04 says of how many customers stay is true of the numbers, and reads well where they are missing."""

import re

import numpy as np
import pytest
from tests.reporting import retention_fakes as fakes

from analysis.data import Note
from analysis.interval import Interval
from analysis.reporting.exhibit import figure_html
from analysis.reporting.exhibits import retention, tenure
from analysis.reporting.tables import table_html
from analysis.reporting.words import Words

WORDS = Words("en", "USD")


def said(sayings) -> str:
    return " ".join(str(WORDS.said(each)) for each in sayings)


def test_the_articles_formula_stands_with_its_numbers():
    text = said(retention.period_sayings(fakes.periods()))
    assert "Of the 2,347 customers who were active on 30 June 1997, 512 were active 12 months later" in text
    assert "(514 − 0) / 2,347 = 22% (90% interval 21% to 24%)" in text
    assert "the 2 who came back" in text
    assert "whole year" not in text


def test_without_births_there_is_no_formula_and_it_is_said():
    text = said(retention.period_sayings(fakes.periods(births=False)))
    assert "the articles&#39; formula cannot be applied" in text
    assert " / 2,347" not in text
    table = str(table_html(retention.period_table(fakes.periods(births=False)), WORDS))
    assert "–" in table


def test_a_rate_shorter_than_a_year_and_windows_that_overlap_are_said():
    text = said(retention.period_sayings(fakes.periods(months=3, shared_days=88)))
    assert "88 days in common" in text
    assert "There is no rate for a whole year: with a window of 180 days it needs 545 days of data" in text


def test_windows_that_overlap_are_named_in_the_caption_only_where_they_do():
    for shared, expected in ((0, False), (88, True)):
        exhibit = retention.window_figure(fakes.periods(months=3, shared_days=shared))
        assert ("Grey:" in str(figure_html(exhibit, WORDS))) == expected


def test_without_a_rate_only_the_reason_is_shown():
    assert retention.window_figure(fakes.TOO_SHORT) is None
    assert retention.period_table(fakes.TOO_SHORT) is None
    assert said(retention.period_sayings(fakes.TOO_SHORT)).startswith("There is no rate for a whole year")


def test_without_births_there_is_no_cohort_and_the_models_are_not_to_be_relied_on():
    assert retention.cohort_figure(fakes.BIRTHS_UNKNOWN) is None
    assert "1,946 customers (79%)" in said(retention.cohort_sayings(fakes.BIRTHS_UNKNOWN))
    assert "not to be relied on" in said(retention.cautions(fakes.retention(), fakes.BIRTHS_UNKNOWN))
    assert retention.cautions(fakes.retention(), fakes.cohorts()) == []


def test_one_cohort_is_said_to_be_one():
    assert "one cohort only: all 700 customers" in said(retention.cohort_sayings(fakes.cohorts(1)))


def test_every_cohort_is_a_row_of_the_table_and_what_is_not_over_is_empty():
    exhibit = retention.cohort_figure(fakes.cohorts(24, 20))
    assert len(exhibit.data.rows) == 25
    assert np.isnan(exhibit.data.rows[23][-1])


def test_models_that_disagree_are_said_to_and_orders_are_closer():
    found = fakes.retention()
    text = said(retention.model_sayings(found))
    assert "from 44% (90% interval 43% to 45%) under MBG/NBD to 82% (90% interval 80% to 84%) under BG/NBD" in text
    why = said(retention.why_rates_disagree(found))
    assert "400 of the 1,000 customers whom it counts as still there never came back" in why
    assert "Weighted by orders the models agree far better" in why


def test_models_that_agree_are_said_to_and_need_no_weighting():
    found = fakes.retention(same=True)
    assert "nearly agree" in said(retention.model_sayings(found))
    assert "Weighted" not in said(retention.why_rates_disagree(found))


def test_a_single_model_is_compared_with_nothing():
    found = fakes.retention(models=("BG/NBD",))
    assert "the only model that the data identify" in said(retention.model_sayings(found))
    assert "Weighted" not in said(retention.why_rates_disagree(found))


def test_years_beyond_the_data_are_a_call_out():
    assert "longer than 256 days" in said(retention.cautions(fakes.retention(oldest=0.7), fakes.cohorts()))


def test_a_group_that_does_not_exist_has_no_rate():
    found = fakes.retention()
    found.base_one_time.clear()
    rows = retention.split_table(found).rows
    assert [row[-1] is None for row in rows if row[1] == "group.one_time"] == [True] * 3


def test_growth_tells_survivors_the_same_customers_and_everyone_apart():
    text = said(tenure.growth_sayings(fakes.growth()))
    assert re.search(r"400 of 2,357 customers .* quarter 4 .* 1\.20 \(90% interval 1\.08 to 1\.32\) times", text)
    assert "selects on the future" in text
    assert "0.77" in text
    assert "0.20" in text


@pytest.mark.parametrize(("change", "sentence"), [((-0.01, 0.13), "contains zero"), ((0.01, 0.13), "does not contain")])
def test_an_interval_around_zero_is_said_to_contain_it(change, sentence):
    text = said(tenure.order_value_sayings(fakes.growth(same=Interval(0.06, *change, 0.9))))
    assert sentence in text
    assert "3,677 repeat orders of 642 customers" in text


def test_growth_that_cannot_be_known_is_its_reason():
    assert said(tenure.order_value_sayings(fakes.growth(same=None))).endswith("and 30 are needed.")
    note = Note("retention.reason.no_money")
    assert tenure.growth_sayings(note) == [note]
    assert tenure.order_value_sayings(note) == []
    assert tenure.growth_figure(note) is None


def test_the_firms_table_adds_up_and_nobody_joining_is_said():
    for row in tenure.firm_table(fakes.firm()).rows:
        if row[1] == "firm.as_is":
            assert row[3] + row[4] == row[5] + row[6]
    assert "nobody joined" in said(tenure.firm_sayings((), fakes.lift(), fakes.config()))
    assert tenure.firm_figure(()) is None
    assert tenure.firm_sayings((), Note("lift.reason.no_money"), fakes.config()) == []


def test_the_firm_says_what_the_rise_changes_only_where_it_can_rise():
    flows = [fakes.firm(rises=rises) for rises in (True, False)]
    told = [said(tenure.firm_sayings(flow, fakes.lift(joining=1500.0), fakes.config())) for flow in flows]
    assert ["with the rise" in text for text in told] == [True, False]
    assert "1,500 new customers a year" in told[0]


def test_the_firm_says_whether_those_who_join_were_counted_or_configured():
    counted = fakes.config()
    configured = counted.model_copy(
        update={"retention": counted.retention.model_copy(update={"new_customers_per_year": 1500.0})}
    )
    told = [said(tenure.firm_sayings(fakes.firm(), fakes.lift(joining=1500.0), one)) for one in (counted, configured)]
    assert "1,500 new customers a year, as counted in the last year of the data, and" in told[0]
    assert "1,500 new customers a year, as configured, and" in told[1]
