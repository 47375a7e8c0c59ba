import numpy as np
import pytest

from analysis.config import Config
from analysis.value.landscape import landscape
from analysis.value.lift import retention_lift
from analysis.value.readings import Choice

CONTRIBUTION = Choice(profit="contribution")


@pytest.fixture(scope="module")
def made(cdnow_39_weeks, cdnow_purchase, cdnow_spend):
    with pytest.MonkeyPatch.context() as patch:
        for place in ("value.lift.DRAWS", "value.lift.FEWEST_DRAWS", "value.landscape.DRAWS"):
            patch.setattr(f"analysis.{place}", 40)
        config = Config(name="t", data={"transactions": {"sample": "cdnow"}}, economics={"acquisition_cost": 8})
        lifts = retention_lift(cdnow_39_weeks, cdnow_purchase, cdnow_spend, config, choices=[CONTRIBUTION])
        by_model = {model: lifts.of(CONTRIBUTION, model) for model in lifts.models}
        return by_model, landscape(cdnow_39_weeks, cdnow_purchase, cdnow_spend, config)


def test_the_company_lies_on_its_own_curve(made):
    lifts, chart = made
    for curve in chart.curves:
        lift = lifts[curve.model]
        there = np.interp(lift.retention_before.estimate, curve.retention, curve.lift)
        assert there == pytest.approx(lift.lift.estimate, rel=2e-3)
        assert chart.retention[curve.model] == lift.retention_before


def test_curves_stop_where_a_model_cannot_have_that_retention_or_it_cannot_rise_so_far(made):
    bg = next(curve for curve in made[1].curves if curve.model == "BG/NBD")
    # Half of CDNOW's customers order once, and without a repeat order nobody leaves in BG/NBD.
    assert np.isnan(bg.lift[bg.retention < 0.5]).all()
    assert np.isfinite(bg.lift[(bg.retention > 0.65) & (bg.retention < 0.9)]).all()
    known = np.isfinite(bg.lift)
    assert (bg.lower[known] <= bg.lift[known]).all()
    assert (bg.lift[known] <= bg.upper[known]).all()


def test_longer_horizons_and_lower_discount_rates_raise_the_lift(made):
    panels = {(panel.annual_discount_rate, panel.horizon_years): panel for panel in made[1].panels}
    assert sorted(panels) == [(rate, years) for rate in (0.05, 0.1, 0.2) for years in (1.0, 3.0, 5.0, 10.0)]
    place = np.flatnonzero(panels[0.1, 3.0].retention == 0.76)[0]
    by_horizon = [panels[0.1, years].lift[place] for years in (1.0, 3.0, 5.0, 10.0)]
    assert by_horizon == sorted(by_horizon)
    by_rate = [panels[rate, 10.0].lift[place] for rate in (0.2, 0.1, 0.05)]
    assert by_rate == sorted(by_rate)


def test_the_share_of_contribution_left_after_winning_a_customer_is_the_companys_height_on_the_map(made):
    lifts, chart = made
    for model, share in chart.net_share.items():
        contribution = lifts[model].profit_before.estimate
        assert share.estimate == pytest.approx(1 - 8 / contribution)
