"""A report for each part of the data, side by side in processes; one that fails does not stop the others."""

from __future__ import annotations

import datetime as dt
import difflib
import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from analysis.config import Config
from analysis.errors import BatchFailed, RetentionLabError, UsageError
from analysis.processes import end, end_with_parent, process_context
from analysis.reporting import publish
from analysis.reporting.crew import warm_up
from analysis.reporting.interruption import Deadline, Interruption, check, heed_signals, pending, shielded
from analysis.reporting.paper import chromium
from analysis.reporting.progress import Progress
from analysis.reporting.runner import run_report

MOST_PARTS = 50
LONGEST_PART = 40
LONGEST_NAME = 100
POLL_SECONDS = 0.5
PATIENCE_SECONDS = 20.0
NOT_ANSWERED = 4


@dataclass(frozen=True)
class Member:
    """One report of a batch.

    Attributes
    ----------
    part
        Value of the column to split by.
    config
        Its configuration: the batch's own, with that part and a name of its own.
    """

    part: str
    config: Config


@dataclass(frozen=True)
class Ending:
    """How a report of a batch ended: its folder, or why there is none with the exit code."""

    folder: Path | None
    messages: tuple[str, ...] = ()
    exit_code: int = 0


def run_batch(
    config: Config,
    *,
    as_of: dt.date | None = None,
    out: Path = Path("reports"),
    jobs: int | None = None,
    force: bool = False,
    dry_run: bool = False,
    pdf: bool = False,
    progress: Progress | None = None,
    notebooks: Path | None = None,
    make: Callable[..., Path] = run_report,
) -> list[Path]:
    """Make the reports of a batch; parameters are those of ``run_report``, and ``make`` makes one of them.

    Returns
    -------
    list of Path
        A folder for each report, in the order of the parts.

    Raises
    ------
    InputRefused
        Where the data cannot be split; nothing is made.
    BatchFailed
        Once all have ended, where some of them failed; with the highest of their exit codes.
    """
    if pdf:
        chromium()  # refused once, before the data are read
    progress, deadline = progress or Progress(), Deadline(config.deadline_minutes)
    members = members_of(config, progress)
    options = {"as_of": as_of, "out": Path(out).absolute(), "jobs": jobs, "force": force, "notebooks": notebooks}
    options["pdf"] = pdf
    if dry_run:
        return [_told(member, progress, {**options, "dry_run": True}) for member in members]
    endings = _Batch(members, {**options, "deadline": deadline}, make, progress).carried_out()
    endings = {member.part: endings[member.part] for member in members}  # not in the order in which they ended
    failed = {part: ending for part, ending in endings.items() if ending.folder is None}
    if failed:
        told = [f"{part}: {message}" for part, ending in failed.items() for message in ending.messages]
        made = f"batch: {len(endings) - len(failed)} of {len(endings)} reports were made"
        folders = [ending.folder for ending in endings.values() if ending.folder is not None]
        raise BatchFailed([*told, made], max(ending.exit_code for ending in failed.values()), folders)
    return [endings[member.part].folder for member in members]


def members_of(config: Config, progress: Progress | None = None) -> list[Member]:
    """The reports of a batch; says what is in none of them.

    Raises
    ------
    UsageError
        Where there are too many parts, none, parts that the data do not have, or two with the same folder.
    InputRefused
        Where the data cannot be read.
    """
    from analysis.data.parts import rows_by_part

    batch = config.batch
    columns = config.data.columns.model_copy(update={"split": batch.split_by})
    whole = config.model_copy(update={"batch": None, "data": config.data.model_copy(update={"columns": columns})})
    with publish.scratch_folder() as folder:
        rows = dict(rows_by_part(whole, folder))
    missing = rows.pop("", 0)
    parts = list(dict.fromkeys(batch.values or rows))
    _refuse_parts(batch.split_by, parts, rows, is_listed=batch.values is not None)
    names = {part: f"{config.name}-{safe_name(part, len(config.name))}" for part in parts}
    _refuse_collisions(names)
    for line in _left_out(batch.split_by, missing, {part: rows[part] for part in rows if part not in parts}):
        (progress or Progress()).say(line)
    data = {part: whole.data.model_copy(update={"part": part}) for part in parts}
    return [Member(part, whole.model_copy(update={"name": names[part], "data": data[part]})) for part in parts]


def safe_name(part: str, taken: int = 0) -> str:
    """A part as the end of a folder's name; one that has no usable character, or is long, gets some of its hash.

    >>> safe_name("België / Wallonië"), safe_name("../.."), safe_name("NL")
    ('Belgie-Wallonie', 'part-0cfd1c96', 'NL')
    """
    plain = unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip(".-")
    longest = min(LONGEST_PART, LONGEST_NAME - 1 - taken)
    digits = hashlib.sha256(part.encode()).hexdigest()[:8]
    if not name:
        return f"part-{digits}"
    return name if len(name) <= longest else f"{name[: max(0, longest - 9)]}-{digits}"


def _refuse_parts(column: str, parts: list[str], rows: Mapping[str, int], *, is_listed: bool) -> None:
    unknown = [part for part in parts if part not in rows]
    problems = [f"batch: no row has {column} == {part!r}{_nearest(part, rows)}" for part in unknown]
    if not parts:
        problems.append(f"batch: the column {column!r} is empty in every row")
    if not is_listed and len(parts) > MOST_PARTS:
        shown = ", ".join(map(repr, parts[:5]))
        problems.append(
            f"batch: the column {column!r} has {len(parts):,} values ({shown}, …), more than {MOST_PARTS}; "
            "list those wanted under batch.values"
        )
    if problems:
        raise UsageError(*problems)


def _nearest(part: str, rows: Mapping[str, int]) -> str:
    by_capitals = {known.casefold(): known for known in rows}
    near = difflib.get_close_matches(part.casefold(), by_capitals, n=1)
    if near:
        return f"; did you mean {by_capitals[near[0]]!r}?"
    shown = ", ".join(repr(known) for known in list(rows)[:5])
    return f"; found are {shown}{', …' if len(rows) > 5 else ''}" if rows else ""


def _refuse_collisions(names: Mapping[str, str]) -> None:
    alike: dict[str, list[str]] = {}
    for part, name in names.items():
        alike.setdefault(name.casefold(), []).append(part)
    problems = [
        f"batch: {' and '.join(map(repr, parts))} would share the folder {names[parts[0]]}; rename one in the data"
        for parts in alike.values()
        if len(parts) > 1
    ]
    if problems:
        raise UsageError(*problems)


def _left_out(column: str, missing: int, others: Mapping[str, int]) -> list[str]:
    lines = []
    if missing:
        lines.append(f"batch: {missing:,} rows have no {column} and are in no report")
    if others:
        shown = ", ".join(repr(part) for part in list(others)[:5])
        lines.append(
            f"batch: {sum(others.values()):,} rows of {len(others)} other values of {column} are in no report: "
            f"{shown}{', …' if len(others) > 5 else ''}"
        )
    return lines


class _Relayed(Progress):
    """Progress of one report among others: every line begins with its part."""

    def __init__(self, part: str, tell: Callable[[str], None]):
        self._part, self._tell = part, tell

    def stage(self, name: str) -> None:
        self.say(name)

    def say(self, message: str) -> None:
        self._tell(f"{self._part}: {message}")


def _told(member: Member, progress: Progress, options: Mapping[str, Any]) -> Path:
    return run_report(member.config, progress=_Relayed(member.part, progress.say), **options)


@dataclass
class _Running:
    member: Member
    process: BaseProcess
    connection: Connection


class _Batch:
    """The parent's side: starts as many as there are processors, relays what they say, leaves nobody behind."""

    def __init__(
        self, members: list[Member], options: Mapping[str, Any], make: Callable[..., Path], progress: Progress
    ):
        self.members, self.options, self.make, self.progress = members, options, make, progress
        self.waiting, self.running = list(members), []
        self.endings: dict[str, Ending] = {}
        self.size = max(1, os.cpu_count() or 1)

    def carried_out(self) -> dict[str, Ending]:
        """Part -> how its report ended."""
        warm_up()
        self.progress.stage(f"batch of {len(self.members)} reports")
        try:
            while self.waiting or self.running:
                while self.waiting and len(self.running) < self.size:
                    self._start(self.waiting.pop(0))
                readable = wait([one.connection for one in self.running], POLL_SECONDS)
                for one in [one for one in self.running if one.connection in readable]:
                    self._hear(one)
                check()
        finally:
            with shielded():
                self._stop()
        return self.endings

    def _start(self, member: Member) -> None:
        context = process_context()
        ours, theirs = context.Pipe(duplex=False)
        beside = min(self.size, len(self.members))
        options = {**self.options, "processes": max(1, self.size // beside)}
        arguments = (member, options, self.make, theirs)
        process = context.Process(target=_make, args=arguments, name=member.config.name)
        self.running.append(_Running(member, process, ours))
        with shielded():
            process.start()
        theirs.close()

    def _hear(self, one: _Running) -> None:
        try:
            heard = one.connection.recv()
        except (EOFError, ConnectionResetError):
            one.process.join()
            message = f"its process ended without an answer (exit code {one.process.exitcode})"
            heard = Ending(None, (message,), NOT_ANSWERED)
        if not isinstance(heard, Ending):
            self.progress.say(heard)
            return
        one.process.join(PATIENCE_SECONDS)
        self.running.remove(one)
        self.endings[one.member.part] = heard
        self.progress.step(one.member.config.name, len(self.endings), len(self.members))

    def _stop(self) -> None:
        end((one.process for one in self.running), PATIENCE_SECONDS)
        self.running.clear()


def _make(member: Member, options: Mapping[str, Any], make: Callable[..., Path], connection: Connection) -> None:
    """Body of a report's process."""
    heed_signals()
    end_with_parent()
    try:
        folder = make(member.config, progress=_Relayed(member.part, connection.send), **options)
        ending = Ending(folder)
    except RetentionLabError as error:
        ending = Ending(None, tuple(str(error).splitlines()), error.exit_code)
    except Exception:
        if pending() is None:
            raise
        # Some library made an error of its own of the interruption.
        ending = Ending(None, ("interrupted",), getattr(pending(), "exit_code", 130))
    except Interruption as interruption:
        ending = Ending(None, ("interrupted",), interruption.exit_code)
    with suppress(BrokenPipeError):
        connection.send(ending)
