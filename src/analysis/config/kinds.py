"""What sections of the configuration are made of: kinds of values, and what all sections have in common."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from contextlib import suppress
from itertools import combinations
from typing import Annotated, Any, ClassVar, Self, get_args
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from analysis.config.complaints import problems_in_validation
from analysis.errors import InputRefused, printable

RESERVED_NAMES = {".", "..", "failed", "latest", "index.html"}
LARGEST_COST = 1e12
"""Amounts in the data end there too."""


class Section(BaseModel):
    """A section: unknown keys are refused, values cannot be changed, and nothing is taken for a number or a truth value
    that is none: not `"0.3"`, not `yes` for a number, not `"no"` or `0` for a truth value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_and_truth_values_are_what_they_seem(cls, given: Any, info: ValidationInfo) -> Any:
        texts = given if isinstance(given, list | tuple) else [given]
        if any(isinstance(text, str) and printable(text) != text for text in texts):
            raise PydanticCustomError("text", "must be text; half of a pair of UTF-16 (a lone surrogate) is none")
        annotation = cls.model_fields[info.field_name].annotation
        kinds = {annotation, *get_args(annotation)}
        if kinds & {int, float} and isinstance(given, bool | str) and type(given) not in kinds:
            raise PydanticCustomError("number", "must be a number" if float in kinds else "must be a whole number")
        if annotation is bool and not isinstance(given, bool):
            raise PydanticCustomError("truth_value", "must be true or false")
        return given

    @classmethod
    def checked(cls, **values: Any) -> Self:
        """A section of values that a caller gave; raises InputRefused with every problem that they have.

        Examples
        --------
        >>> from analysis.config import EconomicsConfig
        >>> EconomicsConfig.checked(gross_margin=1.3)
        Traceback (most recent call last):
        analysis.errors.InputRefused: gross_margin == 1.3, must be less than or equal to 1
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise InputRefused(problems_in_validation(error, cls.fields())) from error

    @classmethod
    def fields(cls) -> dict[str, FieldInfo]:
        """Every dotted key that the section may have, those of sections inside it included -> its field.

        >>> from analysis.config import Config
        >>> Config.fields()["economics.gross_margin"].default
        0.3
        """
        found: dict[str, FieldInfo] = {}
        for name, field in cls.model_fields.items():
            if field.exclude:
                continue
            found[name] = field
            for branch in (field.annotation, *get_args(field.annotation)):
                inner = get_args(branch)[0] if hasattr(branch, "__metadata__") else branch
                if isinstance(inner, type) and issubclass(inner, Section):
                    found |= {f"{name}.{key}": below for key, below in inner.fields().items()}
        return found


class WrittenSection(Section):
    """A section that is also written in Python, with its values in order or by name, which are then ``checked``."""

    def __init__(self, *values: Any, **named: Any):
        try:
            super().__init__(**dict(zip(type(self).model_fields, values, strict=False)), **named)
        except ValidationError as error:
            raise InputRefused(problems_in_validation(error, self.fields())) from error

    # Sections inside a configuration are validated as such, so that every problem is told with its key.
    __init__.__pydantic_base_init__ = True


class ColumnNames(Section):
    """Which column holds what: each key is a role, and has a column of its own unless it is one that may be shared."""

    shared: ClassVar[frozenset[str]] = frozenset({"start", "end", "campaign"})
    """What lasts a day begins and ends on it, and may be named after it."""

    @model_validator(mode="after")
    def _each_of_its_own(self) -> Self:
        for (role, name), (other, another) in combinations(self.mapped().items(), 2):
            if name == another and not {role, other} <= self.shared:
                raise ValueError(f"{role} and {other} name one column, {name!r}; each needs its own")
        return self

    def mapped(self) -> dict[str, str]:
        """Role -> column name, for the roles that are given."""
        return {role: name for role, name in self.model_dump().items() if name is not None}


def with_roles(name: str, needed: str, known: str = "", base: type[ColumnNames] = ColumnNames) -> type[ColumnNames]:
    """Column names with these roles: what is needed, and what may be known.

    >>> list(with_roles("Arms", "customer arm").model_fields)
    ['customer', 'arm']
    """
    roles = dict.fromkeys(needed.split(), (ColumnName, ...)) | dict.fromkeys(known.split(), (ColumnName | None, None))
    return create_model(name, __base__=base, **roles)


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


def _text(fits: Callable[[str], Any], allowed: str) -> Any:
    """Text that ``fits``, else refused as what ``allowed`` says."""

    def checked(text: str) -> str:
        if not fits(text):
            raise PydanticCustomError("kind", allowed)
        return text

    return Annotated[str, AfterValidator(checked)]


ColumnName = Annotated[str, BeforeValidator(_column_name), Field(min_length=1)]
Cost = Annotated[float, Field(ge=0, le=LARGEST_COST)]
Day = Annotated[dt.date, BeforeValidator(_day)]
PlainName = _text(
    lambda name: re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", name) and name not in RESERVED_NAMES,
    "must consist of at most 100 letters, digits, '.', '_' and '-', must not begin with '.', and must not be one of "
    + ", ".join(sorted(RESERVED_NAMES)),
)
ZoneName = _text(lambda name: name in available_timezones(), "must be a name of the IANA list such as Europe/Amsterdam")
VariableName = _text(
    re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch,
    "must be the name of a variable that holds the URL, such as CRM_URL: letters, digits and _",
)
Identifier = _text(
    re.compile(r"[a-z][a-z0-9_]{0,39}").fullmatch,
    "must be at most 40 lowercase letters, digits and _, a letter first, such as loyalty_club",
)
CurrencyCode = _text(re.compile(r"[A-Z]{3}").fullmatch, "must be a three-letter ISO 4217 code such as EUR")
Delimiter = Annotated[str, Field(min_length=1, max_length=4)]
