import contextlib

import numpy as np
import pytest
from scipy.special import polygamma

from analysis.errors import NotIdentified
from analysis.models.fits import fit_all, fit_one, maximum
from analysis.models.fitting import WIDEST_SD
from analysis.models.lifetimes_fits import BetaGeoFitter, ModifiedBetaGeoFitter
from analysis.models.patterns import collapse, patterns_of
from analysis.models.registry import MODELS
from analysis.time import Clock, TimeUnit


@pytest.mark.parametrize(("name", "fitter"), [("BG/NBD", BetaGeoFitter), ("MBG/NBD", ModifiedBetaGeoFitter)])
def test_the_likelihood_is_never_below_the_one_that_lifetimes_finds(cdnow_39_weeks, cdnow_purchase, name, fitter):
    patterns = patterns_of(cdnow_39_weeks, Clock(TimeUnit.WEEK))
    theirs = fitter().fit(*patterns.history, weights=patterns.weight)
    found = np.log(theirs.params_.to_numpy())
    their_total = MODELS[name].total_log_likelihood(patterns)(found)
    assert cdnow_purchase[name].log_likelihood >= their_total - 1e-6


def patterns_of_rates(rng, rate, trials_until_left=None):
    """Histories over 50 weeks; with ``trials_until_left`` the orders after which each customer leaves."""
    orders = [np.sort(rng.uniform(0, 50, rng.poisson(each * 50))) for each in rate]
    if trials_until_left is not None:
        orders = [times[:last] for times, last in zip(orders, trials_until_left, strict=True)]
    x = np.array([times.size for times in orders])
    recency = np.array([times[-1] if times.size else 0.0 for times in orders])
    return collapse(x, recency, np.full(len(x), 50.0))


def of_those_who_stay(seed=4, customers=400):
    rng = np.random.default_rng(seed)
    return patterns_of_rates(rng, rng.gamma(2.0, 0.5, customers))


def test_customers_who_never_leave_do_not_identify_dropout_and_the_error_says_so():
    with pytest.raises(NotIdentified, match=r"BG/NBD: the data do not determine .*\ba\b") as caught:
        fit_one(MODELS["BG/NBD"], of_those_who_stay(), Clock(TimeUnit.WEEK), 1)
    assert caught.value.exit_code == 3
    assert "hardly anyone leaves" in str(caught.value)


@pytest.mark.parametrize("name", MODELS)
def test_where_nobody_ordered_twice_the_error_says_that_and_nothing_of_leaving(name):
    with pytest.raises(NotIdentified, match="nobody ordered twice") as caught:
        fit_one(MODELS[name], collapse(np.zeros(40), np.zeros(40), np.linspace(5, 50, 40)), Clock(TimeUnit.WEEK), 1)
    assert "leav" not in str(caught.value)


@pytest.mark.parametrize("name", MODELS)
def test_a_plateau_is_no_maximum(name):
    """Customers who never leave: the likelihood is flat in the dropout parameters, whatever its noise says."""
    with contextlib.suppress(NotIdentified):
        fit = fit_one(MODELS[name], of_those_who_stay(100, 300), Clock(TimeUnit.WEEK), 1)
        relative = np.array([fit.standard_errors[key] / value for key, value in fit.parameters.items()])
        # Where dropout is alike for all, its two parameters have no error, and the others have one.
        assert np.all(relative[:2] < WIDEST_SD)
        assert np.all(relative[2:] < WIDEST_SD) or (fit.dropout == "alike" and np.isnan(relative[2:]).all())


@pytest.mark.parametrize("orders", [np.ones(30), np.full(200, 11), np.array([0.0, 1.0])], ids=["one", "many", "few"])
def test_customers_who_do_not_differ_in_how_often_they_order_are_a_limit_and_no_refusal(orders):
    age = np.linspace(40, 50, len(orders))
    fit = fit_all(collapse(orders, np.where(orders > 0, age - 1, 0), age), Clock(TimeUnit.WEEK), 1).primary
    assert (fit.model, fit.dropout) == ("NBD", "none")
    assert fit.params.r / fit.params.alpha == pytest.approx(orders.sum() / age.sum(), rel=1e-3)
    rates = fit.posterior.draws[:, 0] / fit.posterior.draws[:, 1]
    assert np.log(rates).std() == pytest.approx(polygamma(1, orders.sum()) ** 0.5, rel=0.15)


def test_where_nobody_leaves_the_fallback_without_dropout_is_left_and_named():
    fits = fit_all(of_those_who_stay(), Clock(TimeUnit.WEEK), 1)
    assert fits.names == ("NBD",)
    assert set(fits.not_identified) == {"BG/NBD", "MBG/NBD", "Pareto/NBD"}
    stays = fit_one(MODELS["NBD"], of_those_who_stay(), Clock(TimeUnit.WEEK), 1)
    assert stays.parameters == pytest.approx({"r": 2.0, "alpha": 2.0}, rel=0.25)
    assert (stays.dropout, stays.alive) == ("none", 400)


def test_dropout_that_is_the_same_for_all_is_a_limit_of_the_model_and_no_refusal():
    rng = np.random.default_rng(7)
    patterns = patterns_of_rates(rng, rng.gamma(2.0, 0.1, 3_000), rng.geometric(0.3, 3_000))
    fit = fit_one(MODELS["BG/NBD"], patterns, Clock(TimeUnit.WEEK), 1)
    assert fit.parameters["a"] / (fit.parameters["a"] + fit.parameters["b"]) == pytest.approx(0.3, abs=0.03)
    assert fit.converged
    assert fit.dropout == "alike"
    assert np.isnan([fit.standard_errors[name] for name in ("a", "b")]).all()
    assert np.isfinite([fit.standard_errors[name] for name in ("r", "alpha")]).all()


@pytest.mark.parametrize("dropout", ["alike", "differs"])
def test_customers_who_order_alike_are_a_limit_of_the_model_and_no_refusal(dropout):
    rng = np.random.default_rng(7)
    chance = 0.3 if dropout == "alike" else rng.beta(1.0, 2.0, 2_000).clip(0.01)
    patterns = patterns_of_rates(rng, np.full(2_000, 0.15), rng.geometric(chance, 2_000))
    fit = fit_one(MODELS["BG/NBD"], patterns, Clock(TimeUnit.WEEK), 1)
    assert fit.converged
    assert (fit.rate, fit.dropout) == ("alike", dropout)
    assert np.isnan([fit.standard_errors[each] for each in ("r", "alpha")]).all()
    assert fit.params.r / fit.params.alpha == pytest.approx(0.15, rel=0.15)


@pytest.mark.parametrize("seed", [1, 7, 14, 17])
def test_customers_who_are_alike_in_everything_are_fitted_whatever_luck_brings(seed):
    rng = np.random.default_rng(seed)
    patterns = patterns_of_rates(rng, np.full(600, 0.15), rng.geometric(0.3, 600))
    log_parameters, errors, _ = maximum(MODELS["BG/NBD"], patterns)
    r, alpha, a, b = np.exp(log_parameters)
    assert (r / alpha, a / (a + b)) == pytest.approx((0.15, 0.3), rel=0.15)
    assert np.isnan(errors).all()
