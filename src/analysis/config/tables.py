"""Tables beside the transactions, each declared by the roles of its columns: those of a customer database under
``data``, and those that say more of loyalty under ``strategies``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, create_model, field_validator, model_validator
from pydantic_core import PydanticCustomError

from analysis.config.kinds import ColumnName, ColumnNames, Cost, Day, Delimiter, Section, with_roles

GROUP = "group "
"""Begins the role of a column that customers are grouped by under its own name."""


class _Grouped(ColumnNames):
    """With further columns to group by, under their own names."""

    groups: tuple[ColumnName, ...] = ()

    @field_validator("groups")
    @classmethod
    def _named_otherwise(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if roles := sorted(set(names) & set(cls.model_fields)):
            raise ValueError(f"{', '.join(roles)}: a column of that name has a key of its own")
        return names

    def mapped(self) -> dict[str, str]:
        named = {role: name for role, name in super().mapped().items() if role != "groups"}
        return named | {GROUP + name: name for name in self.groups}


class Table(Section):
    """A file and how to read it; the keys of reading are those of ``DataConfig``."""

    file: str = Field(min_length=1)
    delimiter: Delimiter | None = None
    encoding: str | None = None
    sheet: str | None = None


class DatedTable(Table):
    """The same, with days in it."""

    date_format: str | None = None


class MeasuredTable(DatedTable):
    """The same, with days and numbers in it."""

    decimal: Literal[",", "."] | None = None


def _arm(name: Any) -> Any:
    # A cell is always text; YAML reads a bare 1 as a number.
    if isinstance(name, bool) or not isinstance(name, str | int | float) or not str(name).strip():
        raise PydanticCustomError("arm", "must be the name of an arm as text; put it in quotes")
    return str(name).strip()


def _costs_by_arm(given: Any) -> Any:
    return {_arm(name): cost for name, cost in given.items()} if isinstance(given, Mapping) else given


ExperimentColumns = with_roles("ExperimentColumns", "customer arm")
"""Which customer was assigned to which arm."""
ExperimentColumns.__module__ = __name__  # where pickle looks for it


class ExperimentConfig(Table):
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


def _table(
    name: str,
    doc: str,
    needed: str,
    known: str = "",
    *,
    base: type[Table] = MeasuredTable,
    columns: type[ColumnNames] = ColumnNames,
    **keys: Any,
) -> type[Table]:
    """The section of a table with these roles of columns: what is needed, and what may be known."""
    columns = with_roles(f"{name}Columns", needed, known, columns)
    columns.__module__ = __name__
    table = create_model(name, __base__=base, __module__=__name__, __doc__=doc, columns=(columns, ...), **keys)
    globals().update({each.__name__: each for each in (columns, table)})  # where pickle looks for them
    return table


LOT = ("list", "customer", "arm", "start", "end", "gross_margin", "cost_per_order", "cost_per_contact", "incentive")
"""Columns of a lot."""
# fmt: off
CUSTOMER_TABLES = {
    "customers": _table(
        "Names", "Everyone whose name is known: a row for each.",
        "customer", "channel segment referred_by enquired opt_in club_since", columns=_Grouped,
        earned=(tuple[str, ...], ()),
    ),
    "acquisition": _table("Acquisition", "Spend on winning customers.", "date spend", "channel"),
    "contacts": _table("Contacts", "Who was written to: a row for each contact.", "customer date", "list"),
    "exits": _table(
        "Exits", "Who left, and why: a row for each.", "customer date reason", avoidable=(tuple[str, ...], ())
    ),
    "points": _table("Points", "Points of a programme that were earned.", "customer date earned", "redeemed expires"),
    "lots": _table("Lots", "Lots that were drawn: a row for each customer in one.", " ".join(LOT)),
}
"""The keys of ``data`` that name a table of a customer database -> its section."""
LOYALTY_TABLES = {
    "campaigns": _table(
        "Campaigns", "Targeted campaigns: a row for each customer of each, with its first and last day.",
        "customer start end", "campaign", base=DatedTable,
    ),
    "promotions": _table(
        "Promotions", "The calendar of promotions: a row for each, with its first and last day.",
        "start end", base=DatedTable,
    ),
    "satisfaction": _table(
        "Satisfaction", "Satisfaction scores: a row for each answer, with the day of the order that was asked of.",
        "customer date score",
    ),
    "customer_types": _table(
        "CustomerTypes", "What type each customer is: a row for each whose type is known.",
        "customer type", base=Table,
    ),
    "experiment": ExperimentConfig,
}
"""The keys of ``strategies`` that name a table -> its section."""
# fmt: on


def _all_of(name: str, tables: Mapping[str, type[Table]]) -> type[Section]:
    keys = {key: (kind | None, None) for key, kind in tables.items()}
    return create_model(name, __base__=Section, __module__=__name__, **keys)


CustomerTablesConfig = _all_of("CustomerTablesConfig", CUSTOMER_TABLES)
LoyaltyTablesConfig = _all_of("LoyaltyTablesConfig", LOYALTY_TABLES)
