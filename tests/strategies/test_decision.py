"""The rule, the break-even, and what a test or an answer is worth."""

import numpy as np
import pytest

from analysis.strategies.decision import FORMS, form_of, simulation_error, smooth, untested, worth_of_asking
from analysis.strategies.trial import assignment


@pytest.mark.parametrize("untested", [0.0, 5.0])
@pytest.mark.parametrize("trial", [-1.0, 0.0, 2.0])
@pytest.mark.parametrize("asking", [-1.0, 0.0, 3.0])
@pytest.mark.parametrize("alike", [True, False])
def test_every_strategy_gets_exactly_one_advice_by_the_first_step_that_holds(untested, trial, asking, alike):
    form = form_of(untested, trial, asking, alike=alike)
    assert form in FORMS
    if max(trial, asking) > 0:
        assert form == ("try_first" if trial >= asking else "find_out_first")
    elif untested == 0:
        assert form == "do_not"
    else:
        assert form == ("either" if alike else "do")


def test_what_gains_too_little_for_the_loss_that_is_possible_is_not_done_untested():
    even, sure = np.array([-100.0, 126.0]), np.array([-5.0, 126.0])
    assert (untested(even), untested(sure)) == (0.0, sure.mean())
    assert untested(-sure) == 0.0


def test_it_is_asked_for_the_assumption_that_decides_and_never_for_what_is_known():
    rng = np.random.default_rng(2)
    values = {name: rng.random(500) for name in ("referrals", "breakage", "theta_exp")}
    draws = 10 * (values["referrals"] - 0.5) + (values["breakage"] - 0.5) + 20 * (values["theta_exp"] - 0.5)
    draws = draws - draws.mean()
    origin = dict.fromkeys(values, "assumption")
    asked, worth = worth_of_asking(draws, values, origin)
    assert asked.name == "referrals"
    assert worth == pytest.approx(1.25, abs=0.2)
    known = origin | {"referrals": "estimate"}
    assert worth_of_asking(draws, values, known)[1] < 0.2


def test_luck_is_taken_out_of_the_spread_and_what_parameters_explain_stays():
    cause, luck = np.random.default_rng(3).standard_normal((2, 1, 2_000))
    draws = 2 * cause + 3 * luck
    found = smooth(draws, {"cause": cause[0]})
    assert found.std() == pytest.approx(2, rel=0.05)
    assert found.mean() == pytest.approx(draws.mean())


def test_the_error_of_a_mean_is_that_of_repeated_draws():
    means, stated = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        cause, luck = (rng.permutation(100) + rng.random(100)) / 100, rng.standard_normal(100)
        draws = (5 * cause + luck)[None]
        means.append(draws.mean())
        stated.append(simulation_error(draws, {"cause": cause})[0])
    assert np.mean(stated) == pytest.approx(np.std(means), rel=0.15)


def test_an_assignment_is_even_in_every_tenth_of_value_and_by_lot():
    import pandas as pd

    customers = pd.DataFrame({"customer_id": range(1_000), "residual_clv": np.arange(1_000.0)})
    one, other = assignment(customers), assignment(customers, seed=2)
    tenth = one["arm"].eq("tried").groupby(np.arange(1_000) // 100).sum()
    assert (tenth == 50).all()
    assert (one["arm"] != other["arm"]).mean() == pytest.approx(0.5, abs=0.1)
