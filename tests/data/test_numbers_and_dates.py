import datetime as dt

import pytest
from tests.conftest import refuses

from analysis.errors import InputRefused


def with_amounts(*amounts):
    return (
        "klant;datum;bedrag\n"
        + "".join(f'a;2024-01-{day:02d};"{amount}"\n' for day, amount in enumerate([*amounts, "0"], 1))
        + "b;2024-01-01;0\n"
    )


def with_dates(*dates):
    return "klant;datum;bedrag\n" + "".join(f"{who};{date};1\n" for date in dates for who in "ab")


def spent(transactions):
    return transactions.histories.table["spent"].tolist()[0]


@pytest.mark.parametrize(("amounts", "expected"), [
    (["1.234,56"], 1234.56), (["1,234.56"], 1234.56), (["1.234", "0,5"], 1234.5), (["1.234", "0.5"], 1.734),
    (["1,234", "2,50"], 3.734), (["1.234.567"], 1234567.0), (["1 234,5", "1 234"], 2468.5), (["1\u00a0234,50"], 1234.5),
    (["1'234.50"], 1234.5), (["€ 1.234,56", "2,00 €", "€3,00"], 1239.56), (["EUR 12,50", "1,00 EUR"], 13.5),
    (["0.125"], 0.125), (["1234.125"], 1234.125), ([",50"], 0.5), (["1e3", "1.5E+02"], 1150.0),
    (["100", "-12,5"], 87.5), (["100", "12,50-"], 87.5), (["100", "(12.50)"], 87.5), (["100", "\u22125"], 95.0),
    (["100", "- 5"], 95.0), (["€ -5,00", "-€ 5,00", "20"], 10.0), ([" 7 ", "+3"], 10.0),
    (["12,-", "€ 1.234,--", "3,50"], 1249.5), (["12.-", "-2.-", "3,- €".replace(",", ".")], 13.0),
    (["12,\u2013"], 12.0), (["100", "($5.00)", "$(6.00)", "(7.00 USD)"], 82.0), (["100", "(€ 5,00)"], 95.0),
    (["1e3", "1,50"], 1001.5), (["0", "0.0000000", "5"], 5.0), (["0.000001", "1e-6", "1"], 1.000002),
])  # fmt: skip
def test_numbers_are_read_as_they_were_meant(load_file, amounts, expected):
    assert spent(load_file("a.csv", with_amounts(*amounts))) == pytest.approx(expected)


@pytest.mark.parametrize(("amounts", "message"), [
    (["1.234", "5.678"], "2 numbers can be read two ways.*'1.234' in line 2.*`decimal`"),
    (["1,234"], "1 number can be read two ways"),
    (["1.50", "1,50"], "1 value does not fit decimal == '.', as others of the column do; .*: '1,50' in line 3"),
    (["1.2.3"], "1 value is not a number: '1.2.3' in line 2"), (["12,34,5"], "not a number"),
    (["1.23,456.7"], "not a number"), (["abc", "1-,"], "2 values are not numbers"), (["1O"], "not a number"),
    (["12,-", "1.50"], "1 value does not fit decimal == '.'"),
    (["(-5)", "(5)-", "--5", "-€-5", "-5-"], "5 values are not numbers"),
    (["1e3", "1.234"], "1 number can be read two ways"),
    (["1e-9", "0,0000001"], "2 values are no numbers that can be kept exactly: '1e-9' in line 2, '0,0000001'"),
    (["€ 5 USD"], "mixes currencies"),
    (["€ 1,50", "$ 2,50"], "mixes currencies: EUR in 1 row, USD in 1 row"),
    (["1000000000000,5"], "no number that can be kept exactly"),
])  # fmt: skip
def test_numbers_that_could_mean_two_things_or_nothing_are_refused(load_file, amounts, message):
    with refuses(message, 3):
        load_file("a.csv", with_amounts(*amounts))


def test_the_key_decimal_settles_what_is_open(load_file):
    assert spent(load_file("a.csv", with_amounts("1.234"), decimal=",")) == 1234.0
    assert spent(load_file("a.csv", with_amounts("1.234"), decimal=".")) == 1.234
    with pytest.raises(InputRefused, match=r"1 value does not fit decimal == ',': '1.5'"):
        load_file("a.csv", with_amounts("1.5"), decimal=",")


@pytest.mark.parametrize(("dates", "first", "last"), [
    (["2024-01-02", "2024-03-04"], (2024, 1, 2), (2024, 3, 4)),
    (["2024-01-02 10:00", "2024-03-04"], (2024, 1, 2), (2024, 3, 4)),
    (["2024-01-02T10:00:01", "2024-03-04T23:59:59.123456"], (2024, 1, 2), (2024, 3, 4)),
    (["01-02-2024", "31-03-2024"], (2024, 2, 1), (2024, 3, 31)),
    (["1-2-2024 9:05", "31-3-2024 10:15"], (2024, 2, 1), (2024, 3, 31)),
    (["01/02/2024", "03/31/2024"], (2024, 1, 2), (2024, 3, 31)),
    (["1/2/2024 1:05 PM", "3/31/2024 11:05 AM"], (2024, 1, 2), (2024, 3, 31)),
    (["20240102", "20240304"], (2024, 1, 2), (2024, 3, 4)),
    (["02.01.2024", "31.03.2024"], (2024, 1, 2), (2024, 3, 31)),
    (["2 Jan 2024", "4 Mar 2024"], (2024, 1, 2), (2024, 3, 4)),
    (["January 2, 2024", "March 4, 2024"], (2024, 1, 2), (2024, 3, 4)),
    (["January 2, 2024", "Mar 4, 2024"], (2024, 1, 2), (2024, 3, 4)),
    (["13 maart 2024", "1 januari 2024", "2 mei 2024", "3 april 2024"], (2024, 1, 1), (2024, 5, 2)),
    (["13-mrt-2024", "14-okt-2024 10:30", "1-Aug-2024"], (2024, 3, 13), (2024, 10, 14)),
    (["13 mrt. 2024", "14 Sept 2024"], (2024, 3, 13), (2024, 9, 14)),
    (["2024-Jan-13", "2024-okt-01"], (2024, 1, 13), (2024, 10, 1)),
    (["28-Jan-24", "03-Mar-24"], (2024, 1, 28), (2024, 3, 3)),
    (["1704153600000000", "1709510400000000"], (2024, 1, 2), (2024, 3, 4)),
    (["Jan-02-24", "Mar-31-24"], (2024, 1, 2), (2024, 3, 31)),
    (["31-mrt-24", "13-mei-24"], (2024, 3, 31), (2024, 5, 13)),
    (["13-Jan-99", "14-Feb-99"], (1999, 1, 13), (1999, 2, 14)),
    (["31-12-99", "01-01-99"], (1999, 1, 1), (1999, 12, 31)),
    (["2024-01-02T23:30:00Z", "2024-03-04T10:00:00Z"], (2024, 1, 2), (2024, 3, 4)),
    (["za 13 jan 2024", "wo 1 mei 2024 10:00"], (2024, 1, 13), (2024, 5, 1)),
    (["di 30-01-2024", "Di., 12-03-2024"], (2024, 1, 30), (2024, 3, 12)),
    (["Sat 1/13/2024", "Tues 3/12/2024"], (2024, 1, 13), (2024, 3, 12)),
    (["mar. 30 janv. 2024", "mar. 12 mars 2024"], (2024, 1, 30), (2024, 3, 12)),
    (["Mar 30 2024", "Mar 12 2024 10:00"], (2024, 3, 12), (2024, 3, 30)),
    (["Mar 30, 2024", "Jan 12, 2024"], (2024, 1, 12), (2024, 3, 30)),
    (["January 1st, 2024", "March 4th, 2024"], (2024, 1, 1), (2024, 3, 4)),
    (["45293,5", "45355,25"], (2024, 1, 2), (2024, 3, 4)),
    (["2 jan 2024 om 09:17", "4 mrt 2024 om 9:17"], (2024, 1, 2), (2024, 3, 4)),
    (["31.01.2024, 09:17 Uhr", "02.03.2024, 19:17 Uhr"], (2024, 1, 31), (2024, 3, 2)),
    (["31/01/2024 - 16:27:58", "02/03/2024 - 09:05"], (2024, 1, 31), (2024, 3, 2)),
])  # fmt: skip
def test_dates_are_recognised_by_the_whole_column(load_file, dates, first, last):
    found = load_file("a.csv", with_dates(*dates))
    assert (found.observation_start, found.observation_end) == (dt.date(*first), dt.date(*last))


@pytest.mark.parametrize(("dates", "message"), [
    (["01-02-2024", "03-04-2024"],
     r"cannot be told apart in any of the 4 dates.*in line 2.*`date_format` to \"%d-%m-%Y\" or"),
    (["31-01-2024", "01-31-2024"], "mixes formats: 2 rows like '31-01-2024' in line 2, 2 rows like '01-31-2024'"),
    (["31-01-2024", "2024-01-31"], "mixes formats: 2 rows like '2024-01-31' in line 4, 2 rows like '31-01-2024'"),
    (["31-12-99", "31-12-1999"], "mixes formats: 2 rows like '31-12-1999' in line 4, 2 rows like '31-12-99' in li"),
    (["31-12-99", "30-12-99", "morgen"], "2 values are not dates that can be recognised: 'morgen' in line 6"),
    (["2024-01-02T10:00:00Z", "2024-01-02T10:00:00"], "mixes formats"),
    (["2024-01-02", "2024-02-30"], "2 values are no dates .*'2024-02-30' in line 4, '2024-02-30' in line 5"),
    (["2024-01-02", "morgen", "45321"], "4 values are not dates that can be recognised"),
    (["0001-01-01", "2024-01-02"], "2 values are no dates between 1900 and 2199"),
    (["2024-01-02 25:61", "2024-01-03"], "2 values are no dates"),
    (["01-02-03", "04-05-06"], "cannot be told apart"),
    (["13-mrt-24"], r"day and year cannot be told apart .*`date_format` to \"%d-%b-%y\" or \"%y-%b-%d\""),
    (["13 march 2024", "31 april 2024"], "2 values are no dates .*'31 april 2024' in line 4"),
    (["2024-01-13T23:30:00+99:99", "2024-02-14T23:30:00Z"], r"2 values are no dates .*'2024-01-13T23:30:00\+99:99'"),
    (["2024-01-13T23:30:00-0060", "2024-02-14T23:30:00Z"], "2 values are no dates"),
])  # fmt: skip
def test_dates_that_could_mean_two_things_or_nothing_are_refused(load_file, dates, message):
    with refuses(message, 3):
        load_file("a.csv", with_dates(*dates))


def test_the_key_date_format_settles_what_is_open(load_file):
    text = with_dates("01-02-2024", "03-04-2024")
    assert load_file("a.csv", text, date_format="%d-%m-%Y").observation_end == dt.date(2024, 4, 3)
    assert load_file("a.csv", text, date_format="%m-%d-%Y").observation_end == dt.date(2024, 3, 4)
    with pytest.raises(InputRefused, match="4 values are no dates"):
        load_file("a.csv", text, date_format="%Y-%m-%d")
    for wrong in ("%Q", "", "  "):
        with refuses(f"date_format == '{wrong}', must be a strptime format", 2):
            load_file("a.csv", text, date_format=wrong)


@pytest.mark.parametrize(("dates", "date_format"), [
    (["13-mrt-24", "14-okt-24"], "%d-%b-%y"), (["13-mrt-24", "14-Oct-24"], "%d-%B-%y"),
    (["13 maart 2024", "14 oktober 2024"], "%d %B %Y"), (["13mrt2024", "14okt2024"], "%d%b%Y"),
    (["13 mrt. 2024", "14 okt. 2024"], "%d %b. %Y"),
    (["13-03-2024 om 10u30", "14-10-2024 om 9u05"], "%d-%m-%Y om %Hu%M"),
    (["2024-03-13t10:30", "2024-10-14T10:30"], "%Y-%m-%dt%H:%M"),
    (["Op 13-03-2024", "op 14-10-2024"], " Op %d-%m-%Y"),
])  # fmt: skip
def test_a_date_format_may_name_months_in_dutch_and_hold_letters_of_its_own(load_file, dates, date_format):
    found = load_file("a.csv", with_dates(*dates), date_format=date_format)
    assert (found.observation_start, found.observation_end) == (dt.date(2024, 3, 13), dt.date(2024, 10, 14))


@pytest.mark.parametrize("dates", [
    ["20240313103000", "20241014000000"], ["20240313T103000Z", "20241014T000000Z"],
    ["2024-03-13 10:30:00 CET", "2024-10-14 10:30:00 CEST"], ["Mar-13-24 10:30:00 PDT", "Oct-14-24 10:30:00 PDT"],
    ["13 Mar 2024 10:30:00 GMT", "14 Oct 2024 10:30:00 GMT"],
    ["Wed Mar 13 2024 10:30:00 GMT+0100 (Central European Standard Time)", "Mon Oct 14 2024 10:30:00 GMT+0200"],
    ["2024-03-13 10:30:00 +0100 CET", "2024-10-14 10:30:00 +0200 CEST"],
    ["1710325800.25", "1728901800.5"], ["13 marzo 2024", "14 ottobre 2024"],
    ["mercoledì 13 marzo 2024", "lunedì 14 ottobre 2024"],
])  # fmt: skip
def test_days_are_told_in_what_programs_write(load_file, dates):
    orders = load_file("a.csv", with_dates(*dates))
    assert [str(orders.observation_start), str(orders.observation_end)] == ["2024-03-13", "2024-10-14"]


def test_a_zone_in_letters_is_its_offset(load_file):
    orders = load_file("a.csv", with_dates("2024-01-02 23:30:00 PST", "2024-07-04 00:30:00 CEST"))
    assert [str(orders.observation_start), str(orders.observation_end)] == ["2024-01-03", "2024-07-03"]


def test_timestamps_with_an_offset_take_the_day_of_the_configured_zone(load_file):
    text = with_dates("2024-01-02T23:30:00Z", "2024-07-04T23:30:00+0000", "2024-07-05 00:30:00+02:00")
    with pytest.raises(InputRefused, match=r"mixes|recognised"):
        load_file("b.csv", with_dates("2024-01-02T23:30:00Z", "2024-01-02"))
    amsterdam = load_file("a.csv", text, timezone="Europe/Amsterdam")
    assert (amsterdam.observation_start, amsterdam.observation_end) == (dt.date(2024, 1, 3), dt.date(2024, 7, 5))
    utc = load_file("a.csv", text)
    assert (utc.observation_start, utc.observation_end) == (dt.date(2024, 1, 2), dt.date(2024, 7, 4))
    assert [str(note) for note in utc.notes if "offset" in str(note)] == [
        "Times carry an offset and no time zone is configured, so the day of an order is its day in UTC."
    ]


def test_missing_dates_and_amounts_are_dropped_into_the_ledger(load_file):
    found = load_file("a.csv", with_amounts("1", "", "2") + "b;;3\n")
    reasons = dict(found.ledger[["reason", "rows"]].to_numpy())
    assert reasons["ledger.reason.missing_amount"] == reasons["ledger.reason.missing_date"] == 1
    assert found.ledger["amount"].sum() == 6.0
