"""What deserves to be said about the data, as a key and its numbers; the sentences live in the reporting room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True)
class Note:
    """One remark on the data.

    Attributes
    ----------
    key
        Name of the sentence, such as ``"data.duplicates_kept"``.
    numbers
        Numbers, dates and strings for the sentence. Strings come from the file and may be hostile.

    Examples
    --------
    >>> Note("data.duplicates_kept", {"rows": 21}).numbers["rows"]
    21
    """

    key: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


class Outcome(StrEnum):
    """Where a row of the file ended."""

    USED = "used"
    MERGED = "merged"
    DROPPED = "dropped"
    REFUNDED = "refunded"


class Reason(StrEnum):
    """Why a row ended there."""

    ORDER = "ledger.reason.order"
    ORDER_REFUNDED = "ledger.reason.order_refunded"
    SAME_ORDER = "ledger.reason.same_order"
    SAME_DAY = "ledger.reason.same_day"
    MISSING_CUSTOMER = "ledger.reason.missing_customer"
    MISSING_DATE = "ledger.reason.missing_date"
    MISSING_AMOUNT = "ledger.reason.missing_amount"
    AFTER_END = "ledger.reason.after_end"
    BEFORE_START = "ledger.reason.before_start"
    BORN_BEFORE_START = "ledger.reason.born_before_start"
    DUPLICATE = "ledger.reason.duplicate"
    REFUND_DROPPED = "ledger.reason.refund_dropped"
    REFUND_WITHOUT_ORDER = "ledger.reason.refund_without_order"
    REFUND_NETTED = "ledger.reason.refund_netted"
