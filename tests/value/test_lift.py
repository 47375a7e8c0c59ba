from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.config import EconomicsConfig, RetentionConfig
from analysis.errors import InputRefused
from analysis.interval import Interval
from analysis.models.beta_geometric import BGNBD
from analysis.models.patterns import patterns_of
from analysis.time import Clock, TimeUnit, force_of_interest, units_per_year
from analysis.value.lift import (
    Choice,
    named_choice,
    new_customers_observed,
    readings_that_matter,
    retention_lift,
    retention_lifts,
    shifts_of,
    what_if_readings,
)
from analysis.value.valuation import discounted_orders

from .individuals import futures, proneness

YEAR = units_per_year(TimeUnit.WEEK)
SCOPES = ("new_customer", "new_customer_repeat_orders", "base", "firm")
pytestmark = pytest.mark.usefixtures("few_draws")


@pytest.fixture
def lifts(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    def compute(*choices, growth=None, joining=1_000.0, economics=None, retention=None):
        economics, retention = EconomicsConfig(**economics or {}), RetentionConfig(**retention or {})
        choices = choices or tuple(readings_that_matter(economics, retention))
        shifts = shifts_of(cdnow_39_weeks, cdnow_purchase, cdnow_spend, choices, joining)
        return retention_lifts(shifts, choices, economics, retention, growth=growth)

    return compute


def test_no_gain_is_no_lift(lifts):
    choices = [Choice(gain=0.0, scope=scope, shift=shift) for scope in SCOPES for shift in ("mean", "every_year")]
    for lift in lifts(*choices).lifts:
        assert (lift.lift.estimate, lift.lift.lower, lift.lift.upper) == pytest.approx((0, 0, 0), abs=1e-12)
        assert lift.gain.estimate == pytest.approx(0, abs=1e-9)


def test_a_what_if_is_the_lift_at_other_rises_and_horizons_of_the_named_reading(lifts):
    economics, retention = EconomicsConfig(horizon_years=2), RetentionConfig(gain=0.04)
    readings = what_if_readings(economics, retention)
    assert (len(readings), len(set(readings))) == (7 * 5, 35)
    named = named_choice(economics, retention)
    assert {name for each in readings for name in each.differs(named)} == {"gain", "horizon_years"}
    small, large = (lifts(Choice(gain=gain)).lifts[0].lift.estimate for gain in (0.01, 0.1))
    assert 0 < small < large


def test_profit_rises_with_retention_in_every_scope_and_under_every_model(lifts):
    gains = (0.01, 0.03, 0.06)
    found = lifts(*(Choice(gain=gain, scope=scope) for scope in SCOPES for gain in gains))
    for model in ("BG/NBD", "MBG/NBD", "Pareto/NBD"):
        for scope in SCOPES:
            rising = [found.of(Choice(gain=gain, scope=scope))[model].gain.estimate for gain in gains]
            assert 0 < rising[0] < rising[1] < rising[2]


def test_the_bases_profit_is_its_residual_value(lifts, cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    found, patterns = lifts(Choice(scope="base")), patterns_of(cdnow_39_weeks, Clock(TimeUnit.WEEK))
    x, mean = (cdnow_39_weeks.table[name].to_numpy() for name in ("frequency", "mean_repeat_value"))
    worth = cdnow_spend.order_values(x, mean)
    for fit in cdnow_purchase:
        orders = discounted_orders(fit, patterns, 3 * YEAR, force_of_interest(0.1, TimeUnit.WEEK))
        profit = found.of(Choice(scope="base"))[fit.model].profit_before.estimate
        assert profit == pytest.approx(0.3 * float(orders @ worth), rel=1e-5)


def test_five_points_cannot_be_won_above_ninety_five_per_cent(lifts):
    lift = lifts(Choice(gain=0.3)).of(Choice(gain=0.3))["BG/NBD"]
    assert lift.reason.code == "lift.reason.cannot_rise"
    assert lift.lift is None
    assert lift.retention_before.estimate == pytest.approx(0.764, abs=0.002)


def test_at_the_break_even_cost_nothing_is_left_of_the_gain(lifts):
    for scope in SCOPES:
        choice = Choice(scope=scope)
        cost = lifts(choice).of(choice)["Pareto/NBD"].break_even_cost.estimate
        paid = replace(choice, keeping="paid")
        found = lifts(paid, retention={"cost_per_customer_year": cost}).of(paid)["Pareto/NBD"]
        assert found.gain.estimate == pytest.approx(0, abs=1e-6 * abs(found.profit_before.estimate))
        assert found.break_even_cost.estimate == pytest.approx(cost)


def test_growing_margins_need_a_growth_and_raise_the_lift(lifts):
    growing = Choice(margins="growing")
    assert lifts(growing).of(growing)["BG/NBD"].reason.code == "lift.reason.no_growth"
    found = lifts(Choice(), growing, growth=Interval(0.15, 0.10, 0.20, 0.9))
    assert found.of(growing)["BG/NBD"].lift.estimate > found.of(Choice())["BG/NBD"].lift.estimate


def test_a_firm_that_wins_nobody_or_whose_customers_births_are_unknown_has_no_firm_lift(lifts):
    for joining in (None, 0.0):
        found = lifts(Choice(scope="firm"), joining=joining).of(Choice(scope="firm"))["BG/NBD"]
        assert found.reason.code == "lift.reason.no_new_customers"


def test_fixed_costs_weigh_on_the_firm_only(lifts):
    choices = [Choice(scope=scope, profit="after_fixed") for scope in ("base", "firm")]
    free, burdened = lifts(*choices), lifts(*choices, economics={"fixed_costs_per_year": 5_000})
    base, firm = (
        burdened.of(choice)["BG/NBD"].lift.estimate / free.of(choice)["BG/NBD"].lift.estimate for choice in choices
    )
    assert base == pytest.approx(1)
    assert firm > 1.05


@pytest.mark.parametrize("name", ["BG/NBD", "MBG/NBD", "Pareto/NBD"])
def test_the_firms_profit_agrees_with_single_customers(lifts, name, cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    """Today's customers and those who join, order by order, at constant order values."""
    choice = Choice(scope="firm", horizon_years=2.0, profit="contribution")
    found = lifts(choice, joining=500.0).of(choice)[name]
    rng, count, horizon = np.random.default_rng(5), 200_000, 2 * YEAR
    params = cdnow_purchase[name].params
    base = lifts(replace(choice, scope="base")).of(replace(choice, scope="base"))[name].profit_before.estimate
    order = 0.3 * cdnow_spend.mean_order_value
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


def test_customers_won_in_the_last_year_are_counted_where_that_can_be_known(load_frame):
    days = pd.date_range("2023-01-01", "2024-12-31", freq="5D")
    frame = pd.DataFrame({"customer": [f"c{n}" for n in range(len(days))], "date": days, "amount": 10.0})
    frame = pd.concat([frame, frame.assign(date=frame["date"] + pd.Timedelta(days=2))])
    born_in_the_last_year = int((days > frame["date"].max() - pd.Timedelta(days=365.25)).sum())
    assert new_customers_observed(load_frame(frame)) == born_in_the_last_year
    assert new_customers_observed(load_frame(frame[frame["date"] < "2023-10-01"])) is None


def test_without_spend_differences_the_lift_is_that_of_orders(lifts, cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    choice, economics, retention = Choice(scope="new_customer"), EconomicsConfig(), RetentionConfig()
    constant = replace(cdnow_spend, model="constant", posterior=None)
    shifts = shifts_of(cdnow_39_weeks, cdnow_purchase, constant, [choice], None)
    found = retention_lifts(shifts, [choice], economics, retention)
    assert found.of(choice)["BG/NBD"].lift.estimate == pytest.approx(
        lifts(choice).of(choice)["BG/NBD"].lift.estimate, rel=1e-9
    )


def test_results_do_not_depend_on_the_time_unit(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    choices, estimates = [Choice(), Choice(scope="base")], []
    for fit in (cdnow_purchase.primary, BGNBD().fit(cdnow_39_weeks, unit="day")):
        shifts = shifts_of(cdnow_39_weeks, [fit], cdnow_spend, choices, None)
        found = retention_lifts(shifts, choices, EconomicsConfig(), RetentionConfig())
        estimates.append([lift.lift.estimate for lift in found.lifts])
    assert estimates[0] == pytest.approx(estimates[1], rel=1e-4)


class TestTheFrontDoor:
    def test_one_fit_or_several_give_a_frame_with_a_row_a_reading_and_model(
        self, cdnow_39_weeks, cdnow_purchase, cdnow_spend
    ):
        fits = [fit.of(cdnow_39_weeks) for fit in cdnow_purchase]
        frame = retention_lift(fits, cdnow_spend, gain=0.05, horizon="3Y", level=0.8)
        named = frame.query("reading == 'named'").set_index("model")
        assert named["estimate"].round(2).to_dict() == {"BG/NBD": 0.22, "MBG/NBD": 0.15, "Pareto/NBD": 0.09}
        assert (named["lower"] < named["estimate"]).all()
        assert set(frame["level"].dropna()) == {0.8}
        firm = frame.query("scope == 'firm'")
        assert firm["estimate"].isna().all()
        assert firm["reason"].str.contains("new_customers_per_year").all()
        alone = retention_lift(fits[1], cdnow_spend)
        assert set(alone["model"]) == {"MBG/NBD"}

    def test_all_problems_of_the_settings_are_told_at_once(self, cdnow_39_weeks, cdnow_purchase, cdnow_spend):
        fit = cdnow_purchase.primary.of(cdnow_39_weeks)
        with pytest.raises(InputRefused) as refused:
            retention_lift(fit, cdnow_spend, gross_margin=3, annual_discount_rate=-1)
        assert len(refused.value.problems) == 2
        with pytest.raises(InputRefused, match="must be above 0 and have a unit"):
            retention_lift(fit, cdnow_spend, horizon=3)
