"""Refunds still to come: what the orders of the last weeks are expected to lose, by how late refunds came before."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.words import Message

FEWEST, LONGEST = 30, 182
"""Refunds from which their lag is told; days after an order that are looked at, at most half of the window."""
MOST_SEEN = 0.9
"""Share of the refunds that has come when the orders of a week count as settled."""
MATERIAL = 0.005
"""Share of a turnover from which it is worth a word."""


def refunds_to_come(lags: pd.DataFrame, gross: np.ndarray) -> tuple[np.ndarray, list[Message]]:
    """What is expected to be paid back still of each day's orders, and what is said of it; 0 where it is no matter.

    Of an order of age a the share sum of r(b) over b > a is still to come, where r(b) is what was paid back b days
    after orders, over what was bought long enough ago to be seen at that age.

    Parameters
    ----------
    lags
        As of ``expressions.refunds_by_age``.
    gross
        What was bought on each day of the window, without refunds [currency], shape (days,).

    Examples
    --------
    >>> lags = pd.DataFrame({"age": [20, 40], "refunds": [900, 850], "amount": [9_000.0, 8_500.0]})
    >>> to_come, (note,) = refunds_to_come(lags, np.full(400, 500.0))
    >>> to_come[-1].round(2), to_come[-30].round(2), to_come[-60], note.values["weeks"]
    (np.float64(47.3), np.float64(23.61), np.float64(0.0), 6)
    """
    days, nothing = len(gross), np.zeros(len(gross))
    longest = min(LONGEST, days // 2)
    lags = lags[lags["age"] <= longest]
    if lags["refunds"].sum() < FEWEST:
        return nothing, []
    back = np.bincount(lags["age"], weights=lags["amount"].astype(float), minlength=longest + 1)
    rate = back / np.maximum(gross.cumsum()[::-1][: longest + 1], 1e-9)
    later = rate.sum() - rate.cumsum()
    weeks = int(np.ceil((np.argmax(later <= (1 - MOST_SEEN) * rate.sum()) + 1) / 7))
    last = slice(days - 7 * weeks, None)
    to_come = gross * later[np.minimum(np.arange(days)[::-1], longest)]
    amount, turnover = to_come[last].sum(), gross[last].sum()
    if weeks < 2 or amount <= MATERIAL * turnover:
        return nothing, []
    to_come[: days - 7 * weeks] = 0.0
    note = Message(
        "Refunds come late: it takes {weeks:weeks} until nine tenths of them are there. Of the orders of the last "
        "{weeks:weeks} some {amount:money} ({share:percent}) is expected to be paid back still; the turnover of the "
        "last 12 months is shown without it.",
        code="data.refunds_to_come", weeks=weeks, amount=float(amount), share=float(amount / turnover),
    )  # fmt: skip
    return to_come, [note]
