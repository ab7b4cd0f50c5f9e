"""Hexagonal cells: the only door to H3.

Cells are ``uint64`` arrays; ``0`` is "no cell". Reports keep the cell of the town's finest resolution,
coarser cells are its parents by bit arithmetic, so that counts at all resolutions come from one placing.
Coordinates are WGS-84 degrees, longitude first.
"""

from __future__ import annotations

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

NO_CELL: Final = np.uint64(0)
COARSEST, FINEST = 0, 15

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


def _place(lon: NDArray[np.float64], lat: NDArray[np.float64], resolution: int) -> Cells:
    if lon.size == 0:
        return np.zeros(0, dtype=np.uint64)
    return _own(
        h3_vector.coordinates_to_cells(np.ascontiguousarray(lat), np.ascontiguousarray(lon), resolution)
    )


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
        ``uint64``. A parent is defined by the index, not by area: a child's outline can reach a little
        beyond its parent's.

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
    found = [
        _own(h3_vector.geometry_to_cells(part, resolution, ContainmentMode.Covers))
        for part in shapely.get_parts(geometry)
    ]
    return np.unique(np.concatenate(found))


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
