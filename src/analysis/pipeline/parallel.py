"""Steps side by side: worker processes compute them into the same store.

A step is begun as soon as its inputs are in the store, the one with the longest way to the end first. The
results are those of one process, since a step is made from stored results in either case. What a worker that died was
to compute, another computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from typing import Any

from analysis.pipeline.step import STEPS, all_steps
from analysis.pipeline.study import Study, refuses
from analysis.processes import Pool, pool

POLL_SECONDS = 0.5


def side_by_side(study: Study, workers: Pool, watch: Callable[[], Any]) -> Iterator[str]:
    """Body of ``Study.compute`` with workers."""
    refused: dict[str, bool] = {}
    try:
        yield from _with_workers(study, workers, watch, refused)
    except BrokenProcessPool:
        study.incidents.append("a worker process ended; another does its work")
        with pool(1) as another:
            yield from _with_workers(study, another, watch, refused)
    for name in (name for name, is_refused in refused.items() if is_refused):
        study.result(name)


@cache
def planned() -> dict[str, frozenset[str]]:
    """Every stored step -> those that it is made from; the one with the longest way to the end first."""
    stored = [name for name, step in all_steps().items() if step.stored]
    return {name: rests_on(name) for name in sorted(stored, key=way, reverse=True)}


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


def _with_workers(study: Study, workers: Pool, watch: Callable[[], Any], refused: dict[str, bool]) -> Iterator[str]:
    """Each step when it is done, also into ``refused``: whether it refused."""
    known = workers.submit(planned).result()  # there the claims, which are steps too, were imported
    study.planned = len(known)
    running: dict[Future, str] = {}
    while True:
        begun = {*refused, *running.values()}
        ready = [name for name in known if name not in begun and known[name] <= refused.keys()]
        for name in ready[: workers.size - len(running)]:
            running[workers.submit(_compute, study, name)] = name
        if not running:
            return
        watch()
        for future in wait(running, POLL_SECONDS, FIRST_COMPLETED).done:
            seconds, is_refused = future.result()
            name = running.pop(future)
            study.seconds |= {} if seconds is None else {name: seconds}
            refused[name] = is_refused
            yield name


def _compute(study: Study, name: str) -> tuple[float | None, bool]:
    """In a worker: the result goes into the store; how long it took [s], and whether the step refused."""
    is_refused = not study.is_kept(name) and refuses(name, study.outcome(name))
    return study.seconds.get(name), is_refused
