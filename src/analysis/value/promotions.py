"""Whether promotions were what they promised: list prices raised before them, and discounts that were not given.

A list price is what was paid plus the discount, of customer-days with one line, whose category and price are known.
"""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
from scipy.stats import norm

from analysis.arguments import checked
from analysis.errors import Unavailable
from analysis.value.history import AnyOrders, customer_days

RAISED_DAYS, USUAL_DAYS = 30, 90
"""Days before a promotion within which a price counts as raised for it, and back to which prices count as usual."""
TIMES, KEYS = ["usual", "raised", "promised"], ["start", "end", "category"]
FEWEST = 10
"""Lines of a category, in either of the two times, from which on its change is told."""


@checked
def promotion_honesty(orders: AnyOrders, promotions: pd.DataFrame | None, *, level: float = 0.9) -> pd.DataFrame:
    """List prices in the 30 days before each promotion against the 60 days before these, and who got no discount.

    The change is that of the mean logarithm of the price, with errors by customer. Of all categories together it is
    the mean of the changes within them, so that another mix of categories is no change; one within a category is.
    Lines in a promotion count there of every category, also of one that was bought too little before to be compared.

    Parameters
    ----------
    promotions
        start, end: first and last day of each.

    Returns
    -------
    DataFrame
        One row a promotion and category, that of all together first (category missing): start, end, category; before
        and raised (geometric mean list price [currency] from 90 to 31 and from 30 to 1 days before the start); change
        (share of the price), lower, upper, level; lines (in these 30 days), promised (lines in the promotion) and
        without (share of these without a discount, missing where there are none).

    Raises
    ------
    Unavailable
        Without a calendar, discounts or categories, or where too little was bought before every promotion.

    Examples
    --------
    >>> import analysis as rl
    >>> days = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(100) % 100, "D")
    >>> raised = (np.arange(100) >= 60) * 2.0
    >>> frame = pd.DataFrame({"who": range(100), "day": days, "paid": 10 + raised, "off": 0.0, "kind": "tea"})
    >>> frame.loc[90:, ["paid", "off"]] = 10.8, 1.2
    >>> names = {"customer": "who", "date": "day", "amount": "paid", "discount": "off", "category": "kind"}
    >>> orders = rl.read_orders(frame, **names, discount_is="money")
    >>> calendar = pd.DataFrame({"start": [days[90]], "end": [days[99]]})
    >>> found = rl.promotion_honesty(orders, calendar)
    >>> found[["before", "raised", "change", "without"]].round(2).iloc[0].tolist()
    [10.0, 12.0, 0.2, 0.0]
    """
    if promotions is None:
        raise Unavailable(
            "Whether prices were raised before promotions needs their calendar (`strategies.promotions`)."
        )
    if not (orders.has_money and {"discount", "category"} <= set(orders.days.columns)):
        raise Unavailable(
            "Whether prices were raised before promotions needs the amount, the discount and the category of each line "
            "(`data.columns`)."
        )
    each = _lines(orders, promotions)
    cells = each.groupby([*KEYS, "time"])[["lines", "total", "without"]].sum().unstack("time", fill_value=0)
    cells = cells.reindex(columns=pd.MultiIndex.from_product([cells.columns.levels[0], TIMES]), fill_value=0)
    n = cells["lines"]
    known = n[(n[["usual", "raised"]] >= FEWEST).all(axis=1)].index
    if known.empty:
        raise Unavailable("Before no promotion was enough bought, one line at a time, to compare list prices.")
    n, mean = n.loc[known], (cells["total"] / n.where(n > 0)).loc[known]
    table = pd.DataFrame({"usual": mean["usual"], "log": mean["raised"] - mean["usual"]})
    weight = n["usual"] * n["raised"] / (n["usual"] + n["raised"])
    share = weight / weight.groupby(["start", "end"]).transform("sum")
    # By how much each customer's lines move the change: who buys often has one's own level of prices each time.
    sums = each.groupby([*KEYS, "time"])[["lines", "total"]].transform("sum")
    apart = (each["total"] - each["lines"] * sums["total"] / sums["lines"]) / sums["lines"]
    each["moved"] = apart * each["time"].map({"usual": -1, "raised": 1, "promised": 0})
    each = each.join(share.rename("share"), on=KEYS, how="inner")
    each["moved_all"] = each["share"] * each["moved"]
    table["variance"] = _squares(each, KEYS, "moved")
    counts = pd.DataFrame({"lines": n["raised"], "promised": n["promised"], "without": cells["without"]["promised"]})
    together = table[["usual", "log"]].mul(share, axis="index").join(counts).groupby(["start", "end"]).sum()
    together["variance"] = _squares(each, KEYS[:2], "moved_all")
    promised = cells.xs("promised", axis=1, level=1).groupby(["start", "end"]).sum()
    together[["promised", "without"]] = promised[["lines", "without"]]
    together = together.reset_index().assign(category=None)
    rows = pd.concat([together, table.join(counts).reset_index()], ignore_index=True)
    rows = rows.sort_values(["start", "end"], kind="stable", ignore_index=True)
    reach = norm.ppf((1 + level) / 2) * np.sqrt(rows["variance"])
    return pd.DataFrame(
        {
            **{name: rows[name] for name in KEYS},
            "before": np.exp(rows["usual"]),
            "raised": np.exp(rows["usual"] + rows["log"]),
            "change": np.expm1(rows["log"]),
            "lower": np.expm1(rows["log"] - reach),
            "upper": np.expm1(rows["log"] + reach),
            "level": level,
            "lines": rows["lines"].astype(int),
            "promised": rows["promised"].astype(int),
            "without": rows["without"] / rows["promised"].where(rows["promised"] > 0),
        }
    )


def _squares(each: pd.DataFrame, keys: list[str], name: str) -> pd.Series:
    """Sum over customers of the square of what their lines add up to."""
    return (each.groupby([*keys, "customer"])[name].sum() ** 2).groupby(level=keys).sum()


def _lines(orders: AnyOrders, promotions: pd.DataFrame) -> pd.DataFrame:
    """By promotion, category, time and customer: lines, total (of log list prices), without (a discount)."""
    calendar = promotions[["start", "end"]].drop_duplicates()
    with customer_days(orders) as days:
        dates = ibis.memtable(calendar).select(first=ibis._.start.cast("date"), last=ibis._.end.cast("date"))
        ahead = days.day.delta(dates["first"], unit="day")
        near = days.join(dates, [ahead >= -USUAL_DAYS, days.day <= dates["last"]])
        price, ahead = near.gross + near.discount, near.day.delta(near["first"], unit="day")
        time = ibis.cases((ahead >= 0, "promised"), (ahead >= -RAISED_DAYS, "raised"), else_="usual")
        single = near.lines == 1 if "lines" in near.columns else near.gross == near["head"]
        one = near.mutate(price=price, time=time).filter(
            single & (price > 0) & near.category.notnull() & (near.day <= orders.observation_end)
        )
        cells = one.group_by("category", "time", "customer", start="first", end="last").agg(
            lines=one.count(), total=one.price.cast("float64").ln().sum(), without=one.count(where=one.discount <= 0)
        )
        found = cells.order_by(*KEYS, "time", "customer").to_pandas()
    return found.astype({name: calendar[name].dtype for name in calendar})
