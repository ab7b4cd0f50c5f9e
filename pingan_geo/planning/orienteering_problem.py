"""What a team orienteering problem is: places, crews, options with prizes; and what an answer to it is.

Plain arrays; nothing here knows of maps, reports or people. Times are minutes from any one moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pingan_geo.errors import BadTableError, UnalignedIndexError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Routes = tuple[tuple[int, ...], ...]

#: Times are compared with this tolerance, minutes: sums made in another order differ by less.
TOLERANCE: Final = 1e-6


@dataclass(frozen=True)
class Crew:
    """Who drives one route.

    Parameters
    ----------
    mode
        Which matrix of ``Problem.travel`` it moves by.
    start, end
        Places where it sets out and must be back.
    since, until
        It leaves ``start`` at ``since`` and stands at ``end`` by ``until``, minutes.
    """

    mode: int
    start: int
    end: int
    since: float
    until: float


@dataclass(frozen=True, eq=False)
class Problem:
    """Which stops, by which crew, in which order, so that the prizes add up to the most.

    Each row of the option arrays is one way to serve a group; of a group at most one option is taken, by one
    crew. What is worth another prize at another hour is several options of one group, each with its window. A
    place that must be seen is an option with a prize larger than all the others together.

    Parameters
    ----------
    travel
        Minutes from place to place, ``(modes, places, places)``; infinite where no way leads. Need not be
        symmetric.
    teams
        The crews; each drives one route, which may stay empty.
    place, group
        Of each option: where it is, and the group that it serves (any numbers).
    prize
        What it is worth; nothing at or below 0 is taken.
    dwell
        Minutes spent there.
    opens, closes
        The visit begins within these, minutes on the crews' clock; a crew that is early waits. Infinite: at
        any time.
    allowed
        ``(options, teams)``: who may take it.

    Raises
    ------
    UnalignedIndexError
        Arrays of different lengths.
    BadTableError
        A number that is missing or out of range, or no crew.
    """

    travel: Floats
    teams: tuple[Crew, ...]
    place: Integers
    group: Integers
    prize: Floats
    dwell: Floats
    opens: Floats
    closes: Floats
    allowed: NDArray[np.bool_]

    def __post_init__(self) -> None:
        options = len(self.place)
        for name in ("group", "prize", "dwell", "opens", "closes"):
            if getattr(self, name).shape != (options,):
                raise UnalignedIndexError(left="place", right=name)
        if self.allowed.shape != (options, len(self.teams)):
            raise UnalignedIndexError(left="allowed", right="place, teams")
        places = self.travel.shape[-1]
        if self.travel.ndim != 3 or self.travel.shape[1] != places:
            raise UnalignedIndexError(left="travel", right="travel")
        self._ranges(places)

    def _ranges(self, places: int) -> None:
        def wrong(what: str) -> BadTableError:
            return BadTableError(table="orienteering", detail=what)

        if not self.teams:
            raise wrong("no crew")
        modes = self.travel.shape[0]
        for crew in self.teams:
            if not (0 <= crew.mode < modes and 0 <= crew.start < places and 0 <= crew.end < places):
                raise wrong("a crew's mode or place is not in travel")
            if not (np.isfinite(crew.since) and np.isfinite(crew.until)):
                raise wrong("a crew's shift has no beginning or no end")
        if len(self.place) and (self.place.min() < 0 or self.place.max() >= places):
            raise wrong("an option's place is not in travel")
        if np.isnan(self.travel).any() or (self.travel < 0).any():
            raise wrong("a travel time is missing or below 0")
        if not np.isfinite(self.prize).all() or not np.isfinite(self.dwell).all() or (self.dwell < 0).any():
            raise wrong("a prize or dwell time is missing, or a dwell time below 0")
        if np.isnan(self.opens).any() or np.isnan(self.closes).any():
            raise wrong("a window is missing (use infinity)")


@dataclass(frozen=True)
class Solution:
    """A plan that keeps every rule.

    Parameters
    ----------
    routes
        Options in order of visit, one tuple per crew.
    begins
        When each visit begins, minutes, the crew leaving at ``since`` and never idling but before a window.
    value
        Sum of the prizes.
    """

    routes: Routes
    begins: tuple[tuple[float, ...], ...]
    value: float


def begins_of(problem: Problem, team: int, route: tuple[int, ...]) -> tuple[float, ...] | None:
    """When each visit of a route begins, minutes; None where a window or the shift is not kept."""
    crew = problem.teams[team]
    way = problem.travel[crew.mode]
    at, now = crew.start, crew.since
    begins = []
    for option in route:
        here = int(problem.place[option])
        now = max(now + float(way[at, here]), float(problem.opens[option]))
        if now > problem.closes[option] + TOLERANCE:
            return None
        begins.append(now)
        now += float(problem.dwell[option])
        at = here
    if route and now + way[at, crew.end] > crew.until + TOLERANCE:
        return None
    return tuple(begins)


def solution_of(problem: Problem, routes: Routes) -> Solution:
    """Time a plan.

    Raises
    ------
    BadTableError
        A route does not keep its times.
    """
    begins = []
    for team, route in enumerate(routes):
        times = begins_of(problem, team, route)
        if times is None:
            raise BadTableError(table="routes", detail="one does not keep its times")
        begins.append(times)
    value = float(sum(problem.prize[option] for route in routes for option in route))
    return Solution(routes, tuple(begins), value)
