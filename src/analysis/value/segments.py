"""The parts of the customer base whose totals a report shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

ORDERS = (("1", 1, 1), ("2-3", 2, 3), ("4-6", 4, 6), ("7+", 7, np.inf))
DAYS_SINCE_LAST_ORDER = (("0-90", 0, 90), ("91-180", 91, 180), ("181-365", 181, 365), ("366+", 366, np.inf))
VALUE_RANKS = (("top_tenth", 0.0, 0.1), ("next_four_tenths", 0.1, 0.5), ("lower_half", 0.5, 1.0))


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


def segments_of(table: pd.DataFrame, observation_end) -> tuple[Segment, ...]:
    """Segments by number of orders, by days since the last order, and by rank of the expected residual value.

    Without money the rank is that of the expected orders. Segments without customers are left out.
    """
    days = (pd.Timestamp(observation_end) - pd.to_datetime(table["last_order"])).dt.days.to_numpy()
    worth = table["residual_clv"] if table["residual_clv"].notna().any() else table["expected_orders"]
    place = (-worth).rank(method="first").to_numpy() - 1
    rank = (place + 0.5) / len(table)
    found = [
        *_between("orders", ORDERS, table["orders"].to_numpy()),
        *_between("recency", DAYS_SINCE_LAST_ORDER, days),
        *(Segment("value", label, (rank > low) & (rank <= high)) for label, low, high in VALUE_RANKS),
    ]
    return tuple(segment for segment in found if segment.members.any())


def _between(dimension: str, parts, measure: np.ndarray) -> list[Segment]:
    return [Segment(dimension, label, (measure >= low) & (measure <= high)) for label, low, high in parts]
