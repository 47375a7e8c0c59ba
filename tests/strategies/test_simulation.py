import numpy as np
import pytest

from analysis.config.strategies import NOTHING, Attack, Experience, Promotion, Strategy, built_in_strategies
from analysis.strategies import simulation
from analysis.strategies.microsimulation import STRUCTURES
from analysis.strategies.parameters import draw_parameters
from analysis.strategies.schedule import Economics
from analysis.strategies.sentences import COMPONENTS
from analysis.strategies.simulation import parameter_table, simulate

from .inputs import drawn, fitted_inputs, some_base

STRATEGIES = (
    *built_in_strategies(
        Promotion(points=0.02, programme_cost_per_year=200.0),
        Experience(invested_per_order=0.5, invested_per_customer_year=3.0, database_per_year=500.0),
    ),
    Strategy(
        "for_a_while", Promotion(depth=0.4, every_weeks=3, ends_week=40), Experience(starts_week=20, ends_week=60)
    ),
)
ATTACK = Attack(0.5, 30, 50)
ECONOMICS = Economics(gross_margin=0.4, cost_per_order=1.0, annual_discount_rate=0.15, todays_deal=0.04)


@pytest.fixture(scope="module", params=STRUCTURES)
def run(request):
    """Everything at once: promotions, experience, new customers, referrals, mercenaries, and an attack."""
    parameters = draw_parameters(12, 7, given={"referrals": 0.1, "rival_pull": 0.2})
    inputs = fitted_inputs(parameters, some_base(800), 400, 104, coming=4.0, economics=ECONOMICS)
    return simulate(inputs, STRATEGIES, request.param, ATTACK)


def test_customers_in_are_those_alive_and_those_who_left(run):
    weekly = run.weekly
    gone = np.cumsum(weekly.left + weekly.taken, axis=2)
    at_start = weekly.alive[:, 0, 0] - (weekly.joined - weekly.left - weekly.taken)[:, 0, 0]
    came = at_start[:, None, None] + np.cumsum(weekly.joined, axis=2)
    assert came == pytest.approx(weekly.alive + gone)
    assert (weekly.alive >= -1e-9).all()
    assert (weekly.taken[:, :, :30] == 0).all()
    assert weekly.taken[:, :, 30:51].sum() > 0
    assert (weekly.won + weekly.referred <= weekly.joined + 1e-9).all()
    assert (weekly.mercenaries <= weekly.alive).all()


def test_a_difference_is_the_sum_of_its_components(run):
    assert list(run.components) == list(COMPONENTS)
    total = sum(run.components.values())
    assert total == pytest.approx(run.difference, rel=1e-9, abs=1e-6)
    assert all((part[:, 0] == 0).all() for part in run.components.values())


def test_each_component_has_the_sign_of_what_it_is(run):
    promotion, expectation = (run.strategy(name) for name in ("promotion", "expectation"))
    parts = {name: values.mean(axis=0) for name, values in run.components.items()}
    assert parts["given_away"][promotion] < 0 == parts["given_away"][expectation]
    assert parts["extra_orders"][promotion] > 0 == parts["extra_orders"][expectation]
    assert parts["borrowed"][promotion] < 0 == parts["borrowed"][expectation]
    assert parts["service"][promotion] == 0 > parts["service"][expectation]
    assert parts["invested"][promotion] == 0 > parts["invested"][expectation]
    assert parts["referred"][promotion] == 0 < parts["referred"][expectation]
    assert parts["won"][promotion] != 0 == parts["won"][expectation]
    assert parts["rival"][expectation] > 0
    assert parts["programme"][promotion] == pytest.approx(-200 / 52.1786 * run.discount.sum(), rel=1e-4)


def test_beside_a_better_experience_a_promotion_that_gives_nothing_brings_nothing():
    better = Experience(lift=1.5, invested_per_order=1.0)
    strategies = (NOTHING, Strategy("expectation", experience=better), Strategy("both", Promotion(depth=0.0), better))
    inputs = fitted_inputs(draw_parameters(12, 7), some_base(800), 400, 104, coming=4.0, economics=ECONOMICS)
    found = simulate(inputs, strategies)
    for name, draws in found.components.items():
        assert draws[:, 2] == pytest.approx(draws[:, 1]), name


def test_the_weeks_add_up_to_the_profit(run):
    assert run.cumulative[:, :, -1] == pytest.approx(run.profit)
    assert run.weekly.spent @ run.discount == pytest.approx(run.spent)
    assert (run.spent[:, 0] == 0).all()


def test_segments_add_up_to_the_own_orders_of_the_base(run):
    of_type = sum(segment.difference for segment in run.segments if segment.dimension == "type")
    assert sum(s.customers for s in run.segments if s.dimension == "type") == pytest.approx(800)
    assert of_type.shape == run.profit.shape
    assert (of_type[:, 0] == 0).all()


def test_without_new_customers_segments_add_up_to_the_difference():
    inputs = fitted_inputs(draw_parameters(5, 1, given={"referrals": 0.0}), customers=300)
    run = simulate(inputs, built_in_strategies(Promotion(), Experience(invested_per_customer_year=2.0)))
    own = sum(segment.difference for segment in run.segments if segment.dimension == "type")
    assert own == pytest.approx(run.difference)


def test_the_same_seed_gives_the_same_numbers_on_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(simulation, "CUSTOMERS_AT_ONCE", 2_000)
    inputs = fitted_inputs(draw_parameters(8, 2), customers=200, coming=2.0)
    runs = [simulate(inputs, STRATEGIES, attack=ATTACK, threads=threads) for threads in (1, 2, 5)]
    for other in runs[1:]:
        assert (other.profit == runs[0].profit).all()
        assert (other.weekly.orders == runs[0].weekly.orders).all()
        assert (other.noise_covariance == runs[0].noise_covariance).all()
        assert (other.common_noise == runs[0].common_noise).all()


def test_the_size_of_a_block_changes_nothing(monkeypatch):
    inputs = fitted_inputs(draw_parameters(8, 2), customers=200, coming=2.0)
    whole = simulate(inputs, STRATEGIES)
    monkeypatch.setattr(simulation, "CUSTOMERS_AT_ONCE", 1)
    assert simulate(inputs, STRATEGIES).profit == pytest.approx(whole.profit, rel=1e-12)


def test_another_seed_gives_other_numbers():
    profit = [simulate(fitted_inputs(drawn(), customers=200, seed=seed), [NOTHING]).profit for seed in (1, 2)]
    assert profit[0] != profit[1]


def test_a_draw_has_the_same_result_alone_and_among_others():
    parameters = draw_parameters(6, 2)
    whole = simulate(fitted_inputs(parameters, customers=200), STRATEGIES[:4])
    fitted = fitted_inputs(parameters, customers=200)
    assert simulate(fitted, STRATEGIES[:4]).profit[3] == pytest.approx(whole.profit[3], rel=1e-12)


def test_the_stated_noise_covers_what_seeds_make_of_it():
    parameters = draw_parameters(2, 3)
    strategies = STRATEGIES[:4]
    runs = [simulate(fitted_inputs(parameters, customers=150, seed=seed, coming=2.0), strategies) for seed in range(60)]
    differences = np.array([run.difference for run in runs])
    found = differences.std(axis=0, ddof=1)[:, 1:]
    noise = np.mean([run.noise_covariance for run in runs], axis=0)
    diagonal = np.einsum("dss->ds", noise)
    stated = np.sqrt(diagonal + diagonal[:, :1] - 2 * noise[:, 0])[:, 1:]
    assert (stated > 0.75 * found).all()
    assert (stated < 2.5 * found).all()


def test_draws_share_most_of_their_noise_since_they_share_customers_and_numbers():
    run = simulate(fitted_inputs(draw_parameters(20, 3), customers=300), STRATEGIES[:4])
    each = np.einsum("dss->ds", run.noise_covariance).mean(axis=0)
    assert (np.diag(run.common_noise) > 0.5 * each).all()
    assert (np.diag(run.common_noise) < each).all()


def test_common_random_numbers_make_differences_sharper_than_profits():
    run = simulate(fitted_inputs(draw_parameters(4, 3), customers=500), STRATEGIES[:4])
    noise = run.noise_covariance
    of_difference = noise[:, 1, 1] + noise[:, 0, 0] - 2 * noise[:, 0, 1]
    assert (of_difference < 0.5 * noise[:, 1, 1]).all()


def test_other_strategies_beside_it_leave_a_strategy_alone():
    inputs = fitted_inputs(draw_parameters(4, 3), customers=300)
    one = simulate(inputs, STRATEGIES[:2]).difference[:, 1]
    among = simulate(inputs, STRATEGIES[:4]).difference[:, 1]
    error = np.sqrt(simulate(inputs, STRATEGIES[:2]).noise_covariance[:, 1, 1])
    assert (np.abs(one - among) < 2 * error).all()


def test_parameters_come_with_their_origins():
    table, origin = parameter_table(fitted_inputs(draw_parameters(4, 3, given={"tau": 2.0}), customers=60))
    assert set(origin) == set(table.columns)
    assert (origin["purchase.r"], origin["tau"], origin["theta_exp"]) == ("posterior", "given", "assumption")
