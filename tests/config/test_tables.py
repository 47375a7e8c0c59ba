"""The sections that name tables beside the transactions, and what is said of them where they are wrong."""

import datetime as dt
import pickle

import pytest

from analysis.config import CUSTOMER_TABLES, LOYALTY_TABLES, Config, load_config

TRIAL = "{file: arms.csv, columns: {customer: who, arm: group}, starts: 2025-03-01, control: nothing}"
SCORES = '{file: scores.csv, columns: {customer: who, date: day, score: mark}, decimal: ","}'
TABLES = f"""data:
  transactions: orders.csv
  columns: {{customer: who, date: day}}
  customers: {{file: c.csv, columns: {{customer: who, channel: via, groups: [land]}}}}
  acquisition: {{file: a.csv, columns: {{date: day, spend: eur}}}}
  contacts: {{file: c.csv, columns: {{customer: who, date: day}}}}
  exits: {{file: e.csv, columns: {{customer: who, date: day, reason: why}}}}
  points: {{file: p.csv, columns: {{customer: who, date: day, earned: plus}}}}
strategies:
  campaigns: {{file: campaigns.csv, columns: {{customer: who, start: from, end: until}}, date_format: "%d-%m-%Y"}}
  promotions: {{file: weeks.xlsx, columns: {{start: from, end: from}}, sheet: Weeks}}
  satisfaction: {SCORES}
  customer_types: {{file: types.csv, columns: {{customer: who, type: kind}}}}
  experiment: {TRIAL}
"""


def test_every_table_is_read_with_its_keys_and_comes_whole_out_of_another_process(written):
    config = load_config(written(TABLES))
    strategies = config.strategies
    expected = [f"data.{name}" for name in CUSTOMER_TABLES if name != "lots"]
    assert set(config.further_tables) == {*expected, *(f"strategies.{name}" for name in LOYALTY_TABLES)}
    assert config.data.customers.columns.mapped() == {"customer": "who", "channel": "via", "group land": "land"}
    assert strategies.promotions.columns.mapped() == {"start": "from", "end": "from"}  # what lasts a day
    assert (strategies.promotions.sheet, strategies.satisfaction.decimal) == ("Weeks", ",")
    assert (strategies.experiment.starts, strategies.experiment.ends) == (dt.date(2025, 3, 1), None)
    assert Config.model_validate(config.model_dump() | {"folder": config.folder}) == config
    assert pickle.loads(pickle.dumps(config)) == config


def test_arms_that_yaml_reads_as_numbers_are_text(written):
    numbered = TABLES.replace("control: nothing", "control: 0, cost_per_customer: {1: 2.5}")
    experiment = load_config(written(numbered)).strategies.experiment
    assert (experiment.control, experiment.cost_per_customer) == ("0", {"1": 2.5})


@pytest.mark.parametrize(("given", "instead", "message"), [
    (SCORES, "weeks.csv", "strategies.satisfaction == 'weeks.csv', must be a section with keys of its own"),
    ("file: campaigns", "fil: x, file: x", "key 'strategies.campaigns.fil'; did you mean 'strategies.campaigns.fi"),
    ("from, end: until", "b", "configuration key 'strategies.campaigns.columns.end' is missing"),
    ("file: weeks.xlsx", "file: ''", "strategies.promotions.file == '', must not be"),
    ("sheet: Weeks", "decimal: ','", "unknown configuration key"),
    ('","', "';'", "strategies.satisfaction.decimal == ';', must be ',' or '.'"),
    ("mark", "day", "satisfaction.columns: date and score name one column, 'day'; each needs its own"),
    ("2025-03-01", "2025-03-01, ends: 2025-02-28", "ends == 2025-02-28, must not be before starts == 2025-03-01"),
    ("2025-03-01", "March", "starts == 'March', must be a date such as 2024-01-31"),
    ("nothing", "no", "control == False, must be the name of an arm as text"),
    (", control: nothing", "", "key 'strategies.experiment.control' is missing"),
    ("nothing", "a, cost_per_customer: {a: '1,20'}", "cost_per_customer.a == '1,20', must be a number; write 1.20"),
    ("nothing", "a, cost_per_customer: {b: -1}", "cost_per_customer.b == -1, must be greater than or equal to 0"),
    ("nothing", "a, cost_per_customer: {no: 1}", "must be the name of an arm as text; put it in quotes"),
    ("who, date: day}}\n  exits", "who}}\n  exits", "key 'data.contacts.columns.date' is missing"),
    ("reason: why}", "reason: why}, avoidabel: []", "did you mean 'data.exits.avoidable'"),
    ("[land]", "[channel]", "a key of its own"),
])  # fmt: skip
def test_what_is_wrong_is_told_with_its_key(refused, given, instead, message):
    assert given in TABLES
    (problem,) = refused(TABLES.replace(given, instead)).problems
    assert message in problem.message


@pytest.mark.parametrize("part", ["date: day, split: land}\n  part: NL", "date: day}\nbatch: {split_by: land}"])
@pytest.mark.parametrize("section", [
    f"strategies: {{experiment: {TRIAL}}}",
    "contracts: {file: c.csv, columns: {customer: who, start: from, end: until}}",
])  # fmt: skip
def test_an_experiment_and_contracts_are_not_split_into_parts(refused, part, section):
    text = f"data:\n  transactions: orders.csv\n  columns: {{customer: who, {part}\n{section}\n"
    assert "cannot be split into parts; leave" in str(refused(text))
