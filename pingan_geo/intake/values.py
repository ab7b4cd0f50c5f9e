"""Rows of text → clean reports and held rows.

Whole columns at a time. The usual spelling of a column is parsed in one call; only columns with anything
else in them go through the patterns. A value is understood or the row is held with the reason; nothing is
guessed. What only the whole file can tell is in the rules, from :class:`pingan_geo.intake.survey.Survey`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pingan_geo.intake.categories import CategoryBook
from pingan_geo.intake.columns import ColumnMap
from pingan_geo.intake.places import PlaceRules, Verdicts, read_places
from pingan_geo.intake.raw import RawChunk, as_json
from pingan_geo.intake.survey import MOST_DIGITS, row_decimals, time_text
from pingan_geo.intake.texts import (
    arrow_text,
    different,
    has_value,
    mask_persons,
    pandas_text,
    spelling,
)
from pingan_geo.intake.times import DAY_S, parse_times
from pingan_geo.model.tables import CLEAN_REPORTS, HELD_ROWS

_DEGREE_LON_M, _DEGREE_LAT_M = 111_320.0, 110_574.0


@dataclass(frozen=True, kw_only=True)
class ReportRules(PlaceRules):
    """All that is known of a file before its rows are read.

    Parameters
    ----------
    categories
        Grows while rows are read when the taxonomy is open.
    timezone, now
        Of the town; reports from later than a day after ``now`` are held.
    source
        Name of the ledger; ``""`` takes the file's own column.
    date_order, dates_only, digits, serials
        From the :class:`Survey` and the file.
    """

    categories: CategoryBook
    timezone: str
    now: dt.datetime
    source: str = ""
    date_order: str = ""
    dates_only: bool = False
    digits: Mapping[int, int] = field(default_factory=dict)
    serials: str = ""


@dataclass(frozen=True)
class CleanedChunk:
    """What became of a chunk.

    Parameters
    ----------
    reports
        CLEAN_REPORTS.
    held
        HELD_ROWS.
    phones, id_numbers
        Masked in texts.
    reporters_left_out
        Reporters that looked like a person's name or telephone and were not stored.
    days_only
        Accepted rows that are known to the day only.
    zoned
        Rows whose time named a zone.
    """

    reports: pd.DataFrame
    held: pd.DataFrame
    phones: int = 0
    id_numbers: int = 0
    reporters_left_out: int = 0
    days_only: int = 0
    zoned: int = 0


def clean_reports(chunk: RawChunk, columns: ColumnMap, rules: ReportRules) -> CleanedChunk:
    """Read the rows of a chunk as reports.

    Parameters
    ----------
    chunk
        Rows as received.
    columns
        Field to heading.
    rules
        What is known of the file.

    Returns
    -------
    CleanedChunk
        ``len(reports) + len(held) == len(chunk.rows) + len(chunk.broken)``. Rows are judged by place,
        time, category, in this order, and held with the first reason found. Held rows keep every cell but
        those of columns that hold persons; telephone and identity numbers are masked in them too.

    Raises
    ------
    TooManyCategoriesError
        If an open taxonomy would grow without end.
    """
    fields, rows = columns.fields, chunk.rows
    texts = {name: arrow_text(rows[heading]) for name, heading in fields.items()}
    verdicts = Verdicts(len(rows))
    lon, lat, datum = read_places(texts, rules, verdicts)
    time, until, zoned = _read_times(time_text(chunk, columns), rules, verdicts)
    category = _read_categories(texts["category"], rules, verdicts)
    good = verdicts.good
    kept = pa.array(good)
    table = pd.DataFrame(index=pd.RangeIndex(int(good.sum())))
    table["row_number"] = rows.index.to_numpy("int64")[good]
    table["source"] = _constant(rules.source, table) if rules.source else _kept(texts, "source", kept, table)
    table["source_id"] = _kept(texts, "source_id", kept, table)
    table["category"] = pandas_text(pa.array(category, pa.large_string()).filter(kept))
    table["time"], table["time_until"] = time[good], until[good]
    table["lon"], table["lat"] = lon[good], lat[good]
    table["datum"] = pandas_text(pa.array(datum, pa.large_string()).filter(kept))
    named = texts.get("datum")
    by_row = (
        np.asarray(pc.not_equal(named, ""))[good] if named is not None else np.zeros(len(table), dtype=bool)
    )
    table["datum_known_by"] = pandas_text(
        pc.if_else(pa.array(by_row), "column", rules.datum_known_by).cast(pa.large_string())
    )
    table["level"] = _constant("point", table)
    table["radius_m"] = _radius_m(row_decimals(chunk, columns)[good], lat[good], rules)
    table["origin"] = _constant("reported", table)
    table["reporter"], left_out = _read_reporters(texts.get("reporter"), kept, table)
    phones = ids = 0
    for name in ("place", "description"):
        words = texts[name].filter(kept) if name in texts else None
        if words is None:
            table[name] = _constant("", table)
            continue
        words, more_phones, more_ids = mask_persons(words)
        table[name] = pandas_text(words)
        phones, ids = phones + more_phones, ids + more_ids
    table["stated_grid"], table["extra"] = _constant("", table), _constant("", table)
    held = held_rows(chunk, ~good, *verdicts.held(), columns.left_out)
    return CleanedChunk(
        reports=CLEAN_REPORTS.check(table),
        held=pd.concat([held, broken_rows(chunk)], ignore_index=True),
        phones=phones,
        id_numbers=ids,
        reporters_left_out=left_out,
        days_only=int((~np.isnat(until[good])).sum()),
        zoned=int(zoned[good].sum()),
    )


def _constant(text: str, table: pd.DataFrame) -> Any:
    return pandas_text(pa.repeat(pa.scalar(text, pa.large_string()), len(table)))


def _kept(texts: Mapping[str, Any], name: str, kept: Any, table: pd.DataFrame) -> Any:
    if name not in texts:
        return _constant("", table)
    return pandas_text(texts[name].filter(kept))


def _read_times(
    text: Any, rules: ReportRules, verdicts: Verdicts
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Return start and end of the interval (NaT when the instant is known), and which named a zone."""
    times = parse_times(text, timezone=rules.timezone, date_order=rules.date_order, serials=rules.serials)
    unread = np.isnat(times.instant)
    if unread.any():
        says = np.zeros(len(unread), dtype=bool)
        says[unread] = has_value(text.filter(pa.array(unread)))
        verdicts.hold(unread & ~says, "no_time", text)
        verdicts.hold(unread, "bad_time", text)
    verdicts.hold(times.instant > np.datetime64(rules.now + dt.timedelta(days=1), "s"), "future_time", text)
    days = ~unread & (~times.has_hour | rules.dates_only)
    until = np.full(len(unread), np.datetime64("NaT", "s"))
    until[days] = times.instant[days] + np.timedelta64(DAY_S, "s")
    return times.instant, until, times.zoned


def _read_categories(text: Any, rules: ReportRules, verdicts: Verdicts) -> NDArray[np.object_]:
    says = has_value(text)
    verdicts.hold(~says, "no_category", text)
    words, rows = different(text)
    good = set(np.unique(rows[verdicts.good]).tolist())  # a row held for its place adds no category
    known = [
        rules.categories.code_of(word) if place in good else rules.categories.known.get(spelling(word), "")
        for place, word in enumerate(words.to_pylist())
    ]
    codes = np.array(known, dtype=object)[rows] if known else np.empty(0, dtype=object)
    verdicts.hold(codes == "", "unknown_category", text)
    return codes


def _radius_m(
    decimals: NDArray[np.int64], lat: NDArray[np.float64], rules: ReportRules
) -> NDArray[np.float64]:
    """Return the least radius that the digits allow: half of the last step in both directions."""
    half_steps = [0.5 * 10.0 ** -rules.digits.get(number, number) for number in range(MOST_DIGITS + 1)]
    half_step: NDArray[np.float64] = np.array(half_steps)[decimals]
    if rules.datum.startswith("EPSG:"):  # metres; a system in feet is finer than said
        return np.asarray(np.round(np.hypot(half_step, half_step), 3), dtype="float64")
    east = half_step * _DEGREE_LON_M * np.cos(np.radians(lat))
    return np.asarray(np.round(np.hypot(east, half_step * _DEGREE_LAT_M), 3), dtype="float64")


_PSEUDONYM = r"^[A-Za-z0-9][A-Za-z0-9_\-./]{0,31}$"
_PERSON_NUMBER = r"^(?:\+?86)?1[3-9]\d{9}$|^\d{17}[\dXx]$"


def _read_reporters(text: Any, kept: Any, table: pd.DataFrame) -> tuple[Any, int]:
    """Keep reporters that are codes; names and telephone numbers are not stored."""
    if text is None:
        return _constant("", table), 0
    text = text.filter(kept)
    code = pc.and_(
        pc.match_substring_regex(text, _PSEUDONYM), pc.invert(pc.match_substring_regex(text, _PERSON_NUMBER))
    )
    code = pc.and_(code, pc.match_substring_regex(text, r"\d"))
    left_out = int(np.asarray(pc.and_(pc.invert(code), pc.not_equal(text, ""))).sum())
    return pandas_text(pc.if_else(code, text, "")), left_out


def held_rows(
    chunk: RawChunk,
    rows: NDArray[np.bool_],
    reasons: Sequence[str],
    details: Sequence[str],
    left_out: Iterable[str] = (),
) -> pd.DataFrame:
    """Return HELD_ROWS of the chosen rows of a chunk.

    Parameters
    ----------
    chunk
        Rows as received.
    rows
        Which are held.
    reasons, details
        One for each held row, in order.
    left_out
        Headings whose cells hold persons: they are emptied.
    """
    held = chunk.rows[rows]
    empty = set(left_out)
    columns = [[""] * len(held) if name in empty else _mask_held(held[name]) for name in held.columns]
    values = [as_json(held.columns, cells) for cells in zip(*columns, strict=True)]
    return _held_table(held.index, reasons, _mask_held(pd.array(details, dtype="str")), values)


def broken_rows(chunk: RawChunk) -> pd.DataFrame:
    """Return HELD_ROWS of the rows that have another number of cells than the heading."""
    broken = chunk.broken
    reasons = ["broken_row"] * len(broken)
    return _held_table(broken["row_number"], reasons, broken["detail"].tolist(), _mask_held(broken["values"]))


def _held_table(
    numbers: Any, reasons: Sequence[str], details: Sequence[str], values: Sequence[str]
) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "sheet": pd.array([""] * len(reasons), dtype="str"),
            "row_number": np.asarray(numbers, dtype="int64"),
            "reason": pd.array(list(reasons), dtype="str"),
            "detail": pd.array(list(details), dtype="str"),
            "values": pd.array(list(values), dtype="str"),
        }
    )
    return HELD_ROWS.check(table)


def _mask_held(column: Any) -> list[str]:
    return mask_persons(arrow_text(column))[0].to_pylist()  # type: ignore[no-any-return]
