"""The second engine of :mod:`pingan_geo.planning.orienteering`: PyVRP, with prizes weighed against minutes.

PyVRP minimises minutes of travel minus prizes. Too light a prize gives an empty plan, and one so heavy that
minutes cost nothing a plan that wanders (measured: 14 % less); no one weight suits all, so three share the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyvrp

from pingan_geo.planning.orienteering_problem import Problem, Routes

#: Whole numbers in a minute: PyVRP counts in integers.
_UNITS: Final = 1000
_NO_WAY: Final = 10**8
#: Weights of a prize: minutes of way that it may cost, in multiples of the shift's minutes per prize gathered.
WEIGHTS: Final = (1.3, 3.0, 10.0)


class Model:
    """A problem in PyVRP's terms.

    Parameters
    ----------
    problem
        What is to be planned.
    value
        Prize of a plan in hand, above 0: tells how many minutes a prize is worth.
    """

    def __init__(self, problem: Problem, value: float) -> None:
        self._problem = problem
        base = min(crew.since for crew in problem.teams)
        end = max(crew.until for crew in problem.teams)
        minutes = sum(crew.until - crew.since for crew in problem.teams)
        self._worth = minutes / value
        self._options = np.flatnonzero(problem.prize > 0)
        options = self._options
        teams = len(problem.teams)
        spots = np.concatenate(
            [problem.place[options]] + [[crew.start, crew.end] for crew in problem.teams]
        ).astype(int)
        self._profile: dict[tuple[int, bytes], int] = {}
        self._matrices: list[Any] = []
        self._vehicles: list[Any] = []
        span = round((end - base) * _UNITS)
        for team, crew in enumerate(problem.teams):
            allowed = problem.allowed[options, team]
            key = (crew.mode, allowed.tobytes())
            if key not in self._profile:
                way = problem.travel[crew.mode][np.ix_(spots, spots)]
                units = np.minimum(np.rint(np.minimum(way, 1e6) * _UNITS), _NO_WAY).astype(np.int64)
                barred = np.flatnonzero(~allowed)
                units[:, barred] = _NO_WAY
                units[barred, :] = _NO_WAY
                np.fill_diagonal(units, 0)
                self._profile[key] = len(self._matrices)
                self._matrices.append(units)
            self._vehicles.append(
                pyvrp.VehicleType(
                    num_available=1,
                    start_depot=2 * team,
                    end_depot=2 * team + 1,
                    tw_early=int(np.ceil((crew.since - base) * _UNITS - 1e-4)),
                    tw_late=int(np.floor((crew.until - base) * _UNITS + 1e-4)),
                    profile=self._profile[key],
                )
            )
        self._locations = [pyvrp.Location(0, 0) for _ in spots]
        self._depots = [pyvrp.Depot(location=len(options) + each) for each in range(2 * teams)]
        opens = np.clip((problem.opens[options] - base) * _UNITS, 0, span + 1)
        closes = np.clip((problem.closes[options] - base) * _UNITS, -1, span + 1)
        self._early = np.ceil(opens - 1e-4).astype(np.int64)
        self._late = np.floor(closes + 1e-4).astype(np.int64)
        shut = self._late < self._early  # never open in the shift: too late for anybody to be back
        self._early[shut] = self._late[shut] = span + 1

    def _data(self, weight: float) -> Any:
        problem, options = self._problem, self._options
        groups: dict[int, list[int]] = {}
        for client, option in enumerate(options):
            groups.setdefault(int(problem.group[option]), []).append(client)
        shared = [clients for clients in groups.values() if len(clients) > 1]
        group_of = {client: number for number, clients in enumerate(shared) for client in clients}
        clients = [
            pyvrp.Client(
                location=client,
                service_duration=round(float(problem.dwell[option]) * _UNITS),
                tw_early=int(self._early[client]),
                tw_late=int(self._late[client]),
                prize=max(1, round(float(problem.prize[option]) * self._worth * weight * _UNITS)),
                required=False,
                group=group_of.get(client),
            )
            for client, option in enumerate(options)
        ]
        return pyvrp.ProblemData(
            self._locations,
            clients,
            self._depots,
            self._vehicles,
            self._matrices,
            self._matrices,
            [pyvrp.ClientGroup(each, required=False) for each in shared],
        )

    def run(self, weight: float, seed: int, stop: Callable[[], bool], start: Routes | None = None) -> Routes:
        """Search with one weight until ``stop()`` is true; options in order of visit per crew.

        Times are rounded to a thousandth of a minute, so the answer wants checking.
        """
        data = self._data(weight)
        first = None
        if start is not None and any(start):
            client_of = {int(option): client for client, option in enumerate(self._options)}
            visit = pyvrp.ActivityType.CLIENT
            first = pyvrp.Solution(
                data,
                [
                    pyvrp.Route(data, [pyvrp.Activity(visit, client_of[o]) for o in route], team)
                    for team, route in enumerate(start)
                    if route
                ],
            )
        result = pyvrp.solve(
            data, lambda _cost: stop(), seed=seed, collect_stats=False, display=False, initial_solution=first
        )
        routes: list[tuple[int, ...]] = [() for _ in self._problem.teams]
        for route in result.best.routes():
            routes[route.vehicle_type()] = tuple(
                int(self._options[each.idx]) for each in route if each.is_client()
            )
        return tuple(routes)
