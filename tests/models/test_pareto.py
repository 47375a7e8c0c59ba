import numpy as np
import pandas as pd
import pytest

from analysis.models.lifetimes_fits import ParetoNBDFitter
from analysis.models.pareto import ParetoNBD

CDNOW = ParetoNBD.Params(r=0.553, alpha=10.578, s=0.606, beta=11.669)
X, RECENCY, AGE = np.array([0, 2, 9]), np.array([0.0, 30.43, 36.0]), np.array([38.86, 38.86, 39.0])


def test_p_alive_and_expected_orders_agree_with_lifetimes():
    theirs = ParetoNBDFitter()
    theirs.params_ = pd.Series(CDNOW._asdict())
    assert ParetoNBD().p_alive(CDNOW, X, RECENCY, AGE) == pytest.approx(
        np.asarray(theirs.conditional_probability_alive(X, RECENCY, AGE)), rel=1e-9
    )
    assert ParetoNBD().expected_purchases(CDNOW, 39.0, X, RECENCY, AGE) == pytest.approx(
        np.asarray(theirs.conditional_expected_number_of_purchases_up_to_time(39.0, X, RECENCY, AGE)), rel=1e-8
    )


def test_expected_orders_are_continuous_where_the_closed_form_has_its_pole():
    at, beside = (ParetoNBD().expected_purchases(CDNOW._replace(s=s), 39.0, X, RECENCY, AGE) for s in (1.0, 1 + 1e-7))
    assert at == pytest.approx(beside, rel=1e-5)


def test_each_customer_may_have_a_horizon_of_its_own():
    horizon = np.array([4.0, 13.0, 39.0])
    found = ParetoNBD().pmf(CDNOW, horizon, X, RECENCY, AGE, 1)
    alone = [ParetoNBD().pmf(CDNOW, *each, 1) for each in zip(horizon, X, RECENCY, AGE, strict=True)]
    assert found == pytest.approx(np.array(alone), rel=1e-12)
