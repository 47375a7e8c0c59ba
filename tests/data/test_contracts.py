"""Contracts from files: the counts against counting one customer at a time, and every problem told at once."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from tests.conftest import refuses

import analysis as rl
from analysis.config import Config, config_from_mapping
from analysis.data.contracts import load_contracts
from analysis.errors import CONTENT, USAGE, InputRefused, UsageError

AS_OF = dt.date(2023, 12, 31)
SPANS = {"customer": "who", "start": "from", "end": "until"}
MONTHS = {"customer": "who", "month": "m", "active": "a"}


@pytest.fixture
def load(tmp_path):
    """Load contracts from text, a frame written as Parquet, or a file that is there."""

    def read(content=None, columns=SPANS, *, name="contracts.csv", as_of=AS_OF, **keys):
        path = tmp_path / name
        if isinstance(content, pd.DataFrame):
            content.to_parquet(path)
        elif content is not None:
            path.write_text(content)
        config = Config(
            name="gym",
            folder=tmp_path,
            data={"transactions": {"sample": "cdnow"}},
            contracts={"file": name, "columns": columns, **keys},
        )
        return load_contracts(config, as_of=as_of, workdir=tmp_path / "work")

    return read


def test_contracts_come_from_a_frame_too_without_any_orders(load):
    frame = pd.DataFrame({"who": [3, 1, 2], "from": ["2020-05-01"] * 3, "until": [None, "2021-05-01", "2023-01-01"]})
    found = rl.read_contracts(frame, customer="who", start="from", end="until", observation_end="2023-12-31")
    pd.testing.assert_frame_equal(found.by_period, load(frame, name="contracts.parquet").by_period)


def test_problems_of_a_frame_of_contracts_are_told_as_those_of_arguments():
    with pytest.raises(InputRefused) as refused:
        rl.read_contracts("gym.csv", customer="who", tenure="t", dlimiter=";", observation_end="2023")
    told = str(refused.value)
    for problem in (
        "columns: give either start and end, or month and active, or tenure and churned, found tenure",
        "unknown argument 'dlimiter'; did you mean 'delimiter'?",
        "observation_end == '2023', must be a date",
    ):
        assert problem in told
    with pytest.raises(UsageError, match="observation_end is missing"):
        rl.read_contracts(pd.DataFrame(), customer="who", tenure="t", churned="c", observation_end=None)


def test_a_file_named_contracts_keeps_its_name_in_what_is_told(tmp_path):
    path = str(tmp_path / "contracts.csv")
    with pytest.raises(InputRefused, match=r"file: there is no file .*/contracts\.csv"):
        rl.read_contracts(path, customer="who", tenure="t", churned="c", observation_end="2023-12-31")
    with pytest.raises(InputRefused, match=r"there is no file .*/contracts\.csv"):
        rl.read_orders(path, customer="who", date="t")


def test_what_is_no_table_of_contracts_is_refused_with_what_may_be_one():
    with pytest.raises(UsageError, match=r"read_contracts: .* type int, must be a table .* or a path$"):
        rl.read_contracts(5, customer="who", start="from", end="until", observation_end="2023-12-31")


def problems_of(load, *args, **keys):
    with pytest.raises(InputRefused) as refused:
        load(*args, **keys)
    return [problem.message for problem in refused.value.problems], refused.value.exit_code


def counted_one_by_one(frame, months, as_of):
    """(cohort year, period) -> [at risk, lost], with pandas' month arithmetic."""
    found = {}
    for start, end in zip(frame["from"], frame["until"], strict=True):
        ended = pd.notna(end) and end <= as_of
        period = 1
        while (due := start + pd.DateOffset(months=months * period)) <= as_of:
            cell = found.setdefault((start.year, period), [0, 0])
            cell[0] += 1
            if ended and end <= due:
                cell[1] += 1
                break
            period += 1
    return found


def random_contracts(rng, n):
    start = pd.Timestamp("2017-01-01") + pd.to_timedelta(rng.integers(0, 7 * 365, n), unit="D")
    end = pd.Series(start + pd.to_timedelta(rng.integers(0, 6 * 365, n), unit="D")).where(rng.random(n) < 0.7)
    return pd.DataFrame({"who": [f"c{i}" for i in range(n)], "from": start, "until": end})


@pytest.mark.parametrize("months", [12, 6])
def test_counts_are_those_of_counting_every_customer(load, months):
    frame = random_contracts(np.random.default_rng(months), 600)
    contracts = load(frame, name="contracts.parquet", period_months=months)
    found = {}
    for cohort, period, at_risk, _, lost in contracts.counts.itertuples(index=False):
        cell = found.setdefault((cohort.year, period), [0, 0])
        cell[0], cell[1] = cell[0] + at_risk, cell[1] + lost
    assert found == counted_one_by_one(frame, months, pd.Timestamp(AS_OF))
    begun = frame[frame["from"] <= pd.Timestamp(AS_OF)]
    running = begun["until"].isna() | (begun["until"] > pd.Timestamp(AS_OF))
    assert contracts.base["customers"].sum() == running.sum()
    assert contracts.customers == len(begun)
    assert (contracts.counts["at_risk"] == contracts.counts["renewed"] + contracts.counts["lost"]).all()


def test_a_contract_that_ends_on_the_day_of_a_renewal_was_not_renewed(load):
    rows = "who,from,until\na,2020-03-01,2021-03-01\nb,2020-03-01,2021-03-02\nc,2020-03-01,2021-02-28\nd,2020-03-01,\n"
    contracts = load(rows)
    assert contracts.by_period.to_numpy().tolist() == [[1, 4, 2, 2], [2, 2, 1, 1], [3, 1, 1, 0]]
    assert contracts.base[["renewals", "customers"]].to_numpy().tolist() == [[3, 1]]
    assert (contracts.due_last, contracts.renewed_last) == (1, 1)


def test_ends_that_lie_ahead_and_periods_that_are_not_over_count_for_nothing(load):
    rows = (
        "who,from,until\nold,2020-01-10,\nlater,2024-01-01,\nahead,2021-05-01,9999-12-31\n"
        "notice,2022-01-01,2024-06-30\nearly,2023-06-01,2023-07-01\n"
    )
    contracts = load(rows)
    assert contracts.by_period[["period", "at_risk", "lost"]].to_numpy().tolist() == [[1, 3, 0], [2, 2, 0], [3, 1, 0]]
    assert [str(note) for note in contracts.notes] == [
        "Contracts that began after the last day that counts, left out: 1."
    ]
    assert contracts.base["customers"].sum() == 3


def test_the_base_says_how_far_ahead_the_next_renewal_is(load):
    base = load("who,from,until\na,2020-07-01,\nb,2020-07-01,2025-01-01\nc,2022-01-01,\nd,2021-12-31,\n").base
    assert base[["renewals", "customers"]].to_numpy().tolist() == [[3, 2], [2, 1], [1, 1]]
    assert base["ahead"].tolist() == [183 / 366, 1.0, 1 / 365]
    assert load("who,from,until\na,2020-07-01,2022-08-01\nb,2020-09-01,2022-01-01\n").base.empty


def test_every_problem_of_the_rows_is_told_at_once(load):
    rows = "who,from,until\na,2020-03-01,2020-02-01\nb,,\n,2020-01-01,\na,2021-02-30,2021-01-01\n"
    messages, exit_code = problems_of(load, rows)
    assert exit_code == CONTENT
    assert [message.split(": ", 1)[1].split(";")[0] for message in messages] == [
        "column 'from' (for start): 1 value is no date between 1900 and 2199 in the format of the column: '2021-02-30' "
        "in line 5",
        "1 row has no start: 'b' in line 3",
        "1 row ends before it starts: '2020-03-01' / '2020-02-01' in line 2",
        "1 row has no customer: empty / '2020-01-01' in line 4",
    ]


@pytest.mark.parametrize(("rows", "keys", "told"), [
    ("who,van,until\na,2020-03-01,\n", {}, "there is no column 'from' (for start)"),
    ("who,from,until\n", {}, "no rows under the header; at least one is needed"),
    ("who,from,until\na,01/02/2020,\nb,03/04/2020,\n", {}, "set the key `contracts.date_format` to"),
    ("who,from,until\na,2020-01-01,soon\n", {}, "column 'until' (for end): 1 value is not a date"),
    ("who,from,until\na,2020-01-01,\n", {"date_format": "%Q"}, "contracts.date_format == '%Q'"),
    ("who,from,until\na,2020-01-01,\n", {"sheet": "One"}, "contracts.sheet == 'One'"),
    ("who,from,until\na,2024-03-01,\n", {}, "none of the contracts in 1 row began by 2023-12-31"),
    ("who,from,until\na,2023-03-01,\n", {}, "no renewal fell due by 2023-12-31, 12 months or more after"),
    ("who,from,until\na,2022-06-01,\n", {}, "at least two tenure periods are needed"),
    (None, {"name": "nothing.csv"}, "contracts.file: there is no file"),
])  # fmt: skip
def test_what_stands_in_the_way_is_told_in_the_words_of_contracts(load, rows, keys, told):
    messages, _ = problems_of(load, rows, **keys)
    assert told in messages[0]


def notes_of(contracts):
    return [str(note) for note in contracts.notes]


@pytest.mark.parametrize(("month", "date_format"), [
    *((month, None) for month in ("{0:%Y-%m}", "{0:%m-%Y}", "{0:%m/%Y}", "{1} {0:%Y}", "{0:%b-%Y}", "{0:%Y} {1}")),
    *((f"{{0:{told}}}", told) for told in ("%Y-%m", "%b-%Y")),
])  # fmt: skip
def test_months_stand_for_their_first_day(load, month, date_format):
    months = (dt.date(2019, 1, 1), "januari"), (dt.date(2020, 10, 1), "oktober"), (dt.date(2022, 3, 1), "maart")
    rows = "who,from,until\na,{0},{2}\nb,{1},\nc,{0},\n"
    days = load(rows.format(*(day for day, _ in months)))
    found = load(rows.format(*(month.format(*each) for each in months)), date_format=date_format)
    pd.testing.assert_frame_equal(found.counts, days.counts)


@pytest.mark.parametrize("word", ["NULL", "-", "n.v.t.", "none", "NaN", "N/A", "\\N", "geen"])
def test_words_for_no_end_are_contracts_that_run_on(load, word):
    rows = "who,from,until\na,2020-03-01,{0}\nb,2020-05-01,2022-05-01\nc,2020-05-01,{0}\n"
    pd.testing.assert_frame_equal(load(rows.format(word)).counts, load(rows.format("")).counts)


def test_contracts_that_follow_on_one_another_are_one_and_those_after_a_gap_do_not_count(load):
    apart = "a,2020-03-01,2021-02-28\na,2021-03-01,2022-02-28\nb,2020-03-01,2021-06-30\nc,2020-03-01,\n"
    apart += "b,2022-01-01,2022-03-01\nb,2023-01-01,\n"
    one = "a,2020-03-01,2022-02-28\nb,2020-03-01,2021-06-30\nc,2020-03-01,\n"
    contracts = load("who,from,until\n" + apart)
    pd.testing.assert_frame_equal(contracts.counts, load("who,from,until\n" + one).counts)
    assert notes_of(contracts) == [
        "Contracts that follow on another one of the customer, taken as one with it: 1.",
        "Customers who came back after leaving: 1; their first contract counts, also where a later one runs.",
    ]


def test_a_table_of_tenures_gives_the_life_table(load):
    columns = {"customer": "who", "tenure": "t", "churned": "left"}
    rows = "who,t,left\na,1,Yes\nb,5,No\nc,14,No\nd,13,Yes\ne,26,No\nf,0,Yes\n"
    contracts = load(rows, columns)
    assert contracts.by_period[["period", "at_risk", "lost"]].to_numpy().tolist() == [[1, 5, 2], [2, 2, 1]]
    assert (contracts.due_last, contracts.renewed_last) == (0, 0)  # nobody knows who left in the last period
    told, early = notes_of(contracts)
    assert told == "The file of contracts gives tenures and no dates, so cohorts by calendar say nothing here."
    assert early.startswith("Customers who left within a tenure period: 2. They count as lost in it")
    assert len(notes_of(load(rows, columns, period_months=1))) == 1
    messages, _ = problems_of(load, "who,t,left\na,1,Yes\na,-2,maybe\n", columns)
    assert "'maybe'" in messages[0]
    assert "1 tenure is negative: '-2'" in messages[1]
    assert "1 customer stands in more than one row" in messages[2]


def statuses(**customers):
    """Rows of a status file: name -> (first month, pattern of 1 and 0)."""
    rows = ["who,m,a"]
    for name, (first, pattern) in customers.items():
        months = pd.period_range(first, periods=len(pattern), freq="M")
        rows += [f"{name},{month},{active}" for month, active in zip(months, pattern, strict=True)]
    return "\n".join(rows) + "\n"


def test_a_status_by_month_counts_as_contracts_do(load):
    text = statuses(
        before=("2022-01", "1" * 24), stays=("2022-03", "1" * 22), leaves=("2022-03", "1" * 3 + "0"),
        returns=("2022-04", "1" * 6 + "0" * 2 + "1" * 13), never=("2022-05", "000"),
    )  # fmt: skip
    contracts = load(text, MONTHS, period_months=3)
    assert contracts.as_of == dt.date(2023, 12, 1)
    assert contracts.by_period[["period", "at_risk", "lost"]].to_numpy().tolist()[:3] == [
        [1, 3, 1],
        [2, 2, 1],
        [3, 1, 0],
    ]
    never, returned, unknown = map(str, contracts.notes)
    assert never == "Customers who were never active, left out: 1."
    assert returned.startswith("Customers who came back after leaving: 1; their first contract counts, also where")
    assert unknown.endswith("first month of the file, left out since it is not known when they began: 1.")
    assert contracts.base[["renewals", "customers"]].to_numpy().tolist() == [[7, 1]]


def test_the_same_customers_by_month_and_by_dates_are_counted_alike(load):
    rng = np.random.default_rng(2)
    first = pd.Period("2020-01", "M")
    spans, months = [], {"early": ("2020-01", "1" * 48)}
    for number in range(60):
        begin = int(rng.integers(1, 36))
        length = int(rng.integers(1, 48))
        there = min(length, 48 - begin)
        ends = there == length and begin + length < 48
        end = f"{first + begin + length}-01" if ends else ""
        spans.append(f"c{number},{first + begin}-01,{end}")
        months[f"c{number}"] = (str(first + begin), "1" * there + "0" * ends)
    by_date = load("who,from,until\n" + "\n".join(spans) + "\n", as_of=dt.date(2023, 12, 1), period_months=6)
    by_month = load(statuses(**months), MONTHS, name="months.csv", period_months=6)
    pd.testing.assert_frame_equal(by_date.counts, by_month.counts)
    pd.testing.assert_frame_equal(by_date.base, by_month.base)


def test_gaps_and_rows_that_just_stop_are_refused(load):
    text = statuses(x=("2021-01", "1"), y=("2021-01", "11"), z=("2021-01", "10")) + "x,2021-03,1\n"
    messages, _ = problems_of(load, text, MONTHS, period_months=1)
    assert "1 row comes after a month that is missing: 'x' / '2021-03' in line" in messages[0]
    assert "1 row ends a contract that still ran: 'y' / '2021-02' in line" in messages[1]


def test_odd_statuses_and_months_given_twice_are_refused_together(load):
    text = statuses(x=("2021-01", "11"), y=("2021-01", "1")) + "y,2021-01,1\ny,2021-02,maybe\n,2021-01,1\nx,,1\n"
    messages, _ = problems_of(load, text, MONTHS, period_months=1)
    assert "1 row has no month: 'x' in line 8" in messages[0]
    assert "1 value in column 'a' (for active) is unknown: 'maybe' in line 6" in messages[1]
    assert "1 row has no customer" in messages[2]
    assert "1 customer has a month twice: 'y' / '2021-01' in line 4" in messages[3]


@pytest.mark.parametrize(("month", "yes", "no"), [
    *(("2021-{:02d}", "true", "false"), ("2021{:02d}", "Ja", "nee")),
    *(("2021/{:02d}", "active", "inactive"), ("{:02d}-15-2021", "1", "0")),
])  # fmt: skip
def test_months_and_statuses_may_be_written_in_several_ways(load, month, yes, no):
    rows = [("a", m, yes) for m in range(1, 13)] + [("b", m, yes if m < 4 else no) for m in range(1, 13)]
    text = "who,m,a\n" + "".join(f"{who},{month.format(m)},{active}\n" for who, m, active in rows)
    date_format = "%m-%d-%Y" if month.startswith("{") else None
    contracts = load(text, MONTHS, period_months=1, date_format=date_format)
    assert contracts.by_period["lost"].tolist()[:4] == [0, 0, 1, 0]


@pytest.mark.parametrize(("sections", "told"), [
    ({"columns": {"customer": "who"}}, "give either start and end, or month and active, or tenure and churned"),
    ({"columns": {"customer": "who", "start": "s"}}, "found start"),
    ({"columns": {**SPANS, "month": "m", "active": "a"}}, "found active and end and month"),
    *(({"period_months": months}, r"contracts\.period_months") for months in (0, 121, 1.5)),
    ({"contracts": None}, "contracts is empty; name its keys, or leave it out"),
    ({"batch": None}, "batch is empty; name its keys, or leave it out"),
])  # fmt: skip
def test_what_a_configuration_says_of_contracts_is_checked(tmp_path, sections, told):
    content = {"data": {"transactions": "a.csv", "columns": {"customer": "a", "date": "b"}}}
    if None in sections.values():
        content |= sections
    else:
        content["contracts"] = {"file": "c.csv", "columns": SPANS} | sections
    with refuses(told, USAGE):
        config_from_mapping(content, path=tmp_path / "gym.yml")
