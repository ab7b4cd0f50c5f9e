"""Mistakes in a gazetteer that give somebody a wrong place, and what is no mistake."""

from __future__ import annotations

import pandas as pd
import pytest

from pingan_geo.geocoding.gazetteer import Gazetteer
from pingan_geo.geocoding.lint import GAZETTEER_PROBLEMS, check_gazetteer


def problems(gazetteer, problem):
    found = check_gazetteer(gazetteer)
    GAZETTEER_PROBLEMS.check(found)
    return found[found["problem"] == problem]


def test_an_empty_gazetteer_has_no_problems():
    found = check_gazetteer(Gazetteer.of(pd.DataFrame({"name": [], "lon": [], "lat": []})))
    GAZETTEER_PROBLEMS.check(found)
    assert found.empty


def test_the_hand_made_town_is_in_order(names_town):
    assert check_gazetteer(names_town.gazetteer()).to_dict("records") == []


@pytest.mark.parametrize(
    ("name", "problem"), [("", "no_name"), ("，", "no_name"), ("118", "only_number"), ("12号", "only_number")]
)
def test_names_that_name_nothing(names_town, name, problem):
    found = problems(names_town.gazetteer([{"name": name, "entry_id": "e1", "x": 0, "y": 0}]), problem)
    assert found["entry_ids"].tolist() == ["e1"]


def test_a_house_number_far_out_of_its_sequence_is_found_and_its_neighbours_are_not_accused(names_town):
    names_town_at = dict(names_town.at)
    try:
        names_town.at["新塍大道116号"] = (900.0, -12.0)
        found = problems(names_town.gazetteer(), "out_of_sequence")
    finally:
        names_town.at.clear()
        names_town.at.update(names_town_at)
    assert found["name"].tolist() == ["新塍大道116号"]
    assert float(found["detail"].iloc[0]) == pytest.approx(640, abs=20)


def test_a_bend_of_the_road_is_no_mistake():
    bent = [(number * 20.0, 0.0) if number < 20 else (400.0, (number - 20) * 20.0) for number in range(1, 40)]
    entries = pd.DataFrame(
        {
            "name": [f"弯路{number}号" for number in range(1, 40)],
            "lon": [120.6 + x / 95_600 for x, _ in bent],
            "lat": [30.8 + y / 110_900 for _, y in bent],
        }
    )
    assert problems(Gazetteer.of(entries), "out_of_sequence").empty


def test_one_name_far_apart_is_a_twin_and_near_or_in_another_district_is_not(names_town):
    extra = [
        {"name": "红旗桥", "entry_id": "a", "x": 0, "y": 0},
        {"name": "紅旗橋", "entry_id": "b", "x": 150, "y": 0},
        {"name": "东方桥", "x": 0, "y": 50},
        {"name": "东方桥", "x": 90, "y": 50},
        {"name": "周浦镇人民路1号", "x": 0, "y": 70},
        {"name": "川沙镇人民路1号", "x": 500, "y": 70},
        {"name": "别的桥", "x": 0, "y": 0},
    ]
    found = problems(names_town.gazetteer(extra), "twins")
    assert found["entry_ids"].tolist() == ["a;b"]
    assert found["detail"].tolist() == ["150"]


def test_points_outside_their_village_or_the_town(names_town):
    extra = [
        {"name": "甲厂", "entry_id": "a", "x": -300, "y": 0, "village_id": "v1"},
        {"name": "乙厂", "entry_id": "b", "x": -20, "y": 0, "village_id": "v1"},
        {"name": "丙厂", "entry_id": "c", "x": 300, "y": 0, "village_id": "v1"},
        {"name": "丁厂", "entry_id": "d", "x": 2000, "y": 0, "village_id": ""},
    ]
    gazetteer = names_town.gazetteer(extra)
    assert problems(gazetteer, "outside_village")["entry_ids"].tolist() == ["a"]
    assert problems(gazetteer, "outside_village")["detail"].tolist() == ["v1 300"]
    assert problems(gazetteer, "outside_town")["entry_ids"].tolist() == ["d"]


def test_an_alias_of_an_unknown_level(names_town):
    extra = [
        {"name": "老地方", "entry_id": "a", "kind": "somewhere", "source": "alias", "x": 0, "y": 0},
        {"name": "新地方", "entry_id": "b", "kind": "place", "source": "alias", "x": 0, "y": 0},
    ]
    found = problems(names_town.gazetteer(extra), "unknown_level")
    assert found["entry_ids"].tolist() == ["a"]
