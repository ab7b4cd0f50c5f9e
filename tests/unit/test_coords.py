from __future__ import annotations

import numpy as np
import prcoords
import pytest

from pingan_geo.coords import from_wgs84, local_metres, parse_datum, shifted_by_gcj02, to_wgs84
from pingan_geo.errors import UnknownDatumError

TOWN = (120.619041, 30.799456)


@pytest.mark.parametrize("text", ["", "mars", "EPSG:", "EPSG:999999", "EPSG:5703", "4", "wgs85", "None"])
def test_unknown_datum_is_refused(text):
    with pytest.raises(UnknownDatumError):
        parse_datum(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("WGS-84", "wgs84"),
        ("wgs 1984", "wgs84"),
        ("EPSG:4326", "wgs84"),
        ("GCJ-02", "gcj02"),
        ("高德", "gcj02"),
        ("bd-09ll", "bd09"),
        ("百度", "bd09"),
        ("CGCS2000", "cgcs2000"),
        ("epsg:4490", "cgcs2000"),
        ("EPSG:4549", "EPSG:4549"),
        ("4528", "EPSG:4528"),
    ],
)
def test_spellings(text, name):
    assert parse_datum(text) == name


def test_unknown_datum_is_refused_by_both_directions():
    for turn in (to_wgs84, from_wgs84):
        with pytest.raises(UnknownDatumError, match="mars"):
            turn(120.0, 30.0, "mars")


@pytest.mark.parametrize("datum", ["wgs84", "cgcs2000", "gcj02", "bd09", "EPSG:4549"])
def test_missing_coordinates_stay_missing_beside_good_ones(datum):
    lon, lat = [TOWN[0], np.nan, TOWN[0], np.inf], [TOWN[1], TOWN[1], np.nan, TOWN[1]]
    for turn in (to_wgs84, from_wgs84):
        first, second = turn(lon, lat, datum)
        good = turn(*TOWN, datum)
        assert first[0] == pytest.approx(good[0], abs=1e-9)
        assert second[0] == pytest.approx(good[1], abs=1e-9)
        assert np.isnan(first[1])
        assert np.isnan(second[2])
        assert not np.isfinite(first[3])


@pytest.mark.parametrize("datum", ["wgs84", "gcj02", "bd09", "EPSG:4549"])
def test_shapes_are_kept_and_inputs_untouched(datum):
    lon, lat = np.full((2, 3), TOWN[0]), np.full((2, 3), TOWN[1])
    first, second = to_wgs84(lon, lat, datum)
    assert first.shape == second.shape == (2, 3)
    assert first is not lon
    assert (lon == TOWN[0]).all()
    assert to_wgs84([], [], datum)[0].shape == (0,)


def test_the_town_is_some_480_m_off_when_gcj02_is_read_as_wgs84():
    x, y = local_metres(*TOWN).forward(*from_wgs84(*TOWN, "gcj02"))
    assert np.hypot(x, y) == pytest.approx(479.7, abs=1.0)


def test_forward_equals_an_independent_implementation():
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(75, 134, 3000), rng.uniform(19, 53, 3000)
    inside = shifted_by_gcj02(lon, lat)
    assert 0.3 < inside.mean() < 0.9
    lon, lat = lon[inside], lat[inside]
    for datum, oracle in (("gcj02", prcoords.wgs_gcj), ("bd09", prcoords.wgs_bd)):
        expected = np.array([oracle((y, x)) for x, y in zip(lon, lat, strict=True)])
        ours = np.column_stack(from_wgs84(lon, lat, datum)[::-1])
        assert np.abs(ours - expected).max() < 1e-11  # a micrometre


def test_places_abroad_are_not_shifted():
    cities = {
        "Cincinnati": (-84.51, 39.10),
        "Tokyo": (139.7, 35.7),
        "Seoul": (127.0, 37.55),
        "Ulaanbaatar": (106.9, 47.9),
        "Hanoi": (105.85, 21.03),
        "Kathmandu": (85.32, 27.71),
        "Vladivostok": (131.89, 43.12),
        "Pyongyang": (125.75, 39.03),
    }
    for lon, lat in cities.values():
        assert not shifted_by_gcj02(lon, lat)
        assert from_wgs84(lon, lat, "gcj02") == (lon, lat)
        assert to_wgs84(lon, lat, "gcj02") == (lon, lat)


def test_towns_near_every_border_of_the_country_are_shifted():
    towns = [
        (75.99, 39.47), (82.98, 46.75), (87.98, 47.85), (111.97, 43.65), (117.43, 49.60), (122.54, 52.97),
        (127.53, 50.25), (134.29, 48.36), (131.16, 44.41), (130.37, 42.86), (124.38, 40.12), (122.68, 37.17),
        (109.51, 18.25), (107.97, 21.54), (103.96, 22.51), (97.85, 24.01), (88.91, 27.49), (81.17, 30.29),
        (114.17, 22.32), (121.56, 25.03),
    ]  # fmt: skip
    assert shifted_by_gcj02(*np.array(towns).T).all()


def test_a_mixed_array_is_answered_point_by_point():
    lon, lat = np.array([TOWN[0], -84.51, 139.7]), np.array([TOWN[1], 39.10, 35.7])
    for turn in (to_wgs84, from_wgs84):
        for datum in ("gcj02", "bd09"):
            one_by_one = np.array([turn(x, y, datum) for x, y in zip(lon, lat, strict=True)])
            np.testing.assert_array_equal(np.column_stack(turn(lon, lat, datum)), one_by_one)


def test_projected_codes_put_the_easting_first_whatever_their_own_order():
    x, y = from_wgs84(120.6, 30.8, "EPSG:4549")  # its definition lists northing first
    assert (float(x), float(y)) == pytest.approx((557_422.305, 3_408_954.729), abs=0.001)
    zoned, _ = from_wgs84(120.6, 30.8, "EPSG:4528")
    assert float(zoned) - float(x) == pytest.approx(40_000_000, abs=0.001)
    assert to_wgs84(x, y, "EPSG:4549") == (pytest.approx(120.6, abs=1e-9), pytest.approx(30.8, abs=1e-9))


def test_local_metres_measure_the_ground():
    plane = local_metres(*TOWN)
    assert plane.forward(*TOWN) == (pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6))
    # one thousandth of a degree at this latitude, on the ellipsoid
    x, y = plane.forward(TOWN[0] + 0.001, TOWN[1] + 0.001)
    assert float(x) == pytest.approx(95.70, abs=0.02)
    assert float(y) == pytest.approx(110.86, abs=0.02)
    lon, lat = plane.inverse(x, y)
    assert (float(lon), float(lat)) == pytest.approx((TOWN[0] + 0.001, TOWN[1] + 0.001), abs=1e-10)
    assert np.isnan(plane.forward([np.nan], [30.0])).all()
