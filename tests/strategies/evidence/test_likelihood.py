import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import betaln, expit, logit
from scipy.stats import beta
from scipy.stats import gamma as gamma_distribution

from analysis.strategies.evidence.encounters import Intervals, gaps
from analysis.strategies.evidence.likelihood import JointLikelihood, dropout_nodes

POINT = np.array([0.1, 0.2, 0.3, 0.5, 1.0, 0.6, -0.4, 0.1, 0.2, 0.3, 0.2])


@pytest.fixture(scope="module")
def likelihood():
    rng = np.random.default_rng(1)
    count = rng.integers(1, 8, 40)
    n = int(count.sum())
    is_open = np.isin(np.arange(n), np.cumsum(count) - 1)
    intervals = Intervals(np.arange(n), rng.exponential(1, n), is_open, rng.normal(size=n))
    met = rng.normal(0, 0.2, n)
    return JointLikelihood(intervals, lambda kappa: gaps(met, intervals.first, intervals.count, kappa, 0.0), (0.5, 3.0))


@pytest.mark.slow
def test_a_customers_likelihood_is_the_integral_over_rate_and_dropout(likelihood):
    r, alpha = np.exp(POINT[:2])
    surplus, shortfall = likelihood.felt(expit(POINT[6]))
    response, every = surplus - np.exp(POINT[5]) * shortfall, likelihood.intervals
    log_pace = POINT[3] * response + POINT[7:10] @ [every.basket, every.usual(surplus), every.usual(shortfall)]
    stays = POINT[4] * response + POINT[10] * every.basket - POINT[2]
    customer = int(np.flatnonzero(likelihood.intervals.count == 2)[0])
    rows = slice(likelihood.intervals.first[customer], likelihood.intervals.first[customer] + 2)
    weeks = likelihood.intervals.weeks[rows]

    def density(rate, dropout):
        leave, pace = expit(logit(dropout) - stays[rows]), rate * np.exp(log_pace[rows])
        ordered = np.prod((1 - leave[:-1]) * pace[:-1] * np.exp(-pace[:-1] * weeks[:-1]))
        silent = leave[-1] + (1 - leave[-1]) * np.exp(-pace[-1] * weeks[-1])
        return ordered * silent * gamma_distribution.pdf(rate, r, scale=1 / alpha) * beta.pdf(dropout, 0.5, 3.0)

    whole = np.log(dblquad(density, 1e-12, 1 - 1e-9, 0, 60)[0])
    without_survival = betaln(0.5, 3.0 + 1) - betaln(0.5, 3.0)
    assert likelihood._parts(POINT)[0][customer] + without_survival == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize(("a", "b"), [(0.3, 0.7), (0.3, 5.0), (1.0, 1.0), (0.29, 421.6), (50.0, 1_000.0)])
def test_the_nodes_have_the_moments_of_the_dropout(a, b):
    survived = np.array([0, 3, 600, 1_100])
    odds, weight = dropout_nodes(a, b, survived)
    for power in (0, 1, 3):
        expected = [beta.moment(power, a, b + m) if power else 1.0 for m in survived]
        assert np.allclose((np.exp(weight) * expit(odds) ** power).sum(axis=1), expected, rtol=1e-6)
