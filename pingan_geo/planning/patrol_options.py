"""What a team may do, each choice with its time window and its worth: the input of the route engine.

A place whose risk changes with the hour is several options of one group, one for each hour of arrival, of which
at most one is taken. A visit is worth the reports expected in the time that it works on: the hour of arrival
and the following ones, as :attr:`~pingan_geo.planning.patrol_task.PatrolRules.effect_min` has it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pingan_geo.errors import TeamBreakError, TeamRouteError
from pingan_geo.planning.patrol_task import Changes, Floats, PatrolRules, PatrolTask

_HOUR_MIN: Final = 60
#: Worth of what goes before risk, as multiples of all that a route full of the riskiest places would bring.
_RANKS: Final[Mapping[str, float]] = {"break": 8.0, "must": 4.0, "placed": 4.0, "post": 2.0, "kept": 1.0}
#: A control stop is worth so many stops of the middling kind: it is met where the way allows, not at any price.
_CONTROL_STOPS: Final = 4.0
#: Minutes from one stop to the next, before anything is known.
_USUAL_HOP_MIN: Final = 6.0


@dataclass(frozen=True, eq=False)
class Options:
    """Everything that may stand on a route, one entry each (m).

    Parameters
    ----------
    place
        Row in the matrices.
    row
        Of the candidates; -1 for a break.
    group
        At most one option of a group is taken.
    base
        Worth apart from risk: must-see, kept, control; one number for all options of a place.
    risk
        Reports expected in the time that a visit works on.
    dwell, opens, closes
        Minutes; arrival lies in ``[opens, closes]``, counted from the start of the shift.
    allowed
        ``(m, teams)``.
    """

    place: NDArray[np.int64]
    row: NDArray[np.int64]
    group: NDArray[np.int64]
    base: Floats
    risk: Floats
    dwell: Floats
    opens: Floats
    closes: Floats
    allowed: NDArray[np.bool_]


def worth_by_hour(hourly: Floats, shift_hours: int, effect_min: float) -> Floats:
    """Return what a visit is worth by its hour of arrival, ``(n, shift_hours)``.

    Parameters
    ----------
    hourly
        ``(n, H)`` reports expected, H at least ``shift_hours``; beyond its end the last hour goes on.
    shift_hours
        Hours in which one may arrive.
    effect_min
        Minutes that a visit works on, counted from the full hour before it.
    """
    weights = np.clip(effect_min / _HOUR_MIN - np.arange(math.ceil(effect_min / _HOUR_MIN)), 0.0, 1.0)
    missing = max(shift_hours + len(weights) - 1 - hourly.shape[1], 0)
    longer = np.pad(hourly, ((0, 0), (0, missing)), mode="edge")
    worth: Floats = sum(
        (weight * longer[:, ahead : ahead + shift_hours] for ahead, weight in enumerate(weights)),
        start=np.zeros((len(hourly), shift_hours)),
    )
    return worth


def control_slots(task: PatrolTask, stops: int, share: float) -> int:
    """Return how many quiet places a plan of so many stops has to have: at least one."""
    there = int((task.candidates["kind"] == "control").sum())
    return min(max(round(share * stops), 1), there) if share > 0 else 0


def make_options(
    task: PatrolTask, rules: PatrolRules, changes: Changes, slots: int, rng: np.random.Generator
) -> Options:
    """Return the options of a task.

    Parameters
    ----------
    slots
        Number of control stops: the quiet places are dealt out at random to so many groups, and at most one of
        each is taken.

    Raises
    ------
    TeamRouteError
        If a team cannot come from its start to its end within its shift.
    TeamBreakError
        If a team cannot reach a place to rest near the middle of its shift.
    """
    kinds = task.candidates["kind"].to_numpy(dtype=object)
    worth = worth_by_hour(np.asarray(task.hourly, dtype=np.float64), task.shift_hours, rules.effect_min)
    allowed = _allowed(task, changes)
    base = _bases(task, changes, worth, kinds)
    group = _groups(task, changes, kinds, slots, rng)
    breaks = _break_options(task, rules, len(kinds) + slots, float(base.max(initial=0.0)))
    rows = np.flatnonzero(allowed.any(axis=1) & (group >= 0))
    found: list[tuple[int, int, float, float, float]] = []  # row, hour, opens, closes, worth
    for row in rows.tolist():
        for first, last in _equal_hours(worth[row]):
            opens = max(first * _HOUR_MIN, task.opens[row])
            closes = min(last * _HOUR_MIN + _HOUR_MIN - 1, task.closes[row])
            if opens <= closes:
                found.append((row, first, opens, closes, worth[row, first]))
    table = np.array(found, dtype=np.float64).reshape(-1, 5)
    of = table[:, 0].astype(np.int64)
    return Options(
        place=np.concatenate([of, breaks.place]),
        row=np.concatenate([of, breaks.row]),
        group=np.concatenate([group[of], breaks.group]),
        base=np.concatenate([base[of], breaks.base]),
        risk=np.concatenate([table[:, 4], breaks.risk]),
        dwell=np.concatenate([task.dwell[of], breaks.dwell]),
        opens=np.concatenate([table[:, 2], breaks.opens]),
        closes=np.concatenate([table[:, 3], breaks.closes]),
        allowed=np.concatenate([allowed[of], breaks.allowed]),
    )


def _equal_hours(worth: Floats) -> list[tuple[int, int]]:
    """Return the first and last hour of each run of hours that are worth the same."""
    starts = np.flatnonzero(np.diff(worth, prepend=np.nan) != 0)
    return list(zip(starts.tolist(), [*(starts[1:] - 1).tolist(), len(worth) - 1], strict=True))


def _allowed(task: PatrolTask, changes: Changes) -> NDArray[np.bool_]:
    """Return which team may see which place, after what was taken off, moved and kept."""
    allowed = task.may & ~task.closed_off[:, None]
    codes = np.array([team.code for team in task.teams], dtype=object)
    routes = changes.previous.routes if changes.previous else ()
    kept = {stop.stop_id: route.team.code for route in routes for stop in route.stops}
    wanted = {stop_id: code for stop_id, code in kept.items() if code in set(codes)} | changes.all_placed()
    removed = changes.all_removed()
    for row, stop_id in enumerate(task.candidates["stop_id"]):
        if stop_id in removed:
            allowed[row] = False
        elif wanted.get(stop_id):
            allowed[row] &= codes == wanted[stop_id]
    return allowed


def _bases(task: PatrolTask, changes: Changes, worth: Floats, kinds: NDArray[np.object_]) -> Floats:
    """Return the worth of each place apart from its risk."""
    best = np.sort(worth.max(axis=1, initial=0.0))[::-1]
    longest = max(task.minute(team.until) - task.minute(team.since) for team in task.teams)
    most = math.ceil(longest / max(float(task.dwell.min(initial=1.0)), 1.0))
    route_full = float(best[:most].sum()) or 1.0
    shifts = sum(task.minute(team.until) - task.minute(team.since) for team in task.teams)
    dwell = float(np.median(task.dwell)) if len(task.dwell) else 1.0
    middling = float(np.mean(best[: max(int(shifts / (dwell + _USUAL_HOP_MIN)), 1)])) if len(best) else 0.0
    base = np.zeros(len(kinds))
    base[kinds == "control"] = _CONTROL_STOPS * middling or 1.0
    for kind in ("must", "post"):
        base[kinds == kind] = _RANKS[kind] * route_full
    routes = changes.previous.routes if changes.previous else ()
    kept, placed = {stop.stop_id for route in routes for stop in route.stops}, changes.all_placed()
    for row, stop_id in enumerate(task.candidates["stop_id"]):
        if stop_id in placed:
            base[row] = _RANKS["placed"] * route_full
        elif stop_id in kept:
            base[row] += _RANKS["kept"] * route_full
    return base


def _groups(
    task: PatrolTask, changes: Changes, kinds: NDArray[np.object_], slots: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the group of each place; -1 where it cannot be taken."""
    group = np.arange(len(kinds), dtype=np.int64)
    routes = changes.previous.routes if changes.previous else ()
    stays = {stop.stop_id for route in routes for stop in route.stops} | set(changes.all_placed())
    fixed = task.candidates["stop_id"].isin(stays - changes.all_removed()).to_numpy()
    control = kinds == "control"
    free_slots = max(slots - int((control & fixed).sum()), 0)
    loose = rng.permutation(np.flatnonzero(control & ~fixed))
    group[loose] = len(kinds) + np.arange(len(loose)) % free_slots if free_slots else -1
    return group


def _break_options(task: PatrolTask, rules: PatrolRules, first_group: int, highest: float) -> Options:
    """Return the breaks of the teams, each a group that only its team may take and that is worth most."""
    parts: list[tuple[int, int, float, float, float, int]] = []  # place, group, dwell, opens, closes, team
    for number, team in enumerate(task.teams):
        since, until, legs = task.minute(team.since), task.minute(team.until), task.legs[team.mode]
        start, end = task.place_of(team.start), task.place_of(team.end)
        if since + legs[start, end] > until:
            raise TeamRouteError(team=team.code, start=team.start.name, end=team.end.name)
        if team.break_min <= 0:
            continue
        middle = (since + until - team.break_min) / 2
        reached = []
        for halt in task.rests_of(team):
            place = task.place_of(halt)
            opens = max(math.ceil(middle - rules.break_near_min), since + legs[start, place])
            closes = min(math.floor(middle + rules.break_near_min), until - team.break_min - legs[place, end])
            if opens <= closes:
                reached.append((place, first_group + number, float(team.break_min), opens, closes, number))
        if not reached:
            raise TeamBreakError(team=team.code, minutes=team.break_min)
        parts += reached
    table = np.array(parts, dtype=np.float64).reshape(-1, 6)
    size = len(table)
    return Options(
        place=table[:, 0].astype(np.int64),
        row=np.full(size, -1, dtype=np.int64),
        group=table[:, 1].astype(np.int64),
        base=np.full(size, _RANKS["break"] * max(highest, 1.0)),
        risk=np.zeros(size),
        dwell=table[:, 2],
        opens=table[:, 3],
        closes=table[:, 4],
        allowed=table[:, 5].astype(np.int64)[:, None] == np.arange(len(task.teams)),
    )


def timetable(
    task: PatrolTask, options: Options, team: int, chosen: Sequence[int]
) -> tuple[list[int], int] | None:
    """Return when each chosen option begins and when the team is back, in whole minutes; ``None``: not possible.

    A team sets out at once and waits where it comes too early.
    """
    who = task.teams[team]
    legs = task.legs[who.mode]
    now, here, begins = float(task.minute(who.since)), task.place_of(who.start), []
    for option in chosen:
        begin = max(now + legs[here, options.place[option]], options.opens[option])
        if begin > options.closes[option] or not options.allowed[option, team]:
            return None
        begins.append(int(begin))
        now, here = begin + options.dwell[option], int(options.place[option])
    back = now + legs[here, task.place_of(who.end)]
    return (begins, int(back)) if back <= task.minute(who.until) else None
