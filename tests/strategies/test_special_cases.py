"""The cases in which it is known what must come out."""

import numpy as np
import pytest
from scipy.special import expit, logit

from analysis.config.strategies import NOTHING, Attack, Experience, Promotion, Strategy, built_in_strategies
from analysis.models.registry import MODELS
from analysis.strategies.microsimulation import PER_PURCHASE, STRUCTURES
from analysis.strategies.parameters import draw_parameters
from analysis.strategies.schedule import Economics
from analysis.strategies.simulation import simulate

from .inputs import PURCHASES, VALUE, alike, drawn, fitted_inputs, inputs_of_alike, some_base


def better(lift, **settings):
    return Strategy("expectation", experience=Experience(lift=lift, spread=settings.pop("spread", 0.0), **settings))


COUNTED = Economics(gross_margin=1 / VALUE)
"""Where an order earns exactly one, profit counts orders, and its error is theirs."""
HISTORY = (("frequency", 1), ("recency_days", 7), ("T_days", 7))


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("name", ["BG/NBD", "MBG/NBD"])
def test_without_effects_the_base_orders_and_stays_as_the_fitted_model_says(structure, name):
    base, weeks, customers = some_base(), 104, 40_000
    free = built_in_strategies(Promotion(depth=0.0), Experience())
    run = simulate(fitted_inputs(drawn(), base, customers, weeks, model=name, economics=COUNTED), free, structure)
    model, params = MODELS[name], MODELS[name].Params(*PURCHASES)
    history = [base.table[column].to_numpy() / unit for column, unit in HISTORY]
    orders = model.expected_purchases(params, weeks, *history).sum()
    error = np.sqrt(run.noise_covariance[0, 0, 0])
    assert error < 0.02 * orders
    assert run.profit[0] == pytest.approx(np.full(4, orders), abs=3 * error)
    assert run.weekly.orders.sum(axis=2)[0] == pytest.approx(run.profit[0])
    few = 3 * 500 * 0.5 / np.sqrt(customers)
    for week in (12, 51, 103):
        staying = model.survival(params, week + 1.0, *history).sum()
        assert run.weekly.alive[0, :, week] == pytest.approx(np.full(4, staying), abs=few)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_without_effects_new_customers_order_and_stay_as_the_fitted_model_says(structure):
    weeks, coming, model = 104, 3.0, MODELS["BG/NBD"]
    run = simulate(fitted_inputs(drawn(), some_base(50), 20_000, weeks, coming=coming), [NOTHING], structure)
    alone = simulate(fitted_inputs(drawn(), some_base(50), 20_000, weeks), [NOTHING], structure)
    ages = np.linspace(0, weeks, 401)[1:] - weeks / 800
    orders = np.mean([1 + float(model.expected_purchases(model.Params(*PURCHASES), age, 0, 0.0, 0.0)) for age in ages])
    staying = np.mean([float(np.squeeze(model.survival(model.Params(*PURCHASES), age))) for age in ages])
    of_new = run.weekly.orders.sum() - alone.weekly.orders.sum()
    assert of_new == pytest.approx(coming * weeks * orders, rel=0.02)
    alive = run.weekly.alive[0, 0, -1] - run.weekly.alive_of_base[0, 0, -1]
    assert alive == pytest.approx(coming * weeks * staying, rel=0.02)
    assert run.weekly.joined.sum() == pytest.approx(coming * weeks)


def test_an_expectation_that_forgets_everything_gives_one_burst_and_then_nothing():
    dropout, lift, theta = 0.2, 0.8, 0.7
    parameters = drawn(kappa_exp=1.0, theta_exp=theta, gamma_exp=0.3, delivery=1.0)
    run = simulate(inputs_of_alike(60_000, 1.0, dropout, parameters), [NOTHING, better(lift)])
    first = expit(logit(dropout) - theta * lift)
    orders = run.weekly.orders.sum(axis=2)[0] / 60_000
    assert orders[0] == pytest.approx(1 / dropout, rel=0.01)
    assert orders[1] == pytest.approx(1 + (1 - first) / dropout, rel=0.01)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_an_expectation_that_never_learns_gives_a_constant_pace_and_dropout_from_the_first_encounter(structure):
    rate, dropout, lift, theta, gamma = 0.2, 0.15, 0.8, 0.7, 0.3
    parameters = drawn(kappa_exp=0.0, theta_exp=theta, gamma_exp=gamma, delivery=1.0)
    run = simulate(inputs_of_alike(60_000, rate, dropout, parameters, weeks=60), [NOTHING, better(lift)], structure)
    after = expit(logit(dropout) - theta * lift)
    pace = rate * np.exp(gamma * lift)
    start = (np.arange(6_000) + 0.5) / 100
    rest = 60 - start
    if structure == PER_PURCHASE:
        later = (1 - after) * -np.expm1(-pace * after * rest) / after
        reached = rate * np.exp(-rate * start)
    else:
        later = pace * -np.expm1(-rate * after * rest) / (rate * after)
        reached = rate * np.exp(-rate * (1 + dropout) * start)
    expected = np.sum(reached * (1 + later)) / 100
    assert run.weekly.orders[0, 1].sum() / 60_000 == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_depth_and_investment_of_zero_are_exactly_doing_nothing(structure):
    nothing_new = built_in_strategies(Promotion(depth=0.0), Experience(lift=0.0))
    inputs = fitted_inputs(draw_parameters(6, 1), customers=300, coming=2.0)
    run = simulate(inputs, nothing_new, structure)
    assert (run.difference == 0).all()
    assert (run.weekly.orders == run.weekly.orders[:, :1]).all()


@pytest.mark.parametrize("structure", STRUCTURES)
def test_equal_strategies_differ_by_exactly_zero(structure):
    promotion, experience = Promotion(), Experience(invested_per_order=1.0)
    twins = [NOTHING, Strategy("one", promotion, experience), Strategy("two", promotion, experience)]
    inputs = fitted_inputs(draw_parameters(6, 2), customers=300, coming=2.0)
    run = simulate(inputs, twins, structure, Attack(0.4, 10, 30))
    assert (run.profit[:, 1] == run.profit[:, 2]).all()
    assert (run.difference[:, 1] != 0).all()
    assert all((part[:, 1] == part[:, 2]).all() for part in run.components.values())


def test_a_rival_takes_equal_shares_of_those_who_are_there_where_bonds_do_not_count():
    pull, depth = 0.2, 0.3
    parameters = drawn(rival_pull=pull, bond_shield=0.0, theta_exp=1.0, gamma_exp=0.3, delivery=1.0)
    inputs = inputs_of_alike(40_000, 0.2, 0.2, parameters, weeks=40)
    run = simulate(inputs, [NOTHING, better(0.8)], attack=Attack(depth, 0, 39))
    weekly = run.weekly
    there = np.concatenate([np.full((1, 2, 1), 40_000.0), weekly.alive[..., :-1]], axis=2)
    exposed = ((there + weekly.alive) / 2).sum(axis=2)
    assert weekly.taken.sum(axis=2) / exposed == pytest.approx(np.full((1, 2), pull * depth), rel=0.03)


def test_a_rival_takes_what_the_hazard_says_of_customers_who_would_never_leave():
    parameters = drawn(rival_pull=0.2, bond_shield=0.0)
    sale = Strategy("sale", promotion=Promotion(depth=0.1, every_weeks=1, coverage=1.0, redemption=1.0))
    inputs = inputs_of_alike(40_000, 0.3, 1e-9, parameters, weeks=60)
    run = simulate(inputs, [NOTHING, sale], attack=Attack(0.3, 10, 22))
    expected = -np.expm1(-0.2 * np.array([0.3, 0.2]) * 13)
    assert run.weekly.taken.sum(axis=2)[0] / 40_000 == pytest.approx(expected, rel=0.02)
    weeks = np.flatnonzero(run.weekly.taken[0, 0])
    assert (weeks.min(), weeks.max()) == (10, 22)


def test_bonds_protect_from_a_rival_and_deals_build_none():
    parameters = drawn(rival_pull=0.3, bond_shield=0.1, bond_decay=0.1, delivery=1.0, kappa_exp=0.1, kappa_deal=0.3)
    strategies = [NOTHING, better(1.0), Strategy("points", promotion=Promotion(depth=0.0, points=0.05))]
    run = simulate(inputs_of_alike(5_000, 0.5, 0.01, parameters, weeks=60), strategies, attack=Attack(0.3, 26, 38))
    taken = run.weekly.taken.sum(axis=2)[0]
    own_deal = -np.expm1(-0.3 * np.array([0.30, 0.25]) * 13)
    assert taken[1] < 0.5 * taken[0]
    assert taken[2] / taken[0] == pytest.approx(own_deal[1] / own_deal[0], rel=0.02)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_a_permanent_free_gain_in_experience_never_lowers_expected_profit(structure):
    parameters = draw_parameters(40, 4)
    lifts = (0.2, 1.0)
    better = (Strategy(f"gain_{round(100 * lift)}", experience=Experience(lift, spread=0.0)) for lift in lifts)
    gains = [NOTHING, *better]
    run = simulate(fitted_inputs(parameters, customers=500, coming=1.0, weeks=104), gains, structure)
    noise = run.noise_covariance
    error = np.sqrt(np.array([noise[:, s, s] + noise[:, 0, 0] - 2 * noise[:, 0, s] for s in range(3)]).T)
    assert (run.difference >= -3 * error).all()
    assert run.difference[:, 2].mean() > run.difference[:, 1].mean() > 0


@pytest.mark.parametrize(("loss_aversion", "order"), [(1.0, 2), (2.0, 1)])
def test_inconsistency_costs_in_second_order_only_unless_losses_weigh_more(loss_aversion, order):
    dropout, theta, count = 0.2, 1.0, 150_000
    parameters = drawn(kappa_exp=0.0, theta_exp=theta, loss_aversion=loss_aversion)
    uneven = [Strategy(f"spread_{round(100 * size)}", experience=Experience(0.0, spread=size)) for size in (0.25, 0.5)]
    run = simulate(inputs_of_alike(count, 1.0, dropout, parameters), [NOTHING, *uneven])
    orders = run.weekly.orders.sum(axis=2)[0] / count
    luck = np.random.default_rng(1).standard_normal(400_000)
    for number, size in ((1, 0.25), (2, 0.5)):
        felt = size * np.where(luck > 0, luck, loss_aversion * luck)
        assert orders[number] == pytest.approx(1 / expit(logit(dropout) - theta * felt).mean(), rel=0.01)
    loss = orders[0] - orders[1:]
    assert loss[1] / loss[0] == pytest.approx(2**order, rel=0.25)


def test_a_promotion_lifts_its_weeks_and_borrows_from_those_after_it():
    lift, borrowed, rate, count = 0.6, 0.25, 0.5, 20_000
    parameters = drawn(promotional_lift=lift, borrowed=borrowed, kappa_deal=0.0)
    sale = Strategy("sale", promotion=Promotion(depth=0.2, every_weeks=8, coverage=1.0, redemption=0.5))
    run = simulate(inputs_of_alike(count, rate, 1e-9, parameters, weeks=64), [NOTHING, sale])
    by_week = run.weekly.orders[0, 1].reshape(8, 8).mean(axis=0) / (rate * count)
    extra = 0.5 * lift
    expected = [1 + extra, *[1 - borrowed * extra / 4] * 4, 1, 1, 1]
    assert by_week == pytest.approx(expected, abs=0.012)
    components = {name: values[0, 1] for name, values in run.components.items()}
    gained = components["extra_orders"] + components["extra_from_rivals"]
    discounted = run.discount @ run.weekly.orders[0, 0]
    assert components["borrowed"] / (0.5 * 40 * discounted) == pytest.approx(-borrowed * extra / 8, rel=0.05)
    kept = 0.5 - 0.2 * deal_share(lift, 0.5)
    assert gained / (kept * 40 * discounted) == pytest.approx(extra / 8, rel=0.05)


def deal_share(lift, reach):
    return reach * (1 + lift) / (1 + reach * lift)


def test_a_deal_that_is_expected_lifts_less():
    sale = [NOTHING, Strategy("sale", promotion=Promotion(every_weeks=2, coverage=1.0, redemption=1.0))]
    extra = {}
    for kappa in (0.0, 0.3, 0.8):
        inputs = inputs_of_alike(2_000, 0.5, 1e-9, drawn(promotional_lift=0.6, kappa_deal=kappa), weeks=64)
        orders = simulate(inputs, sale).weekly.orders.sum(axis=2)[0]
        extra[kappa] = orders[1] - orders[0]
    assert extra[0.0] > extra[0.3] > extra[0.8] > 0


def test_deeper_discounts_without_effect_on_customers_only_cost():
    inputs = fitted_inputs(drawn(3), customers=400, coming=1.0)
    depths = [Strategy(f"depth{depth}", promotion=Promotion(depth=depth / 10)) for depth in range(1, 9)]
    profit = simulate(inputs, [NOTHING, *depths]).profit
    assert (np.diff(profit, axis=1) < 0).all()


def test_customers_who_never_leave_refer_as_often_as_they_are_delighted():
    rho, lift = 0.05, 0.5
    parameters = drawn(referrals=rho, kappa_exp=0.0, delivery=1.0)
    inputs = inputs_of_alike(1_000, 0.3, 0.05, parameters, weeks=78, new=alike(1_000, 0.3, 0.05))
    run = simulate(inputs, [NOTHING, better(lift)])
    assert run.weekly.referred[0, 1].sum() == pytest.approx(rho * lift * run.weekly.orders[0, 1].sum(), rel=1e-9)
    assert run.weekly.referred[0, 0].sum() == 0
    assert run.components["referred"][0, 1] > 0


def test_an_experience_that_is_only_uneven_brings_no_customers():
    parameters = drawn(referrals=0.05, kappa_exp=0.3)
    inputs = inputs_of_alike(500, 0.5, 0.02, parameters, weeks=78, new=alike(500, 0.5, 0.02))
    uneven = Strategy("uneven", experience=Experience(lift=0.0, spread=1.0))
    assert simulate(inputs, [NOTHING, uneven]).weekly.referred.sum() == 0


def test_a_temporary_gain_can_lower_profit_since_it_raises_the_bar():
    parameters = drawn(theta_exp=1.0, kappa_exp=0.9, loss_aversion=3.0, delivery=1.0)
    gain = Strategy("for_a_year", experience=Experience(1.0, spread=0.0, ends_week=52))
    economics = Economics(gross_margin=0.5)
    inputs = inputs_of_alike(20_000, 0.5, 0.02, parameters, weeks=208, economics=economics)
    assert simulate(inputs, [NOTHING, gain]).difference[0, 1] < 0
