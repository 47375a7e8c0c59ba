import numpy as np
import pytest
from scipy.special import expit

from analysis.models.registry import MODELS
from analysis.strategies.customers import (
    BINDING_SENSITIVITY,
    FELT,
    TYPE_SENSITIVITY,
    Fitted,
    base_people,
    fitted_draws,
    new_people,
)
from analysis.strategies.parameters import BINDINGS, CUSTOMER_TYPES, Estimate, draw_parameters

from .inputs import PURCHASES, SPEND, Base, drawn, some_base


def _fitted(draws=1, spend=None):
    return Fitted(MODELS["BG/NBD"], np.tile(PURCHASES, (draws, 1)), spend)


def test_types_and_bindings_are_named_once_and_average_to_one():
    assert tuple(TYPE_SENSITIVITY) == CUSTOMER_TYPES
    assert tuple(BINDING_SENSITIVITY) == BINDINGS
    for table in (TYPE_SENSITIVITY, BINDING_SENSITIVITY):
        assert np.mean(list(table.values()), axis=0) == pytest.approx([1, 1], abs=0.06)


def test_sampled_customers_have_the_posterior_of_their_history():
    base = Base([3], [30.0], [60.0])
    people = base_people(base, _fitted(), SPEND, drawn(), 40_000, 1)
    r, alpha, a, b = PURCHASES
    model = MODELS["BG/NBD"]
    alive = model.p_alive(model.Params(*PURCHASES), 3, 30.0, 60.0)
    assert people.alive.mean() == pytest.approx(float(alive), abs=0.001)
    assert people.rate.mean() == pytest.approx((r + 3) / (alpha + 60), rel=0.002)
    assert expit(people.log_odds).mean() == pytest.approx(a / (a + b + 3), rel=0.005)


def test_new_customers_come_from_the_population():
    people = new_people(_fitted(), SPEND, drawn(), 40_000, 1)
    r, alpha, a, b = PURCHASES
    assert people.alive.all()
    assert people.rate.mean() == pytest.approx(r / alpha, rel=0.01)
    assert expit(people.log_odds).mean() == pytest.approx(a / (a + b), rel=0.005)


def test_few_customers_stand_well_for_the_base():
    base = some_base(5_000)
    people = base_people(base, _fitted(), SPEND, drawn(), 250, 1)
    table = base.table
    assert table["frequency"].to_numpy()[people.row].mean() == pytest.approx(table["frequency"].mean(), abs=0.02)
    assert len(set(people.row)) == 250


def test_a_small_base_is_taken_several_times():
    people = base_people(some_base(30), _fitted(), SPEND, drawn(), 300, 1)
    assert (np.bincount(people.row, minlength=30) >= 9).all()


def test_customers_are_the_same_under_every_draw():
    people = base_people(some_base(), _fitted(3), SPEND, draw_parameters(3, 1, given={"type_contrast": 0.0}), 200, 1)
    for name in ("alive", "rate", "log_odds", "value"):
        values = getattr(people, name)
        assert (values == values[0]).all(), name


def test_order_values_follow_gamma_gamma_and_are_list_values():
    fitted = _fitted(2, np.array([[6.0, 4.0, 15.0], [6.0, 4.0, 30.0]]))
    base = Base([0, 4], [0.0, 30.0], [60.0, 60.0], mean_value=80.0)
    people = base_people(base, fitted, SPEND, draw_parameters(2, 1), 2, 1, todays_deal=0.2)
    expected = [[30.0, 6 * (15 + 320) / 27], [60.0, 6 * (30 + 320) / 27]]
    assert people.value == pytest.approx(np.array(expected) / 0.8)


def test_a_type_that_the_data_tell_beats_the_mix():
    kinds = np.where(np.arange(500) % 2 == 0, 1, -1)
    parameters = draw_parameters(2, 1, types={"service": 1.0})
    people = base_people(some_base(), _fitted(2), SPEND, parameters, 500, 1, kinds=kinds)
    assert (people.kind[:, kinds[people.row] == 1] == 1).all()
    assert (people.kind[:, kinds[people.row] == -1] == 0).all()


def test_offer_hunters_take_deals_more_seriously_and_experience_less():
    hunters, served = (
        draw_parameters(1, 1, given={"type_contrast": 1.0}, types={kind: 1.0}) for kind in ("offer", "service")
    )
    of = [base_people(some_base(), _fitted(), SPEND, each, 100, 1) for each in (hunters, served)]
    assert of[0].felt["gamma_deal"].mean() > 1 > of[1].felt["gamma_deal"].mean()
    assert of[0].felt["gamma_exp"].mean() < 1 < of[1].felt["gamma_exp"].mean()


@pytest.mark.parametrize("mix", [{"offer": 0.7, "at_hand": 0.3}, {"service": 0.7, "brand": 0.3}, None])
@pytest.mark.parametrize("estimated", list(FELT))
def test_an_estimate_from_these_customers_is_their_average_whatever_the_mix(estimated, mix):
    one = {estimated: Estimate(1.0, 0.1)}
    parameters = draw_parameters(20, 1, one, {"type_contrast": 1.0}, mix, {"economic": 0.8, "legal": 0.2})
    people = base_people(some_base(), _fitted(20), SPEND, parameters, 4_000, 1)
    assert people.felt[estimated].mean(axis=1) == pytest.approx(np.ones(20), abs=0.02)
    if mix is not None:
        assumed = [times.mean() for name, times in people.felt.items() if name != estimated]
        assert min(abs(mean - 1) for mean in assumed) > 0.05


def test_posteriors_are_taken_in_weeks_and_from_the_named_model(cdnow_purchase, cdnow_spend):
    fitted = fitted_draws(cdnow_purchase["BG/NBD"], cdnow_spend, 300)
    assert fitted.purchase.mean(axis=0) == pytest.approx([0.243, 4.41, 0.79, 2.43], rel=0.15)
    challenger = fitted_draws(cdnow_purchase["MBG/NBD"], cdnow_spend, 300)
    assert challenger.purchase.mean(axis=0) == pytest.approx([0.525, 6.18, 0.89, 1.61], rel=0.15)
