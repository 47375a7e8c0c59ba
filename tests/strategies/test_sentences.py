"""What is said of strategies: losers are named as well as winners, in words that a director understands."""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.config.strategies import Experience, Promotion, Strategy
from analysis.strategies.choice import StrategyChoice
from analysis.strategies.decision import decision
from analysis.strategies.sentences import decision_sentences, done_in

from .simulations import against_nothing, simulation_of

WORDS_OF_MODELS = re.compile(r"NBD|kappa|theta|posterior|log|draws?\b|standard deviation|`")


def choice(*differences, names=("club", "sale", "service")):
    """A choice between strategies that earn so much more than going on as today, under two views."""
    strategies = {
        "nothing": Strategy("nothing"),
        "club": Strategy("club", promotion=Promotion(depth=0.0, points=0.03, programme_cost_per_year=10_000.0)),
        "sale": Strategy("sale", promotion=Promotion(depth=0.2, every_weeks=8)),
        "service": Strategy("service", experience=Experience(invested_per_order=0.36)),
    }
    named = ["nothing", *names[: len(differences)]]
    runs = [
        simulation_of(against_nothing(*differences), structure=structure, names=named)
        for structure in ("per_purchase", "calendar")
    ]
    found = decision(runs, 0.9, seed=1)
    return StrategyChoice(tuple(strategies[name] for name in named), 3.0, found, None, None, None)


def spread(mean, deviation=1.0, draws=400):
    return mean + deviation * np.random.default_rng(7).permutation(np.linspace(-2, 2, draws))


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (Strategy("a", Promotion(0.1, 4, 4)), "10% off at any time, for 80% of customers"),
        (Strategy("a", Promotion(0.2, 8, 2, coverage=1.0)), "20% off for 2 weeks every 8 weeks, for 100% of customers"),
        (Strategy("a", experience=Experience()), "serving customers better, at no cost"),
        (Strategy("a"), "nothing new"),
    ],
)
def test_a_strategy_is_what_the_company_does(strategy, words):
    assert str(done_in(strategy)) == words


def test_a_programme_that_loses_is_named_first_with_its_cost():
    said = [str(each) for each in decision_sentences(choice(spread(-90_000, 9_000), spread(1_000, 4_000)))]
    assert said[1].startswith("club (points worth 3.0% on every order and a programme that costs 10,000 a year)")
    assert "almost certainly loses money: some 90,000 over 3 years" in said[1]
    assert "sale (20% off for 1 week every 8 weeks, for 80% of customers) may win or lose" in said[2]
    assert not any(WORDS_OF_MODELS.search(each) for each in said)


def test_what_is_surely_best_is_advised_and_nothing_more_is_asked():
    said = [str(each) for each in decision_sentences(choice(spread(5_000, 900), spread(-100, 30)))]
    assert said[0] == "Do this: club. It earns most over 3 years."
    assert len(said) == 4
    stay = [str(each) for each in decision_sentences(choice(spread(-5_000, 900)))]
    assert stay[0].startswith("Go on as today.")


def test_a_strategy_that_changes_nothing_is_said_to():
    said = [str(each) for each in decision_sentences(choice(np.zeros(400), spread(10.0)))]
    assert any(each.startswith("club") and each.endswith("changes nothing.") for each in said)


def test_bars_stand_in_the_order_of_the_table_on_ones_own_axes():
    axes = Figure().subplots(1, 2)
    drawn = choice(spread(-90.0), spread(10.0)).plot.differences(ax=axes[1])
    assert drawn is axes[1]
    assert [text.get_text().split(":")[0] for text in drawn.texts] == ["club", "sale"]
