"""Does a plan of patrols keep every rule? An independent reader: it shares nothing with the planner.

It walks each round as a person with a watch would, stop by stop, over the ways that the task gives.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pandas as pd

from pingan_geo.model.patrol import LEFT_OUT_REASONS, MODES, Patrol, Route, Stop
from pingan_geo.planning.patrol_task import PatrolRules, PatrolTask

_SECONDS = 60.0


def check_patrol(patrol: Patrol, task: PatrolTask, *, rules: PatrolRules | None = None) -> list[str]:
    """Return one sentence for each rule that a plan breaks; none when it can be walked as printed.

    Parameters
    ----------
    patrol
        The plan.
    task
        What it was made of.
    rules
        By which it was made; by default those of :class:`pingan_geo.planning.patrol_task.PatrolRules`.

    Notes
    -----
    Checked: shift, times and lengths of ways, time windows, dwell, modes, places not to be entered, breaks, the
    order of numbers, that no place is seen twice, that every candidate is on a route or among those left out with
    a reason, and that facts of places and the reports expected are those of the candidates.
    """
    table = task.candidates.set_index("stop_id", drop=False)
    candidates: dict[str, Any] = {str(stop_id): facts for stop_id, facts in table.iterrows()}
    rows = {stop_id: row for row, stop_id in enumerate(candidates)}
    near_min = (rules or PatrolRules()).break_near_min
    faults: list[str] = []
    planned = [route.team for route in patrol.routes]
    if planned != list(task.teams):
        faults.append("the teams are not those of the task")
        return faults
    for number, route in enumerate(patrol.routes):
        said = [
            *_walk(route, task, rows),
            *_breaks(route, task, near_min),
            *_places(route, number, task, candidates, rows),
        ]
        faults += [f"team {route.team.code}: {each}" for each in said]
    faults += _accounts(patrol, candidates)
    return faults


def _walk(route: Route, task: PatrolTask, rows: dict[str, int]) -> Iterator[str]:
    """Follow one round with a watch."""
    team = route.team
    if team.mode not in MODES or team.mode not in task.minutes:
        yield f"there is no way to move by {team.mode}"
        return
    halts = [(halt.name, halt.lon, halt.lat) for halt in task.halts]
    minutes, metres = task.minutes[team.mode], task.metres[team.mode]

    def place(name: str, lon: float, lat: float) -> int:
        return len(task.candidates) + halts.index((name, lon, lat))

    now, here = team.since, place(team.start.name, team.start.lon, team.start.lat)
    if not task.since <= team.since <= team.until <= task.until:
        yield "its shift lies outside that of the patrol"
    for order, stop in enumerate(route.stops, start=1):
        if stop.number != order:
            yield f"stop {order} has the number {stop.number}"
        if stop.kind == "break" and (stop.name, stop.lon, stop.lat) not in halts:
            yield f"stop {order} is a break at a place that is not offered"
            return
        if stop.kind != "break" and stop.stop_id not in rows:
            yield f"stop {order} is no candidate"
            return
        there = place(stop.name, stop.lon, stop.lat) if stop.kind == "break" else rows[stop.stop_id]
        yield from _leg(
            f"stop {order}", minutes[here, there], metres[here, there], stop.travel_min, stop.travel_m
        )
        if not _after(now, stop.travel_min, stop.arrive):
            yield f"stop {order} is reached at {stop.arrive:%H:%M}, before one can be there"
        if stop.leave < stop.arrive:
            yield f"stop {order} is left before it is reached"
        now, here = stop.leave, there
    end = place(team.end.name, team.end.lon, team.end.lat)
    yield from _leg("the end", minutes[here, end], metres[here, end], route.back_min, route.back_m)
    if not _after(now, route.back_min, route.back_at):
        yield f"it is back at {route.back_at:%H:%M}, before one can be there"
    if route.back_at > team.until:
        yield f"it is back at {route.back_at:%H:%M}, after its shift"


def _leg(where: str, minutes: float, metres: float, said_min: float, said_m: float) -> Iterator[str]:
    if not (math.isfinite(minutes) and math.isfinite(metres)):
        yield f"no way leads to {where}"
    elif not (math.isclose(minutes, said_min, abs_tol=1e-6) and math.isclose(metres, said_m, abs_tol=1e-6)):
        yield f"the way to {where} is {minutes:.1f} minutes and {metres:.0f} m, not {said_min:.1f} and {said_m:.0f}"


def _after(now: datetime, minutes: float, then: datetime) -> bool:
    return math.isfinite(minutes) and (then - now).total_seconds() / _SECONDS >= minutes - 1e-6


def _breaks(route: Route, task: PatrolTask, near_min: float) -> Iterator[str]:
    team, rests = route.team, [stop for stop in route.stops if stop.kind == "break"]
    if len(rests) != (1 if team.break_min > 0 else 0):
        yield f"it has {len(rests)} breaks"
        return
    offered = task.breaks or (team.start, team.end)
    for stop in rests:
        if (stop.leave - stop.arrive).total_seconds() != team.break_min * _SECONDS:
            yield f"its break is not of {team.break_min} minutes"
        if (stop.name, stop.lon, stop.lat) not in [(halt.name, halt.lon, halt.lat) for halt in offered]:
            yield "its break is not at a place to rest"
        middle = team.since + (team.until - team.since) / 2
        off = abs((stop.arrive + (stop.leave - stop.arrive) / 2 - middle).total_seconds()) / _SECONDS
        if off > near_min + 1e-6:
            yield f"its break lies {off:.0f} minutes from the middle of the shift"


def _places(
    route: Route, number: int, task: PatrolTask, candidates: dict[str, Any], rows: dict[str, int]
) -> Iterator[str]:
    """Look at each stop by itself: whether it may be seen, then, by this team, and what is printed of it is true."""
    for stop in route.stops:
        if stop.kind == "break" or stop.stop_id not in candidates:
            continue
        facts, row, where = candidates[stop.stop_id], rows[stop.stop_id], f"stop {stop.number}"
        if task.no_go is not None and task.no_go[row]:
            yield f"{where} lies in a place that is not to be entered"
        if task.allowed is not None and not task.allowed[row, number]:
            yield f"{where} may not be seen by this team"
        if pd.notna(facts["opens"]) and stop.arrive < facts["opens"]:
            yield f"{where} opens only at {facts['opens']:%H:%M}"
        if pd.notna(facts["closes"]) and stop.arrive > facts["closes"]:
            yield f"{where} is closed from {facts['closes']:%H:%M}"
        if (stop.leave - stop.arrive).total_seconds() < (facts["dwell_min"] - 1e-6) * _SECONDS:
            yield f"{where} is looked at for less than {facts['dwell_min']:g} minutes"
        wrong = [name for name in _FACTS if not _same(getattr(stop, name), facts[name])]
        if wrong:
            yield f"{where} says other things than its place: {', '.join(wrong)}"


_FACTS = (
    "kind",
    "name",
    "lon",
    "lat",
    "cell",
    "grid_id",
    "grid",
    "village",
    "category",
    "level",
    "expected",
    "count_30d",
    "main_hours",
    "last_visit",
    "checks",
    "reason",
)


def _same(said: Any, fact: Any) -> bool:
    if said is None or (not isinstance(fact, str) and pd.isna(fact)):
        return said is None and bool(pd.isna(fact))
    return bool(said == fact)


def _accounts(patrol: Patrol, candidates: dict[str, Any]) -> Iterator[str]:
    """Every candidate once: on a route or left out."""
    stops: list[Stop] = [stop for route in patrol.routes for stop in route.stops if stop.kind != "break"]
    times = Counter([stop.stop_id for stop in stops] + [one.stop_id for one in patrol.left_out])
    for stop_id, count in times.items():
        if count > 1:
            yield f"{stop_id} is there {count} times"
    for stop_id in candidates:
        if stop_id not in times:
            yield f"{stop_id} is neither on a route nor left out"
    for one in patrol.left_out:
        if one.stop_id not in candidates:
            yield f"{one.stop_id} is left out and no candidate"
        if one.reason not in LEFT_OUT_REASONS:
            yield f"{one.stop_id} is left out for no reason that there is"
    if sum(stop.expected for stop in stops) > patrol.expected_all * (1 + 1e-9) + 1e-9:
        yield "the stops hold more reports than are expected in the town"
