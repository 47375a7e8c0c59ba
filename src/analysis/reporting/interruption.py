"""What ends a run from outside, a signal or its deadline: raised where the run is, and not lost on the way.

Some library may swallow what a signal handler raises (DuckDB makes a RuntimeError of it), so it is also kept, and
``check`` raises it again at the next sign of life.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

from analysis.errors import DeadlinePassed

_pending: list[Interruption] = []
_shields: list[bool] = []


class Interruption(KeyboardInterrupt):
    """Ends a run from outside; no Exception, since those are told as what a step of the run met."""

    exit_code = 130


class Interrupted(Interruption):
    """Raised when the process is asked to end; it leaves nothing behind and then does."""

    def __init__(self, number: int):
        super().__init__(f"ended by signal {number}")
        self.exit_code = 128 + number


class TimeIsUp(Interruption):
    """Raised when the deadline passes, for ``Deadline`` to turn into DeadlinePassed once everything is stopped."""

    exit_code = DeadlinePassed.exit_code


def heed_signals() -> None:
    """Let Ctrl-C, SIGTERM and a hang-up end what the process does by an ``Interrupted``."""
    for number in _signals_to_end():
        signal.signal(number, _end)


def _signals_to_end() -> list[signal.Signals]:
    hang_up = getattr(signal, "SIGHUP", None)
    # Under nohup a hang-up is ignored, and stays so.
    heard = [hang_up] if hang_up and signal.getsignal(hang_up) != signal.SIG_IGN else []
    return [signal.SIGINT, signal.SIGTERM, *heard]


def _end(number: int, _frame: object) -> None:
    # A second signal would only disturb the cleaning up.
    for heard in _signals_to_end():
        signal.signal(heard, signal.SIG_IGN)
    _interrupt(Interrupted(number))


def _interrupt(interruption: Interruption) -> None:
    _pending.append(interruption)
    check()


def pending() -> Interruption | None:
    """The interruption that was not dealt with so far; a signal comes before the deadline."""
    return next((one for one in _pending if isinstance(one, Interrupted)), _pending[0] if _pending else None)


def check() -> None:
    """Raise the interruption that something swallowed, or that came inside ``shielded``."""
    interruption = pending()
    if interruption and not _shields:
        raise interruption


def forget() -> None:
    """Begin anew, once what was interrupted has ended."""
    _pending.clear()


@contextmanager
def shielded() -> Iterator[None]:
    """Keeps interruptions back, for the few moments in which a thing must be done as a whole."""
    _shields.append(True)
    try:
        yield
    finally:
        _shields.pop()
    check()


class Deadline:
    """The time that a run may take.

    Parameters
    ----------
    minutes
        Allowed from now on; None for any time.
    """

    def __init__(self, minutes: float | None):
        self.minutes = minutes
        self._ends = inf if minutes is None else time.monotonic() + 60 * minutes

    def check(self) -> None:
        """Raise what interrupts the run, the deadline included; for where no alarm can be set."""
        if time.monotonic() > self._ends and not any(isinstance(one, TimeIsUp) for one in _pending):
            _pending.append(TimeIsUp())
        check()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stops what runs inside when the time is up.

        The alarm needs the main thread of a system that has alarms; elsewhere the run ends at its next ``check``.

        Raises
        ------
        DeadlinePassed
            Once everything inside was left.
        """
        if self.minutes is None:
            yield
            return
        try:
            with self._alarm():
                yield
                self.check()
        except Exception as error:
            self._tell(error)
            raise
        except TimeIsUp as error:
            self._tell(error)
            check()

    def _tell(self, error: BaseException) -> None:
        if isinstance(pending(), TimeIsUp):
            forget()
            raise DeadlinePassed(self.minutes) from error

    @contextmanager
    def _alarm(self) -> Iterator[None]:
        if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = signal.signal(signal.SIGALRM, lambda *_: _interrupt(TimeIsUp()))
        signal.setitimer(signal.ITIMER_REAL, max(self._ends - time.monotonic(), 1e-6))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
