from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from analysis.config import Config
from analysis.interval import Interval
from analysis.models import purchase_result, spend_result
from analysis.models.estimate import MODELS, params_of
from analysis.timeunits import TimeUnit, force_of_interest, units_per_year
from analysis.value.firm import firm_flows
from analysis.value.lift import new_customers_observed, retention_lift, share_within
from analysis.value.readings import Choice, readings_that_matter

from .individuals import futures, proneness

YEAR = units_per_year(TimeUnit.WEEK)
SCOPES = ("new_customer", "new_customer_repeat_orders", "base", "firm")


def _config(**sections):
    return Config(name="test", data={"transactions": {"sample": "cdnow"}}, **sections)


@pytest.fixture(autouse=True, scope="module")
def _fewer_draws():
    """Sixty draws are enough for what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.value.lift.DRAWS", 60)
        patch.setattr("analysis.value.lift.FEWEST_DRAWS", 60)
        yield


@pytest.fixture
def lifts(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    def compute(*choices, growth=None, joining=1_000.0, **sections):
        config = _config(**sections)
        return retention_lift(
            cdnow_39_weeks,
            cdnow_purchase,
            cdnow_spend,
            config,
            new_customers_per_year=joining,
            growth=growth,
            choices=choices or None,
        )

    return compute


def test_no_gain_is_exactly_no_lift(lifts):
    choices = [Choice(gain=0.0, scope=scope, shift=shift) for scope in SCOPES for shift in ("mean", "every_year")]
    for lift in lifts(*choices).lifts:
        assert lift.lift.estimate == lift.lift.lower == lift.lift.upper == 0
        assert lift.gain.estimate == 0


def test_profit_rises_with_retention_in_every_scope_and_under_every_model(lifts):
    gains = (0.01, 0.03, 0.06)
    found = lifts(*(Choice(gain=gain, scope=scope) for scope in SCOPES for gain in gains))
    for model in found.models:
        for scope in SCOPES:
            rising = [found.of(Choice(gain=gain, scope=scope), model).gain.estimate for gain in gains]
            assert 0 < rising[0] < rising[1] < rising[2]


def test_points_and_per_cent_agree_where_they_must(lifts):
    before = lifts(Choice()).of(Choice(), "BG/NBD").retention_before.estimate
    ways = (
        Choice(),
        Choice(gain=0.05 / before, gain_kind="relative"),
        Choice(gain=0.05 / (1 - before), gain_kind="fewer_lost"),
    )
    found = lifts(*ways)
    estimates = [found.of(way, "BG/NBD").lift.estimate for way in ways]
    assert estimates == pytest.approx([estimates[0]] * 3, rel=1e-9)


def test_the_bases_profit_is_its_residual_value(lifts, cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    from analysis.value import customer_value

    config = _config()
    value = customer_value(cdnow_39_weeks, cdnow_purchase, cdnow_spend, config.model, config.economics)
    found = lifts(Choice(scope="base"))
    for model, total in value.by_model.items():
        profit = found.of(Choice(scope="base"), model).profit_before.estimate
        assert profit == pytest.approx(total.residual_clv.estimate, rel=1e-5)


def test_five_points_cannot_be_won_above_ninety_five_per_cent(lifts):
    lift = lifts(Choice(gain=0.3)).of(Choice(gain=0.3), "BG/NBD")
    assert lift.reason == "lift.reason.cannot_rise"
    assert lift.lift is None
    assert lift.retention_before.estimate == pytest.approx(0.764, abs=0.002)


def test_where_profit_may_be_negative_there_is_no_lift_in_per_cent_but_a_gain_in_money(lifts):
    lift = lifts(Choice(), economics={"acquisition_cost": 38}).of(Choice(), "BG/NBD")
    assert lift.reason == "lift.reason.no_profit"
    assert lift.lift is None
    assert np.isnan(lift.p_in_range)
    assert lift.gain.lower > 0


def test_leverage_from_what_winning_costs_raises_the_lift_and_not_the_gain(lifts):
    free, dear = lifts(Choice()), lifts(Choice(), economics={"acquisition_cost": 15})
    before, after = (found.of(Choice(), "BG/NBD") for found in (free, dear))
    assert after.gain.estimate == pytest.approx(before.gain.estimate)
    assert after.lift.estimate > 1.5 * before.lift.estimate


def test_at_the_break_even_cost_nothing_is_left_of_the_gain(lifts):
    for scope in SCOPES:
        choice = Choice(scope=scope)
        cost = lifts(choice).of(choice, "Pareto/NBD").break_even_cost.estimate
        paid = replace(choice, keeping="paid")
        found = lifts(paid, retention={"cost_per_customer_year": cost}).of(paid, "Pareto/NBD")
        assert found.gain.estimate == pytest.approx(0, abs=1e-6 * abs(found.profit_before.estimate))
        assert found.break_even_cost.estimate == pytest.approx(cost)


def test_growing_margins_need_a_growth_and_raise_the_lift(lifts):
    growing = Choice(margins="growing")
    assert lifts(growing).of(growing, "BG/NBD").reason == "lift.reason.no_growth"
    found = lifts(Choice(), growing, growth=Interval(0.15, 0.10, 0.20, 0.9))
    assert found.of(growing, "BG/NBD").lift.estimate > found.of(Choice(), "BG/NBD").lift.estimate


def test_a_firm_that_wins_nobody_or_whose_customers_births_are_unknown_has_no_firm_lift(lifts):
    for joining in (None, 0.0):
        found = lifts(Choice(scope="firm"), joining=joining).of(Choice(scope="firm"), "BG/NBD")
        assert found.reason == "lift.reason.no_new_customers"


def test_fixed_costs_weigh_on_the_firm_only(lifts):
    choices = [Choice(scope=scope, profit="after_fixed") for scope in ("base", "firm")]
    free, burdened = lifts(*choices), lifts(*choices, economics={"fixed_costs_per_year": 5_000})
    base, firm = (
        burdened.of(choice, "BG/NBD").lift.estimate / free.of(choice, "BG/NBD").lift.estimate for choice in choices
    )
    assert base == pytest.approx(1)
    assert firm > 1.05


def test_every_reading_that_matters_is_there_once_and_the_named_one_first():
    config = _config(economics={"acquisition_cost": 5}, retention={"cost_per_customer_year": 1})
    readings = list(readings_that_matter(config))
    assert len(readings) == len(set(readings))
    assert readings[0].keeping == "paid"
    assert {reading.horizon_years for reading in readings} == {1.0, 3.0, 5.0, 10.0}


@pytest.mark.parametrize("name", ["BG/NBD", "MBG/NBD", "Pareto/NBD"])
def test_the_firms_profit_agrees_with_single_customers(lifts, name, cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    """Today's customers and those who join, order by order, at constant order values."""
    choice = Choice(scope="firm", horizon_years=2.0, profit="contribution")
    found = lifts(choice, joining=500.0).of(choice, name)
    rng, count, horizon = np.random.default_rng(5), 400_000, 2 * YEAR
    params = params_of(next(fit for fit in cdnow_purchase.fits if fit.model == name))
    base = lifts(replace(choice, scope="base")).of(replace(choice, scope="base"), name).profit_before.estimate
    order = 0.3 * cdnow_spend.fit.mean_order_value
    delta = force_of_interest(0.10, TimeUnit.WEEK)
    joins = rng.uniform(0, horizon, count)
    rates = rng.gamma(params[0], 1 / params[1], count)
    dropout = proneness(rng, name, params, count)
    who, when, _ = futures(rng, name, rates, dropout, horizon, trial_now=name == "MBG/NBD")
    within = when <= horizon - joins[who]
    value = np.bincount(who[within], np.exp(-delta * (joins[who] + when))[within], minlength=count)
    value += np.exp(-delta * joins)
    simulated = base + 2 * 500 * order * value.mean()
    error = 2 * 500 * order * value.std() / np.sqrt(count)
    assert found.profit_before.estimate == pytest.approx(simulated, abs=4 * error)


def test_the_firm_conserves_its_customers_and_agrees_with_single_ones(cdnow_39_weeks, cdnow_purchase):
    flows = firm_flows(cdnow_39_weeks, cdnow_purchase, _config().model, Choice(scope="firm"), 1_000.0)
    for flow in flows:
        for years in (flow.before, flow.after):
            assert all(year.start + year.joined == pytest.approx(year.end + year.left) for year in years)
            assert all(one.end == two.start for one, two in pairwise(years))
            assert all(year.left > 0 for year in years)
        assert flow.before[0].start == pytest.approx(cdnow_purchase.customers_alive[flow.model].estimate)
        assert all(b.end < a.end for b, a in zip(flow.before, flow.after, strict=True))
    rng, count, flow = np.random.default_rng(6), 200_000, flows[0]
    params = params_of(cdnow_purchase.primary)
    joins = rng.uniform(0, YEAR, count)
    rates, dropout = rng.gamma(params.r, 1 / params.alpha, count), proneness(rng, "BG/NBD", params, count)
    _, _, left = futures(rng, "BG/NBD", rates, dropout, YEAR)
    there = np.mean(left > YEAR - joins)
    from_base = flow.before[0].start - _lost_of_base(cdnow_39_weeks, params)
    expected = from_base + 1_000 * there
    assert flow.before[0].end == pytest.approx(expected, abs=4 * 1_000 * np.sqrt(there * (1 - there) / count))


def _lost_of_base(summary, params):
    from analysis.models.patterns import patterns_of

    model, patterns = MODELS["BG/NBD"], patterns_of(summary, TimeUnit.WEEK)
    alive = model.p_alive(params, *patterns.history)
    stays = model.survival_while_alive(params, YEAR, patterns.frequency, patterns.T)
    return patterns.total(alive * (1 - stays))


def test_customers_won_in_the_last_year_are_counted_where_that_can_be_known(load_frame):
    days = pd.date_range("2023-01-01", "2024-12-31", freq="5D")
    frame = pd.DataFrame({"customer": [f"c{n}" for n in range(len(days))], "date": days, "amount": 10.0})
    frame = pd.concat([frame, frame.assign(date=frame["date"] + pd.Timedelta(days=2))])
    born_in_the_last_year = int((days > frame["date"].max() - pd.Timedelta(days=365.25)).sum())
    assert new_customers_observed(load_frame(frame)) == born_in_the_last_year
    assert new_customers_observed(load_frame(frame[frame["date"] < "2023-10-01"])) is None


def test_without_spend_differences_the_lift_is_that_of_orders(lifts, cdnow_39_weeks, cdnow_purchase):
    choice = Choice(scope="new_customer")
    constant = replace(spend_result(cdnow_39_weeks, _config().model), posterior=None)
    config = _config()
    found = retention_lift(cdnow_39_weeks, cdnow_purchase, constant, config, choices=[choice])
    assert found.of(choice, "BG/NBD").lift.estimate == pytest.approx(
        lifts(choice).of(choice, "BG/NBD").lift.estimate, rel=1e-9
    )


def test_a_share_of_draws_counts_undefined_ones_as_outside():
    assert share_within(np.array([np.nan, 0.3, 0.2, 1.0]), 0.25, 0.95) == 0.25


def test_results_do_not_depend_on_the_time_unit(cdnow_39_weeks):
    estimates = []
    for unit in ("week", "day"):
        config = _config(model={"time_unit": unit})
        purchase, spend = (make(cdnow_39_weeks, config.model) for make in (purchase_result, spend_result))
        found = retention_lift(cdnow_39_weeks, purchase, spend, config, choices=[Choice(), Choice(scope="base")])
        estimates.append([lift.lift.estimate for lift in found.lifts])
    assert estimates[0] == pytest.approx(estimates[1], rel=1e-4)
