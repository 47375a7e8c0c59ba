"""The cases in which it is known what must come out."""

import numpy as np
import pytest
from scipy.special import expit, logit

import analysis as rl
from analysis.config.strategies import NOTHING, Experience, Gift, Promotion, Strategy
from analysis.data.simulation import PurchaseTruth
from analysis.models.registry import MODELS
from analysis.strategies.dynamics import draw_parameters
from analysis.strategies.schedule import Economics, Schedule
from analysis.strategies.simulation import World, _Block, new_lives, simulate, worth_of_new

from .inputs import VALUE, alike, better, summary, world

SALE = Promotion(depth=0.2, every_weeks=8, reach=0.5)


def profit(lives, strategies, setting, **more):
    return simulate(lives, [NOTHING, *strategies], setting, **more)["profit"][:, 0]


@pytest.mark.parametrize(("at_orders", "in_time"), [(0.2, 0.0), (0.0, 0.05)])
def test_without_effects_every_strategy_is_the_fitted_model(at_orders, in_time):
    rate, weeks = 0.3, 80.0
    found = profit(
        alike(8_000, rate, at_orders=at_orders, in_time=in_time),
        [Strategy("sale", Promotion(depth=0.0)), better(0.5), Strategy("gift", gift=Gift(cost=0.0))],
        world(weeks),
    )
    leaving = rate * at_orders + in_time
    assert found == pytest.approx(np.full(4, rate * -np.expm1(-leaving * weeks) / leaving), rel=0.025)
    assert np.ptp(found) == 0


def test_an_expectation_that_forgets_everything_gives_one_burst_and_then_nothing():
    dropout, lift, theta = 0.2, 0.8, 0.7
    setting = world(250, kappa_exp=1.0, theta_exp=theta, gamma_exp=0.3)
    found = profit(alike(4_000, 1.0, at_orders=dropout), [better(lift)], setting)
    first = expit(logit(dropout) - theta * lift)
    assert found == pytest.approx([1 / dropout, 1 + (1 - first) / dropout], rel=0.025)


@pytest.mark.parametrize("level", [0.0, 0.5])
def test_an_expectation_that_never_learns_gives_a_constant_pace_and_dropout_from_the_first_encounter(level):
    rate, dropout, lift, theta, gamma, weeks = 0.2, 0.15, 0.8, 0.7, 0.3, 60
    setting = world(weeks, theta_exp=theta, gamma_exp=gamma, level_exp=level)
    found = profit(alike(12_000, rate, at_orders=dropout), [better(lift)], setting)
    after, pace = expit(logit(dropout) - theta * lift), rate * np.exp(gamma * lift)
    start = (np.arange(100 * weeks) + 0.5) / 100
    later = (1 - after) * -np.expm1(-pace * after * (weeks - start)) / after
    assert found[1] == pytest.approx(np.sum(rate * np.exp(-rate * start) * (1 + later)) / 100, rel=0.025)


def test_quality_that_lasts_keeps_customers_through_its_level_when_the_gap_has_closed():
    dropout, lift, level = 0.2, 0.8, 0.5
    found = profit(alike(4_000, 1.0, at_orders=dropout), [better(lift)], world(250, kappa_exp=1.0, level_exp=level))
    assert found[1] == pytest.approx(1 / expit(logit(dropout) - level * lift), rel=0.025)


def test_a_strategy_is_the_same_whoever_stands_beside_it_and_equal_ones_do_not_differ():
    setting, lives = (
        World(draw_parameters(4, 2).values, Economics(0.5), 104.0, 0.002),
        alike(300, 0.3, at_orders=0.1, draws=4),
    )
    twins = [Strategy(name, SALE, Experience(invested_per_order=1.0), Gift(cost=1.0)) for name in ("one", "two")]
    alone = simulate(lives, [NOTHING, twins[0]], setting, rival_depth=0.4)
    beside = simulate(lives, [NOTHING, better(), *twins], setting, rival_depth=0.4)
    for name, draws in beside.by_segment.items():
        if name != "revenue":
            assert (draws[2] == draws[3]).all()
            assert (draws[2] == alone.by_segment[name][1]).all()


@pytest.mark.parametrize("is_new", [False, True])
@pytest.mark.parametrize("leaves", [{"at_orders": 0.1}, {"in_time": 0.02}])
def test_a_free_even_lasting_improvement_never_harms_any_life_whatever_the_parameters(is_new, leaves):
    values = dict(draw_parameters(400, 4).values)
    values["level_exp"] = values["level_exp"] * (np.arange(400) % 2)
    for name in ("theta_exp", "unevenness"):
        values[name] = values[name] * np.where(np.arange(400) % 3 == 0, 3.0, 1.0)
    setting = World(values, Economics(0.3), 156.0, 0.002)
    lives = alike(2_000, 0.4, draws=400, is_new=is_new, **leaves)
    plans = [NOTHING, *(better(lift, f"by_{round(10 * lift)}") for lift in (0.1, 0.5, 2.0))]
    lived = _Block(lives, np.random.default_rng(1), setting, Schedule(plans, 156)).lived()
    assert (np.diff(lived["profit"], axis=0) >= -1e-9).all()
    assert (lived["profit"][3] > lived["profit"][0]).mean() > 0.5


def test_beside_own_deals_a_free_improvement_can_harm_where_orders_are_sold_at_a_loss_or_moved_into_a_promotion():
    setting = World(draw_parameters(100, 4).values, Economics(0.15), 156.0, 0.002)
    sale = Promotion(depth=0.3, every_weeks=4, reach=1.0)
    both = Strategy("both", sale, Experience(invested_per_order=0.0))
    found = simulate(alike(2_000, 0.3, at_orders=0.05, draws=100), [NOTHING, Strategy("sale", sale), both], setting)
    assert (found["profit"][2] < found["profit"][1]).any()


@pytest.mark.parametrize(("loss_aversion", "order"), [(1.0, 2), (2.0, 1)])
def test_unevenness_costs_in_second_order_only_unless_losses_weigh_more(loss_aversion, order):
    dropout, theta = 0.2, 1.0
    uneven = [better(0.0, f"spread_{round(100 * size)}", spread=size) for size in (0.25, 0.5)]
    setting = world(250, theta_exp=theta, loss_aversion=loss_aversion)
    orders = profit(alike(10_000, 1.0, at_orders=dropout), uneven, setting)
    loss = orders[0] - orders[1:]
    assert loss[1] / loss[0] == pytest.approx(2**order, rel=0.25)


def test_a_strategy_that_narrows_todays_unevenness_keeps_customers():
    setting = world(200, theta_exp=1.0, loss_aversion=3.0, unevenness=0.6, kappa_exp=0.2)
    orders = profit(alike(4_000, 0.5, at_orders=0.1), [better(0.0, "even", spread=0.0)], setting)
    assert orders[1] > 1.05 * orders[0]


def test_a_temporary_gain_can_lower_profit_since_it_raises_the_bar():
    setting = world(208, theta_exp=1.0, kappa_exp=0.9, loss_aversion=3.0)
    orders = profit(alike(4_000, 0.5, at_orders=0.02), [better(1.0, ends_week=52)], setting)
    assert orders[1] < orders[0]


def test_whoever_is_struck_far_below_the_expectation_leaves_for_good():
    found = simulate(alike(1_000, 1.0), [NOTHING, better(1.0, ends_week=100)], world(200, tau=0.5, kappa_exp=1.0))
    assert found["profit"][:, 0] == pytest.approx([200, 101], rel=0.025)
    assert found["stay"][1] == pytest.approx(np.diff(found["profit"], axis=0)[0])  # what they would have brought


@pytest.mark.parametrize("leaves", [{"at_orders": 0.1}, {"in_time": 0.02}])
def test_where_nothing_but_leaving_changes_the_whole_difference_is_that_of_staying(leaves):
    setting = world(104, theta_exp=0.5, level_exp=0.5, loss_aversion=3.0, unevenness=0.6, kappa_exp=0.3)
    plans = [NOTHING, better(0.2, "even", spread=0.0), better(-0.5, "worse", ends_week=30)]
    found = simulate(alike(2_000, 0.4, **leaves), plans, setting)
    assert found["stay"][1:] == pytest.approx(found["profit"][1:] - found["profit"][0], abs=2e-3)


def test_whoever_orders_sooner_and_leaves_in_time_stays_no_longer():
    setting = world(200, gamma_exp=0.5)
    found = simulate(alike(4_000, 0.5, in_time=0.05), [NOTHING, better(1.0)], setting)
    assert found["profit"][1, 0] > 1.3 * found["profit"][0, 0]
    assert found["stay"][1, 0] == pytest.approx(0.0, abs=1e-9)


def test_a_promotion_lifts_its_weeks_and_borrows_from_those_after_it():
    lift, borrowed, rate = 0.6, 0.25, 0.5
    setting = world(64, promotional_lift=lift, borrowed=borrowed, margin=0.5)
    found = simulate(alike(8_000, rate), [NOTHING, Strategy("sale", SALE)], setting)
    extra, uses = 0.5 * lift, 0.5 * (1 + lift) / (1 + 0.5 * lift)
    expected = 8 * rate * VALUE * (7 * 0.5 + (1 + extra) * (0.5 - 0.2 * uses) - borrowed * extra * 0.5)
    assert found["profit"][1, 0] == pytest.approx(expected, rel=0.025)
    assert found["given_away"][1, 0] == pytest.approx(8 * rate * VALUE * 0.2 * 0.5, rel=0.04)


def test_a_deal_that_is_expected_lifts_less():
    sale = Strategy("sale", Promotion(every_weeks=2, reach=1.0))
    extra = []
    for kappa in (0.0, 0.3, 0.8):
        found = simulate(alike(2_000, 0.5), [NOTHING, sale], world(64, promotional_lift=0.6, kappa_deal=kappa))
        extra.append(found["orders"][1, 0] - found["orders"][0, 0])
    assert extra[0] > extra[1] > extra[2] > 0


def test_deals_that_move_nobody_only_cost_what_they_give_away():
    deals = [Strategy(f"depth{depth}", Promotion(depth=depth / 10)) for depth in range(1, 9)]
    found = simulate(alike(4_000, 0.3, at_orders=0.1), [NOTHING, *deals], world(margin=0.5))
    lost = found["profit"][0] - found["profit"][1:]
    assert (np.diff(found["profit"], axis=0) < 0).all()
    assert lost == pytest.approx(found["given_away"][1:], rel=0.05)


def test_uneven_encounters_lose_as_many_as_the_fitted_model_says_with_deals_that_nobody_feels_too():
    setting = world(250, theta_exp=0.2, loss_aversion=3.0, unevenness=0.5)
    found = simulate(alike(8_000, 1.0, at_orders=0.05), [NOTHING, Strategy("sale", SALE)], setting)
    assert found["orders"][:, 0] == pytest.approx([1 / 0.05] * 2, rel=0.03)
    assert found["stay"][1, 0] == 0


def test_points_cost_what_is_redeemed_and_act_at_what_they_are_worth():
    club = Strategy("points", Promotion(depth=0.0, points=0.1))
    found = simulate(alike(1_000, 0.3, at_orders=0.1), [NOTHING, club], world(margin=0.5, breakage=0.25))
    assert found["profit"][1, 0] / found["profit"][0, 0] == pytest.approx((0.5 - 0.075) / 0.5)


def test_a_gift_is_given_once_at_its_order():
    gift = Strategy("gift", gift=Gift(order=3, cost=7.0))
    found = simulate(alike(1_000, 0.5, orders=1), [NOTHING, gift], world(margin=0.5))
    assert found["profit"][0, 0] - found["profit"][1, 0] == pytest.approx(7.0)
    later = simulate(alike(1_000, 0.5, orders=3), [NOTHING, gift], world(margin=0.5))
    assert later["profit"][0, 0] == later["profit"][1, 0]


def test_what_is_invested_in_customers_is_paid_as_long_as_they_are_there():
    leaving, weeks = 0.05, 100.0
    strategy = Strategy("better", experience=Experience(lift=0.0, invested_per_customer_year=52.18))
    found = simulate(alike(4_000, 0.5, in_time=leaving), [NOTHING, strategy], world(weeks))
    assert found["invested"][1, 0] == pytest.approx(-np.expm1(-leaving * weeks) / leaving, rel=0.025)


@pytest.mark.parametrize(("starts_week", "ends_week"), [(26, None), (0, 26), (26, 60)])
def test_what_is_invested_in_customers_who_seldom_order_is_paid_from_its_start_to_its_end(starts_week, ends_week):
    leaving, weeks, better = 0.01, 100.0, Experience(lift=0.0, invested_per_customer_year=52.18)
    strategy = Strategy("better", experience=better, starts_week=starts_week, ends_week=ends_week)
    found = simulate(alike(4_000, 0.01, in_time=leaving), [NOTHING, strategy], world(weeks))

    def paid(until):
        first, last = (min(week, until) for week in (starts_week, ends_week or weeks))
        return (np.exp(-leaving * first) - np.exp(-leaving * last)) / leaving

    assert found["invested"][1, 0] == pytest.approx(paid(weeks), rel=0.025)
    assert -np.diff(found["within_52_weeks"][:, 0]) == pytest.approx([paid(52)], rel=0.025)


def test_a_rival_takes_what_the_hazard_says_and_nobody_from_todays_path():
    sale = Strategy("sale", Promotion(depth=0.1, every_weeks=1, reach=1.0))
    weeks, rate = 60.0, 0.5
    found = simulate(alike(4_000, rate), [NOTHING, NOTHING, sale], world(weeks, rival_pull=0.2), rival_depth=0.3)[
        "orders"
    ][:, 0]
    expected = [rate * (26 - np.expm1(-pull * 13) / pull + 21 * np.exp(-pull * 13)) for pull in (0.06, 0.04)]
    assert found == pytest.approx([rate * weeks, *expected], rel=0.04)


def test_a_better_experience_protects_from_a_rival_and_deals_build_nothing():
    setting = world(60, rival_pull=0.3, bond_shield=0.2, kappa_exp=0.5, delivery=1.0)
    points = Strategy("points", Promotion(depth=0.0, points=0.05))
    attacked = simulate(alike(5_000, 0.5), [NOTHING, NOTHING, better(1.0), points], setting, rival_depth=0.3)["orders"][
        :, 0
    ]
    lost = attacked[0] - attacked[1:]
    assert lost[1] < 0.5 * lost[0]
    assert lost[2] < lost[0]


def test_delight_brings_customers_and_unevenness_alone_brings_none():
    setting, worth = world(78, referrals=0.05), np.full((1, 12), 10.0)
    plans = [NOTHING, better(0.5), better(0.0, "uneven", spread=1.0)]
    found = simulate(alike(1_000, 0.3, at_orders=0.05), plans, setting, worth_of_new=worth)
    assert found["referred"][1, 0] == pytest.approx(0.05 * 0.5 * 10.0 * found["orders"][1, 0])
    assert found["referred"][[0, 2], 0].tolist() == [0, 0]


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_unevenness_that_customers_get_used_to_brings_none_either(spread):
    setting, worth = world(78, referrals=0.05, kappa_exp=0.3, unevenness=0.6), np.full((1, 12), 10.0)
    plans = [NOTHING, better(0.5), better(0.5, "other", spread=spread), better(0.0, "only", spread=spread)]
    found = simulate(alike(1_000, 0.3, at_orders=0.05), plans, setting, worth_of_new=worth)["referred"][:, 0]
    assert found[2] == pytest.approx(found[1])
    assert found[3] == 0


def test_a_standard_that_rises_faster_takes_customers_from_all_but_todays_path():
    setting = world(156, theta_exp=0.5, level_exp=0.5, kappa_exp=0.3, sector_rise=0.5)
    found = simulate(alike(5_000, 0.5, at_orders=0.1), [NOTHING, NOTHING, better()], setting, rising=True)
    orders = found["orders"][:, 0]
    assert orders[0] == pytest.approx(10, rel=0.04)
    assert orders[1] < orders[2]
    assert orders[1] < 0.95 * orders[0]


@pytest.mark.parametrize("name", ["BGNBD", "MBGNBD"])
def test_new_customers_order_first_all_of_them_and_then_as_the_fitted_model_says(name):
    histories = summary(truth=PurchaseTruth(1.0, 4.0, 1.0, 1.5))
    fit, spend = getattr(rl, name)().fit(histories), rl.GammaGamma().fit(histories)
    setting, model, left = world(104, draws=300), MODELS[fit.model], 104 * (1 - (np.arange(12) + 0.5) / 12)
    lives = new_lives(fit, spend, setting, 2.0)
    orders = np.mean([1 + model.expected_purchases(each, left, 0, 0.0, 0.0) for each in fit.draws(300)], axis=0)
    found = simulate(lives, [NOTHING], setting)["orders"].mean()
    assert found == pytest.approx(2 * 104 * orders.mean(), rel=0.025)
    an_order = World(setting.parameters, Economics(1 / lives.value[0]), 104.0, 0.0)
    assert worth_of_new(lives, an_order).mean(axis=0) == pytest.approx(orders, rel=0.025)


def test_mercenaries_buy_in_promotion_weeks_only_and_at_the_deal():
    lives = alike(4_000, 0.5, is_new=True)
    lives = type(lives)(**{**vars(lives), "mercenary": np.ones(4_000, dtype=bool), "by_deal": True})
    sale = Strategy("sale", Promotion(depth=0.2, every_weeks=8, reach=0.25))
    found = simulate(lives, [NOTHING, sale], world(64, margin=0.5))
    assert found["orders"][1, 0] == pytest.approx(1 + 0.5 * 8, rel=0.05)
    assert found["profit"][1, 0] / found["orders"][1, 0] == pytest.approx((0.5 - 0.2) * VALUE)


def test_customer_types_feel_deals_and_service_differently_and_average_to_what_is_assumed():
    mix = np.array([0.5, 0.5, 0.0, 0.0])
    setting = world(104, theta_exp=0.5)
    setting = World(setting.parameters, setting.economics, 104.0, 0.0, mix)
    lives = alike(4, 0.3)
    felt = setting.felt(type(lives)(**{**vars(lives), "kind": np.array([0, 1, 0, -1])}))["theta_exp"]
    assert felt[:2].mean() == pytest.approx(0.5)
    assert felt[0] > felt[3] == 0.5 > felt[1]
