import numpy as np
import pytest
from scipy.special import betaln

from analysis.models.quadrature import beta_rule


@pytest.mark.parametrize(("a", "b"), [(0.2, 0.3), (1.0, 1.0), (0.8, 2.4), (3.0, 700.0), (0.5, 0.5)])
def test_moments_of_the_beta_distribution_are_exact(a, b):
    p, weight = beta_rule(a, b)
    assert weight.sum() == pytest.approx(1)
    for power in (1, 2, 5):
        assert weight @ p**power == pytest.approx(np.exp(betaln(a + power, b) - betaln(a, b)), rel=1e-9)
