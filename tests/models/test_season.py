from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import analysis as rl
from analysis.errors import UsageError
from analysis.models.backtest import forecast_holdout
from analysis.models.fits import fit_all
from analysis.models.futures import Discount
from analysis.models.pareto import ParetoNBD
from analysis.models.patterns import patterns_of
from analysis.models.season import fit_in_time, log_rates, season_of
from analysis.time import Clock, Promotions, TimeUnit, promotion_edges
from analysis.value.valuation import customer_value

WEEK = TimeUnit.WEEK
pytestmark = pytest.mark.usefixtures("few_proposals", "few_draws")
PLANTED = {"r": 0.6, "alpha": 10.0, "a": 0.8, "b": 4.0}
BUSY = np.where(np.arange(26) >= 22, 2.5, 1.0) / np.where(np.arange(26) >= 22, 2.5, 1.0).mean()
START = np.datetime64("2020-01-01")


def shop(rng, profile=None, years=3.0, customers=1_500, promotions=None):
    """BG/NBD customers who order at an even rate in the operational time of a profile; orders up to the end."""
    clock, end = Clock(WEEK, profile, promotions), round(365.25 * years)
    born = START + rng.integers(0, end - 180, customers)
    rate = rng.gamma(PLANTED["r"], 1 / PLANTED["alpha"], customers)
    chance = rng.beta(PLANTED["a"], PLANTED["b"], customers)
    time, there, rows = np.zeros(customers), np.arange(customers), [born]
    who = [there]
    while len(there):
        time = time + rng.exponential(1 / np.maximum(rate[there], 1e-12))
        day = born[there] + np.ceil(np.minimum(clock.days_ahead(time, born[there]), 1e5)).astype(int)
        inside = day < START + end
        rows, who = [*rows, day[inside]], [*who, there[inside]]
        stays = inside & (rng.random(len(there)) > chance[there])
        time, there = time[stays], there[stays]
    frame = pd.DataFrame({"customer": np.concatenate(who), "date": np.concatenate(rows)}).drop_duplicates()
    frame["date"], frame["amount"] = frame["date"].astype("datetime64[s]"), 10.0
    return frame


def read(frame):
    return rl.read_orders(frame, customer="customer", date="date", amount="amount", currency="EUR")


@pytest.fixture(scope="module")
def orders(few_proposals):
    return read(shop(np.random.default_rng(5), BUSY))


@pytest.fixture(scope="module")
def even(orders):
    return fit_all(patterns_of(orders.histories, Clock(TimeUnit.WEEK)), Clock(TimeUnit.WEEK), 1, "BG/NBD", quick=True)


@pytest.fixture(scope="module")
def seasonal(orders, even):
    births = orders.histories.table["first_order"]
    return fit_in_time(even, orders.histories, orders.daily, births, 1, "season", quick=True)


class TestTheProfile:
    def test_is_the_one_that_was_planted(self, seasonal):
        assert np.abs(np.log(seasonal.primary.season / BUSY)).max() < 0.3
        assert np.abs(seasonal.primary.season - BUSY).mean() < 0.08
        assert seasonal.primary.season.mean() == pytest.approx(1)

    @pytest.mark.parametrize("seed", range(2))
    def test_is_none_where_none_was_planted(self, seed):
        orders = read(shop(np.random.default_rng(seed)))
        fit = rl.BGNBD().fit(orders)
        found = season_of(orders.daily, orders.histories.table["first_order"], fit)
        assert found.known
        assert found.profile is None

    def test_is_unknown_before_two_years_have_passed(self):
        orders = read(shop(np.random.default_rng(1), BUSY, years=1.9))
        found = season_of(orders.daily, orders.histories.table["first_order"], rl.BGNBD().fit(orders))
        assert not found.known
        assert found.profile is None

    def test_is_found_again_from_a_fit_that_knows_it(self, orders, seasonal):
        found = season_of(orders.daily, orders.histories.table["first_order"], seasonal.primary)
        assert np.abs(found.profile - seasonal.primary.season).max() < 0.1


class TestOperationalTime:
    def test_recovers_the_parameters_that_were_planted(self, seasonal):
        errors = seasonal["BG/NBD"].standard_errors
        for name, value in seasonal["BG/NBD"].parameters.items():
            assert value == pytest.approx(PLANTED[name], abs=3 * errors[name])

    def test_is_more_likely_than_calendar_time_once_the_rate_on_each_day_counts(self, orders, even, seasonal):
        gain = log_rates(orders.daily, seasonal.primary.clock)
        for fit in seasonal:
            assert fit.log_likelihood + gain > even[fit.model].log_likelihood + 100

    @pytest.mark.slow
    def test_the_next_weeks_are_forecast_as_they_came(self):
        frame = shop(np.random.default_rng(8), BUSY, years=4.0, customers=450)
        split = rl.data.holdout_split(read(frame), 20)
        even, season = (
            forecast_holdout(split, time_unit=WEEK, seed=1, follows=it).scores.loc["BG/NBD"] for it in ("", "season")
        )
        assert season["lower"] < season["actual"] < season["upper"]
        assert abs(even["estimate"] - even["actual"]) > 2 * abs(season["estimate"] - season["actual"])
        assert season["log_score"] > even["log_score"]

    def test_expected_orders_follow_those_that_came_through_the_year(self, orders, even, seasonal):
        errors = []
        for fits in (even, seasonal):
            found = fits["BG/NBD"].of(orders).tracking()
            errors.append(np.abs(found["BG/NBD"] - found["actual"]).max() / found["actual"].max())
        assert errors[1] < 0.03 < errors[0]

    def test_a_summary_without_dates_is_refused(self, orders, seasonal):
        frame = orders.summary()[["frequency", "recency", "T"]]
        with pytest.raises(UsageError, match="customers need dates"):
            seasonal.primary.of(frame, unit="week").predict("13W")


class TestPromotions:
    """Weeks in which customers order twice as often, planted at odd times; some are still to come."""

    calendar = pd.DataFrame({"start": START + 14 * np.array([2, 7, 11, 13, 19, 24, 26, 31, 37, 40, 45, 49, 50, 51])})
    calendar["end"] = calendar["start"] + pd.Timedelta(days=6)
    edges = promotion_edges(calendar)

    @pytest.fixture(scope="class")
    @classmethod
    def orders(cls, few_proposals):
        planted = Promotions(cls.edges, 2.0, 0.13, cls.edges[-1])
        return read(shop(np.random.default_rng(2), years=2.0, promotions=planted))

    @pytest.fixture(scope="class")
    @classmethod
    def tests(cls, orders):
        split = rl.data.holdout_split(orders, 10)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("analysis.models.fits.MODELS", {"BG/NBD": rl.MODELS["BG/NBD"]})
            settings = {"time_unit": WEEK, "seed": 1, "edges": cls.edges}
            return [forecast_holdout(split, **settings, follows=each) for each in ("", "promotions")]

    def test_the_factor_is_found_before_there_are_two_years(self, tests):
        promotions = tests[1].fits.primary.promotions
        assert promotions.factor == pytest.approx(2.0, rel=0.12)
        assert promotions.share == pytest.approx(0.13, abs=0.02)
        assert tests[1].fits.primary.clock.follows == "promotions"
        assert tests[0].fits.primary.promotions is None

    def test_weeks_with_planned_promotions_are_forecast_better(self, tests):
        even, planned = (test.scores.loc["BG/NBD"] for test in tests)
        assert planned["lower"] < planned["actual"] < planned["upper"]
        assert abs(planned["estimate"] - planned["actual"]) < abs(even["estimate"] - even["actual"])
        assert planned["log_score"] > even["log_score"]

    def test_without_planned_ones_fewer_orders_are_expected(self, tests, orders):
        fit, end = tests[1].fits.primary, tests[1].calibration_end
        past = fit.promotions.edges[fit.promotions.edges < np.datetime64(end, "D").astype(float)]
        quiet = replace(fit, promotions=replace(fit.promotions, edges=past))
        usual = replace(
            fit, promotions=replace(fit.promotions, edges=past, until=np.datetime64(end, "D").astype(float))
        )
        known = rl.data.holdout_split(orders, 10).calibration
        most, least, mean = (each.of(known).predict("10W")["expected_orders"].sum() for each in (fit, quiet, usual))
        assert least < 0.85 * most
        assert least < mean < most  # where the calendar says nothing of the time ahead it is a mean one

    def test_where_promotions_bring_nothing_the_factor_is_about_one(self):
        found = read(shop(np.random.default_rng(3), years=2.0))
        births = found.histories.table["first_order"]
        season = season_of(found.daily, births, rl.BGNBD().fit(found), self.edges)
        assert season.promotions.factor == pytest.approx(1.0, abs=0.2)

    def test_too_few_promotions_say_nothing(self, orders):
        fit = rl.BGNBD().fit(orders)
        found = season_of(orders.daily, orders.histories.table["first_order"], fit, self.edges[:4])
        assert found.promotions is None


class TestValues:
    def test_are_discounted_by_the_calendar(self, orders, seasonal):
        """In a simulation as in closed form, and not much else than in a mean year over whole years."""
        fit, spend = seasonal["BG/NBD"].of(orders), rl.GammaGamma().fit(orders)
        value = customer_value(fit, spend, "3Y", gross_margin=1.0, annual_discount_rate=0.5)
        drawn = value.simulation.totals().simulated[1, 0]
        assert drawn.mean() == pytest.approx(value.total.estimate, rel=0.02)
        assert value.expected_total.lower < value.total.estimate < value.expected_total.upper
        year = customer_value(fit, spend, "1Y", gross_margin=1.0, annual_discount_rate=0.0)
        even = replace(fit, season=None).predict("1Y")  # histories in calendar time, so not the same
        assert year.expected_orders.estimate == pytest.approx(even["expected_orders"].sum(), rel=0.1)

    def test_long_series_are_discounted_like_short_ones(self, orders, seasonal):
        clock, end = seasonal.primary.clock, orders.observation_end
        discount = Discount(0.01, clock.calendar_after(end))
        span = np.array([5.0, 40.0, 150.0])
        first, second = discount.moments(span)
        times = span[:, None] * (np.arange(20_000) + 0.5) / 20_000
        assert first == pytest.approx(discount.at(times).mean(axis=1), rel=2e-3)
        assert second == pytest.approx((discount.at(times) ** 2).mean(axis=1), rel=2e-3)


class TestDropoutInTime:
    """Pareto/NBD in operational time also lets customers leave faster in busy weeks; beside it, by the calendar."""

    params = ParetoNBD.Params(r=0.553, alpha=10.58, s=0.606, beta=11.67)
    clock, end, days = Clock(WEEK, BUSY), np.datetime64("2022-12-31"), 182

    def histories(self, rng, customers=400):
        """Frequency, and days to the last order and to the end, of customers who leave by the calendar."""
        age = rng.integers(30, 1095, customers)
        born, rate = self.end - age, rng.gamma(self.params.r, 1 / self.params.alpha, customers)
        life = 7 * rng.exponential(1 / rng.gamma(self.params.s, 1 / self.params.beta, customers))
        time = self.clock.ahead(np.minimum(life, age), born)
        frequency = rng.poisson(rate * time)
        last = time * rng.random(customers) ** (1 / np.maximum(frequency, 1))
        days = np.clip(np.ceil(self.clock.days_ahead(last, born)), 1, age)
        return frequency, np.where(frequency > 0, days, 0), age

    def by_the_calendar(self, frequency, recency, age):
        """P(alive) and expected orders of one customer, integrated over when the customer left."""
        (r, alpha, s, beta), born = self.params, self.end - age
        gone = np.arange(recency, age) + 0.5
        density = s / beta / 7 * (beta / (beta + gone / 7)) ** (s + 1)
        stays, T = (beta / (beta + age / 7)) ** s, self.clock.ahead(age, born)
        left = density @ ((alpha + self.clock.ahead(gone, born)) / (alpha + T)) ** -(r + frequency)
        alive = stays / (stays + left)
        later = np.arange(self.days) + 0.5
        there = ((beta + age / 7) / (beta + (age + later) / 7)) ** s
        rate = np.diff(self.clock.ahead(np.arange(self.days + 1.0), self.end))
        return alive, alive * (r + frequency) / (alpha + T) * (rate @ there)

    def test_moves_totals_of_a_strong_season_by_less_than_three_percent(self):
        frequency, recency, age = self.histories(np.random.default_rng(1))
        times = self.clock.ages(recency, age, self.end)
        horizon = self.clock.ahead(self.days, self.end)
        alive = ParetoNBD().p_alive(self.params, frequency, *times)
        orders = ParetoNBD().expected_purchases(self.params, horizon, frequency, *times)
        calendar = np.array([self.by_the_calendar(*each) for each in zip(frequency, recency, age, strict=True)])
        assert orders.sum() == pytest.approx(calendar[:, 1].sum(), rel=0.03)
        assert np.abs(alive - calendar[:, 0]).mean() < 0.03
        assert alive.sum() == pytest.approx(calendar[:, 0].sum(), rel=0.07)
