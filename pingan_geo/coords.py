"""Coordinates: WGS-84, GCJ-02, BD-09, CGCS2000 and metres around a place.

Everything inside the package is WGS-84 longitude and latitude in degrees, in this order. GCJ-02 (Amap,
Tencent, WeChat) is WGS-84 pushed aside by some 300-700 m inside China; BD-09 (Baidu) pushes once more.
CGCS2000 differs from WGS-84 by centimetres and is taken as equal. Other codes go through PROJ, always
with the easting or longitude first, whatever order the code's own definition lists.

Neither shift was ever published; the formulas here are the ones that all independent implementations
agree on. A map provider's own answers lie aside of them by a thousandth of the height above the sea, east
and north alike, and by nothing else: within 0.05 m around Jiaxing, 0.1 m up to some 70 m of height, and up
to 7.2 m on the high plateaus. Reports have no heights, so this stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from pingan_geo.errors import UnknownDatumError

Degrees = NDArray[np.float64]

#: Spellings met in ledgers and file names, compared without case, blanks, ``-``, ``_`` and ``.``.
_SPELLINGS: Final = {
    "wgs84": "wgs84",
    "wgs1984": "wgs84",
    "gps": "wgs84",
    "gcj02": "gcj02",
    "gcj": "gcj02",
    "火星": "gcj02",
    "火星坐标": "gcj02",
    "高德": "gcj02",
    "amap": "gcj02",
    "腾讯": "gcj02",
    "bd09": "bd09",
    "bd09ll": "bd09",
    "百度": "bd09",
    "baidu": "bd09",
    "cgcs2000": "cgcs2000",
    "2000国家大地坐标系": "cgcs2000",
    "国家2000": "cgcs2000",
}
_EPSG_ALIASES: Final = {4326: "wgs84", 4490: "cgcs2000"}

_AXIS_M: Final = 6_378_245.0  # Krasovsky 1940, which GCJ-02 mixes with WGS-84 degrees
_ECCENTRICITY2: Final = 0.00669342162296594323
_BAIDU_LON, _BAIDU_LAT = 0.0065, 0.006
_BAIDU_TURN: Final = np.pi * 3000.0 / 180.0
#: Rounds of the inverse: each shrinks the error some hundredfold; after these it is below 0.01 mm.
_GCJ_ROUNDS, _BAIDU_ROUNDS = 4, 3
_CHUNK: Final = 1 << 15  # stays in the processor's cache: twice as fast as the whole array at once

#: Where GCJ-02 is shifted: a coarse outline (some 20 km wide of the land border; near seas, Hainan, Taiwan).
#: The often-quoted box (72.004-137.8347 E, 0.8293-55.8271 N) also covers Mongolia, Korea and half of Japan,
#: where the providers shift nothing.
_OUTLINE: Final = (
    (111.9, 43.7), (113.6, 44.7), (114.5, 45.4), (116.6, 46.3), (117.4, 46.6), (119.7, 46.6), (119.9, 46.8),
    (118.5, 48.0), (115.5, 47.7), (115.6, 48.2), (116.2, 49.8), (117.8, 49.5), (119.3, 50.1), (119.2, 50.4),
    (120.0, 51.6), (120.9, 53.3), (123.6, 53.5), (125.6, 53.0), (126.9, 51.4), (127.5, 50.3), (127.5, 49.8),
    (129.1, 49.4), (130.6, 48.9), (131.0, 47.7), (132.5, 47.8), (134.8, 48.4), (135.1, 48.5), (134.7, 47.6),
    (133.9, 46.2), (133.1, 45.1), (131.9, 45.3), (131.0, 44.9), (131.3, 43.5), (130.6, 42.4), (129.9, 43.0),
    (129.7, 42.4), (128.1, 42.0), (128.3, 41.5), (126.9, 41.8), (126.0, 40.9), (124.4, 40.0), (124.0, 39.0),
    (124.2, 37.5), (125.0, 34.5), (126.6, 32.0), (125.5, 28.5), (124.7, 26.5), (123.5, 24.8), (122.6, 22.5),
    (122.0, 20.5), (120.0, 19.0), (118.5, 15.5), (110.5, 15.5), (108.3, 18.2), (107.6, 20.4), (108.0, 21.5),
    (106.7, 22.0), (106.5, 22.9), (105.3, 23.4), (104.0, 22.5), (103.0, 22.4), (102.1, 22.4), (101.6, 22.2),
    (101.8, 21.1), (101.1, 21.1), (100.1, 21.4), (99.2, 22.0), (98.8, 23.2), (97.5, 23.9), (97.5, 24.8),
    (98.6, 26.0), (98.6, 27.5), (97.2, 27.8), (95.3, 26.7), (92.0, 26.8), (91.6, 27.7), (90.3, 28.0),
    (88.9, 27.3), (88.1, 27.8), (86.0, 27.8), (84.1, 28.7), (81.6, 30.0), (80.2, 30.4), (78.8, 31.2),
    (78.4, 32.4), (78.9, 33.0), (77.9, 35.3), (76.0, 35.8), (74.8, 37.0), (74.8, 38.4), (73.5, 39.4),
    (73.9, 40.1), (75.5, 40.6), (76.8, 41.1), (78.3, 41.5), (80.1, 42.2), (80.2, 43.1), (80.8, 43.3),
    (80.3, 44.9), (82.4, 45.4), (82.9, 47.2), (85.5, 47.2), (85.6, 48.4), (87.4, 49.2), (88.1, 48.7),
    (90.1, 47.9), (91.1, 46.7), (90.9, 45.4), (93.5, 45.0), (95.5, 44.3), (96.5, 42.8), (100.0, 42.8),
    (104.9, 41.8), (107.5, 42.5), (110.0, 42.8),
)  # fmt: skip
_OUTLINE_MARGIN_DEG: Final = 0.2


def parse_datum(text: str) -> str:
    """Return the one name of a datum or coordinate system.

    Parameters
    ----------
    text
        ``wgs84``, ``GCJ-02``, ``百度``, ``EPSG:4549``, ``epsg:4326`` …; case and punctuation do not matter.

    Returns
    -------
    str
        ``"wgs84"``, ``"gcj02"``, ``"bd09"``, ``"cgcs2000"`` or ``"EPSG:n"``.

    Raises
    ------
    UnknownDatumError
        If it is none of these, or PROJ does not know the number, or it is not a system of two axes on
        the earth's surface.
    """
    bare = re.sub(r"[\s\-_.]", "", str(text)).lower()
    if bare in _SPELLINGS:
        return _SPELLINGS[bare]
    match = re.fullmatch(r"(?:epsg)?:{0,2}(\d{4,6})", bare)
    if match is None:
        raise UnknownDatumError(datum=text)
    number = int(match[1])
    if number in _EPSG_ALIASES:
        return _EPSG_ALIASES[number]
    try:
        crs = CRS.from_epsg(number)
    except CRSError as error:
        raise UnknownDatumError(datum=text) from error
    if not (crs.is_projected or crs.is_geographic):
        raise UnknownDatumError(datum=text)
    return f"EPSG:{number}"


def to_wgs84(x: ArrayLike, y: ArrayLike, datum: str) -> tuple[Degrees, Degrees]:
    """Return WGS-84 longitude and latitude of places given in another datum.

    Parameters
    ----------
    x, y
        Longitude and latitude in degrees, or easting and northing in the units of an ``EPSG:n`` system.
    datum
        As :func:`parse_datum` takes it.

    Returns
    -------
    lon, lat
        Degrees, new arrays of the shape of the input. Not a number stays not a number, also where a
        projected system has no inverse.

    Raises
    ------
    UnknownDatumError
        See :func:`parse_datum`.

    Notes
    -----
    GCJ-02 and BD-09 are turned back by iteration, exact to less than 0.01 mm. Within about 700 m of the
    border of the shift area, some 20 km outside the country, two places share one GCJ-02 pair; there the
    shifted one is taken.
    """
    name, first, second = parse_datum(datum), *_pair(x, y)
    if name in ("wgs84", "cgcs2000"):
        return first.copy(), second.copy()
    if name == "gcj02":
        return _unshift(first, second)
    if name == "bd09":
        return _unshift(*_in_chunks(_baidu_inverse, first, second))
    return _through_proj(_transformer(name, inverse=False), first, second)


def from_wgs84(lon: ArrayLike, lat: ArrayLike, datum: str) -> tuple[Degrees, Degrees]:
    """Return coordinates in another datum; the reverse of :func:`to_wgs84`.

    Parameters
    ----------
    lon, lat
        WGS-84 degrees.
    datum
        As :func:`parse_datum` takes it.

    Returns
    -------
    x, y
        Degrees, or easting and northing of an ``EPSG:n`` system. Outside China GCJ-02 equals WGS-84.

    Raises
    ------
    UnknownDatumError
        See :func:`parse_datum`.
    """
    name, first, second = parse_datum(datum), *_pair(lon, lat)
    if name in ("wgs84", "cgcs2000"):
        return first.copy(), second.copy()
    if name in ("gcj02", "bd09"):
        shifted = _shift(first, second)
        return shifted if name == "gcj02" else _in_chunks(_baidu, *shifted)
    return _through_proj(_transformer(name, inverse=True), first, second)


def shifted_by_gcj02(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Return where GCJ-02 differs from WGS-84.

    Parameters
    ----------
    lon, lat
        WGS-84 degrees.

    Returns
    -------
    numpy.ndarray
        ``True`` inside a coarse outline of China. It is no boundary and must not be drawn as one.
    """
    first, second = _pair(lon, lat)
    if first.size == 0:
        return np.zeros(first.shape, dtype=bool)
    outline = _shift_area()
    if first.size > 1 and np.isfinite(first).all() and np.isfinite(second).all():
        # a town lies on one side: one question instead of a million
        frame = shapely.box(first.min(), second.min(), first.max(), second.max())
        if outline.contains(frame):
            return np.ones(first.shape, dtype=bool)
        if not outline.intersects(frame):
            return np.zeros(first.shape, dtype=bool)
    return np.asarray(shapely.contains_xy(outline, first, second), dtype=bool)


@dataclass(frozen=True)
class LocalMetres:
    """Metres east and north of a place: transverse Mercator centred there, on the WGS-84 ellipsoid.

    Distances are true to 1 in 10,000 within 90 km of the centre's meridian; areas to 1 in 5,000.

    Parameters
    ----------
    lon0, lat0
        WGS-84 degrees of the origin.
    """

    lon0: float
    lat0: float

    def forward(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]:
        """Return metres east and north of the origin; not a number stays not a number."""
        return _through_proj(_local_transformer(self.lon0, self.lat0, inverse=False), *_pair(lon, lat))

    def inverse(self, x_m: ArrayLike, y_m: ArrayLike) -> tuple[Degrees, Degrees]:
        """Return WGS-84 longitude and latitude of metres east and north of the origin."""
        return _through_proj(_local_transformer(self.lon0, self.lat0, inverse=True), *_pair(x_m, y_m))


def local_metres(lon0: float, lat0: float) -> LocalMetres:
    """Return a metric plane around a place (WGS-84 degrees), see :class:`LocalMetres`."""
    return LocalMetres(float(lon0), float(lat0))


# -- shapes of the input -----------------------------------------------------------------------------


def _pair(x: ArrayLike, y: ArrayLike) -> tuple[Degrees, Degrees]:
    first, second = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    return first, second


def _in_chunks(formula: Any, x: Degrees, y: Degrees) -> tuple[Degrees, Degrees]:
    """Apply a formula of two arrays piece by piece; infinities become not a number."""
    shape = x.shape
    flat_x, flat_y = np.ravel(x), np.ravel(y)
    out_x, out_y = np.empty(flat_x.size), np.empty(flat_x.size)
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, flat_x.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            out_x[part], out_y[part] = formula(flat_x[part], flat_y[part])
    return out_x.reshape(shape), out_y.reshape(shape)


# -- GCJ-02 ------------------------------------------------------------------------------------------


@cache
def _shift_area(beyond_deg: float = 0.0) -> Any:
    area = shapely.Polygon(_OUTLINE).buffer(_OUTLINE_MARGIN_DEG + beyond_deg, quad_segs=2)
    shapely.prepare(area)
    return area


def _sine_of_three(sine: Degrees) -> Degrees:
    """Return sin(3a) from sin(a): a multiplication is cheaper than a sine."""
    return sine * (3.0 - 4.0 * sine * sine)


def _offsets(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return the GCJ-02 shift in degrees of longitude and latitude."""
    x, y = lon - 105.0, lat - 35.0
    turn_x, turn_y = np.pi * x, np.pi * y
    root, product = np.sqrt(np.abs(x)), 0.1 * x * y
    double_x = np.sin(2.0 * turn_x)
    third_x, third_y = np.sin(turn_x / 3.0), np.sin(turn_y / 3.0)
    short = 2.0 * (_sine_of_three(double_x) + double_x)
    waves_lat = short + 2.0 * _sine_of_three(third_y) + 4.0 * third_y
    waves_lat += 16.0 * np.sin(turn_y / 12.0) + 32.0 * np.sin(turn_y / 30.0)
    waves_lon = short + 2.0 * _sine_of_three(third_x) + 4.0 * third_x
    waves_lon += 15.0 * np.sin(turn_x / 12.0) + 30.0 * np.sin(turn_x / 30.0)
    north_m = -100.0 + 2.0 * x + (3.0 + 0.2 * y) * y + product + 0.2 * root + waves_lat * (20.0 / 3.0)
    east_m = 300.0 + (1.0 + 0.1 * x) * x + 2.0 * y + product + 0.1 * root + waves_lon * (20.0 / 3.0)
    sine = np.sin(np.radians(lat))
    bulge = 1.0 - _ECCENTRICITY2 * sine * sine
    root_bulge = np.sqrt(bulge)
    lat_degree_m = np.pi / 180.0 * _AXIS_M * (1.0 - _ECCENTRICITY2) / (bulge * root_bulge)
    lon_degree_m = np.pi / 180.0 * _AXIS_M * np.sqrt(1.0 - sine * sine) / root_bulge
    return east_m / lon_degree_m, north_m / lat_degree_m


def _gcj(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    east, north = _offsets(lon, lat)
    return lon + east, lat + north


def _gcj_inverse(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    guess_lon, guess_lat = lon, lat
    for _ in range(_GCJ_ROUNDS):
        east, north = _offsets(guess_lon, guess_lat)
        guess_lon, guess_lat = lon - east, lat - north
    return guess_lon, guess_lat


def _shift(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    return _where(shifted_by_gcj02(lon, lat), _gcj, lon, lat)


def _unshift(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Turn GCJ-02 back; a place counts as shifted when where it would come from is in the shift area."""
    likely = shifted_by_gcj02(lon, lat)
    if likely.size and likely.all():
        back = _in_chunks(_gcj_inverse, lon, lat)
        inside = shifted_by_gcj02(*back)
        return back if inside.all() else (np.where(inside, back[0], lon), np.where(inside, back[1], lat))
    # the few within a kilometre outside the outline may have been pushed out of it
    near = np.asarray(shapely.contains_xy(_shift_area(0.02), lon, lat), dtype=bool)
    back = _where(near, _gcj_inverse, lon, lat)
    inside = near & shifted_by_gcj02(*back)
    return np.where(inside, back[0], lon), np.where(inside, back[1], lat)


def _where(chosen: NDArray[np.bool_], formula: Any, x: Degrees, y: Degrees) -> tuple[Degrees, Degrees]:
    if chosen.size and chosen.all():
        return _in_chunks(formula, x, y)
    out_x, out_y = x.copy(), y.copy()
    if chosen.any():
        out_x[chosen], out_y[chosen] = _in_chunks(formula, x[chosen], y[chosen])
    return out_x, out_y


# -- BD-09 -------------------------------------------------------------------------------------------


def _baidu(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BAIDU_TURN)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BAIDU_TURN)
    return radius * np.cos(angle) + _BAIDU_LON, radius * np.sin(angle) + _BAIDU_LAT


def _baidu_inverse(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    guess_lon, guess_lat = lon - _BAIDU_LON, lat - _BAIDU_LAT
    for _ in range(_BAIDU_ROUNDS):
        again_lon, again_lat = _baidu(guess_lon, guess_lat)
        guess_lon, guess_lat = guess_lon + (lon - again_lon), guess_lat + (lat - again_lat)
    return guess_lon, guess_lat


# -- PROJ --------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _transformer(name: str, *, inverse: bool) -> Transformer:
    given, wgs84 = CRS.from_user_input(name), CRS.from_epsg(4326)
    source, target = (wgs84, given) if inverse else (given, wgs84)
    return Transformer.from_crs(source, target, always_xy=True)


@lru_cache(maxsize=64)
def _local_transformer(lon0: float, lat0: float, *, inverse: bool) -> Transformer:
    plane = f"+proj=tmerc +lat_0={lat0!r} +lon_0={lon0!r} +k=1 +x_0=0 +y_0=0 +ellps=WGS84 +units=m"
    degrees, metres = CRS.from_proj4("+proj=longlat +ellps=WGS84"), CRS.from_proj4(plane)
    source, target = (metres, degrees) if inverse else (degrees, metres)
    return Transformer.from_crs(source, target, always_xy=True)


def _through_proj(transformer: Transformer, x: Degrees, y: Degrees) -> tuple[Degrees, Degrees]:
    out_x, out_y = transformer.transform(np.ravel(x), np.ravel(y))
    first = np.asarray(out_x, dtype=np.float64).reshape(x.shape)
    second = np.asarray(out_y, dtype=np.float64).reshape(x.shape)
    lost = ~(np.isfinite(first) & np.isfinite(second))
    first[lost] = np.nan
    second[lost] = np.nan
    return first, second
