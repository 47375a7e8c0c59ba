"""The parent's side of the workers: start them early, give the word, collect, and leave nobody behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from analysis.processes import join, process_context
from analysis.reporting.interruption import shielded
from analysis.reporting.kernels import end_family
from analysis.reporting.worker import DEAD_PROCESS, GO, Failure, Job, Outcome, work

PRELOADED = ["__main__", "papermill", "nbconvert", "analysis.reporting.worker", "analysis.reporting.fragment"]
POLL_SECONDS = 0.5


def warm_up() -> None:
    """Let the server of worker processes begin its imports, while the caller does something else."""
    if process_context(PRELOADED).get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        with _without_ctrl_c():
            ensure_running()


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Lets what is started inside ignore Ctrl-C, which reaches every process of the terminal's group."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


@dataclass
class _Worker:
    job: Job
    process: BaseProcess
    connection: Connection
    kernel: int | None = None
    sent: bool = False

    @property
    def name(self) -> str:
        return self.job.notebook.stem


@dataclass
class Crew:
    """Workers for a set of notebooks, at most ``size`` at a time; use it in a ``with`` statement.

    Attributes
    ----------
    jobs
        What to execute.
    needs
        Notebook -> names of the results that must be there before it gets the word; all when it is not named.
    results
        Names of all results.
    size
        Most notebooks at a time.
    on_done
        Called with each outcome.
    check
        Called again and again while it waits; raises where the run should end.
    """

    jobs: Iterable[Job]
    needs: Mapping[str, Collection[str]]
    results: Collection[str]
    size: int
    on_done: Callable[[Outcome], None] = lambda outcome: None
    check: Callable[[], None] = lambda: None
    _turns: Any = field(default=None, init=False)
    _waiting: list[Job] = field(default_factory=list, init=False)
    _working: list[_Worker] = field(default_factory=list, init=False)
    _leaving: list[_Worker] = field(default_factory=list, init=False)
    _outcomes: dict[str, Outcome] = field(default_factory=dict, init=False)
    _there: set[str] = field(default_factory=set, init=False)

    def __enter__(self) -> Crew:
        warm_up()
        self._turns = process_context().Semaphore(max(1, (os.cpu_count() or 2) - 1))
        self._waiting = list(self.jobs)
        try:
            self._fill()
        except BaseException:
            self.stop()  # nobody leaves a context that was not entered
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def release(self, *results: str) -> None:
        """Say that results are there, and give the word to every notebook that needs no more."""
        self._there.update(results)
        self._collect(timeout=0)

    def finish(self) -> dict[str, Outcome]:
        """Let every notebook run, and wait for all of them."""
        self.release(*self.results)
        while self._working or self._waiting:
            self._collect(timeout=POLL_SECONDS)
            self.check()
        return dict(self._outcomes)

    def dismiss(self, notebooks: Collection[str]) -> None:
        """End the workers of notebooks that cannot run, also before they begin."""
        self._waiting = [job for job in self._waiting if job.notebook.stem not in notebooks]
        with shielded():
            dismissed = [worker for worker in self._working if worker.name in notebooks and not worker.sent]
            _end(dismissed, dismissed)
            self._working = [worker for worker in self._working if worker not in dismissed]

    def stop(self) -> None:
        """End every worker and its kernel."""
        with shielded():
            self._stop()

    def _stop(self) -> None:
        _end([*self._working, *self._leaving], self._working)
        for pile in (self._working, self._leaving, self._waiting):
            pile.clear()

    def _fill(self) -> None:
        while self._waiting and len(self._working) < self.size:
            self._hire(self._waiting.pop(0))
        for worker in self._working:
            if not worker.sent and self._is_due(worker):
                worker.sent = True
                with suppress(BrokenPipeError):  # it died; reading from it will tell
                    worker.connection.send(GO)

    def _hire(self, job: Job) -> None:
        context = process_context()
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(job, theirs, self._turns), name=job.notebook.stem, daemon=True)
        self._working.append(_Worker(job, process, ours))
        # A process that is half started would begin after everyone has gone.
        with shielded():
            process.start()
        theirs.close()

    def _is_due(self, worker: _Worker) -> bool:
        return self._there >= set(self.needs.get(worker.name, self.results))

    def _collect(self, timeout: float) -> None:
        self._fill()
        readable = wait([worker.connection for worker in self._working], timeout)
        for worker in [worker for worker in self._working if worker.connection in readable]:
            self._hear(worker)
        self._fill()

    def _hear(self, worker: _Worker) -> None:
        try:
            message = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            code = worker.process.exitcode
            failure = Failure(worker.name, DEAD_PROCESS, None, f"exit code {code}")
            message = Outcome(worker.name, "", "", None, failure)
        if not isinstance(message, Outcome):
            worker.kernel = message
            return
        self._working.remove(worker)
        self._leaving.append(worker)
        self._outcomes[worker.name] = message
        self.on_done(message)


def _end(workers: Collection[_Worker], at_work: Collection[_Worker]) -> None:
    """Wait for workers and their kernels to leave, and tell those still at work to."""
    started = [worker for worker in workers if worker.process.pid is not None]
    for worker in started:
        if worker in at_work:
            worker.process.terminate()
    for worker in started:
        join(worker.process)
        _kill_kernel(worker)


def _kill_kernel(worker: _Worker) -> None:
    # A worker stops its own kernel; this is for one that could not.
    if worker.process.exitcode not in {0, 143}:
        end_family(worker.job.folder, worker.kernel)
