"""Tables beside the transactions that say more of loyalty: campaigns, promotions, satisfaction and an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from analysis.config.kinds import ColumnName, ColumnNames, Cost, Day, Delimiter, Section

LOYALTY_TABLES = ("campaigns", "promotions", "satisfaction", "customer_types", "experiment")
"""The keys of ``strategies`` that name a table."""
DAYS_AND_NAMES = {"start", "end", "campaign"}
"""Roles that may share a column: what lasts a day begins and ends on it, and may be named after it."""


class TableColumns(ColumnNames):
    """Columns of a table, each of its own."""

    @model_validator(mode="after")
    def _each_of_its_own(self) -> TableColumns:
        for (role, name), (other, another) in combinations(self.mapped().items(), 2):
            if name == another and not {role, other} <= DAYS_AND_NAMES:
                raise ValueError(f"{role} and {other} name one column, {name!r}; each needs its own")
        return self


class _Table(Section):
    """A file and how to read it; the keys of reading are those of ``DataConfig``."""

    file: str = Field(min_length=1)
    delimiter: Delimiter | None = None
    encoding: str | None = None
    sheet: str | None = None


class DatedTable(_Table):
    """The same, with days in it."""

    date_format: str | None = None


class CampaignColumns(TableColumns):
    """Whom a campaign targeted, its first and last day, and which it was."""

    customer: ColumnName
    start: ColumnName
    end: ColumnName
    campaign: ColumnName | None = None


class CampaignsConfig(DatedTable):
    """Targeted campaigns: a row for each customer of each."""

    columns: CampaignColumns


class PromotionColumns(TableColumns):
    """First and last day of a promotion."""

    start: ColumnName
    end: ColumnName


class PromotionsConfig(DatedTable):
    """The calendar of promotions: a row for each."""

    columns: PromotionColumns


class SatisfactionColumns(TableColumns):
    """Who was asked, on which order, and what they said."""

    customer: ColumnName
    date: ColumnName
    score: ColumnName


class SatisfactionConfig(DatedTable):
    """Satisfaction scores: a row for each answer."""

    columns: SatisfactionColumns
    decimal: Literal[",", "."] | None = None


class CustomerTypeColumns(TableColumns):
    """Which customer is of which type."""

    customer: ColumnName
    type: ColumnName


class CustomerTypesConfig(_Table):
    """What type each customer is: a row for each whose type is known."""

    columns: CustomerTypeColumns


class ExperimentColumns(TableColumns):
    """Which customer was assigned to which arm."""

    customer: ColumnName
    arm: ColumnName


def _arm(name: Any) -> Any:
    # A cell is always text; YAML reads a bare 1 as a number.
    if isinstance(name, bool) or not isinstance(name, str | int | float) or not str(name).strip():
        raise PydanticCustomError("arm", "must be the name of an arm as text; put it in quotes")
    return str(name).strip()


def _costs_by_arm(given: Any) -> Any:
    return {_arm(name): cost for name, cost in given.items()} if isinstance(given, Mapping) else given


class ExperimentConfig(_Table):
    """An experiment that was run: who was assigned to which arm, when, and what an arm cost."""

    columns: ExperimentColumns
    starts: Day
    ends: Day | None = None
    control: Annotated[str, BeforeValidator(_arm)]
    cost_per_customer: Annotated[dict[str, Cost], BeforeValidator(_costs_by_arm)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> ExperimentConfig:
        if self.ends is not None and self.ends < self.starts:
            raise ValueError(f"ends == {self.ends}, must not be before starts == {self.starts}")
        return self
