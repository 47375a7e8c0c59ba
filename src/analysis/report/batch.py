"""A report for each part of the data, side by side; one that fails does not stop the others."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from analysis.config import Config, nearest
from analysis.errors import BatchFailed, RetentionLabError, UsageError
from analysis.processes import Deadline, check, pool
from analysis.report.folders import scratch_folder
from analysis.report.pdf import chromium
from analysis.report.progress import OfPart, Progress
from analysis.report.run import run_report

MOST_PARTS = 50
LONGEST_PART, LONGEST_NAME = 40, 100
NOT_FORESEEN = 4


def run_batch(
    config: Config,
    *,
    out: Path = Path("reports"),
    dry_run: bool = False,
    pdf: bool = False,
    progress: Progress | None = None,
    **options,
) -> list[Path]:
    """Make the reports of a batch; parameters are those of ``run_report``.

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
    members = members_of(config, progress, deadline)
    processors = os.cpu_count() or 1
    beside = 1 if dry_run else min(processors, len(members))
    options |= {"out": Path(out).absolute(), "dry_run": dry_run, "pdf": pdf, "deadline": deadline}
    share, jobs = max(1, processors // beside), options.get("jobs")
    options["jobs"] = share if jobs is None else min(share, jobs)
    progress.stage(f"batch of {len(members)} reports")
    # Threads, since each of them only waits for its own worker processes.
    with ThreadPoolExecutor(beside) as threads:
        tasks = {
            threads.submit(run_report, member, progress=OfPart(part, progress), **options): part
            for part, member in members.items()
        }
        try:
            for number, task in enumerate(as_completed(tasks), 1):
                if task.exception():
                    check()  # what was interrupted did not fail
                progress.step(tasks[task], number, len(tasks))
        except BaseException:
            threads.shutdown(cancel_futures=True)  # those under way find out themselves
            raise
    failed = {part: error for task, part in tasks.items() if (error := task.exception())}
    folders = [task.result() for task in tasks if not task.exception()]
    if failed:
        told = [f"{part}: {line}" for part, error in failed.items() for line in _said(error).splitlines()]
        told.append(f"batch: {len(folders)} of {len(members)} reports were made")
        raise BatchFailed(told, max(getattr(error, "exit_code", NOT_FORESEEN) for error in failed.values()), folders)
    return folders


def _said(error: BaseException) -> str:
    return str(error) if isinstance(error, RetentionLabError) else f"unexpected {type(error).__name__}: {error}"


def members_of(config: Config, progress: Progress | None = None, deadline: Deadline | None = None) -> dict[str, Config]:
    """Part -> its configuration, with a name of its own, for each report of a batch; says what is in none of them.

    Raises
    ------
    UsageError
        Where there are too many parts, none, parts that the data do not have, or two with the same folder.
    InputRefused
        Where the data cannot be read.
    """
    batch = config.batch
    columns = config.data.columns.model_copy(update={"split": batch.split_by})
    whole = config.model_copy(update={"batch": None, "data": config.data.model_copy(update={"columns": columns})})
    with scratch_folder() as folder, pool(1) as workers:
        rows = (deadline or Deadline(None)).result(workers.submit(_rows, whole, folder))
    missing = rows.pop("", 0)
    parts = list(dict.fromkeys(batch.values or rows))
    _refuse_parts(batch.split_by, parts, rows, is_listed=batch.values is not None)
    names = {part: f"{config.name}-{safe_name(part, len(config.name))}" for part in parts}
    _refuse_collisions(names)
    for line in _left_out(batch.split_by, missing, {part: rows[part] for part in rows if part not in parts}):
        (progress or Progress()).say(line)
    data = {part: whole.data.model_copy(update={"part": part}) for part in parts}
    return {part: whole.model_copy(update={"name": names[part], "data": data[part]}) for part in parts}


def _rows(config: Config, folder: Path) -> dict[str, int]:
    from analysis.data.reading import rows_by_part

    return dict(rows_by_part(config, folder))


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
    problems = [f"batch: no row has {column} == {part!r}{nearest(part, rows)}" for part in unknown]
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
