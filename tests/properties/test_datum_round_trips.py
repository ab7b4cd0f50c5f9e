"""There and back again: no datum loses a millimetre anywhere in the country."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingan_geo.coords import from_wgs84, shifted_by_gcj02, to_wgs84


def apart_m(lon, lat, other_lon, other_lat):
    return np.hypot((lon - other_lon) * 111_320 * np.cos(np.radians(lat)), (lat - other_lat) * 110_574)


@given(
    lon=st.floats(72, 137, allow_nan=False),
    lat=st.floats(16, 55, allow_nan=False),
    datum=st.sampled_from(["wgs84", "cgcs2000", "gcj02", "bd09"]),
)
def test_any_place_of_the_country_comes_back(lon, lat, datum):
    if shifted_by_gcj02(lon, lat):
        assert apart_m(*to_wgs84(*from_wgs84(lon, lat, datum), datum), lon, lat) < 1e-3


@pytest.mark.parametrize("datum", ["gcj02", "bd09", "EPSG:4490"])
def test_a_net_over_the_whole_country_comes_back(datum):
    lon, lat = (each.ravel() for each in np.meshgrid(np.linspace(73, 135.5, 260), np.linspace(16, 54, 190)))
    inside = shifted_by_gcj02(lon, lat)
    lon, lat = lon[inside], lat[inside]
    assert len(lon) > 15_000
    assert apart_m(*to_wgs84(*from_wgs84(lon, lat, datum), datum), lon, lat).max() < 1e-4


@given(
    lon=st.floats(119.0, 122.0, allow_nan=False),
    lat=st.floats(29.0, 32.0, allow_nan=False),
    datum=st.sampled_from(["EPSG:4549", "EPSG:4528", "EPSG:3857", "EPSG:32651"]),
)
def test_any_projected_place_near_the_town_comes_back(lon, lat, datum):
    assert apart_m(*to_wgs84(*from_wgs84(lon, lat, datum), datum), lon, lat) < 1e-3
