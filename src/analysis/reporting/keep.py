"""Results kept between the runs of a report, by content key, so that only what changed is made again.

The keys cover everything that goes into a result, the package's source and versions among them; a result that is kept
is the one that would be computed. Results of the data themselves are not kept: data are read anew in every run.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from analysis.provenance import content_hash, dependency_versions, files_hash, package_hash
from analysis.reporting.worker import Outcome
from analysis.store import MISSING, Store

KEPT = ".store"
MOST_BYTES = 500_000_000
READ_ANEW = ("transactions-", "contracts-", "loyalty_tables-")
UNFINISHED = ".unfinished-"


class Kept:
    """The kept results of one report.

    Parameters
    ----------
    report
        Folder of the report, which the caller has locked.
    used
        Whether results are taken from it.
    fed
        Whether results are put into it.
    """

    def __init__(self, report: Path, *, used: bool = True, fed: bool = True):
        self.folder = report / KEPT
        is_safe = self._is_safe()
        self.used, self.fed = used and fed and is_safe, fed and is_safe
        self._store = Store(self.folder)

    def _is_safe(self) -> bool:
        """Whether nobody else could have put something here: reading results runs code."""
        if not os.path.lexists(self.folder) or not hasattr(os, "getuid"):
            return True
        state = self.folder.lstat()
        return stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid() and not state.st_mode & 0o077

    def lend(self, store: Path) -> int:
        """Put what is kept into the store of a run; how many results that are."""
        found = self._results(self.folder) if self.used else []
        for file in found:
            _linked(file, store / file.name)
        return len(found)

    def take(self, store: Path) -> None:
        """Keep what a run has computed so far."""
        results = self._results(store) if self.fed else []
        for file in results:
            if not file.name.startswith(READ_ANEW):
                self._store.make()
                _linked(file, self.folder / file.name)

    def outcome(self, notebook: Path, stamp: dict[str, str]) -> tuple[Outcome, str] | None:
        """What a notebook gave the last time with the same input, and its text as it was executed; or None."""
        if not self.used:
            return None
        found = self._store.read(_step(notebook), _key(notebook, stamp))
        return None if found is MISSING else found

    def take_outcome(self, notebook: Path, stamp: dict[str, str], outcome: Outcome, executed: str) -> None:
        """Keep what a notebook gave, where it reached its end."""
        if self.fed and outcome.failure is None:
            self._store.write(_step(notebook), _key(notebook, stamp), (outcome, executed))

    def prune(self) -> None:
        """Remove what was made longest ago, down to ``MOST_BYTES``."""
        if not self.fed or not self.folder.is_dir():
            return
        for file in self.folder.glob(".*"):
            file.unlink(missing_ok=True)  # of a run that was killed; this one holds the lock
        room = MOST_BYTES
        states = [(file, file.stat()) for file in self._results(self.folder)]
        for file, state in sorted(states, key=lambda one: one[1].st_mtime, reverse=True):
            room -= state.st_size
            if room < 0:
                file.unlink()

    def _results(self, folder: Path) -> list[Path]:
        return sorted(folder.glob("[!.]*.pickle")) if folder.is_dir() else []


def _step(notebook: Path) -> str:
    return f"notebook-{notebook.stem}"


def _key(notebook: Path, stamp: dict[str, str]) -> str:
    return content_hash(stamp, files_hash([notebook], notebook.parent), package_hash(), dependency_versions())


def _linked(file: Path, target: Path) -> None:
    """The same file under a second name; a copy where the disk knows no such thing."""
    with suppress(FileExistsError):
        try:
            os.link(file, target)
        except (PermissionError, NotImplementedError):
            unfinished = target.with_name(f"{UNFINISHED}{target.name}")
            shutil.copyfile(file, unfinished)
            unfinished.replace(target)
