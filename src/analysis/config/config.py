"""The configuration: its sections, every key that it may have, and the few rules that join sections."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, Discriminator, Field, Tag, field_validator, model_validator
from pydantic_core import PydanticCustomError

from analysis.config.kinds import (
    ColumnName,
    Cost,
    CurrencyCode,
    Day,
    Delimiter,
    FirstOrders,
    PlainName,
    Section,
    VariableName,
    ZoneName,
    with_roles,
)
from analysis.config.strategies import StrategiesConfig, problems_of_time
from analysis.config.tables import CUSTOMER_TABLES, LOYALTY_TABLES, CustomerTablesConfig, DatedTable
from analysis.time import TimeUnit, units_per_year

LANGUAGES = ("en", "nl")
LONGEST_DEADLINE = 7 * 24 * 60
SampleName = Literal["cdnow", "cdnow-full", "complete-journey", "simulated", "simulated-shop"]
SAMPLES = get_args(SampleName)


class SampleSource(Section):
    """An embedded sample, by name."""

    sample: SampleName


class DatabaseSource(Section):
    """A query on a database whose URL stands in an environment variable, or a table of it.

    >>> DatabaseSource(database_url_env="CRM_URL", table="sales.orders").query
    'SELECT * FROM sales.orders'
    """

    database_url_env: VariableName
    table: str | None = None
    query: str = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _one_of_two(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or not isinstance(given.get("table"), str):
            return given
        if not re.fullmatch(r"\w+(\.\w+){0,2}", given["table"]):
            raise ValueError(f"transactions: table == {given['table']!r}, must be a name such as sales.orders")
        whole = f"SELECT * FROM {given['table']}"
        if given.get("query", whole) != whole:
            raise ValueError("transactions: give either table or query, not both")
        return {**given, "query": whole}


class SparkSource(Section):
    """Parquet that Spark reads, on this machine or wherever its session finds it."""

    spark: str = Field(min_length=1)


def _kind_of_source(given: Any) -> str | None:
    if isinstance(given, str):
        return "<file>"
    if isinstance(given, list):
        return "<files>"
    if not isinstance(given, Mapping | BaseModel):
        return None
    keys = {str(key) for key in (given if isinstance(given, Mapping) else type(given).model_fields)}
    if "spark" in keys:
        return "<spark>"
    is_sample = not {"database_url_env", "query", "table"} & keys and difflib.get_close_matches("sample", keys, n=1)
    return "<sample>" if is_sample else "<database>"


Source = Annotated[
    Annotated[str, Tag("<file>")]
    | Annotated[list[str], Tag("<files>")]
    | Annotated[SampleSource, Tag("<sample>")]
    | Annotated[DatabaseSource, Tag("<database>")]
    | Annotated[SparkSource, Tag("<spark>")],
    Discriminator(
        _kind_of_source,
        custom_error_type="source",
        custom_error_message="must be a file, a list of files, {sample: NAME}, {spark: PATH}, or {database_url_env: "
        "NAME, query: ...} with a query or a table",
    ),
]


class Columns(
    with_roles(
        "Columns",
        "customer date",
        "amount quantity unit_price order discount status refunded product category channel currency split",
    )
):
    """Which column of the file holds what. Money is ``amount``, or ``quantity`` times ``unit_price``.

    Beside an amount a negative ``quantity`` says that the row is a refund.
    """

    shared: ClassVar[frozenset[str]] = frozenset({"product", "category", "channel", "currency", "status", "split"})

    @model_validator(mode="after")
    def _one_kind_of_money(self) -> Columns:
        if self.amount and self.unit_price:
            raise ValueError("columns: give either amount, or quantity and unit_price, not both")
        if not self.amount and bool(self.quantity) != bool(self.unit_price):
            raise ValueError("columns: quantity and unit_price go together; one of them is missing")
        if self.discount and not (self.amount or self.quantity):
            raise ValueError("columns: a discount needs amount, or quantity and unit_price")
        return self


class IdsConfig(Section):
    """Which ids are one customer, and which are nobody."""

    strip: bool = True
    case: Literal["auto", "keep", "lower"] = "auto"
    float_suffix: Literal["strip", "keep"] = "strip"
    anonymous: Literal["auto"] | list[str] = "auto"


class AmountIncludes(Section):
    """What the amount includes that is no turnover: tax as a rate or a column, shipping and tips as columns."""

    vat: Annotated[float, Field(ge=0, lt=1)] | ColumnName | None = None
    shipping: ColumnName | None = None
    tip: Literal[0] | ColumnName | None = None

    @field_validator("vat", mode="before")
    @classmethod
    def _is_no_per_cent(cls, given: Any) -> Any:
        if isinstance(given, int | float) and not 0 <= given < 1:
            raise PydanticCustomError("vat", "must be a rate below 1, such as 0.21, or the name of a column")
        return float(given) if isinstance(given, int) else given  # else 0 would be the name of a column


class DataConfig(CustomerTablesConfig):
    """Where the transactions are and how to read them, and the tables of a customer database beside them."""

    transactions: Source
    columns: Columns | None = None
    part: str | None = Field(default=None, min_length=1)
    date_format: str | None = None
    timezone: ZoneName | None = None
    decimal: Literal[",", "."] | None = None
    delimiter: Delimiter | None = None
    encoding: str | None = None
    sheet: str | None = None
    skip_rows: int = Field(default=0, ge=0, le=10_000)
    count_status: list[str] | None = Field(default=None, min_length=1)
    ids: IdsConfig = IdsConfig()
    discount: Literal["money", "share", "per_cent"] | None = None
    amount_of: Literal["line", "order"] | None = None
    amount_includes: AmountIncludes | None = None
    refunds: Literal["net", "drop", "refuse"] = "net"
    duplicates: Literal["keep", "drop", "refuse"] = "keep"
    count_duplicates: bool = True
    max_missing_customer_share: float = Field(default=0.5, ge=0, le=1)
    observation_start: Day | None = None
    observation_end: Day | None = None
    first_orders: FirstOrders = "auto"
    exclude_earlier: bool = False
    holdout_weeks: int = Field(default=26, ge=0, le=10_000)
    csv: Literal["local", "plain"] = "local"

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


AUTO, PREFERRED = "auto", "BG/NBD"
"""The primary model that past windows support, and the one where nothing decides."""


class ModelConfig(Section):
    """Choices of the purchase and spend models; the primary one is shown first and is that of values and lists."""

    primary: str = AUTO  # which models there are, models/registry.py knows
    previous_primary: str | None = None  # of the run before; a run finds it, and it stays unless it is rejected or gone
    time_unit: TimeUnit = TimeUnit.WEEK
    credible_level: float = Field(default=0.9, gt=0.5, lt=1)
    seed: int = Field(default=1, ge=0)
    covariates: tuple[str, ...] = ()


class EconomicsConfig(Section):
    """Money and time: what an order earns and how the future is discounted."""

    currency: CurrencyCode | None = None
    gross_margin: float = Field(default=0.30, gt=0, le=1)
    acquisition_cost: Cost = 0
    cost_per_order: Cost = 0
    fixed_costs_per_year: Cost = 0
    annual_discount_rate: float = Field(default=0.10, ge=0, le=1)
    horizon_years: float = Field(default=3, gt=0, le=100)


class RetentionConfig(Section):
    """The claim about retention that is tested: what rises, whose profit is meant, and what keeping costs."""

    gain: float = Field(default=0.05, ge=0, lt=1)
    gain_kind: Literal["points", "relative", "fewer_lost"] = "points"
    shift: Literal["mean", "scale", "logit", "every_year"] = "mean"
    scope: Literal["new_customer", "new_customer_repeat_orders", "base", "firm"] = "new_customer"
    profit: Literal["contribution", "after_acquisition", "after_fixed"] = "after_acquisition"
    margins: Literal["constant", "growing"] = "constant"
    cost_per_customer_year: Cost = 0
    new_customers_per_year: Cost | None = None
    active_window_days: int = Field(default=180, ge=1)

    @model_validator(mode="after")
    def _fixed_costs_are_the_firms(self) -> RetentionConfig:
        if self.profit == "after_fixed" and self.scope != "firm":
            raise ValueError(
                f"profit == 'after_fixed' needs scope == 'firm', found {self.scope!r}: fixed costs belong to no single "
                "customer; set scope to 'firm', or profit to 'after_acquisition'"
            )
        return self


class LadderConfig(Section):
    """Thresholds of the ladder of loyalty."""

    member_orders: int | None = Field(default=None, ge=2, le=1_000)


class ContactsConfig(Section):
    """What contacting a customer costs, for how long it works, and how many may be contacted."""

    cost_per_contact: Cost = 0
    incentive: Cost = 0
    window_days: int = Field(default=28, ge=1, le=365)
    most_contacts: int | None = Field(default=None, ge=0)


class ContractColumns(with_roles("ContractColumns", "customer", "start end month active tenure churned")):
    """Which column holds what: a contract's ``start`` and ``end``; by ``month`` whether it was ``active``; or its
    ``tenure`` in months and whether the customer ``churned``.
    """

    @model_validator(mode="after")
    def _one_shape(self) -> ContractColumns:
        given = {role for role in type(self).model_fields if role != "customer" and getattr(self, role)}
        if given not in ({"start", "end"}, {"month", "active"}, {"tenure", "churned"}):
            found = f", found {' and '.join(sorted(given))}" if given else ""
            raise ValueError(f"columns: give either start and end, or month and active, or tenure and churned{found}")
        return self


class ContractsConfig(DatedTable):
    """Contracts: a row for each, or for each month of one."""

    columns: ContractColumns
    period_months: int = Field(default=12, ge=1, le=120)


class BatchConfig(Section):
    """A report for each value of a column: of all its values, or of those that are listed."""

    split_by: ColumnName
    values: list[str] | None = Field(default=None, min_length=1)


Asked = Literal[
    "economics.gross_margin",
    "economics.cost_per_order",
    "economics.acquisition_cost",
    "contacts.cost_per_contact",
    "contacts.incentive",
]
"""What only a person can answer; without an answer the default is an assumption, and said to be one."""


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
    ladder: LadderConfig = LadderConfig()
    contacts: ContactsConfig = ContactsConfig()
    contracts: ContractsConfig | None = None
    strategies: StrategiesConfig = StrategiesConfig()
    batch: BatchConfig | None = None
    assumed: tuple[Asked, ...] = ()

    @model_validator(mode="after")
    def _unanswered_is_assumed(self) -> Config:
        if "assumed" not in self.model_fields_set:
            sections = {"economics": self.economics, "contacts": self.contacts}
            answered = {f"{name}.{key}" for name, section in sections.items() for key in section.model_fields_set}
            if self.data.acquisition:
                answered.add("economics.acquisition_cost")  # the table of the spend says it
            self.__dict__["assumed"] = tuple(key for key in get_args(Asked) if key not in answered)
        return self

    @model_validator(mode="after")
    def _batch_splits_its_own_data(self) -> Config:
        if self.batch and self.data.columns is None:
            raise ValueError("batch: an embedded sample has no column to split by; name data.columns of your own data")
        if self.batch and self.data.part is not None:
            raise ValueError("batch: data.part is one part already; leave one of the two out")
        whole = {
            "contracts: they cannot be split into parts; leave them": self.contracts,
            "data.acquisition: spend cannot be split into parts; leave it": self.data.acquisition,
            "strategies.experiment: its arms cannot be split into parts; leave it": self.strategies.experiment,
        }
        for what, section in whole.items():
            if section and (self.batch or self.data.part is not None):
                raise ValueError(f"{what} out, or batch and data.part")
        return self

    @model_validator(mode="after")
    def _strategies_begin_within_the_horizon(self) -> Config:
        weeks = max(round(self.economics.horizon_years * units_per_year(TimeUnit.WEEK)), 1)
        if wrong := problems_of_time(self.strategies.named, weeks, "the weeks of economics.horizon_years"):
            raise ValueError("strategies: " + "; ".join(wrong))
        return self

    @property
    def further_tables(self) -> dict[str, Any]:
        """Dotted key -> section, of the tables that are configured beside the transactions; each has a ``file``."""
        sections = {"contracts": self.contracts}
        sections |= {f"data.{name}": getattr(self.data, name) for name in CUSTOMER_TABLES}
        sections |= {f"strategies.{name}": getattr(self.strategies, name) for name in LOYALTY_TABLES}
        return {key: section for key, section in sections.items() if section is not None}


@cache
def parameter_keys() -> dict[str, str]:
    """Name -> dotted key of each configuration key that a notebook or a function may take by its last part.

    A key of a section within a section goes by its last two. Where two sections share a name, such as ``encoding``,
    that of the transactions is meant.

    >>> parameter_keys()["gross_margin"], parameter_keys()["encoding"], parameter_keys()["promotion_depth"]
    ('economics.gross_margin', 'data.encoding', 'strategies.promotion.depth')
    """
    dotted = [key for key in Config.fields() if key.count(".") in (1, 2)]
    return {"_".join(key.split(".")[1:]): key for key in reversed(dotted)}
