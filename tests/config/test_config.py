"""What a configuration may hold, and what is said of the rest."""

import re
from pathlib import Path

import pytest
import yaml
from tests.conftest import put

from analysis.config import Config, ConfigurationRefused, complaints, config_from_mapping

DATA = "data:\n  transactions: orders.csv\n  columns: {customer: who, date: day}\n"
SAMPLE = {"transactions": {"sample": "cdnow"}}
DAY = "must be a date such as 2024-01-31"
DATABASE = "must be the name of a variable that holds the URL, such as CRM_URL: letters, digits and _"


@pytest.mark.parametrize(("source", "message"), [
    ("{sample: cdnoww}", "data.transactions.sample == 'cdnoww', must be 'cdnow', .*; did you mean 'cdnow'"),
    ("{sampel: cdnow}", "unknown configuration key 'data.transactions.sampel'; did you mean .*sample'"),
    ("{database_url_env: X, table: a, query: select 1}", "give either table or query, not both"),
    ("{query: select 1}", "'data.transactions.database_url_env' is missing"),
    ("{database_url: X, query: select 1}", "did you mean 'data.transactions.database_url_env'"),
    ("{database_url_env: 'shop url', query: select 1}", DATABASE),
    ("5", "data.transactions == 5, must be a file, a list of files, {sample: NAME}, {spark: PATH}, or"),
    ("[a.csv, 5]", "data.transactions.1 == 5, must be text; put it in quotes"),
])  # fmt: skip
def test_a_wrong_source_is_told_in_one_line(refused, source, message):
    (problem,) = refused(DATA.replace("orders.csv", source)).problems
    assert re.search(message, problem.message)


@pytest.mark.parametrize(("text", "message"), [
    *((f"economics: {{cost_per_order: {value}}}", "a.* number") for value in (".inf", ".nan", "true")),
    *((f"  observation_end: {value}", DAY) for value in ("'0'", "20240131", "2024-02-30", "2024-01-31 10:00:00")),
    ("economics: {gross_margin: '0.3'}", "economics.gross_margin == '0.3', must be a number; write 0.3"),
    ("strategies: {gift: {order: '2'}}", "strategies.gift.order == '2', must be a whole number; write 2"),
    ("customer_files: 'no'", "customer_files == 'no', must be true or false; take the quotes off"),
    ("customer_files: 0", "customer_files == 0, must be true or false"),
    ("name: 2024-01-31", "name == 2024-01-31, must be text; put it in quotes"),
    ("  sheet: no", "data.sheet == False, must be text; put it in quotes, since YAML.*"),
    ("economics: 3", "economics == 3, must be a section with keys of its own"),
    ("  refunds: nett", ".*must be 'net', 'drop' or 'refuse'; did you mean 'net'?"),
    ("1: 2", "unknown configuration key '1'.*"),
    ("strategies: {own: [{name: Our plan, promotion: {}}]}", ".*a letter first, such as loyalty_club"),
    ("  delimiter: '||||||'", ".*must have at most 4 characters"),
    ("batch: {split_by: land, values: []}", "batch.values == [], must not be empty"),
    ("strategies: {own: club}", "strategies.own == 'club', must be a list"),
    ("economics: {gross_margin: 30}", ".*less than or equal to 1; write 0.3 for 30%"),
    ("economics: {gross_margin: 30%}", ".*gross_margin == '30%', must be a number; write 0.3 for 30%"),
    ("retention: {gain: 5}", ".*less than 1; write 0.05 for 5%"),
    ("strategies: {own: [{name: club, promotion: {depth: 20%}}]}", ".*must be a number; write 0.2 for 20%"),
    ("strategies: {assumptions: {kappa_deal: 20}}", ".*at least 0 and at most 1; write 0.2 for 20%"),
    ("strategies: {assumptions: {kappa_deal: 20%}}", ".*a number, or a range such as {low: 0.1, high: 0.3}"),
    ("economics: {cost_per_order: '0,50'}", ".*cost_per_order == '0,50', must be a number; write 0.50"),
    ("economics: {cost_per_order: 5%}", ".*cost_per_order == '5%', must be a number"),
    ("economics: {horizon_years: -30}", ".*must be greater than 0"),
    ("strategies: {promotion: {depth: 1.2}}", ".*depth == 1.2, must be less than or equal to 1"),
    ("strategies: {assumptions: {kappa_deal: 1.2}}", ".*1.2 to 1.2, must be at least 0 and at most 1"),
    ("retention: {profit: after_fixed, scope: base}", ".*'after_fixed' needs scope == 'firm', found 'base'.*"),
])  # fmt: skip
def test_a_value_of_another_kind_comes_with_what_to_do(refused, text, message):
    (problem,) = refused(f"{DATA}{text}\n").problems
    pattern = re.escape(message).replace(r"\.\*", ".*")
    assert re.search(f"{pattern}$", problem.message)
    assert text.strip().split(":")[0] in problem.message


def test_profit_after_fixed_costs_is_the_firms():
    assert Config(name="x", data=SAMPLE, retention={"profit": "after_fixed", "scope": "firm"})


def said_of(key, value):
    """What is said of a configuration with a value at a key."""
    content = yaml.safe_load(DATA)
    put(content, key, value)
    try:
        config_from_mapping(content, path=Path("shop.yml"))
    except ConfigurationRefused as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("value", ["odd one", "[]", "1.0e+20", "2024-01-01"])
def test_no_word_of_the_library_that_validates_reaches_anyone(value):
    foreign = re.compile("Input|String should|valid |parse|pydantic|tuple|dictionary")
    for key in Config.fields():
        assert not foreign.search(said_of(key, yaml.safe_load(value))), key


def test_keys_given_twice_are_told_together_with_all_else(refused):
    said = str(refused(f"{DATA}name: a\nname: b\nmodell: {{}}\neconomics: {{gross_margin: 3}}\n"))
    assert len(said.splitlines()) == 3
    assert "key 'name' stands in line 4 and again in line 5" in said


def test_a_key_that_was_taken_out_is_refused_with_what_to_use():
    for key, instead in complaints.TAKEN_OUT.items():
        assert f"configuration key {key!r} was taken out; {instead}" in said_of(key, 3).splitlines()


def test_what_is_left_of_a_refused_configuration_says_which_data_are_meant(refused):
    for more in ("modell: {}\n", "economics: {gross_margin: 3}\n", "  holdout_weeks: -1\n", "name: a\nname: b\n"):
        assert refused(DATA + more).readable.data.transactions == "orders.csv"


@pytest.mark.parametrize(
    "text", [f"{DATA}  decimal: x\n", f"{DATA}  delimiter: ''\n", f"{DATA}data: 3\n", DATA.replace("who", "no")]
)
def test_nothing_is_left_where_the_refused_keys_say_how_to_read_them(refused, text):
    assert refused(text).readable is None


def test_a_sample_and_a_database_are_kept_as_they_are():
    for source in ({"sample": "cdnow"}, {"database_url_env": "X", "table": None, "query": "select 1"}):
        content = {"data": {"transactions": source, "columns": {"customer": "a", "date": "b"}}}
        config = config_from_mapping(content, path=Path("shop.yml")).model_copy(update={"folder": Path()})
        assert config.model_dump()["data"]["transactions"] == source
        assert Config.model_validate(config.model_dump()) == config


@pytest.mark.parametrize(("strategies", "message"), [
    ("compared: [points, pionts_and_gift]", "compared: 'pionts_and_gift' is no built-in strategy, nor two of them"),
    ("experience: {lift: -0.2}", "strategies: experience.lift == -0.2, must be at least 0; what makes it"),
    ("promotion: {depth: 0.9, points: 0.2}", "depth and points take 110% off the price together, at most 100%"),
    ("todays_deal: 0.9", "promotion: depth, points and todays_deal take 110% off the price, at most 100%"),
    ("own: [{name: club, experience: {}, starts_week: 157}]", "'club': starts_week == 157, must be below"),
    ("promotion: {every_weeks: 2, lasts_weeks: 3}", "lasts_weeks == 3, must be at most every_weeks == 2"),
    ("own: [{name: both, promotion: {}}]", "strategies: own: name == 'both' is built in; choose another"),
    ("own: [{name: club}]", "strategy 'club' needs a promotion or an experience"),
    ("own: [{name: a, gift: {}}, {name: a, experience: {}}]", "own: strategy 'a' is there 2 times"),
    ("own: [{name: a, experience: {}, starts_week: 5, ends_week: 5}]", "ends_week == 5, must be after starts_week"),
    ("assumptions: {kapa_deal: 0.2}", "did you mean 'strategies.assumptions.kappa_deal'"),
    ("promotion: {programme_cost_per_year: 1.0e+300}", "must be less than or equal to 1000000000000"),
    ("promotion: {every_weeks: 100000000000}", "every_weeks == 100000000000, must be less than or equal to 1040"),
    ("assumptions: {tau: {low: 3, high: 1}}", "low <= most_likely <= high must hold, found 3, 3, 1"),
])  # fmt: skip
def test_a_problem_of_strategies_is_told_in_one_line(refused, strategies, message):
    (problem,) = refused(f"{DATA}strategies: {{{strategies}}}\n").problems
    assert message in problem.message


def test_problems_of_strategies_are_told_all_at_once(refused):
    text = "{horizon_weeks: 0, promotion: {reach: 2}, assumptions: {theta_exp: -1}}"
    problems = {problem.message for problem in refused(f"{DATA}strategies: {text}\n").problems}
    assert len(problems) == 3
    for part in ("horizon_weeks' was taken out", "reach == 2", "theta_exp: -1 to -1, must be at least 0"):
        assert [problem for problem in problems if part in problem]
