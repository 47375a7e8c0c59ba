"""The whole configuration, of its sections, and every key that it may have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, model_validator

from analysis.config.contracts import ContractsConfig
from analysis.config.data import DataConfig
from analysis.config.economics import EconomicsConfig, ModelConfig, RetentionConfig
from analysis.config.kinds import ColumnName, PlainName
from analysis.config.loyalty_tables import LOYALTY_TABLES
from analysis.config.section import Section
from analysis.config.strategies import LONGEST_HORIZON, StrategiesConfig
from analysis.timeunits import TimeUnit, units_per_year

LANGUAGES = ("en", "nl")
LONGEST_DEADLINE = 7 * 24 * 60


class BatchConfig(Section):
    """A report for each value of a column: of all its values, or of those that are listed."""

    split_by: ColumnName
    values: list[str] | None = Field(default=None, min_length=1)


class Config(Section):
    """A whole configuration; see ``load_config`` for files.

    Examples
    --------
    >>> config = Config(name="shop", data={"transactions": {"sample": "cdnow"}})
    >>> config.economics.horizon_years
    3
    """

    name: PlainName
    language: Literal["en", "nl"] = "en"
    deadline_minutes: float | None = Field(default=None, gt=0, le=LONGEST_DEADLINE)
    customer_files: bool = True
    folder: Path = Field(default=Path(), exclude=True)
    data: DataConfig
    model: ModelConfig = ModelConfig()
    economics: EconomicsConfig = EconomicsConfig()
    retention: RetentionConfig = RetentionConfig()
    contracts: ContractsConfig | None = None
    strategies: StrategiesConfig = StrategiesConfig()
    batch: BatchConfig | None = None

    @model_validator(mode="after")
    def _batch_splits_its_own_data(self) -> Config:
        if self.batch and self.data.columns is None:
            raise ValueError("batch: an embedded sample has no column to split by; name data.columns of your own data")
        if self.batch and self.data.part is not None:
            raise ValueError("batch: data.part is one part already; leave one of the two out")
        if self.contracts and (self.batch or self.data.part is not None):
            raise ValueError("contracts: they cannot be split into parts; leave them out, or batch and data.part")
        if self.strategies.experiment and (self.batch or self.data.part is not None):
            raise ValueError(
                "strategies.experiment: its arms cannot be split into parts; leave it out, or batch and data.part"
            )
        return self

    @model_validator(mode="after")
    def _strategies_begin_within_the_horizon(self) -> Config:
        if self.strategies.horizon_weeks is None:
            if self.strategies != StrategiesConfig() and (weeks := self._weeks_of_the_economics) > LONGEST_HORIZON:
                raise ValueError(
                    f"strategies: economics.horizon_years == {self.economics.horizon_years:g} is {weeks:,} weeks, and "
                    f"strategies are compared over at most {LONGEST_HORIZON:,}; set strategies.horizon_weeks"
                )
            named = "the weeks of economics.horizon_years"
            if wrong := self.strategies.after_the_horizon(self.horizon_weeks, named):
                raise ValueError("strategies: " + "; ".join(wrong))
        return self

    @property
    def horizon_weeks(self) -> int:
        """How far strategies are compared, in whole weeks: as stated, else the economics' horizon, 1 to 1,040."""
        return self.strategies.horizon_weeks or min(self._weeks_of_the_economics, LONGEST_HORIZON)

    @property
    def _weeks_of_the_economics(self) -> int:
        return max(round(self.economics.horizon_years * units_per_year(TimeUnit.WEEK)), 1)

    @property
    def further_tables(self) -> dict[str, Any]:
        """Dotted key -> section, of the tables that are configured beside the transactions; each has a ``file``."""
        sections = {"contracts": self.contracts}
        sections |= {f"strategies.{name}": getattr(self.strategies, name) for name in LOYALTY_TABLES}
        return {key: section for key, section in sections.items() if section is not None}

    @property
    def zone(self) -> ZoneInfo | None:
        return ZoneInfo(self.data.timezone) if self.data.timezone else None


def known_keys(model: type[BaseModel] = Config, prefix: str = "") -> Iterator[str]:
    """Every dotted key a configuration may have.

    >>> "economics.gross_margin" in set(known_keys())
    True
    """
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        yield prefix + name
        for section in _sections_in(field.annotation):
            yield from known_keys(section, f"{prefix}{name}.")


def share_names(model: type[BaseModel] = Config) -> Iterator[str]:
    """Last part of every key whose number ends at 1, so that a percentage is not written as 30.

    >>> {"gross_margin", "gain", "depth"} <= set(share_names())
    True
    """
    for name, field in model.model_fields.items():
        limits = [limit for kind in field.metadata for limit in (getattr(kind, "le", None), getattr(kind, "lt", None))]
        if 1 in limits:
            yield name
        for section in _sections_in(field.annotation):
            yield from share_names(section)


def _sections_in(annotation: Any) -> Iterator[type[Section]]:
    for branch in (annotation, *get_args(annotation)):
        inner = get_args(branch)[0] if hasattr(branch, "__metadata__") else branch
        if isinstance(inner, type) and issubclass(inner, Section):
            yield inner
