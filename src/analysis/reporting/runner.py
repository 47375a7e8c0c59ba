"""One report from start to end: prepare, compute, draw, check, publish. The order of a run, written once."""

from __future__ import annotations

import datetime as dt
import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from analysis.config import Config
from analysis.errors import NotebookFailed, RetentionLabError
from analysis.reporting import crew, kernels, publish
from analysis.reporting.artefacts import write_artefacts
from analysis.reporting.delivery import Delivery
from analysis.reporting.failures import reason_of
from analysis.reporting.manifest import Clock
from analysis.reporting.progress import Progress
from analysis.reporting.request import Prepared, Request, prepare, request
from analysis.reporting.worker import NO_KERNEL, Failure, Job, Outcome
from analysis.study import STEPS

WARM_UP = "analysis.reporting.notebook"
NEEDS = {
    "01-transactions": ("transactions",),
    "02-purchase-model": tuple(STEPS),
    "03-customer-value": ("transactions", "purchase", "spend", "value"),
    "06-summary": tuple(STEPS),
}


def run_report(
    config: Config,
    *,
    as_of: dt.date | None = None,
    out: Path = Path("reports"),
    jobs: int | None = None,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    notebooks: Path | None = None,
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
    progress
        Told what happens.
    notebooks
        Folder of the notebooks; None for the package's own.

    Returns
    -------
    Path
        The folder of the run (with ``dry_run``, the one that would be made).

    Raises
    ------
    InputRefused
        For the configuration or the data (2, 3); nothing is made. A model that the data do not identify
        leaves a page in ``out/NAME/failed/RUN_ID``, as the two below do.
    NotebookFailed
        Where a notebook did not reach its end (4).
    GateFailed
        Where the finished report does not pass its own checks (6).
    """
    progress = progress or Progress()
    asked = request(config, as_of=as_of, out=out, jobs=jobs, force=force, notebooks=notebooks)
    if dry_run:
        return _dry_run(asked, progress)
    crew.warm_up()
    with publish.work_folder(asked.report) as work:
        progress.stage("reading the data")
        clock = Clock()
        with clock.stage("prepare"):
            (work / "run").mkdir()
            prepared = prepare(asked, work / "run", work / "store")
        folder = None if force else publish.published(asked.report, prepared.stamp.run_id)
        if folder:
            progress.say("the same report was published before; nothing to do (--force makes it again)")
        else:
            folder = _Run(prepared, work, progress, clock).carried_out()
        publish.set_latest(asked.report, folder.name)
        publish.write_index(asked.out, config.language)
    return folder


def _dry_run(asked: Request, progress: Progress) -> Path:
    with tempfile.TemporaryDirectory(prefix="rlab-") as folder:
        prepared = prepare(asked, Path(folder), Path(folder) / "store")
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


class _Run:
    """One run in its working folder, from the checked data to the published folder."""

    def __init__(self, prepared: Prepared, work: Path, progress: Progress, clock: Clock):
        self.prepared, self.work, self.progress, self.clock = prepared, work, progress, clock
        self.asked, self.run = prepared.request, work / "run"
        self.delivery = Delivery(prepared, self.run, clock)

    def carried_out(self) -> Path:
        """The published folder; a failed run leaves its page in ``failed/`` and raises why."""
        try:
            with _full_disk_named():
                self._draw()
                self.progress.stage("checking and publishing")
                for warning in self.delivery.warnings:
                    self.progress.say(f"warning: {warning}")
                return self.delivery.published()
        except Exception as error:
            with suppress(OSError):
                folder = self.delivery.kept_failure(error)
                publish.write_index(self.asked.out, self.asked.config.language)
                self.progress.say(f"the run failed; how far it came: {folder}")
            raise

    def _draw(self) -> None:
        """Compute once and run the notebooks, each as soon as its results are there."""
        refusal: RetentionLabError | None = None
        with kernels.socket_folder() as sockets, self._crew(Path(sockets)) as workers:
            self.progress.stage("computing")
            try:
                self._compute(workers)
            except RetentionLabError as error:
                refusal = error  # the notebooks still show how far it came
            self.progress.stage("drawing")
            with self.clock.stage("draw"):
                workers.finish()
        if refusal:
            raise refusal
        self.delivery.raise_failures()

    def _compute(self, workers: crew.Crew) -> None:
        study = self.prepared.study
        with self.clock.stage("compute"):
            for number, step in enumerate(study.compute(), 1):
                self.progress.step(step, number, len(STEPS))
                workers.release(step)
        with self.clock.stage("write"):
            write_artefacts(study, self.run)

    def _crew(self, sockets: Path) -> crew.Crew:
        notebooks = sorted(self.asked.notebooks, key=lambda path: len(NEEDS.get(path.stem, STEPS)))
        if not kernels.kernel_is_installed():
            raise NotebookFailed(reason_of(Failure(notebooks[0].stem, NO_KERNEL, None, "no module ipykernel")))
        for folder in (self.run / "notebooks", self.work / "logs"):
            folder.mkdir()
        jobs = [self._job(notebook, sockets / str(number)) for number, notebook in enumerate(notebooks)]
        return crew.Crew(jobs, NEEDS, tuple(STEPS), self.asked.size, self._done)

    def _job(self, notebook: Path, folder: Path) -> Job:
        folder.mkdir()
        parameters = {
            "config": str(self.prepared.config_file),
            "as_of": self.asked.as_of.isoformat() if self.asked.as_of else None,
            "store": str(self.prepared.study.store),
        }
        return Job(
            notebook=notebook,
            executed=self.run / "notebooks" / notebook.name,
            parameters=parameters,
            folder=folder,
            log=self.work / "logs" / f"{notebook.stem}.log",
            environment=dict(os.environ),
            warm_up=WARM_UP,
        )

    def _done(self, outcome: Outcome) -> None:
        outcomes = self.delivery.outcomes
        outcomes[outcome.notebook] = outcome
        self.clock.seconds[outcome.notebook] = round(outcome.seconds, 3)
        self.progress.step(outcome.notebook, len(outcomes), len(self.asked.notebooks))


@contextmanager
def _full_disk_named() -> Iterator[None]:
    """A full disk is told by its name, whichever library met it."""
    try:
        yield
    except Exception as error:
        if not _is_full_disk(error):
            raise
        raise NotebookFailed(f"the disk is full: {error}") from error


def _is_full_disk(error: Exception) -> bool:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    return os.strerror(errno.ENOSPC) in str(error) and not isinstance(error, RetentionLabError)
