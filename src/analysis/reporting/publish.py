"""Folders of a report: work in private, publish by one rename, never replace what is published.

DIR/index.html   DIR/NAME/RUN_ID/   DIR/NAME/latest -> RUN_ID   DIR/NAME/failed/RUN_ID/
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from analysis.errors import UsageError, is_full_disk
from analysis.reporting.interruption import shielded

try:
    import fcntl
except ImportError:  # Windows: leftovers of a killed run stay until someone removes them
    fcntl = None

WORK_PREFIX = ".work-"
SCRATCH_PREFIX = "rlab-run-"
LONGEST_PATH = 200
ALIVE = ".alive"
RUN_FOLDER = re.compile(r"[0-9a-f]{12}(-\d+)?")
SWEEP_AFTER_SECONDS = 60
PUBLISHED = ("index.html", "results.json")
"""Files without which a published folder is none."""
MANIFEST = "manifest.json"
FAILED = "failed"


@contextmanager
def report_folder(report: Path) -> Iterator[Path]:
    """The folder of a report; what this made on the way and stayed empty is gone afterwards.

    Raises
    ------
    UsageError
        Where it cannot be made or written in.
    """
    report = report.absolute()
    refuse_unwritable(report)
    made = [folder for folder in (report, *report.parents) if not folder.exists()]
    try:
        with told_as_usage(report):
            report.mkdir(parents=True, exist_ok=True)
        yield report
    finally:
        with shielded():
            for parent in made:
                with suppress(OSError):
                    parent.rmdir()


@contextmanager
def work_folder(report: Path) -> Iterator[Path]:
    """A private folder below ``report``, on the same disk, that is gone afterwards whatever happens.

    Folders on the way that this made and that stayed empty go too. What a killed run left is removed.

    Raises
    ------
    UsageError
        Where ``report`` cannot be made or written in.
    """
    with report_folder(report) as report, ExitStack() as stack:
        with told_as_usage(report):
            folder = stack.enter_context(_private_folder(report, WORK_PREFIX))
        yield folder


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """As ``work_folder``, for files that nobody keeps: in ``parent``, or where temporary files go.

    Raises
    ------
    UsageError
        Where no temporary folder can be written in.
    """
    with ExitStack() as stack:
        with told_as_usage(parent or Path("for temporary files (TMPDIR)")):
            parent = parent or Path(tempfile.gettempdir())
            folder = stack.enter_context(_private_folder(parent, SCRATCH_PREFIX))
        yield folder


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
        shown = str(folder) if len(str(folder)) <= LONGEST_PATH else f"{str(folder)[:LONGEST_PATH]}…"
        raise UsageError(f"output folder {shown}: cannot be made or written ({error.strerror})") from error


@contextmanager
def _private_folder(parent: Path, prefix: str) -> Iterator[Path]:
    _sweep(parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        with (folder / ALIVE).open("w") as alive:
            if fcntl:
                fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield folder
    finally:
        with shielded():
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path, prefix: str) -> None:
    """Remove private folders of ours whose owner is no more: nobody holds the lock in them."""
    for folder in parent.glob(f"{prefix}*"):
        with suppress(OSError):
            if fcntl and _is_ours(folder) and not _is_alive(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    # In a folder for everyone's temporary files a link could lead anywhere.
    state = folder.lstat()
    is_old = time.time() - state.st_mtime > SWEEP_AFTER_SECONDS
    return is_old and stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid()


def _is_alive(folder: Path) -> bool:
    try:
        with (folder / ALIVE).open("r+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


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


def free_run_id(report: Path, run_id: str) -> str:
    """``run_id``, or with ``-2``, ``-3`` and so on where that is taken."""
    candidate, number = run_id, 1
    while os.path.lexists(report / candidate):
        number += 1
        candidate = f"{run_id}-{number}"
    return candidate


def publish(finished: Path, report: Path, run_id: str) -> bool:
    """Rename a finished folder to its published name; False where another run was faster."""
    target = report / run_id
    if os.path.lexists(target):
        return False
    try:
        finished.rename(target)
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
            return False
        raise
    return True


def set_latest(report: Path, run_id: str) -> None:
    """Let ``latest`` point to a run, by one atomic replacement of a relative link."""
    link = report / "latest"
    if link.is_symlink() and str(link.readlink()) == run_id:
        return
    temporary = report / f".latest-{secrets.token_hex(6)}"
    temporary.symlink_to(run_id, target_is_directory=True)
    try:
        temporary.replace(link)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def latest_run(report: Path) -> str | None:
    """Name of the run that ``latest`` points to, where it is there."""
    link = report / "latest"
    if not link.is_symlink():
        return None
    name = str(link.readlink())
    return name if RUN_FOLDER.fullmatch(name) and published(report, name) else None


def keep_failed(remains: Path, report: Path, run_id: str) -> Path:
    """Move what a failed run left to ``failed/RUN_ID``; an earlier failure of the same id gives way."""
    return replace_folder(remains, report / FAILED / run_id)


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


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that readers see the old or the new content."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(6)}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """The manifest of a run; None where there is none that can be read."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
