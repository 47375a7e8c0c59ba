"""Growth that referrals earned beside growth that was bought, and referred customers against others like them.

What referred customers bring more is a difference and no effect: whoever is recommended differs from others beforehand.
"""

from __future__ import annotations

import pandas as pd
from scipy.stats import norm
from statsmodels.regression.linear_model import OLS

from analysis.errors import DataError, Unavailable
from analysis.value.base import flows_of, periods_of
from analysis.value.history import AnyOrders, history, of_each, refuse_left_truncation

YEAR_DAYS, FEWEST = 365, 30


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
    if not orders.has_money:
        raise Unavailable("The data hold no amounts of money, so nothing can be said about profit.")
    _, edges, short = periods_of(orders, 12)
    edges, is_earned = edges[short:], _of(orders, earned).eq(True)  # noqa: FBT003
    flows, _ = flows_of(orders, edges, is_earned.to_numpy())
    found = flows.pivot(index="period", columns="fate", values="revenue").rename_axis(columns=None)
    found = found.reindex(range(len(edges) - 1), columns=["kept", "came_back", "earned", "bought"]).fillna(0.0)
    revenue = found.sum(axis=1)
    found.insert(0, "end", pd.DatetimeIndex(edges[1:]).as_unit("s"))
    found = found.assign(before=revenue.shift(), revenue=revenue).iloc[1:].reset_index(drop=True)
    over = found["before"].where(found["before"] > 0)
    found["net_retention"] = found["kept"] / over
    return found.assign(earned_growth=(found["kept"] + found["earned"]) / over - 1, growth=found["revenue"] / over - 1)


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
    given = _of(orders, earned)
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
        reach = norm.ppf((1 + level) / 2) * float(fit.bse.iloc[0])
        ends = {"estimate": estimate, "lower": estimate - reach, "upper": estimate + reach, "level": level}
        rows.append({"measure": measure, "referred": mean, "others": mean - estimate, **ends})
    return pd.DataFrame(rows).assign(customers=count, equals=len(year) - count)


def _of(orders: AnyOrders, earned: pd.Series) -> pd.Series:
    if earned.index.has_duplicates:
        raise DataError("earned: its index must hold each customer id once")
    return earned.reindex(orders.histories.ids).reset_index(drop=True)
