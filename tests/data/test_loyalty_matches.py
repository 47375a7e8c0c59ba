"""How many rows of the tables beside the transactions fit these, and what is said where hardly any do."""

import datetime as dt

import pandas as pd
import pytest

from analysis.data.tables import LoyaltyTables, loyalty_matches

FIRST, LAST = dt.date(2025, 1, 6), dt.date(2025, 6, 29)
DAYS = pd.date_range(FIRST, LAST, freq="14D")


@pytest.fixture(scope="module")
def transactions(tmp_path_factory):
    """Ten customers, c0 to c9, with an order on every 14th day."""
    from analysis.config import Config
    from analysis.data import load_orders

    orders = pd.DataFrame([(f"c{i}", day, 10.0) for i in range(10) for day in DAYS])
    orders.columns = ["customer", "date", "amount"]
    columns = {name: name for name in orders.columns}
    window = {"observation_start": FIRST, "observation_end": LAST}
    config = Config(name="shop", data={"transactions": "frame", "columns": columns, **window})
    return load_orders(config, workdir=tmp_path_factory.mktemp("work"), frame=orders)


@pytest.fixture
def match(transactions):
    """What is said of one table."""

    def match(name, of_part=False, **columns):
        frame = pd.DataFrame(columns)
        for column in {"start", "end", "date"} & set(columns):
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]")
        (note,) = loyalty_matches(LoyaltyTables(**{name: frame}), transactions, of_part=of_part)
        return note

    return match


CUSTOMERS = [f"c{i}" for i in range(10)]
OTHERS = [f"x{i}" for i in range(10)]


def test_scores_some_days_beside_their_orders_are_told(match):
    days = [DAYS[0]] * 2 + [DAYS[1] + pd.Timedelta(days=3)] * 8
    note = match("satisfaction", customer=CUSTOMERS, date=days, score=[7.0] * 10)
    said = "Rows in the file of satisfaction scores that fit the transactions: 2 of 10, fewer than half, "
    assert str(note).startswith(f"{said}so the file says little here (customers in the transactions: 10 of 10)")


@pytest.mark.parametrize(("table", "columns"), [
    ("satisfaction", {"date": DAYS[0], "score": 7.0}), ("campaigns", {"start": DAYS[1], "end": DAYS[2]}),
    ("customer_types", {"type": "offer"}), ("arms", {"arm": "nothing"}),
])  # fmt: skip
def test_ids_of_another_system_are_told_for_every_table_that_has_some(match, table, columns):
    for others, fitting, code in ((0, 10, ""), (5, 5, ""), (6, 4, "loyalty.few"), (10, 0, "loyalty.few")):
        note = match(table, customer=CUSTOMERS[others:] + OTHERS[:others], **columns)
        assert (note.values["fitting"], note.values["rows"], note.code) == (fitting, 10, code)


def test_a_part_of_the_data_has_few_of_a_tables_customers_and_is_only_warned_of_none(match):
    for customers, code in ((CUSTOMERS[:1] + OTHERS, ""), (OTHERS, "loyalty.few")):
        assert match("customer_types", of_part=True, customer=customers, type="offer").code == code


def test_campaigns_and_promotions_outside_the_data_are_told(match):
    early = {"start": ["2024-01-01"] * 10, "end": ["2024-01-14"] * 10}
    for note in (match("campaigns", customer=CUSTOMERS, **early), match("promotions", **early)):
        assert (note.values["rows"], note.values["fitting"], note.code) == (10, 0, "loyalty.few")
    touching = match("promotions", start=["2024-12-20", "2025-06-29"], end=["2025-01-06", "2025-07-09"])
    assert (touching.values["fitting"], touching.code) == (2, "")
