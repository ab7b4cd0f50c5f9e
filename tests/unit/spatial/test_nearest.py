from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from pingan_geo.errors import UnalignedIndexError
from pingan_geo.spatial.nearest import border_distance_m, nearest_named


def test_longitudes_and_latitudes_must_be_as_many():
    with pytest.raises(UnalignedIndexError):
        nearest_named([1.0], [1.0, 2.0], [1.0], [1.0])


def test_nothing_is_near_without_places_or_coordinates():
    for places in ([], [np.nan]):
        index, distance_m = nearest_named([120.6, np.nan], [30.8, 30.8], places, places)
        assert index.tolist() == [-1, -1]
        assert np.isnan(distance_m).all()
    index, distance_m = nearest_named([np.nan, 120.6], [30.8, np.inf], [120.6], [30.8])
    assert index.tolist() == [-1, -1]
    assert nearest_named([], [], [120.6], [30.8])[0].shape == (0,)


def test_nearest_equals_the_plain_search_on_the_ellipsoid():
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(120.5, 120.7, 200), rng.uniform(30.7, 30.9, 200)
    places_lon, places_lat = rng.uniform(120.5, 120.7, 22), rng.uniform(30.7, 30.9, 22)
    places_lon[3] = np.nan
    index, distance_m = nearest_named(lon, lat, places_lon, places_lat)
    geod = pyproj.Geod(ellps="WGS84")
    apart = np.full((200, 22), np.inf)
    for place in [*range(3), *range(4, 22)]:
        ends = (np.full(200, places_lon[place]), np.full(200, places_lat[place]))
        apart[:, place] = geod.inv(lon, lat, *ends)[2]
    np.testing.assert_array_equal(index, apart.argmin(axis=1))
    np.testing.assert_allclose(distance_m, apart.min(axis=1), rtol=1e-4)


def test_of_places_on_one_spot_the_first_is_named():
    index, distance_m = nearest_named([120.6], [30.8], [120.7, 120.61, 120.61], [30.8, 30.8, 30.8])
    assert index.tolist() == [1]
    assert distance_m[0] == pytest.approx(956.6, abs=0.5)


def test_the_way_to_a_border_is_that_of_the_globe():
    """A box of 3 km; points beside an edge, off a corner, inside, in another province, on another continent."""
    box = shapely.box(120.60, 30.78, 120.63, 30.81)
    lon = [120.64, 120.64, 120.615, 116.4, -73.97, np.nan]
    lat = [30.80, 30.82, 30.79, 39.9, 40.78, 30.8]
    geod = pyproj.Geod(ellps="WGS84")
    true = [
        geod.inv(x, y, to_x, to_y)[2]
        for x, y, to_x, to_y in [
            (120.64, 30.80, 120.63, 30.80),
            (120.64, 30.82, 120.63, 30.81),
            (120.615, 30.79, 120.615, 30.78),
            (116.4, 39.9, 120.60, 30.81),
            (-73.97, 40.78, 120.615, 30.795),
        ]
    ]
    found = border_distance_m(box, lon, lat)
    assert found[:5] == pytest.approx(true, rel=0.01)
    assert np.isnan(found[5])


def test_the_border_of_a_hole_is_a_border_too():
    ring = shapely.difference(
        shapely.box(120.60, 30.78, 120.63, 30.81), shapely.box(120.61, 30.79, 120.62, 30.80)
    )
    inside_the_hole = border_distance_m(ring, [120.6105], [30.795])[0]
    assert inside_the_hole == pytest.approx(0.0005 * 111_320 * np.cos(np.radians(30.795)), rel=0.01)


def test_border_needs_as_many_longitudes_as_latitudes():
    with pytest.raises(UnalignedIndexError):
        border_distance_m(shapely.box(0, 0, 1, 1), [0.0, 1.0], [0.0])
