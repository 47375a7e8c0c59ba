"""Tables of a customer database beside the transactions: names, spend on them, contacts, exits, points and lots."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import create_model, field_validator

from analysis.config.kinds import ColumnName, Section
from analysis.config.loyalty_tables import DatedTable, TableColumns

GROUP = "group "
"""Begins the role of a column that customers are grouped by under its own name."""


class _Grouped(TableColumns):
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


class _Table(DatedTable):
    decimal: Literal[",", "."] | None = None


def _table(
    name: str, needed: str, known: str = "", base: type[TableColumns] = TableColumns, **keys: Any
) -> type[_Table]:
    """The section of a table with these roles of columns: what is needed, and what may be known."""
    roles = dict.fromkeys(needed.split(), (ColumnName, ...)) | dict.fromkeys(known.split(), (ColumnName | None, None))
    columns = create_model(f"{name}Columns", __base__=base, __module__=__name__, **roles)
    table = create_model(name, __base__=_Table, __module__=__name__, columns=(columns, ...), **keys)
    globals().update({each.__name__: each for each in (columns, table)})  # where pickle looks for them
    return table


LOT = ("list", "customer", "arm", "start", "end", "gross_margin", "cost_per_order", "cost_per_contact", "incentive")
"""Columns of a lot."""
CUSTOMER_TABLES = {
    "customers": _table(
        "Names", "customer", "channel segment referred_by enquired opt_in club_since", _Grouped,
        earned=(tuple[str, ...], ()),
    ),
    "acquisition": _table("Acquisition", "date spend", "channel"),
    "contacts": _table("Contacts", "customer date", "list"),
    "exits": _table("Exits", "customer date reason", avoidable=(tuple[str, ...], ())),
    "points": _table("Points", "customer date earned", "redeemed expires"),
    "lots": _table("Lots", " ".join(LOT)),
}  # fmt: skip
"""The keys of ``data`` that name a table of a customer database -> its section."""
CustomerTablesConfig = create_model(
    "CustomerTablesConfig",
    __base__=Section,
    __module__=__name__,
    **{name: (kind | None, None) for name, kind in CUSTOMER_TABLES.items()},
)
