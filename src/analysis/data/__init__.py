"""Transactions: sources, cleaning with a ledger, the customer summary, the holdout split, simulated customers."""

from analysis.data.holdout import HoldoutSplit, holdout_split
from analysis.data.notes import Note, Outcome, Reason
from analysis.data.simulation import PurchaseTruth, SpendTruth, simulate_customers, simulate_transactions
from analysis.data.summary import CustomerSummary
from analysis.data.transactions import Transactions, load_transactions

__all__ = [
    "CustomerSummary",
    "HoldoutSplit",
    "Note",
    "Outcome",
    "PurchaseTruth",
    "Reason",
    "SpendTruth",
    "Transactions",
    "holdout_split",
    "load_transactions",
    "simulate_customers",
    "simulate_transactions",
]
