"""What a new customer brings by age, seen and modelled: when what it cost is paid back, and the most that it may cost.

The average customer of those won so far; how much dearer the next ones are, such data do not say. Growth that referrals
earned stands beside growth that was bought. What referred customers bring more than others like them is a difference
and no effect: whoever is recommended differs from others beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import FloatingValue, Table
from scipy.stats import norm
from statsmodels.regression.linear_model import OLS

from analysis.arguments import checked
from analysis.config import EconomicsConfig
from analysis.errors import DataError, Unavailable
from analysis.interval import Interval
from analysis.models.fits import PurchaseFit, fits_of
from analysis.models.registry import MODELS
from analysis.plotting import Plots
from analysis.tables import Result
from analysis.time import DAYS_PER_YEAR, TimeUnit, duration, force_of_interest, from_days, to_days
from analysis.value.base import flows_of, periods_of
from analysis.value.groups import by_id
from analysis.value.history import (
    AnyOrders,
    entered,
    exact_sum,
    first_order_days,
    history,
    left_truncation,
    of_each,
    refuse_left_truncation,
    refuse_without_money,
)
from analysis.value.lives import cohorts_of, days_seen, expanded, shares_by_age

MONTH = to_days(1, TimeUnit.MONTH)
MONTHS = (6, 12, 24)
FEWEST = 30
"""Customers who reached an age below whom nothing is said of it."""
GROUPS, DRAWS = 100, 400
MORE_SPEND, DEARER, POWER = 0.5, 2.0, 0.8
"""Of a test of spend: by how much it is raised, and at how many times the average one more customer is still found."""
SEEN = "seen"
Margin = Callable[[Table], FloatingValue]
"""From occasions to what an order leaves, discounted to the first one."""
GROUP_COLUMNS = ("group", "months", "customers", "mean", "estimate", "lower", "upper", "level")


@dataclass(frozen=True, repr=False)
class Payback(Result):
    """What a new customer brings, against what it cost.

    Attributes
    ----------
    curve
        Cumulative discounted margin of the average customer by age, first order included: model (``seen``, then each
        purchase model), age_days (months of 30.4375 days), estimate, lower, upper, level [currency], customers who were
        seen so long. The rows of a model go on where enough customers were seen no longer.
    cost
        What winning a customer costs [currency], as stated, else by the spend of the last year; 0 where nobody said.
    ages
        One row a model: age at which the cost is paid back, estimate, lower, upper [days, infinite: not within the
        horizon], level, and never: probability that it is not paid back within the horizon. Empty without a cost.
    most
        The most that a customer may cost to be paid back within so many months: model (``seen`` where that is enough),
        months, estimate, lower, upper, level [currency]; the last months are the horizon.
    alone
        Share of customers who paid back by themselves by age_days (Kaplan-Meier): customers, estimate, lower, upper,
        level. Empty without a cost.
    groups
        The most that one may cost by group of customers (cohorts, where nothing else was asked for) and months, of
        which the last are the horizon: customers, mean (of those seen so long), and estimate, lower, upper, level,
        of three groups and more drawn towards the mean of all, the more, the less is known of a group. Differences
        between groups are no effects of what they are called by.
    costs
        What winning customers cost on average, by date (first of the month) and group: spend [currency], customers who
        first ordered then, cost of each [currency]. Not what one more would cost. Empty where no spend was given.
    tests
        The smallest test that would tell what one more customer costs: in half of so many weeks, drawn by lot, half as
        much again is spent on a group. It finds in four of five cases that one more costs at most twice the average.
        group, weekly (new customers a week over the last year), dispersion (variance of these over their mean, at least
        1), weeks, extra (spend on it [currency]). Empty where no spend was given.
    horizon_years
        How far ahead the models look.
    """

    curve: pd.DataFrame
    cost: float
    ages: pd.DataFrame
    most: pd.DataFrame
    alone: pd.DataFrame
    groups: pd.DataFrame
    costs: pd.DataFrame
    tests: pd.DataFrame
    horizon_years: float

    main = "most"
    plot = Plots(curve="analysis.value.plots:plot_payback")


@checked
def payback(
    orders: AnyOrders,
    fit: PurchaseFit | Iterable[PurchaseFit],
    *,
    acquisition_cost: float = 0.0,
    gross_margin: float = 0.3,
    cost_per_order: float = 0.0,
    annual_discount_rate: float = 0.1,
    horizon: object = "3Y",
    by: pd.Series | None = None,
    acquisition: pd.DataFrame | None = None,
    level: float = 0.9,
    seed: int = 1,
) -> Payback:
    """Cumulative margin by age, payback age, and the most that a new customer may cost.

    Parameters
    ----------
    fit
        A fitted purchase model or several; each goes on where the data end.
    acquisition_cost
        What winning a customer costs [currency]; 0: what ``acquisition`` says of its last year, else not known.
    gross_margin, cost_per_order, annual_discount_rate
        Share of an order's amount that is left, a further cost of each order [currency], by how much money a year later
        counts less.
    horizon
        A duration with its unit, such as ``"3Y"``.
    by
        Groups by customer id, such as the channel that brought them; without it cohorts.
    acquisition
        What was spent on winning customers: date, spend [currency], and channel where ``by`` holds channels.
    level, seed
        Level of the intervals; of the bootstrap over customers.

    Raises
    ------
    Unavailable
        Where first orders are not known, there is no money, or nobody was seen for a month.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "cdnow"})
    >>> found = rl.payback(orders, rl.BGNBD().fit(orders), acquisition_cost=15)
    >>> found.most.query("model == 'seen'")[["months", "estimate"]].round(1).values.tolist()
    [[6.0, 20.3], [12.0, 26.5]]
    """
    fits, days = fits_of(fit), duration(horizon)
    EconomicsConfig.checked(
        acquisition_cost=acquisition_cost, gross_margin=gross_margin, cost_per_order=cost_per_order,
        annual_discount_rate=annual_discount_rate, horizon_years=days / DAYS_PER_YEAR,
    )  # fmt: skip
    delta = force_of_interest(annual_discount_rate, TimeUnit.DAY)
    margin = _margin(orders, gross_margin, cost_per_order, delta)
    if not acquisition_cost and (spent := spent_on_winning(orders, acquisition)):
        acquisition_cost = spent["spend"] / spent["customers"]
    seen, reached, order_value = _seen(orders, margin, np.random.default_rng([seed, 8]))
    left, longest = gross_margin * order_value - cost_per_order, max(int(np.ceil(days / MONTH)), len(reached) - 1)
    models = {each.model: _modelled(each, seen, left, delta, longest) for each in fits}
    points, paid = {SEEN: seen, **models}, models if acquisition_cost else {}
    ages = [_paid_back(name, found, acquisition_cost, days, level) for name, found in paid.items()]
    return Payback(
        curve=pd.concat([_curve(name, found, reached, level) for name, found in points.items()], ignore_index=True),
        cost=acquisition_cost,
        ages=pd.DataFrame(ages, columns=["model", "estimate", "lower", "upper", "level", "never"]),
        most=_most(points, days, level),
        alone=_alone(orders, margin, acquisition_cost, level),
        groups=_groups(orders, margin, by, days, level),
        costs=(costs := acquisition_costs(orders, acquisition, by)),
        tests=spend_tests(orders, costs, by),
        horizon_years=days / DAYS_PER_YEAR,
    )


def first_order_groups(
    orders: AnyOrders,
    *,
    gross_margin: float = 0.3,
    cost_per_order: float = 0.0,
    annual_discount_rate: float = 0.1,
    horizon: object = "3Y",
    level: float = 0.9,
) -> pd.DataFrame:
    """The most that a new customer may cost by what its first order was; settings and errors as of ``payback``.

    Returns
    -------
    DataFrame
        by (``category``: that of the first order; ``deal``: whether it had a discount), and as ``Payback.groups``; the
        groups of deals are ``deal`` and ``full_price``. Nothing of what is not known.

    Examples
    --------
    >>> import analysis as rl
    >>> len(first_order_groups(rl.read_orders({"sample": "cdnow"})))
    0
    """
    days = duration(horizon)
    money = {"gross_margin": gross_margin, "cost_per_order": cost_per_order}
    EconomicsConfig.checked(**money, annual_discount_rate=annual_discount_rate, horizon_years=days / DAYS_PER_YEAR)
    margin = _margin(orders, gross_margin, cost_per_order, force_of_interest(annual_discount_rate, TimeUnit.DAY))
    table, known = orders.histories.table, {}
    if "first_category" in table:
        known["category"] = table["first_category"].to_numpy()
    if "discount" in orders.days.columns:
        with history(orders) as bought:
            first = bought.filter(bought.age == 0).select("customer", deal=bought.discount > 0)
            known["deal"] = np.where(of_each(orders, first)["deal"], "deal", "full_price")
    parts = [
        _groups(orders, margin, pd.Series(each, orders.histories.ids), days, level).assign(by=name)
        for name, each in known.items()
    ]
    columns = ["by", *GROUP_COLUMNS]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _margin(orders: AnyOrders, gross_margin: float, cost_per_order: float, delta: float) -> Margin:
    """From occasions to what an order leaves, discounted to the first one."""
    refuse_left_truncation(orders)
    refuse_without_money(orders)
    return lambda bought: (bought.amount * gross_margin - cost_per_order) * (bought.age * -delta).exp()


def _ages(days: float) -> dict[float, float]:
    """Months -> age [days] at which is said what a customer may cost; the last is the horizon."""
    return {float(month): MONTH * month for month in MONTHS if MONTH * month < days} | {round(days / MONTH, 6): days}


def _seen(orders: AnyOrders, margin: Margin, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each month's margin of those who reached its end, over their number; customers are drawn in random groups.

    Returns
    -------
    tuple of ndarray
        By month of age cumulative margin at the estimate and bootstrap draws, shape (1 + draws, months); customers who
        reached it, shape (months,); mean amount of a repeat order at each of these points, shape (1 + draws,).
    """
    age = orders.histories.table["T_days"].to_numpy(dtype=float)
    months = (age // MONTH).astype(int)
    size = min(GROUPS, len(age))
    group = rng.permutation(len(age)) % size
    reached = np.zeros((size, months.max() + 1))
    np.add.at(reached, (group, months), 1)
    reached = reached[:, ::-1].cumsum(axis=1)[:, ::-1]
    enough = reached.sum(axis=0) >= min(FEWEST, len(age))
    if enough.sum() < 2:
        raise Unavailable("Too few new customers were followed for a whole month.")
    sums = np.zeros((3, size, len(enough)))
    with history(orders) as bought:
        told = bought.mutate(margin=margin(bought), month=(bought.age / MONTH).ceil().cast("int64"))
        told = told.join(entered(orders, group=group, months=months), "customer")
        told = told.filter(told.month <= told.months)
        later = told.age > 0
        found = told.group_by("group", "month").agg(
            margin=told.margin.sum(),
            amount=told.amount.sum(where=later).coalesce(0.0),
            orders=told.count(where=later),
        )
        found = found.to_pandas()
    for row, name in enumerate(("margin", "amount", "orders")):
        sums[row, found["group"], found["month"]] = found[name]
    weights = np.vstack([np.ones(size), rng.exponential(size=(DRAWS, size))])
    weighted = weights @ np.stack([sums[0], reached])
    with np.errstate(divide="ignore", invalid="ignore"):
        points = np.cumsum(weighted[0] / weighted[1], axis=1)[:, enough]
        amount, count = (weights @ each.sum(axis=1) for each in sums[1:])
        value = np.where(count > 0, amount / count, 0.0)
    return points, reached.sum(axis=0)[enough].astype(int), value


def _modelled(fit: PurchaseFit, seen: np.ndarray, left: np.ndarray, delta: float, months: int) -> np.ndarray:
    """What was seen, and from there on what the model expects of a new customer, shape (1 + draws, 1 + months).

    ``left`` is what a repeat order leaves at each point, shape (1 + draws,).
    """
    model, last = MODELS[fit.model], seen.shape[1] - 1
    ages = MONTH * np.arange(last, months + 1)
    draws = fit.draws(len(seen) - 1)
    places = np.resize(np.arange(len(draws)), len(seen) - 1)
    times = from_days(ages, fit.time_unit)
    new = np.zeros(len(times))
    orders = np.array([model.expected_purchases(each, times, new, new, new) for each in (fit.params, *draws)])
    orders = np.diff(orders, axis=1)[np.append(0, 1 + places)] * np.exp(-delta * (ages[:-1] + MONTH / 2))
    return np.hstack([seen, seen[:, -1:] + np.cumsum(orders * left[:, None], axis=1)])


def _interval(points: np.ndarray, level: float) -> dict[str, np.ndarray]:
    lower, upper = np.quantile(points[1:], [(1 - level) / 2, (1 + level) / 2], axis=0, method="inverted_cdf")
    return {"estimate": points[0], "lower": lower, "upper": upper, "level": level}


def _curve(name: str, points: np.ndarray, reached: np.ndarray, level: float) -> pd.DataFrame:
    ages = MONTH * np.arange(points.shape[1])
    frame = pd.DataFrame({"model": name, "age_days": ages, **_interval(points, level)})
    frame["customers"] = pd.Series(reached).reindex(frame.index, fill_value=0)
    # A model begins where the last ones were seen.
    return frame if name == SEEN else frame.iloc[len(reached) - 1 :]


def _paid_back(name: str, points: np.ndarray, cost: float, days: float, level: float) -> dict:
    """First age at which the curve reaches the cost, between months on a straight line; infinite after the horizon."""
    above = points >= cost
    first = np.argmax(above, axis=1)
    rows, before = np.arange(len(points)), np.maximum(first - 1, 0)
    low, high = points[rows, before], points[rows, first]
    share = np.where(high > low, (cost - low) / np.where(high > low, high - low, 1.0), 1.0)
    age = np.where(first == 0, 0.0, MONTH * (before + share * (first - before)))
    age = np.where(above.any(axis=1) & (age <= days), age, np.inf)
    return {"model": name, **_interval(age, level), "never": np.mean(np.isinf(age[1:]))}


def _most(points: Mapping[str, np.ndarray], days: float, level: float) -> pd.DataFrame:
    rows, last_seen = [], MONTH * (points[SEEN].shape[1] - 1)
    for name, found in points.items():
        for months, age in _ages(days).items():
            if (age <= last_seen) == (name == SEEN):
                at = np.array([np.interp(age, MONTH * np.arange(len(row)), row) for row in found])
                rows.append({"model": name, "months": months, **_interval(at, level)})
    return pd.DataFrame(rows, columns=["model", "months", "estimate", "lower", "upper", "level"])


def _alone(orders: AnyOrders, margin: Margin, cost: float, level: float) -> pd.DataFrame:
    """Share of customers whose own margin has reached the cost, by age."""
    if not cost:
        return pd.DataFrame(columns=["age_days", "customers", "estimate", "lower", "upper", "level"])
    with history(orders) as bought:
        so_far = margin(bought).sum().over(group_by="customer", order_by="day", rows=(None, 0))
        brought = bought.mutate(brought=so_far)
        each = brought.group_by("customer", "first").agg(wait=brought.age.min(where=brought.brought >= float(cost)))
        lives = expanded(orders, each, "wait")
    shares = shares_by_age(lives["wait"].to_numpy(), lives["seen"].to_numpy(), level)
    return shares.dropna(subset=["estimate"]).reset_index(drop=True)


def _groups(orders: AnyOrders, margin: Margin, by: pd.Series | None, days: float, level: float) -> pd.DataFrame:
    """Mean margin of each group by age, drawn towards the mean of all (normal means, variance by moments)."""
    if by is None:
        code, names = cohorts_of(first_order_days(orders).astype("datetime64[M]"))
    else:
        code, names = pd.factorize(by_id(by, orders.histories.ids, "by"), sort=True)
    ages = pd.DataFrame(_ages(days).items(), columns=["months", "most"])
    with history(orders) as bought:
        told = bought.mutate(margin=margin(bought), seen=days_seen(orders, bought))
        told = told.join(entered(orders, code=code), "customer").cross_join(ibis.memtable(ages))
        told = told.filter((told.code >= 0) & (told.seen >= told.most))
        brought = exact_sum(told.margin, told.age <= told.most)
        each = told.group_by("months", "code", "customer").agg(brought=brought)
        sums = {"total": exact_sum(each.brought), "squares": exact_sum(each.brought * each.brought)}
        cells = each.group_by("months", "code").agg(customers=each.count(), **sums)
        cells = cells.order_by("months", "code").to_pandas()
    number, total = cells["customers"], cells.pop("total")
    cells["mean"] = total / number
    cells["variance"] = (cells.pop("squares") - total * cells["mean"]) / (number - 1) / number
    cells = cells[(cells["customers"] >= FEWEST) & (cells["variance"] > 0)]
    # How much groups differ two of them do not tell.
    found = [
        pooled_means(_alike_within(part), level, least=0.0 if len(part) > 2 else np.inf)
        for _, part in cells.groupby("months")
    ]
    if not found:
        return pd.DataFrame(columns=list(GROUP_COLUMNS))
    table = pd.concat(found, ignore_index=True)
    return table.assign(group=pd.Series(names)[table["code"]].to_numpy())[list(GROUP_COLUMNS)]


def _alike_within(part: pd.DataFrame) -> pd.DataFrame:
    """Groups in which customers vary alike: margins are skewed, so a group without a large spender has by its own
    variance a mean that is too low and looks too well known.
    """
    free = part["customers"] - 1
    within = (free * part["variance"] * part["customers"]).sum() / free.sum()
    return part.assign(variance=within / part["customers"])


def acquisition_costs(orders: AnyOrders, acquisition: pd.DataFrame | None, by: pd.Series | None = None) -> pd.DataFrame:
    """Spend over the customers who first ordered in the same month, by group.

    Spend outside the window is left out, and months of which the data miss over a tenth, where there are others: whole
    months' spend would stand over some days' customers.

    Returns
    -------
    DataFrame
        As ``Payback.costs``.
    """
    columns = ["date", "group", "spend", "customers", "cost"]
    if acquisition is None:
        return pd.DataFrame(columns=columns)
    if missing := {"date", "spend", *(["channel"] if by is not None else [])} - set(acquisition):
        raise DataError(*(f"acquisition: there is no column {name!r}" for name in sorted(missing)))
    if not (acquisition["spend"] >= 0).all():
        raise DataError("acquisition: spend is missing or negative; zero or more is allowed")
    channel = acquisition["channel"] if by is not None else ""
    spent = pd.DataFrame({"date": pd.to_datetime(acquisition["date"]), "group": channel, "spend": acquisition["spend"]})
    start, end = pd.Timestamp(orders.observation_start), pd.Timestamp(orders.observation_end)
    spent = spent[spent["date"].between(start, end)].assign(date=spent["date"].dt.to_period("M").dt.start_time)
    group = "" if by is None else by.reindex(orders.histories.ids).to_numpy()
    first = orders.histories.table["first_order"].dt.to_period("M").dt.start_time.to_numpy()
    born = pd.DataFrame({"date": first, "group": group}).value_counts().rename("customers")
    table = spent.groupby(["date", "group"])["spend"].sum().to_frame().join(born).fillna({"customers": 0}).reset_index()
    seen = (table["date"] + pd.offsets.MonthEnd()).clip(upper=end) - table["date"].clip(lower=start)
    is_whole = seen.dt.days + 1 >= 0.9 * table["date"].dt.days_in_month
    table = table[is_whole | ~is_whole.any()]
    return table.assign(cost=table["spend"] / table["customers"].where(table["customers"] > 0))[columns]


def costs_of_last_year(costs: pd.DataFrame) -> pd.DataFrame:
    """Spend, customers and cost of each by group over the last year of spend.

    >>> dates = pd.to_datetime(["2023-12-01", "2024-01-01", "2024-12-01"])
    >>> costs_of_last_year(pd.DataFrame({"date": dates, "group": "web", "spend": 6.0, "customers": 2}))["cost"].tolist()
    [3.0]
    """
    year = costs[costs["date"] > costs["date"].max() - pd.DateOffset(years=1)]
    found = year.groupby("group")[["spend", "customers"]].sum()
    return found.assign(cost=found["spend"] / found["customers"].where(found["customers"] > 0)).reset_index()


def spent_on_winning(orders: AnyOrders, acquisition: pd.DataFrame | None) -> dict[str, float] | None:
    """Spend on winning customers and new customers of its last year; None where either is not known."""
    if acquisition is None or left_truncation(orders):
        return None
    year = costs_of_last_year(acquisition_costs(orders, acquisition))
    found = year[["spend", "customers"]].sum().astype(float).to_dict()
    return found if min(found.values()) > 0 else None


def spend_tests(orders: AnyOrders, costs: pd.DataFrame, by: pd.Series | None) -> pd.DataFrame:
    """Tests of spend by lot over weeks, of counts with the variance of last year's weeks; one-sided 5%, power 80%."""
    first, end = orders.histories.table["first_order"], pd.Timestamp(orders.observation_end)
    weeks_ago = ((end - first).dt.days // 7).to_numpy()
    weeks_of_spend = min(costs["date"].nunique(), 12) * 52 / 12
    group, rows = "" if by is None else by.reindex(orders.histories.ids).to_numpy(), []
    for row in costs_of_last_year(costs).itertuples() if len(costs) else ():
        weekly = np.bincount(weeks_ago[(weeks_ago < 52) & (group == row.group)], minlength=52)
        if row.spend > 0 and (mean := weekly.mean()) > 0:
            dispersion = max(1.0, weekly.var(ddof=1) / mean)
            more = mean * MORE_SPEND / DEARER
            weeks = 2 * int(np.ceil(dispersion * (2 * mean + more) * ((norm.ppf(0.95) + norm.ppf(POWER)) / more) ** 2))
            rows.append((row.group, mean, dispersion, weeks, MORE_SPEND * row.spend / weeks_of_spend * weeks / 2))
    return pd.DataFrame(rows, columns=["group", "weekly", "dispersion", "weeks", "extra"])


def pooled_means(part: pd.DataFrame, level: float, least: float = 0.0) -> pd.DataFrame:
    """Empirical Bayes of group means; the variance between groups is DerSimonian and Laird's, or ``least`` where more.

    Intervals allow for that variance being estimated (Morris 1983, JASA 78(381), equation 4.1, as of equal variances).

    >>> part = pd.DataFrame({"mean": [9.0, 11.0, 30.0], "variance": [4.0, 4.0, 100.0]})
    >>> pooled_means(part, 0.9)["estimate"].round(1).tolist()
    [9.6, 11.0, 12.7]
    >>> pooled_means(part, 0.9, least=1_000_000.0)["estimate"].round(1).tolist()
    [9.0, 11.0, 30.0]
    """
    mean, variance = (part[name].to_numpy(dtype=float) for name in ("mean", "variance"))
    weight = 1 / variance
    fixed = weight @ mean / weight.sum()
    scale = weight.sum() - weight @ weight / weight.sum()
    between = max((weight @ (mean - fixed) ** 2 - (len(mean) - 1)) / scale, least) if len(mean) > 1 else np.inf
    if np.isinf(between):
        estimate, spread = mean, np.sqrt(variance)
    else:
        together = 1 / (variance + between)
        grand, of_grand = together @ mean / together.sum(), 1 / together.sum()
        own = between / (between + variance)
        estimate = own * mean + (1 - own) * grand
        of_between = 2 / max(len(mean) - 3, 1) * ((1 - own) * (mean - grand)) ** 2
        spread = np.sqrt(own * variance + (1 - own) ** 2 * of_grand + of_between)
    reach = norm.ppf((1 + level) / 2) * spread
    return part.assign(estimate=estimate, lower=estimate - reach, upper=estimate + reach, level=level)


YEAR_DAYS = 365


@checked
def earned_growth(orders: AnyOrders, earned: pd.Series) -> pd.DataFrame:
    """Revenue of each year over that of the year before, by whom it came from.

    Earned growth is net revenue retention (revenue of those who had ordered in the year before) plus the revenue of new
    customers who were referred, both over the revenue of the year before, less one [1]_.

    Parameters
    ----------
    earned
        Whether a customer was won by a referral, by customer id; unknown counts as bought.

    Returns
    -------
    DataFrame
        One row a year, oldest first, the last one ends with the data: end, before and revenue [currency]; kept,
        came_back, earned and bought (revenue of those who ordered in the year before, who had ordered earlier, of new
        customers referred, and of other new ones [currency]), which add up to the revenue; net_retention = kept /
        before, earned_growth = (kept + earned) / before - 1, growth = revenue / before - 1.

    Raises
    ------
    Unavailable
        Where first orders are not known, there is no money, or the data do not hold two years.

    References
    ----------
    .. [1] Reichheld, Darnell, Burns (2021), Net Promoter 3.0, Harvard Business Review 99(6).

    Examples
    --------
    >>> import analysis as rl
    >>> rows = [("a", "2023-02-01", 10), ("a", "2024-02-01", 8), ("b", "2024-03-01", 5), ("c", "2024-12-31", 1)]
    >>> table = pd.DataFrame(rows, columns=["customer", "date", "amount"])
    >>> names = {name: name for name in table}
    >>> orders = rl.read_orders(table, **names, observation_start="2023-01-01")
    >>> found = earned_growth(orders, pd.Series([True], index=["b"]))
    >>> found[["kept", "earned", "bought", "earned_growth"]].round(2).to_numpy().tolist()
    [[8.0, 5.0, 1.0, 0.3]]
    """
    refuse_left_truncation(orders)
    refuse_without_money(orders)
    _, edges, short = periods_of(orders, 12)
    edges, is_earned = edges[short:], by_id(earned, orders.histories.ids, "earned").eq(True)  # noqa: FBT003
    flows, _ = flows_of(orders, edges, is_earned.to_numpy())
    found = flows.pivot(index="period", columns="fate", values="revenue").rename_axis(columns=None)
    found = found.reindex(range(len(edges) - 1), columns=["kept", "came_back", "earned", "bought"]).fillna(0.0)
    revenue = found.sum(axis=1)
    found.insert(0, "end", pd.DatetimeIndex(edges[1:]).as_unit("s"))
    found = found.assign(before=revenue.shift(), revenue=revenue).iloc[1:].reset_index(drop=True)
    over = found["before"].where(found["before"] > 0)
    found["net_retention"] = found["kept"] / over
    return found.assign(earned_growth=(found["kept"] + found["earned"]) / over - 1, growth=found["revenue"] / over - 1)


@checked
def referred_against_others(
    orders: AnyOrders,
    earned: pd.Series,
    *,
    gross_margin: float = 0.3,
    cost_per_order: float = 0.0,
    level: float = 0.9,
) -> pd.DataFrame:
    """What referred customers brought in their first year against others of the same quarter and the same first order.

    Means of those seen for a year, compared within quarters of the first order and, where they are known, its category
    and its channel; cells in which one kind is missing say nothing. Errors allow for unequal variances.

    Parameters
    ----------
    earned
        Whether a customer was referred, by customer id; who is not there is in neither group.

    Returns
    -------
    DataFrame
        One row a measure (``repeat_orders``, and with money ``margin`` [currency], first order included): referred
        (mean of them), others (mean of their equals), estimate, lower, upper, level of the difference, customers
        (referred), equals (the others).

    Raises
    ------
    Unavailable
        Where first orders are not known, or fewer than 30 of either kind can be compared.

    Examples
    --------
    >>> import analysis as rl
    >>> orders = rl.read_orders({"sample": "cdnow"})
    >>> odd = pd.Series(np.arange(orders.customers) % 2 == 1, index=orders.histories.ids)
    >>> referred_against_others(orders, odd)["customers"].tolist()
    [1178, 1178]
    """
    refuse_left_truncation(orders)
    table = orders.histories.table
    given = by_id(earned, orders.histories.ids, "earned").reset_index(drop=True)
    cells = pd.DataFrame({"quarter": pd.DatetimeIndex(table["first_order"]).to_period("Q").astype(str)})
    cells = cells.join(table[[name for name in ("first_category", "first_channel") if name in table]].astype(str))
    with history(orders) as bought:
        inside = bought.filter(bought.age <= YEAR_DAYS)
        margin = (inside.amount * gross_margin - cost_per_order).sum()
        year = of_each(orders, inside.group_by("customer").agg(repeat_orders=inside.count() - 1, margin=margin))
    year["cell"], year["referred"] = cells.groupby(list(cells)).ngroup(), given
    year = year[given.notna() & (table["T_days"] >= YEAR_DAYS)].astype({"referred": float})
    year = year[year.groupby("cell")["referred"].transform("nunique") == 2]
    count = int(year["referred"].sum())
    if min(count, len(year) - count) < FEWEST:
        raise Unavailable(
            "Too few referred customers, or too few others of the same quarter and first order, were seen for a year."
        )
    rows = []
    for measure in ("repeat_orders", *(["margin"] if orders.has_money else [])):
        both = year[[measure, "referred"]]
        within = both - both.groupby(year["cell"]).transform("mean")
        fit = OLS(within[measure], within["referred"]).fit(cov_type="HC1")
        estimate, mean = float(fit.params.iloc[0]), float(year.loc[year["referred"] == 1, measure].mean())
        ends = Interval.normal(estimate, fit.bse.iloc[0], level)
        rows.append({"measure": measure, "referred": mean, "others": mean - estimate, **vars(ends)})
    return pd.DataFrame(rows).assign(customers=count, equals=len(year) - count)
