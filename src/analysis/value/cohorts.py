"""Retention by cohort: who of those who first ordered together ordered again in each later period of their lives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.data import Orders
from analysis.errors import Unavailable
from analysis.interval import Interval
from analysis.plotting import Plots
from analysis.time import TimeUnit, to_days
from analysis.value.history import first_order_days, history, refuse_left_truncation
from analysis.value.intervals import share_interval
from analysis.words import Message

MONTHS_OF = {"month": 1, "quarter": 3, "year": 12}
MOST_COHORTS = 24


@dataclass(frozen=True)
class Cohorts:
    """Customers whose first orders fall into the same calendar month, quarter or year, followed over their lives.

    The k-th period of a customer's life is the k-th month, quarter or year after the first order, by that customer's
    own age: ages above (k - 1) ``period_days`` and up to k ``period_days``. The first order itself is in none. A cell
    is known only where every customer of the cohort has been observed to the end of the period.

    Attributes
    ----------
    unit
        ``month``, ``quarter`` or ``year``: of the cohorts and of the periods of life.
    period_days
        Length of a period of life.
    cohorts
        One row a cohort, oldest first; those without customers are left out: start and end (days, cut to the window of
        the data), customers, complete_periods that all of them have behind them, first_spent [currency] on first orders
        (missing without money).
    ordered, spent
        Customers who ordered in the period, and the amount of these orders [currency]; one row a cohort, one column a
        period 1, 2, ...; missing where incomplete or without money.
    average
        One row a period: customers of the cohorts that have it, and their share who ordered as estimate, lower, upper,
        level, with Jeffreys' interval: customers are taken as independent and cohorts as alike. Later periods rest on
        fewer and older cohorts, so its shape mixes age and cohort.
    """

    unit: str
    period_days: float
    cohorts: pd.DataFrame
    ordered: pd.DataFrame
    spent: pd.DataFrame
    average: pd.DataFrame

    plot = Plots(share="analysis.value.plots:plot_cohort_shares")

    @property
    def share(self) -> pd.DataFrame:
        """``ordered`` over the cohort's customers."""
        return self.ordered.div(self.cohorts["customers"], axis="index")

    @property
    def notes(self) -> tuple[Message, ...]:
        """That there is nothing to compare, where there is one cohort only."""
        if len(self.cohorts) > 1:
            return ()
        return (
            Message(
                "There is one cohort only: all {customers:integer} customers placed their first order between "
                "{start:date} and {end:date}. So nothing can be compared between cohorts, and age cannot be told from "
                "calendar time.",
                **self.cohorts.iloc[0][["start", "end", "customers"]],
            ),
        )

    def newer_against_older(self, level: float = 0.9) -> Interval:
        """Difference in the share that ordered in the first period of life, newer half of the cohorts less older half.

        With a normal interval: customers are taken as independent. Cohorts of other months differ by season, too.

        Raises
        ------
        Unavailable
            Where there are fewer than two cohorts with a whole period behind them.
        """
        known = self.cohorts.assign(ordered=self.ordered[1]).dropna(subset=["ordered"])
        if len(known) < 2:
            raise Unavailable(
                "There is one group of new customers only, so newer ones cannot be compared with older ones."
            )
        is_newer = np.arange(len(known)) >= (len(known) + 1) // 2
        halves = known.groupby(is_newer)[["ordered", "customers"]].sum()
        share = halves["ordered"] / halves["customers"]
        reach = norm.ppf((1 + level) / 2) * np.sqrt(np.sum(share * (1 - share) / halves["customers"]))
        difference = float(share[True] - share[False])
        return Interval(difference, float(difference - reach), float(difference + reach), level)


def retention_cohorts(orders: Orders, *, level: float = 0.9) -> Cohorts:
    """Cohorts by month of the first order, or by quarter or year where months would make more than 24 of them.

    Raises
    ------
    Unavailable
        Under left truncation, and where no cohort has a whole period behind it.

    Examples
    --------
    >>> import analysis as rl
    >>> found = retention_cohorts(rl.read_orders({"sample": "cdnow"}))
    >>> found.cohorts[["customers", "complete_periods"]].values.tolist()
    [[781, 16], [857, 16], [719, 15]]
    >>> found.share[[1, 2]].round(3).values.tolist()
    [[0.175, 0.147], [0.186, 0.144], [0.159, 0.118]]
    """
    refuse_left_truncation(orders)
    birth = first_order_days(orders)
    unit, labels = _calendar_periods(birth)
    length, period_days = MONTHS_OF[unit], MONTHS_OF[unit] * to_days(1, TimeUnit.MONTH)
    values, member = np.unique(labels, return_inverse=True)
    youngest = pd.Series(birth).groupby(member).max().to_numpy().astype("datetime64[D]")
    complete = ((np.datetime64(orders.observation_end) - youngest).astype(int) // period_days).astype(int)
    if complete.max() < 1:
        raise Unavailable(
            "Cohorts need {days_needed:integer} days of data; these hold {days:integer}.",
            code="retention.reason.too_short_for_cohorts",
            days_needed=int(np.ceil(period_days)) + 1,
            days=(orders.observation_end - orders.observation_start).days + 1,
        )
    first, after = ((values * length + more).astype("datetime64[M]").astype("datetime64[D]") for more in (0, length))
    cohorts = pd.DataFrame(
        {
            "start": np.maximum(first, np.datetime64(orders.observation_start)),
            "end": np.minimum(after - 1, np.datetime64(orders.observation_end)),
            "customers": np.bincount(member),
            "complete_periods": complete,
        }
    )
    ordered, spent = _cells(orders, birth, member, period_days, (len(values), int(complete.max()) + 1))
    cohorts["first_spent"] = spent.pop(0)
    known = np.arange(1, complete.max() + 1) <= complete[:, None]
    ordered, spent = ordered.drop(columns=0).where(known), spent.where(known)
    whole = (known * cohorts["customers"].to_numpy()[:, None]).sum(axis=0)
    average = [vars(share_interval(int(part), int(n), level)) for part, n in zip(ordered.sum(), whole, strict=True)]
    average = pd.DataFrame(average, index=ordered.columns).assign(customers=whole)
    return Cohorts(unit, period_days, cohorts, ordered, spent, average)


def _calendar_periods(birth: np.ndarray) -> tuple[str, np.ndarray]:
    """The finest unit with few enough cohorts, and the number of each customer's period since 1970."""
    months = birth.astype("datetime64[M]").astype(np.int64)
    spans = {unit: int(months.max() // length - months.min() // length) for unit, length in MONTHS_OF.items()}
    unit = next((unit for unit, span in spans.items() if span < MOST_COHORTS), "year")
    return unit, months // MONTHS_OF[unit]


def _cells(
    orders: Orders, birth: np.ndarray, member: np.ndarray, period_days: float, shape: tuple[int, int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers who ordered and what they spent by cohort and period of life, 0 for the first orders."""
    born = pd.DataFrame({"customer": np.arange(len(birth)), "birth": birth.astype("datetime64[s]"), "cohort": member})
    with history(orders, born=born) as (connection, occasions):
        found = connection.execute(f"""
            WITH ages AS (
                SELECT o.customer, cohort, amount,
                       CAST(ceil(date_diff('day', CAST(birth AS DATE), day) / {period_days!r}) AS INTEGER) AS period
                FROM {occasions} AS o JOIN born USING (customer)),
            lives AS (
                SELECT customer, any_value(cohort) AS cohort, period, sum(CAST(amount AS DECIMAL(38, 6))) AS spent
                FROM ages WHERE period < {shape[1]} GROUP BY customer, period)
            SELECT cohort, period, count(*) AS customers, CAST(sum(spent) AS DOUBLE) AS spent
            FROM lives GROUP BY cohort, period""").fetchnumpy()
    tables = np.zeros((2, *shape))
    tables[:, found["cohort"], found["period"]] = found["customers"], found["spent"]
    if not orders.has_money:
        tables[1] = np.nan
    return pd.DataFrame(tables[0]), pd.DataFrame(tables[1])
