from __future__ import annotations

import numpy as np
import pyproj
import pytest

from pingan_geo.errors import UnalignedIndexError
from pingan_geo.spatial.nearest import nearest_named


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
