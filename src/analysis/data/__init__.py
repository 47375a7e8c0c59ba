"""Orders: sources, cleaning with a ledger, the customer summary, the holdout split, simulated customers.

The way of a value: ``reading`` finds what the configuration names (``files``, ``text``, ``cells``, ``database``) and
makes it a ``source.RawTable``; ``formats`` tries every format on its texts, ``rows`` gives every role its column,
``meaning`` says what a row means, ``cleaning`` whether it counts; ``expressions`` sum up what counts, ``orders`` hands
it out. Rows of other engines come in at ``rows`` (``remote``). ``tables`` and ``contracts`` read what lies beside.

Every name is loaded when it is first used, since files are looked for without any of them.
"""

from importlib import import_module
from typing import Any

_NAMES = {
    "summary": "CustomerSummary",
    "holdout": "HoldoutSplit holdout_split",
    "orders": "Orders load_orders",
    "ledger": "Outcome Reason",
    "simulation": "PurchaseTruth SpendTruth simulate_customers simulate_transactions",
    "remote": "RemoteHistories RemoteOrders",
}
"""Module of this package -> the names that live in it."""

_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
