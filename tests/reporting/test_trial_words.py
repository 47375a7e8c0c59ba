"""Whatever an experiment or its table brings up can be said, in both languages."""

import datetime as dt

import pytest

from analysis.data import Note
from analysis.data.loyalty_matches import SAID
from analysis.interval import Interval
from analysis.reporting.exhibits.loyalty import trial_sayings
from analysis.reporting.words import Words
from analysis.strategies.trial import Arm, ExperimentResult
from analysis.strategies.trial_differences import ArmDifference

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
    Note("experiment.reason.few_ordering", {"arm": "<b>club</b>", "customers": 1, "needed": 10}),
    Note("experiment.reason.no_variation", {"arm": "<b>club</b>", "control": "{arm:text}"}),
    Note("evidence.reason.scores_elsewhere", {"rows": 1}),
    Note("evidence.reason.hardly_known", {"orders": 12, "needed": 200}),
    Note("evidence.note.calendar_alone"),
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


@pytest.mark.parametrize("language", ["en", "nl"])
@pytest.mark.parametrize("key", SAID)
def test_how_far_a_table_fits_can_be_said_of_none_one_and_many(key, language):
    words, window = Words(language), {"first": DAY, "last": DAY}
    for table in ("campaigns", "experiment"):
        for count in (0, 1, 1_714):
            numbers = {name: {"table": table, **window}.get(name, count) for name in SAID[key]}
            assert str(words.said(Note(key, numbers))).endswith((".", "?"))


def test_check_says_how_many_rows_fit():
    numbers = {"rows": 1_714, "fitting": 12, "fitted": 9, "customers": 785}
    assert Words("en")("loyalty.fit.satisfaction", **numbers) == (
        "Satisfaction: 1,714 rows, of which 12 name a customer and the day of an order (9 of 785 customers)."
    )
    assert Words("nl")("loyalty.fit.promotions", rows=2, fitting=1) == (
        "Acties: 2 rijen, waarvan er 1 binnen de gegevens valt."
    )


def test_the_result_of_an_experiment_is_told_to_stand_for_itself():
    arms = tuple(Arm(name, 40, 0, 20, 2.0, 0.0) for name in ("nothing", "club"))
    against = ArmDifference("club", BETWEEN, BETWEEN, None, 0.0, 0.2, 0.2, 0.9)
    result = ExperimentResult(DAY, DAY, 1, 0, arms, (against,), 1.0, None, "paid", ())
    keys = [saying.key for saying in trial_sayings(result)]
    assert keys == ["experiment.result.undecided", "experiment.result.plain", "experiment.result.beside"]
    reason = Note("experiment.reason.no_money")
    assert trial_sayings(reason) == [reason]
