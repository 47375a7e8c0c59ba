"""One typed configuration: every key with its unit, its default and its range; unknown keys are refused."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from analysis.errors import USAGE, InputRefused, Problem, UsageError
from analysis.timeunits import TimeUnit

SAMPLES = ("cdnow", "cdnow-full", "complete-journey", "simulated")
RESERVED_NAMES = {".", "..", "failed", "latest", "index.html"}
DATA_ENDINGS = {".csv", ".gz", ".tsv", ".txt", ".parquet", ".xlsx"}
LATER_KEYS = {
    "deadline_minutes": "the deadline of a run is not built yet",
    "batch": "batches of reports are not built yet",
}


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


ColumnName = Annotated[str, BeforeValidator(_column_name), Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SampleSource(_Section):
    """An embedded sample, by name."""

    sample: Literal["cdnow", "cdnow-full", "complete-journey", "simulated"]


class DatabaseSource(_Section):
    """A query on a database whose URL stands in an environment variable."""

    database_url_env: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    query: str = Field(min_length=1)


class Columns(_Section):
    """Which column of the file holds what. Money is ``amount``, or ``quantity`` times ``unit_price``."""

    customer: ColumnName
    date: ColumnName
    amount: ColumnName | None = None
    quantity: ColumnName | None = None
    unit_price: ColumnName | None = None
    order: ColumnName | None = None
    discount: ColumnName | None = None
    currency: ColumnName | None = None

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


class DataConfig(_Section):
    """Where the transactions are and how to read them."""

    transactions: str | list[str] | SampleSource | DatabaseSource
    columns: Columns | None = None
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
    observation_start: dt.date | None = None
    observation_end: dt.date | None = None
    born_before_start: Literal["keep", "exclude"] = "keep"
    holdout_weeks: int = Field(default=26, ge=0)

    @model_validator(mode="after")
    def _columns_and_dates(self) -> DataConfig:
        if self.columns is None and not isinstance(self.transactions, SampleSource):
            raise ValueError("data: columns is missing; name at least customer and date")
        if isinstance(self.transactions, list) and not self.transactions:
            raise ValueError("data: transactions is an empty list; name at least one file")
        start, end = self.observation_start, self.observation_end
        if start and end and start > end:
            raise ValueError(f"data: observation_start == {start}, must not be after observation_end == {end}")
        return self


class ModelConfig(_Section):
    """Choices of the purchase and spend models."""

    time_unit: TimeUnit = TimeUnit.WEEK
    credible_level: float = Field(default=0.9, gt=0.5, lt=1)
    seed: int = Field(default=1, ge=0)


class EconomicsConfig(_Section):
    """Money and time: what an order earns and how the future is discounted."""

    currency: Annotated[str, AfterValidator(_currency_code)] | None = None
    gross_margin: float = Field(default=0.30, gt=0, le=1)
    acquisition_cost: float = Field(default=0, ge=0)
    cost_per_order: float = Field(default=0, ge=0)
    fixed_costs_per_year: float = Field(default=0, ge=0)
    annual_discount_rate: float = Field(default=0.10, ge=0, le=10)
    horizon_years: float = Field(default=3, gt=0, le=100)


class Config(_Section):
    """A whole configuration; see ``load_config`` for files.

    Examples
    --------
    >>> config = Config(name="shop", data={"transactions": {"sample": "cdnow"}})
    >>> config.economics.horizon_years
    3
    """

    name: Annotated[str, AfterValidator(_plain_name)]
    language: Literal["en"] = "en"
    folder: Path = Field(default=Path(), exclude=True)
    data: DataConfig
    model: ModelConfig = ModelConfig()
    economics: EconomicsConfig = EconomicsConfig()

    @property
    def zone(self) -> ZoneInfo | None:
        return ZoneInfo(self.data.timezone) if self.data.timezone else None


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
        With every problem found: unreadable file, unknown keys (with the nearest known), values out of range.
    """
    return config_from_mapping(read_yaml(path), path=path, overrides=overrides)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file."""
    if path.suffix.lower() in DATA_ENDINGS:
        raise UsageError(
            f"configuration {path}: this looks like a file of transactions; make a configuration for it with "
            f"`retention-lab init {path}`"
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"configuration {path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"configuration {path}: cannot be read ({error})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"configuration {path}: cannot be read ({error})") from None
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        raise UsageError(f"configuration {path}: is not valid YAML{line}; {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"configuration {path}: must hold keys such as data:, found {type(content).__name__}")
    return content


def config_from_mapping(
    content: Mapping[str, Any], *, path: Path, overrides: Mapping[str, Any] | None = None
) -> Config:
    """As ``load_config``, from the mapping that the file at ``path`` holds (or would hold)."""
    given = set(content)
    content = _with_overrides(content, overrides or {})
    content.setdefault("name", _name_from(path))
    content["folder"] = path.resolve().parent
    later = [
        Problem(f"configuration key {key!r}: {reason}", USAGE)
        for key, reason in LATER_KEYS.items()
        if content.pop(key, None) is not None
    ]
    if "folder" in given:
        later.append(Problem("unknown configuration key 'folder'", USAGE))
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        raise InputRefused([*later, *problems_in_validation(error)]) from None
    if later:
        raise InputRefused(later)
    return config


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


def problems_in_validation(error: ValidationError) -> list[Problem]:
    """Pydantic's complaints, as problems in this package's words: key, value, and what is allowed."""
    return [Problem(message, USAGE) for message in dict.fromkeys(_messages(error))]


def _messages(error: ValidationError) -> Iterator[str]:
    for detail in error.errors():
        where = ".".join(str(part) for part in detail["loc"] if not _is_union_branch(part))
        kind, given, context = detail["type"], detail["input"], detail.get("ctx", {})
        if kind == "extra_forbidden":
            yield f"unknown configuration key {where!r}{_nearest(detail['loc'])}"
        elif kind == "missing":
            yield f"configuration key {where!r} is missing"
        elif kind == "value_error":
            yield f"configuration {where}: {context['error']}" if where else str(context["error"])
        elif kind == "literal_error":
            yield f"{where} == {given!r}, must be {context['expected']}"
        else:
            yield f"{where} == {given!r}, {_lowered(detail['msg'])}"


def _is_union_branch(part: str | int) -> bool:
    return isinstance(part, str) and (part in {"str", "SampleSource", "DatabaseSource"} or part.startswith("list["))


def _lowered(message: str) -> str:
    return message.removeprefix("Input should be ").join(["must be ", ""]) if "should be" in message else message


def _nearest(location: tuple[str | int, ...]) -> str:
    *parents, key = [str(part) for part in location if not _is_union_branch(part)]
    known = list(known_keys())
    here = [name.rsplit(".", 1)[-1] for name in known if name.rpartition(".")[0] == ".".join(parents)]
    if near := difflib.get_close_matches(str(key), here, n=1, cutoff=0.6):
        return f"; did you mean {'.'.join([*parents, near[0]])!r}?"
    for name in known:
        if name.rsplit(".", 1)[-1] == key:
            return f"; did you mean {name!r}?"
    return f"; known here are {', '.join(sorted(here))}" if here else ""


def known_keys(model: type[BaseModel] = Config, prefix: str = "") -> Iterator[str]:
    """Every dotted key a configuration may have.

    >>> "economics.gross_margin" in set(known_keys())
    True
    """
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        yield prefix + name
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, _Section):
                yield from known_keys(inner, f"{prefix}{name}.")


__all__ = [
    "SAMPLES",
    "Columns",
    "Config",
    "DataConfig",
    "DatabaseSource",
    "EconomicsConfig",
    "ModelConfig",
    "SampleSource",
    "config_from_mapping",
    "known_keys",
    "load_config",
    "problems_in_validation",
    "read_yaml",
]
