"""Which datum a file is in: refusals, seeded simulations over the country, wrong places, mixtures."""

from __future__ import annotations

import numpy as np
import pytest

from pingan_geo.coords import from_wgs84, local_metres
from pingan_geo.errors import UnalignedIndexError, UnknownDatumError
from pingan_geo.intake.datum_guess import LEAST_ROWS, guess_datum

TOWN = (120.6, 30.8)
CITIES = {
    "town": TOWN,
    "Beijing": (116.40, 39.91),
    "Guangzhou": (113.26, 23.13),
    "Chengdu": (104.07, 30.67),
    "Harbin": (126.64, 45.76),
    "Urumqi": (87.62, 43.82),
    "Kunming": (102.83, 24.88),
}
DATUMS = ("wgs84", "gcj02", "bd09")


def made_rows(rng, centre, rows, *, noise_m=40.0, wrong=0.0):
    """Places of a town, reports beside them, and a share of places that stand wrong in the gazetteer."""
    plane = local_metres(*centre)
    place_x, place_y = rng.uniform(-3000, 3000, (2, rows))
    true = plane.inverse(place_x + rng.normal(0, noise_m, rows), place_y + rng.normal(0, noise_m, rows))
    bad = rng.random(rows) < wrong
    angle, away_m = rng.uniform(0, 2 * np.pi, rows), rng.uniform(250, 3000, rows)
    known = plane.inverse(place_x + bad * away_m * np.cos(angle), place_y + bad * away_m * np.sin(angle))
    radius_m = rng.choice([20.0, 50.0, 120.0, np.nan], rows)
    return true, known, radius_m


def write(true, datum):
    return tuple(np.round(each, 6) for each in from_wgs84(*true, datum))


# -- refused ------------------------------------------------------------------------------------------


def test_columns_of_unlike_length_are_refused():
    with pytest.raises(UnalignedIndexError):
        guess_datum([120.0], [30.0], [120.0, 121.0], [30.0], [50.0])


def test_a_candidate_that_is_no_datum_is_refused():
    with pytest.raises(UnknownDatumError):
        guess_datum([120.0], [30.0], [120.0], [30.0], [50.0], candidates=("mars",))


def test_nothing_is_chosen_from_nothing():
    guess = guess_datum([], [], [], [], [])
    assert (guess.usable, guess.datum, guess.clear, guess.reason) == (0, "", False, "too_few")
    assert [fit.rows for fit in guess.fits] == [0, 0, 0]
    assert len(guess.rows) == 0


def test_nine_rows_are_too_few_and_ten_are_enough():
    true, known, radius_m = made_rows(np.random.default_rng(1), TOWN, 10, noise_m=20)
    x, y = write(true, "gcj02")
    nine = guess_datum(x[:9], y[:9], known[0][:9], known[1][:9], radius_m[:9])
    assert (nine.usable, nine.fits[0].datum, nine.fits[0].rows) == (9, "gcj02", 9)
    assert (nine.datum, nine.clear, nine.reason) == ("", False, "too_few")
    ten = guess_datum(x, y, *known, radius_m)
    assert (ten.usable, ten.datum, ten.clear, ten.reason) == (LEAST_ROWS, "gcj02", True, "clear")


def test_many_rows_of_one_place_are_one_opinion():
    true, known, _ = made_rows(np.random.default_rng(2), TOWN, 1)
    x, y = write(true, "gcj02")
    again = [np.repeat(each, 50) for each in (x, y, *known)]
    guess = guess_datum(*again, np.full(50, 30.0))
    assert (guess.usable, guess.places, guess.clear, guess.reason) == (50, 1, False, "too_few")


def test_rows_without_place_numbers_or_a_small_place_are_not_used():
    true, known, radius_m = made_rows(np.random.default_rng(3), TOWN, 12, noise_m=20)
    x, y = write(true, "bd09")
    x[0], y[1], radius_m[2] = np.nan, np.inf, 900.0  # a village: both datums lie in it
    known[0][3], x[4] = np.nan, 554_000.0  # metres, not degrees
    guess = guess_datum(x, y, *known, radius_m)
    assert guess.rows["usable"].tolist() == [False] * 5 + [True] * 7
    assert guess.rows["fits"].tolist() == [""] * 5 + ["bd09"] * 7
    assert guess.rows.loc[:4, "bd09_m"].isna().all()


def test_places_all_wrong_fit_no_datum():
    rng = np.random.default_rng(4)
    true, known, radius_m = made_rows(rng, TOWN, 40, wrong=1.0)
    x, y = write(true, "wgs84")
    guess = guess_datum(x, y, *known, radius_m)
    assert (guess.datum, guess.clear) == ("", False)
    assert guess.reason in {"none_fits", "no_margin"}


@pytest.mark.parametrize("share", [0.5, 0.6, 0.75])
def test_a_mixed_file_is_asked_about(share):
    rng = np.random.default_rng(5)
    for _ in range(100):
        true, known, radius_m = made_rows(rng, TOWN, 40)
        first, second = rng.choice(DATUMS, 2, replace=False)
        cut = round(40 * share)
        x, y = (np.r_[a[:cut], b[cut:]] for a, b in zip(write(true, first), write(true, second), strict=True))
        guess = guess_datum(x, y, *known, radius_m)
        assert (guess.datum, guess.clear, guess.reason) == ("", False, "mixed")
        assert {fit.datum for fit in guess.fits[:2]} == {first, second}
        fits = guess.rows["fits"].to_numpy()
        assert np.mean(fits[:cut] == first) > 0.9
        assert np.mean(fits[cut:] == second) > 0.9


# -- right --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [10, 15, 60])
@pytest.mark.parametrize("city", CITIES)
def test_the_datum_is_found_in_99_files_of_100(city, rows):
    rng = np.random.default_rng(rows)
    right = wrong = 0
    for number in range(120):
        datum = DATUMS[number % 3]
        true, known, radius_m = made_rows(rng, CITIES[city], rows, wrong=0.1)
        guess = guess_datum(*write(true, datum), *known, radius_m)
        right += guess.datum == datum
        wrong += guess.clear and guess.datum != datum
    assert wrong == 0
    assert right >= 119


@pytest.mark.parametrize("rows", [10, 20, 60])
def test_a_fifth_of_wrong_places_never_turns_the_answer(rows):
    rng = np.random.default_rng(7)
    right = 0
    for number in range(200):
        datum = DATUMS[number % 3]
        true, known, radius_m = made_rows(rng, TOWN, rows, wrong=0.2)
        guess = guess_datum(*write(true, datum), *known, radius_m)
        assert guess.datum in ("", datum)
        right += guess.datum == datum
    assert right >= (192 if rows == 10 else 198)


def test_the_sentence_can_be_said_from_the_counts():
    """46 of 60 rows fit GCJ-02, 5 fit WGS-84: still one datum."""
    true, known, _ = made_rows(np.random.default_rng(8), TOWN, 60, noise_m=15)
    x, y = write(true, "gcj02")
    x[:5], y[:5] = (each[:5] for each in write(true, "wgs84"))
    x[5:14] += 0.03
    guess = guess_datum(x, y, *known, np.full(60, 50.0))
    assert guess.usable == 60
    assert [(fit.datum, fit.rows) for fit in guess.fits] == [("gcj02", 46), ("wgs84", 5), ("bd09", 0)]
    assert guess.fits[0].median_m < 50 < guess.fits[1].median_m
    assert (guess.datum, guess.reason) == ("gcj02", "clear")
    assert guess.rows["fits"].value_counts().to_dict() == {"gcj02": 46, "": 9, "wgs84": 5}


@pytest.mark.parametrize("centre", [(-84.51, 39.10), (139.7, 35.7)])
def test_abroad_wgs84_and_gcj02_are_the_same(centre):
    rng = np.random.default_rng(9)
    true, known, radius_m = made_rows(rng, centre, 20)
    guess = guess_datum(*write(true, "gcj02"), *known, radius_m)
    assert (guess.datum, guess.clear, guess.reason) == ("wgs84", True, "same")
    assert [fit.datum for fit in guess.fits] == ["wgs84", "bd09"]
    shifted = guess_datum(*write(true, "bd09"), *known, radius_m)
    assert (shifted.datum, shifted.reason) == ("bd09", "clear")


def test_the_order_of_rows_changes_nothing_and_inputs_stay():
    rng = np.random.default_rng(10)
    true, known, radius_m = made_rows(rng, TOWN, 30, wrong=0.1)
    x, y = write(true, "bd09")
    before = x.copy()
    turn = rng.permutation(30)
    there = guess_datum(x, y, *known, radius_m)
    back = guess_datum(x[turn], y[turn], known[0][turn], known[1][turn], radius_m[turn])
    assert there == back
    assert there.rows["fits"].to_numpy()[turn].tolist() == back.rows["fits"].tolist()
    np.testing.assert_array_equal(x, before)


def test_one_candidate_is_chosen_only_when_it_fits():
    rng = np.random.default_rng(11)
    true, known, radius_m = made_rows(rng, TOWN, 20)
    x, y = write(true, "gcj02")
    assert guess_datum(x, y, *known, radius_m, candidates=("gcj02",)).datum == "gcj02"
    assert guess_datum(x, y, *known, radius_m, candidates=("wgs84",)).reason == "none_fits"
