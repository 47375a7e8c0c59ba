from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import nbinom

from analysis.claims import Range
from analysis.claims.permanence import log_likelihood_without_dropout, some_customers_leave
from analysis.claims.rule import Outcome, outcome_of
from analysis.models.estimate import MODELS
from analysis.models.patterns import collapse

SOME = Range(0.0, 1.0)


def customers_who_never_leave(n, seed, span=80.0):
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.8, 1 / 10.0, n)
    x = rng.poisson(rate * span)
    last = np.where(x > 0, span * rng.beta(np.maximum(x, 1), 1), 0.0)
    return collapse(x, last, np.full(n, span))


def test_without_dropout_the_likelihood_is_the_limit_of_every_model():
    patterns = customers_who_never_leave(3_000, 1)
    best = log_likelihood_without_dropout(patterns)
    r, alpha = 0.8, 10.0
    for model, params in (
        (MODELS["BG/NBD"], (r, alpha, 1e-7, 5.0)),
        (MODELS["MBG/NBD"], (r, alpha, 1e-7, 5.0)),
        (MODELS["Pareto/NBD"], (r, alpha, 1e-7, 5.0)),
    ):
        at_truth = patterns.total(model.log_likelihood(model.Params(*params), *patterns.history))
        assert at_truth <= best + 1e-3
        assert at_truth == pytest.approx(best, abs=8)


def test_it_differs_from_the_counts_alone_by_when_orders_came():
    patterns = customers_who_never_leave(2_000, 2)
    x, _, age = patterns.history
    r, alpha = 0.8, 10.0
    counts = nbinom(r, alpha / (alpha + age)).logpmf(x)
    timing = patterns.total(np.array([np.sum(np.log(np.arange(1, each + 1))) for each in x]) - x * np.log(age))
    assert log_likelihood_without_dropout(patterns) >= patterns.total(counts) + timing - 1e-6


def test_in_days_the_likelihood_is_that_in_weeks_but_for_the_unit():
    weeks = customers_who_never_leave(500, 3)
    days = replace(weeks, recency=weeks.recency * 7, T=weeks.T * 7)
    unit = weeks.total(weeks.frequency.astype(float)) * np.log(7)
    assert log_likelihood_without_dropout(days) == pytest.approx(log_likelihood_without_dropout(weeks) - unit, abs=1e-4)


def test_a_company_that_customers_leave_supports_the_claim_under_every_model(sample_evidence):
    found = some_customers_leave(sample_evidence("simulated"), SOME)
    assert outcome_of(found.probabilities) is Outcome.SUPPORTED
    lost = found.estimates["BG/NBD"]
    # .236 with the true parameters; days are rounded down in the sample.
    assert lost.estimate == pytest.approx(0.236, abs=0.02)


def test_a_gain_that_is_not_worth_two_parameters_speaks_for_nobody_leaving(sample_evidence):
    evidence = sample_evidence("simulated")
    without = (
        evidence.purchase.primary.log_likelihood - some_customers_leave(evidence, SOME).details[0].numbers["ratio"] / 2
    )
    fits = [replace(fit, log_likelihood=without + 1.0) for fit in evidence.purchase.fits]
    purchase = SimpleNamespace(
        fits=fits,
        primary=fits[0],
        posterior=evidence.purchase.posterior,
        challenger_posteriors=evidence.purchase.challenger_posteriors,
        not_identified={},
    )
    found = some_customers_leave(replace(evidence, purchase=purchase), SOME)
    assert all(probability == pytest.approx(1 / (1 + 5_000 / np.e)) for probability in found.probabilities.values())
    assert outcome_of(found.probabilities) is Outcome.CONTRADICTED
