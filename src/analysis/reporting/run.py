"""One run in its working folder: compute once, let the notebooks draw, check, publish, or keep how far it came."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from analysis.errors import NotebookFailed, RetentionLabError, full_disk_named
from analysis.reporting import crew, kernels, listing, publish
from analysis.reporting.artefacts import write_artefacts
from analysis.reporting.delivery import Delivery
from analysis.reporting.failures import reason_of
from analysis.reporting.interruption import Deadline, check, shielded
from analysis.reporting.keep import Kept
from analysis.reporting.manifest import Clock
from analysis.reporting.parameters import PREVIOUS, declared_parameters
from analysis.reporting.progress import Progress
from analysis.reporting.request import Prepared, Request
from analysis.reporting.worker import NO_KERNEL, Failure, Job, Outcome
from analysis.study import STEPS

WARM_UP = "analysis.reporting.notebook"
PUBLISHING = "checking and publishing"
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


class Run:
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
            keep_failure(self.delivery, error, self.progress)
            raise

    def _published(self) -> Path:
        for warning in self.delivery.warnings:
            self.progress.say(f"warning: {warning}")
        with shielded():
            folder = self.delivery.published()
            point_to(self.asked, folder)
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


def point_to(asked: Request, folder: Path) -> None:
    publish.set_latest(asked.report, folder.name)
    listing.write_index(asked.out, asked.config.language)


def keep_failure(delivery: Delivery, error: Exception, progress: Progress) -> None:
    asked = delivery.prepared.request
    with suppress(OSError), shielded():
        folder = delivery.kept_failure(error)
        listing.write_index(asked.out, asked.config.language)
        progress.say(f"the run failed; how far it came: {folder}")


def _compares(notebook: Path) -> bool:
    return PREVIOUS in declared_parameters(notebook)
