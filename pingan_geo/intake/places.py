"""Coordinates or words as received → WGS-84, with the reason against each row whose place cannot be used."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pingan_geo.coords import parse_datum, to_wgs84
from pingan_geo.errors import UnknownDatumError
from pingan_geo.intake.texts import different, has_value, mask_persons, parse_degrees, says_more, split_pairs

#: Answers, for WGS-84 longitudes and latitudes, which lie inside the town.
Inside = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
#: Answers LOCATED for words.
Locate = Callable[[Sequence[str]], Any]

#: More digits than this are made by arithmetic, not by measuring.
MOST_DIGITS = 7
#: Two places of one row that lie farther apart than this are not one place.
UNLIKE_M = 100.0
_DEGREE_LON_M, _DEGREE_LAT_M = 111_320.0, 110_574.0
_DETAIL_LENGTH = 80
#: A datum known in one of these ways is not changed by what the rows of a source show.
_FIRM = ("stated", "crs", "column")


@dataclass(frozen=True, kw_only=True)
class PlaceRules:
    """What is known of the coordinates of a file before its rows are read.

    Parameters
    ----------
    datum, datum_known_by
        Of coordinates whose row names none; ``datum_known_by`` as in CLEAN_REPORTS.
    inside
        Whether places lie inside the town.
    decimal_comma
        ``30,80`` is a number.
    source
        Name of the ledger; ``""`` takes the file's own column.
    datum_by_source
        Source to (datum, how it is known), for files that mix datums. It wins over ``datum`` where that was
        neither stated nor named by the file.
    swap
        ``yes``: rows that lie in the town only with longitude and latitude exchanged are exchanged; ``""``:
        only where the latitude as written is none (over 90 degrees, or marked 东经), the others are held.
    """

    datum: str
    datum_known_by: str
    inside: Inside
    decimal_comma: bool = False
    source: str = ""
    datum_by_source: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    swap: str = ""


@dataclass(frozen=True)
class Coded:
    """A column of few words: ``names[codes]``."""

    names: list[str]
    codes: NDArray[np.int64]

    def text(self, kept: NDArray[np.bool_]) -> Any:
        """Return the words of the chosen rows as Arrow text."""
        return pa.array(self.names, pa.large_string()).take(pa.array(self.codes[kept]))


@dataclass(frozen=True)
class ReadPlaces:
    """Places of rows; of rows that are held they mean nothing.

    Parameters
    ----------
    lon, lat
        WGS-84 degrees; NaN where the row gives no coordinates.
    datum, datum_known_by
        Of each row.
    decimals
        Of a degree (a metre in a system of metres), that the finer coordinate shows; at most seven.
    absent
        The row gives no coordinates, and nothing was found against it so far.
    exchanged
        Longitude and latitude were exchanged.
    before, after
        Texts of the coordinates of a row as received, and exchanged.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    datum: Coded
    datum_known_by: Coded
    decimals: NDArray[np.int64]
    absent: NDArray[np.bool_]
    exchanged: NDArray[np.bool_]
    before: Callable[[int], str]
    after: Callable[[int], str]


class Verdicts:
    """The first reason found against each row.

    Parameters
    ----------
    count
        Rows.
    """

    def __init__(self, count: int) -> None:
        self.names: list[str] = [""]
        self.reason = np.zeros(count, dtype="int8")
        self.about: dict[int, Any] = {}

    def hold(self, rows: NDArray[np.bool_], reason: str, about: Any) -> None:
        """Hold rows that no reason was found against before; ``about``: texts that say what is wrong."""
        self.names.append(reason)
        self.about[len(self.names) - 1] = about
        self.reason[rows & (self.reason == 0)] = len(self.names) - 1

    @property
    def good(self) -> NDArray[np.bool_]:
        """The rows that nothing was found against."""
        return np.asarray(self.reason == 0)

    def held_for(self, reason: str) -> NDArray[np.bool_]:
        """Say which rows are held for this reason."""
        codes = [code for code, name in enumerate(self.names) if name == reason]
        return np.isin(self.reason, np.array(codes, dtype="int8"))

    def held(self) -> tuple[list[str], list[str]]:
        """Return reason and detail of each held row, in order."""
        rows = np.flatnonzero(~self.good)
        return [self.names[code] for code in self.reason[rows]], self._details(rows)

    def _details(self, rows: NDArray[np.int64]) -> list[str]:
        details: list[str] = []
        for row in rows:
            about = self.about[int(self.reason[row])]
            details.append(about(int(row)) if callable(about) else about[int(row)].as_py())
        # masked before it is cut: half a telephone number would not be known as one
        details = mask_persons(pa.array(details, pa.large_string()))[0].to_pylist()
        return list(map(shortened, details))


def shortened(text: str) -> str:
    """Return a text as it is named: its beginning where it is long."""
    return text if len(text) <= _DETAIL_LENGTH else f"{text[: _DETAIL_LENGTH - 1]}…"


@dataclass
class _Given:
    """Coordinates as written: numbers of each row in the file's own datum, and the texts they stand in."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    decimals: NDArray[np.int64]
    crossed: NDArray[np.bool_]  # the texts themselves say that the first is the latitude
    first: Any
    second: Any

    @classmethod
    def of(cls, first: Any, second: Any, *, decimal_comma: bool, thousands: bool) -> _Given:
        x = parse_degrees(first, decimal_comma=decimal_comma, thousands=thousands)
        y = parse_degrees(second, decimal_comma=decimal_comma, thousands=thousands)
        named = (x.axis != 0) | (y.axis != 0)
        return cls(
            x=x.numbers,
            y=y.numbers,
            wrong=x.wrong | y.wrong | (named & (x.axis == y.axis)),
            decimals=np.minimum(np.maximum(x.decimals, y.decimals), MOST_DIGITS),
            crossed=(x.axis == 2) | (y.axis == 1),
            first=first,
            second=second,
        )

    @classmethod
    def none(cls, count: int) -> _Given:
        empty = pa.repeat(pa.scalar("", pa.large_string()), count)
        nan, no = np.full(count, np.nan), np.zeros(count, dtype=bool)
        return cls(nan, nan.copy(), no, np.zeros(count, dtype="int64"), no.copy(), empty, empty)

    @property
    def absent(self) -> NDArray[np.bool_]:
        return np.isnan(self.x) & np.isnan(self.y) & ~self.wrong

    @property
    def incomplete(self) -> NDArray[np.bool_]:
        return (np.isnan(self.x) | np.isnan(self.y)) & ~self.wrong

    def exchange(self, rows: NDArray[np.bool_]) -> None:
        """Exchange the numbers, not the texts, of some rows."""
        self.x, self.y = np.where(rows, self.y, self.x), np.where(rows, self.x, self.y)

    def take(self, other: _Given, rows: NDArray[np.bool_]) -> None:
        """Take over some rows."""
        chosen = pa.array(rows)
        self.first = pc.if_else(chosen, other.first, self.first)
        self.second = pc.if_else(chosen, other.second, self.second)
        for name in ("x", "y", "wrong", "decimals", "crossed"):
            setattr(self, name, np.where(rows, getattr(other, name), getattr(self, name)))


def read_places(
    texts: Mapping[str, Any],
    rules: PlaceRules,
    verdicts: Verdicts,
    *,
    count: int,
    order: str = "",
    needed: bool = True,
) -> ReadPlaces:
    """Read the coordinates of rows, and hold rows whose place cannot be used.

    Parameters
    ----------
    texts
        Columns ``lon`` and ``lat``, or ``lonlat`` with both, and perhaps ``datum``, ``source`` and ``place``;
        words for the place that are a pair of coordinates are taken as such where there are no others.
    rules
        What is known of the file.
    verdicts
        Of the same rows; they are added to: ``bad_place``, ``no_place``, ``null_island``, ``unknown_datum``,
        ``swapped_place`` (turned round, the place lies in the town), ``outside_town``, ``unlike_places``.
    count
        Rows.
    order
        ``lonlat`` or ``latlon`` as the heading of ``lonlat`` says, for pairs that could be both.
    needed
        A row without coordinates is held; otherwise it passes with NaN.

    Returns
    -------
    ReadPlaces
    """
    datum, known_by = _row_datums(texts, rules, count)
    given = _Given.none(count)
    if "lon" in texts and "lat" in texts:
        given = _Given.of(
            texts["lon"],
            texts["lat"],
            decimal_comma=rules.decimal_comma,
            thousands=rules.datum.startswith("EPSG:") and not rules.decimal_comma,
        )
    pairs = _pairs_of(texts["lonlat"], rules, datum, order) if "lonlat" in texts else None
    if pairs is not None:
        given.take(pairs, given.incomplete & ~pairs.absent)
    if "place" in texts and (absent := given.absent).any():
        among_words = _pairs_of(texts["place"], rules, datum, order, among_words=True)
        given.take(among_words, absent & ~among_words.absent)

    def both(row: int) -> str:
        return ", ".join(filter(None, (given.first[row].as_py(), given.second[row].as_py())))

    def turned(row: int) -> str:
        return ", ".join(filter(None, (given.second[row].as_py(), given.first[row].as_py())))

    absent = given.absent
    verdicts.hold(given.wrong, "bad_place", both)
    verdicts.hold(given.incomplete & (needed | ~absent), "no_place", both)
    verdicts.hold((given.x == 0.0) & (given.y == 0.0), "null_island", both)
    if "" in datum.names:
        verdicts.hold(datum.codes == datum.names.index(""), "unknown_datum", texts["datum"])
    given.exchange(given.crossed)
    lon, lat, exchanged = _in_town(given, datum, rules, verdicts, both, turned)
    if pairs is not None and "lon" in texts:
        pair_lon, pair_lat = _to_wgs84(pairs.x, pairs.y, datum, verdicts.good & ~pairs.absent & ~pairs.wrong)
        unlike = _apart_m(lon, lat, pair_lon, pair_lat) > UNLIKE_M
        verdicts.hold(unlike, "unlike_places", lambda row: f"{both(row)} ≠ {texts['lonlat'][row].as_py()}")
    return ReadPlaces(
        lon=lon,
        lat=lat,
        datum=datum,
        datum_known_by=known_by,
        decimals=given.decimals,
        absent=absent & verdicts.good,
        exchanged=exchanged,
        before=both,
        after=turned,
    )


def coordinate_decimals(texts: Mapping[str, Any], count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the decimals that the finer coordinate of each row shows, and which rows give coordinates."""
    given = _Given.none(count)
    if "lon" in texts and "lat" in texts:
        given = _Given.of(texts["lon"], texts["lat"], decimal_comma=True, thousands=True)
    if "lonlat" in texts:
        first, second, _ = split_pairs(texts["lonlat"])
        given.take(_Given.of(first, second, decimal_comma=False, thousands=False), given.incomplete)
    return given.decimals, np.isfinite(given.x) & np.isfinite(given.y)


def _in_town(
    given: _Given,
    datum: Coded,
    rules: PlaceRules,
    verdicts: Verdicts,
    both: Callable[[int], str],
    turned: Callable[[int], str],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return the places, and of which rows the coordinates were exchanged; hold rows outside the town."""
    x, y = given.x, given.y
    lon, lat = _to_wgs84(x, y, datum, verdicts.good)
    on_earth = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
    in_town = np.zeros(len(x), dtype=bool)
    usable = verdicts.good & on_earth
    in_town[usable] = rules.inside(lon[usable], lat[usable])
    exchanged = given.crossed & in_town
    doubtful = verdicts.good & ~in_town & ~given.absent
    if doubtful.any():
        turned_lon, turned_lat = _to_wgs84(y, x, datum, doubtful & ~given.crossed)
        swapped = (np.abs(turned_lon) <= 180.0) & (np.abs(turned_lat) <= 90.0)
        swapped[swapped] = rules.inside(turned_lon[swapped], turned_lat[swapped])
        certain = swapped & ((_in_degrees(datum) & (np.abs(y) > 90.0)) | (rules.swap == "yes"))
        lon, lat = np.where(certain, turned_lon, lon), np.where(certain, turned_lat, lat)
        exchanged |= certain
        verdicts.hold(swapped & ~certain, "swapped_place", lambda row: f"{both(row)} → {turned(row)}")
        verdicts.hold(doubtful & ~certain & ~on_earth, "bad_place", both)
        verdicts.hold(doubtful & ~certain, "outside_town", both)
    return lon, lat, exchanged


def _pairs_of(text: Any, rules: PlaceRules, datum: Coded, order: str, *, among_words: bool = False) -> _Given:
    """Read one column that holds both coordinates, longitude first in the result.

    Which of the two is the longitude is what is possible: no latitude is over 90 degrees, and only one order
    lies in the town. Where both do, the heading's order is taken; without one the row is ``wrong``.
    """
    first, second, is_pair = split_pairs(text)
    if among_words:  # 12,3 is no place, nor are two numbers of houses
        is_pair &= np.asarray(
            pc.and_(*(pc.match_substring_regex(half, r"\.\d\d|°|度") for half in (first, second)))
        )
    given = _Given.of(first, second, decimal_comma=False, thousands=False)
    given.wrong &= is_pair
    if not among_words:
        given.wrong |= ~is_pair & has_value(text)
    given.x, given.y = np.where(is_pair, given.x, np.nan), np.where(is_pair, given.y, np.nan)
    degrees, open_order = _in_degrees(datum), is_pair & ~given.wrong
    named = _axes_named(first, second) & open_order
    lat_first = named & given.crossed
    over = ((np.abs(given.x) > 90.0) | (np.abs(given.y) > 90.0)) & degrees & open_order & ~named
    lat_first |= over & (np.abs(given.y) > 90.0)
    either = open_order & ~named & ~over
    if either.any():
        fits = [_fits(x, y, datum, rules, either) for x, y in ((given.x, given.y), (given.y, given.x))]
        both = fits[0] & fits[1]
        lat_first |= (fits[1] & ~fits[0]) | (either & (order == "latlon") & (fits[0] == fits[1]))
        if not order:
            given.wrong |= both
    given.exchange(lat_first)
    given.crossed = np.zeros(len(is_pair), dtype=bool)  # put right: an order is no mistake
    given.first, given.second = text, pa.repeat(pa.scalar("", pa.large_string()), len(is_pair))
    return given


def _axes_named(first: Any, second: Any) -> NDArray[np.bool_]:
    return np.asarray(pc.or_(*(pc.match_substring_regex(half, "[a-z经纬]") for half in (first, second))))


def _fits(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    datum: Coded,
    rules: PlaceRules,
    wanted: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    lon, lat = _to_wgs84(x, y, datum, wanted)
    fits = wanted & (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
    fits[fits] = rules.inside(lon[fits], lat[fits])
    return fits


def _row_datums(texts: Mapping[str, Any], rules: PlaceRules, count: int) -> tuple[Coded, Coded]:
    """Return the datum of each row (``""``: it names one that is not known) and how it is known."""
    pairs = [(rules.datum, rules.datum_known_by)]
    codes = np.zeros(count, dtype="int64")
    if rules.datum_by_source and rules.datum_known_by not in _FIRM:
        if rules.source:
            pairs = [rules.datum_by_source.get(rules.source, pairs[0])]
        elif "source" in texts:
            sources, rows = different(texts["source"])
            own = [rules.datum_by_source.get(source, pairs[0]) for source in sources.to_pylist()]
            pairs += own
            codes = rows + 1
    if "datum" in texts and rules.datum_known_by != "stated":
        words, rows = different(texts["datum"])
        said = np.zeros(len(words), dtype="int64")
        for place, word in enumerate(words.to_pylist()):
            if word:
                pairs.append((_parse_or_none(word), "column"))
                said[place] = len(pairs) - 1
        codes = np.where(said[rows] > 0, said[rows], codes) if len(words) else codes
    datum, known_by = (_coded([pair[part] for pair in pairs], codes) for part in (0, 1))
    return datum, known_by


def _coded(words: list[str], codes: NDArray[np.int64]) -> Coded:
    names = list(dict.fromkeys(words))
    return Coded(names, np.array([names.index(word) for word in words], dtype="int64")[codes])


def _parse_or_none(word: str) -> str:
    try:
        return parse_datum(word)
    except UnknownDatumError:
        return ""


def _in_degrees(datum: Coded) -> NDArray[np.bool_]:
    return np.array([not name.startswith("EPSG:") for name in datum.names], dtype=bool)[datum.codes]


def _to_wgs84(
    x: NDArray[np.float64], y: NDArray[np.float64], datum: Coded, wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lon, lat = np.full(len(x), np.nan), np.full(len(x), np.nan)
    for code, name in enumerate(datum.names):
        rows = wanted & (datum.codes == code) if len(datum.names) > 1 else wanted.copy()
        if not name:
            continue
        if not name.startswith("EPSG:"):  # degrees: others would only turn round the earth
            rows &= (np.abs(x) <= 180.0) & (np.abs(y) <= 90.0)
        if rows.any():
            lon[rows], lat[rows] = to_wgs84(x[rows], y[rows], name)
    return lon, lat


def _apart_m(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    other_lon: NDArray[np.float64],
    other_lat: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return metres between places near each other, 0 where one is missing."""
    east = (lon - other_lon) * np.cos(np.radians(lat)) * _DEGREE_LON_M
    return np.nan_to_num(np.hypot(east, (lat - other_lat) * _DEGREE_LAT_M))


# -- words -------------------------------------------------------------------------------------------

#: Fields whose words make up an address, and what a bare number in them is called.
PLACE_PARTS: Mapping[str, str] = {
    "road": "",
    "house_number": "号",
    "estate": "",
    "building": "幢",
    "unit": "单元",
    "room": "室",
}
_BARE = re.compile(r"[0-9A-Za-z一二三四五六七八九十]+")
_ALIKE = {"幢": "(?:幢|栋|号楼)", "号": "号(?!楼)", "单元": "单元", "室": "(?:室|(?![0-9A-Za-z]))"}
_BUILDING_FIRST = re.compile(r"[0-9A-Za-z一二三四五六七八九十]+\s*(?:幢|栋|号楼|单元|室)")


def place_words(texts: Mapping[str, Any]) -> Any:
    """Return the words for the place of each row, ``None`` when the ledger has none.

    An estate, building, unit, room, road or house number in a column of its own is joined to the words, where
    these do not name it already.
    """
    parts = [name for name in PLACE_PARTS if name in texts]
    if not parts:
        return texts.get("place")
    columns = [texts[name] for name in ("place", *parts) if name in texts]
    joined = pc.binary_join_element_wise(*columns, pa.scalar("\x1f", pa.large_string()))
    names = [name for name in ("place", *parts) if name in texts]
    words, rows = different(joined)
    written = []
    for text in words.to_pylist():
        cells = text.split("\x1f")
        said = has_value(pa.array(cells, pa.large_string()))
        written.append(
            _address({name: cell for name, cell, says in zip(names, cells, said, strict=False) if says})
        )
    return pa.array(written, pa.large_string()).take(pa.array(rows))


def _address(cells: Mapping[str, str]) -> str:
    address = cells.get("place", "")
    road, estate = cells.get("road", ""), cells.get("estate", "")
    if road and road not in address:
        address = road + _part("house_number", cells, address) + address
    else:
        address += _part("house_number", cells, address)
    if estate and estate not in address:
        address = estate + address if _BUILDING_FIRST.match(address) else address + estate
    for name in ("building", "unit", "room"):
        address += _part(name, cells, address)
    return address


def _part(name: str, cells: Mapping[str, str], address: str) -> str:
    """Return a part of an address with its noun, ``""`` where the address has it already."""
    cell, noun = cells.get(name, ""), PLACE_PARTS[name]
    if not _BARE.fullmatch(cell):
        return "" if cell in address else cell
    known = re.search(rf"(?<![0-9A-Za-z]){re.escape(cell)}{_ALIKE[noun]}", address)
    return "" if known else f"{cell}{noun}"


def locate_words(
    words: Any, locate: Locate, inside: Inside, verdicts: Verdicts, wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], Any]:
    """Find the places of rows that give only words, and hold those that are not found for certain.

    Parameters
    ----------
    words
        Arrow array; telephone numbers in it are masked before it is handed on.
    locate
        Answers LOCATED.
    inside
        Whether places lie inside the town.
    verdicts
        Of the same rows; added to: ``no_place`` (no words), ``ambiguous_place``, ``unknown_place``,
        ``outside_town``.
    wanted
        The rows to be placed so.

    Returns
    -------
    tuple
        For each row the number of its answer, -1 where it has none that may be stored; the answers, LOCATED,
        ``None`` when nothing was asked.
    """
    says = wanted.copy()
    masked = mask_persons(words.filter(pa.array(wanted)))[0]
    says[wanted] = says_more(masked)
    verdicts.hold(wanted & ~says, "no_place", words)
    different_words, rows = different(masked.filter(pa.array(says[wanted])))
    if not len(different_words):
        return np.full(len(words), -1, dtype="int64"), None
    found = locate(different_words.to_pylist())
    lon, lat = found["lon"].to_numpy("float64"), found["lat"].to_numpy("float64")
    status = found["status"].to_numpy(dtype=object)
    accepted = (status == "accepted") & np.isfinite(lon) & np.isfinite(lat)
    in_town = accepted.copy()
    in_town[accepted] = inside(lon[accepted], lat[accepted])
    answer = np.full(len(words), -1, dtype="int64")
    answer[says] = rows
    for reason, fits in (
        ("ambiguous_place", status == "review"),
        ("unknown_place", ~accepted),
        ("outside_town", ~in_town),
    ):
        held = np.zeros(len(words), dtype=bool)
        held[says] = fits[rows]
        verdicts.hold(held, reason, words)
        answer[held] = -1
    return answer, found
