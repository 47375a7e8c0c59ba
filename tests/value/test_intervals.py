import pytest
from scipy.stats import beta, gamma

from analysis.value.intervals import count_interval, share_interval


def test_a_share_has_the_interval_of_the_posterior_under_jeffreys_prior():
    found = share_interval(7, 20, 0.9)
    assert found.estimate == 0.35
    assert (found.lower, found.upper) == pytest.approx(tuple(beta(7.5, 13.5).ppf([0.05, 0.95])))


@pytest.mark.parametrize(("part", "ends"), [(0, (0.0, None)), (20, (None, 1.0))])
def test_none_and_all_are_inside_their_own_interval(part, ends):
    found = share_interval(part, 20, 0.9)
    assert found.lower <= found.estimate <= found.upper
    assert ends in {(found.lower, None), (None, found.upper)}


def test_a_count_of_zero_starts_at_zero():
    found = count_interval(0, 0.9)
    assert (found.estimate, found.lower) == (0, 0)
    assert found.upper == pytest.approx(gamma(0.5).ppf(0.95))
