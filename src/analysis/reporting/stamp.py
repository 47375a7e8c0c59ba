"""The stamp: from what a report was made. Notebooks carry it, the page shows it, the gate compares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from analysis.config import Config, DatabaseSource, SampleSource
from analysis.provenance import content_hash

if TYPE_CHECKING:
    from analysis.study import Study

SENTINEL = "application/vnd.retention-lab+json"


@dataclass(frozen=True)
class Stamp:
    """From what a report was made.

    Attributes
    ----------
    run_id
        Twelve hexadecimal digits over everything that can change the result; with ``-2`` and so on
        where a run was forced. Empty in a notebook that was started by hand.
    name
        Name of the report.
    config_hash
        SHA-256 of the resolved configuration (see ``config_hash``).
    data_hash
        SHA-256 of the data that were read.
    as_of
        Last day of the data that counts (ISO date).
    language
        Language of the page.
    versions
        Versions of what made the numbers.
    generated_at
        When the page was made (ISO date and time, UTC).
    """

    run_id: str
    name: str
    config_hash: str
    data_hash: str
    as_of: str
    language: str
    versions: Mapping[str, str] = field(default_factory=dict)
    generated_at: str = ""

    def identity(self) -> dict[str, str]:
        """The part that a notebook must agree on."""
        return identity(self.name, self.config_hash, self.data_hash, self.as_of, self.language)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def identity(name: str, config: str, data: str, as_of: str, language: str) -> dict[str, str]:
    """What was asked: report, configuration, data, as-of date and language."""
    return {"name": name, "config_hash": config, "data_hash": data, "as_of": as_of, "language": language}


def identity_of(study: Study) -> dict[str, str]:
    """The identity of a study, for the sentinel that ends a notebook."""
    transactions = study.transactions
    as_of = transactions.observation_end.isoformat()
    config = study.config
    return identity(config.name, config_hash(config), study.data_hash, as_of, config.language)


def config_hash(config: Config) -> str:
    """SHA-256 of a resolved configuration.

    Where the files lie and the last day stay out: the data's hash and the as-of date say that better,
    and a report stays the same when its folder moves. So does the time that a run may take, which changes no result.
    """
    content = config.model_dump(mode="json")
    content["data"].pop("observation_end")
    content.pop("deadline_minutes")
    if not isinstance(config.data.transactions, SampleSource | DatabaseSource):
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
