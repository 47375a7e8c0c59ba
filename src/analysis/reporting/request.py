"""What was asked of a run, and what it was made from: resolved configuration, study, run id and stamp."""

from __future__ import annotations

import datetime as dt
import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

import analysis
from analysis.config import Config, load_config
from analysis.data.files import files_matching, located
from analysis.errors import UsageError
from analysis.provenance import content_hash, dependency_versions, files_hash, main_versions, package_hash
from analysis.reporting.history import compared_with
from analysis.reporting.paper import chromium
from analysis.reporting.parameters import COMMON, problems_in_parameters
from analysis.reporting.publish import refuse_unwritable
from analysis.reporting.stamp import Stamp, config_hash, identity, identity_of, section_in
from analysis.store import Store
from analysis.study import Study

RUN_ID_DIGITS = 12
MOST_JOBS = 6
MOST_PROCESSES = 4
PAGE_ORDER = (
    *("06-summary", "01-transactions", "02-purchase-model", "03-customer-value", "04-retention-and-profit"),
    "05-loyalty-strategies",
)


@dataclass(frozen=True)
class Request:
    """What was asked.

    Attributes
    ----------
    config
        The configuration.
    as_of
        Last day of the data that counts; None as configured.
    out
        Folder of all reports (absolute).
    notebooks
        The notebooks, in the order of the page.
    size
        Most notebooks at a time.
    force
        Whether to run although the same was published before.
    printer
        Path of the browser that prints the page; None where no PDF is asked.
    processes
        Processes that compute side by side.
    """

    config: Config
    as_of: dt.date | None
    out: Path
    notebooks: tuple[Path, ...]
    size: int
    force: bool
    printer: str | None = None
    processes: int = 1

    @property
    def report(self) -> Path:
        return self.out / self.config.name


def request(
    config: Config,
    *,
    as_of: dt.date | None,
    out: Path,
    jobs: int | None,
    force: bool,
    notebooks: Path | None,
    pdf: bool = False,
    processes: int | None = None,
) -> Request:
    """A checked request; refuses what has nothing to do with the data."""
    printer = chromium() if pdf else None
    out = Path(out).absolute()
    refuse_unwritable(out / config.name)
    if jobs is not None and jobs < 1:
        raise UsageError(f"jobs == {jobs}, must be at least 1")
    found = notebooks_in(notebooks or notebooks_folder())
    given = dict.fromkeys(COMMON, "")
    if problems := [problem for notebook in found for problem in problems_in_parameters(notebook, given)]:
        raise UsageError(*problems)
    size = jobs or default_jobs(len(found))
    return Request(config, as_of, out, found, size, force, printer, processes or default_processes(jobs))


def default_jobs(notebooks: int) -> int:
    """All of the few that there are: they boot in turns, and hold little but what they draw."""
    return min(notebooks, max(MOST_JOBS, os.cpu_count() or 1))


def default_processes(jobs: int | None) -> int:
    """As many as there are processors, up to where the steps would wait for each other, and not more than ``jobs``."""
    return min(os.cpu_count() or 1, MOST_PROCESSES, jobs or MOST_PROCESSES)


def notebooks_folder() -> Path:
    """The folder of the notebooks: inside an installed wheel, or beside ``src`` in a working copy."""
    package = Path(analysis.__file__).resolve().parent
    for folder in (package / "notebooks", package.parents[1] / "notebooks"):
        if any(folder.glob("*.ipynb")):
            return folder
    raise UsageError(f"no notebooks were found beside the package {package}; install it again")


def notebooks_in(folder: Path) -> tuple[Path, ...]:
    """Every notebook of a folder: the known ones in the order of the page, then others by name."""
    found = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    if not found:
        raise UsageError(f"no notebooks in {folder}")
    first = [found.pop(name) for name in PAGE_ORDER if name in found]
    return (*first, *found.values())


@dataclass(frozen=True)
class Prepared:
    """A request whose data were read and found good.

    Attributes
    ----------
    request
        What was asked.
    study
        The results, to be computed; None where the data were not read.
    config_file
        The resolved configuration, as the notebooks read it.
    stamp
        From what the report is made.
    previous
        Name of the published run that this one is compared with; None where there is none.
    """

    request: Request
    study: Study | None
    config_file: Path
    stamp: Stamp
    previous: str | None = None


def prepare(asked: Request, folder: Path, store: Path) -> Prepared:
    """Write the resolved configuration into ``folder``, read the data, and name the run.

    Raises
    ------
    InputRefused
        With everything that is wrong with the configuration and the data.
    """
    config_file = folder / "config.yml"
    write_resolved(asked.config, config_file)
    Store(store).make(for_one_run=True)
    study = Study(load_config(config_file), as_of=asked.as_of, store=store)
    study.read_input()
    return _prepared(asked, study, config_file, identity_of(study))


def unread(asked: Request, folder: Path) -> Prepared:
    """A request whose data were not read in time, under an id that says nothing of them."""
    config_file = folder / "config.yml"
    write_resolved(asked.config, config_file)
    as_of = asked.as_of.isoformat() if asked.as_of else ""
    named = identity(asked.config.name, config_hash(load_config(config_file)), "", as_of, asked.config.language)
    return _prepared(asked, None, config_file, named)


def _prepared(asked: Request, study: Study | None, config_file: Path, named: dict[str, str]) -> Prepared:
    stamp = _stamp(named, asked)
    previous = compared_with(asked.report, stamp.run_id, force=asked.force)
    return Prepared(asked, study, config_file, stamp, previous)


def _stamp(named: dict[str, str], asked: Request) -> Stamp:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return Stamp(run_id=run_id(named, asked.notebooks), versions=main_versions(), generated_at=now, **named)


def run_id(named: dict[str, str], notebooks: Sequence[Path]) -> str:
    """Twelve hexadecimal digits over everything that can change the result."""
    notebooks_hash = files_hash(notebooks, notebooks[0].parent)
    return content_hash(named, notebooks_hash, package_hash(), dependency_versions())[:RUN_ID_DIGITS]


def write_resolved(config: Config, path: Path, *, for_folder: Path | None = None) -> None:
    """The configuration with its defaults filled in, and its paths absolute, so that it can lie anywhere.

    With ``for_folder`` they are relative to that folder, in which it will lie, and tell nobody how the rest of the disk
    is laid out.
    """

    def placed(name: str) -> str:
        return _absolute(config.folder, name) if for_folder is None else _relative(config.folder, name, for_folder)

    content = config.model_dump(mode="json", exclude_none=True)
    source = config.data.transactions
    if isinstance(source, str):
        content["data"]["transactions"] = placed(source)
    elif isinstance(source, list):
        content["data"]["transactions"] = [placed(one) for one in source]
    for key, section in config.further_tables.items():
        section_in(content, key)["file"] = placed(section.file)
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _absolute(folder: Path, name: str) -> str:
    base = folder.resolve()
    return str(located(name, Path(glob.escape(str(base))) if _is_pattern(name, base) else base))


def _relative(folder: Path, name: str, seen_from: Path) -> str:
    base, place = folder.resolve(), located(name, Path())
    if place.is_absolute():
        return os.path.relpath(place, seen_from.resolve())
    steps = os.path.relpath(base, seen_from.resolve())
    return str(Path(glob.escape(steps) if _is_pattern(name, base) else steps) / place)


def _is_pattern(name: str, base: Path) -> bool:
    """Whether a name stands for several files; one that is there is meant as it stands, whatever brackets it has."""
    return glob.has_magic(name) and located(name, base) not in files_matching(name, base)
