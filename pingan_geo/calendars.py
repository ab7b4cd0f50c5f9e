"""Working days and working hours: weekends, public holidays, moved working days (调休) and the town's own days.

China moves working days to weekends around its holidays, by a notice of the State Council each autumn for the
next year. Until the notice is out nobody knows them; a calendar here says how far it knows (:attr:`known_until`)
instead of guessing. The days themselves come from the ``holidays`` library; a town's ``calendar.csv`` overrides
each of them (a day off for the market fair, a notice newer than the library).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import (
    BadChoiceError,
    CalendarFileError,
    NoWorkdayError,
    UnknownCountryError,
    WorkingHoursError,
)

#: The town's own days: columns ``date``, ``kind`` (work / rest, 上班 / 休息) and ``name``.
CALENDAR_FILE: Final = "calendar.csv"
_KINDS: Final = {"work": True, "上班": True, "rest": False, "休息": False}
#: Hours of work where the town states none.
OFFICE_HOURS: Final = ((time(8, 30), time(11, 30)), (time(13, 30), time(17, 30)))
#: A deadline further away than this many days from its start is a mistake.
_FARTHEST_D: Final = 3_660
_MINUTE: Final = np.timedelta64(1, "m")

Instants = NDArray[np.datetime64]


@dataclass(frozen=True)
class OwnDay:
    """A day that the town itself has declared."""

    works: bool
    name: str = ""


@dataclass(frozen=True)
class Calendar:
    """Which days and hours are worked.

    Parameters
    ----------
    country
        ISO code of two letters whose public holidays are kept; ``""`` keeps weekends only.
    own
        Days that the town declares; they win over all others.
    hours
        Spans of working hours in a day, in order, not touching; the last may end at midnight as ``time(0)``.
    """

    country: str = "CN"
    own: Mapping[date, OwnDay] = field(default_factory=dict)
    hours: tuple[tuple[time, time], ...] = OFFICE_HOURS

    def is_workday(self, day: date) -> bool:
        """Return whether a day is worked."""
        if day in self.own:
            return self.own[day].works
        return _is_public_workday(self.country, day)

    def name_of(self, day: date) -> str:
        """Return the name of a holiday or of a day that the town declared, ``""`` for an ordinary day."""
        if day in self.own:
            return self.own[day].name
        return _holiday_name(self.country, day)

    def is_known(self, day: date) -> bool:
        """Return whether the days off of that year are known, moved working days included."""
        return day.year <= self.known_until.year

    @property
    def known_until(self) -> date:
        """Return the last day whose moved working days are known, by the library or by the town's own file."""
        year = _last_known_year(self.country)
        while any(day.year == year + 1 and own.works and day.weekday() >= 5 for day, own in self.own.items()):
            year += 1
        return date(year, 12, 31)

    def workdays(self, since: date, until: date) -> NDArray[np.bool_]:
        """Return for each day of ``[since, until)`` whether it is worked."""
        days = range((until - since).days)
        return np.array([self.is_workday(since + timedelta(number)) for number in days], dtype=bool)

    def next_workday(self, day: date, steps: int = 1) -> date:
        """Return the ``steps``-th working day after ``day`` (before it, when negative); 0 gives ``day`` itself.

        Raises
        ------
        NoWorkdayError
            If ten years hold no such day.
        """
        step = timedelta(1 if steps > 0 else -1)
        left, found = abs(steps), day
        while left:
            found += step
            if abs((found - day).days) > _FARTHEST_D:
                raise NoWorkdayError(day=day)
            left -= self.is_workday(found)
        return found

    @cached_property
    def minutes_a_day(self) -> int:
        """Return how many minutes of a working day are worked."""
        return int((self._closes - self._opens).sum())

    def add_working_hours(self, start: ArrayLike, hours: ArrayLike) -> Instants:
        """Return the instants at which so many working hours after each start have passed.

        Parameters
        ----------
        start
            ``datetime64`` instants, wall-clock time of the town; missing stays missing.
        hours
            Working hours from then, not negative, rounded to whole minutes; one for all or one for each.

        Returns
        -------
        array of datetime64[s]
            Counting starts at the start itself, or at the next opening when it lies outside the working hours.
            A deadline that falls on the end of a span stays there: 17:30, not 8:30 of the next day.

        Raises
        ------
        BadChoiceError
            If hours are negative.
        NoWorkdayError
            If the end lies more than ten years away.
        """
        begin, worked = np.broadcast_arrays(
            np.asarray(start, dtype="datetime64[s]"), np.rint(np.asarray(hours, dtype=float) * 60)
        )
        if np.any(worked < 0):
            raise BadChoiceError(name="hours", value=float(np.asarray(hours).min()), expected="0 or more")
        given = ~np.isnat(begin) & np.isfinite(worked)
        out = np.full(begin.shape, np.datetime64("NaT"), dtype="datetime64[s]")
        if not given.any():
            return out
        first = begin[given].min().astype("datetime64[D]")
        if worked[given].max() > self.minutes_a_day * _FARTHEST_D:
            raise NoWorkdayError(day=first)
        reach_d = int(worked[given].max()) // self.minutes_a_day * 2 + 40
        last = begin[given].max().astype("datetime64[D]") + np.timedelta64(reach_d, "D")
        while True:
            table = self._table(first, last)
            target = table.worked_by(begin[given]) + worked[given]
            if target.max() <= table.total:
                break
            if (last - first).astype(int) > _FARTHEST_D + reach_d:
                raise NoWorkdayError(day=first)
            last += np.timedelta64(max(reach_d, 366), "D")
        found = table.instant_of(target)
        idle = worked[given] == 0
        found[idle] = begin[given][idle]
        out[given] = found
        return out

    def working_hours_between(self, start: ArrayLike, end: ArrayLike) -> NDArray[np.float64]:
        """Return the working hours between instants, negative where the end is before the start; NaN where missing."""
        first, second = np.broadcast_arrays(
            np.asarray(start, dtype="datetime64[s]"), np.asarray(end, dtype="datetime64[s]")
        )
        given = ~np.isnat(first) & ~np.isnat(second)
        out = np.full(first.shape, np.nan)
        if given.any():
            both = np.concatenate([first[given], second[given]])
            days = both.astype("datetime64[D]")
            table = self._table(days.min(), days.max() + np.timedelta64(1, "D"))
            out[given] = (table.worked_by(second[given]) - table.worked_by(first[given])) / 60.0
        return out

    @cached_property
    def _opens(self) -> NDArray[np.int64]:
        return np.array([_minute(since) for since, _ in self.hours], dtype=np.int64)

    @cached_property
    def _closes(self) -> NDArray[np.int64]:
        return np.array([_minute(until) or 1440 for _, until in self.hours], dtype=np.int64)

    def _table(self, first: np.datetime64, last: np.datetime64) -> _WorkTable:
        """Return the spans of work of the days ``[first, last)``."""
        days = np.arange(first, last)
        works = self.workdays(date.fromisoformat(str(first)), date.fromisoformat(str(last)))
        midnight = days[works].astype("datetime64[m]")[:, None]
        opens = (midnight + self._opens * _MINUTE).ravel().astype("datetime64[s]")
        closes = (midnight + self._closes * _MINUTE).ravel().astype("datetime64[s]")
        return _WorkTable(opens, closes)


class _WorkTable:
    """Spans of work in order, with the minutes worked before each."""

    def __init__(self, opens: Instants, closes: Instants) -> None:
        self._opens, self._closes = opens, closes
        lengths = (closes - opens).astype(float) / 60.0
        self._before = np.concatenate([[0.0], np.cumsum(lengths)])

    @property
    def total(self) -> float:
        return float(self._before[-1])

    def worked_by(self, instants: Instants) -> NDArray[np.float64]:
        """Return the minutes worked until each instant."""
        span = np.searchsorted(self._opens, instants, side="right") - 1
        inside = np.clip(span, 0, None)
        if not len(self._opens):
            return np.zeros(len(instants))
        passed = np.minimum(instants, self._closes[inside]) - self._opens[inside]
        return np.where(span < 0, 0.0, self._before[inside] + passed.astype(float) / 60.0)

    def instant_of(self, minutes: NDArray[np.float64]) -> Instants:
        """Return when so many minutes have been worked; the end of a span rather than the start of the next."""
        span = np.clip(np.searchsorted(self._before, minutes, side="left") - 1, 0, len(self._opens) - 1)
        rest_s = np.rint((minutes - self._before[span]) * 60.0).astype("timedelta64[s]")
        found: Instants = self._opens[span] + rest_s
        return found


def read_own_days(file: Path) -> dict[date, OwnDay]:
    """Read a town's ``calendar.csv``; a file that is not there declares nothing.

    Raises
    ------
    CalendarFileError
        If a row cannot be used; it names the row.
    """
    if not file.is_file():
        return {}
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        text = file.read_text(encoding="gb18030", errors="replace")  # a spreadsheet's own CSV
    own: dict[date, OwnDay] = {}
    for number, row in enumerate(csv.DictReader(text.splitlines()), 2):
        stated, kind = (str(row.get(name) or "").strip() for name in ("date", "kind"))
        where = {"file": file.name, "row": number}
        try:
            day = date.fromisoformat(stated)
        except ValueError:
            raise CalendarFileError(**where, column="date", value=stated, expected="YYYY-MM-DD") from None
        if kind not in _KINDS:
            raise CalendarFileError(**where, column="kind", value=kind, expected=" / ".join(_KINDS))
        own[day] = OwnDay(_KINDS[kind], str(row.get("name") or "").strip())
    return own


def parse_hours(spans: Sequence[str]) -> tuple[tuple[time, time], ...]:
    """Read working hours such as ``["08:30-11:30", "13:30-17:30"]``.

    Raises
    ------
    WorkingHoursError
        If a span cannot be read, is empty, or they are out of order or touch.
    """
    found: list[tuple[time, time]] = []
    for span in spans:
        since, _, until = (part.strip() for part in span.partition("-"))
        try:
            pair = time.fromisoformat(since), time.fromisoformat("00:00" if until == "24:00" else until)
        except ValueError:
            raise WorkingHoursError(value=span) from None
        earlier = (_minute(found[-1][1]) or 1440) if found else -1
        if _minute(pair[0]) <= earlier or (_minute(pair[1]) or 1440) <= _minute(pair[0]):
            raise WorkingHoursError(value=span)
        found.append(pair)
    if not found:
        raise WorkingHoursError(value='""')
    return tuple(found)


def _minute(of_day: time) -> int:
    return of_day.hour * 60 + of_day.minute


@cache
def _public(country: str, year: int) -> tuple[Mapping[date, str], frozenset[date]]:
    """Return a year's holidays with their names, and the working days moved to its weekends."""
    import holidays

    try:
        found = holidays.country_holidays(country, years=year, language="zh_CN" if country == "CN" else None)
    except NotImplementedError:
        raise UnknownCountryError(country=country) from None
    # the library lists some moved days of other years with every year
    moved = frozenset(day for day in getattr(found, "weekend_workdays", ()) if day.year == year)
    return dict(found), moved


def _is_public_workday(country: str, day: date) -> bool:
    if not country:
        return day.weekday() < 5
    off, moved = _public(country, day.year)
    return day in moved or (day.weekday() < 5 and day not in off)


def _holiday_name(country: str, day: date) -> str:
    return _public(country, day.year)[0].get(day, "") if country else ""


@cache
def _last_known_year(country: str) -> int:
    """Return the last year whose moved working days the library knows; without such days, all are known."""
    if country != "CN":
        return 9998
    return max(year for year in range(2019, 2051) if _public(country, year)[1])
