from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from pingan_geo.coords import local_metres
from pingan_geo.errors import BadChoiceError
from pingan_geo.stats.density import density_at, density_surface

TOWN = (120.5, 30.7, 120.7, 30.9)


def centres_of(surface):
    """Return longitudes of the columns and latitudes of the rows, from the stated bounds alone."""
    west, south, east, north = surface.bounds
    rows, columns = surface.values.shape
    ordinates = np.arctanh(np.sin(np.radians([north, south])))
    middles = ordinates[0] + (np.arange(rows) + 0.5) / rows * (ordinates[1] - ordinates[0])
    return west + (np.arange(columns) + 0.5) / columns * (east - west), np.degrees(
        np.arcsin(np.tanh(middles))
    )


def direct_sum(lon, lat, at_lon, at_lat, bandwidth_m):
    plane = local_metres(120.6, 30.8)
    x, y = plane.forward(lon, lat)
    at_x, at_y = (np.ravel(part)[:, None] for part in plane.forward(at_lon, at_lat))
    squared = (x - at_x) ** 2 + (y - at_y) ** 2
    return np.exp(-squared / 2 / bandwidth_m**2).sum(axis=1) / (2 * np.pi * bandwidth_m**2) * 1e6


# -- refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bandwidth_m", [0, -5, np.nan, np.inf])
def test_a_bandwidth_that_is_no_length_is_refused(bandwidth_m):
    with pytest.raises(BadChoiceError):
        density_surface([120.6], [30.8], TOWN, bandwidth_m)


@pytest.mark.parametrize(
    "bounds", [(1, 1, 1, 2), (2, 1, 1, 2), (1, 1, 2, 90), (np.nan, 1, 2, 2), (-190, 1, 2, 2)]
)
def test_bounds_that_are_no_area_are_refused(bounds):
    with pytest.raises(BadChoiceError, match="area_bounds"):
        density_surface([120.6], [30.8], bounds, 300)


def test_a_raster_too_large_for_memory_is_refused():
    with pytest.raises(BadChoiceError, match="larger, or a smaller area"):
        density_surface([120.6], [30.8], (70, 10, 130, 50), 100)
    with pytest.raises(BadChoiceError):
        density_surface([120.6], [30.8], TOWN, 300, step_m=0)


# -- nothing to draw --------------------------------------------------------------------------------


def test_no_reports_give_zeros():
    for lon in ([], [np.nan], [np.inf], [10.0]):
        surface = density_surface(lon, [30.8] * len(lon), TOWN, 300)
        assert surface.n == 0
        assert (surface.values == 0).all()
    assert np.isnan(density_at([120.6], [30.8], [np.nan], [30.8], 300)).all()
    assert density_at([], [], [120.6], [30.8], 300).tolist() == [0.0]


# -- right numbers ----------------------------------------------------------------------------------


def test_the_surface_is_the_direct_sum():
    rng = np.random.default_rng(4)
    lon, lat = rng.normal(120.6, 0.02, 300), rng.normal(30.8, 0.02, 300)
    for bandwidth_m, step_m in ((300.0, None), (300.0, 50.0), (800.0, 1e6)):
        surface = density_surface(lon, lat, TOWN, bandwidth_m, step_m)
        assert surface.step_m <= bandwidth_m / 4
        columns, rows = centres_of(surface)
        at_lon, at_lat = np.meshgrid(columns[::17], rows[::17])
        expected = direct_sum(lon, lat, at_lon, at_lat, bandwidth_m)
        found = surface.values[::17, ::17].ravel()
        assert np.abs(found - expected).max() < 0.005 * surface.values.max()
        peak = np.unravel_index(surface.values.argmax(), surface.values.shape)
        at_peak = direct_sum(lon, lat, columns[peak[1]], rows[peak[0]], bandwidth_m)
        assert surface.values[peak] == pytest.approx(at_peak[0], rel=0.005)


def test_a_single_report_gives_the_kernels_height_wherever_in_its_raster_cell_it_lies():
    rng = np.random.default_rng(5)
    height = 1e6 / (2 * np.pi * 200**2)
    for lon, lat in zip(rng.uniform(120.59, 120.61, 25), rng.uniform(30.78, 30.82, 25), strict=True):
        assert density_at([lon], [lat], [lon], [lat], 200)[0] == pytest.approx(height, rel=0.003)


def test_density_at_places_is_the_direct_sum():
    rng = np.random.default_rng(6)
    lon, lat = rng.normal(120.6, 0.02, 500), rng.normal(30.8, 0.02, 500)
    at_lon, at_lat = rng.normal(120.6, 0.02, 80), rng.normal(30.8, 0.02, 80)
    expected = direct_sum(lon, lat, at_lon, at_lat, 250)
    assert np.abs(density_at(lon, lat, at_lon, at_lat, 250) - expected).max() < 0.005 * expected.max()


def test_nothing_is_lost_when_the_reports_lie_inside():
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(120.55, 120.65, 1000), rng.uniform(30.75, 30.85, 1000)
    surface = density_surface(lon, lat, TOWN, 300)
    assert surface.n == 1000
    assert (surface.values * surface.cell_areas_km2()[:, None]).sum() == pytest.approx(1000, rel=1e-6)


def test_areas_of_raster_cells_are_those_on_the_ellipsoid():
    surface = density_surface([120.6], [30.8], TOWN, 800)
    frame = shapely.segmentize(shapely.box(*surface.bounds), 0.01)
    on_ellipsoid = abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(frame)[0]) / 1e6
    assert surface.cell_areas_km2().sum() * surface.values.shape[1] == pytest.approx(on_ellipsoid, rel=1e-6)
    assert surface.cell_areas_km2()[0] * 1e6 == pytest.approx(surface.step_m**2, rel=0.01)


def test_the_surface_covers_the_bounds_and_hardly_more():
    surface = density_surface([120.6], [30.8], TOWN, 400)
    west, south, east, north = surface.bounds
    assert west <= TOWN[0] < TOWN[2] <= east
    assert south <= TOWN[1] < TOWN[3] <= north
    assert max(TOWN[0] - west, east - TOWN[2]) < 100 / 90_000
    assert surface.values.shape[0] > surface.values.shape[1]  # 22 km high, 19 km wide
    lon, lat = centres_of(surface)
    peak = np.unravel_index(surface.values.argmax(), surface.values.shape)
    assert abs(lon[peak[1]] - 120.6) < 0.001
    assert abs(lat[peak[0]] - 30.8) < 0.001


def test_reports_just_outside_reach_in_and_far_ones_do_not_count():
    near = density_surface([TOWN[0] - 0.001], [30.8], TOWN, 300)
    assert near.n == 1
    assert near.values[:, 0].max() > near.values[:, 1].max() > 0
    assert density_surface([TOWN[0] - 0.1], [30.8], TOWN, 300).n == 0


def test_the_surface_asked_outside_itself_has_no_answer():
    surface = density_surface([120.6], [30.8], TOWN, 300)
    answers = surface.at([120.6, 119.0, np.nan], [30.8, 30.8, 30.8])
    assert answers[0] == pytest.approx(1e6 / (2 * np.pi * 300**2), rel=0.005)
    assert np.isnan(answers[1:]).all()


def test_same_reports_in_another_order_give_the_same_surface():
    rng = np.random.default_rng(8)
    lon, lat = rng.normal(120.6, 0.02, 300), rng.normal(30.8, 0.02, 300)
    turn = rng.permutation(300)
    one, other = density_surface(lon, lat, TOWN, 300), density_surface(lon[turn], lat[turn], TOWN, 300)
    np.testing.assert_allclose(one.values, other.values, rtol=0, atol=1e-12)
    assert one.bounds == other.bounds
