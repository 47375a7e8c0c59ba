"""Computed results on disk, one file each; several processes may read and write at once."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from analysis.errors import UsageError, full_disk_named

MISSING = object()
MOST_BYTES = 500_000_000
LONGEST_UNUSED, LIVE = 30 * 86_400, 86_400
"""Seconds after which what nobody used is removed, and before which nothing is: a run may still need it."""
RUN, UNFINISHED = ".run", ".unfinished-"


class Store:
    """A folder of results, of its owner alone.

    Parameters
    ----------
    folder
        Made when it is first written to. One that belongs to someone else, or that others may write into, is refused.
    """

    def __init__(self, folder: Path):
        # Without "..", which no file of a result may have in its name; a link in its own place stays one.
        self.folder = Path(folder).parent.resolve() / Path(folder).name
        self._is_checked = self._is_pruned = False

    def read(self, step: str, key: str) -> Any:
        """The stored result, or ``MISSING`` where it is not there as it was written."""
        from analysis.pipeline.codec import Damaged, unpacked

        self._check()
        path = self.file(step, key)
        try:
            result = unpacked(path.read_bytes(), self.folder)
        except (FileNotFoundError, Damaged):
            return MISSING
        for used in (path, *self.folder.glob(f"{step}-{key}-*")):
            with suppress(OSError):
                os.utime(used)
        return result

    def write(self, step: str, key: str, result: Any, record: Mapping[str, Any]) -> None:
        """Keep a result, or an error of ours, and how it came about; readers see all of it or nothing."""
        from analysis.pipeline.codec import packed

        self.make()
        with full_disk_named():
            content = packed(result, record, self.folder)
            replace(self.file(step, key), lambda unfinished: unfinished.write_bytes(content))
        if not self._is_pruned:
            self._is_pruned = True
            self.prune()

    def record(self, step: str, key: str) -> dict[str, Any]:
        """How a stored result came about; empty where there is none."""
        return _record_in(self.file(step, key))

    def latest(self, step: str, but: str = "") -> dict[str, Any]:
        """The record of the result of a step that was used last, leaving out that with the key ``but``."""
        found = [path for path in self.folder.glob(f"{step}-*.zip") if path != self.file(step, but)]
        return _record_in(max(found, key=lambda path: path.stat().st_mtime)) if found else {}

    def new_workdir(self, step: str, key: str) -> Path:
        """A folder for files that a result points to; of its own, since others may be computing the same."""
        self.make()
        return Path(tempfile.mkdtemp(dir=self.folder, prefix=f"{step}-{key}-"))

    def begin_run(self) -> None:
        """From now on a database is asked once: its answer is taken as the same until the next run begins."""
        self.make()
        replace(self.folder / RUN, lambda unfinished: unfinished.write_text(secrets.token_hex(16), "ascii"))

    @property
    def run(self) -> str | None:
        """What tells this run from others; None where none was begun."""
        with suppress(OSError):
            return (self.folder / RUN).read_text(encoding="ascii")
        return None

    def make(self) -> None:
        """Make the folder if it is not there."""
        with full_disk_named():
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._check()

    def prune(self) -> None:
        """Remove what was not used for a month and, down to ``MOST_BYTES``, what was used longest ago."""
        now, room = time.time(), MOST_BYTES
        states = []
        for path in (*self.folder.glob("[!.]*"), *self.folder.glob(f"{UNFINISHED}*")):
            with suppress(OSError):  # another process removed it
                states.append((path.lstat().st_mtime, path, _size(path)))
        for used, path, size in sorted(states, reverse=True):
            room -= size
            if now - used > LONGEST_UNUSED or (now - used > LIVE and (room < 0 or path.name.startswith(UNFINISHED))):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def file(self, step: str, key: str) -> Path:
        """Where a result is kept."""
        return self.folder / f"{step}-{key}.zip"

    def _check(self) -> None:
        if self._is_checked or not hasattr(os, "getuid") or not os.path.lexists(self.folder):
            return
        state = self.folder.lstat()
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid():
            raise UsageError(f"store {self.folder}: is no folder of your own; name another")
        if state.st_mode & 0o022:
            mode = oct(state.st_mode & 0o777)[2:]
            raise UsageError(f"store {self.folder}: others may write into it (mode {mode}); remove it, or name another")
        if state.st_mode & 0o077:
            self.folder.chmod(0o700)
        self._is_checked = True


def replace(path: Path, write: Callable[[Path], Any]) -> None:
    """Make or replace a file or link in one step; ``write`` is given the name under which it comes about."""
    unfinished = path.with_name(UNFINISHED + secrets.token_hex(6))
    try:
        write(unfinished)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*")) if path.is_dir() else path.stat().st_size


def _record_in(path: Path) -> dict[str, Any]:
    """The record alone; empty where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("record.json"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return {}
