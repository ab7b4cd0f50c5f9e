"""Rows of text → clean reports and held rows.

Whole columns at a time. The usual spelling of a column is parsed in one call; only columns with anything
else in them go through the patterns. A value is understood or the row is held with the reason; nothing is
guessed. What only the whole file can tell is in the rules, from :class:`pingan_geo.intake.survey.Survey`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pingan_geo.intake.categories import CategoryBook
from pingan_geo.intake.columns import ColumnMap, pair_order
from pingan_geo.intake.places import (
    MOST_DIGITS,
    PLACE_PARTS,
    Coded,
    Locate,
    PlaceRules,
    ReadPlaces,
    Verdicts,
    locate_words,
    place_words,
    read_places,
    shortened,
)
from pingan_geo.intake.raw import RawChunk, as_json
from pingan_geo.intake.survey import joined_time
from pingan_geo.intake.texts import (
    arrow_text,
    different,
    has_value,
    mask_persons,
    pandas_text,
    says_more,
    spelling,
)
from pingan_geo.intake.times import DAY_S, Times, parse_times
from pingan_geo.model.tables import CLEAN_REPORTS, CORRECTIONS, HELD_ROWS

_DEGREE_LON_M, _DEGREE_LAT_M = 111_320.0, 110_574.0
#: Told numbers of telephone and of identity numbers.
OnMasked = Callable[[int, int], None]
#: Fields that are read and whose cells no column of REPORTS holds as they are.
_READ_ONLY = ("clock", "until", "closed", *PLACE_PARTS)


@dataclass(frozen=True, kw_only=True)
class ReportRules(PlaceRules):
    """All that is known of a file before its rows are read.

    Parameters
    ----------
    categories
        Grows while rows are read when the taxonomy is open.
    timezone, now
        Of the town; reports from later than a day after ``now`` are held.
    date_order, dates_only, digits, serials
        From the :class:`Survey` and the file.
    year
        Of days that name none; ``None``: such rows are held.
    locate
        Finds places for words: texts to LOCATED. ``None``: rows without coordinates are held.
    grid_code
        Codes of the town's grids for their spellings, ``""`` where one is unknown. ``None``: not asked.
    keep_extra
        Columns that are not stored otherwise are stored with the report, but for those that hold persons.
    """

    categories: CategoryBook
    timezone: str
    now: dt.datetime
    date_order: str = ""
    dates_only: bool = False
    digits: Mapping[int, int] = field(default_factory=dict)
    serials: str = ""
    year: int | None = None
    locate: Locate | None = None
    grid_code: Callable[[Sequence[str]], Sequence[str]] | None = None
    keep_extra: bool = False


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
        Masked in texts, of held rows too.
    reporters_left_out
        Reporters that looked like a person's name or telephone and were not stored.
    days_only
        Accepted rows that are known to the day only.
    zoned
        Rows whose time named a zone.
    corrections
        CORRECTIONS: what was changed in accepted rows, and why.
    located
        Accepted rows whose place was found by its words.
    unknown_categories
        Spelling to rows held for it.
    unknown_grids
        Spelling of a grid that the town does not know, to accepted rows that name it.
    outside_lon, outside_lat
        WGS-84 degrees of the rows held because their coordinates lie outside the town.
    """

    reports: pd.DataFrame
    held: pd.DataFrame
    phones: int = 0
    id_numbers: int = 0
    reporters_left_out: int = 0
    days_only: int = 0
    zoned: int = 0
    corrections: pd.DataFrame = field(default_factory=CORRECTIONS.empty)
    located: int = 0
    unknown_categories: Mapping[str, int] = field(default_factory=dict)
    unknown_grids: Mapping[str, int] = field(default_factory=dict)
    outside_lon: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    outside_lat: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


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
    words = place_words(texts)
    verdicts = Verdicts(len(rows))
    places = read_places(
        texts,
        rules,
        verdicts,
        count=len(rows),
        order=pair_order(fields["lonlat"]) if "lonlat" in fields else "",
        needed=rules.locate is None or words is None,
    )
    placed = _Placed.of(places, words, rules, verdicts)
    time, until, zoned = _read_times(texts, rules, verdicts)
    category, unknown_categories = _read_categories(texts["category"], rules, verdicts)
    good = verdicts.good
    kept = pa.array(good)
    table = pd.DataFrame(index=pd.RangeIndex(int(good.sum())))
    table["row_number"] = rows.index.to_numpy("int64")[good]
    masked = _Masked()
    table["source"] = (
        masked.take(texts["source"].filter(kept))
        if "source" in texts and not rules.source
        else _constant(rules.source, table)
    )
    table["source_id"] = _kept(texts, "source_id", kept, table)
    table["category"] = pandas_text(category.text(good))
    table["time"], table["time_until"] = time[good], until[good]
    placed.fill(table, good)
    table["origin"] = _constant("reported", table)
    table["reporter"], left_out = _read_reporters(texts.get("reporter"), kept, table)
    for name, column in (("place", words), ("description", texts.get("description"))):
        table[name] = _constant("", table) if column is None else masked.take(column.filter(kept))
    table["stated_grid"], unknown_grids = _read_grids(texts.get("grid"), rules, kept, table)
    table["extra"] = (
        masked.take_further(rows[good], _not_stored(columns)) if rules.keep_extra else _constant("", table)
    )
    persons = columns.left_out
    held = held_rows(chunk, ~good, *verdicts.held(), persons, fields=fields, count=masked.add)
    outside = verdicts.held_for("outside_town") & np.isfinite(places.lon) & np.isfinite(places.lat)
    return CleanedChunk(
        reports=CLEAN_REPORTS.check(table),
        held=pd.concat(
            [held, broken_rows(chunk, persons, fields=fields, count=masked.add)], ignore_index=True
        ),
        phones=masked.phones,
        id_numbers=masked.id_numbers,
        reporters_left_out=left_out,
        days_only=int((until[good] - time[good] == np.timedelta64(DAY_S, "s")).sum()),
        zoned=int(zoned[good].sum()),
        corrections=corrections_of(chunk, places, good),
        located=int((placed.answer[good] >= 0).sum()),
        unknown_categories=unknown_categories,
        unknown_grids=unknown_grids,
        outside_lon=places.lon[outside],
        outside_lat=places.lat[outside],
    )


@dataclass(frozen=True)
class _Placed:
    """Where rows lie, by their coordinates or by their words."""

    places: ReadPlaces
    answer: NDArray[np.int64]  # for each row, its row of ``found``; -1: by coordinates
    found: Any
    rules: ReportRules

    @classmethod
    def of(cls, places: ReadPlaces, words: Any, rules: ReportRules, verdicts: Verdicts) -> _Placed:
        answer, found = np.full(len(places.lon), -1, dtype="int64"), None
        if rules.locate is not None and words is not None and places.absent.any():
            answer, found = locate_words(words, rules.locate, rules.inside, verdicts, places.absent)
        return cls(places, answer, found, rules)

    def fill(self, table: pd.DataFrame, good: NDArray[np.bool_]) -> None:
        """Set the columns of the place, of the rows that are kept."""
        places, rules = self.places, self.rules
        lon, lat = places.lon[good], places.lat[good]
        datum, known_by = places.datum.text(good), places.datum_known_by.text(good)
        level = pa.repeat(pa.scalar("point", pa.large_string()), len(lon))
        radius_m = _radius_m(places.decimals[good], lat, rules)
        by_words = self.answer[good] >= 0
        if by_words.any():
            answers = self.found.iloc[self.answer[good][by_words]]
            lon[by_words], lat[by_words] = answers["lon"], answers["lat"]
            radius_m[by_words] = answers["radius_m"]
            chosen = pa.array(by_words)
            level = pc.replace_with_mask(level, chosen, pa.array(answers["level"], pa.large_string()))
            datum = pc.if_else(chosen, "wgs84", datum).cast(pa.large_string())
            known_by = pc.if_else(chosen, "gazetteer", known_by).cast(pa.large_string())
        table["lon"], table["lat"] = lon, lat
        table["datum"], table["datum_known_by"] = pandas_text(datum), pandas_text(known_by)
        table["level"], table["radius_m"] = pandas_text(level), radius_m


@dataclass
class _Masked:
    """Masks texts, and counts."""

    phones: int = 0
    id_numbers: int = 0

    def add(self, phones: int, id_numbers: int) -> None:
        self.phones, self.id_numbers = self.phones + phones, self.id_numbers + id_numbers

    def take(self, text: Any) -> Any:
        text, phones, ids = mask_persons(text)
        self.add(phones, ids)
        return pandas_text(text)

    def take_further(self, rows: pd.DataFrame, headings: Sequence[str]) -> Any:
        objects, phones, ids = further_cells(rows, headings)
        self.add(phones, ids)
        return pd.array(objects, dtype="str")


def _not_stored(columns: ColumnMap) -> list[str]:
    """Return the headings of a ledger whose cells are to go back to the sender as they came."""
    read_only = [columns.fields[name] for name in _READ_ONLY if name in columns.fields]
    return [*columns.unused, *read_only]


def _constant(text: str, table: pd.DataFrame) -> Any:
    return pandas_text(pa.repeat(pa.scalar(text, pa.large_string()), len(table)))


def _kept(texts: Mapping[str, Any], name: str, kept: Any, table: pd.DataFrame) -> Any:
    if name not in texts:
        return _constant("", table)
    return pandas_text(texts[name].filter(kept))


def _read_times(
    texts: Mapping[str, Any], rules: ReportRules, verdicts: Verdicts
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Return start and end of the interval (NaT when the instant is known), and which named a zone."""
    text = joined_time(texts)
    times = _parse(text, rules)
    unread = np.isnat(times.instant)
    if unread.any():
        says = np.zeros(len(unread), dtype=bool)
        says[unread] = has_value(text.filter(pa.array(unread)))
        verdicts.hold(unread & ~says, "no_time", text)
        if rules.year is None:
            verdicts.hold(unread & times.yearless, "no_year", text)
        verdicts.hold(unread, "bad_time", text)
    verdicts.hold(times.instant > np.datetime64(rules.now + dt.timedelta(days=1), "s"), "future_time", text)
    days = ~unread & np.isnat(times.until) & (~times.has_hour | rules.dates_only)
    until = times.until.copy()
    until[days] = times.instant[days] + np.timedelta64(DAY_S, "s")
    if "until" in texts:
        ends = _parse(texts["until"], rules).instant
        verdicts.hold(
            has_value(texts["until"]) & ~(ends > times.instant),
            "bad_time",
            lambda row: _span(text, texts["until"], row),
        )
        until = np.where(np.isnat(ends), until, ends)
    if "closed" in texts:
        early = _closed_before(times.instant, _parse(texts["closed"], rules))
        verdicts.hold(early, "closed_before_opened", lambda row: _span(text, texts["closed"], row))
    return times.instant, until, times.zoned


def _parse(text: Any, rules: ReportRules) -> Times:
    return parse_times(
        text,
        timezone=rules.timezone,
        date_order=rules.date_order,
        serials=rules.serials,
        year=rules.year,
    )


def _closed_before(opened: NDArray[Any], closed: Times) -> NDArray[np.bool_]:
    """Say which reports were closed before they were opened, whatever the hour of a day that is only named.

    A closing that names no year may be in the next one, and is not judged.
    """
    day = closed.instant.astype("datetime64[D]").astype("datetime64[s]")
    end = np.where(~closed.has_hour | (closed.instant == day), day + DAY_S, closed.instant + 1)
    end = np.where(np.isnat(closed.until), end, closed.until)
    return np.asarray((end <= opened) & ~closed.yearless)


def _span(text: Any, end: Any, row: int) -> str:
    return f"{text[row].as_py()} → {end[row].as_py()}"


def _read_categories(text: Any, rules: ReportRules, verdicts: Verdicts) -> tuple[Coded, dict[str, int]]:
    """Return the codes, and the spellings that rows are held for."""
    words, rows = different(text)
    words = mask_persons(words)[0]  # a new category gives its name to the settings
    says = says_more(words)[rows] if len(words) else has_value(text)
    verdicts.hold(~says, "no_category", text)
    good = set(np.unique(rows[verdicts.good]).tolist())  # a row held for its place adds no category
    known = [
        rules.categories.code_of(word) if place in good else rules.categories.known.get(spelling(word), "")
        for place, word in enumerate(words.to_pylist())
    ]
    unknown = np.array([code == "" for code in known], dtype=bool)[rows] if known else ~says
    before = verdicts.good
    verdicts.hold(unknown, "unknown_category", text)
    return Coded(known, rows.astype("int64")), _count_words(text.filter(pa.array(before & unknown)))


def _count_words(text: Any) -> dict[str, int]:
    """Count the different texts as they may be named: persons' numbers masked, long ones cut."""
    counts: Counter[str] = Counter()
    for each in pc.value_counts(mask_persons(text)[0]).to_pylist():
        counts[shortened(each["values"])] += each["counts"]
    return dict(sorted(counts.items()))


def _read_grids(text: Any, rules: ReportRules, kept: Any, table: pd.DataFrame) -> tuple[Any, dict[str, int]]:
    """Return the grids that the sender names: the town's code where it is known, else the words."""
    if text is None:
        return _constant("", table), {}
    text = text.filter(kept)
    words, rows = different(pc.if_else(pa.array(has_value(text)), text, ""))
    words = mask_persons(words)[0]
    spelled = words.to_pylist()
    if rules.grid_code is None or not spelled:
        return pandas_text(words.take(pa.array(rows))), {}
    codes = rules.grid_code(spelled)
    stated = [code or word for code, word in zip(codes, spelled, strict=True)]
    counts = np.bincount(rows, minlength=len(spelled))
    unknown = {
        shortened(word): int(count)
        for word, code, count in zip(spelled, codes, counts.tolist(), strict=True)
        if word and not code
    }
    return pandas_text(pa.array(stated, pa.large_string()).take(pa.array(rows))), unknown


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
    codes = _codes_alone(text)
    return pandas_text(codes), int(np.asarray(pc.not_equal(codes, text)).sum())


def _codes_alone(text: Any) -> Any:
    """Return reporters that are codes, ``""`` for names and telephone numbers."""
    code = pc.and_(
        pc.match_substring_regex(text, _PSEUDONYM), pc.invert(pc.match_substring_regex(text, _PERSON_NUMBER))
    )
    return pc.if_else(pc.and_(code, pc.match_substring_regex(text, r"\d")), text, "")


def further_cells(rows: pd.DataFrame, headings: Sequence[str]) -> tuple[list[str], int, int]:
    """Return a JSON object of each row's further columns, and the phones and identity numbers masked in them.

    Parameters
    ----------
    rows
        As received.
    headings
        The columns wanted; empty cells are left out.
    """
    phones = ids = 0
    cells: dict[str, list[str]] = {}
    for heading in headings:
        text, more_phones, more_ids = mask_persons(arrow_text(rows[heading]))
        cells[heading] = text.to_pylist()
        phones, ids = phones + more_phones, ids + more_ids
    if not cells:
        return ["{}"] * len(rows), 0, 0
    objects = [
        json.dumps({key: cell for key, cell in zip(cells, row, strict=True) if cell}, ensure_ascii=False)
        for row in zip(*cells.values(), strict=True)
    ]
    return objects, phones, ids


def corrections_of(chunk: RawChunk, places: ReadPlaces, good: NDArray[np.bool_]) -> pd.DataFrame:
    """Return CORRECTIONS of the rows that are stored."""
    rows = np.flatnonzero(places.exchanged & good)
    if not rows.size:
        return CORRECTIONS.empty()
    table = pd.DataFrame(
        {
            "sheet": pd.array([chunk.sheet] * rows.size, dtype="str"),
            "row_number": chunk.rows.index.to_numpy("int64")[rows],
            "what": pd.array(["swapped_place"] * rows.size, dtype="str"),
            "before": pd.array([places.before(row) for row in rows.tolist()], dtype="str"),
            "after": pd.array([places.after(row) for row in rows.tolist()], dtype="str"),
        }
    )
    return CORRECTIONS.check(table)


def held_rows(
    chunk: RawChunk,
    rows: NDArray[np.bool_],
    reasons: Sequence[str],
    details: Sequence[str],
    left_out: Iterable[str] = (),
    *,
    fields: Mapping[str, str] | None = None,
    count: OnMasked | None = None,
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
    fields
        Field to heading. The sender's number of a report stays as it is, or the row would not be known again
        (行政区划 + date + running number looks like an identity number); of reporters only codes stay.
    count
        Told how many telephone and identity numbers were masked in the cells.
    """
    held = chunk.rows[rows]
    empty, fields = set(left_out), fields or {}
    columns = []
    for name in held.columns:
        if name in empty:
            columns.append([""] * len(held))
        elif name == fields.get("source_id"):
            columns.append(arrow_text(held[name]).to_pylist())
        elif name == fields.get("reporter"):
            columns.append(_codes_alone(arrow_text(held[name])).to_pylist())
        else:
            columns.append(_mask_held(held[name], count))
    values = [as_json(held.columns, cells) for cells in zip(*columns, strict=True)]
    return _held_table(chunk, held.index, reasons, _mask_held(pd.array(details, dtype="str")), values)


def broken_rows(
    chunk: RawChunk,
    left_out: Iterable[str] = (),
    *,
    fields: Mapping[str, str] | None = None,
    count: OnMasked | None = None,
) -> pd.DataFrame:
    """Return HELD_ROWS of the rows that have another number of cells than the heading; see :func:`held_rows`.

    Where cells are missing or too many, a cell about a person may stand under a neighbouring heading: all
    cells that it can be are emptied.
    """
    broken = chunk.broken
    personal = {*left_out, *filter(None, [(fields or {}).get("reporter", "")])}
    values = broken["values"]
    if personal:
        headings = list(chunk.rows.columns)
        values = pd.Series([_without_persons(row, headings, personal) for row in values], dtype="str")
    reasons = (
        broken["reason"].tolist() if "reason" in broken else ["broken_row"] * len(broken)
    )  # photos say why
    return _held_table(
        chunk, broken["row_number"], reasons, _mask_held(broken["detail"]), _mask_held(values, count)
    )


def _without_persons(values: str, headings: Sequence[str], personal: set[str]) -> str:
    """Return a broken row, a JSON object, without the cells that may be about persons."""
    row: dict[str, str] = json.loads(values)
    names = list(row)
    extra = sum(name not in headings for name in names)
    missing = sum(name not in row for name in headings)
    places = [place for place, name in enumerate([*names, *headings[len(names) :]]) if name in personal]
    hidden = {near for place in places for near in range(place - missing, place + extra + 1)}
    hidden |= {
        place for place, name in enumerate(names) if places and "\n" in row[name]
    }  # rows within a cell
    return json.dumps(
        {name: "" if place in hidden else row[name] for place, name in enumerate(names)}, ensure_ascii=False
    )


def _held_table(
    chunk: RawChunk, numbers: Any, reasons: Sequence[str], details: Sequence[str], values: Sequence[str]
) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "sheet": pd.array([chunk.sheet] * len(reasons), dtype="str"),
            "row_number": np.asarray(numbers, dtype="int64"),
            "reason": pd.array(list(reasons), dtype="str"),
            "detail": pd.array(list(details), dtype="str"),
            "values": pd.array(list(values), dtype="str"),
        }
    )
    return HELD_ROWS.check(table)


def _mask_held(column: Any, count: OnMasked | None = None) -> list[str]:
    text, phones, ids = mask_persons(arrow_text(column))
    if count is not None:
        count(phones, ids)
    return text.to_pylist()  # type: ignore[no-any-return]
