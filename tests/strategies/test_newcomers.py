import numpy as np
import pytest

from analysis.config.strategies import NOTHING, Promotion, Strategy
from analysis.strategies.newcomers import COMING, MERCENARY, WON, Quarters, entry_of_new
from analysis.strategies.parameters import draw_parameters
from analysis.strategies.sampling import CommonRandomNumbers
from analysis.strategies.schedule import schedule_of
from analysis.strategies.simulation import simulate

from .inputs import drawn, fitted_inputs, some_base

SALE = Strategy("sale", promotion=Promotion(depth=0.2, every_weeks=4, coverage=1.0, redemption=1.0))


@pytest.mark.parametrize("weeks", [1, 5, 52, 156, 157, 1_040])
def test_quarters_cover_the_horizon_and_every_week_is_in_one(weeks):
    quarters = Quarters.of(weeks)
    assert (quarters.edges[0], quarters.edges[-1]) == (0, weeks)
    assert np.bincount(quarters.of_week, minlength=len(quarters)).min() >= 1
    assert quarters.sums(np.ones(weeks)).sum() == weeks


def test_a_long_horizon_has_longer_parts():
    assert len(Quarters.of(104)) == 8
    assert len(Quarters.of(1_040)) == 20


def test_customers_won_come_in_promotion_weeks_and_others_at_any_moment():
    schedule = schedule_of([NOTHING, SALE], 52, 0.1)
    entry = entry_of_new(schedule, 960, CommonRandomNumbers(1, 1, 960), promotions_win=True)
    kind = entry.group // 4
    assert np.bincount(kind).tolist() == [480, 320, 160]
    won = entry.enters[1, kind != COMING]
    assert (won.astype(int) % 4 == 0).all()
    assert np.isinf(entry.enters[0, kind != COMING]).all()
    assert (entry.enters[0, kind == COMING] == entry.enters[1, kind == COMING]).all()
    assert (entry.mercenary == (kind == MERCENARY)).all()
    assert (entry.by_deal == (kind >= WON)).all()


def test_as_many_are_won_as_stated():
    parameters = draw_parameters(3, 1, given={"won": 0.5})
    run = simulate(fitted_inputs(parameters, some_base(100), 300, 52, coming=10.0), [NOTHING, SALE])
    assert run.weekly.won[:, 1].sum(axis=1) == pytest.approx(np.full(3, 10 * 0.5 * 13))
    assert run.weekly.won[:, 0].sum() == 0
    assert np.flatnonzero(run.weekly.won[0, 1]).tolist() == list(range(0, 52, 4))


def test_mercenaries_buy_in_promotion_weeks_only():
    given = {"won": 1.0, "mercenary_share": 1.0}
    with_sale = simulate(fitted_inputs(drawn(**given), some_base(100), 2_000, 52, coming=10.0), [NOTHING, SALE])
    orders = with_sale.weekly.orders[0]
    more = orders[1] - orders[0]
    assert more[::4].min() > 0
    quiet = np.delete(more, np.arange(0, 52, 4))
    assert quiet == pytest.approx(np.zeros(39), abs=1e-9)


def test_the_stated_share_of_those_won_are_mercenaries():
    given = {"won": 0.5, "mercenary_share": 0.4, "mercenary_leaving": 1e-9}
    run = simulate(fitted_inputs(drawn(**given), some_base(100), 300, 52, coming=10.0), [NOTHING, SALE])
    assert run.weekly.mercenaries[0, 1, -1] == pytest.approx(0.4 * run.weekly.won[0, 1].sum())


def test_mercenaries_who_leave_more_readily_are_fewer_at_the_end():
    left = {}
    for odds in (1.0, 8.0):
        parameters = drawn(won=1.0, mercenary_share=1.0, mercenary_leaving=odds)
        run = simulate(fitted_inputs(parameters, some_base(100), 1_000, 104, coming=10.0), [NOTHING, SALE])
        left[odds] = run.weekly.mercenaries[0, 1, -1]
    assert left[8.0] < left[1.0]


def test_nobody_is_won_where_nobody_comes():
    run = simulate(fitted_inputs(draw_parameters(3, 1), some_base(100), 200, 52), [NOTHING, SALE])
    assert run.weekly.joined.sum() == 0
    assert (run.components["won"] == 0).all()
