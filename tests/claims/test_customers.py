"""Claims about the best, the oldest and the returning customers, on companies of which it is known what is true."""

import numpy as np
import pytest
from scipy.stats import norm
from scipy.stats import t as student_t
from tests.claims.companies import cohorts, company, heavy_buyers_stay, loyal_customers, orders

from analysis.claims import Outcome
from analysis.claims import customers as module
from analysis.claims.customers import slope_over_cohorts, top_share, top_share_draws


def verdict_of(claim, workdir, frame):
    return getattr(company(workdir, frame), claim)


class TestShareOfTheBest:
    def test_it_is_that_of_the_sum_and_takes_part_of_a_customer_where_it_must(self):
        assert top_share(np.array([8.0, 1, 1, 0, 0])) == pytest.approx(0.8)
        assert top_share(np.array([1.0, 1, 1, 1])) == pytest.approx(0.2)
        assert top_share(np.array([3.0, 1, 0]), 0.5) == pytest.approx((3 + 0.5) / 4)

    def test_ninety_percent_intervals_cover_a_known_truth(self):
        rng, covered = np.random.default_rng(2), 0
        truth = norm.cdf(1 - norm.ppf(0.8))
        for _ in range(200):
            low, high = np.quantile(top_share_draws(rng.lognormal(0, 1, 800), rng, draws=200)[1:], [0.05, 0.95])
            covered += low <= truth <= high
        assert 165 <= covered <= 194

    @staticmethod
    def lognormal_company(share, seed, customers=20_000):
        """Lognormal customers whose best fifth bring ``share``: two orders before the holdout and one in it."""
        rng = np.random.default_rng(seed)
        spread = norm.ppf(share) + norm.ppf(0.8)
        first = np.exp(spread * rng.standard_normal(customers))
        who = np.tile(np.arange(customers), 3)
        day = np.repeat([0, 30, 260], customers) + who % 40
        return orders(who, day, 100 * np.concatenate([first / 2, first / 2, first]))

    @pytest.mark.parametrize(("share", "outcome"), [(0.80, Outcome.SUPPORTED), (0.5, Outcome.CONTRADICTED)])
    def test_the_claim_is_true_where_a_fifth_brings_four_fifths_and_false_for_half(self, tmp_path, share, outcome):
        found = verdict_of("twenty_bring_eighty", tmp_path, self.lognormal_company(share, 1))
        assert found.estimate.lower - 0.01 < share < found.estimate.upper + 0.01
        assert found.verdict is outcome

    def test_a_handful_of_customers_says_nothing(self, tmp_path):
        found = verdict_of("twenty_bring_eighty", tmp_path, self.lognormal_company(0.6, 6, 40))
        assert found.reason.code == "claim.reason.too_few_spenders"


class TestRankCorrelation:
    @staticmethod
    def lasting(corr, seed, customers=3_000):
        """Length of the first year's relationship and spend of the next half year, related as told."""
        rng = np.random.default_rng(seed)
        birth = rng.integers(0, 90, customers)
        pull = rng.standard_normal(customers)
        last = birth + 1 + (250 * 1 / (1 + np.exp(-pull))).astype(int)
        later = np.exp(corr * pull + np.sqrt(1 - corr**2) * rng.standard_normal(customers))
        who = np.tile(np.arange(customers), 3)
        day = np.concatenate([birth, last, np.full(customers, 500) + rng.integers(0, 30, customers)])
        return orders(who, day, 20 * np.concatenate([np.ones(2 * customers), later]))

    def test_long_relationships_that_bring_more_afterwards_support_the_claim(self, tmp_path):
        found = verdict_of("longer_more_profitable", tmp_path, self.lasting(0.5, 5))
        assert found.estimate.estimate == pytest.approx(0.48, abs=0.05)
        assert found.verdict is Outcome.SUPPORTED

    def test_the_part_that_both_sides_share_does_not_count(self, tmp_path):
        found = verdict_of("longer_more_profitable", tmp_path, self.lasting(0.0, 6))
        assert found.verdict is Outcome.CONTRADICTED
        assert "correlation" in found.details[0].values

    def test_nothing_spent_in_the_holdout_says_nothing(self, tmp_path):
        frame = self.lasting(0.0, 7, customers=500)
        frame.loc[frame["date"] > np.datetime64("2021-04-01"), "amount"] = 0.0
        assert verdict_of("longer_more_profitable", tmp_path, frame).reason.code == "claim.reason.too_few_spenders"


class TestCustomersOfThreeYears:
    @pytest.mark.parametrize(("growth", "seed", "size", "outcome"), [
        (0.67, 1, 3_000, Outcome.SUPPORTED), (0.0, 2, 400, Outcome.CONTRADICTED),
    ])  # fmt: skip
    def test_spending_that_grows_by_two_thirds_supports_the_claim_and_one_that_stays_does_not(
        self, tmp_path, growth, seed, size, outcome
    ):
        found = verdict_of("long_standing_spend_more", tmp_path, loyal_customers(growth, seed, size))
        assert found.estimate.estimate == pytest.approx(growth, abs=0.05)
        assert found.verdict is outcome

    def test_survivors_who_always_spent_more_do_not_make_it_true(self, tmp_path):
        found = verdict_of("long_standing_spend_more", tmp_path, heavy_buyers_stay(seed=3))
        assert abs(found.estimate.estimate) < 0.2
        assert found.verdict is Outcome.CONTRADICTED

    def test_data_of_two_years_are_too_short(self, tmp_path):
        found = verdict_of("long_standing_spend_more", tmp_path, loyal_customers(0.5, seed=4, years=1.5))
        assert found.reason.code == "claim.reason.too_short_for_three_years"


class TestRepeatShareOfCohorts:
    @pytest.mark.parametrize(("ratio", "seed", "outcome"), [
        (1.5, 1, Outcome.SUPPORTED), (1.0, 2, Outcome.CONTRADICTED),
    ])  # fmt: skip
    def test_a_line_that_brings_half_as_much_again_supports_it_and_a_flat_one_not(self, tmp_path, ratio, seed, outcome):
        found = verdict_of("forty_percent_repeat", tmp_path, cohorts(ratio, seed))
        assert found.estimate.estimate == pytest.approx(ratio - 1, abs=0.03)
        assert found.verdict is outcome

    def test_cohorts_that_differ_by_chance_alone_and_three_of_them_are_no_evidence(self, tmp_path):
        reason = verdict_of("forty_percent_repeat", tmp_path, cohorts(1.5, seed=3, differ=False)).reason
        assert reason.code == "claim.reason.cohorts_alike"
        assert reason.values["low"] < 0.3 < reason.values["high"]
        reason = verdict_of("forty_percent_repeat", tmp_path, cohorts(1.5, seed=4, months=3)).reason
        assert (reason.code, reason.values["cohorts"]) == ("claim.reason.one_cohort", 3)

    def test_intervals_of_the_slope_cover_the_truth_although_shares_and_revenues_share_their_errors(self):
        rng, covered, months = np.random.default_rng(6), 0, 12
        share = np.linspace(0.2, 0.4, months)
        for _ in range(200):
            frequency = rng.random((months, 400)) < share[:, None]
            # A customer who comes back brings twice as much; months differ in nothing else.
            revenue = (1.0 + frequency) * rng.gamma(10, 0.1, frequency.shape)
            mean = revenue.mean(axis=1)
            pairs = zip(frequency, revenue, mean, strict=True)
            noise = np.array([np.cov(x.astype(float), y / m) / 400 for x, y, m in pairs])
            slope, error = slope_over_cohorts(module.Cohorts(frequency.mean(axis=1), mean, noise))
            truth = np.polyfit(share, np.log1p(share), 1)[0]
            covered += abs(slope - truth) < student_t(months - 1).ppf(0.95) * error
        assert 165 <= covered <= 194
