import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.claims.rule import Outcome, error_of, outcome_of

PROBABILITY = st.floats(0, 1)


def test_a_claim_is_supported_only_where_every_model_gives_it_ninety_five_percent():
    assert outcome_of({"BG/NBD": 0.95, "MBG/NBD": 0.99}) is Outcome.SUPPORTED
    assert outcome_of({"BG/NBD": 0.9499, "MBG/NBD": 0.99}) is Outcome.DEPENDS


def test_a_claim_is_contradicted_only_where_every_model_gives_it_at_most_five_percent():
    assert outcome_of({"BG/NBD": 0.05, "MBG/NBD": 0.0}) is Outcome.CONTRADICTED
    assert outcome_of({"BG/NBD": 0.0501, "MBG/NBD": 0.0}) is Outcome.DEPENDS


def test_models_that_are_sure_of_opposite_things_are_not_averaged():
    split = {"BG/NBD": 0.999, "MBG/NBD": 0.001}
    assert outcome_of(split) is Outcome.DEPENDS
    assert error_of(split) == pytest.approx(0.999)


def test_the_error_is_that_of_the_model_that_doubts_most():
    assert error_of({"a": 0.99, "b": 0.97}) == pytest.approx(0.03)
    assert error_of({"a": 0.01, "b": 0.04}) == pytest.approx(0.04)


@given(st.dictionaries(st.text(min_size=1), PROBABILITY, min_size=1))
def test_a_verdict_is_clear_exactly_where_its_error_is_small(probabilities):
    clear = outcome_of(probabilities) in {Outcome.SUPPORTED, Outcome.CONTRADICTED}
    assert clear == (error_of(probabilities) <= 0.05 + 1e-12)


def test_a_clear_verdict_can_become_open_by_the_correction_and_never_the_other_way():
    assert outcome_of({"data": 0.97}, error=0.06) is Outcome.DEPENDS
    assert outcome_of({"data": 0.97}, error=0.04) is Outcome.SUPPORTED
    assert outcome_of({"data": 0.02}, error=0.04) is Outcome.CONTRADICTED
