"""DIR/index.html: every report with its runs, and how its key figures went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from analysis.reporting.history import KeyFigures, figures_of
from analysis.reporting.page import IndexEntry, index_page
from analysis.reporting.publish import FAILED, MANIFEST, RUN_FOLDER, latest_run, manifest_of, write_atomically

MOST_POINTS = 60
"""Runs behind a sparkline, the newest ones."""


def is_listed(out: Path, folder: Path) -> bool:
    """Whether ``latest`` points to a run and the list of all reports was written since it was published."""
    index = out / "index.html"
    is_written = index.exists() and index.stat().st_mtime_ns >= (folder / MANIFEST).stat().st_mtime_ns
    return is_written and latest_run(folder.parent) == folder.name


def write_index(out: Path, language: str) -> None:
    """``out/index.html``: every report with its runs, the newest first."""
    while True:
        entries = index_entries(out)
        write_atomically(out / "index.html", index_page(entries, language, trends(out, entries)))
        if entries == index_entries(out):
            return  # else another run was published meanwhile, and its list may have come before ours


def index_entries(out: Path) -> list[IndexEntry]:
    """One entry a run, by report name, the newest run first."""
    entries = []
    for folder, content in _manifests(out):
        is_failed = folder.parent.name == FAILED
        report = folder.parent.parent if is_failed else folder.parent
        is_latest = not is_failed and latest_run(report) == folder.name
        entries.append(
            IndexEntry(
                name=report.name,
                run_id=folder.name,
                href=quote((folder / "index.html").relative_to(out).as_posix()),
                as_of=_day(content.get("as_of")),
                generated_at=str(content.get("generated_at", "")),
                status=FAILED if is_failed else "latest" if is_latest else "earlier",
            )
        )
    return entries


def trends(out: Path, entries: list[IndexEntry]) -> dict[str, list[KeyFigures]]:
    """Report name -> key figures of its published runs, by last day of the data, then as made; at most ``MOST_POINTS``.

    Runs whose results cannot be read are left out, those in another currency than the newest, and those that were
    made again (``--force``), which have the same figures.
    """
    found: dict[str, dict[str, KeyFigures]] = {}
    for entry in entries:
        known, made = found.setdefault(entry.name, {}), entry.run_id.partition("-")[0]
        if entry.status != FAILED and made not in known and len(known) < MOST_POINTS:
            figures = figures_of(out / entry.name / entry.run_id)
            if figures and figures.currency == next(iter(known.values()), figures).currency:
                known[made] = figures
    return {name: _by_last_day(known) for name, known in found.items() if known}


def _by_last_day(known: Mapping[str, KeyFigures]) -> list[KeyFigures]:
    oldest_first = reversed(known.values())
    return sorted(oldest_first, key=lambda figures: figures.as_of)


def _manifests(out: Path) -> list[tuple[Path, dict[str, Any]]]:
    files = [*out.glob(f"*/*/{MANIFEST}"), *out.glob(f"*/{FAILED}/*/{MANIFEST}")]
    folders = [file.parent for file in files if RUN_FOLDER.fullmatch(file.parent.name)]
    found = [(folder, content) for folder in folders if (content := manifest_of(folder)) is not None]
    newest_first = sorted(found, key=lambda one: str(one[1].get("finished_at")), reverse=True)
    return sorted(newest_first, key=lambda one: one[0].relative_to(out).parts[0])


def _day(text: Any) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except (TypeError, ValueError):
        return None
