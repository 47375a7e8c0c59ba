"""The kernel of a notebook in a run: IPython's, which ends with its worker, and whatever it started ends with it.

On Linux it is forked from its worker, which has imported what notebooks need; a new interpreter takes two seconds to.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from typing import Any

from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from analysis.processes import end_with
from analysis.report.notebooks import FORKED

KernelProvisionerFactory.provisioners[FORKED] = EntryPoint(FORKED, f"{__name__}:ForkedProvisioner", "")


class ForkedProvisioner(LocalProvisioner):
    """jupyter_client's provisioner of kernels on this machine, with a fork in place of a new interpreter."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Launch a kernel with the arguments that follow its module in ``cmd``."""
        if sys.warnoptions or sys.flags.optimize or sys.flags.hash_randomization:  # of the program that asked
            return await super().launch_kernel(cmd, **kwargs)
        given = cmd[cmd.index(__name__) + 1 :], kwargs["env"], os.getpid()
        self.process = _Forked(multiprocessing.get_context("fork").Process(target=_fork, args=given))
        self.pid = self.pgid = self.process.pid
        return self.connection_info


class _Forked:
    """A process of ``multiprocessing`` with the names of ``subprocess``, which the provisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, process: Any):
        process.start()
        self.pid, self.kill, self.terminate = process.pid, process.kill, process.terminate
        self._process = process

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


def _fork(arguments: list[str], environment: Mapping[str, str], worker: int) -> None:
    """Leave behind what a fork takes with it and a new interpreter would not have, and be the kernel."""
    import matplotlib as mpl
    import numpy as np
    from threadpoolctl import threadpool_limits

    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    asyncio.set_event_loop(asyncio.new_event_loop())
    mpl.rcParams["backend"] = environment["MPLBACKEND"]
    threadpool_limits(limits=1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # or processes that a notebook forks would end as a worker does
    KernelProvisionerFactory.clear_instance()  # of a kernel no other is forked
    multiprocessing.set_start_method(None, force=True)  # a notebook may choose
    np.random.seed()  # noqa: NPY002 (a notebook may draw from it)
    run(arguments, worker)


def run(arguments: list[str], worker: int) -> None:
    """Be the kernel, to the end; ``worker`` is the process that asked for it, which may have ended by now."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # what a notebook starts can be ended as anywhere
    end_with(lambda: os.getppid() == worker)

    from ipykernel.kernelapp import launch_new_instance

    # No watch of its own over the parent, which would leave before it had ended its children.
    launch_new_instance([*arguments, "--IPKernelApp.parent_handle=1"])


if __name__ == "__main__":
    run(sys.argv[1:], int(os.environ["JPY_PARENT_PID"]) if os.name == "posix" else os.getppid())
