"""One report from start to end: prepare, compute, draw, check, publish. The order of a run, written once."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from analysis.config import Config
from analysis.errors import DeadlinePassed, NotebookFailed, RetentionLabError, full_disk_named
from analysis.reporting import crew, gate, kernels, listing, publish
from analysis.reporting.artefacts import write_artefacts
from analysis.reporting.delivery import PDF, Delivery, printed
from analysis.reporting.failures import reason_of
from analysis.reporting.interruption import Deadline, check, rest, shielded
from analysis.reporting.keep import Kept
from analysis.reporting.lock import report_lock
from analysis.reporting.manifest import Clock
from analysis.reporting.parameters import PREVIOUS, declared_parameters
from analysis.reporting.progress import Progress, Watched
from analysis.reporting.request import Prepared, Request, prepare, request, unread
from analysis.reporting.worker import NO_KERNEL, Failure, Job, Outcome
from analysis.study import STEPS

WARM_UP = "analysis.reporting.notebook"
PUBLISHING, PRINTING = "checking and publishing", "printing"
MODEL = "purchase"
LOYALTY = ("loyalty", "strategies", "choice", "trial")
WITHOUT_LOYALTY = tuple(name for name in STEPS if name not in LOYALTY)
NEEDS = {
    "01-transactions": ("transactions",),
    "02-purchase-model": WITHOUT_LOYALTY,
    "03-customer-value": ("transactions", "purchase", "spend", "value"),
    "04-retention-and-profit": WITHOUT_LOYALTY,
    "05-loyalty-strategies": tuple(STEPS),
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
        Processes that compute side by side; None for as many as there are processors, up to four.

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
            progress.say("the same report was published before; nothing to do (--force makes it again)")
            if not listing.is_listed(asked.out, folder):
                _point_to(asked, folder)
            if asked.printer and not (folder / PDF).exists():
                _add_pdf(asked, folder, work, progress, deadline)
            return folder
        crew.warm_up()
        run = _Run(prepared, work, progress, clock, deadline)
        try:
            return run.carried_out()
        finally:
            run.kept.prune()


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
        _keep_failure(Delivery(unread(asked, run), run, clock), error, progress)
        raise


def _add_pdf(asked: Request, folder: Path, work: Path, progress: Progress, deadline: Deadline) -> None:
    """Print a page that was published without its PDF."""
    progress.stage(PRINTING)
    with deadline.held():
        pdf = printed(folder, work, asked.printer, gate.secrets_of(asked.config, os.environ))
        pdf.replace(folder / PDF)


def _point_to(asked: Request, folder: Path) -> None:
    publish.set_latest(asked.report, folder.name)
    listing.write_index(asked.out, asked.config.language)


def _keep_failure(delivery: Delivery, error: Exception, progress: Progress) -> None:
    asked = delivery.prepared.request
    with suppress(OSError), shielded():
        folder = delivery.kept_failure(error)
        listing.write_index(asked.out, asked.config.language)
        progress.say(f"the run failed; how far it came: {folder}")


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


def _compares(notebook: Path) -> bool:
    return PREVIOUS in declared_parameters(notebook)


class _Run:
    """One run in its working folder, from the checked data to the published folder."""

    def __init__(self, prepared: Prepared, work: Path, progress: Progress, clock: Clock, deadline: Deadline):
        self.prepared, self.work, self.progress, self.clock = prepared, work, progress, clock
        self.asked, self.run, self.deadline = prepared.request, work / "run", deadline
        self.delivery = Delivery(prepared, self.run, clock)
        self.computed: set[str] = set()
        self.kept = Kept(self.asked.report, used=not self.asked.force, fed=self.asked.config.customer_files)

    def carried_out(self) -> Path:
        """The published folder; a failed run leaves its page in ``failed/`` and raises why."""
        try:
            with full_disk_named():
                with self.deadline.held():
                    self._draw()
                    self.progress.stage("checking, printing and publishing" if self.asked.printer else PUBLISHING)
                    self.delivery.compose()
                return self._published()
        except Exception as error:
            check()  # what was interrupted did not fail
            _keep_failure(self.delivery, error, self.progress)
            raise

    def _published(self) -> Path:
        for warning in self.delivery.warnings:
            self.progress.say(f"warning: {warning}")
        with shielded():
            folder = self.delivery.published()
            _point_to(self.asked, folder)
        return folder

    def _draw(self) -> None:
        """Compute once and run the notebooks, each as soon as its results are there."""
        refusal: RetentionLabError | None = None
        (self.run / "notebooks").mkdir()
        self.kept.lend(self.prepared.study.store)
        notebooks = [notebook for notebook in self.asked.notebooks if not self._was_kept(notebook)]
        with kernels.socket_folder() as sockets, self._crew(notebooks, sockets) as workers:
            self.progress.stage("computing")
            try:
                self._compute(workers)
            except RetentionLabError as error:
                refusal = error  # the notebooks still show how far it came
                workers.dismiss(self._without_a_model())
            self.progress.stage("drawing")
            with self.clock.stage("draw"):
                workers.finish()
        if refusal:
            raise refusal
        self.delivery.raise_failures()

    def _compute(self, workers: crew.Crew) -> None:
        study = self.prepared.study
        with self.clock.stage("compute"):
            for number, step in enumerate(study.compute(self.asked.processes), 1):
                self.progress.step(step, number, len(STEPS))
                self.computed.add(step)
                workers.release(step)
                self.kept.take(study.store)
        self.clock.seconds.update(study.seconds)
        for incident in study.incidents:
            self.progress.say(f"warning: {incident}")
        with self.clock.stage("write"):
            write_artefacts(study, self.run)

    def _without_a_model(self) -> set[str]:
        """Notebooks that show nothing where no purchase model could be fitted; none where one was."""
        if MODEL in self.computed:
            return set()
        return {name for name, needs in NEEDS.items() if MODEL in needs}

    def _was_kept(self, notebook: Path) -> bool:
        """Whether the notebook gave its output in an earlier run, which then is taken over."""
        found = self.kept.outcome(notebook, self._made_from(notebook))
        if found is None:
            return False
        outcome, text = found
        (self.run / "notebooks" / notebook.name).write_text(text, encoding="utf-8")
        self._done(outcome)
        return True

    def _crew(self, notebooks: Sequence[Path], sockets: Path) -> crew.Crew:
        notebooks = sorted(notebooks, key=lambda path: len(NEEDS.get(path.stem, STEPS)))
        if notebooks and not kernels.kernel_is_installed():
            failure = Failure(notebooks[0].stem, NO_KERNEL, None, "no module ipykernel")
            raise NotebookFailed(reason_of(failure, self.asked.config.language))
        (self.work / "logs").mkdir()
        jobs = [self._job(notebook, sockets / str(number)) for number, notebook in enumerate(notebooks)]
        return crew.Crew(jobs, NEEDS, tuple(STEPS), self.asked.size, self._executed, self.deadline.check)

    def _job(self, notebook: Path, folder: Path) -> Job:
        folder.mkdir()
        parameters = {
            "config": str(self.prepared.config_file),
            "as_of": self.asked.as_of.isoformat() if self.asked.as_of else None,
            "store": str(self.prepared.study.store),
        }
        if _compares(notebook):
            previous = self.prepared.previous
            parameters[PREVIOUS] = str(self.asked.report / previous) if previous else None
        return Job(
            notebook=notebook,
            executed=self.run / "notebooks" / notebook.name,
            parameters=parameters,
            folder=folder,
            log=self.work / "logs" / f"{notebook.stem}.log",
            environment=dict(os.environ),
            warm_up=WARM_UP,
        )

    def _made_from(self, notebook: Path) -> dict[str, str]:
        """What goes into a notebook: the identity, and where it compares also the run before."""
        found, previous = self.prepared.stamp.identity(), self.prepared.previous
        if _compares(notebook) and previous:
            moment = (publish.manifest_of(self.asked.report / previous) or {}).get("generated_at")
            found[PREVIOUS] = f"{previous} {moment}"
        return found

    def _executed(self, outcome: Outcome) -> None:
        notebook = next(path for path in self.asked.notebooks if path.stem == outcome.notebook)
        if outcome.failure is None:
            text = (self.run / "notebooks" / notebook.name).read_text(encoding="utf-8")
            self.kept.take_outcome(notebook, self._made_from(notebook), outcome, self.delivery.relocated(text))
        self._done(outcome)

    def _done(self, outcome: Outcome) -> None:
        outcomes = self.delivery.outcomes
        outcomes[outcome.notebook] = outcome
        self.clock.seconds[outcome.notebook] = round(outcome.seconds, 3)
        self.progress.step(outcome.notebook, len(outcomes), len(self.asked.notebooks))
