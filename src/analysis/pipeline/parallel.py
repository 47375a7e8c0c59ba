"""Steps side by side: worker processes compute them into the same store.

A step is begun as soon as its inputs are in the store, the one with the longest way to the end first. The
results are those of one process, since a step is made from stored results in either case. What a worker that died was
to compute, the process that asked computes itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, NamedTuple

from analysis.pipeline.step import STEPS, all_steps
from analysis.pipeline.study import Study, refuses
from analysis.processes import pool

PRELOADED = (
    *("analysis.data.orders", "analysis.data.contracts", "analysis.data.tables", "analysis.data.holdout"),
    *("analysis.models.backtest", "analysis.models.covariates"),
    *("analysis.models.diagnostics", "analysis.models.spend_choice", "analysis.value.alerts"),
    *("analysis.value.contacts", "analysis.value.contracts", "analysis.value.promotions", "analysis.claims"),
    *("analysis.strategies", "analysis.strategies.experiment", "analysis.strategies.lots"),
    *("analysis.pipeline.codec", "pyarrow.parquet", "pyarrow.dataset", "threadpoolctl"),
)
"""What steps import, once for all workers."""
POLL_SECONDS = 0.5


def side_by_side(
    study: Study, processes: int, workers: ProcessPoolExecutor | None, watch: Callable[[], Any]
) -> Iterator[str]:
    """Body of ``Study.compute``; workers of its own end with the iteration, however it ends."""
    done: set[str] = set()
    known = None
    if workers is not None:
        known = yield from _with_workers(study, workers, processes, watch, done)
    elif processes > 1 and sum(not study.is_kept(name) for name in planned()) > 1:
        with pool(processes, preload=PRELOADED) as own:
            known = yield from _with_workers(study, own, processes, watch, done)
    while ready := due(done, known=known):
        with _ended_by(watch):
            found = study.outcome(ready[0])
        done.add(ready[0])
        if refuses(ready[0], found):
            raise found
        yield ready[0]


@contextmanager
def _ended_by(watch: Callable[[], Any]) -> Iterator[None]:
    """Inside, what ``watch`` raises ends a query of DuckDB too, which lets nobody interrupt it but another thread."""
    over, heard = threading.Event(), []

    def look() -> None:
        import duckdb

        from analysis.data.engine import CONNECTIONS

        while not over.wait(POLL_SECONDS):
            try:
                watch()
            except BaseException as error:
                heard.append(error)
                for connection in list(CONNECTIONS):
                    with suppress(duckdb.Error):  # one that was closed meanwhile
                        connection.interrupt()

    watch()
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        if heard:
            raise heard[0]


def due(
    done: Collection[str], under_way: Collection[str] = (), known: Mapping[str, Planned] | None = None
) -> list[str]:
    """Stored steps that can be computed now, the one with the longest way to the end first.

    >>> "orders" in due(()), "futures" in due(()), "futures" in due({"orders", "fits", "spend"})
    (True, False, True)
    """
    known = planned() if known is None else known
    left = [name for name in known if name not in done and name not in under_way]
    return sorted((name for name in left if known[name].rests_on <= set(done)), key=lambda name: -known[name].way)


class Planned(NamedTuple):
    """The stored steps that one is made from, and the cost of the longest chain of steps that begins with it."""

    rests_on: frozenset[str]
    way: float


@cache
def planned() -> dict[str, Planned]:
    """Every stored step."""
    return {name: Planned(rests_on(name), way(name)) for name, step in all_steps().items() if step.stored}


@cache
def rests_on(name: str) -> frozenset[str]:
    """Stored steps that a step is made from, through those that are not stored."""
    direct = (frozenset({one}) if STEPS[one].stored else rests_on(one) for one in STEPS[name].inputs)
    return frozenset().union(*direct)


@cache
def way(name: str) -> float:
    """Cost of the longest chain of steps that begins with this one."""
    after = (later for later, step in all_steps().items() if step.stored and name in rests_on(later))
    return STEPS[name].cost + max(map(way, after), default=0)


def _with_workers(
    study: Study, workers: ProcessPoolExecutor, processes: int, watch: Callable[[], Any], done: set[str]
) -> Generator[str, None, Mapping[str, Planned] | None]:
    known = None
    running: dict[Future, str] = {}
    refused: list[str] = []
    try:
        known = workers.submit(planned).result()  # there the claims, which are steps too, were imported
        study.planned = len(known)
        while True:
            for name in due(done, running.values(), known)[: processes - len(running)]:
                running[workers.submit(_compute, study, name)] = name
            if not running:
                break
            watch()
            for future in wait(running, POLL_SECONDS, FIRST_COMPLETED).done:
                seconds, is_refused = future.result()
                name = running.pop(future)
                study.seconds |= {} if seconds is None else {name: seconds}
                refused += [name] if is_refused else []
                done.add(name)
                yield name
    except BrokenProcessPool:
        lost = f" of {', '.join(running.values())}" if running else ""
        study.incidents.append(f"a worker process ended; its work{lost} is done by the process that asked")
    for name in refused:
        study.result(name)
    return known


def _compute(study: Study, name: str) -> tuple[float | None, bool]:
    """In a worker: the result goes into the store; how long it took [s], and whether the step refused."""
    is_refused = not study.is_kept(name) and refuses(name, study.outcome(name))
    return study.seconds.get(name), is_refused
