"""Words for a point: what people on the spot know, its side and how far."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pingan_geo.coords import local_metres
from pingan_geo.errors import UnalignedIndexError
from pingan_geo.geocoding.gazetteer import Gazetteer
from pingan_geo.geocoding.reverse import DESCRIBED, describe_places, nearest_described

PLANE = local_metres(120.619, 30.799)


@pytest.fixture(scope="module")
def gazetteer(names_town):
    return names_town.gazetteer(
        [{"name": "王家门口", "source": "alias", "kind": "place", "x": -800, "y": 800}]
    )


def words(gazetteer, x, y):
    lon, lat = PLANE.inverse([x], [y])
    return describe_places(lon, lat, gazetteer)[0]


def test_unequal_lengths_are_refused(gazetteer):
    with pytest.raises(UnalignedIndexError):
        nearest_described([120.6], [], gazetteer)


def test_nothing_in_reach_has_no_words(gazetteer):
    assert words(gazetteer, 5000, 5000) == ""
    assert describe_places([np.nan, np.inf], [30.8, 30.8], gazetteer) == ["", ""]
    assert describe_places([], [], gazetteer) == []
    empty = Gazetteer.of(pd.DataFrame({"name": [], "lon": [], "lat": []}))
    assert describe_places([120.6], [30.8], empty) == [""]


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (35, 520, "老供销社旁"),
        (285, -15, "新塍大道118号附近"),
        (-60, 70, "新塍中心小学东侧约90米"),
        (-300, 42, "新塍大道与虹桥路交叉口北侧约40米"),
        (-340, -40, "新塍大道与虹桥路交叉口西南侧约60米"),
    ],
)
def test_the_words_for_a_point(gazetteer, x, y, said):
    assert words(gazetteer, x, y) == said


def test_a_known_place_is_said_before_a_nearer_house_number(gazetteer):
    # 北街12号 lies 20 m away, 老供销社 25 m
    assert words(gazetteer, 10, 500).startswith("老供销社")


def test_an_alias_is_nobody_elses_word(gazetteer):
    assert words(gazetteer, -800, 800) != "王家门口旁"


def test_the_parts_stand_in_a_table(gazetteer):
    lon, lat = PLANE.inverse([30.0, 9000.0], [555.0, 0.0])
    found = nearest_described(lon, lat, gazetteer)
    DESCRIBED.check(found)
    assert found["name"].tolist() == ["老供销社", ""]
    assert found["relation"].tolist() == ["side", ""]
    assert found["side"].tolist() == ["N", ""]
    assert found["distance_m"].iloc[0] == pytest.approx(40, abs=0.1)
    assert np.isnan(found["distance_m"].iloc[1])


def test_what_is_said_is_found_again(gazetteer, geocoder):
    rng = np.random.default_rng(4)
    x, y = rng.uniform(-900, 900, 300), rng.uniform(-900, 900, 300)
    lon, lat = PLANE.inverse(x, y)
    said = describe_places(lon, lat, gazetteer)
    # 环城路 meets 新塍大道 twice, so its crossing is not one place
    asked = [index for index, each in enumerate(said) if each and "环城路" not in each]
    found = geocoder.locate([said[index] for index in asked])
    assert len(asked) > 150
    assert found.loc[found["status"] != "accepted", "name"].tolist() == []
    there_x, there_y = PLANE.forward(found["lon"], found["lat"])
    away = np.hypot(there_x - x[asked], there_y - y[asked])
    # the side is one of eight and the distance is rounded
    assert (away <= 0.4 * nearest_described(lon, lat, gazetteer)["distance_m"].to_numpy()[asked] + 35).all()
