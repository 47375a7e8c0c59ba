"""A first configuration beside a file of transactions: what its columns seem to be, and what only a person can answer.

Exports of known shop systems are told by their headers; of others the columns are guessed by name and by content.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import yaml

from analysis.config import DataConfig, config_from_mapping
from analysis.data.cells import first_rows
from analysis.data.engine import Connection, run, scratch
from analysis.data.files import ENDINGS, files_and_problems, kind_of, problems_in_content
from analysis.data.formats import NAMES, read_number
from analysis.data.meaning import (
    COUNTED,
    NOBODY,
    PERCENT_NAME,
    PROFIT_NAME,
    SAID_NO,
    SAID_YES,
    is_uncounted,
    names_of_money,
)
from analysis.data.orders import load_orders
from analysis.data.reading import from_files, parquet_header
from analysis.data.source import RawTable, is_of_other, normalised, role_score
from analysis.data.text import first_records, recognised_layout
from analysis.data.vocabulary import CURRENCY, IN_NAME, vocabulary
from analysis.errors import InputRefused, Problem, UsageError, collecting, is_full_disk

CERTAIN_SCORE, POSSIBLE_SCORE = 0.9, 0.3
UNKNOWN = "CHANGE_ME"
HEADER_WITHIN = 15
FEWEST_CUSTOMERS = 30
SHAPES = {
    "date": r"[0-9]{1,4}[-/. ]+[^-/. 0-9]{0,10}[0-9]{0,2}[-/. ]+[0-9]{1,4}|^[A-Za-z]{3,9}[.]? [0-9]{1,2},? [0-9]{4}",
    "customer": "^[^@ ]+@[^@ ]+[.][^@ ]+$",
    "amount": rf"^{CURRENCY} ?-?[0-9][0-9., ’'']*$|^-?[0-9][0-9., ’'']* ?{CURRENCY}$",
}
"""What the contents of a column look like, as a regular expression in a string of SQL.

Money has the mark of a currency, without which it could as well be a weight.
"""
MONEY = ("amount", "quantity", "unit_price", "discount", "refunded")
NUMBER = (
    "regexp_full_match(value, '[^0-9]{0,5}[0-9][0-9., ''’]*[^0-9]{0,5}') "
    "AND NOT regexp_matches(value, '^[0-9]{1,2}[.][0-9]{1,2}[.]')"
)
"""SQL of whether a value is a number with what stands beside money; 31.01.2024 is none."""
FITS = dict.fromkeys(MONEY, NUMBER) | {"order": f"NOT regexp_matches(value, '{SHAPES['date']}')"}
CENTS = "[0-9][.,][0-9]{2}[^0-9]*$"
MONTH = re.compile(f"(q[1-4]|{NAMES})[0-9]{{0,4}}|[0-9]{{4,6}}", re.IGNORECASE)
"""Pattern of a month, a quarter or a year as a normalised name of a column."""


def write_starter(file: Path, sheet: str | None = None) -> Path:
    """Write ``x.yml`` beside ``x.csv`` and return its path; ``sheet`` chooses one of a workbook.

    Raises
    ------
    UsageError
        Where the file is missing or of an unknown kind, or where there is such a configuration already.
    InputRefused
        Where the file is not what its ending says.
    """
    found, problems = files_and_problems([file.name], file.absolute().parent)
    if problems:
        raise InputRefused(problems)
    if len(found) > 1:
        raise UsageError(
            f"{file}: {len(found)} files match; name one of them, such as {found[0].name}, and put the pattern into "
            "data.transactions of the configuration that is made"
        )
    (path,) = found
    ending = max((one for one in ENDINGS if path.name.lower().endswith(one)), key=len)
    target = path.with_name(f"{path.name[: -len(ending)]}.yml")
    if target.exists():
        raise UsageError(f"{target} is there already; it is never overwritten")
    draft = draft_of(path, sheet)
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(draft)
    except OSError as error:
        if is_full_disk(error):
            raise
        message = f"{target}: cannot be written ({error.strerror}); copy {path.name} to a folder of your own first"
        raise UsageError(message) from error
    return target


def _problems(draft: str, path: Path) -> list[str]:
    """What `check` would say of the draft."""
    problems: list[Problem] = []
    with tempfile.TemporaryDirectory(prefix="rlab-") as folder, collecting(problems):
        load_orders(config_from_mapping(yaml.safe_load(draft), path=path.with_suffix(".yml")), workdir=Path(folder))
    return [problem.message for problem in problems]


@dataclass
class Guess:
    """A column that may play a role: its name says so plainly (``certain``), or ``others`` could be meant as well."""

    column: str
    certain: bool
    others: tuple[str, ...] = ()


def draft_of(path: Path, sheet: str | None = None) -> str:
    """A configuration with comments that ``load_config`` accepts; what is uncertain says so.

    Where customer or date is not recognised, ``UNKNOWN`` stands in and no run gets past it.

    Raises
    ------
    InputRefused
        When the file is not what its ending says.
    """
    if problems := problems_in_content(path):
        raise InputRefused(problems)
    with tempfile.TemporaryDirectory(prefix="rlab-") as folder, scratch(Path(folder)) as connection:
        questions, draft = _draft(connection, path, Path(folder), sheet)
    first, rest = draft.split("\n", 1)
    asked = (f"# QUESTION: {_one_line(' '.join(question.split()))}" for question in questions + _problems(draft, path))
    return "\n".join([first, *asked, rest])


def _draft(connection: Connection, path: Path, workdir: Path, sheet: str | None) -> tuple[list[str], str]:
    """What `check` does not ask, and the configuration."""
    settings: dict[str, object] = {"sheet": sheet} if sheet else {}
    questions = []
    if kind_of(path) == "text":
        layout = recognised_layout(path, None, workdir)
        encoding = layout.encoding.replace("utf-8-sig", "utf-8")
        records = first_records(layout, HEADER_WITHIN)
        settings = {"delimiter": layout.delimiter, "encoding": encoding}
        if layout.is_guessed:
            questions.append("the text is not UTF-8; Windows-1252 is assumed: look at names with accents")
    elif kind_of(path) == "workbook":
        records = first_rows(path, sheet, HEADER_WITHIN)
    else:
        records = [list(parquet_header(path))]
    skip = _rows_above_header(records)
    settings |= {"skip_rows": skip} if skip else {}
    header = tuple(records[skip]) if records else ("?",)
    if kind_of(path) == "text":  # a name may have several lines
        header = recognised_layout(path, DataConfig.model_construct(**settings), workdir).header
    # Every column, each by its name; of names that look alike to DuckDB none.
    small = [name.lower() for name in header]
    every = {name: name for name in header if name and small.count(name.lower()) == 1}
    data = DataConfig.model_construct(columns=SimpleNamespace(mapped=lambda: every), **settings)
    table = from_files(connection, [path], data, workdir)
    table = replace(table, columns={name: name for name in every if name in table.types})
    system, guesses = _system_of(header)
    if not system:
        guesses = _guesses(connection, table, header)
    if table.parts:
        if not system:
            _by_content(connection, table, guesses)
        settings |= _settings_of(connection, table, guesses)
    is_wide = "date" not in guesses and len([name for name in header if MONTH.fullmatch(normalised(name))]) > 1
    if is_wide or ("customer" not in guesses and "" in header):
        questions.append(
            "one row for each order is needed, with its customer, date and amount: export a list of orders or "
            "invoices; fill down a customer that stands once above several rows, and give that column a name; columns "
            "of months go below each other, in Python by frame.melt(id_vars=...), and each then counts as one order"
        )
    if {"amount", "quantity"} & set(guesses) and not _tells_currency(connection, table, guesses):
        questions.append("in which currency are the amounts? The file does not tell it: set economics.currency")
    for role in ("customer", "date"):
        guesses.setdefault(role, Guess(f"{UNKNOWN}_{role.upper()}", certain=False))
    return questions, _commented(path.name, header, guesses, settings, system)


def _rows_above_header(records: list[list[str]]) -> int:
    """How many rows stand above the header: the first full one that names two roles plainly, or the first full one.

    A row with at most half as many cells as the fullest is a title, or stands merged above the header.
    """
    filled = [sum(map(bool, record)) for record in records]
    likely = [number for number, count in enumerate(filled) if 2 * count > max(filled)]

    def roles_in(record: list[str]) -> set[str]:
        return {role for role in vocabulary()["words"] if any(role_score(role, one) >= CERTAIN_SCORE for one in record)}

    return next((number for number in likely if len(roles_in(records[number])) > 1), likely[0] if likely else 0)


def _system_of(header: tuple[str, ...]) -> tuple[str | None, dict[str, Guess]]:
    """The shop system whose export has such a header, and its columns; the one with the most of them."""
    plain = {normalised(name): name for name in reversed(header) if name}
    best: tuple[str | None, dict[str, Guess]] = None, {}
    for system, headers in vocabulary()["systems"].items():
        always = headers["always"]
        roles = {role: next((plain[one] for one in words.split() if one in plain), None)
                 for role, words in (always | headers.get("perhaps", {})).items()}  # fmt: skip
        marked = "mark" not in headers or any(mark in plain for mark in headers["mark"].split())
        if marked and all(roles[role] for role in always) and len([*filter(None, roles.values())]) > len(best[1]):
            best = system, {role: Guess(name, certain=True) for role, name in roles.items() if name}
    return best


def _values(connection: Connection, table: RawTable, column: str, condition: str = "value <> ''") -> list[str]:
    """Values of a column in small letters, the most frequent first; none of what cannot be read."""
    if not table.parts or column not in table.columns.values():
        return []
    value = f"lower(trim(CAST({table.expression(column)} AS VARCHAR)))"
    found = f"SELECT {value} AS value FROM {table.scan} WHERE {condition} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 40"
    return [text for (text,) in run(connection, found)]


def _guesses(connection: Connection, table: RawTable, header: tuple[str, ...]) -> dict[str, Guess]:
    """Every column in at most one role, the best fits first."""
    scores = {(role, name): role_score(role, name) for role in vocabulary()["explanations"] for name in header if name}
    guesses: dict[str, Guess] = {}
    for (role, name), score in sorted(scores.items(), key=lambda item: -item[1]):
        least = POSSIBLE_SCORE if role in (*MONEY, "date", "customer", "order") else CERTAIN_SCORE - 0.05
        if score < least or role in guesses or name in {guess.column for guess in guesses.values()}:
            continue
        if role in ("customer", "order", *MONEY):
            values = {*_values(connection, table, name)}
            if len(values) > 1 and values <= {*SAID_YES, *SAID_NO}:
                continue
            if values and role in FITS and not _values(connection, table, name, FITS[role]):
                continue
        near = min(CERTAIN_SCORE, 0.9 * score)
        others = tuple(other for other in dict.fromkeys(header)
                       if other != name and scores.get((role, other), 0) >= near)  # fmt: skip
        if role == "customer":  # guests have an address, but no number
            most = {one: ([*_values(connection, table, one, "TRUE"), ""][0] or "") for one in (name, *others)}
            if most[name] in ("", *NOBODY):
                address = next((one for one in others if "@" in most[one]), name)
                name, others = address, tuple(one for one in most if one != address)
        guesses[role] = Guess(name, score >= CERTAIN_SCORE and not others, others)
    if "unit_price" in guesses and not {"amount", "quantity"} & set(guesses):
        guesses["amount"] = replace(guesses.pop("unit_price"), certain=False)
    if "amount" in guesses:
        guesses.pop("unit_price", None)
        if "quantity" in guesses and not _values(connection, table, guesses["quantity"].column, "value LIKE '-%'"):
            del guesses["quantity"]
        if normalised(guesses["amount"].column).startswith("net"):
            guesses.pop("refunded", None)  # which may be taken off already: it is asked
    elif "unit_price" not in guesses:
        for role in ("quantity", "discount", "refunded"):
            guesses.pop(role, None)
    return guesses


def _by_content(connection: Connection, table: RawTable, guesses: dict[str, Guess]) -> None:
    """Adds date, customer, amount and status where only the contents tell them."""
    free = [name for name in table.columns if name not in {guess.column for guess in guesses.values()}]
    for name in free if "status" not in guesses else []:
        if is_of_other("flag", name):
            continue  # of what is not delivered yet, or of the customer: it is asked
        values = {*_values(connection, table, name)}
        if values & {*COUNTED} and any(map(is_uncounted, values)):
            guesses["status"] = Guess(name, certain=False)

    def share(name: str, pattern: str) -> float:
        value = f"trim(CAST({table.expression(name)} AS VARCHAR))"
        fits = f"avg(CAST(regexp_matches({value}, '{pattern}') AS INTEGER))"
        return run(connection, f"SELECT {fits} FROM {table.scan} WHERE {value} <> ''")[0][0] or 0

    for role in (role for role in ("date", "customer") if role not in guesses):
        if fitting := [name for name in free if share(name, SHAPES[role]) > CERTAIN_SCORE]:
            guesses[role] = Guess(fitting[0], certain=False, others=tuple(fitting[1:]))
            free.remove(fitting[0])
    if {"amount", "quantity"} & set(guesses):
        return
    free = [name for name in free if not is_of_other("amount", name) and _values(connection, table, name, NUMBER)]
    marked = [name for name in free if share(name, SHAPES["amount"]) > CERTAIN_SCORE and not PROFIT_NAME.search(name)]
    alike = tuple(name for name in free if name in names_of_money(free) or share(name, CENTS) > 0.5)
    if alike or marked:
        column = marked[0] if len(marked) == 1 else f"{UNKNOWN}_AMOUNT"
        guesses["amount"] = Guess(column, certain=False, others=tuple(name for name in alike if name != column))


def _settings_of(connection: Connection, table: RawTable, guesses: dict[str, Guess]) -> dict[str, object]:
    """``count_status`` and ``decimal`` as the contents tell them; takes away what is none."""
    settings: dict[str, object] = {}
    table = replace(table, columns={role: one.column for role, one in guesses.items() if one.column in table.columns})
    for role, column in table.columns.items():
        if role == "currency" and re.search("[0-9]", "".join(_values(connection, table, column))):
            del guesses[role]  # valuta is also the day from which money counts
        elif role == "status":
            statuses = _values(connection, table, column)
            known = [status for status in statuses if status in COUNTED or is_uncounted(status)]
            is_told = "statu" in normalised(column) or any(map(str.isdigit, statuses))
            if not known and (not is_told or ("customer" in guesses and _is_of_customers(connection, table))):
                del guesses[role]
            elif statuses and known == statuses:
                settings["count_status"] = [status for status in statuses if status in COUNTED]
        elif role in MONEY and (form := read_number(connection, table, role, None).form):
            settings["decimal"] = form
    return settings


def _tells_currency(connection: Connection, table: RawTable, guesses: dict[str, Guess]) -> bool:
    """Whether a column of currencies, the name of a column of money or what stands beside its values says it."""
    priced = [one.column for role, one in guesses.items() if role in MONEY]
    named = any(re.search(IN_NAME, name, re.IGNORECASE) for name in priced)
    mark = f"regexp_matches(value, '{CURRENCY.lower()}')"
    return "currency" in guesses or named or any(_values(connection, table, name, mark) for name in priced)


def _is_of_customers(connection: Connection, table: RawTable) -> bool:
    """Whether the status is of the customer, such as gold or silver: each has one, and there are several."""
    status, customer = (table.expression(table.columns[role]) for role in ("status", "customer"))
    found = f"SELECT count(*) AS rows, count(DISTINCT {status}) AS kinds FROM {table.scan} GROUP BY {customer}"
    (several, most), *_ = run(connection, f"SELECT count(*) FILTER (rows > 1), max(kinds) FROM ({found})")
    return several >= FEWEST_CUSTOMERS and most == 1 < len(_values(connection, table, table.columns["status"]))


def _commented(
    name: str, header: tuple[str, ...], guesses: dict[str, Guess], settings: dict[str, object], system: str | None
) -> str:
    lines = [
        "# Made by `retention-lab init`; check every line marked CHECK, then run `retention-lab check` on this file.",
        *([f"# Taken for an export of {system}, by its header."] if system else []),
        "data:",
        f"  transactions: {_scalar(name)}",
        "  columns:",
    ]
    for role, explanation in vocabulary()["explanations"].items():
        guess = guesses.get(role)
        if guess is not None:
            doubt = "" if guess.certain else "CHECK: a guess; "
            others = f"; or is it {_one_line(', '.join(guess.others))}?" if guess.others else ""
            if guess.column.startswith(UNKNOWN):
                doubt, explanation = "CHECK: not recognised; ", "put the name of the column here"
                explanation += ", or take this line out to count orders only" if role == "amount" else ""
            lines.append(f"    {role}: {_scalar(guess.column)}  # {doubt}{explanation}{others}")
    if not {"amount", "quantity"} & set(guesses):
        lines.append("    # amount: ...  # money was not recognised; without it the report counts orders only")
    if rest := [name for name in header if name and name not in {guess.column for guess in guesses.values()}]:
        lines.append(f"    # not used: {_one_line(', '.join(rest))}")
    lines += [f"  {key}: {_scalar(value)}" for key, value in settings.items()]
    included = {}
    for key, words in (("vat", "taxes"), ("shipping", "shipping")):
        named = (name for name in rest if normalised(name) in vocabulary()[words].split())
        included[key] = next((name for name in named if not PERCENT_NAME.search(name)), None)
    if any(included.values()):
        proposed = ", ".join(f"{key}: {_scalar(column)}" for key, column in included.items() if column)
        lines.append(f"  # amount_includes: {{{_one_line(proposed)}}}  # question 1: where the amount includes them")
    known = ("\0", *(f"  # {key}:" for key in settings))
    lines += [line for line in vocabulary()["optional_keys"].splitlines() if not line.startswith(known)]
    return "\n".join(lines) + f"\n{vocabulary()['further_sections']}"


def _scalar(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\x7f")


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
