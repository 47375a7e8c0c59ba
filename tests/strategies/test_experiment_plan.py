"""The size of an experiment: its formula, its power in experiments that are carried out, and what the data allow."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS

from analysis.config import Config, ExperimentConfig
from analysis.config.strategies import NOTHING, Experience, Promotion, Strategy
from analysis.data import load_orders
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.strategies.experiment import Period, margins_of
from analysis.strategies.experiment_plan import POWER, design, expected_over, experiment_plan, margins
from analysis.strategies.schedule import Economics
from analysis.strategies.simulation import simulate

from .inputs import drawn, fitted_inputs

PAIR = (Strategy("expectation", experience=Experience(lift=0.5, invested_per_order=0.1)), NOTHING)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Forty customers over 60 weeks with one order of 10 a week each; only every second one goes on in the last 13."""
    last = dt.date(2025, 3, 2)
    rows = [
        (f"c{number}", last - dt.timedelta(days=7 * week), 10.0)
        for number in range(40)
        for week in range(60)
        if number % 2 or week >= 13
    ]
    frame = pd.DataFrame(rows, columns=["customer", "date", "amount"])
    columns = {"customer": "customer", "date": "date", "amount": "amount"}
    config = Config(name="shop", data={"transactions": "frame.csv", "columns": columns})
    return load_orders(config, workdir=tmp_path_factory.mktemp("shop"), frame=frame)


@pytest.fixture(scope="module")
def inputs():
    return fitted_inputs(drawn(20, theta_exp=0.5, gamma_exp=0.3), customers=300, weeks=104)


def test_margins_of_the_last_weeks_and_of_as_many_before_are_counted_by_customer(shop):
    during, before = margins(shop, Economics(gross_margin=0.4, cost_per_order=1.0), weeks=13)
    assert sorted(set(during)) == [0.0, pytest.approx(39.0)]
    assert (during > 0).sum() == 20
    assert np.allclose(before, 39.0)


def test_the_margin_that_is_planned_with_is_the_one_that_is_analysed(tmp_path):
    """Where discounts are known: a deeper deal comes off the margin in full, in the plan as in the analysis."""
    rng, last = np.random.default_rng(5), dt.date(2025, 3, 2)
    rows = [(f"c{i}", last - dt.timedelta(days=int(day)), 40.0) for i in range(60) for day in rng.integers(0, 182, 12)]
    orders = pd.DataFrame(rows, columns=["customer", "date", "listed"]).drop_duplicates(["customer", "date"])
    saved = orders["listed"] * rng.choice([0.0, 0.1, 0.6], len(orders))
    orders = orders.assign(amount=orders["listed"] - saved, discount=saved).drop(columns="listed")
    config = Config(
        name="shop",
        data={"transactions": "frame.csv", "columns": {name: name for name in orders.columns}, "holdout_weeks": 0},
    )
    transactions, economics = load_orders(config, workdir=tmp_path, frame=orders), Economics(0.3, 1.0)
    during, before = margins(transactions, economics, weeks=8)
    starts = last - dt.timedelta(days=8 * 7 - 1)
    given = ExperimentConfig(file="a.csv", columns={"customer": "c", "arm": "a"}, starts=starts, control="x")
    everyone = transactions.histories.table["customer_id"]
    analysed = margins_of(transactions, everyone, Period.of(transactions, given), economics)
    assert analysed.margin_of == "list"
    assert np.array_equal(during, analysed.during[~analysed.newcomer])
    assert np.array_equal(before, analysed.before[~analysed.newcomer])


def test_the_sample_size_is_that_of_the_normal_approximation():
    found = design(13, 20.0, 0.6, Interval(1.0, 0.2, 1.8, 0.9), customers=20_000)
    reach = stats.norm.isf(0.025) + stats.norm.ppf(POWER)
    assert found.customers_per_arm == pytest.approx(2 * (reach * 20 * 0.8) ** 2, rel=0.001)
    assert found.detectable == pytest.approx(reach * 20 * 0.8 * np.sqrt(2 / 10_000), rel=0.001)


def test_an_experiment_of_that_size_finds_the_difference_as_often_as_it_should():
    planned = design(13, 20.0, 0.6, Interval(4.0, 2.0, 6.0, 0.9), customers=2_000)
    rng, found, repeats = np.random.default_rng(8), 0, 400
    size = planned.customers_per_arm
    for _ in range(repeats):
        before, own = rng.standard_normal((2, 2 * size))
        arm = np.repeat([0.0, 1.0], size)
        during = 20 * (0.6 * before + 0.8 * own) + 4.0 * arm
        fitted = OLS(during, np.column_stack([np.ones(2 * size), arm, before])).fit()
        found += fitted.pvalues[1] < 0.05
    assert stats.binomtest(found, repeats, POWER).pvalue > 0.01


@pytest.mark.parametrize("expected", [0.0, 1e-9])
def test_where_no_difference_is_expected_no_experiment_is_large_enough(expected):
    found = design(13, 20.0, 0.0, Interval(expected, -1.0, 1.0, 0.9), customers=100)
    assert found.customers_per_arm is None
    assert found.power == pytest.approx(0.05, abs=0.001)


def test_the_expected_difference_is_the_simulations_without_new_customers_and_fixed_costs(inputs):
    fixed = Strategy("expectation", experience=Experience(lift=0.5, invested_per_order=0.1, database_per_year=1e6))
    assert expected_over(inputs, (fixed, NOTHING), 26, 0.9) == expected_over(inputs, PAIR, 26, 0.9)


def test_a_strategy_that_starts_later_is_tried_at_once(inputs):
    later = Strategy("promotion", promotion=Promotion(starts_week=50))
    assert expected_over(inputs, (later, NOTHING), 8, 0.9)[0].estimate < 0


def test_what_is_expected_is_never_surer_than_so_few_customers_allow(inputs):
    expected = expected_over(inputs, PAIR, 8, 0.9)[0]
    assert expected.upper - expected.lower > 0.01


def test_a_plan_says_where_a_perfect_experiment_would_point_the_other_way(shop, inputs):
    plan = experiment_plan(shop, inputs, PAIR, 0.9)
    assert not replace(plan, horizon=plan.designs[-1].expected.estimate).contradicts_the_horizon
    assert replace(plan, horizon=-plan.designs[-1].expected.estimate).contradicts_the_horizon


def test_only_lengths_that_the_data_reach_twice_are_planned(shop, inputs):
    plan = experiment_plan(shop, inputs, PAIR, 0.9)
    # Over 8 weeks the past tells all: who went on in the last 13 did so in both halves.
    assert [each.weeks for each in plan.designs] == [13, 26]
    assert plan.arms == ("expectation", "nothing")
    assert [each.customers for each in plan.designs] == [40, 40]
    assert plan.designs[0].service_each[1] == 0 < plan.designs[0].service_each[0]
    assert plan.fixed_per_year == 0


def test_data_that_are_too_short_say_so(shop, inputs):
    short = replace(shop, observation_start=dt.date(2025, 1, 5))
    with pytest.raises(Unavailable, match="The data span 8 weeks; at least 16"):
        experiment_plan(short, inputs, PAIR, 0.9)


def test_no_path_is_needed_to_price_a_strategy_that_does_nothing(inputs):
    run = simulate(inputs, [NOTHING, Strategy("idle")])
    assert np.array_equal(run.profit[:, 0], run.profit[:, 1])
