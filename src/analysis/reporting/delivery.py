"""What happens to a run once its notebooks are done: compose, check, publish, or keep as a failure."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.errors import GateFailed, NotebookFailed
from analysis.reporting import gate, publish
from analysis.reporting.artefacts import write_json
from analysis.reporting.failures import reason_of, reason_of_error
from analysis.reporting.mail import signed
from analysis.reporting.manifest import Clock, manifest
from analysis.reporting.page import compose, report_title
from analysis.reporting.paper import print_page
from analysis.reporting.request import Prepared, write_resolved
from analysis.reporting.worker import Failure, Outcome

PAGE, PDF, SUMMARY = "index.html", "report.pdf", "summary.txt"


class Delivery:
    """A finished or failed run on its way to its folder.

    Parameters
    ----------
    prepared
        What was asked and from what it is made.
    run
        The folder that will be published, inside the working folder.
    clock
        Knows how long everything took.
    """

    def __init__(self, prepared: Prepared, run: Path, clock: Clock):
        self.prepared, self.run, self.clock = prepared, run, clock
        self.report, self.stamp = prepared.request.report, prepared.stamp
        self.secrets = gate.secrets_of(prepared.request.config, os.environ)
        self.outcomes: dict[str, Outcome] = {}
        self.warnings: list[str] = []

    @property
    def failures(self) -> list[Failure]:
        """What went wrong in notebooks, in the order of the page."""
        failures = (outcome.failure for outcome in self._in_page_order())
        return [self._without_secrets(failure) for failure in failures if failure]

    def raise_failures(self) -> None:
        """Raise NotebookFailed where a notebook did not reach its end."""
        if failures := self.failures:
            raise NotebookFailed("\n".join(reason_of(failure, self.stamp.language) for failure in failures))

    def compose(self) -> None:
        """Write and check everything that will be published, in the folder of the run."""
        self._forget_working_folder(self.report)
        asked = self.prepared.request
        if asked.force:
            self._renamed(publish.free_run_id(self.report, self.prepared.stamp.run_id))
        self._write_page(None)
        self._write_summary()
        self._write_manifest()
        self._check()
        if asked.printer:
            printed(self.run, self.run, asked.printer, self.secrets)

    def published(self) -> Path:
        """Publish what was composed; the folder of the run, or of the same run that was faster."""
        while not publish.publish(self.run, self.report, self.stamp.run_id) and self.prepared.request.force:
            self.compose()
        return self.report / self.stamp.run_id

    def kept_failure(self, error: BaseException) -> Path:
        """Write the page as far as it came with the reason on top, and move everything to ``failed/``."""
        reason = reason_of_error(error, self.stamp.language, self.secrets)
        self._keep_logs()
        for name in (PDF, SUMMARY):
            (self.run / name).unlink(missing_ok=True)  # which do not say that it failed
        self._forget_working_folder(self.report / publish.FAILED)
        self._write_page(reason)
        self._write_manifest(reason, getattr(error, "exit_code", 1))
        for file, _ in list(gate.secrets_in_folder(self.run, self.secrets)):
            file.unlink()
        return publish.keep_failed(self.run, self.report, self.stamp.run_id)

    def _check(self) -> None:
        page = self.run / PAGE
        sentinels = {name: outcome.sentinel or {} for name, outcome in self.outcomes.items()}
        problems = gate.problems_in_sentinels(sentinels, self.prepared.stamp.identity())
        problems += gate.problems_in_page(page, self.stamp)
        for file, variable in gate.secrets_in_folder(self.run, self.secrets):
            problems.append(f"secret: the value of {variable} stands in {file.relative_to(self.run)}")
        if problems:
            raise GateFailed("\n".join(f"the report is not published; {problem}" for problem in problems))

    def _write_page(self, failure: str | None) -> None:
        outcomes = self._in_page_order()
        fragments = [outcome.fragment for outcome in outcomes] + [one.closing for one in outcomes if one.closing]
        if failure:
            fragments = [gate.without_secrets(fragment, self.secrets) for fragment in fragments]
        title = report_title(self.stamp.name, self.stamp.language)
        seconds = self.clock.total()
        page = compose(title, fragments, self.stamp, failure=failure, lang=self.stamp.language, seconds=seconds)
        (self.run / PAGE).write_text(page, encoding="utf-8")
        self.warnings = gate.warnings_about_page(self.run / PAGE)

    def _write_summary(self) -> None:
        for outcome in self.outcomes.values():
            if text := (outcome.sentinel or {}).get("summary"):
                (self.run / SUMMARY).write_text(signed(text, self.stamp), encoding="utf-8")

    def _write_manifest(self, reason: str | None = None, exit_code: int = 0) -> None:
        content = manifest(
            self.prepared,
            self.stamp,
            self.clock,
            previous=self.prepared.previous,
            warnings=self.warnings,
            failures=self.failures,
            reason=reason,
            exit_code=exit_code,
        )
        write_json(content, self.run / publish.MANIFEST)

    def _in_page_order(self) -> Sequence[Outcome]:
        names = [path.stem for path in self.prepared.request.notebooks]
        return [self.outcomes[name] for name in names if name in self.outcomes]

    def _renamed(self, run_id: str) -> None:
        self.stamp = dataclasses.replace(self.stamp, run_id=run_id)

    def _without_secrets(self, failure: Failure) -> Failure:
        exception = gate.without_passwords(gate.without_secrets(failure.exception, self.secrets))
        return dataclasses.replace(failure, exception=exception)

    def _keep_logs(self) -> None:
        logs = self.run.parent / "logs"
        for log in logs.glob("*.log") if self.failures else ():
            if log.stat().st_size:
                shutil.copy(log, self.run / "notebooks" / log.name)

    def _forget_working_folder(self, parent: Path) -> None:
        """Let executed notebooks name the published configuration, and that the data as seen from where it will lie."""
        config, config_file = self.prepared.request.config, self.prepared.config_file
        write_resolved(config, config_file, for_folder=parent / self.stamp.run_id)
        for file in (self.run / "notebooks").glob("*.ipynb"):
            file.write_text(self.relocated(file.read_text(encoding="utf-8")), encoding="utf-8")

    def relocated(self, text: str) -> str:
        """The text of an executed notebook without the folder that is going away."""
        # The paths stand in Python literals inside JSON, so they are escaped twice.
        replaced: dict[str, Any] = {
            repr(str(self.prepared.study.store)): "None",
            str(self.prepared.config_file): "../config.yml",
            f"{self.run / 'notebooks'}/": "",
            str(self.run.parent): "..",
            f"{self.prepared.request.notebooks[0].parent}/": "",
        }
        if self.prepared.previous:
            replaced[str(self.report / self.prepared.previous)] = f"../../{self.prepared.previous}"
        for old, new in replaced.items():
            text = text.replace(json.dumps(old, ensure_ascii=False)[1:-1], new)
        return text


def printed(folder: Path, target: Path, printer: str, secrets: Mapping[str, str]) -> Path:
    """Print the checked page of a run's folder into ``target``; the PDF.

    Its text is compressed, so no secret could be found in it; the page that it shows was searched.

    Raises
    ------
    PrintingFailed
        Where the browser fails.
    GateFailed
        Where a secret stands in what the browser added.
    """
    print_page(folder / PAGE, target / PDF, program=printer)
    found = [variable for file, variable in gate.secrets_in_folder(target, secrets) if file.name == PDF]
    if found:
        (target / PDF).unlink()
        raise GateFailed(f"the PDF is not published; secret: the value of {found[0]} stands in it")
    return target / PDF
