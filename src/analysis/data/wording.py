"""How many of what, in words, for messages."""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with the words that agree with it; ``many`` is ``one`` with an s unless given.

    >>> counted(1, "row"), counted(2_000, "row"), counted(1, "value is", "values are")
    ('1 row', '2,000 rows', '1 value is')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
