"""One report from start to end: prepare, compute, draw, check, publish. The order of a run, written once."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

from analysis.config import Config
from analysis.errors import DeadlinePassed, UsageError, full_disk_named
from analysis.reporting import crew, gate, listing, publish
from analysis.reporting.delivery import PDF, Delivery, printed
from analysis.reporting.interruption import Deadline, rest
from analysis.reporting.lock import report_lock
from analysis.reporting.manifest import Clock
from analysis.reporting.progress import Progress, Watched
from analysis.reporting.request import Prepared, Request, prepare, request, unread
from analysis.reporting.run import Run, keep_failure, point_to
from analysis.study import STEPS

PRINTING = "printing"


def run_report(
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
    deadline: Deadline | None = None,
    processes: int | None = None,
) -> Path:
    """Make a report and publish it; or find that the same was published before.

    Worker processes import the caller's main module, so a script that calls this needs the usual
    ``if __name__ == "__main__":``.

    Parameters
    ----------
    config
        The configuration.
    as_of
        Last day of the data that counts; None as configured.
    out
        Folder of all reports; the report goes to ``out/NAME/RUN_ID``.
    jobs
        Most notebooks at a time; None for all of the few that there are.
    force
        Run although the same was published before, into ``RUN_ID-2`` and so on.
    dry_run
        Check configuration and data and say what would be done; write nothing in ``out``.
    pdf
        Print the page into ``report.pdf`` too, also beside a page that was published before. It shows the same,
        so it does not count in the run id.
    progress
        Told what happens.
    notebooks
        Folder of the notebooks; None for the package's own.
    deadline
        Ends the run; None for the configured one, from now on.
    processes
        Processes that compute side by side; None for as many as there are processors, up to four and up to ``jobs``.

    Returns
    -------
    Path
        The folder of the run (with ``dry_run``, the one that would be made).

    Raises
    ------
    InputRefused
        For the configuration or the data, or where the browser for a PDF is missing (2, 3); nothing is made.
        A model that the data do not identify leaves a page in ``out/NAME/failed/RUN_ID``, as those below do.
    NotebookFailed
        Where a notebook did not reach its end (4).
    PrintingFailed
        Where the browser does not print the page (4); nothing of the run is published.
    DiskFull
        Where there is no room left (4).
    GateFailed
        Where the finished report does not pass its own checks (6).
    DeadlinePassed
        Where it took longer than the configuration allows (5).
    ReportLocked
        Where another run of the same report is under way (75); this one touches nothing.
    """
    deadline = deadline or Deadline(config.deadline_minutes)
    progress = Watched(progress or Progress(), deadline.check)
    asked = request(
        config, as_of=as_of, out=out, jobs=jobs, force=force, notebooks=notebooks, pdf=pdf, processes=processes
    )
    try:
        with full_disk_named():
            return _dry_run(asked, progress) if dry_run else _made(asked, progress, deadline)
    finally:
        rest()


def _made(asked: Request, progress: Progress, deadline: Deadline) -> Path:
    warm_up_early(asked.report)
    with publish.report_folder(asked.report), report_lock(asked.report), publish.work_folder(asked.report) as work:
        progress.stage("reading the data")
        clock = Clock()
        prepared = _prepared(asked, work, progress, clock, deadline)
        folder = None if asked.force else publish.published(asked.report, prepared.stamp.run_id)
        if folder:
            _refuse_damage(folder)
            progress.say("the same report was published before; nothing to do (--force makes it again)")
            if not listing.is_listed(asked.out, folder):
                point_to(asked, folder)
            if asked.printer and not (folder / PDF).exists():
                _add_pdf(asked, folder, work, progress, deadline)
            return folder
        crew.warm_up()
        run = Run(prepared, work, progress, clock, deadline)
        try:
            return run.carried_out()
        finally:
            run.kept.prune()


def _refuse_damage(folder: Path) -> None:
    if damage := publish.damage_of(folder):
        cure = "remove that folder, or make the report again beside it with --force"
        raise UsageError(f"the same report was published before, in {folder}, but {damage}; {cure}")


def warm_up_early(report: Path) -> None:
    """Let workers begin their imports, unless the report was made before: most likely there is nothing to do then."""
    if publish.latest_run(report) is None:
        crew.warm_up()


def _prepared(asked: Request, work: Path, progress: Progress, clock: Clock, deadline: Deadline) -> Prepared:
    run = work / "run"
    run.mkdir()
    try:
        with deadline.held(), clock.stage("prepare"):
            return prepare(asked, run, work / "store")
    except DeadlinePassed as error:
        # Refused data are only told, since a person mends them; a night that was too short is not.
        keep_failure(Delivery(unread(asked, run), run, clock), error, progress)
        raise


def _add_pdf(asked: Request, folder: Path, work: Path, progress: Progress, deadline: Deadline) -> None:
    """Print a page that was published without its PDF."""
    progress.stage(PRINTING)
    with deadline.held():
        pdf = printed(folder, work, asked.printer, gate.secrets_of(asked.config, os.environ))
        pdf.replace(folder / PDF)


def _dry_run(asked: Request, progress: Progress) -> Path:
    with publish.scratch_folder() as folder:
        prepared = prepare(asked, folder, folder / "store")
        transactions = prepared.study.transactions
    run_id = prepared.stamp.run_id
    there = publish.published(asked.report, run_id) is not None
    if there and asked.force:
        run_id = publish.free_run_id(asked.report, run_id)
    rows = f"{transactions.rows_used} of {transactions.rows_read} rows"
    progress.say(f"dry run: nothing is written in {asked.out}")
    progress.say(f"data: {rows}, {transactions.customers} customers, {transactions.orders} orders")
    progress.say(f"would compute: {', '.join(STEPS)}")
    notebooks = ", ".join(path.stem for path in asked.notebooks)
    progress.say(f"would run, at most {asked.size} notebooks at a time: {notebooks}")
    if there and not asked.force:
        progress.say("the same report was published before; nothing would be done")
    return asked.report / run_id
