"""Numbers, money, dates and durations as a reader sees them, through Babel and one locale.

Each format is a short method named for its kind; ``Formats.named`` finds it by that name, so the same kinds
serve the sentences of the catalogue (``{total:money}``) and the columns of tables.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable
from typing import Any, Protocol

import pandas as pd
from babel import Locale, dates, lists, numbers, units

LOCALES = {"en": "en_GB", "nl": "nl_NL"}
MINUS = "−"
LARGE = 100
"""From here on a number with an interval that is wider than 1 has no decimals."""


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
        "cents", "date", "month", "moment", "text", "list", "number", "weeks", "days", "years",
    )  # fmt: skip
    INTERVAL_KINDS = ("integer", "decimal1", "decimal2", "decimal3", "significant", "percent", "percent1", "money")

    def __init__(self, language: str = "en", currency: str | None = None):
        self.locale = Locale.parse(LOCALES[language])
        self.currency = currency

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
        at = pd.to_datetime(moment, utc=True).to_pydatetime()
        return f"{self.date(at)}, {dates.format_time(at, 'short', tzinfo=dt.UTC, locale=self.locale)} UTC"

    def month(self, day: dt.date | str) -> str:
        return dates.format_skeleton("yMMM", as_date(day), locale=self.locale)

    def text(self, value: Any) -> str:
        return str(value)

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

    def plural_form(self, count: float) -> str:
        return self.locale.plural_form(count)

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
    return pd.Timestamp(day).date()


def is_missing(value: Any) -> bool:
    """Whether there is nothing to show: None, NaN or NaT."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NaT
