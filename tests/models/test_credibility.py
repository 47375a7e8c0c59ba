import numpy as np
import pytest

from analysis.models.credibility import Credibility, contributions, credibility_params
from analysis.models.spend import Spending, spending_of

from .orders_of_value import summary_of


def _normal_orders(customers, within, between, seed, mean=50.0):
    rng = np.random.default_rng(seed)
    customer = np.repeat(np.arange(customers), 1 + rng.poisson(3, customers))
    level = rng.normal(mean, between, customers)
    return customer, rng.normal(level[customer], within)


def test_the_weight_of_a_customers_own_mean_follows_from_both_variances():
    spend = Credibility().fit(summary_of(*_normal_orders(20_000, within=8.0, between=5.0, seed=1)))
    assert spend.half_weight_orders == pytest.approx(8.0**2 / 5.0**2, rel=0.08)
    assert spend.mean_order_value == pytest.approx(50.0, rel=0.01)
    forecast = spend.order_values(np.array([4]), np.array([60.0]))[0]
    assert forecast == pytest.approx(50 + 10 * 4 / (4 + 64 / 25), rel=0.01)


def test_one_enormous_order_does_not_decide_what_the_others_are_worth():
    customer, amount = _normal_orders(1_000, within=8.0, between=5.0, seed=3)
    plain = Credibility().fit(summary_of(customer, amount))
    amount[np.flatnonzero(customer == np.bincount(customer).argmax())[1]] = 50_000.0
    moved = Credibility().fit(summary_of(customer, amount))
    assert moved.half_weight_orders == pytest.approx(plain.half_weight_orders, rel=0.1)


def test_where_only_means_are_known_their_spread_by_number_of_orders_tells_both_variances():
    spending, _ = spending_of(summary_of(*_normal_orders(40_000, within=8.0, between=5.0, seed=4)))
    from_means = credibility_params(contributions(Spending(spending.frequency, spending.mean_value)))
    assert (from_means.q - 1) / from_means.p == pytest.approx(64 / 25, rel=0.25)


def test_intervals_of_the_mean_and_of_the_weight_hold_their_truth():
    held = np.zeros(2)
    for seed in range(40):
        draws = Credibility().fit(summary_of(*_normal_orders(400, 8.0, 5.0, seed)), seed).posterior.draws
        p, q, v = draws.T
        for place, (values, truth) in enumerate([(p * v / (q - 1), 50.0), ((q - 1) / p, 64 / 25)]):
            low, high = np.quantile(values, [0.05, 0.95])
            held[place] += low <= truth <= high
    assert np.all(held >= 31)  # of 40; the weight is found with the largest hundredth cut, so it is not exact


@pytest.mark.parametrize("orders_each", [1, 6])
def test_where_customers_do_not_differ_or_nobody_has_two_orders_every_order_is_worth_the_mean(orders_each):
    rng = np.random.default_rng(5)
    customer = np.repeat(np.arange(300), orders_each)
    amount = rng.gamma(4.0, size=customer.size) + np.where(orders_each == 6, 40 * (np.arange(customer.size) % 2), 0)
    spend = Credibility().fit(summary_of(customer, amount))
    assert (spend.model, spend.reason.code) == ("constant", "spend.reason.no_difference_between_customers")
    assert spend.half_weight_orders == np.inf
