"""Did it help: told on made-up truth, and not told when there is too little."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from pingan_geo.errors import BadChoiceError, UnknownCategoryError
from pingan_geo.model.patrol import VISITS, Halt, LeftOut, Patrol, Route, Stop, Team
from pingan_geo.spatial.cells import cells_covering, centres, to_text
from pingan_geo.storage.patrols import PatrolReturn, write_patrol, write_return
from pingan_geo.workflow.patrol_effect import judge, patrol_effect
from pingan_geo.workflow.towns import open_town

UNTIL = datetime(2026, 3, 1)
DAYS = 28
SINCE, BEGIN = UNTIL - timedelta(days=DAYS), UNTIL - timedelta(days=2 * DAYS)
HOT, WAITING, QUIET = slice(0, 10), slice(10, 40), slice(40, 44)


@pytest.fixture
def town(tiny_town, tmp_path):
    folder = tmp_path / "town"
    shutil.copytree(tiny_town.folder, folder)
    opened = open_town(folder)
    yield opened
    opened.close()


@pytest.fixture
def cells(town):
    return cells_covering(town.area, town.settings.patrol_resolution)[::6]


def patrol_of(cells, night: datetime, number: int = 1) -> Patrol:
    text = to_text(cells)
    lon, lat = centres(cells)
    since = night + timedelta(hours=18)
    station = Halt("岗", float(lon[0]), float(lat[0]))
    team = Team("1", "一队", "walk", station, station, since, since + timedelta(hours=4))
    stops = tuple(
        Stop(
            place + 1,
            str(text[row]),
            "control" if row >= HOT.stop else "hotspot",
            f"第{row}处",
            float(lon[row]),
            float(lat[row]),
            since + timedelta(minutes=15 * place),
            since + timedelta(minutes=15 * place + 12),
            3.0,
            200.0,
            cell=str(text[row]),
        )
        for place, row in enumerate([*range(HOT.stop), QUIET.start + night.day % 4])
    )
    left = tuple(
        LeftOut(str(text[row]), "hotspot", f"第{row}处", float(lon[row]), float(lat[row]), 0.1, "time")
        for row in range(WAITING.start, WAITING.stop)
    )
    route = Route(team, stops, 3.0, 200.0, since + timedelta(hours=3))
    return Patrol(
        f"XL-{night:%Y%m%d}-{number:03d}", "", since, since + timedelta(hours=4), (route,), left, 1.0, "straight", 1,
        night, True, "镇",
    )  # fmt: skip


def walk(town, cells, nights: int, *, first: datetime = SINCE, left: bool = True) -> None:
    """Store plans of so many nights, and that all their stops were visited."""
    with town.store.begin() as connection:
        for night in range(nights):
            patrol = patrol_of(cells, first + timedelta(days=night))
            write_patrol(connection, patrol)
            rows = [
                {
                    "patrol_id": patrol.patrol_id,
                    "team": "1",
                    "number": stop.number,
                    "stop_id": stop.stop_id,
                    "kind": stop.kind,
                    "cell": stop.cell,
                    "planned_arrive": stop.arrive,
                    "planned_leave": stop.leave,
                    "arrived": stop.arrive,
                    "left": stop.arrive + timedelta(minutes=10) if left else pd.NaT,
                    "answer": "none",
                    "note": "",
                    "photos": "",
                }
                for stop in patrol.routes[0].stops
            ]
            visits = pd.DataFrame(rows).astype(VISITS.columns)
            at = patrol.until
            write_return(
                connection,
                PatrolReturn(patrol.patrol_id, "1", "x", "a" * 64, "phone", "", at, at, visits=visits),
            )


def reports_of(town, cells, before: np.ndarray, after: np.ndarray, origin: str = "reported") -> pd.DataFrame:
    """Reports at the middle of cells, so many before and after the patrols began."""
    lon, lat = centres(cells)
    from pingan_geo.spatial.cells import cells_of

    fine = cells_of(lon, lat, town.settings.finest)
    row = np.concatenate([np.repeat(np.arange(len(cells)), before), np.repeat(np.arange(len(cells)), after)])
    start = np.where(np.arange(len(row)) < before.sum(), np.datetime64(BEGIN, "s"), np.datetime64(SINCE, "s"))
    rng = np.random.default_rng(len(row))
    time = start + rng.integers(0, DAYS * 86_400, len(row)).astype("timedelta64[s]")
    never = np.full(len(row), np.datetime64("NaT", "s"))
    words = dict.fromkeys(("grid_id", "village_id", "source"), "")
    text = {
        name: pd.Series([word] * len(row), dtype="str")
        for name, word in (words | {"category": "FW1", "origin": origin}).items()
    }
    numbers = {"time": time, "time_until": never, "cell": fine[row], "batch_id": np.ones(len(row), np.int64)}
    return pd.DataFrame({**text, **numbers})


def poisson(cells, seed: int, hot: float = 5.0, waiting: float = 4.0, effect: float = 1.0):
    rng = np.random.default_rng(seed)
    rate = np.full(len(cells), 0.2)
    rate[HOT], rate[WAITING] = hot, waiting
    later = rate.copy()
    later[HOT] *= effect
    return rng.poisson(rate), rng.poisson(later)


# -- refused, and not told -----------------------------------------------------------------------------


def test_periods_that_are_none_are_refused(town):
    for days in (0, 367):
        with pytest.raises(BadChoiceError):
            patrol_effect(town, until=UNTIL, days=days)
    with pytest.raises(UnknownCategoryError):
        patrol_effect(town, until=UNTIL, categories=("XX",))


def test_without_patrols_nothing_can_be_told(town):
    found = patrol_effect(town, until=UNTIL)
    assert not found.told
    assert np.isnan(found.p_value)
    assert found.sentence == "巡查有没有用还说不准：只收回 0 处 0 次到点记录，至少要 5 处 20 次。"
    assert len(found.table) == 0
    assert found.groups["places"].tolist() == [0, 0, 0]


def test_too_few_visits_or_reports_are_not_told(town, cells):
    walk(town, cells, 1)
    found = patrol_effect(town, until=UNTIL, reports=reports_of(town, cells, *poisson(cells, 1, effect=0.1)))
    assert not found.told
    assert "只收回 10 处 10 次" in found.sentence
    walk(town, cells, 3, first=SINCE + timedelta(days=1))
    few = patrol_effect(town, until=UNTIL, reports=reports_of(town, cells, *poisson(cells, 1, hot=0.5)))
    assert not few.told
    assert np.isnan(few.ratio)
    assert "各要 20 件" in few.sentence


def test_sums_of_nothing_have_no_ratio():
    for counts in ((0, 0, 5, 5), (5, 5, 0, 0), (0, 5, 0, 5), (5, 0, 5, 0)):
        assert all(np.isnan(value) for value in judge(*counts))


# -- told ----------------------------------------------------------------------------------------------


def test_minutes_and_reports_of_each_place_are_counted(town, cells):
    walk(town, cells, 14)
    before, after = poisson(cells, 3)
    found = patrol_effect(town, until=UNTIL, reports=reports_of(town, cells, before, after))
    table = found.table.set_index("cell")
    text = to_text(cells)
    hot = table.loc[text[HOT]]
    assert set(hot["group"]) == {"patrolled"}
    assert set(hot["visits"]) == set(hot["visits_planned"]) == {14}
    assert set(hot["minutes"]) == {140.0}
    assert set(hot["minutes_planned"]) == {168.0}
    assert hot["before"].tolist() == before[HOT].tolist()
    assert hot["after"].tolist() == after[HOT].tolist()
    assert set(table.loc[text[WAITING], "group"]) == {"listed"}
    assert set(table.loc[text[QUIET], "group"]) == {"control"}
    groups = found.groups.set_index("group")
    assert groups.loc["patrolled", ["places", "visits", "before"]].tolist() == [10, 140, before[HOT].sum()]
    assert groups.loc["listed", ["places", "after"]].tolist() == [30, after[WAITING].sum()]
    assert found.before == (BEGIN, SINCE)
    assert found.after == (SINCE, UNTIL)
    assert any("平静地点" in note for note in found.notes)


def test_stop_that_was_left_without_a_word_counts_as_planned(town, cells):
    walk(town, cells, 2, left=False)
    table = patrol_effect(town, until=UNTIL, reports=reports_of(town, cells, *poisson(cells, 1))).table
    assert set(table.loc[table["group"] == "patrolled", "minutes"]) == {24.0}


def test_finds_are_never_counted(town, cells):
    walk(town, cells, 14)
    finds = reports_of(town, cells, *poisson(cells, 3), origin="found")
    found = patrol_effect(town, until=UNTIL, reports=finds)
    assert found.table[["before", "after"]].to_numpy().sum() == 0


def test_replaced_plans_do_not_count_and_earlier_patrols_are_told(town, cells):
    walk(town, cells, 5)
    extra = patrol_of(cells, SINCE, number=2)
    with town.store.begin() as connection:
        write_patrol(connection, replace(extra, left_out=()))
        connection.exec_driver_sql("UPDATE patrol SET state = 'replaced' WHERE patrol_id LIKE '%-002'")
    walk(town, cells, 2, first=BEGIN)
    found = patrol_effect(town, until=UNTIL, reports=reports_of(town, cells, *poisson(cells, 1)))
    assert set(found.table.loc[found.table["group"] == "patrolled", "visits_planned"]) == {5}
    assert any("20 次到点" in note for note in found.notes)


def test_strong_effect_is_found_and_none_is_seldom_claimed_by_the_whole_way(town, cells):
    walk(town, cells, 14)

    def fell(seed: int, effect: float) -> bool:
        found = patrol_effect(
            town,
            until=UNTIL,
            language="en",
            reports=reports_of(town, cells, *poisson(cells, seed, effect=effect)),
        )
        assert found.told
        claimed = "That is a fall beyond chance" in found.sentence
        assert claimed == (found.p_value < 0.05 and found.ratio < 1)
        assert found.ratio_low <= found.ratio <= found.ratio_high
        return claimed

    assert sum(fell(seed, 0.3) for seed in range(10)) >= 9
    assert sum(fell(seed, 1.0) for seed in range(100, 140)) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("record_d", [365, 60])
def test_list_made_of_what_was_reported_claims_nothing_when_nothing_helps(record_d):
    """Places are chosen by the very counts that stand before: they fall by themselves, and so do the others listed."""
    rng = np.random.default_rng(record_d)
    claims = found = 0
    for _ in range(500):
        rate = rng.gamma(0.5, 10 / 0.5, 2_000) / 365
        before = rng.poisson(rate * DAYS)
        order = np.argsort(-(before + rng.poisson(rate * (record_d - DAYS))), kind="stable")
        own, others = order[:20], order[20:80]
        after = rng.poisson(rate * DAYS)
        sums = before[own].sum(), after[own].sum(), before[others].sum(), after[others].sum()
        ratio, *_, p_value = judge(*map(int, sums))
        claims += p_value < 0.05 and ratio < 1
        helped = int(rng.poisson(rate[own] * DAYS * 0.5).sum())
        ratio, *_, p_value = judge(int(sums[0]), helped, int(sums[2]), int(sums[3]))
        found += p_value < 0.05 and ratio < 1
    assert claims <= 0.05 * 500
    assert found >= 0.95 * 500
