"""The experiment between two strategies: how many customers, for how long, for the difference that is expected.

Customers are assigned to two arms at random; the outcome is their margin over some weeks, compared by a regression on
their margin over as many weeks before, which takes the share rho^2 of the variance out [1]_. Variance and rho come from
the base's own last weeks, the difference to be expected from the simulation.

References
----------
.. [1] Deng, Xu, Kohavi, Walker (2013), Improving the sensitivity of online controlled experiments by utilizing
   pre-experiment data, WSDM '13:123-132.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from analysis.config.strategies import NOTHING, Strategy
from analysis.data import Orders
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.strategies.experiment import Period, margins_of
from analysis.strategies.schedule import Economics
from analysis.strategies.simulation import Inputs, simulate
from analysis.strategies.simulation_error import expected_difference, with_shared_error

LENGTHS = (8, 13, 26, 52)
POWER = 0.8
FEWEST_CUSTOMERS = 20
LARGEST_CORRELATION = 0.999
"""Beyond this the past tells the outcome, and nothing is left to size an experiment by."""
LEAST_EFFECT, FEWEST_IN_AN_ARM = 1e-4, 10
DAYS_PER_WEEK = 7


@dataclass(frozen=True)
class Design:
    """An experiment of one length.

    Attributes
    ----------
    weeks
        How long it runs; margins of as many weeks before are the covariate.
    deviation
        Standard deviation of a customer's margin over the weeks [currency], in the last weeks of the data.
    correlation
        Of a customer's margin with that of the weeks before; 0 where these are not in the data.
    expected
        Expected difference of a customer's margin between the arms over the weeks [currency], with its interval over
        everything that is uncertain.
    customers_per_arm
        For ``POWER`` at the plan's significance, if the difference is the expected one; None where no difference
        is expected or more than a billion would be needed.
    detectable
        The difference [currency a customer] that the whole base, half an arm, would show with ``POWER``.
    power
        Of the whole base, half an arm, for the expected difference.
    customers
        Who can take part: everybody with an order before these weeks began.
    service_each
        What each of the two arms costs a customer over the weeks beside its prices [currency]: the cost of being
        better, in ``expected`` already. The analysis of the experiment asks for it as ``cost_per_customer``.
    """

    weeks: int
    deviation: float
    correlation: float
    expected: Interval
    customers_per_arm: int | None
    detectable: float
    power: float
    customers: int
    service_each: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class ExperimentPlan:
    """Experiments that compare two strategies.

    Attributes
    ----------
    arms
        The two strategies; differences are the first less the second.
    designs
        One a length that the data can be asked about.
    significance
        Two-sided, of the sizes and powers.
    horizon
        Expected difference of the two over the comparison's whole horizon, for each of today's customers [currency],
        new customers and those brought by others included.
    fixed_per_year
        Yearly programme and database cost of the first less that of the second [currency], in no difference of margins.
    """

    arms: tuple[str, str]
    designs: tuple[Design, ...]
    significance: float
    horizon: float
    fixed_per_year: float

    @property
    def contradicts_the_horizon(self) -> bool:
        """Whether a perfect experiment of the greatest length would point the other way than the whole comparison."""
        return self.designs[-1].expected.estimate * self.horizon < 0

    @property
    def shortest(self) -> Design | None:
        """The shortest design for which the base is large enough."""
        enough = (d for d in self.designs if d.customers_per_arm and 2 * d.customers_per_arm <= d.customers)
        return next(enough, None)


def experiment_plan(
    orders: Orders, inputs: Inputs, pair: Sequence[Strategy], level: float, horizon: float = 0.0
) -> ExperimentPlan:
    """Designs for an experiment between two strategies.

    Parameters
    ----------
    inputs
        As of the comparison; its customers stand for those who take part.
    pair
        The two strategies in front.
    level
        Of the intervals; the significance is one less it.
    horizon
        Expected difference of the pair over the whole comparison [currency].

    Raises
    ------
    Unavailable
        Where the data do not tell how large an experiment would have to be.
    """
    days = (orders.observation_end - orders.observation_start).days + 1
    designs = []
    for weeks in LENGTHS:
        if days < 2 * weeks * DAYS_PER_WEEK:
            break
        during, before = margins(orders, inputs.economics, weeks)
        rho = float(np.corrcoef(during, before)[0, 1]) if during.std() > 0 and before.std() > 0 else 0.0
        if len(during) < FEWEST_CUSTOMERS or during.std() == 0 or abs(rho) > LARGEST_CORRELATION:
            continue
        difference, service_each = expected_over(inputs, pair, weeks, level)
        planned = design(weeks, float(during.std(ddof=1)), rho, difference, len(during), 1 - level)
        designs.append(replace(planned, service_each=service_each))
    if not designs:
        raise Unavailable(
            "The data span {weeks:weeks}; at least {needed:integer} with enough orders are needed to tell how large an "
            "experiment would have to be.",
            code="experiment.reason.too_short",
            weeks=days // DAYS_PER_WEEK,
            needed=2 * LENGTHS[0],
        )
    return ExperimentPlan(
        arms=(pair[0].name, pair[1].name),
        designs=tuple(designs),
        significance=1 - level,
        horizon=horizon / inputs.customers,
        fixed_per_year=_fixed(pair[0]) - _fixed(pair[1]),
    )


def design(
    weeks: int, deviation: float, correlation: float, expected: Interval, customers: int, significance: float = 0.05
) -> Design:
    """An experiment of one length, from the standard deviation and correlation of margins, by normal approximation.

    Examples
    --------
    >>> planned = design(13, 20.0, 0.6, Interval(1.0, 0.2, 1.8, 0.9), customers=20_000)
    >>> planned.customers_per_arm, round(planned.power, 2)
    (4019, 0.99)
    """
    left = deviation * np.sqrt(1 - correlation**2)
    reach = norm.isf(significance / 2)
    effect, error = abs(expected.estimate) / left, np.sqrt(4 / customers)
    power = norm.sf(reach - effect / error) + norm.sf(reach + effect / error)
    return Design(
        weeks=weeks,
        deviation=deviation,
        correlation=correlation,
        expected=expected,
        customers_per_arm=_customers_per_arm(effect, reach),
        detectable=float((reach + norm.ppf(POWER)) * error * left),
        power=float(power),
        customers=customers,
    )


def _customers_per_arm(effect: float, reach: float) -> int | None:
    # Below this effect more than a billion customers would be needed.
    if effect < LEAST_EFFECT:
        return None
    return max(int(np.ceil(2 * ((reach + norm.ppf(POWER)) / effect) ** 2)), FEWEST_IN_AN_ARM)


def margins(orders: Orders, economics: Economics, weeks: int) -> tuple[np.ndarray, np.ndarray]:
    """Margin of every customer over the last weeks, and over as many before, shape (customers,) each [currency].

    Of customers with an order before the last weeks began, so that nobody counts for having just come, and by
    ``experiment.margins_of``: what is planned with is what the analysis of the experiment will compare.
    """
    days, last = weeks * DAYS_PER_WEEK, orders.observation_end
    period = Period(starts=last - dt.timedelta(days=days - 1), ends=last, days=days, days_before=days)
    found = margins_of(orders, orders.histories.table["customer_id"], period, economics)
    return found.during[~found.newcomer], found.before[~found.newcomer]


def expected_over(
    inputs: Inputs, pair: Sequence[Strategy], weeks: int, level: float
) -> tuple[Interval, tuple[float, float]]:
    """What is expected of those who are customers today, over the first weeks [currency a customer].

    The difference of the pair, without fixed costs, new customers and referrals: an experiment sees none of them. The
    interval holds everything that is uncertain and the simulation error of the mean. Then what each of the two costs
    beside its prices.
    """
    economics = replace(inputs.economics, annual_discount_rate=0.0)
    only_base = replace(inputs, new=None, coming_per_week=0.0, weeks=weeks, economics=economics)
    run = simulate(only_base, [NOTHING, *(_as_tried(each) for each in pair if each != NOTHING)])
    names, count = (pair[0].name, pair[1].name), inputs.customers
    expected = expected_difference(run, *names)
    spread = with_shared_error(run, expected, *names, inputs.seed) / count
    service = run.components["service"] + run.components["invested"]
    each = (-service[:, [run.strategy(name) for name in names]].mean(axis=0) / count).tolist()
    return Interval.around(float(expected.mean()) / count, spread, level), (each[0], each[1])


def _as_tried(strategy: Strategy) -> Strategy:
    """At once and as long as the experiment lasts, without its fixed costs."""
    lasting, sides = {"starts_week": 0, "ends_week": None}, {}
    if strategy.promotion:
        sides["promotion"] = strategy.promotion.model_copy(update={"programme_cost_per_year": 0.0} | lasting)
    if strategy.experience:
        sides["experience"] = strategy.experience.model_copy(update={"database_per_year": 0.0} | lasting)
    return strategy.model_copy(update=sides)


def _fixed(strategy: Strategy) -> float:
    programme = strategy.promotion.programme_cost_per_year if strategy.promotion else 0.0
    return programme + (strategy.experience.database_per_year if strategy.experience else 0.0)
