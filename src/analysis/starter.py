"""A first configuration for a file of transactions, with what its header and rows give away."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from analysis.config import config_from_mapping
from analysis.data.engine import close, connect, parquet_types
from analysis.data.files import ENDINGS, kind_of, problems_in_content, resolved_files
from analysis.data.headers import ROLE_WORDS, role_score
from analysis.data.text import recognised_layout
from analysis.data.transactions import load_transactions
from analysis.data.workbook import sheet_rows
from analysis.errors import InputRefused, UsageError

GOOD_GUESS = 0.3
UNKNOWN = "CHANGE_ME"

TEMPLATE = """\
# Configuration of a report on {file}, made by `retention-lab init`. Check the columns, then run
#   retention-lab check {target}
#   retention-lab report {target}
{problems}
data:
  transactions: {transactions}  # beside this file; a list or a glob such as orders-*.csv works too
  # The columns of the file: {header}
  columns:
{columns}
  # date_format: "%d-%m-%Y %H:%M"   # needed only where dates can be read two ways
  # timezone: Europe/Amsterdam      # where the timestamps carry an offset
  # decimal: ","                    # needed only where numbers can be read two ways
  refunds: net                      # net | drop | refuse: negative amounts or quantities
  duplicates: keep                  # keep | drop | refuse: rows that are equal in every column
  max_missing_customer_share: 0.5   # more rows than this without a customer are refused
  # observation_start: 2024-01-01
  # observation_end: 2025-12-31     # default: the last date in the data
  born_before_start: keep           # keep | exclude: customers who may have bought before the data begin
  holdout_weeks: 26                 # length of the back test; 0 for none
model:
  time_unit: week                   # day | week | month | year
  credible_level: 0.9
  seed: 1
economics:
  # currency: EUR
  gross_margin: 0.30                # share of an order's amount that is earned; an assumption, set your own
  cost_per_order: 0
  annual_discount_rate: 0.10
  horizon_years: 3
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
    (path,) = resolved_files([file.name], file.absolute().parent)
    if problems := problems_in_content(path):
        raise InputRefused(problems)
    target = path.with_name(f"{_stem(path)}.yml")
    with tempfile.TemporaryDirectory(prefix="rlab-") as folder:
        text = starter(path, target.name, Path(folder))
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(f"{target} is there already; it is never overwritten") from None
    return target


def starter(path: Path, target: str, workdir: Path) -> str:
    """The text of a configuration for the file at ``path``."""
    header = header_of(path, workdir)
    columns = guessed_columns(header)
    lines = [f"    {role}: {_quoted(columns.get(role, UNKNOWN))}" for role in _shown_roles(columns)]
    filled = {
        "file": _one_line(path.name),
        "target": _one_line(target),
        "transactions": _quoted(path.name),
        "header": ", ".join(_quoted(name) for name in header),
        "columns": "\n".join(lines),
    }
    draft = TEMPLATE.format(problems="", **filled)
    problems = [f"# To be settled: {_one_line(line)}" for line in _problems(draft, path, workdir)]
    return TEMPLATE.format(problems="\n".join(problems), **filled)


def header_of(path: Path, workdir: Path) -> list[str]:
    """Names of the columns of a file."""
    content = kind_of(path).content
    if content == "text":
        return list(recognised_layout(path, None, workdir).header)
    if content == "workbook":
        return [str(cell) for cell in next(iter(sheet_rows(path, None)), ()) if cell is not None]
    connection = connect(workdir)
    try:
        return list(parquet_types(connection, [path]))
    finally:
        close(connection, workdir)


def guessed_columns(header: Iterable[str]) -> dict[str, str]:
    """Role -> column, best guesses first; every column has at most one role.

    >>> guessed_columns(["InvoiceNo", "InvoiceDate", "Klant", "Bedrag"])
    {'order': 'InvoiceNo', 'date': 'InvoiceDate', 'customer': 'Klant', 'amount': 'Bedrag'}
    """
    names = list(header)
    scored = [(role_score(role, name), role, name) for role in ROLE_WORDS for name in names]
    found: dict[str, str] = {}
    for score, role, name in sorted(scored, key=lambda one: -one[0]):
        if score >= GOOD_GUESS and role not in found and name not in found.values():
            found[role] = name
    return {role: name for name in names for role, chosen in _one_money(found).items() if chosen == name}


def _one_money(found: Mapping[str, str]) -> dict[str, str]:
    """Amount, or quantity and unit price: a configuration has one kind of money."""
    money = {role: found[role] for role in ("amount", "quantity", "unit_price") if role in found}
    rest = {role: name for role, name in found.items() if role not in money}
    if "amount" in money:
        return {**rest, "amount": money["amount"]}
    if "unit_price" in money and "quantity" not in money:
        return {**rest, "amount": money["unit_price"]}
    if "unit_price" not in money:
        return {role: name for role, name in rest.items() if role != "discount"}
    return {**rest, **money}


def _shown_roles(columns: Mapping[str, str]) -> list[str]:
    return ["customer", "date", *(role for role in columns if role not in {"customer", "date"})]


def _problems(draft: str, path: Path, workdir: Path) -> list[str]:
    """What stands between this draft and a report, as `check` would say it."""
    try:
        config = config_from_mapping(yaml.safe_load(draft), path=path.with_suffix(".yml"))
        load_transactions(config, workdir=workdir / "trial")
    except InputRefused as refused:
        return [problem.message for problem in refused.problems]
    return []


def _stem(path: Path) -> str:
    ending = max((one for one in ENDINGS if path.name.lower().endswith(one)), key=len)
    return path.name[: -len(ending)]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())
