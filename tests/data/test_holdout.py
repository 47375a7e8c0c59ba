import pandas as pd
import pytest

from analysis.data import holdout_split
from analysis.data.simulation import simulate_transactions
from analysis.errors import Unavailable


@pytest.fixture(scope="module")
def rows():
    frame = simulate_transactions(300, seed=7)
    refunds = frame.sample(40, random_state=1).assign(amount=lambda rows: -rows["amount"])
    return pd.concat([frame, refunds])


@pytest.fixture(scope="module")
def shop(load_frame, rows):
    return load_frame(rows)


def test_calibration_ignores_everything_after_its_end_refunds_too(shop, rows, load_frame):
    split = holdout_split(shop, 26)
    until = load_frame(rows, as_of=split.calibration_end)
    pd.testing.assert_frame_equal(split.calibration.table, until.histories.table)


def test_every_occasion_is_in_calibration_or_holdout_or_of_a_new_customer(shop):
    split = holdout_split(shop, 60)
    assert split.new_customers > 0
    total = split.calibration.table["orders"].sum() + split.holdout_orders.sum() + split.new_customer_orders
    assert total == shop.orders
    assert len(split.calibration) + split.new_customers == shop.customers
    assert (
        split.cumulative["repeat_orders"].iloc[-1]
        == split.calibration.table["frequency"].sum() + split.holdout_orders.sum()
    )
    assert split.cumulative["repeat_orders"].is_monotonic_increasing
    assert split.holdout_spent.shape == split.holdout_orders.shape


@pytest.mark.parametrize(("weeks", "key"), [(0, "switched_off"), (500, "window_too_short")])
def test_no_holdout_comes_with_its_reason(shop, weeks, key):
    with pytest.raises(Unavailable) as unavailable:
        holdout_split(shop, weeks)
    assert unavailable.value.reason.code == f"backtest.reason.{key}"


@pytest.mark.parametrize(("customers", "told"), [
    ("aab", "there is only 1 customer, too few to learn from"),
    ("aba", "Up to 2 February 2024 no customer had come back"),
])  # fmt: skip
def test_one_customer_or_none_with_a_repeat_order_leaves_nothing_to_learn(load_frame, customers, told):
    dates = pd.to_datetime(["2024-01-01", "2024-01-03", "2024-03-01"])
    with pytest.raises(Unavailable, match=told):
        holdout_split(load_frame(pd.DataFrame({"customer": list(customers), "date": dates})), 4)
