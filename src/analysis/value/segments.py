"""Parts of the customer base: those whose totals a report shows, and groups by recency, frequency and money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.words import Message

if TYPE_CHECKING:
    from analysis.data import CustomerSummary, Orders

ORDERS = {"1": (1, 1), "2-3": (2, 3), "4-6": (4, 6), "7+": (7, np.inf)}
RECENCY = {"0-90": (0, 90), "91-180": (91, 180), "181-365": (181, 365), "366+": (366, np.inf)}
"""Days since the last order."""
VALUE = {"top_tenth": (0.0, 0.1), "next_four_tenths": (0.1, 0.5), "lower_half": (0.5, 1.0)}
"""Ranks by expected residual value, the highest first."""

LABELS: Mapping[str, Mapping[str, Message]] = {
    "orders": {"1": Message("1"), "2-3": Message("2 to 3"), "4-6": Message("4 to 6"), "7+": Message("7 and more")},
    "recency": {
        "0-90": Message("up to 90"), "91-180": Message("91 to 180"), "181-365": Message("181 to 365"),
        "366+": Message("more than a year"),
    },
    "value": {
        "top_tenth": Message("the top tenth"), "next_four_tenths": Message("the next four tenths"),
        "lower_half": Message("the lower half"),
    },
}  # fmt: skip
DIMENSIONS = {
    "orders": Message("Orders so far"), "recency": Message("Days since the last order"),
    "value": Message("Rank by expected value"),
}  # fmt: skip


@dataclass(frozen=True)
class Segment:
    """Customers with something in common.

    Attributes
    ----------
    dimension, label
        By what the base is split, and which part this is.
    members
        Whether each customer belongs to it, shape (customers,).
    """

    dimension: str
    label: str
    members: np.ndarray


def segments_of(orders: np.ndarray, days_since_last: np.ndarray, worth: np.ndarray) -> tuple[Segment, ...]:
    """Segments by number of orders, by days since the last order, and by rank of the expected worth.

    Segments without customers are left out.
    """
    place = pd.Series(-worth).rank(method="first").to_numpy() - 1
    rank = (place + 0.5) / len(worth)
    measures = (("orders", ORDERS, orders), ("recency", RECENCY, days_since_last))
    found = [
        Segment(dimension, label, (measure >= low) & (measure <= high))
        for dimension, ranges, measure in measures
        for label, (low, high) in ranges.items()
    ]
    found += [Segment("value", label, (rank > low) & (rank <= high)) for label, (low, high) in VALUE.items()]
    return tuple(segment for segment in found if segment.members.any())


def rfm(orders: Orders | CustomerSummary, groups: int = 3) -> pd.Series:
    """RFM groups: scores of recency, frequency and money from 1 (lowest) to ``groups``, by customer id.

    Customers are ranked by each of the three and cut into ``groups`` parts of equal size; equals share the lower score.

    Parameters
    ----------
    orders
        Orders, or the customers' histories. Without money the groups are of recency and frequency alone.

    Returns
    -------
    Series
        Text such as ``R3 F1 M2``, named ``rfm``.

    Examples
    --------
    >>> import analysis as rl
    >>> groups = rl.rfm(rl.read_orders({"sample": "cdnow"}))
    >>> groups.value_counts().head(2).to_dict()
    {'R3 F3 M3': 520, 'R1 F1 M1': 431}
    """
    histories = getattr(orders, "histories", orders)
    table = histories.table
    measures = {"R": table["recency_days"] - table["T_days"], "F": table["orders"]}
    if "spent" in table:
        measures["M"] = table["spent"]
    scores = [
        name + (np.floor((values.rank(method="min") - 1) / len(table) * groups) + 1).astype(int).astype(str)
        for name, values in measures.items()
    ]
    text = scores[0].str.cat(scores[1:], sep=" ")
    return pd.Series(text.to_numpy(), index=histories.ids, name="rfm")
