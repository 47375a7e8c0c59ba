"""Printed values of the literature, at their printed precision."""

import numpy as np
import pytest

from analysis.models.beta_geometric import BGNBD, MBGNBD
from analysis.models.pareto import ParetoNBD

PUBLISHED = {
    "BG/NBD": ({"r": (0.243, 3), "alpha": (4.414, 3), "a": (0.793, 3), "b": (2.426, 3)}, -9582.4),
    "MBG/NBD": ({"r": (0.525, 3), "alpha": (6.183, 3), "a": (0.891, 3), "b": (1.614, 3)}, None),
    "Pareto/NBD": ({"r": (0.553, 3), "alpha": (10.578, 3), "s": (0.606, 3), "beta": (11.669, 3)}, -9595.0),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_fits_on_cdnow_are_the_published_ones(cdnow_purchase, name):
    fit = cdnow_purchase[name]
    parameters, log_likelihood = PUBLISHED[name]
    assert fit.customers == 2_357
    for parameter, (value, digits) in parameters.items():
        assert round(fit.parameters[parameter], digits) == value, parameter
    if log_likelihood is not None:
        assert round(fit.log_likelihood, 1) == log_likelihood


def test_the_spend_model_on_cdnow_is_the_published_one(cdnow_spend):
    fit = cdnow_spend
    assert fit.customers == 946
    assert {name: round(value, 2) for name, value in fit.parameters.items()} == {"p": 6.25, "q": 3.74, "v": 15.44}
    assert round(fit.log_likelihood, 1) == -4055.9


def test_the_customer_of_the_paper_is_expected_to_order_1_226_times_and_a_new_one_of_cdnow_1_8576_times():
    published = BGNBD.Params(r=0.243, alpha=4.414, a=0.793, b=2.426)
    assert round(float(BGNBD().expected_purchases(published, 39, 2, 30.43, 38.86)), 3) == 1.226
    published = BGNBD.Params(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
    expected = float(BGNBD().expected_purchases(published, 78, 0, 0.0, 0.0))
    assert expected == pytest.approx(1.8576, abs=5e-4)


def test_first_year_survival_differs_between_models_that_fit_equally_well(cdnow_purchase):
    models = {"BG/NBD": BGNBD(), "MBG/NBD": MBGNBD(), "Pareto/NBD": ParetoNBD()}
    year = 365.25 / 7
    survival = {fit.model: float(models[fit.model].survival(fit.params, year)) for fit in cdnow_purchase.fits}
    assert {name: round(value, 3) for name, value in survival.items()} == {
        "BG/NBD": 0.764,
        "MBG/NBD": 0.398,
        "Pareto/NBD": 0.357,
    }
    likelihoods = [fit.log_likelihood for fit in cdnow_purchase.fits[:2]]
    assert np.ptp(likelihoods) < 1


def test_customers_alive_are_1917_1058_and_1052_of_2357(cdnow_purchase):
    alive = {fit.model: fit.customers_alive(0.9) for fit in cdnow_purchase}
    found = {name: round(interval.estimate) for name, interval in alive.items()}
    assert found == {"BG/NBD": 1917, "MBG/NBD": 1058, "Pareto/NBD": 1052}
    assert cdnow_purchase.primary.alive_among_one_time_buyers == 1
    for interval in alive.values():
        assert interval.lower < interval.estimate < interval.upper
