"""One typed configuration: every key with its unit, its default and its range; unknown keys are refused."""

from __future__ import annotations

import copy
import datetime as dt
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from analysis.complaints import keys_of, problems_in_validation
from analysis.errors import USAGE, InputRefused, Problem
from analysis.section import Section
from analysis.strategysettings import StrategiesConfig
from analysis.timeunits import TimeUnit
from analysis.yamlfile import read_yaml

LANGUAGES = ("en", "nl")
SAMPLES = ("cdnow", "cdnow-full", "complete-journey", "simulated")
RESERVED_NAMES = {".", "..", "failed", "latest", "index.html"}
# Without these nothing can be said of the data; see ``ConfigurationRefused``.
READING_KEYS = {
    *("transactions", "columns", "part", "date_format", "timezone", "decimal", "delimiter", "encoding", "sheet"),
}
LONGEST_DEADLINE = 7 * 24 * 60
LARGEST_COST = 1e12
"""Amounts in the data end there too."""


def _known_timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"timezone == {name!r}, must be a name of the IANA list such as Europe/Amsterdam")
    return name


def _plain_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", name) or name in RESERVED_NAMES:
        raise ValueError(
            f"name == {name!r}, must consist of at most 100 letters, digits, '.', '_' and '-', "
            "must not begin with '.', "
            f"and must not be one of {', '.join(sorted(RESERVED_NAMES))}"
        )
    return name


def _currency_code(code: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise ValueError(f"currency == {code!r}, must be a three-letter ISO 4217 code such as EUR")
    return code


def _column_name(name: Any) -> Any:
    # YAML reads a bare `no:` or `2024:` as a truth value or a number; a header cell is always text.
    return str(name) if isinstance(name, int | float) and not isinstance(name, bool) else name


def _day(given: Any) -> dt.date:
    # Left to itself, pydantic takes 0 for the first of January 1970.
    if isinstance(given, dt.datetime):
        given = given.date() if given == dt.datetime.combine(given.date(), dt.time()) else None
    if isinstance(given, dt.date):
        return given
    if isinstance(given, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", given):
        with suppress(ValueError):
            return dt.date.fromisoformat(given)
    raise PydanticCustomError("day", "must be a date such as 2024-01-31")


ColumnName = Annotated[str, BeforeValidator(_column_name), Field(min_length=1)]
Day = Annotated[dt.date, BeforeValidator(_day)]


class SampleSource(Section):
    """An embedded sample, by name."""

    sample: Literal["cdnow", "cdnow-full", "complete-journey", "simulated"]


class DatabaseSource(Section):
    """A query on a database whose URL stands in an environment variable."""

    database_url_env: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    query: str = Field(min_length=1)


def _kind_of_source(given: Any) -> str | None:
    if isinstance(given, str):
        return SOURCE_TAGS[0]
    if isinstance(given, list):
        return SOURCE_TAGS[1]
    if not isinstance(given, Mapping | BaseModel):
        return None
    keys = [str(key) for key in given] if isinstance(given, Mapping) else list(type(given).model_fields)
    is_database = {"database_url_env", "query"} & set(keys)
    is_sample = not is_database and difflib.get_close_matches("sample", keys, n=1)
    return SOURCE_TAGS[2] if is_sample else SOURCE_TAGS[3]


SOURCE_TAGS = ("<file>", "<files>", "<sample>", "<database>")
Source = Annotated[
    Annotated[str, Tag(SOURCE_TAGS[0])]
    | Annotated[list[str], Tag(SOURCE_TAGS[1])]
    | Annotated[SampleSource, Tag(SOURCE_TAGS[2])]
    | Annotated[DatabaseSource, Tag(SOURCE_TAGS[3])],
    Discriminator(
        _kind_of_source,
        custom_error_type="source",
        custom_error_message="must be a file, a list of files, {sample: NAME} or {database_url_env: NAME, query: ...}",
    ),
]


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
    timezone: Annotated[str, AfterValidator(_known_timezone)] | None = None
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


class ModelConfig(Section):
    """Choices of the purchase and spend models."""

    time_unit: TimeUnit = TimeUnit.WEEK
    credible_level: float = Field(default=0.9, gt=0.5, lt=1)
    seed: int = Field(default=1, ge=0)


class EconomicsConfig(Section):
    """Money and time: what an order earns and how the future is discounted."""

    currency: Annotated[str, AfterValidator(_currency_code)] | None = None
    gross_margin: float = Field(default=0.30, gt=0, le=1)
    acquisition_cost: float = Field(default=0, ge=0, le=LARGEST_COST)
    cost_per_order: float = Field(default=0, ge=0, le=LARGEST_COST)
    fixed_costs_per_year: float = Field(default=0, ge=0, le=LARGEST_COST)
    annual_discount_rate: float = Field(default=0.10, ge=0, le=10)
    horizon_years: float = Field(default=3, gt=0, le=100)


class RetentionConfig(Section):
    """The claim about retention that is tested: what rises, whose profit is meant, and what keeping costs."""

    gain: float = Field(default=0.05, ge=0, lt=1)
    gain_kind: Literal["points", "relative", "fewer_lost"] = "points"
    shift: Literal["mean", "scale", "logit", "every_year"] = "mean"
    scope: Literal["new_customer", "new_customer_repeat_orders", "base", "firm"] = "new_customer"
    profit: Literal["contribution", "after_acquisition", "after_fixed"] = "after_acquisition"
    margins: Literal["constant", "growing"] = "constant"
    cost_per_customer_year: float = Field(default=0, ge=0, le=LARGEST_COST)
    new_customers_per_year: float | None = Field(default=None, ge=0, le=LARGEST_COST)
    active_window_days: int = Field(default=180, ge=1)


class ContractColumns(Section):
    """Which column holds what: a contract's ``start`` and ``end``, or by ``month`` whether it was ``active``."""

    customer: ColumnName
    start: ColumnName | None = None
    end: ColumnName | None = None
    month: ColumnName | None = None
    active: ColumnName | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> ContractColumns:
        given = {role for role in ("start", "end", "month", "active") if getattr(self, role)}
        if given not in ({"start", "end"}, {"month", "active"}):
            found = f", found {' and '.join(sorted(given))}" if given else ""
            raise ValueError(f"columns: give either start and end, or month and active{found}")
        return self

    @property
    def by_month(self) -> bool:
        return self.month is not None

    def mapped(self) -> dict[str, str]:
        """Role -> column name, for the roles that are given."""
        return {role: name for role, name in self.model_dump().items() if name is not None}


class ContractsConfig(Section):
    """Contracts, and how to read them; the keys of reading are those of ``DataConfig``."""

    file: str = Field(min_length=1)
    columns: ContractColumns
    period_months: int = Field(default=12, ge=1, le=120)
    date_format: str | None = None
    delimiter: str | None = Field(default=None, min_length=1, max_length=4)
    encoding: str | None = None
    sheet: str | None = None


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

    name: Annotated[str, AfterValidator(_plain_name)]
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
        return self

    @property
    def zone(self) -> ZoneInfo | None:
        return ZoneInfo(self.data.timezone) if self.data.timezone else None


class ConfigurationRefused(InputRefused):
    """Raised when a configuration has problems.

    Attributes
    ----------
    readable
        What is left without the refused keys, so that the problems of the data can be told as well; None where
        the refused keys say which data are meant or how to read them.
    """

    def __init__(self, problems: Iterable[Problem], readable: Config | None):
        super().__init__(problems)
        self.readable = readable


def load_config(path: Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """The configuration in a YAML file, checked as a whole.

    Parameters
    ----------
    path
        A YAML file. Paths inside it resolve against its own folder.
    overrides
        Values that beat the file's, by dotted key, such as ``{"economics.gross_margin": 0.4}``.
        A value of None leaves the file's value.

    Raises
    ------
    UsageError
        Where the file cannot be read.
    ConfigurationRefused
        With every problem found: keys given twice, unknown keys (with the nearest known), values out of range.
    """
    content, problems = read_yaml(path)
    return config_from_mapping(content, path=path, overrides=overrides, problems=problems)


def config_from_mapping(
    content: Mapping[str, Any],
    *,
    path: Path,
    overrides: Mapping[str, Any] | None = None,
    problems: Iterable[Problem] = (),
) -> Config:
    """As ``load_config``, from the mapping that the file at ``path`` holds (or would hold).

    ``problems`` are those already known; they come first.
    """
    given = set(content)
    content = _with_overrides(content, overrides or {})
    content.setdefault("name", _name_from(path))
    content["folder"] = path.resolve().parent
    problems = list(problems)
    if "folder" in given:
        problems.append(Problem("unknown configuration key 'folder'", USAGE))
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        readable = _without_refused_keys(content, error)
        raise ConfigurationRefused([*problems, *problems_in_validation(error, list(known_keys()))], readable) from None
    if problems:
        raise ConfigurationRefused(problems, config)
    return config


def _without_refused_keys(content: Mapping[str, Any], error: ValidationError) -> Config | None:
    rest = copy.deepcopy(content)
    for detail in error.errors():
        keys = keys_of(detail["loc"])
        is_unknown = detail["type"] == "extra_forbidden"
        if keys[0] == "data" and not is_unknown and (len(keys) == 1 or keys[1] in READING_KEYS):
            return None
        target = rest
        with suppress(KeyError, TypeError, IndexError):
            for key in keys[:-1]:
                target = target[key]
            del target[keys[-1]]
    with suppress(ValidationError):
        return Config.model_validate({"name": "report", **rest})
    return None


def _name_from(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-") or "report"


def _with_overrides(content: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = {key: dict(value) if isinstance(value, Mapping) else value for key, value in content.items()}
    for dotted, value in overrides.items():
        if value is None:
            continue
        *sections, key = dotted.split(".")
        target = merged
        for section in sections:
            target = target.setdefault(section, {})
        target[key] = value
    return merged


def known_keys(model: type[BaseModel] = Config, prefix: str = "") -> Iterator[str]:
    """Every dotted key a configuration may have.

    >>> "economics.gross_margin" in set(known_keys())
    True
    """
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        yield prefix + name
        for branch in (field.annotation, *get_args(field.annotation)):
            inner = get_args(branch)[0] if hasattr(branch, "__metadata__") else branch
            if isinstance(inner, type) and issubclass(inner, Section):
                yield from known_keys(inner, f"{prefix}{name}.")


__all__ = [
    "LANGUAGES",
    "SAMPLES",
    "BatchConfig",
    "Columns",
    "Config",
    "ConfigurationRefused",
    "ContractColumns",
    "ContractsConfig",
    "DataConfig",
    "DatabaseSource",
    "EconomicsConfig",
    "ModelConfig",
    "RetentionConfig",
    "SampleSource",
    "StrategiesConfig",
    "config_from_mapping",
    "known_keys",
    "load_config",
]
