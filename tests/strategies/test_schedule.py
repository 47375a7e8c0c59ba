import numpy as np
import pytest

from analysis.config.strategies import NOTHING, Attack, Experience, Promotion, Strategy
from analysis.strategies.dynamics import order_margin
from analysis.strategies.schedule import WEEKS_PER_YEAR, Economics, exposure_of, schedule_of


def _of(promotion=None, experience=None, weeks=16):
    return schedule_of([Strategy("x", promotion, experience)], weeks, 0.1)


def test_promotions_come_round_and_stop():
    found = _of(Promotion(every_weeks=4, lasts_weeks=2, starts_week=1, ends_week=10)).promoted[0]
    assert np.flatnonzero(found).tolist() == [1, 2, 5, 6, 9]


def test_what_is_borrowed_is_paid_back_in_the_quiet_weeks_after_it():
    found = _of(Promotion(every_weeks=8))
    assert found.paid_back[0].tolist() == [0, *[0.25] * 4, 0, 0, 0] * 2
    close = _of(Promotion(every_weeks=3, lasts_weeks=1))
    assert close.paid_back[0, :6].tolist() == [0, 0.5, 0.5, 0, 0.5, 0.5]
    assert close.paid_back[0, -1] == 0
    assert close.paid_back.sum() <= close.promoted.sum()


def test_at_the_end_of_the_horizon_only_what_falls_into_it_is_missing():
    assert _of(Promotion(every_weeks=14), weeks=16).paid_back[0, 14:].tolist() == [0, 0.25]


def test_a_permanent_deal_borrows_nothing():
    found = _of(Promotion(every_weeks=1))
    assert found.promoted.all()
    assert not found.paid_back.any()


def test_costs_are_spread_over_the_weeks_in_which_something_is_done():
    found = _of(
        Promotion(programme_cost_per_year=100.0, points=0.02),
        Experience(lift=0.5, invested_per_customer_year=10.0, database_per_year=50.0, starts_week=8),
    )
    assert found.fixed[0, :8] * WEEKS_PER_YEAR == pytest.approx(np.full(8, 100.0))
    assert found.fixed[0, 8:] * WEEKS_PER_YEAR == pytest.approx(np.full(8, 150.0))
    assert found.invested[0].sum() == pytest.approx(8 * 10 / WEEKS_PER_YEAR)
    assert found.lift[0].tolist() == [0.0] * 8 + [0.5] * 8
    assert np.isnan(found.spread[0, 8:]).all()


def test_a_year_is_discounted_by_the_yearly_rate():
    discount = schedule_of([NOTHING], 105, 0.21).discount
    assert discount[52] / discount[0] == pytest.approx(1.21 ** (-52 / WEEKS_PER_YEAR))


def test_todays_deal_is_already_taken_off_what_is_paid():
    economics = Economics(gross_margin=0.3, todays_deal=0.2)
    assert economics.list_margin * (80 / (1 - 0.2)) == pytest.approx(0.3 * 80)


def test_the_margin_of_all_orders_together_is_the_gross_margin_of_what_was_paid():
    listed, paid = np.array([100.0, 100.0, 50.0]), np.array([100.0, 60.0, 40.0])
    economics = Economics(gross_margin=0.3, cost_per_order=2.0, todays_deal=1 - paid.sum() / listed.sum())
    margin = economics.margin_of(paid, listed)
    assert margin.sum() == pytest.approx(0.3 * paid.sum() - 3 * 2.0)
    # Of two orders alike at list prices, the deal is all that they differ by.
    assert margin[0] - margin[1] == pytest.approx(40.0)


def test_the_margin_of_an_order_is_that_of_the_simulation_with_a_deal_on_top_of_todays():
    economics = Economics(gross_margin=0.3, cost_per_order=2.0, todays_deal=0.1)
    simulated = order_margin(100.0, economics.list_margin, economics.cost_per_order, deal=0.2)
    assert economics.margin_of(paid=100.0 * (1 - 0.1 - 0.2), listed=100.0) == pytest.approx(simulated)


def test_exposure_counts_weeks_under_attack_apart_in_and_between_promotions():
    strategies = [NOTHING, Strategy("sale", Promotion(depth=0.2, every_weeks=4, coverage=0.5, points=0.01))]
    schedule = schedule_of(strategies, 16, 0.0)
    found = exposure_of(schedule, strategies, Attack(0.3, 4, 9), todays_deal=0.05)
    assert found.quiet[:, -1].tolist() == [6, 4]
    assert found.promoted[:, -1].tolist() == [0, 2]
    assert found.own_quiet == pytest.approx([0.05, 0.06])
    assert found.own_promoted == pytest.approx([0.05, 0.16])
