"""The printed map: to scale, every stop numbered, no name on another."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from pingan_geo.coords import local_metres
from pingan_geo.i18n import translator
from pingan_geo.outputs import print_map
from pingan_geo.outputs.print_map import bar_m, mark_svg, route_map

SVG = {"s": "http://www.w3.org/2000/svg"}


@pytest.fixture
def route(made_pack):
    return made_pack.made_patrol().routes[0]


def drawn(made_pack, route, **options):
    sizes = {"width_mm": 134, "height_mm": 150, **options}
    return ET.fromstring(route_map(route, ground=made_pack.made_ground(), t=translator("zh"), **sizes))


def texts(picture):
    return {
        node.text: (float(node.get("x", 0)), float(node.get("y", 0)))
        for node in picture.findall(".//s:text", SVG)
    }


def test_every_stop_is_numbered_and_lies_to_scale(made_pack, route):
    said = texts(drawn(made_pack, route))
    assert {str(stop.number) for stop in route.stops} <= said.keys()
    first, far = route.stops[0], route.stops[10]
    plane = local_metres(first.lon, first.lat)
    metres = math.hypot(*map(float, plane.forward(far.lon, far.lat)))
    paper = math.dist(said["1"], said["11"])
    bar = next(text for text in said if re.fullmatch(r"\d+ k?m", text))
    long = next(
        re.search(r"M([\d.]+) .*H([\d.]+)V", node.get("d"))
        for node in drawn(made_pack, route).findall(".//s:path", SVG)
        if re.match(r"M[\d.]+ [\d.]+V[\d.]+H", node.get("d", ""))
    )
    mm_per_m = (float(long[2]) - float(long[1])) / float(bar.split()[0])
    assert paper / metres == pytest.approx(mm_per_m, rel=0.01)


def test_names_keep_clear_of_marks_and_of_each_other(made_pack, route, monkeypatch):
    papers = []
    make = print_map._paper

    def kept(*given):
        papers.append(make(*given))
        return papers[-1]

    monkeypatch.setattr(print_map, "_paper", kept)
    drawn(made_pack, route)
    boxes = papers[0].taken
    over = [
        (one, other)
        for number, one in enumerate(boxes)
        for other in boxes[number + 1 :]
        if min(one[2], other[2]) - max(one[0], other[0]) > 0.01
        and min(one[3], other[3]) - max(one[1], other[1]) > 0.01
        # the pieces of one name along a road follow each other
        and not (one[2] - one[0] == pytest.approx(3.12) and other[2] - other[0] == pytest.approx(3.12))
    ]
    assert over == []
    assert len(boxes) > len(route.stops) + 8


def test_stops_at_one_place_are_drawn_apart_with_a_line_to_it(made_pack, route):
    here = route.stops[0]
    stops = tuple(replace(stop, lon=here.lon, lat=here.lat) for stop in route.stops[:6])
    picture = drawn(made_pack, replace(route, stops=stops, line=()))
    said = texts(picture)
    places = [said[str(number)] for number in range(1, 7)]
    assert min(math.dist(one, other) for number, one in enumerate(places) for other in places[:number]) > 4.9


def test_what_people_wrote_is_text(made_pack):
    route = made_pack.made_patrol(hostile=True).routes[0]
    picture = drawn(made_pack, route)  # parses
    tags = {node.tag.rpartition("}")[2] for node in picture.iter()}
    assert tags <= {"svg", "g", "path", "rect", "circle", "text", "clipPath"}


def test_a_round_of_one_stop_has_room_around_it(made_pack, route):
    picture = drawn(made_pack, replace(route, stops=route.stops[:1], line=()))
    assert "1" in texts(picture)


def test_the_scale_bar_is_round_and_fits():
    assert [bar_m(mm_per_m) for mm_per_m in (2.0, 0.2, 0.084, 0.04, 0.004, 0.0001)] == [
        20,
        200,
        500,
        1000,
        10_000,
        20_000,
    ]


def test_marks_differ_in_shape():
    assert len({mark_svg(kind) for kind in (*print_map.MARKS, "start", "route")}) == 7
    assert ">12<" in mark_svg("must", "12")


def test_scale_and_north_give_way_to_stops(made_pack, route):
    middle = route.stops[0]
    plane = local_metres(middle.lon, middle.lat)
    halt = replace(route.team.start, lon=middle.lon, lat=middle.lat)
    team = replace(route.team, start=halt, end=halt)

    def stops_at(*corners):
        places = [tuple(map(float, plane.inverse(x, y))) for x, y in corners]
        stops = zip(route.stops, places, strict=False)
        return tuple(replace(stop, lon=lon, lat=lat) for stop, (lon, lat) in stops)

    def corners_of(*corners):
        one = replace(route, team=team, stops=stops_at(*corners), line=())
        picture = drawn(made_pack, one, width_mm=134, height_mm=134)
        north = next(
            node
            for node in picture.findall(".//s:g", SVG)
            if node.get("transform", "").startswith("translate(")
        )
        return (
            float(re.search(r"translate\(([\d.]+)", north.get("transform"))[1]) < 67,
            next(x for text, (x, _) in texts(picture).items() if re.fullmatch(r"\d+ k?m", text)) < 67,
        )

    # whether north, whether the scale is on the left
    assert corners_of((-400, 400), (400, -400)) == (False, True)
    assert corners_of((400, 400), (-400, -400)) == (True, False)
