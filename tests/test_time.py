import numpy as np
import pandas as pd
import pytest

from analysis.time import Clock, Promotions, TimeUnit, from_days, promotion_edges, rate_over, to_days, units_per_year


@pytest.mark.parametrize("unit", list(TimeUnit))
def test_days_survive_a_round_trip_through_every_unit_and_a_year_costs_the_yearly_rate(unit):
    assert to_days(from_days(100.0, unit), unit) == pytest.approx(100.0)
    assert rate_over(0.10, units_per_year(unit), unit) == pytest.approx(0.10)


class TestOperationalTime:
    season = np.array([0.4, 1.0, 1.6, 1.0])
    days = np.array(["2020-01-31", "2021-07-04", "2024-12-31"], "datetime64[D]")
    before = np.datetime64("2020-02-02")

    @pytest.mark.parametrize("unit", list(TimeUnit))
    def test_a_year_is_as_long_as_by_the_calendar_from_any_day(self, unit):
        ahead = Clock(unit, self.season).ahead(365.25, self.days)
        assert ahead == pytest.approx(np.full(3, units_per_year(unit)))

    def test_it_runs_faster_in_promotions_past_and_planned(self):
        days = {"start": ["2020-02-03", "2020-03-02"], "end": ["2020-02-09", "2020-03-08"]}
        edges, day = promotion_edges(pd.DataFrame(days)), self.before
        clock = Clock(TimeUnit.DAY, None, Promotions(edges, 3.0, 0.25, edges[-1] + 7))
        assert clock.ahead(7, day) == pytest.approx(7 * 3 / 1.5)
        # A week after the last promotion the calendar is known no longer, and time runs at the mean rate.
        passed = np.array([7, 21, 24, 49, 49 + 1.5 * 100]) / 1.5
        assert clock.ahead(np.array([7, 21, 22, 35, 135]), day + 7) == pytest.approx(passed)

    @pytest.mark.parametrize("profile", [None, season])
    @pytest.mark.parametrize("factor", [0.5, 2.0])
    def test_promotions_go_with_a_season_and_days_are_found_back(self, profile, factor):
        days = {"start": ["2020-02-03", "2021-12-27"], "end": ["2020-02-09", "2022-01-09"]}
        edges = promotion_edges(pd.DataFrame(days))
        clock = Clock(TimeUnit.WEEK, profile, Promotions(edges, factor, 0.1, edges[-1] + 100))
        for day, days in zip(self.days, (3.0, 200.0, 900.0), strict=True):
            assert clock.days_ahead(clock.ahead(days, day), day) == pytest.approx(days)
        dates = np.arange(self.days[0], self.days[0] + 400)
        assert clock.ahead(400, self.days[0] - 1) == pytest.approx(clock.rate_on(dates).sum() / 7, rel=2e-3)
