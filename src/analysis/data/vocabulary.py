"""Words that exports use, of ``vocabulary.yml`` (months, statuses, names of columns, shop systems), and currencies.

Currencies stand beside amounts: their signs and codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from analysis.errors import counted


@cache
def vocabulary() -> dict[str, Any]:
    """All words, by what they are.

    >>> vocabulary()["months"][2].split()[:2]
    ['march', 'maart']
    """
    return yaml.safe_load(files("analysis.data").joinpath("vocabulary.yml").read_text(encoding="utf-8"))


def words(kind: str) -> tuple[str, ...]:
    """The words of one kind.

    >>> words("said_yes")[:2]
    ('1', '1.0')
    """
    return tuple(vocabulary()[kind])


def names(role: str) -> list[str]:
    """Names of columns that probably play a role, the likeliest first.

    >>> "orderdate" in names("date")
    True
    """
    return vocabulary()["words"][role].split()


def says_hundredths(name: str) -> bool:
    """Whether a column is of cents, pence or other minor units by its name; per cents are none.

    >>> says_hundredths("amountCents"), says_hundredths("Amount (minor units)"), says_hundredths("discount per cent")
    (True, True, False)
    """
    parts = {part.lower() for part in re.findall("[A-Z]?[^\\W\\d_A-Z]+|[A-Z]+", name)}
    return bool(parts & {*words("hundredths")}) and not parts & {"per", "pour", "por", "pro"}


BLANKS = " \t\n\r\v\f\xa0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
INVISIBLE = "\xad\u200b\u200c\u200d\u2060\ufeff"
"""Characters that web pages and spreadsheets leave in ids: blanks, and what takes no room."""
CODES_OF_SIGN = {sign: tuple(codes.split()) for sign, codes in vocabulary()["signs"].items()}
TOTALS = "^(.* )?(grand |sub-?)?(total|totals|totaal|eindtotaal|summe|gesamt|gesamtsumme|somme|suma)([ :].*)?$"
"""Pattern of what stands before a total, or the total of one month or customer, in small letters."""
CODES = words("currencies")
CURRENCY = "(" + "|".join((*CODES_OF_SIGN, *CODES)).replace("$", r"\$").replace(".", "[.]") + ")"
"""Pattern of a sign or code."""
IN_NAME = f"(?:[ _(]+in)?[ _([]+{CURRENCY}(?![A-Za-z])"
"""Pattern of a currency in the name of a column."""


def rows_by_code(rows: Mapping[str, int], told: str | None = None) -> dict[str, int]:
    """Rows of every currency, from the rows of every sign and code; more than one key means mixed money.

    A sign counts as a code that is written out, or ``told``, where it can stand for that.

    >>> rows_by_code({"$": 2, "CAD": 3}), rows_by_code({"$": 2}), rows_by_code({"€": 2}, "USD")
    ({'CAD': 5}, {'USD': 2}, {'EUR': 2})
    """
    written = [mark for mark in (*rows, told) if mark not in CODES_OF_SIGN]
    found: dict[str, int] = {}
    for mark, number in rows.items():
        codes = CODES_OF_SIGN.get(mark, (mark,))
        code = next((code for code in written if code in codes), codes[0])
        found[code] = found.get(code, 0) + number
    return found


def in_words(rows: Mapping[str, int]) -> str:
    """Currencies with their numbers of rows, the ten most frequent.

    >>> in_words({"USD": 1, "EUR": 2})
    'EUR in 2 rows, USD in 1 row'
    """
    most = sorted(rows.items(), key=lambda pair: (-pair[1], pair[0]))[:10]
    return ", ".join(f"{code} in {counted(number, 'row')}" for code, number in most)
