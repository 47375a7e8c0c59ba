"""What `check` prints: the ledger and what was noticed, before anything is computed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from analysis.config import Config
from analysis.data import Note, Transactions
from analysis.data.contracts import Contracts
from analysis.data.loyalty_matches import Match, loyalty_matches
from analysis.data.loyalty_tables import LoyaltyTables
from analysis.errors import InputRefused, Problem
from analysis.reporting.publish import scratch_folder
from analysis.reporting.words import Words
from analysis.study import Study

ROWS_BESIDE_A_REFUSAL = 200_000
"""Enough for what is wrong with a column; all rows of a large source would let its owner wait for a typing error."""


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
        matches = loyalty_matches(study.loyalty_tables, transactions, of_part=config.data.part is not None)
        loyalty = _loyalty_lines(study.loyalty_tables, matches, words)
        beside = (*_contract_lines(study.contracts, words), *loyalty)
        untold = [study.trial] if isinstance(study.trial, Note) else []
        return [*_lines(transactions, words), *beside, *_notes(untold, words)]


def problems_in_data(config: Config, *, as_of: dt.date | None = None) -> tuple[Problem, ...]:
    """The problems in the data that a refused configuration names, as far as the first rows show them."""
    with scratch_folder() as folder:
        try:
            Study(config, as_of=as_of, store=folder, most_rows=ROWS_BESIDE_A_REFUSAL).read_input()
        except InputRefused as refused:
            return refused.problems
    return ()


def _lines(transactions: Transactions, words: Words) -> Iterator[str]:
    yield words(
        "check.data",
        customers=transactions.customers,
        orders=transactions.orders,
        start=transactions.observation_start,
        end=transactions.observation_end,
        used=transactions.rows_used,
        read=transactions.rows_read,
    )
    yield from _ledger(transactions, words)
    yield from _notes(transactions.notes, words)


def _contract_lines(contracts: Contracts | None, words: Words) -> Iterator[str]:
    if contracts is not None:
        yield words(
            "check.contracts", customers=contracts.customers, rows=contracts.rows_read, start=contracts.first_start
        )
        yield from _notes(contracts.notes, words)


def _loyalty_lines(tables: LoyaltyTables, matches: Iterable[Match], words: Words) -> Iterator[str]:
    for match in matches:
        if match.is_few:
            yield from _notes([match.note], words)
        else:
            yield words.said(match.note).striptags()
    yield from _notes(tables.notes, words)


def _ledger(transactions: Transactions, words: Words) -> Iterator[str]:
    ledger, form = transactions.ledger, "{:<16} {:>12} {:>20}  {}"
    yield form.format(*(words(f"column.{name}") for name in ("outcome", "rows", "amount", "reason")))
    for row in ledger.itertuples():
        rows, amount = words.format("integer", row.rows), _amount(row.amount, words)
        yield form.format(words(f"outcome.{row.outcome}"), rows, amount, words(row.reason))
    rows, amount = words.format("integer", ledger["rows"].sum()), _amount(ledger["amount"].sum(), words)
    yield form.format(words("table.ledger.total"), rows, amount, "").rstrip()


def _amount(amount: float, words: Words) -> str:
    return words.format("cents", amount) if amount == amount else ""


def _notes(notes: Iterable[Note], words: Words) -> Iterator[str]:
    for note in notes:
        yield f"{words('note.kind')}: {words.said(note).striptags()}"
