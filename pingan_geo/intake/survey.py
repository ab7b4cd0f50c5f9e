"""What only the whole file can tell: day before month, dates without hours, digits of coordinates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pingan_geo.errors import AmbiguousDatesError
from pingan_geo.intake.columns import ColumnMap
from pingan_geo.intake.raw import RawChunk
from pingan_geo.intake.texts import arrow_text, count_decimals
from pingan_geo.intake.times import DAY_S, Times, join_clock, parse_times

#: More digits than this are made by arithmetic, not by measuring.
MOST_DIGITS = 7


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
    decimals
        Number of decimals to rows.
    """

    day_first: str = ""
    month_first: str = ""
    unclear: str = ""
    with_hour: int = 0
    timed: int = 0
    rows: int = 0
    decimals: dict[int, int] = field(default_factory=dict)

    def add(self, chunk: RawChunk, columns: ColumnMap, *, serials: str = "") -> None:
        """Take one more chunk into account; it needs only the columns of time, longitude and latitude."""
        text = time_text(chunk, columns)
        self.rows += len(text)
        times = parse_times(text, timezone="UTC", date_order="mdy", serials=serials)
        read = ~np.isnat(times.instant)
        midnight = (times.instant.astype("datetime64[s]").astype("int64") % DAY_S) == 0
        self.timed += int(read.sum())
        self.with_hour += int((read & ~midnight).sum())
        if times.year_last.any():
            self.with_hour += int((times.year_last & ~read & times.has_hour).sum())
            self._note_order(text, times)
        digits = row_decimals(chunk, columns)
        for number, count in zip(*np.unique(digits, return_counts=True), strict=True):
            self.decimals[int(number)] = self.decimals.get(int(number), 0) + int(count)

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

    @property
    def dates_only(self) -> bool:
        """Whether no row of the file gives a time of day other than midnight."""
        return self.timed > 0 and self.with_hour == 0

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
    text = arrow_text(chunk.rows[columns.fields["time"]])
    if "clock" in columns.fields:
        text = join_clock(text, arrow_text(chunk.rows[columns.fields["clock"]]))
    return text


def row_decimals(chunk: RawChunk, columns: ColumnMap) -> NDArray[np.int64]:
    """Return how many decimals the finer of the two coordinates of each row shows, at most seven."""
    lon, lat = (count_decimals(arrow_text(chunk.rows[columns.fields[name]])) for name in ("lon", "lat"))
    return np.minimum(np.maximum(lon, lat), MOST_DIGITS)
