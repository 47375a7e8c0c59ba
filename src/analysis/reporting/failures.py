"""Why a run failed, in words."""

from __future__ import annotations

from collections.abc import Collection

from analysis.errors import (
    DeadlinePassed,
    DiskFull,
    GateFailed,
    InputRefused,
    NotebookFailed,
    NotIdentified,
    PrintingFailed,
    RetentionLabError,
)
from analysis.reporting.gate import without_passwords, without_secrets
from analysis.reporting.words import Words, placeholders
from analysis.reporting.worker import Failure

LONGEST_EXCEPTION = 500
KINDS = {GateFailed: "gate", InputRefused: "refused", DiskFull: "no_room", PrintingFailed: "printing"}


def reason_of(failure: Failure, language: str = "en") -> str:
    """Which notebook, which cell, what happened; what notebooks and data say in it may be hostile.

    >>> reason_of(Failure("01-transactions", "cell_error", 3, "ValueError: no"))
    'Notebook 01-transactions stopped in its code cell 3: ValueError: no'
    """
    words, key = Words(language), f"failure.{failure.kind}"
    numbers = {
        "notebook": failure.notebook,
        "cell": failure.cell or 1,
        "exception": failure.exception[:LONGEST_EXCEPTION],
    }
    wanted = placeholders(words.sentence(key))
    return words(key, **{name: value for name, value in numbers.items() if name in wanted})


def reason_of_error(error: BaseException, language: str = "en", secrets: Collection[str] = ()) -> str:
    """What ended a run, for the top of its page, with every secret replaced by asterisks."""
    text = without_passwords(without_secrets(str(error), secrets))
    if isinstance(error, NotebookFailed):
        return text
    if isinstance(error, DeadlinePassed):
        return Words(language)("failure.deadline", minutes=error.minutes)
    if isinstance(error, NotIdentified) and error.numbers:
        return Words(language)("failure.not_identified", model=error.model, **error.numbers)
    kind = next((kind for known, kind in KINDS.items() if isinstance(error, known)), "unexpected")
    text = text[:LONGEST_EXCEPTION]
    reason = text if isinstance(error, RetentionLabError) else f"{type(error).__name__}: {text}"
    return Words(language)(f"failure.{kind}", reason=reason)
