"""The reader of plans finds each planted fault."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from pingan_geo.model.patrol import LeftOut, Patrol
from pingan_geo.planning.patrol import plan_routes
from pingan_geo.planning.patrol_rules import check_patrol

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def task(made_patrols):
    return made_patrols.task(30, 2, break_min=15)


@pytest.fixture(scope="module")
def patrol(task) -> Patrol:
    made = plan_routes(task, seed=1, rounds=3).patrol(
        patrol_id="XL-20260901-001",
        title="",
        since=task.since,
        until=task.until,
        expected_all=float(task.candidates["expected"].sum()),
        roads="straight",
        seed=1,
        made_at=task.since,
        synthetic=True,
        town="",
    )
    assert check_patrol(made, task) == []
    return made


def with_stop(patrol, number, /, **changed):
    """The plan with a fact of one stop of the first team changed."""
    route = patrol.routes[0]
    stops = tuple(replace(stop, **changed) if stop.number == number else stop for stop in route.stops)
    return replace(patrol, routes=(replace(route, stops=stops), *patrol.routes[1:]))


def with_route(patrol, **changed):
    return replace(patrol, routes=(replace(patrol.routes[0], **changed), *patrol.routes[1:]))


def place(patrol):
    return next(stop for stop in patrol.routes[0].stops if stop.kind != "break")


def rest(patrol):
    return next(stop for stop in patrol.routes[0].stops if stop.kind == "break")


FAULTS = {
    "has the number 9": lambda p: with_stop(p, 2, number=9),
    "before one can be there": lambda p: with_stop(
        p, 3, arrive=p.routes[0].stops[1].leave, leave=p.routes[0].stops[2].leave
    ),
    "not of 15 minutes": lambda p: with_stop(p, rest(p).number, leave=rest(p).leave - MINUTE),
    "the way to stop 2 is": lambda p: with_stop(p, 2, travel_min=p.routes[0].stops[1].travel_min / 2),
    "and .* m, not": lambda p: with_stop(p, 2, travel_m=0.0),
    "less than 12 minutes": lambda p: with_stop(p, place(p).number, leave=place(p).leave - 5 * MINUTE),
    "says other things": lambda p: with_stop(p, place(p).number, expected=place(p).expected * 2),
    "name": lambda p: with_stop(p, place(p).number, name="别处"),
    "level": lambda p: with_stop(p, place(p).number, level="red"),
    "it is back at": lambda p: with_route(p, back_at=p.routes[0].back_at - 30 * MINUTE),
    "after its shift": lambda p: with_route(p, back_at=p.until + MINUTE),
    "the way to the end": lambda p: with_route(p, back_m=1.0),
    "has 0 breaks": lambda p: with_route(
        p,
        stops=tuple(stop for stop in p.routes[0].stops if stop.kind != "break"),
    ),
    "place that is not offered": lambda p: with_stop(p, rest(p).number, name="河边"),
    "is no candidate": lambda p: with_stop(p, place(p).number, stop_id="stop:999"),
    "is there 2 times": lambda p: replace(p, left_out=(*p.left_out, p.left_out[0])),
    "neither on a route nor left out": lambda p: replace(p, left_out=p.left_out[1:]),
    "left out and no candidate": lambda p: replace(
        p, left_out=(*p.left_out, LeftOut("x", "must", "", 0.0, 0.0, 0.0, "time"))
    ),
    "for no reason": lambda p: replace(p, left_out=(replace(p.left_out[0], reason="rain"), *p.left_out[1:])),
    "more reports than are expected": lambda p: replace(p, expected_all=0.01),
    "teams are not those": lambda p: replace(p, routes=p.routes[::-1]),
}


@pytest.mark.parametrize("said", FAULTS)
def test_planted_fault_is_found(patrol, task, said):
    faults = check_patrol(FAULTS[said](patrol), task)
    assert faults
    assert any(re.search(said, fault) for fault in faults), faults


def test_places_that_may_not_be_seen_are_found(patrol, task):
    row = int(place(patrol).stop_id.split(":")[1])
    here = np.arange(len(task.candidates)) == row
    assert any("not to be entered" in one for one in check_patrol(patrol, replace(task, no_go=here)))
    allowed = np.ones((len(here), 2), dtype=bool)
    allowed[row, 0] = False
    assert any("by this team" in one for one in check_patrol(patrol, replace(task, allowed=allowed)))


@pytest.mark.parametrize(
    ("column", "minutes", "said"), [("opens", 1, "opens only"), ("closes", -1, "is closed")]
)
def test_stop_outside_its_window_is_found(patrol, task, column, minutes, said):
    stop = place(patrol)
    table = task.candidates.copy()
    table.loc[table["stop_id"] == stop.stop_id, column] = stop.arrive + minutes * MINUTE
    assert any(said in fault for fault in check_patrol(patrol, replace(task, candidates=table)))


def test_break_far_from_the_middle_is_found(patrol, task):
    early = task.since + 5 * MINUTE
    moved = with_stop(patrol, rest(patrol).number, arrive=early, leave=early + 15 * MINUTE)
    assert any("from the middle" in fault for fault in check_patrol(moved, task))


def test_missing_way_is_found(patrol, task):
    cut = {mode: np.full_like(matrix, np.inf) for mode, matrix in task.minutes.items()}
    assert any("no way leads" in fault for fault in check_patrol(patrol, replace(task, minutes=cut)))
