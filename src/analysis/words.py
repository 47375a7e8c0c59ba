"""Sentences for readers: English in the code is the key of its translation, numbers and dates are set by the locale.

A sentence is written where it is said, with typed placeholders::

    Message("{n:integer} customer has gone quiet", "{n:integer} customers have gone quiet", n=12)

- ``{orders:integer}``, ``{total:money}``, ``{day:date}``: any kind that ``Formats`` has; ``{more:signed money}``
- ``{value:interval money}``: an estimate with its interval, such as "47.2 (90% interval 41.0 to 53.9)", of an
  ``Interval``, or of a number whose ends are given beside it, as a row of a frame has them (``Interval.in_row``);
  ``bracketed`` is the same where the level is named elsewhere, ``brackets`` its second part alone, ``range`` only the
  two ends, ``estimate`` only the estimate
- ``{reason}``: a value that is itself a ``Message``, or text of the reader's own

The second English text is the plural; the number that decides is always called ``n``. ``**strong**`` and a pair of
backticks are the only markup; all else is text, and is escaped in HTML.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partialmethod
from pathlib import Path
from typing import Any

from babel import Locale, dates, lists, numbers, units
from markupsafe import Markup, escape

from analysis.interval import Interval

LOCALES = {"en": "en_GB", "nl": "nl_NL"}
FOLDER = Path(__file__).parent / "locale"
PLACEHOLDER = re.compile(r"\{(\w+)(?::([^{}]+))?\}")
STRONG = re.compile(r"\*\*(.+?)\*\*")
CODE = re.compile(r"`(.+?)`")
MINUS = "−"
LARGE = 100
"""From here on a number with an interval that is wider than 1 has no decimals."""
INTERVALS = {
    "interval": "{estimate} ({level:percent} interval {low} to {high})",
    "bracketed": "{estimate} ({low} to {high})",
    "brackets": "({low} to {high})",
    "range": "{low} to {high}",
}
"""How an interval is said, beside ``estimate``, which is the estimate alone."""


class Message:
    """A sentence with its numbers, still without a language.

    Parameters
    ----------
    text, plural
        English with placeholders, for one and for any other number ``n``; ``plural`` is None where nothing is counted.
    code
        Stable name for programs that read ``results.json``; empty for most.
    context
        Tells two uses of the same English apart that other languages say differently.
    values
        What stands in the placeholders. Text comes from files and may be hostile.

    Examples
    --------
    >>> str(Message("{n:integer} order", "{n:integer} orders", n=1234))
    '1,234 orders'
    >>> Message("Orders of {name}", name="<b>").html()
    Markup('Orders of &lt;b&gt;')
    """

    __slots__ = ("code", "context", "plural", "text", "values")

    def __init__(self, text: str, plural: str | None = None, /, *, code: str = "", context: str = "", **values: Any):
        self.text, self.plural, self.code, self.context, self.values = text, plural, code, context, values

    def __str__(self) -> str:
        sentence = CODE.sub(r"\1", STRONG.sub(r"\1", self._sentence()[0]))
        return PLACEHOLDER.sub(lambda place: str(self._filled(place)), sentence)

    def html(self) -> Markup:
        """As HTML; a sentence that nobody translated is marked as English."""
        sentence, is_translated = self._sentence()
        marked = CODE.sub(r"<code>\1</code>", STRONG.sub(r"<strong>\1</strong>", str(escape(sentence))))
        html = Markup(PLACEHOLDER.sub(lambda place: str(escape(self._filled(place, html=True))), marked))
        return html if is_translated else Markup('<span lang="en">{}</span>').format(html)

    __html__ = html  # so that MarkupSafe takes it as it is

    def _repr_html_(self) -> str:
        return block(self.html())

    def __repr__(self) -> str:
        return f"Message({self.text!r}, {self.values})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash((self.text, self.code))

    def _parts(self) -> tuple[Any, ...]:
        return self.text, self.plural, self.code, self.context, self.values

    def with_values(self, **values: Any) -> Message:
        """The same sentence with these numbers."""
        return Message(self.text, self.plural, code=self.code, context=self.context, **values)

    def _sentence(self) -> tuple[str, bool]:
        language = formats().language
        if language == "en":
            return self._form((self.text, self.plural), "en"), True
        found = catalogue(language).get((self.text, self.context))
        if found is None:
            return self._form((self.text, self.plural), "en"), not self.text.strip("–— .")
        return self._form(found, language), True

    def _form(self, forms: tuple[str | None, ...], language: str) -> str:
        if self.plural is None or forms[1] is None:
            return forms[0]
        return forms[0 if Locale.parse(LOCALES[language]).plural_form(self.values["n"]) == "one" else 1]

    def _filled(self, place: re.Match, *, html: bool = False) -> Any:
        name, kind = place[1], place[2]
        if name not in self.values:
            raise KeyError(f"{self.text!r}: there is no value {name!r}")
        value = self.values[name]
        if isinstance(value, Message):
            return value.html() if html else str(value)
        part, _, of_interval = (kind or "text").partition(" ")
        if of_interval and part != "signed" and not (isinstance(value, Interval) or is_missing(value)):
            value = Interval.in_row(self.values, name)
        return formats().shown(kind or "text", value)


def block(*parts: Markup | str) -> Markup:
    """Pieces of HTML as one block that has the style of a report, and that JupyterLab's mathematics leaves alone.

    >>> block(Markup("<p>"), "$1 to $2")
    Markup('<div class="rl mathjax_ignore"><p>$1 to $2</div>')
    """
    return Markup('<div class="rl mathjax_ignore">{}</div>').format(Markup("").join(parts))


def tr(text: str, plural: str | None = None, /, *, context: str = "", **values: Any) -> str:
    """A sentence, label or heading in the reader's language, as plain text.

    >>> with reader("nl", "EUR"):
    ...     tr("{total:money}", total=1234.5)
    '€\\xa01.234'
    """
    return str(Message(text, plural, context=context, **values))


def shown(kind: str, value: Any) -> str:
    """A value in one of the kinds that placeholders and columns know, in the reader's language."""
    return formats().shown(kind, value)


def formats() -> Formats:
    """The reader's formats of numbers, money and dates."""
    return _reader.get()


def use(language: str, currency: str | None = None, mark: str = "") -> None:
    """From now on sentences are for a reader of this language, and money is in this currency."""
    _reader.set(Formats(language, currency, mark))


@contextmanager
def reader(language: str, currency: str | None = None) -> Iterator[None]:
    """Inside, sentences are for a reader of this language."""
    token = _reader.set(Formats(language, currency))
    try:
        yield
    finally:
        _reader.reset(token)


@functools.cache
def catalogue(language: str) -> Mapping[tuple[str, str], tuple[str, str | None]]:
    """(English text, context) -> the forms for one and for other numbers, of every translated sentence."""
    from babel.messages.pofile import read_po

    path = FOLDER / f"{language}.po"
    with path.open("rb") as stream:
        found = read_po(stream, locale=language)
    sentences = {}
    for entry in found:
        if entry.id and entry.string and not entry.fuzzy:
            text, forms = (entry.id[0], entry.string) if isinstance(entry.id, tuple) else (entry.id, (entry.string,))
            if all(forms):
                sentences[text, entry.context or ""] = (*forms, None)[:2]
    return sentences


def placeholders(sentence: str) -> dict[str, str]:
    """Name -> kind of each placeholder in a sentence.

    >>> placeholders("{share:percent} of {customers:integer} customers: {reason}")
    {'share': 'percent', 'customers': 'integer', 'reason': 'text'}
    """
    return {name: kind or "text" for name, kind in PLACEHOLDER.findall(sentence)}


class Formats:
    """The formats of one language and one currency; each kind of value has a method of its name.

    Parameters
    ----------
    language
        ``en`` or ``nl``.
    currency
        ISO 4217 code; None where it is unknown: money is then shown as a plain number.
    mark
        Stands after ``margin`` and ``rounded_money``, the kinds of what is left of turnover, where costs are assumed.

    Examples
    --------
    >>> Formats("en", "EUR").money(1234.6), Formats("en").money(12.5), Formats("nl", "EUR").shown("signed money", 12.5)
    ('€1,235', '12.50', '€\\xa0+12,50')
    >>> Formats("en").shown("signed percent", -0.12), Formats("en").years(2.5)
    ('−12%', '2.5 years')
    """

    def __init__(self, language: str = "en", currency: str | None = None, mark: str = ""):
        self.language, self.currency, self.mark = language, currency, mark
        self.locale = Locale.parse(LOCALES[language])

    def shown(self, kind: str, value: Any) -> str:
        """A value in one of the kinds, with its sign as ``signed KIND``; an interval as ``interval KIND`` and so on.

        Raises KeyError for a kind that does not exist.
        """
        if is_missing(value):
            return "–"
        part, _, rest = kind.partition(" ")
        if not rest:
            return self._of_kind(kind)(value)
        if part == "signed":  # where the language has it, which is where it has the minus
            show = self._of_kind(rest)
            return show(-value).replace(MINUS, "+") if value > 0 else show(value)
        estimate, low, high = self.ends(rest, value)
        if self.mark:  # once for an interval is enough
            low, high = low.removesuffix(self.mark), high if part == "range" else high.removesuffix(self.mark)
        if part == "estimate":
            return estimate
        return tr(INTERVALS[part], estimate=estimate, low=low, high=high, level=value.level)

    def _of_kind(self, kind: str) -> Callable[[Any], str]:
        if kind.startswith("_") or not hasattr(self, kind):
            raise KeyError(kind)
        return getattr(self, kind)

    def ends(self, kind: str, interval: Any) -> tuple[str, ...]:
        """Estimate, lower and upper end of an ``Interval``, with as many decimals as its width deserves."""
        values = (interval.estimate, interval.lower, interval.upper)
        width, show, decimals = abs(interval.upper - interval.lower), self._of_kind(kind), None
        if kind == "significant":
            show, decimals = self._decimal, 0 if width >= 1 and abs(values[0]) >= LARGE else decimals_of(width)
        elif kind in ("rounded", "rounded_money"):
            return tuple(show(value, width) for value in values)
        elif kind in ("money", "margin"):
            largest, mark = max(map(abs, values)), self.mark if kind == "margin" else ""
            decimals = 0 if largest >= 999.5 or largest == 0 else 2
            return tuple(self._money(value, decimals) + mark for value in values)
        elif kind == "percent":
            show, decimals = self._percent, min(3, max(0, math.ceil(-math.log10(width * 100)))) if width else 0
        return tuple(show(value) if decimals is None else show(value, decimals) for value in values)

    def _decimal(self, value: float, decimals: int) -> str:
        return self._with_decimals(numbers.format_decimal, value, decimals)

    def _percent(self, share: float, decimals: int) -> str:
        return self._with_decimals(numbers.format_percent, share, decimals, "%")

    def _with_decimals(self, show: Callable[..., str], value: float, decimals: int, sign: str = "") -> str:
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "") + sign
        # A rounded zero carries no sign.
        value = round(float(value), decimals + 2 * len(sign)) + 0.0
        return show(value, format=pattern, locale=self.locale).replace("-", MINUS)

    def _money(self, amount: float, decimals: int) -> str:
        if self.currency is None:
            return self._decimal(amount, decimals)
        pattern = self.locale.currency_formats["standard"].pattern
        pattern = pattern.replace("0.00", "0." + "0" * decimals if decimals else "0")
        amount = round(float(amount), decimals) + 0.0
        return numbers.format_currency(
            amount, self.currency, format=pattern, locale=self.locale, currency_digits=False
        ).replace("-", MINUS)

    def _duration(self, count: float, unit: str) -> str:
        name, whole = f"duration-{unit}", float(count).is_integer()
        value = int(count) if whole else round(count, 2)
        shown = units.format_unit(value, name, "long", locale=self.locale)
        # Where the short form is spelled out already, as for Dutch days, CLDR has no long one and Babel says the name.
        return units.format_unit(value, name, "short", locale=self.locale) if name in shown else shown

    decimal1, decimal2 = partialmethod(_decimal, decimals=1), partialmethod(_decimal, decimals=2)
    decimal3, decimal4 = partialmethod(_decimal, decimals=3), partialmethod(_decimal, decimals=4)
    percent1 = partialmethod(_percent, decimals=1)
    whole_money, cents = partialmethod(_money, decimals=0), partialmethod(_money, decimals=2)
    """Amounts beside larger ones, and amounts that must add up."""
    days, weeks = partialmethod(_duration, unit="day"), partialmethod(_duration, unit="week")
    years = partialmethod(_duration, unit="year")

    def integer(self, value: float) -> str:
        return self._decimal(round(value), 0)

    def significant(self, value: float) -> str:
        """Three significant digits, never fewer than the whole number; a whole number stays one."""
        return self._decimal(value, 0 if float(value).is_integer() else decimals_of(value))

    def number(self, value: float) -> str:
        """A number as it was given, or on an axis: as few decimals as it has.

        >>> Formats("en").number(0.25), Formats("en").number(1200.0)
        ('0.25', '1,200')
        """
        shown = numbers.format_decimal(round(value, 6) + 0.0, format="#,##0.####", locale=self.locale)
        return shown.replace("-", MINUS)

    def percent(self, share: float) -> str:
        """A share as whole per cent, with one decimal where it would otherwise read 0% or 100%."""
        nearly = 0 < abs(share) < 0.005 or 0.995 < abs(share) < 1
        return self._percent(share, 1 if nearly else 0)

    def hundredths(self, share: float) -> str:
        """A share counted in hundredths, for sentences that say of what: percentage points, or per cent of something.

        >>> Formats("en").hundredths(0.05), Formats("nl").hundredths(0.025)
        ('5', '2,50')
        """
        return self.significant(round(100 * share, 6))

    def money(self, amount: float) -> str:
        """An amount: whole units from 1,000 on, cents below; nothing at all has none."""
        return self._money(amount, 0 if abs(amount) >= 999.5 or amount == 0 else 2)

    def margin(self, amount: float) -> str:
        """What is left of turnover: as ``money``, with the mark where costs are assumed."""
        return self.money(amount) + self.mark

    def rounded(self, value: float, width: float = math.inf) -> str:
        """Two significant digits, for sentences that a director reads; more where an interval is narrow.

        >>> Formats("en").rounded(48_156), Formats("en").rounded(0.0123)
        ('48,000', '0.012')
        >>> Formats("en").shown("bracketed rounded", Interval(122_702.0, 117_260.0, 128_215.0, 0.9))
        '123,000 (117,000 to 128,000)'
        """
        places = _places_of(value, width)
        return self._decimal(round(value, places), max(0, places))

    def rounded_money(self, amount: float, width: float = math.inf) -> str:
        """
        >>> Formats("nl", "EUR").rounded_money(203_456.0)
        '€\\xa0200.000'
        >>> Formats("en", "EUR").shown("bracketed rounded_money", Interval(1_062_071.0, 1_015_189.0, 1_110_549.0, 0.9))
        '€1,060,000 (€1,020,000 to €1,110,000)'
        """
        rounded = round(amount, _places_of(amount, width))
        return self._money(rounded, 0 if abs(amount) >= 10 or amount == 0 else 2) + self.mark

    def date(self, day: dt.date | str) -> str:
        """A day, given as such, as a timestamp, or as ISO text.

        >>> Formats("en").date(dt.date(1997, 9, 30))
        '30 September 1997'
        """
        return dates.format_date(_moment(day), format="long", locale=self.locale)

    def month(self, day: dt.date | str) -> str:
        return dates.format_skeleton("yMMM", _moment(day), locale=self.locale)

    def month_name(self, number: int) -> str:
        """A month of the year by its number.

        >>> Formats("nl").month_name(3)
        'maart'
        """
        return dates.get_month_names("wide", locale=self.locale)[number]

    def quarter(self, day: dt.date | str) -> str:
        """A quarter by any of its days.

        >>> Formats("nl").quarter("2026-05-01")
        'K2 2026'
        """
        return dates.format_date(_moment(day), "QQQ y", locale=self.locale)

    def year(self, day: dt.date | str) -> str:
        return dates.format_skeleton("y", _moment(day), locale=self.locale)

    def moment(self, moment: dt.datetime | str) -> str:
        """A date and time, to the minute and in UTC; one without an offset is taken to be in UTC.

        >>> Formats("en").moment("2026-11-22T04:50:37+00:00")
        '22 November 2026, 04:50 UTC'
        """
        at = _moment(moment)
        at = at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
        return f"{self.date(at)}, {dates.format_time(at, 'short', tzinfo=dt.UTC, locale=self.locale)} UTC"

    def readable(self, kind: str, text: Any) -> str:
        """ISO text as a ``date`` or ``moment``; text that is none stays as it is, and nothing is empty.

        >>> Formats("en").readable("date", "2026-06-30"), Formats("en").readable("date", "yesterday")
        ('30 June 2026', 'yesterday')
        >>> Formats("en").readable("moment", 5)
        '5'
        """
        try:
            return self.shown(kind, text) if text else ""
        except (AttributeError, TypeError, ValueError):
            return str(text)

    def text(self, value: Any) -> str:
        return str(value)

    def list(self, values: Iterable[Any]) -> str:
        """
        >>> Formats("en").list(["a", "b", "c"])
        'a, b and c'
        """
        return lists.format_list([str(value) for value in values], locale=self.locale)

    def phrases(self, values: Iterable[Any]) -> str:
        """A list of what else begins a sentence.

        >>> Formats("en").phrases(["How often", "How soon"])
        'how often and how soon'
        """
        return self.list(f"{value}"[:1].lower() + f"{value}"[1:] for value in values)

    def compact(self, amount: float) -> str:
        """A short form for axis ticks, such as ``12K``."""
        return numbers.format_compact_decimal(amount, locale=self.locale, fraction_digits=1).replace("-", MINUS)

    def compact_money(self, amount: float) -> str:
        """A short form for axis ticks, with cents only where there are some and the sign where amounts have it.

        >>> Formats("nl", "EUR").compact_money(-12_300.0), Formats("en", "EUR").compact_money(0.5)
        ('€\\xa0−12,3K', '€0.50')
        """
        if self.currency is None:
            return self.compact(amount)
        if abs(amount) < 999.5:
            return self._money(amount, 0 if float(amount).is_integer() else 2)
        shown = numbers.format_compact_currency(abs(amount), self.currency, locale=self.locale, fraction_digits=1)
        if amount > 0:
            return shown
        # The minus stands where the language has it; Babel's short form would always begin with it.
        follows_currency = self.locale.currency_formats["standard"].prefix[1].endswith("\xa0-")
        return re.sub(r"(?=\d)", MINUS, shown, count=1) if follows_currency else MINUS + shown


def decimals_of(value: float) -> int:
    """Decimals that give three significant digits, at most four and never fewer than none.

    >>> decimals_of(12.9), decimals_of(331), decimals_of(0.0123)
    (1, 0, 4)
    """
    if not value or not math.isfinite(value):
        return 0
    return min(4, max(0, 2 - math.floor(math.log10(abs(value)))))


def is_missing(value: Any) -> bool:
    """Whether there is nothing to show: None, NaN, NaT or pandas' NA."""
    return (
        value is None
        or type(value).__name__ in ("NaTType", "NAType")
        or (isinstance(value, float) and math.isnan(value))
    )


def _moment(given: dt.date | str) -> dt.date:
    return dt.datetime.fromisoformat(given) if isinstance(given, str) else given


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value and math.isfinite(value) else 0


def _places_of(value: float, width: float) -> int:
    """Decimals that give two significant digits, or tell the ends of an interval of that width from its middle."""
    return max(1 - _magnitude(value), -_magnitude(width / 4) if 0 < width < math.inf else -math.inf)


_reader: ContextVar[Formats] = ContextVar("reader", default=Formats("en"))  # noqa: B039 (never changed)
