"""The demo's ground: tiles exactly, keeps the known facts, looks the same for the same seed."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import shapely

from pingan_geo.demo import names
from pingan_geo.demo.geography import build_geography
from pingan_geo.model.tables import POLYGONS
from pingan_geo.spatial.grids import area_m2, check_polygons

TILING = ("villages", "grids", "beats")
KNOWN_KM2 = {"秀水社区": 1.07, "蓬莱社区": 3.75, "洛东村": 6.03, "思古桥村": 4.39}
KNOWN_POINTS = {"凤舞社区": (120.603318, 30.797605), "西文桥村": (120.578116, 30.822422)}


def shape_of(layer, name):
    return layer.geometry[layer.index[layer["name"] == name][0]]


def same_shape(first, second):
    return first.normalize().equals_exact(second.normalize(), 0.0)


def test_layers_have_the_columns_of_polygons(geography):
    for layer in geography.layers.values():
        POLYGONS.check(layer)
        assert layer["code"].is_unique
        assert layer.geometry.is_valid.all()
        assert layer["synthetic"].all()
        assert layer.crs.to_epsg() == 4326


def test_the_town_has_its_published_area_and_place(geography):
    area = geography.layers["area"].geometry.iloc[0]
    assert area_m2([area])[0] / 1e6 == pytest.approx(133.17, rel=1e-3)
    west, south, east, north = area.bounds
    assert 120.525 < west < 120.545
    assert 120.665 < east < 120.685
    assert 30.695 < south < 30.72
    assert 30.86 < north < 30.885
    assert area.contains(shapely.Point(names.SEAT_LON, names.SEAT_LAT))


@pytest.mark.parametrize("name", TILING)
def test_layers_tile_the_town_exactly(geography, name):
    """Vertex by vertex, after rounding: no gap, no overlap, no T-junction."""
    shapes = geography.layers[name].geometry.to_numpy()
    assert set(shapely.get_type_id(shapes)) == {3}
    assert (shapely.get_num_interior_rings(shapes) == 0).all()
    coordinates = shapely.get_coordinates(shapes)
    assert (coordinates == np.round(coordinates, 7)).all()
    assert shapely.coverage_is_valid(shapes)
    assert same_shape(shapely.coverage_union_all(shapes), geography.layers["area"].geometry.iloc[0])
    report = check_polygons(
        geography.layers[name], geography.layers["area"].geometry.iloc[0], tolerance_m2=0.0001
    )
    assert report.sound


def test_a_moved_vertex_would_be_noticed(geography):
    """The exact checks above can fail: a centimetre is enough."""
    shapes = geography.layers["grids"].geometry.to_numpy().copy()
    inner = next(
        number for number, shape in enumerate(shapes) if shape.boundary.intersects(shapes[0].boundary)
    )
    moved = shapely.get_coordinates(shapes[inner])[:-1]
    moved[3] += 1e-7
    shapes[inner] = shapely.Polygon(moved)
    whole = same_shape(shapely.coverage_union_all(shapes), geography.layers["area"].geometry.iloc[0])
    assert not (shapely.coverage_is_valid(shapes) and whole)


def test_grids_are_parts_of_their_village(geography):
    grids, villages = geography.layers["grids"], geography.layers["villages"]
    assert 60 <= len(grids) <= 90
    assert set(grids["parent"]) == set(villages["code"])
    for code, shape in zip(villages["code"], villages.geometry, strict=True):
        mine = grids[grids["parent"] == code]
        assert same_shape(shapely.coverage_union_all(mine.geometry.to_numpy()), shape)
        assert mine["code"].tolist() == [f"{code}{number:03d}" for number in range(1, len(mine) + 1)]
        assert mine["code"].str.fullmatch(r"330411104\d{6}").all()


def test_grids_are_smaller_where_people_live(geography):
    grids, villages = geography.layers["grids"], geography.layers["villages"]
    kind = dict(zip(villages["code"], villages["kind"], strict=True))
    community = grids["parent"].map(kind).to_numpy() == "社区"
    areas = area_m2(grids.geometry.to_numpy()) / 1e6
    assert np.median(areas[community]) < 0.4 * np.median(areas[~community])


def test_beats_follow_borders_of_their_own(geography):
    beats, villages = geography.layers["beats"], geography.layers["villages"]
    assert 6 <= len(beats) <= 10
    parted = 0
    for village in villages.geometry:
        shares = area_m2(shapely.intersection(beats.geometry.to_numpy(), village)) / area_m2([village])[0]
        parted += int((shares > 0.05).sum() > 1)
    assert parted >= 5


@pytest.mark.parametrize("name", KNOWN_KM2)
def test_known_areas(geography, name):
    area = area_m2([shape_of(geography.layers["villages"], name)])[0] / 1e6
    assert area == pytest.approx(KNOWN_KM2[name], rel=0.1)


@pytest.mark.parametrize("name", KNOWN_POINTS)
def test_known_points_lie_in_their_village(geography, name):
    assert shape_of(geography.layers["villages"], name).contains(shapely.Point(KNOWN_POINTS[name]))


def test_known_neighbours(geography):
    villages = geography.layers["villages"]
    centre = villages.geometry.to_crs(32651).centroid
    north_west = villages["name"].iloc[int(np.argmax(centre.y.to_numpy() - centre.x.to_numpy()))]
    assert north_west == "思古桥村"
    assert shape_of(villages, "思古桥村").touches(shape_of(villages, "西文桥村"))
    assert shape_of(villages, "秀水社区").touches(shape_of(villages, "洛东村"))
    seat = shapely.Point(names.SEAT_LON, names.SEAT_LAT)
    nearest = (
        villages.assign(away=shapely.distance(villages.geometry.to_numpy(), seat))
        .sort_values("away")["name"]
        .tolist()
    )
    assert {"虹桥社区", "秀水社区", "蓬莱社区", "凤舞社区"} <= set(nearest[:6])


def test_borders_are_neither_straight_nor_jagged(geography):
    """Wiggly: longer than the straight way, but no turn back on themselves."""
    for shape in geography.layers["villages"].geometry.to_crs(32651):
        xy = shapely.get_coordinates(shape)[:-1]
        step = np.diff(np.vstack([xy, xy[:1]]), axis=0)
        turn = np.arctan2(step[:, 1], step[:, 0])
        turn = np.abs((np.diff(turn, append=turn[0]) + np.pi) % (2 * np.pi) - np.pi)
        assert np.quantile(turn, 0.9) < np.radians(60)
        assert (turn > np.radians(4)).mean() > 0.3


def test_roads_and_waters_have_names_and_kinds(geography):
    roads, waters = geography.layers["roads"], geography.layers["waters"]
    assert {"申嘉湖高速", "嘉铜公路", "嘉桐公路", "兴镇路", "新塍大道", "洛东路", "北街"} <= set(
        roads["name"]
    )
    assert {"大运河", "新塍塘", "新塍市河", "汲水河"} <= set(waters["name"])
    assert set(roads["kind"]) == {"motorway", "main", "secondary", "street", "lane"}
    assert set(roads.geom_type) == set(waters.geom_type) == {"LineString"}
    near_town = geography.layers["area"].geometry.iloc[0].buffer(0.0006)
    assert roads.geometry.within(near_town).all()
    assert waters.geometry.within(near_town).all()
    motorway = roads.geometry[roads["name"] == "申嘉湖高速"].iloc[0]
    crossing = roads.geometry[roads["name"] == "嘉铜公路"].iloc[0].intersection(motorway)
    assert shape_of(geography.layers["villages"], "洛东村").contains(crossing)


def test_estates_stand_clear(geography):
    estates, villages = geography.layers["estates"], geography.layers["villages"]
    assert len(estates) == 30
    assert (estates["households"] > 0).all()
    homes = dict(zip(villages["code"], villages.geometry, strict=True))
    assert all(
        homes[code].contains(shape) for code, shape in zip(estates["parent"], estates.geometry, strict=True)
    )
    shapes = estates.geometry.to_numpy()
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    assert (first == second).all()
    wet = shapely.union_all(geography.layers["waters"].geometry.to_numpy())
    paved = geography.layers["roads"]
    streets = shapely.union_all(paved.geometry[paved["kind"] != "lane"].to_numpy())
    assert not shapely.intersects(shapes, wet).any()
    assert not shapely.intersects(shapes, streets).any()


def test_places_lie_in_the_town(geography):
    places = geography.ground.places
    assert 130 <= len(places) <= 170
    assert {"蓬莱公园", "佳源广场", "北街老供销社"} <= {place.name for place in places}
    assert len({place.name for place in places}) == len(places)
    lon, lat = geography.ground.degrees(np.array([(place.x, place.y) for place in places]))
    assert shapely.contains_xy(geography.layers["area"].geometry.iloc[0], lon, lat).all()


def test_the_seed_decides(geography):
    again = build_geography(np.random.Generator(np.random.PCG64(3)))
    twin = build_geography(np.random.Generator(np.random.PCG64(3)))
    for name, layer in again.layers.items():
        assert layer.geometry.to_wkb().tolist() == twin.layers[name].geometry.to_wkb().tolist()
    assert (
        again.layers["grids"].geometry.to_wkb().tolist()
        != geography.layers["grids"].geometry.to_wkb().tolist()
    )


@pytest.mark.shared_data
def test_names_and_codes_are_the_public_ones(geography, shared_dir):
    with (shared_dir / "domain" / "xincheng_villages.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    public = {row["code12"]: (row["short_name"], row["type"]) for row in rows}
    villages = geography.layers["villages"]
    ours = {
        code: (name, kind)
        for code, name, kind in zip(villages["code"], villages["name"], villages["kind"], strict=True)
    }
    assert ours == public
    households = dict(zip(villages["code"], villages["households"], strict=True))
    assert all(households[row["code12"]] == int(row["households"]) for row in rows if row["households"])
