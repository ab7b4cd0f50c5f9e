"""The made texts: seeded, of every class, and labelled so that a careful person would agree."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

from geocode_noise import (
    ABSENT,
    CLASSES,
    Writer,
    accent,
    homophones,
    in_accent,
    look_alikes,
    make_queries,
    numeral,
    sound,
)
from made_town import lon_lat, make_town


@pytest.fixture(scope="module")
def town():
    return make_town(5, 8_000)


@pytest.fixture(scope="module")
def queries(town):
    return make_queries(town, 5, 60)


@pytest.fixture(scope="module")
def listed(town):
    return {entry.name for entry in town.listed()} | {entry.bare for entry in town.listed()}


def test_the_same_seed_gives_the_same_texts_and_another_seed_others(town, queries):
    assert make_queries(town, 5, 60).equals(queries)
    assert not make_queries(town, 6, 60)["text"].equals(queries["text"])


def test_every_class_has_texts_and_none_twice(queries):
    sizes = queries.groupby("noise").size()
    assert set(sizes.index) == set(CLASSES)
    assert sizes.min() >= 15
    assert not queries.duplicated(["noise", "text"]).any()


def test_what_should_be_accepted_has_a_true_place_and_what_is_rejected_none(queries):
    assert queries.loc[queries["expect"] == "accept", ["lon", "lat"]].notna().all(axis=None)
    assert queries.loc[queries["expect"] == "reject", ["lon", "lat"]].isna().all(axis=None)
    assert set(queries["expect"]) == {"accept", "review", "reject"}


def test_nothing_absent_is_to_be_accepted_nor_listed_under_its_words(queries, listed):
    absent = queries[queries["noise"].isin(ABSENT)]
    assert (absent["expect"] != "accept").all()
    assert not set(absent["text"]) & listed


def test_the_truth_is_near_a_listed_thing(town, queries):
    things = np.array([(entry.x, entry.y) for entry in town.listed()])
    lon, lat = np.array([lon_lat(x, y) for x, y in things]).T
    for row in queries[
        (queries["expect"] == "accept") & (queries["noise"] != "offset in metres")
    ].itertuples():
        away_m = np.hypot((lon - row.lon) * 95_600, (lat - row.lat) * 110_900).min()
        assert away_m <= 46, row


@pytest.mark.parametrize(
    "noise", ["homophone", "accent of the south", "look-alike character", "missing character", "extra character",
              "two characters exchanged"]
)  # fmt: skip
def test_a_spoilt_name_is_no_other_existing_name(town, queries, noise):
    bare = {entry.bare for entry in town.entries}
    for text in queries.loc[queries["noise"] == noise, "text"]:
        assert text not in bare
        assert text.removeprefix("秀洲区").removeprefix("新塍镇") not in bare


def test_a_name_that_might_as_well_be_another_must_be_asked(town):
    """富园 and 福园 sound alike: of their kind only review is right; where none sounds alike, accept."""
    writer = Writer(town, np.random.default_rng(1))
    writer.stems = ["富园路", "福园路", "兴镇路"]
    same = lambda one, other: len(one) == len(other) and sound(one) == sound(other)  # noqa: E731
    assert writer.rivals("复园路", "富园路", same) == ["福园路"]
    assert writer.rivals("兴震路", "兴镇路", same) == []


def test_exact_texts_are_names_of_the_gazetteer(town, queries):
    names = {entry.name for entry in town.listed()}
    assert set(queries.loc[queries["noise"] == "exact", "text"]) <= names


def test_unlisted_numbers_are_of_existing_roads_with_their_true_place(town, queries):
    rows = queries[queries["noise"] == "number not listed"]
    hidden = {entry.bare: lon_lat(entry.x, entry.y) for entry in town.hidden("door")}
    for row in rows.itertuples():
        door = row.text.removeprefix("秀洲区").removeprefix("新塍镇").removesuffix("门口")
        assert (row.lon, row.lat) == hidden[door]
        assert row.expect == "review"


def test_roads_off_by_a_character_neither_sound_nor_look_like_a_listed_one(town, queries):
    stems = town.stems()
    for text in queries.loc[queries["noise"] == "road one character off", "text"]:
        road = next(text[:size] for size in range(2, len(text)) if text[size].isdigit())
        assert road not in stems
        assert not any(len(stem) == len(road) and accent(stem) == accent(road) for stem in stems)


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "零"), (7, "七"), (10, "十"), (12, "十二"), (20, "二十"), (100, "一百"), (105, "一百零五"), (110, "一百一十"),
     (123, "一百二十三"), (1_001, "一千零一"), (1_010, "一千零一十"), (2_300, "二千三百")],
)  # fmt: skip
def test_numerals(number, words):
    assert numeral(number) == words


def test_numerals_digit_by_digit():
    assert numeral(105, by_digit=True) == "一〇五"


def test_characters_that_sound_or_look_alike():
    assert "福" in homophones("富")
    assert "富" not in homophones("富")
    assert homophones("A") == ()
    assert "兰" in in_accent("南")
    assert all(sound(each) != sound("南") for each in in_accent("南"))
    assert "滕" in look_alikes()["塍"]
    assert "塍" in look_alikes()["滕"]
