"""The ways in which dates are written, told from their shape: digits written as 9, months by name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from analysis.data.months import PATTERN

SHAPE = re.compile(
    rf"(?P<date>9{{4}}(?P<s1>[-/. ])9{{1,2}}(?P=s1)9{{1,2}}|9{{1,2}}(?P<s2>[-/. ])9{{1,2}}(?P=s2)(?:9{{4}}|9{{2}})"
    r"|9{8}"
    rf"|9{{1,2}}(?P<s3>[-/. ])(?:{PATTERN})[.]?(?P=s3)(?:9{{4}}|9{{2}})"
    rf"|9{{4}}(?P<s4>[-/. ])(?:{PATTERN})[.]?(?P=s4)9{{1,2}}"
    rf"|(?P<first>{PATTERN})[.]? 9{{1,2}}(?P<comma>,?) 9{{4}})"
    r"(?:(?P<gap>T| +|, )(?P<time>9{1,2}:99(?P<seconds>:99)?(?P<fraction>[.]9{1,9})?)(?P<half> ?[AP]M)?)?"
    r"(?P<offset> ?(?:Z|UTC|[+-]99(?::?99)?))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Layout:
    """One way in which dates are written.

    Attributes
    ----------
    family
        What must be the same in all rows: order of the year, separator, with or without an offset.
    formats
        strptime formats that fit, one for every order of day, month and year that is possible.
    has_offset
        Whether the values carry a UTC offset.
    has_name
        Whether the month is written as a name; it is ``%b`` in the formats, whatever its length and language.
    """

    family: str
    formats: tuple[str, ...]
    has_offset: bool
    has_name: bool


def layout_of(shape: str) -> Layout | None:
    """The layout of a date whose digits are written as 9; None where it is no date.

    >>> layout_of("99-99-9999 99:99").formats
    ('%d-%m-%Y %H:%M', '%m-%d-%Y %H:%M')
    >>> layout_of("9 maart 9999").formats
    ('%d %b %Y',)
    """
    match = SHAPE.fullmatch(shape)
    if match is None or (match["half"] is None and match["fraction"] and not match["seconds"]):
        return None
    family, dates = _date_formats(match)
    tail = _time_format(match) + (_gap_before_offset(match) + "%z" if match["offset"] else "")
    return Layout(
        f"{family}{' with offset' if match['offset'] else ''}",
        tuple(date + tail for date in dates),
        bool(match["offset"]),
        "%b" in dates[0],
    )


def _date_formats(match: re.Match) -> tuple[str, tuple[str, ...]]:
    year = "%Y" if match["date"].endswith("9999") else "%y"
    words = "year" if year == "%Y" else "two-digit year"
    if s := match["s3"]:
        turned = (f"%y{s}%b{s}%d",) if year == "%y" else ()
        return f"day{s}month name{s}{words}", (f"%d{s}%b{s}{year}", *turned)
    if s := match["s4"]:
        return f"year{s}month name{s}day", (f"%Y{s}%b{s}%d",)
    if match["first"]:
        return "month name first", (f"%b %d{match['comma']} %Y",)
    if s := match["s1"]:
        return f"year{s}month{s}day", (f"%Y{s}%m{s}%d",)
    if s := match["s2"]:
        orders = (f"%d{s}%m{s}{year}", f"%m{s}%d{s}{year}")
        two_digit = (f"%y{s}%m{s}%d",) if year == "%y" else ()
        return f"day and month{s}{words}", orders + two_digit
    return "eight digits", ("%Y%m%d", "%d%m%Y", "%m%d%Y")


def _time_format(match: re.Match) -> str:
    if match["time"] is None:
        return ""
    hours = "%I" if match["half"] else "%H"
    fraction = ".%f" if match["fraction"] and len(match["fraction"]) <= 7 else ".%n" if match["fraction"] else ""
    half = "" if not match["half"] else " %p" if match["half"].startswith(" ") else "%p"
    return f"{match['gap']}{hours}:%M{':%S' if match['seconds'] else ''}{fraction}{half}"


def _gap_before_offset(match: re.Match) -> str:
    return " " if match["offset"].startswith(" ") else ""
