"""Routes and numbered stops as layers of the map."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise

import pytest

from pingan_geo.errors import UnalignedIndexError
from pingan_geo.model.patrol import Halt, LeftOut, Route, Stop, Team
from pingan_geo.outputs.route_layer import (
    STOP_SHAPES,
    RouteLayer,
    StopLayer,
    stop_shape_svg,
    team_line,
    team_line_svg,
)

ATTACK = "</script><img src=x onerror=alert(1)>"
SINCE, UNTIL = datetime(2026, 9, 1, 18), datetime(2026, 9, 1, 22)


def route(code, *kinds):
    station = Halt("平安驿", 120.61, 30.80)
    team = Team(code, f"{code}队", "walk", station, station, SINCE, UNTIL)
    stops = tuple(
        Stop(n, f"{kind}:{code}{n}", kind, ATTACK, 120.6 + n / 1000, 30.8, SINCE, SINCE, 1.0, 80.0)
        for n, kind in enumerate(kinds, 1)
    )
    line = ((120.6, 30.8), (120.601, 30.8), (120.602, 30.8))
    return Route(team, stops, 1.0, 80.0, UNTIL, line)


def parts(layer):
    return json.loads(layer.payload_text), json.loads(layer.options_text)


def test_words_that_do_not_belong_to_the_stops_are_refused():
    with pytest.raises(UnalignedIndexError):
        StopLayer([route("1", "hotspot", "must")], tips=["one"])
    with pytest.raises(UnalignedIndexError):
        StopLayer([], [LeftOut("x", "must", "", 120.6, 30.8, 0.1, "time")], tips=[])


def test_each_stop_has_its_number_the_colour_of_its_team_and_the_shape_of_its_kind():
    routes = [route("1", "hotspot", "must"), route("2", "control", "break", "post")]
    left = [LeftOut("left", "hotspot", "", 120.7, 30.9, 0.1, "time")]
    payload, options = parts(StopLayer(routes, left, tips=list("abcde"), left_tips=["z"], selected="must:12"))
    assert payload["texts"] == ["", "1", "2", "1", "2", "3"]
    assert payload["codes"][1:3] == ["hotspot:11", "must:12"]
    assert payload["places"][0] == [120.7, 30.9]
    looks = [options["styles"][number] for number in payload["looks"]]
    assert looks[0]["hollow"]
    assert [look["path"] for look in looks[1:]] == [
        STOP_SHAPES[kind] for kind in ("hotspot", "must", "control", "break", "post")
    ]
    assert [look["colour"] for look in looks[1:]] == [team_line(0)[0]] * 2 + [team_line(1)[0]] * 3
    assert options["selected"] == "must:12"


def test_words_of_people_end_no_script():
    layer = StopLayer([route("1", "hotspot")], tips=[ATTACK])
    assert "<" not in layer.payload_text
    assert parts(layer)[0]["tips"] == [ATTACK]


def test_lines_of_neighbouring_teams_differ_in_colour_and_pattern():
    looks = [team_line(number) for number in range(12)]
    assert len(set(looks)) == 12
    assert all(one[0] != two[0] and one[1] != two[1] for one, two in pairwise(looks))


def test_empty_line_is_not_drawn_and_the_others_keep_their_look():
    payload, options = parts(RouteLayer([(), ((120.6, 30.8), (120.61, 30.81))]))
    assert payload["styles"] == [1]
    assert len(payload["lines"]) == 1
    assert options["styles"][1]["stroke"] == team_line(1)[0]


def test_legend_shows_what_the_map_shows():
    assert team_line(1)[0] in team_line_svg(1)
    assert "stroke-dasharray" in team_line_svg(1)
    assert STOP_SHAPES["must"] in stop_shape_svg("must")
