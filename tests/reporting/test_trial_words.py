"""Whatever an experiment or its table brings up can be said, in both languages."""

import datetime as dt

import pytest

from analysis.data import Note
from analysis.models.results import Interval
from analysis.reporting.words import Words

DAY, BETWEEN = dt.date(2025, 3, 1), Interval(1.2, -0.1, 2.5, 0.9)
NOTES = (
    *(Note("loyalty.blank_rows_skipped", {"table": table, "rows": 2}) for table in ("campaigns", "experiment")),
    *(Note("loyalty.offsets_read_as_utc", {"table": table}) for table in ("promotions", "satisfaction")),
    Note("loyalty.rows_without_score", {"rows": 1}),
    Note("loyalty.rows_repeated", {"rows": 3}),
    Note("experiment.reason.no_money"),
    Note("experiment.reason.outside_data", {"starts": DAY, "ends": DAY, "first": DAY, "last": DAY}),
    Note("experiment.reason.few_customers", {"arm": "<b>club</b>", "customers": 1, "needed": 10}),
    Note("experiment.reason.nobody_known", {"customers": 40}),
    Note("experiment.reason.no_variation", {"customers": 40}),
    Note("experiment.note.by_lot"),
    Note("experiment.note.unknown_customers", {"customers": 5, "share": 0.05}),
    Note("experiment.note.no_before"),
    Note("experiment.note.short_before", {"days": 28, "of": 90}),
    Note("experiment.note.unequal_arms", {"probability": 1e-9}),
    Note("experiment.note.unlike_newcomers", {"probability": 1e-9}),
    Note("experiment.note.unlike_before", {"arm": "{arm:text}", "difference": BETWEEN}),
    Note("experiment.note.discounts_unknown"),
)


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.key)
def test_every_note_has_a_sentence_that_its_numbers_fill(note, language):
    said = str(Words(language, "EUR").said(note))
    assert "<b>" not in said
    assert said.endswith((".", "?"))


def test_check_counts_the_rows_of_a_table():
    assert Words("en")("loyalty.check", table="experiment", rows=1) == "Experiment: 1 row"
    assert Words("nl")("loyalty.check", table="promotions", rows=2) == "Acties: 2 rijen"
