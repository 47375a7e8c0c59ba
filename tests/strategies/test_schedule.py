import numpy as np
import pytest

from analysis.config.strategies import NOTHING, Promotion, Strategy
from analysis.strategies.schedule import Attack, Schedule


def _of(promotion=None, experience=None, weeks=16, **running):
    return Schedule([Strategy("x", promotion, experience, **running)], weeks)


def owed(plan):
    return np.diff(plan.owed_before[0])


def test_promotions_come_round_and_what_is_borrowed_is_paid_back_in_the_quiet_weeks_after_it():
    brief = _of(Promotion(every_weeks=4, lasts_weeks=2), starts_week=1, ends_week=10)
    assert np.flatnonzero(brief.promoted[0]).tolist() == [1, 2, 5, 6, 9]
    found = _of(Promotion(every_weeks=8))
    assert owed(found).tolist() == [0, *[0.25] * 4, 0, 0, 0] * 2
    close = _of(Promotion(every_weeks=3, lasts_weeks=1))
    assert owed(close)[:6].tolist() == [0, 0.5, 0.5, 0, 0.5, 0.5]
    assert owed(close)[-1] == 0
    assert owed(close).sum() <= close.promoted.sum()
    assert owed(_of(Promotion(every_weeks=14)))[14:].tolist() == [0, 0.25]  # only what falls into the horizon
    assert not owed(_of(Promotion(every_weeks=1))).any()


def test_an_attack_takes_customers_while_it_lasts_by_how_much_deeper_it_is():
    strategies = [NOTHING, Strategy("sale", Promotion(depth=0.2, every_weeks=4, reach=0.5, points=0.01))]
    found = Attack(Schedule(strategies, 52), 0.3, todays_deal=0.05)
    assert (found.begins, found.ends) == (26, 39)
    assert found.ahead[:, 0] == pytest.approx([0.25, 0.25 - 0.01 - 0.1 * 3 / 13])
    since, until = np.array([[20.0, 30.0, 40.0]]), np.array([[27.0, 50.0, 50.0]])
    assert found.hazard(2.0, 0.05, since, until)[0] == pytest.approx(2 * 0.2 * np.array([1, 9, 0]))
    short = Attack(Schedule(strategies, 16), 0.3, todays_deal=0.05)
    assert (short.begins, short.ends) == (3, 16)


def test_the_next_order_comes_when_the_pace_has_summed_to_what_it_needs():
    plan = _of(Promotion(depth=0.2, every_weeks=5), weeks=30)
    rng, count = np.random.default_rng(1), 200
    time, need = rng.uniform(0, 25, (1, count)), rng.exponential(6.0, (1, count))
    quiet, extra = rng.uniform(0.8, 1.2, (1, count)), rng.uniform(0.1, 0.9, (1, count))
    found = plan.next_order(time, need, quiet, extra, 0.3)
    edges = np.linspace(0, 30, 30_001)
    week = np.minimum(edges[:-1].astype(int), 29)
    for each in range(count):
        pace = np.where(plan.promoted[0, week] > 0, 1 + extra[0, each], quiet[0, each])
        pace = pace - 0.3 * extra[0, each] * owed(plan)[week]
        passed = np.append(0.0, np.cumsum(pace) * 0.001)
        target = np.interp(time[0, each], edges, passed) + need[0, each]
        expected = np.interp(target, passed, edges) if target < passed[-1] else np.inf
        assert found[0, each] == pytest.approx(expected, abs=5e-3)
