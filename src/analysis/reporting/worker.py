"""One notebook in a process of its own: boot a kernel, wait for the word to go, execute, make a fragment."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from analysis.processes import end_with_parent, leave_ctrl_c_to_parent
from analysis.reporting.kernels import KERNEL_NAME, import_in_kernel, kernel_process_id, start_kernel, stop_kernel
from analysis.reporting.stamp import SENTINEL

CELL_ERROR, DEAD_KERNEL, NO_KERNEL = "cell_error", "dead_kernel", "no_kernel"
LEFT_EARLY, NO_SENTINEL, DISK_FULL = "left_early", "no_sentinel", "disk_full"
DEAD_PROCESS = "dead_process"
GO = "go"
LONGEST_TURN_SECONDS = 20


@dataclass(frozen=True)
class Job:
    """A notebook to execute.

    Attributes
    ----------
    notebook
        The notebook; its stem names it.
    executed
        Where the executed notebook goes.
    parameters
        Values for its parameters cell.
    folder
        Private folder for the kernel's files (a short path, see ``kernels.socket_folder``).
    log
        File for what the process and its kernel write to their terminal.
    environment
        Environment of the kernel.
    warm_up
        Module to import in the kernel while it waits; empty for none.
    """

    notebook: Path
    executed: Path
    parameters: Mapping[str, Any]
    folder: Path
    log: Path
    environment: Mapping[str, str]
    warm_up: str = ""


@dataclass(frozen=True)
class Failure:
    """Why a notebook did not reach its end.

    Attributes
    ----------
    notebook
        Its name.
    kind
        ``cell_error``, ``dead_kernel``, ``no_kernel`` (missing, or it never answered), ``left_early``
        (SystemExit), ``no_sentinel``, ``disk_full`` or ``dead_process``.
    cell
        Which code cell it was in, counted from 1; None where there is none.
    exception
        ``Name: text`` of the exception; empty where there is none.
    """

    notebook: str
    kind: str
    cell: int | None = None
    exception: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a notebook.

    Attributes
    ----------
    notebook
        Its name.
    fragment
        HTML of its outputs, as far as it came.
    closing
        HTML of what it has for the end of the page; empty for nothing.
    sentinel
        What its last cell handed over; None where it did not get there.
    failure
        None where it reached its end.
    seconds
        Wall time from the word to go.
    """

    notebook: str
    fragment: str
    closing: str
    sentinel: Mapping[str, Any] | None
    failure: Failure | None
    seconds: float = 0.0


def work(job: Job, connection: Connection, turns: Any) -> None:
    """Body of a worker process: sends the kernel's process id, waits for ``GO``, sends an ``Outcome``.

    Kernels boot in turns (a semaphore), one processor being left to the parent, which computes meanwhile.
    """
    _prepare_process(job.log)
    manager = None
    try:
        with _turn(turns):
            manager, obstacle = _started(job)
        connection.send(kernel_process_id(manager) if manager else None)
        if connection.recv() == GO:
            connection.send(executed(job, manager) if manager else _not_started(job, obstacle))
    except (EOFError, BrokenPipeError):
        # The parent is gone; nobody waits for the answer.
        return
    finally:
        if manager is not None:
            stop_kernel(manager, job.folder)


def _prepare_process(log: Path) -> None:
    leave_ctrl_c_to_parent()
    end_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)


@contextmanager
def _turn(turns: Any) -> Iterator[None]:
    # Whoever was killed in its turn never gives it back; nobody waits for that longer than this.
    granted = turns.acquire(timeout=LONGEST_TURN_SECONDS)
    try:
        yield
    finally:
        if granted:
            turns.release()


def _started(job: Job):
    """The manager of a kernel that has done its imports, and in words why there is none."""
    manager = None
    try:
        manager = start_kernel(job.folder, job.notebook.parent, job.environment)
        if job.warm_up:
            import_in_kernel(manager, job.warm_up)
    except BaseException as error:
        if manager is not None:
            stop_kernel(manager, job.folder)
        if not isinstance(error, OSError | RuntimeError):
            raise
        return None, str(error)
    return manager, ""


def _not_started(job: Job, obstacle: str) -> Outcome:
    name = job.notebook.stem
    return Outcome(name, "", "", None, Failure(name, NO_KERNEL, None, obstacle))


def executed(job: Job, manager) -> Outcome:
    """Execute a notebook on a running kernel and say how far it came."""
    name, began = job.notebook.stem, time.monotonic()
    failure = _execute(job, manager)
    notebook = _read(job.executed)
    sentinel = sentinel_of(notebook)
    failure = failure or _silent_failure(name, notebook, sentinel)
    return Outcome(name, *_on_the_page(notebook), sentinel, failure, time.monotonic() - began)


def _execute(job: Job, manager) -> Failure | None:
    import papermill
    from nbclient.exceptions import DeadKernelError

    name = job.notebook.stem
    try:
        papermill.execute_notebook(
            job.notebook,
            job.executed,
            parameters=dict(job.parameters),
            kernel_name=KERNEL_NAME,
            language="python",
            km=manager,
            progress_bar=False,
        )
    except papermill.PapermillExecutionError as error:
        return _cell_failure(name, _read(job.executed), error)
    except DeadKernelError:
        return Failure(name, DEAD_KERNEL, _last_started(_read(job.executed)))
    except RuntimeError as error:
        # nbclient's word for a kernel that ends before its first answer.
        return Failure(name, NO_KERNEL, None, str(error))
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        return Failure(name, DISK_FULL, None, str(error))
    return None


def _cell_failure(name: str, notebook, error) -> Failure:
    kind = LEFT_EARLY if error.ename == "SystemExit" else CELL_ERROR
    if error.ename == "OSError" and f"[Errno {errno.ENOSPC}]" in str(error.evalue):
        kind = DISK_FULL
    return Failure(name, kind, _last_started(notebook), f"{error.ename}: {error.evalue}")


def _silent_failure(name: str, notebook, sentinel) -> Failure | None:
    exits = (output for cell in _code_cells(notebook) for output in cell.outputs)
    if any(output.output_type == "error" and output.ename == "SystemExit" for output in exits):
        return Failure(name, LEFT_EARLY, _last_started(notebook), "SystemExit")
    return None if sentinel is not None else Failure(name, NO_SENTINEL)


def sentinel_of(notebook) -> Mapping[str, Any] | None:
    """What the last code cell handed over to say that the notebook reached its end."""
    cells = _code_cells(notebook)
    outputs = cells[-1].outputs if cells else []
    found = [output.data[SENTINEL] for output in outputs if SENTINEL in output.get("data", {})]
    return found[-1] if found else None


def _last_started(notebook) -> int | None:
    cells = _code_cells(notebook)
    begun = [place for place, cell in enumerate(cells, 1) if _has_begun(cell)]
    return begun[-1] if begun else None


def _has_begun(cell) -> bool:
    return bool(cell.metadata.get("papermill", {}).get("start_time"))


def _code_cells(notebook) -> list:
    """The author's code cells: a cell's number is the same before and after the parameters are injected."""
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    return [cell for cell in cells if "injected-parameters" not in cell.metadata.get("tags", [])]


def _read(path: Path):
    """The executed notebook as far as it was saved; on a full disk that may be nothing that can be read."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (FileNotFoundError, ValueError, nbformat.reader.NotJSONError):
        return nbformat.v4.new_notebook()


def _on_the_page(notebook) -> tuple[str, str]:
    from analysis.reporting.fragment import closing_of, fragment_of

    return fragment_of(notebook), closing_of(notebook)
