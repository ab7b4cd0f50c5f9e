"""Coordinates as received → WGS-84, with the reason against each row whose place cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pingan_geo.coords import parse_datum, to_wgs84
from pingan_geo.errors import UnknownDatumError
from pingan_geo.intake.texts import different, parse_numbers

#: Answers, for WGS-84 longitudes and latitudes, which lie inside the town.
Inside = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]


_DETAIL_LENGTH = 80


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
    """

    datum: str
    datum_known_by: str
    inside: Inside
    decimal_comma: bool = False


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

    def held(self) -> tuple[list[str], list[str]]:
        """Return reason and detail of each held row, in order."""
        rows = np.flatnonzero(~self.good)
        return [self.names[code] for code in self.reason[rows]], self._details(rows)

    def _details(self, rows: NDArray[np.int64]) -> list[str]:
        details = []
        for row in rows:
            about = self.about[int(self.reason[row])]
            details.append(about(int(row)) if callable(about) else about[int(row)].as_py())
        return [text if len(text) <= _DETAIL_LENGTH else f"{text[: _DETAIL_LENGTH - 1]}…" for text in details]


def read_places(
    texts: Mapping[str, Any], rules: PlaceRules, verdicts: Verdicts, *, needed: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.object_]]:
    """Read the coordinates of rows, and hold rows whose place cannot be used.

    Parameters
    ----------
    texts
        Columns ``lon``, ``lat`` and perhaps ``datum``.
    rules
        What is known of the file.
    verdicts
        Of the same rows; they are added to: ``bad_place``, ``no_place``, ``null_island``, ``unknown_datum``,
        ``swapped_place`` (turned round, the place lies in the town), ``outside_town``.
    needed
        A row without coordinates is held; otherwise it passes with NaN.

    Returns
    -------
    tuple
        WGS-84 longitudes and latitudes (NaN or meaningless for held rows), and the datum of each row.
    """

    def both(row: int) -> str:
        return f"{texts['lon'][row].as_py()}, {texts['lat'][row].as_py()}"

    x, x_odd = parse_numbers(texts["lon"], decimal_comma=rules.decimal_comma)
    y, y_odd = parse_numbers(texts["lat"], decimal_comma=rules.decimal_comma)
    verdicts.hold(x_odd | y_odd, "bad_place", both)
    absent = np.isnan(x) & np.isnan(y)
    verdicts.hold((np.isnan(x) | np.isnan(y)) & (needed | ~absent), "no_place", both)
    verdicts.hold((x == 0.0) & (y == 0.0), "null_island", both)
    datum = _row_datums(texts, rules, verdicts)
    lon, lat = _to_wgs84(x, y, datum, verdicts.good)
    on_earth = np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
    in_town = np.zeros(len(x), dtype=bool)
    usable = verdicts.good & on_earth
    in_town[usable] = rules.inside(lon[usable], lat[usable])
    doubtful = verdicts.good & ~in_town & ~absent
    if doubtful.any():
        turned_lon, turned_lat = _to_wgs84(y, x, datum, doubtful)
        swapped = doubtful & (np.abs(turned_lon) <= 180.0) & (np.abs(turned_lat) <= 90.0)
        swapped[swapped] = rules.inside(turned_lon[swapped], turned_lat[swapped])
        verdicts.hold(swapped, "swapped_place", lambda row: f"{both(row)} → {_turned(texts, row)}")
        verdicts.hold(doubtful & ~on_earth, "bad_place", both)
        verdicts.hold(doubtful, "outside_town", both)
    return lon, lat, datum


def _turned(texts: Mapping[str, Any], row: int) -> str:
    return f"{texts['lat'][row].as_py()}, {texts['lon'][row].as_py()}"


def _row_datums(texts: Mapping[str, Any], rules: PlaceRules, verdicts: Verdicts) -> NDArray[np.object_]:
    if "datum" not in texts or rules.datum_known_by == "stated":
        return np.full(len(texts["lon"]), rules.datum, dtype=object)
    words, rows = different(texts["datum"])
    known: list[str] = []
    for word in words.to_pylist():
        try:
            known.append(parse_datum(word) if word else rules.datum)
        except UnknownDatumError:
            known.append("")
    datum = np.array(known, dtype=object)[rows] if known else np.empty(0, dtype=object)
    verdicts.hold(datum == "", "unknown_datum", texts["datum"])
    return datum


def _to_wgs84(
    x: NDArray[np.float64], y: NDArray[np.float64], datum: NDArray[np.object_], wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    lon, lat = np.full(len(x), np.nan), np.full(len(x), np.nan)
    for name in dict.fromkeys(datum[wanted]):
        rows = wanted & (datum == name)
        if not name.startswith("EPSG:"):  # degrees: others would only turn round the earth
            rows &= (np.abs(x) <= 180.0) & (np.abs(y) <= 90.0)
        lon[rows], lat[rows] = to_wgs84(x[rows], y[rows], name)
    return lon, lat
