"""Processes of our own: how they are made, and that none of them outlives the one that made it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Sequence
from multiprocessing import parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

PATIENCE_SECONDS = 5.0


def process_context(preload: Sequence[str] = ()):
    """How processes are made: forked from a server that has imported ``preload`` once, where possible.

    Only the first call that starts the server decides what it imports.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    if preload:
        context.set_forkserver_preload(list(preload))
    return context


def leave_ctrl_c_to_parent() -> None:
    """Ignore Ctrl-C, which reaches every process of the terminal's group; the parent decides what follows."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end_with_parent() -> None:
    """Let this process get SIGTERM as soon as the one that made it is gone."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


def end(processes: Iterable[BaseProcess], patience: float = PATIENCE_SECONDS) -> None:
    """Tell processes to end, and kill those that do not within ``patience`` seconds."""
    started = [process for process in processes if process.pid is not None]
    for process in started:
        process.terminate()
    for process in started:
        join(process, patience)


def join(process: BaseProcess, patience: float = PATIENCE_SECONDS) -> None:
    """Wait ``patience`` seconds for a process to leave; then it is killed."""
    process.join(patience)
    if process.exitcode is None:
        process.kill()
        process.join()
