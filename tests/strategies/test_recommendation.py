"""How often the recommendation is right, on companies whose truth is known (``benchmarks/recommendation.py``)."""

import numpy as np
import pytest
from benchmarks.recommendation import FREE, KINDS, PRICED, Prices, Verdict, at_prices, rates, run, strategies_at

from analysis.strategies.simulation import simulate

from .inputs import drawn, fitted_inputs


@pytest.fixture(scope="module")
def found():
    return run(repetitions=40)


@pytest.mark.slow
def test_recommendations_are_rarely_wrong_and_not_made_of_ties(found):
    assert found["promotion: wrong"] <= 0.05
    assert found["expectation: wrong"] <= 0.05
    assert found["tie: decided"] <= 0.2


@pytest.mark.slow
def test_recommendations_are_made_where_the_gap_is_above_a_tenth(found):
    assert np.mean([found["promotion: decided"], found["expectation: decided"]]) >= 0.8


def test_profit_and_its_error_at_any_price_follow_from_two_prices():
    prices = Prices(per_order=3.5, per_year=400.0)
    inputs = fitted_inputs(drawn(3, won=0.5, referrals=0.05), customers=100, weeks=52, coming=4.0)
    found, simulated = at_prices(simulate(inputs, PRICED), prices), simulate(inputs, strategies_at(prices))
    assert found.names == simulated.names
    for name in ("profit", "noise_covariance", "common_noise"):
        assert getattr(found, name) == pytest.approx(getattr(simulated, name))
    assert found.profit[:, 1:] != pytest.approx(at_prices(simulate(inputs, PRICED), FREE).profit[:, 1:])


def test_rates_count_what_was_said_of_each_kind():
    said = [
        ("promotion", "promotion", 0.11),
        ("promotion", None, 0.1),
        ("expectation", "promotion", 0.3),
        ("tie", None, 0),
    ]
    found = rates([Verdict(kind, name, kind, gap) for kind, name, gap in said])
    assert (found["promotion: decided"], found["promotion: wrong"]) == (0.5, 0.0)
    assert (found["expectation: decided"], found["expectation: wrong"]) == (1.0, 1.0)
    assert found["promotion: decided, gap from 10%"] == "1 of 2"
    assert found["expectation: decided, gap from 15%"] == "0 of 0"
    assert found["expectation: decided, gap from 20%"] == "1 of 1"
    assert found["tie: decided"] == 0.0
    assert {each.partition(":")[0] for each in found} == set(KINDS)
