"""The made files whose datum is guessed: seeded, in the datum that they claim, as noisy as stated."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

from datum import ABROAD, DATUMS, guess_by_median, guesses, made_file, round_trips

from pingan_geo.coords import shifted_by_gcj02, to_wgs84


def distances(made, datum):
    lon, lat = to_wgs84(made.x, made.y, datum)
    east = (lon - made.known_lon) * 111_320 * np.cos(np.radians(lat))
    return np.hypot(east, (lat - made.known_lat) * 111_320)


def test_the_same_seed_gives_the_same_file():
    one, other = (made_file(np.random.default_rng(4), 20, "gcj02") for _ in range(2))
    assert np.array_equal(one.x, other.x)
    assert np.array_equal(one.known_lat, other.known_lat)


@pytest.mark.parametrize("datum", DATUMS)
def test_nine_of_ten_rows_of_a_right_place_lie_within_its_radius(datum):
    made = made_file(np.random.default_rng(1), 20_000, datum)
    assert made.datum == datum
    within = (distances(made, datum) <= made.radius_m).mean()
    assert within == pytest.approx(0.9 * 0.9, abs=0.03)  # nine of ten name the right place
    for other in set(DATUMS) - {datum}:
        assert (distances(made, other) <= made.radius_m).mean() < 0.05


def test_a_mixed_file_has_rows_of_both_and_is_to_be_asked_about():
    made = made_file(np.random.default_rng(2), 10_000, "wgs84", "bd09")
    assert made.datum == ""
    assert (distances(made, "bd09") <= made.radius_m).mean() == pytest.approx(0.3 * 0.81, abs=0.03)
    assert (distances(made, "wgs84") <= made.radius_m).mean() == pytest.approx(0.7 * 0.81, abs=0.03)
    assert made_file(np.random.default_rng(2), 10, "wgs84", "bd09").datum == ""


def test_the_plain_rule_finds_a_clean_file():
    for datum in DATUMS:
        assert guess_by_median(made_file(np.random.default_rng(5), 60, datum)) == datum


def test_shares_of_guesses_add_up():
    found = guesses(np.random.default_rng(1), 10, "gcj02", 25)
    assert found["right"] + found["asked"] + found["wrong"] == pytest.approx(1)


def test_cities_abroad_are_abroad():
    lon, lat = np.array(list(ABROAD.values())).T
    assert not shifted_by_gcj02(lon, lat).any()


def test_round_trips_cover_the_country():
    found = round_trips(1.0)
    assert found["points"] > 1_000
    assert found["gcj02"] < 1e-3
    assert found["one step"] > 0.1
