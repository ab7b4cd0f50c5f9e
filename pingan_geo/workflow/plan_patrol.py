"""Plan a patrol: from what is expected in a shift to the rounds of its teams, kept so that it can come back.

Candidates, roads and the route engine meet here; nothing is computed that one of them knows.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pingan_geo.coords import local_metres
from pingan_geo.errors import DatabaseWriteError, FolderMissingError, PatrolNotFoundError, PinganError
from pingan_geo.i18n import Translator, translator
from pingan_geo.model.patrol import Halt, Patrol, Route
from pingan_geo.model.receipt import OnProgress
from pingan_geo.outputs.patrol_pack import Ground, write_pack
from pingan_geo.planning.patrol import Planned, plan_routes
from pingan_geo.planning.patrol_task import Changes as PlanChanges
from pingan_geo.planning.patrol_task import PatrolRules, PatrolTask
from pingan_geo.spatial.roads import STRAIGHT_KMH, Travel, straight_travel
from pingan_geo.storage.patrols import (
    PATROL_STATES,
    delete_patrol,
    next_patrol_id,
    read_patrol,
    read_patrols,
    read_request,
    read_visits,
    set_patrol_state,
    write_patrol,
)
from pingan_geo.workflow.patrol_candidates import Candidates, find_candidates, since_last
from pingan_geo.workflow.patrol_request import (
    NamedPlaces,
    PatrolRequest,
    TeamRequest,
    places_named,
    request_from_json,
    request_to_json,
)
from pingan_geo.workflow.road_network import say_parts, say_travel, town_roads, town_travel
from pingan_geo.workflow.towns import Town

__all__ = [
    "Changes",
    "PatrolRequest",
    "TeamRequest",
    "drop_patrol",
    "keep_patrol",
    "list_patrols",
    "load_patrol",
    "pack_words",
    "plan_patrol",
    "replan",
    "team_halts",
    "write_patrol_pack",
]

#: Places to rest that are offered around each start.
_RESTS: Final = 12
SECONDS: Final = 12.0


@dataclass(frozen=True)
class Changes:
    """What a person changes in a plan; all else stays where it still can.

    Parameters
    ----------
    pinned, freed
        ``stop_id`` of stops that shall stay on their routes, and of those that need not any more.
    removed
        ``stop_id`` of stops taken off.
    added
        ``stop_id`` of places that were left out, or places named as in :attr:`PatrolRequest.must`.
    moved
        ``stop_id`` to the code of the team that shall see it.
    """

    pinned: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    added: tuple[str, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)
    freed: frozenset[str] = frozenset()


def plan_patrol(
    town: Town,
    request: PatrolRequest,
    *,
    now: datetime,
    language: str = "",
    save: bool = True,
    seconds: float = SECONDS,
    rounds: int | None = None,
    reports: pd.DataFrame | None = None,
    try_forecast: bool = False,
    on_plan: Callable[[Patrol], None] | None = None,
    on_progress: OnProgress | None = None,
) -> Patrol:
    """Plan one shift.

    Parameters
    ----------
    town
        The town.
    request
        The shift, the teams and what is looked for.
    now
        The town's wall clock.
    language
        Of names, reasons and notes; the town's when empty.
    save
        Keep the plan, so that what it brings back can be taken in. Without it the number of the plan is the next
        free one and may be given to another.
    seconds
        For the route engine.
    rounds
        Of the engine in place of ``seconds``: then the plan depends on the request and the data alone.
    reports
        REPORTS table, when it is at hand.
    try_forecast
        As of :func:`pingan_geo.workflow.patrol_candidates.find_candidates`.
    on_plan
        Called with a first whole plan long before the best one.
    on_progress
        Called at each step; may raise :class:`pingan_geo.errors.Cancelled`: nothing is kept then.

    Returns
    -------
    Patrol

    Raises
    ------
    BadChoiceError
        If the shift or a team is not one.
    UnknownCategoryError, NoReportsError
        If nothing of the kind asked for is known.
    PlaceUnknownError, TeamStartError
        If a place named by hand, a start or an end is not known.
    TeamRouteError, TeamBreakError
        If a team cannot get to its end, or to a place to rest, within its shift.
    """
    t = translator(language or town.settings.language)
    found = find_candidates(
        town,
        request,
        now=now,
        language=t.language,
        reports=reports,
        try_forecast=try_forecast,
        on_progress=on_progress,
    )
    plan = _Plan(town, request, found, now, t)
    patrol = plan.make(None, seconds=seconds, rounds=rounds, on_plan=on_plan, on_progress=on_progress)
    return keep_patrol(town, patrol, request=request) if save else patrol


def replan(
    town: Town,
    patrol: Patrol,
    changes: Changes,
    *,
    now: datetime,
    language: str = "",
    save: bool = True,
    request: PatrolRequest | None = None,
    seconds: float = SECONDS,
    rounds: int | None = None,
    reports: pd.DataFrame | None = None,
    try_forecast: bool = False,
    on_plan: Callable[[Patrol], None] | None = None,
    on_progress: OnProgress | None = None,
) -> Patrol:
    """Plan a shift anew with what a person changed; the rest stays as far as it can.

    Parameters
    ----------
    patrol
        The plan that is changed.
    request
        What that plan was asked by; read from the database when it is kept there.
    save
        Keep the new plan under a number of its own; the one before is then ``replaced``, and what teams bring back
        for it is still taken in.
    town, changes, now, language, seconds, rounds, reports, try_forecast, on_plan, on_progress
        As for :func:`plan_patrol`.

    Raises
    ------
    PatrolNotFoundError
        If ``request`` is not given and the plan is not kept.
    BadChoiceError
        If a stop or a team that is named is not of this plan.
    PinganError
        As :func:`plan_patrol`.
    """
    t = translator(language or town.settings.language)
    asked = request or _request_of(town, patrol.patrol_id)
    stops = {stop.stop_id for route in patrol.routes for stop in route.stops}
    listed = stops | {one.stop_id for one in patrol.left_out}
    named = [one for one in changes.added if one not in listed]
    keys = [stop_id for stop_id, _ in places_named(NamedPlaces.of(town), named)] if named else []
    asked = replace(asked, must=tuple(dict.fromkeys([*asked.must, *named])))
    find = {"now": now, "language": t.language, "reports": reports, "try_forecast": try_forecast}
    found = find_candidates(town, asked, on_progress=on_progress, **find)  # type: ignore[arg-type]
    previous = _pinned(patrol, changes)
    held = {
        one.stop_id for route in previous.routes for one in route.stops if one.pinned and one.kind != "break"
    }
    lost = sorted((held | set(changes.moved)) - set(found.table["stop_id"]) & stops)
    if lost:  # new reports have put other places on the list; what a person holds on to stays
        asked = replace(asked, must=(*asked.must, *(one for one in lost if one not in asked.must)))
        found = find_candidates(town, asked, **find)  # type: ignore[arg-type]
    placed = {**dict.fromkeys([*(one for one in changes.added if one in listed), *keys], ""), **changes.moved}
    told = PlanChanges(previous, placed, changes.removed)
    plan = _Plan(town, asked, found, now, t)
    made = plan.make(told, seconds=seconds, rounds=rounds, on_plan=on_plan, on_progress=on_progress)
    return keep_patrol(town, made, request=asked, replaces=patrol.patrol_id) if save else made


def keep_patrol(
    town: Town, patrol: Patrol, *, request: PatrolRequest | None = None, replaces: str = ""
) -> Patrol:
    """Keep a plan and return it with the number that it got.

    Parameters
    ----------
    town
        The town.
    patrol
        As planned.
    request
        What it was asked by, so that it can be planned anew later.
    replaces
        Number of the plan in whose place it stands.
    """
    with town.store.begin() as connection:
        kept = replace(patrol, patrol_id=next_patrol_id(connection, patrol.since.date()))
        write_patrol(connection, kept, request_to_json(request) if request else "")
        if replaces:
            set_patrol_state(connection, replaces, PATROL_STATES[2])
    return kept


def load_patrol(town: Town, patrol_id: str) -> Patrol:
    """Return a plan that is kept.

    Raises
    ------
    PatrolNotFoundError
        If there is none of that number.
    """
    with town.store.read() as connection:
        found = read_patrol(connection, patrol_id)
    if found is None:
        raise PatrolNotFoundError(patrol=patrol_id)
    return found


def list_patrols(town: Town, *, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
    """Return the plans that are kept, the latest shift first.

    Parameters
    ----------
    town
        The town.
    since, until
        Only shifts that begin in ``[since, until)``.

    Returns
    -------
    pandas.DataFrame
        PATROLS, and ``teams``, ``stops`` (without breaks), ``covered`` (share of what was expected), ``visited``
        and ``found`` (stops where something was found or settled).
    """
    with town.store.read() as connection:
        table: pd.DataFrame = read_patrols(connection, since=since, until=until)
        plans = [read_patrol(connection, number) for number in table["patrol_id"]]
        visits = read_visits(connection, since=since)
    visits = visits[visits["kind"] != "break"]
    there = visits[visits["arrived"].notna() | (visits["answer"] != "")]
    seen = there["patrol_id"].value_counts()
    some = there[there["answer"].isin(["found", "settled"])]["patrol_id"].value_counts()
    kept = [plan for plan in plans if plan is not None]
    return table.assign(
        teams=np.array([len(plan.routes) for plan in kept], dtype=np.int64),
        stops=np.array([_stops(plan) for plan in kept], dtype=np.int64),
        covered=np.array([plan.covered for plan in kept], dtype=np.float64),
        visited=np.array([int(seen.get(plan.patrol_id, 0)) for plan in kept], dtype=np.int64),
        found=np.array([int(some.get(plan.patrol_id, 0)) for plan in kept], dtype=np.int64),
    )


def write_patrol_pack(
    town: Town,
    patrol: Patrol,
    folder: Path,
    *,
    language: str = "",
    phone_address: str = "",
    outside: bool = False,
) -> list[Path]:
    """Write the files of all teams of a plan that is kept: all of them, or none.

    Parameters
    ----------
    town
        The town.
    patrol
        The plan.
    folder
        Made when it is not there; its parent must be.
    language
        The town's when empty.
    phone_address
        Of the teams' phone pages, as :func:`pingan_geo.outputs.patrol_pack.write_pack` takes it.
    outside
        The files leave the house: small counts are not told.

    Returns
    -------
    list of Path
        In order.

    Raises
    ------
    FolderMissingError
        If there is no folder to make it in.
    DatabaseWriteError
        If the place cannot be written.
    """
    if not folder.is_dir() and not folder.parent.is_dir():
        raise FolderMissingError(folder=folder.parent, file=folder.name)
    made = not folder.exists()
    t = translator(language or town.settings.language)
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".patrol-", dir=folder) as part:
            words = pack_words(town, patrol, t)
            files = write_pack(patrol, Path(part), t=t, phone_address=phone_address, outside=outside, **words)
            inner = [file.relative_to(part) for file in files]
            for name in sorted({one.parts[0] for one in inner}):
                if (folder / name).exists():
                    shutil.rmtree(folder / name)
                (Path(part) / name).rename(folder / name)
    except OSError as error:
        if isinstance(error, PinganError):
            raise
        if made:
            shutil.rmtree(folder, ignore_errors=True)
        raise DatabaseWriteError(file=folder, detail=error.strerror or str(error)) from error
    return [folder / one for one in inner]


def pack_words(town: Town, patrol: Patrol, t: Translator) -> dict[str, Any]:
    """Return what a pack needs of the town: ``ground``, ``categories``, ``offices``, ``past``."""
    stops = [stop.stop_id for route in patrol.routes for stop in route.stops if stop.kind != "break"]
    return {
        "ground": Ground(*(town.layer(name) for name in ("roads", "waters", "area", "villages"))),
        "categories": {one.code: t.pick(one.name, one.name_en) for one in town.settings.categories},
        "offices": {one.code: one.lead_office for one in town.settings.categories if one.lead_office},
        "past": since_last(town, stops, language=t.language),
    }


def drop_patrol(town: Town, patrol_id: str) -> bool:
    """Forget a plan for which nothing came back, and say whether there was one."""
    with town.store.begin() as connection:
        return delete_patrol(connection, patrol_id)


def team_halts(town: Town) -> pd.DataFrame:
    """Return where teams may start: ``key`` (to name it by), ``layer``, ``feature_id``, ``name``, ``kind``, ``lon``, ``lat``."""
    columns = ["key", "layer", "feature_id", "name", "kind", "lon", "lat"]
    return NamedPlaces.of(town).starts()[columns]


def _stops(patrol: Patrol) -> int:
    return sum(stop.kind != "break" for route in patrol.routes for stop in route.stops)


def _request_of(town: Town, patrol_id: str) -> PatrolRequest:
    with town.store.read() as connection:
        text = read_request(connection, patrol_id)
    if not text:
        raise PatrolNotFoundError(patrol=patrol_id)
    return request_from_json(text)


def _pinned(patrol: Patrol, changes: Changes) -> Patrol:
    """Return the plan with its pins as they are now."""

    def stands(stop_id: str, pinned: bool) -> bool:
        return (pinned or stop_id in changes.pinned) and stop_id not in changes.freed

    routes = tuple(
        replace(
            route,
            stops=tuple(replace(stop, pinned=stands(stop.stop_id, stop.pinned)) for stop in route.stops),
        )
        for route in patrol.routes
    )
    return replace(patrol, routes=routes)


# -- one plan ------------------------------------------------------------------------------------------


class _Plan:
    """Candidates, ways and rules on their way to a patrol."""

    def __init__(
        self, town: Town, request: PatrolRequest, found: Candidates, now: datetime, t: Translator
    ) -> None:
        self.town, self.request, self.found, self.now, self.t = town, request, found, now, t
        settings = town.settings.patrol
        self.rests = self._rests()
        self.halts = list(
            dict.fromkeys([halt for team in found.teams for halt in (team.start, team.end)] + self.rests)
        )
        lon = np.append(found.table["lon"].to_numpy(np.float64), [halt.lon for halt in self.halts])
        lat = np.append(found.table["lat"].to_numpy(np.float64), [halt.lat for halt in self.halts])
        self.travel = {
            mode: self._travel(lon, lat, mode) for mode in sorted({team.mode for team in found.teams})
        }
        self.task = PatrolTask(
            since=request.since,
            until=request.until,
            candidates=found.table,
            hourly=found.hourly,
            teams=found.teams,
            halts=tuple(self.halts),
            minutes={mode: self._minutes(travel) for mode, travel in self.travel.items()},
            metres={mode: travel.metres for mode, travel in self.travel.items()},
            breaks=tuple(self.rests),
            no_go=found.no_go,
        )
        self.rules = PatrolRules(control_share=settings.control_share, variety=settings.variety)

    def make(
        self,
        changes: PlanChanges | None,
        *,
        seconds: float,
        rounds: int | None,
        on_plan: Callable[[Patrol], None] | None,
        on_progress: OnProgress | None,
    ) -> Patrol:
        """Return the plan."""
        with self.town.store.read() as connection:
            number = next_patrol_id(connection, self.request.since.date())
        notes = self._notes()

        def drawn(planned: Planned) -> Patrol:
            return self._patrol(planned, number, notes)

        planned = plan_routes(
            self.task,
            seed=self.request.seed,
            rules=self.rules,
            changes=changes,
            seconds=seconds,
            rounds=rounds,
            on_plan=None if on_plan is None else lambda first: on_plan(drawn(first)),
            on_progress=on_progress,
        )
        return drawn(planned)

    def _patrol(self, planned: Planned, number: str, notes: tuple[str, ...]) -> Patrol:
        patrol = planned.patrol(
            patrol_id=number,
            title=self.request.title or self._title(),
            since=self.request.since,
            until=self.request.until,
            expected_all=self.found.expected_all,
            roads="roads" if all(one.basis == "roads" for one in self.travel.values()) else "straight",
            seed=self.request.seed,
            made_at=self.now.replace(microsecond=0),
            synthetic=self.town.settings.synthetic,
            town=self.t.pick(self.town.settings.name, self.town.settings.name_en),
            notes=notes,
        )
        return replace(patrol, routes=tuple(self._with_line(route) for route in patrol.routes))

    def _with_line(self, route: Route) -> Route:
        """Return a route with its way along the roads."""
        rows = {stop_id: row for row, stop_id in enumerate(self.found.table["stop_id"])}
        first = len(rows)
        at = {(halt.lon, halt.lat): first + row for row, halt in reversed(list(enumerate(self.halts)))}
        order = [at[route.team.start.lon, route.team.start.lat]]
        order += [
            at[stop.lon, stop.lat] if stop.kind == "break" else rows[stop.stop_id] for stop in route.stops
        ]
        order.append(at[route.team.end.lon, route.team.end.lat])
        line = np.round(self.travel[route.team.mode].lines(order), 6)
        return replace(route, line=tuple((float(lon), float(lat)) for lon, lat in line))

    def _travel(self, lon: NDArray[np.float64], lat: NDArray[np.float64], mode: str) -> Travel:
        travel = town_travel(self.town, lon, lat, mode)
        factor = self.town.settings.patrol.straight_factor
        return straight_travel(lon, lat, mode, factor) if travel.basis == "straight" else travel

    def _minutes(self, travel: Travel) -> NDArray[np.float64]:
        """Return minutes at the town's own speeds; those of cars on roads are the roads'."""
        if travel.basis == "roads" and travel.mode == "car":
            return travel.minutes
        quicker = self.town.settings.patrol.speed_kmh(travel.mode) / STRAIGHT_KMH[travel.mode]
        return np.asarray(travel.minutes / quicker)

    def _rests(self) -> list[Halt]:
        """Return places to rest: the nearest stations, posts and offices around where teams start and end."""
        resting = [team for team in self.found.teams if team.break_min]
        halts = NamedPlaces.of(self.town).halts() if resting else []
        own = [halt for team in resting for halt in (team.start, team.end)]
        if not halts:
            return list(dict.fromkeys(own))
        plane = local_metres(own[0].lon, own[0].lat)
        spots = np.column_stack(plane.forward([halt.lon for halt in halts], [halt.lat for halt in halts]))
        near: list[Halt] = []
        for halt in own:
            x, y = plane.forward([halt.lon], [halt.lat])
            order = np.argsort(np.hypot(spots[:, 0] - x[0], spots[:, 1] - y[0]), kind="stable")
            near += [halts[row] for row in order[:_RESTS].tolist()]
        return list(dict.fromkeys([*own, *near]))

    def _title(self) -> str:
        names = {one.code: self.t.pick(one.name, one.name_en) for one in self.town.settings.categories}
        asked = [names.get(code, code) for code in self.request.categories]
        return self.t(", ").join(asked) if asked else self.t("All kinds")

    def _notes(self) -> tuple[str, ...]:
        t, notes = self.t, list(self.found.notes)
        network = town_roads(self.town)
        for travel in self.travel.values():
            notes.append(say_travel(travel, t))
            if network is not None and travel.basis == "roads":
                notes.append(say_parts(network, travel.mode, t))
        notes.append(self._last_time())
        return tuple(dict.fromkeys(note for note in notes if note))

    def _last_time(self) -> str:
        """Return what became of the last patrol that came back, ``""`` when none did."""
        before = list_patrols(self.town, until=self.request.since)
        before = before[before["state"] == PATROL_STATES[1]]
        if not len(before):
            return ""
        last: Any = before.iloc[0]
        return self.t(
            "Last patrol, {day}: {visited} of {stops} stops were visited, something was found at {found}.",
            day=last["since"].date(),
            visited=int(last["visited"]),
            stops=int(last["stops"]),
            found=int(last["found"]),
        )
