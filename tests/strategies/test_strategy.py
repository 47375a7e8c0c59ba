import pytest

from analysis.errors import UsageError
from analysis.strategies.strategy import (
    NOTHING,
    Attack,
    Experience,
    Promotion,
    Strategy,
    built_in_strategies,
    problems_in_strategies,
    refuse_impossible,
)


def test_the_built_in_strategies_are_possible():
    refuse_impossible(built_in_strategies(Promotion(), Experience()), 156, 0.05, Attack(0.4, 0, 10))


def test_what_a_promotion_gives_away_on_todays_orders():
    assert Promotion(depth=0.2, every_weeks=4, coverage=0.5, redemption=0.4).given_per_order == pytest.approx(0.01)
    assert Promotion(depth=0.0, points=0.03).given_per_order == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("promotion", "message"),
    [
        (Promotion(depth=1.2), "depth == 1.2, must be between 0 and 1"),
        (Promotion(depth=0.9, points=0.2), "take 115% off the price together, must be at most 100%"),
        (Promotion(depth=0.98), "take 103% off"),
        (Promotion(redemption=-0.1), "redemption == -0.1, must be between 0 and 1"),
        (Promotion(every_weeks=2, lasts_weeks=3), "lasts_weeks == 3, must be at most every_weeks == 2"),
        (Promotion(every_weeks=0), "every_weeks and lasts_weeks must be at least 1"),
        (Promotion(programme_cost_per_year=-5), "programme_cost_per_year == -5, must be at least 0"),
        (Promotion(starts_week=60), "starts_week == 60, must be at least 0 and below the horizon of 52 weeks"),
        (Promotion(starts_week=8, ends_week=8), "ends_week == 8, must be after starts_week == 8"),
    ],
)
def test_an_impossible_promotion_is_refused(promotion, message):
    (problem,) = problems_in_strategies([NOTHING, Strategy("sale", promotion)], 52, todays_deal=0.05)
    assert problem.startswith("strategy 'sale': ")
    assert message in problem


def test_all_problems_are_told_at_once():
    strategies = [
        Strategy("sale", Promotion(depth=2.0)),
        Strategy("sale", experience=Experience(invested_per_order=-1.0, spread=-0.5)),
    ]
    with pytest.raises(UsageError) as refused:
        refuse_impossible(strategies, 0, todays_deal=1.0, attack=Attack(1.4, 9, 4))
    text = str(refused.value)
    for part in (
        "horizon == 0 weeks, must be at least 1",
        "today's deal == 1, must be at least 0 and below 1",
        "'sale' is there 2 times",
        "the first strategy must be 'nothing'",
        "depth == 2",
        "invested_per_order == -1",
        "spread == -0.5",
        "rival_depth == 1.4, must be above 0 and at most 1",
        "must not end before it begins",
    ):
        assert part in text


def test_an_attack_after_the_horizon_is_refused():
    (problem,) = problems_in_strategies([NOTHING], 52, attack=Attack(0.3, 60, 70))
    assert "begins in week 60, after the horizon of 52 weeks" in problem
