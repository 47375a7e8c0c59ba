"""Kinds of values that a configuration holds: names, days, zones, currencies, columns."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

RESERVED_NAMES = {".", "..", "failed", "latest", "index.html"}
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


def _variable_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        allowed = "must be the name of a variable that holds the URL, such as CRM_URL: letters, digits and _"
        raise PydanticCustomError("variable", allowed)
    return name


def _identifier(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        allowed = "must be at most 40 lowercase letters, digits and _, a letter first, such as loyalty_club"
        raise PydanticCustomError("identifier", allowed)
    return name


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
PlainName = Annotated[str, AfterValidator(_plain_name)]
ZoneName = Annotated[str, AfterValidator(_known_timezone)]
VariableName = Annotated[str, AfterValidator(_variable_name)]
Identifier = Annotated[str, AfterValidator(_identifier)]
CurrencyCode = Annotated[str, AfterValidator(_currency_code)]
