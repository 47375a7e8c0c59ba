import json

import numpy as np
import pytest

from analysis.config.strategies import NOTHING, Experience, Strategy
from analysis.interval import Interval
from analysis.strategies.parameters import draw_parameters
from analysis.strategies.results import plain
from analysis.strategies.simulation import simulate
from analysis.words import Message

from .inputs import fitted_inputs

FREE = Strategy("free", experience=Experience(lift=0.6, spread=0.0))
COSTLY_AT_FIRST = Strategy("early", experience=Experience(lift=0.0, invested_per_order=5.0, ends_week=10))


@pytest.fixture(scope="module")
def run():
    parameters = draw_parameters(5, 1, given={"theta_exp": 0.6, "gamma_exp": 0.3, "sector_rise": 0.0})
    return simulate(fitted_inputs(parameters, customers=400), [NOTHING, FREE, COSTLY_AT_FIRST])


def test_nothing_differs_from_itself_by_nothing(run):
    assert (run.difference[:, 0] == 0).all()


def test_what_is_spent_of_the_margin_leaves_the_profit(run):
    assert np.allclose(run.weekly.margin @ run.discount - run.spent, run.profit)


def test_what_costs_only_loses_what_is_spent(run):
    assert run.difference[:, 2] == pytest.approx(-run.spent[:, 2])


def test_those_who_are_here_today_become_fewer_and_fewer_leave_what_is_better(run):
    staying = run.weekly.alive_of_base
    assert (np.diff(staying, axis=2) <= 1e-9).all()
    assert staying[:, 1, -1].mean() > staying[:, 0, -1].mean()


def test_plain_data_are_english_in_any_language_and_name_what_is_missing():
    told = Message("why", code="x.y", n=2)
    found = plain({"a": (Message("orders a week"), Interval(1.0, np.nan, 2.0, 0.9)), "b": told})
    assert json.loads(json.dumps(found, allow_nan=False)) == {
        "a": ["orders a week", {"estimate": 1.0, "lower": None, "upper": 2.0, "level": 0.9}],
        "b": {"key": "x.y", "numbers": {"n": 2}},
    }
