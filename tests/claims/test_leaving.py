"""Claims about ties and leaving, on companies of which it is known what is true."""

from dataclasses import replace

import numpy as np
import pytest
from tests.claims.companies import company, orders

from analysis.claims import Outcome, claim_step, leaving
from analysis.claims.leaving import NEVER, log_likelihood_of_falling_rates, log_likelihood_without_dropout, next_orders
from analysis.data import PurchaseTruth, simulate_transactions
from analysis.data.simulation import rounds_of_orders
from analysis.models.patterns import Patterns, collapse, patterns_of
from analysis.models.registry import MODELS
from analysis.time import TimeUnit, units_per_year


class TestTies:
    def test_an_order_whose_window_is_not_over_counts_for_nothing_whatever_came(self):
        days = np.array([[0, 10, NEVER], [0, 95, NEVER], [60, 70, NEVER]])
        trials, hits = next_orders(days, window=30, end=100)
        assert trials.tolist() == [3, 2]
        assert hits.tolist() == [2, 0]

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["BG/NBD", "MBG/NBD", "Pareto/NBD"])
    def test_simulated_companies_order_as_those_simulated_order_by_order(self, name, sample_study):
        """The next orders that a model's own draws give, beside a simulation that goes from order to order."""
        fit, end, births = sample_study("cdnow").fits[name], 545, np.repeat(np.arange(90), 200)
        rng, n = np.random.default_rng(3), len(births)
        days = np.full((n, leaving.MOST_ORDERS + 1), NEVER)
        days[:, 0] = births
        moments = births + rng.random(n)
        turns = rounds_of_orders(rng, n, PurchaseTruth(*fit.params, model=name), (end + 1 - moments) / 7)
        for place, (who, times) in zip(range(1, leaving.MOST_ORDERS + 1), turns, strict=False):
            days[who, place] = moments[who] + 7 * times
        trials, hits = next_orders(days, 136, end)
        others, came = next_orders(
            leaving.simulated_days(fit, fit.params, births, np.datetime64("2020-01-01"), end, rng), 136, end
        )
        share, other = hits / trials, came / others
        assert np.all(np.abs(share - other) < 4 * np.sqrt(share * (1 - share) * (1 / trials + 1 / others)))
        assert np.all(np.abs(trials - others) < 5 * np.sqrt(trials + others))

    @staticmethod
    def changing(factor, seed, customers=2_500, most=150):
        """BG/NBD customers, but each of the first five repeat orders multiplies their order rate by ``factor``."""
        rng = np.random.default_rng(seed)
        days, pace = np.full((customers, most), np.inf), 7.0 / rng.gamma(1.0, 1 / 20.0, customers)
        dropout, alive = rng.beta(0.8, 3.0, customers), np.ones(customers, dtype=bool)
        days[:, 0] = rng.uniform(0, 365, customers)
        for place in range(1, most):
            gap = rng.standard_exponential(customers) * pace / factor ** min(place - 1, 5)
            days[:, place] = np.where(alive, days[:, place - 1] + gap, np.inf)
            alive &= rng.random(customers) >= dropout
        kept = days < 730
        return orders(np.nonzero(kept)[0], days[kept].astype(int), np.full(kept.sum(), 20.0))

    def verdict_on(self, tmp_path, frame):
        return company(tmp_path, frame, data={"holdout_weeks": 0}).more_orders_stronger_tie

    @pytest.mark.slow
    def test_customers_whom_no_order_changes_leave_the_claim_open(self, tmp_path):
        found = self.verdict_on(tmp_path, simulate_transactions(2_500, seed=11))
        assert 0.02 < found.probabilities["BG/NBD"] < 0.98
        assert found.verdict is Outcome.DEPENDS
        assert len(found.details) == 1 + 3

    @pytest.mark.slow
    def test_customers_who_order_faster_after_every_order_support_it_where_they_leave_at_orders(self, tmp_path):
        """Pareto/NBD, in which all leave alike here, explains the faster orders by differences between customers."""
        found = self.verdict_on(tmp_path, self.changing(1.6, seed=12))
        assert min(found.probabilities[name] for name in ("BG/NBD", "MBG/NBD")) > 0.95
        assert found.verdict is Outcome.DEPENDS

    @pytest.mark.slow
    def test_customers_who_tire_with_every_order_contradict_it(self, tmp_path):
        found = self.verdict_on(tmp_path, self.changing(0.85, seed=12, customers=4_000))
        assert found.verdict is Outcome.CONTRADICTED

    def test_too_few_orders_say_nothing(self, tmp_path):
        found = self.verdict_on(tmp_path, simulate_transactions(60, seed=14, purchases=PurchaseTruth(1, 9, 1, 3)))
        assert found.reason.code == "claim.reason.too_few_orders"


class TestSomeLeave:
    @staticmethod
    def customers_who_never_leave(n, seed, span=80.0):
        rng = np.random.default_rng(seed)
        rate = rng.gamma(0.8, 1 / 10.0, n)
        x = rng.poisson(rate * span)
        last = np.where(x > 0, span * rng.beta(np.maximum(x, 1), 1), 0.0)
        return collapse(x, last, np.full(n, span))

    @pytest.mark.parametrize("name", ["BG/NBD", "MBG/NBD", "Pareto/NBD"])
    def test_without_dropout_the_likelihood_is_the_limit_of_every_model(self, name):
        patterns, model = self.customers_who_never_leave(3_000, 1), MODELS[name]
        best = log_likelihood_without_dropout(patterns)
        at_truth = patterns.total(model.log_likelihood(model.Params(0.8, 10.0, 1e-7, 5.0), *patterns.history))
        assert at_truth <= best + 1e-3
        assert at_truth == pytest.approx(best, abs=8)

    @pytest.fixture(scope="class")
    def study(self, tmp_path_factory, few_proposals):
        frame = simulate_transactions(2_500, purchases=PurchaseTruth(1.0, 8.0, 0.8, 2.5), seed=11)
        return company(tmp_path_factory.mktemp("leaves"), frame, data={"holdout_weeks": 0})

    def test_a_company_that_customers_leave_supports_the_claim_under_every_model(self, study):
        found = study.keeping_everyone_is_a_myth
        assert found.verdict is Outcome.SUPPORTED
        bgnbd = MODELS["BG/NBD"]
        truth = 1 - bgnbd.survival(bgnbd.Params(1.0, 8.0, 0.8, 2.5), units_per_year(TimeUnit.WEEK))
        assert found.estimates["BG/NBD"].estimate == pytest.approx(truth, abs=0.04)

    def test_a_gain_that_is_not_worth_two_parameters_speaks_for_nobody_leaving(self, study):
        without = log_likelihood_without_dropout(patterns_of(study.orders.histories, study.fits.primary.clock))
        fits = replace(study.fits, fits=tuple(replace(fit, log_likelihood=without + 1.0) for fit in study.fits))
        step = claim_step("keeping_everyone_is_a_myth")
        found = step(orders=study.orders, fits=fits, retention=study.retention)
        # Rates that fall for all may explain it better still.
        assert all(chance <= 1 / (1 + 5_000 / np.e) for chance in found.probabilities.values())
        assert found.verdict is Outcome.CONTRADICTED


def test_rates_that_fall_alike_for_all_are_told_from_rates_that_stay():
    """Nobody leaves here: everybody orders ever less often, at one pace."""
    rng, age, halving = np.random.default_rng(1), 100.0, 30.0
    kappa, rates = np.log(2) / halving, rng.gamma(2.0, 1 / 10.0, 4_000)
    count = rng.poisson(rates * -np.expm1(-kappa * age) / kappa)
    last = np.array([(-np.log1p(rng.random(n) * np.expm1(-kappa * age)) / kappa).max(initial=0.0) for n in count])
    ones = np.ones(len(count))
    patterns = Patterns(count, last, age * ones, ones, np.arange(len(count)))
    assert log_likelihood_of_falling_rates(patterns) > log_likelihood_without_dropout(patterns) + 100
