"""One run of a report at a time: a lock that the system itself releases when its process ends, however it ends."""

from __future__ import annotations

import datetime as dt
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from analysis.errors import ReportLocked
from analysis.reporting.interruption import shielded
from analysis.reporting.progress import plain
from analysis.reporting.publish import told_as_usage

LOCK, HOLDER = ".lock", ".holder"
LONGEST_HOLDER = 200
TRIES = 5


@contextmanager
def report_lock(report: Path) -> Iterator[None]:
    """The only run of a report, for as long as the context lasts.

    The folder must be there or be possible to make; a lock that nothing else was put beside goes with the context.

    Raises
    ------
    ReportLocked
        Where another run holds it; at once, without waiting.
    """
    with told_as_usage(report):
        lock = _acquired(report)
    try:
        (report / HOLDER).write_text(_ourselves(), encoding="utf-8")
        yield
    finally:
        with shielded():
            (report / HOLDER).unlink(missing_ok=True)
            # Under the lock; who opened the file in between finds it without a name and begins anew.
            with suppress(OSError):
                if [path.name for path in report.iterdir()] == [LOCK]:
                    (report / LOCK).unlink()
            lock.release()


def _acquired(report: Path, tries: int = TRIES) -> FileLock:
    lock = FileLock(report / LOCK, timeout=0)
    try:
        report.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise ReportLocked(_busy(report)) from None
    except FileNotFoundError:
        # A run that had nothing to leave took its folder away in between.
        if tries == 1:
            raise
        return _acquired(report, tries - 1)
    return lock


def _ourselves() -> str:
    since = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return f"process {os.getpid()} on {socket.gethostname()}, since {since}"


def _busy(report: Path) -> str:
    holder = ""
    with suppress(OSError, UnicodeDecodeError):
        holder = plain((report / HOLDER).read_text(encoding="utf-8"))[:LONGEST_HOLDER]
    who = f" ({holder})" if holder else ""
    return (
        f"report {report.name}: another run{who} is making it and holds the lock {report / LOCK}; "
        "wait for its end, or give this run another name or --out"
    )
