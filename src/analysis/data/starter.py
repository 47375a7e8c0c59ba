"""A first configuration beside a file of transactions, with what stands between it and a report."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml

from analysis.config import config_from_mapping
from analysis.data.files import ENDINGS, resolved_files
from analysis.data.inspection import commented_yaml, inspect_file
from analysis.data.transactions import load_transactions
from analysis.errors import InputRefused, UsageError


def write_starter(file: Path) -> Path:
    """Write ``x.yml`` beside ``x.csv`` and return its path.

    Raises
    ------
    UsageError
        Where the file is missing or of an unknown kind, or where there is such a configuration already.
    InputRefused
        Where the file is not what its ending says.
    """
    found = resolved_files([file.name], file.absolute().parent)
    if len(found) > 1:
        raise UsageError(
            f"{file}: {len(found)} files match; name one of them, such as {found[0].name}, and put the pattern into "
            "data.transactions of the configuration that is made"
        )
    (path,) = found
    target = path.with_name(f"{_stem(path)}.yml")
    if target.exists():
        raise UsageError(f"{target} is there already; it is never overwritten")
    draft = commented_yaml(inspect_file(path))
    unsettled = [f"# TO SETTLE: {' '.join(message.split())}" for message in _problems(draft, path)]
    first, rest = draft.split("\n", 1)
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write("\n".join([first, *unsettled, rest]))
    except FileExistsError:
        raise UsageError(f"{target} is there already; it is never overwritten") from None
    return target


def _problems(draft: str, path: Path) -> list[str]:
    """What `check` would say of the draft."""
    with tempfile.TemporaryDirectory(prefix="rlab-") as folder:
        try:
            load_transactions(
                config_from_mapping(yaml.safe_load(draft), path=path.with_suffix(".yml")), workdir=Path(folder)
            )
        except InputRefused as refused:
            return [problem.message for problem in refused.problems]
    return []


def _stem(path: Path) -> str:
    ending = max((one for one in ENDINGS if path.name.lower().endswith(one)), key=len)
    return path.name[: -len(ending)]
