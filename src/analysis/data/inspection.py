"""A first look at a file: guesses at columns and formats for a configuration that a person completes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from analysis.config import Columns, DataConfig
from analysis.data.dates import read_date
from analysis.data.engine import close, connect
from analysis.data.files import kind_of, problems_in_content, resolved_files
from analysis.data.headers import ROLE_WORDS, role_score
from analysis.data.mixed import holds_text, written_text
from analysis.data.numbers import Reading, read_number
from analysis.data.reading import from_files
from analysis.data.shapes import shapes_of
from analysis.data.source import RawTable
from analysis.data.text import TextLayout, recognised_layout
from analysis.errors import InputRefused

CERTAIN_SCORE = 0.9
UNKNOWN = "CHANGE_ME"
POSSIBLE_SCORE = 0.3
MONEY_ROLES = ("amount", "quantity", "unit_price")


@dataclass(frozen=True)
class Guess:
    """A column that may play a role.

    Attributes
    ----------
    column
        Its name in the file.
    certain
        Whether its name says so plainly and its content agrees.
    others
        Columns that could be meant as well.
    """

    column: str
    certain: bool
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inspection:
    """What a first look at a file found.

    Attributes
    ----------
    path
        The file.
    columns
        All of its columns, in order.
    guesses
        Role -> guess.
    settings
        Configuration keys that were recognised with certainty, such as delimiter and decimal.
    questions
        What only a person can answer, in words.
    """

    path: Path
    columns: tuple[str, ...]
    guesses: dict[str, Guess]
    settings: dict[str, str]
    questions: tuple[str, ...]


def inspect_file(path: Path) -> Inspection:
    """Columns, formats and open questions of a file.

    Raises
    ------
    InputRefused
        When the file is missing, has an unknown ending, or is not what its ending says.
    """
    (path,) = resolved_files([str(path)], Path())
    if problems := problems_in_content(path):
        raise InputRefused(problems)
    with tempfile.TemporaryDirectory() as folder:
        workdir = Path(folder)
        layout = recognised_layout(path, None, workdir) if kind_of(path).content == "text" else None
        connection = connect(workdir)
        try:
            return _inspected(connection, path, layout, workdir)
        finally:
            close(connection, workdir)


def _inspected(
    connection: duckdb.DuckDBPyConnection, path: Path, layout: TextLayout | None, workdir: Path
) -> Inspection:
    settings = _text_settings(layout) if layout else {}
    header = layout.header if layout else _header(connection, path, workdir)
    names = {role: _named(role, header) for role in ROLE_WORDS}
    guesses, questions = _assigned(names, header)
    data = DataConfig(transactions=str(path), columns=_columns(guesses, header), **settings)
    table = from_files(connection, [path], data, workdir)
    guesses, more = _checked(connection, table, guesses, settings)
    if layout and layout.encoding.guessed:
        questions.append("the text is not UTF-8; Windows-1252 is assumed: look at names with accents")
    return Inspection(path, tuple(header), guesses, settings, (*questions, *more, *(p.message for p in table.problems)))


def _text_settings(layout: TextLayout) -> dict[str, str]:
    encoding = "cp1252" if layout.encoding.guessed else layout.encoding.name.replace("utf-8-sig", "utf-8")
    return {"delimiter": layout.delimiter, "encoding": encoding}


def _header(connection: duckdb.DuckDBPyConnection, path: Path, workdir: Path) -> tuple[str, ...]:
    nothing = DataConfig(transactions=str(path), columns=Columns(customer="?", date="?"))
    return tuple(from_files(connection, [path], nothing, workdir).types)


def _named(role: str, header: tuple[str, ...]) -> list[tuple[float, str]]:
    scored = [(role_score(role, name), name) for name in dict.fromkeys(header) if name]
    return sorted(
        (pair for pair in scored if pair[0] >= POSSIBLE_SCORE), key=lambda pair: (-pair[0], header.index(pair[1]))
    )


def _assigned(names: dict[str, list[tuple[float, str]]], header: tuple[str, ...]) -> tuple[dict[str, Guess], list[str]]:
    """Every column in at most one role, the best fits first."""
    guesses: dict[str, Guess] = {}
    taken: set[str] = set()
    pairs = sorted(((score, role, name) for role, found in names.items() for score, name in found), reverse=True)
    for score, role, name in pairs:
        if role in guesses or name in taken:
            continue
        others = tuple(other for other_score, other in names[role] if other != name and other_score >= CERTAIN_SCORE)
        guesses[role] = Guess(name, score >= CERTAIN_SCORE and not others, others)
        taken.add(name)
    questions = []
    if "amount" in guesses:
        unused = guesses.pop("quantity", None)
        guesses.pop("unit_price", None)
        if unused:
            questions.append(
                f"the amount is taken from {guesses['amount'].column!r} and {unused.column!r} is not used; a "
                "cancellation that shows only there, with an amount of 0, would count as an order: then use "
                "quantity and unit_price instead"
            )
    elif not {"quantity", "unit_price"} <= set(guesses):
        for role in ("quantity", "unit_price", "discount"):
            guesses.pop(role, None)
    questions += [
        f"no column is recognised as {role}; the columns are {', '.join(map(repr, header))}"
        for role in ("customer", "date")
        if role not in guesses
    ]
    return guesses, questions


def _columns(guesses: dict[str, Guess], header: tuple[str, ...]) -> Columns:
    found = {role: guess.column for role, guess in guesses.items()}
    fallback = next(name for name in (*header, "?") if name)
    return Columns(**{"customer": fallback, "date": fallback} | found)


def _checked(
    connection: duckdb.DuckDBPyConnection, table: RawTable, guesses: dict[str, Guess], settings: dict[str, str]
) -> tuple[dict[str, Guess], list[str]]:
    """Whether the contents agree with the names; adds date_format and decimal to the settings."""
    questions: list[str] = []
    checked = dict(guesses)
    for role, guess in guesses.items():
        if role not in ("date", *MONEY_ROLES, "discount") or guess.column not in table.types or not table.parts:
            continue
        reading = _read(connection, table, role)
        if reading.problems:
            checked[role] = replace(guess, certain=False)
            questions += [problem.message for problem in reading.problems]
        elif role != "date" and holds_text(table, guess.column):
            marks = {shape.mark for shape in shapes_of(connection, table.scan, written_text(table, guess.column))}
            settings |= dict.fromkeys(["decimal"], ",") if "," in marks else {}
            settings |= dict.fromkeys(["decimal"], ".") if "." in marks else {}
    return checked, questions


def _read(connection: duckdb.DuckDBPyConnection, table: RawTable, role: str) -> Reading:
    if role == "date":
        return read_date(connection, table, None, None)
    return read_number(connection, table, role, None)


EXPLANATIONS = {
    "customer": "who bought; ids stay text exactly as in the file",
    "date": "when; the resolution is the day",
    "amount": "money of the row; negative amounts are refunds",
    "quantity": "pieces; negative quantities are refunds",
    "unit_price": "price of a piece",
    "order": "order number; several rows of one order are merged",
    "discount": "money off the order; the amount must be what was paid after it",
    "currency": "one currency only",
}


OPTIONAL_KEYS = """\
  # date_format: "%d-%m-%Y %H:%M"  # needed when day and month cannot be told apart
  # decimal: ","                   # needed when 1.234 could be read two ways
  # timezone: Europe/Amsterdam     # for timestamps with an offset
  # refunds: net                   # net, drop or refuse: negative amounts or quantities
  # duplicates: keep               # keep, drop or refuse: rows that are equal in every column
  # max_missing_customer_share: 0.5
  # observation_start: 2024-01-01  # rows before it are left out
  # observation_end: 2025-12-31    # default: the last date in the data
  # born_before_start: keep        # keep or exclude: customers who may have bought before the data begin
  # holdout_weeks: 26              # length of the back test; 0 for none
"""
FURTHER_SECTIONS = """\
# model:
#   time_unit: week               # day, week, month or year
#   credible_level: 0.9
economics:
  # currency: EUR
  gross_margin: 0.30              # CHECK: an assumption; share of an order's amount that is left after direct costs
  cost_per_order: 0
  # acquisition_cost: 0           # what winning a customer costs; the claims about retention need it
  # fixed_costs_per_year: 0
  annual_discount_rate: 0.10      # an assumption
  horizon_years: 3
# retention:                      # how "5% more retention" is read; see docs/configuration.md
#   scope: new_customer           # new_customer, new_customer_repeat_orders, base or firm
#   cost_per_customer_year: 0     # what keeping a customer costs
# contracts:                      # for subscriptions: a file with the beginnings and ends of contracts
#   file: contracts.csv
#   columns: {customer: id, start: begin, end: end}
# strategies:                     # what else is known: campaigns, promotions, satisfaction, experiment
#   promotions: {file: promotions.csv, columns: {start: begin, end: end}}
"""


def commented_yaml(inspection: Inspection) -> str:
    """A configuration with comments that ``load_config`` accepts; what is uncertain says so.

    Where customer or date is not recognised, ``UNKNOWN`` stands in and no run gets past it.
    """
    lines = [
        "# Made by `retention-lab init`; check every line marked CHECK, then run `retention-lab check` on this file."
    ]
    lines += [f"# QUESTION: {_one_line(question)}" for question in inspection.questions]
    lines += ["data:", f"  transactions: {_scalar(inspection.path.name)}", "  columns:"]
    lines += _column_lines(inspection)
    used = {guess.column for guess in inspection.guesses.values()}
    rest = [name for name in inspection.columns if name and name not in used]
    lines += [f"    # not used: {_one_line(', '.join(rest))}"] if rest else []
    lines += [f"  {key}: {_scalar(value)}" for key, value in inspection.settings.items()]
    return "\n".join([*lines, *_optional_lines(inspection)]) + "\n"


def _column_lines(inspection: Inspection) -> list[str]:
    lines = []
    for role, explanation in EXPLANATIONS.items():
        guess = inspection.guesses.get(role)
        if guess is None and role in ("customer", "date"):
            lines.append(f"    {role}: {UNKNOWN}  # CHECK: not recognised; put the name of the column here")
        elif guess is not None:
            doubt = "" if guess.certain else "CHECK: a guess; "
            others = f"; or is it {_one_line(', '.join(guess.others))}?" if guess.others else ""
            lines.append(f"    {role}: {_scalar(guess.column)}  # {doubt}{explanation}{others}")
    if not {"amount", "quantity"} & set(inspection.guesses):
        lines.append("    # amount: ...  # money was not recognised; without it the report counts orders only")
    return lines


def _optional_lines(inspection: Inspection) -> list[str]:
    known = tuple(f"  # {key}:" for key in inspection.settings)
    kept = [line for line in OPTIONAL_KEYS.splitlines() if not line.startswith(known or ("\0",))]
    return [*kept, *FURTHER_SECTIONS.splitlines()]


def _scalar(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f")


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
