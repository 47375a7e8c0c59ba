from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.data import CustomerSummary
from analysis.models.spend import spending_of
from analysis.models.spend_choice import fit_spend, frequency_effect, spend_choice

from .orders_of_value import gamma_gamma_orders, summary_of

TWO_KINDS = Path(__file__).parents[1] / "cases" / "spend_two_kinds.csv"


def _repeat_orders(file):
    orders = pd.read_csv(file).sort_values(["customer_id", "order_date"], kind="stable")
    return orders[orders.duplicated("customer_id")]


def test_customers_of_two_kinds_get_values_of_their_own():
    """They used to be given the mean of all, 87.8."""
    orders = _repeat_orders(TWO_KINDS)
    histories = summary_of(orders["customer_id"], orders["amount"])
    choice = spend_choice(histories)
    spend = fit_spend(histories, choice, seed=1)
    worth, is_cheap = spend.expected_order_value(histories).to_numpy(), histories.table["mean_repeat_value"] < 60
    assert (choice.model, spend.model) == ("credibility", "credibility")
    assert worth[is_cheap].mean() == pytest.approx(20, rel=0.05)
    assert worth[~is_cheap].mean() == pytest.approx(100, rel=0.05)
    assert spend.reason.code == "spend.reason.no_maximum"


@pytest.mark.parametrize("seed", range(2))
def test_gamma_gamma_data_keep_gamma_gamma(seed):
    choice = spend_choice(summary_of(*gamma_gamma_orders(1_000, 6.25, 3.74, 15.44, seed)))
    assert (choice.model, choice.by_frequency, choice.reason) == ("Gamma-Gamma", False, None)


def test_where_means_mislead_gamma_gamma_credibility_takes_its_place_and_says_why():
    """Single very large orders that are nobody's habit: Gamma-Gamma takes them for what the customer is like."""
    rng = np.random.default_rng(2)
    customer = np.repeat(np.arange(1_500), 2 + rng.poisson(2, 1_500))
    histories = summary_of(customer, rng.lognormal(3.0, 1.2, customer.size))
    choice = spend_choice(histories)
    spend = fit_spend(histories, choice, seed=1)
    assert choice.reason.code == "spend.reason.credibility_forecasts_better"
    assert spend.model in {"credibility", "constant"}
    assert choice.together(0.9).lower < 0 < choice.together(0.9).upper


def test_values_that_go_with_the_number_of_orders_are_seen_and_others_are_not():
    customer, amount = gamma_gamma_orders(3_000, 6.25, 3.74, 15.44, seed=3, mean_orders=6.0)
    count = np.bincount(customer)[customer]
    dependent = summary_of(customer, amount * ((1 + count) / 5))
    choice = spend_choice(dependent)
    spend = fit_spend(dependent, choice, seed=1)
    assert choice.by_frequency
    assert spend.by_frequency.slope == pytest.approx(1.0, abs=0.1)
    table = dependent.table
    weights = table["frequency"].to_numpy()
    assert np.average(spend.by_frequency.relative(weights), weights=weights) == pytest.approx(1.0)


def test_the_effect_of_frequency_is_none_where_there_is_none():
    customer = np.repeat(np.arange(50), 3)
    spending, _ = spending_of(summary_of(customer, np.tile([10.0, 12.0, 14.0], 50)))
    assert frequency_effect(spending).relative(np.array([0, 5])).tolist() == [1.0, 1.0]


def test_scores_and_tenths_show_what_was_forecast():
    choice = spend_choice(summary_of(*gamma_gamma_orders(1_000, 6.25, 3.74, 15.44, seed=1)))
    assert list(choice.scores["model"]) == ["Gamma-Gamma", "Gamma-Gamma", "credibility", "credibility"]
    assert choice.scores["lead"].iloc[0] == 0
    assert (choice.groups["odd"].diff().dropna() > 0).all()
    assert choice.groups["customers"].sum() == choice.customers
    assert choice.groups["Gamma-Gamma"].to_numpy() == pytest.approx(choice.groups["even"].to_numpy(), rel=0.25)


def test_too_few_orders_to_hold_out_leave_gamma_gamma_as_it_is():
    histories = summary_of(*gamma_gamma_orders(60, 6.25, 3.74, 15.44, seed=1))
    assert spend_choice(histories) is None
    without = CustomerSummary(histories.table.drop(columns=["odd_orders", "even_orders"]), None, True)
    assert spend_choice(without) is None
    assert fit_spend(histories, None, seed=1).model == "Gamma-Gamma"
