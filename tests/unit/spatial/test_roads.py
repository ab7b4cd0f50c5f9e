"""Ways along roads: who may go where, where places meet the roads, how lines come to meet."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from pingan_geo.coords import local_metres
from pingan_geo.errors import (
    BadChoiceError,
    FileMissingError,
    NoRoadsError,
    NoRoadsForModeError,
    OutsideTownError,
    UnreadableFileError,
)
from pingan_geo.spatial.road_lines import lines_of_layer
from pingan_geo.spatial.road_osm import read_osm
from pingan_geo.spatial.roads import RoadNetwork, straight_travel

LON, LAT = 120.6, 30.78
PLANE = local_metres(LON, LAT)


def at(*xy: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Degrees of metres east and north of a point in the town."""
    x, y = np.array(xy, dtype=float).T
    return PLANE.inverse(x, y)


def layer(*lines, **columns) -> gpd.GeoDataFrame:
    """A layer of lines given in metres; columns have one value a line."""
    shapes = [shapely.LineString(np.column_stack(at(*line))) for line in lines]
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=4326)


def metres_of(line: np.ndarray) -> float:
    x, y = PLANE.forward(line[:, 0], line[:, 1])
    return float(np.hypot(np.diff(x), np.diff(y)).sum())


#: A square of 1 km by 600 m, and a road that leads off its east side.
SQUARE = (
    ((0, 0), (1000, 0)),
    ((1000, 0), (1000, 600)),
    ((1000, 600), (0, 600)),
    ((0, 600), (0, 0)),
    ((1000, 300), (1500, 300)),
)


# -- what is refused ---------------------------------------------------------------------------------


def test_a_layer_without_lines_is_refused():
    with pytest.raises(NoRoadsError):
        RoadNetwork.of_layer(layer())


def test_a_line_without_length_is_no_road():
    with pytest.raises(NoRoadsError):
        RoadNetwork.of_layer(layer(((0, 0), (0, 0))))


@pytest.mark.parametrize("ask", [RoadNetwork.matrix, RoadNetwork.snap])
def test_an_unknown_mode_is_refused(ask):
    network = RoadNetwork.of_layer(layer(*SQUARE))
    with pytest.raises(BadChoiceError, match="boat"):
        ask(network, *at((0, 0)), "boat")
    with pytest.raises(BadChoiceError, match="boat"):
        straight_travel(*at((0, 0)), "boat")


def test_a_mode_that_may_go_nowhere_is_refused():
    network = RoadNetwork.of_layer(layer(*SQUARE, highway=["steps"] * 5))
    assert network.metres_of("walk") > 3000
    with pytest.raises(NoRoadsForModeError, match="Car"):
        network.matrix(*at((0, 0)), "car")


@pytest.mark.parametrize("name", ["roads.osm.pbf", "roads.osm", "roads.osm.gz"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str):
    file = tmp_path / name
    file.write_text("not a map at all", encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=name):
        read_osm(file)


def test_an_absent_file_is_refused(tmp_path: Path):
    with pytest.raises(FileMissingError):
        read_osm(tmp_path / "roads.osm.pbf")


def osm(*ways: str, nodes: dict[int, tuple[float, float]]) -> str:
    lines = ['<osm version="0.6">']
    for number, xy in nodes.items():
        lon, lat = at(xy)
        lines.append(f'<node id="{number}" lon="{lon[0]:.7f}" lat="{lat[0]:.7f}"/>')
    return "\n".join([*lines, *ways, "</osm>"])


def way(number: int, nodes: list[int], **tags: str) -> str:
    inner = "".join(f'<nd ref="{node}"/>' for node in nodes)
    inner += "".join(f'<tag k="{key.replace("__", ":")}" v="{value}"/>' for key, value in tags.items())
    return f'<way id="{number}">{inner}</way>'


def test_an_extract_without_roads_is_refused(tmp_path: Path):
    file = tmp_path / "town.osm"
    nodes = {1: (0, 0), 2: (100, 0)}
    file.write_text(osm(way(1, [1, 2], building="yes"), way(2, [1, 2], highway="proposed"), nodes=nodes))
    with pytest.raises(NoRoadsError, match=r"town\.osm"):
        read_osm(file)


def test_an_extract_of_another_place_is_refused(tmp_path: Path):
    file = tmp_path / "town.osm"
    file.write_text(osm(way(1, [1, 2], highway="path"), nodes={1: (0, 0), 2: (100, 0)}))
    with pytest.raises(OutsideTownError):
        read_osm(file, shapely.box(LON + 1, LAT, LON + 1.1, LAT + 0.1))


# -- distances ---------------------------------------------------------------------------------------


def test_distances_along_a_square():
    network = RoadNetwork.of_layer(layer(*SQUARE))
    travel = network.matrix(*at((0, 0), (1000, 600), (500, 0), (1500, 300), (250, 0)), "walk")
    expected = [
        [0, 1600, 500, 1800, 250],
        [1600, 0, 1100, 800, 1350],
        [500, 1100, 0, 1300, 250],
        [1800, 800, 1300, 0, 1550],
        [250, 1350, 250, 1550, 0],
    ]
    np.testing.assert_allclose(travel.metres, expected, atol=0.02)
    np.testing.assert_allclose(travel.minutes, travel.metres / 75.0, rtol=1e-12, atol=1e-12)  # 4.5 km/h
    assert travel.basis == "roads"
    assert travel.reachable.all()


def test_the_stretch_to_the_road_is_walked_whatever_the_mode():
    network = RoadNetwork.of_layer(layer(*SQUARE, highway=["residential"] * 5))
    travel = network.matrix(*at((200, 60), (800, -90)), "car")
    np.testing.assert_allclose(travel.snapped_m, [60, 90], atol=0.01)
    assert travel.metres[0, 1] == pytest.approx(750, abs=0.02)
    assert travel.minutes[0, 1] == pytest.approx(600 / 20 * 0.06 + 150 / 4.5 * 0.06, abs=1e-3)


def test_a_place_beyond_the_limit_is_not_moved():
    network = RoadNetwork.of_layer(layer(*SQUARE))
    lon, lat = at((200, 60), (800, -90), (700, -310))
    travel = network.matrix(lon, lat, "walk", limit_m=300)
    assert travel.reachable.tolist() == [True, True, False]
    assert travel.snapped_m[2] == pytest.approx(310, abs=0.1)
    assert np.isinf(travel.minutes[2, :2]).all()
    assert np.isinf(travel.metres[:2, 2]).all()
    assert travel.minutes[2, 2] == 0
    assert travel.line(0, 2).shape == (0, 2)
    assert network.matrix(lon, lat, "walk", limit_m=320).reachable.all()


def test_a_place_without_coordinates_is_not_reachable():
    network = RoadNetwork.of_layer(layer(*SQUARE))
    lon, lat = at((200, 0), (300, 0))
    travel = network.matrix([*lon, np.nan], [*lat, 30.0], "walk")
    assert travel.reachable.tolist() == [True, True, False]
    assert np.isinf(travel.snapped_m[2])
    assert np.isinf(travel.minutes[:2, 2]).all()
    assert straight_travel([*lon, np.nan], [*lat, 30.0], "walk").reachable.tolist() == [True, True, False]


def test_no_places_at_all():
    network = RoadNetwork.of_layer(layer(*SQUARE))
    assert network.matrix([], [], "walk").minutes.shape == (0, 0)
    assert straight_travel([], [], "walk").minutes.shape == (0, 0)


def test_one_way_streets_lead_round_the_block():
    network = RoadNetwork.of_layer(layer(*SQUARE[:4], highway=["residential"] * 4, oneway=["yes"] * 4))
    places = at((250, 0), (750, 0))
    assert network.matrix(*places, "walk").metres[1, 0] == pytest.approx(500, abs=0.02)
    car = network.matrix(*places, "car")
    assert car.metres[0, 1] == pytest.approx(500, abs=0.02)
    assert car.metres[1, 0] == pytest.approx(2700, abs=0.05)
    assert metres_of(car.line(1, 0)) == pytest.approx(2700, abs=0.05)
    against = layer(*SQUARE[:4], highway=["residential"] * 4, oneway=["-1"] * 4)
    assert RoadNetwork.of_layer(against).matrix(*places, "car").metres[0, 1] == pytest.approx(2700, abs=0.05)


def test_e_bikes_follow_one_way_streets_unless_a_sign_lets_them():
    for sign, metres in (("", 2700), ("no", 500), ("yes", 2700)):
        frame = layer(*SQUARE[:4], highway=["residential"] * 4, oneway=["yes"] * 4)
        frame["oneway:bicycle"] = [sign] * 4
        travel = RoadNetwork.of_layer(frame).matrix(*at((250, 0), (750, 0)), "ebike")
        assert travel.metres[1, 0] == pytest.approx(metres, abs=0.05)


def test_the_quicker_way_is_taken_and_not_the_shorter():
    frame = layer(
        ((0, 0), (1000, 0)),
        ((0, 0), (0, 100), (1000, 100), (1000, 0)),
        highway=["living_street", "primary"],
    )
    travel = RoadNetwork.of_layer(frame).matrix(*at((0, 0), (1000, 0)), "car")
    assert travel.metres[0, 1] == pytest.approx(1200, abs=0.05)
    assert travel.minutes[0, 1] == pytest.approx(1.8, abs=0.001)
    assert metres_of(travel.line(0, 1)) == pytest.approx(1200, abs=0.05)


def test_speeds_can_be_set():
    from pingan_geo.spatial.road_profiles import PROFILES

    slow = {**PROFILES, "walk": PROFILES["walk"].with_speeds({"road": 3.0})}
    network = RoadNetwork.of_layer(layer(*SQUARE), profiles=slow)
    assert network.matrix(*at((0, 0), (1000, 0)), "walk").minutes[0, 1] == pytest.approx(20, abs=0.001)
    assert PROFILES["walk"].speeds_kmh["road"] == 4.5


# -- parts -------------------------------------------------------------------------------------------


def test_what_is_not_joined_is_told_and_not_used():
    island = ((3000, 0), (3400, 0)), ((3400, 0), (3500, 0))
    frame = layer(*SQUARE, *island, name=["a", "b", "c", "d", "e", "Island Road", "Pier"])
    network = RoadNetwork.of_layer(frame)
    (part,) = network.parts("walk")
    assert part.name == "Island Road"
    assert part.metres == pytest.approx(500, abs=0.02)
    assert not part.one_way
    x, _ = PLANE.forward(part.lon, part.lat)
    assert x == pytest.approx(3200, abs=1)
    assert network.metres_of("walk") == pytest.approx(3700, abs=0.1)
    travel = network.matrix(*at((0, 0), (3200, 0)), "walk")
    assert travel.reachable.tolist() == [True, False]


def test_a_street_that_one_cannot_come_back_from_is_not_used():
    highway = ["residential"] * 5
    frame = layer(
        *SQUARE, highway=highway, oneway=["no"] * 4 + ["yes"], name=["a", "b", "c", "d", "Dead End"]
    )
    network = RoadNetwork.of_layer(frame)
    assert network.parts("walk") == ()
    (part,) = network.parts("car")
    assert (part.name, part.one_way) == ("Dead End", True)
    travel = network.matrix(*at((1400, 300), (0, 0)), "car", limit_m=1000)
    assert travel.snapped_m[0] == pytest.approx(400, abs=0.02)


# -- how loose lines meet ----------------------------------------------------------------------------


def joined(*lines, **columns) -> bool:
    """Whether all lines of a layer hang together on foot."""
    network = RoadNetwork.of_layer(layer(*lines, **columns))
    return network.parts("walk") == () and network.metres_of("walk") > 0


MAIN = ((0, 0), (1000, 10))


def test_lines_that_cross_meet():
    assert joined(MAIN, ((500, -200), (500, 300)))
    travel = RoadNetwork.of_layer(layer(((0, 0), (1000, 0)), ((500, -200), (500, 300)))).matrix(
        *at((0, 0), (500, 300)), "walk"
    )
    assert travel.metres[0, 1] == pytest.approx(800, abs=0.05)


@pytest.mark.parametrize("gap", [0.0, 0.1, 0.3, -0.3])
def test_an_end_that_stops_short_of_a_road_or_shoots_over_it_meets_it(gap):
    assert joined(MAIN, ((500, 5 + gap), (500, 300)))


@pytest.mark.parametrize("gap", [0.3, -0.3])
def test_ends_that_miss_each_other_meet(gap):
    assert joined(((0, 0), (500, 0)), ((500 + gap, 0.1), (1000, 0)))


def test_an_end_that_is_metres_away_does_not_meet():
    assert not joined(MAIN, ((500, 7), (500, 300)))


def test_a_road_drawn_twice_is_one():
    network = RoadNetwork.of_layer(
        layer(((0, 0), (400, 0), (1000, 0)), ((1000, 0.2), (700, 0.2), (0, 0.2)), ((700, 0.3), (700, 200)))
    )
    assert network.parts("walk") == ()
    assert network.matrix(*at((0, 0), (700, 200)), "walk").metres[0, 1] == pytest.approx(900, abs=1)


def test_a_line_that_crosses_itself_meets_itself():
    loop = ((0, 0), (1000, 0), (1000, 300), (500, 300), (500, -300))
    travel = RoadNetwork.of_layer(layer(loop)).matrix(*at((0, 0), (500, -300)), "walk")
    assert travel.metres[0, 1] == pytest.approx(800, abs=0.05)


def test_points_close_together_on_one_line_stay_apart():
    bend = tuple((x / 5, 20 * np.sin(x / 60)) for x in range(1000))
    roads = lines_of_layer(layer(bend))
    assert roads.nodes.size == 1000
    assert metres_of(roads.line(0)) == pytest.approx(metres_of(np.column_stack(at(*bend))), abs=1e-6)


def test_a_bridge_does_not_meet_what_lies_under_it():
    under = ((500, -200), (500, 300))
    assert not joined(MAIN, under, bridge=["yes", "no"])
    assert not joined(MAIN, under, layer=[1, 0])
    assert not joined(MAIN, under, tunnel=["no", "T"])
    # but it meets the road that goes on at its end
    assert joined(MAIN, ((1000, 10), (1500, 10)), bridge=["yes", "no"])


def test_a_motorway_is_crossed_and_joined_by_its_links_only():
    highway = ["motorway", "residential", "motorway_link"]
    frame = layer(MAIN, ((500, -200), (500, 300)), ((500, 300), (600, 6)), highway=highway)
    network = RoadNetwork.of_layer(frame)
    assert [part.metres for part in network.parts("walk")] == []
    (part,) = RoadNetwork.of_layer(frame[:2]).parts("car")  # one cannot come back on it
    assert part.metres == pytest.approx(1000, abs=0.1)
    roads = network.roads
    shared = set(roads.nodes[roads.starts[0] : roads.starts[1]])
    assert not shared & set(roads.nodes[roads.starts[1] : roads.starts[2]])
    assert shared & set(roads.nodes[roads.starts[2] : roads.starts[3]])


def test_lines_made_from_openstreetmap_meet_at_shared_points_only():
    cross = (((0, 0), (1000, 0)), ((500, -200), (500, 300)))
    assert not joined(*cross, osm_id=["1", "2"])
    through = (((0, 0), (500, 0), (1000, 0)), ((500, -200), (500, 0), (500, 300)))
    assert joined(*through, osm_id=["1", "2"])


def test_words_of_a_layer_for_a_class_of_road():
    frame = layer(*SQUARE, kind=["主干路", "高速公路", "巷", "", "人行步道"], name=["a", None, "c", "d", "e"])
    roads = lines_of_layer(frame)
    classes = [roads.tags[number]["highway"] for number in roads.tags_of]
    assert classes == ["primary", "motorway", "living_street", "road", "footway"]
    assert roads.names.tolist() == ["a", "", "c", "d", "e"]


def test_a_shapefile_cut_from_openstreetmap():
    frame = layer(
        *SQUARE[:4],
        osm_id=["1", "2", "3", "4"],
        fclass=["residential", "track_grade3", "unknown", "residential"],
        oneway=["F", "B", "B", "T"],
        maxspeed=[0, 0, 10, 0],
    )
    network = RoadNetwork.of_layer(frame)
    car = network.profiles["car"]
    assert [car.passage(tags) for tags in (network.roads.tags[each] for each in network.roads.tags_of)] == [
        (20, True, False),
        (0, False, False),
        (10, True, True),
        (20, False, True),
    ]


# -- who may go where --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "tags", "expected"),
    [
        ("walk", {"highway": "footway"}, (4.5, True, True)),
        ("walk", {"highway": "primary", "oneway": "yes"}, (4.5, True, True)),
        ("walk", {"highway": "steps"}, (3, True, True)),
        ("walk", {"highway": "motorway"}, (0, False, False)),
        ("walk", {"highway": "trunk", "motorroad": "yes"}, (0, False, False)),
        ("walk", {"highway": "service", "access": "private"}, (0, False, False)),
        ("walk", {"highway": "service", "access": "private", "foot": "yes"}, (4.5, True, True)),
        ("walk", {"highway": "path", "foot": "no"}, (0, False, False)),
        ("walk", {"highway": "construction", "foot": "yes"}, (0, False, False)),
        ("ebike", {"highway": "secondary"}, (15, True, True)),
        ("ebike", {"highway": "footway", "oneway": "yes"}, (4.5, True, True)),
        ("ebike", {"highway": "footway", "bicycle": "designated"}, (10, True, True)),
        ("ebike", {"highway": "primary", "bicycle": "no"}, (0, False, False)),
        ("ebike", {"highway": "residential", "bicycle": "dismount", "oneway": "yes"}, (4.5, True, True)),
        ("ebike", {"highway": "steps"}, (0, False, False)),
        ("ebike", {"highway": "cycleway", "oneway": "yes"}, (15, True, False)),
        ("ebike", {"highway": "residential", "oneway": "yes", "cycleway": "opposite_lane"}, (15, True, True)),
        ("ebike", {"highway": "service", "vehicle": "no"}, (0, False, False)),
        ("car", {"highway": "residential", "maxspeed": "15"}, (15, True, True)),
        ("car", {"highway": "primary", "maxspeed": "20 mph"}, (20 * 1.609344, True, True)),
        ("car", {"highway": "primary", "maxspeed": "signals"}, (40, True, True)),
        ("car", {"highway": "primary", "junction": "roundabout"}, (40, True, False)),
        ("car", {"highway": "motorway"}, (80, True, False)),
        ("car", {"highway": "motorway", "oneway": "no"}, (80, True, True)),
        ("car", {"highway": "track"}, (0, False, False)),
        ("car", {"highway": "track", "motor_vehicle": "yes"}, (15, True, True)),
        ("car", {"highway": "residential", "motor_vehicle": "no"}, (0, False, False)),
        ("car", {"highway": "residential", "access": "no", "motorcar": "yes"}, (15, True, True)),
        ("car", {"highway": "footway", "access": "yes"}, (0, False, False)),
        ("car", {"highway": "pedestrian"}, (0, False, False)),
        ("car", {}, (0, False, False)),
    ],
)
def test_passage(mode, tags, expected):
    from pingan_geo.spatial.road_profiles import PROFILES

    if expected == (15, True, True) and "access" in tags:
        expected = (
            20,
            True,
            True,
        )  # the speed of its own class: it is opened, not a class that is not listed
    assert PROFILES[mode].passage(tags) == pytest.approx(expected)


def test_an_e_bike_is_never_faster_than_it_may_be_built():
    from pingan_geo.spatial.road_profiles import PROFILES

    assert PROFILES["ebike"].with_speeds({"primary": 40}).passage({"highway": "primary"})[0] == 25


# -- extracts of OpenStreetMap -----------------------------------------------------------------------

NODES = {1: (0, 0), 2: (500, 0), 3: (1000, 0), 4: (500, -300), 5: (500, 400), 6: (500, 0), 7: (9000, 0)}


def test_ways_of_an_extract_meet_at_their_nodes_and_a_bridge_does_not(tmp_path: Path):
    file = tmp_path / "town.osm"
    ways = (
        way(11, [1, 2, 3], highway="primary", name="洛东路"),
        way(12, [4, 6, 5], highway="footway", bridge="yes"),  # node 6 lies over node 2
        way(13, [3, 5], highway="residential", oneway="yes"),
        way(14, [3, 7], highway="path"),
    )
    file.write_text(osm(*ways, nodes=NODES), encoding="utf-8")
    roads = read_osm(file)
    assert roads.names.tolist() == ["洛东路", "", "", ""]
    assert roads.codes.tolist() == ["11", "12", "13", "14"]
    assert roads.levels.tolist() == [0, 1, 0, 0]
    assert roads.cut == 0
    network = RoadNetwork(roads)
    assert network.nodes == 7
    way_round = network.matrix(*at((500, -300), (0, 0)), "walk").metres[0, 1]
    assert way_round == pytest.approx(700 + np.hypot(500, 400) + 1000, abs=0.05)


def test_a_way_with_points_that_are_not_in_the_extract_is_cut_there(tmp_path: Path):
    file = tmp_path / "town.osm"
    ways = (way(11, [1, 99, 2, 3], highway="primary"), way(12, [98, 4], highway="primary"))
    file.write_text(osm(*ways, nodes=NODES))
    roads = read_osm(file)
    assert (roads.count, roads.cut) == (1, 2)
    assert metres_of(roads.line(0)) == pytest.approx(500, abs=0.05)


def test_only_roads_near_the_area_are_kept_each_as_a_whole(tmp_path: Path):
    file = tmp_path / "town.osm"
    nodes = {
        1: (0, 0),
        2: (500, 0),
        3: (2300, 0),
        4: (9000, 0),
        5: (-5000, 1000),
        6: (5000, 1000),
        7: (9000, 90),
    }
    ways = (
        way(11, [1, 2], highway="path"),
        way(12, [2, 3, 4], highway="path"),  # comes within 2 km
        way(13, [4, 7], highway="path"),
        way(14, [5, 6], highway="path"),  # passes through without a point
    )
    file.write_text(osm(*ways, nodes=nodes))
    west, south = at((0, 0))
    east, north = at((500, 500))
    area = shapely.box(west[0], south[0], east[0], north[0])
    assert read_osm(file, area).codes.tolist() == ["11", "12", "14"]
    assert read_osm(file, area, around_m=400).codes.tolist() == ["11", "12"]
    assert read_osm(file).codes.tolist() == ["11", "12", "13", "14"]


# -- lines and straight ways -------------------------------------------------------------------------


def test_lines_run_from_place_to_place_along_the_roads():
    network = RoadNetwork.of_layer(layer(*SQUARE))
    lon, lat = at((100, 30), (900, 630), (1400, 320), (150, 0))
    travel = network.matrix(lon, lat, "walk")
    for start in range(4):
        for end in range(4):
            line = travel.line(start, end)
            assert line[0].tolist() == [lon[start], lat[start]]
            assert line[-1].tolist() == [lon[end], lat[end]]
            assert metres_of(line) == pytest.approx(travel.metres[start, end], rel=1e-7)
    whole = travel.lines([0, 1, 2, 0])
    assert metres_of(whole) == pytest.approx(travel.metres[[0, 1, 2], [1, 2, 0]].sum(), rel=1e-7)
    assert (np.diff(whole, axis=0) != 0).any(axis=1).all()


def test_without_roads_ways_are_straight_and_longer_by_a_factor():
    lon, lat = at((0, 0), (3000, 4000))
    travel = straight_travel(lon, lat, "ebike")
    assert travel.metres[0, 1] == pytest.approx(7000, rel=1e-4)
    assert travel.minutes[0, 1] == pytest.approx(28, rel=1e-4)
    assert (travel.basis, travel.factor) == ("straight", 1.4)
    assert travel.snapped_m.tolist() == [0, 0]
    assert travel.line(1, 0).tolist() == [[lon[1], lat[1]], [lon[0], lat[0]]]
    assert straight_travel(lon, lat, "walk", 1.0).minutes[0, 1] == pytest.approx(5000 / 75, rel=1e-4)
