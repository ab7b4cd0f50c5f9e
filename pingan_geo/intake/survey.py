"""What only the whole file can tell: day before month, dates without hours or years, digits of coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pingan_geo.errors import AmbiguousDatesError, AmbiguousSerialsError
from pingan_geo.intake.columns import ColumnMap
from pingan_geo.intake.places import MOST_DIGITS, coordinate_decimals
from pingan_geo.intake.raw import RawChunk
from pingan_geo.intake.texts import arrow_text, has_value
from pingan_geo.intake.times import (
    DAY_S,
    SERIAL_SYSTEMS,
    Times,
    join_clock,
    parse_times,
    serial_instants,
    serial_like,
)

#: Fields that a survey looks at.
SURVEYED = ("time", "clock", "lon", "lat", "lonlat")
#: A column of text is one of serial dates when so large a share of its filled cells look like them.
_SERIAL_SHARE = 0.9
#: A reading of serials is out of the question when a larger share of them would lie in the future; a few are typos.
_FUTURE_SHARE = 0.02
#: Serials belong to the other dates of their column when they lie no farther from them.
_BESIDE_DAYS = 366
#: A serial with a part of a day, or with a clock beside it.
_LIKE_SERIAL = r"^\s*[0-9０-９]{5}(?:[^0-9０-９]|$)"
_WITH_HOUR = r"[.．]\d*[1-9１-９]|:|："


@dataclass
class Survey:
    """What only the whole file can tell.

    Parameters
    ----------
    day_first, month_first
        A date that can only be read so, ``""`` when there is none.
    unclear
        A date with the year last that can be read both ways.
    with_hour
        Rows whose time of day is not exactly midnight.
    timed
        Rows with a time.
    unread
        Rows whose time says something that was not read so far; serials and days without a year are such.
    serials, serials_with_hour, serial
        Of those: numbers that look like a spreadsheet's dates, those among them with a time of day, and one.
    serial_days
        Of those: day since 1970, counted from 1900, to rows.
    dated
        First and last day since 1970 of the times that were read.
    numbered
        All times that are such numbers, also where the workbook said beforehand how it counts.
    yearless, yearless_example
        Of those: days that do not name their year, and one.
    rows
        Looked at.
    decimals
        Number of decimals to rows with coordinates.
    """

    day_first: str = ""
    month_first: str = ""
    unclear: str = ""
    with_hour: int = 0
    timed: int = 0
    unread: int = 0
    serials: int = 0
    serials_with_hour: int = 0
    serial: str = ""
    serial_days: dict[int, int] = field(default_factory=dict)
    dated: tuple[int, int] | None = None
    numbered: int = 0
    yearless: int = 0
    yearless_example: str = ""
    rows: int = 0
    decimals: dict[int, int] = field(default_factory=dict)

    @staticmethod
    def headings(columns: ColumnMap) -> list[str]:
        """Return the columns that :meth:`add` needs."""
        return list(dict.fromkeys(columns.fields[name] for name in SURVEYED if name in columns.fields))

    def add(self, chunk: RawChunk, columns: ColumnMap, *, serials: str = "") -> None:
        """Take one more chunk into account; it needs only the columns of time and coordinates.

        ``serials`` as in :func:`pingan_geo.intake.times.parse_times`, where it is known beforehand.
        """
        text = time_text(chunk, columns)
        self.rows += len(text)
        times = parse_times(text, timezone="UTC", date_order="mdy", serials=serials)
        read = ~np.isnat(times.instant)
        self._note_dated(times.instant[read])
        midnight = (times.instant.astype("datetime64[s]").astype("int64") % DAY_S) == 0
        self.timed += int(read.sum())
        self.with_hour += int((read & (~midnight | ~np.isnat(times.until))).sum())
        if serials:
            self._note_numbers(text)
        if not read.all():
            self._note_unread(text, times, ~read)
        if times.year_last.any():
            self.with_hour += int((times.year_last & ~read & times.has_hour).sum())
            self._note_order(text, times)
        digits, given = row_decimals(chunk, columns)
        for number, count in zip(*np.unique(digits[given], return_counts=True), strict=True):
            self.decimals[int(number)] = self.decimals.get(int(number), 0) + int(count)

    def _note_unread(self, text: Any, times: Times, unread: NDArray[np.bool_]) -> None:
        words = text.filter(pa.array(unread))
        self.unread += int(has_value(words).sum())
        instants, yearless = serial_instants(words), times.yearless[unread]
        serials = ~np.isnat(instants)
        self.serials += int(serials.sum())
        self.yearless += int(yearless.sum())
        self.with_hour += int((yearless & times.has_hour[unread]).sum())
        self.numbered += int(serials.sum())
        if serials.any():
            timed = np.asarray(pc.match_substring_regex(words, _WITH_HOUR))
            self.serials_with_hour += int((serials & timed).sum())
            self.serial = self.serial or words[int(np.argmax(serials))].as_py()
            days = instants[serials].astype("datetime64[D]").astype("int64")
            for day, count in zip(*np.unique(days, return_counts=True), strict=True):
                self.serial_days[int(day)] = self.serial_days.get(int(day), 0) + int(count)
        if yearless.any() and not self.yearless_example:
            self.yearless_example = words[int(np.argmax(yearless))].as_py()

    def _note_dated(self, instants: NDArray[Any]) -> None:
        if len(instants):
            days = instants.astype("datetime64[D]").astype("int64")
            first, last = int(days.min()), int(days.max())
            before = self.dated or (first, last)
            self.dated = min(first, before[0]), max(last, before[1])

    def _note_numbers(self, text: Any) -> None:
        """Count the numbers in a workbook that were read as times without asking."""
        begins = np.asarray(pc.match_substring_regex(text, _LIKE_SERIAL))
        if begins.any():
            words = text.filter(pa.array(begins))
            numbers = serial_like(words)
            self.numbered += int(numbers.sum())
            if numbers.any():
                self.serial = self.serial or words[int(np.argmax(numbers))].as_py()

    def _note_order(self, text: Any, times: Times) -> None:
        both = times.year_last & ~times.day_first & ~times.month_first
        for name, fits in (
            ("day_first", times.day_first),
            ("month_first", times.month_first),
            ("unclear", both),
        ):
            fits = fits & ~(times.day_first & times.month_first)
            if not getattr(self, name) and fits.any():
                setattr(self, name, text[int(np.argmax(fits))].as_py())

    def date_order(self, stated: str, file: str) -> str:
        """Return ``mdy``, ``dmy`` or ``""`` when no date has its year last.

        Raises
        ------
        AmbiguousDatesError
            If the dates could be read both ways, or some only one way and some only the other.
        """
        if stated or not (self.day_first or self.month_first or self.unclear):
            return stated
        if bool(self.day_first) == bool(self.month_first):
            raise AmbiguousDatesError(
                file=file,
                examples=[text for text in (self.day_first, self.month_first, self.unclear) if text],
            )
        return "dmy" if self.day_first else "mdy"

    def serial_system(self, stated: str = "", *, now: datetime, file: str = "") -> str:
        """Return ``1900``, ``1904`` or ``""``: how numbers in the column of times are to be read.

        Parameters
        ----------
        stated
            By the workbook, or the import that held the rows; it wins. A text table does not say. When nearly
            all of its cells look like a spreadsheet's dates, they are dates if one of the two counts, which lie
            four years apart, is out of the question: its dates would be in the future, or far from the other
            dates of the column.
        now
            Wall-clock time of the town.
        file
            For the message.

        Raises
        ------
        AmbiguousSerialsError
            If the numbers could be counted in both ways.
        """
        if stated or not self._of_serials:
            return stated
        today = (now + timedelta(days=1) - datetime(1970, 1, 1)).days
        fits = [
            system
            for system, later in SERIAL_SYSTEMS.items()
            if self._share_after(today - later) <= _FUTURE_SHARE
        ]
        beside = [system for system in fits if self._lies_beside(SERIAL_SYSTEMS[system])]
        fits = beside if len(beside) == 1 else fits
        if len(fits) > 1:
            raise AmbiguousSerialsError(
                file=file,
                example=self.serial,
                **dict(zip(("early", "late"), self._read_both_ways(), strict=True)),
            )
        return fits[0] if fits else "1900"  # in the future either way: the rows are held for that

    @property
    def _of_serials(self) -> bool:
        """Whether numbers in the column of times are dates: nearly all of its cells look like them."""
        return 0 < self.serials >= _SERIAL_SHARE * (self.timed + self.unread)

    def _share_after(self, day: int) -> float:
        return sum(count for one, count in self.serial_days.items() if one > day) / self.serials

    def _lies_beside(self, later: int) -> bool:
        """Whether the serials lie near the other dates of the column; never without such."""
        if self.dated is None:
            return False
        first, last = min(self.serial_days) + later, max(self.serial_days) + later
        return first <= self.dated[1] + _BESIDE_DAYS and last >= self.dated[0] - _BESIDE_DAYS

    def _read_both_ways(self) -> list[str]:
        day = serial_instants(pa.array([self.serial]))[0].astype("datetime64[D]")
        return [str(day + later) for later in SERIAL_SYSTEMS.values()]

    @property
    def dates_only(self) -> bool:
        """Whether no row of the file gives a time of day other than midnight."""
        timed = self.timed + (self.serials if self._of_serials else 0)
        return timed > 0 and self.with_hour + (self.serials_with_hour if self._of_serials else 0) == 0

    @property
    def usual_digits(self) -> int:
        """The number of decimals meant in most rows."""
        meant: dict[int, int] = {}
        for number, digits in self.digits().items():
            meant[digits] = meant.get(digits, 0) + self.decimals[number]
        return max(meant, key=meant.__getitem__, default=MOST_DIGITS)

    def digits(self) -> dict[int, int]:
        """Return number of decimals seen → number of decimals meant.

        Tables drop zeros at the end: of rows with six decimals, one in a hundred shows five in both
        coordinates. So few rows with fewer decimals are taken for rows of the file's usual number.
        """
        most = max(self.decimals, default=0)
        total = max(sum(self.decimals.values()), 1)
        meant = {}
        for number, count in self.decimals.items():
            by_chance = total * 100.0 ** (number - most)
            meant[number] = most if count <= 3.0 * by_chance + 3.0 else number
        return meant


def time_text(chunk: RawChunk, columns: ColumnMap) -> Any:
    """Return the column of times, joined with the time of day where that has a column of its own."""
    headings = {name: columns.fields[name] for name in ("time", "clock") if name in columns.fields}
    return joined_time({name: arrow_text(chunk.rows[heading]) for name, heading in headings.items()})


def joined_time(texts: Mapping[str, Any]) -> Any:
    """Return the column ``time``, joined with ``clock`` where there is one."""
    return join_clock(texts["time"], texts["clock"]) if "clock" in texts else texts["time"]


def row_decimals(chunk: RawChunk, columns: ColumnMap) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return how many decimals the finer of the two coordinates of each row shows, and which give any."""
    texts = {
        name: arrow_text(chunk.rows[columns.fields[name]])
        for name in ("lon", "lat", "lonlat")
        if name in columns.fields and columns.fields[name] in chunk.rows
    }
    return coordinate_decimals(texts, len(chunk.rows))
