import pytest

from analysis.time import TimeUnit, force_of_interest, from_days, rate_over, to_days, units_per_year


@pytest.mark.parametrize("unit", list(TimeUnit))
def test_days_survive_a_round_trip_through_every_unit(unit):
    assert to_days(from_days(100.0, unit), unit) == pytest.approx(100.0)


def test_a_week_is_seven_days_and_a_year_is_365_and_a_quarter():
    assert from_days(273, TimeUnit.WEEK) == 39
    assert to_days(1, TimeUnit.YEAR) == 365.25
    assert units_per_year(TimeUnit.MONTH) == pytest.approx(12)


@pytest.mark.parametrize("unit", list(TimeUnit))
def test_a_year_of_discounting_costs_the_yearly_rate_in_every_unit(unit):
    assert rate_over(0.10, units_per_year(unit), unit) == pytest.approx(0.10)


def test_no_rate_means_no_discounting():
    assert force_of_interest(0.0, TimeUnit.DAY) == 0
