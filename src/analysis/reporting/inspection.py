"""What `check` prints: the ledger and what was noticed, before anything is computed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from analysis.config import Config
from analysis.data import Transactions
from analysis.data.contracts import Contracts
from analysis.errors import InputRefused, Problem
from analysis.reporting.publish import scratch_folder
from analysis.reporting.words import Words
from analysis.study import Study


def inspection(config: Config, *, as_of: dt.date | None = None) -> list[str]:
    """Lines about data that can be used.

    Raises
    ------
    InputRefused
        With every problem in the data.
    """
    with scratch_folder() as folder:
        study = Study(config, as_of=as_of, store=folder)
        study.read_input()
        transactions = study.transactions
        words = Words(config.language, transactions.currency or config.economics.currency)
        return [*_lines(transactions, words), *_contract_lines(study.contracts, words)]


def problems_in_data(config: Config, *, as_of: dt.date | None = None) -> tuple[Problem, ...]:
    """Every problem in the data that a configuration names."""
    with scratch_folder() as folder:
        try:
            Study(config, as_of=as_of, store=folder).read_input()
        except InputRefused as refused:
            return refused.problems
    return ()


def _lines(transactions: Transactions, words: Words) -> Iterator[str]:
    first, last = transactions.observation_start, transactions.observation_end
    used, read = transactions.rows_used, transactions.rows_read
    yield f"{config_line(transactions)}: {first} to {last}, {used} of {read} rows used"
    yield from _ledger(transactions, words)
    for note in transactions.notes:
        yield f"note: {_text(words, note)}"


def _contract_lines(contracts: Contracts | None, words: Words) -> Iterator[str]:
    if contracts is not None:
        yield f"{contracts.customers} contracts in {contracts.rows_read} rows, since {contracts.first_start}"
        for note in contracts.notes:
            yield f"note: {_text(words, note)}"


def config_line(transactions: Transactions) -> str:
    """Customers and orders, in words."""
    return f"{transactions.customers} customers with {transactions.orders} orders"


def _ledger(transactions: Transactions, words: Words) -> Iterator[str]:
    ledger, form = transactions.ledger, "{:<9} {:>12} {:>18}  {}"
    yield form.format("outcome", "rows", "amount", "reason")
    for row in ledger.itertuples():
        yield form.format(row.outcome, row.rows, _amount(row.amount), words(row.reason))
    yield form.format("total", int(ledger["rows"].sum()), _amount(ledger["amount"].sum()), "")


def _amount(amount: float) -> str:
    return f"{amount:.2f}" if amount == amount else ""


def _text(words: Words, note) -> str:
    return words.said(note).striptags()
