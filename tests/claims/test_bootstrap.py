import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from analysis.claims.bootstrap import binned, lorenz_curve, rank_correlation_draws, top_share, top_share_draws


def test_the_share_of_the_top_is_that_of_its_sum_and_takes_part_of_a_customer_where_it_must():
    assert top_share(np.array([8.0, 1, 1, 0, 0]), 0.2) == pytest.approx(0.8)
    assert top_share(np.array([1.0, 1, 1, 1]), 0.2) == pytest.approx(0.2)
    assert top_share(np.array([3.0, 1, 0]), 0.5) == pytest.approx((3 + 0.5) / 4)


def test_binning_moves_the_share_by_nothing_that_matters():
    values = np.random.default_rng(1).lognormal(0, 1.7, 200_000)
    count, mean = binned(values)
    assert count.sum() == len(values)
    assert count @ mean == pytest.approx(values.sum())
    cumulative = np.cumsum(count * mean) / values.sum()
    assert np.interp(0.2, np.cumsum(count) / len(values), cumulative) == pytest.approx(top_share(values), abs=2e-5)


def test_ninety_percent_intervals_of_the_share_cover_a_known_truth():
    rng, covered = np.random.default_rng(2), 0
    truth = norm.cdf(1 - norm.ppf(0.8))
    for _ in range(200):
        low, high = np.quantile(top_share_draws(rng.lognormal(0, 1, 800), rng, draws=200), [0.05, 0.95])
        covered += low <= truth <= high
    assert 165 <= covered <= 194


def test_binned_draws_are_as_wide_as_those_of_single_customers(monkeypatch):
    values = np.random.default_rng(3).lognormal(0, 1, 10_000)
    coarse = top_share_draws(values, np.random.default_rng(4))
    monkeypatch.setattr("analysis.claims.bootstrap.SINGLE", len(values))
    fine = top_share_draws(values, np.random.default_rng(4), draws=500)
    assert coarse.std() == pytest.approx(fine.std(), rel=0.12)
    assert coarse.mean() == pytest.approx(fine.mean(), abs=fine.std() / 5)


def test_the_lorenz_curve_runs_from_none_to_all_and_never_falls_below_equality():
    customers, revenue = lorenz_curve(np.random.default_rng(5).exponential(1, 1_000))
    assert (revenue[0], revenue[-1]) == (0, pytest.approx(1))
    assert np.all(revenue >= customers - 1e-12)


def test_the_rank_correlation_of_one_group_is_spearmans_ties_included():
    rng = np.random.default_rng(6)
    x, y = rng.integers(0, 10, 500), rng.integers(0, 10, 500)
    estimate, _ = rank_correlation_draws(x, x + y, np.zeros(500), rng, draws=0)
    assert estimate == pytest.approx(spearmanr(x, x + y).statistic)


def test_a_difference_between_groups_alone_is_no_correlation():
    rng = np.random.default_rng(7)
    group = np.repeat(np.arange(10), 300)
    x, y = group + 0.1 * rng.random(3_000), group + 0.1 * rng.random(3_000)
    estimate, drawn = rank_correlation_draws(x, y, group, rng, draws=400)
    assert np.quantile(drawn, 0.005) < 0 < np.quantile(drawn, 0.995)
    assert abs(estimate) < 0.06


def test_draws_of_the_rank_correlation_are_as_wide_as_over_repeated_samples():
    rng = np.random.default_rng(8)

    def sample():
        x = rng.standard_normal(400)
        return x, x + rng.standard_normal(400)

    repeated = [rank_correlation_draws(*sample(), np.zeros(400), rng, draws=0)[0] for _ in range(300)]
    drawn = [rank_correlation_draws(*sample(), np.zeros(400), rng, draws=200)[1].std() for _ in range(20)]
    assert np.mean(drawn) == pytest.approx(np.std(repeated), rel=0.12)
