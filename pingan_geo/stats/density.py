"""Density surface: how many reports per square kilometre lie around each point, smoothed.

A Gaussian kernel in metres over a raster whose rows are evenly spaced in the projection of web maps, so
that a picture of the values lies right on a map between its bounds. It shows where reports are, not how
likely one is: a busy square with many passers-by is dense. Near the edge of what was reported the surface
is too low, because nothing is known beyond; no edge correction is made here:
:func:`pingan_geo.stats.kernel.kernel_density` makes one, in metres and at single places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from pingan_geo.coords import local_metres
from pingan_geo.errors import BadChoiceError
from pingan_geo.stats.kernel import MOST_RASTER_CELLS, REACH, kernel_density, spread

Floats = NDArray[np.float64]

_EARTH_M: Final = 6_378_137.0  # WGS-84 semi-major axis
_ECCENTRICITY2: Final = 0.00669437999014
#: A raster cell is at most this share of the bandwidth; a coarser step would show the raster.
FINENESS: Final = 4


@dataclass(frozen=True, eq=False)
class DensitySurface:
    """A raster of reports per square kilometre.

    Parameters
    ----------
    values
        Rows from north to south, columns from west to east; of cells, not of corners.
    bounds
        West, south, east, north edge of the raster, WGS-84 degrees; a little more than was asked for,
        because cells are whole. Rows are evenly spaced in web Mercator, not in latitude.
    step_m
        Side of a raster cell in metres on the ground in the middle row.
    bandwidth_m
        Standard deviation of the kernel in metres on the ground in the middle row. Rows a degree to the
        north or south of it differ by about 1 % at 30°.
    n
        Reports that the surface is made of: those in the bounds or near enough to reach into them.
    """

    values: Floats
    bounds: tuple[float, float, float, float]
    step_m: float
    bandwidth_m: float
    n: int

    def cell_areas_km2(self) -> Floats:
        """Return the area on the ground of a raster cell of each row, in square kilometres."""
        return _areas_km2(self.bounds, self.values.shape)

    def at(self, lon: ArrayLike, lat: ArrayLike) -> Floats:
        """Return the density at places (WGS-84 degrees), NaN outside the raster or where none is given."""
        x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        west, south, east, north = self.bounds
        inside = (x >= west) & (x <= east) & (y >= south) & (y <= north)
        rows, columns = self.values.shape
        top, bottom = _mercator(np.array([north, south]))
        row = (top - _mercator(np.where(inside, y, south))) / (top - bottom) * rows - 0.5
        column = (np.where(inside, x, west) - west) / (east - west) * columns - 0.5
        found = map_coordinates(self.values, [np.ravel(row), np.ravel(column)], order=3, mode="nearest")
        # a cubic curve may dip below zero beside a steep slope
        return np.where(inside, np.maximum(found, 0.0).reshape(inside.shape), np.nan)


def density_surface(
    lon: ArrayLike,
    lat: ArrayLike,
    area_bounds: tuple[float, float, float, float],
    bandwidth_m: float,
    step_m: float | None = None,
) -> DensitySurface:
    """Return the density of reports over an area.

    Parameters
    ----------
    lon, lat
        WGS-84 degrees; missing ones are left out. Reports outside the area but within five bandwidths
        are counted in, so that the surface does not fall off at the border of the area.
    area_bounds
        West, south, east, north in WGS-84 degrees; within 85° of the equator.
    bandwidth_m
        Standard deviation of the Gaussian kernel, metres.
    step_m
        Side of a raster cell, metres; taken as a quarter of the bandwidth when it is larger or ``None``.

    Returns
    -------
    DensitySurface
        Its values times its cells' areas add up to ``n`` as far as the reports lie well inside.

    Raises
    ------
    BadChoiceError
        If the bandwidth or step is not above 0, the bounds are not an area, or the raster would have
        more than :data:`MOST_RASTER_CELLS` cells.
    """
    west, south, east, north = (float(edge) for edge in area_bounds)
    if not (-180 <= west < east <= 180 and -85 <= south < north <= 85):
        raise BadChoiceError(name="area_bounds", value=area_bounds, expected="west < east, south < north")
    if not (np.isfinite(bandwidth_m) and bandwidth_m > 0) or (step_m is not None and not step_m > 0):
        raise BadChoiceError(name="bandwidth_m, step_m", value=(bandwidth_m, step_m), expected="above 0")
    step = min(step_m or np.inf, bandwidth_m / FINENESS)
    middle = (south + north) / 2
    degrees = np.degrees(step / _metres_per_radian(middle))
    sigma = bandwidth_m / step
    pad = int(np.ceil(REACH * sigma)) + 2
    columns = max(int(np.ceil((east - west) / degrees - 1e-9)), 1)
    south_y, north_y = np.degrees(_mercator(np.array([south, north])))
    rows = max(int(np.ceil((north_y - south_y) / degrees - 1e-9)), 1)
    if (columns + 2 * pad) * (rows + 2 * pad) > MOST_RASTER_CELLS:
        raise BadChoiceError(name="bandwidth_m", value=bandwidth_m, expected="larger, or a smaller area")
    west -= (columns * degrees - (east - west)) / 2
    north_y += (rows * degrees - (north_y - south_y)) / 2
    shape = (rows + 2 * pad, columns + 2 * pad)
    raster, n = _spread(lon, lat, (west - pad * degrees, north_y + pad * degrees), degrees, shape)
    # spreading each report over nine cells is itself a smoothing, of variance a quarter
    smooth = gaussian_filter(raster, np.sqrt(sigma**2 - 0.25), mode="constant", truncate=REACH)
    edges = np.radians([north_y - rows * degrees, north_y])
    low, high = np.degrees(np.arctan(np.sinh(edges)))
    bounds = (float(west), float(low), float(west + columns * degrees), float(high))
    values = smooth[pad:-pad, pad:-pad] / _areas_km2(bounds, (rows, columns))[:, None]
    return DensitySurface(np.maximum(values, 0.0), bounds, float(step), float(bandwidth_m), n)


def density_at(
    lon: ArrayLike, lat: ArrayLike, at_lon: ArrayLike, at_lat: ArrayLike, bandwidth_m: float
) -> Floats:
    """Return the density of reports at places, e.g. the centres of cells.

    Parameters
    ----------
    lon, lat
        Reports, WGS-84 degrees; missing ones are left out.
    at_lon, at_lat
        Places, WGS-84 degrees.
    bandwidth_m
        Standard deviation of the Gaussian kernel, metres.

    Returns
    -------
    numpy.ndarray
        Reports per square kilometre, one per place; NaN where a place is missing. As
        :func:`pingan_geo.stats.kernel.kernel_density` gives it, in metres around the middle of the places.

    Raises
    ------
    BadChoiceError
        If the bandwidth is not above 0.
    """
    x, y = np.asarray(at_lon, dtype=np.float64), np.asarray(at_lat, dtype=np.float64)
    usable = np.isfinite(x) & np.isfinite(y)
    if not usable.any():
        return np.full(x.shape, np.nan)
    plane = local_metres(float(np.median(x[usable])), float(np.median(y[usable])))
    reports = plane.forward(np.ravel(lon), np.ravel(lat))
    return kernel_density(*reports, *plane.forward(np.ravel(x), np.ravel(y)), bandwidth_m).reshape(x.shape)


def _mercator(lat: ArrayLike) -> Floats:
    """Return the web Mercator ordinate in radians."""
    ordinate: Floats = np.arcsinh(np.tan(np.radians(lat)))
    return ordinate


def _metres_per_radian(lat: float) -> float:
    """Return metres on the ground per radian of web Mercator, east and north alike.

    Web Mercator treats the ellipsoid as a sphere, so a step north is up to 0.7 % longer or shorter than a
    step east; the geometric mean of the two keeps areas, and so densities, right.
    """
    phi = np.radians(lat)
    bulge = 1.0 - _ECCENTRICITY2 * np.sin(phi) ** 2
    east = _EARTH_M * np.cos(phi) / np.sqrt(bulge)
    north = _EARTH_M * (1.0 - _ECCENTRICITY2) / bulge**1.5 * np.cos(phi)
    return float(np.sqrt(east * north))


def _areas_km2(bounds: tuple[float, float, float, float], shape: tuple[int, ...]) -> Floats:
    """Return the area of a raster cell of each row, north first: exact on the ellipsoid."""
    west, south, east, north = bounds
    top, bottom = _mercator(np.array([north, south]))
    edges = np.arctan(np.sinh(np.linspace(top, bottom, shape[0] + 1)))
    sine, eccentricity = np.sin(edges), np.sqrt(_ECCENTRICITY2)
    zone = sine / (1.0 - _ECCENTRICITY2 * sine**2) + np.arctanh(eccentricity * sine) / eccentricity
    polar2 = _EARTH_M**2 * (1.0 - _ECCENTRICITY2)
    areas: Floats = -np.diff(zone) * polar2 / 2.0 * np.radians(east - west) / shape[1] / 1e6
    return areas


def _spread(
    lon: ArrayLike, lat: ArrayLike, corner: tuple[float, float], degrees: float, shape: tuple[int, int]
) -> tuple[Floats, int]:
    """Return a raster of reports, each spread over nine cells, and how many lie in it."""
    x, y = np.ravel(np.asarray(lon, dtype=np.float64)), np.ravel(np.asarray(lat, dtype=np.float64))
    with np.errstate(invalid="ignore"):
        near = np.flatnonzero(
            (np.abs(y) < 86.0) & (x > corner[0] + degrees) & (x < corner[0] + (shape[1] - 1) * degrees)
        )
    return spread(
        (x[near] - corner[0]) / degrees, (corner[1] - np.degrees(_mercator(y[near]))) / degrees, shape
    )
