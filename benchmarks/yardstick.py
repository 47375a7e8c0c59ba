"""The yardstick: processor time of one plain lifetimes BG/NBD fit of 100,000 simulated customers, on one thread.

Machines differ, and one machine differs from hour to hour; ratios to the yardstick taken in the same run do not.
"""

from __future__ import annotations

import ctypes
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from analysis.data.simulation import simulate_customers
from analysis.models.lifetimes_fits import BetaGeoFitter

PR_SET_CHILD_SUBREAPER = 36


class Cost(NamedTuple):
    """What a command took: processor seconds of it and everything it started, and wall seconds."""

    processor: float
    wall: float
    output: str


def yardstick(times: int = 5) -> float:
    """Median processor seconds of the fit."""
    customers = simulate_customers(100_000, T=78.0, births=39.0, seed=2)
    recency, age = np.ceil(customers.recency * 7) / 7, np.ceil(customers.T * 7) / 7
    with threadpool_limits(limits=1):
        return statistics.median(
            processor_seconds(lambda: BetaGeoFitter().fit(customers.frequency, recency, age)) for _ in range(times)
        )


def processor_seconds(call: Callable[[], object]) -> float:
    """Processor seconds of this process during a call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def cost_of(command: Sequence[object], cwd: object = None) -> Cost:
    """What a command takes, with every process that it leaves or that leaves it (Linux).

    Raises
    ------
    RuntimeError
        Where it does not exit with 0.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - began
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{command}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall, done.stdout)
