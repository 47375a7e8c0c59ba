"""The models as a user meets them: frames in, frames out, own ids, durations and units that cannot be mistaken."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.data import load_orders
from analysis.data.simulation import simulate_customers
from analysis.errors import InputRefused, UsageError


@pytest.fixture(scope="module")
def cdnow(cdnow_config, tmp_path_factory):
    """CDNOW's 2,357 customers with all their orders."""
    return load_orders(cdnow_config, workdir=tmp_path_factory.mktemp("cdnow"), as_of=dt.date(1997, 9, 30))


@pytest.fixture(scope="module")
def fit(cdnow):
    return rl.BGNBD().fit(cdnow)


def frame_of(histories, unit):
    return histories.frame(unit)[["frequency", "recency", "T", "monetary_value"]]


def test_a_summary_in_lifetimes_columns_gives_the_fit_of_the_orders(fit, cdnow):
    found = rl.BGNBD().fit(frame_of(cdnow.histories, "week"), unit="week")
    assert found.parameters == pytest.approx(fit.parameters, rel=1e-6)
    assert found.log_likelihood == pytest.approx(-9582.4, abs=0.05)


@pytest.mark.parametrize("model", [rl.BGNBD, rl.MBGNBD, rl.ParetoNBD])
def test_predictions_come_by_the_users_own_ids(model):
    shop = simulate_customers(60, T=52.0, births=26.0, seed=1)
    ids = pd.Index(np.random.default_rng(1).permutation(60), name="client")
    frame = pd.DataFrame({"frequency": shop.frequency, "recency": shop.recency, "T": shop.T}, index=ids)
    found = model().fit(frame, unit="week").predict("13W")
    assert found.index.equals(ids)
    assert list(found.columns) == ["p_alive", "expected_orders", "p_order"]
    assert (found["p_order"] <= found["p_alive"]).all()


def test_days_in_a_model_of_weeks_are_weeks(fit, cdnow):
    days = frame_of(cdnow.histories, "day")
    total = fit.predict("39W")["expected_orders"].sum()
    assert fit.of(days, unit="day").predict("273D")["expected_orders"].sum() == pytest.approx(total, rel=1e-9)
    assert fit.predict("39W", days, unit="day")["expected_orders"].sum() == pytest.approx(total)


@pytest.mark.parametrize("unit", [None, "weeks", "fortnight"])
def test_a_frame_without_its_unit_is_refused_with_the_units_there_are(cdnow, unit):
    with pytest.raises(UsageError, match="must be one of 'day', 'week', 'month', 'year'"):
        rl.BGNBD().fit(frame_of(cdnow.histories, "week"), unit=unit)


def test_everything_a_frame_lacks_is_told_at_once():
    with pytest.raises(InputRefused) as refused:
        rl.BGNBD().fit(pd.DataFrame({"frequency": [1], "x": [2]}), unit="week")
    assert [problem.message.split(";")[0] for problem in refused.value.problems] == [
        "customer summary: there is no column 'recency'",
        "customer summary: there is no column 'T'",
    ]
    with pytest.raises(UsageError, match="a table of orders is read by `read_orders` first"):
        rl.BGNBD().fit(pd.DataFrame({"client": [1], "eur": [2]}))
    with pytest.raises(InputRefused, match="no column 'monetary_value'"):
        rl.GammaGamma().fit(pd.DataFrame({"frequency": [1]}))


def test_a_bare_number_is_no_duration(fit):
    for horizon in (13, 13.0, "13", "-3W", "W", None, np.timedelta64("NaT"), dt.timedelta(0)):
        with pytest.raises(UsageError, match="'90D', '13W', '6M', '3Y' or a Timedelta"):
            fit.predict(horizon)
    weeks = fit.predict("13W")
    pd.testing.assert_frame_equal(fit.predict(pd.Timedelta(weeks=13)), weeks)
    pd.testing.assert_frame_equal(fit.predict(" 91 D"), weeks)


def test_a_fit_without_customers_says_what_to_do(cdnow_purchase):
    with pytest.raises(UsageError, match=r"fit\.of\(orders\)"):
        cdnow_purchase.primary.predict("13W")
    with pytest.raises(UsageError, match="holds no orders"):
        cdnow_purchase.primary.of(pd.DataFrame({"frequency": [1], "recency": 2.0, "T": 3.0}), unit="week").tracking()


def test_the_summary_holds_estimates_errors_and_ends(fit):
    assert list(fit.summary.columns) == ["coef", "se", "lower", "upper"]
    assert fit.summary.loc["r", "coef"] == pytest.approx(0.243, abs=5e-4)
    assert (fit.summary["lower"] < fit.summary["coef"]).all()
    wide, narrow = fit.customers_alive(0.95), fit.customers_alive(0.5)
    assert wide.lower < narrow.lower < narrow.upper < wide.upper
    assert "alpha" in fit._repr_html_()


def test_spend_is_expected_by_own_ids(cdnow, cdnow_spend):
    spend = rl.GammaGamma().fit(cdnow)
    assert spend.parameters == pytest.approx(cdnow_spend.parameters)
    frame = cdnow.histories.frame()
    pd.testing.assert_series_equal(spend.expected_order_value(frame), spend.expected_order_value(cdnow))
    assert rl.GammaGamma().fit(frame).parameters == pytest.approx(spend.parameters)


def test_draws_go_to_arviz(fit, cdnow_spend):
    arviz = pytest.importorskip("arviz")
    data = fit.to_arviz()
    assert float(arviz.summary(data, round_to=6).loc["r", "mean"]) == pytest.approx(
        fit.posterior.draws[:, 0].mean(), rel=1e-3
    )
    assert set(cdnow_spend.to_arviz().posterior.data_vars) == {"p", "q", "v"}


def test_draws_go_to_arviz_1_as_it_takes_them(fit, monkeypatch):
    """From version 1 on, groups come as one mapping; Python 3.11 has no such version to try."""
    newer = SimpleNamespace(__version__="1.2.0", from_dict=lambda groups: groups)
    monkeypatch.setitem(__import__("sys").modules, "arviz", newer)
    assert fit.to_arviz()["posterior"]["alpha"].shape == (1, 2_000)


def test_figures_stand_alone_and_in_a_grid(fit, cdnow, cdnow_purchase, cdnow_spend):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figures = {**vars(fit.plot), **{f"all {name}": draw for name, draw in vars(cdnow_purchase.of(cdnow).plot).items()}}
    figures |= vars(cdnow_spend.plot)
    _, grid = pyplot.subplots(3, 4, figsize=(16, 10))
    for ax, (name, draw) in zip(grid.ravel(), figures.items(), strict=False):
        known = {"customer": fit.histories.ids[0]} if name == "history" else {}
        assert draw(**known).figure is not draw(ax=ax, **known).figure
    pyplot.close("all")


def test_one_customers_history_jumps_at_orders(fit, cdnow):
    row = cdnow.histories.table["frequency"].to_numpy().argmax()
    days = fit.history(fit.histories.ids[row])
    assert days["orders"].iloc[-1] == cdnow.histories.table["orders"].iloc[row]
    assert days["p_alive"].iloc[-1] == pytest.approx(fit.predict("1W")["p_alive"].iloc[row], rel=1e-9)
    with pytest.raises(UsageError, match="must be one of the 2,357 ids"):
        fit.history("nobody")


def test_what_the_model_expects_of_its_own_data_adds_up(fit):
    frequencies, tracking = fit.frequencies(), fit.tracking()
    assert frequencies["expected"].sum() == pytest.approx(2_357)
    assert tracking["actual"].iloc[-1] == fit.histories.table["frequency"].sum()
    assert tracking["BG/NBD"].iloc[-1] == pytest.approx(tracking["actual"].iloc[-1], rel=0.03)
    assert (fit.p_alive_matrix().loc[0] == 1).all()
    assert fit.frequency_recency("13W").loc[1].is_monotonic_increasing
