"""Sentences for readers: English in the code is the key of its translation, numbers and dates are set by the locale.

A sentence is written where it is said, with typed placeholders::

    Message("{n:integer} customer has gone quiet", "{n:integer} customers have gone quiet", n=12)

- ``{orders:integer}``, ``{total:money}``, ``{day:date}``: any kind of ``Formats.KINDS``
- ``{value:interval money}``: an estimate with its interval, such as "47.2 (90% interval 41.0 to 53.9)";
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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from babel import Locale, dates, lists, numbers, units
from markupsafe import Markup, escape

LOCALES = {"en": "en_GB", "nl": "nl_NL"}
FOLDER = Path(__file__).parent / "locale"
PLACEHOLDER = re.compile(r"\{(\w+)(?::([^{}]+))?\}")
STRONG = re.compile(r"\*\*(.+?)\*\*")
CODE = re.compile(r"`(.+?)`")
MINUS = "−"
LARGE = 100
"""From here on a number with an interval that is wider than 1 has no decimals."""


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

    def _sentence(self) -> tuple[str, bool]:
        language = _reader.get().language
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
        return _reader.get().formats.shown(kind or "text", value)


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
    return _reader.get().formats.shown(kind, value)


def formats() -> Formats:
    """The reader's formats of numbers, money and dates."""
    return _reader.get().formats


def current_language() -> str:
    return _reader.get().language


def use(language: str, currency: str | None = None) -> None:
    """From now on sentences are for a reader of this language, and money is in this currency."""
    _reader.set(_Reader(language, Formats(language, currency)))


@contextmanager
def reader(language: str, currency: str | None = None) -> Iterator[None]:
    """Inside, sentences are for a reader of this language."""
    token = _reader.set(_Reader(language, Formats(language, currency)))
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


class HasInterval(Protocol):
    """An estimate with the interval around it, such as ``analysis.interval.Interval``."""

    estimate: float
    lower: float
    upper: float
    level: float


class Formats:
    """The formats of one language and one currency.

    Parameters
    ----------
    language
        ``en`` or ``nl``.
    currency
        ISO 4217 code; None where it is unknown: money is then shown as a plain number.

    Examples
    --------
    >>> Formats("en", "EUR").money(1234.6)
    '€1,235'
    >>> Formats("en").money(12.5)
    '12.50'
    """

    KINDS = (
        "integer", "decimal1", "decimal2", "decimal3", "decimal4", "significant", "percent", "percent1",
        "hundredths", "signed_percent", "signed_integer", "signed1", "signed_money", "signed_whole_money", "money",
        "cents", "date", "month", "moment", "text", "list", "number", "rounded", "rounded_money",
        "weeks", "days", "years",
    )  # fmt: skip
    INTERVAL_KINDS = (
        "integer", "decimal1", "decimal2", "decimal3", "significant", "percent", "percent1", "money", "rounded",
        "rounded_money",
    )  # fmt: skip

    def __init__(self, language: str = "en", currency: str | None = None):
        self.locale = Locale.parse(LOCALES[language])
        self.currency = currency

    def shown(self, kind: str, value: Any) -> str:
        """A value in a kind of ``KINDS``, or an interval as ``interval KIND``, ``range KIND`` and so on."""
        if is_missing(value):
            return "–"
        name, _, rest = kind.partition(" ")
        if not rest:
            return self.named(kind, value)
        estimate, low, high = self.ends(rest, value)
        if name == "estimate":
            return estimate
        ends = {"estimate": estimate, "low": low, "high": high}
        if name == "interval":
            return tr("{estimate} ({level:percent} interval {low} to {high})", level=value.level, **ends)
        if name == "bracketed":
            return tr("{estimate} ({low} to {high})", **ends)
        if name == "brackets":
            return tr("({low} to {high})", **ends)
        if name == "range":
            return tr("{low} to {high}", **ends)
        raise KeyError(kind)

    def named(self, kind: str, value: Any) -> str:
        """``value`` in the format called ``kind``; raises KeyError for a kind that does not exist."""
        if kind not in self.KINDS:
            raise KeyError(kind)
        return getattr(self, kind)(value)

    def integer(self, value: float) -> str:
        return self._decimal(round(value), 0)

    def decimal1(self, value: float) -> str:
        return self._decimal(value, 1)

    def decimal2(self, value: float) -> str:
        return self._decimal(value, 2)

    def decimal3(self, value: float) -> str:
        return self._decimal(value, 3)

    def decimal4(self, value: float) -> str:
        return self._decimal(value, 4)

    def significant(self, value: float) -> str:
        """Three significant digits, never fewer than the whole number; a whole number stays one."""
        return self._decimal(value, 0 if float(value).is_integer() else decimals_of(value))

    def number(self, value: float) -> str:
        """A number as it was given, or on an axis: as few decimals as it has.

        >>> Formats("en").number(0.25), Formats("en").number(1200.0)
        ('0.25', '1,200')
        """
        return numbers.format_decimal(round(value, 6) + 0.0, format="#,##0.####", locale=self.locale).replace(
            "-", MINUS
        )

    def percent(self, share: float) -> str:
        """A share as whole per cent, with one decimal where it would otherwise read 0% or 100%."""
        nearly = 0 < abs(share) < 0.005 or 0.995 < abs(share) < 1
        return self._percent(share, 1 if nearly else 0)

    def percent1(self, share: float) -> str:
        return self._percent(share, 1)

    def hundredths(self, share: float) -> str:
        """A share counted in hundredths, for sentences that say of what: percentage points, or per cent of something.

        >>> Formats("en").hundredths(0.05), Formats("nl").hundredths(0.025)
        ('5', '2,50')
        """
        return self.significant(round(100 * share, 6))

    def signed_percent(self, share: float) -> str:
        """A change as whole per cent with its sign.

        >>> Formats("en").signed_percent(-0.12)
        '−12%'
        """
        return ("+" if share > 0 else "") + self.percent(share)

    def signed_integer(self, value: float) -> str:
        """A difference of counts with its sign.

        >>> Formats("en").signed_integer(1234), Formats("en").signed_integer(-2)
        ('+1,234', '−2')
        """
        return ("+" if round(value) > 0 else "") + self.integer(value)

    def signed1(self, value: float) -> str:
        """A difference to one decimal, with its sign."""
        return ("+" if round(value, 1) > 0 else "") + self.decimal1(value)

    def signed_money(self, amount: float) -> str:
        """A difference of amounts with its sign, where the language has it.

        >>> Formats("en", "EUR").signed_money(-12.5), Formats("nl", "EUR").signed_money(12.5)
        ('−€12.50', '€\\xa0+12,50')
        """
        return self.money(-amount).replace(MINUS, "+") if amount > 0 else self.money(amount)

    def signed_whole_money(self, amount: float) -> str:
        """The same in whole units, beside amounts that are shown in these."""
        return self._money(-amount, 0).replace(MINUS, "+") if amount > 0 else self._money(amount, 0)

    def money(self, amount: float) -> str:
        """An amount: whole units from 1,000 on, cents below; nothing at all has none."""
        return self._money(amount, 0 if abs(amount) >= 999.5 or amount == 0 else 2)

    def cents(self, amount: float) -> str:
        """An amount that must add up: always with cents."""
        return self._money(amount, 2)

    def date(self, day: dt.date | str) -> str:
        """
        >>> Formats("en").date(dt.date(1997, 9, 30))
        '30 September 1997'
        """
        return dates.format_date(as_date(day), format="long", locale=self.locale)

    def moment(self, moment: dt.datetime | str) -> str:
        """A date and time, to the minute and in UTC; one without an offset is taken to be in UTC.

        >>> Formats("en").moment("2026-11-22T04:50:37+00:00")
        '22 November 2026, 04:50 UTC'
        """
        at = moment if isinstance(moment, dt.datetime) else dt.datetime.fromisoformat(moment)
        at = at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
        return f"{self.date(at)}, {dates.format_time(at, 'short', tzinfo=dt.UTC, locale=self.locale)} UTC"

    def month(self, day: dt.date | str) -> str:
        return dates.format_skeleton("yMMM", as_date(day), locale=self.locale)

    def text(self, value: Any) -> str:
        return str(value)

    def rounded(self, value: float) -> str:
        """Two significant digits, for sentences that a director reads.

        >>> Formats("en").rounded(48_156), Formats("en").rounded(0.0123)
        ('48,000', '0.012')
        """
        return self._decimal(_two_digits(value), max(0, 1 - _magnitude(value)))

    def rounded_money(self, amount: float) -> str:
        """
        >>> Formats("nl", "EUR").rounded_money(203_456.0)
        '€\\xa0200.000'
        """
        return self._money(_two_digits(amount), 0 if abs(amount) >= 10 or amount == 0 else 2)

    def list(self, values: Iterable[Any]) -> str:
        """
        >>> Formats("en").list(["a", "b", "c"])
        'a, b and c'
        """
        return lists.format_list([str(value) for value in values], locale=self.locale)

    def weeks(self, count: float) -> str:
        return self._duration(count, "week")

    def days(self, count: float) -> str:
        return self._duration(count, "day")

    def years(self, count: float) -> str:
        """
        >>> Formats("en").years(2.5)
        '2.5 years'
        """
        return self._duration(count, "year")

    def ends(self, kind: str, interval: HasInterval) -> tuple[str, ...]:
        """Estimate, lower and upper end, with as many decimals as the interval's width deserves."""
        values = (interval.estimate, interval.lower, interval.upper)
        if kind not in self.INTERVAL_KINDS:
            raise KeyError(kind)
        if kind == "significant":
            width = interval.upper - interval.lower
            decimals = 0 if width >= 1 and abs(interval.estimate) >= LARGE else decimals_of(width)
            return tuple(self._decimal(value, decimals) for value in values)
        if kind == "money":
            largest = max(abs(value) for value in values)
            decimals = 0 if largest >= 999.5 or largest == 0 else 2
            return tuple(self._money(value, decimals) for value in values)
        if kind == "percent":
            width = abs(interval.upper - interval.lower) * 100
            decimals = min(3, max(0, math.ceil(-math.log10(width)))) if width else 0
            return tuple(self._percent(value, decimals) for value in values)
        return tuple(getattr(self, kind)(value) for value in values)

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
        return shown if amount > 0 else self._negative(shown)

    def _negative(self, shown: str) -> str:
        """An amount with the minus sign where the language has it, since Babel's short form always begins with it."""
        follows_currency = self.locale.currency_formats["standard"].prefix[1].endswith("\xa0-")
        return re.sub(r"(?=\d)", MINUS, shown, count=1) if follows_currency else MINUS + shown

    def _decimal(self, value: float, decimals: int) -> str:
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        # A rounded zero carries no sign.
        value = round(float(value), decimals) + 0.0
        return numbers.format_decimal(value, format=pattern, locale=self.locale).replace("-", MINUS)

    def _percent(self, share: float, decimals: int) -> str:
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "") + "%"
        share = round(float(share), decimals + 2) + 0.0
        return numbers.format_percent(share, format=pattern, locale=self.locale).replace("-", MINUS)

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


def decimals_of(value: float) -> int:
    """Decimals that give three significant digits, at most four and never fewer than none.

    >>> decimals_of(12.9), decimals_of(331), decimals_of(0.0123)
    (1, 0, 4)
    """
    if not value or not math.isfinite(value):
        return 0
    return min(4, max(0, 2 - math.floor(math.log10(abs(value)))))


def as_date(day: dt.date | str) -> dt.date:
    """A date from a date, a timestamp or an ISO string."""
    if isinstance(day, dt.datetime):
        return day.date()
    if isinstance(day, dt.date):
        return day
    import pandas as pd

    return pd.Timestamp(day).date()


def is_missing(value: Any) -> bool:
    """Whether there is nothing to show: None, NaN, NaT or pandas' NA."""
    return (
        value is None
        or type(value).__name__ in ("NaTType", "NAType")
        or (isinstance(value, float) and math.isnan(value))
    )


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value and math.isfinite(value) else 0


def _two_digits(value: float) -> float:
    return round(value, 1 - _magnitude(value))


class _Reader(NamedTuple):
    language: str
    formats: Formats


_reader: ContextVar[_Reader] = ContextVar("reader", default=_Reader("en", Formats("en")))  # noqa: B039 (frozen)
