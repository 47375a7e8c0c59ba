"""What pydantic complains of in a configuration, in this package's words: key, value, and what is allowed."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from analysis.errors import USAGE, Problem

Location = tuple[str | int, ...]
LONGEST_VALUE = 200
SMALLEST_PERCENTAGE = 2
"""Who writes 1.2 for a share may mean anything; from here on a percentage was meant."""
BRANCH = re.compile(r"<[a-z]+>")
NUMBER, WHOLE_NUMBER, TRUTH_VALUE, LIST = "a number", "a whole number", "true or false", "a list"
TRUTH_WORDS = {"true", "false", "yes", "no", "on", "off"}
ALLOWED = {
    **dict.fromkeys(("float_parsing", "float_type"), NUMBER),
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float", "int_parsing_size"), WHOLE_NUMBER),
    **dict.fromkeys(("bool_parsing", "bool_type"), TRUTH_VALUE),
    **dict.fromkeys(("tuple_type", "list_type"), LIST),
}
LENGTHS = {
    **dict.fromkeys(("string_too_short", "too_short"), "must not be empty"),
    "string_too_long": "must have at most {max_length} characters",
}
NO_ORDERS = (
    "; every report rests on orders (contracts alone are for Python: `rl.read_contracts`): name their file with "
    "data.transactions, or let `retention-lab init FILE` write the keys"
)
TAKEN_OUT: dict[str, str] = {
    "data.born_before_start": "use data.first_orders (auto, known or unknown); "
    "where it was exclude, set data.exclude_earlier to true",
    "strategies.horizon_weeks": "strategies are compared over economics.horizon_years",
    "strategies.draws": "all draws of the fitted model are used",
    "strategies.customers": "as many as are needed are drawn",
    "strategies.types": "name a table that says who is of which type (strategies.customer_types)",
    "strategies.bindings": "what binds customers is in the ranges of strategies.assumptions",
    **{
        f"strategies.{side}.{key}": f"give a strategy of your own (strategies.own) {key}"
        for side in ("promotion", "experience")
        for key in ("starts_week", "ends_week")
    },
    "strategies.attack": "use strategies.rival_depth; how strongly it takes customers is in strategies.assumptions",
    **dict.fromkeys(
        ("strategies.promotion.coverage", "strategies.promotion.redemption"),
        "use strategies.promotion.reach, which is the one times the other",
    ),
    "strategies.experience.database_per_year": "give a strategy of your own (strategies.own) a promotion with depth 0 "
    "and this as its programme_cost_per_year",
    "strategies.assumptions.inconsistency": "use strategies.assumptions.unevenness, in standard deviations",
    "strategies.assumptions.from_rivals": "no profit depends on it",
    "strategies.assumptions.mercenary_taken": "a rival takes mercenaries as others",
    "strategies.assumptions.mercenary_leaving": "what those won are worth is in strategies.assumptions.won_value",
    "strategies.assumptions.bond_decay": "use strategies.assumptions.bond_shield and kappa_exp",
    "strategies.assumptions.type_contrast": "types differ as analysis/strategies/dynamics.py says",
}
"""Dotted key that was taken out -> what to use in its place, as the end of a sentence."""


def nearest(name: str, known: Iterable[str], most_listed: int = 10) -> str:
    """The known name that was probably meant, as the end of a message; else all of them, where they are few.

    >>> nearest("gros_margin", ["gross_margin", "seed"]), nearest("nl", ["NL", "BE"]), nearest("x", ["a", "b"])
    ("; did you mean 'gross_margin'?", "; did you mean 'NL'?", '; known are a, b')
    """
    by_capitals = {one.casefold(): one for one in known}
    if near := difflib.get_close_matches(name.casefold(), by_capitals, n=1):
        return f"; did you mean {by_capitals[near[0]]!r}?"
    return f"; known are {', '.join(by_capitals.values())}" if 0 < len(by_capitals) <= most_listed else ""


def problems_in_validation(error: ValidationError, fields: Mapping[str, FieldInfo]) -> list[Problem]:
    """A problem for each complaint; ``fields`` are those that exist, by dotted key."""
    # Numbers that end at 1 are shares; whoever writes 30 means a percentage.
    limits = (
        (key, getattr(limit, end, None)) for key in fields for limit in fields[key].metadata for end in ("le", "lt")
    )
    shares = {key.rpartition(".")[2] for key, most in limits if most == 1}
    return [Problem(message, USAGE) for message in dict.fromkeys(_messages(error, fields, shares))]


def keys_of(location: Location) -> list[str | int]:
    """The keys that lead to a value, without the branch of a union, which is tagged like ``<file>``.

    >>> keys_of(("data", "transactions", "<sample>", "sample"))
    ['data', 'transactions', 'sample']
    """
    branches = [place for place, part in enumerate(location) if place and BRANCH.fullmatch(str(part))]
    return [part for place, part in enumerate(location) if place not in branches[:1]]


def _dotted(location: Location) -> str:
    return ".".join(str(key) for key in keys_of(location))


def _messages(error: ValidationError, known: Collection[str], shares: Collection[str]) -> Iterator[str]:
    details = error.errors()
    # A key that was mistyped is not missing besides.
    mistyped = {_nearest_key(_dotted(detail["loc"]), known) for detail in details if _is_unknown(detail)}
    for detail in details:
        where = _dotted(detail["loc"])
        kind, context = detail["type"], detail.get("ctx", {})
        given, shown = detail["input"], _shown(detail["input"])
        if where in TAKEN_OUT:
            yield f"configuration key {where!r} was taken out; {TAKEN_OUT[where]}"
        elif _is_unknown(detail):
            yield f"unknown configuration key {where!r}{_nearest(where, known)}"
        elif kind == "missing":
            if where not in mistyped:
                advice = NO_ORDERS if where in ("data", "data.transactions") else ""
                yield f"configuration key {where!r} is missing{advice}"
        elif kind == "value_error":
            yield f"configuration {where}: {context['error']}" if where else str(context["error"])
        elif kind in {"literal_error", "enum"}:
            choices = re.findall(r"'([^']*)'", context["expected"])
            yield f"{where} == {shown}, must be {context['expected']}{nearest(str(given), choices, most_listed=0)}"
        elif kind == "string_type":
            yield f"{where} == {shown}, must be text{_quoting(given)}"
        elif kind in {"model_type", "dict_type"}:
            yield f"{where} == {shown}, must be a section with keys of its own"
        elif kind == "invalid_key":
            yield f"unknown configuration key {where!r}; keys are text"
        else:
            allowed, is_share = _allowed(detail), where.rpartition(".")[2] in shares
            yield f"{where} == {shown}, {allowed}{_rewritten(given, allowed, is_share=is_share)}"


def _allowed(detail: Any) -> str:
    if allowed := ALLOWED.get(detail["type"]):
        return f"must be {allowed}"
    if length := LENGTHS.get(detail["type"]):
        return length.format(**detail["ctx"])
    return detail["msg"].replace("Input should be ", "must be ")


def _rewritten(given: Any, allowed: str, *, is_share: bool) -> str:
    """How a value is written that was given as a percentage, in quotes or with a decimal comma; empty for all else."""
    text = str(given).strip().replace(",", ".")
    if allowed.endswith(TRUTH_VALUE):
        return "; take the quotes off" if text.lower() in TRUTH_WORDS and isinstance(given, str) else ""
    number = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)( ?%)?", text)
    if number is None or isinstance(given, bool):
        return ""
    value = float(number[1])
    if is_share and (number[2] or SMALLEST_PERCENTAGE <= value <= 100):
        return f"; write {value / 100:g} for {value:g}%"
    return f"; write {text}" if isinstance(given, str) and allowed.endswith("number") and not number[2] else ""


def _shown(given: Any) -> str:
    text = str(given) if isinstance(given, dt.date) else repr(given)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _is_unknown(detail: Any) -> bool:
    return detail["type"] == "extra_forbidden"


def _quoting(given: Any) -> str:
    if isinstance(given, bool):
        return "; put it in quotes, since YAML reads a bare yes, no, on, off, true or false as a truth value"
    return "; put it in quotes" if isinstance(given, int | float | dt.date) else ""


def _nearest(where: str, known: Collection[str]) -> str:
    if near := _nearest_key(where, known):
        return f"; did you mean {near!r}?"
    here = _known_beside(where, known)
    return f"; known here are {', '.join(sorted(here))}" if here else ""


def _nearest_key(where: str, known: Collection[str]) -> str | None:
    parent, _, key = where.rpartition(".")
    if near := difflib.get_close_matches(key, _known_beside(where, known), n=1, cutoff=0.6):
        return f"{parent}.{near[0]}".lstrip(".")
    return next((name for name in known if name.rpartition(".")[2] == key), None)


def _known_beside(where: str, known: Collection[str]) -> list[str]:
    return [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == where.rpartition(".")[0]]
