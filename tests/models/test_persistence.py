import json

import numpy as np
import pytest

from analysis.errors import UsageError
from analysis.models import currency_of_model, model_from_dict, model_to_dict


def test_models_survive_a_round_trip_through_json(cdnow_purchase, cdnow_spend):
    stored = json.loads(json.dumps(model_to_dict(cdnow_purchase, cdnow_spend), allow_nan=False))
    purchase, spend = model_from_dict(stored)
    assert purchase.primary == cdnow_purchase.primary
    assert np.array_equal(purchase.posterior.draws, cdnow_purchase.posterior.draws)
    assert spend.fit == cdnow_spend.fit
    assert np.array_equal(spend.posterior.draws, cdnow_spend.posterior.draws)


def test_the_currency_of_a_model_is_known_or_missed(cdnow_purchase, cdnow_spend):
    assert currency_of_model(model_to_dict(cdnow_purchase, cdnow_spend, currency="EUR")) == "EUR"
    stored = model_to_dict(cdnow_purchase, cdnow_spend)
    assert currency_of_model(stored) is None
    del stored["currency"]
    with pytest.raises(UsageError, match="model: does not say in which currency"):
        currency_of_model(stored)


def test_a_model_without_money_stays_one(cdnow_purchase):
    assert model_from_dict(model_to_dict(cdnow_purchase, None))[1] is None


@pytest.mark.parametrize("content", [{}, {"schema_version": 99}, {"schema_version": 1, "purchase_model": {"x": 1}}])
def test_what_is_no_stored_model_is_refused(content):
    with pytest.raises(UsageError, match="model: "):
        model_from_dict(content)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("parameters", {"r": float("nan"), "alpha": 1.0, "a": 1.0, "b": 1.0}),
        ("parameters", {"r": -1.0, "alpha": 1.0, "a": 1.0, "b": 1.0}),
        ("parameters", {"x": 1.0}),
        ("parameters", [1, 2, 3, 4]),
        ("model", "magic"),
    ],
)
def test_a_model_that_was_tampered_with_is_refused(cdnow_purchase, cdnow_spend, part, value):
    stored = model_to_dict(cdnow_purchase, cdnow_spend)
    stored["purchase_model"][part] = value
    with pytest.raises(UsageError, match="model: "):
        model_from_dict(stored)


@pytest.mark.parametrize("draws", [[], None, [[1.0, 2.0]], [[1e308] * 4], [[-1.0] * 4]])
def test_draws_that_cannot_be_are_refused(cdnow_purchase, cdnow_spend, draws):
    stored = model_to_dict(cdnow_purchase, cdnow_spend)
    stored["purchase_posterior"]["draws"] = draws
    with pytest.raises(UsageError, match="model: "):
        model_from_dict(stored)
