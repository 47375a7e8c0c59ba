"""manifest.json: what a run was, so that it can be compared, repeated and explained."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from analysis.provenance import dependency_versions, files_hash, package_hash, package_version
from analysis.reporting.request import Prepared
from analysis.reporting.stamp import Stamp
from analysis.reporting.worker import Failure

SUCCEEDED, FAILED = "succeeded", "failed"


class Clock:
    """Start, end and the seconds that the stages took."""

    def __init__(self) -> None:
        self.started_at = _now()
        self._began = time.monotonic()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 3)

    def total(self) -> float:
        return round(time.monotonic() - self._began, 3)


def manifest(
    prepared: Prepared,
    stamp: Stamp,
    clock: Clock,
    *,
    previous: str | None,
    warnings: Sequence[str] = (),
    failures: Sequence[Failure] = (),
    reason: str | None = None,
    exit_code: int = 0,
) -> dict[str, Any]:
    """The manifest of a run.

    ``previous_run`` names the run that "change since the last run" compares with (see ``history.compared_with``).
    Secrets are not in it: the configuration knows only their variables' names.
    """
    from analysis.models.results import as_plain

    asked, study = prepared.request, prepared.study
    return {
        "schema_version": 1,
        "status": SUCCEEDED if reason is None else FAILED,
        **{name: value for name, value in stamp.as_dict().items() if name != "versions"},
        "previous_run": previous,
        "notebooks": _notebooks(prepared),
        "package": {"version": package_version(), "source_hash": package_hash()},
        "versions": dependency_versions(),
        "configuration": asked.config.model_dump(mode="json"),
        "as_of_asked": asked.as_of.isoformat() if asked.as_of else None,
        "started_at": clock.started_at,
        "finished_at": _now(),
        "seconds": {**clock.seconds, "total": clock.total()},
        "notes": [as_plain(note) for note in study.transactions.notes] if study else [],
        "warnings": list(warnings),
        "failures": [asdict(failure) for failure in failures],
        "reason": reason,
        "exit_code": exit_code,
    }


def _notebooks(prepared: Prepared) -> Mapping[str, str]:
    return {path.stem: files_hash([path], path.parent) for path in prepared.request.notebooks}


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
