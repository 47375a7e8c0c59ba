"""Simulated companies in which the effects of deals, promotion weeks and campaigns are known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

START = np.datetime64("2022-01-03")
CAMPAIGNS = (18, 40, 62)
"""Weeks in which simulated campaigns begin, with sixteen before each and nine from it on that no other touches."""


@dataclass(frozen=True)
class Truth:
    """What is planted, in weeks, shares of the list price, and log units.

    ``planning`` makes those who come late find better deals, which no gap causes.
    """

    gamma: float = 0.0
    theta: float = 0.0
    loss_aversion: float = 2.0
    kappa: float = 0.3
    planning: float = 0.0
    r: float = 2.0
    alpha: float = 4.0
    a: float = 1.5
    b: float = 18.0


PLANTED = Truth(gamma=0.8, theta=2.0, loss_aversion=2.5, kappa=0.3)
NOTHING = Truth()
PLANNERS = Truth(planning=0.15)
SELDOM = {"r": 0.6, "alpha": 8.0, "a": 0.8, "b": 6.0}
"""How customers buy in most shops: a third of them order once, most of the others a few times."""


def scored(met: np.ndarray, answered: float, seed: int) -> np.ndarray:
    """What was met, known of a share of the orders at random."""
    return np.where(np.random.default_rng(seed).random(len(met)) < answered, met, np.nan)


def planted_orders(truth: Truth, *, customers: int, weeks: int = 104, seed: int, births: int = 26) -> pd.DataFrame:
    """Orders with customer, date, amount (paid) and discount.

    Half of the orders, at random, save up to 40% of the list price; customers expect 10% of their first order.
    """
    rng = np.random.default_rng(seed)
    rate = rng.gamma(truth.r, 1 / truth.alpha, customers)
    dropout = rng.beta(truth.a, truth.b, customers)
    size = np.exp(rng.normal(3.0, 0.4, customers))
    now, wait = rng.uniform(0, births, customers), np.zeros(customers)
    expected = np.full(customers, 0.1)
    who, rows = np.arange(customers), []
    while who.size:
        late = truth.planning * np.clip(np.log1p(wait[who] * rate[who]), 0, 1.5)
        deal = np.where(rng.random(who.size) < 0.5, rng.uniform(0, 0.4, who.size), 0.0)
        deal = np.clip(deal + late, 0, 0.9)
        listed = size[who] * np.exp(rng.normal(0, 0.3, who.size))
        rows.append((who, now[who], listed * (1 - deal), listed * deal))
        gap = deal - expected[who]
        response = np.maximum(gap, 0) - truth.loss_aversion * np.maximum(-gap, 0)
        expected[who] += truth.kappa * gap
        odds = dropout[who] / (1 - dropout[who]) * np.exp(-truth.theta * response)
        stays = rng.random(who.size) > odds / (1 + odds)
        wait[who] = rng.standard_exponential(who.size) / (rate[who] * np.exp(truth.gamma * response))
        # An order of the same day would be the same purchase occasion; it comes the next morning.
        now[who] = np.maximum(now[who] + wait[who], (np.floor(now[who] * 7) + 1.001) / 7)
        who = who[stays & (now[who] < weeks)]
    who, when, paid, saved = (np.concatenate(column) for column in zip(*rows, strict=True))
    return orders_frame(who, np.floor(when * 7).astype(int), paid, saved)


def orders_frame(who, day, paid, saved) -> pd.DataFrame:
    """Orders as a table, sorted by customer and day."""
    frame = pd.DataFrame({
        "customer": [f"C{number:05d}" for number in who],
        "date": (START + day.astype("timedelta64[D]")).astype("datetime64[s]"), "amount": np.round(paid, 2),
        "discount": np.round(saved, 2),
    })  # fmt: skip
    return frame.sort_values(["customer", "date"], ignore_index=True, kind="stable")


def promoted_orders(
    *,
    lift: float,
    borrowed: float,
    depth: float,
    customers: int,
    weeks: int,
    seed: int,
    every: int = 8,
    reach: float = 1.0,
    usual_deals: float = 0.2,
):
    """Orders of customers who all order at .5 a week; every so many weeks is a promotion that a share takes part in.

    Those who take part save ``depth`` and order ``lift`` more; a share ``borrowed`` of their extra orders is missing in
    the week after. Of all other orders a share ``usual_deals`` saves 5%. Returns the orders and which weeks are
    promoted.
    """
    rng = np.random.default_rng(seed)
    promoted = np.arange(weeks) % every == min(5, every - 1)
    after = np.r_[False, promoted[:-1]]
    takes = (np.arange(customers) < reach * customers)[:, None]
    pace = 0.5 * (1 + takes * (lift * promoted - lift * borrowed * after)) * np.exp(rng.normal(0, 0.01, weeks))
    who, week, day = _days(rng, rng.poisson(pace))
    listed = 20 * np.exp(rng.normal(0, 0.3, len(who)))
    usual = np.where(rng.random(len(who)) < usual_deals, 0.05, 0.0)
    saved = listed * np.where(promoted[week] & takes[who, 0], depth, usual)
    return orders_frame(who, day, listed - saved, saved), promoted


def habit_orders(*, looks_back: int | None, effect: float, customers: int, weeks: int, seed: int):
    """Orders of customers whose habits come and go, of whom three campaigns target a tenth each.

    Those with the most orders in the ``looks_back`` weeks before; by lot where it is None. The targeted order
    ``effect`` more a week for five weeks. Returns the orders and the campaigns.
    """
    rng = np.random.default_rng(seed)
    habit = np.empty((customers, weeks))
    habit[:, 0] = rng.normal(0, 0.6, customers)
    for week in range(1, weeks):
        habit[:, week] = 0.9 * habit[:, week - 1] + rng.normal(0, 0.6 * np.sqrt(1 - 0.9**2), customers)
    number = rng.poisson(rng.gamma(4.0, 0.2, customers)[:, None] * np.exp(habit - 0.18))
    sent = []
    for first in CAMPAIGNS:
        score = rng.random(customers)
        if looks_back is not None:
            score += number[:, max(first - looks_back, 0) : first].sum(axis=1)
        targeted = np.argsort(-score)[: customers // 10]
        number[targeted, first : first + 5] += rng.poisson(effect, (len(targeted), 5))
        start = START + np.timedelta64(7 * first, "D")
        names = [f"C{number:05d}" for number in targeted]
        sent.append(pd.DataFrame({"customer": names, "start": start, "end": start + np.timedelta64(34, "D")}))
    who, _, day = _days(rng, number)
    listed = 20 * np.exp(rng.normal(0, 0.3, len(who)))
    saved = listed * np.where(rng.random(len(who)) < 0.3, 0.1, 0.0)
    return orders_frame(who, day, listed - saved, saved), pd.concat(sent, ignore_index=True)


def _days(rng, number):
    """Customer, week and day of every order; a customer's orders of one week come on different days."""
    number = np.minimum(number, 7)
    who, week = (np.repeat(index.ravel(), number.ravel()) for index in np.indices(number.shape))
    begins = np.cumsum(number.ravel()) - number.ravel()
    within = np.arange(len(who)) - np.repeat(begins, number.ravel())
    turned = np.repeat(rng.integers(0, 7, number.size), number.ravel())
    return who, week, week * 7 + (within + turned) % 7


def growing_orders(
    *, lift: float, customers: int, weeks: int, seed: int, borrowed: float = 0.0, surge: float = 4.0, days: int = 0
):
    """Orders of a shop whose customers come in the course of the data, ``surge`` times as many in promotion weeks.

    A promotion of seven days begins every eight weeks, ``days`` after Monday. Three of five customers take part: of
    those, whoever came before orders ``lift`` more in it, and a share ``borrowed`` of that less in the week after, and
    all their orders in it save 20%. Customers leave after an order. Returns the orders and the calendar.
    """
    rng = np.random.default_rng(seed)
    promoted = np.arange(weeks) % 8 == 4
    after = np.r_[False, promoted[:-1]]
    comes = np.where(promoted, surge, 1.0)[: weeks - 2]
    born, takes = rng.choice(weeks - 2, customers, p=comes / comes.sum()), rng.random(customers) < 0.6
    pace, leaves = rng.gamma(1.3, 1 / 10, customers), rng.beta(1.1, 7.0, customers)
    number, stays = np.zeros((customers, weeks), dtype=int), np.ones(customers, dtype=bool)
    for week in range(weeks):
        usual = pace * (1 + takes * lift * (promoted[week] - borrowed * after[week]))
        number[:, week] = np.where(born == week, 1, rng.poisson(usual) * (stays & (born < week)))
        stays &= rng.random(customers) < (1 - leaves) ** number[:, week]
    who, week, day = _days(rng, number)
    listed = np.exp(rng.normal(3.7, 0.6, len(who)))
    saved = listed * np.where(promoted[week] & takes[who], 0.2, 0.0)
    starts = START + (np.flatnonzero(promoted) * 7 + days).astype("timedelta64[D]")
    calendar = pd.DataFrame({"start": starts, "end": starts + np.timedelta64(6, "D")})
    return orders_frame(who, day + days, listed - saved, saved), calendar
