"""Scoring with a stored model: which data it fits, and which it does not."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from analysis.config import Config
from analysis.errors import InputRefused, UsageError
from analysis.models import model_to_dict
from analysis.models.results import as_plain
from analysis.reporting.artefacts import write_json
from analysis.reporting.score import score_customers

ONE = "who,day,money\nann,2024-01-05,12.50\n"


@pytest.fixture
def run(tmp_path, cdnow_purchase, cdnow_spend):
    (tmp_path / "run").mkdir()
    write_json(as_plain(model_to_dict(cdnow_purchase, cdnow_spend, currency="USD")), tmp_path / "run" / "model.json")
    return tmp_path / "run"


@pytest.fixture
def scored(tmp_path, run):
    def scored(text, *, currency=None, **columns):
        (tmp_path / "shop.csv").write_text(text)
        columns = columns or {"customer": "who", "date": "day", "amount": "money"}
        config = Config(
            name="shop",
            folder=tmp_path,
            data={"transactions": "shop.csv", "columns": columns},
            economics={"currency": currency} if currency else {},
        )
        return score_customers(config, run=run, out=tmp_path / "out")

    return scored


@pytest.mark.parametrize(
    "text", [ONE, ONE + "bob,2024-01-06,3.00\n", ONE + "ann,2024-02-05,8.00\n"], ids=["one", "no repeat", "one repeats"]
)
def test_few_customers_and_no_repeat_orders_are_enough(scored, text):
    table = pd.read_parquet(scored(text) / "customers.parquet")
    assert len(table) == len({line.split(",")[0] for line in text.splitlines()[1:]})
    assert (table["residual_clv"] > 0).all()
    assert (table["residual_clv_lower"] <= table["residual_clv_upper"]).all()


def test_data_without_an_order_are_refused_all_the_same(scored):
    with pytest.raises(InputRefused) as refused:
        scored("who,day,money\nann,2024-01-05,-12.50\n")
    assert refused.value.exit_code == 3


def test_amounts_in_another_currency_are_refused(scored, tmp_path):
    with pytest.raises(UsageError, match=r"run .*: model: its amounts are in USD, those to be scored are in EUR"):
        scored(ONE, currency="EUR")
    with pytest.raises(UsageError, match="in EUR"):
        scored("who,day,money\nann,2024-01-05,€ 12.50\n")
    assert not (tmp_path / "out").exists()


def test_the_currency_of_the_scores_is_told_beside_them(scored):
    assert json.loads((scored(ONE, currency="USD") / "score.json").read_text())["currency"] == "USD"
    assert json.loads((scored(ONE) / "score.json").read_text())["currency"] is None


def test_a_model_of_an_earlier_version_is_refused_for_money_only(scored, run):
    content = json.loads((run / "model.json").read_text())
    del content["currency"]
    (run / "model.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match="does not say in which currency its amounts are; make the report again"):
        scored(ONE)
    assert scored(ONE, customer="who", date="day").is_dir()


@pytest.mark.parametrize("content", ["[]", "null", "5", "[" * 100_000])
def test_what_is_no_model_is_refused_by_its_run(scored, run, content):
    (run / "model.json").write_text(content)
    with pytest.raises(UsageError, match=f"run {run}"):
        scored(ONE)
