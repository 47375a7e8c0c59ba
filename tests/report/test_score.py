"""Scoring with a stored model: which models and data go together, and which do not."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.conftest import put, refuses

import analysis as rl
from analysis.config import Config
from analysis.errors import UsageError
from analysis.report.results import model_content, write_json
from analysis.report.score import score_customers, stored_model
from analysis.time import Promotions

HUGE = int("9" * 400)
ONE = "who,day,money\nann,2024-01-05,12.50\n"


@pytest.fixture(scope="module")
def fitted():
    orders = rl.read_orders({"sample": "cdnow"}, observation_end="1997-09-30")
    return rl.BGNBD().fit(orders), rl.GammaGamma().fit(orders)


@pytest.fixture
def run(tmp_path, fitted):
    (tmp_path / "run").mkdir()
    write_json(model_content(*fitted, currency="USD"), tmp_path / "run" / "model.json")
    return tmp_path / "run"


@pytest.fixture
def changed(run):
    """Change a value of the stored model."""

    def changed(place, value):
        content = json.loads((run / "model.json").read_text())
        put(content, place, value)
        (run / "model.json").write_text(json.dumps(content))

    return changed


@pytest.fixture
def scored(tmp_path, run):
    def scored(text, *, currency=None, **columns):
        (tmp_path / "shop.csv").write_text(text)
        columns = columns or {"customer": "who", "date": "day", "amount": "money"}
        data = {"transactions": "shop.csv", "columns": columns}
        economics = {"currency": currency} if currency else {}
        config = Config(name="shop", folder=tmp_path, data=data, economics=economics)
        return score_customers(config, run=run, out=tmp_path / "out")

    return scored


def test_a_model_survives_its_file(fitted, run):
    fit, spend, currency = stored_model(run)
    assert fit.parameters == fitted[0].parameters
    assert np.array_equal(fit.posterior.draws, fitted[0].posterior.draws)
    assert (spend.parameters, spend.customers) == (fitted[1].parameters, fitted[1].customers)
    assert np.array_equal(spend.posterior.draws, fitted[1].posterior.draws)
    assert currency == "USD"

    promotions = Promotions(np.array([18_000.0, 18_007.0]), 2.0, 0.1, 18_100.0)
    follows = replace(fit, season=np.array([0.5, 1.5]), promotions=promotions)
    write_json(model_content(follows, spend, currency="USD"), run / "model.json")
    found = stored_model(run)[0]
    assert found.season.tolist() == [0.5, 1.5]
    assert (found.promotions.edges.tolist(), found.promotions.factor) == ([18_000.0, 18_007.0], 2.0)
    assert (found.promotions.share, found.promotions.until) == (0.1, 18_100.0)


@pytest.mark.parametrize("text", [ONE, ONE + "bob,2024-01-06,3.00\n", ONE + "ann,2024-02-05,8.00\n"])
def test_few_customers_and_no_repeat_orders_are_enough(scored, text):
    table = pd.read_parquet(scored(text) / "customers.parquet")
    assert len(table) == len({line.split(",")[0] for line in text.splitlines()[1:]})
    assert (table["residual_clv"] > 0).all()
    assert (table["residual_clv_lower"] <= table["residual_clv_upper"]).all()


def test_data_without_an_order_or_in_another_currency_are_refused(scored, tmp_path):
    with refuses("order", 3):
        scored("who,day,money\nann,2024-01-05,-12.50\n")
    with pytest.raises(UsageError, match=r"run .*: model: its amounts are in USD, those to be scored are in EUR"):
        scored(ONE, currency="EUR")
    with pytest.raises(UsageError, match="in EUR"):
        scored("who,day,money\nann,2024-01-05,€ 12.50\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("currency", ["USD", None])
def test_the_currency_of_the_scores_is_told_beside_them(scored, currency):
    assert json.loads((scored(ONE, currency=currency) / "score.json").read_text())["currency"] == currency


def test_a_model_without_money_scores_orders_only(scored, changed):
    changed("spend_model", None)
    with pytest.raises(UsageError, match="knows nothing of money"):
        scored(ONE)
    assert scored(ONE, customer="who", date="day").is_dir()


def test_what_is_no_model_is_refused_by_its_run(scored, run):
    for content in ("null", "{", "{}", "[" * 100_000, '{"schema_version": 2, "currency": null}'):
        (run / "model.json").write_text(content)
        with pytest.raises(UsageError, match=f"run {run}"):
            scored(ONE)


@pytest.mark.parametrize(("place", "value"), [
    *(("purchase_model.parameters", {"r": r, "alpha": 1.0, "a": 1.0, "b": 1.0}) for r in (None, -1.0, HUGE)),
    ("purchase_model.parameters", {"x": 1.0}),
    ("purchase_model.parameters", [1, 2, 3, 4]),
    ("purchase_model.model", "magic"),
    ("purchase_model.time_unit", "fortnight"),
    ("purchase_model.customers", "<b>"),
    *(("purchase_model.posterior.draws", draws) for draws in ([], [[1.0, 2.0]], [[1e308] * 4], [[HUGE] * 4])),
    ("spend_model.posterior.draws", [[1.0, float("nan"), 1.0]]),
    ("spend_model.mean_order_value", HUGE),
    ("currency", ["EUR"]),
], ids=lambda value: str(value)[:60])  # fmt: skip
def test_a_model_that_was_tampered_with_is_refused_at_once_with_a_sentence(run, changed, place, value):
    changed(place, value)
    with pytest.raises(UsageError, match=r"run .*model") as refused:
        stored_model(run)
    assert refused.value.exit_code == 2
    assert len(str(refused.value)) < 500
