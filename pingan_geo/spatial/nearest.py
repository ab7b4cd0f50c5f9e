"""The nearest named place (a post, a station, a crossing), and the nearest piece of a border."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from pingan_geo.coords import local_metres
from pingan_geo.errors import UnalignedIndexError


def nearest_named(
    lon: ArrayLike, lat: ArrayLike, places_lon: ArrayLike, places_lat: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the nearest place of each point, as the crow flies.

    Parameters
    ----------
    lon, lat
        Points, WGS-84 degrees.
    places_lon, places_lat
        Places, WGS-84 degrees; those without coordinates are never the nearest.

    Returns
    -------
    index
        Position in the places, -1 for a point without coordinates, on the other side of the earth, or when
        there are no places. Of places on one spot, the first.
    distance_m
        Metres, NaN where the index is -1. True to 1 in 10,000 within 90 km of the places' middle.

    Raises
    ------
    UnalignedIndexError
        If there are not as many longitudes as latitudes.
    """
    x, y = np.ravel(np.asarray(lon, dtype=np.float64)), np.ravel(np.asarray(lat, dtype=np.float64))
    there_x = np.ravel(np.asarray(places_lon, dtype=np.float64))
    there_y = np.ravel(np.asarray(places_lat, dtype=np.float64))
    if x.size != y.size or there_x.size != there_y.size:
        raise UnalignedIndexError(left="longitudes", right="latitudes")
    index, distance_m = np.full(x.size, -1, dtype=np.int64), np.full(x.size, np.nan)
    known = np.flatnonzero(np.isfinite(there_x) & np.isfinite(there_y))
    asked = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if known.size == 0:
        return index, distance_m
    plane = local_metres(float(np.median(there_x[known])), float(np.median(there_y[known])))
    places = np.column_stack(plane.forward(there_x[known], there_y[known]))
    points = np.column_stack(plane.forward(x[asked], y[asked]))
    on_plane = np.isfinite(places).all(axis=1)
    known, places = known[on_plane], places[on_plane]
    reachable = np.isfinite(points).all(axis=1)
    asked, points = asked[reachable], points[reachable]
    if known.size == 0:
        return index, distance_m
    # places on one spot: the first of them stands for all
    places, first = np.unique(places, axis=0, return_index=True)
    metres, place = cKDTree(places).query(points)
    index[asked], distance_m[asked] = known[first[place]], metres
    return index, distance_m


_EARTH_M = 6_371_008.8


def border_distance_m(shape: Any, lon: ArrayLike, lat: ArrayLike) -> NDArray[np.float64]:
    """Return how far points lie from the border of a shape, as the crow flies.

    Parameters
    ----------
    shape
        Polygons, WGS-84 degrees.
    lon, lat
        Points, WGS-84 degrees; inside or outside.

    Returns
    -------
    NDArray
        Metres, true to 1 in 100; NaN for a point without coordinates. From the other side of the earth, it is
        the way to the middle of the shape.

    Raises
    ------
    UnalignedIndexError
        If there are not as many longitudes as latitudes.
    """
    x, y = np.ravel(np.asarray(lon, dtype=np.float64)), np.ravel(np.asarray(lat, dtype=np.float64))
    if x.size != y.size:
        raise UnalignedIndexError(left="longitudes", right="latitudes")
    middle = shapely.centroid(shape)
    plane = local_metres(middle.x, middle.y)
    corners, part = shapely.get_coordinates(shapely.get_parts(shapely.boundary(shape)), return_index=True)
    flat = np.column_stack(plane.forward(corners[:, 0], corners[:, 1]))
    same_ring = part[1:] == part[:-1]
    pieces = shapely.linestrings(np.stack([flat[:-1][same_ring], flat[1:][same_ring]], axis=1))
    points = np.column_stack(plane.forward(x, y))
    near = np.flatnonzero(np.isfinite(points).all(axis=1))
    to_x, to_y = np.full(x.size, middle.x), np.full(x.size, middle.y)
    if near.size and len(pieces):
        spots = shapely.points(points[near])
        _, nearest = shapely.STRtree(pieces).query_nearest(spots, all_matches=False)
        ways = shapely.get_coordinates(shapely.shortest_line(pieces[nearest], spots))[::2]
        to_x[near], to_y[near] = plane.inverse(ways[:, 0], ways[:, 1])
    return _arc_m(x, y, to_x, to_y)


def _arc_m(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    to_lon: NDArray[np.float64],
    to_lat: NDArray[np.float64],
) -> NDArray[np.float64]:
    one, other = np.radians(lat), np.radians(to_lat)
    half_chord2 = (
        np.sin((one - other) / 2) ** 2
        + np.cos(one) * np.cos(other) * np.sin(np.radians(lon - to_lon) / 2) ** 2
    )
    return np.asarray(2 * _EARTH_M * np.arcsin(np.sqrt(np.clip(half_chord2, 0.0, 1.0))), dtype=np.float64)
