"""Folders of a report: work in private, publish by one rename, never replace what is published.

DIR/index.html   DIR/NAME/RUN_ID/   DIR/NAME/latest -> RUN_ID   DIR/NAME/failed/RUN_ID/   DIR/NAME/scores/AS_OF/
DIR/NAME/lots/LIST-DATE.csv
"""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import re
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from analysis.errors import ReportLocked, UsageError, is_full_disk, shortened
from analysis.pipeline.store import replace
from analysis.processes import shielded
from analysis.report.progress import plain

WORK_PREFIX, SCRATCH_PREFIX = ".work-", "rlab-run-"
LOCK, HOLDER, ALIVE = ".lock", ".holder", ".alive"
FAILED, LATEST, LOTS = "failed", "latest", "lots"
INDEX, PAGES, PDF, SUMMARY = "index.html", "pages", "report.pdf", "summary.txt"
MANIFEST, RESULTS, MODEL, CONFIGURATION = "manifest.json", "results.json", "model.json", "config.yml"
PUBLISHED = (INDEX, RESULTS)
"""Files without which a published folder is none."""
RUN_FOLDER = re.compile(r"[0-9a-f]{12}(-\d+)?")
SWEEP_AFTER_SECONDS = 60
LONGEST_PATH = 200
TRIES = 5


@contextmanager
def report_folder(report: Path) -> Iterator[Path]:
    """The folder of a report; what this made on the way and stayed empty is gone afterwards.

    Raises
    ------
    UsageError
        Where it cannot be made or written in.
    """
    report = report.absolute()
    made = [folder for folder in (report, *report.parents) if not folder.exists()]
    try:
        with told_as_usage(report):
            report.mkdir(parents=True, exist_ok=True)
        yield report
    finally:
        with shielded():
            for folder in made:
                with suppress(OSError):
                    folder.rmdir()


@contextmanager
def work_folder(report: Path) -> Iterator[Path]:
    """A private folder below ``report``, on the same disk, that is gone afterwards whatever happens.

    What a killed run left is removed.
    """
    with report_folder(report) as report, _private_folder(report, report, WORK_PREFIX) as folder:
        yield folder


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """A private folder for files that nobody keeps: in ``parent``, or where temporary files go."""
    named = parent or Path("for temporary files (TMPDIR)")
    with told_as_usage(named):
        parent = parent or Path(tempfile.gettempdir())
    with _private_folder(parent, named, SCRATCH_PREFIX) as folder:
        yield folder


@contextmanager
def _private_folder(parent: Path, named: Path, prefix: str) -> Iterator[Path]:
    with told_as_usage(named):
        _sweep(parent, prefix)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        alive = FileLock(folder / ALIVE)
        alive.acquire()
    try:
        yield folder
    finally:
        with shielded():
            alive.release()
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path, prefix: str) -> None:
    """Remove private folders of ours whose owner is no more: nobody holds the lock in them."""
    for folder in parent.glob(f"{prefix}*"):
        with suppress(OSError, Timeout):
            state = folder.lstat()  # in a folder for everyone's temporary files a link could lead anywhere
            is_ours = not hasattr(os, "getuid") or state.st_uid == os.getuid()
            if is_ours and stat.S_ISDIR(state.st_mode) and time.time() - state.st_mtime > SWEEP_AFTER_SECONDS:
                with FileLock(folder / ALIVE, timeout=0):
                    shutil.rmtree(folder, ignore_errors=True)


def refuse_unwritable(folder: Path) -> None:
    """Raise UsageError where a folder cannot be made or written in; makes nothing."""
    with told_as_usage(folder):
        there = next(one for one in (folder, *folder.parents) if one.exists())
        if not there.is_dir():
            raise UsageError(f"output folder {there}: is a file; name a folder")
        if not os.access(there, os.W_OK | os.X_OK):
            raise UsageError(f"output folder {there}: nothing can be written there; name another one")


@contextmanager
def told_as_usage(folder: Path) -> Iterator[None]:
    """Turns an operating system's complaint about an output folder into a UsageError; not that of a full disk."""
    try:
        yield
    except OSError as error:
        if is_full_disk(error):
            raise
        where = shortened(str(folder), LONGEST_PATH)
        raise UsageError(f"output folder {where}: cannot be made or written ({error.strerror})") from error


@contextmanager
def report_lock(report: Path) -> Iterator[None]:
    """The only run of a report; the system releases the lock when its process ends, however it ends.

    Raises
    ------
    ReportLocked
        Where another run holds it; at once, without waiting.
    """
    with told_as_usage(report):
        lock = _acquired(report)
    try:
        since = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        said = f"process {os.getpid()} on {socket.gethostname()}, since {since}"
        replace(report / HOLDER, lambda unfinished: unfinished.write_text(said, "utf-8"))
        if (report / LATEST).exists() and not (report / LATEST).is_symlink():
            raise UsageError(f"{report / LATEST} is no link, as after a copy that followed links; remove or rename it")
        yield
    finally:
        with shielded():
            (report / HOLDER).unlink(missing_ok=True)
            # Under the lock; who opened the file in between finds it without a name and begins anew.
            with suppress(OSError):
                if [path.name for path in report.iterdir()] == [LOCK]:
                    (report / LOCK).unlink()
            lock.release()


def _acquired(report: Path, tries: int = TRIES) -> FileLock:
    lock = FileLock(report / LOCK, timeout=0)
    try:
        report.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        holder = ""
        with suppress(OSError, UnicodeDecodeError):
            holder = f" ({plain((report / HOLDER).read_text(encoding='utf-8'))[:LONGEST_PATH]})"
        raise ReportLocked(
            f"report {report.name}: another run{holder} is making it and holds the lock {report / LOCK}; "
            "wait for its end, or give this run another name or --out"
        ) from None
    except FileNotFoundError:
        if tries == 1:  # else a run that had nothing to leave took its folder away in between
            raise
        return _acquired(report, tries - 1)
    return lock


def published(report: Path, run_id: str) -> Path | None:
    """The folder of a run that was published before, or None."""
    folder = report / run_id
    return folder if (folder / MANIFEST).is_file() else None


def damage_of(folder: Path) -> str | None:
    """What is wrong with a published folder, as far as a look tells; None for nothing."""
    if manifest_of(folder) is None:
        return f"{MANIFEST} cannot be read"
    empty = [name for name in PUBLISHED if not (folder / name).is_file() or not (folder / name).stat().st_size]
    return f"{empty[0]} is missing or empty" if empty else None


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """The manifest of a run; None where there is none that can be read."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def free_run_id(report: Path, run_id: str) -> str:
    """``run_id``, or with ``-2``, ``-3`` and so on where that is taken."""
    candidate, number = run_id, 1
    while os.path.lexists(report / candidate):
        number += 1
        candidate = f"{run_id}-{number}"
    return candidate


def set_latest(report: Path, run_id: str) -> None:
    """Let ``latest`` point to a run, by one atomic replacement of a relative link."""
    link = report / LATEST
    if not (link.is_symlink() and str(link.readlink()) == run_id):
        replace(link, lambda unfinished: unfinished.symlink_to(run_id, target_is_directory=True))


def latest_run(report: Path) -> str | None:
    """Name of the run that ``latest`` points to, where it is there."""
    link = report / LATEST
    name = str(link.readlink()) if link.is_symlink() else ""
    return name if RUN_FOLDER.fullmatch(name) and published(report, name) else None


def keep_for_good(path: Path, text: str) -> None:
    """Write a file of the owner's alone, in a folder of the owner's alone; never over one that is there.

    Raises
    ------
    FileExistsError
        Where there is one.
    """
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=WORK_PREFIX, encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        path.hardlink_to(file.name)


def replace_folder(new: Path, target: Path) -> Path:
    """Put a folder in the place of another; only for what is no published run (failures, scores)."""
    target.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with tempfile.TemporaryDirectory(prefix=WORK_PREFIX, dir=target.parent) as aside:
            with suppress(FileNotFoundError):
                target.rename(Path(aside) / "old")
            try:
                new.rename(target)
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
                continue  # another run put its own there in between
        return target
