"""What customers did is the same wherever their rows are: embedded here, and computed in PostgreSQL or Spark."""

import dataclasses

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.data.test_expressions import ENGINES

import analysis as rl
from analysis.config import Config
from analysis.data import remote
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.strategies.lots import COSTS
from analysis.value.growth import spend_growth
from analysis.value.payback import first_order_groups
from analysis.value.retention import period_rates

ROLES = ("customer", "date", "amount", "category", "discount")


def rows_of(orders, most=None):
    """The occasions of the first customers as a frame that another engine can take."""
    rows = pd.read_parquet(orders.occasions).rename(columns={"day": "date"})
    rows = rows[rows["customer"] < (most or len(orders.histories))]
    rows["customer"] = orders.histories.ids.astype(str)[rows["customer"]]
    return rows.astype({"date": "datetime64[us]"})


@pytest.fixture(scope="module", params=ENGINES[1:])
def both(request, tmp_path_factory):
    """A function from a frame to its orders in the engine and embedded."""
    folder = tmp_path_factory.mktemp("engine")
    with request.param(folder) as enter:

        def both(name, rows):
            path = folder / f"{name}.parquet"
            pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path)
            columns = {role: role for role in ROLES if role in rows}
            data = {"transactions": "table", "columns": columns}
            discount = {"discount": "money"} if "discount" in rows else {}
            there = remote.remote_orders(enter(str(path)), Config(name="t", data=data | discount))
            settings = {"discount_is": "money"} if discount else {}
            return there, rl.read_orders(rows, **columns, **settings)

        yield both


@pytest.fixture(scope="module")
def cdnow_there(both, few_proposals):
    return both("cdnow", rows_of(rl.read_orders({"sample": "cdnow"})))


@pytest.fixture(scope="module")
def shop_there(both):
    return both("shop", rows_of(rl.read_orders({"sample": "simulated-shop"}), most=1_500))


def assert_alike(there, here):
    """Every field of two results: numbers to 1e-9, intervals of posterior draws included."""
    if isinstance(here, pd.DataFrame):
        pd.testing.assert_frame_equal(there, here, rtol=1e-9, atol=1e-9, check_dtype=False)
    elif isinstance(here, Interval) or not dataclasses.is_dataclass(here):
        assert str(there) == str(here)
    else:
        for field in dataclasses.fields(here):
            assert_alike(getattr(there, field.name), getattr(here, field.name))


@pytest.mark.parametrize("months", [None, 3])
def test_bridge_drivers_deciles_and_cohorts_are_counted_in_the_engine(cdnow_there, monkeypatch, months):
    monkeypatch.setattr(remote, "MOST_HERE", 0)
    there, here = (rl.customer_base(each, months=months, gross_margin=0.3, cost_per_order=1) for each in cdnow_there)
    assert_alike(there, here)


def test_cohorts_and_periods_are_those_of_a_frame_and_claims_say_what_they_need(cdnow_there):
    there, here = cdnow_there
    for kind in ("orders", "customers", "revenue"):
        assert_alike(there.cohorts(kind), here.cohorts(kind))
    assert_alike(there.by_period(), here.by_period())
    assert there._repr_html_().split("(customers")[1] == here._repr_html_().split("(customers")[1]
    with pytest.raises(Unavailable, match="stay in their engine"):
        rl.test_claims(there)


def test_rates_of_retention_and_alerts_are_counted_in_the_engine(shop_there, monkeypatch):
    monkeypatch.setattr(remote, "MOST_HERE", 0)
    days = pd.to_datetime(["2021-06-01", "2022-06-01"])
    calendar = pd.DataFrame({"start": days, "end": days + pd.Timedelta(days=13)})
    for measured in (rl.alerts, period_rates, lambda orders: rl.promotion_honesty(orders, calendar)):
        assert_alike(*map(measured, shop_there))


def test_growth_and_what_a_customer_may_cost_are_the_same(cdnow_there, shop_there):
    assert_alike(*map(spend_growth, cdnow_there))
    assert_alike(*map(first_order_groups, shop_there))
    fit = rl.BGNBD().fit(cdnow_there[1])
    assert_alike(*(rl.payback(each, fit, acquisition_cost=15) for each in cdnow_there))


def test_the_lift_of_retention_is_the_same(cdnow_there, few_draws):
    spend = rl.GammaGamma().fit(cdnow_there[1])
    lifts = [rl.retention_lift(rl.BGNBD().fit(each), spend) for each in cdnow_there]
    pd.testing.assert_frame_equal(*lifts, rtol=1e-4)


def stands_of(orders, fit, value):
    stand = rl.ladder(orders, fit, value)
    return stand, rl.contact_lists(orders, fit, value, stand, cost_per_contact=1)


@pytest.fixture(scope="module")
def embedded(shop_there):
    """Fit and value of the embedded orders, and their rungs and lists."""
    fit = rl.BGNBD().fit(shop_there[1])
    value = rl.customer_value(fit, rl.GammaGamma().fit(shop_there[1]))
    return (fit, value), stands_of(shop_there[1], fit, value)


def test_rungs_and_lists_are_the_same(shop_there, embedded):
    known, here = embedded
    for each in zip(stands_of(shop_there[0], *known), here, strict=True):
        assert_alike(*each)


def test_lots_are_drawn_and_read_back_the_same(shop_there, embedded):
    known, (_, lists) = embedded
    drawn = [rl.draw_lot(each, "win_back") for each in (stands_of(shop_there[0], *known)[1], lists)]
    pd.testing.assert_frame_equal(*drawn, check_dtype=False)
    ids = shop_there[1].histories.ids
    lot = pd.DataFrame({"list": "win_back", "customer": ids, "arm": ["contact", "none"] * (len(ids) // 2)})
    lot = lot.assign(start=pd.Timestamp("2023-01-01"), end=pd.Timestamp("2023-03-31"), **dict.fromkeys(COSTS, 0.5))
    sent = lot[lot["arm"] == "contact"].assign(date=pd.Timestamp("2023-01-02"))
    there, here = (rl.lot_effects(orders, lot, sent) for orders in shop_there)
    assert here.lots["state"].tolist() == ["counts"]
    assert_alike(there, here)


def test_a_value_that_stays_in_the_engine_says_what_rungs_and_lists_are_worth(shop_there, embedded):
    fit, (stand, lists) = rl.BGNBD().fit(shop_there[0]), embedded[1]
    value = rl.customer_value(fit, rl.GammaGamma().fit(shop_there[0].spending()))
    there, lists_there = stands_of(shop_there[0], fit, value)
    pd.testing.assert_series_equal(there.rungs["value_share"], stand.rungs["value_share"], atol=0.01)
    pd.testing.assert_frame_equal(lists_there.lists[["customers", "send"]], lists.lists[["customers", "send"]])


def test_without_money_a_value_in_the_engine_says_what_rungs_will_order(both):
    rows = rows_of(rl.read_orders({"sample": "cdnow"}), most=600)[["customer", "date"]]
    there, here = both("orders_only", rows)
    fit = rl.BGNBD().fit(here)
    rungs, expected = (
        rl.ladder(orders, fit, rl.customer_value(fit.of(orders), None, horizon="1Y", gross_margin=0.3)).rungs
        for orders in (there, here)
    )
    assert rungs["estimate"].to_numpy() == pytest.approx(expected["estimate"].to_numpy(), rel=0.02)


def test_rows_of_more_customers_than_fit_here_stay_where_they_are(cdnow_there, monkeypatch):
    there, here = cdnow_there
    fit = rl.BGNBD().fit(here)
    monkeypatch.setattr(remote, "MOST_HERE", 2_000)
    there.histories.__dict__.pop("here", None)
    for needs_rows in (rl.ladder, rl.payback):
        with pytest.raises(Unavailable, match=r"2,357 customers stay in their engine.* for up to 2,000"):
            needs_rows(there, fit)
    with pytest.raises(Unavailable, match="stay in their engine"):
        spend_growth(there)
