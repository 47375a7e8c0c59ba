"""The files that a configuration names: where they lie, and whether they are what they say."""

from __future__ import annotations

import glob
import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from analysis.config import nearest
from analysis.errors import USAGE, Problem, printable, shortened

ENDINGS = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"), "text"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".xlsx", ".xlsm"), "workbook"),
}
SIGNATURES = {
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls) or another Office file",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "a SQLite database",
}
BEGINNINGS = {"parquet": b"PAR1", "workbook": b"PK\x03\x04"}
CHUNK_BYTES = 1 << 20
LONGEST_NAME = 100
JSON = (
    "a JSON document, of which in Python pandas.read_json(file, lines=True).to_csv('orders.csv', index=False) makes a "
    "table (without lines=True where it is one list)"
)


def kind_of(path: Path) -> str | None:
    """What the ending of a file promises: text, parquet or workbook; None for an unknown ending.

    >>> kind_of(Path("orders.CSV.gz"))
    'text'
    """
    return next((kind for ending, kind in ENDINGS.items() if path.name.lower().endswith(ending)), None)


def files_and_problems(patterns: Iterable[str], folder: Path) -> tuple[list[Path], list[Problem]]:
    """The files that names and globs stand for, relative to ``folder``, and what is wrong with the others.

    That is a name or glob without a file, an ending that cannot be read, and a file of another kind than the first.
    """
    problems: list[Problem] = []
    found: dict[Path, str] = {}
    for pattern in patterns:
        matches = files_matching(pattern, folder)
        if not matches:
            problems.append(Problem(_missing_message(pattern, folder), USAGE))
        for path in matches:
            if printable(path) != str(path):
                problems.append(Problem(f"transactions: {printable(path)} is no UTF-8; rename it", USAGE))
            elif kind := kind_of(path):
                found[path] = kind
            else:
                problems.append(Problem(_ending_message(path), USAGE))
    contents = list(dict.fromkeys(found.values()))
    if len(contents) > 1:
        listed = " and ".join(sorted(contents))
        problems.append(Problem(f"transactions: files of one kind only, found {listed}", USAGE))
    return [path for path, kind in found.items() if kind == contents[0]], problems


def files_matching(pattern: str, folder: Path) -> list[Path]:
    """The files that one name or glob stands for, relative to ``folder``; none where it can be no path at all."""
    try:
        path = located(pattern, folder)
        if path.is_file():
            return [path]
        if not glob.has_magic(pattern):
            return []
        # The folder is taken literally, whatever brackets its name has.
        full = str(located(pattern, Path(glob.escape(str(folder)))))
        return sorted(match for name in glob.iglob(full, recursive=True) if (match := Path(name)).is_file())  # noqa: PTH207
    except (OSError, ValueError):
        return []


def located(name: str, folder: Path) -> Path:
    """Where a name in a configuration lies: ``~`` is the home folder, the rest is relative to ``folder``."""
    return folder / os.path.expanduser(name)  # noqa: PTH111 (pathlib's raises where there is no such user)


def _missing_message(pattern: str, folder: Path) -> str:
    path = located(pattern, folder)
    if glob.has_magic(pattern):
        where = "" if located(pattern, Path()).is_absolute() else f" in {folder}"
        return f"transactions: no file matches {shortened(pattern, LONGEST_NAME)!r}{where}"
    try:
        if path.is_dir():
            return f"transactions: {path} is a folder; name a file in it, or a glob such as {pattern.rstrip('/')}/*.csv"
        if path.exists():
            return f"transactions: {path} is a pipe or a device, which can be read only once; write it to a file first"
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return f"transactions: {shortened(pattern, LONGEST_NAME)!r} cannot be the name of a file ({reason})"
    return f"transactions: there is no file {path}{nearest(path.name, beside, 0)}"


def _ending_message(path: Path) -> str:
    advice = "; save it as .xlsx" if path.suffix.lower() in {".xls", ".xlsb", ".ods"} else ""
    advice = f"; it may be {JSON}" if path.suffix.lower() in {".json", ".jsonl", ".ndjson"} else advice
    return f"transactions: {path.name} has an ending that cannot be read{advice}; known are {', '.join(ENDINGS)}"


def problems_in_content(path: Path) -> list[Problem]:
    """Whether a file is what its ending says, judged by its first bytes."""
    try:
        with opened(path) as stream:
            start = stream.read(4096)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return [Problem(f"{path.name}: its name ends in .gz, but the content is not a complete gzip archive")]
    except OSError as error:
        return [Problem(f"transactions: {path} cannot be read: {(error.strerror or str(error)).lower()}", USAGE)]
    if not start.strip(b"\xef\xbb\xbf \t\r\n"):
        return [Problem(f"{path.name}: the file is empty; a header and at least one row are needed")]
    found = _signature(start)
    kind = kind_of(path)
    is_promised = start.startswith(BEGINNINGS[kind]) if kind in BEGINNINGS else not found
    if is_promised:
        return []
    ending = "".join(path.suffixes[-2:]) if _is_gzip(path) else path.suffix
    content = found or f"not {SIGNATURES[BEGINNINGS[kind]]}"
    return [Problem(f"{path.name}: the name ends in {ending}, but the content is {content}")]


def opened(path: Path) -> BinaryIO:
    """The file as bytes, decompressed where its name ends in .gz."""
    return gzip.open(path, "rb") if _is_gzip(path) else path.open("rb")


def _is_gzip(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _signature(start: bytes) -> str | None:
    for magic, name in SIGNATURES.items():
        if start.startswith(magic):
            return name
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<table", b"<?xml", b"<svg")):
        return "a web page or another document of HTML or XML"
    return JSON if text.startswith((b'{"', b"[{", b"{ ", b"{\n", b"{\r", b"[\n")) else None


def sha256_of(paths: Iterable[Path]) -> Callable[[], str]:
    """SHA-256 over the content of files, whatever their names and order; computed while other work goes on."""
    executor = ThreadPoolExecutor(1)
    future = executor.submit(lambda: combined_digest(file_digest(path) for path in paths))
    executor.shutdown(wait=False)
    return future.result


def combined_digest(digests: Iterable[str]) -> str:
    """One digest for several; a single one stays itself."""
    ordered = sorted(digests)
    return ordered[0] if len(ordered) == 1 else hashlib.sha256("\n".join(ordered).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) over the content of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
