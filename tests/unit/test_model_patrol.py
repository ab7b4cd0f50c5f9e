"""What a plan covers is told against all that is expected in the town."""

from __future__ import annotations

from datetime import datetime

import pytest

from pingan_geo.model.patrol import Halt, Patrol, Route, Stop, Team

SINCE, UNTIL = datetime(2026, 9, 1, 18), datetime(2026, 9, 1, 22)


def patrol(*expected: float, expected_all: float) -> Patrol:
    station = Halt("平安驿", 120.61, 30.80)
    team = Team("1", "一队", "walk", station, station, SINCE, UNTIL)
    stops = tuple(
        Stop(n, f"c{n}", "hotspot", "", 120.6, 30.8, SINCE, SINCE, 1.0, 80.0, expected=value)
        for n, value in enumerate(expected, 1)
    )
    route = Route(team, stops, 1.0, 80.0, UNTIL)
    return Patrol(
        "XL-20260901-001", "", SINCE, UNTIL, (route,), (), expected_all, "straight", 1, SINCE, True, "演示镇"
    )


def test_share_covered_is_that_of_the_stops_in_all_that_is_expected():
    assert patrol(0.5, 0.25, expected_all=3.0).covered == pytest.approx(0.25)


def test_nothing_expected_covers_nothing():
    assert patrol(expected_all=0.0).covered == 0.0
