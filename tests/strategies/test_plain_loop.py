"""The simulation against a loop over single customers, written apart from it and with other random numbers."""

import numpy as np
import pytest
from benchmarks.strategies import plain_profit

from analysis.config.strategies import NOTHING, Experience, Promotion, Strategy
from analysis.strategies.microsimulation import STRUCTURES
from analysis.strategies.schedule import Economics
from analysis.strategies.simulation import simulate

from .inputs import drawn, inputs_of_alike

STRATEGIES = (
    NOTHING,
    Strategy("promotion", Promotion(depth=0.3, every_weeks=4, coverage=1.0, redemption=0.8)),
    Strategy("expectation", experience=Experience(1.0, invested_per_customer_year=20.0, invested_per_order=1.0)),
    Strategy("both", Promotion(depth=0.4, every_weeks=5, lasts_weeks=2), Experience(0.5, ends_week=30)),
)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_plain_loop_over_customers_finds_the_same_profit(structure):
    parameters = drawn(
        theta_deal=2.0, gamma_deal=1.0, theta_exp=0.6, gamma_exp=0.4, sector_rise=0.4, promotional_lift=0.7,
        borrowed=0.3, tau=2.0, inconsistency=0.8, kappa_deal=0.3, kappa_exp=0.2, delivery=0.9, loss_aversion=2.5,
    )  # fmt: skip
    economics = Economics(gross_margin=0.5, cost_per_order=1.0, annual_discount_rate=0.2)
    inputs = inputs_of_alike(30_000, 0.4, 0.08, parameters, weeks=52, economics=economics)
    run = simulate(inputs, STRATEGIES, structure)
    plain, error = plain_profit(inputs, STRATEGIES, 1_500, structure)
    ours = run.profit[0] / 30_000
    own_error = np.sqrt(np.diag(run.common_noise)) / 30_000
    assert (error < 0.03 * plain).all()
    assert np.abs(ours - plain).max() < 3 * np.hypot(error, own_error).max()
