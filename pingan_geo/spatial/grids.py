"""Polygons of responsibility: which one holds a place, and whether a layer of them is sound.

Geometries are shapely polygons in WGS-84 degrees. The rule for borders and overlaps, everywhere in the
package: a place belongs to every polygon that it touches, the border included, and of these the one with
the smallest code (compared as text) is taken. So a place is in exactly one polygon or in none, whatever
the order of the polygons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import GeometryKindError, UnalignedIndexError

NO_POLYGON: Final = ""

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
        rings, polygon_of_ring = shapely.get_rings(self.shapes, return_index=True)
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
        for rank in range(self.shapes.size - 1, -1, -1):  # the lowest rank is written last
            west, east = self._column(frames[rank, [0, 2]])
            south, north = self._row(frames[rank, [1, 3]])
            grid_x, grid_y = np.meshgrid(centre_x[west : east + 1], centre_y[south : north + 1])
            inside = np.zeros((side, side), dtype=bool)
            inside[south : north + 1, west : east + 1] = shapely.contains_xy(
                self.shapes[rank], grid_x, grid_y
            )
            inside.reshape(-1)[buckets[first[rank] : first[rank + 1]]] = False
            table[inside.reshape(-1)] = rank
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
