import numpy as np
import pytest

from analysis.config import EconomicsConfig, RetentionConfig
from analysis.value.lift import retention_lifts, shifts_of
from analysis.value.maps import SETTINGS, retention_map, what_if, what_if_grid
from analysis.value.profit import Choice

CONTRIBUTION = Choice(profit="contribution")
ECONOMICS, RETENTION = EconomicsConfig(acquisition_cost=8), RetentionConfig()


@pytest.fixture(scope="module")
def made(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DRAWS", "FEWEST_DRAWS"):
            patch.setattr(f"analysis.value.shifts.{name}", 40)
        shifts = shifts_of(cdnow_39_weeks, cdnow_purchase, cdnow_spend, [CONTRIBUTION], None)
        lifts = retention_lifts(shifts, [CONTRIBUTION], ECONOMICS, RETENTION)
        by_model = {model: lifts.of(CONTRIBUTION, model) for model in lifts.models}
        return by_model, [retention_map(fit, shifts, ECONOMICS, RETENTION) for fit in cdnow_purchase]


def _own(chart):
    return chart.panels.query("annual_discount_rate == 0.1 and horizon_years == 3")


def test_the_company_lies_on_its_own_curve(made):
    for chart, (model, lift) in zip(made[1], made[0].items(), strict=True):
        there = np.interp(lift.retention_before.estimate, _own(chart)["retention"], _own(chart)["estimate"])
        assert there == pytest.approx(lift.lift.estimate, rel=2e-3)
        assert chart.retention[model] == lift.retention_before


def test_curves_stop_where_a_model_cannot_have_that_retention_or_it_cannot_rise_so_far(made):
    bg = _own(made[1][0])
    # Half of CDNOW's customers order once, and without a repeat order nobody leaves in BG/NBD.
    assert bg.query("retention < 0.5")["estimate"].isna().all()
    assert bg.query("0.65 < retention < 0.9")["estimate"].notna().all()


def test_longer_horizons_and_lower_discount_rates_raise_the_lift(made):
    lifts = (
        made[1][0].panels.query("retention == 0.76").set_index(["annual_discount_rate", "horizon_years"])["estimate"]
    )
    assert sorted(lifts.index) == [(rate, years) for rate in (0.05, 0.1, 0.2) for years in (1.0, 3.0, 5.0, 10.0)]
    assert lifts[0.1].is_monotonic_increasing
    assert lifts[:, 10.0].is_monotonic_decreasing


def test_the_share_of_contribution_left_after_winning_a_customer_is_the_companys_height_on_the_map(made):
    lifts, charts = made
    for model, share in charts[0].net_share.items():
        contribution = lifts[model].profit_before.estimate
        assert share.estimate == pytest.approx(1 - 8 / contribution)


@pytest.fixture(scope="module")
def grid(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    return what_if_grid(cdnow_39_weeks, cdnow_purchase, cdnow_spend, ECONOMICS, RETENTION)


class TestWhatIf:
    def test_at_the_settings_of_a_reading_it_is_the_lift_of_that_reading(
        self, grid, cdnow_39_weeks, cdnow_purchase, cdnow_spend
    ):
        choices = [Choice(gain=gain, horizon_years=years) for gain in (0.02, 0.05) for years in (1.0, 3.0)]
        shifts = shifts_of(cdnow_39_weeks, cdnow_purchase, cdnow_spend, choices, None)
        for margin, rate in ((0.3, 0.1), (0.6, 0.2)):
            economics = ECONOMICS.model_copy(update={"gross_margin": margin, "annual_discount_rate": rate})
            for lift in retention_lifts(shifts, choices, economics, RETENTION).lifts:
                values = (lift.choice.gain, margin, rate, lift.choice.horizon_years)
                found = what_if(grid, lift.model, **dict(zip(SETTINGS, values, strict=True)))
                expected = lift.lift and (lift.lift.estimate, lift.lift.lower, lift.lift.upper)
                assert (found and (found.estimate, found.lower, found.upper)) == (expected and pytest.approx(expected))

    def test_between_its_settings_it_is_near_to_what_is_computed_there(
        self, grid, cdnow_39_weeks, cdnow_purchase, cdnow_spend
    ):
        choice = Choice(gain=0.06, horizon_years=4.0)
        shifts = shifts_of(cdnow_39_weeks, cdnow_purchase, cdnow_spend, [choice], None)
        economics = EconomicsConfig(acquisition_cost=8, gross_margin=0.5, annual_discount_rate=0.12)
        for lift in retention_lifts(shifts, [choice], economics, RETENTION).lifts:
            values = dict(zip(SETTINGS, (0.06, 0.5, 0.12, 4.0), strict=True))
            assert what_if(grid, lift.model, **values).estimate == pytest.approx(lift.lift.estimate, rel=0.05)

    def test_no_gain_is_no_lift_and_where_profit_may_be_negative_there_is_none(self, grid):
        known = grid.dropna(subset=["estimate"])
        assert (known.query("gain == 0")["estimate"] == 0).all()
        assert grid.query("gross_margin == 0.05 and horizon_years == 1")["estimate"].isna().all()
        assert (known["lower"] <= known["estimate"]).all()
        assert (known["estimate"] <= known["upper"]).all()
