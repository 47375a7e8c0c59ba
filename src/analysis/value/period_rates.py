"""The articles' retention rate of a period: (customers at the end - new ones) / customers at the start."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.data import Note, Transactions
from analysis.interval import Interval
from analysis.value.history import birth_days, births_unknown, history
from analysis.value.proportions import count_interval, share_interval, sum_interval

PERIOD_MONTHS = (12, 6, 3)
WINDOWS = (30, 90, 180, 365)
MOST_QUARTERS = 40


@dataclass(frozen=True)
class PeriodRate:
    """What became of the customers of one period.

    A customer is active on a day who ordered in the ``window_days`` days up to and including it. Two numbers are
    called the retention rate: the articles' formula also counts those who came back, who were not there at the start.

    Attributes
    ----------
    start, end
        The last day before the period and its last day.
    months, window_days
        Length of the period; what active means.
    at_start, at_end
        Customers active on ``start`` and on ``end``.
    kept
        Active on both.
    new
        Active at the end, with their first order in the period; None where births are unknown.
    new_and_gone
        With their first order in the period and no longer active at its end; in no other number. None where births
        are unknown.
    reactivated
        Active at the end, neither active at the start nor new; None where births are unknown.
    kept_share
        ``kept / at_start``, of those there at the start, with Jeffreys' interval: customers are taken as independent.
    rate
        The formula, ``(at_end - new) / at_start = (kept + reactivated) / at_start``, which may exceed 1; its interval
        takes those reactivated as a Poisson count. None where births are unknown.
    shared_days
        How many days the windows of start and end have in common: who ordered in them cannot be lost by definition.
        0 unless the window is longer than the period.
    """

    start: dt.date
    end: dt.date
    months: int
    window_days: int
    at_start: int
    at_end: int
    kept: int
    new: int | None
    new_and_gone: int | None
    reactivated: int | None
    kept_share: Interval
    rate: Interval | None
    shared_days: int

    @property
    def lost(self) -> int:
        """Active at the start and not at the end."""
        return self.at_start - self.kept


@dataclass(frozen=True)
class PeriodRates:
    """Retention rates by period, as far as the data reach.

    Attributes
    ----------
    window_days
        The stated window of activity.
    by_months
        Length of the period (12, 6, 3 months) -> its rates, oldest first, each period ending where the next begins and
        the last on the last day of the data. Lengths that do not fit are missing.
    reasons
        Length of the period -> why there is no rate: ``retention.reason.too_short_for_a_year`` (12 months) or
        ``retention.reason.too_short_for_the_period`` with days_needed, days_there, window_days and months; or
        ``retention.reason.nobody_active`` (months) where no customer was active at the start of any.
    by_window
        The last period of the longest length there is, under several windows (30, 90, 180, 365 days and the stated
        one, as far as they fit), shortest window first.
    births
        Why births are unknown, with which ``rate`` and ``new`` are left out; None where they are known.
    """

    window_days: int
    by_months: Mapping[int, tuple[PeriodRate, ...]]
    reasons: Mapping[int, Note]
    by_window: tuple[PeriodRate, ...]
    births: Note | None

    @property
    def latest(self) -> PeriodRate:
        """The last period of the longest length there is."""
        return self.by_months[max(self.by_months)][-1]


@dataclass(frozen=True)
class _Moment:
    """A day and the window that ends on it."""

    day: dt.date
    window_days: int

    @property
    def first_day(self) -> dt.date:
        return self.day - dt.timedelta(days=self.window_days - 1)


def period_rates(transactions: Transactions, window_days: int, *, level: float = 0.9) -> PeriodRates | Note:
    """Rates of years, half years and quarters that end with the data, as many as the data hold.

    A rate needs the window before its first day as well, so the data must reach back one window more than the period.
    At most the last ten years.

    Parameters
    ----------
    window_days
        A customer is active on a day who ordered in this many days up to and including it.
    level
        Level of the intervals.

    Returns
    -------
    PeriodRates or Note
        The reason of the shortest period where none fits; see ``PeriodRates.reasons``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from analysis.config import Config
    >>> from analysis.data import load_transactions
    >>> config = Config(name="cdnow", data={"transactions": {"sample": "cdnow"}})
    >>> folder = tempfile.TemporaryDirectory()
    >>> cdnow = load_transactions(config, workdir=Path(folder.name))
    >>> year = period_rates(cdnow, 180).latest
    >>> year.at_start, year.kept, year.reactivated, round(year.kept_share.estimate, 3), round(year.rate.estimate, 3)
    (2347, 512, 2, 0.218, 0.219)
    """
    if window_days < 1:
        raise ValueError(f"window_days == {window_days}, must be at least 1")
    periods = {months: _periods(transactions, months, window_days) for months in PERIOD_MONTHS}
    reasons = {months: _too_short(transactions, months, window_days) for months in PERIOD_MONTHS if not periods[months]}
    lengths = [months for months in PERIOD_MONTHS if periods[months]]
    if not lengths:
        return reasons[min(PERIOD_MONTHS)]
    compared = {months: _under_windows(transactions, *periods[months][-1]) for months in lengths}
    counted = _Activity(transactions, [*itertools.chain(*periods.values(), *compared.values())], level)
    by_months = {months: rates for months in lengths if (rates := counted.rates(periods[months], months))}
    nobody = {months: Note("retention.reason.nobody_active", {"months": months}) for months in lengths}
    reasons |= {months: nobody[months] for months in lengths if months not in by_months}
    if not by_months:
        return reasons[min(PERIOD_MONTHS)]
    longest = max(by_months)
    return PeriodRates(window_days, by_months, reasons, counted.rates(compared[longest], longest), counted.unknown)


def _under_windows(transactions: Transactions, first: _Moment, last: _Moment) -> list[tuple[_Moment, _Moment]]:
    """The same period under each window that is observed at its start."""
    windows = sorted({*WINDOWS, first.window_days})
    pairs = [(_Moment(first.day, window), _Moment(last.day, window)) for window in windows]
    return [pair for pair in pairs if pair[0].first_day >= transactions.observation_start]


def _periods(transactions: Transactions, months: int, window_days: int) -> list[tuple[_Moment, _Moment]]:
    """Start and end of the periods of this length whose windows are observed, oldest first."""
    ends = [
        months_before(transactions.observation_end, months * step) for step in range(MOST_QUARTERS * 3 // months + 1)
    ]
    moments = [_Moment(day, window_days) for day in ends]
    seen = [moment for moment in moments if moment.first_day >= transactions.observation_start][::-1]
    return list(itertools.pairwise(seen))


def _too_short(transactions: Transactions, months: int, window_days: int) -> Note:
    start, end = transactions.observation_start, transactions.observation_end
    numbers = {
        "days_needed": window_days + (end - months_before(end, months)).days,
        "days_there": (end - start).days + 1,
        "window_days": window_days,
        "months": months,
    }
    return Note("retention.reason.too_short_for_" + ("a_year" if months == 12 else "the_period"), numbers)


def months_before(day: dt.date, months: int) -> dt.date:
    """The same day of an earlier month; the last day of a month stays a last day.

    >>> months_before(dt.date(1998, 6, 30), 6), months_before(dt.date(2024, 3, 30), 1)
    (datetime.date(1997, 12, 31), datetime.date(2024, 2, 29))
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    length = calendar.monthrange(year, month + 1)[1]
    is_last = day.day == calendar.monthrange(day.year, day.month)[1]
    return dt.date(year, month + 1, length if is_last else min(day.day, length))


class _Activity:
    """Who was active at which moment: one bit of a customer's number for each moment."""

    def __init__(self, transactions: Transactions, pairs: Iterable[tuple[_Moment, _Moment]], level: float) -> None:
        moments = list(dict.fromkeys(moment for pair in pairs for moment in pair))
        self.bit = {moment: np.int64(1 << place) for place, moment in enumerate(moments)}
        self.birth = birth_days(transactions)
        self.unknown = births_unknown(transactions)
        self.level = level
        self.bits = self._bits(transactions)

    def _bits(self, transactions: Transactions) -> np.ndarray:
        days = pd.date_range(transactions.observation_start, transactions.observation_end, unit="s")
        bits = np.zeros(len(days), dtype=np.int64)
        for moment, bit in self.bit.items():
            inside = (days >= pd.Timestamp(moment.first_day)) & (days <= pd.Timestamp(moment.day))
            bits[inside] |= bit
        calendar_days = pd.DataFrame({"day": days, "bits": bits})
        with history(transactions, calendar_days=calendar_days[bits > 0]) as (connection, occasions):
            found = connection.execute(f"""
                SELECT o.customer AS customer, bit_or(c.bits) AS bits
                FROM {occasions} AS o JOIN (SELECT CAST(day AS DATE) AS day, bits FROM calendar_days) AS c USING (day)
                GROUP BY o.customer""").fetchnumpy()
        of_customer = np.zeros(len(self.birth), dtype=np.int64)
        of_customer[found["customer"]] = found["bits"]
        return of_customer

    def rates(self, pairs: Iterable[tuple[_Moment, _Moment]], months: int) -> tuple[PeriodRate, ...]:
        """The rates of these periods, without those at whose start nobody was active."""
        found = (self._rate(first, last, months) for first, last in pairs)
        return tuple(rate for rate in found if rate is not None)

    def _rate(self, first: _Moment, last: _Moment, months: int) -> PeriodRate | None:
        before, after = (self.bits & self.bit[first]) != 0, (self.bits & self.bit[last]) != 0
        at_start, kept = int(before.sum()), int((before & after).sum())
        if not at_start:
            return None
        share = share_interval(kept, at_start, self.level)
        new = new_and_gone = reactivated = rate = None
        if self.unknown is None:
            born = (self.birth > np.datetime64(first.day)) & (self.birth <= np.datetime64(last.day))
            new, new_and_gone = int((born & after).sum()), int((born & ~after).sum())
            reactivated = int((after & ~before & ~born).sum())
            back = count_interval(reactivated, self.level)
            per_customer = back.per(at_start)
            rate = sum_interval(share, per_customer)
        return PeriodRate(
            start=first.day,
            end=last.day,
            months=months,
            window_days=last.window_days,
            at_start=at_start,
            at_end=int(after.sum()),
            kept=kept,
            new=new,
            new_and_gone=new_and_gone,
            reactivated=reactivated,
            kept_share=share,
            rate=rate,
            shared_days=max(0, (first.day - last.first_day).days + 1),
        )
