"""What a configuration may hold, and what is said of the rest."""

import re
from pathlib import Path

import pytest
import yaml

from analysis.config import Config, ConfigurationRefused, complaints, config_from_mapping, load_config
from analysis.errors import USAGE

DATA = "data:\n  transactions: orders.csv\n  columns: {customer: who, date: day}\n"


@pytest.fixture
def refused(tmp_path):
    """The refusal of a configuration."""

    def refused(text) -> ConfigurationRefused:
        (tmp_path / "shop.yml").write_text(text)
        with pytest.raises(ConfigurationRefused) as found:
            load_config(tmp_path / "shop.yml")
        assert found.value.exit_code == USAGE
        return found.value

    return refused


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{sample: cdnoww}", "data.transactions.sample == 'cdnoww', must be 'cdnow', .*; did you mean 'cdnow'"),
        ("{sampel: cdnow}", "unknown configuration key 'data.transactions.sampel'; did you mean .*sample'"),
        ("{query: select 1}", "'data.transactions.database_url_env' is missing"),
        ("{database_url: X, query: select 1}", "did you mean 'data.transactions.database_url_env'"),
        ("5", "data.transactions == 5, must be a file, a list of files, {sample: NAME}, {spark: PATH}, or"),
        ("[a.csv, 5]", "data.transactions.1 == 5, must be text; put it in quotes"),
    ],
)
def test_a_wrong_source_is_told_in_one_line(refused, source, message):
    (problem,) = refused(DATA.replace("orders.csv", source)).problems
    assert re.search(message, problem.message)


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan", "true", "no"])
@pytest.mark.parametrize("key", ["cost_per_order", "gross_margin", "horizon_years"])
def test_numbers_are_finite_and_no_truth_values(refused, key, value):
    (problem,) = refused(f"{DATA}economics: {{{key}: {value}}}\n").problems
    assert problem.message.startswith(f"economics.{key} == ")
    assert "number" in problem.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("economics: {gross_margin: '0.3'}", "economics.gross_margin == '0.3', must be a number; write 0.3"),
        ("economics: {horizon_years: '0,5'}", "economics.horizon_years == '0,5', must be a number; write 0.5"),
        ("strategies: {gift: {order: '2'}}", "strategies.gift.order == '2', must be a whole number; write 2"),
        ("deadline_minutes: '5'", "deadline_minutes == '5', must be a number; write 5"),
        ("customer_files: 'no'", "customer_files == 'no', must be true or false; take the quotes off"),
        ("customer_files: 0", "customer_files == 0, must be true or false"),
        ("customer_files: perhaps", "customer_files == 'perhaps', must be true or false"),
    ],
)
def test_what_stands_in_quotes_is_no_number_and_no_truth_value(refused, text, message):
    (problem,) = refused(f"{DATA}{text}\n").problems
    assert problem.message == message


@pytest.mark.parametrize("value", ["0", "'0'", "20240131", "true", "2024-02-30", "2024-01-31 10:00:00", "31-01-2024"])
def test_days_are_days(refused, value):
    (problem,) = refused(f"{DATA}  observation_end: {value}\n").problems
    assert problem.message.startswith("data.observation_end == ")
    assert problem.message.endswith("must be a date such as 2024-01-31")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"name: 123\n{DATA}", "name == 123, must be text; put it in quotes"),
        (f"name: 2024-01-31\n{DATA}", "name == 2024-01-31, must be text; put it in quotes"),
        (DATA.replace("who", "no"), "data.columns.customer == False, must be text; put it in quotes, since YAML"),
        (f"{DATA}  sheet: 2024\n", "data.sheet == 2024, must be text; put it in quotes"),
        (f"{DATA}economics: 3\n", "economics == 3, must be a section with keys of its own"),
        (f"{DATA}  refunds: nett\n", "must be 'net', 'drop' or 'refuse'; did you mean 'net'?"),
        (f"{DATA}1: 2\n", "unknown configuration key '1'"),
        (
            DATA.replace("orders.csv", "{database_url_env: 'shop url', query: select 1}"),
            "must be the name of a variable that holds the URL, such as CRM_URL: letters, digits and _",
        ),
        (f"{DATA}strategies: {{own: [{{name: Our plan, promotion: {{}}}}]}}\n", "a letter first, such as loyalty_club"),
        (f"{DATA}  delimiter: '||||||'\n", "must have at most 4 characters"),
        (f"{DATA}batch: {{split_by: land, values: []}}\n", "batch.values == [], must not be empty"),
        (f"{DATA}strategies: {{own: club}}\n", "strategies.own == 'club', must be a list"),
    ],
)
def test_a_value_of_another_kind_comes_with_what_to_do(refused, text, message):
    (problem,) = refused(text).problems
    assert message in problem.message


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("economics: {gross_margin: 30}", "less than or equal to 1; write 0.3 for 30%"),
        ("economics: {gross_margin: 30%}", "gross_margin == '30%', must be a number; write 0.3 for 30%"),
        ("economics: {annual_discount_rate: 10}", "less than or equal to 1; write 0.1 for 10%"),
        ("retention: {gain: 5%}", "gain == '5%', must be a number; write 0.05 for 5%"),
        ("retention: {gain: 5}", "less than 1; write 0.05 for 5%"),
        ("model: {credible_level: '90 %'}", "must be a number; write 0.9 for 90%"),
        ("strategies: {own: [{name: club, promotion: {depth: 20%}}]}", "must be a number; write 0.2 for 20%"),
        ("strategies: {assumptions: {kappa_deal: 20}}", "at least 0 and at most 1; write 0.2 for 20%"),
        ("strategies: {assumptions: {kappa_deal: 20%}}", "must be a number, or a range such as {low: 0.1, high: 0.3}"),
        ("economics: {cost_per_order: '0,50'}", "cost_per_order == '0,50', must be a number; write 0.50"),
        ("economics: {cost_per_order: 5%}", "cost_per_order == '5%', must be a number"),
        ("economics: {horizon_years: -30}", "must be greater than 0"),
        ("strategies: {promotion: {depth: 1.2}}", "depth == 1.2, must be less than or equal to 1"),
        ("strategies: {promotion: {depth: 1.2%}}", "must be a number; write 0.012 for 1.2%"),
        ("strategies: {promotion: {depth: 2}}", "less than or equal to 1; write 0.02 for 2%"),
        ("strategies: {assumptions: {kappa_deal: 1.2}}", "1.2 to 1.2, must be at least 0 and at most 1"),
        ("strategies: {assumptions: {borrowed: {low: 0.1, high: 20}}}", "0.1 to 20, must be at least 0 and at most 1"),
    ],
)
def test_a_percentage_comes_with_the_share_that_was_meant(refused, section, message):
    (problem,) = refused(f"{DATA}{section}\n").problems
    assert problem.message.endswith(message)


def said_of(content, path):
    try:
        config_from_mapping(content, path=path)
    except ConfigurationRefused as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("value", ["odd one", "-1", "[]", "1.0e+20", "null", "{}", "2024-01-01"])
def test_no_word_of_the_library_that_validates_reaches_anyone(tmp_path, value):
    path, foreign = tmp_path / "shop.yml", re.compile("Input|String should|valid |parse|pydantic|tuple|dictionary")
    given = yaml.safe_load(value)
    for key in Config.fields():
        content = yaml.safe_load(DATA)
        *sections, last = key.split(".")
        target = content
        for section in sections:
            target[section] = target.get(section) if isinstance(target.get(section), dict) else {}
            target = target[section]
        target[last] = given
        assert not foreign.search(said_of(content, path)), key


@pytest.mark.parametrize("scope", ["new_customer", "new_customer_repeat_orders", "base"])
def test_profit_after_fixed_costs_is_the_firms_and_refused_of_customers(refused, scope):
    (problem,) = refused(f"{DATA}retention: {{profit: after_fixed, scope: {scope}}}\n").problems
    assert f"profit == 'after_fixed' needs scope == 'firm', found '{scope}'" in problem.message
    assert Config(
        name="x", data={"transactions": {"sample": "cdnow"}}, retention={"profit": "after_fixed", "scope": "firm"}
    )


def test_keys_given_twice_are_told_together_with_all_else(refused):
    said = str(refused(f"{DATA}name: a\nname: b\nmodell: {{}}\neconomics: {{gross_margin: 3}}\n"))
    assert len(said.splitlines()) == 3
    assert "key 'name' stands in line 4 and again in line 5" in said


@pytest.mark.parametrize("key", complaints.TAKEN_OUT)
def test_a_key_that_was_taken_out_is_refused_with_what_to_use(tmp_path, key):
    content = yaml.safe_load(DATA)
    *sections, last = key.split(".")
    target = content
    for section in sections:
        target = target.setdefault(section, {})
    target[last] = 3
    said = f"configuration key {key!r} was taken out; {complaints.TAKEN_OUT[key]}"
    assert said in said_of(content, tmp_path / "shop.yml").splitlines()


class TestWhatIsLeftOfARefusedConfiguration:
    @pytest.mark.parametrize(
        "more",
        [
            "modell: {}\n",
            "economics: {gross_margin: 3}\n",
            "  holdout_weeks: -1\n",
            "name: 123\n",
            "name: a\nname: b\n",
            "deadline_minutes: 0\n",
            "economics: 3\n",
            "<file>: 3\n",
        ],
    )
    def test_says_which_data_are_meant(self, refused, more):
        assert refused(DATA + more).readable.data.transactions == "orders.csv"

    @pytest.mark.parametrize("more", ["  decimal: x\n", "  delimiter: ''\n", "data: 3\n"])
    def test_is_nothing_where_the_refused_keys_say_how_to_read_them(self, refused, more):
        assert refused(DATA + more).readable is None

    def test_is_nothing_without_columns(self, refused):
        assert refused(DATA.replace("who", "no")).readable is None


def test_a_sample_and_a_database_are_kept_as_they_are():
    for source in ({"sample": "cdnow"}, {"database_url_env": "X", "table": None, "query": "select 1"}):
        content = {"data": {"transactions": source, "columns": {"customer": "a", "date": "b"}}}
        config = config_from_mapping(content, path=Path("shop.yml"))
        assert config.model_dump()["data"]["transactions"] == source
        assert Config.model_validate(config.model_dump() | {"folder": Path()}) == config.model_copy(
            update={"folder": Path()}
        )


@pytest.mark.parametrize(
    ("strategies", "messages"),
    [
        (
            "{compared: [points, pionts_and_gift]}",
            ["compared: 'pionts_and_gift' is no built-in strategy, nor two of them"],
        ),
        ("{gift: {order: 1}}", ["strategies.gift.order == 1, must be greater than or equal to 2"]),
        ("{experience: {lift: -0.2}}", ["strategies: experience.lift == -0.2, must be at least 0; what makes it"]),
        ("{promotion: {depth: 0.9, points: 0.2}}", ["depth and points take 110% off the price together, at most 100%"]),
        ("{todays_deal: 0.9}", ["promotion: depth, points and todays_deal take 110% off the price, at most 100%"]),
        (
            "{own: [{name: club, experience: {}, starts_week: 157}]}",
            ["own 'club': starts_week == 157, must be below the weeks of"],
        ),
        (
            "{promotion: {every_weeks: 2, lasts_weeks: 3, depth: 0.9, points: 0.2}}",
            ["lasts_weeks == 3, must be at most every_weeks == 2; depth and points take 110% off"],
        ),
        ("{own: [{name: both, promotion: {}}]}", ["strategies: own: name == 'both' is built in; choose another"]),
        ("{own: [{name: club}]}", ["strategy 'club' needs a promotion or an experience"]),
        (
            "{own: [{name: club, promotion: {}}, {name: club, experience: {}}]}",
            ["own: strategy 'club' is there 2 times"],
        ),
        (
            "{own: [{name: club, experience: {}, starts_week: 5, ends_week: 5}]}",
            ["ends_week == 5, must be after starts_week == 5"],
        ),
        ("{assumptions: {kapa_deal: 0.2}}", ["did you mean 'strategies.assumptions.kappa_deal'"]),
        ("{assumptions: {loss_aversion: 0.5}}", ["loss_aversion: 0.5 to 0.5, must be at least 1 and at most 20"]),
        ("{promotion: {programme_cost_per_year: 1.0e+300}}", ["must be less than or equal to 1000000000000"]),
        ("{own: [{name: club, gift: {}, ends_week: 5000}]}", ["ends_week == 5000, must be less than or equal to 1040"]),
        (
            "{promotion: {every_weeks: 100000000000}}",
            ["every_weeks == 100000000000, must be less than or equal to 1040"],
        ),
        ("{rival_depth: 1.5}", ["rival_depth == 1.5, must be less than or equal to 1"]),
        ("{assumptions: {tau: {low: 3, high: 1}}}", ["low <= most_likely <= high must hold, found 3, 3, 1"]),
        (
            "{horizon_weeks: 0, promotion: {reach: 2}, assumptions: {theta_exp: -1}}",
            ["horizon_weeks' was taken out", "reach == 2", "theta_exp: -1 to -1, must be at least 0"],
        ),
    ],
)
def test_problems_of_strategies_are_told_all_at_once(refused, strategies, messages):
    text = str(refused(f"{DATA}strategies: {strategies}\n"))
    for message in messages:
        assert message in text
    assert len(text.splitlines()) == len(messages)
