"""What `check` prints: the ledger and what was noticed, before anything is computed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from analysis.config import AUTO, Config
from analysis.errors import DataError, InputRefused, NotIdentified, Problem, Unavailable, collecting
from analysis.report.folders import scratch_folder
from analysis.words import Message, reader, shown, tr

if TYPE_CHECKING:
    from analysis.data import Orders
    from analysis.pipeline import Study


def inspection(config: Config, *, as_of: dt.date | None = None) -> list[str]:
    """Lines about data that can be used.

    Raises
    ------
    InputRefused
        With every problem in the data, or where the purchase model that is named cannot be fitted to them.
    """
    from analysis.pipeline import Study

    if config.batch is not None:
        return _parts(config, as_of)

    class Unkept(Study):
        """A study whose results nobody keeps: to hash and write them takes as long as to read the data."""

        def key(self, name: str) -> str:
            return name

        def _kept(self, _name: str, result: Any, _took: Mapping[str, float]) -> Any:
            return result

    with scratch_folder() as folder:
        study = Unkept(config, as_of, folder / "store")
        study.read_input()
        with reader(config.language, study.currency):
            return [*_orders(study.orders), *_notes(_models(study)), *_contracts(study), *_tables(study)]


def _parts(config: Config, as_of: dt.date | None) -> list[str]:
    """Lines about each part of a batch, whose reports are made of it alone."""
    from analysis.report.batch import members_of

    lines: list[str] = []
    problems: list[Problem] = []
    for part, member in members_of(config, SimpleNamespace(say=lines.append)).items():
        with collecting(problems):
            lines += ["", f"{config.batch.split_by} == {part!r}", *inspection(member, as_of=as_of)]
    if problems:
        raise InputRefused(problems)
    return lines


def problems_in_data(config: Config, *, as_of: dt.date | None = None) -> tuple[Problem, ...]:
    """The problems in the data that a refused configuration names."""
    from analysis.pipeline import Study

    with scratch_folder() as folder:
        try:
            Study(config, as_of, folder / "store").read_input()
        except InputRefused as refused:
            return refused.problems
    return ()


def _orders(orders: Orders) -> Iterator[str]:
    from analysis.data.ledger import in_words

    yield tr(
        "{n:integer} customer with {orders:integer} orders: {start:date} to {end:date}, "
        "{used:integer} of {read:integer} rows used",
        "{n:integer} customers with {orders:integer} orders: {start:date} to {end:date}, "
        "{used:integer} of {read:integer} rows used",
        n=orders.customers,
        orders=orders.orders,
        start=orders.observation_start,
        end=orders.observation_end,
        used=orders.rows_used,
        read=orders.rows_read,
    )
    form = "{:<16} {:>12} {:>20}  {}"
    yield form.format(tr("Outcome"), tr("Rows"), tr("Amount"), tr("What the row is"))
    for row in in_words(orders.ledger).itertuples():
        amount = shown("cents", row.amount) if row.amount == row.amount else ""
        yield form.format(str(row.outcome), shown("integer", row.rows), amount, str(row.reason))
    rows, amount = orders.ledger["rows"].sum(), orders.ledger["amount"].sum()
    yield form.format(tr("The whole source"), shown("integer", rows), shown("cents", amount), "").rstrip()
    yield from _notes(orders.notes)


def _contracts(study: Study) -> Iterator[str]:
    if (contracts := study.contracts) is not None:
        yield tr(
            "{n:integer} contract in {rows:integer} rows, since {start:date}",
            "{n:integer} contracts in {rows:integer} rows, since {start:date}",
            n=contracts.customers,
            rows=contracts.rows_read,
            start=contracts.first_start,
        )
        yield from _notes(contracts.notes)


def _tables(study: Study) -> Iterator[str]:
    from analysis.data.tables import REASONS, TABLE_LABELS, loyalty_matches

    for note in loyalty_matches(study.tables, study.orders, of_part=study.config.data.part is not None):
        yield from _notes([note]) if note.code else [str(note)]
    yield from _notes(study.tables.notes)
    for row in study.customer_tables.ledger.itertuples():
        examples = tr(", such as {examples}", examples=row.examples) if row.examples else ""
        yield f"{TABLE_LABELS[row.table]}: {shown('integer', row.rows)} - {REASONS[row.reason]}{examples}"
    if study.tables.arms is not None:
        try:
            study.experiment  # noqa: B018 (what it cannot tell is worth knowing before anything is computed)
        except Unavailable as gap:
            yield from _notes([gap.reason])


def _models(study: Study) -> Iterator[Message]:
    """What a report of these data will not hold; DataError where a model that is named leaves none."""
    from analysis.data.holdout import calibration
    from analysis.models.fits import fit_all, shows_leaving
    from analysis.models.patterns import patterns_of
    from analysis.time import Clock

    histories, model = study.orders.histories, study.config.model
    if model.primary != AUTO:
        clock = Clock(model.time_unit)
        try:
            fits = fit_all(patterns_of(histories, clock), clock, model.seed, model.primary, quick=True)
        except NotIdentified as refused:
            raise DataError(str(refused)) from None
        leaving = fits.primary.dropout != "none"
        if not leaving:
            yield Message(
                "In {model}, which `model.primary` names, nobody leaves: the report will say nothing of retention and "
                "of strategies.",
                model=model.primary,
            )
    elif not (leaving := shows_leaving(histories)):
        yield Message(
            "These orders do not show customers leaving: the report will say nothing of retention and of strategies."
        )
    try:
        known = calibration(study.orders, study.config.data.holdout_weeks)
        if leaving and not shows_leaving(known):  # where all orders do not, a shorter test period helps nobody
            yield Message(
                "What comes before the last {weeks:weeks} does not show customers leaving, so the test on past orders "
                "will say little; a smaller `data.holdout_weeks` leaves more before them.",
                weeks=study.config.data.holdout_weeks,
            )
    except Unavailable as gap:
        yield gap.reason
        if study.config.data.holdout_weeks:
            yield Message("The test period is `data.holdout_weeks`, in weeks.")


def _notes(notes: Iterable[Message]) -> Iterator[str]:
    for note in notes:
        yield f"{tr('Mind:')} {note}"
