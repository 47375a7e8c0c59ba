"""Which strategy to choose: probabilities from expectations and never from chance, and a rule that prefers silence."""

import numpy as np
import pytest

from analysis.strategies.decision import contenders_of, decision, outcome_of, ranking, same_in_effect

from .simulations import against_nothing, simulation_of


def ranked(run):
    return ranking(run, 0.9, seed=1)


def normal(mean, deviation, draws=4_000, seed=5):
    values = np.random.default_rng(seed).standard_normal(draws)
    return mean + deviation * (values - values.mean()) / values.std()


def test_chance_of_single_paths_does_not_count_as_uncertainty_that_could_be_resolved():
    """The toy case of the reference: truly .98 and .004, path by path .54 and 3.5."""
    luck = np.random.default_rng(6).normal(0, 10, 4_000)
    seen = normal(1.0, 0.487) + luck - luck.mean()
    assert (seen > 0).mean() == pytest.approx(0.54, abs=0.02)
    assert np.maximum(seen, 0).mean() - seen.mean() == pytest.approx(3.5, abs=0.3)
    found = ranked(simulation_of(against_nothing(seen), own_noise=luck.var()))
    assert found.probability_best[1] == pytest.approx(0.98, abs=0.03)
    assert found.perfect_information < 0.1


def test_probability_and_regret_are_those_of_the_normal_distribution():
    found = ranked(simulation_of(against_nothing(normal(1.0, 1.0))))
    assert found.probability_best == pytest.approx((0.1587, 0.8413), abs=0.01)
    assert found.regret[1] == pytest.approx(0.0833, abs=0.01)
    assert found.regret[0] == pytest.approx(1.0833, abs=0.01)
    assert found.perfect_information == pytest.approx(0.0833, abs=0.01)


def test_equal_strategies_share_the_probability_of_being_the_best():
    same = normal(2.0, 1.0)
    found = ranked(simulation_of(against_nothing(same, same)))
    assert found.probability_best[1] == pytest.approx(found.probability_best[2])
    assert sum(found.probability_best) == pytest.approx(1.0)


def test_where_all_strategies_are_the_same_two_are_kept():
    same = np.zeros(100)
    assert same_in_effect([simulation_of(against_nothing(same))]) == {}
    assert same_in_effect([simulation_of(against_nothing(same, normal(1.0, 1.0, 100)))]) == {"strategy1": "nothing"}
    apart = simulation_of(against_nothing(normal(0.1, 0.1, 100), normal(1.0, 1.0, 100)))
    assert same_in_effect([simulation_of(against_nothing(same, normal(1.0, 1.0, 100))), apart]) == {}


def test_the_regret_of_the_best_is_the_value_of_knowing_everything():
    found = ranked(simulation_of(against_nothing(normal(1.0, 1.0)), common_noise=4.0))
    assert min(found.regret) == pytest.approx(found.perfect_information)


def test_few_draws_cannot_make_a_strategy_surely_the_best():
    many, few = (ranked(simulation_of(against_nothing(np.full(draws, 1.0)))) for draws in (100, 20))
    assert (many.surely_best, few.surely_best) == ("strategy1", None)


def test_simulation_error_of_the_mean_makes_a_choice_less_sure():
    sure = ranked(simulation_of(against_nothing(normal(1.0, 0.3))))
    doubtful = ranked(simulation_of(against_nothing(normal(1.0, 0.3)), common_noise=4.0))
    assert sure.probability_best[1] > 0.99
    assert doubtful.probability_best[1] < 0.9
    assert doubtful.simulation_error == pytest.approx((0.0, 2.0))


def views(*means):
    """Rankings under several views, in each of which the first strategy leads nothing by so much."""
    return [ranked(simulation_of(against_nothing(normal(mean, 1.0)))) for mean in means]


@pytest.mark.parametrize(
    ("means", "outcome", "strategy"),
    [
        ((3.0, 3.0), "recommended", "strategy1"),
        ((-3.0, -3.0), "recommended", "nothing"),
        ((3.0, 0.5), "undecided", None),
        ((0.1, 0.1), "undecided", None),
        ((3.0, -3.0), "views_disagree", None),
    ],
)
def test_only_what_is_surely_the_best_under_every_view_is_recommended(means, outcome, strategy):
    assert outcome_of(views(*means)) == (outcome, strategy)


def test_contenders_are_all_that_may_be_the_best_under_some_view():
    assert contenders_of(views(3.0, 0.5)) == ("strategy1", "nothing")
    assert contenders_of(views(4.0, 4.0)) == ("strategy1",)


def test_a_decision_holds_a_ranking_for_every_view_and_names_the_two_in_front():
    runs = [
        simulation_of(against_nothing(normal(2.0, 1.0), normal(1.0, 1.0, seed=8)), structure=structure)
        for structure in ("per_purchase", "calendar")
    ]
    found = decision(runs, 0.9, seed=1)
    assert [each.structure for each in found.rankings] == ["per_purchase", "calendar"]
    assert found.front == ("strategy1", "strategy2")


def test_the_choice_is_between_the_contenders_and_not_between_the_largest_means():
    """A strategy that is nothing plus a sure loss has the second largest mean, and is never the best."""
    best = normal(1.0, 1.0)
    found = decision([simulation_of(against_nothing(best, best - 0.1))], 0.9, seed=1)
    assert found.contenders == ("strategy1", "nothing")
    assert found.front == ("strategy1", "nothing")


def test_of_those_that_are_no_contenders_the_more_probable_is_in_front():
    sometimes = np.where(np.arange(400) % 33 == 0, 2.0, -3.0)
    found = decision([simulation_of(against_nothing(np.full(400, -0.5), sometimes))], 0.9, seed=1)
    assert found.contenders == ("nothing",)
    assert found.front == ("nothing", "strategy2")


@pytest.mark.parametrize(("draws", "held_back"), [(60, "strategy1"), (2_000, None)])
def test_a_probability_that_so_few_draws_do_not_prove_is_told_apart_from_doubt(draws, held_back):
    better = np.where(np.arange(draws) % 30 == 29, -1.0, 1.0)
    found = decision([simulation_of(against_nothing(better))], 0.9, seed=1)
    assert found.held_back == held_back
    assert found.recommended == (None if held_back else "strategy1")


def test_where_the_draws_leave_doubt_nothing_is_held_back():
    assert decision([simulation_of(against_nothing(normal(0.5, 1.0)))], 0.9, seed=1).held_back is None


def test_the_chance_of_a_loss_and_the_interval_hold_all_views_together():
    runs = [simulation_of(against_nothing(normal(mean, 1.0), np.zeros(4_000))) for mean in (-1.0, 1.0)]
    found = decision(runs, 0.9, seed=1).table.set_index("strategy")
    assert found.index.tolist() == ["nothing", "strategy1", "strategy2"]
    assert found.loc["strategy1", "difference"] == pytest.approx(0, abs=1e-9)
    assert found.loc["strategy1", "probability_of_loss"] == pytest.approx(0.5, abs=0.01)
    assert found.loc["strategy1", "upper"] == pytest.approx(2.28, abs=0.05)
    # Strategy 2 is nothing by another name: it shares its row, and cannot lose.
    assert found.loc["strategy2"].equals(found.loc["nothing"])
    assert found.loc["nothing", "probability_of_loss"] == 0
