"""What is called retention: three measures, their published numbers, and what five points of each are worth."""

import numpy as np
import pytest

from analysis.models.beta_geometric import BGNBD
from analysis.models.registry import MODELS
from analysis.value.lift import credit_card_lift, credit_card_value
from analysis.value.shifts import MEASURES, Rise, solved_shifts

from .individuals import PARAMS, YEAR, futures, proneness


def first_year(model, params):
    """Retention of the first year by each measure, at rest."""
    leaving = model.leaving(model.Params(*params), 0.0, YEAR)
    rises = [Rise("new_customer", 0.0, "points", "mean", measure) for measure in MEASURES]
    found = solved_shifts(leaving, None, rises, np.array([YEAR]), YEAR)
    return dict(zip(MEASURES, found.before[1:, 0], strict=True))


def test_the_published_fit_of_39_weeks_has_an_order_rate_of_32_and_a_survival_of_76_per_cent():
    found = first_year(BGNBD(), PARAMS["BG/NBD"])
    assert found["survival"] == pytest.approx(0.764, abs=5e-4)
    assert found["order_rate"] == pytest.approx(0.324, abs=5e-4)
    assert found["ordering_again"] == pytest.approx(0.250, abs=5e-4)


@pytest.mark.parametrize("name", PARAMS)
def test_the_measures_are_those_of_customers_simulated_one_by_one(name):
    rng, count, model = np.random.default_rng(1), 400_000, MODELS[name]
    params = model.Params(*PARAMS[name])
    rates = rng.gamma(params.r, 1 / params.alpha, count)
    who, when, leaving = futures(rng, name, rates, proneness(rng, name, params, count), 2 * YEAR, name == "MBG/NBD")
    found = first_year(model, params)
    assert found["survival"] == pytest.approx(np.mean(leaving > YEAR), abs=0.004)
    assert found["ordering_again"] == pytest.approx(len(np.unique(who[when > YEAR])) / count, abs=0.004)
    month = YEAR / 26  # a rate is what comes in a short time
    early, late = (np.sum((when > start) & (when <= start + month)) for start in (0.0, YEAR - month / 2))
    assert found["order_rate"] == pytest.approx(late / early, abs=0.03)


@pytest.mark.parametrize("name", PARAMS)
@pytest.mark.parametrize("measure", MEASURES)
def test_a_rise_of_five_points_is_one_of_that_measure(name, measure):
    model = MODELS[name]
    leaving = model.leaving(model.Params(*PARAMS[name]), 0.0, YEAR)
    for shift in ("mean", "logit"):
        found = solved_shifts(
            leaving, None, [Rise("new_customer", 0.05, "points", shift, measure)], np.array([0.0, YEAR]), YEAR
        )
        assert found.after[1, 0] - found.before[1, 0] == pytest.approx(0.05)
        customers, orders, _ = found.new[1]
        if measure == "survival":
            assert customers[0, 1] == pytest.approx(found.after[1, 0])
        if measure == "order_rate":
            assert orders[0, 1] / orders[0, 0] == pytest.approx(found.after[1, 0])


def test_on_cdnow_the_lift_of_five_points_depends_on_what_is_called_retention(sample_study):
    lift = sample_study("cdnow").lift
    found = lift.measures().set_index(["measure", "model"])
    percent = {
        measure: [round(100 * float(each), 1) for each in found.loc[measure, "estimate"]] for measure in MEASURES
    }
    assert percent == {
        "survival": pytest.approx([20.5, 12.3, 6.9], abs=0.1),
        "order_rate": pytest.approx([7.7, 13.8, 6.9], abs=0.1),
        "ordering_again": pytest.approx([23.8, 17.3, 11.9], abs=0.1),
    }
    assert found.loc["order_rate", "retention_before"].to_numpy() == pytest.approx([0.450, 0.447, 0.483], abs=1e-3)


def test_the_claim_becomes_true_where_winning_a_customer_costs_nearly_all_that_one_brings(sample_study):
    lift = sample_study("cdnow").lift
    rows = lift.measures().query("measure == 'survival'")
    assert rows["cost_from"].to_numpy() == pytest.approx([7.36, 20.65, 30.55], abs=0.02)
    assert rows["cost_to"].to_numpy() == pytest.approx([32.24, 35.49, 39.18], abs=0.02)
    assert lift.costs_agreed("survival") == pytest.approx((30.55, 32.24), abs=0.02)
    for row in rows.itertuples():
        whole = row.gain_in_money / row.estimate
        assert row.gain_in_money / (whole - row.cost_from) == pytest.approx(0.25)
        assert row.gain_in_money / (whole - row.cost_to) == pytest.approx(0.95)


def test_reichhelds_arithmetic_gives_his_printed_values():
    assert credit_card_value([0.8, 0.9, 0.95]).round().tolist() == [137, 301, 525]
    assert credit_card_lift(0.85) == pytest.approx(0.528, abs=1e-3)
    assert np.isnan(credit_card_lift(0.97))
