"""Where every row of a source ends, and why: the ledger's codes with their words."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import pandas as pd

from analysis.words import Message, reader


def where_any(*messages: Message) -> list[Message]:
    """The messages that have something to count: whose ``n`` is not 0.

    >>> [str(message) for message in where_any(Message("{n:integer} row", n=1), Message("{n:integer} order", n=0))]
    ['1 row']
    """
    return [message for message in messages if message.values["n"]]


def in_words(ledger: pd.DataFrame) -> pd.DataFrame:
    """A ledger with what its codes say in their place, for a reader of any language."""
    kinds = {"outcome": Outcome, "reason": Reason}
    told = {name: [kind(code).label for code in ledger[name]] for name, kind in kinds.items()}
    return ledger.assign(**told).drop(columns="meaning")


class _Labelled(StrEnum):
    """A code with its words."""

    label: Message

    def __new__(cls, code: str, label: Message):
        member = str.__new__(cls, code)
        member._value_, member.label = code, label
        return member


STATUS = "ledger.reason.status."
"""What the reason of a row whose status does not count begins with; the status follows."""


class Outcome(_Labelled):
    """Where a row of the file ended."""

    USED = "used", Message("used")
    MERGED = "merged", Message("merged")
    DROPPED = "dropped", Message("dropped")
    REFUNDED = "refunded", Message("refunded")


class Reason(_Labelled):
    """Why a row ended there; every status that does not count is a reason of its own.

    >>> str(Reason("ledger.reason.missing_date").label), str(Reason(f"{STATUS}on-hold").label)
    ('No date', 'Status on-hold, which does not count')
    """

    ORDER = "ledger.reason.order", Message("An order")
    ORDER_REFUNDED = (
        "ledger.reason.order_refunded",
        Message("An order that was later refunded in full; it stays a purchase occasion"),
    )
    SAME_ORDER = "ledger.reason.same_order", Message("A further line of the same order")
    SAME_DAY = "ledger.reason.same_day", Message("A further row of the same customer on the same day")
    MISSING_CUSTOMER = "ledger.reason.missing_customer", Message("No customer id")
    ANONYMOUS = "ledger.reason.anonymous", Message("An id that stands for nobody")
    TOTAL_ROW = "ledger.reason.total_row", Message("A line of totals")
    MISSING_DATE = "ledger.reason.missing_date", Message("No date")
    MISSING_AMOUNT = "ledger.reason.missing_amount", Message("No amount")
    AFTER_END = "ledger.reason.after_end", Message("After the last day that counts")
    BEFORE_START = "ledger.reason.before_start", Message("Before the first day that counts")
    BORN_BEFORE_START = (
        "ledger.reason.born_before_start",
        Message("Of a customer who may have bought before the data begin"),
    )
    DUPLICATE = "ledger.reason.duplicate", Message("Equal to another row in every column")
    REFUND_DROPPED = "ledger.reason.refund_dropped", Message("A refund, left out as configured")
    REFUND_WITHOUT_ORDER = "ledger.reason.refund_without_order", Message("A refund to a customer without any order")
    REFUND_NETTED = "ledger.reason.refund_netted", Message("A refund, taken off what the customer spent")
    REFUND_IN_COLUMN = (
        "ledger.reason.refund_in_column",
        Message("Paid back, by the column of refunds; taken off the order of the same row"),
    )

    @classmethod
    def _missing_(cls, value: object) -> Reason | None:
        if not str(value).startswith(STATUS):
            return None
        member = str.__new__(cls, value)
        status = str(value).removeprefix(STATUS)
        member._name_, member._value_ = "STATUS", value
        member.label = Message("Status {status}, which does not count", status=status)
        return member


class Entry(NamedTuple):
    """One line of the ledger: where rows went, why, how many, and their money."""

    outcome: Outcome
    reason: Reason
    rows: int
    amount: Decimal


def ledger_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """The ledger as a table: outcome, reason, rows, amount, meaning; lines without rows are left out."""
    order = list(Outcome)
    lines = sorted((one for one in entries if one.rows or one.amount), key=lambda e: (order.index(e.outcome), e.reason))
    kinds = {"outcome": "str", "reason": "str", "rows": "int64", "amount": "float64"}
    table = pd.DataFrame(lines, columns=Entry._fields).astype(kinds)
    with reader("en"):  # whoever reads, as in all frames
        return table.assign(meaning=[str(line.reason.label) for line in lines])
