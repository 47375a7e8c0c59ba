"""Worker processes of a run, and that nothing of a run outlives the process that began it.

A pool of papermill leaves workers, kernels and what kernels started alive when its parent is ended. So the parent
turns a signal into an ``Interruption`` and ends the trees of its workers on the way out; a worker adopts what its
kernels leave behind, and ends itself with all of it once its parent is gone; a kernel does the same.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from math import inf
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil

from analysis.errors import DeadlinePassed, ProcessDied

PATIENCE_SECONDS, POLL_SECONDS = 10.0, 0.5
HOME = Path(__file__).resolve().parents[1]
FLAGS = {"PYTHONSAFEPATH": "1", "PYTHONHASHSEED": "0"}
"""Of every interpreter that is started: nothing comes from the working folder, and a set has one order."""
SET_CHILD_SUBREAPER = 36  # of Linux's prctl: orphans below a process become its own children
OF_A_TERMINAL = {signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)}
"""Signals that reach every process of a terminal's group; the parent decides what follows."""


class Interruption(KeyboardInterrupt):
    """Raised where a signal asked the process to end; leaves nothing behind on its way out."""

    def __init__(self, number: int):
        super().__init__(f"ended by signal {number}")
        self.exit_code = 128 + number


_shield, _lock = threading.local(), threading.Lock()
_heard: list[int] = []


def heed_signals() -> None:
    """Let Ctrl-C, SIGTERM and a hang-up end what the process does by an ``Interruption``."""
    for number in _signals_to_end():
        signal.signal(number, _interrupt)


def _signals_to_end() -> list[int]:
    ends = [signal.SIGTERM, *OF_A_TERMINAL]
    # Under nohup a hang-up is ignored, and stays so.
    return [number for number in ends if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN]


def _interrupt(number: int, _frame: object) -> None:
    for heard in _signals_to_end():
        signal.signal(heard, signal.SIG_IGN)  # a second one would only disturb the cleaning up
    _heard.append(number)
    check()


def check() -> None:
    """Raise the interruption that some library swallowed, or that came inside ``shielded``."""
    if _heard and not getattr(_shield, "depth", 0):
        raise Interruption(_heard[0])


def forget() -> None:
    """Begin anew, once what was interrupted has ended."""
    _heard.clear()


@contextmanager
def shielded() -> Iterator[None]:
    """Keeps an interruption back for the few moments in which a thing must be done as a whole."""
    _shield.depth = getattr(_shield, "depth", 0) + 1
    try:
        yield
    finally:
        _shield.depth -= 1
    check()


class Deadline:
    """The time that a run may take: ``minutes`` from now on, None for any.

    >>> Deadline(None).seconds_left() is None, 59 < Deadline(1).seconds_left() <= 60
    (True, True)
    """

    def __init__(self, minutes: float | None):
        self.minutes = minutes
        self._ends = inf if minutes is None else time.monotonic() + 60 * minutes

    def seconds_left(self) -> float | None:
        """Seconds until it passes, None for any number; raises DeadlinePassed where it has."""
        check()
        left = self._ends - time.monotonic()
        if left <= 0:
            raise DeadlinePassed(self.minutes)
        return None if left == inf else left

    def result(self, future: futures.Future) -> Any:
        """The result of a future; raises DeadlinePassed where it takes longer than there is time."""
        while not futures.wait([future], min(self.seconds_left() or POLL_SECONDS, POLL_SECONDS)).done:
            pass
        return future.result()


@contextmanager
def _starting() -> Iterator[None]:
    """Inside, a process may start: no signal to its parent is its own, and it imports and reruns nothing that lies
    in the working folder or beside a script, such as a ``json.py``.
    """
    with _lock:
        main, path, flags = sys.modules["__main__"], sys.path[:], {name: os.environ.get(name) for name in FLAGS}
        beside = Path(getattr(main, "__file__", None) or "nowhere").resolve().parent
        unsafe = {Path.cwd(), *([beside] if beside == Path(path[0]).resolve() else [])} - {HOME}
        sys.path[:] = [entry for entry in path if entry and Path(entry).resolve() not in unsafe]
        sys.modules["__main__"] = ModuleType("__main__")
        os.environ.update(FLAGS)
        before = _masked("SIG_BLOCK", {signal.SIGTERM, *OF_A_TERMINAL})
        try:
            yield
        finally:
            _masked("SIG_SETMASK", before)
            sys.modules["__main__"], sys.path[:] = main, path
            for name, value in flags.items():
                del os.environ[name]
                os.environ |= {} if value is None else {name: value}


def _masked(how: str, signals: Iterable[int]) -> Iterable[int]:
    return signal.pthread_sigmask(getattr(signal, how), signals) if hasattr(signal, how) else ()


class Pool(futures.ProcessPoolExecutor):
    """Worker processes, as of ``pool``; ``size`` is how many there are at most."""

    size: int

    def submit(self, *arguments: Any, **named: Any) -> futures.Future:
        """As the library's, which may start a worker; an interruption waits until the pool knows of it."""
        with shielded(), _starting():
            return super().submit(*arguments, **named)


@contextmanager
def pool(size: int, variables: Mapping[str, str] | None = None, *, preload: Iterable[str] = ()) -> Iterator[Pool]:
    """A pool of worker processes; where the context is left by an error, they are ended with all that they started.

    That a worker died is then raised as ``ProcessDied``.

    Parameters
    ----------
    size
        Most workers; one is started when there is work for it.
    variables
        What they have in their environment besides that of this process.
    preload
        Modules that are imported once for all workers, where these can be forked from a server; the first such pool of
        a process decides.
    """
    can_fork = preload and "forkserver" in multiprocessing.get_all_start_methods()
    can_fork = can_fork and len(os.fsencode(tempfile.gettempdir())) < 70  # bytes; a socket's path ends at 104
    context = multiprocessing.get_context("forkserver" if can_fork else "spawn")
    if can_fork:
        context.set_forkserver_preload(list(preload))
    # A server forks with the environment that it was started in; a worker takes that of today.
    workers = Pool(size, context, _begin, ({**os.environ, **(variables or {}), **FLAGS},))
    workers.size = size
    try:
        yield workers
    except BaseException as error:
        for process in list((workers._processes or {}).values()):
            _end_tree(process.pid)
        workers.shutdown(cancel_futures=True)
        if isinstance(error, BrokenProcessPool):
            raise ProcessDied("a worker process died; a machine that runs out of memory does this") from error
        raise
    workers.shutdown()


def _begin(environment: Mapping[str, str]) -> None:
    end_with(lambda: not wait([multiprocessing.parent_process().sentinel]))
    signal.signal(signal.SIGTERM, lambda *_: _end_ourselves())
    _masked("SIG_UNBLOCK", {signal.SIGTERM})
    os.environ.clear()
    os.environ.update(environment)


def end_with(is_parent_there: Callable[[], bool]) -> None:
    """Adopt what processes below this one leave behind, and end with all of them once the parent is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    threading.Thread(target=_watch, args=(is_parent_there,), daemon=True).start()


def _watch(is_parent_there: Callable[[], bool]) -> None:
    while is_parent_there():
        time.sleep(POLL_SECONDS)
    _end_ourselves()


def _end_ourselves() -> None:
    end_descendants()
    os._exit(128 + signal.SIGTERM)


def _end_tree(process_id: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(process_id)
        process.suspend()  # it begins nothing new, and adopts what is left of its children
        end_descendants(process_id)
        process.kill()


def end_descendants(process_id: int | None = None) -> None:
    """Kill all processes below one (None for this one), those they start meanwhile included."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        below = [one for one in psutil.Process(process_id).children(recursive=True) if _is_running(one)]
        if not below:
            return
        for one in below:
            with suppress(psutil.Error):
                one.kill()
        time.sleep(0.01)


def _is_running(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE
    return False
