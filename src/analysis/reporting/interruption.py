"""What ends a run from outside, a signal or its deadline: raised where the run is, and not lost on the way.

Some library may swallow what a signal handler raises (DuckDB makes a RuntimeError of it, or nothing), so it is also
kept: an alarm raises it again every few seconds, and ``check`` at the next sign of life, until it was dealt with.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf

from analysis.errors import DeadlinePassed

AGAIN_SECONDS = 2.0

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
    if not any(type(one) is type(interruption) for one in _pending):
        _pending.append(interruption)
    _set_alarm(AGAIN_SECONDS, lambda *_: _once_more())
    _once_more()


def _once_more() -> None:
    # Where no query was ever asked, nothing needs to be imported now.
    engine = sys.modules.get("analysis.data.engine")
    if engine is not None and not _shields:
        engine.stop_queries()
    check()


def _set_alarm(seconds: float, handler: Callable[..., None] | None = None) -> None:
    """Call a handler then, and again until it is switched off by 0 seconds; where the system has alarms."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return
    signal.setitimer(signal.ITIMER_REAL, 0)
    if handler:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6), AGAIN_SECONDS)


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
    rest()
    _pending.clear()


def rest() -> None:
    """Do not raise again by alarm what is on its way out."""
    _set_alarm(0)


@contextmanager
def shielded() -> Iterator[None]:
    """Keeps interruptions back, for the few moments in which a thing must be done as a whole.

    What came meanwhile is raised at the end; what was there before is on its way already.
    """
    known = len(_pending)
    _shields.append(True)
    try:
        yield
    finally:
        _shields.pop()
    if len(_pending) > known:
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
        if time.monotonic() > self._ends:
            _interrupt(TimeIsUp())
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
        _set_alarm(self._ends - time.monotonic(), lambda *_: _interrupt(TimeIsUp()))
        try:
            yield
            self.check()
        except Exception as error:
            self._tell(error)
            raise
        except TimeIsUp as error:
            self._tell(error)
            check()
        finally:
            if pending() is None:
                rest()

    def _tell(self, error: BaseException) -> None:
        if isinstance(pending(), TimeIsUp):
            forget()
            raise DeadlinePassed(self.minutes) from error
