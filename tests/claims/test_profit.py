"""Claims about money, on companies in which the main one is true, false, and false only because keeping costs money."""

import inspect
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from tests.claims.companies import company, told

from analysis.claims import Outcome, claim_step
from analysis.claims.profit import read_as
from analysis.config import EconomicsConfig, RetentionConfig
from analysis.data import PurchaseTruth, SpendTruth, simulate_transactions
from analysis.data.shop import ShopTruth
from analysis.data.simulation import rounds_of_orders
from analysis.data.tables import CustomerTables
from analysis.models.registry import MODELS
from analysis.time import TimeUnit, force_of_interest, units_per_year
from analysis.value.lift import Choice, brings, profit, shifts_of

TRUTH, SPEND = PurchaseTruth(r=2.0, alpha=6.0, a=0.6, b=6.0), SpendTruth(p=6.25, q=3.74, v=15.44)
WINNING = 160.0
YEAR = units_per_year(TimeUnit.WEEK)


@pytest.fixture(scope="module")
def leveraged(tmp_path_factory, few_proposals, few_draws):
    """Winning a customer costs most of what one brings, so that a little more retention raises profit a lot."""
    frame = simulate_transactions(2_500, purchases=TRUTH, spend=SPEND, seed=1)
    settings = {"data": {"holdout_weeks": 0}, "economics": {"acquisition_cost": WINNING}}
    return company(tmp_path_factory.mktemp("leveraged"), frame, **settings)


def verdict_of(study, claim="five_points_more_profit", **settings):
    return getattr(study.with_(**settings), claim)


def test_winning_costs_what_the_spend_of_the_last_year_says_where_none_is_stated(leveraged):
    study, first = leveraged.with_(acquisition_cost=0.0), leveraged.orders.histories.table["first_order"]
    month = first.min().to_period("M") + 1
    spend = WINNING * (first.dt.to_period("M") == month).sum()
    study.hold(customer_tables=CustomerTables(acquisition=pd.DataFrame({"date": [month.start_time], "spend": spend})))
    assert study.five_points_more_profit.estimates == leveraged.five_points_more_profit.estimates


def simulated_contribution(a, b, seed, customers=30_000):
    """Discounted contribution over three years of simulated customers, the first order included."""
    rng, horizon = np.random.default_rng(seed), 3 * YEAR
    delta = force_of_interest(0.10, TimeUnit.WEEK)
    turns = rounds_of_orders(rng, customers, replace(TRUTH, a=a, b=b), np.full(customers, horizon))
    orders = customers + sum(np.exp(-delta * times).sum() for _, times in turns)
    return 0.30 * SPEND.p * SPEND.v / (SPEND.q - 1) * orders / customers


def test_the_claim_is_true_by_construction_where_customers_are_simulated_one_by_one(leveraged):
    bgnbd = MODELS["BG/NBD"]
    params = bgnbd.Params(TRUTH.r, TRUTH.alpha, TRUTH.a, TRUTH.b)
    target = float(bgnbd.survival(params, YEAR)) + 0.05
    whole = TRUTH.a + TRUTH.b
    a = brentq(lambda a: float(bgnbd.survival(params._replace(a=a, b=whole - a), YEAR)) - target, 0.01, TRUTH.a)
    before, after = simulated_contribution(TRUTH.a, TRUTH.b, 1), simulated_contribution(a, whole - a, 1)
    true_lift = (after - before) / (before - WINNING)
    assert 0.3 < true_lift < 0.9
    assert verdict_of(leveraged).estimates["BG/NBD"].estimate == pytest.approx(true_lift, rel=0.25)


def test_where_the_claim_is_true_it_is_supported_under_every_model(leveraged):
    found = verdict_of(leveraged)
    assert list(found.probabilities) == ["BG/NBD", "MBG/NBD", "Pareto/NBD"]
    assert found.verdict is Outcome.SUPPORTED
    assert str(found.assumptions[0]) == (
        "Read as: first-year retention (those who have not left for good) rises by 5 percentage points, the mean "
        "dropout moved; profit of one new customer over 3 years, less the cost of winning customers, discounted at "
        "10.0% a year; constant margins; keeping free, as the claim assumes."
    )


def test_without_the_leverage_it_is_false_and_contradicted(leveraged):
    found = verdict_of(leveraged, acquisition_cost=0.0)
    assert found.estimate.estimate == pytest.approx(0.115, abs=0.02)
    assert found.verdict is Outcome.CONTRADICTED


def test_the_same_company_contradicts_it_once_keeping_costs_more_than_it_brings(leveraged):
    most = max(lift.break_even_cost.upper for lift in leveraged.lift.of(leveraged.lift.named).values())
    paid = verdict_of(leveraged, cost_per_customer_year=most)
    assert paid.estimate.upper < 0.05
    assert paid.verdict is Outcome.CONTRADICTED


def test_where_profit_may_be_negative_the_gain_is_told_in_money_and_not_in_per_cent(leveraged):
    found = verdict_of(leveraged, acquisition_cost=205.0)
    assert found.reason.code == "claim.reason.no_profit"
    gains = [each.values["gain"] for each in found.details]
    assert len(gains) == 3
    assert all(gain.lower > 0 for gain in gains)


def test_a_cost_that_the_reading_does_not_have_is_not_named():
    assert "contribution only" in str(read_as(Choice(scope="base"), 0.1))
    assert "fixed costs" in str(read_as(Choice(scope="firm", profit="after_fixed"), 0.1))


def test_what_the_articles_say_of_five_points_is_tested_at_five_points_whatever_is_configured(leveraged):
    relative = leveraged.with_(gain=0.02, gain_kind="relative")
    for ending in ("", "_again"):
        claim = f"five_points_more_profit{ending}"
        found, before = (vars(verdict_of(each, claim).estimate) for each in (relative, leveraged))
        assert found == pytest.approx(before)
    named, other = (study.lift.of(study.lift.named)["BG/NBD"].lift for study in (leveraged, relative))
    assert named != other


def test_the_cut_of_costs_brings_exactly_what_two_points_of_retention_bring(leveraged):
    study = leveraged.with_(cost_per_order=1.5)
    found = study.two_points_equal_cost_cut
    assert found.verdict is Outcome.CONTRADICTED
    choice = Choice(gain=0.02, profit="contribution")
    shifts = shifts_of(study.orders.histories, study.fits, study.spend, [choice], None)
    for streams in shifts.by_model:
        before, after = (brings(streams, shifts, choice, place, 0.10) for place in (0, 1))
        cut = found.estimates[streams.model].estimate
        prices = {"gross_margin": 0.30 + cut * 0.70, "cost_per_order": 1.5 * (1 - cut)}
        now, cheaper = EconomicsConfig(cost_per_order=1.5), EconomicsConfig(**prices)
        gained = profit(choice, cheaper, before) - profit(choice, now, before)
        lifted = profit(choice, now, after) - profit(choice, now, before)
        assert gained[0] == pytest.approx(lifted[0], rel=1e-9)
    without_costs = verdict_of(leveraged, "two_points_equal_cost_cut", gross_margin=1.0)
    assert without_costs.reason.code == "claim.reason.no_costs"


def keeping(study, winning, cost):
    return verdict_of(study, "keeping_cheaper", acquisition_cost=winning, cost_per_customer_year=cost)


def test_configured_costs_decide(leveraged):
    found = keeping(leveraged, 60.0, 10.0)
    assert (found.estimate.estimate, found.verdict) == (6.0, Outcome.SUPPORTED)
    assert told(found, "gain")["cost"] == pytest.approx(10.0 / 0.05)
    assert keeping(leveraged, 40.0, 10.0).verdict is Outcome.CONTRADICTED


@pytest.mark.parametrize(("winning", "cost", "ends"), [
    (60.0, 0.0, (12.0, 6.0)), (0.0, 8.0, (40.0, 80.0)), (0.0, 0.0, None),
])  # fmt: skip
def test_one_missing_cost_gives_the_break_even_of_the_other(leveraged, winning, cost, ends):
    found = keeping(leveraged, winning, cost)
    assert found.reason.code == "claim.reason.costs_not_configured"
    if ends:
        assert (told(found, "at_five")["at_five"], told(found, "at_ten")["at_ten"]) == ends
    else:
        assert "at least 5 times" in str(found.details[0])


@pytest.fixture
def shop(planted_shop, planted_shop_orders):
    return planted_shop_orders, CustomerTables(acquisition=planted_shop.acquisition)


class TestWhereTheSpendOnWinningIsKnown:
    TRUTH = ShopTruth()

    def verdict(self, shop, claim, cost):
        given = {
            "orders": shop[0], "customer_tables": shop[1], "credible_level": 0.9, "seed": 1,
            "economics_config": EconomicsConfig(acquisition_cost=99.0), "fits": SimpleNamespace(not_identified={}),
            "retention_config": RetentionConfig(cost_per_customer_year=cost),
        }  # fmt: skip
        step = claim_step(claim)
        return step(**{name: each for name, each in given.items() if name in inspect.signature(step).parameters})

    def test_the_planted_cost_of_winning_decides_and_not_what_is_configured(self, shop):
        truth = self.TRUTH
        spent = sum(truth.share[name] * truth.cost[name] for name in truth.share)
        planted = spent / sum(truth.share[name] * truth.buys[name] for name in truth.share)
        found = self.verdict(shop, "keeping_cheaper", planted / 8)
        assert found.estimate.lower < 8 < found.estimate.upper
        assert found.verdict is Outcome.SUPPORTED
        assert len({each.values.get("winning", each.values.get("acquisition_cost")) for each in found.assumptions}) == 1
        assert self.verdict(shop, "keeping_cheaper", planted / 3).verdict is Outcome.CONTRADICTED
        at_five = told(self.verdict(shop, "keeping_cheaper", 0.0), "at_five")["at_five"]
        assert at_five == pytest.approx(planted / 5, rel=0.06)
        assert self.verdict(shop, "keeping_cheaper", at_five).verdict is Outcome.DEPENDS

    def test_the_share_of_the_budget_is_that_of_both_costs(self, shop):
        found = self.verdict(shop, "budget_share_for_keeping", 1.0)
        known = told(found, "kept")
        assert found.estimate.estimate == known["kept"] / (known["kept"] + known["spend"])
        year = shop[1].acquisition["date"].dt.year == 2024
        assert known["spend"] == pytest.approx(shop[1].acquisition.loc[year, "spend"].sum())
        assert found.verdict is (Outcome.SUPPORTED if found.estimate.estimate <= 0.19 else Outcome.CONTRADICTED)
        assert self.verdict(shop, "budget_share_for_keeping", 20.0).verdict is Outcome.CONTRADICTED
        assert self.verdict(shop, "budget_share_for_keeping", 0.01).verdict is Outcome.SUPPORTED

    def test_without_either_cost_nothing_is_said(self, shop):
        for tables, cost in ((shop[1], 0.0), (CustomerTables(), 1.0)):
            found = self.verdict((shop[0], tables), "budget_share_for_keeping", cost)
            assert found.reason.code == "claim.reason.costs_not_configured"
