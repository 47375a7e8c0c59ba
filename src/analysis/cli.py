"""The command line: every command is one call of a function, and every error becomes an exit code."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from analysis.config import SAMPLES, Config, ConfigurationRefused, config_from_mapping, load_config
from analysis.errors import InputRefused, RetentionLabError, UsageError, full_disk_named
from analysis.reporting.progress import Watched, plain, shown

Sample = StrEnum("Sample", {name.replace("-", "_"): name for name in SAMPLES})
LANGUAGES = {"en": "English"}
LANGUAGES_TO_COME = {"nl": "Dutch"}

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="From a transaction file to customer lifetime value with intervals, a back test and a report.",
)

ConfigArgument = Annotated[Path, typer.Argument(metavar="CONFIG.yml", help="A configuration (see `init`).")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Last day of the data that counts, such as 1997-09-30.")
]
OutOption = Annotated[str, typer.Option("--out", metavar="DIR", help="Folder of all reports.")]


_interruptions: list[KeyboardInterrupt] = []


class Interrupted(KeyboardInterrupt):
    """Raised when the process is asked to end; it leaves nothing behind and then does."""

    def __init__(self, number: int):
        super().__init__(f"ended by signal {number}")
        self.exit_code = 128 + number


def main() -> None:
    """Entry point of the command ``retention-lab``."""
    for number in _signals_to_end():
        signal.signal(number, _interrupt)
    app(prog_name="retention-lab")


def _signals_to_end() -> list[signal.Signals]:
    hang_up = getattr(signal, "SIGHUP", None)
    # Under nohup a hang-up is ignored, and stays so.
    heard = [hang_up] if hang_up and signal.getsignal(hang_up) != signal.SIG_IGN else []
    return [signal.SIGINT, signal.SIGTERM, *heard]


def _interrupt(number: int, _frame: object) -> None:
    # A second signal would only disturb the cleaning up.
    for heard in _signals_to_end():
        signal.signal(heard, signal.SIG_IGN)
    _interruptions.append(Interrupted(number))
    raise _interruptions[-1]


def _go_on() -> None:
    if _interruptions:
        raise _interruptions.pop()


def _version(wanted: bool) -> None:  # noqa: FBT001 (typer calls it so)
    if wanted:
        from analysis.provenance import package_version

        typer.echo(f"retention-lab {package_version()}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Options that stand before a command."""


@app.command()
def report(
    config: Annotated[Path | None, typer.Argument(metavar="[CONFIG.yml]", help="A configuration.")] = None,
    *,
    sample: Annotated[Sample | None, typer.Option(help="An embedded sample in place of a configuration.")] = None,
    as_of: AsOfOption = None,
    out: OutOption = "reports",
    language: Annotated[str, typer.Option(help="Language of the page: en (nl comes later).")] = "en",
    jobs: Annotated[int | None, typer.Option(metavar="N", help="Most notebooks at a time.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Make it again although nothing changed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
) -> None:
    """Make a report; the last line of the output is its folder."""
    with exit_codes() as secrets, shown() as progress:
        _check_language(language)
        day, folder = _day(as_of), _folder("--out", out)
        resolved = _config(config, sample, day, secrets)
        _start_workers_early()
        from analysis.reporting.runner import run_report

        watched = Watched(progress, _go_on)
        folder = run_report(resolved, as_of=day, out=folder, jobs=jobs, force=force, dry_run=dry_run, progress=watched)
    typer.echo(f"would make {folder}" if dry_run else str(folder))


@app.command()
def check(config: ConfigArgument, *, as_of: AsOfOption = None) -> None:
    """Check a configuration and its data: print the ledger and every problem at once."""
    with exit_codes() as secrets:
        from analysis.reporting.inspection import inspection

        day = _day(as_of)
        for line in inspection(_loaded(config, day, secrets), as_of=day):
            typer.echo(_presentable(line, secrets))


@app.command()
def init(file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of transactions.")]) -> None:
    """Write a commented configuration beside a file of transactions; never overwrites."""
    with exit_codes():
        from analysis.data.starter import write_starter

        typer.echo(str(write_starter(file)))


@app.command()
def score(
    config: ConfigArgument,
    *,
    run: Annotated[str, typer.Option("--run", metavar="RUN_DIR", help="Folder of an earlier run.")],
    as_of: AsOfOption = None,
    out: OutOption = "reports",
) -> None:
    """Score customers with the model of an earlier run; the last line of the output is the folder made."""
    with exit_codes() as secrets:
        from analysis.reporting.score import score_customers

        day, origin, folder = _day(as_of), _folder("--run", run), _folder("--out", out)
        folder = score_customers(_loaded(config, day, secrets), run=origin, as_of=day, out=folder)
    typer.echo(str(folder))


@contextmanager
def exit_codes() -> Iterator[set[str]]:
    """Errors that this package raises on purpose, as lines on standard error and an exit code.

    What is put into the set that this gives is hidden in the lines.
    """
    secrets: set[str] = set()
    try:
        with full_disk_named():
            yield secrets
    except InputRefused as refused:
        _complain((problem.message for problem in refused.problems), secrets)
        raise typer.Exit(refused.exit_code) from None
    except RetentionLabError as error:
        _complain(str(error).splitlines(), secrets)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt as interrupt:
        _complain(["interrupted; nothing was published"], secrets)
        raise typer.Exit(getattr(interrupt, "exit_code", 130)) from None


def _complain(messages: Iterable[str], secrets: Collection[str]) -> None:
    for message in messages:
        sys.stderr.write(f"retention-lab: error: {_presentable(message, secrets)}\n")


def _presentable(line: str, secrets: Collection[str]) -> str:
    """One line for a terminal or a log, which shows no secret whatever stands in the data."""
    from analysis.reporting.gate import without_passwords, without_secrets

    return without_passwords(without_secrets(plain(line), secrets))


def _start_workers_early() -> None:
    # Their imports take as long as ours, and there is more than one processor.
    from analysis.reporting.crew import warm_up

    warm_up()


def _check_language(language: str) -> None:
    if language in LANGUAGES:
        return
    later = LANGUAGES_TO_COME.get(language)
    what = f"{later} is not built yet" if later else f"--language {language}: there is no such language"
    raise UsageError(f"{what}; available: {', '.join(LANGUAGES)}")


def _config(path: Path | None, sample: Sample | None, day: dt.date | None, secrets: set[str]) -> Config:
    if (path is None) == (sample is None):
        raise UsageError("give either CONFIG.yml or --sample NAME, and not both")
    return _loaded(path, day, secrets) if path else sample_config(str(sample))


def _loaded(path: Path, day: dt.date | None, secrets: set[str]) -> Config:
    """The configuration; one that is refused is refused together with its data, so that all can be mended at once."""
    from analysis.reporting.gate import secrets_of

    try:
        config = load_config(path)
    except ConfigurationRefused as refused:
        if refused.readable is None:
            raise
        from analysis.reporting.inspection import problems_in_data

        secrets |= set(secrets_of(refused.readable, os.environ))
        problems = problems_in_data(refused.readable, as_of=day)
        raise InputRefused([*refused.problems, *problems]) from None
    secrets |= set(secrets_of(config, os.environ))
    return config


def _folder(option: str, text: str) -> Path:
    if not text.strip():
        raise UsageError(f"{option} is empty; name a folder")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UsageError(f"{option} {text}: there is no such home folder") from None


def sample_config(name: str) -> Config:
    """The ready configuration of an embedded sample."""
    from analysis.reporting.request import notebooks_folder

    path = notebooks_folder() / "parameters" / f"{name}.yml"
    if path.exists():
        return load_config(path)
    return config_from_mapping({"data": {"transactions": {"sample": name}}}, path=path)


def _day(text: str | None) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--as-of {text}: must be a date such as 1997-09-30") from None
