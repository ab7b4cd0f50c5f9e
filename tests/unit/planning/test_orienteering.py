"""The route engine against answers found by trying everything."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest

from pingan_geo.errors import BadTableError, UnalignedIndexError
from pingan_geo.planning.orienteering import (
    Crew,
    Problem,
    Solution,
    begins_of,
    check_routes,
    first_plan,
    solve,
)


def made(
    seed: int, options: int = 6, teams: int = 2, *, windows: bool = True, groups: int | None = None
) -> Problem:
    """A small problem with two modes, windows, groups and crews that may not go everywhere."""
    random = np.random.default_rng(seed)
    xy = random.random((options + 2, 2)) * 10
    foot = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) + random.random((options + 2, options + 2))
    np.fill_diagonal(foot, 0.0)
    opens = np.where(random.random(options) < 0.4, random.random(options) * 15, -np.inf) if windows else None
    if opens is None:
        opens = np.full(options, -np.inf)
    closes = np.where(np.isfinite(opens), opens + 1 + random.random(options) * 10, np.inf)
    crews = tuple(
        Crew(team % 2, options + team % 2, options + 1, float(team), float(15 + random.integers(10)))
        for team in range(teams)
    )
    return Problem(
        travel=np.stack([foot, foot / 2.5]),
        teams=crews,
        place=np.arange(options),
        group=random.integers(0, groups or max(1, options - 1), options),
        prize=random.integers(1, 10, options).astype(float),
        dwell=random.random(options) * 3,
        opens=opens,
        closes=closes,
        allowed=random.random((options, teams)) < 0.85,
    )


def best_by_trying(problem: Problem) -> float:
    """Every way to hand out the options, each route in every order."""
    teams = len(problem.teams)
    feasible: dict[tuple[int, frozenset[int]], bool] = {}
    best = 0.0
    for hands in product(range(-1, teams), repeat=len(problem.place)):
        taken = [option for option, team in enumerate(hands) if team >= 0]
        if len({int(problem.group[option]) for option in taken}) < len(taken):
            continue
        value = float(problem.prize[taken].sum())
        if value <= best or not all(problem.allowed[option, hands[option]] for option in taken):
            continue
        fits = True
        for team in range(teams):
            mine = frozenset(option for option in taken if hands[option] == team)
            if (team, mine) not in feasible:
                feasible[team, mine] = any(
                    begins_of(problem, team, order) is not None for order in permutations(mine)
                )
            fits = fits and feasible[team, mine]
        if fits:
            best = value
    return best


def test_a_problem_with_arrays_of_different_lengths_is_refused() -> None:
    with pytest.raises(UnalignedIndexError):
        replace(made(1), prize=np.ones(3))
    with pytest.raises(UnalignedIndexError):
        replace(made(1), allowed=np.ones((6, 3), bool))


@pytest.mark.parametrize(
    "change",
    [
        {"teams": ()},
        {"teams": (Crew(2, 0, 0, 0.0, 9.0), Crew(0, 0, 0, 0.0, 9.0))},
        {"teams": (Crew(0, 99, 0, 0.0, 9.0), Crew(0, 0, 0, 0.0, 9.0))},
        {"teams": (Crew(0, 0, 0, 0.0, np.inf), Crew(0, 0, 0, 0.0, 9.0))},
        {"place": np.full(6, 99)},
        {"prize": np.full(6, np.nan)},
        {"dwell": np.full(6, -1.0)},
        {"opens": np.full(6, np.nan)},
    ],
)
def test_numbers_that_mean_nothing_are_refused(change: dict[str, object]) -> None:
    with pytest.raises((BadTableError, UnalignedIndexError)):
        replace(made(1), **change)  # type: ignore[arg-type]


def test_how_long_must_be_said() -> None:
    with pytest.raises(ValueError, match="seconds or rounds"):
        solve(made(1), seed=1)


@pytest.mark.parametrize("seed", range(12))
def test_small_problems_are_solved_to_the_best_there_is(seed: int) -> None:
    problem = made(seed)
    plan = solve(problem, seed=seed, rounds=2)
    assert check_routes(problem, plan.routes) == []
    assert plan.value == pytest.approx(best_by_trying(problem))
    assert plan.value == pytest.approx(sum(problem.prize[o] for route in plan.routes for o in route))


@pytest.mark.parametrize("seed", range(4))
def test_small_problems_without_windows_too(seed: int) -> None:
    problem = replace(made(seed, windows=False), group=np.arange(6))
    assert solve(problem, seed=seed, rounds=2).value == pytest.approx(best_by_trying(problem))


def test_the_first_plan_comes_at_once_and_is_never_lost() -> None:
    problem = made(3, 60, 3, groups=60)
    seen: list[Solution] = []
    plan = solve(problem, seed=1, rounds=5, on_progress=lambda each, _: seen.append(each))
    assert seen[0] == first_plan(problem)
    assert seen[0].value > 0
    values = [each.value for each in seen]
    assert values == sorted(values)
    assert plan.value == values[-1]


def test_the_same_seed_gives_the_same_plan() -> None:
    problem = made(5, 80, 3, groups=80)
    assert solve(problem, seed=4, rounds=5) == solve(problem, seed=4, rounds=5)


def test_times_are_those_of_a_walk_through_the_route() -> None:
    travel = np.full((1, 3, 3), 10.0)
    crew = Crew(0, 0, 0, 100.0, 160.0)
    problem = Problem(
        travel=travel,
        teams=(crew,),
        place=np.array([1, 2]),
        group=np.array([7, 8]),
        prize=np.ones(2),
        dwell=np.array([5.0, 6.0]),
        opens=np.array([115.0, -np.inf]),
        closes=np.array([120.0, np.inf]),
        allowed=np.ones((2, 1), bool),
    )
    plan = solve(problem, seed=1, rounds=1)
    assert plan.routes == ((0, 1),)
    assert plan.begins == ((115.0, 130.0),)  # waits five minutes for the opening


def test_nothing_fits_is_an_empty_plan_and_not_a_fault() -> None:
    problem = made(1)
    short = tuple(replace(crew, until=crew.since) for crew in problem.teams)
    far = replace(problem, teams=short, travel=problem.travel + 1.0)
    assert solve(far, seed=1, rounds=1) == Solution(((), ()), ((), ()), 0.0)


def test_no_option_at_all() -> None:
    none = np.zeros(0)
    problem = Problem(
        np.zeros((1, 1, 1)), (Crew(0, 0, 0, 0.0, 1.0),), none.astype(int), none.astype(int),
        none, none, none, none, np.zeros((0, 1), bool),
    )  # fmt: skip
    assert solve(problem, seed=1, rounds=1).routes == ((),)


def test_where_no_way_leads_nobody_goes() -> None:
    problem = replace(made(2, windows=False), group=np.arange(6))
    travel = problem.travel.copy()
    travel[:, :, 0] = np.inf
    travel[:, 0, :] = np.inf
    cut = replace(problem, travel=travel)
    plan = solve(cut, seed=1, rounds=1)
    assert all(0 not in route for route in plan.routes)
    assert plan.value == pytest.approx(best_by_trying(cut))


def test_what_is_kept_stays_with_its_crew() -> None:
    problem = made(6, 40, 3, windows=False, groups=40)
    problem = replace(problem, allowed=np.ones((40, 3), bool), group=np.arange(40))
    plan = solve(problem, seed=1, rounds=3)
    poorest = [min(route, key=lambda option: problem.prize[option]) for route in plan.routes]
    again = solve(problem, seed=2, rounds=3, start=plan.routes, keep=poorest)
    assert all(option in route for option, route in zip(poorest, again.routes, strict=True))
    assert again.value >= plan.value


def test_a_start_that_breaks_rules_is_mended() -> None:
    problem = made(6, 40, 2, groups=40)
    nonsense = [list(range(40)), list(range(40)), [99]]
    plan = solve(problem, seed=1, rounds=1, start=nonsense)
    assert check_routes(problem, plan.routes) == []
    assert plan.value > 0


def test_the_checker_sees_each_fault() -> None:
    problem = replace(made(3), allowed=np.ones((6, 2), bool), group=np.arange(6))
    plan = solve(problem, seed=1, rounds=1)
    assert check_routes(problem, plan.routes) == []
    inside = plan.routes[0][0] if plan.routes[0] else plan.routes[1][0]
    assert "routes for" in check_routes(problem, plan.routes[:1])[0]
    assert "no option" in check_routes(problem, [(99,), ()])[0]
    assert "taken by" in check_routes(problem, [(inside,), (inside,)])[0]
    alike = replace(problem, group=np.zeros(6, int))
    assert any("same group" in fault for fault in check_routes(alike, [(0, 1), ()]))
    barred = replace(problem, allowed=np.zeros((6, 2), bool))
    assert any("may not take" in fault for fault in check_routes(barred, plan.routes))
    closed = replace(problem, opens=np.full(6, -9.0), closes=np.full(6, -1.0))
    assert any("begins option" in fault for fault in check_routes(closed, plan.routes))
    hurried = replace(problem, teams=tuple(replace(crew, until=crew.since) for crew in problem.teams))
    assert any("is back at" in fault for fault in check_routes(hurried, plan.routes))
    severed = replace(problem, travel=np.full_like(problem.travel, np.inf))
    assert any("is back at" in fault for fault in check_routes(severed, plan.routes))
