"""The stamp: from what a report was made. Notebooks end with its identity, pages show it, the run compares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analysis.config import Config, DatabaseSource, SampleSource, SparkSource
from analysis.pipeline.sources import DISTRIBUTION, content_hash, dependency_versions

if TYPE_CHECKING:
    from analysis.pipeline import Study

SENTINEL = "application/vnd.retention-lab+json"
"""Type of the last output of a notebook; browsers show none of it."""
ROLE = "retention-lab"
"""Key in the metadata of an output that says what it is: the ``style`` for JupyterLab, or the ``title`` of the page."""


@dataclass(frozen=True)
class Stamp:
    """From what a report was made."""

    run_id: str
    """Twelve hexadecimal digits over everything that can change the result, with ``-2`` and so on where forced."""
    name: str
    config_hash: str
    """SHA-256 of the resolved configuration (see ``config_hash``)."""
    data_hash: str
    """SHA-256 of the data that were read."""
    as_of: str
    """Last day of the data that counts (ISO date)."""
    language: str
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of what made the numbers."""
    generated_at: str = ""
    """When it was made (ISO date and time, UTC)."""


def identity(config: Config, data_hash: str, as_of: str) -> dict[str, str]:
    """The part of the stamp that a notebook must agree on: report, configuration, data, day, language."""
    return {
        "name": config.name,
        "config_hash": config_hash(config),
        "data_hash": data_hash,
        "as_of": as_of,
        "language": config.language,
    }


def identity_of(study: Study) -> dict[str, str]:
    """The identity of a study, for the sentinel that ends a notebook."""
    return identity(study.config, study.data_hash, study.observation_end)


def config_hash(config: Config) -> str:
    """SHA-256 of a resolved configuration.

    Where the files lie and the last day stay out: the data's hash and the as-of date say that better,
    and a report stays the same when its folder moves. So does the time that a run may take, which changes no result.
    """
    content = config.model_dump(mode="json")
    content["data"].pop("observation_end")
    content.pop("deadline_minutes")
    if not isinstance(config.data.transactions, SampleSource | DatabaseSource | SparkSource):
        content["data"].pop("transactions")
    for key in config.further_tables:
        section_in(content, key).pop("file")
    return content_hash(content)


def section_in(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The section of a configuration's content that a dotted key leads to.

    >>> section_in({"strategies": {"promotions": {"file": "weeks.csv"}}}, "strategies.promotions")
    {'file': 'weeks.csv'}
    """
    for part in key.split("."):
        content = content[part]
    return content


def main_versions() -> dict[str, str]:
    """The versions that a reader of a report may want to know: those that make its numbers."""
    named = ("python", DISTRIBUTION, "lifetimes", "numpy", "pandas", "scipy", "duckdb", "statsmodels")
    known = dependency_versions()
    return {name: known[name] for name in named if name in known}
