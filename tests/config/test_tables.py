"""The sections that name tables beside the transactions, and what is said of them where they are wrong."""

import datetime as dt
import pickle

import pytest

from analysis.config import CUSTOMER_TABLES, LOYALTY_TABLES, Config, ConfigurationRefused, load_config
from analysis.errors import USAGE

DATA = "data:\n  transactions: orders.csv\n  columns: {customer: who, date: day, split: land}\n"
TRIAL = "{file: arms.csv, columns: {customer: who, arm: group}, starts: 2025-03-01, control: nothing}"
SECTIONS = f"""\
strategies:
  campaigns: {{file: campaigns.csv, columns: {{customer: who, start: from, end: until}}, date_format: "%d-%m-%Y"}}
  promotions: {{file: weeks.xlsx, columns: {{start: from, end: until}}, sheet: Weeks}}
  satisfaction: {{file: scores.csv, columns: {{customer: who, date: day, score: mark}}, decimal: ","}}
  customer_types: {{file: types.csv, columns: {{customer: who, type: kind}}}}
  experiment: {TRIAL}
"""


@pytest.fixture
def read(tmp_path):
    def read(text):
        (tmp_path / "shop.yml").write_text(text)
        return load_config(tmp_path / "shop.yml")

    return read


@pytest.fixture
def refused(read):
    """The messages of a refusal."""

    def refused(text):
        with pytest.raises(ConfigurationRefused) as found:
            read(text)
        assert found.value.exit_code == USAGE
        return [problem.message for problem in found.value.problems]

    return refused


def of(name, text):
    return f"{DATA.replace(', split: land', '')}strategies: {{{name}: {text}}}\n"


def test_every_table_is_read_with_its_keys(read):
    config = read(DATA.replace(", split: land", "") + SECTIONS)
    assert list(config.further_tables) == [f"strategies.{name}" for name in LOYALTY_TABLES]
    strategies = config.strategies
    assert strategies.campaigns.columns.mapped() == {"customer": "who", "start": "from", "end": "until"}
    assert (strategies.promotions.sheet, strategies.satisfaction.decimal) == ("Weeks", ",")
    assert (strategies.experiment.starts, strategies.experiment.ends) == (dt.date(2025, 3, 1), None)
    assert strategies.experiment.cost_per_customer == {}
    assert Config.model_validate(config.model_dump() | {"folder": config.folder}) == config


def test_none_is_needed(read):
    assert read(DATA.replace(", split: land", "")).further_tables == {}


def test_arms_that_yaml_reads_as_numbers_are_text(read):
    text = TRIAL.replace("control: nothing", "control: 0, cost_per_customer: {1: 2.5}")
    experiment = read(of("experiment", text)).strategies.experiment
    assert (experiment.control, experiment.cost_per_customer) == ("0", {"1": 2.5})


@pytest.mark.parametrize(
    ("name", "text", "messages"),
    [
        ("campaigns", "weeks.csv", ["strategies.campaigns == 'weeks.csv', must be a section with keys of its own"]),
        (
            "campaigns",
            "{fil: a.csv, columns: {customer: a, start: b}}",
            [
                "configuration key 'strategies.campaigns.columns.end' is missing",
                "unknown configuration key 'strategies.campaigns.fil'; did you mean 'strategies.campaigns.file'?",
            ],
        ),
        ("promotions", "{file: '', columns: {start: a, end: b}}", ["strategies.promotions.file == '', must not be"]),
        ("promotions", "{file: a.csv, columns: {start: a, end: b}, decimal: ','}", ["unknown configuration key"]),
        ("satisfaction", "{file: a.csv, columns: {customer: a, date: b}}", ["'strategies.satisfaction.columns.score'"]),
        (
            "satisfaction",
            "{file: a.csv, columns: {customer: a, date: b, score: c}, decimal: ';'}",
            ["strategies.satisfaction.decimal == ';', must be ',' or '.'"],
        ),
        (
            "satisfaction",
            "{file: a.csv, columns: {customer: a, date: b, score: b}}",
            ["strategies.satisfaction.columns: date and score name one column, 'b'; each needs its own"],
        ),
        (
            "campaigns",
            "{file: a.csv, columns: {customer: a, start: b, end: b, campaign: a}}",
            ["strategies.campaigns.columns: customer and campaign name one column, 'a'; each needs its own"],
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_key(refused, name, text, messages):
    found = refused(of(name, text))
    assert len(found) == len(messages)
    for told, expected in zip(found, messages, strict=True):
        assert expected in told


@pytest.mark.parametrize(
    ("given", "instead", "message"),
    [
        ("2025-03-01", "2025-03-01, ends: 2025-02-28", "ends == 2025-02-28, must not be before starts == 2025-03-01"),
        ("2025-03-01", "March", "starts == 'March', must be a date such as 2024-01-31"),
        ("nothing", "no", "control == False, must be the name of an arm as text"),
        (", control: nothing", "", "key 'strategies.experiment.control' is missing"),
        ("nothing", "a, cost_per_customer: {a: '1,20'}", "cost_per_customer.a == '1,20', must be a number; write 1.20"),
        ("nothing", "a, cost_per_customer: {b: -1}", "cost_per_customer.b == -1, must be greater than or equal to 0"),
        ("nothing", "a, cost_per_customer: {c: 5%}", "cost_per_customer.c == '5%', must be a number"),
        ("nothing", "a, cost_per_customer: {no: 1}", "must be the name of an arm as text; put it in quotes"),
        ("nothing", "a, cost_per_customer: 3", "cost_per_customer == 3, must be"),
        ("arm: group", "arm: who", "experiment.columns: customer and arm name one column, 'who'; each needs its own"),
    ],
)
def test_what_is_wrong_with_an_experiment_is_told_with_its_key(refused, given, instead, message):
    (told,) = refused(of("experiment", TRIAL.replace(given, instead)))
    assert message in told


@pytest.mark.parametrize(
    "section",
    [
        f"strategies: {{experiment: {TRIAL}}}\n",
        "contracts: {file: c.csv, columns: {customer: who, start: from, end: until}}\n",
    ],
)
@pytest.mark.parametrize(
    "parts", [f"{DATA}  part: NL\n", f"{DATA}batch: {{split_by: land}}\n".replace(", split: land", "")]
)
def test_an_experiment_and_contracts_are_not_split_into_parts(refused, section, parts):
    (message,) = refused(parts + section)
    assert "cannot be split into parts; leave" in message


def test_the_other_tables_may_be_split_into_parts(read):
    assert len(read(f"{DATA}  part: NL\n" + SECTIONS[: SECTIONS.index("  experiment")]).further_tables) == 4


def test_what_lasts_a_day_may_begin_and_end_in_one_column(read):
    day = "{start: day, end: day}"
    config = read(of("promotions", f"{{file: weeks.csv, columns: {day}}}"))
    assert config.strategies.promotions.columns.mapped() == {"start": "day", "end": "day"}


CUSTOMERS = """data:
  transactions: {sample: cdnow}
  customers: {file: c.csv, columns: {customer: who, channel: via, groups: [land]}}
  acquisition: {file: a.csv, columns: {date: day, spend: eur}}
  contacts: {file: c.csv, columns: {customer: who, date: day}}
  exits: {file: e.csv, columns: {customer: who, date: day, reason: why}}
  points: {file: p.csv, columns: {customer: who, date: day, earned: plus}}
"""


def test_every_table_is_a_further_one_and_comes_whole_out_of_another_process(read):
    config = read(CUSTOMERS)
    assert set(config.further_tables) == {f"data.{name}" for name in CUSTOMER_TABLES if name != "lots"}
    assert config.data.customers.columns.mapped() == {"customer": "who", "channel": "via", "group land": "land"}
    assert pickle.loads(pickle.dumps(config)) == config


@pytest.mark.parametrize(
    ("given", "instead", "told"),
    [
        ("{customer: who, date: day}}", "{customer: who}}", "key 'data.contacts.columns.date' is missing"),
        ("reason: why}", "reason: why}, avoidabel: []", "did you mean 'data.exits.avoidable'"),
        ("[land]", "[channel]", "a key of its own"),
        ("spend: eur", "spend: day", "each needs its own"),
        (
            "{sample: cdnow}",
            "o.csv\n  part: NL\n  columns: {customer: who, date: day, split: land}",
            "data.acquisition: spend cannot be split into parts",
        ),
    ],
)
def test_what_is_wrong_with_a_table_of_customers_is_told_with_its_key(refused, given, instead, told):
    assert told in " ".join(refused(CUSTOMERS.replace(given, instead)))
