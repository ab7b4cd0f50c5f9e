"""Times as ledgers write them → instants or intervals of the town's wall clock.

A day is an interval of one day, a part of the day one of some hours (:data:`PARTS_OF_DAY`), 许 and 左右 one
of an hour. What leaves open which day is meant (昨天, 31日, 晚上1点) is not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pingan_geo.intake.texts import different

DAY_S, _HOUR_S = 86_400, 3_600

#: Word → first hour and end of the part of the day that it means alone, then the first and last hour that may
#: stand behind it. Hours from 24 on belong to the next day.
PARTS_OF_DAY: Mapping[str, tuple[int, int, int, int]] = {
    "凌晨": (0, 6, 0, 6),
    "清晨": (5, 8, 4, 9),
    "早晨": (5, 9, 4, 11),
    "早上": (5, 9, 4, 11),
    "早": (5, 9, 4, 11),
    "上午": (6, 12, 0, 11),
    "中午": (11, 13, 11, 14),
    "午间": (11, 13, 11, 14),
    "下午": (12, 18, 12, 23),
    "午后": (12, 18, 12, 23),
    "傍晚": (17, 19, 16, 20),
    "晚上": (18, 24, 17, 24),
    "晚间": (18, 24, 17, 24),
    "当晚": (18, 24, 17, 24),
    "晚": (18, 24, 17, 24),
    "夜间": (18, 30, 18, 24),
    "夜里": (18, 30, 18, 24),
    "深夜": (22, 30, 21, 24),
    "半夜": (22, 30, 21, 24),
    "白天": (6, 18, 6, 18),
}
_MERIDIEM = {"am": (0, 12, 0, 11), "pm": (12, 24, 12, 23)}
#: Serial numbers of spreadsheets are believed to be dates of these years.
_SERIAL_FIRST, _SERIAL_END = np.datetime64("1990-01-01", "D"), np.datetime64("2100-01-01", "D")
_SERIAL_ZERO = {"1900": "1899-12-30", "1904": "1904-01-01"}
#: How a spreadsheet counts days → so many days later is the same number than in the first of them.
SERIAL_SYSTEMS: Mapping[str, int] = {"1900": 0, "1904": 1462}

_FIRST_YEAR, _LAST_YEAR = 1900, 2199
_EARLIEST, _LATEST = np.datetime64(str(_FIRST_YEAR), "s"), np.datetime64(str(_LAST_YEAR + 1), "s")
#: Of the leap years, so that the 29th of February is a day of it.
_SOME_YEAR = 2024
#: A range of hours over midnight begins not before and ends not after these.
_NIGHT_FROM_H, _NIGHT_UNTIL_H = 18, 8

_WORD = "|".join(sorted(PARTS_OF_DAY, key=len, reverse=True))
_GAP = r"(?P<gap>[t\s,日号]*)"


def _hour_of(tag: str) -> str:
    return (
        rf"(?P<h{tag}>\d{{1,2}})(?:\s*(?P<sign{tag}>[:时点])\s*(?:(?P<mi{tag}>\d{{1,2}})"
        rf"(?:\s*[:分]\s*(?:(?P<s{tag}>\d{{1,2}})(?:[.,]\d+)?\s*秒?)?)?"
        rf"|(?P<half{tag}>半)|(?P<quarter{tag}>[13])刻|钟|整)?)?"
    )


_CLOCK = (
    rf"{_GAP}(?P<word>{_WORD})?\s*(?:{_hour_of('')}\s*(?P<about>许|左右|前后)?\s*(?P<meridiem>[ap]\.?m\.?)?)?"
    r"\s*(?P<zone>z|utc|gmt|[+-]\d{2}:?\d{2}|[+-]\d{2})?$"
)
_RANGE = rf"{_GAP}(?P<word>{_WORD})?\s*{_hour_of('')}\s*[-~–—至到]+\s*(?P<word2>{_WORD})?\s*{_hour_of('2')}$"
_YEAR_FIRST = r"^(?P<year>\d{4})\s*[-/.年]\s*(?P<a>\d{1,2})\s*[-/.月]\s*(?P<b>\d{1,2})\s*"
_YEAR_LAST = r"^(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<year>\d{4})"
_YEARLESS = r"^(?P<a>\d{1,2})\s*(?P<sep>[-/.月])\s*(?P<b>\d{1,2})"
_COMPACT = r"^(?P<year>(?:19|20)\d{2})(?P<a>\d{2})(?P<b>\d{2})(?:t?(?P<h>\d{2})(?P<mi>\d{2})(?P<s>\d{2})?)?$"
_FORMS = (
    ("year_first", _YEAR_FIRST + _CLOCK),
    ("year_first", _COMPACT),
    ("year_last", _YEAR_LAST + _CLOCK),
    ("yearless", _YEARLESS + _CLOCK),
    ("year_first", _YEAR_FIRST + _RANGE),
    ("year_last", _YEAR_LAST + _RANGE),
    ("yearless", _YEARLESS + _RANGE),
)
_SERIAL = r"^(?P<days>\d{5}(?:\.\d+)?)(?:\s+(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2}))?)?$"
_CLOCK_ALONE = rf"^\s*(?:{_WORD}|\d{{1,2}}\s*[:时点：]|[〇零一二两三四五六七八九十]{{1,3}}[时点])"
_CLOCK_SERIAL = r"^0?\.\d+$"
_WEEKDAY = r"\s*[(]?(?:星期|礼拜|周)[一二三四五六日天][)]?"
_DIGITS = {
    sign: digit for digit, signs in enumerate(("〇零○", "一", "二两", *"三四五六七八九")) for sign in signs
}
_NUMERAL = re.compile(rf"[{''.join(_DIGITS)}十廿]+")


@dataclass(frozen=True)
class Times:
    """Texts read as times.

    Parameters
    ----------
    instant
        ``datetime64[s]``, the instant or the start of the interval; NaT where the text is not a time.
    until
        ``datetime64[s]``, the end of an interval of hours (exclusive); NaT for instants and for days.
    has_hour
        The text gives a time of day, or a part of the day.
    year_last
        The text is written with the year last.
    day_first, month_first
        Of those: it can only be day before month, or month before day.
    zoned
        The text names a time zone.
    yearless
        The text is a day of a year that it does not name.
    """

    instant: NDArray[Any]
    until: NDArray[Any]
    has_hour: NDArray[np.bool_]
    year_last: NDArray[np.bool_]
    day_first: NDArray[np.bool_]
    month_first: NDArray[np.bool_]
    zoned: NDArray[np.bool_]
    yearless: NDArray[np.bool_]

    @classmethod
    def none(cls, count: int) -> Times:
        """Return texts of which none is a time."""
        nat = np.full(count, np.datetime64("NaT", "s"))
        return cls(nat, nat.copy(), *(np.zeros(count, dtype=bool) for _ in range(6)))


def parse_times(
    text: Any, *, timezone: str, date_order: str = "", serials: str = "", year: int | None = None
) -> Times:
    """Read times as ledgers write them.

    ``2025-07-03``, ``2025-07-03T14:05:06``, ``2025/7/3 14:05``, ``2025年7月3日 下午2时05分``,
    ``20250703140506``, ``07/03/2025 02:05:00 PM``; with a time zone they are turned into the time of the
    town's clock. ``二〇二五年七月三日下午三点半``; ``7月31日``, ``7-31``, ``7.31晚`` take their year from
    ``year``. Intervals: ``7月31日下午`` is 12–18 h, and so on by :data:`PARTS_OF_DAY` (凌晨 0–6, 清晨 5–8,
    早上 5–9, 上午 6–12, 中午 11–13, 下午 12–18, 傍晚 17–19, 晚上 18–24, 夜间 18–6, 深夜 and 半夜 22–6);
    ``14时许`` is 14–15 h, ``14:20左右`` half an hour to both sides; ``9:00-11:00`` is what it says.

    Parameters
    ----------
    text
        Arrow array, trimmed.
    timezone
        IANA name of the town's time zone.
    date_order
        ``mdy`` or ``dmy`` for dates with the year last; ``""`` leaves those NaT.
    serials
        ``1900`` or ``1904``: bare numbers are days since then, as spreadsheets count, when they fall into
        1990 … 2099; ``""``: they are not.
    year
        Of days that name none; ``None`` leaves those NaT. ``7.3`` alone stays NaT: a spreadsheet writes
        7.30 so, too.

    Returns
    -------
    Times
    """
    count = len(text)
    quick = _cast(text)
    if quick is not None:
        has_hour = pc.binary_length(text).to_numpy(zero_copy_only=False) > len("2025-07-03")
        none = np.zeros(count, dtype=bool)
        never = np.full(count, np.datetime64("NaT", "s"))
        return Times(quick, never, has_hour, none, none, none, none, none)
    words, rows = different(text)
    found = _parse_spellings(words, timezone, date_order, serials, year)
    return Times(*(getattr(found, each.name)[rows] for each in fields(Times)))


def serial_like(text: Any) -> NDArray[np.bool_]:
    """Say which texts are numbers that a spreadsheet would show as a date of 1990 … 2099."""
    return np.asarray(~np.isnat(serial_instants(text)))


def serial_instants(text: Any) -> NDArray[Any]:
    """Return ``datetime64[s]`` of such numbers, counted from 1900; NaT where a text is none."""
    return _read_serials(_folded(text), "1900")


def _cast(text: Any) -> NDArray[Any] | None:
    """Read a column that is ISO throughout; ``None`` when it is not, or holds years that patterns refuse."""
    try:
        quick: NDArray[Any] = pc.cast(text, pa.timestamp("s")).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    instant = quick.astype("datetime64[s]")
    return None if ((instant < _EARLIEST) | (instant >= _LATEST)).any() else instant


def _folded(words: Any) -> Any:
    return pc.utf8_lower(pc.utf8_trim_whitespace(pc.utf8_normalize(words, form="NFKC")))


def _parse_spellings(words: Any, timezone: str, date_order: str, serials: str, year: int | None) -> Times:
    folded = _without_numerals(pc.replace_substring_regex(_folded(words), _WEEKDAY, ""))
    times = Times.none(len(words))
    for form, pattern in _FORMS:
        open_rows = np.flatnonzero(np.isnat(times.instant) & ~times.year_last & ~times.yearless)
        if not open_rows.size:
            return times
        found = pc.extract_regex(folded.take(pa.array(open_rows)), pattern)
        fits = np.asarray(pc.is_valid(found))
        if fits.any():
            parts = _Parts.of(found.filter(pa.array(fits)), timezone)
            _take(times, open_rows[fits], form, parts, date_order, year)
    if serials:
        instant = _read_serials(folded, serials)
        rows = np.isnat(times.instant) & ~np.isnat(instant)
        times.instant[rows] = instant[rows]
        times.has_hour[rows] = (
            True  # whether they are days only is judged by the whole column, as for ISO midnights
        )
    return times


def _take(
    times: Times, rows: NDArray[np.int64], form: str, parts: _Parts, date_order: str, year: int | None
) -> None:
    """Note down what the texts of some rows say, all of one form."""
    if form == "year_last":
        times.year_last[rows] = parts.clear
        times.day_first[rows], times.month_first[rows] = parts.a > 12, parts.b > 12
        if not date_order:
            times.has_hour[rows] = parts.has_hour
            return
    day_first = (date_order == "dmy") & (parts.by_sign if form == "yearless" else form == "year_last")
    month, day = np.where(day_first, parts.b, parts.a), np.where(day_first, parts.a, parts.b)
    if form == "yearless":
        possible = parts.clear & ~np.isnat(parts.instants(np.full(len(rows), _SOME_YEAR), month, day))
        times.yearless[rows] = possible
        times.has_hour[rows] = parts.has_hour & possible
        if year is None:
            return
        years = np.full(len(rows), year)
    else:
        possible, years = parts.clear, parts.year
    instant = parts.instants(years, month, day)
    instant[~possible] = np.datetime64("NaT", "s")
    times.instant[rows] = instant
    times.until[rows] = np.where(parts.length_s > 0, instant + parts.length_s, np.datetime64("NaT", "s"))
    times.has_hour[rows], times.zoned[rows] = parts.has_hour, parts.zoned


def _read_serials(folded: Any, system: str) -> NDArray[Any]:
    """Return ``datetime64[s]`` of days counted as spreadsheets do, perhaps with a clock beside them."""
    instant = np.full(len(folded), np.datetime64("NaT", "s"))
    found = pc.extract_regex(folded, _SERIAL)
    rows = np.flatnonzero(np.asarray(pc.is_valid(found)))
    if not rows.size:
        return instant
    parts = _named(found.take(pa.array(rows)))
    days = pc.cast(parts["days"], pa.float64()).to_numpy(zero_copy_only=False)
    hour, minute, second = (_numbers(parts, name, len(rows)) for name in ("h", "mi", "s"))
    clock = hour * _HOUR_S + minute * 60 + second
    read = np.datetime64(_SERIAL_ZERO[system], "s") + np.rint(days * DAY_S).astype("timedelta64[s]") + clock
    possible = (read >= _SERIAL_FIRST) & (read < _SERIAL_END) & (hour < 24) & (minute < 60) & (second < 60)
    possible &= np.asarray(pc.equal(parts["h"], "")) | (days == np.floor(days))
    instant[rows] = np.where(possible, read, np.datetime64("NaT", "s"))
    return instant


def _without_numerals(folded: Any) -> Any:
    """Return texts with Chinese numerals turned into digits: 二〇二六年七月三十一日 → 2026年7月31日."""
    rows = np.flatnonzero(np.asarray(pc.match_substring_regex(folded, f"[{''.join(_DIGITS)}十廿]")))
    if not rows.size:
        return folded
    written = folded.take(pa.array(rows)).to_pylist()
    plain = [_NUMERAL.sub(lambda match: _digits(match[0]), text) for text in written]
    chosen = np.zeros(len(folded), dtype=bool)
    chosen[rows] = True
    return pc.replace_with_mask(folded, pa.array(chosen), pa.array(plain, folded.type))


def _digits(numeral: str) -> str:
    """Return digits for 三十一, 二〇二六, 廿三; what is no number stays as it is."""
    plain = numeral.replace("廿", "二十")
    if "十" not in plain:
        return "".join(str(_DIGITS[sign]) for sign in plain)
    tens, _, ones = plain.partition("十")
    if len(tens) > 1 or len(ones) > 1:
        return numeral
    return str(10 * _DIGITS.get(tens, 1) + _DIGITS.get(ones, 0))


def _named(found: Any) -> dict[str, Any]:
    return {found.type.field(place).name: found.field(place) for place in range(found.type.num_fields)}


def _numbers(parts: Mapping[str, Any], name: str, count: int) -> NDArray[np.int64]:
    if name not in parts:
        return np.zeros(count, dtype="int64")
    column = pc.if_else(pc.equal(parts[name], ""), "0", parts[name])
    numbers: NDArray[np.int64] = pc.cast(column, pa.int64()).to_numpy(zero_copy_only=False)
    return numbers


def _words(parts: Mapping[str, Any], name: str, count: int) -> NDArray[Any]:
    if name not in parts:
        return np.full(count, "")
    words, rows = different(parts[name])
    return np.asarray(words).astype(str)[rows] if count else np.full(0, "")


@dataclass(frozen=True)
class _Parts:
    """What dates that fit a pattern say; ``a, b`` are month and day in the order written."""

    year: NDArray[np.int64]
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    second_of_day: NDArray[np.int64]  # may reach into the next day; -1 where there is no such time
    length_s: NDArray[np.int64]  # of an interval of hours, else 0
    has_hour: NDArray[np.bool_]
    zoned: NDArray[np.bool_]
    zone_s: NDArray[np.int64]
    by_sign: NDArray[np.bool_]  # month and day are parted by a sign and not by 月
    clear: NDArray[np.bool_]  # it cannot be anything else that fits another pattern
    timezone: str

    @classmethod
    def of(cls, found: Any, timezone: str) -> _Parts:
        parts, count = _named(found), len(found)
        says = {
            name: _words(parts, name, count)
            for name in ("h", "h2", "word", "about", "zone", "gap", "sep", "s")
        }
        has_clock = says["h"] != ""
        start, length = _clocks(parts, count)
        zone = says["zone"]
        # 9:00-11:00 is a range of hours; only a machine's time, with seconds or a T, has a zone like that.
        unlike_zone = np.char.startswith(zone, "-") & (
            (np.char.find(zone, ":") > 0) | (np.char.str_len(zone) == 3)
        )
        clear = ~(unlike_zone & (says["s"] == "") & (np.char.find(says["gap"], "t") < 0))
        if "h2" in parts:  # 9-11 without any sign of a clock may be anything
            clear &= (_words(parts, "sign", count) != "") | (_words(parts, "sign2", count) != "")
        if "sep" in parts:
            alone = (says["gap"] == "") & (says["word"] == "")
            clear &= ~(alone & has_clock)  # 7-3114
            day = _words(parts, "b", count)
            # 7.3 may be 7.30 of which a spreadsheet dropped the zero.
            clear &= ~(alone & (says["sep"] == ".") & np.isin(day, ["1", "2", "3"]))
        return cls(
            year=_numbers(parts, "year", count),
            a=_numbers(parts, "a", count),
            b=_numbers(parts, "b", count),
            second_of_day=start,
            length_s=length,
            has_hour=has_clock | (says["word"] != ""),
            zoned=zone != "",
            zone_s=_zone_seconds(zone),
            by_sign=says["sep"] != "月",
            clear=clear,
            timezone=timezone,
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


def _clocks(parts: Mapping[str, Any], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the second of the day (-1: no such time) and the length of the interval in seconds."""
    has_hour, word = _words(parts, "h", count) != "", _words(parts, "word", count)
    meridiem = np.char.replace(_words(parts, "meridiem", count), ".", "")
    hour, rest, minutes = _hours(parts, "", count)
    possible = (hour < 24) & (rest >= 0)
    possible &= ~((meridiem != "") & ((hour < 1) | (hour > 12) | (word != "")))
    start = _by_word(hour, np.where(meridiem != "", meridiem, word))
    possible &= start >= 0
    start, length = start * _HOUR_S + rest, np.zeros(count, dtype="int64")
    for name in np.unique(word[~has_hour & (word != "")]):
        first, end, _, _ = PARTS_OF_DAY[str(name)]
        rows = ~has_hour & (word == name)
        start[rows], length[rows] = first * _HOUR_S, (end - first) * _HOUR_S
    possible |= ~has_hour
    about = _words(parts, "about", count) != ""
    length[about] = _HOUR_S
    start[about & (minutes > 0)] -= _HOUR_S // 2
    possible &= start >= 0
    if "h2" in parts:
        length = _range_lengths(parts, start, word, count)
        possible &= length > 0
    return np.where(possible, start, -1), length


def _hours(
    parts: Mapping[str, Any], tag: str, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the hour, the seconds after it (-1: there are none such), and the minutes."""
    minute, second = _numbers(parts, f"mi{tag}", count), _numbers(parts, f"s{tag}", count)
    minute = minute + 15 * _numbers(parts, f"quarter{tag}", count)
    minute = np.where(_words(parts, f"half{tag}", count) != "", 30, minute)
    rest = np.where((minute < 60) & (second < 60), minute * 60 + second, -1)
    return _numbers(parts, f"h{tag}", count), rest, minute


def _by_word(hour: NDArray[np.int64], word: NDArray[Any]) -> NDArray[np.int64]:
    """Return the hour of the day that an hour behind a word means, -1 where there is none."""
    meant = hour.copy()
    for name in np.unique(word[word != ""]):
        _, _, first, last = _MERIDIEM.get(str(name)) or PARTS_OF_DAY[str(name)]
        rows = word == name
        said = hour[rows]
        later = np.where((said >= 1) & (said <= 11), said + 12, -1)
        later = np.where((said == 12) & (first == 0), 0, later)
        later = np.where((said == 12) & (last == 24), 24, later)
        fits = (said >= first) & (said <= last)
        meant[rows] = np.where(fits, said, np.where((later >= first) & (later <= last), later, -1))
    return meant


def _range_lengths(
    parts: Mapping[str, Any], start: NDArray[np.int64], word: NDArray[Any], count: int
) -> NDArray[np.int64]:
    """Return the seconds from the first to the second clock of a range, 0 or less where it makes no sense."""
    hour, rest, _ = _hours(parts, "2", count)
    own = _words(parts, "word2", count)
    end = _by_word(hour, np.where(own != "", own, word))
    end = np.where((end < 0) & (own == "") & (hour > 12), hour, end)  # 上午9:00-14:00
    length = end * _HOUR_S + rest - start
    over_midnight = (
        ((end < 0) | (length <= 0))
        & (own == "")
        & (start >= _NIGHT_FROM_H * _HOUR_S)
        & (hour <= _NIGHT_UNTIL_H)
    )
    length = np.where(over_midnight, (hour + 24) * _HOUR_S + rest - start, length)
    return np.where((rest < 0) | (hour > 23) | ((end < 0) & ~over_midnight), 0, length)


def _zone_seconds(zones: NDArray[Any]) -> NDArray[np.int64]:
    """Return by how many seconds each zone (``z``, ``+0800``, ``-05:30``) is ahead of UTC."""
    ahead = np.zeros(len(zones), dtype="int64")
    for zone in np.unique(zones):
        digits = str(zone)[1:].replace(":", "")
        if digits.isdigit():
            seconds = int(digits[:2]) * _HOUR_S + int(digits[2:] or 0) * 60
            ahead[zones == zone] = -seconds if zone[0] == "-" else seconds
    return ahead


def join_clock(date: Any, clock: Any) -> Any:
    """Join a column of dates and one of times of day; a clock that is a whole time is taken alone."""
    clock = _without_serials(clock)
    alone = pc.match_substring_regex(clock, _CLOCK_ALONE)
    empty = pc.equal(clock, "")
    day = pc.replace_substring_regex(date, r"[T ]0{1,2}:00(?::00)?$", "")
    return pc.if_else(
        alone,
        pc.binary_join_element_wise(day, clock, pa.scalar(" ", pa.large_string())),
        pc.if_else(empty, date, clock),
    )


def _without_serials(clock: Any) -> Any:
    """Return times of day with parts of a day (0.5) written as a clock."""
    rows = np.asarray(pc.match_substring_regex(clock, _CLOCK_SERIAL))
    if not rows.any():
        return clock
    seconds = np.rint(pc.cast(clock.filter(pa.array(rows)), pa.float64()).to_numpy() * DAY_S).astype("int64")
    written = [f"{each // 3600}:{each // 60 % 60:02d}:{each % 60:02d}" for each in seconds.tolist()]
    return pc.replace_with_mask(clock, pa.array(rows), pa.array(written, clock.type))
