"""A patrol: where each team goes, when and why; what was left out; and what it brought back.

Coordinates are WGS-84 degrees. Times are naive wall-clock times of the town, in whole minutes. A stop keeps
its ``stop_id`` from one night to the next (the H3 cell in hexadecimal, or ``kind:feature_id``), so that visits
add up to a dosage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pingan_geo.model.tables import TIME, TableSpec

#: How a team moves, with the word for people.
MODES: Final[Mapping[str, str]] = {
    "walk": "On foot",
    "ebike": "E-bike",
    "car": "Car",
}

#: Why a place is a stop. ``must``: an overdue hazard, a recheck, a place that someone named. ``control``: a quiet
#: place looked at, so that the list does not feed on itself. ``post``: a post to sign in at.
STOP_KINDS: Final[Mapping[str, str]] = {
    "hotspot": "Hotspot",
    "must": "Must be seen",
    "control": "Control",
    "post": "Post",
    "break": "Break",
}

#: What a patrol answers at a stop: the four buttons of the phone page.
ANSWERS: Final[Mapping[str, str]] = {
    "none": "Nothing found",
    "found": "Something found",
    "settled": "Settled on the spot",
    "no_entry": "Could not get in",
}

#: Why a place is not on any route.
LEFT_OUT_REASONS: Final[Mapping[str, str]] = {
    "time": "there was no time left for it",
    "window": "it is closed in the hours of the shift",
    "no_road": "no road leads there",
    "no_go": "it lies in a place that is not to be entered",
    "mode": "no team that may go there can reach it",
    "removed": "it was taken off by hand",
    "enough": "enough quiet places are looked at already",
}

#: Places that a patrol may look at, one row each; the risk by hour stands in a matrix beside it.
CANDIDATES: Final = TableSpec(
    "stop candidates",
    {
        "stop_id": "str",
        "kind": "str",  # of STOP_KINDS
        "name": "str",  # for people, e.g. the nearest named place
        "lon": "float64",
        "lat": "float64",
        "cell": "str",  # hexadecimal
        "grid_id": "str",
        "grid": "str",
        "village": "str",
        "category": "str",  # main category of the reports there, a code of the taxonomy; "" none
        "level": "str",  # red | orange | yellow | blue, by share of risk; "" not a hotspot
        "expected": "float64",  # reports expected there in the shift
        "count_30d": "int64",  # reports of the last 30 days
        "main_hours": "str",
        "dwell_min": "float64",
        "opens": TIME,  # may be seen from …; NaT: at any time
        "closes": TIME,  # … until (arrival); NaT
        "last_visit": TIME,  # of any patrol; NaT never
        "checks": "str",  # what to look at, words joined by "/"
        "reason": "str",  # why it is on the list, one sentence in the visitor's language
    },
)

#: What was done at the stops, one row per stop of a route that came back: the dosage.
VISITS: Final = TableSpec(
    "patrol visits",
    {
        "patrol_id": "str",
        "team": "str",
        "number": "int64",  # of the stop on its route; 0: not on the plan
        "stop_id": "str",
        "kind": "str",
        "cell": "str",
        "planned_arrive": TIME,
        "planned_leave": TIME,
        "arrived": TIME,  # NaT: was not visited
        "left": TIME,
        "answer": "str",  # of ANSWERS, "" not visited
        "note": "str",  # phones and ID numbers masked
        "photos": "str",  # names in media/, joined by ";"
    },
)

#: What a patrol found. Never counted as reports.
FINDS: Final = TableSpec(
    "patrol finds",
    {
        "find_id": "int64",
        "patrol_id": "str",
        "team": "str",
        "stop_id": "str",  # "" found on the way
        "time": TIME,
        "category": "str",
        "lon": "float64",
        "lat": "float64",
        "cell": "uint64",
        "grid_id": "str",
        "note": "str",
        "photos": "str",
        "state": "str",  # open | settled
        "due": TIME,  # NaT no deadline
        "office": "str",  # that it is passed to, "" none
    },
)


@dataclass(frozen=True)
class Halt:
    """A place where a team starts, ends or rests: WGS-84 degrees and a name."""

    name: str
    lon: float
    lat: float


@dataclass(frozen=True)
class Team:
    """One team of a patrol.

    Parameters
    ----------
    code
        Short, unique in the patrol: ``1``, ``2`` …; printed on the sheet.
    name
        For people.
    mode
        Of :data:`MODES`.
    start, end
        Where it sets out and comes back.
    since, until
        Its shift; at ``until`` it stands at ``end``.
    break_min
        Minutes of rest, taken at one of the break places near the middle of the shift; 0 none.
    """

    code: str
    name: str
    mode: str
    start: Halt
    end: Halt
    since: datetime
    until: datetime
    break_min: int = 0


@dataclass(frozen=True)
class Stop:
    """One stop on a route. The facts of its place are those of :data:`CANDIDATES`, as they were when planned.

    Parameters
    ----------
    number
        Order of visit on the route, from 1.
    arrive, leave
        As planned; a team that comes early waits (``arrive`` is when it begins to look).
    travel_min, travel_m
        From the stop before (or the start).
    expected
        Reports expected at the place while the shift runs.
    pinned
        Put or kept here by hand; planning anew keeps it.
    """

    number: int
    stop_id: str
    kind: str
    name: str
    lon: float
    lat: float
    arrive: datetime
    leave: datetime
    travel_min: float
    travel_m: float
    cell: str = ""
    grid_id: str = ""
    grid: str = ""
    village: str = ""
    category: str = ""
    level: str = ""
    expected: float = 0.0
    count_30d: int = 0
    main_hours: str = ""
    last_visit: datetime | None = None
    checks: str = ""
    reason: str = ""
    pinned: bool = False


@dataclass(frozen=True)
class Route:
    """The round of one team.

    Parameters
    ----------
    stops
        In order of visit; breaks are stops of kind ``break``.
    back_min, back_m
        From the last stop to the end.
    back_at
        When it is back.
    line
        The way along the roads, ``(lon, lat)`` WGS-84, from start over all stops to end; straight where no road
        is known.
    """

    team: Team
    stops: tuple[Stop, ...]
    back_min: float
    back_m: float
    back_at: datetime
    line: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class LeftOut:
    """A place that is on no route, and why (a code of :data:`LEFT_OUT_REASONS`)."""

    stop_id: str
    kind: str
    name: str
    lon: float
    lat: float
    expected: float
    reason: str


@dataclass(frozen=True)
class Patrol:
    """All routes of one shift, as they were planned.

    Parameters
    ----------
    patrol_id
        Unique in the town: ``XL-20250801-003``.
    title
        What is looked for, in words.
    since, until
        The shift.
    routes, left_out
        Every candidate is on one route or among those left out.
    expected_all
        Reports expected in the whole town in the shift; :attr:`covered` is measured against it.
    roads
        ``roads`` (along the road network) or ``straight`` (straight lines times a stated factor).
    notes
        Sentences that everyone who uses the plan has to know (synthetic data, straight lines, what was
        not reachable, how often the list came true so far).
    seed
        Of the variety from night to night.
    """

    patrol_id: str
    title: str
    since: datetime
    until: datetime
    routes: tuple[Route, ...]
    left_out: tuple[LeftOut, ...]
    expected_all: float
    roads: str
    seed: int
    made_at: datetime
    synthetic: bool
    town: str
    notes: tuple[str, ...] = ()

    @property
    def covered(self) -> float:
        """Share (0–1) of the town's expected reports of the shift that fall into the cells of the stops."""
        expected = sum(stop.expected for route in self.routes for stop in route.stops)
        return expected / self.expected_all if self.expected_all > 0 else 0.0
