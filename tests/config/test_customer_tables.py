"""Tables of a customer database in the configuration: each with its keys, and whole in another process."""

import pickle
from pathlib import Path

import pytest

from analysis.config import CUSTOMER_TABLES, Config, ConfigurationRefused, config_from_mapping

COLUMNS = {
    "customers": {"customer": "who", "channel": "via", "groups": ["land"]},
    "acquisition": {"date": "day", "spend": "eur"},
    "contacts": {"customer": "who", "date": "day"},
    "exits": {"customer": "who", "date": "day", "reason": "why"},
    "points": {"customer": "who", "date": "day", "earned": "plus"},
}
ORDERS = {"transactions": "orders.csv", "columns": {"customer": "who", "date": "day", "split": "land"}, "part": "NL"}


def content(**data):
    sections = {name: {"file": f"{name}.csv", "columns": columns} for name, columns in COLUMNS.items()}
    return {"name": "shop", "data": {"transactions": {"sample": "cdnow"}, **sections, **data}}


def test_every_table_is_a_further_one_and_comes_whole_out_of_another_process():
    config = Config(**content())
    assert set(config.further_tables) == {f"data.{name}" for name in CUSTOMER_TABLES if name != "lots"}
    assert config.data.customers.columns.mapped() == {"customer": "who", "channel": "via", "group land": "land"}
    assert pickle.loads(pickle.dumps(config)) == config


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (
            {"contacts": {"file": "c.csv", "columns": {"customer": "who"}}},
            "configuration key .data.contacts.columns.date. is missing",
        ),
        (
            {"exits": {"file": "e.csv", "columns": COLUMNS["exits"], "avoidabel": []}},
            "did you mean 'data.exits.avoidable'",
        ),
        ({"customers": {"file": "c.csv", "columns": {"customer": "who", "groups": ["channel"]}}}, "a key of its own"),
        ({"acquisition": {"file": "a.csv", "columns": {"date": "day", "spend": "day"}}}, "each needs its own"),
        (ORDERS, "data.acquisition: spend cannot be split into parts"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(data, told):
    with pytest.raises(ConfigurationRefused, match=told):
        config_from_mapping(content(**data), path=Path("shop.yml"))
