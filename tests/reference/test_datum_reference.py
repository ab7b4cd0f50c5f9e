"""Datums against two independent implementations and a map provider's own answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pyproj import Geod

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


def test_answers_of_a_map_provider_differ_by_the_height_and_by_nothing_else(reference):
    """One number a place, the same east and north, explains both coordinates of every answer.

    It is a thousandth of the height above the sea, so the formula without heights cannot come nearer; that the
    numbers still are heights is seen where they are: none on the coast, 4 to 5 m in Tibet.
    """
    grid = reference[reference["name"].eq("Amap convert API grid")]
    assert len(grid) == 88
    wgs = grid["wgs_lng"].to_numpy(), grid["wgs_lat"].to_numpy()
    theirs = grid["gcj_lng"].to_numpy(), grid["gcj_lat"].to_numpy()
    azimuth, _, metres = Geod(ellps="WGS84").inv(*from_wgs84(*wgs, "gcj02"), *theirs)
    east, north = metres * np.sin(np.radians(azimuth)), metres * np.cos(np.radians(azimuth))
    common = (east + north) / 2
    assert np.hypot(east - common, north - common).max() < 0.02  # the answers have six decimals
    height_m = 1000.0 * common
    assert 5_000 < height_m.max() < 5_200
    assert (
        height_m.min() > -450
    )  # three places around Beijing come out below the sea, which no height explains
    plateau = (wgs[0] > 80) & (wgs[0] < 98) & (wgs[1] > 29) & (wgs[1] < 36)
    assert plateau.sum() >= 10
    assert height_m[plateau].min() > 4_300
    plain = (wgs[0] > 120) & (wgs[1] > 29.5) & (wgs[1] < 34)
    assert plain.sum() >= 15
    assert np.abs(height_m[plain]).max() < 40


def test_how_far_the_answers_of_a_map_provider_are(reference):
    """Pinned, so that a change of the formula is seen: up to 7.2 m, within 0.1 m at 37 of 88 places."""
    grid = reference[reference["name"].eq("Amap convert API grid")]
    ours = from_wgs84(grid["wgs_lng"], grid["wgs_lat"], "gcj02")
    off = apart_m(*ours, grid["gcj_lng"].to_numpy(), grid["gcj_lat"].to_numpy())
    assert off.max() == pytest.approx(7.18, abs=0.02)
    assert np.median(off) == pytest.approx(0.50, abs=0.02)
    assert (off <= 0.1).sum() == 37


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
