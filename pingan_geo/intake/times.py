"""Times as ledgers write them → instants of the town's wall clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pingan_geo.intake.texts import different

DAY_S = 86_400
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_EARLIEST, _LATEST = np.datetime64(str(_FIRST_YEAR), "s"), np.datetime64(str(_LAST_YEAR + 1), "s")
_CLOCK = (
    r"(?:[t\s,]*(?P<noon>上午|下午|早上|晚上|凌晨|中午)?\s*(?P<h>\d{1,2})(?:\s*[:时点]\s*(?:(?P<mi>\d{1,2})"
    r"(?:\s*[:分]\s*(?:(?P<s>\d{1,2})(?:[.,]\d+)?\s*秒?)?)?)?)?\s*(?P<half>[ap]\.?m\.?)?)?"
    r"\s*(?P<zone>z|utc|gmt|[+-]\d{2}:?\d{2}|[+-]\d{2})?$"
)
_YEAR_FIRST = r"^(?P<a>\d{4})\s*[-/.年]\s*(?P<b>\d{1,2})\s*[-/.月]\s*(?P<c>\d{1,2})\s*日?" + _CLOCK
_YEAR_LAST = r"^(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<c>\d{4})" + _CLOCK
_COMPACT = r"^(?P<a>(?:19|20)\d{2})(?P<b>\d{2})(?P<c>\d{2})(?:t?(?P<h>\d{2})(?P<mi>\d{2})(?P<s>\d{2})?)?$"
_SERIAL = r"^\d{5}(?:\.\d+)?$"
_CLOCK_ALONE = r"^\s*(?:上午|下午|早上|晚上|凌晨|中午)?\s*\d{1,2}\s*[:时点：]"
_SERIAL_ZERO = {"1900": "1899-12-30", "1904": "1904-01-01"}


@dataclass(frozen=True)
class Times:
    """Texts read as times.

    Parameters
    ----------
    instant
        ``datetime64[s]``, NaT where the text is not a time.
    has_hour
        The text gives a time of day.
    year_last
        The text is written with the year last.
    day_first, month_first
        Of those: it can only be day before month, or month before day.
    zoned
        The text names a time zone.
    """

    instant: NDArray[Any]
    has_hour: NDArray[np.bool_]
    year_last: NDArray[np.bool_]
    day_first: NDArray[np.bool_]
    month_first: NDArray[np.bool_]
    zoned: NDArray[np.bool_]


def parse_times(text: Any, *, timezone: str, date_order: str = "", serials: str = "") -> Times:
    """Read times as ledgers write them.

    ``2025-07-03``, ``2025-07-03T14:05:06``, ``2025/7/3 14:05``, ``2025年7月3日 下午2时05分``,
    ``20250703140506``, ``07/03/2025 02:05:00 PM``; with a time zone they are turned into the time of the
    town's clock.

    Parameters
    ----------
    text
        Arrow array, trimmed.
    timezone
        IANA name of the town's time zone.
    date_order
        ``mdy`` or ``dmy`` for dates with the year last; ``""`` leaves those NaT.
    serials
        ``1900`` or ``1904``: bare numbers are days since then, as spreadsheets count; ``""``: they are not.

    Returns
    -------
    Times
    """
    count = len(text)
    none = np.zeros(count, dtype=bool)
    quick = _cast(text)
    if quick is not None:
        has_hour = pc.binary_length(text).to_numpy(zero_copy_only=False) > len("2025-07-03")
        return Times(quick, has_hour, none, none, none, none)
    words, rows = different(text)
    found = _parse_spellings(words, timezone, date_order, serials)
    return Times(*(getattr(found, name)[rows] for name in Times.__dataclass_fields__))


def _cast(text: Any) -> NDArray[Any] | None:
    """Read a column that is ISO throughout; ``None`` when it is not, or holds years that patterns refuse."""
    try:
        quick: NDArray[Any] = pc.cast(text, pa.timestamp("s")).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    instant = quick.astype("datetime64[s]")
    return None if ((instant < _EARLIEST) | (instant >= _LATEST)).any() else instant


def _parse_spellings(words: Any, timezone: str, date_order: str, serials: str) -> Times:
    count = len(words)
    folded = pc.utf8_lower(pc.utf8_trim_whitespace(pc.utf8_normalize(words, form="NFKC")))
    instant = np.full(count, np.datetime64("NaT", "s"))
    has_hour, year_last, zoned = (np.zeros(count, dtype=bool) for _ in range(3))
    day_first, month_first = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    for pattern in (_YEAR_FIRST, _COMPACT, _YEAR_LAST):
        parts = pc.extract_regex(folded, pattern)
        fits = np.asarray(pc.is_valid(parts)) & np.isnat(instant) & ~year_last
        if not fits.any():
            continue
        read = _Parts.of(parts.filter(pa.array(fits)), timezone)
        if pattern is _YEAR_LAST:
            year_last |= fits
            day_first[fits], month_first[fits] = read.a > 12, read.b > 12
            order = {"mdy": (read.c, read.a, read.b), "dmy": (read.c, read.b, read.a)}.get(date_order)
        else:
            order = (read.a, read.b, read.c)
        has_hour[fits], zoned[fits] = read.has_hour, read.zoned
        if order is not None:
            instant[fits] = read.instants(*order)
    if serials:
        days = np.asarray(pc.match_substring_regex(folded, _SERIAL))
        numbers = pc.cast(pc.if_else(pa.array(days), folded, None), pa.float64()).to_numpy(
            zero_copy_only=False
        )
        numbers = numbers[days]
        seconds = np.rint(numbers * DAY_S).astype("int64")
        instant[days] = np.datetime64(_SERIAL_ZERO[serials], "s") + seconds.astype("timedelta64[s]")
        has_hour[days] = (
            True  # whether they are days only is judged by the whole column, as for ISO midnights
        )
    return Times(instant, has_hour, year_last, day_first, month_first, zoned)


@dataclass(frozen=True)
class _Parts:
    """The numbers of dates that fit a pattern; ``a, b, c`` in the order written."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    c: NDArray[np.int64]
    second_of_day: NDArray[np.int64]  # -1 where it is none
    has_hour: NDArray[np.bool_]
    zoned: NDArray[np.bool_]
    zone_s: NDArray[np.int64]
    timezone: str

    @classmethod
    def of(cls, parts: Any, timezone: str) -> _Parts:
        named = {parts.type.field(place).name: parts.field(place) for place in range(parts.type.num_fields)}
        count = len(parts)

        def number(name: str) -> NDArray[np.int64]:
            if name not in named:
                return np.zeros(count, dtype="int64")
            column = pc.if_else(pc.equal(named[name], ""), "0", named[name])
            numbers: NDArray[np.int64] = pc.cast(column, pa.int64()).to_numpy(zero_copy_only=False)
            return numbers

        def words(name: str) -> NDArray[Any]:
            return np.asarray(named[name]).astype(str) if name in named else np.full(count, "")

        has_hour = words("h") != ""
        hour, minute, second = number("h"), number("mi"), number("s")
        half = words("half")
        noon = np.char.add(np.where(np.char.startswith(half, "p"), "下午", ""), words("noon"))
        morning = np.char.startswith(half, "a") | np.isin(noon, ["上午", "早上", "凌晨"])
        evening = np.isin(noon, ["下午", "晚上"])
        possible = (hour < 24) & (minute < 60) & (second < 60)
        possible &= ~((half != "") & ((hour < 1) | (hour > 12)))
        possible &= ~((noon == "中午") & ~((hour >= 11) & (hour <= 14) | (hour == 1) | (hour == 2)))
        hour = np.where(evening & (hour < 12), hour + 12, hour)
        hour = np.where(morning & (hour == 12), 0, hour)
        hour = np.where((noon == "中午") & (hour <= 2), hour + 12, hour)
        zone = words("zone")
        return cls(
            number("a"),
            number("b"),
            number("c"),
            np.where(possible, hour * 3600 + minute * 60 + second, -1),
            has_hour,
            zone != "",
            np.array([_zone_seconds(each) for each in zone], dtype="int64"),
            timezone,
        )

    def instants(self, year: Any, month: Any, day: Any) -> NDArray[Any]:
        """Return ``datetime64[s]``; NaT for the 30th of February and 25 o'clock."""
        possible = (year >= _FIRST_YEAR) & (year <= _LAST_YEAR) & (month >= 1) & (month <= 12) & (day >= 1)
        possible &= self.second_of_day >= 0
        months = (np.where(possible, (year - 1970) * 12 + month - 1, 0)).astype("datetime64[M]")
        days = months.astype("datetime64[D]") + (np.where(possible, day, 1) - 1)
        possible &= days.astype("datetime64[M]") == months
        instant: NDArray[Any] = days.astype("datetime64[s]") + np.where(possible, self.second_of_day, 0)
        instant[~possible] = np.datetime64("NaT", "s")
        aware = self.zoned & possible
        if aware.any():
            utc = pd.DatetimeIndex(instant[aware] - self.zone_s[aware]).tz_localize("UTC")
            instant[aware] = (
                utc.tz_convert(ZoneInfo(self.timezone)).tz_localize(None).to_numpy("datetime64[s]")
            )
        return instant


def _zone_seconds(zone: str) -> int:
    digits = zone[1:].replace(":", "")
    if not digits.isdigit():
        return 0
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return -seconds if zone[0] == "-" else seconds


def join_clock(date: Any, clock: Any) -> Any:
    """Join a column of dates and one of times of day; a clock that is a whole time is taken alone."""
    alone = pc.match_substring_regex(clock, _CLOCK_ALONE)
    empty = pc.equal(clock, "")
    day = pc.replace_substring_regex(date, r"[T ]0{1,2}:00(?::00)?$", "")
    return pc.if_else(
        alone,
        pc.binary_join_element_wise(day, clock, pa.scalar(" ", pa.large_string())),
        pc.if_else(empty, date, clock),
    )
