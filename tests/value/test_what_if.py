"""The lift at other settings is the lift that the whole computation gives there, in few numbers."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from analysis.config import Config
from analysis.interval import Interval
from analysis.models import spend_result
from analysis.value.lift import retention_lift
from analysis.value.readings import Choice, named_choice
from analysis.value.what_if import Setting, what_if
from analysis.value.what_if_streams import QUANTITIES, Quantity, polynomial_weights

GROWTH = Interval(0.06, 0.02, 0.10, 0.9)
MODELS = ("BG/NBD", "MBG/NBD", "Pareto/NBD")
COSTS = {"acquisition_cost": 5.0, "cost_per_order": 1.0, "fixed_costs_per_year": 500.0}
READINGS = {
    "as the claim is read by default": ({}, {}),
    "with costs": ({}, COSTS),
    "without the first order, fewer lost, by logit": (
        {"scope": "new_customer_repeat_orders", "gain_kind": "fewer_lost", "shift": "logit"},
        {"cost_per_order": 1.0},
    ),
    "today's customers, scaled, keeping paid for": (
        {"scope": "base", "shift": "scale", "cost_per_customer_year": 0.5},
        {},
    ),
    "the firm, every year alike, relative, growing": (
        {
            "scope": "firm",
            "shift": "every_year",
            "gain_kind": "relative",
            "margins": "growing",
            "profit": "after_fixed",
            "cost_per_customer_year": 0.2,
        },
        COSTS,
    ),
}
OTHERS = (Setting(0.45, 0.3, 1.0, 0.02), Setting(0.3, 0.0, 10.0, 0.04))


@pytest.fixture(autouse=True, scope="module")
def _fewer_draws():
    """Sixty draws are enough for what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.value.lift.DRAWS", 60)
        patch.setattr("analysis.value.lift.FEWEST_DRAWS", 60)
        yield


@pytest.fixture(scope="module")
def computed(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    """The whole computation of a reading's lift, and its reduced form, at a setting."""

    def lift(config, joining=1_000.0, growth=GROWTH):
        # With today's customers among the readings as many draws are taken as for the report.
        choices = [named_choice(config), replace(named_choice(config), scope="base")]
        found = (cdnow_39_weeks, cdnow_purchase, cdnow_spend, config)
        return retention_lift(*found, new_customers_per_year=joining, growth=growth, choices=choices)

    def both(retention=None, economics=None, setting=None, **known):
        where = Setting(0.3, 0.1, 3.0, 0.05) if setting is None else setting
        moved = {name: getattr(where, name) for name in ("gross_margin", "annual_discount_rate", "horizon_years")}
        config = Config(
            name="test",
            data={"transactions": {"sample": "cdnow"}},
            economics={**(economics or {}), **moved},
            retention={**(retention or {}), "gain": where.gain},
        )
        whole = lift(config, **known)
        return whole, lambda: what_if(cdnow_39_weeks, cdnow_purchase, cdnow_spend, config, whole)

    return both


@pytest.fixture(scope="module")
def default(computed):
    whole, reduced = computed()
    return whole, reduced()


def assert_same(shown, whole, share_of_width=0.02):
    """Both intervals agree within a small share of the width of the one that everything went into."""
    assert (shown is None) == (whole is None)
    if whole is not None:
        allowed = max(share_of_width * (whole.upper - whole.lower), 1e-9)
        assert shown.estimate == pytest.approx(whole.estimate, rel=1e-4, abs=1e-5)
        assert (shown.lower, shown.upper) == pytest.approx((whole.lower, whole.upper), abs=allowed)


@pytest.mark.parametrize("reading", READINGS)
def test_a_setting_gives_the_lift_of_the_whole_computation_there(reading, computed):
    retention, economics = READINGS[reading]
    whole, reduced = computed(retention, economics)
    panel = reduced()
    for model in MODELS:
        assert_same(panel.lift(model, panel.start), whole.named_lifts[model].lift)
    for setting in OTHERS:
        elsewhere, _ = computed(retention, economics, setting)
        for model in MODELS:
            assert_same(panel.lift(model, setting), elsewhere.named_lifts[model].lift)
            shown, gain = panel.profits(model, setting)
            lift = elsewhere.named_lifts[model]
            assert shown[0] == pytest.approx(lift.profit_before.estimate, rel=2e-5)
            assert gain[0] == pytest.approx(lift.gain.estimate, rel=1e-4, abs=1e-6 * abs(shown[0]))


def test_more_retention_brings_more(default):
    _, panel = default
    for model in MODELS:
        lifts = [panel.lift(model, panel.start._replace(gain=gain)).estimate for gain in panel.offered.gain]
        assert all(less < more for less, more in pairwise(lifts))


def test_no_gain_is_exactly_no_lift(default):
    _, panel = default
    for model in MODELS:
        none = panel.lift(model, panel.start._replace(gain=0.0))
        assert none.estimate == none.lower == none.upper == 0


def test_without_a_gain_paying_for_keeping_is_a_loss(computed):
    nothing = Setting(0.3, 0.1, 3.0, 0.0)
    retention = {"cost_per_customer_year": 0.5}
    whole, _ = computed(retention, setting=nothing)
    panel = computed(retention)[1]()
    for model in MODELS:
        assert panel.lift(model, nothing).upper < 0
        assert_same(panel.lift(model, nothing), whole.named_lifts[model].lift)


def test_the_margin_alone_changes_the_gain_in_money_and_not_in_per_cent(default):
    _, panel = default
    for model in MODELS:
        dear = panel.start._replace(gross_margin=0.6)
        assert panel.lift(model, dear).estimate == pytest.approx(panel.lift(model, panel.start).estimate)
        gains = [panel.profits(model, setting)[1][0] for setting in (panel.start, dear)]
        assert gains[1] == pytest.approx(2 * gains[0])


def test_where_profit_before_may_be_zero_there_is_no_lift_but_a_gain(computed):
    panel = computed(economics={"acquisition_cost": 25.0})[1]()
    poor = panel.start._replace(gross_margin=0.1)
    for model in MODELS:
        assert panel.lift(model, panel.start) is not None
        assert panel.lift(model, poor) is None
        assert panel.profits(model, poor)[1][0] > 0


def test_a_gain_that_some_draw_cannot_have_is_not_offered(computed):
    panel = computed(setting=Setting(0.3, 0.1, 3.0, 0.15))[1]()
    limits = {model: panel.by_model[model].largest_gain for model in MODELS}
    assert limits["BG/NBD"] < 0.25 < limits["Pareto/NBD"]
    assert max(panel.offered.gain) == max(limits.values())
    too_far = panel.start._replace(gain=limits["BG/NBD"] + 0.005)
    assert panel.lift("BG/NBD", too_far) is None
    assert panel.lift("Pareto/NBD", too_far) is not None


def test_a_configured_gain_that_cannot_be_had_leaves_the_smaller_ones(computed):
    whole, reduced = computed(setting=Setting(0.3, 0.1, 3.0, 0.3))
    panel = reduced()
    assert whole.named_lifts["BG/NBD"].reason == "lift.reason.cannot_rise"
    assert panel.lift("BG/NBD", panel.start) is None
    assert panel.lift("BG/NBD", panel.start._replace(gain=0.05)) is not None
    assert_same(panel.lift("MBG/NBD", panel.start), whole.named_lifts["MBG/NBD"].lift)


def test_what_is_configured_is_offered_whatever_it_is(computed):
    odd = Setting(0.333, 0.45, 0.4, 0.0333)
    whole, reduced = computed(setting=odd)
    panel = reduced()
    assert panel.start == odd
    assert all(value in offered for value, offered in zip(odd, panel.offered, strict=True))
    assert all(list(offered) == sorted(offered) for offered in panel.offered)
    for model in MODELS:
        assert_same(panel.lift(model, odd), whole.named_lifts[model].lift)


@pytest.mark.parametrize(
    ("retention", "known"), [({"scope": "firm"}, {"joining": None}), ({"margins": "growing"}, {"growth": None})]
)
def test_a_reading_without_any_number_has_no_panel(retention, known, computed):
    assert computed(retention, **known)[1]() is None


def test_orders_that_are_worth_nothing_have_no_panel(cdnow_39_weeks, cdnow_purchase, computed):
    table = cdnow_39_weeks.table.assign(mean_repeat_value=0.0, spent=0.0)
    free = replace(cdnow_39_weeks, table=table)
    config = Config(name="test", data={"transactions": {"sample": "cdnow"}})
    spend = spend_result(free, config.model)
    assert spend.fit.mean_order_value == 0
    assert what_if(free, cdnow_purchase, spend, config, computed()[0]) is None


def test_few_numbers_are_kept_and_the_error_that_is_stated_holds_elsewhere(default, monkeypatch, computed):
    _, panel = default
    assert sum(each.components.size + each.draws.size for each in panel.by_model.values()) < 12_000
    assert panel.largest_error < 0.02
    assert panel.compared > 200
    monkeypatch.setattr("analysis.value.what_if_streams.TOLERANCE", 0.0)
    monkeypatch.setattr("analysis.value.what_if_streams.MOST_COMPONENTS", 1_000)
    whole = computed()[1]()
    assert whole.largest_error < 1e-9
    rng = np.random.default_rng(7)
    for _ in range(100):
        setting = Setting(*(rng.choice(offered[1:]) for offered in panel.offered))
        for model in MODELS:
            exact, shown = whole.lift(model, setting), panel.lift(model, setting)
            moved = max(abs(getattr(exact, end) - getattr(shown, end)) for end in ("estimate", "lower", "upper"))
            assert moved < 1.5 * panel.largest_error * (exact.upper - exact.lower)


def test_money_of_those_who_join_counts_until_the_horizon():
    times = np.array([0.0, 1.0, 4.0])
    assert Quantity(is_cost=False, joining=False).counts(times, 0.0, 3.0) == pytest.approx([1, 1, 0])
    joining = Quantity(is_cost=False, joining=True)
    assert joining.counts(times, 0.0, 3.0) == pytest.approx([3, 2, 0])
    assert joining.counts(times, 1e-9, 3.0) == pytest.approx([3, 2, 0])
    assert len(set(QUANTITIES)) == 4


def test_between_the_gains_a_polynomial_passes_through_them():
    gains = (0.02, 0.05, 0.1)
    values = np.array([2 * gain - 3 * gain**3 for gain in gains])
    assert polynomial_weights(gains, 0.07) @ values == pytest.approx(2 * 0.07 - 3 * 0.07**3)
    with_zero = (0.0, *gains)
    assert polynomial_weights(with_zero, 0.07) @ (1 + np.array(with_zero)) == pytest.approx(1.07)


def test_the_reading_is_the_named_one(default):
    whole, panel = default
    assert panel.choice == whole.named == Choice()
