"""Does a plan keep every rule? Written apart from the solver, in plain Python, so that no fault is shared."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pingan_geo.planning.orienteering_problem import Problem

#: A plan may be late by so much, minutes: half a hundredth of a second of rounding.
_ROUNDING = 1e-4


def check_routes(problem: Problem, routes: Sequence[Sequence[int]]) -> list[str]:
    """Which rules a plan breaks, one English sentence each; empty if it keeps them all.

    Parameters
    ----------
    problem
        What is to be planned.
    routes
        Options in order of visit, one sequence per crew, in the order of ``problem.teams``.
    """
    faults: list[str] = []
    if len(routes) != len(problem.teams):
        return [f"{len(routes)} routes for {len(problem.teams)} crews"]
    by_option: dict[int, int] = {}
    by_group: dict[int, int] = {}
    for number, route in enumerate(routes):
        known = []
        for option in route:
            if not 0 <= option < len(problem.prize):
                faults.append(f"crew {number}: there is no option {option}")
                continue
            known.append(int(option))
            if option in by_option:
                faults.append(f"option {option} is taken by crew {by_option[option]} and crew {number}")
            elif int(problem.group[option]) in by_group:
                other = by_group[int(problem.group[option])]
                faults.append(f"options {other} and {option} serve the same group")
            by_option[option] = number
            by_group[int(problem.group[option])] = option
            if not problem.allowed[option][number]:
                faults.append(f"crew {number} may not take option {option}")
        faults += _late(problem, number, known)
    return faults


def _late(problem: Problem, number: int, route: list[int]) -> list[str]:
    """Windows and the shift of one route, walked minute by minute."""
    if not route:
        return []
    faults = []
    crew = problem.teams[number]
    minutes = problem.travel[crew.mode]
    clock = float(crew.since)
    spot = crew.start
    for option in route:
        target = int(problem.place[option])
        clock += float(minutes[spot][target])
        opening, closing = float(problem.opens[option]), float(problem.closes[option])
        if clock < opening:
            clock = opening
        if clock - closing > _ROUNDING:
            faults.append(f"crew {number} begins option {option} at {clock:.4f}, after {closing:.4f}")
        clock += float(problem.dwell[option])
        spot = target
    clock += float(minutes[spot][crew.end])
    if not math.isfinite(clock) or clock - crew.until > _ROUNDING:
        faults.append(f"crew {number} is back at {clock:.4f}, after {crew.until:.4f}")
    return faults
