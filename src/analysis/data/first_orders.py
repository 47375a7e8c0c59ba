"""Left truncation: whether customers had bought before the data begin.

Regulars of before are seen for the first time soon after the data begin, the faster they buy the sooner; so there are
more new names in the first weeks than half a year later, *and* these names buy again faster than later ones. A launch,
a burst or an import of customers on one day makes more names at first, but no faster ones.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

import numpy as np
import pandas as pd

from analysis.words import Message

EARLY_DAYS = 28
LATER_AFTER = 182
"""Customers first seen in the first days are compared with those first seen after so many, or in the second half."""
FOLLOWED_DAYS = 91
STANDARD_ERRORS = 2.6
FEWEST = 30
ENOUGH = 1_000_000
"""Customers; of more, a share of each kind is looked at."""
FEWEST_OLD = 0.25
"""Share of regulars of before among early customers from which the ages of all are in doubt."""


class Earlier(StrEnum):
    """Whether many customers bought before the data begin."""

    LIKELY = "likely"
    UNLIKELY = "unlikely"
    UNTOLD = "cannot be told"


def earlier_customers(age: np.ndarray, repeats: np.ndarray, followed: np.ndarray) -> Earlier:
    """The answer from when customers were first seen and how they went on.

    Parameters
    ----------
    age
        Days from the beginning of the data to each customer's first order, shape (n,).
    repeats
        Orders in the ``FOLLOWED_DAYS`` after it, shape (n,).
    followed
        Whether the data reach as far, shape (n,).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> rates, born = rng.gamma(1, 0.01, 4_000), rng.integers(0, 300, 4_000)
    >>> regular = rng.exponential(1 / rates)  # half of the customers came before: seen at their next order
    >>> age = np.where(np.arange(4_000) < 2_000, regular, born).astype(int)
    >>> seen = age < 300
    >>> earlier_customers(age[seen], rng.poisson(91 * rates)[seen], np.ones(seen.sum(), bool)).value
    'likely'
    >>> earlier_customers(born, rng.poisson(91 * rates), np.ones(4_000, bool)).value
    'unlikely'
    """
    is_early, is_later = age < EARLY_DAYS, age >= min(LATER_AFTER, max(age.max(initial=0) / 2, EARLY_DAYS))
    expected = is_later.sum() * EARLY_DAYS / max(age.max(initial=0) - age[is_later].min(initial=0), 1)
    if is_early.sum() <= expected + STANDARD_ERRORS * np.sqrt(is_early.sum() + expected):
        return Earlier.UNLIKELY
    early, later = repeats[is_early & followed], repeats[is_later & followed]
    if min(len(early), len(later)) < FEWEST or not (early.any() and later.any()):
        return Earlier.UNTOLD
    ratio = early.mean() / later.mean()
    error = np.hypot(*(each.std(ddof=1) / np.sqrt(len(each)) / each.mean() for each in (early, later)))
    few = np.log(1 + FEWEST_OLD * (regulars_over_new(later) - 1))
    if np.log(ratio) > max(few, STANDARD_ERRORS * error):
        return Earlier.LIKELY
    return Earlier.UNLIKELY if np.log(ratio) + error < few else Earlier.UNTOLD


def regulars_over_new(repeats: np.ndarray) -> float:
    """How many times the order rate of new customers regulars have who are seen in the first weeks, by gamma rates.

    Of rates l ~ Gamma(r, alpha) those with an order within L days are E[l (1 - e^(-l L))] / E[1 - e^(-l L)].
    """
    mean, variance = repeats.mean(), repeats.var(ddof=1)
    r = mean**2 / max(variance - mean, 0.01 * mean)
    unseen = (1 + mean * EARLY_DAYS / (r * FOLLOWED_DAYS)) ** -r
    return float((1 - unseen ** ((r + 1) / r)) / (1 - unseen))


def left_truncation_of(
    seen: pd.DataFrame, start: dt.date, end: dt.date, setting: str
) -> tuple[Message | None, list[Message]]:
    """Why ages and new customers cannot be told, or None; and what is worth saying of it.

    Parameters
    ----------
    seen
        As of ``expressions.first_seen``, with ``FOLLOWED_DAYS``.
    setting
        ``data.first_orders``: ``known`` and ``unknown`` are taken as said, ``auto`` looks at the orders.
    """
    seen = seen.sort_values(["first", "repeats"])
    share = min(1.0, ENOUGH / seen["customers"].sum())
    first = np.repeat(seen["first"].to_numpy("datetime64[D]"), (seen["customers"] * share).round().astype(int))
    repeats = np.repeat(seen["repeats"].to_numpy(float), (seen["customers"] * share).round().astype(int))
    age = (first - np.datetime64(start)).astype(int)
    early = int(
        seen.loc[pd.to_datetime(seen["first"]) < pd.Timestamp(start) + pd.Timedelta(days=EARLY_DAYS), "customers"].sum()
    )
    numbers = {"customers": early, "share": float(early / seen["customers"].sum()), "days": EARLY_DAYS}
    if setting == "unknown":
        return _unknown(numbers), []
    if (end - start).days < 2 * EARLY_DAYS:
        return None, []
    followed = (np.datetime64(end) - first).astype(int) >= FOLLOWED_DAYS
    found = earlier_customers(age, repeats, followed)
    if found == Earlier.UNLIKELY:
        return None, []
    if setting == "known":
        text = Message(
            "The settings say that the first order of every customer is in the data, but many customers of the first "
            "{days:integer} days look like regulars of before.",
            code="data.first_orders_doubted", **numbers,
        )  # fmt: skip
        return None, [text] if found == Earlier.LIKELY else []
    if found == Earlier.LIKELY:
        likely = _likely(numbers)
        return likely, [likely]
    text = Message(
        "{customers:integer} customers ({share:percent}) placed their first order in the first {days:integer} days of "
        "the data, far more than in the days after. Whether they had bought before cannot be told from their orders; "
        "they are taken as new.",
        code="data.first_orders_untold", **numbers,
    )  # fmt: skip
    return None, [text]


def _unknown(numbers) -> Message:
    return Message(
        "As the settings say, customers may have bought before the data begin, so their ages are not known.",
        code="data.born_before_start_kept", **numbers,
    )  # fmt: skip


def _likely(numbers) -> Message:
    return Message(
        "{customers:integer} customers ({share:percent}) placed their first order in the first {days:integer} days of "
        "the data, far more than in the days after, and they order again faster than later ones, as regulars of before "
        "do. They are older than they look here and their earlier orders are unseen, so how often customers buy and "
        "how soon they leave is distorted. With `exclude_earlier: true` they are left out.",
        code="data.born_before_start_kept", **numbers,
    )  # fmt: skip
