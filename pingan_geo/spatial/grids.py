"""Polygons of responsibility: which one holds a place, and whether a layer of them is sound.

Geometries are shapely polygons in WGS-84 degrees. The rule for borders and overlaps, everywhere in the
package: a place belongs to every polygon that it touches, the border included, and of these the one with
the smallest code (compared as text) is taken. So a place is in exactly one polygon or in none, whatever
the order of the polygons.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer

from pingan_geo.errors import (
    BrokenPolygonsError,
    DuplicateCodesError,
    EmptyCodesError,
    GeometryKindError,
    UnalignedIndexError,
)

NO_POLYGON: Final = ""
#: Overlaps and gaps below this are rounding of coordinates, not a mistake of the layer.
SLIVER_M2: Final = 1.0

_POLYGON_KINDS: Final = (3, 6)  # shapely's type ids of Polygon and MultiPolygon
_CHUNK: Final = 1 << 16
_NONE: Final = np.int32(np.iinfo(np.int32).max)


class PolygonIndex:
    """Finds the polygon of many places at once.

    A raster of buckets lies over the polygons. A bucket that no border crosses is inside the same
    polygons everywhere, so its places are answered by a table; only places in buckets that a border
    crosses are asked of the polygons themselves. The answer is the same as asking every polygon.

    Parameters
    ----------
    codes
        One text per polygon.
    geometries
        Polygons and multipolygons, WGS-84 degrees; ``None`` and empty ones hold nothing.

    Raises
    ------
    UnalignedIndexError
        If there are not as many codes as geometries.
    GeometryKindError
        If a geometry is not a polygon.
    """

    def __init__(self, codes: Sequence[str] | Any, geometries: Sequence[Any] | Any) -> None:
        texts = [str(code) for code in codes]
        shapes = np.empty(len(geometries), dtype=object)
        shapes[:] = list(geometries)
        if len(texts) != shapes.size:
            raise UnalignedIndexError(left="codes", right="geometries")
        filled = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
        strange = filled & ~np.isin(shapely.get_type_id(shapes), _POLYGON_KINDS)
        if strange.any():
            raise GeometryKindError(
                file="the layer", found=shapes[np.argmax(strange)].geom_type, expected="polygons"
            )
        order = [place for place in sorted(range(len(texts)), key=texts.__getitem__) if filled[place]]
        #: Codes of the polygons that hold something, ascending; :meth:`positions` counts in them.
        self.codes: tuple[str, ...] = tuple(texts[place] for place in order)
        self._shapes = shapes[order]
        self._texts = np.array([*self.codes, NO_POLYGON], dtype=object)
        self._raster = _Raster(self._shapes) if order else None

    def assign(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.object_]:
        """Return the code of the polygon that holds each place, ``""`` where none does.

        Parameters
        ----------
        lon, lat
            WGS-84 degrees; missing or infinite ones are in no polygon.
        """
        return self._texts[self.positions(lon, lat)]

    def positions(self, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.int32]:
        """Return the place in :attr:`codes` of the polygon that holds each place, -1 where none does."""
        x, y = np.broadcast_arrays(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
        if self._raster is None:
            return np.full(x.shape, -1, dtype=np.int32)
        return self._raster.look_up(np.ravel(x), np.ravel(y)).reshape(x.shape)


@dataclass(frozen=True, eq=False)
class PolygonReport:
    """What is wrong with a layer of polygons; areas in square metres.

    Parameters
    ----------
    overlaps
        Table ``code_a, code_b, area_m2, lon, lat``: each pair once, ``code_a <= code_b``, largest first; the
        place lies inside the overlap. Places there belong to ``code_a``.
    gaps
        Table ``area_m2, lon, lat``: pieces of the area that no polygon holds, largest first.
    outside
        Table ``code, area_m2, lon, lat``: what polygons hold beyond the area, largest first.
    broken
        Codes of polygons that cross themselves, ascending. They are measured after mending.
    duplicates
        Codes that stand more than once, ascending.
    tolerance_m2
        Pieces below this were left out.
    area_known
        Whether gaps were sought in a given area; else only holes enclosed by polygons can be seen.
    """

    overlaps: pd.DataFrame
    gaps: pd.DataFrame
    outside: pd.DataFrame
    broken: tuple[str, ...]
    duplicates: tuple[str, ...]
    tolerance_m2: float
    area_known: bool

    @property
    def overlap_m2(self) -> float:
        """Sum over all pairs; ground that three polygons hold counts three times."""
        return float(self.overlaps["area_m2"].sum())

    @property
    def gap_m2(self) -> float:
        """Sum of all gaps."""
        return float(self.gaps["area_m2"].sum())

    @property
    def sound(self) -> bool:
        """Whether nothing at all was found."""
        tables = (self.overlaps, self.gaps, self.outside)
        return not (self.broken or self.duplicates or any(len(table) for table in tables))


def check_polygons(frame: Any, area: Any = None, *, tolerance_m2: float = SLIVER_M2) -> PolygonReport:
    """Return overlaps, gaps and other faults of a layer.

    Parameters
    ----------
    frame
        POLYGONS columns and ``geometry``, WGS-84 degrees. Not changed.
    area
        Shapely polygon that the layer should fill; ``None`` when it is not known.
    tolerance_m2
        Overlaps, gaps and parts outside that are smaller are not reported.

    Returns
    -------
    PolygonReport

    Notes
    -----
    Edges are taken as straight in longitude and latitude, as web maps draw them; areas are measured in an
    equal-area projection around the layer.
    """
    codes = frame["code"].astype(str).to_numpy(dtype=object)
    given = frame.geometry.to_numpy()
    present = ~(shapely.is_missing(given) | shapely.is_empty(given))
    broken = ~present | ~shapely.is_valid(given)
    shapes = given.copy()
    mendable = broken & present
    shapes[mendable] = _polygonal(shapely.make_valid(shapes[mendable]))
    codes_present, shapes = codes[present], shapes[present]
    merged = shapely.union_all(shapes) if shapes.size else shapely.Polygon()
    if area is None:
        rings = shapely.get_parts(merged)
        holes = [hole for part in rings for hole in shapely.polygons(shapely.get_rings(part)[1:])]
        gaps = np.array(holes, dtype=object)
    else:
        area = _polygonal(shapely.make_valid(np.array([area], dtype=object)))[0]
        gaps = shapely.get_parts(shapely.difference(area, merged))
    return PolygonReport(
        overlaps=_overlaps(codes_present, shapes, tolerance_m2),
        gaps=_pieces({}, gaps, tolerance_m2),
        outside=_outside(codes_present, shapes, area, tolerance_m2),
        broken=tuple(sorted(set(codes[broken]))),
        duplicates=tuple(sorted(code for code, times in Counter(codes).items() if times > 1)),
        tolerance_m2=tolerance_m2,
        area_known=area is not None,
    )


def mend_polygons(frame: Any, file: str = "the layer") -> tuple[Any, tuple[str, ...]]:
    """Return a layer that can be used, or refuse it.

    Polygons that cross themselves are mended only when there is nothing to guess: when the reading by
    crossings (a point is inside when a line outwards crosses the border an odd number of times) and the
    reading by outline (everything that the border encloses, less its holes) give the same area. So a
    figure of eight becomes its two halves and a spike is cut off, but a border that runs over the same
    ground twice is refused.

    Parameters
    ----------
    frame
        POLYGONS columns and ``geometry``, WGS-84 degrees. Not changed.
    file
        Name for messages.

    Returns
    -------
    frame
        A new frame, all geometries valid and not empty.
    mended_codes
        Codes of the polygons that were mended, in the order of the frame.

    Raises
    ------
    EmptyCodesError
        If a polygon has no code.
    DuplicateCodesError
        If a code stands more than once.
    GeometryKindError
        If a shape is not a polygon.
    BrokenPolygonsError
        If a polygon is empty or cannot be mended without guessing.
    """
    codes = frame["code"].fillna("").astype(str).str.strip().to_numpy(dtype=object)
    nameless = np.flatnonzero(codes == "")
    if nameless.size:
        raise EmptyCodesError(file=file, rows=_listed(str(row + 1) for row in nameless))
    repeated = sorted(code for code, times in Counter(codes).items() if times > 1)
    if repeated:
        raise DuplicateCodesError(file=file, codes=_listed(repeated))
    shapes = frame.geometry.to_numpy().copy()
    present = ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    strange = present & ~np.isin(shapely.get_type_id(shapes), _POLYGON_KINDS)
    if strange.any():
        kinds = sorted({shape.geom_type for shape in shapes[strange]})
        raise GeometryKindError(file=file, found=_listed(kinds), expected="polygons")
    crossing = present & ~shapely.is_valid(shapes)
    by_crossings = np.array([_odd_faces(shape) for shape in shapes[crossing]], dtype=object)
    by_outline = shapely.make_valid(shapes[crossing], method="structure", keep_collapsed=False)
    kept, other = shapely.area(by_crossings), shapely.area(by_outline)
    unclear = ~present
    unclear[np.flatnonzero(crossing)[(kept <= 0) | (np.abs(kept - other) > _SAME_AREA * kept)]] = True
    if unclear.any():
        raise BrokenPolygonsError(file=file, codes=_listed(codes[unclear]))
    shapes[crossing] = by_crossings
    mended = frame.copy()
    mended["code"] = pd.Series(codes, index=frame.index, dtype="str")
    mended = mended.set_geometry(type(frame.geometry)(shapes, index=frame.index, crs=frame.crs))
    return mended, tuple(codes[crossing])


def area_m2(geometry: Any) -> NDArray[np.float64]:
    """Return areas of shapes (WGS-84 degrees, one array of neighbours) in square metres on the ground.

    Edges are straight between their points in an equal-area projection centred on the shapes; right to
    1 in 10,000 for shapes within some 500 km.
    """
    shapes = np.atleast_1d(np.asarray(geometry, dtype=object))
    areas = np.zeros(shapes.shape)
    filled = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    if not filled.any():
        return areas
    west, south, east, north = shapely.total_bounds(shapes[filled]).tolist()
    plane = CRS.from_proj4(
        f"+proj=laea +lat_0={(south + north) / 2!r} +lon_0={(west + east) / 2!r} +ellps=WGS84 +units=m"
    )
    to_plane = Transformer.from_crs(CRS.from_epsg(4326), plane, always_xy=True)
    flat = shapely.transform(
        shapes[filled], lambda xy: np.column_stack(to_plane.transform(xy[:, 0], xy[:, 1]))
    )
    areas[filled] = shapely.area(flat)
    return areas


#: Two readings of a broken polygon are the same when their areas differ by less than this share.
_SAME_AREA: Final = 1e-6


def _listed(codes: Any, most: int = 10) -> str:
    texts = [str(code) for code in codes]
    return ", ".join(texts[:most]) + (f" … ({len(texts)})" if len(texts) > most else "")


def _odd_faces(shape: Any) -> Any:
    """Return what a broken polygon holds when a place is inside after an odd number of crossings outwards."""
    lines = shapely.node(shapely.boundary(shape))
    faces = shapely.get_parts(shapely.polygonize([lines]))
    inner = shapely.point_on_surface(faces)
    return shapely.union_all(faces[shapely.contains_xy(shape, shapely.get_x(inner), shapely.get_y(inner))])


def _polygonal(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return only the polygon parts of shapes: mending leaves lines where a polygon had a spike."""
    kept = np.asarray(shapes, dtype=object).copy()
    for place in np.flatnonzero(~np.isin(shapely.get_type_id(kept), _POLYGON_KINDS)):
        parts = shapely.get_parts(shapely.get_parts(kept[place]))
        kept[place] = shapely.union_all(parts[shapely.get_dimensions(parts) == 2])
    return kept


def _pieces(columns: dict[str, Any], shapes: NDArray[np.object_], tolerance_m2: float) -> pd.DataFrame:
    """Return a table of shapes that are large enough: the columns, area and a place inside, largest first."""
    areas = area_m2(shapes) if len(shapes) else np.zeros(0)
    large = np.flatnonzero(areas >= tolerance_m2)
    points = shapely.point_on_surface(shapes[large]) if large.size else np.zeros(0, dtype=object)
    table = pd.DataFrame(
        {
            **{
                name: pd.Series(np.asarray(values, dtype=object)[large], dtype="str")
                for name, values in columns.items()
            },
            "area_m2": areas[large],
            "lon": shapely.get_x(points).astype(np.float64),
            "lat": shapely.get_y(points).astype(np.float64),
        }
    )
    names = [*columns, "lon", "lat"]
    order = table.sort_values(["area_m2", *names], ascending=[False] + [True] * len(names))
    return order.reset_index(drop=True)


def _overlaps(codes: NDArray[np.object_], shapes: NDArray[np.object_], tolerance_m2: float) -> pd.DataFrame:
    tree = shapely.STRtree(shapes)
    one, other = tree.query(shapes, predicate="intersects")
    once = one < other
    one, other = one[once], other[once]
    common = shapely.intersection(shapes[one], shapes[other])
    solid = shapely.area(common) > 0
    one, other, common = one[solid], other[solid], common[solid]
    swapped = codes[one] > codes[other]
    first, second = np.where(swapped, other, one), np.where(swapped, one, other)
    return _pieces({"code_a": codes[first], "code_b": codes[second]}, common, tolerance_m2)


def _outside(
    codes: NDArray[np.object_], shapes: NDArray[np.object_], area: Any, tolerance_m2: float
) -> pd.DataFrame:
    if area is None or not shapes.size:
        return _pieces({"code": codes[:0]}, shapes[:0], tolerance_m2)
    shapely.prepare(area)
    beyond = ~shapely.covers(area, shapes)
    return _pieces({"code": codes[beyond]}, shapely.difference(shapes[beyond], area), tolerance_m2)


class _Raster:
    """Buckets over polygons that are sorted by code.

    Parameters
    ----------
    shapes
        Polygons; their position is their rank, the lowest rank wins.
    """

    def __init__(self, shapes: NDArray[np.object_]) -> None:
        self.shapes = shapes
        shapely.prepare(shapes)
        self.side = int(np.clip(36 * np.sqrt(shapes.size), 64, 512))
        west, south, east, north = shapely.total_bounds(shapes)
        self.bounds = (west, south, east, north)
        self.per_x = self.side / max(east - west, 1e-12)
        self.per_y = self.side / max(north - south, 1e-12)
        self._fill()

    def _column(self, x: NDArray[np.float64]) -> NDArray[np.int32]:
        clipped = np.clip((x - self.bounds[0]) * self.per_x, 0, self.side - 1)
        return np.asarray(clipped, dtype=np.int32)

    def _row(self, y: NDArray[np.float64]) -> NDArray[np.int32]:
        clipped = np.clip((y - self.bounds[1]) * self.per_y, 0, self.side - 1)
        return np.asarray(clipped, dtype=np.int32)

    def _border_buckets(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (rank, bucket) of every bucket that the border of a polygon may touch, ascending.

        Each border segment is cut into pieces of at most half a bucket, so that a piece touches only
        the buckets at the four corners of its frame. The frame is widened by a millionth of a bucket:
        too many buckets cost time, one too few would cost truth.
        """
        parts, polygon_of_part = shapely.get_parts(self.shapes, return_index=True)
        rings, part_of_ring = shapely.get_rings(parts, return_index=True)
        polygon_of_ring = polygon_of_part[part_of_ring]
        points, ring_of_point = shapely.get_coordinates(rings, return_index=True)
        joined = ring_of_point[1:] == ring_of_point[:-1]
        start, step = points[:-1][joined], (points[1:] - points[:-1])[joined]
        rank = polygon_of_ring[ring_of_point[:-1][joined]]
        length = np.maximum(np.abs(step[:, 0]) * self.per_x, np.abs(step[:, 1]) * self.per_y)
        pieces = np.maximum(np.ceil(2.0 * length), 1.0).astype(np.int64)
        segment = np.repeat(np.arange(pieces.size), pieces)
        number = np.arange(segment.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        share = step[segment] / pieces[segment, None]
        one = start[segment] + share * number[:, None]
        other = one + share
        pad = 1e-6 / np.array([self.per_x, self.per_y])
        low, high = np.minimum(one, other) - pad, np.maximum(one, other) + pad
        columns = (self._column(low[:, 0]), self._column(high[:, 0]))
        rows = (self._row(low[:, 1]), self._row(high[:, 1]))
        buckets = self.side * self.side
        touched = [
            rank[segment] * buckets + row.astype(np.int64) * self.side + column
            for row in rows
            for column in columns
        ]
        keys = np.unique(np.concatenate(touched))
        return keys // buckets, keys % buckets

    def _fill(self) -> None:
        """Fill the table of whole buckets, and per border bucket the list of polygons to ask."""
        side = self.side
        ranks, buckets = self._border_buckets()
        first = np.searchsorted(ranks, np.arange(self.shapes.size + 1))
        centre_x = self.bounds[0] + (np.arange(side) + 0.5) / self.per_x
        centre_y = self.bounds[1] + (np.arange(side) + 0.5) / self.per_y
        table = np.full(side * side, _NONE, dtype=np.int32)
        frames = shapely.bounds(self.shapes)
        wider = np.array([-1, 1])  # by one bucket, because border buckets are taken generously
        for rank in range(self.shapes.size - 1, -1, -1):  # the lowest rank is written last
            west, east = np.clip(self._column(frames[rank, [0, 2]]) + wider, 0, side - 1)
            south, north = np.clip(self._row(frames[rank, [1, 3]]) + wider, 0, side - 1)
            grid_x, grid_y = np.meshgrid(centre_x[west : east + 1], centre_y[south : north + 1])
            inside = shapely.contains_xy(self.shapes[rank], grid_x, grid_y)
            row, column = np.divmod(buckets[first[rank] : first[rank + 1]], side)
            inside[row - south, column - west] = False  # crossed by its border: neither in nor out
            table.reshape(side, side)[south : north + 1, west : east + 1][inside] = rank
        needed = ranks < table[buckets]  # a polygon that holds the whole bucket beats all higher ranks
        ranks, buckets = ranks[needed].astype(np.int32), buckets[needed]
        order = np.lexsort((ranks, buckets))
        self.table = table
        self.asked = ranks[order]
        self.asked_start = np.searchsorted(buckets[order], np.arange(side * side + 1)).astype(np.int32)
        self.is_border = np.diff(self.asked_start) > 0

    def look_up(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int32]:
        found = np.empty(x.size, dtype=np.int32)
        border_points, border_buckets = [], []
        west, south, east, north = self.bounds
        for start in range(0, x.size, _CHUNK):
            part_x, part_y = x[start : start + _CHUNK], y[start : start + _CHUNK]
            near = (part_x >= west) & (part_x <= east) & (part_y >= south) & (part_y <= north)
            with np.errstate(invalid="ignore"):
                bucket = self._row(np.where(near, part_y, south)) * np.int32(self.side)
                bucket += self._column(np.where(near, part_x, west))
            found[start : start + _CHUNK] = np.where(near, self.table[bucket], _NONE)
            asked = np.flatnonzero(self.is_border[bucket] & near)
            border_points.append(asked + start)
            border_buckets.append(bucket[asked])
        if border_points:
            self._ask(x, y, np.concatenate(border_points), np.concatenate(border_buckets), found)
        found[found == _NONE] = -1
        return found

    def _ask(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        points: NDArray[np.int64],
        buckets: NDArray[np.int32],
        found: NDArray[np.int32],
    ) -> None:
        """Ask the polygons about places in border buckets and lower ``found`` where one answers yes."""
        start = self.asked_start[buckets]
        count = self.asked_start[buckets + 1] - start
        point = np.repeat(points, count)
        step = np.arange(point.size) - np.repeat(np.cumsum(count) - count, count)
        rank = self.asked[np.repeat(start, count) + step]
        order = np.argsort(rank, kind="stable")
        point, rank = point[order], rank[order]
        present, first = np.unique(rank, return_index=True)
        ends = np.append(first[1:], rank.size)
        for place in range(present.size - 1, -1, -1):  # the lowest rank is written last
            asked = point[first[place] : ends[place]]
            hit = shapely.intersects_xy(self.shapes[present[place]], x[asked], y[asked])
            found[asked[hit]] = present[place]
