"""Kernels of the running interpreter, whatever kernels this machine has under the same name."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from analysis.reporting.publish import scratch_folder

KERNEL_NAME = "python3"
START_SECONDS = 120
ROUNDS = 3  # who forks while it is being killed is met again
LONGEST_SOCKET = 90  # bytes; a Unix socket's path ends at 104 to 108


def kernel_is_installed() -> bool:
    """Whether the running interpreter can be a kernel at all."""
    return importlib.util.find_spec("ipykernel") is not None


def write_kernelspec(folder: Path) -> None:
    """A kernel named ``python3`` in ``folder`` that is the running interpreter."""
    spec = folder / KERNEL_NAME / "kernel.json"
    spec.parent.mkdir(parents=True, exist_ok=True)
    launch = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    content = {"argv": launch, "display_name": "Python 3", "language": "python"}
    spec.write_text(json.dumps(content), encoding="utf-8")


def kernel_environment(private: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a kernel that leaves nothing in the home folder and takes no settings from there."""
    folders = {
        "IPYTHONDIR": private / "ipython",
        "JUPYTER_CONFIG_DIR": private / "config",
        "JUPYTER_DATA_DIR": private / "data",
        "JUPYTER_RUNTIME_DIR": private / "runtime",
    }
    fixed = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONHASHSEED": "0"}
    return {**environment, **{name: str(folder) for name, folder in folders.items()}, **fixed}


def start_kernel(folder: Path, cwd: Path, environment: Mapping[str, str]):
    """Start a kernel in ``cwd``; ``folder`` takes its files. Returns its (asynchronous) manager."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from jupyter_core.utils import run_sync

    write_kernelspec(folder / "kernels")
    specs = KernelSpecManager(kernel_dirs=[str(folder / "kernels")], ensure_native_kernel=False)
    connection = folder / "c.json"
    manager = AsyncKernelManager(
        kernel_name=KERNEL_NAME,
        kernel_spec_manager=specs,
        connection_file=str(connection),
        # Sockets in a private folder: no port that others on the machine could reach, and no warning of one.
        transport="ipc" if _sockets_fit(connection) else "tcp",
    )
    run_sync(manager.start_kernel)(
        extra_arguments=["--HistoryManager.hist_file=:memory:"],
        cwd=str(cwd),
        env=kernel_environment(folder, environment),
    )
    return manager


def import_in_kernel(manager, module: str) -> None:
    """Let a kernel import a module, and come back when it has.

    The client is gone before the next one comes: clients of one manager share their identity, and of two at
    the same time one never gets its answers.

    Raises
    ------
    RuntimeError
        Where the kernel ends before its first answer, or does not answer.
    """
    from jupyter_core.utils import run_sync

    client = manager.client()
    client.start_channels()
    try:
        run_sync(client.wait_for_ready)(timeout=START_SECONDS)
        run_sync(client.execute_interactive)(
            f"__import__({module!r})",
            silent=True,
            store_history=False,
            allow_stdin=False,
            output_hook=lambda message: None,
            timeout=START_SECONDS,
        )
    except TimeoutError as error:
        raise RuntimeError(f"kernel did not finish importing {module}") from error
    finally:
        client.stop_channels()


def _sockets_fit(connection: Path) -> bool:
    return os.name == "posix" and len(os.fsencode(connection)) <= LONGEST_SOCKET


def socket_folder() -> AbstractContextManager[Path]:
    """A short private folder for kernels' sockets; the report's own folder may lie too deep for them."""
    short = tempfile.gettempdir()
    if os.name == "posix" and len(os.fsencode(short)) > LONGEST_SOCKET - 30:
        short = "/tmp"
    return scratch_folder(Path(short))


def kernel_process_id(manager) -> int | None:
    """Process id of a running kernel."""
    return getattr(manager.provisioner, "pid", None)


def stop_kernel(manager, folder: Path) -> None:
    """Kill a kernel, alive or not, with everything it started, and remove its files."""
    from jupyter_core.utils import run_sync

    try:
        if manager.has_kernel:
            run_sync(manager.shutdown_kernel)(now=True)
        else:
            manager.cleanup_resources()
    finally:
        end_family(folder, kernel_process_id(manager))


def end_family(folder: Path, kernel: int | None = None) -> None:
    """Kill what a kernel with its files in ``folder`` left behind.

    The kernel leads a process group. Who left the group is found by the environment that was handed down, where
    the system shows that (Linux).
    """
    if kernel is not None and hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(kernel, signal.SIGKILL)
    for _ in range(ROUNDS):
        strays = _heirs(f"JUPYTER_RUNTIME_DIR={folder / 'runtime'}".encode())
        for process in strays:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        if not strays:
            return


def _heirs(variable: bytes) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if variable in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found
