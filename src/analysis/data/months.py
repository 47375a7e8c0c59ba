"""Names of months in English and Dutch, which DuckDB knows in English only."""

from __future__ import annotations

LONG_NAMES = (
    ("january", "januari"),
    ("february", "februari"),
    ("march", "maart"),
    ("april",),
    ("may", "mei"),
    ("june", "juni"),
    ("july", "juli"),
    ("august", "augustus"),
    ("september",),
    ("october", "oktober"),
    ("november",),
    ("december",),
)
MORE_SHORT_NAMES = {"mrt": "mar", "okt": "oct", "sept": "sep"}
ENGLISH = {name: names[0][:3] for names in LONG_NAMES for name in (*names, names[0][:3])} | MORE_SHORT_NAMES
PATTERN = "|".join(sorted(ENGLISH, key=len, reverse=True))


def in_english(text: str) -> str:
    """SQL of a text in capitals whose month, by name, is turned into three English letters for ``%b``.

    A point that ends the name before a blank goes with it, as in ``13 mrt. 2024``.
    """
    word = f"regexp_extract({text}, '(?:^|[^A-Z])({PATTERN.upper()})(?:[^A-Z]|$)', 1)"
    short = ", ".join(f"'{name.upper()}': '{english.upper()}'" for name, english in ENGLISH.items())
    without_point = f"replace({text}, {word} || '. ', {word} || ' ')"
    return f"CASE WHEN {word} = '' THEN {text} ELSE replace({without_point}, {word}, MAP {{{short}}}[{word}]) END"
