"""A first configuration beside a file of transactions: guesses at columns and formats, and what stands in the way."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from analysis.config import Columns, DataConfig, config_from_mapping
from analysis.data.cells import holds_text, written_text
from analysis.data.dates import read_date
from analysis.data.engine import Connection, scratch
from analysis.data.files import ENDINGS, kind_of, problems_in_content, resolved_files
from analysis.data.numbers import read_number, shapes_of
from analysis.data.orders import load_orders
from analysis.data.reading import from_files
from analysis.data.source import RawTable, normalised
from analysis.data.text import recognised_layout
from analysis.errors import InputRefused, UsageError

CERTAIN_SCORE, POSSIBLE_SCORE = 0.9, 0.3
UNKNOWN = "CHANGE_ME"
READ = ("date", "amount", "quantity", "unit_price", "discount")
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
ROLE_WORDS = {
    "customer": (
        "customerid customernumber customerno customer customercode custid clientid client userid user memberid "
        "householdid shopperid buyerid accountid contactid klantnummer klantnr klantid klant klantcode debiteur "
        "debiteurnummer debiteurnr relatienummer relatie gebruiker lidnummer customeremail email emailadres"
    ),
    "date": (
        "orderdate invoicedate purchasedate transactiondate transactiontimestamp orderdatetime createdat datetime "
        "date timestamp saledate besteldatum orderdatum factuurdatum aankoopdatum transactiedatum verkoopdatum "
        "datum datumtijd besteldatumtijd tijdstip day dag"
    ),
    "amount": (
        "amount totalamount orderamount orderamount linetotal total ordertotal revenue sales salesvalue netamount "
        "grossamount price total totalprice spend value ordervalue bedrag totaal totaalbedrag orderbedrag "
        "regelbedrag factuurbedrag omzet regeltotaal nettobedrag brutobedrag dollarvalue"
    ),
    "quantity": "quantity qty units count items numberofitems aantal hoeveelheid stuks aantalstuks",
    "unit_price": "unitprice price itemprice priceperunit stukprijs prijs eenheidsprijs prijsperstuk verkoopprijs",
    "order": (
        "orderid ordernumber orderno order invoice invoiceno invoicenumber invoiceid basketid transactionid receiptid "
        "ordernummer ordernr bestelnummer bestelling factuurnummer factuurnr bonnummer transactienummer"
    ),
    "discount": "discount discountamount totaldiscount rebate korting kortingsbedrag totalekorting",
    "currency": "currency currencycode valuta valutacode munteenheid",
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
#   primary: BG/NBD               # BG/NBD, MBG/NBD or Pareto/NBD
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


def write_starter(file: Path) -> Path:
    """Write ``x.yml`` beside ``x.csv`` and return its path.

    Raises
    ------
    UsageError
        Where the file is missing or of an unknown kind, or where there is such a configuration already.
    InputRefused
        Where the file is not what its ending says.
    """
    found = resolved_files([file.name], file.absolute().parent)
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
    first, rest = draft_of(path).split("\n", 1)
    unsettled = [f"# TO SETTLE: {' '.join(message.split())}" for message in _problems(f"{first}\n{rest}", path)]
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write("\n".join([first, *unsettled, rest]))
    except FileExistsError:
        raise UsageError(f"{target} is there already; it is never overwritten") from None
    return target


def _problems(draft: str, path: Path) -> list[str]:
    """What `check` would say of the draft."""
    with tempfile.TemporaryDirectory(prefix="rlab-") as folder:
        try:
            load_orders(config_from_mapping(yaml.safe_load(draft), path=path.with_suffix(".yml")), workdir=Path(folder))
        except InputRefused as refused:
            return [problem.message for problem in refused.problems]
    return []


@dataclass
class Guess:
    """A column that may play a role: its name says so plainly (``certain``), or ``others`` could be meant as well."""

    column: str
    certain: bool
    others: tuple[str, ...] = ()


def draft_of(path: Path) -> str:
    """A configuration with comments that ``load_config`` accepts; what is uncertain says so.

    Where customer or date is not recognised, ``UNKNOWN`` stands in and no run gets past it.

    Raises
    ------
    InputRefused
        When the file is missing, has an unknown ending, or is not what its ending says.
    """
    (path,) = resolved_files([str(path)], Path())
    if problems := problems_in_content(path):
        raise InputRefused(problems)
    with tempfile.TemporaryDirectory(prefix="rlab-") as folder, scratch(Path(folder)) as connection:
        return _draft(connection, path, Path(folder))


def _draft(connection: Connection, path: Path, workdir: Path) -> str:
    settings, doubts = {}, []
    if kind_of(path).content == "text":
        layout = recognised_layout(path, None, workdir)
        encoding = "cp1252" if layout.encoding.guessed else layout.encoding.name.replace("utf-8-sig", "utf-8")
        settings = {"delimiter": layout.delimiter, "encoding": encoding}
        header = layout.header
        if layout.encoding.guessed:
            doubts.append("the text is not UTF-8; Windows-1252 is assumed: look at names with accents")
    else:
        nothing = DataConfig(transactions=str(path), columns=Columns(customer="?", date="?"))
        header = tuple(from_files(connection, [path], nothing, workdir).types)
    guesses, questions = _guesses(header)
    fallback = next(name for name in (*header, "?") if name)
    columns = {"customer": fallback, "date": fallback} | {role: guess.column for role, guess in guesses.items()}
    data = DataConfig(transactions=str(path), columns=columns, **settings)
    table = from_files(connection, [path], data, workdir)
    questions += [*doubts, *_doubts_in_content(connection, table, guesses, settings)]
    questions += [problem.message for problem in table.problems]
    return _commented(path.name, header, guesses, settings, questions)


def _guesses(header: tuple[str, ...]) -> tuple[dict[str, Guess], list[str]]:
    """Every column in at most one role, the best fits first; what only a person can answer."""
    scores = {(role, name): role_score(role, name) for role in ROLE_WORDS for name in header if name}
    guesses: dict[str, Guess] = {}
    for (role, name), score in sorted(scores.items(), key=lambda item: (item[1], item[0]), reverse=True):
        if score < POSSIBLE_SCORE or role in guesses or name in {guess.column for guess in guesses.values()}:
            continue
        others = tuple(other for other in dict.fromkeys(header)
                       if other != name and scores.get((role, other), 0) >= CERTAIN_SCORE)  # fmt: skip
        guesses[role] = Guess(name, score >= CERTAIN_SCORE and not others, others)
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
    listed = ", ".join(map(repr, header))
    missing = [role for role in ("customer", "date") if role not in guesses]
    return guesses, [*questions, *(f"no column is recognised as {role}; the columns are {listed}" for role in missing)]


def _doubts_in_content(
    connection: Connection, table: RawTable, guesses: dict[str, Guess], settings: dict[str, str]
) -> list[str]:
    """Where the contents do not agree with the names; adds ``decimal`` to the settings."""
    doubts = []
    for role, guess in guesses.items():
        if role not in READ or guess.column not in table.types or not table.parts:
            continue
        is_date = role == "date"
        reading = read_date(connection, table, None, None) if is_date else read_number(connection, table, role, None)
        if reading.problems:
            guess.certain = False
            doubts += [problem.message for problem in reading.problems]
        elif not is_date and holds_text(table, guess.column):
            for shape in shapes_of(connection, table.scan, written_text(table, guess.column)):
                settings |= {"decimal": shape.mark} if shape.mark in (",", ".") else {}
    return doubts


def _commented(
    name: str, header: tuple[str, ...], guesses: dict[str, Guess], settings: dict[str, str], questions: list[str]
) -> str:
    lines = [
        "# Made by `retention-lab init`; check every line marked CHECK, then run `retention-lab check` on this file.",
        *(f"# QUESTION: {_one_line(question)}" for question in questions),
        "data:",
        f"  transactions: {_scalar(name)}",
        "  columns:",
    ]
    for role, explanation in EXPLANATIONS.items():
        guess = guesses.get(role)
        if guess is not None:
            doubt = "" if guess.certain else "CHECK: a guess; "
            others = f"; or is it {_one_line(', '.join(guess.others))}?" if guess.others else ""
            lines.append(f"    {role}: {_scalar(guess.column)}  # {doubt}{explanation}{others}")
        elif role in ("customer", "date"):
            lines.append(f"    {role}: {UNKNOWN}  # CHECK: not recognised; put the name of the column here")
    if not {"amount", "quantity"} & set(guesses):
        lines.append("    # amount: ...  # money was not recognised; without it the report counts orders only")
    if rest := [name for name in header if name and name not in {guess.column for guess in guesses.values()}]:
        lines.append(f"    # not used: {_one_line(', '.join(rest))}")
    lines += [f"  {key}: {_scalar(value)}" for key, value in settings.items()]
    known = ("\0", *(f"  # {key}:" for key in settings))
    lines += [line for line in OPTIONAL_KEYS.splitlines() if not line.startswith(known)]
    return "\n".join(lines) + f"\n{FURTHER_SECTIONS}"


def role_score(role: str, name: str) -> float:
    """How well a column name fits a role, 0 to 1; the first words of a role's list fit best."""
    words = ROLE_WORDS[role].split()
    plain = normalised(name)
    if plain in words:
        return 1.0 - words.index(plain) / (10 * len(words))
    parts = [word for word in words if len(word) >= 4 and word in plain]
    return 0.6 * max((len(word) / len(plain) for word in parts), default=0.0)


def _scalar(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f")


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
