"""What the steps on loyalty add to what the orders say: how far the tables beside them fit."""

from types import SimpleNamespace

import pandas as pd
import pytest

from analysis.config import Config
from analysis.data import Note
from analysis.data.loyalty_tables import LoyaltyTables
from analysis.study import loyalty


@pytest.fixture
def study(load_frame):
    """A study of two customers, with orders on four days, and the tables that it is given."""
    days = pd.date_range("2025-01-06", periods=4, freq="28D")
    orders = pd.DataFrame([(who, day, 10.0) for who in "ab" for day in days], columns=["customer", "date", "amount"])

    def study(**tables):
        fit = SimpleNamespace(primary=SimpleNamespace(parameters={"a": 1.0, "b": 9.0}))
        config = Config(name="shop", data={"transactions": {"sample": "cdnow"}})
        found = {"loyalty_tables": LoyaltyTables(**tables), "transactions": load_frame(orders)}
        return SimpleNamespace(config=config, purchase=fit, **found)

    return study


def test_without_tables_the_evidence_is_that_of_the_orders(study):
    found = loyalty.loyalty(study())
    assert (found.tables, found.notes) == ((), ())


def test_tables_that_fit_are_counted_and_those_that_do_not_are_a_doubt(study):
    skipped = Note("loyalty.rows_repeated", {"rows": 1})
    found = loyalty.loyalty(
        study(
            customer_types=pd.DataFrame({"customer": ["a", "b"], "type": "offer"}),
            arms=pd.DataFrame({"customer": ["x", "y"], "arm": ["nothing", "club"]}),
            notes=(skipped,),
        )
    )
    assert found.tables == (Note("loyalty.fit.customer_types", {"rows": 2, "fitting": 2}),)
    few = Note("loyalty.few.ids", {"table": "experiment", "known": 0, "customers": 2})
    assert found.notes == (skipped, few)
