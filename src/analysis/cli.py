"""The command line: every command is one call of a function, and every error becomes an exit code."""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.errors import BatchFailed, InputRefused, RetentionLabError, UsageError, full_disk_named
from analysis.processes import check as check_interruption
from analysis.processes import forget, heed_signals
from analysis.report.progress import LOG_FORMATS, Log, plain, shown

if TYPE_CHECKING:
    from analysis.config import Config

LogFormat = StrEnum("LogFormat", list(LOG_FORMATS))
SAMPLES = "cdnow|cdnow-full|complete-journey|simulated|simulated-shop"

BEGAN = time.monotonic()
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


def main() -> None:
    """Entry point of the command ``retention-lab``."""
    heed_signals()
    app(prog_name="retention-lab")


def _version(wanted: bool) -> None:  # noqa: FBT001 (typer calls it so)
    if wanted:
        import analysis

        typer.echo(f"retention-lab {analysis.__version__}")
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
    sample: Annotated[
        str | None, typer.Option(metavar=f"[{SAMPLES}]", help="An embedded sample in place of a configuration.")
    ] = None,
    as_of: AsOfOption = None,
    out: OutOption = "reports",
    language: Annotated[
        str | None, typer.Option(metavar="en|nl", help="Language of the pages; beats the configuration's.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(metavar="N", help="Most notebooks, and most steps, at a time.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Make it again although nothing changed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Print the pages too, by an installed Chromium.")] = False,
    no_customer_files: Annotated[
        bool, typer.Option("--no-customer-files", help="Leave the files of single customers out.")
    ] = False,
    draw: Annotated[
        str | None, typer.Option(metavar="LIST", help="Draw a lot of a list of contacts first, such as win_back.")
    ] = None,
    no_code: Annotated[bool, typer.Option("--no-code", help="Leave the code of the cells off the pages.")] = False,
    log_format: Annotated[
        LogFormat | None, typer.Option("--log-format", help="Lines on standard error; a bar on a terminal without it.")
    ] = None,
) -> None:
    """Make a report, or a batch of them; the last lines of the output are the folders."""
    with exit_codes(log_format) as secrets, shown(log_format) as progress:
        day, folder = _day(as_of), _folder("--out", out)
        beating = {"language": language, "customer_files": False if no_customer_files else None}
        if (config is None) == (sample is None):
            raise UsageError("give either CONFIG.yml or --sample NAME, and not both")
        from analysis.config import LANGUAGES

        if language not in (None, *LANGUAGES):
            raise UsageError(f"--language {language}: there is no such language; available: {', '.join(LANGUAGES)}")
        if config:
            resolved = _loaded(config, day, secrets, beating)
        else:
            from analysis.pipeline import sample_config

            resolved = sample_config(sample, beating)
        if draw is not None and resolved.batch:
            raise UsageError("--draw: a batch has its lists by part; draw for the configuration of one part")
        asked = {"as_of": day, "out": folder, "jobs": jobs, "force": force, "dry_run": dry_run, "pdf": pdf}
        for made in _reports(resolved, {**asked, "draw": draw, "code": not no_code, "progress": progress}):
            typer.echo(f"would make {made}" if dry_run else str(made))


def _reports(config: Config, asked: dict[str, Any]) -> list[Path]:
    if not config.batch:
        from analysis.report import run

        return [run.run_report(config, **asked)]
    from analysis.report import batch

    try:
        return batch.run_batch(config, **asked)
    except BatchFailed as failed:
        for made in failed.folders:
            typer.echo(str(made))
        raise


@app.command()
def check(config: ConfigArgument, *, as_of: AsOfOption = None) -> None:
    """Check a configuration and its data: print the ledger and every problem at once."""
    with exit_codes() as secrets:
        from analysis.report.check import inspection

        day = _day(as_of)
        for line in inspection(_loaded(config, day, secrets), as_of=day):
            typer.echo(_presentable(line, secrets))


@app.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of transactions.")],
    *,
    sheet: Annotated[str | None, typer.Option("--sheet", metavar="NAME", help="Sheet of a workbook.")] = None,
) -> None:
    """Write a commented configuration beside a file of transactions; never overwrites."""
    with exit_codes():
        from analysis.data.starter import write_starter

        typer.echo(str(write_starter(file, sheet)))


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
        from analysis.report.score import score_customers

        day, origin, folder = _day(as_of), _folder("--run", run), _folder("--out", out)
        folder = score_customers(_loaded(config, day, secrets), run=origin, as_of=day, out=folder)
    typer.echo(str(folder))


@contextmanager
def exit_codes(log_format: str | None = None) -> Iterator[set[str]]:
    """Errors that this package raises on purpose, as lines on standard error and an exit code.

    What is put into the set that this gives is hidden in the lines.
    """
    secrets: set[str] = set()
    try:
        with full_disk_named(), _nothing_swallowed():
            yield secrets
    except InputRefused as refused:
        messages, code = [problem.message for problem in refused.problems], refused.exit_code
    except RetentionLabError as error:
        messages, code = str(error).splitlines(), error.exit_code
    except KeyboardInterrupt as interrupt:
        forget()
        messages = ["interrupted; nothing half-made is left, and what was published stays"]
        code = getattr(interrupt, "exit_code", 130)
    except Exception as error:
        if log_format != "json":
            raise
        messages = [f"unexpected {type(error).__name__}: {error}", *traceback.format_exc().splitlines()]
        code = 1
    else:
        return
    log = Log(sys.stderr, as_json=True, began=BEGAN)
    for line in (_presentable(message, secrets) for message in messages):
        if log_format == "json":
            log.tell("error", message=line, exit_code=code)
        else:
            sys.stderr.write(f"retention-lab: error: {line}\n")
    raise typer.Exit(code)


@contextmanager
def _nothing_swallowed() -> Iterator[None]:
    try:
        yield
    except Exception:
        check_interruption()  # which some library made an error of its own of
        raise
    check_interruption()


def _presentable(line: str, secrets: set[str]) -> str:
    """One line for a terminal or a log, which shows no secret whatever stands in the data."""
    from analysis.report.secrets import without_passwords, without_secrets

    return without_passwords(without_secrets(plain(line), secrets))


def _loaded(path: Path, day: dt.date | None, secrets: set[str], beating: dict[str, Any] | None = None) -> Config:
    """The configuration; one that is refused is refused together with its data, so that all can be mended at once."""
    from analysis.config import ConfigurationRefused, load_config
    from analysis.report.secrets import secrets_of

    try:
        config = load_config(path, overrides=beating)
    except ConfigurationRefused as refused:
        if refused.readable is None:
            raise
        from analysis.report.check import problems_in_data

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


def _day(text: str | None) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--as-of {text}: must be a date such as 1997-09-30") from None
