"""Team orienteering: which stops, by which crew, in which order and when, so that the prizes add up to the most.

Two engines share the time and the better plan that passes an independent checker is kept: a ruin and recreate
of our own (:mod:`orienteering_kernels`, numba) and PyVRP (:mod:`orienteering_pyvrp`). A greedy plan is there
after a fraction of a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pingan_geo.planning.orienteering_problem import (
    TOLERANCE,
    Crew,
    Floats,
    Integers,
    Problem,
    Routes,
    Solution,
    begins_of,
    solution_of,
)
from pingan_geo.planning.orienteering_rules import check_routes

__all__ = [
    "Crew",
    "Problem",
    "Routes",
    "Solution",
    "begins_of",
    "check_routes",
    "first_plan",
    "solution_of",
    "solve",
    "warm_up",
]

#: Called with each better plan and the share (0–1) of the time that has gone.
Progress = Callable[[Solution, float], None]

#: Instead of infinitely many minutes, so that differences stay numbers.
_NO_WAY: Final = 1e7
#: Ruins of one round, and rounds of one batch when rounds are counted.
_RUINS: Final = 1000
_NEAREST: Final = 250
#: Searches from the first plan, one after the other.
_CHAINS: Final = 4
#: From so many stops on, a single route is long: PyVRP has most of the time.
_LONG: Final = 50
#: Routes that are put together anew.
_POOL: Final = 600


def first_plan(problem: Problem, *, start: Sequence[Sequence[int]] | None = None) -> Solution:
    """Insert greedily: the option with the most prize for the time it takes goes in first.

    Needs no compiled code: 300 options and six crews take a few hundredths of a second to tenths.

    Parameters
    ----------
    problem
        What is to be planned.
    start
        Routes to fill up; none empty ones. What does not keep the rules there is left out, the smallest
        prizes first.

    Returns
    -------
    Solution
        Keeps every rule; empty only if no option fits on any route.
    """
    routes = _mended(problem, start) if start is not None else [[] for _ in problem.teams]
    group = {int(problem.group[option]) for route in routes for option in route}
    gain = np.full((len(problem.place), len(problem.teams)), -np.inf)
    spot = np.zeros(gain.shape, np.int64)
    for team in range(len(problem.teams)):
        _places(problem, team, routes[team], gain, spot)
    taken = np.isin(problem.group, sorted(group)) | (problem.prize <= 0)
    gain[taken] = -np.inf
    while gain.size:
        option, team = divmod(int(gain.argmax()), gain.shape[1])
        if gain[option, team] == -np.inf:
            break
        routes[team].insert(int(spot[option, team]), option)
        if begins_of(problem, team, tuple(routes[team])) is None:  # rounding at the very border of a window
            routes[team].remove(option)
            gain[option, team] = -np.inf
            continue
        taken |= problem.group == problem.group[option]
        _places(problem, team, routes[team], gain, spot)
        gain[taken] = -np.inf
    return solution_of(problem, tuple(map(tuple, routes)))


def _places(problem: Problem, team: int, route: list[int], gain: Floats, spot: Integers) -> None:
    """For every option the best place in a route, and the prize it brings there per minute of time used."""
    crew = problem.teams[team]
    way = problem.travel[crew.mode]
    at = np.array([crew.start, *problem.place[route], crew.end])
    free = np.empty(len(route) + 1)
    free[0] = crew.since
    free[1:] = np.asarray(begins_of(problem, team, tuple(route)) or ()) + problem.dwell[route]
    late = np.empty(len(route) + 1)
    latest = crew.until
    for position in range(len(route), -1, -1):
        late[position] = latest
        if position:
            stop = route[position - 1]
            latest = min(
                problem.closes[stop], latest - way[at[position], at[position + 1]] - problem.dwell[stop]
            )
    into = way[np.ix_(at[:-1], problem.place)].T
    out = way[np.ix_(problem.place, at[1:])]
    begin = np.maximum(free + into, problem.opens[:, None])
    ends = begin + problem.dwell[:, None] + out
    fits = (begin <= problem.closes[:, None]) & (ends <= late) & problem.allowed[:, team, None]
    direct = way[at[:-1], at[1:]]
    with np.errstate(invalid="ignore"):
        longer = np.where(fits, into + out - np.where(np.isfinite(direct), direct, 0.0), np.inf)
    best = longer.argmin(axis=1)
    rows = np.arange(len(best))
    used = np.maximum(longer[rows, best], 0.0) + problem.dwell + 1e-3
    gain[:, team] = np.where(fits.any(axis=1), problem.prize / used, -np.inf)
    spot[:, team] = best


def _mended(problem: Problem, start: Sequence[Sequence[int]]) -> list[list[int]]:
    """Routes of a start plan without what breaks a rule."""
    routes: list[list[int]] = []
    groups: set[int] = set()
    for team in range(len(problem.teams)):
        route: list[int] = []
        for option in start[team] if team < len(start) else ():
            known = 0 <= option < len(problem.place)
            if known and problem.allowed[option, team] and int(problem.group[option]) not in groups:
                route.append(int(option))
                groups.add(int(problem.group[option]))
        while begins_of(problem, team, tuple(route)) is None:
            worst = min(route, key=lambda option: problem.prize[option])
            route.remove(worst)
            groups.discard(int(problem.group[worst]))
        routes.append(route)
    return routes


def warm_up() -> None:
    """Load the compiled search (and compile it, the first time on a machine: some ten seconds)."""
    place = np.array([1, 2])
    ones = np.ones(2)
    travel = np.array([[[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]])
    crews = (Crew(0, 0, 0, 0.0, 10.0),)
    never = np.full(2, np.inf)
    tiny = Problem(travel, crews, place, place, ones, ones, -never, never, np.ones((2, 1), bool))
    _Search(tiny, 1).run(10, 0.0, 1.0, 1)


def solve(
    problem: Problem,
    *,
    seed: int,
    seconds: float | None = None,
    rounds: int | None = None,
    start: Sequence[Sequence[int]] | None = None,
    keep: Collection[int] = (),
    on_progress: Progress | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Solution:
    """Find the best plan within a time or a number of rounds.

    Parameters
    ----------
    problem
        What is to be planned.
    seed
        Of the random numbers.
    seconds
        How long to search, by ``clock``, after the compiled code is loaded (:func:`warm_up`). How many rounds
        that is depends on the machine, and so does the plan.
    rounds
        Instead of ``seconds``: so many rounds of a thousand ruins. The same problem, seed, start and number of
        rounds give the same plan. At least one of the two; with both, whichever is over first.
    start
        A plan to begin with, e.g. the one to be changed; what breaks a rule there is left out.
    keep
        Options of ``start`` that stay, each with its crew (their order may change).
    on_progress
        Called with the first plan at once and then with each better one.
    clock
        In seconds: the wall clock, or :func:`time.process_time`.

    Returns
    -------
    Solution
        Keeps every rule by :func:`check_routes`; never worse than the first plan or the mended start, and
        empty only if no option fits.

    Raises
    ------
    ValueError
        Neither ``seconds`` nor ``rounds``.
    """
    if seconds is None and rounds is None:
        raise ValueError("seconds or rounds")
    task = _kept(problem, start, frozenset(keep))
    plain = first_plan(task)
    best = plain if start is None else first_plan(task, start=start)
    if plain.value > best.value:
        best = plain

    def tell(share: float) -> None:
        if on_progress is not None:
            on_progress(solution_of(problem, best.routes), share)

    tell(0.0)
    if not any(best.routes):  # nothing fits anywhere
        return solution_of(problem, best.routes)
    hunt = _Hunt(task, seed, best, tell=None)

    def better(plan: Solution, share: float) -> None:
        nonlocal best
        if plan.value > best.value + TOLERANCE and not check_routes(problem, plan.routes):
            best = plan
            tell(min(share, 1.0))

    hunt.tell = better
    hunt.run(_Budget(seconds, rounds, clock))
    return solution_of(problem, best.routes)


class _Budget:
    """How much of the time, or of the rounds, has gone."""

    def __init__(self, seconds: float | None, rounds: int | None, clock: Callable[[], float]) -> None:
        self.seconds, self.rounds, self.clock = seconds, rounds, clock
        self.done = 0
        self._began = clock()

    @property
    def share(self) -> float:
        """Between 0 and 1 (over)."""
        timed = (self.clock() - self._began) / self.seconds if self.seconds else 0.0
        counted = self.done / self.rounds if self.rounds else 0.0
        return max(timed, counted, 1.0 if 0 in (self.seconds, self.rounds) else 0.0)


class _Hunt:
    """Several searches, what they found put together, and PyVRP, within one budget."""

    def __init__(
        self, problem: Problem, seed: int, first: Solution, tell: Callable[[Solution, float], None] | None
    ) -> None:
        self.problem, self.seed, self.best, self.tell = problem, seed, first, tell
        self.given = first.routes
        self._pool: dict[tuple[int, frozenset[int]], tuple[int, ...]] = {}
        crews = [(crew, problem.allowed[:, team].tobytes()) for team, crew in enumerate(problem.teams)]
        self._kind = [crews.index(each) for each in crews]  # crews alike may drive each other's routes
        self._turn = 0

    def run(self, budget: _Budget) -> None:
        """Spend the whole budget."""
        single = len(self.problem.teams) == 1
        long = sum(map(len, self.best.routes)) > _LONG * len(self.problem.teams)
        chains, pyvrp, join = (1, 0.75, 0.0) if single and long else (_CHAINS, 0.12, 0.13)
        if budget.rounds is not None:
            chains = min(chains, budget.rounds)
        self._pyvrp(budget, pyvrp)
        for chain in range(chains):
            left = 1.0 - join - pyvrp
            first = 0.5 if single and long else 0.0
            start = self.best.routes if single and long else self.given
            self._anneal(budget, start, pyvrp + left * (chain + 1) / chains, first)
        self._join()
        self._anneal(budget, self.best.routes, 1.0, 0.55)

    def _found(self, routes: Routes, share: float) -> None:
        for team, route in enumerate(routes):
            if route:
                self._pool.setdefault((self._kind[team], frozenset(route)), route)
        value = float(sum(self.problem.prize[option] for route in routes for option in route))
        if value > self.best.value + TOLERANCE:
            self.best = solution_of(self.problem, routes)
            if self.tell is not None:
                self.tell(self.best, share)

    def _anneal(self, budget: _Budget, start: Routes, until: float, first: float) -> None:
        """One search, cooling from ``first`` to the end while the budget goes to ``until``."""
        opened = budget.share
        if opened >= until:
            return
        search = _Search(self.problem, self.seed)
        search.begin(start)
        batch = 200
        reported = 0.0
        while (share := budget.share) < until:
            self._turn += 1
            low = (share - opened) / (until - opened)
            if budget.rounds is not None:
                high = low + 1.0 / budget.rounds / (until - opened)
                batch = _RUINS
            else:
                high = low + 0.02
            before = budget.clock()
            low, high = (first + (1.0 - first) * min(each, 1.0) for each in (low, high))
            search.run(batch, low, high, self._turn)
            budget.done += 1
            if budget.rounds is None and budget.seconds:
                taken = max(budget.clock() - before, 1e-6)
                batch = int(np.clip(batch * 0.02 * budget.seconds * (until - opened) / taken, 20, 4 * batch))
            if search.value > reported:
                reported = search.value
                self._found(search.routes(), share)
            self._found(search.routes(now=True), share)

    def _join(self) -> None:
        """Put together the best set of routes that were ever seen and share no group (a set packing)."""
        columns = list(self._pool)
        if len(self.problem.teams) < 2 or len(columns) < 3:
            return
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array

        prize = [sum(self.problem.prize[option] for option in options) for _, options in columns]
        best = sorted(range(len(columns)), key=lambda each: -prize[each])[:_POOL]
        columns, prize = [columns[each] for each in best], [prize[each] for each in best]
        _, group = np.unique(self.problem.group, return_inverse=True)
        rows, cols = [], []
        for number, (kind, options) in enumerate(columns):
            rows += [kind, *(len(self._kind) + int(group[option]) for option in options)]
            cols += [number] * (1 + len(options))
        limit = np.ones(len(self._kind) + int(group.max()) + 1)
        for kind in range(len(self._kind)):
            limit[kind] = self._kind.count(kind)
        shape = (len(limit), len(columns))
        answer = milp(
            -np.asarray(prize),
            constraints=LinearConstraint(
                csr_array((np.ones(len(rows)), (rows, cols)), shape), -np.inf, limit
            ),
            bounds=Bounds(0, 1),
            integrality=np.ones(len(columns)),
            options={"node_limit": 200},
        )
        if answer.x is None:
            return
        routes: list[tuple[int, ...]] = [() for _ in self._kind]
        for number in np.flatnonzero(answer.x > 0.5).tolist():
            kind, options = columns[number]
            free = next(team for team, each in enumerate(self._kind) if each == kind and not routes[team])
            routes[free] = self._pool[kind, options]
        if not check_routes(self.problem, routes):
            self._found(tuple(routes), 1.0)

    def _pyvrp(self, budget: _Budget, until: float) -> None:
        """Let the other engine search, with several weights one after the other."""
        from pingan_geo.planning.orienteering_pyvrp import WEIGHTS, Model

        model = Model(self.problem, self.best.value)
        opened = budget.share
        for number, weight in enumerate(WEIGHTS):
            end = opened + (until - opened) * (number + 1) / len(WEIGHTS)
            left = 40 * (budget.rounds or 0)

            def stop(end: float = end) -> bool:
                nonlocal left
                left -= 1
                return left < 0 if budget.rounds is not None else budget.share >= end

            routes = first_plan(self.problem, start=model.run(weight, self.seed, stop)).routes
            self._found(routes, budget.share)


def _kept(problem: Problem, start: Sequence[Sequence[int]] | None, keep: frozenset[int]) -> Problem:
    """Make what is to be kept worth more than all else, and its crew's alone."""
    if start is None or not keep:
        return problem
    prize, allowed = problem.prize.copy(), problem.allowed.copy()
    much = float(np.abs(prize).sum()) + 1.0
    for team, route in enumerate(start):
        for option in route:
            if option in keep:
                prize[option] = max(prize[option], 0.0) + much
                mine = allowed[option, team]
                allowed[option] = False
                allowed[option, team] = mine
    return replace(problem, prize=prize, allowed=allowed)


@dataclass
class _Tuning:
    """Numbers of the search, found by trial on the sets of ``benchmarks/orienteering.py`` and on made ones."""

    hot: float = 2.0
    cold: float = 0.05
    price: float = 0.1
    removed: float = 15.0
    longest: float = 15.0
    again: float = 0.0
    polish: float = 0.0
    skip: float = 0.01


class _Search:
    """The compiled search on the options that can be taken at all, and its best plan so far."""

    def __init__(self, problem: Problem, seed: int, tuning: _Tuning | None = None) -> None:
        from pingan_geo.planning import orienteering_kernels

        self._anneal: Any = orienteering_kernels.anneal
        self._tuning = tuning or _Tuning()
        self._seed = seed
        travel = np.ascontiguousarray(np.minimum(problem.travel, _NO_WAY))
        modes = np.array([crew.mode for crew in problem.teams])
        starts = np.array([crew.start for crew in problem.teams])
        ends = np.array([crew.end for crew in problem.teams])
        since = np.array([crew.since for crew in problem.teams])
        until = np.array([crew.until for crew in problem.teams])
        place = problem.place
        begin = np.maximum(since + travel[modes, starts][:, place].T, problem.opens[:, None])
        back = begin + problem.dwell[:, None] + travel[modes[:, None], place[None], ends[:, None]].T
        alone = problem.allowed & (begin <= problem.closes[:, None] + TOLERANCE) & (back <= until + TOLERANCE)
        alone &= (problem.prize > 0)[:, None]
        self._options = np.flatnonzero(alone.any(axis=1))
        options = self._options
        self._small = np.full(len(place), -1, np.int64)
        self._small[options] = np.arange(len(options))
        place = place[options].astype(np.int64)
        both = travel.mean(axis=0)
        both = (both + both.T)[np.ix_(place, place)]
        near = np.argsort(both, axis=1, kind="stable")[:, : _NEAREST + 1].astype(np.int32)
        prize = problem.prize[options]
        _, group = np.unique(problem.group[options], return_inverse=True)
        plain = bool(np.isneginf(problem.opens[options]).all() and np.isposinf(problem.closes[options]).all())
        symmetric = bool(np.array_equal(travel, travel.transpose(0, 2, 1)))
        self._prize = prize
        self._scale = float(np.minimum(prize, 5 * np.median(prize)).mean()) if len(prize) else 1.0
        self._price = self._tuning.price * self._scale / (_typical(both) / 2 + 1e-9)
        width = len(options) + 3
        teams = len(problem.teams)
        self._fixed: tuple[Any, ...] = (
            prize, group.astype(np.int64), int(group.max(initial=-1)) + 1, place, problem.dwell[options],
            problem.opens[options], problem.closes[options], travel, modes.astype(np.int64),
            starts.astype(np.int64), ends.astype(np.int64), since, until, alone[options], near, plain, symmetric,
        )  # fmt: skip
        self._stops = np.zeros((teams, width), np.int32)
        self._length = np.zeros(teams, np.int32)
        self._best_stops = self._stops.copy()
        self._best_length = self._length.copy()
        self.value = 0.0
        self._way = 0.0

    def begin(self, routes: Routes) -> None:
        """Search on from a plan."""
        self._length[:] = 0
        for team, route in enumerate(routes):
            inside = self._small[list(route)]
            self._length[team] = len(inside)
            self._stops[team, 1 : len(inside) + 1] = inside
        self._best_stops[:] = self._stops
        self._best_length[:] = self._length
        self.value = float(sum(self._prize[self._small[list(route)]].sum() for route in routes))
        self._way = np.inf

    def run(self, ruins: int, first: float, last: float, seed: int) -> None:
        """So many ruins, between two shares of the cooling."""
        tuning = self._tuning
        self.value, self._way = self._anneal(
            *self._fixed, self._stops, self._length, self._best_stops, self._best_length, self.value, self._way,
            (self._seed * 7919 + seed) % 2**31, ruins, tuning.hot * self._scale, tuning.cold * self._scale,
            first, last, self._price, tuning.removed, tuning.longest, tuning.again, tuning.polish, tuning.skip,
        )  # fmt: skip

    def routes(self, *, now: bool = False) -> Routes:
        """Give the best plan so far, or the one in hand."""
        plan = (self._stops, self._length) if now else (self._best_stops, self._best_length)
        return tuple(
            tuple(int(option) for option in self._options[stops[1 : length + 1]])
            for stops, length in zip(*plan, strict=True)
        )


def _typical(both: NDArray[np.float64]) -> float:
    """Mean way to the nearest five other places, there and back."""
    if len(both) < 2:
        return 1.0
    apart = np.where(both > 0, both, np.inf)
    nearest = np.sort(apart, axis=1)[:, :5]
    nearest = nearest[np.isfinite(nearest) & (nearest < _NO_WAY)]
    return float(nearest.mean()) if len(nearest) else 1.0
