"""Campaigns, promotions, satisfaction and an experiment from files: what they say, and every problem told at once."""

import datetime as dt

import pandas as pd
import pytest

from analysis.config import Config
from analysis.data.tables import load_loyalty_tables
from analysis.errors import USAGE, InputRefused

COLUMNS = {
    "campaigns": {"customer": "who", "start": "from", "end": "until"},
    "promotions": {"start": "from", "end": "until"},
    "satisfaction": {"customer": "who", "date": "day", "score": "mark"},
    "customer_types": {"customer": "who", "type": "kind"},
    "experiment": {"customer": "who", "arm": "group"},
}
TRIAL = {"starts": "2025-03-01", "control": "nothing"}
ARMS = "who,group\n007,nothing\n7,promotion\nb,nothing\n"
MANY_ARMS = "who,group\n" + "".join(f"{i},arm {i}\n" for i in range(21))


@pytest.fixture
def load(tmp_path):
    """Tables written from text, a frame (Parquet), rows of cells (a workbook), or nothing, and loaded."""

    def write(name, content):
        if isinstance(content, pd.DataFrame):
            content.to_parquet(tmp_path / f"{name}.parquet")
            return f"{name}.parquet"
        if isinstance(content, list):
            pd.DataFrame(content[1:], columns=content[0]).to_excel(tmp_path / f"{name}.xlsx", index=False)
            return f"{name}.xlsx"
        if content is not None:
            (tmp_path / f"{name}.csv").write_text(content)
        return f"{name}.csv"

    def load(contents, data=None, **keys):
        sections = {}
        for name, content in contents.items():
            given = TRIAL if name == "experiment" else {}
            sections[name] = {"file": write(name, content), "columns": COLUMNS[name], **given, **keys.get(name, {})}
        sample = {"transactions": {"sample": "cdnow"}, **(data or {})}
        config = Config(name="shop", folder=tmp_path, data=sample, strategies=sections)
        return load_loyalty_tables(config, workdir=tmp_path / "work")

    return load


@pytest.fixture
def refused(load):
    """The messages of a refusal, and its exit code."""

    def refused(contents, **keys):
        with pytest.raises(InputRefused) as found:
            load(contents, **keys)
        return [problem.message for problem in found.value.problems], found.value.exit_code

    return refused


def days(frame, column):
    return [day.date() for day in frame[column]]


def test_every_table_comes_with_the_names_of_its_roles(load):
    tables = load(
        {
            "campaigns": "who;what;from;until\n007;spring;13-3-2025;26-3-2025\n7;spring;13-3-2025;26-3-2025\n",
            "promotions": "from,until\n2025-03-03,2025-03-09\n2025-01-06,2025-01-12\n",
            "satisfaction": 'who;day;mark\n007;14-2-2025;"7,5"\nb;15-2-2025;9\n',
            "experiment": ARMS,
        },
        campaigns={"columns": {**COLUMNS["campaigns"], "campaign": "what"}},
    )
    assert tables.campaigns.columns.tolist() == ["customer", "start", "end", "campaign"]
    assert tables.campaigns["customer"].tolist() == ["007", "7"]
    assert days(tables.campaigns, "end") == [dt.date(2025, 3, 26)] * 2
    assert days(tables.promotions, "start") == [dt.date(2025, 1, 6), dt.date(2025, 3, 3)]
    assert tables.satisfaction["score"].tolist() == [7.5, 9.0]
    assert tables.arms.to_numpy().tolist() == [["007", "nothing"], ["7", "promotion"], ["b", "nothing"]]
    assert {str(frame["customer"].dtype) for frame in (tables.campaigns, tables.satisfaction, tables.arms)} == {"str"}
    assert tables.notes == ()


def test_text_sheets_and_parquet_give_the_same(load):
    rows = [(7, pd.Timestamp("2025-02-14 13:30").to_pydatetime(), 8.5), (12, dt.date(2025, 2, 15), 9)]
    frame = pd.DataFrame(rows, columns=["who", "day", "mark"]).astype({"day": "datetime64[s]"})
    of_parquet = load({"satisfaction": frame}).satisfaction
    of_sheet = load({"satisfaction": [("who", "day", "mark"), *rows]}).satisfaction
    of_text = load({"satisfaction": "who,day,mark\n7,2025-02-14 13:30,8.5\n12,2025-02-15 00:00,9\n"}).satisfaction
    assert of_parquet.sort_values("score")["customer"].tolist() == ["7", "12"]
    pd.testing.assert_frame_equal(of_parquet, of_sheet)
    pd.testing.assert_frame_equal(of_parquet, of_text)


def test_numbers_that_name_customers_and_arms_are_whole_in_sheets_and_parquet(load):
    frame = pd.DataFrame({"who": [1.0, 2.0, 3.0], "group": [0, 1, 0]})
    arms = load({"experiment": frame}, experiment={"control": 0}).arms
    assert arms.to_numpy().tolist() == [["1", "0"], ["2", "1"], ["3", "0"]]
    sheet = [("who", "group"), (1, 0), ("two", "1 "), (3, 0)]
    assert load({"experiment": sheet}, experiment={"control": 0}).arms["arm"].tolist() == ["0", "0", "1"]


def test_what_was_left_out_or_taken_for_something_is_told(load):
    tables = load({
        "promotions": "from,until\n,\n2025-03-03T23:30:00-05:00,2025-03-09T10:00:00-05:00\n",
        "satisfaction": "who,day,mark\na,2025-02-14,\nb,2025-02-15,9\n", "experiment": ARMS + "b,nothing\n",
    })  # fmt: skip
    empty, offsets, unscored, repeated = map(str, tables.notes)
    assert empty == "Empty rows in the file of promotions, skipped: 1."
    assert offsets.startswith("Times in the file of promotions carry an offset and no time zone is configured")
    assert unscored == "Answers without a score, left out: 1."
    assert repeated == "Rows that repeat another one and count once: 1."
    assert days(tables.promotions, "start") == [dt.date(2025, 3, 4)]
    assert tables.satisfaction["customer"].tolist() == ["b"]
    assert len(tables.arms) == 3


def test_every_problem_of_every_table_is_told_at_once(refused):
    messages, exit_code = refused(
        {
            "campaigns": "who,from,until\na,2025-03-10,2025-03-03\n,2025-03-03,2025-03-09\nb,2025-02-30,\n",
            "promotions": "from,tot\n2025-03-03,2025-03-09\n",
            "satisfaction": "who,day,mark\na,2025-02-14,8\nb,2025-02-15,good\n",
            "experiment": "who,group\na,nothing\na,promotion\nb,\n",
        }
    )
    assert exit_code == USAGE
    assert messages == [
        "campaigns.csv: column 'from' (for start): 1 value is no date between 1900 and 2199 in the format of the "
        "column: '2025-02-30' in line 4; correct them, or describe the format with the key "
        "`strategies.campaigns.date_format`",
        "campaigns.csv: 1 row has no customer: empty / '2025-03-03' in line 3; every row needs one",
        "campaigns.csv: 1 row has no end: 'b' in line 4; every row needs one",
        "campaigns.csv: 1 row ends before it starts: '2025-03-10' / '2025-03-03' in line 2; an end must be the start "
        "or later",
        "promotions.csv: there is no column 'until' (for end); known are from, tot",
        "satisfaction.csv: column 'mark' (for score): 1 value is not a number: 'good' in line 3; "
        "correct them, or take their lines out of the file",
        "experiment.csv: 1 row has no arm: 'b' / empty in line 4; every row needs one (NULL, none, n.v.t. and - count "
        "as none, unless the configuration names such an arm)",
        "experiment.csv: 1 customer stands in several arms: 'a' / 'nothing' in line 2, 'a' / 'promotion' in line 3; "
        "one arm a customer is allowed",
    ]


@pytest.mark.parametrize("word", ["NULL", "n/a", "nan", "-", "None"])
def test_a_missing_arm_that_is_written_as_a_word_is_missing(refused, load, word):
    content = {"experiment": f"{ARMS}c,{word}\nd,\n"}
    (message,), _ = refused(content)
    assert message == (
        f"experiment.csv: 2 rows have no arm: 'c' / {word!r} in line 5, 'd' / empty in line 6; every row needs one "
        "(NULL, none, n.v.t. and - count as none, unless the configuration names such an arm)"
    )
    content = {"experiment": f"{ARMS}c,{word}\n"}
    assert word in set(load(content, experiment={"control": word}).arms["arm"])
    assert word in set(load(content, experiment={"cost_per_customer": {word: 1}}).arms["arm"])


@pytest.mark.parametrize(("name", "rows", "keys", "told"), [
    ("experiment", "who,grup\na,b\n", {}, "there is no column 'group' (for arm); did you mean 'grup'?"),
    ("experiment", ARMS, {"control": "nothin"}, "experiment.control == 'nothin' is no arm in experiment.csv; did"),
    ("experiment", ARMS, {"control": "Nothing"}, "did you mean 'nothing'?"),
    ("experiment", ARMS, {"cost_per_customer": {"promo": 2}}, "cost_per_customer.promo is no arm in"),
    ("experiment", "who,group\na,nothing\nb,nothing\n", {}, "names one arm only, 'nothing'; at least two are"),
    ("experiment", MANY_ARMS, {"control": "arm 0"}, "names 21 arms ('arm 0', 'arm 1', 'arm 10', 'arm 11', 'arm 12"),
    ("experiment", ARMS, {"encoding": "klingon"}, "strategies.experiment.encoding == 'klingon', must be a known"),
    ("experiment", "who,group\na,b,c,d\n", {}, "name another with the key `strategies.experiment.delimiter`"),
    ("experiment", None, {}, "strategies.experiment.file: there is no file"),
    ("promotions", "", {}, "promotions.csv: the file is empty; a header and at least one row are needed"),
    ("promotions", "from,until\n1-2-2025,3-2-2025\n", {}, "set the key `strategies.promotions.date_format` to"),
    ("satisfaction", "who,day,mark\na,2025-01-01,1.234\n", {}, "set the key `strategies.satisfaction.decimal` to"),
    ("satisfaction", 'who,day,mark\na,2025-01-01,"1,5"\n', {"decimal": "."}, "strategies.satisfaction.decimal =="),
    ("satisfaction", "who,day,mark\na,2025-01-01,\n", {}, "column 'mark' (for score): every value is empty"),
    ("satisfaction", "who,day,mark\na,2025-01-01,80%\n", {}, "1 value is not a number: '80%' in line 2"),
    ("customer_types", "who,kind\na,service\na,brand\n", {}, "1 customer stands there with several types"),
    ("customer_types", "who,kind\nb,bargains\n", {}, "'bargains' in line 2; service, offer, brand, at_hand are"),
])  # fmt: skip
def test_a_table_that_cannot_be_read_names_the_key_that_helps(refused, name, rows, keys, told):
    messages, _ = refused({name: rows}, **{name: keys})
    assert told in " ".join(messages)
