import numpy as np
import pandas as pd
import pytest

from analysis.data import CustomerSummary
from analysis.models.gamma_gamma import GammaGamma, fit_gamma_gamma, to_free, total_log_likelihood
from analysis.models.lifetimes_fits import GammaGammaFitter
from analysis.models.spend import FrequencyEffect, Spending, SpendParams
from analysis.models.spend_choice import fit_spend, spend_dependence


def _summary(frequency, mean_value):
    x, m = np.asarray(frequency), np.asarray(mean_value, dtype=float)
    known = {"orders": x + 1, "frequency": x, "recency_days": np.where(x > 0, 10.0, 0.0), "T_days": 100.0}
    table = pd.DataFrame(known | {"mean_repeat_value": np.where(x > 0, m, np.nan)})
    return CustomerSummary(table.assign(customer_id=table.index.astype(str)), None, has_money=True)


def _simulated(n, p, q, v, seed):
    rng = np.random.default_rng(seed)
    x = 1 + rng.poisson(2, n)
    return x, rng.gamma(p * x) / (rng.gamma(q, size=n) / v) / x


def test_likelihood_and_expectation_agree_with_lifetimes():
    x, m = _simulated(50, 6.25, 3.74, 15.44, seed=1)
    params = SpendParams(6.25, 3.74, 15.44)
    theirs = GammaGammaFitter()
    logs = np.log(np.array(params))
    their_total = -theirs._negative_log_likelihood(logs, x, m, np.ones(50), 0) * 50
    assert total_log_likelihood(Spending(x, m))(to_free(params)) == pytest.approx(their_total, rel=1e-12)
    theirs.params_ = pd.Series(params._asdict())
    assert params.expected(x, m) == pytest.approx(theirs.conditional_expected_average_profit(x, m))


def test_truth_is_recovered_and_the_fit_does_not_depend_on_the_currency():
    x, m = _simulated(20_000, 6.25, 3.74, 15.44, seed=2)
    euros = fit_gamma_gamma(Spending(x, m), seed=1)
    cents = fit_gamma_gamma(Spending(x, m * 100), seed=1)
    for name, truth in zip("pqv", (6.25, 3.74, 15.44), strict=True):
        assert abs(euros.parameters[name] - truth) < 4 * euros.standard_errors[name]
    assert cents.parameters["v"] == pytest.approx(100 * euros.parameters["v"], rel=1e-5)


def test_a_coarse_start_does_not_move_the_fit():
    """Above 4,000 customers the optimiser starts from rounded values; the end must not know."""
    x, m = _simulated(6_000, 6.25, 3.74, 15.44, seed=3)
    theirs = GammaGammaFitter().fit(x, m)
    ours = fit_gamma_gamma(Spending(x, m), seed=1)
    for name in "pqv":
        assert ours.parameters[name] == pytest.approx(theirs.params_[name], rel=1e-3)
    assert ours.log_likelihood >= -theirs._negative_log_likelihood_ * x.size - 1e-6


@pytest.mark.parametrize(("spenders", "reason"), [(40, "same_value"), (5, "few_spenders")])
def test_where_the_data_do_not_identify_the_model_a_stated_fallback_takes_its_place(spenders, reason):
    x = np.where(np.arange(40) < spenders, 2, 0)
    result = fit_spend(_summary(x, np.full(40, 25.0)), seed=1)
    assert (result.reason.code, result.model, result.posterior) == (f"spend.reason.{reason}", "constant", None)
    assert result.mean_order_value > 0


def test_spenders_who_do_not_differ_are_told_from_those_who_do():
    rng = np.random.default_rng(4)
    x = 1 + rng.poisson(3, 800)
    alike = fit_spend(_summary(x, rng.gamma(4 * x) / x), seed=1)
    differ = fit_spend(_summary(x, rng.gamma(4, size=800)), seed=1)
    apart = [np.ptp(each.order_values(np.array([3, 3]), np.array([2.0, 6.0]))) for each in (alike, differ)]
    assert apart[0] < 0.5 < 1 < apart[1]


def test_repeat_orders_worth_nothing_are_left_out_and_counted():
    x, m = _simulated(200, 6.25, 3.74, 15.44, seed=5)
    m[:7] = 0.0
    result = fit_spend(_summary(x, m), seed=1)
    assert (result.customers, result.left_out) == (193, 7)


def test_where_gamma_gamma_misses_the_mean_of_the_data_credibility_takes_its_place():
    rng = np.random.default_rng(7)
    x = 1 + rng.poisson(1.0, 1_500)
    level = rng.lognormal(3.0, 1.0, x.size)
    m = np.array([np.mean(each * rng.lognormal(-0.125, 0.5, count)) for each, count in zip(level, x, strict=True)])
    result = fit_spend(_summary(x, m), seed=1)
    assert (result.model, result.reason.code) == ("credibility", "spend.reason.mean_far_off")
    assert result.mean_order_value == pytest.approx(m.mean(), rel=0.05)


def test_order_values_that_go_with_the_number_of_orders_are_forecast_by_it():
    x, m = _simulated(2_000, 6.25, 3.74, 15.44, seed=8)
    effect = FrequencyEffect(slope=0.5, typical=4.0)
    plain, moved = (fit_spend(_summary(x, m), seed=1), GammaGamma().fit(_summary(x, m * effect.relative(x)), 1, effect))
    assert moved.parameters == pytest.approx(plain.parameters, rel=1e-4)
    assert moved.order_values(x, m * effect.relative(x)) == pytest.approx(
        effect.relative(x) * plain.order_values(x, m), rel=1e-4
    )
    assert moved.order_values(np.array([0]), np.array([np.nan])) == pytest.approx(
        0.5 * plain.mean_order_value, rel=1e-4
    )


def test_no_money_no_spend_model():
    summary = _summary([1, 2], [3.0, 4.0])
    assert fit_spend(CustomerSummary(summary.table, summary.observation_end, has_money=False), seed=1) is None


def test_independent_spend_is_called_independent_and_dependent_spend_is_not():
    rng = np.random.default_rng(6)
    x = 1 + rng.poisson(3, 3_000)
    independent = spend_dependence(Spending(x, rng.gamma(4 * x) / x), 0.9)
    dependent = spend_dependence(Spending(x, rng.gamma(4 * x) / x * x**0.3), 0.9)
    assert independent["change_per_doubling"].lower < 0.03
    assert dependent["verdict"] == "dependent"
    change = dependent["change_per_doubling"]
    assert change.lower < 2**0.3 - 1 < change.upper


def test_few_customers_are_seldom_called_dependent_where_they_are_not():
    rng, held = np.random.default_rng(3), 0
    for _ in range(200):
        x = 1.0 + rng.negative_binomial(0.6, 0.2, 12)
        change = spend_dependence(Spending(x, rng.gamma(6.25 * x) / x / rng.gamma(3.74, size=12)), 0.9)
        held += change is None or change["change_per_doubling"].lower <= 0 <= change["change_per_doubling"].upper
    assert held >= 170, held


def test_one_customer_alone_does_not_tell_whether_values_go_with_the_number_of_orders():
    x = np.append(np.ones(11), 5.0)
    assert spend_dependence(Spending(x, 10 + np.arange(12.0)), 0.9) is None
