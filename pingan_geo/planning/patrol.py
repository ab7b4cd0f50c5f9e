"""From places, their risk by the hour and teams to the rounds of a shift, and the reason for each place left out.

The route engine chooses and orders (:mod:`pingan_geo.planning.orienteering`); what may be chosen and what it is
worth stands in :mod:`pingan_geo.planning.patrol_options`. A plan comes about in three steps: one made at once that
a person can already look at, the best one found, and one near it that is not the same every night.
:mod:`pingan_geo.planning.patrol_rules` checks the outcome without sharing any of this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.errors import BadChoiceError
from pingan_geo.model.patrol import Halt, LeftOut, Patrol, Route, Stop, Team
from pingan_geo.model.receipt import OnProgress, Progress
from pingan_geo.planning.orienteering_problem import Crew, Problem
from pingan_geo.planning.patrol_options import Options, control_slots, make_options, timetable
from pingan_geo.planning.patrol_task import Changes, Floats, PatrolRules, PatrolTask, shift_hour_starts

__all__ = ["Changes", "PatrolRules", "PatrolTask", "Planned", "plan_routes", "shift_hour_starts"]

#: Share of the time for the best plan; the rest is for variety.
_BEST_SHARE: Final = 0.6
#: How much risks are changed at random for variety (standard deviation of the logarithm), the boldest first.
_NUDGES: Final = (0.5, 0.25, 0.1)
_STEPS: Final = 3

Rounds = list[list[int]]


@dataclass(frozen=True)
class Planned:
    """What was planned.

    Parameters
    ----------
    routes
        One a team, in their order; without their lines.
    left_out
        All other candidates: what must be seen first, then by expected reports.
    value
        Reports expected in the time that the stops work on; comparable only within one task and its rules.
    best_value
        The same of the best plan that was found.
    """

    routes: tuple[Route, ...]
    left_out: tuple[LeftOut, ...]
    value: float
    best_value: float

    def patrol(
        self,
        *,
        patrol_id: str,
        title: str,
        since: datetime,
        until: datetime,
        expected_all: float,
        roads: str,
        seed: int,
        made_at: datetime,
        synthetic: bool,
        town: str,
        notes: tuple[str, ...] = (),
    ) -> Patrol:
        """Return the plan with all that is printed beside it."""
        return Patrol(
            patrol_id=patrol_id,
            title=title,
            since=since,
            until=until,
            routes=self.routes,
            left_out=self.left_out,
            expected_all=expected_all,
            roads=roads,
            seed=seed,
            made_at=made_at,
            synthetic=synthetic,
            town=town,
            notes=notes,
        )


class _Way(NamedTuple):
    minutes: float
    metres: float


@dataclass(frozen=True)
class _Budget:
    seconds: float | None
    rounds: int | None

    def share(self, share: float) -> _Budget:
        return _Budget(
            None if self.seconds is None else self.seconds * share,
            None if self.rounds is None else max(int(self.rounds * share), 1),
        )


def plan_routes(
    task: PatrolTask,
    *,
    seed: int,
    rules: PatrolRules | None = None,
    changes: Changes | None = None,
    seconds: float = 12.0,
    rounds: int | None = None,
    on_plan: Callable[[Planned], None] | None = None,
    on_progress: OnProgress | None = None,
) -> Planned:
    """Return who sees what and when.

    What must be seen, posts to sign in at and what a person put on a route go before any risk; breaks before
    all. A place is on one route at most. Where one that must be seen cannot be, it stands first among those left
    out, with the reason.

    Parameters
    ----------
    task
        Places, teams and ways.
    seed
        Of the variety: another seed, another round of nearly the same value.
    rules
        By default those of :class:`PatrolRules`.
    changes
        Of a plan that was made: its stops stay with their teams as long as there is time, and there is no variety.
    seconds
        To work.
    rounds
        Of the engine, in place of ``seconds``: then the same task and seed give the same plan on every machine.
    on_plan
        Called with the first whole plan, after 2 seconds at most.
    on_progress
        Called at each step; it may raise :class:`pingan_geo.errors.Cancelled`.

    Raises
    ------
    BadChoiceError
        If a stop is to be seen by a team that there is not, or that has no such place.
    TeamRouteError, TeamBreakError
        If a team cannot get to its end, or to a place to rest, within its shift.
    """
    rules, changes = rules or PatrolRules(), changes or Changes()
    _check_changes(task, changes)
    planner = _Planner(task, rules, changes, seed, _Budget(None if rounds else seconds, rounds), on_progress)
    return planner.plan(on_plan)


class _Planner:
    """One task on its way to a plan."""

    def __init__(
        self,
        task: PatrolTask,
        rules: PatrolRules,
        changes: Changes,
        seed: int,
        budget: _Budget,
        on_progress: OnProgress | None,
    ) -> None:
        self.task, self.rules, self.changes, self.seed = task, rules, changes, seed
        self.budget, self.on_progress = budget, on_progress
        kept = sum(len(route.stops) for route in changes.previous.routes) if changes.previous else 0
        self.slots = control_slots(task, kept, rules.control_share)
        self.step = 0
        self._facts: list[dict[str, Any]] = task.candidates.to_dict("records")
        self.options = self._make_options()

    def _make_options(self) -> Options:
        rng = np.random.default_rng((self.seed, 0))
        return make_options(self.task, self.rules, self.changes, self.slots, rng)

    def plan(self, on_plan: Callable[[Planned], None] | None) -> Planned:
        self._say(0)
        rounds = self._first()
        if self._count_controls(rounds):
            rounds = self._first()
        if on_plan is not None:
            on_plan(self._planned(rounds, rounds))
        half = self.budget.share(_BEST_SHARE / 2)
        rounds = self._solve(half, rounds)
        self._say(1)
        self._count_controls(rounds)  # better rounds have more stops, and so more quiet ones
        best = self._solve(half, rounds)
        self._say(2)
        chosen = best if self.changes.previous else self._varied(best)
        self._say(_STEPS)
        return self._planned(chosen, best)

    def _count_controls(self, rounds: Rounds) -> bool:
        """Ask for as many quiet places as these rounds should have; say whether that is another number."""
        slots = control_slots(self.task, self._stops(rounds), self.rules.control_share)
        if self.changes.previous or slots == self.slots:
            return False
        self.slots, self.options = slots, self._make_options()
        return True

    # -- the engine ----------------------------------------------------------------------------------

    def _problem(self, nudge: Floats | None = None) -> Problem:
        """Return what the engine gets: risks as they are, or each place's nudged."""
        task, options = self.task, self.options
        risk = options.risk if nudge is None else options.risk * np.append(nudge, 1.0)[options.row]
        modes = sorted({team.mode for team in task.teams})
        crews = tuple(
            Crew(
                mode=modes.index(team.mode),
                start=task.place_of(team.start),
                end=task.place_of(team.end),
                since=float(task.minute(team.since)),
                until=float(task.minute(team.until)),
            )
            for team in task.teams
        )
        return Problem(
            travel=np.stack([task.legs[mode] for mode in modes]),
            teams=crews,
            place=options.place,
            group=options.group,
            prize=options.base + risk,
            dwell=options.dwell,
            opens=options.opens,
            closes=options.closes,
            allowed=options.allowed,
        )

    def _first(self) -> Rounds:
        """Return a whole plan at once, built on the one that was changed."""
        from pingan_geo.planning.orienteering import first_plan

        return self._walkable(first_plan(self._problem(), start=self._start()).routes)

    def _solve(self, budget: _Budget, start: Rounds, nudge: Floats | None = None) -> Rounds:
        """Return the best rounds found."""
        from pingan_geo.planning.orienteering import solve

        found = solve(
            self._problem(nudge),
            seconds=budget.seconds,
            rounds=budget.rounds,
            seed=self.seed,
            start=start,
            on_progress=None if self.on_progress is None else lambda *_: self._say(None),
        )
        return self._walkable(found.routes)

    def _walkable(self, rounds: Sequence[Sequence[int]]) -> Rounds:
        """Return rounds of which each can be walked, with its break."""
        return [self._fitted(team, [int(option) for option in each]) for team, each in enumerate(rounds)]

    def _fitted(self, team: int, wanted: Sequence[int]) -> list[int]:
        """Return as much of a round as can be walked, in its order: its break first of all, then by worth."""
        breaks = self._breaks(team)
        if (not breaks or set(breaks) & set(wanted)) and self._timetable(team, wanted) is not None:
            return list(wanted)
        route = [next((each for each in wanted if each in breaks), breaks[0])] if breaks else []
        order = {option: number for number, option in enumerate(wanted)}
        rest = [option for option in wanted if option not in breaks]
        for option in sorted(rest, key=lambda each: -self.options.base[each]):
            mine = order[option]
            first = max((k + 1 for k, each in enumerate(route) if order.get(each, mine) < mine), default=0)
            last = min(
                (k for k, each in enumerate(route) if order.get(each, mine) > mine), default=len(route)
            )
            for place in range(first, last + 1):
                longer = [*route[:place], option, *route[place:]]
                if self._timetable(team, longer) is not None:
                    route = longer
                    break
        return route

    def _timetable(self, team: int, route: Sequence[int]) -> tuple[list[int], int] | None:
        return timetable(self.task, self.options, team, route)

    def _breaks(self, team: int) -> list[int]:
        found: list[int] = np.flatnonzero((self.options.row < 0) & self.options.allowed[:, team]).tolist()
        return found

    def _start(self) -> Rounds:
        """Return the rounds of the plan that was changed, or breaks alone."""
        previous = self.changes.previous
        routes = {route.team.code: route for route in previous.routes} if previous else {}
        row_of = {stop_id: row for row, stop_id in enumerate(self.task.candidates["stop_id"])}
        rounds: Rounds = []
        for number, team in enumerate(self.task.teams):
            wanted: list[int] = []
            for stop in routes[team.code].stops if team.code in routes else ():
                row = row_of.get(stop.stop_id, -1)
                if row < 0 and stop.kind != "break":
                    continue  # no longer a place of the task
                minute = self.task.minute(stop.arrive)
                here = (self.options.row == row) & self.options.allowed[:, number]
                open_then = (self.options.opens <= minute) & (minute <= self.options.closes)
                wanted += np.flatnonzero(here & open_then)[:1].tolist()
            rounds.append(self._fitted(number, wanted))
        return rounds

    # -- judging -------------------------------------------------------------------------------------

    def _worth(self, rounds: Rounds) -> tuple[float, float]:
        """Return what goes before risk, and risk."""
        chosen = [option for route in rounds for option in route]
        return float(self.options.base[chosen].sum()), float(self.options.risk[chosen].sum())

    def _stops(self, rounds: Rounds) -> int:
        return sum(self.options.row[option] >= 0 for route in rounds for option in route)

    def _varied(self, best: Rounds) -> Rounds:
        """Return rounds near the best ones that another night would not have."""
        base, risk = self._worth(best)
        rng = np.random.default_rng((self.seed, 1))
        moods = rng.standard_normal(len(self.task.candidates))
        share = (1.0 - _BEST_SHARE) / len(_NUDGES)
        for nudge in _NUDGES if self.rules.variety > 0 else ():
            found = self._solve(self.budget.share(share), best, np.exp(nudge * moods))
            found_base, found_risk = self._worth(found)
            if found_base >= base * (1 - 1e-12) and found_risk >= (1.0 - self.rules.variety) * risk:
                return found
        return best

    # -- the plan ------------------------------------------------------------------------------------

    def _planned(self, rounds: Rounds, best: Rounds) -> Planned:
        pinned = set(self.changes.all_placed())
        routes = tuple(
            self._route(number, team, rounds[number], pinned) for number, team in enumerate(self.task.teams)
        )
        seen = {stop.stop_id for route in routes for stop in route.stops}
        return Planned(
            routes=routes,
            left_out=left_out(self.task, self.changes, seen),
            value=self._worth(rounds)[1],
            best_value=max(self._worth(best)[1], self._worth(rounds)[1]),
        )

    def _route(self, number: int, team: Team, chosen: Sequence[int], pinned: set[str]) -> Route:
        task, options = self.task, self.options
        times = self._timetable(number, chosen)
        if (
            times is None
        ):  # the engine and the timetable share their numbers; a plan that cannot be kept is none
            raise AssertionError(f"team {team.code}: a round that cannot be walked")
        minutes, metres = task.minutes[team.mode], task.metres[team.mode]
        here, stops = task.place_of(team.start), []
        for order, (option, begin) in enumerate(zip(chosen, times[0], strict=True), start=1):
            place, row = int(options.place[option]), int(options.row[option])
            arrive, leave = task.time(begin), task.time(begin + options.dwell[option])
            way = _Way(float(minutes[here, place]), float(metres[here, place]))
            if row < 0:
                halt = task.halts[place - len(task.candidates)]
                stop = _break_stop(order, team, halt, arrive, leave, way)
            else:
                stop = self._stop(order, row, arrive, leave, way, pinned)
            stops.append(stop)
            here = place
        end = task.place_of(team.end)
        return Route(
            team, tuple(stops), float(minutes[here, end]), float(metres[here, end]), task.time(times[1])
        )

    def _stop(
        self, order: int, row: int, arrive: datetime, leave: datetime, way: _Way, pinned: set[str]
    ) -> Stop:
        facts = self._facts[row]
        last_visit = facts["last_visit"]
        return Stop(
            number=order,
            stop_id=facts["stop_id"],
            kind=facts["kind"],
            name=facts["name"],
            lon=float(facts["lon"]),
            lat=float(facts["lat"]),
            arrive=arrive,
            leave=leave,
            travel_min=way.minutes,
            travel_m=way.metres,
            cell=facts["cell"],
            grid_id=facts["grid_id"],
            grid=facts["grid"],
            village=facts["village"],
            category=facts["category"],
            level=facts["level"],
            expected=float(facts["expected"]),
            count_30d=int(facts["count_30d"]),
            main_hours=facts["main_hours"],
            last_visit=None if pd.isna(last_visit) else last_visit.to_pydatetime(),
            checks=facts["checks"],
            reason=facts["reason"],
            pinned=facts["stop_id"] in pinned,
        )

    def _say(self, step: int | None) -> None:
        if self.on_progress is None:
            return
        self.step = self.step if step is None else step
        self.on_progress(Progress("Choosing stops and their order", self.step, _STEPS, 0))


def _break_stop(order: int, team: Team, halt: Halt, arrive: datetime, leave: datetime, way: _Way) -> Stop:
    return Stop(order, f"break:{team.code}", "break", halt.name, halt.lon, halt.lat, arrive, leave, *way)


def left_out(task: PatrolTask, changes: Changes, seen: set[str]) -> tuple[LeftOut, ...]:
    """Return the candidates that are on no route, what must be seen first, each with its reason.

    Parameters
    ----------
    task, changes
        As they were planned.
    seen
        ``stop_id`` of the places on routes.
    """
    placed, removed = changes.all_placed(), changes.all_removed()
    controls = task.candidates.loc[task.candidates["kind"] == "control", "stop_id"]
    enough = bool(controls.isin(seen).any())
    found: list[tuple[tuple[bool, float], LeftOut]] = []
    for row, facts in enumerate(task.candidates.to_dict("records")):
        stop_id, kind = facts["stop_id"], facts["kind"]
        if stop_id in seen:
            continue
        teams = task.may[row] & np.array([placed.get(stop_id, "") in {"", team.code} for team in task.teams])
        reason = "removed" if stop_id in removed else _reason(task, row, teams)
        if reason == "time" and kind == "control" and enough:
            reason = "enough"
        asked = kind in {"must", "post"} or stop_id in placed
        one = LeftOut(
            stop_id,
            kind,
            facts["name"],
            float(facts["lon"]),
            float(facts["lat"]),
            float(facts["expected"]),
            reason,
        )
        found.append(((not asked, -one.expected), one))
    return tuple(one for _, one in sorted(found, key=lambda each: each[0]))


def _reason(task: PatrolTask, row: int, may: NDArray[np.bool_]) -> str:
    """Return why a place cannot be seen, even by a team that does nothing else; ``time`` where one could."""
    if task.closed_off[row]:
        return "no_go"
    road = tried = open_then = reached = False
    for number, team in enumerate(task.teams):
        legs, since, until = task.legs[team.mode], task.minute(team.since), task.minute(team.until)
        there, back = legs[task.place_of(team.start), row], legs[row, task.place_of(team.end)]
        if not np.isfinite(there + back):
            continue
        road = True
        if not may[number]:
            continue
        tried = True
        latest = min(task.closes[row], until - task.dwell[row] - back)
        open_then |= bool(task.opens[row] <= until - task.dwell[row] and since <= task.closes[row])
        reached |= bool(max(task.opens[row], since + there) <= latest)
    if not road:
        return "no_road"
    if reached:
        return "time"
    return "window" if tried and not open_then else "mode"


def _check_changes(task: PatrolTask, changes: Changes) -> None:
    known, codes = set(task.candidates["stop_id"]), {"", *(team.code for team in task.teams)}
    for stop_id, team in changes.placed.items():
        if stop_id not in known:
            raise BadChoiceError(name="stop", value=stop_id, expected="one of the places")
        if team not in codes:
            raise BadChoiceError(name="team", value=team, expected=" / ".join(sorted(codes - {""})))
