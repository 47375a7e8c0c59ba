"""A shop whose truth is known: five years of orders with the further tables of a customer database, from one seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pandas as pd

START, MONTHS = "2020-01-01", 60
DAYS_A_MONTH = 365.25 / 12
PROMOTED_DAYS = 14
CATEGORIES = (
    "coffee", "filters", "descaler", "cups", "grinder", "tea", "pots", "syrup", "biscuits", "chocolate", "gift box",
    "machine",
)  # fmt: skip
REASONS = ("bad service", "price", "one-off", "moved")


@dataclass(frozen=True)
class ShopTruth:
    """What was planted in a simulated shop.

    Attributes
    ----------
    names
        Everybody who ever got in touch.
    buys, quality, cost, share
        By channel: probability that a name ever orders, factor on the order rate, cost of a name [EUR], share of names.
    shape, rate
        Order rates of customers: gamma with this shape and mean [orders a year].
    yearly_fall
        By which share the order rate of new customers falls from one year's to the next's.
    stay_years
        Mean time until a customer leaves [years], exponential.
    season
        Half the swing of the order rate over the year around its mean; the peak is at the end of November.
    next_in_order
        Probability that an order is of the category that follows that of the order before (in the order of
        ``CATEGORIES``); otherwise any category is as likely.
    runs_out_days, replenished
        Category -> days after which it has run out; probability of one more order of it then.
    order_value, spread
        Median value of an order [EUR]; standard deviation of its logarithm, among customers and among orders.
    raised_month, raised_by, promoted_by
        Month of the promotion whose prices were raised by this share in the 30 days before it; its discount.
    lot_month, lot_size, lot_lift
        Month, customers and planted effect of the one list that was contacted by lot: by how much the probability of an
        order within 28 days rises for those contacted.
    avoidable
        Share of names whom the shop disappoints: they stay 0.6 times as long as they would, score 2.6 in place of 4.3
        on average, and name bad service or the price when they leave; the others needed nothing more, or moved.
    """

    names: int = 20_000
    buys: dict[str, float] = field(default_factory=lambda: {"search": 0.4, "social": 0.3, "referral": 0.6})
    quality: dict[str, float] = field(default_factory=lambda: {"search": 1.0, "social": 0.7, "referral": 1.5})
    cost: dict[str, float] = field(default_factory=lambda: {"search": 6.0, "social": 3.0, "referral": 1.0})
    share: dict[str, float] = field(default_factory=lambda: {"search": 0.45, "social": 0.4, "referral": 0.15})
    shape: float = 0.9
    rate: float = 2.2
    yearly_fall: float = 0.06
    stay_years: float = 1.6
    season: float = 0.35
    next_in_order: float = 0.45
    runs_out_days: dict[str, int] = field(default_factory=lambda: {"coffee": 30, "filters": 60, "tea": 45})
    replenished: float = 0.4
    order_value: float = 32.0
    spread: tuple[float, float] = (0.35, 0.4)
    raised_month: int = 41
    raised_by: float = 0.12
    promoted_by: float = 0.10
    lot_month: int = 50
    lot_size: int = 2_000
    lot_lift: float = 0.03
    avoidable: float = 0.4


def simulate_shop(truth: ShopTruth | None = None, *, seed: int = 15) -> SimpleNamespace:
    """A shop's tables, as its systems would export them, with everything that its truth plants.

    Returns
    -------
    truth
        Everything that is planted.
    orders
        customer, date, amount [EUR], list_price [EUR, before any discount], category.
    customers
        One row a name: customer, channel, enquired (a day, missing where nobody asked), referred_by, opt_in,
        club_since.
    acquisition
        date (first of the month), channel, spend [EUR].
    contacts
        date, customer, list: who was written to, by lot; lots lists everybody in the lot with the arm.
    exits
        date, customer, reason.
    points
        date, customer, earned, redeemed, expires.
    promotions
        start, end: the days of which the promotion is all, not part.
    scores
        date, customer, score (1 to 5).
    lots
        list, customer, arm (``contact`` or ``none``), start, end, and the costs that it counts at: the lot.

    Examples
    --------
    >>> shop = simulate_shop(ShopTruth(names=2_000, lot_size=200))
    >>> 600 < shop.orders["customer"].nunique() < 1_000
    True
    >>> shop.customers["channel"].unique().tolist()
    ['social', 'search', 'referral']
    """
    truth, rng = truth or ShopTruth(), np.random.default_rng(seed)
    names = _names(truth, rng)
    orders, left = _orders(truth, names, rng)
    assigned, extra = _lot(truth, orders, rng)
    orders = pd.concat([orders, extra], ignore_index=True).sort_values(["day", "who"], ignore_index=True)
    orders = _priced(truth, orders, names, rng)
    buyers = names.loc[orders["who"].unique()]
    names["referred_by"] = _referrers(names, orders, rng)
    scored = orders[rng.random(len(orders)) < 0.15]
    happy = np.where(names["unhappy"].to_numpy()[scored["who"]], 2.6, 4.3)
    score = np.clip(np.round(rng.normal(happy, 0.8)), 1, 5).astype(int)
    earned = orders.loc[names["club"].to_numpy()[orders["who"]]]
    points = pd.DataFrame({"date": _date(earned["day"]), "customer": _id(earned["who"])})
    points["earned"] = (earned["amount"] // 1).astype(int).to_numpy()
    points["redeemed"] = np.where(rng.random(len(points)) < 0.1, np.minimum(points["earned"], 20), 0)
    points["expires"] = points["date"] + pd.Timedelta(days=365)
    told = buyers.index[(left[buyers.index] < MONTHS * DAYS_A_MONTH) & (rng.random(len(buyers)) < 0.5)]
    reason = np.where(
        names.loc[told, "unhappy"], rng.choice(REASONS[:2], len(told)), rng.choice(REASONS[2:], len(told))
    )
    begins = truth.raised_month * DAYS_A_MONTH
    contacted = assigned[assigned["arm"] == "contact"]
    return SimpleNamespace(
        truth=truth,
        orders=orders.assign(customer=_id(orders["who"]), date=_date(orders["day"]))[
            ["customer", "date", "amount", "list_price", "category"]
        ],
        customers=_customers(names),
        acquisition=_acquisition(truth, names),
        contacts=contacted.rename(columns={"start": "date"})[["date", "customer", "list"]].reset_index(drop=True),
        exits=pd.DataFrame({"date": _date(left[told]), "customer": _id(told), "reason": reason}),
        points=points,
        promotions=pd.DataFrame({"start": _date([np.ceil(begins)]), "end": _date([begins + PROMOTED_DAYS - 1])}),
        scores=pd.DataFrame({"date": _date(scored["day"]), "customer": _id(scored["who"]), "score": score}),
        lots=assigned,
    )


def _id(who) -> list[str]:
    return [f"K{number:05d}" for number in who]


def _date(day) -> pd.DatetimeIndex:
    return pd.Timestamp(START) + pd.to_timedelta(np.floor(np.asarray(day, dtype=float)), "D")


def _names(truth: ShopTruth, rng: np.random.Generator) -> pd.DataFrame:
    """One row a name, by the day on which it got in touch; rate [orders a year] is 0 where it never orders."""
    size, channels = truth.names, sorted(truth.share)
    day = np.sort(rng.uniform(0, MONTHS * DAYS_A_MONTH, size))
    channel = rng.choice(channels, size, p=[truth.share[name] for name in channels])
    buys = rng.random(size) < np.array([truth.buys[name] for name in channel])
    quality = np.array([truth.quality[name] for name in channel]) * (1 - truth.yearly_fall) ** (day // 365.25)
    rate = rng.gamma(truth.shape, truth.rate / truth.shape, size) * quality * buys
    frame = pd.DataFrame({"day": day, "channel": channel, "buys": buys, "rate": rate})
    frame["enquired"] = buys | (rng.random(size) < 0.5)
    frame["level"] = rng.normal(0, truth.spread[0], size)
    frame["unhappy"] = rng.random(size) < truth.avoidable
    frame["opt_in"] = rng.choice([True, False, None], size, p=[0.7, 0.2, 0.1])
    frame["club"] = (rate > 2 * truth.rate) & (rng.random(size) < 0.6)
    return frame


def _orders(truth: ShopTruth, names: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Orders with day and category, and the day on which each name leaves."""
    end = MONTHS * DAYS_A_MONTH
    born, stay = names["day"].to_numpy(), truth.stay_years * 365.25 * rng.exponential(size=len(names))
    # Those whom the shop disappoints leave sooner, the others later; the mean stays.
    stay *= np.where(names["unhappy"], 0.6, (1 - 0.6 * truth.avoidable) / (1 - truth.avoidable))
    left = born + stay
    seen = np.clip(np.minimum(left, end) - born, 0, None)
    most = 1 + truth.season
    count = rng.poisson(names["rate"].to_numpy() / 365.25 * most * seen)
    who = np.repeat(np.arange(len(names)), count)
    day = born[who] + rng.random(len(who)) * seen[who]
    kept = rng.random(len(who)) * most < 1 + truth.season * np.cos(2 * np.pi * (day / 365.25 - 0.91))
    first = np.flatnonzero(names["buys"])
    orders = pd.DataFrame({"who": np.append(first, who[kept]), "day": np.append(born[first], day[kept])})
    orders = orders.sort_values(["who", "day"], ignore_index=True)
    orders["category"] = _categories(truth, orders["who"].to_numpy(), rng)
    again = [orders]
    for name, days in truth.runs_out_days.items():
        empty = orders[(orders["category"] == CATEGORIES.index(name)) & (rng.random(len(orders)) < truth.replenished)]
        refill = empty.assign(day=empty["day"] + rng.normal(days, 3, len(empty)))
        again.append(refill[refill["day"].to_numpy() < np.minimum(left, end)[refill["who"]]])
    return pd.concat(again, ignore_index=True), left


def _categories(truth: ShopTruth, who: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Category of each order of orders sorted by customer: the one after the last one's, or any."""
    follows = (rng.random(len(who)) < truth.next_in_order) & np.append(False, who[1:] == who[:-1])
    any_ = rng.integers(0, len(CATEGORIES), len(who))
    start = np.maximum.accumulate(np.where(follows, 0, np.arange(len(who))))
    return (any_[start] + np.arange(len(who)) - start) % len(CATEGORIES)


def _lot(truth: ShopTruth, orders: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers silent for 120 days at the lot, half of them contacted, and the orders that this brought."""
    at = truth.lot_month * DAYS_A_MONTH
    last = orders[orders["day"] < at].groupby("who")["day"].max()
    silent = last.index[last < at - 120].to_numpy()
    chosen = rng.permutation(silent)[: truth.lot_size]
    contacted = np.arange(len(chosen)) % 2 == 0
    came = chosen[contacted & (rng.random(len(chosen)) < truth.lot_lift)]
    extra = pd.DataFrame({"who": came, "day": at + rng.uniform(0, 28, len(came))})
    extra["category"] = rng.integers(0, len(CATEGORIES), len(came))
    arm = np.where(contacted, "contact", "none")
    days = {"start": _date([at])[0], "end": _date([at + 27])[0]}
    costs = {"gross_margin": 0.4, "cost_per_order": 3.0, "cost_per_contact": 0.25, "incentive": 2.0}
    return pd.DataFrame({"customer": _id(chosen), "arm": arm}).assign(list="win_back", **days, **costs), extra


def _priced(truth: ShopTruth, orders: pd.DataFrame, names: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Orders with their list price and what was paid."""
    level = names["level"].to_numpy()[orders["who"]]
    price = truth.order_value * np.exp(level + rng.normal(0, truth.spread[1], len(orders)))
    begins = truth.raised_month * DAYS_A_MONTH
    day = orders["day"].to_numpy()
    raised = (day >= begins - 30) & (day < begins + PROMOTED_DAYS)
    promoted = raised & (day >= begins)
    price = np.round(price * np.where(raised, 1 + truth.raised_by, 1.0), 2)
    paid = np.round(price * np.where(promoted, 1 - truth.promoted_by, 1.0), 2)
    return orders.assign(list_price=price, amount=paid, category=np.array(CATEGORIES)[orders["category"].to_numpy(int)])


def _referrers(names: pd.DataFrame, orders: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Who referred each name of that channel: one who had ordered before, the more often, the likelier."""
    buyers = np.sort(orders["day"].to_numpy()), orders.sort_values("day")["who"].to_numpy()
    referred = np.flatnonzero(names["channel"] == "referral")
    before = np.searchsorted(buyers[0], names["day"].to_numpy()[referred])
    by = np.full(len(names), -1)
    known = before > 0
    by[referred[known]] = buyers[1][(rng.random(known.sum()) * before[known]).astype(int)]
    return by


def _customers(names: pd.DataFrame) -> pd.DataFrame:
    by = names["referred_by"].to_numpy()
    frame = pd.DataFrame({"customer": _id(names.index), "channel": names["channel"]})
    frame["enquired"] = pd.Series(_date(names["day"])).where(names["enquired"])
    frame["referred_by"] = pd.Series(_id(np.maximum(by, 0))).where(by >= 0)
    frame["opt_in"] = names["opt_in"]
    frame["club_since"] = pd.Series(_date(names["day"] + 30)).where(names["club"])
    return frame


def _acquisition(truth: ShopTruth, names: pd.DataFrame) -> pd.DataFrame:
    month = pd.Series(_date(names["day"])).dt.to_period("M").dt.start_time
    counts = names.groupby([month.rename("date"), "channel"]).size().rename("names").reset_index()
    spend = np.round(counts["names"] * counts["channel"].map(truth.cost), 2)
    return counts.assign(spend=spend)[["date", "channel", "spend"]]
