"""Notebooks of a run: which there are, what they take, and one executed by papermill in a worker process."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.config import nearest, parameter_keys
from analysis.errors import UsageError
from analysis.processes import FLAGS, end_descendants
from analysis.report.folders import scratch_folder
from analysis.report.stamp import SENTINEL
from analysis.words import Message

KERNEL = "python3"
PROVISIONER, FORKED, LOCAL = "JUPYTER_DEFAULT_PROVISIONER_NAME", "forked", "local-provisioner"
FORKS = sys.platform == "linux"  # elsewhere a fork of what has threads is not safe
START_SECONDS = 120
LONGEST_SOCKET = 90  # bytes; a Unix socket's path ends at 104 to 108
LONGEST_EXCEPTION = 500
COMMON = ("config", "as_of", "store")
PREVIOUS = "previous"
"""Parameter of a notebook that compares: the folder of the run before."""
PARAMETER = re.compile(r"^(\w+)\s*:\s*(?:str|int|float|bool)\s*=")
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


FAILURES = {
    "cell_error": "Notebook {notebook} stopped in its code cell {cell}: {exception}",
    "dead_kernel": "The process behind notebook {notebook} died in code cell {cell}. A machine that runs out of memory "
    "does this.",
    "no_kernel": "Notebook {notebook} could not be started: no Python kernel answered.",
    "left_early": "Notebook {notebook} left in code cell {cell} before its end.",
    "no_sentinel": "Notebook {notebook} did not reach its last cell.",
    "disk_full": "The disk was full while notebook {notebook} was running.",
    "dead_process": "The process that ran notebook {notebook} ended without an answer: {exception}",
}
"""What can happen to a notebook. A kernel that is missing counts as one that never answered, SystemExit as leaving."""


@dataclass(frozen=True)
class Failure:
    """Why a notebook did not reach its end: a ``kind`` of ``FAILURES``.

    ``cell`` is the last that began, counted among code cells from 1.
    """

    notebook: str
    kind: str
    cell: int | None = None
    exception: str = ""

    @property
    def reason(self) -> Message:
        """Which notebook, which cell, what happened; what notebooks and data say in it may be hostile."""
        exception = self.exception[:LONGEST_EXCEPTION]
        return Message(FAILURES[self.kind], notebook=self.notebook, cell=self.cell or 1, exception=exception)


def notebooks_in(folder: Path) -> tuple[Path, ...]:
    """Every notebook of a folder by name, each of them checked.

    Raises
    ------
    UsageError
        Where there is none, or one does not take what a run gives it, or takes what nobody knows.
    """
    found = tuple(sorted(folder.glob("*.ipynb")))
    if not found:
        raise UsageError(f"no notebooks in {folder}")
    if problems := [problem for notebook in found for problem in _problems_in(notebook)]:
        raise UsageError(*problems)
    return found


def _problems_in(notebook: Path) -> Iterator[str]:
    """papermill only warns of a name that a notebook does not know."""
    declared, keys = declared_parameters(notebook), parameter_keys()
    for name in COMMON:
        if name not in declared:
            yield f"notebook {notebook.name}: there is no parameter {name!r}{nearest(name, declared)}"
    for name in declared:
        if name not in (*COMMON, PREVIOUS, *keys):
            yield f"notebook {notebook.name}: parameter {name!r} is no configuration key{nearest(name, keys)}"


def declared_parameters(notebook: Path) -> list[str]:
    """Names in a notebook's parameters cell; none where it has no such cell."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    tagged = (cell for cell in cells if "parameters" in cell["metadata"].get("tags", []))
    lines = "".join(next(tagged, {"source": ""})["source"]).splitlines()
    return [match[1] for line in lines if (match := PARAMETER.match(line))]


def socket_folder() -> AbstractContextManager[Path]:
    """A short private folder for kernels' sockets; the report's own folder may lie too deep for them."""
    short = tempfile.gettempdir()
    is_long = os.name == "posix" and len(os.fsencode(short)) > LONGEST_SOCKET - 40
    return scratch_folder(Path("/tmp") if is_long else None)


def kernel_environment(folder: Path) -> dict[str, str]:
    """Environment in which ``python3`` is a kernel of the running interpreter, and the home folder plays no part."""
    spec = folder / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    launch = [sys.executable, "-Xfrozen_modules=off", "-m", "analysis.report.kernel", "-f", "{connection_file}"]
    launch += ["--InteractiveShellApp.ignore_cwd=True"]
    fixed = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", **FLAGS}
    fixed[PROVISIONER] = LOCAL  # of kernels that a notebook starts
    fixed["OMP_NUM_THREADS"] = fixed["OPENBLAS_NUM_THREADS"] = "1"  # several notebooks run side by side
    if paths := os.environ.get("PYTHONPATH"):
        fixed["PYTHONPATH"] = os.pathsep.join(str(Path(path).absolute()) for path in paths.split(os.pathsep) if path)
    content = {"argv": launch, "display_name": "Python 3", "language": "python", "env": fixed}
    spec.write_text(json.dumps(content), encoding="utf-8")
    places = {"JUPYTER_CONFIG_DIR": "c", "JUPYTER_DATA_DIR": "d", "JUPYTER_RUNTIME_DIR": "r", "IPYTHONDIR": "i"}
    found = {"JUPYTER_PATH": str(folder), PROVISIONER: FORKED if FORKS else LOCAL}
    return found | {name: str(folder / place) for name, place in places.items()}


def execute(
    notebook: Path, executed: Path, parameters: Mapping[str, Any], log: Path
) -> tuple[Mapping[str, Any], Failure | None, float]:
    """Execute a notebook into another one; body of a task in a worker process.

    What it says on its terminal goes into the file ``log``. Gives what its last cell handed over, why it did not get
    there, and seconds.
    """
    name, began = notebook.stem, time.monotonic()
    try:
        with _written_to(log):
            kind, exception = _executed(notebook, executed, parameters)
    finally:
        end_descendants()  # of what the notebook started, nothing stays
    # The author's cells: a cell's number is the same before and after the parameters are injected.
    cells = [cell for cell in read_notebook(executed).cells if cell.cell_type == "code"]
    cells = [cell for cell in cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    outputs = [output for cell in cells for output in cell.outputs]
    found = [output.data[SENTINEL] for output in outputs if SENTINEL in output.get("data", {})]
    # papermill takes SystemExit(0) for success, and a notebook whose end was deleted as well.
    if not kind and any(output.output_type == "error" and output.ename == "SystemExit" for output in outputs):
        kind, exception = "left_early", "SystemExit"
    elif not kind and not found:
        kind = "no_sentinel"
    begun = [place for place, cell in enumerate(cells, 1) if cell.metadata.get("papermill", {}).get("start_time")]
    failure = Failure(name, kind, begun[-1] if begun else None, exception) if kind else None
    sentinel = json.loads(json.dumps(found[-1])) if found else {}  # nobody has to import nbformat to read it
    return sentinel, failure, round(time.monotonic() - began, 3)


@contextmanager
def _written_to(log: Path) -> Iterator[None]:
    """What this process and its kernel say on their terminal goes into a file."""
    kept = [os.dup(1), os.dup(2)]
    with log.open("ab") as stream:
        for number in (1, 2):
            os.dup2(stream.fileno(), number)
    try:
        yield
    finally:
        for number, before in zip((1, 2), kept, strict=True):
            os.dup2(before, number)
            os.close(before)


def _executed(notebook: Path, executed: Path, parameters: Mapping[str, Any]) -> tuple[str, str]:
    """The kind of the failure that papermill tells of, and what was raised; both empty where it tells of none."""
    if importlib.util.find_spec("ipykernel") is None:
        return "no_kernel", "no module ipykernel"
    import papermill
    from nbclient.exceptions import DeadKernelError
    from traitlets.config import Config

    import analysis.report.kernel  # noqa: F401 (tells jupyter_client of FORKED)

    # Sockets in a private folder: no port that others on the machine could reach, and no warning of one.
    place = str(Path(os.environ["JUPYTER_PATH"]) / f"{os.getpid()}.json")
    transport = "ipc" if os.name == "posix" and len(os.fsencode(place)) < LONGEST_SOCKET else "tcp"
    try:
        papermill.execute_notebook(
            notebook,
            executed,
            parameters=dict(parameters),
            kernel_name=KERNEL,
            language="python",
            progress_bar=False,
            start_timeout=START_SECONDS,
            cwd=notebook.parent,
            config=Config(
                {
                    "KernelManager": {"connection_file": place, "transport": transport},
                    "NotebookClient": {"skip_cells_with_tag": "lab"},
                }
            ),
            shutdown_kernel="immediate",
        )
    except papermill.PapermillExecutionError as error:
        kind = "left_early" if error.ename == "SystemExit" else "cell_error"
        if error.ename == "OSError" and any(f"[Errno {number}]" in str(error.evalue) for number in FULL_DISK):
            kind = "disk_full"
        return kind, f"{error.ename}: {error.evalue}"
    except DeadKernelError:
        return "dead_kernel", ""
    except RuntimeError as error:
        return "no_kernel", str(error)  # nbclient's word for a kernel that never answers
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        return "disk_full", str(error)
    return "", ""


def read_notebook(path: Path) -> Any:
    """The executed notebook as far as it was saved; on a full disk that may be nothing that can be read."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except (FileNotFoundError, ValueError, nbformat.reader.NotJSONError):
        return nbformat.v4.new_notebook()
