"""One report from start to end: read, compute, execute, export, check, publish. The order of a run, written once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import glob
import json
import os
import shutil
import time
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import analysis
from analysis.config import AUTO, CUSTOMER_TABLES, LOT, PREFERRED, Config, load_config, nearest
from analysis.errors import (
    DeadlinePassed,
    DiskFull,
    GateFailed,
    InputRefused,
    NotebookFailed,
    PrintingFailed,
    ProcessDied,
    RetentionLabError,
    Unavailable,
    UsageError,
    full_disk_named,
)
from analysis.pipeline import notebooks_folder
from analysis.pipeline.sources import content_hash, dependency_versions, files_hash, package_hash
from analysis.processes import Deadline, check, pool, shielded
from analysis.report import folders
from analysis.report.compare import compared_with, finished_run, is_listed, notebook_hashes, write_index
from analysis.report.folders import CONFIGURATION, INDEX, PAGES, PDF, SUMMARY
from analysis.report.notebooks import (
    COMMON,
    PREVIOUS,
    Failure,
    declared_parameters,
    execute,
    kernel_environment,
    notebooks_in,
    read_notebook,
    socket_folder,
)
from analysis.report.pdf import chromium, print_page
from analysis.report.progress import Progress
from analysis.report.resolved import write_resolved
from analysis.report.results import write_artefacts, write_csv, write_json
from analysis.report.secrets import secrets_in_folder, secrets_of, without_passwords, without_secrets
from analysis.report.stamp import Stamp, identity, identity_of, main_versions
from analysis.words import Message, reader

if TYPE_CHECKING:
    import pandas as pd

    from analysis.pipeline import Study

STORE = ".store"
EARLY = ("analysis.report.early",)
"""What worker processes import, once for all of them."""
RUN_ID_DIGITS = 12
MOST_PROCESSES = 4
WARN_BYTES, REFUSE_BYTES = 5_000_000, 15_000_000
LONGEST_REASON = 500
REASONS = {
    GateFailed: "The finished page did not pass its own checks: {reason}",
    InputRefused | Unavailable: "The data or the models do not allow a report: {reason}",
    DiskFull: "There was no room left: {reason}",
    PrintingFailed: "The page could not be printed, so nothing was published: {reason}",
    Exception: "Something unexpected happened: {reason}",
}
"""What ended a run, for the top of its pages."""


def run_report(config: Config, *, dry_run: bool = False, draw: str | None = None, **asked: Any) -> Path:
    """Make a report and publish it; or find that the same was published before.

    Worker processes import the caller's main module, so a script that calls this needs the usual
    ``if __name__ == "__main__":``.

    Parameters
    ----------
    config
        The configuration.
    dry_run
        Check configuration and data and say what would be done; write nothing in ``out``.
    draw
        A list of which a lot is drawn first, into ``out/NAME/lots/LIST-DATE.csv``, which this report and later ones
        then read.
    asked
        What else is asked of the run, see ``Run``.

    Returns
    -------
    Path
        The folder of the run (with ``dry_run``, the one that would be made).

    Raises
    ------
    InputRefused
        For the configuration or the data, or where the browser for a PDF is missing (2, 3); nothing is made.
        A model that the data do not identify leaves pages in ``out/NAME/failed/RUN_ID``, as those below do.
    NotebookFailed
        Where a notebook did not reach its end (4).
    PrintingFailed
        Where the browser does not print the pages (4); nothing of the run is published.
    DiskFull
        Where there is no room left (4).
    DeadlinePassed
        Where it took longer than the configuration allows (5).
    GateFailed
        Where the finished report does not pass its own checks (6).
    ReportLocked
        Where another run of the same report is under way (75); this one touches nothing.
    """
    run = Run(config, **asked)
    if draw is not None:
        draw = _known_list(draw, config)
    with full_disk_named():
        if dry_run:
            if draw:
                run.progress.say(f"would draw a lot of the list {draw}")
            return run.foreseen()
        report = run.report
        with folders.report_folder(report), folders.report_lock(report), folders.work_folder(report) as work:
            if draw:
                run.draw_lot(draw, work)
            return run.carried_out(work)


def _known_list(name: str, config: Config) -> str:
    from analysis.value.contacts import LISTS

    if not config.customer_files:
        raise UsageError("--draw: a lot is a file on single customers, which this report leaves out")
    if (known := name.replace("-", "_")) not in LISTS:
        raise UsageError(f"--draw {name}: there is no such list{nearest(known, LISTS)}")
    return known


def read_study(config_file: Path, as_of: dt.date | None, store: Path) -> tuple[Study, dict[str, Any]]:
    """Read the data; body of a task in a worker process. Gives the study, and what else the run tells of its data."""
    study = _study_of(config_file, as_of, store)
    orders = study.orders
    told = {name: getattr(orders, name) for name in ("rows_used", "rows_read", "customers", "orders")}
    with reader(study.config.language, study.currency):
        return study, {"identity": identity_of(study), "notes": [str(note) for note in orders.notes], **told}


def _study_of(config_file: Path, as_of: dt.date | None, store: Path) -> Study:
    from analysis.pipeline import Study

    study = Study(load_config(config_file), as_of, store)
    study.store.begin_run()
    study.read_input()
    return study


def lot_of(config_file: Path, as_of: dt.date | None, store: Path, name: str) -> tuple[dt.date, pd.DataFrame]:
    """The last day of the data, and a lot of a list; body of a task in a worker process."""
    from analysis.strategies.lots import draw_lot

    study = _study_of(config_file, as_of, store)
    try:
        found = study.contact_lists
    except Unavailable as gap:
        raise UsageError(f"--draw {name}: there are no lists; {gap}") from None
    seed = zlib.crc32(f"{study.config.model.seed} {name} {found.last_day}".encode())
    return found.last_day, draw_lot(found, name, seed=seed)


@dataclass
class Run:
    """What is asked of a run, and how far it came.

    Parameters
    ----------
    config
        The configuration.
    as_of
        Last day of the data that counts; None as configured.
    out
        Folder of all reports; the report goes to ``out/NAME/RUN_ID``.
    jobs
        Most notebooks, and most steps, at a time; None for as many as there are processors, up to four.
    force
        Run although the same was published before, into ``RUN_ID-2`` and so on, and compute everything anew.
    pdf
        Print the pages into ``report.pdf`` too, also beside a page that was published before. It shows the same,
        so it does not count in the run id.
    code
        Whether the pages of evidence hold the code of their cells.
    progress
        Told what happens.
    notebooks
        Folder of the notebooks, of which the first is the index; None for the package's own.
    deadline
        Ends the run; None for the configured one, from now on.
    """

    config: Config
    as_of: dt.date | None = None
    out: Path = Path("reports")
    jobs: InitVar[int | None] = None
    force: bool = False
    pdf: InitVar[bool] = False
    code: bool = True
    progress: Progress = field(default_factory=Progress)
    notebooks: InitVar[Path | None] = None
    deadline: Deadline | None = None

    def __post_init__(self, jobs: int | None, pdf: bool, notebooks: Path | None) -> None:
        self.deadline = self.deadline or Deadline(self.config.deadline_minutes)
        self.day = self.as_of.isoformat() if self.as_of else None
        self.printer = chromium() if pdf else None
        self.out = Path(self.out).absolute()
        self.report = self.out / self.config.name
        folders.refuse_unwritable(self.report)
        if jobs is not None and jobs < 1:
            raise UsageError(f"jobs == {jobs}, must be at least 1")
        self.notebooks = notebooks_in(notebooks or notebooks_folder())
        self.processes = min(os.cpu_count() or 1, MOST_PROCESSES, jobs or MOST_PROCESSES)
        self._lots_elsewhere = self.config.data.lots is not None
        self._find_lots()
        self.secrets = secrets_of(self.config, os.environ)
        self.began, self.started_at, self.seconds = time.monotonic(), _now(), {}
        self.inputs: str | None = None
        self.sentinels: dict[str, Mapping[str, Any]] = {}
        self.failures: list[Failure] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self.missing: dict[str, str] = {}

    def _find_lots(self) -> None:
        """Let the lots that were drawn of this report be read as a table beside its orders."""
        folder = self.report / folders.LOTS
        there = sorted(folder.glob("*.csv"))
        if strange := [str(path) for path in there if not path.is_file()]:
            raise UsageError(f"no file of a lot: {', '.join(strange)}; remove it")
        if there and not self._lots_elsewhere:
            columns = {name: name for name in LOT}
            lots = CUSTOMER_TABLES["lots"](file=f"{glob.escape(str(folder))}/*.csv", columns=columns)
            data = self.config.data.model_copy(update={"lots": lots})
            self.config = self.config.model_copy(update={"data": data})

    def draw_lot(self, name: str, work: Path) -> None:
        """Draw a lot of a list, keep it for good, and let this run know it."""
        if self._lots_elsewhere:
            raise UsageError(
                f"--draw {name}: data.lots names lots that were drawn elsewhere, and no other is read beside them; "
                "draw it there, or leave the key out"
            )
        self.progress.stage(f"drawing a lot of the list {name}")
        write_resolved(self.config, work / CONFIGURATION)
        with pool(1) as workers:
            store = work / "store" if self.force else self.report / STORE
            task = workers.submit(lot_of, work / CONFIGURATION, self.as_of, store, name)
            day, lot = self.deadline.result(task)
        path = self.report / folders.LOTS / f"{name}-{day}.csv"
        try:
            folders.keep_for_good(path, write_csv(lot, None))
        except FileExistsError:
            raise UsageError(f"--draw {name}: a lot of this list was drawn on the same data: {path}") from None
        asked = int((lot["arm"] == "contact").sum())
        self.progress.say(f"lot of {len(lot)} customers, of whom {asked} are to be written to: {path}")
        end = dt.date.fromisoformat(str(lot["end"].iloc[0])[:10])
        if end < dt.date.today():  # noqa: DTZ011 (the sender's day)
            self.progress.say(f"its window ended on {end}, since the data are old: it counts who was contacted by then")
        self._find_lots()

    def foreseen(self) -> Path:
        """The folder that would be made; says what would be done, and writes nothing in ``out``."""
        with folders.scratch_folder() as folder, pool(1) as workers:
            write_resolved(self.config, folder / CONFIGURATION)
            task = workers.submit(read_study, folder / CONFIGURATION, self.as_of, folder / "store")
            _, read = self.deadline.result(task)
        self._named(self._with_previous(read["identity"]))
        self.progress.say(f"dry run: nothing is written in {self.out}")
        rows = f"{read['rows_used']} of {read['rows_read']} rows"
        self.progress.say(f"data: {rows}, {read['customers']} customers, {read['orders']} orders")
        if folders.published(self.report, self.stamp.run_id):
            self.progress.say("the same report was published before; nothing would be done")
        else:
            names = ", ".join(path.stem for path in self.notebooks)
            self.progress.say(f"would compute what is not in the store, and run, {self.processes} at a time: {names}")
        return self.report / self.stamp.run_id

    def _with_previous(self, of: Mapping[str, str]) -> Mapping[str, str]:
        """What a run is made from, with what it keeps of the run before: the primary model, which stays unless it is
        rejected, and from how many orders on a customer can be a member.

        Where the last run was made from the same otherwise this is the same run, and rests on what that one rested on.
        """
        model, ladder, name = self.config.model, self.config.ladder, folders.latest_run(self.report)
        self.inputs = self._run_id(of)
        last = finished_run(self.report / name) if name else None
        if last is None:
            return of
        if last.manifest.get("inputs") == self.inputs:
            primary = last.configuration.get("model", {}).get("previous_primary")
            member_orders = last.configuration.get("ladder", {}).get("member_orders")
        else:
            primary = last.results["purchase_model"]["name"]
            primary = None if primary == PREFERRED else primary  # which is taken anyway
            member_orders = (last.results.get("ladder") or {}).get("member_orders")
        if model.primary == AUTO and model.previous_primary is None:
            model = model.model_copy(update={"previous_primary": primary})
        if ladder.member_orders is None:
            ladder = ladder.model_copy(update={"member_orders": member_orders})
        self.config = self.config.model_copy(update={"model": model, "ladder": ladder})
        return identity(self.config, of["data_hash"], of["as_of"])

    def _run_id(self, of: Mapping[str, str]) -> str:
        """Twelve hexadecimal digits over everything that can change the report."""
        notebooks = files_hash(self.notebooks, self.notebooks[0].parent)
        parts = [of, notebooks, package_hash(), dependency_versions(), *([] if self.code else ["without code"])]
        return content_hash(*parts)[:RUN_ID_DIGITS]

    def carried_out(self, work: Path) -> Path:
        """The published folder; a failed run leaves its pages in ``failed/`` and raises why."""
        self.work, self.run, self.config_file = work, work / "run", work / "run" / CONFIGURATION
        keeps = self.config.customer_files and not self.force
        self.store = self.report / STORE if keeps else work / "store"
        is_first = not self.store.exists()
        (self.run / "notebooks").mkdir(parents=True)
        (self.work / "logs").mkdir()
        write_resolved(self.config, self.config_file)
        is_read = False
        try:
            if (kept := self._kept_identity()) and (there := self._made_before(kept)):
                return there
            with pool(self.processes, preload=EARLY) as workers:
                study, read = self._read(workers)
                is_read = True
                if there := self._made_before(read):
                    return there
                study.config = load_config(self.config_file)  # with the primary model of the run before
                refusal = self._computed(study, workers)
            self._drawn(study, refusal)
            folder = self.report / self.stamp.run_id
            with shielded():
                self.run.rename(folder)
                self._point_to(folder)
            return folder
        except Exception as error:
            check()  # what was interrupted did not fail
            if is_read or isinstance(error, DeadlinePassed):
                self._keep_failure(error)
            elif is_first:  # refused data are only told, since a person mends them
                shutil.rmtree(self.store, ignore_errors=True)
            raise

    def _kept_identity(self) -> dict[str, str] | None:
        """From what the report would be made, where all that it would read was read before and is as it was."""
        from analysis.pipeline import Study
        from analysis.pipeline.step import reading_steps

        study = Study(load_config(self.config_file), self.as_of, self.store)
        return identity_of(study) if all(map(study.is_kept, reading_steps())) else None

    def _read(self, workers: ProcessPoolExecutor) -> tuple[Study, dict[str, str]]:
        self.progress.stage("reading the data")
        self._named(identity(load_config(self.config_file), "", self.day or ""))  # as long as it is not read
        with self._clocked("prepare"):
            task = workers.submit(read_study, self.config_file, self.as_of, self.store)
            study, read = self.deadline.result(task)
        self.notes = read["notes"]
        return study, read["identity"]

    def _named(self, of: Mapping[str, str]) -> None:
        """Give the run its id and stamp, and find the run to compare with."""
        run_id, self.identity = self._run_id(of), of
        self.previous = compared_with(self.report, run_id, force=self.force)
        run_id = folders.free_run_id(self.report, run_id) if self.force else run_id
        self.stamp = Stamp(run_id=run_id, versions=main_versions(), generated_at=_now()[:19] + "+00:00", **of)

    def _made_before(self, of: Mapping[str, str]) -> Path | None:
        """The folder of the same run, where that was published before."""
        self._named(self._with_previous(of))
        write_resolved(self.config, self.config_file)
        folder = folders.published(self.report, self.stamp.run_id)
        if folder is None:
            return None
        if damage := folders.damage_of(folder):
            cure = "remove that folder, or make the report again beside it with --force"
            raise UsageError(f"the same report was published before, in {folder}, but {damage}; {cure}")
        self.progress.say("the same report was published before; nothing to do (--force makes it again)")
        if not is_listed(self.out, folder):
            self._point_to(folder)
        if self.printer and not (folder / PDF).exists():
            with pool(1) as workers:
                self._print(workers, folder, self.work / PDF)
            (self.work / PDF).replace(folder / PDF)
        return folder

    def _computed(self, study: Study, workers: ProcessPoolExecutor) -> RetentionLabError | None:
        """Compute every step; a refusal is given back, since the notebooks still show how far it came."""
        self.progress.stage("computing")
        refusal = None
        with self._clocked("compute"):
            try:
                steps = study.compute(workers, watch=self.deadline.seconds_left)
                for number, step in enumerate(steps, 1):
                    self.progress.step(step, number, study.planned)
            except (InputRefused, Unavailable) as refused:
                refusal = refused
        self.seconds |= study.seconds
        for incident in study.incidents:
            self.progress.say(f"warning: {incident}")
        return refusal

    def _drawn(self, study: Study, refusal: RetentionLabError | None) -> None:
        """Execute the notebooks, export them, and write and check everything that will be published."""
        self.progress.stage("drawing")
        with (
            socket_folder() as sockets,
            pool(self.processes, kernel_environment(sockets), preload=EARLY) as workers,
        ):
            with self._clocked("draw"):
                written = None if refusal else workers.submit(write_artefacts, study, self.run)
                self._executed(workers)
                if refusal:
                    raise refusal
                self.missing = self.deadline.result(written)
                if self.failures:
                    raise NotebookFailed("\n".join(self._said(failure.reason) for failure in self.failures))
            self.progress.stage("checking, printing and publishing" if self.printer else "checking and publishing")
            self._relocate()
            with self._clocked("export"):
                tasks = [workers.submit(export_page, *page) for page in self._pages()]
                for task in tasks:
                    self.deadline.result(task)
            self._check()
            if self.printer:
                self._print(workers, self.run, self.run / PDF)

    def _executed(self, workers: ProcessPoolExecutor) -> None:
        tasks = {path: workers.submit(execute, path, *self._asked(path)) for path in self.notebooks}
        for notebook, task in tasks.items():
            name = notebook.stem
            try:
                sentinel, failure, seconds = self.deadline.result(task)
            except BrokenProcessPool as error:
                sentinel, failure, seconds = {}, Failure(name, "dead_process", None, str(error)), 0.0
            self.sentinels[name], self.seconds[name] = sentinel, seconds
            if failure:
                told = self._without_secrets(failure.exception)
                self.failures.append(dataclasses.replace(failure, exception=told))
            self.progress.step(name, len(self.sentinels), len(tasks))

    def _asked(self, notebook: Path) -> tuple[Path, dict[str, Any], Path]:
        """Where the executed notebook goes, its parameters, and the file for what it says on its terminal."""
        parameters = dict(zip(COMMON, (str(self.config_file), self.day, str(self.store)), strict=True))
        if PREVIOUS in declared_parameters(notebook):
            parameters[PREVIOUS] = str(self.report / self.previous) if self.previous else None
        return self.run / "notebooks" / notebook.name, parameters, self.work / "logs" / f"{notebook.stem}.log"

    def _pages(self, failure: Message | None = None) -> Iterator[tuple[Any, ...]]:
        """For each notebook that was executed, what ``export_page`` takes."""
        places = (self.run / "notebooks" / path.name for path in self.notebooks)
        executed = [path for path in places if path.exists()]
        (self.run / PAGES).mkdir(exist_ok=True)
        seconds = round(time.monotonic() - self.began, 3)
        options = {"stamp": self.stamp, "code": self.code, "failure": failure, "seconds": seconds}
        for path in executed:
            yield path, self.run, [each.stem for each in executed], options

    def _relocate(self) -> None:
        """Let the configuration and the executed notebooks name their neighbours as seen from where they will lie."""
        write_resolved(self.config, self.config_file, for_folder=self.report / self.stamp.run_id)
        replaced: dict[str, Any] = {
            repr(str(self.store)): "None",
            str(self.config_file): "../config.yml",
            f"{self.run / 'notebooks'}/": "",
            str(self.run.parent): "..",
            f"{self.notebooks[0].parent}/": "",
        }
        if self.previous:
            replaced[str(self.report / self.previous)] = f"../../{self.previous}"
        for file in (self.run / "notebooks").glob("*.ipynb"):
            text = file.read_text(encoding="utf-8")
            for old, new in replaced.items():
                # The paths stand in Python literals inside JSON, so they are escaped twice.
                text = text.replace(json.dumps(old, ensure_ascii=False)[1:-1], new)
            file.write_text(text, encoding="utf-8")

    def _check(self) -> None:
        """Raise GateFailed where the finished report must not be seen; write what tells of it."""
        problems = []
        for name, sentinel in self.sentinels.items():
            if text := sentinel.get("summary"):
                (self.run / SUMMARY).write_text(text + self._signature(), encoding="utf-8")
            seen = sentinel.get("stamp") or {}
            problems += [
                f"stamp of {name}: {key} == {seen.get(key)!r}, asked {value!r}"
                for key, value in self.identity.items()
                if seen.get(key) != value
            ]
        for page in [self.run / INDEX, *(self.run / PAGES).iterdir()]:
            size, name = page.stat().st_size, page.relative_to(self.run)
            if size > REFUSE_BYTES:
                problems.append(f"{name}: size == {size} bytes, must be at most {REFUSE_BYTES}")
            elif size > WARN_BYTES:
                self.warnings.append(f"{name} has {size} bytes; above {WARN_BYTES} it is slow to mail and to open")
        self._write_manifest()
        for file, variable in secrets_in_folder(self.run, self.secrets):
            problems.append(f"secret: the value of {variable} stands in {file.relative_to(self.run)}")
        if problems:
            raise GateFailed("\n".join(f"the report is not published; {problem}" for problem in problems))
        for warning in self.warnings:
            self.progress.say(f"warning: {warning}")

    def _signature(self) -> str:
        """The stamp below a line that mail programs know as the end of a message's body."""
        run = Message(
            "Report {name}, run {run}, data up to {day:date}, made {moment:moment}.",
            name=self.stamp.name,
            run=self.stamp.run_id,
            day=self.stamp.as_of,
            moment=self.stamp.generated_at,
        )
        hashes = Message(
            "Data {data}, configuration {config} (SHA-256, first 12 digits). "
            "index.html beside this file is the whole report.",
            data=self.stamp.data_hash[:12],
            config=self.stamp.config_hash[:12],
        )
        return f"\n-- \n{self._said(run)}\n{self._said(hashes)}\n"

    def _print(self, workers: ProcessPoolExecutor, folder: Path, target: Path) -> None:
        """Print the pages of a run's folder, which were searched for secrets, as one PDF."""
        notebooks = [folder / "notebooks" / path.name for path in self.notebooks]
        task = workers.submit(print_report, notebooks, target, self.printer, self.stamp)
        self.deadline.result(task)
        content = target.read_bytes()
        if found := [name for secret, name in self.secrets.items() if secret.encode() in content]:
            target.unlink()
            raise GateFailed(f"the PDF is not published; secret: the value of {found[0]} stands in it")

    def _point_to(self, folder: Path) -> None:
        folders.set_latest(self.report, folder.name)
        write_index(self.out, self.config.language)

    def _keep_failure(self, error: Exception) -> None:
        """Export the pages as far as they came with the reason on top, and move everything to ``failed/``."""
        try:
            with shielded():
                for name in (PDF, SUMMARY):
                    (self.run / name).unlink(missing_ok=True)  # which do not say that it failed
                for log in (self.work / "logs").glob("*.log") if self.failures else ():
                    if log.stat().st_size:
                        shutil.copy(log, self.run / "notebooks" / log.name)
                self._relocate()
                reason = self._reason(error)
                for task in self._pages(reason):
                    page = export_page(*task)
                    page.write_text(without_secrets(page.read_text(encoding="utf-8"), self.secrets), encoding="utf-8")
                self._write_manifest(self._said(reason), getattr(error, "exit_code", 1))
                for file, _ in list(secrets_in_folder(self.run, self.secrets)):
                    file.unlink()
                folder = folders.replace_folder(self.run, self.report / folders.FAILED / self.stamp.run_id)
                write_index(self.out, self.config.language)
                self.progress.say(f"the run failed; how far it came: {folder}")
        except OSError as trouble:  # why the run failed matters more
            why = self._without_secrets(str(trouble))
            self.progress.say(f"warning: the pages of the failed run could not be kept ({why})")

    def _reason(self, error: Exception) -> Message:
        """What ended the run, for the top of its pages."""
        if isinstance(error, NotebookFailed | ProcessDied):
            return Message("{reason}", reason=self._without_secrets(str(error)))
        if isinstance(error, DeadlinePassed):
            return Message(
                "The run was stopped because it took longer than the {minutes:number} minutes that it is allowed "
                "(`deadline_minutes`). What had been published before is as it was.",
                minutes=error.minutes,
            )
        reason = self._without_secrets(str(error))[:LONGEST_REASON]
        kind = next(kind for kind in REASONS if isinstance(error, kind))
        return Message(REASONS[kind], reason=f"{type(error).__name__}: {reason}" if kind is Exception else reason)

    def _write_manifest(self, reason: str | None = None, exit_code: int = 0) -> None:
        """manifest.json: what a run was, so that it can be compared, repeated and explained.

        Secrets are not in it: the configuration knows only their variables' names.
        """
        content = {
            "schema_version": 1,
            "status": "failed" if reason else "succeeded",
            **{name: value for name, value in dataclasses.asdict(self.stamp).items() if name != "versions"},
            "previous_run": self.previous,
            "inputs": self.inputs,
            "notebooks": notebook_hashes(self.notebooks),
            "package": {"version": analysis.__version__, "source_hash": package_hash()},
            "versions": dependency_versions(),
            "configuration": self.config.model_dump(mode="json"),
            "as_of_asked": self.day,
            "started_at": self.started_at,
            "finished_at": _now(),
            "seconds": {**self.seconds, "total": round(time.monotonic() - self.began, 3)},
            "notes": self.notes,
            "missing": self.missing,
            "warnings": self.warnings,
            "failures": [dataclasses.asdict(failure) for failure in self.failures],
            "reason": reason,
            "exit_code": exit_code,
        }
        write_json(content, self.run / folders.MANIFEST)

    def _said(self, message: Message) -> str:
        with reader(self.config.language):
            return str(message)

    def _without_secrets(self, text: str) -> str:
        return without_passwords(without_secrets(text, self.secrets))

    @contextmanager
    def _clocked(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 3)


def export_page(notebook: Path, folder: Path, names: list[str], options: dict[str, Any]) -> Path:
    """Write an executed notebook as a page of the run in ``folder``; body of a task in a worker process."""
    from analysis.report.export import export, page_links

    with reader(options["stamp"].language):
        pages = page_links(names)
    here = list(pages)[names.index(notebook.stem)]
    page = folder / here
    page.write_text(export(read_notebook(notebook), here=here, pages=pages, **options), encoding="utf-8")
    return page


def print_report(notebooks: list[Path], target: Path, printer: str, stamp: Stamp) -> None:
    """Print executed notebooks one after the other; body of a task in a worker process."""
    from analysis.report.export import export

    first, *others = [read_notebook(notebook) for notebook in notebooks]
    for other in others:
        first.cells += other.cells
    html = export(first, here=PDF, pages={}, stamp=stamp, code=False)
    print_page(html, target, printer)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
