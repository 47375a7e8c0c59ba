"""Steps of a study side by side: processes of their own compute them into the same store.

A step is given to a hand as soon as the results that it is made from are there, the one with the longest way still
after it first. The results are those of one process, since a step is made from stored results in either case.
Whatever happens to a hand, its step is computed by the process that asked, which then meets the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from analysis.processes import end, end_with_parent, leave_ctrl_c_to_parent, process_context
from analysis.study.steps import STEPS

if TYPE_CHECKING:
    from analysis.study.study import Study

READY = ""
IMPORTED_EARLY = ("analysis.claims", "analysis.models", "analysis.strategies.choice", "analysis.value.what_if")
"""What steps import; a hand does it while nobody waits for it yet."""
POLL_SECONDS = 0.5


def side_by_side(study: Study, processes: int) -> Iterator[str]:
    """Compute every step, naming each when it is done; until a hand is ready, this process does the work itself.

    Raises
    ------
    RetentionLabError
        As the step does that refuses. The hands end with the iteration, however it ends.
    """
    done: set[str] = set()
    hands: list[_Hand] = []
    try:
        for _ in range(processes):
            hands.append(_Hand(study))
        while len(done) < len(STEPS):
            told = _done_next(study, done, hands)
            done.update(told)
            _give(due(done, [hand.step for hand in hands]), hands)
            for name in told:
                study.result(name)
                yield name
    finally:
        end(hand.process for hand in hands)


def due(done: Collection[str], under_way: Collection[str]) -> list[str]:
    """Steps whose results can be made now, the one with most steps still in line after it first.

    >>> due({"transactions"}, [])[0]
    'purchase'
    """
    left = [name for name in STEPS if name not in done and name not in under_way]
    return sorted((name for name in left if set(STEPS[name].made_from) <= set(done)), key=lambda name: -in_line(name))


@cache
def in_line(name: str) -> int:
    """Number of steps in the longest line that begins with this one."""
    after = [later for later, step in STEPS.items() if name in step.made_from]
    return 1 + max((in_line(later) for later in after), default=0)


class _Hand:
    """A process that computes one step at a time."""

    def __init__(self, study: Study):
        context = process_context()
        self.connection, theirs = context.Pipe()
        orders = (study.config, study.as_of, study.store, theirs)
        self.process = context.Process(target=lend_a_hand, args=orders, daemon=True)
        self.process.start()
        theirs.close()
        self.is_ready, self.step = False, ""

    def give(self, step: str) -> None:
        self.is_ready, self.step = False, step
        with suppress(BrokenPipeError):  # it died; hearing from it will tell
            self.connection.send(step)

    def obituary(self) -> str:
        """What is to be told of a hand that died."""
        task = f"the process that computed {self.step!r}" if self.step else "a process for computing"
        return f"{task} ended with exit code {self.process.exitcode}; its work is done by others"

    def heard(self, study: Study) -> str | None:
        """The step that it has done, if any; raises EOFError where it died."""
        name, seconds = self.connection.recv()
        self.is_ready, self.step = True, ""
        if name != READY:
            study.seconds[name] = seconds
        return name or None


def _done_next(study: Study, done: Collection[str], hands: list[_Hand]) -> list[str]:
    """Steps that hands have done; where none is ready or at work, the next one, done by this process."""
    told = _told(study, hands, 0)
    if told or any(hand.is_ready or hand.step for hand in hands):
        return told or _told(study, hands, POLL_SECONDS)
    step = due(done, [])[0]
    study.result(step)
    return [step]


def _told(study: Study, hands: list[_Hand], timeout: float) -> list[str]:
    """What hands have done meanwhile; one that died is no hand any more, and its step is anybody's."""
    speaking = wait([hand.connection for hand in hands], timeout) if hands else []
    told = []
    for hand in [hand for hand in hands if hand.connection in speaking]:
        try:
            told.append(hand.heard(study))
        except (EOFError, OSError):
            hands.remove(hand)
            end([hand.process])
            study.incidents.append(hand.obituary())
    return [name for name in told if name]


def _give(steps: Sequence[str], hands: Sequence[_Hand]) -> None:
    for hand, step in zip((hand for hand in hands if hand.is_ready), steps, strict=False):
        hand.give(step)


def lend_a_hand(config, as_of, store, connection: Connection) -> None:
    """Body of a hand: says that it is ready, and computes into the store what it is told, as long as it is told."""
    from analysis.study.study import Study

    leave_ctrl_c_to_parent()
    end_with_parent()
    for module in IMPORTED_EARLY:
        import_module(module)
    study = Study(config, as_of=as_of, store=store)
    with suppress(EOFError, BrokenPipeError):
        connection.send((READY, 0.0))
        while True:
            name = connection.recv()
            # A refusal is kept as the step's result. Any other error the asking process meets when it tries itself.
            with suppress(Exception):
                study.result(name)
            connection.send((name, study.seconds.get(name, 0.0)))
