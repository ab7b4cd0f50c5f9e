"""Hexagonal cells: the only door to H3.

Cells are ``uint64`` arrays; ``0`` is "no cell". Reports keep the cell of the town's finest resolution,
coarser cells are its parents by bit arithmetic, so that counts at all resolutions come from one placing.
Coordinates are WGS-84 degrees, longitude first.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Any, Final

import h3ronpy
import numpy as np
import pyarrow as pa
import shapely
from h3ronpy import ContainmentMode
from h3ronpy import vector as h3_vector
from numpy.typing import ArrayLike, NDArray

from pingan_geo.errors import BadChoiceError

Cells = NDArray[np.uint64]
Degrees = NDArray[np.float64]

NO_CELL: Final = np.uint64(0)
COARSEST, FINEST = 0, 15

_PENTAGONS: Final = (4, 14, 24, 38, 49, 58, 63, 72, 83, 97, 107, 117)  # base cells that are pentagons
_FACE_UNIT: Final = 0.38196601125010500003  # of a resolution-0 lattice step on a face at distance 1
_ODD_TURN: Final = 0.333473172251832115336090755351601070065900389  # odd resolutions are turned by this
_WORTH_SORTING: Final = 20_000  # places
_MOST_HEXAGONS: Final = 16_000_000
_MOST_FACES: Final = 4
_WIDEST_DEG: Final = 20.0
_TOO_NEAR: Final = 1e-12
_CHUNK: Final = 1 << 15

_RESOLUTION_SHIFT: Final = 52  # bits 52-55 of an index hold its resolution, three bits a digit below


def cells_of(lon: ArrayLike, lat: ArrayLike, resolution: int) -> Cells:
    """Return the cell that holds each place.

    Parameters
    ----------
    lon, lat
        WGS-84 degrees; longitude from -180 to 180, latitude from -90 to 90.
    resolution
        0 to 15.

    Returns
    -------
    numpy.ndarray
        ``uint64``; 0 where a coordinate is missing, infinite or not on the earth. Swapped coordinates
        that are both in range are not noticed here.

    Raises
    ------
    BadChoiceError
        If there is no such resolution.
    """
    _check_resolution(resolution)
    x, y = np.broadcast_arrays(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
    shape, x, y = x.shape, np.ravel(x), np.ravel(y)
    usable = (np.abs(x) <= 180.0) & (np.abs(y) <= 90.0)  # comparisons with nan are false
    if usable.all():
        return _place(x, y, resolution).reshape(shape)
    cells = np.zeros(x.size, dtype=np.uint64)
    cells[usable] = _place(x[usable], y[usable], resolution)
    return cells.reshape(shape)


def _place(lon: Degrees, lat: Degrees, resolution: int) -> Cells:
    if lon.size >= _WORTH_SORTING:
        sorted_out = _Lattice(lon, lat, resolution).cells()
        if sorted_out is not None:
            return sorted_out
    return _ask(lon, lat, resolution)


def _ask(lon: Degrees, lat: Degrees, resolution: int) -> Cells:
    if lon.size == 0:
        return np.zeros(0, dtype=np.uint64)
    lon, lat = np.ascontiguousarray(lon), np.ascontiguousarray(lat)
    return _own(h3_vector.coordinates_to_cells(lat, lon, resolution))


class _Lattice:
    """Many places in few cells: asks H3 about one place of each cell only.

    On one face of the icosahedron the cells of a resolution are a plain lattice of hexagons under the
    gnomonic projection (seen from the earth's centre). So places can be sorted into lattice hexagons by a
    few multiplications; which cell a hexagon is, one place of it tells. Places within a millionth of a
    hexagon's border, and places as near to two faces, are asked one by one: the result is that of asking
    about every place.
    """

    def __init__(self, lon: Degrees, lat: Degrees, resolution: int) -> None:
        self.lon, self.lat, self.resolution = lon, lat, resolution

    def cells(self) -> Cells | None:
        """Return the cell of each place, or ``None`` when sorting would not pay: too few places a cell."""
        faces, frames = _icosahedron()
        candidates = self._faces(faces)
        if candidates.size > _MOST_FACES:
            return None
        column, row = np.empty(self.lon.size, dtype=np.int32), np.empty(self.lon.size, dtype=np.int32)
        face = np.full(self.lon.size, -1, dtype=np.int8)
        for start in range(0, self.lon.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            vectors = _unit_vectors(self.lon[part], self.lat[part])
            heights = faces[candidates] @ vectors
            for number, candidate in enumerate(candidates):
                others = np.delete(heights, number, axis=0)
                mine = (
                    np.ones(vectors.shape[1], dtype=bool)
                    if not len(others)
                    else (heights[number] > others.max(axis=0) + _TOO_NEAR)
                )
                if not mine.any():
                    continue
                u, v = frames[candidate] @ vectors / heights[number]
                first, second, clear = self._hexagons(u, v)
                chosen = mine & clear
                column[part][chosen], row[part][chosen] = first[chosen], second[chosen]
                face[part][chosen] = number
        return self._name(column, row, face, candidates.size)

    def _faces(self, faces: Degrees) -> NDArray[np.int64]:
        """Return the faces that a place may lie on: no other is nearer to any place."""
        frame = (self.lon.min(), self.lon.max(), self.lat.min(), self.lat.max())
        corner_lon = np.array([frame[0], frame[0], frame[1], frame[1], (frame[0] + frame[1]) / 2])
        corner_lat = np.array([frame[2], frame[3], frame[2], frame[3], (frame[2] + frame[3]) / 2])
        corners = _unit_vectors(corner_lon, corner_lat)
        if frame[1] - frame[0] > _WIDEST_DEG or frame[3] - frame[2] > _WIDEST_DEG:
            return np.arange(len(faces))
        # no place in so small a frame is farther from its middle than twice the farthest corner
        reach = 2.0 * np.arccos(np.clip(corners[:, :4].T @ corners[:, 4], -1.0, 1.0)).max()
        distance = np.arccos(np.clip(faces @ corners[:, 4], -1.0, 1.0))
        return np.flatnonzero(distance - reach <= distance.min() + reach)

    def _hexagons(
        self, u: Degrees, v: Degrees
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
        """Return the lattice place of each point of a face, and whether it is clearly inside its hexagon."""
        turn = _ODD_TURN if self.resolution % 2 else 0.0
        scale = np.sqrt(7.0) ** self.resolution / _FACE_UNIT
        x = (u * np.cos(turn) + v * np.sin(turn)) * scale
        y = (v * np.cos(turn) - u * np.sin(turn)) * scale
        b = y * (2.0 / np.sqrt(3.0))
        a = x - b / 2.0
        c = -a - b
        near_a, near_b, near_c = np.rint(a), np.rint(b), np.rint(c)
        off_a, off_b, off_c = np.abs(near_a - a), np.abs(near_b - b), np.abs(near_c - c)
        worst_a = (off_a > off_b) & (off_a > off_c)
        worst_b = ~worst_a & (off_b > off_c)
        near_a = np.where(worst_a, -near_b - near_c, near_a)
        near_b = np.where(worst_b, -near_a - near_c, near_b)
        rest_a, rest_b = a - near_a, b - near_b
        towards = np.maximum(np.abs(rest_a + rest_b / 2.0), np.abs(rest_b + rest_a / 2.0))
        clear = np.maximum(towards, np.abs(rest_b - rest_a) / 2.0) < 0.5 - 1e-6
        return near_a.astype(np.int32), near_b.astype(np.int32), clear

    def _name(
        self, column: NDArray[np.int32], row: NDArray[np.int32], face: NDArray[np.int8], faces: int
    ) -> Cells | None:
        key = np.full(self.lon.size, -1, dtype=np.int64)
        size = 0
        for number in range(faces):  # each face counts its hexagons from a corner of its own
            mine = np.flatnonzero(face == number) if faces > 1 else np.flatnonzero(face >= 0)
            if mine.size == 0:
                continue
            across, up = column[mine].astype(np.int64), row[mine].astype(np.int64)
            across -= across.min()
            up -= up.min()
            width = int(across.max()) + 1
            key[mine] = size + up * width + across
            size += width * (int(up.max()) + 1)
        clear = np.flatnonzero(key >= 0)
        if size == 0 or size > min(8 * self.lon.size, _MOST_HEXAGONS):
            return None
        asked = np.full(size, -1, dtype=np.int32)
        asked[key[clear]] = clear  # any place of a hexagon will do
        asked = asked[asked >= 0]
        names = np.zeros(size, dtype=np.uint64)
        names[key[asked]] = _ask(self.lon[asked], self.lat[asked], self.resolution)
        if clear.size == self.lon.size:
            return np.asarray(names[key])
        cells = np.zeros(self.lon.size, dtype=np.uint64)
        cells[clear] = names[key[clear]]
        unclear = np.flatnonzero(face < 0)
        cells[unclear] = _ask(self.lon[unclear], self.lat[unclear], self.resolution)
        return cells


def _unit_vectors(lon: Degrees, lat: Degrees) -> Degrees:
    """Return vectors from the earth's centre, 3 x n."""
    turn, rise = np.radians(lon), np.radians(lat)
    flat = np.cos(rise)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), np.sin(rise)])


@cache
def _icosahedron() -> tuple[Degrees, Degrees]:
    """Return the middles of the 20 faces (20 x 3) and two axes on each (20 x 2 x 3), as unit vectors.

    The corners of H3's icosahedron are the centres of its twelve pentagons; a lattice axis points from
    the middle of a face to a corner.
    """
    pentagons = np.array([(0x8001FFFFFFFFFFF | (base << 45)) for base in _PENTAGONS], dtype=np.uint64)
    corners = _unit_vectors(*centres(pentagons)).T
    beside = np.abs(corners @ corners.T - 1.0 / np.sqrt(5.0)) < 1e-6
    middles, axes = [], []
    for one, two, three in combinations(range(len(corners)), 3):
        if beside[one, two] and beside[two, three] and beside[one, three]:
            middle = corners[[one, two, three]].sum(axis=0)
            middle /= np.linalg.norm(middle)
            along = corners[one] - (corners[one] @ middle) * middle
            along /= np.linalg.norm(along)
            middles.append(middle)
            axes.append([along, np.cross(middle, along)])
    return np.array(middles), np.array(axes)


def parents(cells: ArrayLike, resolution: int) -> Cells:
    """Return the cell of a coarser resolution that each cell belongs to.

    Parameters
    ----------
    cells
        ``uint64``, all of ``resolution`` or finer; 0 stays 0.
    resolution
        0 to 15.

    Returns
    -------
    numpy.ndarray
        ``uint64``. A parent is defined by the index, not by area: its children fill it only roughly, so
        for about 6 of 100 places the parent of the cell two steps finer is not the cell that
        :func:`cells_of` gives at the coarser resolution but the one next to it. Counts at all resolutions
        go by parents, so that they always add up.

    Raises
    ------
    BadChoiceError
        If a cell is coarser than the resolution asked for, or there is no such resolution.
    """
    _check_resolution(resolution)
    fine = np.asarray(cells, dtype=np.uint64)
    if fine.size == 0:
        return fine.copy()
    kept = (fine >> np.uint64(_RESOLUTION_SHIFT)) & np.uint64(15)
    if bool(((kept < resolution) & (fine != NO_CELL)).any()):
        raise BadChoiceError(
            name="resolution", value=resolution, expected="no finer than the cells, which cannot be divided"
        )
    erased = np.uint64((1 << (3 * (FINEST - resolution))) - 1)  # unused digits are all ones
    cleared = fine & ~np.uint64(15 << _RESOLUTION_SHIFT)
    coarse = cleared | np.uint64(resolution << _RESOLUTION_SHIFT) | erased
    return np.where(fine == NO_CELL, NO_CELL, coarse)


def resolutions(cells: ArrayLike) -> NDArray[np.int64]:
    """Return the resolution of each cell; -1 for "no cell"."""
    fine = np.asarray(cells, dtype=np.uint64)
    kept = ((fine >> np.uint64(_RESOLUTION_SHIFT)) & np.uint64(15)).astype(np.int64)
    return np.where(fine == NO_CELL, -1, kept)


def centres(cells: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return longitude and latitude (WGS-84 degrees) of the cells' centres; NaN for "no cell"."""
    wanted = np.asarray(cells, dtype=np.uint64)
    lon, lat = np.full(wanted.shape, np.nan), np.full(wanted.shape, np.nan)
    real = wanted != NO_CELL
    if real.any():
        batch = h3_vector.cells_to_coordinates(wanted[real])
        lon[real], lat[real] = np.asarray(batch["lng"]), np.asarray(batch["lat"])
    return lon, lat


def outlines(cells: ArrayLike) -> NDArray[np.object_]:
    """Return the hexagons (at twelve places on the earth pentagons) of cells.

    Parameters
    ----------
    cells
        ``uint64``, one-dimensional.

    Returns
    -------
    numpy.ndarray
        Of shapely polygons, WGS-84 degrees, ``None`` for "no cell". A cell that crosses the 180th
        meridian is drawn on its eastern side: its western longitudes are given beyond 180, so that the
        polygon stays one small piece.
    """
    wanted = np.asarray(cells, dtype=np.uint64)
    shapes = np.full(wanted.shape, None, dtype=object)
    real = wanted != NO_CELL
    if not real.any():
        return shapes
    drawn = shapely.from_wkb(
        np.asarray(h3_vector.cells_to_wkb_polygons(wanted[real]).to_numpy(), dtype=object)
    )
    west, _, east, _ = shapely.bounds(drawn).T
    wide = east - west > 180.0
    if wide.any():
        drawn[wide] = shapely.transform(
            drawn[wide],
            lambda xy: np.column_stack([np.where(xy[:, 0] < 0, xy[:, 0] + 360.0, xy[:, 0]), xy[:, 1]]),
        )
    shapes[real] = drawn
    return shapes


def cells_covering(geometry: Any, resolution: int) -> Cells:
    """Return every cell that touches a shape, however little.

    Parameters
    ----------
    geometry
        A shapely geometry, WGS-84 degrees, not crossing the 180th meridian. Small estates hold no
        cell's centre, so centres are never asked.
    resolution
        0 to 15.

    Returns
    -------
    numpy.ndarray
        ``uint64``, ascending, each once; empty for an empty shape.

    Raises
    ------
    BadChoiceError
        If there is no such resolution.
    """
    _check_resolution(resolution)
    if geometry is None or shapely.is_empty(geometry):
        return np.zeros(0, dtype=np.uint64)
    return np.unique(np.concatenate([_touching(part, resolution) for part in shapely.get_parts(geometry)]))


def _touching(part: Any, resolution: int) -> Cells:
    found = _own(h3_vector.geometry_to_cells(part, resolution, ContainmentMode.Covers))
    if shapely.get_dimensions(part) != 1:
        return found
    # along a line h3ronpy takes one way from cell to cell and may cut a corner that the line touches
    around = np.unique(np.asarray(h3ronpy.grid_disk(found, 1, flatten=True).to_numpy(), dtype=np.uint64))
    touched: Cells = around[shapely.intersects(outlines(around), part)]
    return touched


def shares_inside(
    geometry: Any, resolution: int, finest: int | None = None
) -> tuple[Cells, NDArray[np.float64]]:
    """Return how much of each cell lies in a shape, for all cells of which some does.

    Parameters
    ----------
    geometry
        A shapely polygon or several, WGS-84 degrees, not crossing the 180th meridian.
    resolution
        Of the cells.
    finest
        Resolution at which places are stored before they are rolled up: the share is then that of the places
        that count for a cell, whose outline is not quite the hexagon. ``None``: the hexagon itself.

    Returns
    -------
    cells
        ``uint64``, ascending, each once.
    share
        Of their area, above 0, at most 1: exactly 1 for a cell that lies inside as a whole.

    Raises
    ------
    BadChoiceError
        If there is no such resolution, or ``finest`` is coarser.
    """
    finest = resolution if finest is None else finest
    _check_resolution(resolution)
    if finest < resolution:
        raise BadChoiceError(name="finest", value=finest, expected=f"{resolution} or more")
    small = cells_covering(geometry, finest)
    if not small.size:
        return small, np.zeros(0)
    shapes = outlines(small)
    shapely.prepare(geometry)
    inside = np.asarray(shapely.covers(geometry, shapes), dtype=np.float64)
    border = inside == 0.0
    inside[border] = shapely.area(shapely.intersection(shapes[border], geometry)) / shapely.area(
        shapes[border]
    )
    cells, place = np.unique(parents(small, resolution), return_inverse=True)
    share = np.minimum(np.bincount(place, inside) / 7.0 ** (finest - resolution), 1.0)
    return cells[share > 0], share[share > 0]


def areas_m2(cells: ArrayLike) -> NDArray[np.float64]:
    """Return the area of each cell in square metres on the sphere that H3 uses; NaN for "no cell"."""
    wanted = np.asarray(cells, dtype=np.uint64)
    areas = np.full(wanted.shape, np.nan)
    real = wanted != NO_CELL
    if real.any():
        areas[real] = np.asarray(h3ronpy.cells_area_m2(wanted[real]))
    return areas


def to_text(cells: ArrayLike) -> NDArray[np.object_]:
    """Return cells as the hexadecimal text that every H3 tool reads; ``""`` for "no cell"."""
    wanted = np.asarray(cells, dtype=np.uint64)
    texts = np.full(wanted.shape, "", dtype=object)
    real = wanted != NO_CELL
    if real.any():
        texts[real] = h3ronpy.cells_to_string(wanted[real]).to_pylist()
    return texts


def from_text(texts: Any) -> Cells:
    """Return the cells of hexadecimal texts.

    Parameters
    ----------
    texts
        Any sequence of texts, e.g. a column of a table.

    Returns
    -------
    numpy.ndarray
        ``uint64``; 0 where the text is not a cell (also ``""``).
    """
    given = np.asarray(texts, dtype=object)
    # h3ronpy also reads "lon,lat,resolution", which is no cell here
    hexadecimal = [text if isinstance(text, str) and "," not in text else "" for text in given.ravel()]
    if not hexadecimal:
        return np.zeros(given.shape, dtype=np.uint64)
    parsed = pa.array(h3ronpy.cells_parse(hexadecimal, set_failing_to_invalid=True))
    return np.array(parsed.fill_null(0), dtype=np.uint64).reshape(given.shape)


def disk(cell: int | np.uint64, k: int) -> Cells:
    """Return the cells at most ``k`` steps from a cell, itself included, ascending.

    Raises
    ------
    BadChoiceError
        If the cell is "no cell", or ``k`` is negative.
    """
    if int(cell) == 0:
        raise BadChoiceError(name="cell", value=0, expected="a cell")
    if k < 0:
        raise BadChoiceError(name="k", value=k, expected="0 or more")
    found = h3ronpy.grid_disk(np.array([cell], dtype=np.uint64), k, flatten=True)
    return np.unique(_own(found))


def neighbour_pairs(cells: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which cells of a set share an edge.

    Parameters
    ----------
    cells
        ``uint64``, all different, one resolution.

    Returns
    -------
    first, second
        Positions in ``cells``; each pair stands once, ``first < second``, ascending.
    """
    wanted = np.asarray(cells, dtype=np.uint64)
    if wanted.size == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    order = np.argsort(wanted)
    ascending = wanted[order]
    around = pa.array(h3ronpy.grid_disk(ascending, 1))
    origin = np.repeat(np.arange(wanted.size), np.diff(np.asarray(around.offsets)))
    beside = np.asarray(around.values)
    place = np.minimum(np.searchsorted(ascending, beside), wanted.size - 1)
    present = (ascending[place] == beside) & (place != origin)
    one, other = order[origin[present]], order[place[present]]
    once = one < other
    one, other = one[once], other[once]
    rank = np.lexsort((other, one))
    return one[rank], other[rank]


def _own(array: Any) -> Cells:
    """Copy an Arrow array of cells into memory that numpy may write to."""
    return np.array(array.to_numpy(), dtype=np.uint64)


def _check_resolution(resolution: int) -> None:
    if isinstance(resolution, bool) or resolution not in range(COARSEST, FINEST + 1):
        raise BadChoiceError(name="resolution", value=resolution, expected=f"{COARSEST}-{FINEST}")
