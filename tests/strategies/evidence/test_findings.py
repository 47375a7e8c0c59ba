import pytest

from analysis.interval import Interval
from analysis.strategies.evidence.findings import verdict_of

EFFECT, CLEAN = Interval(1.0, 0.6, 1.4, 0.9), Interval(0.1, -0.3, 0.5, 0.9)


@pytest.mark.parametrize(("effect", "placebo", "sign", "verdict"), [
    (EFFECT, CLEAN, 0, "estimate"),
    (EFFECT, CLEAN, 1, "estimate"),
    (EFFECT, CLEAN, -1, "opposite"),
    (EFFECT, Interval(0.45, 0.05, 0.85, 0.9), 0, "association"),  # does not hold 0
    (EFFECT, Interval(0.6, -0.1, 0.95, 0.9), 0, "association"),  # more than half the estimate
    (EFFECT, Interval(0.1, -1.0, 1.2, 0.9), 0, "association"),  # too blunt to show a fault
    (EFFECT, None, 0, "association"),
    (Interval(0.1, -0.1, 0.3, 0.9), Interval(0.0, -0.01, 0.01, 0.9), 0, "nothing"),
])  # fmt: skip
def test_only_a_clean_placebo_makes_an_estimate_of_an_effect_that_is_there_with_the_right_sign(
    effect, placebo, sign, verdict
):
    assert verdict_of(effect, placebo, expected_sign=sign) == verdict
