"""Tables of a customer database beside the transactions: names, spend on them, contacts, exits, points and lots."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from analysis.config.kinds import ColumnName
from analysis.config.loyalty_tables import DatedTable, TableColumns

GROUP = "group "
"""Begins the role of a column that customers are grouped by under its own name."""


class NamesColumns(TableColumns):
    """Who is who: with an order or without one; ``groups`` are further columns to group by."""

    customer: ColumnName
    channel: ColumnName | None = None
    segment: ColumnName | None = None
    referred_by: ColumnName | None = None
    enquired: ColumnName | None = None
    opt_in: ColumnName | None = None
    club_since: ColumnName | None = None
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


class AcquisitionColumns(TableColumns):
    """What was spent on winning customers, when and where."""

    date: ColumnName
    spend: ColumnName
    channel: ColumnName | None = None


class ContactColumns(TableColumns):
    """Who was contacted, when, and for which list."""

    customer: ColumnName
    date: ColumnName
    list: ColumnName | None = None


class ExitColumns(TableColumns):
    """Who left, when and why."""

    customer: ColumnName
    date: ColumnName
    reason: ColumnName


class PointColumns(TableColumns):
    """Points earned and redeemed, and the day on which they lapse."""

    customer: ColumnName
    date: ColumnName
    earned: ColumnName
    redeemed: ColumnName | None = None
    expires: ColumnName | None = None


class LotColumns(TableColumns):
    """A lot as it was drawn: who is in which arm, from when until when, and at what costs it counts."""

    customer: ColumnName = "customer"
    list: ColumnName = "list"
    arm: ColumnName = "arm"
    start: ColumnName = "start"
    end: ColumnName = "end"
    gross_margin: ColumnName = "gross_margin"
    cost_per_order: ColumnName = "cost_per_order"
    cost_per_contact: ColumnName = "cost_per_contact"
    incentive: ColumnName = "incentive"


class _CustomerTable(DatedTable):
    decimal: Literal[",", "."] | None = None


class NamesConfig(_CustomerTable):
    """Everybody in the customer file: a row for each name."""

    columns: NamesColumns


class AcquisitionConfig(_CustomerTable):
    """Spend on winning customers: a row for each day or month, and channel."""

    columns: AcquisitionColumns


class ContactTableConfig(_CustomerTable):
    """Contacts that were made: a row for each customer and day."""

    columns: ContactColumns


class ExitsConfig(_CustomerTable):
    """Customers who left: a row for each; ``avoidable`` names the reasons that the company could have prevented."""

    columns: ExitColumns
    avoidable: tuple[str, ...] = ()


class PointsConfig(_CustomerTable):
    """Points: a row for each day on which a customer earned or redeemed some."""

    columns: PointColumns


class LotsConfig(_CustomerTable):
    """Lots that were drawn; a run finds its own."""

    columns: LotColumns = LotColumns()


CUSTOMER_TABLES = {
    "customers": NamesConfig, "acquisition": AcquisitionConfig, "contacts": ContactTableConfig, "exits": ExitsConfig,
    "points": PointsConfig, "lots": LotsConfig,
}  # fmt: skip
"""The keys of ``data`` that name a table -> its section."""
