"""The decision map against what a simulation at the frontier itself finds."""

import numpy as np
import pytest

from analysis.config.strategies import NOTHING, Experience, Promotion, Strategy
from analysis.strategies.frontier import CADENCES, DEPTHS, LIFTS, decision_map
from analysis.strategies.simulation import simulate
from analysis.strategies.simulation_error import shared_error

from .inputs import VALUE, drawn, fitted_inputs

PROMOTION, EXPERIENCE = Promotion(depth=0.2, every_weeks=8), Experience(lift=0.5, invested_per_order=0.5)


@pytest.fixture(scope="module")
def inputs():
    parameters = drawn(20, theta_exp=0.5, gamma_exp=0.3, promotional_lift=0.4, delivery=1.0, inconsistency=0.0)
    return fitted_inputs(parameters, customers=1_500, weeks=104)


@pytest.fixture(scope="module")
def found(inputs):
    return decision_map(inputs, PROMOTION, EXPERIENCE, VALUE, 0.9)


@pytest.mark.parametrize("lift", [LIFTS[1], LIFTS[-1]])
def test_at_the_cost_of_the_frontier_both_earn_the_same(inputs, found, lift):
    cost = found.own.cost[LIFTS.index(lift)].estimate * VALUE
    better = Strategy("better", experience=Experience(lift=lift, invested_per_order=cost))
    run = simulate(inputs, [NOTHING, Strategy("own", promotion=PROMOTION), better])
    gap = (run.profit[:, 2] - run.profit[:, 1]).mean()
    # The map holds more strategies, whose faster pace makes other chance of the same random numbers.
    assert abs(gap) < 3 * shared_error(run, "better", "own")
    gain = (run.profit[:, 2] - run.profit[:, 0]).mean() + cost * (run.weekly.orders[:, 2] @ run.discount).mean()
    assert abs(gap) < 0.3 * gain


def test_the_company_is_a_point_with_everything_that_its_plan_costs(found):
    assert (found.lift, found.cost) == (0.5, pytest.approx(0.5 / VALUE))


def test_investments_and_the_database_count_as_costs_of_orders(inputs):
    plan = EXPERIENCE.model_copy(update={"invested_per_customer_year": 3.0, "database_per_year": 100.0})
    dearer = decision_map(inputs, PROMOTION, plan, VALUE, 0.9)
    assert dearer.cost > 0.5 / VALUE


def test_every_promotion_of_the_map_has_a_frontier(found):
    designs = [(each.depth, each.every_weeks) for each in found.frontiers]
    assert designs == [(None, None), *((depth, weeks) for weeks in CADENCES for depth in DEPTHS)]
    assert all(len(each.cost) == len(LIFTS) for each in found.frontiers)


def test_being_better_is_worth_more_the_better_one_is(found):
    costs = [each.estimate for each in found.frontiers[0].cost]
    assert (np.diff(costs) > 0).all()
    assert costs[0] > 0


def test_the_rule_holds_from_the_first_lift_whose_frontier_lies_above_the_cost(inputs):
    cheap, dear = (
        decision_map(inputs, PROMOTION, Experience(lift=0.5, invested_per_order=cost), VALUE, 0.9)
        for cost in (0.0, 0.9 * VALUE)
    )
    assert (cheap.holds_from, dear.holds_from) == (LIFTS[0], None)
    assert cheap.probability[-1] > 0.95 > 0.05 > dear.probability[-1]
    assert cheap.cost == pytest.approx(0, abs=1e-12)
