"""An extract of OpenStreetMap → roads. The only door to pyosmium."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import osmium
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import local_metres
from pingan_geo.errors import FileMissingError, NoRoadsError, OutsideTownError, UnreadableFileError
from pingan_geo.spatial.road_lines import RoadLines, level_of, pack_lines
from pingan_geo.spatial.road_profiles import TAGS

ACCEPTED: Final = "OpenStreetMap extracts (.osm.pbf, .osm, .osm.gz, .osm.bz2)"
#: Roads are kept as far as this outside of the area that is asked for, metres.
AROUND_M: Final = 2_000.0

_KEYS: Final = (*TAGS, "name", "layer", "bridge", "tunnel")
_UNDEFINED: Final = 2**31 - 1  # how a missing place comes, as do all others in units of 1e-7 degrees
#: Roads that are not there yet, or no more, and things that are no roads.
_NO_ROADS: Final = frozenset(
    {"construction", "proposed", "planned", "abandoned", "razed", "demolished", "disused", "raceway"}
    | {"platform", "rest_area", "services", "elevator", "bus_stop", "emergency_bay", "escape"}
)


def read_osm(file: Path, area: Any = None, *, around_m: float = AROUND_M) -> RoadLines:
    """Read the roads of an extract of OpenStreetMap.

    Parameters
    ----------
    file
        PBF or XML, also packed.
    area
        Geometry in WGS-84 degrees: only roads that come into it, or within ``around_m`` of it, are kept, each
        as a whole. ``None``: all.
    around_m
        Metres.

    Returns
    -------
    RoadLines
        In the order of the file. Turn restrictions, gates and bollards are not read.

    Raises
    ------
    FileMissingError, UnreadableFileError
        If it cannot be read.
    NoRoadsError
        If it holds no roads.
    OutsideTownError
        If none of them comes near ``area``.
    """
    if not file.is_file():
        raise FileMissingError(file=file)
    try:
        ways = _read_ways(file)
    except (RuntimeError, osmium.InvalidLocationError) as error:  # all that libosmium says of a bad file
        raise UnreadableFileError(
            file=file.name, found="damaged or of another kind than its name says", accepted=ACCEPTED
        ) from error
    if not ways.points:
        raise NoRoadsError(file=file.name)
    roads = _put_together(ways, area, around_m)
    if not roads.count:
        if area is not None:
            raise OutsideTownError(file=file.name, datum="wgs84")
        raise NoRoadsError(file=file.name)
    return roads


@dataclass(frozen=True, eq=False)
class _Read:
    """Ways as they come."""

    points: list[list[tuple[int, int, int]]]
    tags: list[tuple[str | None, ...]]
    codes: list[int]


def _read_ways(file: Path) -> _Read:
    kinds = osmium.osm.NODE | osmium.osm.WAY
    ways: Any = (
        osmium.FileProcessor(str(file), kinds)
        .with_locations()
        .with_filter(osmium.filter.EntityFilter(osmium.osm.WAY))
        .with_filter(osmium.filter.KeyFilter("highway"))
    )
    points: list[list[tuple[int, int, int]]] = []
    tags: list[tuple[str | None, ...]] = []
    codes: list[int] = []
    for way in ways:
        value = way.tags.get
        if value("highway") in _NO_ROADS:
            continue
        points.append([(node.ref, node.x, node.y) for node in way.nodes])
        tags.append(tuple([value(key) for key in _KEYS]))
        codes.append(way.id)
    return _Read(points, tags, codes)


@dataclass(frozen=True, eq=False)
class _About:
    """What is known of each line beside its course."""

    tags: tuple[dict[str, str], ...]
    tags_of: NDArray[np.int64]
    names: NDArray[np.object_]
    codes: NDArray[np.object_]
    levels: NDArray[np.int64]


def _put_together(ways: _Read, area: Any, around_m: float) -> RoadLines:
    lengths = np.array([len(each) for each in ways.points], dtype=np.int64)
    flat = np.array([point for each in ways.points for point in each], dtype=np.int64).reshape(-1, 3)
    way_of = np.repeat(np.arange(len(lengths)), lengths)
    there = flat[:, 1] != _UNDEFINED
    cut = int(np.unique(way_of[~there]).size)
    # a way is broken where a point is missing: what lies on both sides must not be joined by a straight line
    piece = (
        np.concatenate(([0], np.cumsum((way_of[1:] != way_of[:-1]) | ~there[1:]))) if len(flat) else way_of
    )
    flat, way_of, piece = flat[there], way_of[there], piece[there]
    if area is not None:
        near = _ways_near(flat, way_of, piece, len(lengths), area, around_m)[way_of]
        flat, way_of, piece = flat[near], way_of[near], piece[near]
    used, piece = np.unique(piece, return_inverse=True)
    first = np.searchsorted(piece, np.arange(len(used)))
    about = _about(ways, way_of[first])
    _, first_of, nodes = np.unique(flat[:, 0], return_index=True, return_inverse=True)
    lon, lat = flat[first_of, 1] / 1e7, flat[first_of, 2] / 1e7
    return pack_lines(lon, lat, nodes.astype(np.int64), piece.astype(np.int64), len(used), about, cut)


def _ways_near(
    flat: NDArray[np.int64],
    way_of: NDArray[np.int64],
    piece: NDArray[np.int64],
    count: int,
    area: Any,
    around_m: float,
) -> NDArray[np.bool_]:
    """Return which ways come near the area."""
    west, south, east, north = shapely.bounds(area)
    metres = local_metres((west + east) / 2.0, (south + north) / 2.0)
    plane = shapely.transform(area, lambda xy: np.column_stack(metres.forward(xy[:, 0], xy[:, 1])))
    wide = shapely.buffer(plane, around_m)
    shapely.prepare(wide)
    near = np.zeros(count, dtype=bool)
    x, y = metres.forward(flat[:, 1] / 1e7, flat[:, 2] / 1e7)
    near[way_of[shapely.intersects_xy(wide, x, y)]] = True
    # a long straight piece may pass through with both ends outside
    same = (piece[1:] == piece[:-1]) & ~near[way_of[1:]]
    ends = np.stack((np.column_stack((x, y))[:-1][same], np.column_stack((x, y))[1:][same]), axis=1)
    passing = shapely.intersects(wide, shapely.linestrings(ends)) if len(ends) else np.zeros(0, dtype=bool)
    near[way_of[1:][same][passing]] = True
    return near


def _about(ways: _Read, rows: NDArray[np.int64]) -> _About:
    known: dict[tuple[str | None, ...], int] = {}
    read, name = len(TAGS), _KEYS.index("name")
    tags_of = np.array([known.setdefault(ways.tags[row][:read], len(known)) for row in rows], dtype=np.int64)
    tags = tuple({key: value for key, value in zip(TAGS, each, strict=True) if value} for each in known)
    names = np.array([(ways.tags[row][name] or "").strip() for row in rows], dtype=object)
    codes = np.array([str(ways.codes[row]) for row in rows], dtype=object)
    levels = np.array(
        [level_of(*(value or "" for value in ways.tags[row][name + 1 :])) for row in rows], dtype=np.int64
    )
    return _About(tags, tags_of, names, codes, levels)
