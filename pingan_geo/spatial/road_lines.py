"""Roads as lines over numbered nodes, and how loose lines come to meet.

Lines of OpenStreetMap meet where they share a node, and nowhere else: a bridge crosses what lies under it.
Lines of a drawing only look as if they met. There an end that stops short of a road, a road drawn twice and a
crossing without a point are mended, within :data:`JOIN_M`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from pingan_geo.coords import local_metres
from pingan_geo.spatial.road_profiles import TAGS, road_class

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: What lies nearer than this to a road is meant to lie on it, metres.
JOIN_M: Final = 0.5
#: Columns that only files made from OpenStreetMap have; their lines meet at shared points.
_OSM_COLUMNS: Final = frozenset({"osm_id", "osmid", "@id", "full_id", "osm_way_id"})
#: Columns that name the class of road as OpenStreetMap does, and those that use words of their own.
_OSM_CLASSES: Final[tuple[str, ...]] = ("highway", "fclass")
_CLASSES: Final[tuple[str, ...]] = (
    "kind",
    "class",
    "type",
    "road_class",
    "roadclass",
    "道路等级",
    "道路类型",
    "道路类别",
    "等级",
    "类型",
    "类别",
)
_NO: Final = frozenset({"", "no", "0", "f", "false", "none", "nan"})
#: Two metres of a line lie this many times :data:`JOIN_M` apart before it is asked whether it meets itself.
_OWN_TURN: Final = 4.0


@dataclass(frozen=True, eq=False)
class RoadLines:
    """Lines over numbered nodes, with their tags.

    Parameters
    ----------
    lon, lat
        Of the nodes, WGS-84 degrees.
    nodes
        Node of each point of each line, one line after another.
    starts
        Where each line begins in ``nodes``, and the end of the last.
    tags
        Distinct sets of tags, see :data:`pingan_geo.spatial.road_profiles.TAGS`.
    tags_of
        Place of each line in ``tags``.
    names, codes
        Of each line; ``""`` where it has none.
    levels
        Of each line: 0 on the ground, bridges above, tunnels below.
    cut
        Lines that had points which are not in the file, and were cut there.
    """

    lon: Floats
    lat: Floats
    nodes: Ints
    starts: Ints
    tags: tuple[Mapping[str, str], ...]
    tags_of: Ints
    names: NDArray[np.object_]
    codes: NDArray[np.object_]
    levels: Ints
    cut: int = 0

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self.starts) - 1

    def line(self, number: int) -> Floats:
        """Return the points of a line, longitude and latitude."""
        nodes = self.nodes[self.starts[number] : self.starts[number + 1]]
        return np.column_stack((self.lon[nodes], self.lat[nodes]))


def lines_of_layer(frame: Any, *, join_m: float = JOIN_M) -> RoadLines:
    """Return a layer of lines as roads.

    Parameters
    ----------
    frame
        GeoDataFrame in EPSG:4326, of lines. Used are, where it has them: ``name``, ``code``, the tags of
        :data:`pingan_geo.spatial.road_profiles.TAGS`, ``bridge``, ``tunnel``, ``layer``; for the class of road
        ``highway`` or ``fclass``, else ``kind``, ``class``, ``type``, 道路等级 … in words of its own.
    join_m
        How near counts as touching, metres. A file that was made from OpenStreetMap (it has a column
        ``osm_id``) is left as it is: its lines meet at shared points.

    Returns
    -------
    RoadLines
        A line of several parts comes as several. Lines without length are left out. Where lines lie on
        different levels (bridges, tunnels, motorways) they meet at their ends only.
    """
    shapes = np.asarray(frame.geometry.values, dtype=object)
    parts, row_of = shapely.get_parts(shapely.force_2d(shapes), return_index=True)
    real = (shapely.get_type_id(parts) == 1) & (shapely.get_num_coordinates(parts) >= 2)
    parts, row_of = parts[real], row_of[real]
    lonlat, line_of = shapely.get_coordinates(parts, return_index=True)
    fresh = np.ones(len(lonlat), dtype=bool)
    fresh[1:] = (line_of[1:] != line_of[:-1]) | (lonlat[1:] != lonlat[:-1]).any(axis=1)
    lonlat, line_of = lonlat[fresh], line_of[fresh].astype(np.int64)
    tags, tags_of = _tags_of_rows(frame)
    levels = _levels_of_rows(frame, tags, tags_of)
    osm = bool(_OSM_COLUMNS & {str(column).lower() for column in frame.columns})
    about = _About(
        tags=tags,
        tags_of=tags_of[row_of],
        names=_texts(frame, "name")[row_of],
        codes=_texts(frame, "code")[row_of],
        levels=levels[row_of],
    )
    if osm or not len(parts):
        return _shared_points(lonlat, line_of, len(parts), about)
    return _joined(lonlat, line_of, len(parts), about, join_m)


@dataclass(frozen=True, eq=False)
class _About:
    """What is known of each line beside its course."""

    tags: tuple[Mapping[str, str], ...]
    tags_of: Ints
    names: NDArray[np.object_]
    codes: NDArray[np.object_]
    levels: Ints


def pack_lines(
    lon: Floats, lat: Floats, nodes: Ints, line_of: Ints, count: int, about: Any, cut: int = 0
) -> RoadLines:
    """Put lines together from the node and the line of each point; points that repeat the one before go."""
    if nodes.size:
        fresh = np.ones(nodes.size, dtype=bool)
        fresh[1:] = (line_of[1:] != line_of[:-1]) | (nodes[1:] != nodes[:-1])
        nodes, line_of = nodes[fresh], line_of[fresh]
    lengths = np.bincount(line_of, minlength=count)
    kept = lengths >= 2
    nodes = nodes[kept[line_of]] if nodes.size else nodes
    starts = np.concatenate(([0], np.cumsum(lengths[kept]))).astype(np.int64)
    return RoadLines(
        lon,
        lat,
        nodes,
        starts,
        about.tags,
        about.tags_of[kept],
        about.names[kept],
        about.codes[kept],
        about.levels[kept],
        cut,
    )


# -- attributes --------------------------------------------------------------------------------------


def _texts(frame: Any, column: str) -> NDArray[np.object_]:
    """Return a column as text without blanks around; ``""`` where it is empty or absent."""
    found = next((each for each in frame.columns if str(each).lower() == column), None)
    if found is None:
        return np.full(len(frame), "", dtype=object)
    values = frame[found].to_numpy(dtype=object)
    return np.array([_text(value) for value in values], dtype=object)


def _text(value: Any) -> str:
    if value is None or value != value or str(value) == "<NA>":
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _tags_of_rows(frame: Any) -> tuple[tuple[Mapping[str, str], ...], Ints]:
    """Return distinct sets of tags and which one each row has."""
    columns = {str(column).lower() for column in frame.columns}
    osm = next((each for each in _OSM_CLASSES if each in columns), "")
    own = osm or next((each for each in _CLASSES if each in columns), "")
    words = _texts(frame, own) if own else np.full(len(frame), "", dtype=object)
    kinds = {word: _osm_class(word) if osm else road_class(word) for word in set(words)}
    present = [key for key in TAGS if key in columns and key != "highway"]
    rows = zip((kinds[word] for word in words), *(_texts(frame, key) for key in present), strict=True)
    known: dict[tuple[str, ...], int] = {}
    tags_of = np.fromiter((known.setdefault(row, len(known)) for row in rows), dtype=np.int64)
    tags = tuple(
        {key: value for key, value in zip(("highway", *present), row, strict=True) if value} for row in known
    )
    return tags, tags_of


def _osm_class(word: str) -> str:
    if word.startswith("track_grade"):  # how files cut from OpenStreetMap write tracks
        return "track"
    return "road" if word in {"", "unknown"} else word


def _levels_of_rows(frame: Any, tags: Sequence[Mapping[str, str]], tags_of: Ints) -> Ints:
    layer, bridge, tunnel = (_texts(frame, column) for column in ("layer", "bridge", "tunnel"))
    levels = np.array(
        [level_of(*each) for each in zip(layer, bridge, tunnel, strict=True)], dtype=np.int64
    ).reshape(len(frame))
    # a motorway is crossed above or below, whether or not the drawing says so
    motorway = np.array([each.get("highway") == "motorway" for each in tags], dtype=bool)
    if motorway.any():
        levels = np.where(motorway[tags_of] & (levels == 0), _MOTORWAY_LEVEL, levels)
    return levels


_MOTORWAY_LEVEL: Final = 100


def level_of(layer: str, bridge: str, tunnel: str) -> int:
    """Return on which level a road lies, from the tags ``layer``, ``bridge`` and ``tunnel``."""
    try:
        stated = int(layer or 0)
    except ValueError:
        stated = 0
    if stated:
        return stated
    return int(bridge.lower() not in _NO) - int(tunnel.lower() not in _NO)


# -- how lines meet ----------------------------------------------------------------------------------


def _shared_points(lonlat: Floats, line_of: Ints, count: int, about: _About) -> RoadLines:
    """Join lines where they share a point, to the seventh digit of a degree (a centimetre)."""
    if not count:
        empty = np.empty(0)
        return pack_lines(empty, empty, np.empty(0, np.int64), line_of, 0, about)
    rounded = np.round(lonlat * 1e7).astype(np.int64)
    key = rounded[:, 0] * np.int64(4_000_000_000) + rounded[:, 1]
    _, first, nodes = np.unique(key, return_index=True, return_inverse=True)
    return pack_lines(lonlat[first, 0], lonlat[first, 1], nodes.astype(np.int64), line_of, count, about)


def _joined(lonlat: Floats, line_of: Ints, count: int, about: _About, join_m: float) -> RoadLines:
    """Join lines that touch, nearly touch or cross."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    middle = (lonlat.min(axis=0) + lonlat.max(axis=0)) / 2.0
    metres = local_metres(middle[0], middle[1])
    xy = np.column_stack(metres.forward(lonlat[:, 0], lonlat[:, 1]))
    meeting = _Meeting(xy, line_of, about, join_m)
    meeting.touch()
    meeting.cross()
    added = meeting.added()
    total = len(xy) + len(added.xy)
    one, other = meeting.unions()
    ones = np.ones(len(one), dtype=np.int8)
    _, group = connected_components(coo_array((ones, (one, other)), shape=(total, total)), directed=False)
    _, first, group = np.unique(group, return_index=True, return_inverse=True)
    # a node lies where the first of its points was drawn
    all_lon, all_lat = lonlat[:, 0], lonlat[:, 1]
    if len(added.xy):
        more = metres.inverse(added.xy[:, 0], added.xy[:, 1])
        all_lon, all_lat = np.concatenate((all_lon, more[0])), np.concatenate((all_lat, more[1]))
    place = np.concatenate((np.arange(len(xy), dtype=np.float64), added.after))
    lines = np.concatenate((line_of, line_of[added.after.astype(np.int64)]))
    order = np.lexsort((place, lines))
    return pack_lines(
        all_lon[first], all_lat[first], group[order].astype(np.int64), lines[order], count, about
    )


@dataclass(frozen=True, eq=False)
class _Added:
    """Points put into lines: where, and behind which point (with the share of the way to the next)."""

    xy: Floats
    after: Floats


class _Meeting:
    """Collects where points of one line lie on another, and where lines cross."""

    def __init__(self, xy: Floats, line_of: Ints, about: _About, join_m: float) -> None:
        self.xy, self.line_of, self.join_m = xy, line_of, join_m
        same = line_of[1:] == line_of[:-1]
        self.first = np.flatnonzero(same)  # first point of each piece; the second is the next one
        self.a, self.b = xy[self.first], xy[self.first + 1]
        self.line = line_of[self.first]
        self.level = about.levels[self.line]
        link = np.array([each.get("highway", "").endswith("_link") for each in about.tags], dtype=bool)
        self.link = link[about.tags_of]
        self.is_end = np.ones(len(xy), dtype=bool)
        self.is_end[1:-1] = ~(same[1:] & same[:-1])
        run = np.concatenate(([0.0], np.cumsum(np.where(same, np.hypot(*np.diff(xy, axis=0).T), 0.0))))
        self.run = run
        pieces = shapely.linestrings(np.stack((self.a, self.b), axis=1))
        one, other = shapely.STRtree(pieces).query(pieces, predicate="dwithin", distance=join_m)
        apart = (np.abs(one - other) > 1) | (self.line[one] != self.line[other])
        self.one, self.other = one[apart], other[apart]
        self._unions: list[tuple[Ints, Ints]] = []
        self._xy: list[Floats] = []
        self._after: list[Floats] = []
        self._count = len(xy)

    def touch(self) -> None:
        """Join points of one line to another line that they lie on."""
        point = np.concatenate((self.first[self.one], self.first[self.one] + 1))
        piece = np.concatenate((self.other, self.other))
        share, apart_m = self._foot(point, piece)
        own = self.line_of[point] == self.line[piece]
        along = self.run[self.first[piece]] + share * self._length(piece)
        far = np.abs(self.run[point] - along) > _OWN_TURN * self.join_m
        near = (apart_m <= self.join_m) & (~own | (self.is_end[point] & far))
        point, piece, share, apart_m = point[near], piece[near], share[near], apart_m[near]
        # the nearest foot on each line is enough: a bend would else be joined with itself
        order = np.lexsort((piece, apart_m, self.line[piece], point))
        point, piece, share = point[order], piece[order], share[order]
        first = np.ones(len(point), dtype=bool)
        first[1:] = (point[1:] != point[:-1]) | (self.line[piece[1:]] != self.line[piece[:-1]])
        point, piece, share = point[first], piece[first], share[first]
        foot = self.a[piece] + share[:, None] * (self.b[piece] - self.a[piece])
        corner, at_corner = self._corner(piece, foot)
        levelled = self.level_of_point(point) == self.level[piece]
        links = self.link[self.line_of[point]] | self.link[self.line[piece]]
        allowed = levelled | (self.is_end[point] & (links | (at_corner & self.is_end[corner])))
        joined = allowed & at_corner
        self._unions.append((point[joined], corner[joined]))
        split = allowed & ~at_corner
        self._add(foot[split], piece[split], share[split], point[split])

    def cross(self) -> None:
        """Put a point where two lines of one level cross and neither has one."""
        pair = (self.one < self.other) & (self.level[self.one] == self.level[self.other])
        one, other = self.one[pair], self.other[pair]
        along, beside = self.b[one] - self.a[one], self.b[other] - self.a[other]
        between = self.a[other] - self.a[one]
        turn = along[:, 0] * beside[:, 1] - along[:, 1] * beside[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            on_one = (between[:, 0] * beside[:, 1] - between[:, 1] * beside[:, 0]) / turn
            on_other = (between[:, 0] * along[:, 1] - between[:, 1] * along[:, 0]) / turn
        inside = (on_one > 0.0) & (on_one < 1.0) & (on_other > 0.0) & (on_other < 1.0)
        one, other, on_one, on_other = one[inside], other[inside], on_one[inside], on_other[inside]
        where = self.a[one] + on_one[:, None] * along[inside]
        free = ~(self._corner(one, where)[1] | self._corner(other, where)[1])  # else the point itself touches
        numbers = self._count + np.arange(int(free.sum()))
        self._add(where[free], one[free], on_one[free], None)
        self._add(where[free], other[free], on_other[free], numbers)

    def level_of_point(self, point: Ints) -> Ints:
        """Return the level of the line that a point belongs to."""
        by_line = np.zeros(int(self.line_of.max()) + 1, dtype=np.int64)
        by_line[self.line] = self.level
        return by_line[self.line_of[point]]

    def added(self) -> _Added:
        """Return the points put in."""
        if not self._xy:
            return _Added(np.empty((0, 2)), np.empty(0))
        return _Added(np.concatenate(self._xy), np.concatenate(self._after))

    def unions(self) -> tuple[Ints, Ints]:
        """Return pairs of points that are one node."""
        one = np.concatenate([each[0] for each in self._unions])
        other = np.concatenate([each[1] for each in self._unions])
        return one, other

    def _add(self, xy: Floats, piece: Ints, share: Floats, partner: Ints | None) -> None:
        numbers = self._count + np.arange(len(xy))
        self._count += len(xy)
        self._xy.append(xy)
        self._after.append(np.add(self.first[piece], np.clip(share, 1e-9, 1.0 - 1e-9), dtype=np.float64))
        if partner is not None:
            self._unions.append((partner, numbers))

    def _length(self, piece: Ints) -> Floats:
        return np.asarray(np.hypot(*(self.b[piece] - self.a[piece]).T))

    def _foot(self, point: Ints, piece: Ints) -> tuple[Floats, Floats]:
        """Return where a point's foot lies on a piece (0–1), and how far off the point is."""
        along = self.b[piece] - self.a[piece]
        from_a = self.xy[point] - self.a[piece]
        share = np.clip((from_a * along).sum(axis=1) / (along * along).sum(axis=1), 0.0, 1.0)
        off = from_a - share[:, None] * along
        return share, np.hypot(off[:, 0], off[:, 1])

    def _corner(self, piece: Ints, where: Floats) -> tuple[Ints, NDArray[np.bool_]]:
        """Return the end of a piece nearer to a place, and whether it counts as that place."""
        to_a = np.hypot(*(where - self.a[piece]).T)
        to_b = np.hypot(*(where - self.b[piece]).T)
        corner = self.first[piece] + (to_b < to_a)
        return corner, np.minimum(to_a, to_b) <= self.join_m
