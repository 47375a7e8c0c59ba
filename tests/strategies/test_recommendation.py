"""How often the recommendation is right, on companies whose truth is known (``benchmarks/recommendation.py``)."""

import numpy as np
import pytest
from benchmarks.recommendation import KINDS, Verdict, rates, run


@pytest.mark.slow
def test_recommendations_are_rarely_wrong_often_made_and_not_made_of_ties():
    found = run(repetitions=20)
    assert found["promotion: wrong"] <= 0.05
    assert found["expectation: wrong"] <= 0.05
    assert np.mean([found["promotion: decided"], found["expectation: decided"]]) >= 0.5
    assert found["tie: decided"] <= 0.2


def test_rates_count_what_was_said_of_each_kind():
    said = [("promotion", "promotion"), ("promotion", None), ("expectation", "promotion"), ("tie", None)]
    found = rates([Verdict(kind, name, kind) for kind, name in said])
    assert (found["promotion: decided"], found["promotion: wrong"]) == (0.5, 0.0)
    assert (found["expectation: decided"], found["expectation: wrong"]) == (1.0, 1.0)
    assert found["tie: decided"] == 0.0
    assert {each.partition(":")[0] for each in found} == set(KINDS)
