"""Datums against two independent implementations and a map provider's own answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pingan_geo.coords import from_wgs84, to_wgs84

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def reference(shared_dir):
    return pd.read_csv(shared_dir / "reference" / "datum_reference.csv")


def apart_m(lon, lat, other_lon, other_lat):
    return np.hypot((lon - other_lon) * 111_320 * np.cos(np.radians(lat)), (lat - other_lat) * 111_320)


def test_forward_and_back_equal_two_implementations(reference):
    both = reference.dropna(subset="bd_lng")
    assert len(both) == 22
    wgs = both["wgs_lng"].to_numpy(), both["wgs_lat"].to_numpy()
    for datum, prefix in (("gcj02", "gcj"), ("bd09", "bd")):
        for suffix in ("", "_gcoord"):
            theirs = both[f"{prefix}_lng{suffix}"].to_numpy(), both[f"{prefix}_lat{suffix}"].to_numpy()
            assert apart_m(*from_wgs84(*wgs, datum), *theirs).max() < 1e-4
            assert apart_m(*to_wgs84(*theirs, datum), *wgs).max() < 1e-4


def test_answers_of_a_map_provider_around_the_town(reference):
    grid = reference[reference["name"].eq("Amap convert API grid")]
    near = grid[grid["wgs_lng"].between(120, 122) & grid["wgs_lat"].between(29.5, 32)]
    assert len(near) >= 6
    ours = from_wgs84(near["wgs_lng"], near["wgs_lat"], "gcj02")
    assert apart_m(*ours, near["gcj_lng"].to_numpy(), near["gcj_lat"].to_numpy()).max() <= 0.05


def test_answers_of_a_map_provider_across_the_country(reference):
    """The provider also counts the height above the sea: up to 7 m on the high plateaus."""
    grid = reference[reference["name"].eq("Amap convert API grid")]
    ours = from_wgs84(grid["wgs_lng"], grid["wgs_lat"], "gcj02")
    off = apart_m(*ours, grid["gcj_lng"].to_numpy(), grid["gcj_lat"].to_numpy())
    assert len(grid) >= 80
    assert off.max() < 7.5
    assert np.median(off) < 1.0


def test_places_that_the_provider_leaves_unshifted(reference):
    abroad = reference[reference["name"].str.startswith("in box but")]
    assert len(abroad) == 25
    lon, lat = from_wgs84(abroad["wgs_lng"], abroad["wgs_lat"], "gcj02")
    np.testing.assert_array_equal(lon, abroad["gcj_lng"])
    np.testing.assert_array_equal(lat, abroad["gcj_lat"])


def test_published_points_of_the_region(shared_dir):
    points = pd.read_csv(shared_dir / "domain" / "coord_fixtures.csv")
    wgs = points["wgs_lon"].to_numpy(), points["wgs_lat"].to_numpy()
    rounding_m = 0.12  # six decimals
    assert apart_m(*to_wgs84(points["gcj_lon"], points["gcj_lat"], "gcj02"), *wgs).max() < rounding_m
    assert apart_m(*to_wgs84(points["bd_lon"], points["bd_lat"], "bd09"), *wgs).max() < 2 * rounding_m
    # the vendor's own document gives an answer that the one-step inverse would give
    assert apart_m(120.02153, 30.281556, 120.021519, 30.281543) < 2.0
