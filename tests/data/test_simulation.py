import numpy as np
import pytest

from analysis.data.simulation import (
    CDNOW_PURCHASES,
    PurchaseTruth,
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


def test_a_seed_gives_the_same_customers_again():
    one, other = (simulate_customers(500, seed=9) for _ in range(2))
    np.testing.assert_array_equal(one.recency, other.recency)
    assert not np.array_equal(one.recency, simulate_customers(500, seed=10).recency)
    assert simulate_transactions(50, seed=1).equals(simulate_transactions(50, seed=1))
