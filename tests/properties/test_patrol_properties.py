"""Whatever the places, windows, ways, teams and changes: no round exceeds its shift, window, mode or no-go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pingan_geo.errors import TeamBreakError, TeamRouteError
from pingan_geo.planning.patrol import Changes, plan_routes
from pingan_geo.planning.patrol_rules import check_patrol

UNHURRIED = settings(deadline=None, max_examples=40)
KINDS = ["hotspot", "hotspot", "hotspot", "must", "control", "post"]


@st.composite
def tasks(draw, made_patrols):
    """A task with whatever may go wrong in it."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    size, teams = draw(st.integers(0, 25)), draw(st.integers(1, 4))
    task = made_patrols.task(
        size,
        teams,
        seed=draw(st.integers(0, 10_000)),
        hours=draw(st.integers(1, 5)),
        modes=draw(st.sampled_from([("walk",), ("walk", "ebike"), ("car", "walk")])),
        break_min=draw(st.sampled_from([0, 15])),
        kinds=rng.choice(KINDS, size).tolist(),
        side_m=draw(st.sampled_from([300.0, 2_000.0, 8_000.0])),
        no_go=rng.random(size) < 0.1,
        allowed=rng.random((size, teams)) < 0.8,
    )
    table = task.candidates.copy()
    for row in np.flatnonzero(rng.random(size) < 0.3):
        opens = task.since + timedelta(minutes=int(rng.integers(-60, 240)), seconds=int(rng.integers(60)))
        table.loc[row, "opens"] = opens
        table.loc[row, "closes"] = opens + timedelta(minutes=int(rng.integers(0, 120)))
    table["dwell_min"] = rng.uniform(0, 20, size)
    lost = rng.random(size + 2) < 0.1
    lost[size:] = False
    cut = (lost[:, None] | lost) & ~np.eye(size + 2, dtype=bool)
    ways = {mode: np.where(cut, np.inf, matrix) for mode, matrix in task.minutes.items()}
    crews = tuple(
        replace(
            team,
            since=task.since + timedelta(minutes=int(rng.integers(0, 20))),
            end=task.halts[int(rng.integers(2))],
        )
        for team in task.teams
    )
    return replace(task, candidates=table, minutes=ways, teams=crews)


def as_patrol(planned, task):
    return planned.patrol(
        patrol_id="XL-20260901-001",
        title="",
        since=task.since,
        until=task.until,
        expected_all=float(task.candidates["expected"].sum()),
        roads="straight",
        seed=1,
        made_at=task.since,
        synthetic=True,
        town="",
    )


@UNHURRIED
@given(st.data())
def test_plan_and_changed_plan_keep_every_rule(made_patrols, data):
    task = data.draw(tasks(made_patrols))
    try:
        planned = plan_routes(task, seed=data.draw(st.integers(0, 99)), rounds=1)
    except (TeamBreakError, TeamRouteError):
        return  # a 20-minute shift with a break of 15, or too far away: refused with a sentence
    patrol = as_patrol(planned, task)
    assert check_patrol(patrol, task) == []

    ids = list(task.candidates["stop_id"])
    some = st.lists(st.sampled_from(ids), max_size=3, unique=True) if ids else st.just([])
    placed = {stop: data.draw(st.sampled_from(["", task.teams[0].code])) for stop in data.draw(some)}
    changes = Changes(patrol, placed=placed, removed=frozenset(data.draw(some)))
    changed = plan_routes(task, seed=1, rounds=1, changes=changes)
    assert check_patrol(as_patrol(changed, task), task) == []
    seen = {stop.stop_id: route.team.code for route in changed.routes for stop in route.stops}
    assert not changes.removed & set(seen)
    for stop, team in placed.items():
        assert stop not in seen or stop in changes.removed or team in {"", seen[stop]}
