"""Tables beside the transactions that say more of loyalty: campaigns, satisfaction, customer types, an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.config import LOYALTY_TABLES, Config
from analysis.data.engine import close, connect
from analysis.data.loyalty_rows import LoyaltyRows, loyalty_rows
from analysis.data.notes import Note
from analysis.errors import InputRefused, Problem
from analysis.provenance import content_hash


@dataclass(frozen=True)
class LoyaltyTables:
    """What is known beside the orders; None for what is not configured. Ids and names are text, days datetime64.

    Attributes
    ----------
    campaigns
        customer, start, end (first and last day) and, where it is configured, campaign: one row for each customer of
        each campaign.
    promotions
        start, end: one row a promotion.
    satisfaction
        customer, date (of the order), score (float, as it stands in the file): one row an answer.
    customer_types
        customer, type (``service``, ``offer``, ``brand`` or ``at_hand``): one row a customer.
    arms
        customer, arm: one row for each customer of the experiment.
    data_hash
        SHA-256 (hex) over the content of the files; None without any.
    notes
        What is worth saying about them.
    """

    campaigns: pd.DataFrame | None = None
    promotions: pd.DataFrame | None = None
    satisfaction: pd.DataFrame | None = None
    customer_types: pd.DataFrame | None = None
    arms: pd.DataFrame | None = None
    data_hash: str | None = None
    notes: tuple[Note, ...] = ()


def load_loyalty_tables(config: Config, *, workdir: Path) -> LoyaltyTables:
    """The tables that ``config.strategies`` names, read and checked.

    Parameters
    ----------
    config
        A checked configuration; paths resolve against its folder.
    workdir
        Folder for intermediate files.

    Raises
    ------
    InputRefused
        With every problem found in any of them.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> _ = Path(folder.name, "weeks.csv").write_text("from;until\\n3-3-2025;9-3-2025\\n14-4-2025;20-4-2025\\n")
    >>> promotions = {"file": "weeks.csv", "columns": {"start": "from", "end": "until"}}
    >>> sample = {"transactions": {"sample": "cdnow"}}
    >>> config = Config(name="shop", folder=folder.name, data=sample, strategies={"promotions": promotions})
    >>> tables = load_loyalty_tables(config, workdir=Path(folder.name))
    >>> tables.promotions["end"].dt.day.tolist(), tables.arms
    ([9, 20], None)
    """
    found: dict[str, LoyaltyRows] = {}
    problems: list[Problem] = []
    for name in LOYALTY_TABLES:
        if getattr(config.strategies, name) is not None:
            try:
                found[name] = _read(name, config, workdir / name)
            except InputRefused as refused:
                problems += refused.problems
    if problems:
        raise InputRefused(problems)
    frames = {name: rows.frame for name, rows in found.items()}
    return LoyaltyTables(
        campaigns=frames.get("campaigns"),
        promotions=frames.get("promotions"),
        satisfaction=frames.get("satisfaction"),
        customer_types=frames.get("customer_types"),
        arms=frames.get("experiment"),
        data_hash=content_hash({name: rows.digest for name, rows in found.items()}) if found else None,
        notes=tuple(note for rows in found.values() for note in rows.notes),
    )


def problems_in_loyalty_tables(config: Config, workdir: Path) -> tuple[Problem, ...]:
    """Every problem in the tables that ``config.strategies`` names."""
    try:
        load_loyalty_tables(config, workdir=workdir)
    except InputRefused as refused:
        return refused.problems
    return ()


def _read(name: str, config: Config, workdir: Path) -> LoyaltyRows:
    connection = connect(workdir)
    try:
        return loyalty_rows(connection, name, config, workdir)
    finally:
        close(connection, workdir)
