"""Left truncation: whether customers had bought before the data begin.

Regulars of before are seen for the first time soon after the data begin, the faster they buy the sooner; so there are
more new names in the first weeks than half a year later, *and* these names buy again faster than later ones. A launch,
a burst or an import of customers on one day makes more names at first, but no faster ones.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.errors import DataError
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


def earlier_customers(
    age: np.ndarray, customers: np.ndarray, repeats: Callable[[int], tuple[np.ndarray, np.ndarray]]
) -> bool | None:
    """Whether many customers bought before the data begin; None where that cannot be told.

    By when customers were first seen and, where more were so early, by how they went on.

    Parameters
    ----------
    age, customers
        Days from the beginning of the data to first orders, and the customers who had theirs then, shape (n,).
    repeats
        From a number of days after which customers count as later ones to the orders of each early and of each later
        customer in the ``FOLLOWED_DAYS`` after the first one, where the data reach as far.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> rates, born = rng.gamma(1, 0.01, 4_000), rng.integers(0, 300, 4_000)
    >>> regular = rng.exponential(1 / rates)  # half of the customers came before: seen at their next order
    >>> soon = rng.poisson(91 * rates)
    >>> for age in np.where(np.arange(4_000) < 2_000, regular, born).astype(int), born:
    ...     earlier_customers(age, np.ones(4_000), lambda later: (soon[age < 28], soon[age >= later]))
    True
    False
    """
    later = int(np.ceil(min(LATER_AFTER, max(age.max(initial=0) / 2, EARLY_DAYS))))
    is_later = age >= later
    early = customers[age < EARLY_DAYS].sum()
    expected = customers[is_later].sum() * EARLY_DAYS / max(age.max(initial=0) - age[is_later].min(initial=0), 1)
    if early <= expected + STANDARD_ERRORS * np.sqrt(early + expected):
        return False
    of_early, of_later = repeats(later)
    if min(len(of_early), len(of_later)) < FEWEST or not (of_early.any() and of_later.any()):
        return None
    ratio = of_early.mean() / of_later.mean()
    error = np.hypot(*(each.std(ddof=1) / np.sqrt(len(each)) / each.mean() for each in (of_early, of_later)))
    few = np.log(1 + FEWEST_OLD * (regulars_over_new(of_later) - 1))
    if np.log(ratio) > max(few, STANDARD_ERRORS * error):
        return True
    return False if np.log(ratio) + error < few else None


def regulars_over_new(repeats: np.ndarray) -> float:
    """How many times the order rate of new customers regulars have who are seen in the first weeks, by gamma rates.

    Of rates l ~ Gamma(r, alpha) those with an order within L days are E[l (1 - e^(-l L))] / E[1 - e^(-l L)].
    """
    mean, variance = repeats.mean(), repeats.var(ddof=1)
    r = mean**2 / max(variance - mean, 0.01 * mean)
    unseen = (1 + mean * EARLY_DAYS / (r * FOLLOWED_DAYS)) ** -r
    return float((1 - unseen ** ((r + 1) / r)) / (1 - unseen))


def left_truncation_of(
    seen: pd.DataFrame,
    start: dt.date,
    end: dt.date,
    setting: str | dt.date,
    repeats_soon: Callable[[dt.date, dt.date, int], pd.DataFrame],
) -> tuple[Message | None, list[Message]]:
    """Why ages and new customers cannot be told, or None; and what is worth saying of it.

    Parameters
    ----------
    seen
        As of ``expressions.first_seen``.
    setting
        ``data.first_orders``: ``known`` and ``unknown`` are taken as said, ``auto`` looks at the orders; of a day on
        which the shop opened they are known where the data begin within ``EARLY_DAYS`` of it.
    repeats_soon
        As of ``expressions.repeats_soon``, by its settings.

    Raises
    ------
    DataError
        Where the shop opened after the data begin.
    """
    if isinstance(setting, dt.date):
        if setting > start:
            raise DataError(f"data.first_orders == {setting}, but the data begin on {start}, before the shop opened")
        setting = "known" if start <= setting + dt.timedelta(EARLY_DAYS) else "unknown"
    age = (pd.to_datetime(seen["first"]) - pd.Timestamp(start)).dt.days.to_numpy()
    customers = seen["customers"].to_numpy()
    early = int(customers[age < EARLY_DAYS].sum())
    numbers = {"customers": early, "share": early / int(customers.sum()), "days": EARLY_DAYS}
    if setting == "unknown":
        return Message(
            "As the settings say, customers may have bought before the data begin, so their ages are not known.",
            code="data.born_before_start_kept", **numbers,
        ), []  # fmt: skip
    if (end - start).days < 2 * EARLY_DAYS:
        return None, []

    def repeats(later: int) -> tuple[np.ndarray, np.ndarray]:
        last = end - dt.timedelta(FOLLOWED_DAYS)
        early = start, min(start + dt.timedelta(EARLY_DAYS - 1), last)
        return tuple(soon(*days) for days in (early, (start + dt.timedelta(later), last)))

    def soon(first: dt.date, last: dt.date) -> np.ndarray:
        found = repeats_soon(first, last, FOLLOWED_DAYS)
        number = found["customers"] * min(1.0, ENOUGH / customers.sum())
        return np.repeat(found["repeats"].to_numpy(float), number.round().astype(int))

    found = earlier_customers(age, customers, repeats)
    if found is False:
        return None, []
    if setting == "known":
        text = Message(
            "The settings say that the first order of every customer is in the data, but many customers of the first "
            "{days:integer} days look like regulars of before.",
            code="data.first_orders_doubted", **numbers,
        )  # fmt: skip
        return None, [text] if found else []
    if found:
        likely = Message(
            "{customers:integer} customers ({share:percent}) placed their first order in the first {days:integer} days "
            "of the data, far more than in the days after, and they order again faster than later ones, as regulars of "
            "before do. They are older than they look here and their earlier orders are unseen, so how often customers "
            "buy and how soon they leave is distorted. With `exclude_earlier: true` they are left out.",
            code="data.born_before_start_kept", **numbers,
        )  # fmt: skip
        return likely, [likely]
    text = Message(
        "{customers:integer} customers ({share:percent}) placed their first order in the first {days:integer} days of "
        "the data, far more than in the days after. Whether they had bought before cannot be told from their orders; "
        "they are taken as new.",
        code="data.first_orders_untold", **numbers,
    )  # fmt: skip
    return None, [text]
