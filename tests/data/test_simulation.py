import numpy as np
import pytest

from analysis.data.simulation import (
    CDNOW_PURCHASES,
    PurchaseTruth,
    SpendTruth,
    simulate_customers,
    simulate_transactions,
)

PARETO = PurchaseTruth(r=0.553, alpha=10.578, a=0.606, b=11.669, model="Pareto/NBD")
MBG = PurchaseTruth(r=0.525, alpha=6.183, a=0.891, b=1.614, model="MBG/NBD")


@pytest.mark.parametrize("truth", [CDNOW_PURCHASES, MBG, PARETO])
def test_the_mean_number_of_orders_is_that_of_the_model(truth):
    n, T = 200_000, 78.0
    customers = simulate_customers(n, purchases=truth, T=T, seed=3)
    if truth.model == "Pareto/NBD":
        expected = truth.r * truth.b / (truth.alpha * (truth.a - 1)) * (1 - (truth.b / (truth.b + T)) ** (truth.a - 1))
        assert customers.frequency.mean() == pytest.approx(expected, rel=0.03)
        assert customers.alive.mean() == pytest.approx((truth.b / (truth.b + T)) ** truth.a, abs=0.005)
    elif truth.model == "BG/NBD":
        assert customers.frequency.mean() == pytest.approx(1.8576, rel=0.03)  # printed in note 004, 78 weeks
        assert customers.alive[customers.frequency == 0].all()
    else:
        left_at_once = truth.a / (truth.a + truth.b)
        assert (~customers.alive).mean() > left_at_once


def test_recency_lies_within_the_age_and_only_repeaters_have_one():
    customers = simulate_customers(10_000, T=np.linspace(10, 50, 10_000), births=5, future=10, seed=1)
    assert (customers.recency <= customers.T).all()
    assert ((customers.recency > 0) == (customers.frequency > 0)).all()
    assert customers.future_orders.sum() > 0
    assert (customers.future_orders[~customers.alive] == 0).all()


def test_spend_has_the_mean_of_the_gamma_gamma_model():
    spend = SpendTruth(p=6.0, q=4.0, v=15.0)
    customers = simulate_customers(200_000, spend=spend, T=39, future=39, seed=2)
    assert np.nanmean(customers.mean_repeat_value) == pytest.approx(6 * 15 / 3, rel=0.02)
    assert (np.isnan(customers.mean_repeat_value) == (customers.frequency == 0)).all()
    assert customers.future_spent.sum() / customers.future_orders.sum() == pytest.approx(30, rel=0.05)


def test_a_seed_gives_the_same_customers_again():
    one, other = (simulate_customers(500, seed=9) for _ in range(2))
    np.testing.assert_array_equal(one.recency, other.recency)
    assert not np.array_equal(one.recency, simulate_customers(500, seed=10).recency)
    assert simulate_transactions(50, seed=1).equals(simulate_transactions(50, seed=1))


def test_transactions_lie_in_the_window_and_everyone_has_a_first_order(load_frame):
    frame = simulate_transactions(2000, seed=4, window_days=365, birth_days=90)
    assert frame["date"].min() >= np.datetime64("2023-01-01")
    assert frame["date"].max() <= np.datetime64("2023-12-31")
    found = load_frame(frame)
    assert found.customers == 2000
    assert (found.histories.table["first_order"] < np.datetime64("2023-04-01")).all()
    assert "amount" not in simulate_transactions(5, spend=None, seed=1)
