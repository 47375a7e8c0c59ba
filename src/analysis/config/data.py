"""The section on the transactions: where they are, which column holds what, and how to read them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from analysis.config.kinds import ColumnName, Day, ZoneName
from analysis.config.section import Section
from analysis.config.sources import SampleSource, Source


class Columns(Section):
    """Which column of the file holds what. Money is ``amount``, or ``quantity`` times ``unit_price``."""

    customer: ColumnName
    date: ColumnName
    amount: ColumnName | None = None
    quantity: ColumnName | None = None
    unit_price: ColumnName | None = None
    order: ColumnName | None = None
    discount: ColumnName | None = None
    currency: ColumnName | None = None
    split: ColumnName | None = None

    @model_validator(mode="after")
    def _one_kind_of_money(self) -> Columns:
        if self.amount and (self.quantity or self.unit_price):
            raise ValueError("columns: give either amount, or quantity and unit_price, not both")
        if bool(self.quantity) != bool(self.unit_price):
            raise ValueError("columns: quantity and unit_price go together; one of them is missing")
        if self.discount and not self.has_money:
            raise ValueError("columns: a discount needs amount, or quantity and unit_price")
        return self

    @property
    def has_money(self) -> bool:
        return bool(self.amount or self.quantity)

    def mapped(self) -> dict[str, str]:
        """Role -> column name, for the roles that are given."""
        return {role: name for role, name in self.model_dump().items() if name is not None}


class DataConfig(Section):
    """Where the transactions are and how to read them."""

    transactions: Source
    columns: Columns | None = None
    part: str | None = Field(default=None, min_length=1)
    date_format: str | None = None
    timezone: ZoneName | None = None
    decimal: Literal[",", "."] | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=4)
    encoding: str | None = None
    sheet: str | None = None
    refunds: Literal["net", "drop", "refuse"] = "net"
    duplicates: Literal["keep", "drop", "refuse"] = "keep"
    count_duplicates: bool = True
    max_missing_customer_share: float = Field(default=0.5, ge=0, le=1)
    observation_start: Day | None = None
    observation_end: Day | None = None
    born_before_start: Literal["keep", "exclude"] = "keep"
    holdout_weeks: int = Field(default=26, ge=0)

    @model_validator(mode="after")
    def _columns_and_dates(self) -> DataConfig:
        if self.columns is None and not isinstance(self.transactions, SampleSource):
            raise ValueError("data: columns is missing; name at least customer and date")
        if (self.part is None) != (self.columns is None or self.columns.split is None):
            raise ValueError("data: columns.split and part go together; one of them is missing")
        if isinstance(self.transactions, list) and not self.transactions:
            raise ValueError("data: transactions is an empty list; name at least one file")
        start, end = self.observation_start, self.observation_end
        if start and end and start > end:
            raise ValueError(f"data: observation_start == {start}, must not be after observation_end == {end}")
        return self
