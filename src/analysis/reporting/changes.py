"""What differs between a run and the one before it: figures, data, settings, versions, program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.provenance import dependency_versions, files_hash, package_hash
from analysis.reporting.history import EarlierRun, KeyFigures, earlier_run, key_figures

if TYPE_CHECKING:
    from analysis.config import Config
    from analysis.study import Study

NO_SETTINGS = {"name", "deadline_minutes", "customer_files", "data.observation_end"}
"""Keys that change no figure, or whose effect is told as the last day of the data."""
TRANSACTIONS, FILE = "data.transactions", ".file"


@dataclass(frozen=True)
class Change:
    """One thing that has another value than before; None where it had or has none."""

    name: str
    before: str | None
    now: str | None


@dataclass(frozen=True)
class Changes:
    """What differs from the earlier run.

    Attributes
    ----------
    before
        The earlier run.
    now
        The key figures of this one.
    same_data
        Whether both were made from the same rows.
    settings
        Keys of the configuration whose values differ.
    versions
        Packages below this one, and the interpreter, whose versions differ.
    program
        Whether this package itself differs, in its source or its notebooks.
    """

    before: EarlierRun
    now: KeyFigures
    same_data: bool
    settings: tuple[Change, ...]
    versions: tuple[Change, ...]
    program: bool

    @property
    def money_compares(self) -> bool:
        """Whether amounts of both runs are in the same currency."""
        return self.now.currency == self.before.figures.currency

    @property
    def verdicts(self) -> Mapping[str, tuple[str, str]]:
        """Claim -> verdict before and now, where they differ."""
        before = self.before.figures.claims
        both = {claim: (before[claim], verdict) for claim, verdict in self.now.claims.items() if claim in before}
        return {claim: pair for claim, pair in both.items() if pair[0] != pair[1]}


def changes_since(previous: str | Path | None, study: Study) -> Changes | None:
    """What differs from the run in the folder ``previous``; None where there is no such run."""
    from analysis.reporting.results_json import results

    before = earlier_run(Path(previous).absolute()) if previous else None
    if before is None:
        return None
    manifest = before.manifest
    return Changes(
        before=before,
        now=key_figures(results(study)),
        same_data=manifest.get("data_hash") == study.data_hash,
        settings=tuple(_differing(settings_of(before.configuration), settings_of(plain_content(study.config)))),
        versions=tuple(_differing(manifest.get("versions", {}), dependency_versions())),
        program=_program_differs(manifest),
    )


def plain_content(config: Config) -> dict[str, Any]:
    """What a configuration says, defaults included, as JSON knows it."""
    return config.model_dump(mode="json", exclude_none=True)


def settings_of(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Dotted key -> value as text, of everything in a configuration that can change a result; of a file its name.

    >>> settings_of({"name": "shop", "data": {"transactions": "/srv/orders.csv", "count_duplicates": True}})
    {'data.transactions': 'orders.csv', 'data.count_duplicates': 'true'}
    """
    return {key: value for key, value in _flat(configuration).items() if key not in NO_SETTINGS}


def _flat(content: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Dotted key -> value as text; of a file its name, since where it lies changes nothing."""
    found: dict[str, str] = {}
    for name, value in content.items():
        key = f"{above}{name}"
        is_file = key == TRANSACTIONS or key.endswith(FILE)
        found |= _flat(value, f"{key}.") if isinstance(value, Mapping) else {key: _text(value, is_file=is_file)}
    return found


def _text(value: Any, *, is_file: bool) -> str:
    values = value if isinstance(value, list | tuple) else [value]
    texts = (str(one).lower() if isinstance(one, bool) else str(one) for one in values)
    return ", ".join(Path(text).name if is_file else text for text in texts)


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            yield Change(name, before.get(name), now.get(name))


def _program_differs(manifest: Mapping[str, Any]) -> bool:
    from analysis.reporting.request import notebooks_folder

    notebooks = {path.stem: files_hash([path], path.parent) for path in notebooks_folder().glob("*.ipynb")}
    return manifest.get("package", {}).get("source_hash") != package_hash() or manifest.get("notebooks") != notebooks
