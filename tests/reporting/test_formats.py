import datetime as dt

import pytest

from analysis.interval import Interval
from analysis.reporting.formats import Formats, decimals_of
from analysis.reporting.words import Words

ENGLISH = Formats("en", "EUR")


def test_numbers_have_grouping_and_a_real_minus_sign():
    assert ENGLISH.integer(1234567.4) == "1,234,567"
    assert ENGLISH.integer(-1234) == "−1,234"
    assert ENGLISH.decimal2(-0.001) == "0.00"


def test_money_shows_cents_below_a_thousand_and_whole_units_above():
    assert ENGLISH.money(12.345) == "€12.35"
    assert ENGLISH.money(72003.34) == "€72,003"
    assert ENGLISH.cents(72003.34) == "€72,003.34"
    assert ENGLISH.money(-5) == "−€5.00"


def test_no_money_at_all_has_no_cents():
    assert ENGLISH.money(0) == ENGLISH.compact_money(0) == "€0"
    assert Words("en", "EUR").format("interval money", Interval(0, 0, 0, 0.9)) == "€0 (90% interval €0 to €0)"


def test_the_sign_of_money_stands_in_one_place_in_text_tables_and_on_axes():
    dutch = Formats("nl", "EUR")
    assert [each(-1500) for each in (dutch.money, dutch.signed_money)] == ["€\N{NO-BREAK SPACE}−1.500"] * 2
    assert dutch.compact_money(-1500).startswith("€\N{NO-BREAK SPACE}−1,5")
    assert dutch.signed_money(1500) == "€\N{NO-BREAK SPACE}+1.500"
    assert [each(-15) for each in (ENGLISH.money, ENGLISH.compact_money)] == ["−€15.00", "−€15"]


def test_a_difference_of_whole_amounts_is_whole():
    assert [ENGLISH.signed_whole_money(amount) for amount in (888.16, -888.16, 0.2)] == ["+€888", "−€888", "€0"]


def test_an_axis_of_small_amounts_has_cents():
    assert [ENGLISH.compact_money(tick) for tick in (0, 0.5, 1, 12)] == ["€0", "€0.50", "€1", "€12"]


def test_money_of_an_unknown_currency_is_a_plain_number():
    assert Formats("en").money(12.345) == "12.35"
    assert Formats("en").compact_money(12_300) == "12.3K"


def test_dutch_money_is_written_the_dutch_way():
    dutch = Formats("nl", "EUR")
    assert dutch.cents(72003.34) == "€\N{NO-BREAK SPACE}72.003,34"
    assert dutch.money(1234.5) == "€\N{NO-BREAK SPACE}1.234"
    assert dutch.compact_money(1_230_000) == "€\N{NO-BREAK SPACE}1,2\N{NO-BREAK SPACE}mln."


def test_dutch_numbers_have_a_decimal_comma_everywhere_and_axes_too():
    dutch = Formats("nl")
    assert [dutch.decimal1(1234.5), dutch.percent1(0.1234), dutch.number(0.25)] == ["1.234,5", "12,3%", "0,25"]
    assert [dutch.month("1997-03-01"), dutch.list("abc")] == ["mrt 1997", "a, b en c"]


def test_a_yen_has_no_hundredths_and_a_hostile_currency_code_stays_text():
    assert Formats("en", "JPY").money(5000) == "JP¥5,000"
    assert "<b>" in Formats("en", "<b>").money(5000)


def test_percentages_never_round_to_a_false_nothing_or_everything():
    assert ENGLISH.percent(0.004) == "0.4%"
    assert ENGLISH.percent(0.996) == "99.6%"
    assert ENGLISH.percent(0.0) == "0%"
    assert ENGLISH.percent(1.0) == "100%"
    assert ENGLISH.signed_percent(0.12) == "+12%"


def test_dates_and_durations_follow_the_language():
    assert ENGLISH.date(dt.date(1997, 9, 30)) == ENGLISH.date("1997-09-30") == "30 September 1997"
    assert ENGLISH.weeks(1) == "1 week"
    assert ENGLISH.years(2.5) == "2.5 years"
    assert Formats("nl").weeks(39) == "39 weken"
    assert [Formats("nl").days(count) for count in (1, 14, 1400)] == ["1 dag", "14 dagen", "1.400 dagen"]
    assert [Formats("nl").years(count) for count in (1, 2.5)] == ["1 jaar", "2,5 jaar"]


def test_a_moment_is_shown_in_utc_to_the_minute():
    assert ENGLISH.moment("2026-11-22T04:50:37+00:00") == "22 November 2026, 04:50 UTC"
    assert ENGLISH.moment("2026-11-22T00:30:00+01:00") == "21 November 2026, 23:30 UTC"
    assert Formats("nl").moment("2026-11-22T04:50:37Z") == "22 november 2026, 04:50 UTC"


def test_an_interval_says_its_level_and_has_the_digits_its_width_deserves():
    words = Words("en")
    assert (
        words.format("interval significant", Interval(47.23, 41.02, 53.94, 0.9)) == "47.2 (90% interval 41.0 to 53.9)"
    )
    assert words.format("interval integer", Interval(1653, 1487, 1818, 0.9)) == "1,653 (90% interval 1,487 to 1,818)"
    rare = Interval(0.00071, 0.00051, 0.00099, 0.9)
    assert words.format("interval percent", rare) == "0.07% (90% interval 0.05% to 0.10%)"
    assert words.format("range decimal2", Interval(1, 0.5, 1.5, 0.9)) == "0.50 to 1.50"


def test_money_of_one_interval_has_the_same_number_of_decimals_throughout():
    words = Words("en", "EUR")
    assert words.format("interval money", Interval(1100, 950, 1300, 0.9)) == "€1,100 (90% interval €950 to €1,300)"


@pytest.mark.parametrize("value", [None, float("nan")])
def test_what_is_missing_is_shown_as_missing(value):
    assert Words("en").format("decimal2", value) == "–"


def test_an_unknown_kind_is_refused():
    with pytest.raises(KeyError):
        ENGLISH.named("plural_form", 3)


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ((7725.44, 7701.2, 7750.6), "7,725 (90% interval 7,701 to 7,751)"),
        ((100.42, 98.0, 103.0), "100 (90% interval 98 to 103)"),
        ((99.42, 98.0, 103.0), "99.42 (90% interval 98.00 to 103.00)"),
        ((500.42, 500.31, 500.55), "500.420 (90% interval 500.310 to 500.550)"),
    ],
)
def test_above_a_hundred_there_are_no_decimals_unless_the_interval_is_that_narrow(ends, shown):
    assert Words("en").format("interval significant", Interval(*ends, 0.9)) == shown


def test_three_significant_digits_are_kept():
    assert [decimals_of(value) for value in (0, 0.00123, 1.23, 12.3, 123.0, 12345.0)] == [0, 4, 2, 1, 0, 0]
