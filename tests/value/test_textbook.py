"""The arithmetic of articles and textbooks, at the precision at which it is known."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import yaml

from analysis.models.shifted_beta_geometric import SBGParams
from analysis.value.textbook import (
    CONVENTIONS,
    constant_margin_elasticity,
    constant_margin_lift,
    constant_margin_table,
    constant_margin_value,
    credit_card_example,
    credit_card_lift,
    credit_card_value,
    heterogeneous_elasticity,
    heterogeneous_lift,
    heterogeneous_tenure,
    lift_curves,
    one_rate_gap,
)

FIVE = yaml.safe_load((Path(__file__).parents[1] / "reference" / "contracts.yml").read_text())["five_cohorts"]


def test_the_credit_card_of_1990_is_worth_137_301_and_525():
    example = credit_card_example()
    assert example.defections == (0.20, 0.10, 0.05)
    assert np.round(example.values).tolist() == [137, 301, 525]


def test_halving_its_defection_is_worth_less_the_dearer_money_is():
    example = credit_card_example()
    assert dict(zip(example.step_discount_rates, np.round(example.step_lifts, 2), strict=True)) == {
        0.038: 0.75,
        0.08: 0.55,
        0.10: 0.49,
        0.15: 0.41,
    }


def test_the_credit_card_agrees_with_adding_up_years():
    profits = np.array([-51, 30, 42, 44, 49] + [55] * 2_000)
    t = np.arange(profits.size)
    added = np.sum(profits * 0.9 ** np.maximum(t - 1, 0) / 1.08**t)
    assert float(credit_card_value(0.10, 0.08)) == pytest.approx(added)


@pytest.mark.parametrize(
    ("retention", "elasticity", "relative", "points"),
    [(0.7, 2.75, 0.151, 0.224), (0.8, 3.67, 0.212, 0.275), (0.9, 5.50, 0.355, 0.407)],
)
def test_the_constant_margin_on_renewal_never_comes_near_75_per_cent(retention, elasticity, relative, points):
    (row,) = (r for r in constant_margin_table() if (r.convention, r.retention) == ("paid_on_renewal", retention))
    assert round(row.elasticity, 2) == elasticity
    assert round(row.lift_relative, 3) == relative
    assert round(row.lift_points, 3) == points


@pytest.mark.parametrize(("convention", "first", "times"), [("paid_at_once", 0, 0), ("paid_afterwards", 0, 1)])
def test_the_conventions_are_sums_over_periods(convention, first, times):
    t = np.arange(first, 3_000)
    assert float(constant_margin_value(0.8, 0.10, convention)) == pytest.approx(np.sum(0.8**t / 1.1 ** (t + times)))
    t = np.arange(1, 3_000)
    assert float(constant_margin_value(0.8, 0.10, "paid_on_renewal")) == pytest.approx(np.sum(0.8**t / 1.1**t))


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_small_gain_is_the_elasticity(convention):
    lift = constant_margin_lift(0.8, 0.8e-6, 0.10, convention)
    assert float(lift) / 1e-6 == pytest.approx(float(constant_margin_elasticity(0.8, 0.10, convention)), rel=1e-4)


def test_points_and_per_cent_agree_where_they_must():
    rows = {(row.convention, row.retention): row for row in constant_margin_table(retentions=(0.5,), gain=0.1)}
    for convention in CONVENTIONS:
        relative = rows[convention, 0.5].lift_relative
        assert relative == pytest.approx(float(constant_margin_lift(0.5, 0.05, 0.10, convention)))


def test_heterogeneity_raises_the_elasticity_a_little_and_then_lowers_it():
    found = [round(heterogeneous_elasticity(0.8, spread, 0.10), 2) for spread in (0, 0.05, 0.75)]
    assert found == [2.67, 2.82, 1.35]


def test_little_polarisation_is_one_rate_for_all():
    assert heterogeneous_tenure(0.8, 1e-6, 0.10) == pytest.approx(heterogeneous_tenure(0.8, 0, 0.10), rel=1e-4)
    assert heterogeneous_elasticity(0.8, 1e-6, 0.10) == pytest.approx(8 / 3, rel=1e-3)
    assert float(heterogeneous_lift(0.8, 0.05, 0.10, 1e-6)) == pytest.approx(0.2, rel=1e-3)


def test_every_curve_rises_by_nothing_without_a_gain_and_is_missing_where_retention_would_pass_one():
    rates = np.array([0.6, 0.95, 0.97])
    for curve in lift_curves(gain=0.0, retentions=rates):
        assert curve.lift == pytest.approx(0.0, abs=0), curve.key
    for curve in lift_curves(gain=0.05, retentions=rates):
        assert np.isfinite(curve.lift[:2]).all(), curve.key
        assert np.isnan(curve.lift[2]), curve.key
        assert curve.lift[0] > 0


def test_a_value_that_is_not_positive_has_no_lift():
    assert np.isnan(credit_card_lift(0.0, 0.05, 0.15))
    assert float(credit_card_value(1.0, 0.15)) < 0


def test_one_aggregate_rate_values_the_five_cohorts_12_2_per_cent_too_low():
    sizes = np.array(FIVE["sizes"])
    one_rate = sizes[1:].sum() / sizes[:-1].sum()
    gap = one_rate_gap(SBGParams(FIVE["alpha"], FIVE["beta"]), range(5), sizes, one_rate, FIVE["discount_rate"])
    assert round(float(gap), 3) == FIVE["one_rate_gap"]


def test_a_value_without_bound_has_no_lift_and_no_warning():
    # Without discount a customer who never leaves is worth more than any number.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curves = lift_curves(discount_rate=0.0, retentions=np.array([0.90, 0.95]))
    for curve in curves[:4]:
        assert np.isfinite(curve.lift[0])
        assert np.isnan(curve.lift[1])
