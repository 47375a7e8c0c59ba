from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.data import simulate_transactions
from analysis.interval import Interval
from analysis.models.origins import Calibration, Window, choice_of, leads, record_of, time_that_wins


def window(log_scores, actual=100, estimate=100.0, month=1):
    draws = np.random.default_rng(month).normal(estimate, 5, 300)
    scores = pd.DataFrame(log_scores)
    start = pd.Timestamp(2024, month, 1)
    return Window(
        start.date(), (start + pd.Timedelta("30D")).date(), actual, dict.fromkeys(scores, draws),
        dict.fromkeys(scores, estimate), scores,
    )  # fmt: skip


@pytest.fixture(scope="module")
def record(cdnow):
    return rl.rolling_origins(cdnow, "13W")


class TestTheChoiceOfTheModel:
    def test_stays_with_bgnbd_where_the_lead_is_within_its_paired_error(self):
        noise = np.random.default_rng(1).normal(0, 1, 200)
        assert choice_of([window({"BG/NBD": noise * 0, "MBG/NBD": noise})], ["BG/NBD", "MBG/NBD"]) == "BG/NBD"

    def test_takes_the_model_that_customers_support(self):
        lead = np.random.default_rng(1).normal(0.3, 1, 400)
        windows = [window({"BG/NBD": lead * 0, "MBG/NBD": lead})]
        assert choice_of(windows, ["BG/NBD", "MBG/NBD"]) == "MBG/NBD"
        assert choice_of(windows, ["BG/NBD", "Pareto/NBD"]) == "BG/NBD"

    def test_keeps_the_model_of_the_run_before_unless_customers_reject_it(self):
        noise, lead = np.random.default_rng(1).normal([[0], [0.3]], 1, (2, 400))
        close = [window({"BG/NBD": noise * 0, "MBG/NBD": noise})]
        assert choice_of(close, ["BG/NBD", "MBG/NBD"], "MBG/NBD") == "MBG/NBD"
        assert choice_of(close, ["BG/NBD", "MBG/NBD"], "a model that was taken out") == "BG/NBD"
        assert choice_of(close, ["BG/NBD"], "MBG/NBD") == "BG/NBD"
        clear = [window({"BG/NBD": lead, "MBG/NBD": lead * 0})]
        assert choice_of(clear, ["BG/NBD", "MBG/NBD"], "MBG/NBD") == "BG/NBD"
        assert record_of(close, previous="MBG/NBD").primary == "MBG/NBD"

    def test_a_customer_seen_in_many_windows_is_still_one_customer(self):
        lead = np.random.default_rng(1).normal(0.3, 1, 60)
        once, often = (
            leads([window({"BG/NBD": lead * 0, "MBG/NBD": lead})]),
            leads([window({"BG/NBD": lead * 0, "MBG/NBD": lead})] * 9),
        )
        assert often.loc["MBG/NBD", "error"] == pytest.approx(once.loc["MBG/NBD", "error"])

    def test_a_model_that_only_the_season_identifies_in_a_window_says_nothing_of_the_season(self):
        scores = np.random.default_rng(1).normal(0, 1, 200)
        known = window({"BG/NBD": scores}, month=1)
        seasonal = {"season": window({"BG/NBD": scores + 1, "NBD": scores})}
        only = replace(window({"NBD": scores}, month=2), in_time=seasonal)
        last = replace(window({"BG/NBD": scores}, month=3), in_time={"season": window({"BG/NBD": scores + 1})})
        assert not time_that_wins([known, only, last])
        assert time_that_wins([known, last, last]) == "season"

    def test_on_cdnow_customers_who_may_leave_after_the_first_order_are_forecast_better(self, record):
        assert record.primary == "MBG/NBD"
        assert record.lead_decides
        assert not record.made_on_little
        assert record.choice.loc["MBG/NBD", "lead"] == pytest.approx(0.0013, abs=2e-4)
        assert set(record.choice.index) == {"BG/NBD", "MBG/NBD", "Pareto/NBD"}


class TestCalibration:
    def test_windows_that_were_forecast_well_widen_less_than_nothing_known(self):
        own = Interval(100, 90, 110, 0.9)
        none, clean, wrong = (
            Calibration.of(errors, [0.06] * len(errors), 91).widened(own, 91)
            for errors in ([], [0.04, -0.06, 0.05, -0.03], [0.3, -0.2, 0.25, -0.3])
        )
        widths = [found.upper - found.lower for found in (own, clean, none, wrong)]
        assert widths == sorted(widths)
        assert widths[1] < 1.3 * widths[0]
        assert widths[2] < 2.5 * widths[0]

    def test_a_shorter_time_misses_by_more_and_a_longer_one_is_assumed_to_miss_by_the_same(self):
        calibration, own = Calibration.of([0.2, -0.2], [0.05, 0.05], 91), Interval(100, 95, 105, 0.9)
        month, quarter, years = (calibration.widened(own, days) for days in (30, 91, 1096))
        assert month.upper > quarter.upper
        assert (years.lower, years.upper) == (quarter.lower, quarter.upper)
        assert calibration.is_assumed(1096)
        assert not calibration.is_assumed(91)

    def test_four_windows_that_missed_to_one_side_move_the_interval_there_and_three_do_not(self):
        own = Interval(100, 95, 105, 0.9)
        below, three, both_sides = (
            Calibration.of(errors, [0.03] * len(errors), 91)
            for errors in ([-0.2, -0.25, -0.18, -0.22], [-0.2, -0.25, -0.18], [-0.2, 0.25, -0.18, 0.22])
        )
        assert below.location == pytest.approx(-0.2, abs=0.04)
        assert (three.location, abs(both_sides.location) < 0.02) == (0, True)
        assert below.widened(own, 91).lower < 75
        assert below.widened(own, 91).upper == own.upper
        assert both_sides.widened(own, 91).upper > 130

    def test_what_cannot_be_negative_stays_so_however_little_is_expected(self):
        found = Calibration.of([0.2, -0.2], [0.05, 0.05], 91).widened(Interval(0.5, 0, 4, 0.9), 1096)
        assert found.lower == 0
        assert found.upper > 4


class TestTheRecord:
    def test_each_window_is_calibrated_by_those_before_it_only(self):
        scores = {"BG/NBD": np.zeros(5)}
        windows = [window(scores, actual, 100.0, month) for month, actual in enumerate((150, 60, 100), 1)]
        longer, shorter = record_of(windows).windows, record_of(windows[:2]).windows
        pd.testing.assert_frame_equal(longer.iloc[:2], shorter)

    def test_actual_orders_of_cdnow_are_those_of_the_data(self, record, cdnow):
        windows, first = record.windows, cdnow.histories.table["first_order"]
        assert windows["origin"].is_monotonic_increasing
        assert windows["end"].iloc[-1] == pd.Timestamp(cdnow.observation_end)
        assert first.max() < windows["origin"].iloc[0]
        daily = cdnow.daily.assign(date=pd.to_datetime(cdnow.daily["date"]))
        inside = daily["date"] > windows["origin"].iloc[0]
        assert windows["actual"].sum() == daily.loc[inside, "repeat_orders"].sum()

    def test_time_runs_with_the_season_once_two_windows_were_forecast_better_so(self):
        better, worse = ({"BG/NBD": np.full(5, gain)} for gain in (0.1, -0.1))
        even = [window({"BG/NBD": np.zeros(5)}, actual, 100.0, m) for m, actual in enumerate((70, 130, 70), 1)]

        def seasonal(scores):
            known = [window(scores, each.actual, each.actual, each.calibration_end.month) for each in even]
            pairs = zip(even, known, strict=True)
            return [replace(one, in_time={"season": replace(other, season=other.actual / 100)}) for one, other in pairs]

        record = record_of(seasonal(better))
        assert record.windows["season"].tolist() == [1.0, 1.0, 0.7]
        assert record.windows["estimate"].tolist() == [100.0, 100.0, 70.0]
        assert record.follows == "season"
        # The season of all data may identify no model, and then those in use do not follow it.
        used = record_of(seasonal(better), follows="")
        assert used.follows == ""
        assert used.calibration.weights.tolist() == record_of(even).calibration.weights.tolist()
        assert record_of(seasonal(worse)).follows == record_of(even).follows == ""

    def test_of_several_times_the_one_that_forecast_best_is_used(self):
        def scored(gain):
            return window({"BG/NBD": np.full(5, gain)})

        times = {"season": scored(0.1), "promotions": scored(0.2), "season and promotions": scored(0.3)}
        both = replace(scored(0.0), in_time=times)
        assert time_that_wins([both, both]) == "season and promotions"
        few = replace(scored(0.0), in_time={name: times[name] for name in ("season", "promotions")})
        assert time_that_wins([few, few, both]) == "promotions"
        assert time_that_wins([both]) == ""

    def test_a_window_that_does_not_fit_is_said(self, cdnow):
        with pytest.raises(rl.Unavailable, match="No window of 60 weeks"):
            rl.rolling_origins(cdnow, "60W")

    def test_amounts_that_rise_move_the_interval_of_money_and_not_that_of_orders(self, monkeypatch):
        monkeypatch.setattr("analysis.models.fits.MODELS", {"BG/NBD": rl.MODELS["BG/NBD"]})
        frame = simulate_transactions(1_200, window_days=720, birth_days=400, seed=5)
        years = (pd.to_datetime(frame["date"]) - pd.Timestamp(frame["date"].min())).dt.days / 365.25
        frame["amount"] *= np.exp(0.6 * years)
        orders = rl.read_orders(frame, customer="customer", date="date", amount="amount")
        record = rl.rolling_origins(orders, "13W")
        assert record.money.location > 0.15
        assert abs(record.calibration.location) < 0.05
        last = record.windows.iloc[-1]
        assert last["spent_upper"] < last["spent"] < last["spent_calibrated_upper"]
        without = rl.rolling_origins(rl.read_orders(frame, customer="customer", date="date"), "13W", most=1)
        assert without.money is None
        assert "spent" not in without.windows

    def test_windows_that_missed_to_one_side_in_a_row_are_counted_from_the_last(self):
        scores = {"BG/NBD": np.zeros(5)}

        def lost(*came):
            return record_of([window(scores, each, 100.0, month) for month, each in enumerate(came, 1)]).lost_in_a_row

        assert [lost(100, 101, 400, 900), lost(400, 100), lost(10, 400), lost(100, 99)] == [2, 0, 1, 0]

    def test_a_named_model_without_dropout_is_judged_by_its_own_forecasts(self, cdnow, monkeypatch):
        monkeypatch.setattr("analysis.models.fits.MODELS", {name: rl.MODELS[name] for name in ("BG/NBD", "NBD")})
        named, chosen = (rl.rolling_origins(cdnow, "26W", primary=name) for name in ("NBD", "auto"))
        assert named.windows["model"].tolist() == ["NBD"]
        assert named.windows["estimate"].sum() > chosen.windows["estimate"].sum()
