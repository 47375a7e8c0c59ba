"""What can go wrong, by meaning; the command line turns a type into an exit code."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.words import Message

USAGE = 2
CONTENT = 3
WRAPPED_BY_DUCKDB = re.compile(r'"exception_message":"(.*?)"[,}]')
SPILL_LIMIT = "max_temp_directory_size"  # what DuckDB speaks of when there is no room for its intermediate results


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the input: what, how many, which, and what is allowed.

    Attributes
    ----------
    message
        One or two sentences for a person.
    exit_code
        ``USAGE`` (2) for the command line, the configuration, or what it names; ``CONTENT`` (3) for
        what stands in the data.
    """

    message: str
    exit_code: int = CONTENT


class RetentionLabError(Exception):
    """Base of every error this package raises on purpose; it may be handed from process to process.

    >>> import pickle
    >>> pickle.loads(pickle.dumps(DataError("no rows", "no day"))).problems[1].message
    'no day'
    """

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[RetentionLabError], arguments: tuple[Any, ...], fields: dict[str, Any]) -> RetentionLabError:
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(fields)
    return error


class InputRefused(RetentionLabError):
    """Raised when the configuration or the data cannot be used; holds every problem found at once.

    Examples
    --------
    >>> refused = InputRefused([Problem("no rows"), Problem("unknown key", USAGE)])
    >>> refused.exit_code
    2
    >>> print(refused)
    no rows
    unknown key
    """

    def __init__(self, problems: Problem | Iterable[Problem]):
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(problem.message for problem in self.problems))

    @property
    def exit_code(self) -> int:
        return min((problem.exit_code for problem in self.problems), default=CONTENT)


class UsageError(InputRefused):
    """Raised when the command line, the configuration or something it names is wrong (exit code 2)."""

    def __init__(self, *messages: str):
        super().__init__(Problem(message, USAGE) for message in messages)


class DataError(InputRefused):
    """Raised when the content of the data is refused (exit code 3)."""

    def __init__(self, *messages: str):
        super().__init__(Problem(message, CONTENT) for message in messages)


class Unavailable(RetentionLabError):
    """Raised when something cannot be known from these data; shown once, where its section would stand.

    Attributes
    ----------
    reason
        Why, as a sentence for a reader; its ``code`` is what ``results.json`` names.

    Examples
    --------
    >>> print(Unavailable("{n:integer} order is too few", "{n:integer} orders are too few", n=3, code="few"))
    3 orders are too few
    """

    exit_code = 3

    def __init__(self, text: str | Message, plural: str | None = None, /, **values: Any):
        self.reason = text if isinstance(text, Message) else Message(text, plural, **values)
        super().__init__(self.reason)

    def __str__(self) -> str:
        return str(self.reason)


class NotIdentified(Unavailable):
    """Raised when the data do not determine a parameter of a model."""


class NotebookFailed(RetentionLabError):
    """Raised when a notebook did not reach its end: cell error, dead or missing kernel, full disk."""

    exit_code = 4


class ProcessDied(RetentionLabError):
    """Raised when a worker process of a run ended without an answer."""

    exit_code = 4


class DiskFull(RetentionLabError):
    """Raised when there is no room left for what is computed or written."""

    exit_code = 4


class PrintingFailed(RetentionLabError):
    """Raised when the browser that prints the page fails or hangs; nothing of the run is published."""

    exit_code = 4


class GateFailed(RetentionLabError):
    """Raised when a finished page does not pass its own checks: stamp, secret, size, external request."""

    exit_code = 6


class DeadlinePassed(RetentionLabError):
    """Raised when a run took longer than its configuration allows.

    Attributes
    ----------
    minutes
        What it allows.
    """

    exit_code = 5

    def __init__(self, minutes: float):
        self.minutes = minutes
        super().__init__(f"the run was stopped: it took longer than deadline_minutes == {minutes:g}")


class ReportLocked(RetentionLabError):
    """Raised when another run of the same report is under way."""

    exit_code = 75


class BatchFailed(RetentionLabError):
    """Raised when reports of a batch failed, after all others were made; the exit code is the highest of theirs.

    Attributes
    ----------
    folders
        Of the reports that were made.
    """

    def __init__(self, messages: Iterable[str], exit_code: int, folders: Iterable[Path] = ()):
        self.exit_code, self.folders = exit_code, tuple(folders)
        super().__init__("\n".join(messages))


@contextmanager
def collecting(problems: list[Problem]) -> Iterator[None]:
    """Adds the problems of what is refused inside, so that all can be raised at once.

    >>> problems = []
    >>> for _ in range(2):
    ...     with collecting(problems):
    ...         raise DataError("no rows")
    >>> [problem.message for problem in problems]
    ['no rows']
    """
    try:
        yield
    except InputRefused as refused:
        problems += [problem for problem in refused.problems if problem not in problems]


def first_line(error: object, length: int = 300) -> str:
    """The first line of what a library says, for a message.

    >>> first_line(ValueError("IO Error: no file\\nLINE 1: SELECT"))
    'IO Error: no file'
    """
    return shortened(str(error).strip().split("\n", 1)[0], length)


def shortened(text: str, length: int = 40) -> str:
    """A text for a message, cut to ``length`` characters.

    >>> shortened("a" * 50, 5)
    'aaaa…'
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def printable(text: object) -> str:
    r"""A text or path, with what is no UTF-8 in it written out.

    >>> printable(Path("sh\udcffp.yml"))
    'sh\\udcffp.yml'
    """
    return str(text).encode("utf-8", "backslashreplace").decode()


@contextmanager
def full_disk_named() -> Iterator[None]:
    """Raises ``DiskFull`` for a full disk, whichever library met it.

    Examples
    --------
    >>> try:
    ...     with full_disk_named():
    ...         raise OSError(errno.ENOSPC, "No space left on device")
    ... except DiskFull as error:
    ...     print(str(error).split(";")[0], error.exit_code)
    the disk is full ([Errno 28] No space left on device) 4
    """
    try:
        yield
    except Exception as error:
        if not is_full_disk(error):
            raise
        reason = str(error).split("\n", 1)[0]
        if wrapped := WRAPPED_BY_DUCKDB.search(reason):
            reason = wrapped[1].replace('\\"', '"')
        advice = "make room there, or let TMPDIR and --out name folders on another disk"
        raise DiskFull(f"the disk is full ({reason[:300]}); {advice}") from error


def is_full_disk(error: Exception) -> bool:
    """Whether an error of any library means that there is no room left.

    >>> is_full_disk(OSError(errno.ENOSPC, "No space left on device")), is_full_disk(OSError(errno.ENOENT, "?"))
    (True, False)
    """
    if isinstance(error, RetentionLabError):
        return False
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    return any(word in str(error) for word in (os.strerror(errno.ENOSPC), SPILL_LIMIT))


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with the words that agree with it; ``many`` is ``one`` with an s unless given.

    >>> counted(1, "row"), counted(2_000, "row"), counted(1, "value is", "values are")
    ('1 row', '2,000 rows', '1 value is')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
