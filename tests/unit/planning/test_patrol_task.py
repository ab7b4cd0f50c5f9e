"""A task that does not fit together is refused before anything is planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from pingan_geo.errors import (
    BadChoiceError,
    BadTableError,
    TeamBreakError,
    TeamRouteError,
    UnalignedIndexError,
)
from pingan_geo.model.patrol import Halt
from pingan_geo.planning.patrol_options import control_slots, make_options, worth_by_hour
from pingan_geo.planning.patrol_task import Changes, PatrolRules, shift_hour_starts


def options_of(task, *, rules=None, changes=None, slots=1, seed=0):
    return make_options(
        task, rules or PatrolRules(), changes or Changes(), slots, np.random.default_rng(seed)
    )


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("stop_id", "same", "twice"),
        ("kind", "break", "kind"),
        ("dwell_min", np.nan, "minutes"),
        ("lon", np.nan, "place"),
        ("cell", "8a1", "two places"),
        ("expected", 9.0, "sum of the shift's hours"),
    ],
)
def test_wrong_candidates_are_refused(made_patrols, column, value, said):
    task = made_patrols.task(6)
    with pytest.raises(BadTableError, match=said):
        replace(task, candidates=task.candidates.assign(**{column: value}).astype(task.candidates.dtypes))


def test_matrices_of_other_sizes_are_refused(made_patrols):
    task = made_patrols.task(6)
    small = {mode: matrix[:-1, :-1] for mode, matrix in task.minutes.items()}
    with pytest.raises(UnalignedIndexError):
        replace(task, minutes=small)
    with pytest.raises(UnalignedIndexError):
        replace(task, metres=small)
    with pytest.raises(UnalignedIndexError):
        replace(task, hourly=task.hourly[:, :3])
    with pytest.raises(UnalignedIndexError):
        replace(task, allowed=np.ones((6, 3), dtype=bool))
    with pytest.raises(UnalignedIndexError):
        replace(task, no_go=np.ones(7, dtype=bool))


def test_ways_that_are_not_numbers_are_refused(made_patrols):
    task = made_patrols.task(6)
    unknown = {mode: np.where(matrix > 20, np.nan, matrix) for mode, matrix in task.minutes.items()}
    with pytest.raises(BadTableError):
        replace(task, minutes=unknown)


def test_teams_that_do_not_fit_are_refused(made_patrols):
    task = made_patrols.task(6)
    one, two = task.teams
    with pytest.raises(BadChoiceError, match="each code once"):
        replace(task, teams=(one, replace(two, code=one.code)))
    with pytest.raises(BadChoiceError, match="mode"):
        replace(task, teams=(replace(one, mode="boat"),))
    with pytest.raises(BadChoiceError, match="shift"):
        replace(task, teams=(replace(one, until=task.until + timedelta(hours=1)),))
    with pytest.raises(BadChoiceError, match="halt"):
        replace(task, teams=(replace(one, start=Halt("别处", 120.0, 30.0)),))


def test_team_that_cannot_come_back_is_refused(made_patrols):
    task = made_patrols.task(6)
    cut = {mode: np.where(np.eye(8, dtype=bool), 0.0, np.inf) for mode in task.minutes}
    away = replace(task.teams[0], end=task.halts[1])
    with pytest.raises(TeamRouteError, match="东区平安岗"):
        options_of(replace(task, minutes=cut, metres=cut, teams=(away,)))


def test_break_out_of_reach_is_refused(made_patrols):
    task = made_patrols.task(6, break_min=20)
    cut = {mode: np.where(np.eye(8, dtype=bool), 0.0, np.inf) for mode in task.minutes}
    with pytest.raises(TeamBreakError, match="20 minutes"):
        options_of(replace(task, minutes=cut, metres=cut))
    assert (options_of(replace(task, minutes=cut, metres=cut, breaks=())).row < 0).sum() == 2


@pytest.mark.parametrize("name", ["effect_min", "control_share", "variety", "break_near_min"])
def test_rules_out_of_range_are_refused(name):
    with pytest.raises(BadChoiceError, match=name):
        PatrolRules(**{name: -1.0})


def test_hours_of_a_shift_are_counted_from_its_start():
    starts = shift_hour_starts(datetime(2026, 9, 1, 18, 30), datetime(2026, 9, 1, 20, 45), after_min=90)
    assert [f"{start:%H:%M}" for start in starts] == ["18:30", "19:30", "20:30", "21:30", "22:30"]


def test_visit_is_worth_the_hours_that_it_works_on():
    hourly = np.array([[1.0, 2.0, 4.0, 8.0]])
    assert worth_by_hour(hourly, 4, 60).tolist() == [[1.0, 2.0, 4.0, 8.0]]
    assert worth_by_hour(hourly, 4, 90).tolist() == [[2.0, 4.0, 8.0, 12.0]]  # the last hour goes on
    assert worth_by_hour(hourly, 2, 120).tolist() == [[3.0, 6.0]]  # what comes after the shift is known


def test_place_whose_risk_changes_is_an_option_an_hour(made_patrols):
    task = made_patrols.task(2, 1, kinds=["hotspot", "must"])
    flat = np.full((2, 6), 0.1)
    flat[0, 4:] = 0.7
    found = options_of(
        replace(task, hourly=flat, candidates=task.candidates.assign(expected=flat[:, :4].sum(axis=1)))
    )
    first = found.row == 0
    # 18-20 h: the two hours after arrival are alike; from 20 h on the rise after the shift counts.
    assert list(zip(found.opens[first], found.closes[first], strict=True)) == [(0, 179), (180, 239)]
    assert found.risk[first].round(9).tolist() == [0.2, 0.8]
    assert len(set(found.group[first])) == 1
    assert (found.base[found.row == 1] > found.base[first].max() + 4 * found.risk.max()).all()


def test_closed_place_is_no_option(made_patrols):
    task = made_patrols.task(3, 1, kinds=["hotspot"] * 3)
    table = task.candidates.copy()
    table.loc[0, "closes"] = task.since - timedelta(minutes=1)
    table.loc[1, "opens"] = task.since + timedelta(minutes=150)
    found = options_of(replace(task, candidates=table))
    assert 0 not in found.row
    assert found.opens[found.row == 1].min() == 150
    assert (options_of(replace(task, no_go=np.array([False, True, False]))).row != 1).all()


def test_a_tenth_of_the_stops_are_quiet_places(made_patrols):
    task = made_patrols.task(50)  # ten controls
    assert [control_slots(task, stops, 0.1) for stops in (0, 4, 24, 26, 500)] == [1, 1, 2, 3, 10]
    assert control_slots(task, 50, 0.0) == 0
    found = options_of(task, slots=3)
    quiet = task.candidates["kind"].to_numpy()[found.row] == "control"
    assert len(set(found.group[quiet])) == 3
    assert len(set(options_of(task, slots=3, seed=1).group[quiet])) == 3
    assert (options_of(task, slots=3, seed=1).group[quiet] != found.group[quiet]).any()
