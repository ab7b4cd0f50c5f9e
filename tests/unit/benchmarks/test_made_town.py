"""The made town: what is listed, what is not, and that places are what they say."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

from made_town import CENTRE, lon_lat, make_town

ENTRIES = 3_000


@pytest.fixture(scope="module")
def town():
    return make_town(5, ENTRIES)


def test_a_town_too_small_to_have_every_kind_is_refused():
    with pytest.raises(ValueError, match="at least 2,000"):
        make_town(1, 1_999)


@pytest.mark.parametrize("entries", [2_000, 3_000, 9_999])
def test_exactly_so_many_are_listed(entries):
    assert sum(1 for _ in make_town(3, entries).listed()) == entries


def test_the_same_seed_gives_the_same_town_and_another_seed_another(town):
    assert make_town(5, ENTRIES).entries == town.entries
    assert make_town(6, ENTRIES).entries != town.entries


def test_every_kind_is_there_and_some_of_it_is_hidden(town):
    listed = Counter(entry.kind for entry in town.listed())
    kinds = "door lane_door lane building gate estate road crossing village hamlet house shop public firm"
    assert set(kinds.split()) == set(listed)
    hidden = Counter(entry.kind for entry in town.entries if not entry.listed)
    assert set(hidden) == {"door", "building", "crossing"}


def test_a_hidden_thing_is_in_no_listed_name(town):
    names = {entry.bare for entry in town.listed()}
    for kind in ("door", "building", "crossing"):
        assert town.hidden(kind)
        assert not names & {entry.bare for entry in town.hidden(kind)}


def test_doors_stand_at_their_road_odd_and_even_on_opposite_sides(town):
    doors = [entry for entry in town.entries if entry.kind == "door" and "-" not in entry.tail]
    for name, road in list(town.roads.items())[:20]:
        line = road.line
        sides = {0: [], 1: []}
        for door in (door for door in doors if door.stem == name):
            point = shapely.Point(door.x, door.y)
            assert line.distance(point) <= 21
            along = line.project(point)
            before, after = (line.interpolate(np.clip(along + step, 0, line.length)) for step in (-1, 1))
            across = (after.x - before.x) * (door.y - before.y) - (after.y - before.y) * (door.x - before.x)
            sides[int(door.tail[:-1]) % 2].append(np.sign(across))
        assert set(sides[1]) <= {1.0}
        assert set(sides[0]) <= {-1.0}


def test_a_lane_and_a_door_of_one_number_are_apart(town):
    place = {entry.bare: entry for entry in town.entries}
    pairs = [
        (entry, place[entry.bare[:-1] + "号"])
        for entry in town.entries
        if entry.kind == "lane" and entry.bare[:-1] + "号" in place
    ]
    assert pairs
    assert all(np.hypot(lane.x - door.x, lane.y - door.y) > 20 for lane, door in pairs)


def test_crossings_lie_on_both_roads(town):
    crossings = [entry for entry in town.entries if entry.kind == "crossing"]
    assert crossings
    for crossing in crossings:
        point = shapely.Point(crossing.x, crossing.y)
        assert all(town.roads[road].line.distance(point) < 1e-6 for road in crossing.roads)


def test_shops_stand_at_their_door(town):
    place = {entry.bare: entry for entry in town.entries}
    for shop in (entry for entry in town.entries if entry.address):
        door = place[shop.address]
        assert door.listed
        assert np.hypot(shop.x - door.x, shop.y - door.y) <= 6


def test_degrees_are_metres_from_the_centre():
    assert lon_lat(0, 0) == pytest.approx(CENTRE, abs=1e-7)
    east, north = lon_lat(1_000, 2_000)
    assert (east - CENTRE[0]) * 95_700 == pytest.approx(1_000, rel=0.01)
    assert (north - CENTRE[1]) * 110_900 == pytest.approx(2_000, rel=0.01)
