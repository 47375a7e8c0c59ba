"""The kernel of a notebook in a run: IPython's, which ends with its worker, and whatever it started ends with it."""

from __future__ import annotations

import os
import signal

from analysis.processes import end_with

if __name__ == "__main__":
    worker = os.getppid()
    os.environ["JPY_PARENT_PID"] = "1"  # no watch of its own, which would leave before it had ended its children
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # what a notebook starts can be ended as anywhere
    end_with(lambda: os.getppid() == worker)

    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()
