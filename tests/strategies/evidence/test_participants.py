from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.evidence.planted import growing_orders, promoted_orders

from analysis.strategies.evidence.promotions import participants_of, reach_of, weekly_orders, weeks_of

PLANTED = {"lift": 1.0, "borrowed": 0.0, "depth": 0.2, "customers": 600, "weeks": 104}


def _participants(encounters, seed=1):
    return participants_of(encounters, weekly_orders(encounters), 2_000, np.random.default_rng(seed))


@pytest.mark.parametrize("usual_deals", [0.0, 0.6, 0.95])
def test_the_share_of_orders_and_the_depth_are_those_beyond_the_usual_deals(met, usual_deals):
    orders, _ = promoted_orders(**PLANTED, seed=2, reach=0.5, usual_deals=usual_deals)
    found = _participants(met(orders))
    # Half of the customers order twice as much in promotion weeks.
    assert found.orders == pytest.approx(2 / 3, abs=0.02)
    assert found.depth == pytest.approx(0.2 - 0.05 * usual_deals, abs=0.003)
    assert reach_of(found.orders, 0.5) == pytest.approx(0.5, abs=0.03)


def test_the_draws_spread_as_companies_of_the_same_kind_do(met):
    drawn = [_participants(met(promoted_orders(**PLANTED, seed=seed, reach=0.5)[0])) for seed in range(12)]
    spread = np.std([each.orders for each in drawn], ddof=1)
    assert np.mean([each.orders_draws.std() for each in drawn]) == pytest.approx(spread, rel=0.6)


def test_newcomers_and_weeks_that_are_promoted_in_part_tell_nothing_of_who_takes_part(met):
    orders, calendar = growing_orders(lift=0.0, customers=1_400, weeks=104, seed=1)
    encounters = met(orders)
    weeks = weekly_orders(encounters, calendar)
    plain = participants_of(encounters, weeks, 100, np.random.default_rng(1))
    is_first = encounters.number == 0
    partly = weeks_of(encounters, weeks) == 8
    other = replace(encounters, saved=np.where(is_first | partly, 0.5, encounters.saved))
    weeks.loc[8, "promoted"] = 3 / 7
    assert participants_of(other, weeks, 100, np.random.default_rng(1)).depth == pytest.approx(plain.depth, abs=1e-3)


def test_where_nothing_is_saved_nobody_takes_part(met):
    orders, _ = promoted_orders(**PLANTED, seed=2)
    plain = met(orders)
    weeks = weekly_orders(plain)
    nothing = replace(plain, paid=plain.listed, saved=np.zeros(len(plain)))
    found = participants_of(nothing, weeks, 100, np.random.default_rng(1))
    assert (found.orders, found.depth) == (0, 0)
    assert not found.orders_draws.any()
