"""How far a run is: named stages; a bar on a terminal, plain lines elsewhere. Always on standard error."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

LOG_FORMATS = ("plain", "json")
TERMINAL_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?)")
CONTROL = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " ")


def plain(text: object) -> str:
    r"""One line of text without control characters, whatever it was made from.

    >>> plain("a\x1b[31mb\nc")
    'ab c'
    """
    return TERMINAL_ESCAPE.sub("", str(text)).translate(CONTROL).rstrip()


class Progress:
    """Progress that nobody sees; the base of the others."""

    def stage(self, name: str) -> None:
        """A named stage begins."""
        self.tell("stage", name=name)

    def step(self, name: str, done: int, total: int) -> None:
        """Within the stage, ``done`` of ``total`` parts are there, ``name`` the last."""
        self.tell("step", name=name, done=done, total=total)

    def say(self, message: str) -> None:
        """Something worth knowing."""
        self.tell("message", message=message)

    def tell(self, event: str, **fields: object) -> None:
        """What happened, of any kind; texts may hold control characters."""


class Log(Progress):
    """Lines with the seconds since the start: plain ones, or JSON objects with ``time`` (UTC), ``event`` and its fields
    for programs that collect logs.
    """

    def __init__(self, stream: TextIO, *, as_json: bool = False, began: float | None = None):
        self._stream, self._as_json = stream, as_json
        self._began = time.monotonic() if began is None else began

    def tell(self, event: str, **fields: object) -> None:
        seconds = time.monotonic() - self._began
        if self._as_json:
            now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
            told = {name: plain(value) if isinstance(value, str) else value for name, value in fields.items()}
            line = json.dumps({"time": now, "seconds": round(seconds, 3), "event": event, **told}, ensure_ascii=False)
        else:
            form = {"stage": "{name}", "step": "  {done}/{total} {name}", "message": "{message}"}[event]
            line = f"{seconds:6.1f} s  {plain(form.format(**fields))}"
        self._stream.write(f"{line}\n")
        self._stream.flush()


class Bar(Progress):
    """A progress bar on a terminal."""

    def __init__(self, bar):
        self._bar = bar
        self._task = bar.add_task("", total=None, part="")

    def stage(self, name: str) -> None:
        self._bar.reset(self._task, total=None, description=plain(name), part="")

    def step(self, name: str, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total, part=plain(name))

    def say(self, message: str) -> None:
        self._bar.console.print(plain(message), markup=False, highlight=False)


class OfPart(Progress):
    """Progress of one report of a batch: every line begins with its part."""

    def __init__(self, part: str, whole: Progress):
        self._part, self._whole = part, whole

    def stage(self, name: str) -> None:
        self.say(name)

    def say(self, message: str) -> None:
        self._whole.say(f"{self._part}: {message}")


@contextmanager
def shown(log_format: str | None = None, stream: TextIO | None = None) -> Iterator[Progress]:
    """Progress on standard error: in a format of ``LOG_FORMATS``, or None for a bar on a terminal and else lines."""
    stream = stream or sys.stderr
    if log_format or not stream.isatty():
        yield Log(stream, as_json=log_format == "json")
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[part]}", markup=False),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=Console(file=stream), transient=True) as bar:
        yield Bar(bar)
