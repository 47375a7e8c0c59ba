"""Expected value of information against cases in which it is known in closed form."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from analysis.strategies.information import expected_value_of_perfect_information, information_by_group

DRAWS = 1_000


@pytest.fixture(scope="module")
def known():
    rng = np.random.default_rng(3)
    return pd.DataFrame({name: rng.standard_normal(DRAWS) for name in ("large", "small", "idle")})


def closed_form(mean, deviation):
    """E max(0, X) - max(0, E X) of a normal X."""
    return mean * norm.cdf(mean / deviation) + deviation * norm.pdf(mean / deviation) - max(mean, 0)


def found_of(ahead, known, groups=None):
    differences = np.column_stack([np.zeros(DRAWS), ahead])
    groups = groups or {name: (name,) for name in known}
    return {each.group: each for each in information_by_group(differences, known, groups, 0.9)}


def test_of_a_linear_difference_it_is_that_of_the_normal_distribution(known):
    found = found_of(1.0 + 2.0 * known["large"] + 0.5 * known["small"], known)
    assert found["large"].value.estimate == pytest.approx(closed_form(1.0, 2.0), abs=0.08)
    assert found["small"].value.estimate == pytest.approx(closed_form(1.0, 0.5), abs=0.03)
    assert found["idle"].value.estimate < 0.01
    assert found["large"].explained == pytest.approx(4 / 4.25, abs=0.04)
    assert found["idle"].explained < 0.02


def test_what_bends_is_seen_too(known):
    found = found_of(known["large"] ** 2 - 1.2, known)
    exact = np.maximum(known["large"] ** 2 - 1.2, 0).mean() - max((known["large"] ** 2 - 1.2).mean(), 0)
    assert found["large"].value.estimate == pytest.approx(exact, rel=0.15)


def test_parameters_of_one_group_become_known_together(known):
    found = found_of(known["large"] * known["small"], known, {"both": ("large", "small"), "idle": ("idle",)})
    assert found["both"].explained > 0.9
    assert found["idle"].value.estimate < 0.05


def test_noise_that_nobody_can_resolve_adds_nothing(known):
    rng = np.random.default_rng(9)
    noisy = found_of(1.0 + 2.0 * known["large"] + rng.normal(0, 4, DRAWS), known)
    assert noisy["large"].value.estimate == pytest.approx(closed_form(1.0, 2.0), abs=0.2)
    assert noisy["idle"].value.estimate < 0.1


def test_a_part_is_never_worth_more_than_everything(known):
    ahead = 0.3 + known["large"] + known["small"]
    everything = expected_value_of_perfect_information(np.column_stack([np.zeros(DRAWS), ahead]))
    assert all(each.value.estimate <= everything * 1.02 for each in found_of(ahead, known).values())


def test_groups_in_which_nothing_varies_are_left_out(known):
    fixed = known.assign(idle=1.0)
    assert set(found_of(known["large"], fixed)) == {"large", "small"}


def test_where_no_strategy_differs_nothing_is_worth_knowing(known):
    assert all(each.value.estimate == 0 for each in found_of(np.zeros(DRAWS), known).values())


@pytest.mark.parametrize("seed", range(3))
def test_the_interval_of_what_is_worth_nothing_ends_near_nothing_even_with_many_parameters_and_few_draws(seed):
    rng = np.random.default_rng(seed)
    known = pd.DataFrame(rng.standard_normal((200, 10)), columns=["large", *(f"idle{number}" for number in range(9))])
    differences = np.column_stack([np.zeros(200), 0.3 + known["large"]])
    groups = {"large": ("large",), "idle": tuple(known.columns[1:])}
    found = {each.group: each.value for each in information_by_group(differences, known, groups, 0.9)}
    everything = expected_value_of_perfect_information(differences)
    assert found["idle"].upper < 0.05 * everything
    assert found["large"].lower < everything < 1.05 * found["large"].upper
