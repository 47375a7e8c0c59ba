import pytest

from analysis.interval import Interval
from analysis.strategies.evidence.findings import verdict_of

EFFECT = Interval(1.0, 0.6, 1.4, 0.9)


@pytest.mark.parametrize(
    ("placebo", "verdict"),
    [
        (Interval(0.1, -0.3, 0.5, 0.9), "estimate"),
        (Interval(0.45, 0.05, 0.85, 0.9), "association"),
        (Interval(0.6, -0.1, 0.95, 0.9), "association"),
        (Interval(0.1, -1.0, 1.2, 0.9), "association"),
        (None, "association"),
    ],
    ids=["clean", "does not hold 0", "more than half the estimate", "too blunt to show a fault", "none"],
)
def test_only_a_clean_placebo_makes_an_estimate(placebo, verdict):
    assert verdict_of(EFFECT, placebo) == verdict


def test_an_interval_that_holds_nothing_is_nothing_whatever_the_placebo():
    assert verdict_of(Interval(0.1, -0.1, 0.3, 0.9), Interval(0.0, -0.01, 0.01, 0.9)) == "nothing"


def test_a_clean_effect_of_the_wrong_sign_is_said_to_be_opposite():
    clean = Interval(0.1, -0.3, 0.5, 0.9)
    assert verdict_of(EFFECT, clean, expected_sign=-1) == "opposite"
    assert verdict_of(EFFECT, clean, expected_sign=1) == "estimate"
