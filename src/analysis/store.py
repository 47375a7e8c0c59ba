"""Computed results on disk, by content key; several processes may read and write at once."""

from __future__ import annotations

import os
import pickle
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.errors import RetentionLabError, UsageError

MISSING = object()
UNREADABLE = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    IndexError,
    TypeError,
    ValueError,
)
ONE_RUN = ".one-run"


@dataclass(frozen=True)
class _Refusal:
    """An error of ours, taken apart so that any signature of its constructor can be restored."""

    kind: type[RetentionLabError]
    arguments: tuple[Any, ...]
    state: dict[str, Any]

    def restored(self) -> RetentionLabError:
        error = self.kind.__new__(self.kind)
        error.args = self.arguments
        error.__dict__.update(self.state)
        return error


class Store:
    """A private folder of results.

    Parameters
    ----------
    folder
        Made when first written to, readable by its owner only: results hold customers, and reading them
        runs code, so a folder that belongs to someone else is refused.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    @property
    def belongs_to_one_run(self) -> bool:
        """Whether one run made this folder for itself, so that its input cannot have changed meanwhile."""
        return (self.folder / ONE_RUN).exists()

    def read(self, step: str, key: str) -> Any:
        """The stored result, or ``MISSING``; a stored refusal is raised again."""
        self._check_owner()
        try:
            with self._file(step, key).open("rb") as stream:
                result = pickle.load(stream)
        except FileNotFoundError:
            return MISSING
        except UNREADABLE:
            # Written by a version or a machine that is no more; computing again is always right.
            return MISSING
        if isinstance(result, _Refusal):
            raise result.restored()
        return result

    def write(self, step: str, key: str, result: Any) -> None:
        """Keep a result (or an error of ours); readers see all of it or nothing."""
        if isinstance(result, RetentionLabError):
            result = _Refusal(type(result), result.args, dict(result.__dict__))
        self.make()
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=f".{step}-")
        try:
            with os.fdopen(handle, "wb") as stream:
                pickle.dump(result, stream, protocol=pickle.HIGHEST_PROTOCOL)
            Path(temporary).replace(self._file(step, key))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def new_workdir(self, step: str) -> Path:
        """A folder for files that a result points to; of its own, since others may be computing the same."""
        self.make()
        return Path(tempfile.mkdtemp(dir=self.folder, prefix=f"{step}-"))

    def make(self, *, for_one_run: bool = False) -> None:
        """Make the folder if it is not there."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._check_owner()
        if for_one_run:
            (self.folder / ONE_RUN).touch()

    def _file(self, step: str, key: str) -> Path:
        return self.folder / f"{step}-{key}.pickle"

    def _check_owner(self) -> None:
        if hasattr(os, "getuid") and self.folder.exists() and self.folder.stat().st_uid not in {os.getuid(), 0}:
            raise UsageError(f"store {self.folder}: belongs to another user; name a folder of your own")
