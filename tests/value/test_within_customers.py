import numpy as np
import pytest

from analysis.value.within_customers import within_slope


def panel(customers=400, slope=0.2, seed=1):
    """Rows, orders, spend and tenure of customers whose order values grow by ``slope`` on the log scale."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(customers), 4)
    tenure, orders = rng.uniform(0, 3, rows.size), rng.integers(1, 5, rows.size)
    mean = rng.gamma(2, 20, customers)[rows] * np.exp(slope * tenure)
    return rows, orders, rng.gamma(orders * 4.0) / 4 * mean, tenure


def test_the_customers_own_levels_do_not_matter():
    rows, orders, spent, tenure = panel()
    levels = np.random.default_rng(2).gamma(0.5, 100, 400)[rows]
    same, scaled = within_slope(rows, orders, spent, tenure, 0.9), within_slope(rows, orders, spent, tenure + 5, 0.9)
    assert same.lower < 0.2 < same.upper
    assert scaled.estimate == pytest.approx(same.estimate)
    exact = within_slope(rows, orders, levels * orders * np.exp(-0.3 * tenure), tenure, 0.9)
    assert (exact.lower, exact.upper) == pytest.approx((-0.3, -0.3))


@pytest.mark.parametrize("slope", [-6.0, 6.0])
def test_steep_trends_are_found_too(slope):
    assert within_slope(*panel(slope=slope), 0.9).estimate == pytest.approx(slope, abs=0.2)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    found = [within_slope(*panel(customers=60, seed=seed), 0.9) for seed in range(300)]
    assert 0.85 < np.mean([each.lower < 0.2 < each.upper for each in found]) < 0.95


def test_no_finite_slope_is_said_and_not_made_up():
    rows, tenure = np.repeat(np.arange(50), 2), np.tile([1.0, 2.0], 50)
    assert within_slope(rows, np.ones(100), np.tile([10.0, 0.0], 50), tenure, 0.9) is None
